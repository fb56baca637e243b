//! Limits: requests at the same time, and in a span of time, to one mailbox.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use http::header::RETRY_AFTER;

use super::outlook::FakeOutlook;
use super::reply::Problem;
use super::request::Asked;
use super::settings::LimitResponse;
use super::state::State;

/// What is counted for the limits.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    windows: BTreeMap<String, VecDeque<DateTime<Utc>>>,
    /// By mailbox: how many requests are in flight, and how many there have been at most.
    gates: BTreeMap<String, (usize, usize)>,
}

/// A request that is in flight, until this is dropped.
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
    /// `width` requests to that mailbox begin. Also says how many of them there is room for.
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
    /// Takes `width` requests in. Returns how many others there are.
    fn enter(&mut self, mailbox: &str, width: usize) -> usize {
        let (now, most) = self.gates.entry(mailbox.to_owned()).or_default();
        let others = *now;
        *now += width;
        *most = (*most).max(*now);
        others
    }

    fn leave(&mut self, mailbox: &str, width: usize) {
        if let Some((now, _)) = self.gates.get_mut(mailbox) {
            *now = now.saturating_sub(width);
        }
    }

    /// The most requests that were in flight at the same time.
    pub(super) fn most(&self, mailbox: &str) -> usize {
        self.gates.get(mailbox).map(|(_, most)| *most).unwrap_or_default()
    }
}

impl State {
    /// Counts a request, or refuses it. A refused one is counted as well.
    pub(super) fn count_request(&mut self, mailbox: &str, asked: &Asked) -> Result<(), Problem> {
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
        if asked.room == 0 {
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
