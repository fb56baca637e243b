//! What tests can inspect.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::events::Writer;
use super::properties;
use super::request::Prefers;
use super::route::ApiMethod;
use super::state::{State, StoredEvent};
use super::view;

/// A logged request. Tokens are not kept, nor are the bodies of OAuth requests.
pub type SeenRequest = calsync_core::fake::SeenRequest<ApiMethod>;

/// An event, also after its deletion.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct FakeEvent {
    /// The address of its mailbox's user.
    pub mailbox: String,
    /// The id of its calendar.
    pub calendar: String,
    /// Its immutable id.
    pub id: String,
    /// Its default id, which changes when it moves to another calendar.
    pub default_id: String,
    /// Its `@odata.etag`.
    pub etag: String,
    /// Whether it was deleted.
    pub deleted: bool,
    /// The event as Graph shows it to its owner: immutable id, times in UTC, HTML body, all
    /// extended properties.
    pub json: Value,
    /// Its body as plain text.
    pub body_text: String,
}

impl FakeEvent {
    /// A text property, such as `subject`.
    #[must_use]
    pub fn text(&self, property: &str) -> Option<&str> {
        self.json.get(property)?.as_str()
    }

    /// The value of a single-value extended property, by the name in its id.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&str> {
        let all = self.json.get("singleValueExtendedProperties")?.as_array()?;
        let is_match =
            |one: &&Value| one.get("id").and_then(Value::as_str).and_then(properties::name) == Some(name);
        all.iter().find(is_match)?.get("value")?.as_str()
    }
}

impl fmt::Debug for FakeEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeEvent")
            .field("id", &self.id)
            .field("deleted", &self.deleted)
            .finish_non_exhaustive()
    }
}

/// A calendar of the fake.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FakeCalendar {
    /// Its default id, as Graph has no other for calendars.
    pub id: String,
    /// The address of its owner.
    pub owner: String,
    /// Its name, as people see it.
    pub name: String,
    /// Whether it is its owner's default calendar.
    pub primary: bool,
    /// The OAuth client that created it; `None` if the user did.
    pub made_by: Option<String>,
}

impl fmt::Debug for FakeCalendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeCalendar").field("primary", &self.primary).finish_non_exhaustive()
    }
}

/// How many changes programs made, by kind. Changes by users are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Writes {
    /// Events created.
    pub inserted: usize,
    /// Events updated, even without a difference.
    pub changed: usize,
    /// Events deleted.
    pub deleted: usize,
    /// Events moved to another calendar.
    pub moved: usize,
}

impl Writes {
    /// The sum of all kinds.
    #[must_use]
    pub fn total(&self) -> usize {
        self.inserted + self.changed + self.deleted + self.moved
    }
}

/// A mail that Graph would have sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FakeMail {
    /// The recipient's address.
    pub to: String,
    /// The reason for the mail.
    pub kind: MailKind,
    /// The address of the user in whose mailbox the event is.
    pub mailbox: String,
    /// The event's immutable id.
    pub event: String,
}

impl fmt::Debug for FakeMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeMail").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// The reason for a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum MailKind {
    /// A new event.
    Invitation,
    /// A changed event.
    Update,
    /// A deleted event, or an event that the recipient is no longer invited to.
    Cancellation,
}

/// A subscription to changes.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FakeSubscription {
    /// Its id.
    pub id: String,
    /// The resource that it watches, as it was requested.
    pub resource: String,
    /// The URL that notifications go to.
    pub notification_url: String,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
}

impl fmt::Debug for FakeSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeSubscription").field("id", &self.id).finish_non_exhaustive()
    }
}

impl State {
    /// Counts the guests that a program adds, and the mails they get. Graph cannot suppress these
    /// mails.
    pub(super) fn mail(&mut self, writer: &Writer, kind: MailKind, event: &StoredEvent, to: &[String]) {
        if writer.by_user {
            return;
        }
        for guest in to.iter().filter(|guest| **guest != writer.mailbox) {
            if kind != MailKind::Cancellation {
                self.invitations += 1;
            }
            self.mails.push(FakeMail {
                to: guest.clone(),
                kind,
                mailbox: writer.mailbox.clone(),
                event: event.immutable_id.clone(),
            });
        }
    }

    /// The events of a mailbox, or of one of its calendars, oldest first.
    pub(super) fn events_of(&self, email: &str, calendar: Option<u64>, deleted: bool) -> Vec<FakeEvent> {
        let Some(mailbox) = self.mailboxes.get(email) else { return Vec::new() };
        let is_match = |event: &&StoredEvent| {
            event.deleted == deleted && calendar.is_none_or(|number| event.calendar == number)
        };
        let prefers = Prefers { immutable_ids: true, ..Prefers::default() };
        let seen = mailbox.events.values().filter(is_match).map(|event| {
            let all: Vec<String> = event.properties.keys().cloned().collect();
            let calendar = mailbox.calendars.get(&event.calendar);
            FakeEvent {
                mailbox: email.to_owned(),
                calendar: calendar.map(|calendar| calendar.id.clone()).unwrap_or_default(),
                id: event.immutable_id.clone(),
                default_id: event.id.clone(),
                etag: format!("W/\"{}\"", event.change_key),
                deleted,
                json: view::event(mailbox, event, &prefers, &all),
                body_text: event.text.plain.clone(),
            }
        });
        seen.collect()
    }
}
