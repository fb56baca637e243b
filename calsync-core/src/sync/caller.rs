//! The calls of one step: each waits at its account's gate, and its result is recorded in the
//! account's health.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

use crate::calendar::CalendarRef;
use crate::error::{Error, ErrorKind, Failure, Operation, Retry};
use crate::health::{Failing, HealthEvent, HealthKey};
use crate::identity::Fingerprint;
use crate::ledger::{BlockReason, Hold};
use crate::plan::Step;
use crate::provider::CalendarProvider;
use crate::sync::engine::Shared;
use crate::sync::gate::{AccountGate, Admission, CallPermit};
use crate::sync::metrics::{Measured, Throttle};
use crate::sync::quota::Quota;

/// Makes the calls of one step, each as soon as its account may be called.
pub(super) struct Caller<'a> {
    pub(super) provider: &'a dyn CalendarProvider,
    shared: &'a Shared,
    place: &'a CalendarRef,
    /// How many attempts at the row have failed in a row before this one, and why it was blocked.
    failures: u32,
    blocked: Option<(BlockReason, DateTime<Utc>)>,
    quota: Quota,
    requests_per_update: u32,
    requests_per_find: u32,
    gate: Arc<AccountGate>,
    /// The health records that a call's result goes to: the account, the connection, the calendar.
    keys: [HealthKey; 3],
    /// Whether this step probes an account, a connection or a calendar that failed before.
    probes: AtomicBool,
    /// Whether this step was the first to meet a failure for its reason.
    is_news: AtomicBool,
    /// How many milliseconds the step has waited while its account was paused.
    waited_ms: AtomicU64,
}

impl<'a> Caller<'a> {
    /// A caller for the calls of a step.
    pub(super) fn new(shared: &'a Shared, provider: &'a dyn CalendarProvider, step: &'a Step) -> Self {
        let caller = Self::of(shared, provider, &step.calendar);
        Self { failures: step.failures, blocked: step.blocked, ..caller }
    }

    /// A caller for calls that concern a calendar, but no row.
    pub(super) fn of(
        shared: &'a Shared,
        provider: &'a dyn CalendarProvider,
        calendar: &'a CalendarRef,
    ) -> Self {
        let capabilities = provider.capabilities();
        let quota = shared.engine.quotas.of(calendar, &capabilities);
        let gate = shared.engine.gates.gate(&quota);
        Self {
            provider,
            shared,
            place: calendar,
            failures: 0,
            blocked: None,
            quota,
            requests_per_update: capabilities.requests_per_update,
            requests_per_find: capabilities.requests_per_find,
            gate,
            keys: [
                HealthKey::account_of(calendar),
                HealthKey::Connection(calendar.connection_key()),
                HealthKey::Calendar(calendar.key()),
            ],
            probes: AtomicBool::new(false),
            is_news: AtomicBool::new(false),
            waited_ms: AtomicU64::new(0),
        }
    }

