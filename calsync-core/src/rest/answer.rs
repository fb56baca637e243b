//! What an answer that is no success means, as far as that is the same everywhere.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Operation, Retry};
use crate::http::Response;
use crate::names::{Etag, ProviderKind};

/// The longest code taken into an error; servers' codes are words.
const LONGEST_CODE: usize = 64;

/// A response that is no success, as an error of `operation`. `code` is the server's own, `retry_after` what its header asks
/// for, and `classify` says what a status and a code (empty where there is none) mean.
///
/// A 4xx without the server's own code is not asked about: a proxy or a gateway sent it, which knows neither the event nor the
/// calendar nor the grant. Were its 404 believed, the next event would be made beside the one that is there. What a front end
/// says of load (408, 425, 429, 5xx) counts in any form.
#[must_use]
pub fn failure(
    provider: ProviderKind,
    operation: Operation,
    answer: &Response,
    code: Option<String>,
    retry_after: Option<Duration>,
    classify: fn(u16, &str, Operation) -> (ErrorKind, Retry),
) -> Error {
    let status = answer.status().as_u16();
    let is_gateways = code.is_none() && matches!(status, 400..=499) && !matches!(status, 408 | 425 | 429);
    let common = if is_gateways { common_class(status, false, operation) } else { None };
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

/// What a status means at every server, once the server's own codes are looked through: the tail of a table of errors. `None`
/// for a 4xx with a code of the server's (`has_code`), of which only its own table can say more.
///
/// Without a code a 4xx is a gateway's: nothing was changed, and nothing is known of the event. One about the size or the form
/// of a request (400, 413, 414, 422, 431) is [`Other`](ErrorKind::Other), so that one event's request does not hold a whole
/// account; every other one is [`Unavailable`](ErrorKind::Unavailable).
///
/// A 401 says that a token which was just made is refused: an outage. Only the token endpoint tells that a grant is dead.
#[must_use]
pub fn common_class(status: u16, has_code: bool, operation: Operation) -> Option<(ErrorKind, Retry)> {
    Some(match status {
        429 => (ErrorKind::RateLimited, Retry::Later),
        408 | 500..=599 => (ErrorKind::Unavailable, operation.after_lost_answer()),
        // A redirect is never followed: it would take the token along. 409, 412 and 425: somebody else is at the same event.
        300..=399 | 401 | 409 | 412 | 425 => (ErrorKind::Unavailable, Retry::Later),
        400..=499 if has_code => return None,
        400 | 413 | 414 | 422 | 431 => (ErrorKind::Other, Retry::Later),
        400..=499 => (ErrorKind::Unavailable, Retry::Later),
        _ => (ErrorKind::Other, operation.after_lost_answer()),
    })
}

/// A code, if it is one and not a sentence, which may hold a person's data.
#[must_use]
pub fn code_of(text: &str) -> Option<String> {
    let is_code = (1..=LONGEST_CODE).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    is_code.then(|| text.to_owned())
}

/// A version as a server tells it. One that no header can hold can be asked for in none, and is as good as none.
#[must_use]
pub fn sendable(etag: Option<&str>) -> Option<Etag> {
    etag.filter(|etag| !etag.is_empty() && ::http::HeaderValue::from_str(etag).is_ok()).map(Etag::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn a_gateway_says_nothing_of_the_event() {
        let gone = |_: u16, _: &str, _: Operation| (ErrorKind::NotFound, Retry::Never);
        let page = "<html>404</html>";
        for (status, body, code, kind) in [
            (404, "", None, ErrorKind::Unavailable),
            (404, "{}", None, ErrorKind::Unavailable),
            (404, page, None, ErrorKind::Unavailable),
            (410, "{\"message\":\"no Route matched\"}", None, ErrorKind::Unavailable),
            (413, page, None, ErrorKind::Other),
            (404, "{}", Some("notFound"), ErrorKind::NotFound),
            // The server's table has the word on load.
            (429, page, None, ErrorKind::NotFound),
            (503, page, None, ErrorKind::NotFound),
        ] {
            let answer = ::http::Response::builder().status(status).body(Bytes::from_static(body.as_bytes()));
            let (answer, code) = (answer.unwrap(), code.map(str::to_owned));
            let error = failure(ProviderKind::MEMORY, Operation::Get, &answer, code, None, gone);
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
        // A lost read has changed nothing.
        for status in [408, 503, 999] {
            assert_eq!(common_class(status, false, Operation::Find).unwrap().1, Retry::Later, "{status}");
        }
    }

    #[test]
    fn a_sentence_is_no_code() {
        assert_eq!(code_of("ErrorItemNotFound").as_deref(), Some("ErrorItemNotFound"));
        for text in ["", "anna@example.org may not", &"x".repeat(65), "a b"] {
            assert_eq!(code_of(text), None, "{text}");
        }
    }

    #[test]
    fn a_version_that_cannot_be_sent_is_none() {
        for (etag, is_kept) in [("\"7\"", true), ("W/\"7\"", true), ("", false), ("\"7\n\"", false)] {
            assert_eq!(sendable(Some(etag)).is_some(), is_kept, "{etag:?}");
        }
        assert_eq!(sendable(None), None);
    }
}
