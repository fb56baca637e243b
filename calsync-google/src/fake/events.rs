//! Writes to events: insert, import, update, patch, delete, move.

use serde_json::{Map, Value, json};

use super::body::{Rules, clean};
use super::inspection::MailKind;
use super::merge::merge;
use super::reply::Problem;
use super::state::{Calendar, State, StoredEvent};
use super::times::stamp_text;

/// The user who writes, and the options of the write.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    pub(super) user: String,
    /// Whether the user writes in Google Calendar itself, and not a program through the API.
    pub(super) by_hand: bool,
    pub(super) mails: SendUpdates,
    pub(super) conference: bool,
    pub(super) attachments: bool,
}

/// Which guests get a mail about a change (`sendUpdates`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum SendUpdates {
    All,
    ExternalOnly,
    /// No guest. Also the default.
    #[default]
    None,
}

/// A change of an existing event.
pub(super) enum Change {
    /// PUT: missing fields are cleared.
    Replace(Map<String, Value>),
    /// PATCH: missing fields stay unchanged.
    Merge(Map<String, Value>),
}

/// Fields that the server sets and no client can change.
const SERVER_FIELDS: [&str; 9] = [
    "id",
    "created",
    "creator",
    "organizer",
    "iCalUID",
    "htmlLink",
    "recurringEventId",
    "originalStartTime",
    "eventType",
];

/// Fields that only the organizer may change (403 `forbiddenForNonOrganizer`).
const SHARED: [&str; 3] = ["guestsCanModify", "guestsCanInviteOthers", "guestsCanSeeOtherGuests"];

