//! What an answer that is no success means, as far as that is the same everywhere.

use std::time::Duration;

use serde::de::IgnoredAny;

use crate::error::{Error, ErrorKind, Operation, Retry};
use crate::http::Response;
use crate::names::{Etag, ProviderKind};

/// The longest code taken into an error; servers' codes are words.
const LONGEST_CODE: usize = 64;

/// An answer that is not the one hoped for, as an error of `operation`. `code` is the server's own, `retry_after` what its header
/// asks for, and `classify` says what a status and a code (empty where there is none) mean.
///
/// A page is not asked about: whatever a proxy or a portal shows, it knows neither the event nor the calendar nor the grant. Were
/// its 404 believed, the next event would be made beside one that stands.
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
    let (kind, retry) = match status {
        400..=499 if !matches!(status, 408 | 425 | 429) && is_page(answer.body()) => {
            (ErrorKind::Other, Retry::Later)
        }
        _ => classify(status, code.as_deref().unwrap_or_default(), operation),
    };
    let mut error = Error::new(kind, provider, operation).with_retry(retry).with_status(status);
    if let Some(code) = code {
        error = error.with_code(code);
    }
    if let Some(after) = retry_after {
        error = error.with_retry_after(after);
    }
    error
}

/// Whether a body is something to read for people. Errors of an API are JSON.
#[must_use]
pub fn is_page(body: &[u8]) -> bool {
    !body.is_empty() && serde_json::from_slice::<IgnoredAny>(body).is_err()
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
    fn a_page_says_nothing_of_the_event() {
        let gone = |_: u16, _: &str, _: Operation| (ErrorKind::NotFound, Retry::Never);
        for (status, body, kind) in [
            (404, "", ErrorKind::NotFound),
            (404, "{}", ErrorKind::NotFound),
            (404, "<html>", ErrorKind::Other),
            (404, "{\"error\":{\"code\":", ErrorKind::Other),
            // What a front end says of load is believed in any form.
            (429, "<html>", ErrorKind::NotFound),
            (503, "<html>", ErrorKind::NotFound),
        ] {
            let answer = ::http::Response::builder().status(status).body(Bytes::from_static(body.as_bytes()));
            let error = failure(ProviderKind::MEMORY, Operation::Get, &answer.unwrap(), None, None, gone);
            assert_eq!((error.kind(), error.failure().status), (kind, Some(status)), "{status} {body}");
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
