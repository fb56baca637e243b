//! Rate limits, in sliding windows of one minute.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use http::header::RETRY_AFTER;

use super::access::Caller;
use super::reply::Problem;
use super::request::Incoming;
use super::settings::LimitResponse;
use super::state::State;

/// Times of the requests of the last minute.
#[derive(Debug, Default)]
pub(super) struct Windows {
    users: BTreeMap<String, VecDeque<DateTime<Utc>>>,
    project: VecDeque<DateTime<Utc>>,
    /// Number of events that clients have created, by user.
    pub(super) made: BTreeMap<String, usize>,
}

impl State {
    /// Counts a request, and refuses it if it exceeds a limit. A refused request counts too.
    pub(super) fn count_request(&mut self, caller: &Caller, incoming: &Incoming) -> Result<(), Problem> {
        let limits = self.settings.limits;
        let now = self.now();
        // `quotaUser` splits the quota of one account, for service accounts that act for many
        // users.
        let user = incoming.query.get("quotaUser").unwrap_or(&caller.user);
        if user.chars().count() > 40 && incoming.query.get("quotaUser").is_some() {
            return Err(Problem::invalid_parameter("quotaUser"));
        }
        let by_user = limits.per_minute_per_user.is_some_and(|limit| {
            counted(self.windows.users.entry(user.to_owned()).or_default(), now) > limit
        });
        let by_project = limits
            .per_minute_per_project
            .is_some_and(|limit| counted(&mut self.windows.project, now) > limit);
        let problem = match (limits.answer, by_user, by_project) {
            (_, false, false) => return Ok(()),
            (LimitResponse::TooManyRequests, _, _) => {
                Problem::new(StatusCode::TOO_MANY_REQUESTS, "rateLimitExceeded", "Rate Limit Exceeded")
            }
            (LimitResponse::Forbidden, true, _) => {
                Problem::forbidden("userRateLimitExceeded", "User Rate Limit Exceeded")
            }
            (LimitResponse::Forbidden, ..) => Problem::forbidden("rateLimitExceeded", "Rate Limit Exceeded"),
        };
        let problem = problem.in_domain("usageLimits");
        Err(match limits.retry_after {
            Some(seconds) => problem.with_header(RETRY_AFTER, seconds.to_string()),
            None => problem,
        })
    }

    /// Refuses a new event after [`Limits::events_per_user`](super::Limits::events_per_user)
    /// events. At Google this limit against abuse lasts for hours.
    pub(super) fn check_quota(&self, user: &str) -> Result<(), Problem> {
        let made = self.windows.made.get(user).copied().unwrap_or_default();
        if self.settings.limits.events_per_user.is_some_and(|limit| made >= limit) {
            let problem = Problem::forbidden("quotaExceeded", "Calendar usage limits exceeded.");
            return Err(problem.in_domain("usageLimits"));
        }
        Ok(())
    }
}

/// Adds a request to the window. Returns the number of requests in the last minute.
fn counted(window: &mut VecDeque<DateTime<Utc>>, now: DateTime<Utc>) -> usize {
    while window.front().is_some_and(|at| *at <= now - TimeDelta::minutes(1)) {
        window.pop_front();
    }
    window.push_back(now);
    window.len()
}
