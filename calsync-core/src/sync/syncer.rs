//! The syncer: a planner and the providers that run its plans.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::Duration;

use crate::audience::Audience;
use crate::calendar::ConnectionKey;
use crate::calendar::Role;
use crate::clock::{Clock, Sleep, SystemClock, TokioSleep};
use crate::error::InputError;
use crate::event::{DefaultWording, Event, Wording};
use crate::health::{AccountHealthStore, HealthEvent, HealthKey, MemoryAccountHealthStore};
use crate::model::{Appointment, Order};
use crate::names::ProviderKind;
use crate::plan::{Begun, Brake, OtherAccount, Plan, Planner, Receipt, RemovedByPerson};
use crate::provider::CalendarProvider;
use crate::sync::engine::Engine;
use crate::sync::gate::Gates;
use crate::sync::metrics::{Meter, NoMeter};
use crate::sync::quota::{DeclaredQuotas, Quotas};
use crate::sync::random::{Random, SeededRandom};
use crate::sync::retry::RetryPolicy;
use crate::sync::run::Run;
use crate::time::Zone;

/// Makes plans and runs them. Clones share all state.
///
/// See the [crate's front page](crate) for the five steps a host takes with it.
#[derive(Debug, Clone)]
pub struct Syncer {
    engine: Arc<Engine>,
}

/// Builds a [`Syncer`].
#[derive(Debug)]
pub struct SyncerBuilder {
    namespace: Arc<str>,
    zone: Zone,
    wording: Arc<dyn Wording>,
    providers: BTreeMap<ProviderKind, Arc<dyn CalendarProvider>>,
    clock: Arc<dyn Clock>,
    sleep: Arc<dyn Sleep>,
    random: Arc<dyn Random>,
    quotas: Arc<dyn Quotas>,
    health: Arc<dyn AccountHealthStore>,
    brake: Brake,
    retry: RetryPolicy,
    meter: Arc<dyn Meter>,
    concurrency: usize,
    look_ahead: usize,
    removed_by_person: RemovedByPerson,
    other_account: OtherAccount,
    settle_after: Duration,
}

impl Syncer {
    /// Builds a syncer for the host's namespace: a name that tells its events from those of other
    /// hosts, such as `my-shop`. It is part of every event's key and must never change.
    #[must_use]
    pub fn builder(namespace: impl Into<Arc<str>>) -> SyncerBuilder {
        SyncerBuilder {
            namespace: namespace.into(),
            zone: Zone::UTC,
            wording: Arc::new(DefaultWording::new()),
            providers: BTreeMap::new(),
            clock: Arc::new(SystemClock),
            sleep: Arc::new(TokioSleep),
            random: Arc::new(SeededRandom::default()),
            quotas: Arc::new(DeclaredQuotas),
            health: Arc::new(MemoryAccountHealthStore::new()),
            brake: Brake::new(),
            retry: RetryPolicy::default(),
            meter: Arc::new(NoMeter),
            concurrency: 16,
            look_ahead: 256,
            removed_by_person: RemovedByPerson::default(),
            other_account: OtherAccount::default(),
            settle_after: Duration::minutes(10),
        }
    }

    /// Compares the events that should exist for an appointment with those that do; see
    /// [`Planner::plan`].
    ///
    /// # Errors
    /// As [`Planner::plan`].
    pub fn plan(
        &self,
        order: &Order,
        appointment: &Appointment,
        audience: &Audience<'_>,
    ) -> Result<Plan, InputError> {
        self.engine.planner.plan(order, appointment, audience, self.engine.clock.now())
    }

    /// The event as a person in that role would see it; see [`Planner::preview`].
    ///
    /// # Errors
    /// As [`Planner::preview`].
    pub fn preview(
        &self,
        role: Role,
        order: &Order,
        appointment: &Appointment,
        audience: &Audience<'_>,
    ) -> Result<Arc<Event>, InputError> {
        self.engine.planner.preview(role, order, appointment, audience)
    }

    /// The planner, with the syncer's providers and settings.
    #[must_use]
    pub fn planner(&self) -> &Planner {
        &self.engine.planner
    }

    /// Whether an appointment is on everyone's calendar now, and if not, what each target waits
    /// for; see [`Planner::explain`].
    ///
    /// # Errors
    /// As [`Syncer::plan`].
    pub fn explain(
        &self,
        order: &Order,
        appointment: &Appointment,
        audience: &Audience<'_>,
    ) -> Result<Receipt, InputError> {
        self.engine.planner.explain(order, appointment, audience, self.engine.clock.now())
    }

    /// Runs a plan that was begun and saved.
    pub fn run(&self, begun: Begun) -> Run<std::iter::Once<Begun>> {
        self.run_all(std::iter::once(begun))
    }

    /// Runs plans that were begun and saved, each of another appointment.
    ///
    /// Accounts are called in parallel, each at the pace its provider allows. The steps of one
    /// account begin in the order of the plans. One person's steps of one plan run one after the
    /// other.
    pub fn run_all<I: IntoIterator<Item = Begun>>(&self, plans: I) -> Run<I::IntoIter> {
        Run::new(self.engine.clone(), plans.into_iter())
    }

    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Whether a provider of that kind is registered.
    #[must_use]
    pub fn has_provider(&self, kind: &ProviderKind) -> bool {
        self.engine.providers.contains_key(kind)
    }

    /// Reports that the person has connected again, granted a permission or restored a calendar.
    /// Failures of that connection for such a reason are over, and rows that are held for them are
    /// planned again. [`AccessTokens`](crate::auth::AccessTokens) reports a new connection itself
    /// to the health store it was given. In another process, without a shared store, the host calls
    /// this, or [`Ledger::revive`](crate::ledger::Ledger::revive).
    pub fn connected(&self, connection: &ConnectionKey) {
        let key = HealthKey::Connection(connection.clone());
        self.engine.health.apply(&key, &HealthEvent::Connected, self.engine.clock.now());
    }

