//! Events and calendars as the API returns them.

use calsync_core::time::Zone;
use serde_json::{Map, Value, json};

use super::state::{Calendar, StoredEvent};
use super::times::{Moment, stamp_text};

/// Returns an event as a user sees it, with times in `zone`.
pub(super) fn event(calendar: &Calendar, stored: &StoredEvent, user: &str, zone: &Zone) -> Value {
    let mut body = stored.body.clone();
    for side in ["start", "end", "originalStartTime"] {
        if let Some(shown) = body.get(side).and_then(|value| in_zone(value, zone, &calendar.zone)) {
            body.insert(side.into(), shown);
        }
    }
    body.insert("kind".into(), "calendar#event".into());
    body.insert("etag".into(), stored.etag.as_str().into());
    body.insert("updated".into(), stamp_text(stored.updated).into());
    let reminders = stored.reminders.get(user).cloned().unwrap_or_else(|| json!({"useDefault": true}));
    body.insert("reminders".into(), reminders);
    if let Some(Value::Array(attendees)) = body.get_mut("attendees") {
        for attendee in attendees.iter_mut().filter_map(Value::as_object_mut) {
            if attendee.get("email").and_then(Value::as_str) == Some(user) {
                attendee.insert("self".into(), true.into());
            }
        }
    }
    let link = body.get("conferenceData").and_then(|data| data.pointer("/entryPoints/0/uri")).cloned();
    if let Some(link) = link {
        body.insert("hangoutLink".into(), link);
    }
    if body.get("creator").and_then(|who| who.get("email")).and_then(Value::as_str) != Some(user) {
        // Visible only to the user who created the event.
        body.remove("source");
    }
    body.into()
}

/// Reduces an event to its times, for a reader who may see no more.
pub(super) fn times_only(event: &Value) -> Value {
    kept(
        event,
        &["kind", "etag", "id", "status", "start", "end", "transparency", "recurringEventId", "eventType"],
    )
}

/// Reduces a deleted event to the fields that Google promises.
pub(super) fn tombstone(event: &Value) -> Value {
    kept(event, &["kind", "etag", "id", "status", "recurringEventId", "originalStartTime"])
}

/// Returns a calendar (`calendars.get`).
pub(super) fn calendar(id: &str, calendar: &Calendar) -> Value {
    let mut body = Map::new();
    body.insert("kind".into(), "calendar#calendar".into());
    body.insert("etag".into(), calendar.etag.as_str().into());
    body.insert("id".into(), id.into());
    body.insert("summary".into(), calendar.summary.as_str().into());
    body.insert("timeZone".into(), calendar.zone.name().into());
    body.insert("conferenceProperties".into(), json!({"allowedConferenceSolutionTypes": ["hangoutsMeet"]}));
    for (name, value) in [("description", &calendar.description), ("location", &calendar.location)] {
        if let Some(value) = value {
            body.insert(name.into(), value.as_str().into());
        }
    }
    body.into()
}

/// Returns a calendar in a user's list (`calendarList.get`).
pub(super) fn list_entry(id: &str, stored: &Calendar, user: &str) -> Value {
    let mut entry = calendar(id, stored);
    if let Some(entry) = entry.as_object_mut() {
        let role = stored.access.get(user).map(|role| role.name()).unwrap_or_default();
        entry.insert("kind".into(), "calendar#calendarListEntry".into());
        entry.insert("accessRole".into(), role.into());
        entry.insert("selected".into(), true.into());
        entry.insert("colorId".into(), "14".into());
        entry.insert("backgroundColor".into(), "#9fe1e7".into());
        entry.insert("foregroundColor".into(), "#000000".into());
        entry.insert("defaultReminders".into(), default_reminders(stored));
        if stored.primary && stored.owner == user {
            entry.insert("primary".into(), true.into());
        }
    }
    entry
}

/// The default reminders: ten minutes before the start in a primary calendar, as in a new account;
/// none in other calendars.
pub(super) fn default_reminders(calendar: &Calendar) -> Value {
    if calendar.primary { json!([{"method": "popup", "minutes": 10}]) } else { json!([]) }
}

fn in_zone(value: &Value, zone: &Zone, calendar: &Zone) -> Option<Value> {
    Some(Moment::read(Some(value), "start", false).ok()?.write(zone, calendar))
}

fn kept(event: &Value, names: &[&str]) -> Value {
    let fields = names.iter().filter_map(|name| Some(((*name).to_owned(), event.get(name)?.clone())));
    Value::Object(fields.collect())
}
