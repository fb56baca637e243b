//! What Google's answers mean: status and machine-readable reason to calsync's kinds of error.
//!
//! <https://developers.google.com/workspace/calendar/api/guides/errors>

use std::time::Duration;

use calsync_core::ProviderKind;
use calsync_core::error::{Error, ErrorKind, Operation, Retry};
use calsync_core::http::Response;
use calsync_core::rest::{code_of, failure};
use serde_json::Value;

/// An answer that is not the one hoped for, as an error of `operation`. `retry_after` is what its header asks for.
pub(crate) fn of_answer(operation: Operation, answer: &Response, retry_after: Option<Duration>) -> Error {
    failure(ProviderKind::GOOGLE, operation, answer, reason(answer.body()), retry_after, classify)
}

/// The kind of failure and what may be done about it.
fn classify(status: u16, reason: &str, operation: Operation) -> (ErrorKind, Retry) {
    use ErrorKind as Kind;
    match (status, reason) {
        // A token that was just made was refused: an outage. Only the token endpoint says that a grant is dead.
        (401, _) => (Kind::Unavailable, Retry::Later),
        // The limits of a minute and those of a day look alike; how long to try is the syncer's business.
        (403, "userRateLimitExceeded" | "rateLimitExceeded" | "RATE_LIMIT_EXCEEDED") | (429, _) => {
            (Kind::RateLimited, Retry::Later)
        }
        // The limit against abuse: it lasts for hours, and trying again prolongs it.
        (403, "quotaExceeded" | "dailyLimitExceeded") => (Kind::QuotaExceeded, Retry::Later),
        (403, "insufficientPermissions" | "ACCESS_TOKEN_SCOPE_INSUFFICIENT") => {
            (Kind::MissingScope, Retry::Never)
        }
        // The host's project does not have the Calendar API switched on, or has no billing.
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
        (404 | 410, _) => (Kind::NotFound, Retry::Never),
        (409, "duplicate") => (Kind::KeySpent, Retry::Never),
        // Somebody else is at the same event just now.
        (409 | 412 | 425, _) => (Kind::Unavailable, Retry::Later),
        (408 | 500..=599, _) => (Kind::Unavailable, operation.after_lost_answer()),
        // A redirect is never followed: it would take the token along.
        (300..=399, _) => (Kind::Unavailable, Retry::Later),
        // Without Google's shape of error it is some proxy's opinion and says nothing of the content.
        (400..=499, "") => (Kind::Other, Retry::Later),
        (400..=499, _) => (Kind::Refused, Retry::Never),
        _ => (Kind::Other, operation.after_lost_answer()),
    }
}

/// The machine-readable reason of an error's body, whichever of Google's shapes it has: `error.details[].reason` says most,
/// then `error.errors[].reason`, then `error.status`.
fn reason(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let error = body.get("error")?;
    let first = |list: &str| {
        let entries = error.get(list)?.as_array()?;
        entries.iter().find_map(|entry| entry.get("reason")?.as_str())
    };
    // An OAuth error instead of an API one (`"error": "invalid_token"`), or a bare code.
    let reason = first("details").or_else(|| first("errors")).or_else(|| error.get("status")?.as_str());
    let reason = reason.or_else(|| error.as_str());
    reason.and_then(code_of).or_else(|| error.get("code").map(|_| "error".to_owned()))
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

    /// Every body of Google's guide and those seen in the field, in each of the shapes its front ends use.
    #[test]
    fn every_error_body_has_its_meaning() {
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
            (401, "<html>Who are you?</html>", K::Other, R::Later, ""),
            (403, "<html><body>blocked by your company</body></html>", K::Other, R::Later, ""),
            (404, "<!doctype html><title>Error 404 (Not Found)!!1</title>", K::Other, R::Later, ""),
            (404, r#"{"error":{"code":404,"#, K::Other, R::Later, ""),
            (404, r#"{"error":"not found"}"#, K::NotFound, R::Never, ""),
            (404, "", K::NotFound, R::Never, ""),
            (410, "gone", K::Other, R::Later, ""),
            (404, r#"{"error":{"errors":[{"domain":"global","reason":"notFound","message":"Not Found"}],"code":404,"message":"Not Found"}}"#, K::NotFound, R::Never, "notFound"),
            (409, r#"{"error":{"errors":[{"domain":"global","reason":"duplicate","message":"The requested identifier already exists."}],"code":409,"message":"The requested identifier already exists."}}"#, K::KeySpent, R::Never, "duplicate"),
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
    fn a_failed_read_leaves_nothing_unknown() {
        for status in [408, 500, 503] {
            assert_eq!(of(status, "", Operation::Get).retry(), Retry::Later);
            assert_eq!(of(status, "", Operation::Update).retry(), Retry::Unknown);
        }
    }

    #[test]
    fn nothing_of_the_body_but_its_code_is_told() {
        let body = r#"{"error":{"errors":[{"reason":"forbidden","message":"anna@example.org may not"}],"code":403,"message":"CANARY"}}"#;
        let error = of(403, body, Operation::Update);
        let told = format!("{error} {error:?}");
        assert!(!told.contains("CANARY") && !told.contains("anna"), "{told}");
    }
}
