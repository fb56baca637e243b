//! The planner: the only code that decides what is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::audience::{Audience, Treatment};
use crate::calendar::{CalendarRef, Role};
use crate::error::{InputError, Problem};
use crate::event::{DefaultWording, Event, Wording};
use crate::health::{AccountHealthStore, HealthKey};
use crate::identity::TargetKey;
use crate::ledger::{BlockReason, Delivery, DeliveryState, Hold, PendingWrite};
use crate::model::{Appointment, Order};
use crate::names::ProviderKind;
use crate::plan::prepare::Prepared;
use crate::plan::work::{Desired, PlanDraft, Row};
use crate::plan::{Action, Brake, Content, Note, Plan, Step};
use crate::provider::{CalendarIds, Capabilities};
use crate::time::{self, Zone};

/// How long after its end an appointment is closed.
const CLOSED_AFTER: TimeDelta = TimeDelta::days(30);

/// Makes plans. The same order, appointment, audience, time and account health give the same plan.
#[derive(Debug, Clone)]
pub struct Planner {
    pub(super) namespace: Arc<str>,
    zone: Zone,
    wording: Arc<dyn Wording>,
    pub(super) providers: BTreeMap<ProviderKind, Capabilities>,
    other_account: OtherAccount,
    health: Option<Arc<dyn AccountHealthStore>>,
    pub(super) brake: Brake,
}

/// What to do when a person has deleted our event by hand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RemovedByPerson {
    /// The next change of the appointment makes the event again.
    #[default]
    Recreate,
    /// The event stays deleted.
    Respect,
}

/// What to do when a connection leads to another account than the one an event of ours is in. Under
/// every policy that event is never touched with the new account's credentials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OtherAccount {
    /// No event is made in the other account; the plan has a [`Note::OtherAccount`]. Syncing
    /// resumes when the original account is connected again.
    #[default]
    Refuse,
    /// A new event is made in the other account, and the event in the original account stays there.
    /// To apply this to one person only, plan for that person with a separate [`Planner`].
    StartAnew,
}

impl Planner {
    /// A planner for the host's namespace: a name that tells its events from those of other hosts,
    /// such as `my-shop`. It is part of every event's key and must never change.
    #[must_use]
    pub fn new(namespace: impl Into<Arc<str>>) -> Self {
        Self {
            namespace: namespace.into(),
            zone: Zone::UTC,
            wording: Arc::new(DefaultWording::new()),
            providers: BTreeMap::new(),
            other_account: OtherAccount::default(),
            health: None,
            brake: Brake::new(),
        }
    }

