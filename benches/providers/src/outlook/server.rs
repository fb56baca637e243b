//! Microsoft Graph as far as an insert goes.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{API, PREFER};

/// What is taken over from the event that was sent, as it stands there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent<'a> {
    transaction_id: &'a str,
    #[serde(borrow)]
    subject: &'a RawValue,
    body: Body<'a>,
    start: Moment<'a>,
    end: Moment<'a>,
    is_all_day: bool,
    location: Location<'a>,
    #[serde(borrow)]
    show_as: &'a RawValue,
    is_reminder_on: bool,
    reminder_minutes_before_start: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(borrow)]
    content_type: &'a RawValue,
    #[serde(borrow)]
    content: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Moment<'a> {
    date_time: &'a str,
    time_zone: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Location<'a> {
    #[serde(borrow)]
    display_name: &'a RawValue,
}

/// The answer to an insert. `None` to what is none, or prefers anything that this knows not how to
/// answer.
pub fn insert(parts: &Parts, body: &[u8]) -> Option<Response<Full<Bytes>>> {
    if parts.uri.path().strip_prefix(API)? != "/me/calendar/events" || parts.headers.get("prefer")? != PREFER
    {
        return None;
    }
    let sent: Sent<'_> = serde_json::from_slice(body).ok()?;
    if (sent.start.time_zone, sent.end.time_zone) != ("UTC", "UTC") {
        return None;
    }
    let mut response = Response::new(Full::from(event(&sent)));
    *response.status_mut() = StatusCode::CREATED;
    Some(response)
}

/// The id of the event that was made under that transaction id.
pub fn id(transaction_id: &str) -> String {
    format!("AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A{transaction_id}AAAAAAENAAB9mEcAAA=")
}

/// The fields of an event that Graph answers, most of which nobody asked for.
fn event(sent: &Sent<'_>) -> String {
    let Sent {
        transaction_id,
        subject,
        body: Body { content_type, content: text },
        start,
        end,
        is_all_day,
        location,
        show_as,
        is_reminder_on,
        reminder_minutes_before_start,
    } = sent;
    let id = id(transaction_id);
    let [start, end] = [start.date_time, end.date_time];
    let location = location.display_name;
    format!(
        r##"{{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#users('8f0e1c52-4f6b-4d3c-9c55-0b6a1f1f7a10')/calendar/events/$entity",
"@odata.etag":"W/\"hq1ZxkZBp0G8n2xO7dU4nQAAB1mEcw==\"","id":"{id}",
"createdDateTime":"2026-11-22T10:00:00.1234567Z","lastModifiedDateTime":"2026-11-22T10:00:00.2345678Z",
"changeKey":"hq1ZxkZBp0G8n2xO7dU4nQAAB1mEcw==","categories":[],"transactionId":"{transaction_id}",
"originalStartTimeZone":"UTC","originalEndTimeZone":"UTC",
"iCalUId":"040000008200E00074C5B7101A82E00800000000{transaction_id}000000000000000010000000",
"uid":"040000008200E00074C5B7101A82E00800000000{transaction_id}000000000000000010000000",
"reminderMinutesBeforeStart":{reminder_minutes_before_start},"isReminderOn":{is_reminder_on},"hasAttachments":false,
"subject":{subject},"bodyPreview":{text},"importance":"normal","sensitivity":"normal","isAllDay":{is_all_day},
"isCancelled":false,"isOrganizer":true,"responseRequested":true,"seriesMasterId":null,"showAs":{show_as},
"type":"singleInstance","webLink":"https://outlook.office365.com/owa/?itemid={id}&exvsurl=1&path=/calendar/item",
"onlineMeetingUrl":null,"isOnlineMeeting":false,"onlineMeetingProvider":"unknown","allowNewTimeProposals":true,
"occurrenceId":null,"isDraft":false,"hideAttendees":false,
"responseStatus":{{"response":"organizer","time":"0001-01-01T00:00:00Z"}},
"body":{{"contentType":{content_type},"content":{text}}},
"start":{{"dateTime":"{start}.0000000","timeZone":"UTC"}},"end":{{"dateTime":"{end}.0000000","timeZone":"UTC"}},
"location":{{"displayName":{location},"locationType":"default","uniqueId":{location},"uniqueIdType":"private"}},
"locations":[{{"displayName":{location},"locationType":"default","uniqueId":{location},"uniqueIdType":"private"}}],
"recurrence":null,"attendees":[],
"organizer":{{"emailAddress":{{"name":"Anna Kowalska","address":"anna@example.org"}}}},"onlineMeeting":null}}"##
    )
}
