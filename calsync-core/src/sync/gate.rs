//! One gate for each account: how fast it may be called, and how long it is not called after a
//! failure.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Mutex as QueueLock, Semaphore, SemaphorePermit};

use crate::clock::{Clock, Sleep};
use crate::deadline::{self, CLOCK_SKEW, LONGEST_WAIT};
use crate::error::Failure;
use crate::names::ProviderKind;
use crate::sync::quota::{AccountKey, Quota};
use crate::sync::window::Window;

/// The gates of all accounts, shared by all the runs of a syncer.
#[derive(Debug)]
pub(super) struct Gates {
    clock: Arc<dyn Clock>,
    sleep: Arc<dyn Sleep>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    accounts: HashMap<AccountKey, Account>,
    applications: BTreeMap<ProviderKind, Window>,
    /// The latest time slept to. [`Gates::now`] is never earlier, even if the clock stops, until
    /// the clock is set back.
    slept_to: DateTime<Utc>,
    /// The clock's time at the end of that sleep.
    slept_at: DateTime<Utc>,
}

impl State {
    /// The time by a clock: never earlier than the latest time slept to, unless the clock was set
    /// back since. A time slept to under a clock that was ahead must not hold until the clock
    /// reaches it.
    fn now(&self, clock: DateTime<Utc>) -> DateTime<Utc> {
        let is_set_back = self.slept_at.signed_duration_since(clock) > CLOCK_SKEW;
        if is_set_back { clock } else { clock.max(self.slept_to) }
    }
}

/// The time for which an account is not called.
#[derive(Debug)]
struct Pause {
    until: DateTime<Utc>,
    noted_at: DateTime<Utc>,
    failure: Failure,
}

impl Pause {
    /// The end of the pause, if it has not come; a day after it was noted at the latest.
    fn left(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        deadline::left(self.until, self.noted_at, LONGEST_WAIT, now)
    }
}

#[derive(Debug)]
struct Account {
    gate: Arc<AccountGate>,
    window: Window,
    /// How many calls in a row have failed in a way that affects the account's other calls too.
    /// Calls that were under way together count once.
    failures: u32,
    pause: Option<Pause>,
}

/// The queue in which the calls to an account wait, in the order they came.
#[derive(Debug)]
pub(super) struct AccountGate {
    /// The call at the head of the queue holds this lock while it waits for room and for the pace,
    /// so calls begin in order. A probe holds it until it has ended, so the next calls see its
    /// result.
    pub(super) queue: QueueLock<()>,
    /// Limits the calls under way.
    pub(super) room: Semaphore,
}

/// Whether an account may be called.
#[derive(Debug)]
pub(super) enum Admission {
    /// It may be called, and the call counts from now on. Holds how many calls before it have
    /// failed in a row.
    Now(u32),
    /// There were too many requests in the last minute. Holds when there is room again.
    Full(DateTime<Utc>),
    /// It is paused, since a call failed. Holds the end of the pause and the failure.
    Paused(DateTime<Utc>, Failure),
}

/// Permission for one call; released when it is dropped.
#[derive(Debug)]
pub(super) struct CallPermit<'a> {
    pub(super) gates: &'a Gates,
    pub(super) quota: &'a Quota,
    /// How many requests the call makes.
    pub(super) requests: u32,
    /// How many calls in a row had failed when this one began.
    pub(super) failures: u32,
    pub(super) _room: Option<SemaphorePermit<'a>>,
    pub(super) _place_in_run: Option<SemaphorePermit<'a>>,
    /// Held by a probe: the account's other calls wait for its result.
    pub(super) _queue: Option<MutexGuardOf<'a>>,
}

type MutexGuardOf<'a> = tokio::sync::MutexGuard<'a, ()>;

impl Gates {
    pub(super) fn new(clock: Arc<dyn Clock>, sleep: Arc<dyn Sleep>) -> Self {
        Self { clock, sleep, state: Mutex::default() }
    }

    /// The time of the clock, but never earlier than the latest time slept to.
    pub(super) fn now(&self) -> DateTime<Utc> {
        let clock = self.clock.now();
        self.state().now(clock)
    }

