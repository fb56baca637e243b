//! The syncer: a planner, the providers, and the way to run plans with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::Duration;

use crate::audience::Audience;
use crate::clock::{Clock, SystemClock};
use crate::error::InputError;
use crate::event::{Event, GuideWording, Wording};
use crate::model::{Appointment, Order};
use crate::names::ProviderKind;
use crate::place::Role;
use crate::plan::{Plan, Planner, RemovedByPerson};
use crate::provider::CalendarProvider;
use crate::sync::limits::Limits;
use crate::sync::run::Run;
use crate::time::Zone;

/// Plans, and runs plans. Clones are handles to the same one.
///
/// See the [crate's front page](crate) for the five steps a host takes with it.
#[derive(Debug, Clone)]
pub struct Syncer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    planner: Planner,
    pub(super) providers: BTreeMap<ProviderKind, Arc<dyn CalendarProvider>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: Limits,
    pub(super) concurrency: usize,
    pub(super) removed_by_person: RemovedByPerson,
    pub(super) settle_after: Duration,
}

/// Puts a [`Syncer`] together.
#[derive(Debug)]
pub struct SyncerBuilder {
    namespace: Arc<str>,
    zone: Zone,
    wording: Arc<dyn Wording>,
    providers: BTreeMap<ProviderKind, Arc<dyn CalendarProvider>>,
    clock: Arc<dyn Clock>,
    concurrency: usize,
    removed_by_person: RemovedByPerson,
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
            wording: Arc::new(GuideWording::new()),
            providers: BTreeMap::new(),
            clock: Arc::new(SystemClock),
            concurrency: 16,
            removed_by_person: RemovedByPerson::default(),
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
        self.inner.planner.plan(order, appointment, audience, self.inner.clock.now())
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
        self.inner.planner.preview(role, order, appointment, audience)
    }

    /// Runs a plan that was begun and saved.
    pub fn run(&self, plan: Plan) -> Run<std::iter::Once<Plan>> {
        self.run_all(std::iter::once(plan))
    }

    /// Runs plans that were begun and saved, each of another appointment, up to the syncer's concurrency at once. A step that
    /// waits for its account's limit counts among them.
    pub fn run_all<I: IntoIterator<Item = Plan>>(&self, plans: I) -> Run<I::IntoIter> {
        Run::new(self.inner.clone(), plans.into_iter())
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

    /// How many steps may be under way at once, over all accounts. 16 unless given; at least one.
    #[must_use]
    pub fn concurrency(mut self, steps: usize) -> Self {
        self.concurrency = steps.max(1);
        self
    }

    /// What to do when somebody has deleted our event by hand. It is made again unless told otherwise.
    #[must_use]
    pub fn removed_by_person(mut self, policy: RemovedByPerson) -> Self {
        self.removed_by_person = policy;
        self
    }

    /// How long after a plan was begun its last write may still be on its way: from `begin` until the last call has timed
    /// out. 10 minutes unless given.
    ///
    /// Matters only where a worker died, or two raced: a removal then takes one more look after this time.
    #[must_use]
    pub fn settle_after(mut self, time: Duration) -> Self {
        self.settle_after = time;
        self
    }

    /// The syncer.
    #[must_use]
    pub fn build(self) -> Syncer {
        let mut planner = Planner::new(self.namespace).with_time_zone(self.zone).with_wording(self.wording);
        for (kind, provider) in &self.providers {
            planner = planner.with_provider(kind.clone(), provider.capabilities());
        }
        Syncer {
            inner: Arc::new(Inner {
                planner,
                providers: self.providers,
                clock: self.clock,
                limits: Limits::default(),
                concurrency: self.concurrency,
                removed_by_person: self.removed_by_person,
                settle_after: self.settle_after,
            }),
        }
    }
}
