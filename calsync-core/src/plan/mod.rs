//! Planning: compares desired events with the ledger and lists the steps that reconcile them.
//!
//! A [`Planner`] makes a [`Plan`]; [`Plan::begin`] marks the rows it is about to change as pending and gives a [`Begun`] plan,
//! which alone can be run. What the run reports goes back with [`Appointment::record`].

mod backfill;
mod begin;
mod brake;
mod disconnect;
mod display;
mod planner;
mod prepare;
mod receipt;
mod recovery;
mod rows;
mod work;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

pub use backfill::Backfill;
pub use begin::{BeginError, Begun};
pub use brake::{
    Brake, BrakeLimits, BrakeNotice, BrakeState, BrakeStore, Limit, MemoryBrakeStore, RemovalKind,
};
pub use disconnect::{Disconnect, DisconnectPlan, DisconnectReceipt, OnDisconnect, Remaining};
pub use planner::{OtherAccount, Planner, RemovedByPerson};
pub use receipt::{LeftOut, Receipt, TargetReport, TargetState};
pub use recovery::{Orphan, Recovery};
pub(crate) use work::{PlanDraft, Row};

use crate::audience::Reason;
use crate::calendar::{CalendarRef, Person, Role};
use crate::event::Event;
use crate::id::AppointmentId;
use crate::identity::{EventKey, Fingerprint, Generation, TargetKey};
use crate::ledger::{BlockReason, Hold, PendingWrite, RemoteEvent};
use crate::model::Appointment;
use crate::names::ProviderKind;
use crate::report::Report;

/// What has to be done for one appointment, and what is not done and why.
///
/// `Display` lists it without personal data; printing it is a dry run. It serialises for a log of the host's own, texts included. `Debug` shows no
/// texts.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// The host's namespace.
    pub namespace: Arc<str>,
    /// The appointment.
    pub appointment: AppointmentId,
    /// The ledger's revision that this was planned from.
    pub planned_from: u64,
    /// The ledger's version that this was planned from.
    pub planned_version: u64,
    /// When it was planned: the events' time of change.
    pub at: DateTime<Utc>,
    /// Whether the appointment is over for everyone: cancelled or withdrawn.
    pub is_withdrawal: bool,
    /// What to do, one step for each target. A person's removals come last.
    pub steps: Vec<Step>,
    /// What not to do, and why.
    pub notes: Vec<Note>,
    /// How many events are as they should be.
    pub unchanged: usize,
    /// Counts the removals when the plan is begun.
    #[serde(skip)]
    brake: Option<Brake>,
}

/// What to do at one target.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// The calendar.
    pub calendar: CalendarRef,
    /// The target.
    pub target: TargetKey,
    /// The role the event is worded for.
    pub role: Role,
    /// The generation of the event.
    pub generation: Generation,
    /// What to do there.
    pub action: Action,
    /// The step takes over an event that older code wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adopts: Option<ProviderKind>,
    /// The calendar that the row names so far, where the person reaches it through another connection today.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moves_from: Option<Box<CalendarRef>>,
    /// Since when the target is not as it should be; the time of this plan where `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_since: Option<DateTime<Utc>>,
    /// When an earlier write was begun whose outcome was never recorded: it may still take effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreported_since: Option<DateTime<Utc>>,
    /// How many attempts have failed in a row.
    pub failures: u32,
    /// Why and since when the row was blocked before this step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<(BlockReason, DateTime<Utc>)>,
}

/// What to do at a target.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
        event: RemoteEvent,
    },
    /// Remove the event that is there.
    Delete {
        /// What is there.
        event: RemoteEvent,
    },
    /// Find what is there, since the last write's outcome is not known; then write the content, or remove what was found.
    Find {
        /// What should be there; nothing when `None`.
        content: Option<Content>,
        /// What the ledger remembers.
        pending: PendingWrite,
    },
}

/// An event's content, shared by all the targets that show the same.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Content {
    /// What it says, as the provider can store it.
    pub event: Arc<Event>,
    /// The fingerprint of that.
    pub fingerprint: Fingerprint,
}

