//! Writes events: create, update, delete, move.

use http::StatusCode;
use serde_json::{Map, Value};

use super::body;
use super::ids;
use super::inspect::MailKind;
use super::reply::Problem;
use super::schema;
use super::settings::AfterDeletion;
use super::state::{Gone, State, StoredEvent, Transaction};
use super::subscriptions::ChangeType;
use super::times::Moment;

/// Who writes.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    /// The mailbox that is written to.
    pub(super) mailbox: String,
    /// Whether the user makes the change, and not a program.
    pub(super) by_user: bool,
    /// Whether error responses name immutable ids.
    pub(super) immutable_ids: bool,
}

impl State {
    /// Creates an event in that calendar. Returns its number.
    pub(super) fn create_event(
        &mut self,
        writer: &Writer,
        calendar: u64,
        sent: &Map<String, Value>,
    ) -> Result<u64, Problem> {
        let body = schema::checked("event", sent)?;
        let transaction = body.get("transactionId").and_then(Value::as_str).map(str::to_owned);
        if let Some(number) = self.repeated(writer, calendar, &body, transaction.as_deref())? {
            return Ok(number);
        }
        let moment = |side: &str| {
            let value = body.get(side).filter(|value| !value.is_null()).ok_or_else(Problem::validation)?;
            Moment::read(value, &self.settings)
        };
        let (start, end) = (moment("start")?, moment("end")?);
        let at = self.serial.time(self.now());
        let uid: String =
            self.serial.bytes("iCalUId").iter().take(20).map(|byte| format!("{byte:02X}")).collect();
        let mut event = StoredEvent {
            id: String::new(),
            immutable_id: String::new(),
            ical_uid: format!("040000008200E00074C5B7101A82E008{uid}"),
            calendar,
            fields: body::defaults(),
            start,
            end,
            text: super::text::Text::default(),
            properties: std::collections::BTreeMap::new(),
            transaction: transaction.clone(),
            meeting: None,
            organizer: None,
            change_key: self.change_key(),
            change: self.serial.next(),
            created: at,
            modified: at,
            deleted: false,
        };
        body::apply(&mut event, &body, &self.settings)?;
        if self.loses_properties {
            event.properties.clear();
        }
        self.apply_meeting(&mut event, &body);
        let mailbox = self.mailbox_mut(&writer.mailbox)?;
        let number = mailbox.thing();
        event.id = ids::default_id(&mailbox.id, number);
        event.immutable_id = ids::immutable_id(&mailbox.id, number);
        mailbox.events.insert(number, event.clone());
        if let Some(transaction) = transaction {
            mailbox.transactions.insert(transaction, Transaction { event: number, calendar, content: body });
        }
        self.mail(writer, MailKind::Invitation, &event, &body::guests(&event));
        self.count(writer, |writes| writes.inserted += 1);
        self.notify(&writer.mailbox, &event, ChangeType::Created);
        Ok(number)
    }

    /// The event that was created before with that `transactionId`, if this is the same request.
    fn repeated(
        &self,
        writer: &Writer,
        calendar: u64,
        body: &Map<String, Value>,
        transaction: Option<&str>,
    ) -> Result<Option<u64>, Problem> {
        let mailbox = self.mailbox(&writer.mailbox)?;
        let Some(before) = transaction.and_then(|id| mailbox.transactions.get(id)) else { return Ok(None) };
        let Some(event) = mailbox.events.get(&before.event) else { return Ok(None) };
        let is_same = before.calendar == calendar && before.content == *body;
        match self.settings.after_deletion {
            AfterDeletion::MakesAnother if event.deleted => return Ok(None),
            AfterDeletion::DuplicateError if event.deleted => {}
            _ if is_same => return Ok(Some(before.event)),
            _ => {}
        }
        let message = "Your request can't be completed. The TransactionId specified in the request has already been used to \
                       create a different event.";
        let mut problem = Problem::bad("ErrorDuplicateTransactionId", message);
        if self.settings.duplicate_is_conflict {
            problem = problem.with_status(StatusCode::CONFLICT);
        }
        if self.settings.duplicate_names_event {
            problem = problem.with("@event.existingEventId", event.id(writer.immutable_ids));
        }
        Err(problem)
    }