    /// Sets the time zone of appointments that have none. Default: UTC.
    #[must_use]
    pub fn with_time_zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }

    /// Sets the wording of events. Default: [`DefaultWording`], the guide's texts.
    #[must_use]
    pub fn with_wording(mut self, wording: Arc<dyn Wording>) -> Self {
        self.wording = wording;
        self
    }

    /// Adds a provider kind and its capabilities. Nothing is planned for other kinds.
    #[must_use]
    pub fn with_provider(mut self, kind: ProviderKind, capabilities: Capabilities) -> Self {
        self.providers.insert(kind, capabilities);
        self
    }

    /// Sets what to do when a connection leads to another account than before. Default:
    /// [`OtherAccount::Refuse`].
    #[must_use]
    pub fn with_other_account(mut self, policy: OtherAccount) -> Self {
        self.other_account = policy;
        self
    }

    /// Sets the brake. Default: [`Brake::new`], which counts in this process with the default
    /// limits.
    #[must_use]
    pub fn with_brake(mut self, brake: Brake) -> Self {
        self.brake = brake;
        self
    }

    /// The brake that counts the removals of this planner's plans.
    #[must_use]
    pub fn brake(&self) -> &Brake {
        &self.brake
    }

    /// The host's namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Sets the store of account health. With it a hold is void once a call to its account has
    /// succeeded after the hold was set. Default: none.
    #[must_use]
    pub fn with_health(mut self, health: Arc<dyn AccountHealthStore>) -> Self {
        self.health = Some(health);
        self
    }

    /// The event as a person in that role would see it, even if the appointment has no one in that
    /// role. For a page that shows the event before it is written. It is not cut to any provider's
    /// limits.
    ///
    /// # Errors
    /// If the appointment's times cannot be written to a calendar.
    pub fn preview(
        &self,
        role: Role,
        order: &Order,
        appointment: &Appointment,
        audience: &Audience<'_>,
    ) -> Result<Arc<Event>, InputError> {
        appointment.check()?;
        Ok(Prepared::new(&*self.wording, &self.zone, order, appointment, audience).worded(role))
    }

    /// Compares the events that should exist for an appointment with those that do.
    ///
    /// `now` decides which holds have ended, and is the time of change that the events will carry.
    /// An appointment is closed 30 days after its end: then only its cancellation is planned.
    ///
    /// # Errors
    /// If the appointment's times or `now` are outside [`time::YEARS`], or its ledger belongs to
    /// another namespace.
    pub fn plan(
        &self,
        order: &Order,
        appointment: &Appointment,
        audience: &Audience<'_>,
        now: DateTime<Utc>,
    ) -> Result<Plan, InputError> {
        self.check(appointment, now)?;
        let mut draft = PlanDraft::new(self, appointment, now);
        let mut prepared = Prepared::new(&*self.wording, &self.zone, order, appointment, audience);
        let is_withdrawal =
            appointment.status.is_cancelled() || order.status.is_cancelled() || audience.is_withdrawn();
        draft.plan.is_withdrawal = is_withdrawal;
        if !is_withdrawal {
            // A removal does not depend on the appointment's times, so only a write checks them.
            appointment.check()?;
            if is_closed(appointment, now) {
                draft.close();
                return Ok(draft.plan);
            }
        }
        let desired = draft.desired(audience, !is_withdrawal, &mut prepared);
        let mut rows = draft.rows(audience);
        // People whose new event cannot be made yet: they keep the old one.
        let mut waiting = Vec::new();
        for event in desired {
            if self.other_account == OtherAccount::Refuse && draft.is_in_another_account(&event.calendar) {
                // The row of the other account gets its note below.
                continue;
            }
            let row = draft.take_row(audience, &mut rows, &event).or_else(|| draft.adopt(audience, &event));
            let (person, role) = (event.calendar.person.clone(), event.role);
            if draft.decide(row, event.calendar, role, Some(event.content)) == Decided::WaitsForNew {
                waiting.push((person, role));
            }
        }
        for row in rows {
            let (row, calendar) = draft.to_remove(audience, row);
            let is_kept_in = |calendar: &CalendarRef| {
                audience.treatment_of_row(calendar, row.delivery.role()) == Treatment::KeepRight
            };
            // A replaced connection is no disconnect: its calendar is reached through another one.
            let kept = !is_withdrawal && (is_kept_in(row.delivery.calendar()) || is_kept_in(&calendar));
            if kept && !row.may_exist() {
                // An event that is only kept up to date is not created.
                continue;
            }
            if let Some(note) = draft.out_of_reach(audience, &row, &calendar, self.other_account) {
                draft.plan.notes.push(note);
                continue;
            }
            if kept && !row.is_kept() && !row.is_being_removed() {
                let role = audience.role_of(&calendar.person).unwrap_or(row.delivery.role());
                if let Some(capabilities) = draft.capabilities(&calendar) {
                    let content = prepared.content(role, &capabilities.text);
                    draft.decide(Some(row), calendar, role, Some(content));
                }
                continue;
            }
            let is_kept = row.may_exist() && !row.is_kept();
            let waits = waiting.iter().find(|(person, _)| *person == calendar.person && is_kept);
            let Some(&(_, role)) = waits else {
                let role = row.delivery.role();
                draft.decide(Some(row), calendar, role, None);
                continue;
            };
            // Until then the old event gets the content of the new one. An event that is being
            // removed is not made again.
            if let Some(capabilities) = draft.capabilities(&calendar).filter(|_| !row.is_being_removed()) {
                let content = prepared.content(role, &capabilities.text);
                draft.decide(Some(row), calendar.clone(), role, Some(content));
            }
            draft.plan.notes.push(Note::Kept { role, calendar });
        }
        for row in draft.inherited_to_remove(audience, !is_withdrawal) {
            let (calendar, role) = (row.delivery.calendar().clone(), row.delivery.role());
            draft.decide(Some(row), calendar, role, None);
        }
        // A person's new events are made before their old ones are removed. The sort is stable:
        // connections keep their order.
        let order = |step: &Step| (step.removes(), step.calendar.person.clone());
        draft.plan.steps.sort_by_cached_key(order);
        Ok(draft.plan)
    }

    /// Checks that this planner may plan for an appointment: `now` is a valid time, and the ledger
    /// belongs to the planner's namespace.
    pub(crate) fn check(&self, appointment: &Appointment, now: DateTime<Utc>) -> Result<(), InputError> {
        let of_now =
            |error| InputError::new("the plan of appointment", &appointment.id, "now", Problem::Time(error));
        time::check(now).map_err(of_now)?;
        match appointment.ledger.namespace() {
            Some(namespace) if *namespace != *self.namespace => Err(InputError::new(
                "appointment",
                &appointment.id,
                "calendar_ledger",
                Problem::OtherNamespace,
            )),
            _ => Ok(()),
        }
    }
}

