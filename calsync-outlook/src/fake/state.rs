//! The fake's state.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use calsync_core::clock::{Clock, SystemClock};
use calsync_core::fake::oauth::Grants;
use calsync_core::fake::{Faults, Log, Serial};
use calsync_core::http::Request;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ids;
use super::inspect::{FakeMail, SeenRequest, Writes};
use super::limits::Limiter;
use super::reply::{Problem, ResponseIds};
use super::request::Received;
use super::route::ApiMethod;
use super::settings::Settings;
use super::subscriptions::{Subscription, Validator};
use super::text::Text;
use super::times::Moment;

/// The fake's state, behind one lock.
pub(super) struct State {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: Settings,
    pub(super) serial: Serial,
    /// By address.
    pub(super) mailboxes: BTreeMap<String, Mailbox>,
    pub(super) grants: Grants,
    /// The AADSTS code with which that user's token requests fail.
    pub(super) sign_in: BTreeMap<String, u32>,
    /// Codes and refresh tokens that were used. Microsoft recognises them again.
    pub(super) used: BTreeSet<String>,
    pub(super) subscriptions: Vec<Subscription>,
    pub(super) validator: Option<Validator>,
    pub(super) notices: Vec<Request>,
    pub(super) mails: Vec<FakeMail>,
    pub(super) invitations: usize,
    pub(super) writes: Writes,
    pub(super) log: Log<ApiMethod, SeenRequest>,
    pub(super) faults: Faults<ApiMethod>,
    pub(super) limiter: Limiter,
    /// How many events were read, for [`Settings::change_keys_move`].
    pub(super) reads: usize,
    /// Whether the create in progress loses its extended properties.
    pub(super) loses_properties: bool,
}

/// A user's account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Mailbox {
    /// The user's id in the directory.
    pub(super) id: String,
    pub(super) email: String,
    /// A Windows time zone name; may be empty.
    pub(super) zone: String,
    /// Whether Graph can open a mailbox. If not, every calendar call gets 404
    /// `MailboxNotEnabledForRESTAPI`.
    pub(super) has_mailbox: bool,
    /// Whether an application access policy keeps programs out.
    pub(super) is_barred: bool,
    /// Whether it is a personal Microsoft account, and not one of an organization.
    pub(super) is_personal: bool,
    /// How many objects were created in it; numbers them.
    pub(super) things: u64,
    pub(super) calendars: BTreeMap<u64, Calendar>,
    pub(super) events: BTreeMap<u64, StoredEvent>,
    /// By `transactionId`.
    pub(super) transactions: BTreeMap<String, Transaction>,
}

/// A stored calendar.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Calendar {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) color: String,
    pub(super) is_default: bool,
    /// The OAuth client that created it; `None` if the user did.
    pub(super) made_by: Option<String>,
    pub(super) change_key: String,
    /// Delta tokens of an earlier epoch have expired.
    pub(super) epoch: u64,
    /// Events that left the calendar, by deletion or by a move.
    pub(super) gone: Vec<Gone>,
}

/// An event that is no longer in a calendar.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Gone {
    pub(super) id: String,
    pub(super) immutable_id: String,
    pub(super) change: u64,
}

/// The create that used a `transactionId`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Transaction {
    pub(super) event: u64,
    pub(super) calendar: u64,
    pub(super) content: Map<String, Value>,
}

/// A stored event, also after its deletion.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredEvent {
    pub(super) id: String,
    pub(super) immutable_id: String,
    pub(super) ical_uid: String,
    pub(super) calendar: u64,
    /// Properties that are kept as they were sent.
    pub(super) fields: Map<String, Value>,
    pub(super) start: Moment,
    pub(super) end: Moment,
    pub(super) text: Text,
    /// Single-value extended properties, by id.
    pub(super) properties: BTreeMap<String, String>,
    pub(super) transaction: Option<String>,
    /// The join URL of its Teams meeting.
    pub(super) meeting: Option<String>,
    /// The organizer, if it is not the mailbox's user.
    pub(super) organizer: Option<String>,
    pub(super) change_key: String,
    /// The number of the latest change that a delta reports.
    pub(super) change: u64,
    pub(super) created: DateTime<Utc>,
    pub(super) modified: DateTime<Utc>,
    /// Whether it is in Deleted Items.
    pub(super) deleted: bool,
}

impl StoredEvent {
    pub(super) fn is_all_day(&self) -> bool {
        self.fields.get("isAllDay") == Some(&Value::Bool(true))
    }

