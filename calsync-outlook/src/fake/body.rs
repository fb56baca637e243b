//! Applies a request body to an event.

use serde_json::{Map, Value, json};

use super::properties;
use super::reply::Problem;
use super::settings::Settings;
use super::state::StoredEvent;
use super::text::{self, Text};
use super::times::Moment;

/// The most attendees of an event (event resource, "attendees").
const MAX_ATTENDEES: usize = 500;

/// The time that Graph shows for "no time".
const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// The default properties of a new event.
pub(super) fn defaults() -> Map<String, Value> {
    let defaults = json!({
        "subject": null,
        "importance": "normal",
        "sensitivity": "normal",
        "showAs": "busy",
        "isAllDay": false,
        "isReminderOn": true,
        "reminderMinutesBeforeStart": 15,
        "responseRequested": true,
        "hideAttendees": false,
        "allowNewTimeProposals": true,
        "categories": [],
        "attendees": [],
        "location": no_location(),
        "locations": [],
    });
    match defaults {
        Value::Object(defaults) => defaults,
        _ => Map::new(),
    }
}

/// Writes a checked body into an event. Properties that are left out stay; `null` sets the default.
pub(super) fn apply(
    event: &mut StoredEvent,
    body: &Map<String, Value>,
    settings: &Settings,
) -> Result<(), Problem> {
    let defaults = defaults();
    for (name, value) in body {
        match name.as_str() {
            "subject" => {
                check_length(value, settings.subject_chars)?;
                event.fields.insert(name.clone(), value.clone());
            }
            "start" => event.start = Moment::read(value, settings)?,
            "end" => event.end = Moment::read(value, settings)?,
            "body" => event.text = text(value),
            "location" => locate(event, std::slice::from_ref(value), settings)?,
            "locations" => locate(event, items(value), settings)?,
            "attendees" => {
                event.fields.insert(name.clone(), attendees(items(value))?.into());
            }
            "categories" => {
                event.fields.insert(name.clone(), items(value).into());
            }
            "singleValueExtendedProperties" => set_properties(event, items(value))?,
            "reminderMinutesBeforeStart" => {
                if value.as_i64().is_some_and(|minutes| minutes < 0) {
                    return Err(Problem::validation());
                }
                event.fields.insert(name.clone(), or_default(value, &defaults, name));
            }
            "transactionId" | "isOnlineMeeting" | "onlineMeetingProvider" => {}
            _ => {
                event.fields.insert(name.clone(), or_default(value, &defaults, name));
            }
        }
    }
    check_times(event)
}

fn or_default(value: &Value, defaults: &Map<String, Value>, name: &str) -> Value {
    if value.is_null() { defaults.get(name).cloned().unwrap_or_default() } else { value.clone() }
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> Text {
    let content = value.get("content").and_then(Value::as_str).unwrap_or_default();
    // Without a content type, a body is text (the first member of `itemBody`).
    match value.get("contentType").and_then(Value::as_str) {
        Some("html") => Text::of_html(content),
        _ => Text::of_plain(content),
    }
}

/// Checks that an all-day event runs from midnight to midnight in one zone, and that the end is not
/// before the start.
fn check_times(event: &StoredEvent) -> Result<(), Problem> {
    let (start, end) = (&event.start, &event.end);
    if event.is_all_day() {
        for (side, moment) in [("Start", start), ("End", end)] {
            if !moment.is_midnight() {
                let message =
                    format!("The Event.{side} property for an all-day event needs to be set to midnight.");
                return Err(Problem::invalid(message));
            }
        }
        if start.zone != end.zone {
            let message = "The Event.Start and Event.End properties of an all-day event need to be in the same time zone.";
            return Err(Problem::invalid(message));
        }
    }
    let is_short = event.is_all_day() && end.local == start.local;
    if end.at < start.at || is_short {
        return Err(Problem::validation());
    }
    Ok(())
}

fn check_length(value: &Value, max: usize) -> Result<(), Problem> {
    match value.as_str() {
        Some(text) if text.chars().count() > max => Err(Problem::validation()),
        _ => Ok(()),
    }
}

/// `location` is the first of `locations`, with all their names joined.
fn locate(event: &mut StoredEvent, sent: &[Value], settings: &Settings) -> Result<(), Problem> {
    let mut all = Vec::new();
    for value in sent.iter().filter(|value| !value.is_null()) {
        check_length(value.get("displayName").unwrap_or(&Value::Null), settings.location_chars)?;
        let location = location(value);
        if location.get("displayName") != Some(&json!("")) || location.get("address").is_some() {
            all.push(location);
        }
    }
    let names: Vec<&str> = all.iter().filter_map(|one| one.get("displayName")?.as_str()).collect();
    let joined = names.join("; ");
    let mut first = all.first().cloned().unwrap_or_else(no_location);
    if let (true, Some(first)) = (all.len() > 1, first.as_object_mut()) {
        first.insert("displayName".into(), joined.into());
    }
    event.fields.insert("location".into(), first);
    event.fields.insert("locations".into(), all.into());
    Ok(())
}

fn location(value: &Value) -> Value {
    let mut whole = Map::new();
    let name = value.get("displayName").and_then(Value::as_str).unwrap_or_default();
    whole.insert("displayName".into(), name.into());
    whole.insert("locationType".into(), "default".into());
    if !name.is_empty() {
        whole.insert("uniqueId".into(), name.into());
        whole.insert("uniqueIdType".into(), "private".into());
    }
    for (name, value) in value.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        whole.insert(name.clone(), value.clone());
    }
    whole.into()
}

