//! Answers.

use std::fmt;

use ::http::header::{CONTENT_TYPE, HeaderValue};
use ::http::{HeaderName, StatusCode};
use bytes::Bytes;
use serde_json::Value;

use crate::http::Response;

/// JSON's media type, as servers name it.
const JSON: &str = "application/json; charset=UTF-8";

/// An answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers, in their order.
    pub headers: Vec<(HeaderName, String)>,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// JSON.
    #[must_use]
    pub fn json(status: StatusCode, body: &Value) -> Self {
        Self::text(status, JSON, body.to_string())
    }

    /// A page.
    #[must_use]
    pub fn html(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::text(status, "text/html; charset=UTF-8", body)
    }

    /// No body.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// A body of that type.
    #[must_use]
    pub fn text(status: StatusCode, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self { status, headers: vec![(CONTENT_TYPE, content_type.to_owned())], body: body.into() }
    }

    /// With one more header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The body, where it is JSON.
    #[must_use]
    pub fn value(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// As a transport gives it.
    #[must_use]
    pub fn into_response(self) -> Response {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            // A value that cannot be a header is the fake's own slip; it is left out.
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}

/// A body that is said to be of no type is taken for JSON.
impl From<Response> for Reply {
    fn from(answer: Response) -> Self {
        let (parts, body) = answer.into_parts();
        let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let headers = parts.headers.iter().map(|(name, value)| (name.clone(), text(value))).collect();
        let reply = Self { status: parts.status, headers, body };
        if reply.headers.iter().any(|(name, _)| name == CONTENT_TYPE) || reply.body.is_empty() {
            reply
        } else {
            reply.with_header(CONTENT_TYPE, JSON)
        }
    }
}

/// Headers and body may hold tokens and what people wrote.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("status", &self.status).finish_non_exhaustive()
    }
}
