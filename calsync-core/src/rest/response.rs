//! Classifies responses that are not a success, where all servers agree.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Operation, Retry};
use crate::http::Response;
use crate::names::{Etag, ProviderKind};

/// Upper bound of a code's length, in characters. Longer texts are not codes.
const LONGEST_CODE: usize = 64;

/// Converts a response that is not a success into the error of `operation`. `code` is the server's
/// error code, `retry_after` comes from the header, and `classify` maps a status and a code (empty
/// if there is none).
///
/// A 4xx without an error code is not passed to `classify`: it comes from a proxy or a gateway,
/// which knows nothing of the event, the calendar or the grant. If its 404 counted, calsync would
/// create a second event beside the existing one. A status about load (408, 425, 429, 5xx) is
/// always passed to `classify`.
#[must_use]
pub fn failure(
    provider: ProviderKind,
    operation: Operation,
    response: &Response,
    code: Option<String>,
    retry_after: Option<Duration>,
    classify: fn(u16, &str, Operation) -> (ErrorKind, Retry),
) -> Error {
    let status = response.status().as_u16();
    let is_from_gateway = code.is_none() && matches!(status, 400..=499) && !matches!(status, 408 | 425 | 429);
    let common = if is_from_gateway { common_class(status, false, operation) } else { None };
    let (kind, retry) =
        common.unwrap_or_else(|| classify(status, code.as_deref().unwrap_or_default(), operation));
    let mut error = Error::new(kind, provider, operation).with_retry(retry).with_status(status);
    if let Some(code) = code {
        error = error.with_code(code);
    }
    if let Some(after) = retry_after {
        error = error.with_retry_after(after);
    }
    error
}

/// The meaning of a status that is the same at every server: the last step of a provider's
/// classification, after the server's own codes. `None` for a 4xx with an error code (`has_code`),
/// which only the provider can classify.
///
/// A 4xx without a code comes from a gateway: nothing was changed, and it says nothing about the
/// event. If it is about the size or the form of a request (400, 413, 414, 422, 431), it is
/// [`Other`](ErrorKind::Other), so that one event's request does not block a whole account. Every
/// other one is [`Unavailable`](ErrorKind::Unavailable).
///
/// A 401 means that a token which was just issued is refused: an outage. Only the token endpoint
/// reports that a grant has expired or was revoked.
#[must_use]
pub fn common_class(status: u16, has_code: bool, operation: Operation) -> Option<(ErrorKind, Retry)> {
    Some(match status {
        429 => (ErrorKind::RateLimited, Retry::Later),
        408 | 500..=599 => (ErrorKind::Unavailable, operation.after_lost_response()),
        // A redirect is never followed: the token would travel to another host. 409, 412 and 425:
        // another client writes the same event.
        300..=399 | 401 | 409 | 412 | 425 => (ErrorKind::Unavailable, Retry::Later),
        400..=499 if has_code => return None,
        400 | 413 | 414 | 422 | 431 => (ErrorKind::Other, Retry::Later),
        400..=499 => (ErrorKind::Unavailable, Retry::Later),
        _ => (ErrorKind::Other, operation.after_lost_response()),
    })
}

/// Returns the text if it is a code: 1 to 64 ASCII letters, digits, `_`, `-` and `.`. `None` for
/// any other text, which may contain personal data.
#[must_use]
pub fn code_of(text: &str) -> Option<String> {
    let is_code = (1..=LONGEST_CODE).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    is_code.then(|| text.to_owned())
}

/// A server's etag. `None` if it is empty or fits into no header, because it can then not be sent
/// back.
#[must_use]
pub fn valid_etag(etag: Option<&str>) -> Option<Etag> {
    etag.filter(|etag| !etag.is_empty() && ::http::HeaderValue::from_str(etag).is_ok()).map(Etag::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn a_4xx_without_a_code_says_nothing_about_the_event() {
        let gone = |_: u16, _: &str, _: Operation| (ErrorKind::NotFound, Retry::Never);
        let page = "<html>404</html>";
        for (status, body, code, kind) in [
            (404, "", None, ErrorKind::Unavailable),
            (404, "{}", None, ErrorKind::Unavailable),
            (404, page, None, ErrorKind::Unavailable),
            (410, "{\"message\":\"no Route matched\"}", None, ErrorKind::Unavailable),
            (413, page, None, ErrorKind::Other),
            (404, "{}", Some("notFound"), ErrorKind::NotFound),
            // A status about load is classified by the provider.
            (429, page, None, ErrorKind::NotFound),
            (503, page, None, ErrorKind::NotFound),
        ] {
            let response =
                ::http::Response::builder().status(status).body(Bytes::from_static(body.as_bytes()));
            let (response, code) = (response.unwrap(), code.map(str::to_owned));
            let error = failure(ProviderKind::MEMORY, Operation::Get, &response, code, None, gone);
            assert_eq!((error.kind(), error.failure().status), (kind, Some(status)), "{status} {body}");
        }
    }

    #[test]
    fn a_status_alone_never_says_that_an_event_or_a_grant_is_gone() {
        use ErrorKind as K;
        for (status, has_code, expected) in [
            (302, false, Some((K::Unavailable, Retry::Later))),
            (401, false, Some((K::Unavailable, Retry::Later))),
            (401, true, Some((K::Unavailable, Retry::Later))),
            (403, false, Some((K::Unavailable, Retry::Later))),
            (404, false, Some((K::Unavailable, Retry::Later))),
            (410, false, Some((K::Unavailable, Retry::Later))),
            (404, true, None),
            (400, true, None),
            // About this request, not about the account.
            (400, false, Some((K::Other, Retry::Later))),
            (413, false, Some((K::Other, Retry::Later))),
            (407, false, Some((K::Unavailable, Retry::Later))),
            (412, true, Some((K::Unavailable, Retry::Later))),
            (425, false, Some((K::Unavailable, Retry::Later))),
            (429, false, Some((K::RateLimited, Retry::Later))),
            (408, false, Some((K::Unavailable, Retry::Unknown))),
            (503, true, Some((K::Unavailable, Retry::Unknown))),
            (999, false, Some((K::Other, Retry::Unknown))),
        ] {
            assert_eq!(common_class(status, has_code, Operation::Create), expected, "{status} {has_code}");
        }
        // A read changes nothing, so it can be retried.
        for status in [408, 503, 999] {
            assert_eq!(common_class(status, false, Operation::Find).unwrap().1, Retry::Later, "{status}");
        }
    }

    #[test]
    fn a_sentence_is_not_a_code() {
        assert_eq!(code_of("ErrorItemNotFound").as_deref(), Some("ErrorItemNotFound"));
        for text in ["", "anna@example.org may not", &"x".repeat(65), "a b"] {
            assert_eq!(code_of(text), None, "{text}");
        }
    }

    #[test]
    fn an_etag_that_fits_into_no_header_is_dropped() {
        for (etag, is_kept) in [("\"7\"", true), ("W/\"7\"", true), ("", false), ("\"7\n\"", false)] {
            assert_eq!(valid_etag(Some(etag)).is_some(), is_kept, "{etag:?}");
        }
        assert_eq!(valid_etag(None), None);
    }
}
