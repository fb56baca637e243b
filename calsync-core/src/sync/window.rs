//! Counts the requests of the last minute.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

/// A call stops counting when this many seconds have passed since the start of the second in which
/// it ended.
const SPAN: i64 = 61;

/// The requests of the last minute, by the second in which their call ended.
///
/// The server counts a call at some time between its start and its end. A call under way counts as
/// a call of now, an ended call as one of its end. So no minute on the server's clock has more than
/// the limit, even if a call takes long.
#[derive(Debug, Default)]
pub(super) struct Window {
    under_way: u32,
    ended: VecDeque<(i64, u32)>,
}

impl Window {
    /// When one more call of `requests` requests fits into the `limit` requests a minute; `None` if
    /// it fits now. A call of more than `limit` requests is allowed alone.
    pub(super) fn full_until(
        &mut self,
        requests: u32,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        self.forget(now);
        let calls = self.ended.iter().fold(self.under_way, |sum, (_, calls)| sum.saturating_add(*calls));
        let limit = limit.max(1);
        let mut over = calls.saturating_add(requests.min(limit)).saturating_sub(limit);
        if over == 0 {
            return None;
        }
        for (second, calls) in &self.ended {
            over = over.saturating_sub(*calls);
            if over == 0 {
                return DateTime::from_timestamp(second.saturating_add(SPAN), 0);
            }
        }
        // Calls under way use up the limit, and their end is not known: look again in a second.
        Some(now + TimeDelta::seconds(1))
    }

    /// A call begins.
    pub(super) fn begin(&mut self, requests: u32) {
        self.under_way = self.under_way.saturating_add(requests);
    }

    /// A call has ended.
    pub(super) fn end(&mut self, requests: u32, now: DateTime<Utc>) {
        self.under_way = self.under_way.saturating_sub(requests);
        let second = now.timestamp();
        match self.ended.back_mut() {
            Some((last, calls)) if *last >= second => *calls = calls.saturating_add(requests),
            _ => self.ended.push_back((second, requests)),
        }
    }

    /// Whether no call counts now.
    pub(super) fn is_empty(&mut self, now: DateTime<Utc>) -> bool {
        self.forget(now);
        self.under_way == 0 && self.ended.is_empty()
    }

    fn forget(&mut self, now: DateTime<Utc>) {
        let now = now.timestamp();
        // A second far in the future was counted before the clock was set back.
        while self.ended.front().is_some_and(|(second, _)| (now - second).abs() >= SPAN) {
            self.ended.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis((seconds * 1000.0) as i64).unwrap()
    }

    #[test]
    fn no_minute_holds_more_than_the_limit_however_long_a_call_takes() {
        let mut window = Window::default();
        for _ in 0..2 {
            assert_eq!(window.full_until(1, 2, at(0.5)), None);
            window.begin(1);
        }
        assert_eq!(window.full_until(1, 2, at(70.0)), Some(at(71.0)), "both are under way");
        window.end(1, at(70.9));
        window.end(1, at(80.0));
        assert_eq!(window.full_until(1, 2, at(81.0)), Some(at(131.0)));
        assert_eq!(window.full_until(1, 2, at(130.99)), Some(at(131.0)));
        assert_eq!(window.full_until(1, 2, at(131.0)), None);
    }

    #[test]
    fn a_limit_of_zero_allows_one_call_and_a_clock_set_back_blocks_none() {
        let mut window = Window::default();
        assert_eq!(window.full_until(1, 0, at(3600.0)), None);
        window.begin(1);
        window.end(1, at(3600.0));
        assert!(window.full_until(1, 0, at(3600.0)).is_some());
        assert_eq!(window.full_until(1, 0, at(10.0)), None);
        assert!(window.is_empty(at(10.0)));
    }

    #[test]
    fn a_call_of_two_requests_counts_twice() {
        let mut window = Window::default();
        for second in [0.0, 1.0] {
            assert_eq!(window.full_until(2, 5, at(second)), None);
            window.begin(2);
            window.end(2, at(second));
        }
        assert_eq!(window.full_until(1, 5, at(2.0)), None);
        assert_eq!(window.full_until(2, 5, at(2.0)), Some(at(61.0)));
        assert_eq!(
            Window::default().full_until(2, 1, at(2.0)),
            None,
            "more than the limit is let through alone"
        );
    }
}
