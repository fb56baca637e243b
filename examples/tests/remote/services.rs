//! The fakes, each with what differs between them, so that the tests need not.

use calsync_core::fake::oauth::{Decision, FakeTokens};
use calsync_core::fake::{Fault, FaultRule};
use calsync_core::http::HttpTransport;
use calsync_google::fake::{self as google, FakeGoogle};
use calsync_outlook::fake::{self as outlook, FakeOutlook};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use serde_json::Value;

/// An event as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub owner: String,
    /// Its id, or `primary`.
    pub calendar: String,
    pub id: String,
    pub title: String,
    /// Such as `2027-01-21T10:00`, in UTC.
    pub start: String,
    /// As the service keeps it.
    pub text: String,
    pub guests: usize,
}

/// A service that is faked.
pub trait Service: HttpTransport + Clone {
    type Method: Clone + PartialEq + Send + 'static;

    /// The provider, as profiles and options have it.
    const KIND: &'static str;
    const NAME: &'static str;
    const CLIENT_ID: &'static str;
    const CLIENT_SECRET: &'static str;
    /// What connects ask for; quickstart's scopes.
    const SCOPES: &'static [&'static str];
    /// How access and refresh tokens begin.
    const TOKENS: [&'static str; 2];
    /// How `Tea & <biscuits>` is kept.
    const NOTES: &'static str;
    /// Where the API begins.
    const API: &'static str;
    /// Where the API lists calendars.
    const CALENDARS: &'static str;
    /// Where tokens come from.
    const TOKEN_PATH: &'static str;
    /// The option that says so.
    const TOKEN_OPTION: &'static str;
    const CREATE: Self::Method;
    const UPDATE: Self::Method;
    const DELETE: Self::Method;
    /// A calendar's id that is not `primary`.
    const OTHER_CALENDAR: &'static str;
    /// How people are sent back to this machine.
    const REDIRECT: &'static str;
    /// A permission that is not enough, and what is said then.
    const TOO_LITTLE: (&'static str, &'static str);
    /// What a disconnect says.
    const DISCONNECTED: &'static str;

    fn new() -> Self;

    fn waiting() -> Self;

    fn restored(snapshot: &Value) -> Self;

    /// As many as there are ways of a service with a create that is sent again after its event was
    /// deleted.
    fn after_deletion() -> Vec<Self>;

    fn tokens(&self, user: &str) -> FakeTokens;

    fn consent(&self, page: &str, user: &str, decision: &Decision) -> Option<String>;

    fn fault(&self, rule: impl Into<FaultRule<Self::Method>>);

    fn clear_faults(&self);

    fn count_all(&self) -> usize;

    fn count(&self, method: Self::Method) -> usize;

    fn token_refreshes(&self) -> usize;

    fn expire_access_tokens(&self);

    /// From now on a refresh token is dead once it was used.
    fn rotate(&self);

    fn events(&self) -> Vec<Seen>;

    /// How many events were deleted.
    fn deleted(&self) -> usize;

    /// How many people were told of anything.
    fn told(&self) -> usize;

    /// The user deletes an event by hand.
    fn delete(&self, user: &str, id: &str);

    /// The user takes the application's access away.
    fn revoke(&self, user: &str);

    /// How connects list the user's primary calendar.
    fn listed(&self, user: &str) -> String;

    /// A token that is no longer good.
    fn refused() -> Fault;

    /// Too many calls, in two ways.
    fn throttled() -> [Fault; 2];
}