fn is_closed(appointment: &Appointment, now: DateTime<Utc>) -> bool {
    appointment.end_time.checked_add_signed(CLOSED_AFTER).is_some_and(|end| end < now)
}

/// The planner's decision about a target.
#[derive(PartialEq)]
pub(crate) enum Decided {
    /// The plan has a step or a note for it, or there is nothing to do.
    Done,
    /// The target is held, and no event of ours is confirmed there.
    WaitsForNew,
}

impl<'a> PlanDraft<'a> {
    /// The events that should exist: one for every calendar of every person who takes part. A
    /// calendar that a person reaches through two connections gets one event.
    fn desired(
        &mut self,
        audience: &Audience<'_>,
        is_wanted: bool,
        prepared: &mut Prepared<'_>,
    ) -> Vec<Desired> {
        let mut desired: Vec<Desired> = Vec::new();
        for member in &audience.members {
            if !member.person.as_ref().is_none_or(|person| audience.is_about(person)) {
                continue;
            }
            if let Some(reason) = &member.left_out {
                let (role, person, reason) = (member.role, member.person.clone(), reason.clone());
                self.plan.notes.push(Note::LeftOut { role, person, reason });
                continue;
            }
            if !is_wanted {
                continue;
            }
            for calendar in member.places() {
                let Some(capabilities) = self.capabilities(&calendar) else {
                    self.plan.notes.push(Note::NoProvider { role: member.role, calendar });
                    continue;
                };
                if desired.iter().any(|event| capabilities.is_one_calendar(&event.calendar, &calendar)) {
                    continue;
                }
                let content = prepared.content(member.role, &capabilities.text);
                desired.push(Desired { calendar, role: member.role, content });
            }
        }
        desired
    }

    /// Plans a closed appointment: no steps.
    fn close(&mut self) {
        for row in self.appointment.ledger.deliveries() {
            if row.confirmed().is_some() {
                self.plan.unchanged += 1;
            } else if row.may_exist() {
                self.plan.notes.push(Note::Closed { role: row.role(), calendar: row.calendar().clone() });
            }
        }
    }

    /// Decides the step for a target from the desired event and the state of the row. See
    /// [the ledger](crate::ledger) for the states.
    ///
    /// | desired | state | step |
    /// | --- | --- | --- |
    /// | an event | Absent | create; generation 0, or the one after the withdrawn one |
    /// | an event | Confirmed, same fingerprint | nothing |
    /// | an event | Confirmed, other fingerprint | update, in the calendar that the row names |
    /// | an event | Pending | find; then create or update |
    /// | none | Confirmed | delete, in the calendar that the row names |
    /// | none | Pending | find; then delete if it is there |
    /// | none | Absent | nothing |
    ///
    /// If a look is due at the row, the step finds first, in every state.
    pub(crate) fn decide(
        &mut self,
        row: Option<Row<'_>>,
        calendar: CalendarRef,
        role: Role,
        content: Option<Content>,
    ) -> Decided {
        let (delivery, adopts) = match &row {
            Some(row) => (Some(&*row.delivery), row.adopts.clone()),
            None => (None, None),
        };
        let now = self.plan.at;
        let fingerprint = content.as_ref().map(|content| content.fingerprint);
        let is_new = delivery.is_none_or(|row| row.confirmed().is_none());
        let Some(action) = action(delivery, content, now) else {
            self.plan.unchanged += usize::from(fingerprint.is_some());
            if let Some(at) = delivery.and_then(Delivery::look_at) {
                self.plan.notes.push(Note::LooksLater { role, calendar, at });
            }
            return Decided::Done;
        };
        let is_lifted = row.as_ref().is_some_and(|row| row.is_connected_again);
        let hold = delivery.filter(|_| !is_lifted).and_then(|row| self.hold_of(row, &calendar));
        if let Some(hold) = hold.filter(|hold| hold.keeps_from(fingerprint, now)).cloned() {
            let waits_for_new = is_new && hold.reason() != Some(BlockReason::RemovedByPerson);
            self.plan.notes.push(Note::Held { role, calendar, hold });
            return if waits_for_new { Decided::WaitsForNew } else { Decided::Done };
        }
        let target = match delivery {
            Some(row) => row.target(),
            None => TargetKey::derive(&self.plan.namespace, &self.appointment.id, &calendar),
        };
        let generation = match delivery {
            Some(row) => row.generation(),
            None => self.appointment.ledger.generation_of(target),
        };
        let moves_from =
            delivery.filter(|row| !row.is_of(&calendar)).map(|row| Box::new(row.calendar().clone()));
        let mut calendar = calendar;
        if let Some(row) = delivery.filter(|_| moves_from.is_none()) {
            // The event is in the account that the responses to its own calls named.
            calendar.account = row.account().cloned().or(calendar.account);
        }
        let ids = self.capabilities(&calendar).map(|capabilities| capabilities.calendar_ids);
        if ids == Some(CalendarIds::Global) {
            // With global calendar ids the account does not tell where the event is, and does not
            // distinguish rows.
            calendar.account = None;
        }
        self.plan.steps.push(Step {
            calendar,
            target,
            role,
            generation,
            action,
            adopts,
            moves_from,
            pending_since: delivery.and_then(Delivery::pending_since),
            unreported_since: delivery.and_then(unreported_since),
            failures: delivery.map_or(0, Delivery::failures),
            blocked: delivery.and_then(Delivery::hold).and_then(blocked),
        });
        Decided::Done
    }

