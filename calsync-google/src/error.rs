//! Maps Google's error responses to calsync's errors, by status and machine-readable reason.
//!
//! <https://developers.google.com/workspace/calendar/api/guides/errors>

use std::time::Duration;

use calsync_core::ProviderKind;
use calsync_core::error::{Error, ErrorKind, Operation, Retry};
use calsync_core::http::Response;
use calsync_core::rest::{code_of, common_class, failure};
use serde_json::Value;

/// calsync's code for a time zone name that Google does not know. Google's own reason is `invalid`,
/// which has many other causes.
const UNKNOWN_ZONE: &str = "invalidTimeZone";

/// Back-off after an exhausted quota, where the response has no `Retry-After`. The limit lasts for
/// hours, and retries prolong it.
const QUOTA_BACKOFF: Duration = Duration::from_secs(3600);

/// Turns an error response into an error of `operation`. `retry_after` is the value of its
/// `Retry-After` header.
pub(crate) fn of_response(operation: Operation, response: &Response, retry_after: Option<Duration>) -> Error {
    let status = response.status().as_u16();
    let found = ErrorCode::of(status, response.body());
    let code = found.code.clone().filter(|_| found.is_reason || !matches!(status, 403 | 404 | 410));
    let mut error = failure(ProviderKind::GOOGLE, operation, response, code, retry_after, classify);
    if error.kind() == ErrorKind::QuotaExceeded && retry_after.is_none() {
        error = error.with_retry_after(QUOTA_BACKOFF);
    }
    match found.code {
        Some(code) => error.with_code(code),
        None => error,
    }
}

/// Whether Google refused the name of a time zone.
pub(crate) fn is_unknown_zone(error: &Error) -> bool {
    error.failure().code.as_deref() == Some(UNKNOWN_ZONE)
}

/// Whether the etag in the request is not the event's current version (412).
pub(crate) fn is_version_conflict(error: &Error) -> bool {
    error.failure().status == Some(412)
}

/// Maps status and reason to the kind of error, and to whether a retry can help.
fn classify(status: u16, reason: &str, operation: Operation) -> (ErrorKind, Retry) {
    use ErrorKind as Kind;
    match (status, reason) {
        // Google's per-minute and per-day limits have the same reason; the syncer decides how long
        // to retry.
        (
            403,
            "userRateLimitExceeded" | "rateLimitExceeded" | "RATE_LIMIT_EXCEEDED" | "RESOURCE_EXHAUSTED",
        ) => (Kind::RateLimited, Retry::Later),
        // Google's limit against abuse: it lasts for hours, and retries prolong it.
        (403, "quotaExceeded" | "dailyLimitExceeded") => (Kind::QuotaExceeded, Retry::Later),
        (403, "insufficientPermissions" | "ACCESS_TOKEN_SCOPE_INSUFFICIENT") => {
            (Kind::MissingScope, Retry::Never)
        }
        // The host's project has not enabled the Calendar API, or has no billing.
        (
            403,
            "accessNotConfigured"
            | "SERVICE_DISABLED"
            | "CONSUMER_INVALID"
            | "BILLING_DISABLED"
            | "dailyLimitExceededUnreg",
        ) => (Kind::Configuration, Retry::Never),
        (403, "forbiddenForNonOrganizer") => (Kind::Refused, Retry::Never),
        (403, _) => (Kind::Forbidden, Retry::Never),
        (404, "notFound" | "NOT_FOUND") | (410, "deleted") => (Kind::NotFound, Retry::Never),
        // Front ends that give no reason. In the response to a deletion it means only that the
        // event is deleted already.
        (410, "FAILED_PRECONDITION") if operation == Operation::Delete => (Kind::NotFound, Retry::Never),
        // `fullSyncRequired` and `updatedMinTooLongAgo` are about a listing's token, not about what
        // is listed.
        (404 | 410, _) => (Kind::Unavailable, Retry::Later),
        (409, "duplicate" | "ALREADY_EXISTS") => (Kind::KeyUsed, Retry::Never),
        _ => common_class(status, !reason.is_empty(), operation).unwrap_or((Kind::Refused, Retry::Never)),
    }
}

