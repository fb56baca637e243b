//! Planning: compares desired events with the ledger and lists the steps that reconcile them.
//!
//! A [`Planner`] makes a [`Plan`]. [`Plan::begin`] marks the rows that the plan is about to change
//! as pending and returns a [`Begun`] plan; only a begun plan can be run. [`Appointment::record`]
//! writes the run's report into the ledger.

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
/// `Display` lists it without personal data; printing it is a dry run. It can be serialised for the
/// host's own log; that includes the events' texts. `Debug` shows no texts.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// The host's namespace.
    pub namespace: Arc<str>,
    /// The appointment that the plan was made for.
    pub appointment: AppointmentId,
    /// The ledger's revision at the time of planning.
    pub planned_from: u64,
    /// The ledger's version at the time of planning; [`Plan::begin`] requires the same one.
    pub planned_version: u64,
    /// When the plan was made; the events carry it as their time of change.
    pub at: DateTime<Utc>,
    /// Whether no event should exist any more: the appointment or the order is cancelled, or the
    /// audience is withdrawn.
    pub is_withdrawal: bool,
    /// What to do, one step for each target. A person's removals come after their other steps.
    pub steps: Vec<Step>,
    /// What is not done, and why.
    pub notes: Vec<Note>,
    /// How many events are as they should be and need no step.
    pub unchanged: usize,
    /// Counts the removals when the plan is begun.
    #[serde(skip)]
    brake: Option<Brake>,
}

/// What to do at one target.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// The calendar to call.
    pub calendar: CalendarRef,
    /// The target; [`Step::key`] is derived from it.
    pub target: TargetKey,
    /// The role whose text the event has.
    pub role: Role,
    /// The generation of the event to write or remove.
    pub generation: Generation,
    /// What to do in the calendar.
    pub action: Action,
    /// The provider whose event of older code this step takes over; `None` if it takes over none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adopts: Option<ProviderKind>,
    /// The calendar that the row names so far, if the person now reaches it through another
    /// connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moves_from: Option<Box<CalendarRef>>,
    /// Since when the target is not as it should be; `None` means since this plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_since: Option<DateTime<Utc>>,
    /// When an earlier write was begun whose outcome was never recorded: it may still take effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreported_since: Option<DateTime<Utc>>,
    /// How many attempts at the row have failed in a row.
    pub failures: u32,
    /// Why and since when the row was blocked before this step; `None` if it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<(BlockReason, DateTime<Utc>)>,
}

/// What to do at a target.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Create an event.
    Create {
        /// The content of the new event.
        content: Content,
    },
    /// Update the event that is there.
    Update {
        /// The new content.
        content: Content,
        /// The event that is there.
        event: RemoteEvent,
    },
    /// Delete the event that is there.
    Delete {
        /// The event that is there.
        event: RemoteEvent,
    },
    /// Look into the calendar first, because the outcome of the last write is not known. Then write
    /// the content, or remove the events found.
    Find {
        /// The content that should be there; `None` if no event should be there.
        content: Option<Content>,
        /// What the ledger knows of the last write.
        pending: PendingWrite,
    },
}

/// An event's content, shared by all targets that show the same content.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Content {
    /// The event, cut to what the provider can store.
    pub event: Arc<Event>,
    /// The fingerprint of `event`.
    pub fingerprint: Fingerprint,
}

