//! One step: the calls it takes, and what its outcome means for the ledger's row.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use crate::calendar::CalendarRef;
use crate::error::{Error, ErrorKind, Operation, Retry};
use crate::id::AppointmentId;
use crate::identity::EventKey;
use crate::ledger::{Hold, ParkReason, Presence, Standing, Unsure};
use crate::plan::{Action, Content, Plan, RemovedByPerson, Step};
use crate::provider::{CreateOptions, DeleteOptions, Draft, Found, Marker, UpdateOptions, Written};
use crate::report::{Outcome, Verdict};
use crate::sync::caller::Caller;

/// What a step needs to know of its plan.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) namespace: Arc<str>,
    pub(super) appointment: AppointmentId,
    pub(super) revision: u64,
    pub(super) at: DateTime<Utc>,
    pub(super) removed_by_person: RemovedByPerson,
    pub(super) settle_after: Duration,
}

impl Context {
    pub(super) fn of(plan: &Plan, removed_by_person: RemovedByPerson, settle_after: Duration) -> Self {
        Self {
            namespace: plan.namespace.clone(),
            appointment: plan.appointment.clone(),
            revision: plan.revision(),
            at: plan.at,
            removed_by_person,
            settle_after,
        }
    }

    /// The outcome of a step that was not tried.
    pub(super) fn untried(&self, step: &Step, verdict: Verdict) -> Outcome {
        let presence = match &step.action {
            Action::Create { .. } => Presence::Absent,
            Action::Update { standing, .. } | Action::Delete { standing } => {
                Presence::Present(standing.clone())
            }
            Action::Look { .. } => Presence::Unsure(step.unsure(self.at)),
        };
        self.outcome(step, verdict, step.generation, presence)
    }

    fn outcome(&self, step: &Step, verdict: Verdict, generation: u32, presence: Presence) -> Outcome {
        Outcome {
            appointment: self.appointment.clone(),
            place: step.place.clone(),
            role: step.role,
            revision: self.revision,
            at: self.at,
            verdict,
            generation,
            presence,
            hold: None,
            failure: None,
        }
    }
}

/// Carries one step out: one attempt.
pub(super) async fn carry_out(caller: &Caller<'_>, context: &Context, step: &Step) -> Outcome {
    let hand = Hand { caller, context, step };
    let outcome = match &step.action {
        Action::Create { content } => hand.create(content, step.generation).await,
        Action::Update { content, standing } => hand.update(content, standing, step.generation).await,
        // Whoever was cut off here may have found the event gone, and made the next one.
        Action::Delete { standing } if step.rivals_since.is_some() => {
            hand.remove_all(standing, step.generation, &[]).await
        }
        Action::Delete { standing } => hand.delete(standing, step.generation).await,
        Action::Look { content, unsure } => hand.look(content.as_ref(), unsure).await,
    };
    hand.settled(outcome)
}

/// The hand that does it.
struct Hand<'a> {
    caller: &'a Caller<'a>,
    context: &'a Context,
    step: &'a Step,
}

