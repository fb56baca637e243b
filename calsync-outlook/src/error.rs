//! Maps Graph's error responses to calsync's error kinds, by status and machine-readable code.
//!
//! <https://learn.microsoft.com/graph/errors>

use std::time::Duration;

use calsync_core::ProviderKind;
use calsync_core::error::{Error, ErrorKind, Operation, Retry};
use calsync_core::http::Response;
use calsync_core::names::RemoteId;
use calsync_core::rest::{code_of, common_class, failure};
use serde_json::Value;

/// The id does not have the form of this server's ids.
const MALFORMED_ID: &str = "ErrorInvalidIdMalformed";

/// Another create used the same transaction id.
const DUPLICATE: &str = "ErrorDuplicateTransactionId";

/// Replaces a code that is a sentence, since it may contain personal data.
const NO_CODE: &str = "error";

/// The object cannot be deleted, possibly because it is deleted already: an immutable id may still
/// lead to an event in Deleted Items (microsoftgraph/msgraph-sdk-dotnet#3047).
const UNDELETABLE: &str = "ErrorCannotDeleteObject";

/// The error of `operation` for an unsuccessful response. `retry_after` is the value of its
/// `Retry-After` header.
pub(crate) fn of_response(operation: Operation, response: &Response, retry_after: Option<Duration>) -> Error {
    let code = code(response.body());
    let mut error = failure(ProviderKind::OUTLOOK, operation, response, code, retry_after, classify);
    if error.failure().code.is_none()
        && let Some(code) = gateways_code(response.body())
    {
        error = error.with_code(code);
    }
    match response.headers().get("request-id").and_then(|id| id.to_str().ok()).and_then(code_of) {
        Some(id) => error.with_request_id(id),
        None => error,
    }
}

/// The event that used a transaction id, if the response says that the transaction id is in use.
/// The inner option is `None` if the response does not name the event.
pub(crate) fn taken_by(response: &Response) -> Option<Option<RemoteId>> {
    // Graph was seen to send 400; other fakes send 409.
    if !matches!(response.status().as_u16(), 400 | 409) || code(response.body()).as_deref() != Some(DUPLICATE)
    {
        return None;
    }
    let body: Value = serde_json::from_slice(response.body()).ok()?;
    let id = body.get("error").and_then(|error| error.get("@event.existingEventId")).and_then(Value::as_str);
    Some(id.filter(|id| !id.is_empty()).map(RemoteId::new))
}

/// Whether the event changed since the version that was named, or since it was read: Exchange
/// returns 412 and 409 to requests without `If-Match` too.
pub(crate) fn is_outdated(error: &Error) -> bool {
    matches!(error.failure().status, Some(409 | 412)) && error.kind() == ErrorKind::Unavailable
}

/// Whether Graph refused to delete an event that may be deleted already.
pub(crate) fn is_undeletable(error: &Error) -> bool {
    error.failure().code.as_deref() == Some(UNDELETABLE)
}

/// The error kind and the retry advice. `code` is empty if the body has no code of Graph's.
fn classify(status: u16, code: &str, operation: Operation) -> (ErrorKind, Retry) {
    use ErrorKind as Kind;
    match (status, code) {
        (429, _)
        | (_, "ApplicationThrottled" | "TooManyRequests" | "activityLimitReached" | "ErrorServerBusy") => {
            (Kind::RateLimited, after_throttling(operation))
        }
        // The mailbox is full.
        (_, "ErrorQuotaExceeded") => (Kind::QuotaExceeded, Retry::Later),
        // 507 and 509 are Graph's own only with an error body in its shape. Any other 5xx does not
        // tell what was done.
        (507, code) if !code.is_empty() => (Kind::QuotaExceeded, Retry::Later),
        (509, code) if !code.is_empty() => (Kind::RateLimited, after_throttling(operation)),
        // The mailbox cannot be opened now: it is being moved, has no licence yet, or is on a
        // company's own server. This says nothing about the person's permission or the event.
        (400..=499, code) if is_of_mailbox(code) => (Kind::Unavailable, Retry::Later),
        // A delta token is too old. The calendar exists.
        (410, "SyncStateNotFound" | "resyncRequired" | "syncStateInvalid") => {
            (Kind::Unavailable, Retry::Later)
        }
        // A scope is missing, the calendar is another person's, an access policy keeps the
        // application out of the mailbox, or conditional access requires the person to sign in.
        (403, code) if is_known(code) => (Kind::Forbidden, Retry::Never),
        (404 | 410, code) if is_known(code) => (Kind::NotFound, Retry::Never),
        (400, MALFORMED_ID) => (Kind::NotFound, Retry::Never),
        (400 | 409, DUPLICATE) => (Kind::KeyUsed, Retry::Never),
        // A calendar of that name exists already.
        (409, "ErrorFolderExists") => (Kind::Refused, Retry::Never),
        (400, NO_CODE) => (Kind::Refused, Retry::Never),
        // 424: a part of a batch that depends on a failed one. 423: a locked event.
        (423 | 424, _) => (Kind::Unavailable, Retry::Later),
        _ => common_class(status, is_known(code), operation).unwrap_or((Kind::Refused, Retry::Never)),
    }
}

