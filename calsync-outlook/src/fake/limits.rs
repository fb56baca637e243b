//! Limits per mailbox: requests at the same time, and in ten minutes.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use http::header::RETRY_AFTER;

use super::outlook::FakeOutlook;
use super::reply::Problem;
use super::request::Received;
use super::settings::LimitResponse;
use super::state::State;

/// The counters for the limits.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    windows: BTreeMap<String, VecDeque<DateTime<Utc>>>,
    /// By mailbox: how many requests are in flight, and the highest number so far.
    gates: BTreeMap<String, (usize, usize)>,
}

/// Counts a request as in flight until it is dropped.
pub(super) struct InFlight {
    outlook: FakeOutlook,
    mailbox: String,
    width: usize,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.outlook.state().limiter.leave(&self.mailbox, self.width);
    }
}

impl InFlight {
    /// Counts `width` requests to that mailbox as in flight. Also returns how many of them are
    /// within the limit.
    pub(super) fn enter(outlook: &FakeOutlook, mailbox: String, width: usize) -> (Self, usize) {
        let room = {
            let mut state = outlook.state();
            let limit = state.settings.limits.in_flight_per_mailbox.unwrap_or(usize::MAX);
            let others = state.limiter.enter(&mailbox, width);
            limit.saturating_sub(others)
        };
        (Self { outlook: outlook.clone(), mailbox, width }, room)
    }
}

impl Limiter {
    /// Adds `width` requests. Returns how many others are in flight.
    fn enter(&mut self, mailbox: &str, width: usize) -> usize {
        let (now, max) = self.gates.entry(mailbox.to_owned()).or_default();
        let others = *now;
        *now += width;
        *max = (*max).max(*now);
        others
    }

    fn leave(&mut self, mailbox: &str, width: usize) {
        if let Some((now, _)) = self.gates.get_mut(mailbox) {
            *now = now.saturating_sub(width);
        }
    }

    /// The highest number of requests that were in flight at the same time.
    pub(super) fn most(&self, mailbox: &str) -> usize {
        self.gates.get(mailbox).map(|(_, max)| *max).unwrap_or_default()
    }
}

impl State {
    /// Counts a request, or refuses it. A refused request counts too.
    pub(super) fn count_request(&mut self, mailbox: &str, received: &Received) -> Result<(), Problem> {
        let limits = self.settings.limits;
        let now = self.now();
        let window = self.limiter.windows.entry(mailbox.to_owned()).or_default();
        while window.front().is_some_and(|at| *at <= now - TimeDelta::minutes(10)) {
            window.pop_front();
        }
        if limits.per_ten_minutes_per_mailbox.is_some() {
            window.push_back(now);
        }
        let wait = |problem: Problem| match limits.retry_after {
            Some(seconds) => problem.with_header(RETRY_AFTER, seconds.to_string()),
            None => problem,
        };
        if limits.per_ten_minutes_per_mailbox.is_some_and(|limit| window.len() > limit) {
            let message = "Too many requests. Please retry after some time.";
            return Err(wait(Problem::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message)));
        }
        if received.room == 0 {
            let status = match limits.answer {
                LimitResponse::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
                LimitResponse::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            };
            let message = "Application is over its MailboxConcurrency limit.";
            return Err(wait(Problem::new(status, "ApplicationThrottled", message)));
        }
        Ok(())
    }
}
