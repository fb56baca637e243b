//! Where an appointment stands with everybody: what is in their calendars as it should be, and what waits for what.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::audience::{Audience, Reason};
use crate::calendar::{CalendarRef, Person, Role};
use crate::error::{Failure, InputError};
use crate::id::AppointmentId;
use crate::ledger::{Delivery, DeliveryState, Hold};
use crate::model::{Appointment, Order};
use crate::plan::{Note, Plan, Planner};

/// Whether an appointment is on everyone's calendar, target by target. `Display` says it in words, without anybody's data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Receipt {
    /// The appointment.
    pub appointment: AppointmentId,
    /// When this was the state of things.
    pub at: DateTime<Utc>,
    /// Where events should be, are, or may be. By role.
    pub targets: Vec<TargetReport>,
    /// Who gets no event, and why.
    pub left_out: Vec<LeftOut>,
}

/// One target, as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TargetReport {
    /// The role.
    pub role: Role,
    /// The calendar.
    pub calendar: CalendarRef,
    /// Whether an event should be there; if not, one has to go.
    pub wanted: bool,
    /// Whether the account behind the connection is known. Where it is not, an exchange of accounts cannot be noticed.
    pub is_account_known: bool,
    /// How far it is.
    pub state: TargetState,
    /// Since when it is not as it should be, where an attempt was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_since: Option<DateTime<Utc>>,
    /// What the last attempt met, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<Failure>,
}

/// How far a target is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum TargetState {
    /// As it should be, as the provider confirmed.
    InPlace,
    /// The next plan brings it about.
    Due,
    /// A write was begun and not confirmed; the next plan looks first.
    Unconfirmed,
    /// Something outside has to change first, or a time has to come.
    Waiting {
        /// What.
        hold: Hold,
    },
    /// No provider of that kind is registered.
    NoProvider,
    /// The connection leads to another account now; what stands in the one before is out of reach.
    OutOfReach,
    /// It stays until the person's new event, which waits, can be made elsewhere.
    Kept,
    /// Neither kept right nor removed: the person syncs by hand, or the calendar was disconnected and the event left there.
    LeftAsIs,
}

/// Somebody without an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeftOut {
    /// The role they would have it in.
    pub role: Role,
    /// Who, where there is anybody to name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Person>,
    /// Why not.
    pub reason: Reason,
}

impl Receipt {
    /// Whether everyone's calendar is as it should be now.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.open().next().is_none()
    }

    /// The targets that are not as they should be.
    pub fn open(&self) -> impl Iterator<Item = &TargetReport> {
        self.targets
            .iter()
            .filter(|target| !matches!(target.state, TargetState::InPlace | TargetState::LeftAsIs))
    }

    /// When the first of the targets that wait for a certain time is worth another plan.
    #[must_use]
    pub fn next_attempt_at(&self) -> Option<DateTime<Utc>> {
        let until = |target: &TargetReport| match &target.state {
            TargetState::Waiting { hold } => hold.held_until(self.at),
            _ => None,
        };
        self.targets.iter().filter_map(until).min()
    }
}

impl Planner {
    /// Whether an appointment is on everyone's calendar now, and if not, which target waits for what. Makes no call: it says
    /// what the ledger knows.
    ///
    /// # Errors
    /// As [`Planner::plan`].
    pub fn explain(
        &self,
        order: &Order,
        appointment: &Appointment,
        audience: &Audience<'_>,
        now: DateTime<Utc>,
    ) -> Result<Receipt, InputError> {
        let plan = self.plan(order, appointment, audience, now)?;
        Ok(Draft { appointment, audience, is_cancelled: is_cancelled(order, appointment) }.receipt(plan))
    }
}

fn is_cancelled(order: &Order, appointment: &Appointment) -> bool {
    appointment.status.is_cancelled() || order.status.is_cancelled()
}

/// What a receipt is made from.
struct Draft<'a> {
    appointment: &'a Appointment,
    audience: &'a Audience<'a>,
    is_cancelled: bool,
}

