//! What the planner works with while it makes a plan.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::ledger::{Delivery, Presence};
use crate::model::Appointment;
use crate::names::ProviderKind;
use crate::place::{Place, Role};
use crate::plan::{Content, Plan};
use crate::provider::{CalendarIds, Capabilities};

/// An event that should stand somewhere.
pub(super) struct Wish {
    pub(super) place: Place,
    pub(super) role: Role,
    pub(super) content: Content,
}

/// A row of the ledger, or one made up for an event inherited from older code.
pub(super) struct Row<'a> {
    pub(super) delivery: Cow<'a, Delivery>,
    pub(super) adopts: Option<ProviderKind>,
}

impl Row<'_> {
    /// Whether an event of ours stands there, or may.
    pub(super) fn may_stand(&self) -> bool {
        self.delivery.presence != Presence::Absent
    }
}

/// A plan under construction.
pub(super) struct PlanDraft<'a> {
    pub(super) providers: &'a BTreeMap<ProviderKind, Capabilities>,
    pub(super) appointment: &'a Appointment,
    pub(super) plan: Plan,
}

impl PlanDraft<'_> {
    /// How far a calendar's id reaches with the provider of a place.
    pub(super) fn calendar_ids(&self, place: &Place) -> CalendarIds {
        self.providers.get(&place.provider).map_or(CalendarIds::default(), |can| can.calendar_ids)
    }
}
