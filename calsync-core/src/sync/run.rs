//! A run: takes begun plans and gives their outcomes.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tracing::Instrument;

use crate::calendar::Person;
use crate::ledger::{DeliveryState, Outcome, Verdict};
use crate::plan::{Begun, Plan, Step};
use crate::report::Report;
use crate::sync::attempt::take;
use crate::sync::engine::{Context, Engine, Shared};

/// A run under way. Awaiting it gives the whole report; [`Run::next`] gives the outcomes as they
/// come.
///
/// A run takes plans as there is room in the [look-ahead](crate::sync::SyncerBuilder::look_ahead),
/// so a long list of them is never held in memory. Dropping a run stops it. What was confirmed is
/// in the outcomes given so far; all other rows are pending in the ledger, as they were begun, and
/// the next run looks at them.
///
/// A run makes progress only while it is awaited. A run that is not awaited while it has calls
/// under way keeps their accounts' room from other runs of the syncer.
#[must_use = "nothing happens until a run is awaited"]
pub struct Run<I> {
    shared: Arc<Shared>,
    plans: I,
    waiting: VecDeque<Lane>,
    under_way: FuturesUnordered<StepUnderWay>,
}

/// A step under way. It gives its lane, without the step, and the step's outcome.
type StepUnderWay = Pin<Box<dyn Future<Output = (Lane, Outcome)> + Send>>;

/// The steps of one person in one plan, taken one after the other: new events first, removals last.
struct Lane {
    context: Arc<Context>,
    steps: VecDeque<Step>,
    /// A new event could not be made: the old event stays until it can.
    keep_old: bool,
}

impl<I: Iterator<Item = Begun>> Run<I> {
    pub(super) fn new(engine: Arc<Engine>, plans: I) -> Self {
        let shared = Arc::new(Shared::new(engine));
        Self { shared, plans, waiting: VecDeque::new(), under_way: FuturesUnordered::new() }
    }

    /// The next outcome; `None` once every step has ended.
    ///
    /// Cancel-safe: dropping the future this returns loses nothing.
    pub async fn next(&mut self) -> Option<Outcome> {
        let look_ahead = self.shared.engine.look_ahead.max(self.shared.engine.concurrency);
        while self.under_way.len() < look_ahead {
            let Some(lane) = self.next_lane() else { break };
            self.under_way.extend(self.start(lane));
        }
        let (lane, outcome) = self.under_way.next().await?;
        self.under_way.extend(self.start(lane));
        Some(outcome)
    }

    /// Runs all steps and returns the report.
    pub async fn report(mut self) -> Report {
        let mut report = Report::new();
        while let Some(outcome) = self.next().await {
            report.outcomes.push(outcome);
        }
        report
    }

    fn next_lane(&mut self) -> Option<Lane> {
        while self.waiting.is_empty() {
            let plan = self.plans.next()?;
            self.waiting.extend(lanes(plan.into_plan()));
        }
        self.waiting.pop_front()
    }

    /// The future of a lane's next step.
    fn start(&self, mut lane: Lane) -> Option<StepUnderWay> {
        let step = lane.steps.pop_front()?;
        let shared = self.shared.clone();
        let span = tracing::debug_span!(
            "calsync.step",
            calsync.provider = step.calendar.provider.as_str(),
            calsync.role = %step.role,
            calsync.verdict = tracing::field::Empty,
            calsync.attempts = tracing::field::Empty,
        );
        let work = async move {
            let outcome = if step.removes() && lane.keep_old {
                lane.context.untried(&step, Verdict::Postponed)
            } else {
                take(&shared, &lane.context, &step).await
            };
            tracing::Span::current().record("calsync.verdict", tracing::field::display(outcome.verdict));
            shared.measure(&lane.context, &step, &outcome);
            if !step.removes() && matches!(outcome.state, DeliveryState::Absent | DeliveryState::Pending(_)) {
                lane.keep_old |= !outcome.verdict.is_done();
            }
            (lane, outcome)
        };
        Some(Box::pin(work.instrument(span)))
    }
}

fn lanes(plan: Plan) -> impl Iterator<Item = Lane> + use<> {
    let context = Arc::new(Context::of(&plan));
    let mut lanes: Vec<(Person, Lane)> = Vec::new();
    for step in plan.steps {
        let lane = lanes.iter().position(|(person, _)| *person == step.calendar.person);
        match lane.and_then(|at| lanes.get_mut(at)) {
            Some((_, lane)) => lane.steps.push_back(step),
            None => {
                let (person, context) = (step.calendar.person.clone(), context.clone());
                lanes.push((person, Lane { context, steps: VecDeque::from([step]), keep_old: false }));
            }
        }
    }
    lanes.into_iter().map(|(_, lane)| lane)
}

impl<I: Iterator<Item = Begun> + Send + 'static> IntoFuture for Run<I> {
    type Output = Report;
    type IntoFuture = Pin<Box<dyn Future<Output = Report> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.report())
    }
}

impl<I> fmt::Debug for Run<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("under_way", &self.under_way.len()).finish_non_exhaustive()
    }
}
