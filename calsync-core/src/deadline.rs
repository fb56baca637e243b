//! Reads stored deadlines, and limits them: a clock that was wrong once must not cause a wait of
//! years.

use chrono::{DateTime, TimeDelta, Utc};

/// The upper bound of a `Retry-After` of a server.
pub(crate) const LONGEST_WAIT: TimeDelta = TimeDelta::days(1);

/// The longest hold: after this time the next attempt is made, even after many failures.
pub(crate) const LONGEST_HOLD: TimeDelta = TimeDelta::days(7);

/// The hold after the first failure; each further failure in a row doubles it.
const FIRST_HOLD: TimeDelta = TimeDelta::minutes(5);

/// The largest accepted difference between the clocks of two processes.
pub(crate) const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// Returns a stored deadline if it has not passed yet, at most `longest` after `noted_at`, the time
/// when it was stored. If `noted_at` is more than five minutes in the future, the deadline was
/// stored under a wrong clock, and the result is `None`.
pub(crate) fn left(
    until: DateTime<Utc>,
    noted_at: DateTime<Utc>,
    longest: TimeDelta,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    if noted_at.signed_duration_since(now) > CLOCK_SKEW {
        return None;
    }
    let until = noted_at.checked_add_signed(longest).map_or(until, |last| until.min(last));
    (now < until).then_some(until)
}

/// Returns the time of the next attempt after n failures in a row: now + 5 minutes × 2^(n−1), at
/// most now + 7 days.
pub(crate) fn backoff(failures: u32, now: DateTime<Utc>) -> DateTime<Utc> {
    let doublings = failures.saturating_sub(1).min(16);
    let hold = (FIRST_HOLD * (1_i32 << doublings)).min(LONGEST_HOLD);
    now.checked_add_signed(hold).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    #[test]
    fn a_deadline_ends_even_if_it_was_stored_under_a_wrong_clock() {
        let years = 10 * 365 * 24 * 60;
        for (until, noted_at, now, expected) in [
            (at(30), at(0), at(10), Some(at(30))),
            (at(30), at(0), at(30), None),
            // The clock was ten years ahead and is correct again.
            (at(years + 5), at(years), at(10), None),
            // Stored under a correct clock, with an end that is years away.
            (at(years), at(0), at(10), Some(at(24 * 60))),
            (at(years), at(0), at(24 * 60), None),
        ] {
            assert_eq!(left(until, noted_at, LONGEST_WAIT, now), expected);
        }
    }

    #[test]
    fn holds_double_from_five_minutes_to_seven_days() {
        let minutes = |failures| (backoff(failures, at(0)) - at(0)).num_minutes();
        assert_eq!([0, 1, 2, 3].map(minutes), [5, 5, 10, 20]);
        assert_eq!(minutes(11), 5120);
        assert_eq!([12, 13, u32::MAX].map(minutes), [7 * 24 * 60; 3]);
    }
}
