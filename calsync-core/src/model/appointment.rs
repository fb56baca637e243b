//! The appointment record, and how it is stored.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::{InputError, Problem};
use crate::id::{AppointmentId, OrderId, OrderItemId, ServiceId, StaffId};
use crate::ledger::{Ledger, LedgerError};
use crate::model::Stated;
use crate::model::status::{AppointmentStatus, AppointmentType};
use crate::names::{ProviderKind, RemoteId};
use crate::time::{self, Zone};

/// An appointment for one order item, and the ledger of the events written for it.
///
/// Serialises with the guide's columns `calendar_event_id` and `calendar_synced_to`, computed from
/// the ledger, for the host's own queries. When an appointment without a ledger is loaded,
/// `calendar_event_id` is read: those events were written by the guide's code.
/// `calendar_synced_to` is never read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Row", into = "Row")]
#[non_exhaustive]
pub struct Appointment {
    /// The host's id.
    pub id: AppointmentId,
    /// The order it belongs to.
    pub order_id: Option<OrderId>,
    /// The order item it was made for.
    pub order_item_id: Option<OrderItemId>,
    /// The staff member who does the work; [`Stated::Empty`] while the appointment is unassigned,
    /// [`Stated::NotStated`] if the row has no such column.
    pub staff_id: Stated<StaffId>,
    /// The booked service.
    pub service_id: ServiceId,
    /// The start, in UTC.
    pub start_time: DateTime<Utc>,
    /// The end, in UTC; must be later than `start_time`.
    pub end_time: DateTime<Utc>,
    /// The time zone in which calendars show the event. Default: the planner's zone.
    pub time_zone: Option<Zone>,
    /// The status of the appointment.
    pub status: AppointmentStatus,
    /// The kind of record that the appointment was made from.
    pub appointment_type: AppointmentType,
    /// Whether the appointment was cancelled together with its order. If so, it is confirmed again
    /// when the order is ([`Order::carry_status`](crate::model::Order::carry_status)).
    pub cancelled_with_order: bool,
    /// Whether the appointment was cancelled because its item was removed from the order. If so, it
    /// is confirmed again when the item returns
    /// ([`Order::carry_items`](crate::model::Order::carry_items)).
    pub cancelled_with_item: bool,
    /// The delivery ledger: which events exist in which calendars.
    pub ledger: Ledger,
}

impl Appointment {
    /// Creates a confirmed, unassigned appointment without an order.
    #[must_use]
    pub fn new(
        id: impl Into<AppointmentId>,
        service_id: impl Into<ServiceId>,
        start_time: DateTime<Utc>,
        end_time: DateTime<Utc>,
    ) -> Self {
        Self {
            id: id.into(),
            order_id: None,
            order_item_id: None,
            staff_id: Stated::Empty,
            service_id: service_id.into(),
            start_time,
            end_time,
            time_zone: None,
            status: AppointmentStatus::Confirmed,
            appointment_type: AppointmentType::OrderItem,
            cancelled_with_order: false,
            cancelled_with_item: false,
            ledger: Ledger::default(),
        }
    }

    /// Checks that a calendar can store the start and the end.
    ///
    /// # Errors
    /// [`Problem::EndBeforeStart`] if the end is not after the start, [`Problem::Time`] if a year
    /// is outside [`time::YEARS`].
    pub fn check(&self) -> Result<(), InputError> {
        let at = |field, problem| InputError::new("appointment", &self.id, field, problem);
        time::check(self.start_time).map_err(|error| at("start_time", Problem::Time(error)))?;
        time::check(self.end_time).map_err(|error| at("end_time", Problem::Time(error)))?;
        if self.end_time <= self.start_time { Err(at("end_time", Problem::EndBeforeStart)) } else { Ok(()) }
    }
}