impl Draft<'_> {
    fn receipt(&self, plan: Plan) -> Receipt {
        let ledger = &self.appointment.ledger;
        let mut targets = Vec::new();
        let mut mentioned: Vec<CalendarRef> = Vec::new();
        for step in &plan.steps {
            let from = step.row_calendar();
            let is_unsure =
                ledger.delivery(from).is_some_and(|row| matches!(row.state(), DeliveryState::Pending(_)));
            let braked =
                ledger.delivery(from).and_then(Delivery::hold).filter(|hold| hold.is_awaiting_host());
            let state = match braked {
                Some(hold) => TargetState::Waiting { hold: hold.clone() },
                None if is_unsure => TargetState::Unconfirmed,
                None => TargetState::Due,
            };
            targets.push(self.target(step.role, &step.calendar, from, !step.removes(), state));
            mentioned.extend([step.calendar.clone(), from.clone()]);
        }
        let mut left_out = Vec::new();
        for note in plan.notes {
            let (role, calendar, state) = match note {
                Note::LeftOut { role, person, reason } => {
                    left_out.push(LeftOut { role, person, reason });
                    continue;
                }
                // What was kept there on purpose waits for nothing.
                Note::Held { role, calendar, hold } if hold.is_disconnected() => {
                    (role, calendar, TargetState::LeftAsIs)
                }
                Note::Held { role, calendar, hold } => (role, calendar, TargetState::Waiting { hold }),
                Note::NoProvider { role, calendar } => (role, calendar, TargetState::NoProvider),
                Note::OtherAccount { role, calendar } | Note::LeftBehind { role, calendar } => {
                    (role, calendar, TargetState::OutOfReach)
                }
                // A step of it says more.
                Note::Kept { calendar, .. } if is_mentioned(&mentioned, &calendar) => continue,
                Note::Kept { role, calendar } => (role, calendar, TargetState::Kept),
                // Where an event is desired it is there; where none is, one may still arrive.
                Note::LooksLater { calendar, .. } if self.is_wanted(&calendar) => continue,
                Note::LooksLater { role, calendar, .. } => (role, calendar, TargetState::Unconfirmed),
                Note::Closed { role, calendar } => (role, calendar, TargetState::LeftAsIs),
                // The first two are about disconnecting; the third has no calendar.
                Note::KeptOnDisconnect { .. } | Note::TakenOver { .. } | Note::OwnerUnknown { .. } => {
                    continue;
                }
            };
            targets.push(self.target(role, &calendar, &calendar, self.is_wanted(&calendar), state));
            mentioned.push(calendar);
        }
        for row in ledger.deliveries() {
            if !row.may_exist() || is_mentioned(&mentioned, row.calendar()) {
                continue;
            }
            let calendar = row.calendar();
            let wanted = self.is_wanted(calendar);
            let state = match (row.confirmed(), wanted) {
                (Some(_), true) => TargetState::InPlace,
                _ => TargetState::LeftAsIs,
            };
            targets.push(self.target(row.role(), calendar, calendar, wanted, state));
        }
        targets.sort_by(|a, b| (a.role, &a.calendar).cmp(&(b.role, &b.calendar)));
        Receipt { appointment: plan.appointment, at: plan.at, targets, left_out }
    }

    /// A target, with what the ledger's row of the calendar `from` knows of it.
    fn target(
        &self,
        role: Role,
        calendar: &CalendarRef,
        from: &CalendarRef,
        wanted: bool,
        state: TargetState,
    ) -> TargetReport {
        let row = self.appointment.ledger.delivery(from);
        TargetReport {
            role,
            calendar: calendar.clone(),
            wanted,
            state,
            is_account_known: row.is_some_and(|row| row.calendar().account.is_some()),
            pending_since: row.and_then(Delivery::pending_since),
            last_error: row.and_then(Delivery::last_error).cloned(),
        }
    }

    /// Whether an event should be in that calendar.
    fn is_wanted(&self, calendar: &CalendarRef) -> bool {
        let takes_part = self.audience.members.iter().filter(|member| member.left_out.is_none());
        !self.is_cancelled
            && !self.audience.is_withdrawn()
            && takes_part.flat_map(|member| member.places()).any(|wanted| wanted.is_at(calendar))
    }
}

fn is_mentioned(mentioned: &[CalendarRef], calendar: &CalendarRef) -> bool {
    mentioned.iter().any(|other| other.is_at(calendar))
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "appointment {}: ", self.appointment)?;
        match self.open().count() {
            0 => f.write_str("every calendar is as it should be")?,
            open => write!(f, "{open} of {} not as they should be", self.targets.len())?,
        }
        for target in &self.targets {
            write!(f, "\n  {target}")?;
        }
        for LeftOut { role, person, reason } in &self.left_out {
            match person {
                Some(person) => write!(f, "\n  nothing for {role} {person}: {reason}")?,
                None => write!(f, "\n  nothing for {role}: {reason}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for TargetReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}: ", self.role, self.calendar)?;
        match (&self.state, self.wanted) {
            (TargetState::InPlace, _) => f.write_str("in place")?,
            (TargetState::Due, true) => f.write_str("to be written by the next run")?,
            (TargetState::Due, false) => f.write_str("to be removed by the next run")?,
            (TargetState::Unconfirmed, true) => {
                f.write_str("a write is under way or was lost; the next run looks")?
            }
            (TargetState::Unconfirmed, false) => {
                f.write_str("a removal is under way or was lost; the next run looks")?
            }
            (TargetState::Waiting { hold }, true) => write!(f, "waits to be written: {hold}")?,
            (TargetState::Waiting { hold }, false) => write!(f, "waits to be removed: {hold}")?,
            (TargetState::NoProvider, _) => f.write_str("no provider registered")?,
            (TargetState::OutOfReach, _) => {
                f.write_str("out of reach: it is connected to another account now")?
            }
            (TargetState::Kept, _) => f.write_str("stays until the new one can be made")?,
            (TargetState::LeftAsIs, _) => f.write_str("left as it is")?,
        }
        if let Some(since) = self.pending_since {
            write!(f, "; open since {}", since.format("%F %T UTC"))?;
        }
        match &self.last_error {
            Some(error) => write!(f, "; last failure: {error}"),
            None => Ok(()),
        }
    }
}