    /// The hold of a row, unless it is void. A new connection ends the holds about the old
    /// connection; a successful call ends the holds of its account, connection or calendar.
    fn hold_of<'r>(&self, row: &'r Delivery, calendar: &CalendarRef) -> Option<&'r Hold> {
        let hold = row.hold()?;
        let is_anew = row.calendar().connection != calendar.connection
            || row.calendar().is_in_another_account(calendar);
        if is_anew && hold.is_about_the_connection() {
            return None;
        }
        let Hold::Blocked { reason, set_at, .. } = hold else { return Some(hold) };
        let Some(health) = &self.planner.health else { return Some(hold) };
        let connection = HealthKey::Connection(row.calendar().connection_key());
        if health.get(&connection).was_connected_after(*reason, *set_at) {
            return None;
        }
        let key = if reason.is_of_account() {
            HealthKey::account_of(row.calendar())
        } else if reason.is_of_connection() {
            connection
        } else if reason.is_of_calendar() {
            HealthKey::Calendar(row.calendar().key())
        } else {
            return Some(hold);
        };
        (!health.get(&key).lifts(*set_at)).then_some(hold)
    }
}

/// The action for a target; `None` if the target is as it should be.
fn action(row: Option<&Delivery>, content: Option<Content>, now: DateTime<Utc>) -> Option<Action> {
    let absent = DeliveryState::Absent;
    let state = row.map_or(&absent, Delivery::state);
    let is_look_due = row.is_some_and(|row| row.is_look_due(now));
    let is_unreported = row.is_some_and(|row| row.unreported_since().is_some());
    match (content, state) {
        (content, DeliveryState::Pending(pending)) => {
            Some(Action::Find { content, pending: pending.clone() })
        }
        (content, DeliveryState::Confirmed(event)) if is_look_due => {
            // If the event is missing, the late write itself may have removed it.
            let pending = PendingWrite::new(Some(event.clone())).with_removing(true);
            Some(Action::Find { content, pending })
        }
        (content, DeliveryState::Absent) if is_look_due || (content.is_none() && is_unreported) => {
            Some(Action::Find { content, pending: PendingWrite::new(None) })
        }
        (None, DeliveryState::Absent) => None,
        (Some(content), DeliveryState::Absent) => Some(Action::Create { content }),
        (Some(content), DeliveryState::Confirmed(event)) => {
            let is_same = event.fingerprint == Some(content.fingerprint);
            (!is_same).then(|| Action::Update { content, event: event.clone() })
        }
        // A worker that was cut off may have written an event of another generation.
        (None, DeliveryState::Confirmed(event)) if is_unreported => {
            let pending = PendingWrite::new(Some(event.clone())).with_removing(true);
            Some(Action::Find { content: None, pending })
        }
        (None, DeliveryState::Confirmed(event)) => Some(Action::Delete { event: event.clone() }),
    }
}

/// When the last write was begun whose outcome was never recorded. A write that is marked as a
/// removal counts too: a run that looks first creates a new event if it has one to write and ours
/// is missing.
fn unreported_since(row: &Delivery) -> Option<DateTime<Utc>> {
    match row.state() {
        DeliveryState::Pending(pending) if !pending.doubted => Some(row.changed_at()),
        _ => row.unreported_since(),
    }
}

fn blocked(hold: &Hold) -> Option<(BlockReason, DateTime<Utc>)> {
    match hold {
        Hold::Blocked { reason, since, .. } => Some((*reason, *since)),
        Hold::Rejected { .. } | Hold::AwaitingHost { .. } => None,
    }
}