impl Hand<'_> {
    /// Creates under the key of `from`, or of the generation after the row's where that key is spent.
    ///
    /// One run goes one generation beyond its row at the most: whoever finds the row unsure later looks under just these
    /// two keys.
    async fn create(&self, content: &Content, from: u32) -> Outcome {
        let last = self.step.generation.saturating_add(1);
        let options = CreateOptions::new().with_retried(matches!(self.step.action, Action::Look { .. }));
        let mut generation = from;
        loop {
            let key = self.key(generation);
            let draft = self.draft(key, content);
            let call = self.caller.provider.create(&self.step.place, &draft, &options);
            let error = match self.caller.call(call).await {
                Ok(written) => return self.written(Verdict::Created, key, generation, written, content),
                Err(error) => error,
            };
            let spent = error.kind() == ErrorKind::KeySpent;
            if spent && generation < last {
                generation += 1;
                continue;
            }
            let unsure = Unsure::new(key, None, self.context.at);
            let free = generation.saturating_add(u32::from(spent));
            return self.failed(error, free, Presence::Absent, unsure, Some(content));
        }
    }

    async fn update(&self, content: &Content, standing: &Standing, generation: u32) -> Outcome {
        let draft = self.draft(standing.key, content);
        let options = UpdateOptions::new().with_etag(standing.etag.clone());
        let call = self.caller.provider.update(&self.step.place, &standing.remote_id, &draft, &options);
        match self.caller.update(call).await {
            Ok(written) => self.written(Verdict::Updated, standing.key, generation, written, content),
            // What carries another key took our event's place: ours is as gone as a deleted one.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotOurs) => {
                self.was_removed(content, false).await
            }
            Err(error) => {
                let before = Presence::Present(standing.clone());
                let unsure = Unsure::new(standing.key, Some(standing.clone()), self.context.at);
                self.failed(error, generation, before, unsure, Some(content))
            }
        }
    }

    async fn delete(&self, standing: &Standing, generation: u32) -> Outcome {
        let marker = self.marker(standing.key);
        let options = DeleteOptions::new().with_etag(standing.etag.clone());
        let call = self.caller.provider.delete(&self.step.place, &standing.remote_id, &marker, &options);
        match self.caller.call(call).await {
            Ok(()) => self.withdrawn(Verdict::Removed, generation),
            Err(error) if is_gone(&error) => self.withdrawn(Verdict::Removed, generation),
            Err(error) => {
                let before = Presence::Present(standing.clone());
                let unsure =
                    Unsure::new(standing.key, Some(standing.clone()), self.context.at).with_removing(true);
                self.failed(error, generation, before, unsure, None)
            }
        }
    }

    /// Looks what the last write left behind, and goes on from there.
    async fn look(&self, content: Option<&Content>, unsure: &Unsure) -> Outcome {
        let found = match self.find(unsure).await {
            Ok(found) => found,
            // With the calendar everything in it is gone.
            Err(error) if content.is_none() && error.kind() == ErrorKind::CalendarNotFound => None,
            Err(error) => return self.still_unsure(error, content),
        };
        match (found, content) {
            (Some((standing, generation)), Some(content)) => {
                self.update(content, &standing, generation).await
            }
            (Some((standing, generation)), None) => {
                self.remove_all(&standing, generation, &unsure.also).await
            }
            (None, None) => self.withdrawn(Verdict::Removed, self.step.generation),
            (None, Some(content)) if unsure.before.is_some() => {
                self.was_removed(content, unsure.removing).await
            }
            (None, Some(content)) => self.create(content, self.step.generation).await,
        }
    }

    /// Removes what was found, and what rivals made under the keys after it: a server may still show what was gone by then.
    async fn remove_all(&self, standing: &Standing, generation: u32, also: &[EventKey]) -> Outcome {
        let mut outcome = self.delete(standing, generation).await;
        // One for every key there is; each is gone once it was removed.
        for _ in 0..also.len().saturating_add(2) {
            if outcome.verdict != Verdict::Removed {
                return outcome;
            }
            match self.find_next(also).await {
                Ok(Some((next, _))) if next.key == standing.key => return outcome,
                Ok(Some((next, generation))) => outcome = self.delete(&next, generation).await,
                Ok(None) => return outcome,
                Err(error) if error.kind() == ErrorKind::CalendarNotFound => return outcome,
                Err(error) => return self.still_unsure(error, None),
            }
        }
        outcome
    }

    /// The event of an unsure row, and its generation: where it stood before, or under the key that was being written, or
    /// under the next one.
    async fn find(&self, unsure: &Unsure) -> Result<Option<(Standing, u32)>, Error> {
        let (place, generation) = (&self.step.place, self.step.generation);
        let ours = |found: &Found, key: EventKey| {
            found.marker.as_ref().is_none_or(|marker| marker.is_same_event(&self.marker(key)))
        };
        if let Some(before) = &unsure.before {
            let found = match self.caller.call(self.caller.provider.get(place, &before.remote_id)).await {
                // Something else took its place: ours is not there.
                Err(error) if error.kind() == ErrorKind::NotOurs => None,
                found => found?,
            };
            if let Some(found) = found.filter(|found| ours(found, before.key)) {
                return Ok(Some((standing(before.key, found), generation)));
            }
        }
        match self.find_under(unsure.key, generation).await? {
            None => self.find_next(&unsure.also).await,
            found => Ok(found),
        }
    }

    /// The event of the generation after the row's, or under one of the keys that others may have written under.
    async fn find_next(&self, also: &[EventKey]) -> Result<Option<(Standing, u32)>, Error> {
        let next = self.step.generation.saturating_add(1);
        let before = self.step.moves.as_ref().map(|before| self.key_at(before, next));
        let mut keys = vec![self.key(next)];
        for key in before.iter().chain(also) {
            if !keys.contains(key) {
                keys.push(*key);
            }
        }
        for key in keys {
            if let Some(found) = self.find_under(key, next).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn find_under(&self, key: EventKey, generation: u32) -> Result<Option<(Standing, u32)>, Error> {
        let call = self.caller.provider.find(&self.step.place, &self.context.namespace, &key);
        let found = self.caller.find(call).await?;
        Ok(found.map(|found| (standing(key, found), generation)))
    }

    /// That nothing stands there is certain only once no other worker's write can still be on its way. Until then the row
    /// stays unsure, and a removal waits for one more look.
    fn settled(&self, mut outcome: Outcome) -> Outcome {
        let Some(since) = self.step.rivals_since else { return outcome };
        let now = self.caller.now();
        let settled = since.checked_add_signed(self.context.settle_after).unwrap_or(now);
        let is_open = matches!(outcome.verdict, Verdict::Removed | Verdict::Failed);
        if is_open && matches!(outcome.presence, Presence::Absent) && now < settled {
            outcome.generation = self.step.generation;
            outcome.presence = Presence::Unsure(Unsure::new(self.step.key, None, since).with_removing(true));
            if outcome.verdict == Verdict::Removed {
                outcome.hold = Some(Hold::Parked { reason: ParkReason::Settling, until: Some(settled) });
            }
        }
        outcome
    }

    /// Our event is not where it stood.
    async fn was_removed(&self, content: &Content, by_us: bool) -> Outcome {
        if by_us || self.context.removed_by_person == RemovedByPerson::Recreate {
            return self.create(content, self.step.generation.saturating_add(1)).await;
        }
        let mut outcome = self.withdrawn(Verdict::Respected, self.step.generation);
        outcome.hold = Some(Hold::Parked { reason: ParkReason::RemovedByPerson, until: None });
        outcome
    }

    fn key(&self, generation: u32) -> EventKey {
        if generation == self.step.generation {
            return self.step.key;
        }
        self.key_at(&self.step.place, generation)
    }

    fn key_at(&self, place: &CalendarRef, generation: u32) -> EventKey {
        EventKey::derive(&self.context.namespace, &self.context.appointment, place, generation)
    }

    fn marker(&self, key: EventKey) -> Marker {
        Marker::new(self.context.namespace.clone(), key, self.context.revision)
    }

    fn draft(&self, key: EventKey, content: &Content) -> Draft {
        Draft::new(self.marker(key), content.event.clone(), self.context.at)
    }

    fn written(
        &self,
        verdict: Verdict,
        key: EventKey,
        generation: u32,
        written: Written,
        content: &Content,
    ) -> Outcome {
        let mut standing = Standing::new(key, written.remote_id);
        standing.etag = written.etag;
        standing.fingerprint = Some(content.fingerprint);
        self.context.outcome(self.step, verdict, generation, Presence::Present(standing))
    }

    /// Nothing of ours stands there any more, up to and including `generation`.
    fn withdrawn(&self, verdict: Verdict, generation: u32) -> Outcome {
        // A generation is never used twice, and the one after the row's may have been used by a run that was cut off.
        let next = generation.max(self.looked_up_to()).saturating_add(1);
        self.context.outcome(self.step, verdict, next, Presence::Absent)
    }

    fn looked_up_to(&self) -> u32 {
        match &self.step.action {
            Action::Look { .. } => self.step.generation.saturating_add(1),
            _ => self.step.generation,
        }
    }

    fn failed(
        &self,
        error: Error,
        generation: u32,
        unchanged: Presence,
        unsure: Unsure,
        content: Option<&Content>,
    ) -> Outcome {
        let (verdict, presence) = match (error.kind(), error.retry()) {
            (ErrorKind::Superseded, _) => (Verdict::Superseded, Presence::Unsure(unsure)),
            (_, Retry::Unknown) => (Verdict::Unknown, Presence::Unsure(unsure)),
            (_, Retry::Never | Retry::Later) if self.step.repeated => {
                (Verdict::Failed, Presence::Unsure(unsure))
            }
            (_, Retry::Never | Retry::Later) => (Verdict::Failed, unchanged),
        };
        let mut outcome = self.context.outcome(self.step, verdict, generation, presence);
        let fingerprint = content.map(|content| content.fingerprint);
        outcome.hold = Hold::after(error.failure(), fingerprint, self.caller.now());
        outcome.failure = Some(error.into_failure());
        outcome
    }

    fn still_unsure(&self, error: Error, content: Option<&Content>) -> Outcome {
        let unsure = self.step.unsure(self.context.at);
        self.failed(error, self.step.generation, Presence::Unsure(unsure.clone()), unsure, content)
    }
}

/// Whether a removal that failed so has nothing left to remove.
fn is_gone(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotOurs | ErrorKind::CalendarNotFound)
}

fn standing(key: EventKey, found: Found) -> Standing {
    let mut standing = Standing::new(key, found.remote_id);
    standing.etag = found.etag;
    standing
}

/// The failure of a step whose provider is not there.
pub(super) fn without_provider(context: &Context, step: &Step) -> Outcome {
    let mut outcome = context.untried(step, Verdict::Failed);
    let error = Error::new(ErrorKind::Configuration, step.place.provider.clone(), Operation::Find);
    outcome.failure = Some(error.into_failure());
    outcome
}