    pub(super) fn text_field(&self, name: &str) -> &str {
        self.fields.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether this is one of its two ids.
    pub(super) fn has_id(&self, id: &str) -> bool {
        self.id == id || self.immutable_id == id
    }

    pub(super) fn id(&self, immutable: bool) -> &str {
        if immutable { &self.immutable_id } else { &self.id }
    }
}

impl Mailbox {
    pub(super) fn thing(&mut self) -> u64 {
        self.things += 1;
        self.things
    }

    /// A new, unused default id.
    pub(super) fn new_id(&mut self) -> String {
        let number = self.thing();
        ids::default_id(&self.id, number)
    }

    /// The default calendar's number.
    pub(super) fn default_calendar(&self) -> Option<u64> {
        self.calendars.iter().find(|(_, calendar)| calendar.is_default).map(|(number, _)| *number)
    }

    /// The number of the calendar with that id, or of the default one for `primary`.
    pub(super) fn calendar_number(&self, id: &str) -> Option<u64> {
        if id == "primary" {
            return self.default_calendar();
        }
        self.calendars.iter().find(|(_, calendar)| calendar.id == id).map(|(number, _)| *number)
    }

    /// The number of the existing event with that id.
    pub(super) fn event_number(&self, id: &str) -> Option<u64> {
        let existing = self.events.iter().filter(|(_, event)| !event.deleted);
        existing.filter(|(_, event)| event.has_id(id)).map(|(number, _)| *number).next()
    }

    /// The events in a calendar, oldest first.
    pub(super) fn events_in(&self, calendar: u64) -> impl Iterator<Item = &StoredEvent> {
        self.events.values().filter(move |event| event.calendar == calendar && !event.deleted)
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            settings: Settings::default(),
            serial: Serial::default(),
            mailboxes: BTreeMap::new(),
            grants: Grants::default(),
            sign_in: BTreeMap::new(),
            used: BTreeSet::new(),
            subscriptions: Vec::new(),
            validator: None,
            notices: Vec::new(),
            mails: Vec::new(),
            invitations: 0,
            writes: Writes::default(),
            log: Log::default(),
            faults: Faults::default(),
            limiter: Limiter::default(),
            reads: 0,
            loses_properties: false,
        }
    }
}

impl State {
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Creates the user with that address, and a default calendar, if there is no such user.
    pub(super) fn user(&mut self, email: &str) {
        if self.mailboxes.contains_key(email) {
            return;
        }
        let mailbox = Mailbox {
            id: ids::guid(self.serial.bytes("user")),
            email: email.to_owned(),
            zone: "GMT Standard Time".to_owned(),
            has_mailbox: true,
            is_barred: false,
            is_personal: false,
            things: 0,
            calendars: BTreeMap::new(),
            events: BTreeMap::new(),
            transactions: BTreeMap::new(),
        };
        self.mailboxes.insert(email.to_owned(), mailbox);
        self.add_calendar(email, "Calendar", true, None);
    }

    /// Adds a calendar to that mailbox. Returns its number.
    pub(super) fn add_calendar(
        &mut self,
        email: &str,
        name: &str,
        is_default: bool,
        made_by: Option<String>,
    ) -> Option<u64> {
        let change_key = self.change_key();
        let mailbox = self.mailboxes.get_mut(email)?;
        let number = mailbox.thing();
        let calendar = Calendar {
            id: ids::default_id(&mailbox.id, number),
            name: name.to_owned(),
            color: "auto".to_owned(),
            is_default,
            made_by,
            change_key,
            epoch: 0,
            gone: Vec::new(),
        };
        mailbox.calendars.insert(number, calendar);
        Some(number)
    }

    /// A new, unused change key.
    pub(super) fn change_key(&mut self) -> String {
        let text = self.serial.opaque("changeKey");
        format!("{}==", text.get(..22).unwrap_or_default())
    }

    pub(super) fn guid(&mut self, what: &str) -> String {
        ids::guid(self.serial.bytes(what))
    }

    /// The ids of the response to a request.
    pub(super) fn response_ids(&mut self, received: &Received) -> ResponseIds {
        let request_id = self.guid("request");
        let client_request_id = received.text("client-request-id").unwrap_or(&request_id).to_owned();
        ResponseIds { at: self.now(), request_id, client_request_id }
    }

    pub(super) fn mailbox(&self, email: &str) -> Result<&Mailbox, Problem> {
        self.mailboxes.get(email).ok_or_else(Problem::not_found)
    }

    pub(super) fn mailbox_mut(&mut self, email: &str) -> Result<&mut Mailbox, Problem> {
        self.mailboxes.get_mut(email).ok_or_else(Problem::not_found)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State(..)")
    }
}
