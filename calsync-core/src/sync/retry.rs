//! How often a step is tried, and how long to wait in between.

use std::time::Duration;

use crate::error::Failure;
use crate::sync::random::Random;

/// The longest wait that is believed, whoever asks for it.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// How often a step is tried within a run, and how long its account is left alone in between.
///
/// What was not sent or changed nothing is tried again; where nobody knows whether anything was changed, the next attempt
/// looks; what will fail again, and a quota that is used up for hours, is not tried again. The wait is by chance anything up
/// to a backoff that doubles with every failure of the account, on top of what the provider asked for. It is the account that
/// waits, with all its steps, until a call succeeds. A request that was never sent is sent once more at once.
///
/// A step for which the wait would be longer than its budget ends at once, and says in
/// [`Outcome::next_attempt_at`](crate::ledger::Outcome::next_attempt_at) when the next plan may try again. So do all the steps
/// of an account that has failed as often in a row as one step is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How often a step is tried at the most, the first time included.
    pub attempts: u32,
    /// How long a step waits in all while its account is left alone. Waiting for a turn does not count.
    pub budget: Duration,
    /// The backoff after the first failure.
    pub base: Duration,
    /// The longest backoff.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    /// Five attempts and two minutes of waiting, with backoffs from a second to a minute.
    fn default() -> Self {
        let [base, cap, budget] = [1, 60, 120].map(Duration::from_secs);
        Self { attempts: 5, budget, base, cap }
    }
}

impl RetryPolicy {
    /// Five attempts and two minutes of waiting, with backoffs from a second to a minute.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One attempt. What a provider asks for in so many words is still kept to: an account that is to be left alone is not
    /// called, and its steps end at once.
    #[must_use]
    pub fn none() -> Self {
        Self { attempts: 1, budget: Duration::ZERO, base: Duration::ZERO, cap: Duration::ZERO }
    }

    /// With so many attempts, the first one included; at least one.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// With that much waiting in all, for one step.
    #[must_use]
    pub fn with_budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// With that backoff after the first failure.
    #[must_use]
    pub fn with_base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// With that longest backoff.
    #[must_use]
    pub fn with_cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// How long an account is left alone after a failure that followed so many others.
    pub(super) fn wait(&self, failures: u32, failure: &Failure, random: &dyn Random) -> Duration {
        if failure.never_sent && failures == 0 {
            return Duration::ZERO;
        }
        let backoff = self.base.saturating_mul(2_u32.saturating_pow(failures)).min(self.cap).min(LONGEST);
        // The share of 2⁶⁴ that the number is.
        let jitter = backoff.as_nanos().saturating_mul(u128::from(random.next())) >> 64;
        let asked_for = failure.retry_after().unwrap_or_default().min(LONGEST);
        asked_for + Duration::from_nanos(u64::try_from(jitter).unwrap_or_default())
    }
}
