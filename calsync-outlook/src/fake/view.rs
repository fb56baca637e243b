//! The JSON of events, calendars and users.

use serde_json::{Map, Value, json};

use super::request::Prefers;
use super::state::{Calendar, Mailbox, StoredEvent};
use super::times::stamp_text;

/// An event as its mailbox's owner sees it.
pub(super) fn event(
    mailbox: &Mailbox,
    event: &StoredEvent,
    prefers: &Prefers,
    properties: &[String],
) -> Value {
    let id = event.id(prefers.immutable_ids);
    let organizer = event.organizer.as_deref().unwrap_or(&mailbox.email);
    let mut body = event.fields.clone();
    let as_day = event.is_all_day();
    let response = if event.organizer.is_none() { "organizer" } else { "notResponded" };
    let link = id.replace('=', "%3D");
    let own = json!({
        "@odata.etag": format!("W/\"{}\"", event.change_key),
        "id": id,
        "changeKey": event.change_key,
        "createdDateTime": stamp_text(event.created),
        "lastModifiedDateTime": stamp_text(event.modified),
        "originalStartTimeZone": event.start.zone,
        "originalEndTimeZone": event.end.zone,
        "iCalUId": event.ical_uid,
        "hasAttachments": false,
        "bodyPreview": event.text.preview(),
        "body": event.text.write(prefers.text),
        "start": event.start.write(&prefers.shown, as_day),
        "end": event.end.write(&prefers.shown, as_day),
        "isCancelled": false,
        "isOrganizer": event.organizer.is_none(),
        "isDraft": false,
        "organizer": {"emailAddress": {"name": organizer, "address": organizer}},
        "responseStatus": {"response": response, "time": "0001-01-01T00:00:00Z"},
        "seriesMasterId": null,
        "type": "singleInstance",
        "recurrence": null,
        "webLink": format!("https://outlook.office365.com/owa/?itemid={link}&exvsurl=1&path=/calendar/item"),
        "isOnlineMeeting": event.meeting.is_some(),
        "onlineMeetingProvider": if event.meeting.is_some() { "teamsForBusiness" } else { "unknown" },
        "onlineMeeting": event.meeting.as_ref().map(|url| json!({"joinUrl": url})),
        "onlineMeetingUrl": event.meeting,
    });
    if let Value::Object(own) = own {
        body.extend(own);
    }
    if let Some(transaction) = &event.transaction {
        body.insert("transactionId".into(), transaction.as_str().into());
    }
    let has = |id: &&String| event.properties.contains_key(*id);
    let shown: Vec<Value> = properties
        .iter()
        .filter(has)
        .map(|id| json!({"id": id, "value": event.properties.get(id)}))
        .collect();
    if !shown.is_empty() {
        body.insert("singleValueExtendedProperties".into(), shown.into());
    }
    body.into()
}

/// The entry of a delta for an event that is no longer in the window.
pub(super) fn removed(id: &str) -> Value {
    json!({"id": id, "@removed": {"reason": "deleted"}})
}

/// A calendar as its mailbox's owner sees it.
pub(super) fn calendar(mailbox: &Mailbox, calendar: &Calendar) -> Value {
    let provider = if mailbox.is_personal { "unknown" } else { "teamsForBusiness" };
    let allowed: Vec<&str> = if mailbox.is_personal { Vec::new() } else { vec![provider] };
    json!({
        "id": calendar.id,
        "name": calendar.name,
        "color": calendar.color,
        "hexColor": "",
        "isDefaultCalendar": calendar.is_default,
        "changeKey": calendar.change_key,
        "canShare": true,
        "canViewPrivateItems": true,
        "canEdit": true,
        "allowedOnlineMeetingProviders": allowed,
        "defaultOnlineMeetingProvider": provider,
        "isTallyingResponses": calendar.is_default,
        "isRemovable": !calendar.is_default,
        "owner": {"name": mailbox.email, "address": mailbox.email},
    })
}

/// A user of the directory.
pub(super) fn user(mailbox: &Mailbox) -> Value {
    let name = mailbox.email.split('@').next().unwrap_or_default();
    json!({
        "id": mailbox.id,
        "userPrincipalName": mailbox.email,
        "mail": mailbox.email,
        "displayName": name,
        "givenName": name,
        "surname": null,
        "businessPhones": [],
        "jobTitle": null,
        "mobilePhone": null,
        "officeLocation": null,
        "preferredLanguage": null,
    })
}

/// The settings of a mailbox that concern time.
pub(super) fn mailbox_settings(mailbox: &Mailbox) -> Value {
    json!({
        "timeZone": mailbox.zone,
        "dateFormat": "dd/MM/yyyy",
        "timeFormat": "HH:mm",
        "workingHours": working_hours(mailbox),
    })
}

/// The working hours of a mailbox's owner.
pub(super) fn working_hours(mailbox: &Mailbox) -> Value {
    json!({
        "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"],
        "startTime": "08:00:00.0000000",
        "endTime": "17:00:00.0000000",
        "timeZone": {"name": mailbox.zone},
    })
}

/// Puts `@odata.context` before all other properties.
pub(super) fn in_context(context: &str, value: Value) -> Value {
    let mut whole = Map::new();
    whole.insert("@odata.context".into(), context.into());
    if let Value::Object(object) = value {
        whole.extend(object);
    }
    whole.into()
}
