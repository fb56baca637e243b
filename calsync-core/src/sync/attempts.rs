//! One step, tried as often as it is worth it.

use crate::ledger::Presence;
use crate::plan::Step;
use crate::report::{Outcome, Verdict};
use crate::sync::caller::{Caller, is_retried};
use crate::sync::carry_out::{Context, carry_out, without_provider};
use crate::sync::metrics::Measured;
use crate::sync::run::Shared;

/// Takes one step. Between two attempts its account is left alone, which the calls of the next one wait for.
pub(super) async fn take(shared: &Shared, context: &Context, step: &Step) -> Outcome {
    let syncer = &shared.syncer;
    let Some(provider) = syncer.providers.get(&step.place.provider) else {
        return without_provider(context, step);
    };
    let caller = Caller::new(shared, &**provider, step);
    // Once an outcome was lost, every further attempt looks first.
    let mut looking = None;
    let mut attempts = 0;
    let outcome = loop {
        let mut outcome = carry_out(&caller, context, looking.as_ref().unwrap_or(step)).await;
        attempts += 1;
        if looking.is_some() && outcome.verdict == Verdict::Failed && is_unsure(&outcome) {
            outcome.verdict = Verdict::Unknown;
        }
        let Some(failure) = outcome.failure.as_mut().filter(|failure| is_retried(failure)) else {
            break outcome;
        };
        if attempts >= syncer.retry.attempts {
            failure.next_attempt_at = caller.next_attempt_at();
            break outcome;
        }
        if outcome.verdict == Verdict::Unknown {
            looking = Some(step.looking(context.at));
        }
    };
    tracing::Span::current().record("calsync.attempts", attempts);
    if attempts > 1 {
        syncer.measure(&step.place.provider, Measured::Retries(attempts - 1));
    }
    outcome
}

fn is_unsure(outcome: &Outcome) -> bool {
    matches!(outcome.presence, Presence::Unsure(_))
}
