//! The types that the planner works with while it makes a plan.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use crate::calendar::{CalendarRef, Role};
use crate::ledger::{Delivery, DeliveryState, Hold};
use crate::model::Appointment;
use crate::names::ProviderKind;
use crate::plan::{Content, Plan, Planner};
use crate::provider::Capabilities;

/// An event that should exist in a calendar.
pub(super) struct Desired {
    pub(super) calendar: CalendarRef,
    pub(super) role: Role,
    pub(super) content: Content,
}

/// A row of the ledger, or a temporary row for an event that older code wrote.
pub(crate) struct Row<'a> {
    pub(crate) delivery: Cow<'a, Delivery>,
    pub(crate) adopts: Option<ProviderKind>,
    /// The event was kept when its calendar was disconnected; now the calendar is connected again.
    pub(crate) is_connected_again: bool,
}

impl<'a> Row<'a> {
    pub(crate) fn of(delivery: &'a Delivery) -> Self {
        Self { delivery: Cow::Borrowed(delivery), adopts: None, is_connected_again: false }
    }

    /// Whether an event of ours is there or may be there.
    pub(crate) fn may_exist(&self) -> bool {
        self.delivery.may_exist()
    }

    /// Whether the event was kept on purpose when its calendar was disconnected, and the calendar
    /// is not connected again: there are no credentials for it.
    pub(crate) fn is_kept(&self) -> bool {
        !self.is_connected_again && self.delivery.hold().is_some_and(Hold::is_disconnected)
    }

    /// Whether a removal is under way.
    pub(super) fn is_being_removed(&self) -> bool {
        matches!(self.delivery.state(), DeliveryState::Pending(pending) if pending.withdraws)
    }
}

/// A plan under construction.
pub(crate) struct PlanDraft<'a> {
    pub(crate) planner: &'a Planner,
    pub(crate) appointment: &'a Appointment,
    pub(crate) plan: Plan,
}

impl<'a> PlanDraft<'a> {
    /// A plan without steps and notes.
    pub(crate) fn new(planner: &'a Planner, appointment: &'a Appointment, now: DateTime<Utc>) -> Self {
        let plan = Plan {
            namespace: planner.namespace.clone(),
            appointment: appointment.id.clone(),
            planned_from: appointment.ledger.revision(),
            planned_version: appointment.ledger.version(),
            at: now,
            is_withdrawal: false,
            steps: Vec::new(),
            notes: Vec::new(),
            unchanged: 0,
            brake: Some(planner.brake.clone()),
        };
        Self { planner, appointment, plan }
    }

    /// The capabilities of a calendar's provider; `None` if no such provider is registered.
    pub(crate) fn capabilities(&self, calendar: &CalendarRef) -> Option<&'a Capabilities> {
        self.planner.providers.get(&calendar.provider)
    }

    /// Whether both lead to the same calendar of one person.
    pub(crate) fn is_one_calendar(&self, a: &CalendarRef, b: &CalendarRef) -> bool {
        match self.capabilities(a) {
            Some(capabilities) => capabilities.is_one_calendar(a, b),
            None => a.is_at(b),
        }
    }
}
