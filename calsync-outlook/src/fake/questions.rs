//! What a test may want to know.

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

/// A request that came in. Tokens are not kept; neither are the bodies of OAuth requests.
pub type SeenRequest = calsync_core::fake::SeenRequest<ApiMethod>;

/// An event as it stands, or as it lies in Deleted Items.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct FakeEvent {
    /// Whose mailbox it is in.
    pub mailbox: String,
    /// The id of its calendar.
    pub calendar: String,
    /// Its immutable id.
    pub id: String,
    /// Its default id, which changes when it is taken to another calendar.
    pub default_id: String,
    /// Its `@odata.etag`.
    pub etag: String,
    /// Whether it was deleted.
    pub deleted: bool,
    /// As its owner gets it from Graph, with the immutable id, times in UTC, the body as HTML, and every extended property.
    pub json: Value,
    /// Its body as text.
    pub body_text: String,
}

impl FakeEvent {
    /// A text property, such as `subject`.
    #[must_use]
    pub fn text(&self, property: &str) -> Option<&str> {
        self.json.get(property)?.as_str()
    }

    /// A single-value extended property, by the name in its id.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&str> {
        let all = self.json.get("singleValueExtendedProperties")?.as_array()?;
        let is_meant =
            |one: &&Value| one.get("id").and_then(Value::as_str).and_then(properties::name) == Some(name);
        all.iter().find(is_meant)?.get("value")?.as_str()
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

/// A calendar.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FakeCalendar {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// Whether it is its owner's default one.
    pub primary: bool,
    /// The OAuth client that made it, if one did.
    pub made_by: Option<String>,
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
    /// Events made.
    pub inserted: usize,
    /// Events changed, whether or not anything was different after.
    pub changed: usize,
    /// Events deleted.
    pub deleted: usize,
    /// Events taken to another calendar.
    pub moved: usize,
}

impl Writes {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> usize {
        self.inserted + self.changed + self.deleted + self.moved
    }
}

/// A mail that would have been sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FakeMail {
    /// To whom.
    pub to: String,
    /// About what happened.
    pub kind: MailKind,
    /// Whose mailbox the event is in.
    pub mailbox: String,
    /// The event, by its immutable id.
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
    /// A deleted one, or one that somebody is no longer invited to.
    Cancellation,
}

/// A subscription to changes.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FakeSubscription {
    /// Its id.
    pub id: String,
    /// What it watches, as it was asked for.
    pub resource: String,
    /// Where notifications go.
    pub notification_url: String,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

impl fmt::Debug for FakeSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeSubscription").field("id", &self.id).finish_non_exhaustive()
    }
}

impl State {
    /// Counts a program's guests, and the mails they get: Graph has no way to keep quiet.
    pub(super) fn mail(&mut self, writer: &Writer, kind: MailKind, event: &StoredEvent, to: &[String]) {
        if writer.by_hand {
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

    /// The events of a mailbox, of one of its calendars where one is given, in the order they were made.
    pub(super) fn events_of(&self, email: &str, calendar: Option<u64>, deleted: bool) -> Vec<FakeEvent> {
        let Some(mailbox) = self.mailboxes.get(email) else { return Vec::new() };
        let is_meant = |event: &&StoredEvent| {
            event.deleted == deleted && calendar.is_none_or(|number| event.calendar == number)
        };
        let prefers = Prefers { immutable_ids: true, ..Prefers::default() };
        let seen = mailbox.events.values().filter(is_meant).map(|event| {
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
