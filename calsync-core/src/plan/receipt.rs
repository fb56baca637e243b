//! Receipts: for each target of an appointment, whether the event is as it should be, and if not,
//! what it waits for.

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

/// Whether an appointment is on everyone's calendar, target by target. `Display` prints it as text
/// without personal data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Receipt {
    /// The appointment that the receipt describes.
    pub appointment: AppointmentId,
    /// The time that this receipt describes.
    pub at: DateTime<Utc>,
    /// The targets where an event should be, is, or may be; sorted by role.
    pub targets: Vec<TargetReport>,
    /// Who gets no event, and why.
    pub left_out: Vec<LeftOut>,
}

/// One target, as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TargetReport {
    /// The role of the calendar's person in the appointment.
    pub role: Role,
    /// The calendar where the event is or should be.
    pub calendar: CalendarRef,
    /// Whether an event should be there; if not, the event there has to be removed.
    pub wanted: bool,
    /// Whether the account behind the connection is known. If not, calsync cannot notice that the
    /// connection leads to another account later.
    pub is_account_known: bool,
    /// What is there, or what the target waits for.
    pub state: TargetState,
    /// Since when the target is not as it should be; `None` if it is, or if no plan for it was
    /// begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_since: Option<DateTime<Utc>>,
    /// The failure of the last attempt; `None` if it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<Failure>,
}

/// The state of a target, as a receipt shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum TargetState {
    /// The provider confirmed the event, and it is as it should be.
    InPlace,
    /// The next plan has a step for it.
    Due,
    /// A write was begun and not confirmed; the next plan looks first.
    Unconfirmed,
    /// A hold keeps the target from being acted on.
    Waiting {
        /// The hold.
        hold: Hold,
    },
    /// No provider of that kind is registered.
    NoProvider,
    /// The connection leads to another account now; the event in the old account cannot be reached.
    OutOfReach,
    /// The event stays until the person's new event in another calendar, which is held, can be
    /// made.
    Kept,
    /// The event is neither updated nor removed: the person syncs by hand, the calendar was
    /// disconnected and the event kept, or the appointment ended more than 30 days ago.
    LeftAsIs,
}

/// A role without an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeftOut {
    /// The role in the appointment.
    pub role: Role,
    /// The person; `None` if no person is known for that role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Person>,
    /// Why there is no event.
    pub reason: Reason,
}

impl Receipt {
    /// Whether every calendar is as it should be: no target is [open](Self::open).
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.open().next().is_none()
    }

    /// The targets that are not as they should be: all but [`TargetState::InPlace`] and
    /// [`TargetState::LeftAsIs`].
    pub fn open(&self) -> impl Iterator<Item = &TargetReport> {
        self.targets
            .iter()
            .filter(|target| !matches!(target.state, TargetState::InPlace | TargetState::LeftAsIs))
    }

    /// When to plan again: the earliest time at which a hold of a target ends. `None` if no target
    /// waits for a known time.
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
    /// Whether an appointment is on everyone's calendar now, and if not, what each target waits
    /// for. Makes no call: the receipt shows what the ledger knows.
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

/// The input of a receipt.
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
                // An event kept on purpose waits for nothing.
                Note::Held { role, calendar, hold } if hold.is_disconnected() => {
                    (role, calendar, TargetState::LeftAsIs)
                }
                Note::Held { role, calendar, hold } => (role, calendar, TargetState::Waiting { hold }),
                Note::NoProvider { role, calendar } => (role, calendar, TargetState::NoProvider),
                Note::OtherAccount { role, calendar } | Note::LeftBehind { role, calendar } => {
                    (role, calendar, TargetState::OutOfReach)
                }
                // The target's step is in the receipt already, and tells more.
                Note::Kept { calendar, .. } if is_mentioned(&mentioned, &calendar) => continue,
                Note::Kept { role, calendar } => (role, calendar, TargetState::Kept),
                // If an event is desired, it is there; if none is, one may still appear.
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

    /// A target, with what the ledger's row of the calendar `from` knows about it.
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
                f.write_str("out of reach: the connection leads to another account now")?
            }
            (TargetState::Kept, _) => f.write_str("stays until the new one can be made")?,
            (TargetState::LeftAsIs, _) => f.write_str("left as it is")?,
        }
        if let Some(since) = self.pending_since {
            write!(f, "; pending since {}", since.format("%F %T UTC"))?;
        }
        match &self.last_error {
            Some(error) => write!(f, "; last failure: {error}"),
            None => Ok(()),
        }
    }
}
