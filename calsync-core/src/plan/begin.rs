//! Beginning a plan: the ledger's rows become pending before anything is sent.

use crate::id::AppointmentId;
use crate::ledger::BeginRow;
use crate::model::Appointment;
#[cfg(doc)]
use crate::plan::Brake;
use crate::plan::brake::is_counted;
use crate::plan::{Plan, Step};

/// A plan that was begun, and may be run once. The host saves the ledger before it runs the plan.
///
/// Only beginning a plan makes one ([`Plan::begin`]), so every plan that runs has its rows marked.
#[derive(Debug)]
#[must_use = "nothing is written until a begun plan is run"]
pub struct Begun {
    plan: Plan,
    held: Vec<Step>,
}

/// Why a plan cannot be begun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BeginError {
    /// The plan was made for another appointment.
    #[error("the plan is for appointment {planned}, not {given}")]
    OtherAppointment {
        /// The plan's appointment.
        planned: AppointmentId,
        /// The appointment given.
        given: AppointmentId,
    },
    /// The ledger has changed since this plan was made: plan again.
    #[error("the plan was made from version {planned} of the ledger, which is now at {ledger}; plan again")]
    OutOfDate {
        /// The ledger's version at the time of planning.
        planned: u64,
        /// The ledger's version now.
        ledger: u64,
    },
}

impl Begun {
    /// The plan, without the steps that the brake holds.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The removals that the brake holds until the host allows them.
    #[must_use]
    pub fn held(&self) -> &[Step] {
        &self.held
    }

    /// Whether there is nothing to run. The ledger may have changed nevertheless: compare its
    /// version.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.plan.is_empty()
    }

    pub(crate) fn of(plan: Plan) -> Self {
        Self { plan, held: Vec::new() }
    }

    #[cfg(feature = "sync")]
    pub(crate) fn into_plan(self) -> Plan {
        self.plan
    }
}

impl Plan {
    /// Marks the rows that this plan is about to change as pending, and raises the ledger's
    /// revision. The host saves the ledger before it runs the plan; then a crash loses nothing. A
    /// plan without steps changes nothing.
    ///
    /// The planner's [brake](Brake) counts the removals. Removals beyond its limits are not begun:
    /// they are in [`Begun::held`], and their rows wait until the host allows them.
    ///
    /// # Errors
    /// [`BeginError::OtherAppointment`] if the plan was made for another appointment,
    /// [`BeginError::OutOfDate`] if the ledger has changed since the plan was made. Then nothing is
    /// changed.
    pub fn begin(self, appointment: &mut Appointment) -> Result<Begun, BeginError> {
        self.check(appointment)?;
        let passes = self.brake.as_ref().is_none_or(|brake| brake.lets_pass(&self));
        self.begin_steps(appointment, !passes)
    }

    /// Begins the plan without the brake: the host allows its removals.
    ///
    /// # Errors
    /// As [`begin`](Plan::begin).
    pub fn begin_allowed(self, appointment: &mut Appointment) -> Result<Begun, BeginError> {
        self.check(appointment)?;
        self.begin_steps(appointment, false)
    }

    fn begin_steps(mut self, appointment: &mut Appointment, is_braked: bool) -> Result<Begun, BeginError> {
        let is_held: Vec<bool> = self.steps.iter().map(|step| is_braked && is_counted(&self, step)).collect();
        let (mut steps, mut held) = (Vec::with_capacity(self.steps.len()), Vec::new());
        for (step, is_held) in std::mem::take(&mut self.steps).into_iter().zip(is_held) {
            if is_held { held.push(step) } else { steps.push(step) }
        }
        self.steps = steps;
        let ledger = &mut appointment.ledger;
        if !self.steps.is_empty() {
            let rows = self.steps.iter().map(|step| BeginRow {
                calendar: &step.calendar,
                moves_from: step.moves_from.as_deref(),
                target: step.target,
                role: step.role,
                generation: step.generation,
                pending: step.pending().with_account(step.calendar.account.clone()),
                adopts: step.adopts.as_ref(),
                unreported_since: step.unreported_since,
            });
            ledger.begin(&self.namespace, self.at, rows);
        }
        ledger.hold_for_host(held.iter().map(|step| (step.target, step.row_calendar())), self.at);
        Ok(Begun { plan: self, held })
    }

    pub(crate) fn check(&self, appointment: &Appointment) -> Result<(), BeginError> {
        if appointment.id != self.appointment {
            let (planned, given) = (self.appointment.clone(), appointment.id.clone());
            return Err(BeginError::OtherAppointment { planned, given });
        }
        let ledger = appointment.ledger.version();
        if ledger != self.planned_version {
            return Err(BeginError::OutOfDate { planned: self.planned_version, ledger });
        }
        Ok(())
    }
}
