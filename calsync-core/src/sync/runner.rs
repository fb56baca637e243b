//! One attempt at one step: its calls, and the outcome for the ledger's row.

use chrono::{DateTime, Utc};

use crate::error::{Error, ErrorKind, Operation, Retry};
use crate::identity::{EventKey, Generation};
use crate::ledger::{BlockReason, DeliveryState, Hold, Outcome, PendingWrite, RemoteEvent, Verdict};
use crate::names::AccountId;
use crate::plan::{Action, Content, RemovedByPerson, Step};
use crate::provider::{
    CreateOptions, DeleteOptions, Draft, FOREIGN_EVENT, Found, Marker, TargetQuery, UpdateOptions, Written,
};
use crate::sync::caller::Caller;
use crate::sync::engine::{Context, Engine};

/// How many used ids one attempt skips. The next attempt goes on where this one stopped.
const MAX_USED_KEYS: u32 = 16;

/// Makes one attempt at one step.
pub(super) async fn run_step(
    engine: &Engine,
    caller: &Caller<'_>,
    context: &Context,
    step: &Step,
) -> Outcome {
    let runner = StepRunner { engine, caller, context, step };
    let outcome = match &step.action {
        Action::Create { content } => runner.create(content, step.generation).await,
        Action::Update { content, event } => runner.update(content, event).await,
        Action::Delete { event } => runner.delete(event).await,
        Action::Find { content, pending } => runner.find_and_write(content.as_ref(), pending).await,
    };
    runner.with_look(outcome)
}

/// Performs one step against one provider.
struct StepRunner<'a> {
    engine: &'a Engine,
    caller: &'a Caller<'a>,
    context: &'a Context,
    step: &'a Step,
}

/// What a look found: our own events of the target, the newest first, and how many copies a person
/// made.
struct Ours {
    events: Vec<(RemoteEvent, Generation)>,
    copies: u32,
    account: Option<AccountId>,
}

