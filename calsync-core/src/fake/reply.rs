//! The response of a fake server.

use std::fmt;

use ::http::header::{CONTENT_TYPE, HeaderValue};
use ::http::{HeaderName, StatusCode};
use bytes::Bytes;
use serde_json::Value;

use crate::http::Response;

/// The media type of JSON, as servers write it.
const JSON: &str = "application/json; charset=UTF-8";

/// The response of a fake server.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers, in the order they are sent.
    pub headers: Vec<(HeaderName, String)>,
    /// The body; empty if there is none.
    pub body: Bytes,
}

impl Reply {
    /// A response with a JSON body.
    #[must_use]
    pub fn json(status: StatusCode, body: &Value) -> Self {
        Self::text(status, JSON, body.to_string())
    }

    /// A response with an HTML page.
    #[must_use]
    pub fn html(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::text(status, "text/html; charset=UTF-8", body)
    }

    /// A response without a body.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// A response with a body of that media type.
    #[must_use]
    pub fn text(status: StatusCode, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self { status, headers: vec![(CONTENT_TYPE, content_type.to_owned())], body: body.into() }
    }

    /// Adds a header; headers of the same name stay.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The body read as JSON; `None` if it is not JSON.
    #[must_use]
    pub fn value(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Converts the reply to the response of a transport. A value that is not valid in a header is
    /// left out.
    #[must_use]
    pub fn into_response(self) -> Response {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}

/// A body without a `Content-Type` gets that of JSON.
impl From<Response> for Reply {
    fn from(response: Response) -> Self {
        let (parts, body) = response.into_parts();
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

/// Shows the status only, because headers and body may contain tokens and personal data.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("status", &self.status).finish_non_exhaustive()
    }
}
