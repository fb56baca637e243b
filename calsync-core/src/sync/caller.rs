//! The calls of one step, each in its turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

use crate::calendar::CalendarRef;
use crate::error::{Error, ErrorKind, Failure, Retry};
use crate::plan::Step;
use crate::provider::CalendarProvider;
use crate::sync::metrics::{Measured, Throttle};
use crate::sync::pacing::{Door, Pass, Turn};
use crate::sync::quota::Quota;
use crate::sync::run::Shared;

/// Makes the calls of one step, each when its account's turn has come.
pub(super) struct Caller<'a> {
    pub(super) provider: &'a dyn CalendarProvider,
    shared: &'a Shared,
    place: &'a CalendarRef,
    quota: Quota,
    requests_per_update: u32,
    requests_per_find: u32,
    door: Arc<Door>,
    /// How long the step has waited while its account was left alone.
    waited_ms: AtomicU64,
}

impl<'a> Caller<'a> {
    pub(super) fn new(shared: &'a Shared, provider: &'a dyn CalendarProvider, step: &'a Step) -> Self {
        let place = &step.place;
        let capabilities = provider.capabilities();
        let quota = shared.syncer.quotas.of(place, &capabilities);
        let door = shared.syncer.pacing.door(&quota);
        if let Some(failure) = &step.pause {
            // What another process was told.
            shared.syncer.pacing.keep_to(&quota, failure);
        }
        Self {
            provider,
            shared,
            place,
            quota,
            requests_per_update: capabilities.requests_per_update,
            requests_per_find: capabilities.requests_per_find,
            door,
            waited_ms: AtomicU64::new(0),
        }
    }

    /// Makes a call when its turn has come. An account that is not to be called fails it at once, as it failed before.
    pub(super) async fn call<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.call_of(1, call).await
    }

    /// The same for an update, which may take several requests.
    pub(super) async fn update<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.call_of(self.requests_per_update, call).await
    }

    /// The same for a look-up by the key.
    pub(super) async fn find<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.call_of(self.requests_per_find, call).await
    }

    async fn call_of<T>(
        &self,
        requests: u32,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let pass = self.turn(requests).await?;
        let result = call.await;
        match &result {
            Ok(_) => pass.succeeded(),
            Err(error) => self.learn(&pass, error.failure()),
        }
        result
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.shared.syncer.clock.now()
    }

    /// The step was tried often enough: when the next plan may try it again.
    pub(super) fn next_attempt_at(&self) -> Option<DateTime<Utc>> {
        let pacing = &self.shared.syncer.pacing;
        pacing.paused_until(&self.quota, pacing.now())
    }

    async fn turn(&self, requests: u32) -> Result<Pass<'_>, Error> {
        let pacing = &self.shared.syncer.pacing;
        let _turn = self.door.turnstile.lock().await;
        // Nobody closes these semaphores; were one closed, the call would go out without waiting.
        let room = self.door.room.acquire().await.ok();
        loop {
            // Given back while the account has to be waited for.
            let place_in_run = self.shared.places.acquire().await.ok();
            let now = pacing.now();
            if let Some(failure) = self.shared.parked.why(self.place, &self.quota.account, self.now()) {
                return Err(failure.into());
            }
            let (until, cause) = match pacing.enter(&self.quota, requests, now) {
                Turn::Now(failures) => {
                    let quota = &self.quota;
                    return Ok(Pass {
                        pacing,
                        quota,
                        requests,
                        failures,
                        _room: room,
                        _place_in_run: place_in_run,
                    });
                }
                Turn::Full(until) => (until, Throttle::Pace),
                Turn::Paused(until, failure) => {
                    if !self.may_wait(until - now) {
                        return Err(not_called(failure, until, now).into());
                    }
                    (until, Throttle::Pause)
                }
            };
            drop(place_in_run);
            pacing.sleep_until(until).await;
            let waited = (pacing.now() - now).to_std().unwrap_or_default();
            self.shared.syncer.measure(&self.place.provider, Measured::Throttled(cause, waited));
        }
    }

    /// Whether the step's budget allows for that wait too. If so it is taken from it.
    fn may_wait(&self, wait: TimeDelta) -> bool {
        let wait = u64::try_from(wait.num_milliseconds()).unwrap_or_default();
        let waited = self.waited_ms.fetch_add(wait, Ordering::Relaxed).saturating_add(wait);
        u128::from(waited) <= self.shared.syncer.retry.budget.as_millis()
    }

    /// What a failed call says about those to come.
    fn learn(&self, pass: &Pass<'_>, failure: &Failure) {
        let Shared { syncer, parked, .. } = self.shared;
        if !is_retried(failure) {
            if parked.learn(failure, self.place, &self.quota.account, self.now()) {
                syncer.measure(&self.place.provider, Measured::Parked(failure.kind));
            }
            return;
        }
        let wait = syncer.retry.wait(pass.failures, failure, &*syncer.random);
        let (failures, until) = pass.failed(failure, wait);
        tracing::debug!(
            calsync.provider = self.place.provider.as_str(),
            calsync.kind = %failure.kind,
            calsync.pause_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            "the account is left alone"
        );
        if syncer.retry.attempts > 1 && failures >= syncer.retry.attempts {
            let failure = not_called(failure.clone(), until, syncer.pacing.now());
            if parked.give_up(&failure, &self.quota.account) {
                syncer.measure(&self.place.provider, Measured::Parked(failure.kind));
            }
        }
    }
}

/// The failure of a step whose account is left alone until then, since another call failed so.
fn not_called(failure: Failure, until: DateTime<Utc>, now: DateTime<Utc>) -> Failure {
    Failure {
        retry: Retry::Later,
        retry_after_ms: u64::try_from((until - now).num_milliseconds()).ok(),
        next_attempt_at: Some(until),
        ..failure
    }
}

/// Whether a failed step may succeed within the same run.
pub(super) fn is_retried(failure: &Failure) -> bool {
    failure.retry != Retry::Never
        && failure.kind != ErrorKind::QuotaExceeded
        && failure.next_attempt_at.is_none()
}
