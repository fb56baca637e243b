//! What tests can inspect: events, calendars, counts of writes, mails, channels and requests.

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

/// An event of the fake, live or deleted.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct FakeEvent {
    /// Id of the event's calendar.
    pub calendar: String,
    /// Id of the event, unique within its calendar.
    pub id: String,
    /// Current etag, with its quotes.
    pub etag: String,
    /// Whether the event is deleted.
    pub cancelled: bool,
    /// The event as the API returns it to the calendar's owner.
    pub json: Value,
}

impl FakeEvent {
    /// Returns a text field, such as `summary`.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<&str> {
        self.json.get(field)?.as_str()
    }

    /// Returns a private extended property.
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

/// A calendar of the fake.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FakeCalendar {
    /// Id; for a primary calendar the owner's address.
    pub id: String,
    /// Address of the user who owns the calendar.
    pub owner: String,
    /// Display name.
    pub summary: String,
    /// IANA name of the calendar's time zone.
    pub time_zone: String,
    /// Whether it is the owner's primary calendar.
    pub primary: bool,
    /// Id of the OAuth client that created it, if a client did.
    pub made_by: Option<String>,
    /// Role of each user who can see the calendar, the owner included.
    pub access: Vec<(String, AccessRole)>,
}

impl fmt::Debug for FakeCalendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeCalendar").field("primary", &self.primary).finish_non_exhaustive()
    }
}

/// Counts of the changes that programs made through the API, by kind. Changes by a
/// [`FakeUser`](super::FakeUser) do not count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Writes {
    /// Events created by insert or import.
    pub inserted: usize,
    /// Updates of live events, also those that changed nothing.
    pub changed: usize,
    /// Deleted events restored.
    pub revived: usize,
    /// Events deleted.
    pub deleted: usize,
    /// Events moved to another calendar.
    pub moved: usize,
}

impl Writes {
    /// Sum of all counts.
    #[must_use]
    pub fn total(&self) -> usize {
        self.inserted + self.changed + self.revived + self.deleted + self.moved
    }
}

/// A mail that Google would have sent.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FakeMail {
    /// Address of the guest.
    pub to: String,
    /// The change that the mail reports.
    pub kind: MailKind,
    /// Id of the event's calendar.
    pub calendar: String,
    /// Id of the event.
    pub event: String,
}

impl fmt::Debug for FakeMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeMail").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// The change that a mail reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum MailKind {
    /// The event is new.
    Invitation,
    /// The event was changed.
    Update,
    /// The event was deleted.
    Cancellation,
}

/// An open push channel.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FakeChannel {
    /// Id that the client chose.
    pub id: String,
    /// Google's id of the watched resource (`resourceId`).
    pub resource_id: String,
    /// Id of the watched calendar.
    pub calendar: String,
    /// HTTPS URL that receives the messages.
    pub address: String,
    /// Time when the channel closes.
    pub expires_at: DateTime<Utc>,
}

impl fmt::Debug for FakeChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeChannel").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A request that the fake received. The log keeps no tokens, and no bodies of OAuth requests.
pub type SeenRequest = fake::SeenRequest<ApiMethod>;

impl State {
    /// Adds a request to the log.
    pub(super) fn record(&mut self, incoming: &Incoming, reply: Option<&Reply>) {
        let Route { method, event, .. } = &incoming.route;
        let is_oauth = matches!(method, ApiMethod::Authorize | ApiMethod::Token | ApiMethod::Revoke);
        let occasion = occasion(incoming, self.grants.user_of(incoming));
        let mut seen = SeenRequest::of(self.now(), occasion, is_oauth);
        seen.event.clone_from(event);
        seen.in_batch = incoming.in_batch;
        seen.status = reply.map(|reply| reply.status.as_u16());
        self.log.record(*method, seen, self.settings.log_size);
    }

    /// Counts the guests that a program wrote, and records the mails that they would get.
    pub(super) fn mail(&mut self, writer: &Writer, kind: MailKind, calendar: &str, event: &StoredEvent) {
        let guests = event.body.get("attendees").and_then(Value::as_array);
        let guests = guests.into_iter().flatten().filter_map(|guest| guest.get("email")?.as_str());
        for guest in guests.filter(|guest| *guest != writer.user && *guest != calendar) {
            if !writer.by_hand && kind != MailKind::Cancellation {
                self.invitations += 1;
            }
            let gets_mail = match writer.mails {
                SendUpdates::All => true,
                SendUpdates::ExternalOnly => !self.users.contains_key(guest),
                SendUpdates::None => false,
            };
            if gets_mail {
                let event = event.text("id").to_owned();
                let (to, calendar) = (guest.to_owned(), calendar.to_owned());
                self.mails.push(FakeMail { to, kind, calendar, event });
            }
        }
    }

    /// Returns the events of a calendar as its owner sees them, either the deleted ones or the
    /// others.
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
