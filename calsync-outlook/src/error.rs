//! What Graph's answers mean: status and machine-readable code to calsync's kinds of error.
//!
//! <https://learn.microsoft.com/graph/errors>

use std::time::Duration;

use calsync_core::ProviderKind;
use calsync_core::error::{Error, ErrorKind, Operation, Retry};
use calsync_core::http::Response;
use calsync_core::names::RemoteId;
use calsync_core::rest::{code_of, failure};
use serde_json::Value;

/// An id that is none of this server's.
const MALFORMED_ID: &str = "ErrorInvalidIdMalformed";

/// A create that is known by the same transaction id as another one.
const DUPLICATE: &str = "ErrorDuplicateTransactionId";

/// An answer that is not the one hoped for, as an error of `operation`. `retry_after` is what its header asks for.
pub(crate) fn of_answer(operation: Operation, answer: &Response, retry_after: Option<Duration>) -> Error {
    let code = code(answer.body());
    let error = failure(ProviderKind::OUTLOOK, operation, answer, code, retry_after, classify);
    match answer.headers().get("request-id").and_then(|id| id.to_str().ok()).and_then(code_of) {
        Some(id) => error.with_request_id(id),
        None => error,
    }
}

/// The event that has taken a transaction id, of an answer that says that it is taken. `None` inside where it does not say by
/// which.
pub(crate) fn taken_by(answer: &Response) -> Option<Option<RemoteId>> {
    // 400 in the field, 409 in others' fakes.
    if !matches!(answer.status().as_u16(), 400 | 409) || code(answer.body()).as_deref() != Some(DUPLICATE) {
        return None;
    }
    let body: Value = serde_json::from_slice(answer.body()).ok()?;
    let id = body.get("error").and_then(|error| error.get("@event.existingEventId")).and_then(Value::as_str);
    Some(id.filter(|id| !id.is_empty()).map(RemoteId::new))
}

/// Whether the event has moved on since the version that was named, or since anybody looked: Exchange says so (412, 409) of
/// requests without `If-Match` too.
pub(crate) fn is_outdated(error: &Error) -> bool {
    matches!(error.failure().status, Some(409 | 412)) && error.kind() == ErrorKind::Unavailable
}

/// The kind of failure and what may be done about it.
fn classify(status: u16, code: &str, operation: Operation) -> (ErrorKind, Retry) {
    use ErrorKind as Kind;
    match (status, code) {
        // A company's rules want the person at a screen (conditional access).
        (401, _) | (403, "insufficient_claims" | "InsufficientClaims") => {
            (Kind::Unauthenticated, Retry::Never)
        }
        // What is throttled was not looked at, whatever the status.
        (429 | 509, _)
        | (_, "ApplicationThrottled" | "TooManyRequests" | "activityLimitReached" | "ErrorServerBusy") => {
            (Kind::RateLimited, Retry::Later)
        }
        // The mailbox is full.
        (507, _) | (_, "ErrorQuotaExceeded") => (Kind::QuotaExceeded, Retry::Later),
        // There is no mailbox, or none that Graph opens: no licence, still on a server of the company's, on its way out.
        (
            404,
            "MailboxNotEnabledForRESTAPI"
            | "MailboxNotSupportedForRESTAPI"
            | "ErrorNonExistentMailbox"
            | "ResourceNotFound",
        ) => (Kind::Forbidden, Retry::Never),
        // No scope, somebody else's calendar, or an application that is kept away from this mailbox.
        (403, _) => (Kind::Forbidden, Retry::Never),
        (404 | 410, _) | (400, MALFORMED_ID) => (Kind::NotFound, Retry::Never),
        (400 | 409, DUPLICATE) => (Kind::KeySpent, Retry::Never),
        // Somebody else is at the same event just now.
        (409 | 412 | 423 | 425, _) => (Kind::Unavailable, Retry::Later),
        (408 | 500..=599, _) => (Kind::Unavailable, operation.after_lost_answer()),
        // A redirect is never followed: it would take the token along.
        (300..=399, _) => (Kind::Unavailable, Retry::Later),
        // Without Graph's shape of error it is some proxy's opinion and says nothing of the content.
        (400..=499, "") => (Kind::Other, Retry::Later),
        (400..=499, _) => (Kind::Refused, Retry::Never),
        _ => (Kind::Other, operation.after_lost_answer()),
    }
}

/// The machine-readable code of an error's body: the outer one, unless it is one of those that say nothing; then the innermost
/// that says more.
fn code(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let error = body.get("error")?;
    // An OAuth error instead of an API one (`"error": "invalid_token"`).
    if let Some(error) = error.as_str() {
        return code_of(error);
    }
    let said = |error: &Value| error.get("code").and_then(Value::as_str).and_then(code_of);
    let outer = said(error);
    if outer.as_deref().is_some_and(|code| !is_vague(code)) {
        return outer;
    }
    let (mut inner, mut exact) = (error, None);
    // As deep as they come, within reason.
    for _ in 0..8 {
        let Some(next) = inner.get("innerError").or_else(|| inner.get("innererror")) else { break };
        inner = next;
        exact = said(inner).or(exact);
    }
    exact.or(outer).or_else(|| error.get("message").map(|_| "error".to_owned()))
}

/// Codes that repeat the status in words (<https://learn.microsoft.com/graph/errors#code-property>).
fn is_vague(code: &str) -> bool {
    matches!(
        code,
        "BadRequest"
            | "Forbidden"
            | "accessDenied"
            | "generalException"
            | "invalidRequest"
            | "itemNotFound"
            | "notAllowed"
            | "notSupported"
            | "resourceModified"
            | "serviceNotAvailable"
            | "UnknownError"
    )
}