    /// The brake, which holds removals when there are too many at once.
    #[must_use]
    pub fn brake(&self) -> &Brake {
        self.engine.planner.brake()
    }
}

impl SyncerBuilder {
    /// Adds a provider for the connections of its kind. It replaces an earlier provider of the same
    /// kind.
    #[must_use]
    pub fn provider(self, provider: impl CalendarProvider) -> Self {
        self.shared_provider(Arc::new(provider))
    }

    /// Adds a provider of which the host keeps a handle.
    #[must_use]
    pub fn shared_provider(mut self, provider: Arc<dyn CalendarProvider>) -> Self {
        self.providers.insert(provider.kind(), provider);
        self
    }

    /// Sets the time zone of appointments that have none. Default: UTC.
    #[must_use]
    pub fn time_zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }

    /// Sets the wording of events. Default: [`DefaultWording`], the guide's texts.
    #[must_use]
    pub fn wording(mut self, wording: impl Wording) -> Self {
        self.wording = Arc::new(wording);
        self
    }

    /// Sets the clock. Default: [`SystemClock`].
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets how a run sleeps. It sleeps only when a limit is reached or a call has failed. Default:
    /// tokio's timer.
    #[must_use]
    pub fn sleep(mut self, sleep: impl Sleep) -> Self {
        self.sleep = Arc::new(sleep);
        self
    }

    /// Sets the source of random numbers. Default: [`SeededRandom`] with a random seed.
    #[must_use]
    pub fn random(mut self, random: impl Random) -> Self {
        self.random = Arc::new(random);
        self
    }

    /// Sets how often a step is tried. Default: 5 attempts, with 2 minutes of waiting in all.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sets the meter, which gets steps by verdict, retries, time waited, and the time until an
    /// event is visible. Default: none.
    #[must_use]
    pub fn meter(mut self, meter: impl Meter) -> Self {
        self.meter = Arc::new(meter);
        self
    }

    /// Sets the quotas of calendars. Default: [`DeclaredQuotas`], what the providers declare.
    #[must_use]
    pub fn quotas(mut self, quotas: impl Quotas) -> Self {
        self.quotas = Arc::new(quotas);
        self
    }

    /// Sets how many calls a run may have under way at once, over all accounts; 0 counts as 1. A
    /// step that waits for its account does not count. Default: 16.
    #[must_use]
    pub fn concurrency(mut self, steps: usize) -> Self {
        self.concurrency = steps.max(1);
        self
    }

    /// Sets how many lanes a run works on at a time; a lane is the steps of one person in one plan.
    /// This also limits how much of a long list of plans is in memory. Default: 256, and never
    /// fewer than [`concurrency`](Self::concurrency).
    ///
    /// A slow or paused account does not delay other accounts as long as they have lanes among
    /// these. A host that runs thousands of appointments of one account before those of another
    /// should mix the plans, or set a higher number. An account that is paused for longer than a
    /// step may wait does not fill the lanes, because its steps end at once.
    #[must_use]
    pub fn look_ahead(mut self, lanes: usize) -> Self {
        self.look_ahead = lanes;
        self
    }

    /// Sets what to do when a person has deleted our event by hand. Default:
    /// [`RemovedByPerson::Recreate`].
    #[must_use]
    pub fn removed_by_person(mut self, policy: RemovedByPerson) -> Self {
        self.removed_by_person = policy;
        self
    }

    /// Sets what to do when a connection leads to another account than before. Default:
    /// [`OtherAccount::Refuse`].
    #[must_use]
    pub fn other_account(mut self, policy: OtherAccount) -> Self {
        self.other_account = policy;
        self
    }

    /// Sets how long after a plan was begun its last write may still take effect: from `begin`
    /// until the last call has timed out. Default: 10 minutes.
    ///
    /// It matters only after a worker died, or two workers raced: a removal then takes one more
    /// look after this time. A host that begins more plans than it can run at once must include the
    /// waiting time.
    #[must_use]
    pub fn settle_after(mut self, time: Duration) -> Self {
        self.settle_after = time;
        self
    }

    /// Sets the store of account health: since when calls fail, and when they are probed next.
    /// Processes that share a store probe a failing account only once. Default: in memory.
    #[must_use]
    pub fn health_store(mut self, store: Arc<dyn AccountHealthStore>) -> Self {
        self.health = store;
        self
    }

    /// Sets the brake on removals. Default: [`Brake::new`], which counts in this process with the
    /// default limits.
    #[must_use]
    pub fn brake(mut self, brake: Brake) -> Self {
        self.brake = brake;
        self
    }

    /// Builds the syncer.
    #[must_use]
    pub fn build(self) -> Syncer {
        let mut planner = Planner::new(self.namespace)
            .with_time_zone(self.zone)
            .with_wording(self.wording)
            .with_other_account(self.other_account)
            .with_health(self.health.clone())
            .with_brake(self.brake);
        for (kind, provider) in &self.providers {
            planner = planner.with_provider(kind.clone(), provider.capabilities());
        }
        Syncer {
            engine: Arc::new(Engine {
                planner,
                providers: self.providers,
                gates: Gates::new(self.clock.clone(), self.sleep),
                clock: self.clock,
                health: self.health,
                quotas: self.quotas,
                random: self.random,
                retry: self.retry,
                meter: self.meter,
                concurrency: self.concurrency,
                look_ahead: self.look_ahead,
                removed_by_person: self.removed_by_person,
                settle_after: self.settle_after,
            }),
        }
    }
}
