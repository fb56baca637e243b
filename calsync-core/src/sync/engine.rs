//! The data of a run: the parts of a syncer, what the steps of a run share, and what a step knows
//! of its plan.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::health::AccountHealthStore;
use crate::id::AppointmentId;
use crate::identity::Generation;
use crate::ledger::{DeliveryState, Outcome, Verdict};
use crate::names::ProviderKind;
use crate::plan::{Action, Plan, Planner, RemovedByPerson, Step};
use crate::provider::CalendarProvider;
use crate::sync::gate::Gates;
use crate::sync::metrics::{Measured, Measurement, Meter};
use crate::sync::quota::Quotas;
use crate::sync::random::Random;
use crate::sync::retry::RetryPolicy;

/// The parts of a syncer.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) planner: Planner,
    pub(super) providers: BTreeMap<ProviderKind, Arc<dyn CalendarProvider>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) gates: Gates,
    pub(super) health: Arc<dyn AccountHealthStore>,
    pub(super) quotas: Arc<dyn Quotas>,
    pub(super) random: Arc<dyn Random>,
    pub(super) retry: RetryPolicy,
    pub(super) meter: Arc<dyn Meter>,
    pub(super) concurrency: usize,
    pub(super) look_ahead: usize,
    pub(super) removed_by_person: RemovedByPerson,
    pub(super) settle_after: Duration,
}

/// What the steps of a run share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) engine: Arc<Engine>,
    /// Limits the calls under way in this run, over all accounts.
    pub(super) places: Semaphore,
}

/// What a step needs to know about its plan.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) namespace: Arc<str>,
    pub(super) appointment: AppointmentId,
    pub(super) revision: u64,
    pub(super) at: DateTime<Utc>,
}

impl Engine {
    pub(super) fn measure(&self, provider: &ProviderKind, what: Measured) {
        self.meter.measure(&Measurement { provider, what });
    }
}

impl Shared {
    pub(super) fn new(engine: Arc<Engine>) -> Self {
        let places = Semaphore::new(engine.concurrency.min(Semaphore::MAX_PERMITS));
        Self { engine, places }
    }

    pub(super) fn measure(&self, context: &Context, step: &Step, outcome: &Outcome) {
        let provider = &step.calendar.provider;
        self.engine.measure(provider, Measured::Step(outcome.verdict));
        if matches!(outcome.verdict, Verdict::Created | Verdict::Updated) {
            let since = step.pending_since.unwrap_or(context.at);
            let delay = (self.engine.clock.now() - since).to_std().unwrap_or_default();
            self.engine.measure(provider, Measured::VisibleAfter(step.role, delay));
        }
    }
}

impl Context {
    pub(super) fn of(plan: &Plan) -> Self {
        Self {
            namespace: plan.namespace.clone(),
            appointment: plan.appointment.clone(),
            revision: plan.revision(),
            at: plan.at,
        }
    }

    /// The outcome of a step that was not tried: the row stays in the state before the plan was
    /// begun.
    pub(super) fn untried(&self, step: &Step, verdict: Verdict) -> Outcome {
        let state = match &step.action {
            Action::Create { .. } => DeliveryState::Absent,
            Action::Update { event, .. } | Action::Delete { event } => {
                DeliveryState::Confirmed(event.clone())
            }
            Action::Find { .. } => DeliveryState::Pending(step.pending()),
        };
        self.outcome(step, verdict, step.generation, state)
    }

    pub(super) fn outcome(
        &self,
        step: &Step,
        verdict: Verdict,
        generation: Generation,
        state: DeliveryState,
    ) -> Outcome {
        let state = match state {
            DeliveryState::Pending(pending) => {
                let pending = pending.with_withdraws(step.content().is_none());
                DeliveryState::Pending(pending.with_account(step.calendar.account.clone()))
            }
            state => state,
        };
        Outcome {
            appointment: self.appointment.clone(),
            calendar: step.calendar.clone(),
            target: step.target,
            role: step.role,
            revision: self.revision,
            at: self.at,
            ended_at: self.at,
            verdict,
            generation,
            state,
            hold: None,
            failure: None,
            failures: step.failures,
            look_at: None,
            is_news: false,
            copies: 0,
            foreign: false,
        }
    }
}
