//! What Graph's answers mean: status and machine-readable code to calsync's kinds of error.
//!
//! <https://learn.microsoft.com/graph/errors>

use std::time::Duration;

use calsync_core::ProviderKind;
use calsync_core::error::{Error, ErrorKind, Operation, Retry};
use calsync_core::http::Response;
use calsync_core::names::RemoteId;
use calsync_core::rest::{code_of, common_class, failure};
use serde_json::Value;

/// An id that is none of this server's.
const MALFORMED_ID: &str = "ErrorInvalidIdMalformed";

/// A create that is known by the same transaction id as another one.
const DUPLICATE: &str = "ErrorDuplicateTransactionId";

/// Stands in for a code that is a sentence, which may hold a person's data.
const UNTOLD: &str = "error";

/// What cannot be deleted, perhaps since it is: an immutable id still leads to what lies among the deleted items
/// (microsoftgraph/msgraph-sdk-dotnet#3047).
const UNDELETABLE: &str = "ErrorCannotDeleteObject";

/// An answer that is not the one hoped for, as an error of `operation`. `retry_after` is what its header asks for.
pub(crate) fn of_answer(operation: Operation, answer: &Response, retry_after: Option<Duration>) -> Error {
    let code = code(answer.body());
    let mut error = failure(ProviderKind::OUTLOOK, operation, answer, code, retry_after, classify);
    if error.failure().code.is_none()
        && let Some(code) = gateways_code(answer.body())
    {
        error = error.with_code(code);
    }
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

/// Whether it was refused to delete what may be deleted already.
pub(crate) fn is_undeletable(error: &Error) -> bool {
    error.failure().code.as_deref() == Some(UNDELETABLE)
}

/// The kind of failure and what may be done about it. `code` is empty where the body has none of Graph's.
fn classify(status: u16, code: &str, operation: Operation) -> (ErrorKind, Retry) {
    use ErrorKind as Kind;
    match (status, code) {
        (429, _)
        | (_, "ApplicationThrottled" | "TooManyRequests" | "activityLimitReached" | "ErrorServerBusy") => {
            (Kind::RateLimited, after_throttling(operation))
        }
        // The mailbox is full.
        (_, "ErrorQuotaExceeded") => (Kind::QuotaExceeded, Retry::Later),
        // These two are Graph's own only where they come in its shape; from anything else a 5xx says nothing of what was done.
        (507, code) if !code.is_empty() => (Kind::QuotaExceeded, Retry::Later),
        (509, code) if !code.is_empty() => (Kind::RateLimited, after_throttling(operation)),
        // The mailbox cannot be opened now: it is being moved, has no licence yet, or is on a server of the company's. That is not the
        // person's permission, and says nothing of the event.
        (400..=499, code) if is_of_mailbox(code) => (Kind::Unavailable, Retry::Later),
        // A position in a list of changes is too old. The calendar is there.
        (410, "SyncStateNotFound" | "resyncRequired" | "syncStateInvalid") => {
            (Kind::Unavailable, Retry::Later)
        }
        // No scope, another person's calendar, an application that is kept away from this mailbox, or a company's rules that want the
        // person at a screen (conditional access).
        (403, code) if is_known(code) => (Kind::Forbidden, Retry::Never),
        (404 | 410, code) if is_known(code) => (Kind::NotFound, Retry::Never),
        (400, MALFORMED_ID) => (Kind::NotFound, Retry::Never),
        (400 | 409, DUPLICATE) => (Kind::KeyUsed, Retry::Never),
        // A calendar of that name is there already.
        (409, "ErrorFolderExists") => (Kind::Refused, Retry::Never),
        (400, UNTOLD) => (Kind::Refused, Retry::Never),
        // A part of a batch that another one has failed, an event that is locked.
        (423 | 424, _) => (Kind::Unavailable, Retry::Later),
        _ => common_class(status, is_known(code), operation).unwrap_or((Kind::Refused, Retry::Never)),
    }
}

/// Whether there is a code that is Graph's own word. An error that says its message only is as well a gateway's.
fn is_known(code: &str) -> bool {
    !code.is_empty() && code != UNTOLD
}

/// What may be done after Graph has called for fewer requests. An event was seen to be there all the same after a create was answered
/// so; every other call changed nothing.
fn after_throttling(operation: Operation) -> Retry {
    if operation == Operation::Create { Retry::Unknown } else { Retry::Later }
}

/// Codes that are about the whole mailbox, and about now
/// (<https://learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode>).
fn is_of_mailbox(code: &str) -> bool {
    matches!(
        code,
        "MailboxNotEnabledForRESTAPI"
            | "MailboxNotSupportedForRESTAPI"
            | "MailboxInfoStale"
            | "ErrorMailboxFailover"
            | "ErrorMailboxMoveInProgress"
            | "ErrorMailboxStoreUnavailable"
            | "ErrorNonExistentMailbox"
            | "ResourceNotFound"
    )
}

/// The machine-readable code of an error's body in Graph's shape: the outer one, unless it is one of those that say nothing; then the
/// innermost that says more.
fn code(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let error = body.get("error")?;
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
    exact.or(outer).or_else(|| error.get("message").map(|_| UNTOLD.to_owned()))
}

/// The code of an error that is a text (`"error": "Forbidden"`, `"error": "invalid_token"`): a gateway's or a token endpoint's. It is
/// told, and no word of Graph's about an event.
fn gateways_code(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    code_of(body.get("error")?.as_str()?)
}

/// Codes that repeat the status in words (<https://learn.microsoft.com/graph/errors#code-property>).
fn is_vague(code: &str) -> bool {
    matches!(
        code,
        "RequestError"
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

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn answer(status: u16, body: &'static str) -> Response {
        http::Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap()
    }

    fn of(status: u16, body: &'static str, operation: Operation) -> Error {
        of_answer(operation, &answer(status, body), None)
    }

    /// Every body that is documented or was seen in the field, in each of the shapes Graph's front ends use.
    #[test]
    fn every_error_body_has_its_meaning() {
        use ErrorKind as K;
        use Retry as R;
        #[rustfmt::skip]
        let table: &[(u16, &str, K, R, &str)] = &[
            (400, r#"{"error":{"code":"ErrorInvalidRequest","message":"Your request can't be completed."}}"#, K::Refused, R::Never, "ErrorInvalidRequest"),
            (400, r#"{"error":{"code":"RequestBodyRead","message":"The property 'x' does not exist on type 'microsoft.graph.event'."}}"#, K::Refused, R::Never, "RequestBodyRead"),
            (400, r#"{"error":{"code":"UnableToDeserializePostBody","message":"were unable to deserialize "}}"#, K::Refused, R::Never, "UnableToDeserializePostBody"),
            (400, r#"{"error":{"code":"RequestError","message":"Unable to read JSON request payload.","innerError":{"date":"2026-11-22T10:00:00","request-id":"r","client-request-id":"c"}}}"#, K::Refused, R::Never, "RequestError"),
            (400, r#"{"error":{"code":"RequestError","message":"x","innererror":{"code":"RequestBroker--ParseUri","message":"x"}}}"#, K::Refused, R::Never, "RequestBroker--ParseUri"),
            (400, r#"{"error":{"code":"TimeZoneNotSupportedException","message":"A valid TimeZone value must be specified. The following TimeZone value is not supported: 'Mars/Phobos'."}}"#, K::Refused, R::Never, "TimeZoneNotSupportedException"),
            (400, r#"{"error":{"code":"ErrorPropertyValidationFailure","message":"At least one property failed validation."}}"#, K::Refused, R::Never, "ErrorPropertyValidationFailure"),
            (400, r#"{"error":{"code":"ErrorOccurrenceCrossingBoundary","message":"Modified occurrence is crossing or overlapping adjacent occurrence."}}"#, K::Refused, R::Never, "ErrorOccurrenceCrossingBoundary"),
            (400, r#"{"error":{"code":"ErrorInvalidIdMalformed","message":"Id is malformed."}}"#, K::NotFound, R::Never, "ErrorInvalidIdMalformed"),
            (400, r#"{"error":{"code":"ErrorDuplicateTransactionId","message":"Your request can't be completed. The TransactionId specified in the request has already been used to create a different event.","@event.existingEventId":"AAk="}}"#, K::KeyUsed, R::Never, "ErrorDuplicateTransactionId"),
            (409, r#"{"error":{"code":"ErrorDuplicateTransactionId","message":"x"}}"#, K::KeyUsed, R::Never, "ErrorDuplicateTransactionId"),
            (401, r#"{"error":{"code":"InvalidAuthenticationToken","message":"Lifetime validation failed, the token is expired."}}"#, K::Unavailable, R::Later, "InvalidAuthenticationToken"),
            (401, "", K::Unavailable, R::Later, ""),
            (403, r#"{"error":{"code":"ErrorAccessDenied","message":"Access is denied. Check credentials and try again."}}"#, K::Forbidden, R::Never, "ErrorAccessDenied"),
            (403, r#"{"error":{"code":"ErrorAccessDenied","message":"Access to OData is disabled."}}"#, K::Forbidden, R::Never, "ErrorAccessDenied"),
            (403, r#"{"error":{"code":"Forbidden","message":"x","innerError":{"code":"insufficient_claims"}}}"#, K::Forbidden, R::Never, "insufficient_claims"),
            (404, r#"{"error":{"code":"ErrorItemNotFound","message":"The specified object was not found in the store."}}"#, K::NotFound, R::Never, "ErrorItemNotFound"),
            (404, r#"{"error":{"code":"itemNotFound","message":"x","innerError":{"code":"ErrorItemNotFound"}}}"#, K::NotFound, R::Never, "ErrorItemNotFound"),
            (404, r#"{"error":{"code":"MailboxNotEnabledForRESTAPI","message":"REST API is not yet supported for this mailbox."}}"#, K::Unavailable, R::Later, "MailboxNotEnabledForRESTAPI"),
            (404, r#"{"error":{"code":"ErrorNonExistentMailbox","message":"x"}}"#, K::Unavailable, R::Later, "ErrorNonExistentMailbox"),
            (404, r#"{"error":{"code":"ResourceNotFound","message":"The mailbox is either inactive, soft-deleted, or is hosted on-premise."}}"#, K::Unavailable, R::Later, "ResourceNotFound"),
            (409, r#"{"error":{"code":"ErrorFolderExists","message":"A folder with the specified name already exists."}}"#, K::Refused, R::Never, "ErrorFolderExists"),
            (409, r#"{"error":{"code":"ErrorConcurrentItemSave","message":"x"}}"#, K::Unavailable, R::Later, "ErrorConcurrentItemSave"),
            (412, r#"{"error":{"code":"ErrorIrresolvableConflict","message":"The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item."}}"#, K::Unavailable, R::Later, "ErrorIrresolvableConflict"),
            (413, r#"{"error":{"code":"ErrorMessageSizeExceeded","message":"x"}}"#, K::Refused, R::Never, "ErrorMessageSizeExceeded"),
            (507, r#"{"error":{"code":"ErrorQuotaExceeded","message":"x"}}"#, K::QuotaExceeded, R::Later, "ErrorQuotaExceeded"),
            (429, r#"{"error":{"code":"ApplicationThrottled","message":"Application is over its MailboxConcurrency limit."}}"#, K::RateLimited, R::Unknown, "ApplicationThrottled"),
            (429, r#"{"error":{"code":"TooManyRequests","message":"x"}}"#, K::RateLimited, R::Unknown, "TooManyRequests"),
            (429, "<html>Too many</html>", K::RateLimited, R::Unknown, ""),
            (503, r#"{"error":{"code":"ApplicationThrottled","message":"Application is over its MailboxConcurrency limit."}}"#, K::RateLimited, R::Unknown, "ApplicationThrottled"),
            (503, r#"{"error":{"code":"ErrorServerBusy","message":"The server is too busy."}}"#, K::RateLimited, R::Unknown, "ErrorServerBusy"),
            (509, r#"{"error":{"code":"x","message":"bandwidth"}}"#, K::RateLimited, R::Unknown, "x"),
            (507, "{}", K::Unavailable, R::Unknown, ""),
            (509, "<html>Bandwidth</html>", K::Unavailable, R::Unknown, ""),
            (500, r#"{"error":{"code":"ErrorInternalServerError","message":"x"}}"#, K::Unavailable, R::Unknown, "ErrorInternalServerError"),
            (502, "<html>Bad gateway</html>", K::Unavailable, R::Unknown, ""),
            (503, r#"{"error":{"code":"ServiceUnavailable","message":"x"}}"#, K::Unavailable, R::Unknown, "ServiceUnavailable"),
            (503, r#"{"error":{"code":"ExtensionError","message":"x"}}"#, K::Unavailable, R::Unknown, "ExtensionError"),
            (504, r#"{"error":{"code":"UnknownError","message":"","innerError":{"date":"x"}}}"#, K::Unavailable, R::Unknown, "UnknownError"),
            (408, "", K::Unavailable, R::Unknown, ""),
            (302, "", K::Unavailable, R::Later, ""),
            (401, "<html>Who are you?</html>", K::Unavailable, R::Later, ""),
            (403, "<html>blocked by your company</html>", K::Unavailable, R::Later, ""),
            (404, "<!doctype html><title>404</title>", K::Unavailable, R::Later, ""),
            (404, r#"{"error":{"code":"ErrorItemNot"#, K::Unavailable, R::Later, ""),
            (404, "", K::Unavailable, R::Later, ""),
            (410, "", K::Unavailable, R::Later, ""),
            (404, "{}", K::Unavailable, R::Later, ""),
            (404, r#"{"message":"no Route matched with those values"}"#, K::Unavailable, R::Later, ""),
            (410, r#"{"error":{"message":"gone"}}"#, K::Unavailable, R::Later, "error"),
            (403, r#"{"timestamp":1,"status":403,"error":"Forbidden","path":"/v1.0/me"}"#, K::Unavailable, R::Later, "Forbidden"),
            (403, r#"{"error":{"code":403,"message":"x"}}"#, K::Unavailable, R::Later, "error"),
            (410, r#"{"error":{"code":"ErrorItemNotFound","message":"x"}}"#, K::NotFound, R::Never, "ErrorItemNotFound"),
            (410, r#"{"error":{"code":"SyncStateNotFound","message":"The sync state generation is not found"}}"#, K::Unavailable, R::Later, "SyncStateNotFound"),
            (403, r#"{"error":{"code":"ErrorMailboxMoveInProgress","message":"x"}}"#, K::Unavailable, R::Later, "ErrorMailboxMoveInProgress"),
            (424, r#"{"error":{"code":"FailedDependency","message":"x"}}"#, K::Unavailable, R::Later, "FailedDependency"),
            (400, "<html>Bad request</html>", K::Other, R::Later, ""),
            (400, "{}", K::Other, R::Later, ""),
            (400, r#"{"error":"invalid_request","error_description":"anna@example.org"}"#, K::Other, R::Later, "invalid_request"),
            (400, r#"{"error":{"code":"anna@example.org did it","message":"x"}}"#, K::Refused, R::Never, "error"),
        ];
        for (status, body, kind, retry, code) in table {
            let error = of(*status, body, Operation::Create);
            let is = (error.kind(), error.retry(), error.failure().code.as_deref().unwrap_or_default());
            assert_eq!(is, (*kind, *retry, *code), "{status} {body}");
            assert_eq!(error.failure().status, Some(*status));
        }
    }

    #[test]
    fn a_failed_read_leaves_nothing_unknown() {
        for status in [408, 500, 503] {
            assert_eq!(of(status, "", Operation::Get).retry(), Retry::Later);
            assert_eq!(of(status, "", Operation::Update).retry(), Retry::Unknown);
        }
    }

    /// Graph was seen to store an event and to answer so all the same.
    #[test]
    fn only_a_create_that_was_throttled_may_have_come_through() {
        let busy = r#"{"error":{"code":"ErrorServerBusy","message":"x"}}"#;
        for (status, body) in [(503, busy), (429, busy), (429, "")] {
            for operation in [Operation::Update, Operation::Delete, Operation::Find, Operation::ListCalendars]
            {
                let error = of(status, body, operation);
                assert_eq!((error.kind(), error.retry()), (ErrorKind::RateLimited, Retry::Later));
            }
            assert_eq!(of(status, body, Operation::Create).retry(), Retry::Unknown);
        }
    }

    #[test]
    fn who_has_the_transaction_id_is_told_where_the_server_tells() {
        let named = r#"{"error":{"code":"ErrorDuplicateTransactionId","@event.existingEventId":"AAk="}}"#;
        let unnamed = r#"{"error":{"code":"ErrorDuplicateTransactionId","message":"x"}}"#;
        for status in [400, 409] {
            assert_eq!(taken_by(&answer(status, named)), Some(Some(RemoteId::new("AAk="))));
            assert_eq!(taken_by(&answer(status, unnamed)), Some(None));
        }
        for (status, body) in
            [(500, named), (400, r#"{"error":{"code":"ErrorInvalidRequest"}}"#), (400, "<html>")]
        {
            assert_eq!(taken_by(&answer(status, body)), None, "{status} {body}");
        }
    }

    #[test]
    fn the_request_id_is_kept_for_microsofts_support() {
        let mut answer = answer(503, "");
        answer.headers_mut().insert("request-id", "0c7e1f2a-1111-2222-3333-444455556666".parse().unwrap());
        let error = of_answer(Operation::Get, &answer, None);
        assert_eq!(error.failure().request_id.as_deref(), Some("0c7e1f2a-1111-2222-3333-444455556666"));
        answer.headers_mut().insert("request-id", "Anna Smith".parse().unwrap());
        assert_eq!(of_answer(Operation::Get, &answer, None).failure().request_id, None);
    }

    #[test]
    fn nothing_of_the_body_but_its_code_is_told() {
        let body = r#"{"error":{"code":"ErrorAccessDenied","message":"CANARY anna@example.org may not","innerError":{"code":"CANARY 2"}}}"#;
        let error = of(403, body, Operation::Update);
        let told = format!("{error} {error:?}");
        assert!(!told.contains("CANARY") && !told.contains("anna"), "{told}");
    }
}