    /// Updates an existing event. Properties that are left out stay.
    pub(super) fn update_event(
        &mut self,
        writer: &Writer,
        number: u64,
        sent: &Map<String, Value>,
    ) -> Result<(), Problem> {
        let patch = schema::checked("event", sent)?;
        let before = self.existing_event(&writer.mailbox, number)?;
        let transaction = patch.get("transactionId").and_then(Value::as_str);
        if transaction.is_some() && transaction != before.transaction.as_deref() {
            return Err(Problem::bad(
                "ErrorInvalidPropertySet",
                "The property 'transactionId' cannot be changed.",
            ));
        }
        let mut event = before.clone();
        body::apply(&mut event, &patch, &self.settings)?;
        body::keep_meeting(&mut event, self.settings.meetings_have_lines);
        self.apply_meeting(&mut event, &patch);
        let notified: Vec<String> = if patch.keys().eq(["attendees"]) {
            let had = body::guests(&before);
            body::guests(&event).into_iter().filter(|guest| !had.contains(guest)).collect()
        } else {
            body::guests(&event)
        };
        // A delta does not report extended properties.
        if patch.keys().any(|name| name != "singleValueExtendedProperties") {
            event.change = self.serial.next();
        }
        event.modified = self.serial.time(self.now());
        event.change_key = self.change_key();
        self.mailbox_mut(&writer.mailbox)?.events.insert(number, event.clone());
        self.mail(writer, MailKind::Update, &event, &notified);
        let uninvited: Vec<String> =
            body::guests(&before).into_iter().filter(|guest| !body::guests(&event).contains(guest)).collect();
        self.mail(writer, MailKind::Cancellation, &event, &uninvited);
        self.count(writer, |writes| writes.changed += 1);
        self.notify(&writer.mailbox, &event, ChangeType::Updated);
        Ok(())
    }

    /// Deletes an event: it moves to Deleted Items.
    pub(super) fn delete_event(&mut self, writer: &Writer, number: u64) -> Result<(), Problem> {
        let mut event = self.existing_event(&writer.mailbox, number)?;
        let change = self.serial.next();
        event.deleted = true;
        event.modified = self.serial.time(self.now());
        event.change_key = self.change_key();
        let mailbox = self.mailbox_mut(&writer.mailbox)?;
        mailbox.events.insert(number, event.clone());
        record_gone(mailbox, &event, change);
        if event.organizer.is_none() {
            self.mail(writer, MailKind::Cancellation, &event, &body::guests(&event));
        }
        self.count(writer, |writes| writes.deleted += 1);
        self.notify(&writer.mailbox, &event, ChangeType::Deleted);
        Ok(())
    }

    /// Moves an event to another calendar of its mailbox, where it gets a new default id.
    pub(super) fn move_event(&mut self, writer: &Writer, number: u64, to: u64) -> Result<(), Problem> {
        let mut event = self.existing_event(&writer.mailbox, number)?;
        let change = self.serial.next();
        let change_key = self.change_key();
        let modified = self.serial.time(self.now());
        let mailbox = self.mailbox_mut(&writer.mailbox)?;
        record_gone(mailbox, &event, change);
        event.id = mailbox.new_id();
        event.calendar = to;
        (event.change, event.change_key, event.modified) = (change, change_key, modified);
        mailbox.events.insert(number, event.clone());
        self.count(writer, |writes| writes.moved += 1);
        self.notify(&writer.mailbox, &event, ChangeType::Updated);
        Ok(())
    }

    /// Gives an event a new change key, as Exchange does on its own. Nothing else changes.
    pub(super) fn touch_event(&mut self, mailbox: &str, number: u64) -> Result<(), Problem> {
        let change_key = self.change_key();
        let events = &mut self.mailbox_mut(mailbox)?.events;
        let event = events.get_mut(&number).ok_or_else(Problem::not_found)?;
        event.change_key = change_key;
        Ok(())
    }

    /// The event, if it exists and is not deleted.
    pub(super) fn existing_event(&self, mailbox: &str, number: u64) -> Result<StoredEvent, Problem> {
        let event = self.mailbox(mailbox)?.events.get(&number).filter(|event| !event.deleted);
        event.cloned().ok_or_else(Problem::not_found)
    }

    /// Makes the event a Teams meeting if the body asks for it. `false` does not end a meeting.
    fn apply_meeting(&mut self, event: &mut StoredEvent, body: &Map<String, Value>) {
        if body.get("isOnlineMeeting") == Some(&Value::Bool(true)) {
            let url = format!("https://teams.microsoft.com/l/meetup-join/{}", self.serial.opaque("meeting"));
            body::make_meeting(event, url, self.settings.meetings_have_lines);
        }
    }

    fn count(&mut self, writer: &Writer, count: impl FnOnce(&mut super::Writes)) {
        if !writer.by_user {
            count(&mut self.writes);
        }
    }
}

/// Records that the event left its calendar, for deltas.
fn record_gone(mailbox: &mut super::state::Mailbox, event: &StoredEvent, change: u64) {
    if let Some(calendar) = mailbox.calendars.get_mut(&event.calendar) {
        let (id, immutable_id) = (event.id.clone(), event.immutable_id.clone());
        calendar.gone.push(Gone { id, immutable_id, change });
    }
}