impl State {
    /// Inserts a new event. Returns its id.
    pub(super) fn insert_event(
        &mut self,
        calendar_id: &str,
        writer: &Writer,
        input: &Map<String, Value>,
    ) -> Result<String, Problem> {
        let requested = match input.get("id") {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) if is_event_id(id) => Some(id.clone()),
            Some(_) => return Err(Problem::invalid("Invalid resource id value.")),
        };
        let uid = input.get("iCalUID").and_then(Value::as_str);
        let events = &self.calendar(calendar_id)?.events;
        let uid_taken =
            |uid| events.values().any(|event| !event.is_cancelled() && event.text("iCalUID") == uid);
        if requested.as_ref().is_some_and(|id| events.contains_key(id)) || uid.is_some_and(uid_taken) {
            return Err(Problem::duplicate());
        }
        let body = self.cleaned(calendar_id, writer, input)?;
        if !writer.by_hand {
            self.check_quota(&writer.user)?;
        }
        let id = requested.unwrap_or_else(|| self.new_event_id());
        let uid = uid.map_or_else(|| format!("{id}@google.com"), str::to_owned);
        self.put_new(calendar_id, writer, id, uid, None, body)
    }

    /// Imports an event: updates the event that has its iCalUID, or creates one. Returns its id.
    pub(super) fn import_event(
        &mut self,
        calendar_id: &str,
        writer: &Writer,
        input: &Map<String, Value>,
    ) -> Result<String, Problem> {
        let uid = input.get("iCalUID").and_then(Value::as_str).filter(|uid| !uid.is_empty());
        let uid = uid.ok_or_else(|| Problem::required("Missing iCal UID."))?.to_owned();
        if input.get("eventType").is_some_and(|kind| kind != "default") {
            return Err(Problem::invalid("Only events of the default type can be imported."));
        }
        let mut body = self.cleaned(calendar_id, writer, input)?;
        let events = &self.calendar(calendar_id)?.events;
        let existing = events.iter().find(|(_, event)| event.text("iCalUID") == uid);
        let organizer = input.get("organizer").filter(|who| who.get("email").is_some()).cloned();
        match existing.map(|(id, event)| (id.clone(), event.clone())) {
            None => {
                self.check_quota(&writer.user)?;
                let id = self.new_event_id();
                self.put_new(calendar_id, writer, id, uid, organizer, body)
            }
            Some((id, before)) => {
                keep_server_fields(&mut body, &before);
                self.put_changed(calendar_id, writer, before, body)?;
                Ok(id)
            }
        }
    }

    /// Changes an existing event.
    pub(super) fn change_event(
        &mut self,
        calendar_id: &str,
        writer: &Writer,
        id: &str,
        change: Change,
    ) -> Result<(), Problem> {
        let before = self.event_or_instance(calendar_id, id)?;
        let mut whole = match &change {
            Change::Replace(input) => input.clone(),
            Change::Merge(_) => {
                let mut whole = before.body.clone();
                if let Some(reminders) = before.reminders.get(&writer.user) {
                    whole.insert("reminders".into(), reminders.clone());
                }
                whole
            }
        };
        let sent = match change {
            Change::Replace(input) => input,
            Change::Merge(patch) => {
                merge(&mut whole, patch.clone());
                patch
            }
        };
        if sent.get("sequence").and_then(Value::as_u64).is_some_and(|sent| sent < sequence(&before.body)) {
            return Err(Problem::invalid("Invalid sequence value."));
        }
        if sent.get("eventType").is_some_and(|kind| kind != before.text("eventType")) {
            return Err(Problem::invalid("The event type cannot be changed."));
        }
        let mut body = self.cleaned(calendar_id, writer, &whole)?;
        keep_server_fields(&mut body, &before);
        if !writer.conference
            && let Some(conference) = before.body.get("conferenceData")
        {
            body.insert("conferenceData".into(), conference.clone());
        }
        if !writer.attachments
            && let Some(attachments) = before.body.get("attachments")
        {
            body.insert("attachments".into(), attachments.clone());
        }
        let organizes = is_organizer(&before);
        let differs = |field: &str| body.get(field) != before.body.get(field);
        if !organizes && SHARED.iter().any(|field| differs(field)) {
            let message = "Shared properties can only be changed by the organizer of the event.";
            return Err(Problem::forbidden("forbiddenForNonOrganizer", message).in_domain("calendar"));
        }
        // A PUT without a status means the default status, `confirmed`: it restores a deleted
        // event.
        let revives = before.is_cancelled() && body.get("status").is_none_or(|status| status != "cancelled");
        if revives && (self.settings.revive_forbidden || !organizes) {
            return Err(Problem::forbidden("forbidden", "Forbidden"));
        }
        self.put_changed(calendar_id, writer, before, body)
    }

    /// Deletes an event: it becomes a tombstone.
    pub(super) fn cancel_event(
        &mut self,
        calendar_id: &str,
        writer: &Writer,
        id: &str,
    ) -> Result<(), Problem> {
        let mut event = self.event_or_instance(calendar_id, id)?;
        if event.is_cancelled() {
            return Err(Problem::gone("deleted", "Resource has been deleted"));
        }
        let stamp = self.stamp();
        event.body.insert("status".into(), "cancelled".into());
        event.stamp(&stamp);
        self.mail(writer, MailKind::Cancellation, calendar_id, &event);
        let calendar = self.calendar_mut(calendar_id)?;
        calendar.events.insert(id.to_owned(), event);
        let of_series =
            |event: &&mut StoredEvent| event.text("recurringEventId") == id && !event.is_cancelled();
        for exception in calendar.events.values_mut().filter(of_series) {
            exception.body.insert("status".into(), "cancelled".into());
            exception.stamp(&stamp);
        }
        self.changed(calendar_id, writer, |writes| writes.deleted += 1);
        Ok(())
    }

    /// Moves an event to another calendar. A tombstone stays in the old one.
    pub(super) fn move_event(
        &mut self,
        from: &str,
        to: &str,
        writer: &Writer,
        id: &str,
    ) -> Result<(), Problem> {
        let event = self.calendar(from)?.events.get(id).cloned().ok_or_else(Problem::not_found)?;
        if event.is_cancelled() {
            return Err(Problem::gone("deleted", "Resource has been deleted"));
        }
        if !event.text("recurringEventId").is_empty() || event.text("eventType") != "default" {
            return Err(Problem::invalid("This event cannot be moved."));
        }
        // An event moved back replaces its own tombstone.
        if self.calendar(to)?.events.get(id).is_some_and(|there| !there.is_cancelled()) {
            return Err(Problem::duplicate());
        }
        let mut moved = event.clone();
        moved.body.insert("organizer".into(), organizer(self.calendar(to)?, to));
        let stamp = self.stamp();
        moved.stamp(&stamp);
        self.mail(writer, MailKind::Update, to, &moved);
        self.calendar_mut(to)?.events.insert(id.to_owned(), moved);
        let mut left = event;
        left.body.insert("status".into(), "cancelled".into());
        left.stamp(&stamp);
        self.calendar_mut(from)?.events.insert(id.to_owned(), left);
        self.changed(from, writer, |_| ());
        self.changed(to, writer, |writes| writes.moved += 1);
        Ok(())
    }

    pub(super) fn calendar(&self, id: &str) -> Result<&Calendar, Problem> {
        self.calendars.get(id).ok_or_else(Problem::not_found)
    }

    pub(super) fn calendar_mut(&mut self, id: &str) -> Result<&mut Calendar, Problem> {
        self.calendars.get_mut(id).ok_or_else(Problem::not_found)
    }

    fn cleaned(
        &self,
        calendar_id: &str,
        writer: &Writer,
        input: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Problem> {
        let rules = Rules {
            settings: &self.settings,
            calendar_zone: &self.calendar(calendar_id)?.zone,
            conference: writer.conference,
            attachments: writer.attachments,
        };
        clean(input, &rules)
    }

    fn put_new(
        &mut self,
        calendar_id: &str,
        writer: &Writer,
        id: String,
        uid: String,
        organized_by: Option<Value>,
        mut body: Map<String, Value>,
    ) -> Result<String, Problem> {
        let calendar = self.calendar(calendar_id)?;
        let mut creator = json!({"email": writer.user});
        if let (true, Some(creator)) = (calendar.primary, creator.as_object_mut()) {
            creator.insert("self".into(), true.into());
        }
        let organizer = organized_by
            .filter(|who| who.get("email").and_then(Value::as_str) != Some(calendar_id))
            .unwrap_or_else(|| organizer(calendar, calendar_id));
        let stamp = self.stamp();
        let reminders = body.remove("reminders").map(|reminders| (writer.user.clone(), reminders));
        begin_conference(&mut body, None);
        for (name, value) in [
            ("id", id.as_str().into()),
            ("iCalUID", uid.into()),
            ("created", stamp_text(stamp.at).into()),
            ("creator", creator),
            ("organizer", organizer),
            ("htmlLink", format!("https://www.google.com/calendar/event?eid={id}").into()),
        ] {
            body.insert(name.to_owned(), value);
        }
        body.entry("status").or_insert_with(|| "confirmed".into());
        body.entry("sequence").or_insert_with(|| 0.into());
        body.entry("eventType").or_insert_with(|| "default".into());
        let event = StoredEvent {
            body,
            etag: stamp.etag,
            change: stamp.change,
            updated: stamp.at,
            reminders: reminders.into_iter().collect(),
        };
        self.mail(writer, MailKind::Invitation, calendar_id, &event);
        self.calendar_mut(calendar_id)?.events.insert(id.clone(), event);
        if !writer.by_hand {
            *self.windows.made.entry(writer.user.clone()).or_default() += 1;
        }
        self.changed(calendar_id, writer, |writes| writes.inserted += 1);
        Ok(id)
    }

    fn put_changed(
        &mut self,
        calendar_id: &str,
        writer: &Writer,
        before: StoredEvent,
        mut body: Map<String, Value>,
    ) -> Result<(), Problem> {
        let id = before.text("id").to_owned();
        let mut event = before.clone();
        match body.remove("reminders") {
            Some(reminders) => event.reminders.insert(writer.user.clone(), reminders),
            None => event.reminders.remove(&writer.user),
        };
        begin_conference(&mut body, before.body.get("conferenceData"));
        body.entry("status").or_insert_with(|| "confirmed".into());
        let retimed =
            ["start", "end", "recurrence"].iter().any(|side| body.get(*side) != before.body.get(*side));
        let after = sequence(&body).max(sequence(&before.body) + u64::from(retimed));
        body.insert("sequence".into(), after.into());
        event.body = body;
        // Reminders belong to one user: changing them makes no new version.
        if event.body != before.body {
            let stamp = self.stamp();
            event.stamp(&stamp);
            let kind = if event.is_cancelled() { MailKind::Cancellation } else { MailKind::Update };
            self.mail(writer, kind, calendar_id, &event);
        }
        let (was_cancelled, is_cancelled) = (before.is_cancelled(), event.is_cancelled());
        self.calendar_mut(calendar_id)?.events.insert(id, event);
        self.changed(calendar_id, writer, |writes| match (was_cancelled, is_cancelled) {
            (true, false) => writes.revived += 1,
            (false, true) => writes.deleted += 1,
            _ => writes.changed += 1,
        });
        Ok(())
    }

    /// Counts a write and notifies the channels.
    fn changed(&mut self, calendar_id: &str, writer: &Writer, count: impl FnOnce(&mut super::Writes)) {
        if !writer.by_hand {
            count(&mut self.writes);
        }
        self.notify(calendar_id);
    }
}