/// The code in the body of an error response.
#[derive(Debug, Default)]
struct ErrorCode {
    code: Option<String>,
    /// Whether the code is a reason or a status in the Calendar API's own error format. Gateways
    /// have formats of their own; some put a bare word under `error`.
    is_reason: bool,
}

impl ErrorCode {
    /// Reads a body in each of Google's formats. The most specific code wins:
    /// `error.details[].reason`, then `error.errors[].reason`, then `error.status`.
    fn of(status: u16, body: &[u8]) -> Self {
        let Ok(body) = serde_json::from_slice::<Value>(body) else { return Self::default() };
        let Some(error) = body.get("error") else { return Self::default() };
        if status == 400 && is_about_zone(error) {
            return Self { code: Some(UNKNOWN_ZONE.to_owned()), is_reason: true };
        }
        let reason = entries(error, "details").find_map(|entry| entry.get("reason")?.as_str());
        let reason =
            reason.or_else(|| entries(error, "errors").find_map(|entry| entry.get("reason")?.as_str()));
        let reason = reason.or_else(|| error.get("status")?.as_str());
        if let Some(code) = reason.and_then(code_of) {
            return Self { code: Some(code), is_reason: true };
        }
        // An OAuth error instead of an API one (`"error": "invalid_token"`), or a bare number.
        let bare = error.as_str().and_then(code_of);
        Self { code: bare.or_else(|| error.get("code").map(|_| "error".to_owned())), is_reason: false }
    }
}

fn entries<'a>(error: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    error.get(list).and_then(Value::as_array).into_iter().flatten()
}

