//! A client for the fake that uses plain HTTP.

use bytes::Bytes;
use calsync_core::http::{HttpTransport, Request, TransportErrorKind};
use calsync_core::testing::TestClock;
use calsync_outlook::fake::{FakeOutlook, FakeUser};
use chrono::{DateTime, Utc};
use http::HeaderMap;
use serde_json::{Value, json};

pub(crate) const ANNA: &str = "anna@example.org";
pub(crate) const IMMUTABLE: (&str, &str) = ("Prefer", "IdType=\"ImmutableId\"");

/// A fake whose clock does not advance by itself, and one user with a token.
pub(crate) struct Stage {
    pub(crate) outlook: FakeOutlook,
    pub(crate) clock: TestClock,
    pub(crate) anna: FakeUser,
    pub(crate) token: String,
}

pub(crate) struct ApiResponse {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with_scopes(&["Calendars.ReadWrite", "User.Read", "MailboxSettings.Read"])
    }

    pub(crate) fn with_scopes(scopes: &[&str]) -> Self {
        let clock = TestClock::at(now());
        let outlook = FakeOutlook::new().with_clock(clock.clone());
        let anna = outlook.user(ANNA);
        let token = anna.tokens(scopes).access_token.expose().to_owned();
        Self { outlook, clock, anna, token }
    }

    /// A call to Graph. The path has no version.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> ApiResponse {
        self.call_with(method, path, body, &[]).await
    }

    pub(crate) async fn call_with(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> ApiResponse {
        self.try_call(method, path, body, headers).await.unwrap()
    }

    pub(crate) async fn try_call(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Result<ApiResponse, TransportErrorKind> {
        send(&self.outlook, self.request(method, path, body, headers)).await
    }

    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Request {
        let url = if path.starts_with("https://") {
            path.to_owned()
        } else {
            format!("https://graph.microsoft.com/v1.0/{path}")
        };
        let mut request = http::Request::builder()
            .method(method)
            .uri(url)
            .header("authorization", format!("Bearer {}", self.token));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        request.body(body).unwrap()
    }

    pub(crate) fn clock_seconds(&self) -> i64 {
        calsync_core::clock::Clock::now(&self.clock).timestamp()
    }

    /// A call for an event below `/me/events`.
    pub(crate) async fn event(&self, method: &str, path: &str, body: Option<Value>) -> ApiResponse {
        self.call(method, &format!("me/events{path}"), body).await
    }

    /// Creates an event. The response has the immutable id.
    pub(crate) async fn create(&self, event: Value) -> Value {
        self.call_with("POST", "me/events", Some(event), &[IMMUTABLE]).await.created()
    }

    /// An event by its id. The response has the immutable id.
    pub(crate) async fn get(&self, id: &str) -> Value {
        self.call_with("GET", &format!("me/events/{id}"), None, &[IMMUTABLE]).await.ok()
    }
}

pub(crate) async fn send(outlook: &FakeOutlook, request: Request) -> Result<ApiResponse, TransportErrorKind> {
    let response = outlook.send(request).await.map_err(|error| error.kind())?;
    let (parts, body) = response.into_parts();
    Ok(ApiResponse { status: parts.status.as_u16(), headers: parts.headers, body })
}

impl ApiResponse {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{}: {}", self.status, String::from_utf8_lossy(&self.body)))
    }

    /// The body of a 200.
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// The body of a 201.
    pub(crate) fn created(&self) -> Value {
        assert_eq!(self.status, 201, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    pub(crate) fn is_refused(&self, status: u16, code: &str) {
        let json = self.json();
        assert_eq!((self.status, json["error"]["code"].as_str()), (status, Some(code)), "{json}");
        assert!(json["error"]["message"].is_string(), "{json}");
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

pub(crate) fn at(time: &str, zone: &str) -> Value {
    json!({"dateTime": time, "timeZone": zone})
}

/// An event of one hour on the third of December.
pub(crate) fn timed(subject: &str) -> Value {
    json!({
        "subject": subject,
        "start": at("2026-12-03T16:00:00", "UTC"),
        "end": at("2026-12-03T17:00:00", "UTC"),
    })
}

/// The same with further properties.
pub(crate) fn timed_with(subject: &str, more: Value) -> Value {
    let mut event = timed(subject);
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

pub(crate) fn id(event: &Value) -> &str {
    event["id"].as_str().unwrap()
}

/// The subjects of a listing.
pub(crate) fn subjects(list: &Value) -> Vec<&str> {
    let items = list["value"].as_array().unwrap();
    items.iter().map(|item| item["subject"].as_str().unwrap_or("-")).collect()
}

/// Percent-encoded, as a client writes it into a path or a query.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |whole, byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            whole + char::from(byte).encode_utf8(&mut [0; 4])
        }
        byte => whole + &format!("%{byte:02X}"),
    })
}