/// What both are asked in the same words.
macro_rules! alike {
    () => {
        fn new() -> Self {
            Self::new()
        }

        fn waiting() -> Self {
            Self::new().with_sleep(calsync_core::clock::TokioSleep)
        }

        fn restored(snapshot: &Value) -> Self {
            let fake = Self::new();
            fake.restore(snapshot).unwrap();
            fake
        }

        fn tokens(&self, user: &str) -> FakeTokens {
            self.tokens(user, Self::SCOPES)
        }

        fn consent(&self, page: &str, user: &str, decision: &Decision) -> Option<String> {
            self.consent(page, user, decision)
        }

        fn fault(&self, rule: impl Into<FaultRule<Self::Method>>) {
            self.fault(rule);
        }

        fn clear_faults(&self) {
            self.clear_faults();
        }

        fn count_all(&self) -> usize {
            self.count_all()
        }

        fn count(&self, method: Self::Method) -> usize {
            self.count(method)
        }

        fn token_refreshes(&self) -> usize {
            self.token_refreshes()
        }

        fn expire_access_tokens(&self) {
            self.expire_access_tokens();
        }

        fn told(&self) -> usize {
            self.mails().len() + self.invitations()
        }

        fn delete(&self, user: &str, id: &str) {
            assert!(self.user(user).deletes_event("primary", id));
        }

        fn revoke(&self, user: &str) {
            self.user(user).revokes_access();
        }
    };
}

impl Service for FakeGoogle {
    type Method = google::ApiMethod;

    const KIND: &'static str = "google";
    const NAME: &'static str = "Google";
    const CLIENT_ID: &'static str = Self::CLIENT_ID;
    const CLIENT_SECRET: &'static str = Self::CLIENT_SECRET;
    const SCOPES: &'static [&'static str] = &["calendar.events.owned"];
    const TOKENS: [&'static str; 2] = ["ya29.", "1//"];
    const NOTES: &'static str = "Tea &amp; &lt;biscuits&gt;";
    const API: &'static str = "/calendar/v3";
    const CALENDARS: &'static str = "/users/me/calendarList";
    const TOKEN_PATH: &'static str = "/token";
    const TOKEN_OPTION: &'static str = "--google-token-url";
    const CREATE: Self::Method = google::ApiMethod::EventsInsert;
    const UPDATE: Self::Method = google::ApiMethod::EventsPatch;
    const DELETE: Self::Method = google::ApiMethod::EventsDelete;
    const OTHER_CALENDAR: &'static str = "team@group.calendar.google.com";
    const REDIRECT: &'static str = "http://127.0.0.1:";
    const TOO_LITTLE: (&'static str, &'static str) = (
        "calendar.calendarlist.readonly",
        "unticked that is needed: https://www.googleapis.com/auth/calendar.events.owned",
    );
    const DISCONNECTED: &'static str = "was given back";

    alike!();

    fn after_deletion() -> Vec<Self> {
        let with = |forbidden| {
            let fake = Self::new();
            fake.set(|settings| settings.revive_forbidden = forbidden);
            fake
        };
        vec![with(false), with(true)]
    }

    fn rotate(&self) {
        self.set(|settings| settings.rotate_refresh_tokens = true);
    }

    fn events(&self) -> Vec<Seen> {
        let calendars = self.calendars();
        let seen = self.events().into_iter().map(|event| {
            let calendar = calendars.iter().find(|calendar| calendar.id == event.calendar).unwrap();
            let text = |field| event.text(field).unwrap_or_default().to_owned();
            let start = event.json["start"]["dateTime"].as_str().unwrap();
            Seen {
                owner: calendar.owner.clone(),
                calendar: if calendar.primary { "primary".to_owned() } else { event.calendar.clone() },
                id: event.id.clone(),
                title: text("summary"),
                start: start.strip_suffix(":00Z").unwrap().to_owned(),
                text: text("description"),
                guests: event.json.get("attendees").map_or(0, |guests| guests.as_array().unwrap().len()),
            }
        });
        seen.collect()
    }

    fn deleted(&self) -> usize {
        self.tombstones().len()
    }

    fn listed(&self, user: &str) -> String {
        format!("{user}  {user} (primary)")
    }

    fn refused() -> Fault {
        google::google_error(StatusCode::UNAUTHORIZED, "authError", "Invalid Credentials")
    }

    fn throttled() -> [Fault; 2] {
        let limited = |status| google::google_error(status, "rateLimitExceeded", "Rate Limit Exceeded");
        let wait = HeaderValue::from_static("1");
        [
            limited(StatusCode::FORBIDDEN),
            limited(StatusCode::TOO_MANY_REQUESTS).with_header(RETRY_AFTER, wait),
        ]
    }
}

