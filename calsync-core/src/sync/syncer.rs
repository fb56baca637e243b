//! The syncer: a planner, the providers, and the way to run plans with them.

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

/// Plans, and runs plans. Clones are handles to the same one.
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
    /// Begins a syncer for the host's namespace: a name that tells its events from everybody else's, such as `my-shop`. It
    /// goes into every event's key and must never change.
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

    /// Compares the events that should exist for an appointment with those that do; see [`Planner::plan`].
    ///
    /// # Errors
    /// When the appointment's times cannot stand in a calendar.
    pub fn plan(
        &self,
        order: &Order,
        appointment: &Appointment,
        audience: &Audience<'_>,
    ) -> Result<Plan, InputError> {
        self.engine.planner.plan(order, appointment, audience, self.engine.clock.now())
    }

    /// What a reader in that role would see; see [`Planner::preview`].
    ///
    /// # Errors
    /// When the appointment's times cannot stand in a calendar.
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

    /// Whether an appointment is on everyone's calendar now, and if not, which target waits for what; see
    /// [`Planner::explain`].
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
    /// Accounts go at the pace their provider allows, side by side, and each one's steps begin in the order they come in. One
    /// person's steps of one plan go one after the other.
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

    /// The person has connected again, granted a permission or restored a calendar: what failed through that connection for such a
    /// reason is over, and rows that are held for it are planned again. [`AccessTokens`](crate::auth::AccessTokens) says so itself to
    /// the store it was given; in another process the host says it, or calls [`Ledger::revive`](crate::ledger::Ledger::revive) too.
    pub fn connected(&self, connection: &ConnectionKey) {
        let key = HealthKey::Connection(connection.clone());
        self.engine.health.apply(&key, &HealthEvent::Connected, self.engine.clock.now());
    }

    /// The brake, which holds removals beyond its limits.
    #[must_use]
    pub fn brake(&self) -> &Brake {
        self.engine.planner.brake()
    }
}

impl SyncerBuilder {
    /// Adds a provider, for connections of its kind. A second one of the same kind takes the first one's place.
    #[must_use]
    pub fn provider(self, provider: impl CalendarProvider) -> Self {
        self.shared_provider(Arc::new(provider))
    }

    /// Adds a provider the host keeps a handle of.
    #[must_use]
    pub fn shared_provider(mut self, provider: Arc<dyn CalendarProvider>) -> Self {
        self.providers.insert(provider.kind(), provider);
        self
    }

    /// The zone of appointments that name none. UTC unless given.
    #[must_use]
    pub fn time_zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }

    /// How events are worded. The guide's words unless given.
    #[must_use]
    pub fn wording(mut self, wording: impl Wording) -> Self {
        self.wording = Arc::new(wording);
        self
    }

    /// Where the time comes from. The machine's clock unless given.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How waits are waited for. By tokio's timer unless given; nothing waits while no limit is met and no call fails.
    #[must_use]
    pub fn sleep(mut self, sleep: impl Sleep) -> Self {
        self.sleep = Arc::new(sleep);
        self
    }

    /// Where chance comes from. From a seed of the process's own unless given.
    #[must_use]
    pub fn random(mut self, random: impl Random) -> Self {
        self.random = Arc::new(random);
        self
    }

    /// How often a step is tried. Five times, with two minutes of waiting, unless given.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Where measurements go: steps by result, retries, time waited, how long until an event is seen. Nowhere unless given.
    #[must_use]
    pub fn meter(mut self, meter: impl Meter) -> Self {
        self.meter = Arc::new(meter);
        self
    }

    /// What the calls to a place count against. What the providers declare unless given.
    #[must_use]
    pub fn quotas(mut self, quotas: impl Quotas) -> Self {
        self.quotas = Arc::new(quotas);
        self
    }

    /// How many calls a run may have under way at once, over all accounts. 16 unless given; at least one. A step that waits
    /// for its account does not count.
    #[must_use]
    pub fn concurrency(mut self, steps: usize) -> Self {
        self.concurrency = steps.max(1);
        self
    }

    /// How many persons' steps a run keeps in view to find accounts that may be called, and so what it holds of a long list of
    /// plans. 256 unless given, and never fewer than may be under way.
    ///
    /// An account that is slow or paused keeps nobody waiting while the view holds steps of others. Whoever runs one account's
    /// thousands of appointments before another's mixes the plans, or gives a wider view. An account that is to be left alone
    /// for longer than a step may wait never fills it: its steps end at once.
    #[must_use]
    pub fn look_ahead(mut self, lanes: usize) -> Self {
        self.look_ahead = lanes;
        self
    }

    /// What to do when somebody has deleted our event by hand. It is made again unless told otherwise.
    #[must_use]
    pub fn removed_by_person(mut self, policy: RemovedByPerson) -> Self {
        self.removed_by_person = policy;
        self
    }

    /// What to do when a connection leads to another account than before. It is refused unless told otherwise.
    #[must_use]
    pub fn other_account(mut self, policy: OtherAccount) -> Self {
        self.other_account = policy;
        self
    }

    /// How long after a plan was begun its last write may still be on its way: from `begin` until the last call has timed
    /// out. 10 minutes unless given.
    ///
    /// Matters only where a worker died, or two raced: a removal then takes one more look after this time. Who begins more than
    /// can be run at once counts that time in.
    #[must_use]
    pub fn settle_after(mut self, time: Duration) -> Self {
        self.settle_after = time;
        self
    }

    /// Where the health of accounts is kept: what fails since when and is probed when. In memory by default; processes that
    /// share it call a failing account once.
    #[must_use]
    pub fn health_store(mut self, store: Arc<dyn AccountHealthStore>) -> Self {
        self.health = store;
        self
    }

    /// The brake on removals. By default it counts in this process, with the usual limits.
    #[must_use]
    pub fn brake(mut self, brake: Brake) -> Self {
        self.brake = brake;
        self
    }

    /// The syncer.
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