/// Something that is not done, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Note {
    /// A person gets no event.
    LeftOut {
        /// The person's role in the appointment.
        role: Role,
        /// The person; `None` if no person is known for that role.
        person: Option<Person>,
        /// Why the person gets no event.
        reason: Reason,
    },
    /// No provider of the calendar's kind is registered; an event that is there stays as it is.
    NoProvider {
        /// The role of the calendar's person in the appointment.
        role: Role,
        /// The calendar of the event.
        calendar: CalendarRef,
    },
    /// A hold keeps the row from being acted on.
    Held {
        /// The role of the calendar's person in the appointment.
        role: Role,
        /// The calendar of the event.
        calendar: CalendarRef,
        /// The hold.
        hold: Hold,
    },
    /// The connection leads to another account than the one where an event of ours is. No event is
    /// made in the new account, and none is changed in the old one ([`OtherAccount::Refuse`]).
    OtherAccount {
        /// The role of the calendar's person in the appointment.
        role: Role,
        /// The calendar of the event.
        calendar: CalendarRef,
    },
    /// An event that is no longer desired stays until the person's new event, which is held, can be
    /// made. Until then it is kept up to date.
    Kept {
        /// The role of the calendar's person in the appointment.
        role: Role,
        /// The calendar of the event.
        calendar: CalendarRef,
    },
    /// The connection leads to another account now, and an event in the old account cannot be
    /// reached any more ([`OtherAccount::StartAnew`]).
    LeftBehind {
        /// The role of the calendar's person in the appointment.
        role: Role,
        /// The calendar of the event.
        calendar: CalendarRef,
    },
    /// The calendar is being disconnected, and the event is kept there on purpose.
    KeptOnDisconnect {
        /// The target of the row.
        target: TargetKey,
        /// The role of the calendar's person in the appointment.
        role: Role,
        /// The calendar of the event.
        calendar: CalendarRef,
    },
    /// The calendar is being disconnected, but another connection of the person reaches it and
    /// takes the event over.
    TakenOver {
        /// The target of the row.
        target: TargetKey,
        /// The role of the calendar's person in the appointment.
        role: Role,
        /// The calendar as the row names it so far.
        calendar: CalendarRef,
        /// The calendar through the other connection.
        by: CalendarRef,
    },
    /// A write that was given up may still take effect: a later plan looks into the calendar once
    /// more.
    LooksLater {
        /// The role of the calendar's person in the appointment.
        role: Role,
        /// The calendar of the event.
        calendar: CalendarRef,
        /// From when on the look is due.
        at: DateTime<Utc>,
    },
    /// The appointment ended more than 30 days ago: no call is made for it any more.
    Closed {
        /// The role of the calendar's person in the appointment.
        role: Role,
        /// The calendar of the event.
        calendar: CalendarRef,
    },
    /// No person of the audience owns an event that older code wrote; it stays as it is.
    OwnerUnknown {
        /// The kind of provider that the event is at.
        provider: ProviderKind,
    },
}

impl Plan {
    /// Whether the plan has no steps.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The ledger's revision once this plan is begun; written into every event as its `SEQUENCE`.
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

    /// Whether the step removes an event, or looks in order to remove it.
    #[must_use]
    pub fn removes(&self) -> bool {
        self.content().is_none()
    }

    /// The content that should be at the target in the end; `None` if no event should be there.
    #[must_use]
    pub fn content(&self) -> Option<&Content> {
        match &self.action {
            Action::Create { content } | Action::Update { content, .. } => Some(content),
            Action::Find { content, .. } => content.as_ref(),
            Action::Delete { .. } => None,
        }
    }

    /// The calendar by which the ledger's row is found.
    pub(crate) fn row_calendar(&self) -> &CalendarRef {
        self.moves_from.as_deref().unwrap_or(&self.calendar)
    }

    /// The step that looks first, after the outcome of this one was lost.
    #[cfg(feature = "sync")]
    pub(crate) fn looking(&self) -> Self {
        let action = Action::Find { content: self.content().cloned(), pending: self.pending() };
        Self { action, ..self.clone() }
    }

    /// What the ledger stores while the step is under way.
    pub(crate) fn pending(&self) -> PendingWrite {
        let pending = match &self.action {
            Action::Create { .. } => PendingWrite::new(None),
            Action::Update { event, .. } => PendingWrite::new(Some(event.clone())),
            Action::Delete { event } => PendingWrite::new(Some(event.clone())).with_removing(true),
            // Once a removal was begun, a look that finds nothing cannot tell who removed the
            // event.
            Action::Find { content, pending } => {
                let removing = pending.removing || content.is_none();
                PendingWrite { removing, doubted: false, ..pending.clone() }
            }
        };
        pending.with_withdraws(self.content().is_none())
    }
}

/// Compares everything but the brake, which belongs to the planner.
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

/// Shows ids and fingerprints only: the texts are personal data.
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

/// Shows the fingerprint only: the texts are personal data.
impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Content").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

impl Appointment {
    /// Records the outcomes of a run in the ledger; outcomes of other appointments are ignored. The
    /// host saves the ledger if the stored [version](crate::ledger::Ledger::version) is still the
    /// one it loaded.
    ///
    /// If another worker was faster, the host loads the appointment again and records the same
    /// report there: an outcome of an older plan does not overwrite a newer row, but makes the next
    /// plan look.
    ///
    /// Returns the number of rows changed.
    pub fn record(&mut self, report: &Report) -> usize {
        let ours = report.outcomes.iter().filter(|outcome| outcome.appointment == self.id);
        ours.filter(|outcome| self.ledger.record(outcome)).count()
    }
}