fn no_location() -> Value {
    json!({
        "displayName": "", "locationType": "default", "uniqueIdType": "unknown", "address": {}, "coordinates": {},
    })
}

fn attendees(sent: &[Value]) -> Result<Vec<Value>, Problem> {
    if sent.len() > MAX_ATTENDEES {
        return Err(Problem::bad("ErrorExceededMaxRecipientLimit", "There are too many attendees."));
    }
    let attendee = |value: &Value| {
        let email = value.get("emailAddress");
        let address = email.and_then(|email| email.get("address")).and_then(Value::as_str);
        let address = address.filter(|address| address.contains('@'));
        let address = address
            .ok_or_else(|| Problem::bad("ErrorInvalidRecipients", "At least one recipient isn't valid."))?;
        let name = email.and_then(|email| email.get("name")).and_then(Value::as_str).unwrap_or(address);
        Ok(json!({
            "type": value.get("type").filter(|kind| !kind.is_null()).unwrap_or(&json!("required")),
            "status": {"response": "none", "time": NO_TIME},
            "emailAddress": {"name": name, "address": address},
        }))
    };
    sent.iter().map(attendee).collect()
}

/// Sets the properties in the list; others stay.
fn set_properties(event: &mut StoredEvent, sent: &[Value]) -> Result<(), Problem> {
    for property in sent {
        let text = |name: &str| property.get(name).and_then(Value::as_str);
        let id = text("id").and_then(properties::canonical);
        let id = id.ok_or_else(|| {
            Problem::bad("ErrorInvalidProperty", "The id of an extended property is invalid.")
        })?;
        let value = text("value").ok_or_else(Problem::validation)?;
        event.properties.insert(id, value.to_owned());
    }
    Ok(())
}

/// Turns an event into a Teams meeting, unless it is one: its body gets the join details.
pub(super) fn make_meeting(event: &mut StoredEvent, url: String, has_lines: bool) {
    if event.meeting.is_none() {
        event.text = event.text.with_html(&text::meeting_blob(&url, has_lines));
        event.meeting = Some(url);
    }
}

/// Ends the meeting if its join details are no longer in the body.
pub(super) fn keep_meeting(event: &mut StoredEvent, has_lines: bool) {
    if event.meeting.as_ref().is_some_and(|url| !text::holds_meeting(&event.text, url, has_lines)) {
        event.meeting = None;
    }
}

/// The addresses of all attendees.
pub(super) fn guests(event: &StoredEvent) -> Vec<String> {
    let all = event.fields.get("attendees").and_then(Value::as_array);
    let all = all.into_iter().flatten();
    all.filter_map(|guest| guest.pointer("/emailAddress/address")?.as_str()).map(str::to_owned).collect()
}