/// The stored columns, as in the guide.
#[derive(Serialize, Deserialize)]
struct Row {
    id: AppointmentId,
    #[serde(default)]
    order_id: Option<OrderId>,
    #[serde(default)]
    order_item_id: Option<OrderItemId>,
    #[serde(default, skip_serializing_if = "Stated::is_not_stated")]
    staff_id: Stated<StaffId>,
    service_id: ServiceId,
    start_time: DateTime<Utc>,
    end_time: DateTime<Utc>,
    #[serde(default)]
    time_zone: Option<Zone>,
    status: AppointmentStatus,
    #[serde(default = "order_item")]
    appointment_type: AppointmentType,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cancelled_with_order: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cancelled_with_item: bool,
    #[serde(default)]
    calendar_event_id: Option<BTreeMap<ProviderKind, Option<RemoteId>>>,
    #[serde(default, skip_deserializing)]
    calendar_synced_to: Vec<ProviderKind>,
    #[serde(default)]
    calendar_ledger: Option<Ledger>,
}

fn order_item() -> AppointmentType {
    AppointmentType::OrderItem
}

impl TryFrom<Row> for Appointment {
    type Error = LedgerError;

    fn try_from(row: Row) -> Result<Self, LedgerError> {
        let inherited = row.calendar_event_id.into_iter().flatten();
        let inherited =
            inherited.filter_map(|(kind, id)| Some((kind, id.filter(|id| !id.as_str().is_empty())?)));
        let ledger = row.calendar_ledger.unwrap_or_else(|| Ledger::inherited(inherited.collect()));
        ledger.check_owner(&row.id)?;
        Ok(Self {
            id: row.id,
            order_id: row.order_id,
            order_item_id: row.order_item_id,
            staff_id: row.staff_id,
            service_id: row.service_id,
            start_time: row.start_time,
            end_time: row.end_time,
            time_zone: row.time_zone,
            status: row.status,
            appointment_type: row.appointment_type,
            cancelled_with_order: row.cancelled_with_order,
            cancelled_with_item: row.cancelled_with_item,
            ledger,
        })
    }
}

impl From<Appointment> for Row {
    fn from(appointment: Appointment) -> Self {
        let ids = appointment.ledger.event_ids();
        Self {
            id: appointment.id,
            order_id: appointment.order_id,
            order_item_id: appointment.order_item_id,
            staff_id: appointment.staff_id,
            service_id: appointment.service_id,
            start_time: appointment.start_time,
            end_time: appointment.end_time,
            time_zone: appointment.time_zone,
            status: appointment.status,
            appointment_type: appointment.appointment_type,
            cancelled_with_order: appointment.cancelled_with_order,
            cancelled_with_item: appointment.cancelled_with_item,
            calendar_synced_to: ids.keys().cloned().collect(),
            calendar_event_id: Some(ids.into_iter().map(|(kind, id)| (kind, Some(id))).collect()),
            calendar_ledger: Some(appointment.ledger),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guides_row_loads_and_its_event_ids_can_be_adopted() {
        let json = r#"{"id": 10, "staff_id": 3, "service_id": 5, "order_id": 1, "status": "confirmed",
            "start_time": "2026-01-20T09:00:00+00:00", "end_time": "2026-01-20T10:30:00+01:00",
            "calendar_event_id": {"google": "abc123", "outlook": null, "apple": ""}, "calendar_synced_to": ["google"]}"#;
        let appointment: Appointment = serde_json::from_str(json).unwrap();
        assert_eq!(appointment.ledger.inherited_events().len(), 1);
        assert_eq!(appointment.end_time.to_rfc3339(), "2026-01-20T09:30:00+00:00");
        let value = serde_json::to_value(&appointment).unwrap();
        assert_eq!(value["calendar_event_id"], serde_json::json!({"google": "abc123"}));
        assert_eq!(value["calendar_synced_to"], serde_json::json!(["google"]));
        assert_eq!(serde_json::from_value::<Appointment>(value).unwrap(), appointment);
    }

    #[test]
    fn an_end_before_the_start_or_in_the_year_10000_is_an_error_that_names_the_field() {
        let at = |text: &str| text.parse().unwrap();
        let mut appointment = Appointment::new(10, 5, at("2026-01-20T09:00:00Z"), at("2026-01-20T09:00:00Z"));
        let error = appointment.check().unwrap_err();
        assert_eq!(error.to_string(), "appointment 10: end_time: must be later than start_time");
        appointment.end_time = at("+10000-01-01T00:00:00Z");
        assert_eq!(appointment.check().unwrap_err().field, "end_time");
    }
}
