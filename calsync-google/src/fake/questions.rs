//! What a test may want to know.

use std::fmt;

use calsync_core::fake::{self, Reply};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::access::AccessRole;
use super::events::{SendUpdates, Writer};
use super::faults::occasion;
use super::request::Incoming;
use super::route::{ApiMethod, Route};
use super::state::{State, StoredEvent};
use super::view;

/// An event as it stands, or what is left of one.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct FakeEvent {
    /// The calendar it stands in.
    pub calendar: String,
    /// Its id.
    pub id: String,
    /// Its etag.
    pub etag: String,
    /// Whether it was deleted.
    pub cancelled: bool,
    /// As the calendar's owner gets it from the API.
    pub json: Value,
}

impl FakeEvent {
    /// A text field, such as `summary`.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<&str> {
        self.json.get(field)?.as_str()
    }

    /// A private extended property.
    #[must_use]
    pub fn private(&self, key: &str) -> Option<&str> {
        self.json.get("extendedProperties")?.get("private")?.get(key)?.as_str()
    }
}

impl fmt::Debug for FakeEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeEvent").field("id", &self.id).field("cancelled", &self.cancelled).finish()
    }
}

/// A calendar.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FakeCalendar {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub owner: String,
    /// Its name.
    pub summary: String,
    /// Its time zone's IANA name.
    pub time_zone: String,
    /// Whether it is its owner's primary one.
    pub primary: bool,
    /// The OAuth client that made it, if one did.
    pub made_by: Option<String>,
    /// What its owner's list of calendars, or another user's, says one may do.
    pub access: Vec<(String, AccessRole)>,
}

impl fmt::Debug for FakeCalendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeCalendar").field("primary", &self.primary).finish_non_exhaustive()
    }
}

/// Changes that programs made, by kind. People's own hands are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Writes {
    /// Events made, by insert or import.
    pub inserted: usize,
    /// Events changed, whether or not anything was different after.
    pub changed: usize,
    /// Deleted events brought back.
    pub revived: usize,
    /// Events deleted.
    pub deleted: usize,
    /// Events taken to another calendar.
    pub moved: usize,
}

impl Writes {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> usize {
        self.inserted + self.changed + self.revived + self.deleted + self.moved
    }
}

/// A mail that would have been sent.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FakeMail {
    /// To whom.
    pub to: String,
    /// About what happened.
    pub kind: MailKind,
    /// The event's calendar.
    pub calendar: String,
    /// The event.
    pub event: String,
}

impl fmt::Debug for FakeMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeMail").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum MailKind {
    /// A new event.
    Invitation,
    /// A changed one.
    Update,
    /// A deleted one.
    Cancellation,
}

/// A push channel.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FakeChannel {
    /// The id its maker gave it.
    pub id: String,
    /// The id of what it watches.
    pub resource_id: String,
    /// The calendar it watches.
    pub calendar: String,
    /// Where messages go.
    pub address: String,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

impl fmt::Debug for FakeChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeChannel").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A request that came in. Tokens are not kept; neither are the bodies of OAuth requests.
pub type SeenRequest = fake::SeenRequest<ApiMethod>;

impl State {
    /// Puts a request into the log.
    pub(super) fn record(&mut self, incoming: &Incoming, answer: Option<&Reply>) {
        let Route { method, event, .. } = &incoming.route;
        let is_oauth = matches!(method, ApiMethod::Authorize | ApiMethod::Token | ApiMethod::Revoke);
        let occasion = occasion(incoming, self.grants.user_of(incoming));
        let mut seen = SeenRequest::of(self.now(), occasion, is_oauth);
        seen.event.clone_from(event);
        seen.in_batch = incoming.in_batch;
        seen.status = answer.map(|answer| answer.status.as_u16());
        self.log.record(*method, seen, self.settings.log_size);
    }

    /// Counts a program's guests, and the mails they would get.
    pub(super) fn mail(&mut self, writer: &Writer, kind: MailKind, calendar: &str, event: &StoredEvent) {
        let guests = event.body.get("attendees").and_then(Value::as_array);
        let guests = guests.into_iter().flatten().filter_map(|guest| guest.get("email")?.as_str());
        for guest in guests.filter(|guest| *guest != writer.user && *guest != calendar) {
            if !writer.by_hand && kind != MailKind::Cancellation {
                self.invitations += 1;
            }
            let is_told = match writer.mails {
                SendUpdates::All => true,
                SendUpdates::ExternalOnly => !self.users.contains_key(guest),
                SendUpdates::None => false,
            };
            if is_told {
                let event = event.text("id").to_owned();
                let (to, calendar) = (guest.to_owned(), calendar.to_owned());
                self.mails.push(FakeMail { to, kind, calendar, event });
            }
        }
    }

    /// The events of a calendar as its owner sees them.
    pub(super) fn events_of(&self, calendar_id: &str, cancelled: bool) -> Vec<FakeEvent> {
        let Some(calendar) = self.calendars.get(calendar_id) else { return Vec::new() };
        let events = calendar.events.iter().filter(|(_, event)| event.is_cancelled() == cancelled);
        let seen = events.map(|(id, event)| FakeEvent {
            calendar: calendar_id.to_owned(),
            id: id.clone(),
            etag: event.etag.clone(),
            cancelled,
            json: view::event(calendar, event, &calendar.owner, &calendar.zone),
        });
        seen.collect()
    }
}
