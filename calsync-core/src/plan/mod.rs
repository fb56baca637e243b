//! Should be × is → steps: the plan.
//!
//! A [`Planner`] compares the events that should exist with the ledger of those that do. [`Plan::begin`] marks the rows
//! that are about to be touched; what a run then reports goes back with [`Appointment::record`].

mod job;
mod planner;
mod prepare;
mod rows;
mod words;
mod work;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use job::{JobError, SyncJob};
pub use planner::{OtherAccount, Planner, RemovedByPerson};
pub(crate) use work::{PlanDraft, Row};

use crate::audience::Reason;
use crate::calendar::{CalendarRef, Person, Role};
use crate::error::Failure;
use crate::event::Event;
use crate::id::AppointmentId;
use crate::identity::{EventKey, Fingerprint};
use crate::ledger::{Delivery, Hold, Presence, Standing, Unsure};
use crate::model::Appointment;
use crate::names::ProviderKind;
use crate::report::Report;

/// What has to be done for one appointment, and what not and why.
///
/// `Display` says it in words, without anybody's data; printing it is a dry run. It serialises, texts included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// The host's namespace.
    pub namespace: Arc<str>,
    /// The appointment.
    pub appointment: AppointmentId,
    /// The ledger's revision that this was planned from.
    pub planned_from: u64,
    /// When it was planned; the events' time of change.
    pub at: DateTime<Utc>,
    /// What to do, one step a target. A person's removals come last.
    pub steps: Vec<Step>,
    /// What not to do, and why.
    pub notes: Vec<Note>,
    /// How many events stand as they should.
    pub unchanged: usize,
}

/// What to do at one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Step {
    /// Where.
    pub place: CalendarRef,
    /// The role the event is worded for.
    pub role: Role,
    /// The generation of the key.
    pub generation: u32,
    /// The event's key.
    pub key: EventKey,
    /// What to do there.
    pub action: Action,
    /// The step takes over an event that older code wrote and the ledger only inherited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopts: Option<ProviderKind>,
    /// The row this step is for, where it is another place than the row names: the person connected the same calendar
    /// anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moves: Option<CalendarRef>,
    /// Since when the target is not as it should be; the time of this plan where `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_since: Option<DateTime<Utc>>,
    /// The step may have been run before, by a queue that delivers twice: where it fails, nobody knows what stands there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeated: bool,
    /// What the last attempt met, where its account is still to be left alone for a moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Failure>,
    /// When another write was begun here whose outcome nobody reported: it may still arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rivals_since: Option<DateTime<Utc>>,
}

/// What to do at a target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Write an event that is not there.
    Create {
        /// What it says.
        content: Content,
    },
    /// Write over the event that is there.
    Update {
        /// What it says.
        content: Content,
        /// What is there.
        standing: Standing,
    },
    /// Remove the event that is there.
    Delete {
        /// What is there.
        standing: Standing,
    },
    /// Look what is there, since the last write's outcome is not known; then write the content, or remove what was found.
    Look {
        /// What should be there; nothing when `None`.
        content: Option<Content>,
        /// What the ledger remembers.
        unsure: Unsure,
    },
}

/// An event's content, shared by all the targets that show the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Content {
    /// What it says, as the provider can store it.
    pub event: Arc<Event>,
    /// The fingerprint of that.
    pub fingerprint: Fingerprint,
}

