//! What the planner works with while it makes a plan.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::calendar::{CalendarRef, Role};
use crate::ledger::{Delivery, Hold, Presence};
use crate::model::Appointment;
use crate::names::ProviderKind;
use crate::plan::{Content, Plan, Planner};
use crate::provider::{CalendarIds, Capabilities};

/// An event that should stand somewhere.
pub(super) struct Wish {
    pub(super) place: CalendarRef,
    pub(super) role: Role,
    pub(super) content: Content,
}

/// A row of the ledger, or one made up for an event inherited from older code.
pub(crate) struct Row<'a> {
    pub(crate) delivery: Cow<'a, Delivery>,
    pub(crate) adopts: Option<ProviderKind>,
}

impl Row<'_> {
    /// Whether an event of ours stands there, or may.
    pub(crate) fn may_stand(&self) -> bool {
        self.delivery.presence != Presence::Absent
    }

    /// Whether the event was left there on purpose when its calendar was disconnected: nobody has its credentials.
    pub(crate) fn is_left(&self) -> bool {
        self.delivery.hold.as_ref().is_some_and(Hold::is_disconnected)
    }

    /// Whether a removal is under way.
    pub(super) fn is_going(&self) -> bool {
        matches!(&self.delivery.presence, Presence::Unsure(unsure) if unsure.removing)
    }
}

/// A plan under construction.
pub(crate) struct PlanDraft<'a> {
    pub(crate) providers: &'a BTreeMap<ProviderKind, Capabilities>,
    pub(crate) appointment: &'a Appointment,
    pub(crate) plan: Plan,
}

impl<'a> PlanDraft<'a> {
    /// A plan in which nothing is done yet.
    pub(crate) fn new(planner: &'a Planner, appointment: &'a Appointment, now: DateTime<Utc>) -> Self {
        let plan = Plan {
            namespace: planner.namespace.clone(),
            appointment: appointment.id.clone(),
            planned_from: appointment.ledger.revision,
            at: now,
            steps: Vec::new(),
            notes: Vec::new(),
            unchanged: 0,
        };
        Self { providers: &planner.providers, appointment, plan }
    }

    /// How far a calendar's id reaches with the provider of a place.
    pub(crate) fn calendar_ids(&self, place: &CalendarRef) -> CalendarIds {
        self.providers.get(&place.provider).map_or(CalendarIds::default(), |can| can.calendar_ids)
    }
}