/// Whether `id` is a valid event id: 5 to 1024 lower-case characters of base32hex (`Event.id` in
/// the discovery document).
fn is_event_id(id: &str) -> bool {
    (5..=1024).contains(&id.len()) && id.bytes().all(|byte| matches!(byte, b'a'..=b'v' | b'0'..=b'9'))
}

fn keep_server_fields(body: &mut Map<String, Value>, before: &StoredEvent) {
    for field in SERVER_FIELDS {
        match before.body.get(field) {
            Some(value) => body.insert(field.into(), value.clone()),
            None => body.remove(field),
        };
    }
}

/// The organizer of an event created in this calendar: the calendar itself, which for a primary
/// calendar is its owner's address.
fn organizer(calendar: &Calendar, id: &str) -> Value {
    if calendar.primary {
        json!({"email": id, "self": true})
    } else {
        json!({"email": id, "displayName": calendar.summary, "self": true})
    }
}

fn is_organizer(event: &StoredEvent) -> bool {
    event.body.get("organizer").and_then(|who| who.get("self")) == Some(&Value::Bool(true))
}

fn sequence(body: &Map<String, Value>) -> u64 {
    body.get("sequence").and_then(Value::as_u64).unwrap_or_default()
}

/// Marks a newly requested conference as pending. A request with the same id as before changes
/// nothing.
fn begin_conference(body: &mut Map<String, Value>, before: Option<&Value>) {
    let id =
        |data: &Value| data.pointer("/createRequest/requestId").and_then(Value::as_str).map(str::to_owned);
    let Some(data) = body.get_mut("conferenceData") else { return };
    let Some(requested) = id(data) else { return };
    match before.filter(|before| id(before).as_ref() == Some(&requested)) {
        Some(before) => data.clone_from(before),
        None => {
            *data = json!({"createRequest": {
                "requestId": requested,
                "conferenceSolutionKey": {"type": "hangoutsMeet"},
                "status": {"statusCode": "pending"},
            }});
        }
    }
}