    pub(super) async fn sleep_until(&self, until: DateTime<Utc>) {
        let wait = until.signed_duration_since(self.now()).to_std().unwrap_or_default();
        self.sleep.sleep(wait).await;
        let clock = self.clock.now();
        let mut state = self.state();
        state.slept_to = state.now(clock).max(until);
        state.slept_at = clock;
    }

    /// The account's gate.
    pub(super) fn gate(&self, quota: &Quota) -> Arc<AccountGate> {
        let now = self.now();
        self.state().account(quota, now).gate.clone()
    }

    /// Whether the account is paused.
    pub(super) fn is_paused(&self, quota: &Quota, now: DateTime<Utc>) -> bool {
        self.state().account(quota, now).pause.as_ref().is_some_and(|pause| pause.left(now).is_some())
    }

    /// Whether the account may be called now with this many requests. If so, the call counts as
    /// begun. The caller holds a permit of the account's room.
    pub(super) fn enter(&self, quota: &Quota, requests: u32, now: DateTime<Utc>) -> Admission {
        let mut state = self.state();
        let mut until = None;
        if let Some(limit) = quota.per_minute_of_application {
            let application = state.applications.entry(quota.account.provider.clone()).or_default();
            until = application.full_until(requests, limit, now);
        }
        let account = state.account(quota, now);
        if let Some((until, pause)) = account.pause.as_ref().and_then(|pause| Some((pause.left(now)?, pause)))
        {
            return Admission::Paused(until, pause.failure.clone());
        }
        if let Some(limit) = quota.per_minute {
            until = until.max(account.window.full_until(requests, limit, now));
        }
        if let Some(until) = until {
            return Admission::Full(until);
        }
        let failures = account.failures;
        state.windows(quota, |window| window.begin(requests));
        Admission::Now(failures)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn account(&mut self, quota: &Quota, now: DateTime<Utc>) -> &mut Account {
        // Before the map has to grow for a new account, accounts without any state are removed.
        if self.accounts.len() == self.accounts.capacity() && !self.accounts.contains_key(&quota.account) {
            self.accounts.retain(|_, account| account.is_needed(now));
        }
        self.accounts.entry(quota.account.clone()).or_insert_with(|| Account {
            gate: Arc::new(AccountGate {
                queue: QueueLock::new(()),
                room: Semaphore::new(quota.in_flight.clamp(1, Semaphore::MAX_PERMITS)),
            }),
            window: Window::default(),
            failures: 0,
            pause: None,
        })
    }

    /// Changes the windows in which a call counts: the account's and the application's.
    fn windows(&mut self, quota: &Quota, change: impl Fn(&mut Window)) {
        if quota.per_minute.is_some()
            && let Some(account) = self.accounts.get_mut(&quota.account)
        {
            change(&mut account.window);
        }
        if quota.per_minute_of_application.is_some()
            && let Some(window) = self.applications.get_mut(&quota.account.provider)
        {
            change(window);
        }
    }
}

impl Account {
    fn is_needed(&mut self, now: DateTime<Utc>) -> bool {
        // A back-off that ended more than an hour ago has no effect any more.
        let is_recent =
            |pause: &Pause| pause.left(now).is_some() || (now - pause.until).abs() < TimeDelta::hours(1);
        Arc::strong_count(&self.gate) > 1
            || self.pause.as_ref().is_some_and(is_recent)
            || !self.window.is_empty(now)
    }
}

impl CallPermit<'_> {
    /// Records a success. If the call began after the last failure, the count of failures is reset.
    pub(super) fn succeeded(&self) {
        let mut state = self.gates.state();
        if let Some(account) = state.accounts.get_mut(&self.quota.account)
            && account.failures == self.failures
        {
            account.failures = 0;
        }
    }