impl StepRunner<'_> {
    /// Creates the event under the key of this generation, or of the next one whose id is not used
    /// yet.
    async fn create(&self, content: &Content, from: Generation) -> Outcome {
        let options = CreateOptions::new().with_retried(matches!(self.step.action, Action::Find { .. }));
        let mut generation = from;
        let mut is_foreign = false;
        for _ in 0..MAX_USED_KEYS {
            let draft = self.draft(generation, content);
            let call = self.caller.provider.create(&self.step.calendar, &draft, &options);
            match self.caller.call(Operation::Create, call).await {
                Ok(written) => {
                    let mut outcome = self.written(Verdict::Created, generation, written, content);
                    outcome.foreign = is_foreign;
                    return outcome;
                }
                Err(error) if error.kind() == ErrorKind::KeyUsed => {
                    is_foreign |= error.failure().code.as_deref() == Some(FOREIGN_EVENT);
                    generation = generation.next();
                }
                Err(error) => {
                    let pending = PendingWrite::new(None);
                    return self.failed(error, generation, DeliveryState::Absent, pending, Some(content));
                }
            }
        }
        let error = Error::new(ErrorKind::KeyUsed, self.step.calendar.provider.clone(), Operation::Create);
        let mut outcome =
            self.failed(error, generation, DeliveryState::Absent, PendingWrite::new(None), Some(content));
        outcome.foreign = is_foreign;
        outcome
    }

    async fn update(&self, content: &Content, event: &RemoteEvent) -> Outcome {
        match self
            .write_over(
                content,
                event,
                self.step.generation,
                UpdateOptions::new().with_etag(event.etag.clone()),
            )
            .await
        {
            // The event may be there under another id: only a successful look shows that none is
            // there.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotOurs) => {
                let pending = PendingWrite::new(Some(event.clone()));
                self.look_and_write(content, &pending).await
            }
            Ok(outcome) => outcome,
            Err(error) => {
                let pending = PendingWrite::new(Some(event.clone()));
                let before = DeliveryState::Confirmed(event.clone());
                self.failed(error, self.step.generation, before, pending, Some(content))
            }
        }
    }

    async fn write_over(
        &self,
        content: &Content,
        event: &RemoteEvent,
        generation: Generation,
        options: UpdateOptions,
    ) -> Result<Outcome, Error> {
        let draft = self.draft(generation, content);
        let call = self.caller.provider.update(&self.step.calendar, &event.remote_id, &draft, &options);
        let written = self.caller.call(Operation::Update, call).await?;
        Ok(self.written(Verdict::Updated, generation, written, content))
    }

    async fn delete(&self, event: &RemoteEvent) -> Outcome {
        match self.remove(event, self.step.generation).await {
            Ok(()) => self.withdrawn(Verdict::Removed, self.step.generation),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let pending = PendingWrite::new(Some(event.clone())).with_removing(true);
                self.look_and_remove(&pending).await
            }
            Err(error) => self.not_removed(error, event, self.step.generation),
        }
    }

    async fn remove(&self, event: &RemoteEvent, generation: Generation) -> Result<(), Error> {
        let marker = self.marker(self.step.target.event(generation));
        let options = DeleteOptions::new().with_etag(event.etag.clone());
        let call = self.caller.provider.delete(&self.step.calendar, &event.remote_id, &marker, &options);
        self.caller.call(Operation::Delete, call).await
    }

    /// The outcome of a removal that failed: the event is there, or may be there.
    fn not_removed(&self, error: Error, event: &RemoteEvent, generation: Generation) -> Outcome {
        let is_left_behind = matches!(error.kind(), ErrorKind::NotOurs | ErrorKind::OtherAccount);
        let pending = PendingWrite::new(Some(event.clone())).with_removing(true);
        let before = DeliveryState::Confirmed(event.clone());
        let mut outcome = self.failed(error, generation, before, pending, None);
        if is_left_behind {
            outcome.verdict = Verdict::LeftBehind;
        }
        outcome
    }

    async fn find_and_write(&self, content: Option<&Content>, pending: &PendingWrite) -> Outcome {
        match content {
            Some(content) => self.look_and_write(content, pending).await,
            None => self.look_and_remove(pending).await,
        }
    }

    /// Looks for our events, and writes the content over the newest one, or creates one. Older ones
    /// are removed.
    async fn look_and_write(&self, content: &Content, pending: &PendingWrite) -> Outcome {
        let ours = match self.look(pending).await {
            Ok(ours) => ours,
            Err(error) => return self.still_pending(error, pending, Some(content)),
        };
        // An older write or removal that may still take effect has to meet our revision, so the
        // event is written even if its content is right.
        let rewritten = UpdateOptions::new().with_rewrite(self.unsettled().is_some());
        let mut events = ours.events.into_iter();
        let mut outcome = match events.next() {
            Some((event, generation)) => {
                match self.write_over(content, &event, generation, rewritten.clone()).await {
                    Ok(outcome) => outcome,
                    Err(error) => {
                        let pending = PendingWrite::new(Some(event.clone()));
                        let state = DeliveryState::Pending(pending.clone());
                        self.failed(error, generation, state, pending, Some(content))
                    }
                }
            }
            None if pending.before.is_some() => self.was_removed(content, pending.removing).await,
            None => self.create(content, self.step.generation).await,
        };
        if outcome.verdict.is_done() {
            for (event, generation) in events {
                match self.remove(&event, generation).await {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    // The right event is there; the next look removes the other one.
                    Err(_) => outcome.look_at = Some(self.caller.now()),
                }
            }
        }
        outcome.copies = ours.copies;
        outcome
    }

    /// Looks for our events, and removes all of them. If the removal of an event that the look
    /// found gets the response "not found", it looks once more: only a look that finds none ends a
    /// removal that was not confirmed.
    async fn look_and_remove(&self, pending: &PendingWrite) -> Outcome {
        let (mut last, mut missing) = (self.step.generation, None);
        for _ in 0..2 {
            let ours = match self.look(pending).await {
                Ok(ours) => ours,
                Err(error) => return self.still_pending(error, pending, None),
            };
            missing = None;
            for (event, generation) in &ours.events {
                last = last.max(*generation);
                match self.remove(event, *generation).await {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::NotFound => missing = Some(error),
                    Err(error) => {
                        let mut outcome = self.not_removed(error, event, *generation);
                        outcome.copies = ours.copies;
                        return outcome;
                    }
                }
            }
            if missing.is_none() {
                let mut outcome = self.withdrawn(Verdict::Removed, last);
                outcome.calendar.account = ours.account.or(outcome.calendar.account);
                outcome.copies = ours.copies;
                return outcome;
            }
        }
        let provider = self.step.calendar.provider.clone();
        let error = missing.unwrap_or_else(|| Error::new(ErrorKind::NotFound, provider, Operation::Delete));
        self.still_pending(error, pending, None)
    }

    /// Finds the events of the target that are not deleted.
    async fn look(&self, pending: &PendingWrite) -> Result<Ours, Error> {
        let known = pending.before.as_ref().map(|event| event.remote_id.clone());
        let query = TargetQuery::new(self.context.namespace.clone(), self.step.target)
            .with_generation(self.step.generation)
            .with_known(known.clone());
        let call = self.caller.provider.find(&self.step.calendar, &query);
        let mut found = self.caller.call(Operation::Find, call).await?;
        let account = found.iter().find_map(|found| found.account.clone());
        let total = found.len();
        found.retain(|found| {
            let is_original = found.key.is_some_and(|key| key.target() == self.step.target);
            is_original || known.as_ref() == Some(&found.remote_id)
        });
        let copies = u32::try_from(total - found.len()).unwrap_or(u32::MAX);
        let revision = |found: &Found| found.marker.as_ref().map_or(0, |marker| marker.revision);
        let generation = |found: &Found| found.key.map_or(self.step.generation, EventKey::generation);
        found.sort_by_key(|found| std::cmp::Reverse((revision(found), generation(found))));
        let events = found.into_iter().map(|found| {
            let generation = generation(&found);
            (RemoteEvent::new(found.remote_id).with_etag(found.etag), generation)
        });
        Ok(Ours { events: events.collect(), copies, account })
    }

    /// A look showed that our event is not there any more. `by_us`: calsync itself may have removed
    /// it.
    async fn was_removed(&self, content: &Content, by_us: bool) -> Outcome {
        if by_us || self.engine.removed_by_person == RemovedByPerson::Recreate {
            return self.create(content, self.step.generation.next()).await;
        }
        let mut outcome = self.withdrawn(Verdict::Respected, self.step.generation);
        outcome.hold = Some(Hold::blocked(BlockReason::RemovedByPerson, self.caller.now(), None));
        outcome
    }

    /// Notes one more look for the time after which another worker's write can no longer take
    /// effect. Also after a failure, because an absent row without a desired event gets no step
    /// otherwise.
    fn with_look(&self, mut outcome: Outcome) -> Outcome {
        if !matches!(outcome.state, DeliveryState::Pending(_)) {
            outcome.look_at = outcome.look_at.max(self.unsettled());
        }
        outcome
    }

    /// Until when another worker's write may still take effect; `None` if that time is over.
    fn unsettled(&self) -> Option<DateTime<Utc>> {
        let (since, now) = (self.step.unreported_since?, self.caller.now());
        let settled = since.checked_add_signed(self.engine.settle_after)?;
        (now < settled && since <= now).then_some(settled)
    }

    fn marker(&self, key: EventKey) -> Marker {
        Marker::new(self.context.namespace.clone(), key, self.context.revision)
            .with_appointment(Some(self.context.appointment.clone()))
            .with_person(Some(self.step.calendar.person.clone()))
            .with_role(Some(self.step.role))
    }

    fn draft(&self, generation: Generation, content: &Content) -> Draft {
        let marker = self.marker(self.step.target.event(generation));
        Draft::new(marker, content.event.clone(), self.context.at)
    }

    fn written(
        &self,
        verdict: Verdict,
        generation: Generation,
        written: Written,
        content: &Content,
    ) -> Outcome {
        let event = RemoteEvent::new(written.remote_id)
            .with_etag(written.etag)
            .with_fingerprint(Some(content.fingerprint));
        let state = DeliveryState::Confirmed(event);
        let mut outcome = self.context.outcome(self.step, verdict, generation, state);
        outcome.calendar.account = written.account.or(outcome.calendar.account);
        outcome.failures = 0;
        outcome
    }

    /// The outcome when no event of ours is there any more, up to and including `generation`.
    fn withdrawn(&self, verdict: Verdict, generation: Generation) -> Outcome {
        // A generation is never used twice.
        let mut outcome = self.context.outcome(self.step, verdict, generation.next(), DeliveryState::Absent);
        outcome.failures = 0;
        outcome
    }

    /// The outcome of a failed call. `unchanged` is the row's state if the call changed nothing;
    /// `pending` is used if that is not known.
    fn failed(
        &self,
        error: Error,
        generation: Generation,
        unchanged: DeliveryState,
        pending: PendingWrite,
        content: Option<&Content>,
    ) -> Outcome {
        let (verdict, state) = match (error.kind(), error.retry()) {
            (ErrorKind::Superseded, _) => (Verdict::Superseded, DeliveryState::Pending(pending)),
            (_, Retry::Unknown) => (Verdict::Unknown, DeliveryState::Pending(pending)),
            (_, Retry::Never | Retry::Later) => (Verdict::Failed, unchanged),
        };
        let mut outcome = self.context.outcome(self.step, verdict, generation, state);
        let fingerprint = content.map(|content| content.fingerprint);
        (outcome.hold, outcome.failures) = self.caller.hold_after(error.failure(), fingerprint);
        let was_blocked = self.step.blocked.map(|(reason, _)| reason);
        let is_of_row = |reason| was_blocked != Some(reason) && !self.caller.is_failing(reason);
        let reason = outcome.hold.as_ref().and_then(Hold::reason);
        outcome.is_news = self.caller.is_news() || reason.is_some_and(is_of_row);
        outcome.failure = Some(error.into_failure());
        outcome
    }

    fn still_pending(&self, error: Error, pending: &PendingWrite, content: Option<&Content>) -> Outcome {
        let pending = pending.clone().with_removing(pending.removing || content.is_none());
        let state = DeliveryState::Pending(pending.clone());
        self.failed(error, self.step.generation, state, pending, content)
    }
}

/// The outcome of a step whose provider is not registered.
pub(super) fn without_provider(context: &Context, step: &Step, now: DateTime<Utc>) -> Outcome {
    let mut outcome = context.untried(step, Verdict::Failed);
    let error = Error::new(ErrorKind::Configuration, step.calendar.provider.clone(), Operation::Find);
    outcome.failures = step.failures.saturating_add(1);
    outcome.hold = Hold::after(error.failure(), None, outcome.failures, now, now);
    outcome.failure = Some(error.into_failure());
    outcome
}