impl Service for FakeOutlook {
    type Method = outlook::ApiMethod;

    const KIND: &'static str = "outlook";
    const NAME: &'static str = "Outlook";
    const CLIENT_ID: &'static str = Self::CLIENT_ID;
    const CLIENT_SECRET: &'static str = Self::CLIENT_SECRET;
    const SCOPES: &'static [&'static str] = &["Calendars.ReadWrite"];
    const TOKENS: [&'static str; 2] = ["EwB", "0.AXoA"];
    const NOTES: &'static str = "Tea & <biscuits>";
    const API: &'static str = "/v1.0";
    const CALENDARS: &'static str = "/me/calendars";
    const TOKEN_PATH: &'static str = "/common/oauth2/v2.0/token";
    const TOKEN_OPTION: &'static str = "--outlook-login-url";
    const CREATE: Self::Method = outlook::ApiMethod::EventsCreate;
    const UPDATE: Self::Method = outlook::ApiMethod::EventsUpdate;
    const DELETE: Self::Method = outlook::ApiMethod::EventsDelete;
    const OTHER_CALENDAR: &'static str = "AAMkAteam0000000";
    const REDIRECT: &'static str = "http://localhost:";
    const TOO_LITTLE: (&'static str, &'static str) =
        ("offline_access", "not granted that is needed: Calendars.ReadWrite");
    const DISCONNECTED: &'static str =
        "its tokens are forgotten. The grant is the person's to take away: at https://myapps.microsoft.com";

    alike!();

    fn after_deletion() -> Vec<Self> {
        use outlook::AfterDeletion::{DuplicateError, MakesAnother, ReplaysDeadEvent};
        let with = |way| {
            let fake = Self::new();
            fake.set(|settings| settings.after_deletion = way);
            fake
        };
        vec![with(DuplicateError), with(ReplaysDeadEvent), with(MakesAnother)]
    }

    fn rotate(&self) {
        self.set(|settings| settings.old_refresh_token_life = std::time::Duration::ZERO);
    }

    fn events(&self) -> Vec<Seen> {
        let calendars = self.calendars();
        let seen = self.events().into_iter().map(|event| {
            let calendar = calendars.iter().find(|calendar| calendar.id == event.calendar).unwrap();
            let start = event.json["start"]["dateTime"].as_str().unwrap();
            assert_eq!(event.json["start"]["timeZone"], "UTC");
            Seen {
                owner: event.mailbox.clone(),
                calendar: if calendar.primary { "primary".to_owned() } else { event.calendar.clone() },
                id: event.id.clone(),
                title: event.text("subject").unwrap_or_default().to_owned(),
                start: start.strip_suffix(":00.0000000").unwrap().to_owned(),
                text: event.body_text.clone(),
                guests: event.json.get("attendees").map_or(0, |guests| guests.as_array().unwrap().len()),
            }
        });
        seen.collect()
    }

    fn deleted(&self) -> usize {
        self.deleted().len()
    }

    fn listed(&self, user: &str) -> String {
        let primary =
            self.calendars().into_iter().find(|calendar| calendar.primary && calendar.owner == user);
        format!("{}  Calendar (primary)", primary.unwrap().id)
    }

    fn refused() -> Fault {
        outlook::graph_error(
            StatusCode::UNAUTHORIZED,
            "InvalidAuthenticationToken",
            "Lifetime validation failed.",
        )
    }

    fn throttled() -> [Fault; 2] {
        [outlook::throttled(None), outlook::throttled(Some(1))]
    }
}