/// Whether the code is Graph's own. An error with only a message may come from a gateway.
fn is_known(code: &str) -> bool {
    !code.is_empty() && code != NO_CODE
}

/// The retry advice after throttling. A throttled create was seen to store its event nevertheless.
/// Every other throttled call changes nothing.
fn after_throttling(operation: Operation) -> Retry {
    if operation == Operation::Create { Retry::Unknown } else { Retry::Later }
}

/// Codes that concern the whole mailbox, for now
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

/// The machine-readable code of an error body in Graph's shape: the outer code if it is specific,
/// otherwise the innermost one.
fn code(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let error = body.get("error")?;
    let code_in = |error: &Value| error.get("code").and_then(Value::as_str).and_then(code_of);
    let outer = code_in(error);
    if outer.as_deref().is_some_and(|code| !is_vague(code)) {
        return outer;
    }
    let (mut inner, mut exact) = (error, None);
    // Bounds the depth of nested errors.
    for _ in 0..8 {
        let Some(next) = inner.get("innerError").or_else(|| inner.get("innererror")) else { break };
        inner = next;
        exact = code_in(inner).or(exact);
    }
    exact.or(outer).or_else(|| error.get("message").map(|_| NO_CODE.to_owned()))
}

/// The code of an error that is a text (`"error": "Forbidden"`, `"error": "invalid_token"`): from a
/// gateway or a token endpoint. It is reported, but does not classify the error.
fn gateways_code(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    code_of(body.get("error")?.as_str()?)
}

/// Codes that only repeat the status (<https://learn.microsoft.com/graph/errors#code-property>).
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

    fn response(status: u16, body: &'static str) -> Response {
        http::Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap()
    }

    fn of(status: u16, body: &'static str, operation: Operation) -> Error {
        of_response(operation, &response(status, body), None)
    }

    /// Every body that is documented or was seen in production, in each shape of Graph's front
    /// ends.
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
    fn a_failed_read_never_has_an_unknown_outcome() {
        for status in [408, 500, 503] {
            assert_eq!(of(status, "", Operation::Get).retry(), Retry::Later);
            assert_eq!(of(status, "", Operation::Update).retry(), Retry::Unknown);
        }
    }

    /// Graph was seen to store an event and still return a throttling error.
    #[test]
    fn of_throttled_calls_only_a_create_has_an_unknown_outcome() {
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
    fn the_event_with_the_transaction_id_is_known_if_the_server_names_it() {
        let named = r#"{"error":{"code":"ErrorDuplicateTransactionId","@event.existingEventId":"AAk="}}"#;
        let unnamed = r#"{"error":{"code":"ErrorDuplicateTransactionId","message":"x"}}"#;
        for status in [400, 409] {
            assert_eq!(taken_by(&response(status, named)), Some(Some(RemoteId::new("AAk="))));
            assert_eq!(taken_by(&response(status, unnamed)), Some(None));
        }
        for (status, body) in
            [(500, named), (400, r#"{"error":{"code":"ErrorInvalidRequest"}}"#), (400, "<html>")]
        {
            assert_eq!(taken_by(&response(status, body)), None, "{status} {body}");
        }
    }

    #[test]
    fn the_request_id_is_kept_for_microsofts_support() {
        let mut response = response(503, "");
        response.headers_mut().insert("request-id", "0c7e1f2a-1111-2222-3333-444455556666".parse().unwrap());
        let error = of_response(Operation::Get, &response, None);
        assert_eq!(error.failure().request_id.as_deref(), Some("0c7e1f2a-1111-2222-3333-444455556666"));
        response.headers_mut().insert("request-id", "Anna Smith".parse().unwrap());
        assert_eq!(of_response(Operation::Get, &response, None).failure().request_id, None);
    }

    #[test]
    fn an_error_shows_only_the_code_of_the_body() {
        let body = r#"{"error":{"code":"ErrorAccessDenied","message":"CANARY anna@example.org may not","innerError":{"code":"CANARY 2"}}}"#;
        let error = of(403, body, Operation::Update);
        let text = format!("{error} {error:?}");
        assert!(!text.contains("CANARY") && !text.contains("anna"), "{text}");
    }
}
