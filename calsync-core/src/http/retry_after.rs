//! `Retry-After`: how long a server asks to wait.

use std::time::Duration;

use ::http::{HeaderMap, header};
use chrono::{DateTime, NaiveDateTime, Utc};

/// Upper bound of a `Retry-After`: one day. A longer one counts as one day.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// The three date formats of HTTP (RFC 9110 section 5.6.7). The first is the current one; the
/// others are obsolete.
const DATES: [&str; 3] = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// How long the `Retry-After` of a response asks to wait, counted from `now`; at most
/// [`MAX_RETRY_AFTER`].
///
/// The header has seconds or a date (RFC 9110 section 10.2.3). A date that has passed is a wait of
/// zero. `None` if there is no such header, or it cannot be read.
///
/// ```
/// # use std::time::Duration;
/// # use calsync_core::http::retry_after;
/// let mut headers = http::HeaderMap::new();
/// headers.insert("retry-after", "Tue, 20 Jan 2026 09:02:00 GMT".parse()?);
/// let now = "2026-01-20T09:00:00Z".parse()?;
/// assert_eq!(retry_after(&headers, now), Some(Duration::from_secs(120)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if value.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(value.parse().ok()?)
    } else {
        let at = DATES.iter().find_map(|form| NaiveDateTime::parse_from_str(value, form).ok())?;
        at.and_utc().signed_duration_since(now).to_std().unwrap_or_default()
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use ::http::HeaderValue;

    use super::*;

    fn wait(value: &[u8]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, HeaderValue::from_bytes(value).unwrap());
        retry_after(&headers, "2026-01-20T09:00:00Z".parse().unwrap()).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_and_every_date_format_are_read() {
        for (value, seconds) in [
            ("0", 0),
            ("120", 120),
            (" 7 ", 7),
            ("007", 7),
            ("Tue, 20 Jan 2026 09:02:00 GMT", 120),
            ("Tuesday, 20-Jan-26 09:02:00 GMT", 120),
            ("Tue Jan 20 09:02:00 2026", 120),
            ("Sun Feb  1 09:00:00 2026", 24 * 3600),
            ("Tue, 20 Jan 2026 09:00:00 GMT", 0),
        ] {
            assert_eq!(wait(value.as_bytes()), Some(seconds), "{value}");
        }
    }

    #[test]
    fn a_date_that_has_passed_is_a_wait_of_zero() {
        for value in
            ["Tue, 20 Jan 2026 08:59:59 GMT", "Sun, 06 Nov 1994 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(wait(value.as_bytes()), Some(0), "{value}");
        }
    }

    #[test]
    fn a_wait_is_at_most_one_day() {
        for value in ["86401", "315360000", "18446744073709551615", "Sun, 20 Jan 2036 09:00:00 GMT"] {
            assert_eq!(wait(value.as_bytes()), Some(24 * 3600), "{value}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_read_is_ignored() {
        let garbage: [&[u8]; 11] = [
            b"",
            b"-1",
            b"+5",
            b"1.5",
            b"soon",
            b"2026-01-20T09:02:00Z",
            b"Tue, 20 Jan 2026 09:02:00 CET",
            // That day was a Tuesday: a date with the wrong weekday is ignored.
            b"Mon, 20 Jan 2026 09:02:00 GMT",
            b"Tue, 32 Jan 2026 09:02:00 GMT",
            b"99999999999999999999999",
            b"12\xff",
        ];
        for value in garbage {
            assert_eq!(wait(value), None, "{}", String::from_utf8_lossy(value));
        }
        assert_eq!(retry_after(&HeaderMap::new(), "2026-01-20T09:00:00Z".parse().unwrap()), None);
    }
}
