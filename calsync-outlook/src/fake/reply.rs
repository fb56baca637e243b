//! Graph's error responses.

use calsync_core::fake::{Fault, Reply};
use chrono::{DateTime, Utc};
use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use super::settings::ErrorFormat;

/// An error response of Graph.
#[derive(Debug, Clone)]
pub(super) struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    status: StatusCode,
    code: String,
    message: String,
    more: Map<String, Value>,
    headers: Vec<(HeaderName, String)>,
}

/// The values that identify a response.
#[derive(Debug, Clone)]
pub(super) struct ResponseIds {
    pub(super) at: DateTime<Utc>,
    pub(super) request_id: String,
    pub(super) client_request_id: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            status,
            code: code.into(),
            message: message.into(),
            more: Map::new(),
            headers: Vec::new(),
        }))
    }

    /// 400 with a code of its own.
    pub(super) fn bad(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 400 that does not say which value is wrong.
    pub(super) fn validation() -> Self {
        Self::bad("ErrorPropertyValidationFailure", "At least one property failed validation.")
    }

    /// 400 for a request that Exchange does not accept.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::bad("ErrorInvalidRequest", message)
    }

    /// 400 for a body that does not fit the schema.
    pub(super) fn schema(message: impl Into<String>) -> Self {
        Self::bad("RequestBodyRead", message)
    }

    /// 400 for a URL that does not fit the schema.
    pub(super) fn url(message: impl Into<String>) -> Self {
        Self::bad("RequestBroker--ParseUri", message)
    }

    /// 400 for a text that does not have the form of an id.
    pub(super) fn malformed_id() -> Self {
        Self::bad("ErrorInvalidIdMalformed", "Id is malformed.")
    }

    pub(super) fn not_found() -> Self {
        let message = "The specified object was not found in the store.";
        Self::new(StatusCode::NOT_FOUND, "ErrorItemNotFound", message)
    }

    pub(super) fn denied() -> Self {
        let message = "Access is denied. Check credentials and try again.";
        Self::new(StatusCode::FORBIDDEN, "ErrorAccessDenied", message)
    }

    /// 412 for an etag that is not current.
    pub(super) fn conflict() -> Self {
        let message = "The send or update operation could not be performed because the change key passed in the request does \
                       not match the current change key for the item.";
        Self::new(StatusCode::PRECONDITION_FAILED, "ErrorIrresolvableConflict", message)
    }

    /// 401 for a missing, expired or unknown access token.
    pub(super) fn unauthorized(message: &str) -> Self {
        let problem = Self::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message);
        problem.with_header(
            http::header::WWW_AUTHENTICATE,
            "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\"",
        )
    }

    /// Adds a member to the error object.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.more.insert(name.to_owned(), value.into());
        self
    }

    pub(super) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.0.headers.push((name, value.into()));
        self
    }

    pub(super) fn reply(&self, shape: ErrorFormat, ids: &ResponseIds) -> Reply {
        let mut error = json!({"code": self.0.code, "message": self.0.message});
        let inner = json!({
            "date": ids.at.format("%Y-%m-%dT%H:%M:%S").to_string(),
            "request-id": ids.request_id,
            "client-request-id": ids.client_request_id,
        });
        if let Some(error) = error.as_object_mut() {
            error.extend(self.0.more.clone());
            match shape {
                ErrorFormat::Classic => error.insert("innerError".into(), inner),
                ErrorFormat::LowerCase => error.insert("innererror".into(), inner),
                ErrorFormat::Bare => None,
            };
        }
        let mut reply = Reply::json(self.0.status, &json!({ "error": error }));
        reply.headers.extend(self.0.headers.iter().cloned());
        reply
    }
}

/// A fault: an error response with that status and code, in Graph's shape. The request has no
/// effect.
#[must_use]
pub fn graph_error(status: StatusCode, code: &str, message: &str) -> Fault {
    Fault::json(status, &json!({"error": {"code": code, "message": message}}))
}

/// A fault: 429 for too many requests at once, as the limits send it. `retry_after` is in seconds;
/// `None` leaves the header out.
#[must_use]
pub fn throttled(retry_after: Option<u64>) -> Fault {
    let message = "Application is over its MailboxConcurrency limit.";
    let fault = graph_error(StatusCode::TOO_MANY_REQUESTS, "ApplicationThrottled", message);
    match retry_after {
        Some(seconds) => fault.with_header(RETRY_AFTER, HeaderValue::from(seconds)),
        None => fault,
    }
}

/// A fault: 412 without `If-Match` in the request, since Exchange changed the event meanwhile
/// (microsoft-graph-docs#2256).
#[must_use]
pub fn irresolvable_conflict() -> Fault {
    let message = "The send or update operation could not be performed because the change key passed in the request does not \
                   match the current change key for the item.";
    graph_error(StatusCode::PRECONDITION_FAILED, "ErrorIrresolvableConflict", message)
}

/// A fault: 409 for two concurrent writes.
#[must_use]
pub fn concurrent_save() -> Fault {
    graph_error(StatusCode::CONFLICT, "ErrorConcurrentItemSave", "ConcurrentItemSave")
}