/// Something that is not done, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Note {
    /// A person gets no event.
    LeftOut {
        /// The role they would have it in.
        role: Role,
        /// Who, where there is someone to name.
        person: Option<Person>,
        /// Why not.
        reason: Reason,
    },
    /// No provider of that kind is registered; an event that is there stays as it is.
    NoProvider {
        /// The role.
        role: Role,
        /// The calendar.
        calendar: CalendarRef,
    },
    /// A hold keeps a row as it is.
    Held {
        /// The role.
        role: Role,
        /// The calendar.
        calendar: CalendarRef,
        /// What keeps it.
        hold: Hold,
    },
    /// The connection leads to another account than the one where an event of ours is. Nothing is made in the new one, and nothing
    /// is touched in the old one ([`OtherAccount::Refuse`]).
    OtherAccount {
        /// The role.
        role: Role,
        /// The calendar of the event.
        calendar: CalendarRef,
    },
    /// An event that is not desired there any more stays until the person's new one, which is held, can be made. Until then it
    /// is kept right.
    Kept {
        /// The role.
        role: Role,
        /// The calendar.
        calendar: CalendarRef,
    },
    /// The connection leads to another account now, and an event in the one before cannot be reached any more
    /// ([`OtherAccount::StartAnew`]).
    LeftBehind {
        /// The role.
        role: Role,
        /// The calendar.
        calendar: CalendarRef,
    },
    /// The calendar is being disconnected, and the event is kept there on purpose.
    KeptOnDisconnect {
        /// The target.
        target: TargetKey,
        /// The role.
        role: Role,
        /// The calendar.
        calendar: CalendarRef,
    },
    /// The calendar is being disconnected and is still reached through another connection of the person, which takes the event
    /// over.
    TakenOver {
        /// The target.
        target: TargetKey,
        /// The role.
        role: Role,
        /// The calendar as the row names it so far.
        calendar: CalendarRef,
        /// The calendar through the other connection.
        by: CalendarRef,
    },
    /// A write that was given up may still arrive: the calendar is looked at once more.
    LooksLater {
        /// The role.
        role: Role,
        /// The calendar.
        calendar: CalendarRef,
        /// When.
        at: DateTime<Utc>,
    },
    /// The appointment ended more than 30 days ago: nothing is looked at or written any more.
    Closed {
        /// The role.
        role: Role,
        /// The calendar.
        calendar: CalendarRef,
    },
    /// An event that older code wrote has no owner in the audience; it stays as it is.
    OwnerUnknown {
        /// The provider.
        provider: ProviderKind,
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
}

impl Step {
    /// The key of the event to write or remove.
    #[must_use]
    pub fn key(&self) -> EventKey {
        self.target.event(self.generation)
    }

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
            Action::Find { content, .. } => content.as_ref(),
            Action::Delete { .. } => None,
        }
    }

    /// The calendar that the ledger's row is found by.
    pub(crate) fn row_calendar(&self) -> &CalendarRef {
        self.moves_from.as_deref().unwrap_or(&self.calendar)
    }

    /// The step that takes up where this one's outcome was lost.
    #[cfg(feature = "sync")]
    pub(crate) fn looking(&self) -> Self {
        let action = Action::Find { content: self.content().cloned(), pending: self.pending() };
        Self { action, ..self.clone() }
    }

    /// What the ledger has to remember while the step is under way.
    pub(crate) fn pending(&self) -> PendingWrite {
        let pending = match &self.action {
            Action::Create { .. } => PendingWrite::new(None),
            Action::Update { event, .. } => PendingWrite::new(Some(event.clone())),
            Action::Delete { event } => PendingWrite::new(Some(event.clone())).with_removing(true),
            // Once it was being removed, a look that finds nothing cannot tell who did it.
            Action::Find { content, pending } => {
                let removing = pending.removing || content.is_none();
                PendingWrite { removing, doubted: false, ..pending.clone() }
            }
        };
        pending.with_withdraws(self.content().is_none())
    }
}

/// The brake is the planner's, and no part of what was planned.
impl PartialEq for Plan {
    fn eq(&self, other: &Self) -> bool {
        self.namespace == other.namespace
            && self.appointment == other.appointment
            && (self.planned_from, self.planned_version) == (other.planned_from, other.planned_version)
            && (self.at, self.is_withdrawal) == (other.at, other.is_withdrawal)
            && (&self.steps, &self.notes) == (&other.steps, &other.notes)
            && self.unchanged == other.unchanged
    }
}

/// Ids and fingerprints only: the texts are personal.
impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("appointment", &self.appointment)
            .field("planned_from", &self.planned_from)
            .field("at", &self.at)
            .field("steps", &self.steps)
            .field("notes", &self.notes)
            .field("unchanged", &self.unchanged)
            .finish_non_exhaustive()
    }
}

/// The fingerprint only: the texts are personal.
impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Content").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

impl Appointment {
    /// Records the outcomes of a run in the ledger; those of other appointments are passed over. The host saves the ledger if its
    /// [version](crate::ledger::Ledger::version) is still the one it loaded.
    ///
    /// Where another worker was faster the host loads the appointment again and records the same report into that: an outcome
    /// of an older plan does not overwrite a newer row, but makes the next plan look.
    ///
    /// Returns how many rows were changed.
    pub fn record(&mut self, report: &Report) -> usize {
        let ours = report.outcomes.iter().filter(|outcome| outcome.appointment == self.id);
        ours.filter(|outcome| self.ledger.record(outcome)).count()
    }
}
