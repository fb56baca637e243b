//! The fake's state.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use calsync_core::clock::{Clock, SystemClock};
use calsync_core::fake::oauth::Grants;
use calsync_core::fake::{Faults, Log, Serial};
use calsync_core::http::Request;
use calsync_core::time::Zone;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::access::AccessRole;
use super::channels::Channel;
use super::inspection::{FakeMail, SeenRequest, Writes};
use super::limits::Windows;
use super::route::ApiMethod;
use super::settings::Settings;

/// The fake's complete state.
pub(super) struct State {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: Settings,
    pub(super) users: BTreeMap<String, User>,
    pub(super) calendars: BTreeMap<String, Calendar>,
    pub(super) grants: Grants,
    pub(super) channels: Vec<Channel>,
    pub(super) notices: Vec<Request>,
    pub(super) mails: Vec<FakeMail>,
    pub(super) invitations: usize,
    pub(super) writes: Writes,
    pub(super) log: Log<ApiMethod, SeenRequest>,
    pub(super) faults: Faults<ApiMethod>,
    pub(super) windows: Windows,
    /// Counter that rises with every change. Etags, ids and tokens derive from it.
    pub(super) serial: Serial,
}

/// A Google account.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) zone: Zone,
    /// Whether the account has Google Calendar. Without it every call gets 403 `notACalendarUser`.
    pub(super) has_calendar: bool,
}

/// A calendar with its events.
#[derive(Debug, Clone)]
pub(super) struct Calendar {
    pub(super) owner: String,
    pub(super) summary: String,
    pub(super) description: Option<String>,
    pub(super) location: Option<String>,
    pub(super) zone: Zone,
    pub(super) primary: bool,
    /// Id of the OAuth client that created it, if a client did.
    pub(super) made_by: Option<String>,
    pub(super) etag: String,
    /// Role of each user who can see it, the owner included.
    pub(super) access: BTreeMap<String, AccessRole>,
    pub(super) events: BTreeMap<String, StoredEvent>,
    /// Sync tokens of an earlier epoch are expired.
    pub(super) epoch: u64,
    pub(super) updated: DateTime<Utc>,
}

/// An event, or the tombstone of one.
#[derive(Debug, Clone)]
pub(super) struct StoredEvent {
    /// All fields except `kind`, `etag`, reminders, and those that depend on the reader.
    pub(super) body: Map<String, Value>,
    pub(super) etag: String,
    pub(super) change: u64,
    pub(super) updated: DateTime<Utc>,
    /// Reminders by user: they belong to a user, not to the event.
    pub(super) reminders: BTreeMap<String, Value>,
}

/// Version of a change.
#[derive(Debug, Clone)]
pub(super) struct Stamp {
    pub(super) etag: String,
    pub(super) change: u64,
    pub(super) at: DateTime<Utc>,
}

impl StoredEvent {
    pub(super) fn text(&self, field: &str) -> &str {
        self.body.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.text("status") == "cancelled"
    }

    pub(super) fn stamp(&mut self, stamp: &Stamp) {
        self.etag.clone_from(&stamp.etag);
        self.change = stamp.change;
        self.updated = stamp.at;
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            settings: Settings::default(),
            users: BTreeMap::new(),
            calendars: BTreeMap::new(),
            grants: Grants::default(),
            channels: Vec::new(),
            notices: Vec::new(),
            mails: Vec::new(),
            invitations: 0,
            writes: Writes::default(),
            log: Log::default(),
            faults: Faults::default(),
            windows: Windows::default(),
            serial: Serial::default(),
        }
    }
}

impl State {
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Returns a new version for a change made now. Versions are unique, even if the clock does not
    /// advance.
    pub(super) fn stamp(&mut self) -> Stamp {
        let (change, at) = (self.serial.next(), self.serial.time(self.now()));
        Stamp { etag: format!("\"{}\"", 3_489_000_000_000_000 + change * 2000), change, at }
    }

    /// Returns a new event id, inside the alphabet of event ids.
    pub(super) fn new_event_id(&mut self) -> String {
        self.serial.bytes("event").iter().take(13).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Creates the user with that address and a primary calendar, if the user does not exist.
    pub(super) fn user(&mut self, email: &str) {
        if self.users.contains_key(email) {
            return;
        }
        let zone = Zone::new("Europe/London").unwrap_or_default();
        self.users.insert(email.to_owned(), User { zone, has_calendar: true });
        self.add_calendar(email, email.to_owned(), email, None);
    }

    /// Adds a calendar that belongs to that user.
    pub(super) fn add_calendar(&mut self, owner: &str, id: String, summary: &str, made_by: Option<String>) {
        let stamp = self.stamp();
        let zone = self.users.get(owner).map(|user| user.zone.clone()).unwrap_or_default();
        let calendar = Calendar {
            owner: owner.to_owned(),
            summary: summary.to_owned(),
            description: None,
            location: None,
            zone,
            primary: id == owner,
            made_by,
            etag: stamp.etag,
            access: BTreeMap::from([(owner.to_owned(), AccessRole::Owner)]),
            events: BTreeMap::new(),
            epoch: 0,
            updated: stamp.at,
        };
        self.calendars.insert(id, calendar);
    }

    /// Returns a new id for a secondary calendar.
    pub(super) fn new_calendar_id(&mut self) -> String {
        format!("c_{}@group.calendar.google.com", self.new_event_id())
    }

    /// Resolves `primary` to the id of the user's primary calendar, which is the user's address.
    pub(super) fn calendar_id<'a>(&self, user: &'a str, id: &'a str) -> &'a str {
        if id == "primary" { user } else { id }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State(..)")
    }
}
