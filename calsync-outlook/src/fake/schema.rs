//! The types of Graph's schema (CSDL, `apis/ms-graph-event.schema.xml`), limited to what a request
//! body can contain.

use serde_json::{Map, Value};

use super::reply::Problem;

/// The type of a property.
enum Kind {
    Text,
    Flag,
    Int,
    Double,
    Choice(&'static [&'static str]),
    Object(&'static str),
    List(&'static Kind),
    /// Set by the server: accepted in a body, and ignored.
    ServerOwned,
    /// In the schema, but not supported by this fake.
    Unsupported,
}

const IMPORTANCE: &[&str] = &["low", "normal", "high"];
const SENSITIVITY: &[&str] = &["normal", "personal", "private", "confidential"];
const SHOW_AS: &[&str] = &["unknown", "free", "tentative", "busy", "oof", "workingElsewhere"];
const PROVIDERS: &[&str] = &["unknown", "skypeForBusiness", "skypeForConsumer", "teamsForBusiness"];
const LOCATIONS: &[&str] = &[
    "default",
    "conferenceRoom",
    "homeAddress",
    "businessAddress",
    "geoCoordinates",
    "streetAddress",
    "hotel",
    "restaurant",
    "localBusiness",
    "postalAddress",
];
const ID_TYPES: &[&str] = &["unknown", "locationStore", "directory", "private", "bing"];
const RESPONSES: &[&str] =
    &["none", "organizer", "tentativelyAccepted", "accepted", "declined", "notResponded"];
const COLOURS: &[&str] = &[
    "auto",
    "lightBlue",
    "lightGreen",
    "lightOrange",
    "lightGray",
    "lightYellow",
    "lightTeal",
    "lightPink",
    "lightBrown",
    "lightRed",
    "maxColor",
];

fn event(name: &str) -> Option<Kind> {
    Some(match name {
        "subject" | "transactionId" => Kind::Text,
        "isAllDay"
        | "isReminderOn"
        | "responseRequested"
        | "hideAttendees"
        | "allowNewTimeProposals"
        | "isOnlineMeeting" => Kind::Flag,
        "reminderMinutesBeforeStart" => Kind::Int,
        "importance" => Kind::Choice(IMPORTANCE),
        "sensitivity" => Kind::Choice(SENSITIVITY),
        "showAs" => Kind::Choice(SHOW_AS),
        "onlineMeetingProvider" => Kind::Choice(PROVIDERS),
        "body" => Kind::Object("itemBody"),
        "start" | "end" => Kind::Object("dateTimeTimeZone"),
        "location" => Kind::Object("location"),
        "locations" => Kind::List(&Kind::Object("location")),
        "attendees" => Kind::List(&Kind::Object("attendee")),
        "categories" => Kind::List(&Kind::Text),
        "singleValueExtendedProperties" => Kind::List(&Kind::Object("singleValueLegacyExtendedProperty")),
        "id"
        | "createdDateTime"
        | "lastModifiedDateTime"
        | "changeKey"
        | "iCalUId"
        | "bodyPreview"
        | "isCancelled"
        | "isOrganizer"
        | "isDraft"
        | "webLink"
        | "onlineMeeting"
        | "onlineMeetingUrl"
        | "organizer"
        | "originalStart"
        | "originalStartTimeZone"
        | "originalEndTimeZone"
        | "responseStatus"
        | "seriesMasterId"
        | "type"
        | "hasAttachments"
        | "cancelledOccurrences" => Kind::ServerOwned,
        "recurrence"
        | "attachments"
        | "extensions"
        | "multiValueExtendedProperties"
        | "calendar"
        | "instances"
        | "exceptionOccurrences" => Kind::Unsupported,
        _ => return None,
    })
}

fn kind(of: &str, name: &str) -> Option<Kind> {
    Some(match (of, name) {
        ("event", name) => return event(name),
        ("itemBody", "content") => Kind::Text,
        ("itemBody", "contentType") => Kind::Choice(&["text", "html"]),
        ("dateTimeTimeZone", "dateTime" | "timeZone") => Kind::Text,
        ("location", "displayName" | "locationEmailAddress" | "locationUri" | "uniqueId") => Kind::Text,
        ("location", "locationType") => Kind::Choice(LOCATIONS),
        ("location", "uniqueIdType") => Kind::Choice(ID_TYPES),
        ("location", "address") => Kind::Object("physicalAddress"),
        ("location", "coordinates") => Kind::Object("outlookGeoCoordinates"),
        ("physicalAddress", "city" | "countryOrRegion" | "postalCode" | "state" | "street") => Kind::Text,
        (
            "outlookGeoCoordinates",
            "accuracy" | "altitude" | "altitudeAccuracy" | "latitude" | "longitude",
        ) => Kind::Double,
        ("attendee", "type") => Kind::Choice(&["required", "optional", "resource"]),
        ("attendee", "emailAddress") => Kind::Object("emailAddress"),
        ("attendee", "status") => Kind::Object("responseStatus"),
        ("attendee", "proposedNewTime") => Kind::Object("timeSlot"),
        ("timeSlot", "start" | "end") => Kind::Object("dateTimeTimeZone"),
        ("emailAddress", "address" | "name") => Kind::Text,
        ("responseStatus", "response") => Kind::Choice(RESPONSES),
        ("responseStatus", "time") => Kind::Text,
        ("singleValueLegacyExtendedProperty", "id" | "value") => Kind::Text,
        ("calendar", "name" | "hexColor") => Kind::Text,
        ("calendar", "color") => Kind::Choice(COLOURS),
        ("calendar", "isDefaultCalendar") => Kind::Flag,
        (
            "calendar",
            "id"
            | "changeKey"
            | "canEdit"
            | "canShare"
            | "canViewPrivateItems"
            | "isRemovable"
            | "isTallyingResponses"
            | "owner"
            | "allowedOnlineMeetingProviders"
            | "defaultOnlineMeetingProvider",
        ) => Kind::ServerOwned,
        ("getSchedule", "schedules" | "Schedules") => Kind::List(&Kind::Text),
        ("getSchedule", "startTime" | "endTime" | "StartTime" | "EndTime") => {
            Kind::Object("dateTimeTimeZone")
        }
        ("getSchedule", "availabilityViewInterval" | "AvailabilityViewInterval") => Kind::Int,
        ("cancel", "comment" | "Comment") => Kind::Text,
        ("translateExchangeIds", "inputIds" | "InputIds") => Kind::List(&Kind::Text),
        ("translateExchangeIds", "sourceIdType" | "targetIdType" | "SourceIdType" | "TargetIdType") => {
            Kind::Choice(&["entryId", "ewsId", "immutableEntryId", "restId", "restImmutableEntryId"])
        }
        (
            "subscription",
            "changeType"
            | "notificationUrl"
            | "lifecycleNotificationUrl"
            | "resource"
            | "expirationDateTime"
            | "clientState"
            | "latestSupportedTlsVersion",
        ) => Kind::Text,
        ("subscription", "id" | "applicationId" | "creatorId" | "notificationUrlAppId") => Kind::ServerOwned,
        (
            "subscription",
            "includeResourceData"
            | "encryptionCertificate"
            | "encryptionCertificateId"
            | "notificationQueryOptions",
        ) => Kind::Unsupported,
        _ => return None,
    })
}

/// The body without the server's own properties and without annotations, its choices spelled as in
/// the schema. Values of a wrong type are refused.
pub(super) fn checked(of: &str, body: &Map<String, Value>) -> Result<Map<String, Value>, Problem> {
    let mut kept = Map::new();
    for (name, value) in body.iter().filter(|(name, _)| !name.contains("@odata.")) {
        let kind = kind(of, name).ok_or_else(|| {
            Problem::schema(format!(
                "The property '{name}' does not exist on type 'microsoft.graph.{of}'. Make sure to only use property names \
                 that are defined by the type."
            ))
        })?;
        match kind {
            Kind::ServerOwned => {}
            Kind::Unsupported if value.is_null() => {}
            Kind::Unsupported => {
                let message = format!("This fake has no '{name}'.");
                return Err(
                    Problem::bad("NotImplemented", message).with_status(http::StatusCode::NOT_IMPLEMENTED)
                );
            }
            kind => {
                kept.insert(name.clone(), fitted(&kind, name, value)?);
            }
        }
    }
    Ok(kept)
}

fn fitted(kind: &Kind, name: &str, value: &Value) -> Result<Value, Problem> {
    let wrong = || {
        Problem::schema(format!(
            "Cannot convert the value of '{name}' to the type that the schema has for it."
        ))
    };
    match (kind, value) {
        (_, Value::Null) => Ok(Value::Null),
        (Kind::Text, Value::String(_)) | (Kind::Flag, Value::Bool(_)) | (Kind::Double, Value::Number(_)) => {
            Ok(value.clone())
        }
        (Kind::Int, Value::Number(number)) if number.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => {
            Ok(value.clone())
        }
        (Kind::Choice(choices), Value::String(text)) => {
            let choice = choices.iter().find(|choice| choice.eq_ignore_ascii_case(text));
            let none = || Problem::schema(format!("Requested value '{text}' was not found."));
            choice.map(|choice| (*choice).into()).ok_or_else(none)
        }
        (Kind::Object(of), Value::Object(object)) => Ok(checked(of, object)?.into()),
        (Kind::List(of), Value::Array(items)) => {
            items.iter().map(|item| fitted(of, name, item)).collect::<Result<Vec<_>, _>>().map(Value::Array)
        }
        _ => Err(wrong()),
    }
}

/// Whether an event has a property of this name.
pub(super) fn is_event_property(name: &str) -> bool {
    event(name).is_some()
}

/// Whether a calendar has a property of this name.
pub(super) fn is_calendar_property(name: &str) -> bool {
    kind("calendar", name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn checked(of: &str, body: Value) -> Result<Value, Problem> {
        super::checked(of, body.as_object().unwrap()).map(Value::Object)
    }

    #[test]
    fn a_body_fits_the_schema_or_is_refused() {
        let body = json!({
            "@odata.type": "#microsoft.graph.event", "subject": "x", "id": "mine", "showAs": "Free", "location": null,
            "body": {"contentType": "HTML", "content": "x"}, "categories": ["a"], "recurrence": null,
        });
        let kept = json!({
            "subject": "x", "showAs": "free", "location": null, "body": {"contentType": "html", "content": "x"},
            "categories": ["a"],
        });
        assert_eq!(checked("event", body).unwrap(), kept);
        for bad in [
            json!({"summary": "x"}),
            json!({"subject": 1}),
            json!({"reminderMinutesBeforeStart": "15"}),
            json!({"reminderMinutesBeforeStart": 1.5}),
            json!({"reminderMinutesBeforeStart": 3_000_000_000_i64}),
            json!({"showAs": "OPAQUE"}),
            json!({"start": "2026-03-01T10:00:00Z"}),
            json!({"start": {"date": "2026-03-01"}}),
            json!({"attendees": [{"email": "a@b.c"}]}),
            json!({"attendees": {"emailAddress": {}}}),
            json!({"categories": [1]}),
            json!({"recurrence": {"pattern": {}}}),
        ] {
            assert!(checked("event", bad.clone()).is_err(), "{bad}");
        }
    }
}