/// Whether the message is `Invalid time zone definition for start time.` or alike, or the location
/// names the field.
fn is_about_zone(error: &Value) -> bool {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_lowercase);
    let has_message =
        |value: &Value| text(value, "message").is_some_and(|text| text.contains("invalid time zone"));
    let has_location = |value: &Value| text(value, "location").is_some_and(|text| text.ends_with("timezone"));
    has_message(error) || entries(error, "errors").any(|entry| has_message(entry) || has_location(entry))
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

    /// Every body in Google's guide, and bodies seen in practice, in each format that its front
    /// ends use.
    #[test]
    fn each_error_body_maps_to_its_kind_retry_and_code() {
        use ErrorKind as K;
        use Retry as R;
        #[rustfmt::skip]
        let table: &[(u16, &str, K, R, &str)] = &[
            (400, r#"{"error":{"errors":[{"domain":"calendar","reason":"timeRangeEmpty","message":"The specified time range is empty.","locationType":"parameter","location":"timeMax"}],"code":400,"message":"The specified time range is empty."}}"#, K::Refused, R::Never, "timeRangeEmpty"),
            (400, r#"{"error":{"errors":[{"domain":"global","reason":"invalid","message":"Invalid resource id value."}],"code":400,"message":"Invalid resource id value."}}"#, K::Refused, R::Never, "invalid"),
            (400, r#"{"error":{"errors":[{"domain":"global","reason":"required","message":"Missing end time."}],"code":400,"message":"Missing end time."}}"#, K::Refused, R::Never, "required"),
            (400, r#"{"error":{"code":400,"message":"Invalid value","status":"INVALID_ARGUMENT"}}"#, K::Refused, R::Never, "INVALID_ARGUMENT"),
            (400, r#"{"error":{"code":400,"message":"A provided value exceeds the allowed size limit."}}"#, K::Refused, R::Never, "error"),
            (401, r#"{"error":{"errors":[{"domain":"global","reason":"authError","message":"Invalid Credentials","locationType":"header","location":"Authorization"}],"code":401,"message":"Invalid Credentials"}}"#, K::Unavailable, R::Later, "authError"),
            (401, r#"{"error":{"code":401,"message":"Request had invalid authentication credentials.","status":"UNAUTHENTICATED"}}"#, K::Unavailable, R::Later, "UNAUTHENTICATED"),
            (401, "", K::Unavailable, R::Later, ""),
            (403, r#"{"error":{"errors":[{"domain":"usageLimits","reason":"userRateLimitExceeded","message":"User Rate Limit Exceeded"}],"code":403,"message":"User Rate Limit Exceeded"}}"#, K::RateLimited, R::Later, "userRateLimitExceeded"),
            (403, r#"{"error":{"errors":[{"domain":"usageLimits","reason":"rateLimitExceeded","message":"Rate Limit Exceeded"}],"code":403,"message":"Rate Limit Exceeded"}}"#, K::RateLimited, R::Later, "rateLimitExceeded"),
            (403, r#"{"error":{"code":403,"message":"Quota exceeded for quota metric 'Queries'.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT_EXCEEDED","domain":"googleapis.com"}]}}"#, K::RateLimited, R::Later, "RATE_LIMIT_EXCEEDED"),
            (429, r#"{"error":{"errors":[{"domain":"usageLimits","reason":"rateLimitExceeded","message":"Rate Limit Exceeded"}],"code":429,"message":"Rate Limit Exceeded"}}"#, K::RateLimited, R::Later, "rateLimitExceeded"),
            (429, "<html>Too many</html>", K::RateLimited, R::Later, ""),
            (403, r#"{"error":{"errors":[{"domain":"usageLimits","reason":"quotaExceeded","message":"Calendar usage limits exceeded."}],"code":403,"message":"Calendar usage limits exceeded."}}"#, K::QuotaExceeded, R::Later, "quotaExceeded"),
            (403, r#"{"error":{"errors":[{"domain":"usageLimits","reason":"dailyLimitExceeded","message":"Daily Limit Exceeded"}],"code":403,"message":"Daily Limit Exceeded"}}"#, K::QuotaExceeded, R::Later, "dailyLimitExceeded"),
            (403, r#"{"error":{"errors":[{"domain":"calendar","reason":"forbiddenForNonOrganizer","message":"Shared properties can only be changed by the organizer of the event."}],"code":403,"message":"Shared properties can only be changed by the organizer of the event."}}"#, K::Refused, R::Never, "forbiddenForNonOrganizer"),
            (403, r#"{"error":{"errors":[{"domain":"global","reason":"forbidden","message":"Forbidden"}],"code":403,"message":"Forbidden"}}"#, K::Forbidden, R::Never, "forbidden"),
            (403, r#"{"error":{"errors":[{"domain":"calendar","reason":"notACalendarUser","message":"The user must be signed up for Google Calendar."}],"code":403,"message":"The user must be signed up for Google Calendar."}}"#, K::Forbidden, R::Never, "notACalendarUser"),
            (403, r#"{"error":{"errors":[{"domain":"calendar","reason":"requiredAccessLevel","message":"You need to have writer access to this calendar."}],"code":403,"message":"You need to have writer access to this calendar."}}"#, K::Forbidden, R::Never, "requiredAccessLevel"),
            (403, r#"{"error":{"errors":[{"domain":"global","reason":"insufficientPermissions","message":"Insufficient Permission"}],"code":403,"message":"Insufficient Permission"}}"#, K::MissingScope, R::Never, "insufficientPermissions"),
            (403, r#"{"error":{"code":403,"message":"Request had insufficient authentication scopes.","errors":[{"message":"Insufficient Permission","domain":"global","reason":"insufficientPermissions"}],"status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"ACCESS_TOKEN_SCOPE_INSUFFICIENT","domain":"googleapis.com"}]}}"#, K::MissingScope, R::Never, "ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
            (403, r#"{"error":{"errors":[{"domain":"usageLimits","reason":"accessNotConfigured","message":"Calendar API has not been used in project 1 before or it is disabled."}],"code":403,"message":"x"}}"#, K::Configuration, R::Never, "accessNotConfigured"),
            (403, r#"{"error":{"code":403,"message":"x","status":"PERMISSION_DENIED","details":[{"reason":"SERVICE_DISABLED"}]}}"#, K::Configuration, R::Never, "SERVICE_DISABLED"),
            (403, r#"{"error":{"code":403,"message":"The caller does not have permission","status":"PERMISSION_DENIED"}}"#, K::Forbidden, R::Never, "PERMISSION_DENIED"),
            (401, "<html>Who are you?</html>", K::Unavailable, R::Later, ""),
            (403, "<html><body>blocked by your company</body></html>", K::Unavailable, R::Later, ""),
            (404, "<!doctype html><title>Error 404 (Not Found)!!1</title>", K::Unavailable, R::Later, ""),
            (404, r#"{"error":{"code":404,"#, K::Unavailable, R::Later, ""),
            (403, "", K::Unavailable, R::Later, ""),
            (404, "", K::Unavailable, R::Later, ""),
            (410, "", K::Unavailable, R::Later, ""),
            (410, "gone", K::Unavailable, R::Later, ""),
            (403, r#"{"message":"Forbidden"}"#, K::Unavailable, R::Later, ""),
            (404, r#"{"message":"no Route matched"}"#, K::Unavailable, R::Later, ""),
            (410, r#"{"message":"no Route matched"}"#, K::Unavailable, R::Later, ""),
            (404, "{}", K::Unavailable, R::Later, ""),
            (404, "null", K::Unavailable, R::Later, ""),
            (404, r#"{"error":"not found"}"#, K::Unavailable, R::Later, ""),
            (404, r#"{"timestamp":"2026-11-22T10:00:00Z","status":404,"error":"NotFound","path":"/"}"#, K::Unavailable, R::Later, "NotFound"),
            (403, r#"{"status":403,"error":"forbidden"}"#, K::Unavailable, R::Later, "forbidden"),
            (404, r#"{"error":"notFound"}"#, K::Unavailable, R::Later, "notFound"),
            (404, r#"{"error":{"code":404,"message":"no such upstream"}}"#, K::Unavailable, R::Later, "error"),
            (404, r#"{"error":{"code":404,"status":"NO_UPSTREAM"}}"#, K::Unavailable, R::Later, "NO_UPSTREAM"),
            (404, r#"{"error":{"code":404,"message":"Requested entity was not found.","status":"NOT_FOUND"}}"#, K::NotFound, R::Never, "NOT_FOUND"),
            (410, r#"{"error":{"errors":[{"domain":"calendar","reason":"fullSyncRequired","message":"Sync token is no longer valid, a full sync is required.","locationType":"parameter","location":"syncToken"}],"code":410,"message":"Sync token is no longer valid, a full sync is required."}}"#, K::Unavailable, R::Later, "fullSyncRequired"),
            (410, r#"{"error":{"errors":[{"domain":"calendar","reason":"updatedMinTooLongAgo","message":"The requested minimum modification time lies too far in the past."}],"code":410,"message":"x"}}"#, K::Unavailable, R::Later, "updatedMinTooLongAgo"),
            (410, r#"{"error":{"code":410,"message":"x","status":"FAILED_PRECONDITION"}}"#, K::Unavailable, R::Later, "FAILED_PRECONDITION"),
            (409, r#"{"error":{"code":409,"message":"x","status":"ALREADY_EXISTS"}}"#, K::KeyUsed, R::Never, "ALREADY_EXISTS"),
            (409, "", K::Unavailable, R::Later, ""),
            (412, "", K::Unavailable, R::Later, ""),
            (403, r#"{"error":{"code":403,"message":"x","status":"RESOURCE_EXHAUSTED"}}"#, K::RateLimited, R::Later, "RESOURCE_EXHAUSTED"),
            (400, r#"{"error":{"errors":[{"domain":"global","reason":"invalid","message":"Invalid time zone definition for start time."}],"code":400,"message":"Invalid time zone definition for start time."}}"#, K::Refused, R::Never, "invalidTimeZone"),
            (400, r#"{"error":{"errors":[{"domain":"global","reason":"invalid","message":"Invalid value","locationType":"parameter","location":"start.timeZone"}],"code":400,"message":"Invalid value"}}"#, K::Refused, R::Never, "invalidTimeZone"),
            (400, r#"{"error":{"code":400,"message":"Invalid time zone definition for start time.","status":"INVALID_ARGUMENT"}}"#, K::Refused, R::Never, "invalidTimeZone"),
            (400, r#"{"message":"Invalid time zone"}"#, K::Other, R::Later, ""),
            (404, r#"{"error":{"errors":[{"domain":"global","reason":"notFound","message":"Not Found"}],"code":404,"message":"Not Found"}}"#, K::NotFound, R::Never, "notFound"),
            (409, r#"{"error":{"errors":[{"domain":"global","reason":"duplicate","message":"The requested identifier already exists."}],"code":409,"message":"The requested identifier already exists."}}"#, K::KeyUsed, R::Never, "duplicate"),
            (409, r#"{"error":{"errors":[{"domain":"global","reason":"conflict","message":"Conflict"}],"code":409,"message":"Conflict"}}"#, K::Unavailable, R::Later, "conflict"),
            (410, r#"{"error":{"errors":[{"domain":"global","reason":"deleted","message":"Resource has been deleted"}],"code":410,"message":"Resource has been deleted"}}"#, K::NotFound, R::Never, "deleted"),
            (412, r#"{"error":{"errors":[{"domain":"global","reason":"conditionNotMet","message":"Precondition Failed","locationType":"header","location":"If-Match"}],"code":412,"message":"Precondition Failed"}}"#, K::Unavailable, R::Later, "conditionNotMet"),
            (500, r#"{"error":{"errors":[{"domain":"global","reason":"backendError","message":"Backend Error"}],"code":500,"message":"Backend Error"}}"#, K::Unavailable, R::Unknown, "backendError"),
            (502, "<html>Bad gateway</html>", K::Unavailable, R::Unknown, ""),
            (503, r#"{"error":{"code":503,"message":"The service is currently unavailable.","status":"UNAVAILABLE"}}"#, K::Unavailable, R::Unknown, "UNAVAILABLE"),
            (504, "", K::Unavailable, R::Unknown, ""),
            (408, "", K::Unavailable, R::Unknown, ""),
            (302, "", K::Unavailable, R::Later, ""),
            (413, "<html>Request entity too large</html>", K::Other, R::Later, ""),
            (400, "<html>Bad request</html>", K::Other, R::Later, ""),
            (400, r#"{"error":"invalid_request","error_description":"anna@example.org"}"#, K::Refused, R::Never, "invalid_request"),
            (400, r#"{"error":{"errors":[{"reason":"anna@example.org did it"}],"code":400}}"#, K::Refused, R::Never, "error"),
        ];
        for (status, body, kind, retry, code) in table {
            let error = of(*status, body, Operation::Create);
            let is = (error.kind(), error.retry(), error.failure().code.as_deref().unwrap_or_default());
            assert_eq!(is, (*kind, *retry, *code), "{status} {body}");
            assert_eq!(error.failure().status, Some(*status));
        }
    }

    #[test]
    fn an_exhausted_quota_backs_off_for_an_hour() {
        let body = r#"{"error":{"errors":[{"reason":"quotaExceeded"}],"code":403}}"#;
        let after = |asked| of_response(Operation::Create, &response(403, body), asked).retry_after();
        assert_eq!(after(None), Some(QUOTA_BACKOFF));
        assert_eq!(after(Some(Duration::from_secs(17))), Some(Duration::from_secs(17)));
        assert_eq!(of(503, "", Operation::Create).retry_after(), None);
    }

    #[test]
    fn a_failed_read_is_retried_later_and_a_failed_write_is_unknown() {
        for status in [408, 500, 503] {
            assert_eq!(of(status, "", Operation::Get).retry(), Retry::Later);
            assert_eq!(of(status, "", Operation::Update).retry(), Retry::Unknown);
        }
    }

    #[test]
    fn a_410_without_a_reason_means_deleted_only_in_response_to_a_deletion() {
        let body = r#"{"error":{"code":410,"message":"x","status":"FAILED_PRECONDITION"}}"#;
        assert_eq!(of(410, body, Operation::Delete).kind(), ErrorKind::NotFound);
        for operation in [Operation::Find, Operation::ListOurs, Operation::Get] {
            assert_eq!(of(410, body, operation).kind(), ErrorKind::Unavailable, "{operation}");
        }
    }

    #[test]
    fn an_error_shows_nothing_of_the_body_but_its_code() {
        let body = r#"{"error":{"errors":[{"reason":"forbidden","message":"anna@example.org may not"}],"code":403,"message":"CANARY"}}"#;
        let error = of(403, body, Operation::Update);
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("CANARY") && !shown.contains("anna"), "{shown}");
    }
}
