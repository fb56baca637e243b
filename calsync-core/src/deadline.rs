//! Stored deadlines, read in one place: a clock that was wrong once must not make anything wait for years.

use chrono::{DateTime, TimeDelta, Utc};

/// The longest wait that a server can ask for.
pub(crate) const LONGEST_WAIT: TimeDelta = TimeDelta::days(1);

/// The longest hold: after this time the next attempt is made, however often the ones before failed.
pub(crate) const LONGEST_HOLD: TimeDelta = TimeDelta::days(7);

/// The first hold; each further failure in a row doubles it.
const FIRST_HOLD: TimeDelta = TimeDelta::minutes(5);

/// How far the clocks of two processes may be apart.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// What is left of a stored deadline, or `None` once it has passed. It was noted at `noted_at` and ends `longest` after that at
/// the latest. One that was noted more than five minutes
/// in the future was written under a wrong clock and is void.
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

/// When to try again after the nth failure in a row: 5 minutes × 2^(n−1) from now, at most 7 days.
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
    fn a_deadline_ends_whatever_the_clock_said_when_it_was_noted() {
        let years = 10 * 365 * 24 * 60;
        for (until, noted_at, now, expected) in [
            (at(30), at(0), at(10), Some(at(30))),
            (at(30), at(0), at(30), None),
            // The clock was ten years ahead, and is right again.
            (at(years + 5), at(years), at(10), None),
            // Noted at a right time, with an absurd end.
            (at(years), at(0), at(10), Some(at(24 * 60))),
            (at(years), at(0), at(24 * 60), None),
        ] {
            assert_eq!(left(until, noted_at, LONGEST_WAIT, now), expected);
        }
    }

    #[test]
    fn holds_double_from_five_minutes_to_a_week() {
        let minutes = |failures| (backoff(failures, at(0)) - at(0)).num_minutes();
        assert_eq!([0, 1, 2, 3].map(minutes), [5, 5, 10, 20]);
        assert_eq!(minutes(11), 5120);
        assert_eq!([12, 13, u32::MAX].map(minutes), [7 * 24 * 60; 3]);
    }
}