    /// Records a failure that affects the account's other calls: the account is paused for `wait`.
    /// Returns how many calls have failed in a row, and the end of the pause.
    pub(super) fn failed(&self, failure: &Failure, wait: Duration) -> (u32, DateTime<Utc>) {
        let now = self.gates.now();
        let until =
            TimeDelta::from_std(wait).ok().and_then(|wait| now.checked_add_signed(wait)).unwrap_or(now);
        let mut state = self.gates.state();
        let account = state.account(self.quota, now);
        account.failures = account.failures.max(self.failures.saturating_add(1));
        let before = account.pause.as_ref().and_then(|pause| pause.left(now));
        if before.is_none_or(|before| before < until) {
            account.pause = Some(Pause { until, noted_at: now, failure: failure.clone() });
        }
        (account.failures, before.map_or(until, |before| before.max(until)))
    }
}

impl Drop for CallPermit<'_> {
    fn drop(&mut self) {
        let now = self.gates.now();
        self.gates.state().windows(self.quota, |window| window.end(self.requests, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{CalendarRef, Person};
    use crate::clock::{SystemClock, TokioSleep};
    use crate::error::{Error, ErrorKind, Operation};
    use crate::names::CalendarId;
    use crate::provider::Capabilities;

    /// A call to a calendar, which has begun.
    fn call<'a>(gates: &'a Gates, quota: &'a Quota) -> CallPermit<'a> {
        match gates.enter(quota, 1, gates.now()) {
            Admission::Now(failures) => CallPermit {
                gates,
                quota,
                requests: 1,
                failures,
                _room: None,
                _place_in_run: None,
                _queue: None,
            },
            admission => panic!("{admission:?}"),
        }
    }

    fn quota_of(connection: i64) -> Quota {
        let (kind, id) = (ProviderKind::GOOGLE, CalendarId::primary());
        Quota::declared(&CalendarRef::new(Person::Guest, kind, connection.into(), id), &Capabilities::new())
    }

    fn outage() -> Failure {
        Error::new(ErrorKind::Unavailable, ProviderKind::GOOGLE, Operation::Find).into_failure()
    }

    #[test]
    fn a_pause_is_not_forgotten_when_many_other_accounts_are_called() {
        let clock = crate::testing::TestClock::at(DateTime::UNIX_EPOCH);
        let gates = Gates::new(Arc::new(clock), Arc::new(TokioSleep));
        let paused = quota_of(0);
        call(&gates, &paused).failed(&outage(), Duration::from_secs(60));
        for connection in 1..2000 {
            drop(call(&gates, &quota_of(connection)));
        }
        assert!(gates.is_paused(&paused, gates.now()));
    }

    #[tokio::test]
    async fn a_clock_that_was_ahead_and_is_set_back_pauses_no_account() {
        #[derive(Debug)]
        struct NoSleep;
        #[async_trait::async_trait]
        impl Sleep for NoSleep {
            async fn sleep(&self, _: Duration) {}
        }
        let quota = quota_of(1);
        let clock = crate::testing::TestClock::at(DateTime::UNIX_EPOCH);
        let gates = Gates::new(Arc::new(clock.clone()), Arc::new(NoSleep));
        for ahead in [TimeDelta::hours(30), TimeDelta::days(3650)] {
            clock.advance(ahead);
            let until = gates.now() + TimeDelta::hours(1);
            gates.sleep_until(until).await;
            assert_eq!(gates.now(), until, "a clock that stops ends a wait all the same");
            call(&gates, &quota).failed(&outage(), Duration::from_secs(60));
            assert!(gates.is_paused(&quota, gates.now()));
            clock.advance(-ahead);
            assert_eq!(gates.now(), DateTime::UNIX_EPOCH);
            assert!(!gates.is_paused(&quota, gates.now()));
        }
    }

    #[test]
    fn a_success_that_was_on_its_way_before_a_failure_does_not_end_the_backoff() {
        let quota = quota_of(1);
        let gates = Gates::new(Arc::new(SystemClock), Arc::new(TokioSleep));
        let (fails, succeeds) = (call(&gates, &quota), call(&gates, &quota));
        assert_eq!(fails.failed(&outage(), Duration::ZERO).0, 1);
        succeeds.succeeded();
        let next = call(&gates, &quota);
        assert_eq!(next.failures, 1);
        next.succeeded();
        assert_eq!(call(&gates, &quota).failures, 0);
    }
}
