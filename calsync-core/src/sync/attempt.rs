//! One step, with its retries.

use crate::ledger::{DeliveryState, Outcome, Verdict};
use crate::plan::Step;
use crate::sync::caller::{Caller, is_retried};
use crate::sync::engine::{Context, Shared};
use crate::sync::metrics::Measured;
use crate::sync::runner::{run_step, without_provider};

/// Carries out one step: attempts it until it succeeds, must not be retried, or has had its
/// attempts. After a failed attempt its account is paused; the calls of the next attempt wait for
/// that.
pub(super) async fn take(shared: &Shared, context: &Context, step: &Step) -> Outcome {
    let engine = &shared.engine;
    let Some(provider) = engine.providers.get(&step.calendar.provider) else {
        return without_provider(context, step, engine.clock.now());
    };
    let caller = Caller::new(shared, &**provider, step);
    // Once the outcome of an attempt is unknown, every further attempt looks first.
    let mut looking = None;
    let mut attempts = 0;
    let mut lost_at = None;
    let mut outcome = loop {
        let mut outcome = run_step(engine, &caller, context, looking.as_ref().unwrap_or(step)).await;
        attempts += 1;
        if looking.is_some() && outcome.verdict == Verdict::Failed && is_pending(&outcome) {
            outcome.verdict = Verdict::Unknown;
        }
        let is_retried = outcome.failure.as_ref().is_some_and(is_retried);
        if !is_retried || attempts >= engine.retry.attempts {
            break outcome;
        }
        if outcome.verdict == Verdict::Unknown {
            looking = Some(step.looking());
            lost_at = Some(engine.clock.now());
        }
    };
    if outcome.state == DeliveryState::Absent {
        // A write that an earlier attempt sent may still take effect.
        let settled = lost_at.and_then(|at| at.checked_add_signed(engine.settle_after));
        outcome.look_at = outcome.look_at.max(settled);
    }
    outcome.ended_at = engine.clock.now();
    tracing::Span::current().record("calsync.attempts", attempts);
    if attempts > 1 {
        engine.measure(&step.calendar.provider, Measured::Retries(attempts - 1));
    }
    outcome
}

fn is_pending(outcome: &Outcome) -> bool {
    matches!(outcome.state, DeliveryState::Pending(_))
}
