//! The retry policy: how often a step is tried, and how long to wait in between.

use std::time::Duration;

use crate::error::Failure;
use crate::sync::random::Random;

/// The longest back-off, and the longest `Retry-After` that is followed.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// How often a step is tried within a run, and how long its account is paused in between.
///
/// A step is retried if its request was not sent or changed nothing. If it is not known whether the
/// request changed anything, the next attempt looks first. A failure that would repeat, and a quota
/// that is used up for hours, are not retried. The wait is a random time up to a back-off, added to
/// what the provider asked for (`Retry-After`). The back-off doubles with every failure of the
/// account in a row. The account waits with all its steps. The first time a request could not be
/// sent, it is sent again at once.
///
/// If the wait would exceed the step's budget, the step ends at once, and
/// [`Outcome::next_attempt_at`](crate::ledger::Outcome::next_attempt_at) tells when the next plan
/// may try again. The same holds for all steps of an account of which [`attempts`](Self::attempts)
/// calls in a row have failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// The largest number of attempts at a step, the first one included. Default: 5.
    pub attempts: u32,
    /// How long a step may wait in all while its account is paused. Waiting in the queue or for the
    /// pace does not count. Default: 2 minutes.
    pub budget: Duration,
    /// The back-off after the first failure. Default: 1 second.
    pub base: Duration,
    /// The longest back-off. Default: 1 minute. Never more than a day.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    /// Five attempts and two minutes of waiting, with back-offs from a second to a minute.
    fn default() -> Self {
        let [base, cap, budget] = [1, 60, 120].map(Duration::from_secs);
        Self { attempts: 5, budget, base, cap }
    }
}

impl RetryPolicy {
    /// Five attempts and two minutes of waiting, with back-offs from a second to a minute.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One attempt. A provider's `Retry-After` is still followed: until then the account is not
    /// called, and its steps end at once.
    #[must_use]
    pub fn none() -> Self {
        Self { attempts: 1, budget: Duration::ZERO, base: Duration::ZERO, cap: Duration::ZERO }
    }

    /// Sets the number of attempts, the first one included; 0 counts as 1. Default: 5.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Sets how long a step may wait in all while its account is paused. Default: 2 minutes.
    #[must_use]
    pub fn with_budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// Sets the back-off after the first failure. Default: 1 second.
    #[must_use]
    pub fn with_base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// Sets the longest back-off. Default: 1 minute.
    #[must_use]
    pub fn with_cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// How long an account is paused after a failure that followed `failures` others in a row.
    pub(super) fn wait(&self, failures: u32, failure: &Failure, random: &dyn Random) -> Duration {
        if failure.never_sent && failures == 0 {
            return Duration::ZERO;
        }
        let backoff = self.base.saturating_mul(2_u32.saturating_pow(failures)).min(self.cap).min(LONGEST);
        // The back-off times the random number divided by 2⁶⁴.
        let jitter = backoff.as_nanos().saturating_mul(u128::from(random.next())) >> 64;
        let asked_for = failure.retry_after().unwrap_or_default().min(LONGEST);
        asked_for + Duration::from_nanos(u64::try_from(jitter).unwrap_or_default())
    }
}
