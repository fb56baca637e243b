//! A job: one person's part of a begun plan, to be carried out elsewhere and later.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::calendar::Person;
use crate::id::AppointmentId;
use crate::ledger::{Delivery, Presence, Unsure};
use crate::model::Appointment;
use crate::plan::{Action, Note, Plan, Step};

/// The version that is written today.
const VERSION: u32 = 1;

/// One person's steps of a plan that was begun, to go through a queue: any queue, that delivers late, twice, or out of order.
///
/// It carries what is to be written, so whoever executes it needs nothing but the appointment's ledger as it is stored then.
/// Mostly it is one step; where somebody's event moves from one calendar to another it is two, since the new one is made
/// before the old one goes.
///
/// The host puts the jobs into its queue in the transaction that saves the begun appointment. It never drops one because
/// another for the same appointment is waiting: the older one finds out by itself that it is out of date. A job holds the
/// event's text, and so belongs where the host keeps its customers' data.
///
/// ```
/// use calsync_core::plan::{Plan, SyncJob};
///
/// /// What the host writes into its queue with the appointment.
/// fn messages(plan: Plan) -> Result<Vec<String>, serde_json::Error> {
///     plan.jobs().iter().map(serde_json::to_string).collect()
/// }
///
/// # fn read(message: &str) -> Result<SyncJob, serde_json::Error> {
/// let job: SyncJob = serde_json::from_str(message)?;
/// # Ok(job)
/// # }
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct SyncJob {
    version: u32,
    plan: Plan,
}

/// A job as it is written, of whatever version.
#[derive(Deserialize)]
struct Written {
    version: u32,
    plan: Plan,
}

/// Why a job cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// It is for another appointment.
    #[error("the job is for appointment {job}, not {given}")]
    OtherAppointment {
        /// The job's.
        job: AppointmentId,
        /// The one given.
        given: AppointmentId,
    },
    /// The ledger does not know of the plan the job is from: it was not saved, or an older copy was read. Later it may.
    #[error("the plan was never begun in this ledger: it is at revision {ledger}, the job is of {job}")]
    NotBegun {
        /// The job's revision.
        job: u64,
        /// The ledger's.
        ledger: u64,
    },
}

impl Plan {
    /// The plan as jobs for a queue, one a person. The plan has to be [begun](Plan::begin).
    #[must_use]
    pub fn jobs(mut self) -> Vec<SyncJob> {
        let steps = std::mem::take(&mut self.steps);
        let frame = Self { notes: Vec::new(), unchanged: 0, ..self };
        let mut jobs: Vec<SyncJob> = Vec::new();
        for step in steps {
            match jobs.iter_mut().find(|job| job.person() == Some(&step.place.person)) {
                Some(job) => job.plan.steps.push(step),
                None => {
                    let plan = Self { steps: vec![step], ..frame.clone() };
                    jobs.push(SyncJob { version: VERSION, plan });
                }
            }
        }
        jobs
    }
}

impl SyncJob {
    /// The appointment.
    #[must_use]
    pub fn appointment(&self) -> &AppointmentId {
        &self.plan.appointment
    }

    /// Whose events it is about.
    #[must_use]
    pub fn person(&self) -> Option<&Person> {
        self.plan.steps.first().map(|step| &step.place.person)
    }

    /// The revision of the plan it is from. Of two jobs for one appointment and person the one with the higher revision is
    /// the wish of today.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.plan.revision()
    }

    /// What of the job is still to be done, by the appointment as it is stored now.
    ///
    /// A step stays where its row is still unsure from the job's own plan. Where an earlier delivery has failed or lost the
    /// outcome, it looks first. It is left out where a newer plan has begun to touch the row, where it is done, and while the row
    /// has to wait; the notes say so.
    ///
    /// # Errors
    /// When the appointment is another one, or its ledger does not know of the job's plan yet.
    pub fn still_to_do(&self, appointment: &Appointment, now: DateTime<Utc>) -> Result<Plan, JobError> {
        if appointment.id != self.plan.appointment {
            let (job, given) = (self.plan.appointment.clone(), appointment.id.clone());
            return Err(JobError::OtherAppointment { job, given });
        }
        let ledger = &appointment.ledger;
        if ledger.revision < self.revision() {
            return Err(JobError::NotBegun { job: self.revision(), ledger: ledger.revision });
        }
        let mut plan = Plan { steps: Vec::new(), ..self.plan.clone() };
        for step in &self.plan.steps {
            let row = ledger.delivery(&step.place).filter(|row| row.revision == self.revision());
            let hold = row.and_then(|row| row.hold.clone().or_else(|| row.busy(now)));
            let (role, place) = (step.role, step.place.clone());
            match row.map(|row| (&row.presence, &row.last_error)) {
                Some((Presence::Unsure(_), None)) => {
                    plan.steps.push(Step { repeated: true, ..step.clone() });
                }
                Some((Presence::Unsure(unsure), Some(_))) if hold.is_none() => {
                    plan.steps.push(self.looking(step, row, unsure));
                }
                Some((Presence::Absent | Presence::Present(_), None)) if hold.is_none() => {
                    plan.unchanged += 1;
                }
                _ => plan.notes.push(match hold {
                    Some(hold) => Note::Held { role, place, hold },
                    None => Note::OutOfDate { role, place },
                }),
            }
        }
        Ok(plan)
    }

    fn looking(&self, step: &Step, row: Option<&Delivery>, unsure: &Unsure) -> Step {
        let action = Action::Look { content: step.content().cloned(), unsure: unsure.clone() };
        Step {
            action,
            key: unsure.key,
            generation: row.map_or(step.generation, |row| row.generation),
            pause: row.and_then(|row| row.last_error.clone()),
            rivals_since: step.rivals_since.or(Some(self.plan.at)),
            ..step.clone()
        }
    }
}

impl TryFrom<Written> for SyncJob {
    type Error = String;

    fn try_from(Written { version, plan }: Written) -> Result<Self, String> {
        if version != VERSION {
            return Err(format!("version {version} of a job is not known here; this is version {VERSION}"));
        }
        Ok(Self { version, plan })
    }
}

/// Ids only; what is to be written is somebody's.
impl fmt::Debug for SyncJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncJob")
            .field("appointment", self.appointment())
            .field("revision", &self.revision())
            .field("steps", &self.plan.steps.len())
            .finish()
    }
}
