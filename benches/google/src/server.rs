//! A calendar that says yes: it keeps nothing, and answers an insert with the whole event as Google would.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, ETAG, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::TcpListener;

/// The bodies of the inserts that were seen, for who wants to compare them.
pub type Seen = Arc<Mutex<Vec<Bytes>>>;

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

/// Answers until it is dropped.
pub async fn serve(listener: TcpListener, seen: Option<Seen>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let seen = seen.clone();
        let service = service_fn(move |request| answer(request, seen.clone()));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(request: Request<Incoming>, seen: Option<Seen>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let text = match (&parts.method, parts.uri.path()) {
        (&Method::POST, "/token") => Some(token()),
        (&Method::POST, path) if is_insert(path) => {
            if let Some(seen) = seen {
                seen.lock().expect("no task panics with it").push(body.clone());
            }
            serde_json::from_slice(&body).ok().map(|sent| event(&sent))
        }
        _ => None,
    };
    let mut response = Response::new(Full::default());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"));
    match text {
        Some(text) => {
            headers.insert(ETAG, HeaderValue::from_static("\"3533260800000000\""));
            *response.body_mut() = Full::from(text);
        }
        None => *response.status_mut() = StatusCode::NOT_FOUND,
    }
    Ok(response)
}

fn is_insert(path: &str) -> bool {
    let calendar = path.strip_prefix("/calendar/v3/calendars/").and_then(|rest| rest.strip_suffix("/events"));
    calendar.is_some_and(|calendar| !calendar.is_empty() && !calendar.contains('/'))
}

fn token() -> String {
    r#"{"access_token":"ya29.bench","expires_in":3599,"scope":"https://www.googleapis.com/auth/calendar.events.owned","token_type":"Bearer"}"#.to_owned()
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