/// Something that is not done, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Note {
    /// Somebody gets no event.
    LeftOut {
        /// The role they would have it in.
        role: Role,
        /// Who, where there is anybody to name.
        person: Option<Person>,
        /// Why not.
        reason: Reason,
    },
    /// No provider of that kind is registered; what stands there is left as it is.
    NoProvider {
        /// The role.
        role: Role,
        /// Where the event would belong.
        place: CalendarRef,
    },
    /// Something outside keeps a row as it is.
    Held {
        /// The role.
        role: Role,
        /// The row's place.
        place: CalendarRef,
        /// What keeps it.
        hold: Hold,
    },
    /// The connection leads to another account now than the one where an event of ours stands. Nothing is made in the new one,
    /// and nothing is touched in the old one ([`OtherAccount::Refuse`]).
    OtherAccount {
        /// The role.
        role: Role,
        /// Where the event stands.
        place: CalendarRef,
    },
    /// An event that is not wanted there any more stays until the person's new one, which is held up, can be made. Until then it
    /// is kept right.
    Kept {
        /// The role.
        role: Role,
        /// Where it stands.
        place: CalendarRef,
    },
    /// The connection leads to another account now, and an event in the one before cannot be reached any more
    /// ([`OtherAccount::StartAnew`]).
    LeftBehind {
        /// The role.
        role: Role,
        /// Where it stands.
        place: CalendarRef,
    },
    /// The calendar is being disconnected, and the event is left there on purpose.
    Left {
        /// The role.
        role: Role,
        /// Where it stands.
        place: CalendarRef,
    },
    /// A step of a [job](SyncJob) that has nothing to do any more: a newer plan was begun for its row.
    OutOfDate {
        /// The role.
        role: Role,
        /// The row's place.
        place: CalendarRef,
    },
    /// An event that older code wrote belongs to nobody of the audience; it is left as it is.
    NobodysEvent {
        /// The provider.
        provider: ProviderKind,
    },
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
    /// Another plan was begun since this one was made: plan again.
    #[error("the plan was made at revision {planned}, the ledger is at {ledger}")]
    OutOfDate {
        /// The revision planned from.
        planned: u64,
        /// The ledger's revision.
        ledger: u64,
    },
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The revision that beginning this plan gives the ledger; written into every event as its SEQUENCE.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.planned_from.saturating_add(1)
    }

    /// The plan's notes without its steps, to keep when the plan itself goes into a run.
    #[must_use]
    pub fn without_steps(&self) -> Self {
        Self {
            namespace: self.namespace.clone(),
            appointment: self.appointment.clone(),
            steps: Vec::new(),
            notes: self.notes.clone(),
            ..*self
        }
    }

    /// Marks the rows that this plan is about to touch as unsure, and raises the ledger's revision. The host saves the
    /// appointment before it runs the plan; from then on a crash can lose nothing. An empty plan changes nothing, and
    /// there is nothing to save.
    ///
    /// # Errors
    /// When the appointment is another one, or its ledger has moved on since the plan was made. Then nothing is changed.
    pub fn begin(&self, appointment: &mut Appointment) -> Result<(), BeginError> {
        if appointment.id != self.appointment {
            let (planned, given) = (self.appointment.clone(), appointment.id.clone());
            return Err(BeginError::OtherAppointment { planned, given });
        }
        let ledger = &mut appointment.ledger;
        if ledger.revision != self.planned_from {
            return Err(BeginError::OutOfDate { planned: self.planned_from, ledger: ledger.revision });
        }
        if self.is_empty() {
            return Ok(());
        }
        ledger.revision = self.revision();
        for step in &self.steps {
            if let Some(kind) = &step.adopts {
                ledger.inherited.remove(kind);
            }
            if step.moves.is_some() {
                // The empty row of the place it moves to; its generations were counted in.
                ledger.deliveries.retain(|row| !row.is_at(&step.place) || row.presence != Presence::Absent);
            }
            let at = ledger.position(step.moves.as_ref().unwrap_or(&step.place));
            let row = match at.and_then(|at| ledger.deliveries.get_mut(at)) {
                Some(row) => row,
                None => ledger.add(Delivery::new(step.place.clone(), step.role, self.at)),
            };
            row.place = step.place.clone();
            row.role = step.role;
            row.generation = step.generation;
            row.presence = Presence::Unsure(step.unsure(self.at));
            (row.hold, row.last_error) = (None, None);
            row.rivals_since = step.rivals_since;
            row.open_since.get_or_insert(self.at);
            row.revision = self.planned_from.saturating_add(1);
            row.changed_at = self.at;
        }
        Ok(())
    }
}

impl Step {
    /// Whether the step removes, or looks in order to remove.
    #[must_use]
    pub fn removes(&self) -> bool {
        self.content().is_none()
    }

    /// What should be at the target in the end; nothing when `None`.
    #[must_use]
    pub fn content(&self) -> Option<&Content> {
        match &self.action {
            Action::Create { content } | Action::Update { content, .. } => Some(content),
            Action::Look { content, .. } => content.as_ref(),
            Action::Delete { .. } => None,
        }
    }

    /// The step that takes up where this one was begun at `at` and its outcome was lost: what the planner would make of
    /// the row that was saved then.
    #[cfg(feature = "sync")]
    pub(crate) fn looking(&self, at: DateTime<Utc>) -> Self {
        let content = self.content().cloned();
        // A lost removal brings nothing back; a lost write may still arrive.
        let rivals_since = if content.is_some() { Some(at) } else { self.rivals_since };
        let action = Action::Look { content, unsure: self.unsure(at) };
        Self { action, rivals_since, ..self.clone() }
    }

    /// What the ledger has to remember while the step is under way.
    pub(crate) fn unsure(&self, at: DateTime<Utc>) -> Unsure {
        match &self.action {
            Action::Create { .. } => Unsure::new(self.key, None, at),
            Action::Update { standing, .. } => Unsure::new(self.key, Some(standing.clone()), at),
            Action::Delete { standing } => {
                Unsure::new(self.key, Some(standing.clone()), at).with_removing(true)
            }
            // Once it was being removed, whoever finds nothing cannot tell who did it.
            Action::Look { content, unsure } => Unsure {
                removing: unsure.removing || content.is_none(),
                since: if content.is_some() { at } else { unsure.since },
                ..unsure.clone()
            },
        }
    }
}

impl Appointment {
    /// Takes the outcomes of a run into the ledger; those of other appointments are passed over. The host saves the
    /// appointment.
    ///
    /// Where another worker has begun a later plan meanwhile (the save finds another revision stored), the host loads the
    /// appointment again and records into that: an older run's outcome does not overwrite a newer row, but if it left an
    /// event where the row knows of none, the row becomes unsure and the next run looks.
    ///
    /// Returns how many rows were changed.
    pub fn record(&mut self, report: &Report) -> usize {
        let ours = report.outcomes.iter().filter(|outcome| outcome.appointment == self.id);
        ours.filter(|outcome| self.ledger.record(outcome)).count()
    }
}
