//! Google Calendar as far as an insert goes.

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use hyper::header::{ETAG, HeaderValue};
use hyper::http::request::Parts;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::API;
use crate::booking::CALENDAR;

/// What is taken over from the event that was sent, as it stands there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
    #[serde(borrow)]
    summary: &'a RawValue,
    #[serde(borrow)]
    description: &'a RawValue,
    #[serde(borrow)]
    location: &'a RawValue,
    #[serde(borrow)]
    start: &'a RawValue,
    #[serde(borrow)]
    end: &'a RawValue,
    #[serde(borrow)]
    extended_properties: &'a RawValue,
}

/// The answer to an insert. `None` to what is none.
pub fn insert(parts: &Parts, body: &[u8]) -> Option<Response<Full<Bytes>>> {
    let calendar =
        parts.uri.path().strip_prefix(API)?.strip_prefix("/calendars/")?.strip_suffix("/events")?;
    if calendar != CALENDAR {
        return None;
    }
    let text = event(&serde_json::from_slice(body).ok()?);
    let mut response = Response::new(Full::from(text));
    response.headers_mut().insert(ETAG, HeaderValue::from_static("\"3533260800000000\""));
    Some(response)
}

/// The fields of an event that Google answers, most of which nobody asked for.
fn event(sent: &Sent<'_>) -> String {
    let Sent { id, summary, description, location, start, end, extended_properties } = sent;
    let bare_id = id.get().trim_matches('"');
    format!(
        r#"{{
 "kind": "calendar#event",
 "etag": "\"3533260800000000\"",
 "id": {id},
 "status": "confirmed",
 "htmlLink": "https://www.google.com/calendar/event?eid=NmQ3MDlmODE1MmEwNWE2MWIxMDkwNmE3ZWMyN2EzMmMgYW5uYUBleGFtcGxlLm9yZw",
 "created": "2026-11-22T10:00:00.000Z",
 "updated": "2026-11-22T10:00:00.000Z",
 "summary": {summary},
 "description": {description},
 "location": {location},
 "creator": {{
  "email": "anna@example.org",
  "self": true
 }},
 "organizer": {{
  "email": "anna@example.org",
  "self": true
 }},
 "start": {start},
 "end": {end},
 "iCalUID": "{bare_id}@google.com",
 "sequence": 0,
 "extendedProperties": {extended_properties},
 "reminders": {{
  "useDefault": true
 }},
 "eventType": "default"
}}
"#
    )
}