    /// Makes a call as soon as its account may be called. Fails at once if the account may not be
    /// called within the step's budget.
    pub(super) async fn call<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let requests = match operation {
            Operation::Update => self.requests_per_update,
            Operation::Find => self.requests_per_find,
            _ => 1,
        };
        let permit = self.admit(requests).await?;
        let result = call.await;
        match &result {
            Ok(_) => {
                permit.succeeded();
                self.note_success(operation);
            }
            Err(error) => self.learn(&permit, error.failure()),
        }
        result
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.shared.engine.gates.now()
    }

    /// Whether this step was the first to meet a failure for its reason.
    pub(super) fn is_news(&self) -> bool {
        self.is_news.load(Ordering::Relaxed)
    }

    /// The hold of the step's row after a failure, and how many attempts have failed in a row.
    pub(super) fn hold_after(&self, failure: &Failure, content: Option<Fingerprint>) -> (Option<Hold>, u32) {
        let now = self.now();
        let failures = self.failures.saturating_add(u32::from(!failure.untried));
        let Some(reason) = BlockReason::of(failure) else {
            return (Hold::after(failure, content, failures, now, now), failures);
        };
        let failing = self.failing(reason);
        let before = self.blocked.filter(|(of, _)| *of == reason).map(|(_, since)| since);
        let since = failing.as_ref().map(|failing| failing.since).into_iter().chain(before).min();
        let since = since.unwrap_or(now).min(now);
        let hold = match failing {
            Some(failing) => Some(Hold::Blocked { reason, since, set_at: now, until: failing.next_probe }),
            None => Hold::after(failure, content, failures.max(1), since, now),
        };
        (hold, failures)
    }

    /// Whether the account, the connection or the calendar fails for that reason.
    pub(super) fn is_failing(&self, reason: BlockReason) -> bool {
        self.failing(reason).is_some()
    }

    /// The record of the account, the connection or the calendar, if it fails for that reason.
    fn failing(&self, reason: BlockReason) -> Option<Failing> {
        let health = &self.shared.engine.health;
        let is_it = |failing: &&Failing| failing.reason == reason;
        self.keys.iter().find_map(|key| health.get(key).failing().filter(is_it).cloned())
    }

    fn account(&self) -> &HealthKey {
        let [account, ..] = &self.keys;
        account
    }

    fn connection(&self) -> &HealthKey {
        let [_, connection, _] = &self.keys;
        connection
    }

    async fn admit(&self, requests: u32) -> Result<CallPermit<'_>, Error> {
        let gates = &self.shared.engine.gates;
        let queue = self.gate.queue.lock().await;
        // These semaphores are never closed. If one were closed, the call would be made without
        // waiting.
        let room = self.gate.room.acquire().await.ok();
        loop {
            // Released while the call has to wait for its account.
            let place_in_run = self.shared.places.acquire().await.ok();
            let now = gates.now();
            let is_probe = self.may_call(now)?;
            if let Some(until) = self.asked_to_wait(now) {
                if !self.may_wait(until - now) {
                    return Err(self.untried(BlockReason::Unavailable, Some(until), now));
                }
                drop(place_in_run);
                self.sleep_until(until, Throttle::Pause, now).await;
                continue;
            }
            let (until, cause) = match gates.enter(&self.quota, requests, now) {
                Admission::Now(failures) => {
                    return Ok(CallPermit {
                        gates,
                        quota: &self.quota,
                        requests,
                        failures,
                        _room: room,
                        _place_in_run: place_in_run,
                        _queue: is_probe.then_some(queue),
                    });
                }
                Admission::Full(until) => (until, Throttle::Pace),
                Admission::Paused(until, failure) => {
                    if !self.may_wait(until - now) {
                        return Err(self.give_up(failure, until, now));
                    }
                    (until, Throttle::Pause)
                }
            };
            drop(place_in_run);
            self.sleep_until(until, cause, now).await;
        }
    }

    async fn sleep_until(&self, until: DateTime<Utc>, cause: Throttle, now: DateTime<Utc>) {
        let gates = &self.shared.engine.gates;
        gates.sleep_until(until).await;
        let waited = (gates.now() - now).to_std().unwrap_or_default();
        self.measure(Measured::Throttled(cause, waited));
    }

    /// Until when the account has asked to wait, if its gate does not know: the request was made by
    /// another process, or through another connection.
    fn asked_to_wait(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.shared.engine.gates.is_paused(&self.quota, now) {
            return None;
        }
        let health = &self.shared.engine.health;
        [self.account(), self.connection()].iter().filter_map(|key| health.get(key).waits_until(now)).max()
    }

    /// Checks that the account, the connection and the calendar may be called. Returns whether the
    /// call is a probe: one of them fails, and its next probe is due.
    fn may_call(&self, now: DateTime<Utc>) -> Result<bool, Error> {
        let health = &self.shared.engine.health;
        let connection = health.get(self.connection());
        let mut probed = Vec::new();
        for key in &self.keys {
            let record = health.get(key);
            let Some(failing) = record.failing() else { continue };
            let may_probe = self.probes.load(Ordering::Relaxed) || failing.is_void(&connection);
            if !may_probe && failing.keeps_back(now) {
                return Err(self.untried(failing.reason, failing.held_until(now), now));
            }
            probed.push(key);
        }
        if !self.probes.swap(!probed.is_empty(), Ordering::Relaxed) {
            for key in &probed {
                health.apply(key, &HealthEvent::Probing, now);
            }
        }
        Ok(!probed.is_empty())
    }

    /// Whether the step's budget allows this wait too. The wait is taken from the budget.
    fn may_wait(&self, wait: TimeDelta) -> bool {
        let wait = u64::try_from(wait.num_milliseconds()).unwrap_or_default();
        let waited = self.waited_ms.fetch_add(wait, Ordering::Relaxed).saturating_add(wait);
        u128::from(waited) <= self.shared.engine.retry.budget.as_millis()
    }

    /// Records what a failed call means for later calls.
    fn learn(&self, permit: &CallPermit<'_>, failure: &Failure) {
        let engine = &self.shared.engine;
        if let Some(until) = self.retry_after(failure) {
            // Stored separately from the reason of failure: neither another failure nor a success
            // of a call that was under way shortens this wait.
            engine.health.apply(self.account(), &HealthEvent::AskedToWait(until), self.now());
        }
        if !is_retried(failure) {
            if let Some((key, reason)) = self.scope(failure) {
                self.mark_failing(key, reason, failure, self.retry_after(failure));
            }
            return;
        }
        let wait = engine.retry.wait(permit.failures, failure, &*engine.random);
        let (failures, until) = permit.failed(failure, wait);
        tracing::debug!(
            calsync.provider = self.place.provider.as_str(),
            calsync.kind = %failure.kind,
            calsync.pause_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            "the account is not called for a while"
        );
        let is_probe = self.probes.load(Ordering::Relaxed);
        if is_probe || (engine.retry.attempts > 1 && failures >= engine.retry.attempts) {
            let retry_after = failure.retry_after().map(|_| until);
            self.mark_failing(self.account(), BlockReason::Unavailable, failure, retry_after);
        }
    }

    /// The account, connection or calendar whose other calls would fail in the same way.
    fn scope(&self, failure: &Failure) -> Option<(&HealthKey, BlockReason)> {
        let reason = BlockReason::of(failure)?;
        let [account, connection, calendar] = &self.keys;
        match (failure.kind, failure.operation) {
            (ErrorKind::QuotaExceeded, _) => Some((account, reason)),
            (ErrorKind::Unauthenticated | ErrorKind::MissingScope | ErrorKind::OtherAccount, _) => {
                Some((connection, reason))
            }
            // For other operations the response may mean only that this event must not be changed.
            (ErrorKind::Forbidden, Operation::Create) | (ErrorKind::CalendarNotFound, _) => {
                Some((calendar, reason))
            }
            _ => None,
        }
    }

    fn mark_failing(
        &self,
        key: &HealthKey,
        reason: BlockReason,
        failure: &Failure,
        retry_after: Option<DateTime<Utc>>,
    ) {
        let (health, now) = (&self.shared.engine.health, self.now());
        let before = health.get(key);
        let before = before.failing().filter(|failing| failing.reason == reason);
        let is_probe = self.probes.swap(false, Ordering::Relaxed);
        if before.is_some_and(|failing| failing.keeps_back(now)) && !is_probe {
            // Calls that were under way together count once.
            return;
        }
        let was_blocked = self.blocked.is_some_and(|(of, _)| of == reason);
        let failures = if was_blocked { self.failures.saturating_add(1) } else { 1 };
        if before.is_none() && !was_blocked {
            self.is_news.store(true, Ordering::Relaxed);
        }
        let event = HealthEvent::Failed {
            reason,
            failures,
            retry_after,
            is_final: failure.confirmed && reason == BlockReason::Reconnect,
        };
        health.apply(key, &event, now);
        self.measure(Measured::Parked(failure.kind));
    }

    fn note_success(&self, operation: Operation) {
        let health = &self.shared.engine.health;
        for key in &self.keys {
            // A successful read does not show that writing is permitted.
            let is_lifted = |failing: &Failing| {
                let is_about_writing =
                    matches!(failing.reason, BlockReason::Forbidden | BlockReason::MissingScope);
                !(is_about_writing && operation.only_reads())
            };
            if health.get(key).failing().is_some_and(is_lifted) {
                health.apply(key, &HealthEvent::Succeeded, self.now());
            }
        }
    }

    /// The error of a step whose account is paused for longer than its budget allows. The account
    /// is marked as failing until then.
    fn give_up(&self, failure: Failure, until: DateTime<Utc>, now: DateTime<Utc>) -> Error {
        let is_held = self.failing(BlockReason::Unavailable).is_some_and(|failing| failing.keeps_back(now));
        if !is_held {
            self.mark_failing(self.account(), BlockReason::Unavailable, &failure, Some(until));
        }
        let retry_after_ms = u64::try_from((until - now).num_milliseconds()).ok();
        Failure { retry: Retry::Later, untried: true, retry_after_ms, ..failure }.into()
    }

    /// The error of a call that is not made, because the account, connection or calendar is known
    /// to fail.
    fn untried(&self, reason: BlockReason, until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Error {
        let kind = match reason {
            BlockReason::Reconnect => ErrorKind::Unauthenticated,
            BlockReason::MissingScope => ErrorKind::MissingScope,
            BlockReason::Forbidden => ErrorKind::Forbidden,
            BlockReason::CalendarNotFound => ErrorKind::CalendarNotFound,
            BlockReason::Quota => ErrorKind::QuotaExceeded,
            BlockReason::OtherAccount => ErrorKind::OtherAccount,
            _ => ErrorKind::Unavailable,
        };
        let provider = self.place.provider.clone();
        let failure = Error::new(kind, provider, Operation::Find).with_retry(Retry::Later).into_failure();
        let wait = until.map(|until| u64::try_from((until - now).num_milliseconds()).unwrap_or_default());
        Failure { untried: true, retry_after_ms: wait, ..failure }.into()
    }

    fn retry_after(&self, failure: &Failure) -> Option<DateTime<Utc>> {
        let wait = TimeDelta::from_std(failure.retry_after()?).ok()?;
        self.now().checked_add_signed(wait)
    }

    fn measure(&self, what: Measured) {
        self.shared.engine.measure(&self.place.provider, what);
    }
}

/// Whether a failed step may succeed within the same run.
pub(super) fn is_retried(failure: &Failure) -> bool {
    let may_succeed = match failure.kind {
        // All further calls would fail in the same way, even if the outcome of this one is unknown.
        ErrorKind::QuotaExceeded
        | ErrorKind::Unauthenticated
        | ErrorKind::MissingScope
        | ErrorKind::OtherAccount => false,
        // It may concern only this event.
        ErrorKind::Other => failure.retry == Retry::Unknown,
        _ => failure.retry != Retry::Never,
    };
    may_succeed && !failure.untried
}
