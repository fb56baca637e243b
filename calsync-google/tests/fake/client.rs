//! A plain HTTP client, without the provider.

use bytes::Bytes;
use calsync_core::http::{HttpTransport, Request, TransportErrorKind};
use calsync_core::testing::TestClock;
use calsync_google::fake::{FakeGoogle, FakeUser};
use chrono::{DateTime, Utc};
use http::HeaderMap;
use serde_json::{Value, json};

pub(crate) const ANNA: &str = "anna@example.org";

/// A fake with a fixed clock, and the access token of one user.
pub(crate) struct Stage {
    pub(crate) google: FakeGoogle,
    pub(crate) clock: TestClock,
    pub(crate) anna: FakeUser,
    pub(crate) token: String,
}

pub(crate) struct TestResponse {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with_scopes(&["calendar"])
    }

    pub(crate) fn with_scopes(scopes: &[&str]) -> Self {
        let clock = TestClock::at(now());
        let google = FakeGoogle::new().with_clock(clock.clone());
        let anna = google.user(ANNA);
        let token = anna.tokens(scopes).access_token.expose().to_owned();
        Self { google, clock, anna, token }
    }

    /// Calls the Calendar API.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> TestResponse {
        self.call_with(method, path, body, &[]).await
    }

    pub(crate) async fn call_with(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> TestResponse {
        self.try_call(method, path, body, headers).await.unwrap()
    }

    pub(crate) async fn try_call(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Result<TestResponse, TransportErrorKind> {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("https://www.googleapis.com/calendar/v3/{path}"))
            .header("authorization", format!("Bearer {}", self.token));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        send(&self.google, request.body(body).unwrap()).await
    }

    /// Calls an event method of the primary calendar.
    pub(crate) async fn event(&self, method: &str, path: &str, body: Option<Value>) -> TestResponse {
        self.call(method, &format!("calendars/primary/events{path}"), body).await
    }

    /// Inserts an event with that id.
    pub(crate) async fn insert(&self, id: &str) -> Value {
        self.event("POST", "", Some(timed(id))).await.ok()
    }
}

pub(crate) async fn send(google: &FakeGoogle, request: Request) -> Result<TestResponse, TransportErrorKind> {
    let response = google.send(request).await.map_err(|error| error.kind())?;
    let (parts, body) = response.into_parts();
    Ok(TestResponse { status: parts.status.as_u16(), headers: parts.headers, body })
}

impl TestResponse {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{}: {}", self.status, String::from_utf8_lossy(&self.body)))
    }

    /// Asserts status 200, and returns the body.
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// Returns status and reason of an error response.
    pub(crate) fn refusal(&self) -> (u16, String) {
        let json = self.json();
        assert_eq!(json["error"]["code"], self.status);
        (self.status, json["error"]["errors"][0]["reason"].as_str().unwrap().to_owned())
    }

    pub(crate) fn is_refused(&self, status: u16, reason: &str) {
        assert_eq!(self.refusal(), (status, reason.to_owned()));
    }
}

pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

/// An event of one hour in Stockholm.
pub(crate) fn timed(id: &str) -> Value {
    json!({
        "id": id,
        "summary": "Rehearsal",
        "description": "Hall B<br>keys",
        "start": {"dateTime": "2026-12-03T17:00:00", "timeZone": "Europe/Stockholm"},
        "end": {"dateTime": "2026-12-03T18:00:00", "timeZone": "Europe/Stockholm"},
    })
}

/// [`timed`] with more fields.
pub(crate) fn timed_with(id: &str, more: Value) -> Value {
    let mut event = timed(id);
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

pub(crate) fn ids(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}
