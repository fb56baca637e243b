//! Orders, their items, and the services that can be ordered.

use chrono::{NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};

use crate::id::{AppointmentId, CustomerId, OrderId, OrderItemId, ServiceId, StaffId};
use crate::model::null_is_default;
use crate::model::status::OrderStatus;

/// An order, with the guide's fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Order {
    /// The host's id.
    pub id: OrderId,
    /// The order number shown to people, such as `ORD-2026-001`. Empty if the host has none.
    #[serde(default, deserialize_with = "null_is_default")]
    pub order_number: String,
    /// The status of the order.
    pub status: OrderStatus,
    /// The customer's record; `None` for a guest.
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
    /// The guest's name.
    #[serde(default)]
    pub guest_name: Option<String>,
    /// The guest's e-mail address.
    #[serde(default)]
    pub guest_email: Option<String>,
    /// The guest's telephone number.
    #[serde(default)]
    pub guest_phone: Option<String>,
    /// Street and house number.
    #[serde(default)]
    pub address_line1: Option<String>,
    /// Town.
    #[serde(default)]
    pub city: Option<String>,
    /// Postcode.
    #[serde(default)]
    pub postcode: Option<String>,
    /// The customer's notes, shown in the events of all roles.
    #[serde(default)]
    pub notes: Option<String>,
    /// The date of the work, in the time zone that is passed to [`Order::confirm`].
    #[serde(default)]
    pub scheduled_date: Option<NaiveDate>,
    /// The time of day, in the same zone. Default: 09:00.
    #[serde(default)]
    pub scheduled_time: Option<NaiveTime>,
    /// The items of the order. `None` (null or missing column) means that the items were not
    /// loaded; an empty list means that the order has no items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<OrderItem>>,
}

/// One item of an order: a service, and the staff member who does it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OrderItem {
    /// The host's id.
    pub id: OrderItemId,
    /// The ordered service.
    pub service_id: ServiceId,
    /// The staff member who does the work; `None` while the item is unassigned.
    #[serde(default)]
    pub staff_id: Option<StaffId>,
    /// The item's appointment; `None` until [`Order::confirm`] makes one.
    #[serde(default)]
    pub appointment_id: Option<AppointmentId>,
}

/// A service that customers can order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Service {
    /// The host's id.
    pub id: ServiceId,
    /// The name, as shown in events.
    pub name: String,
    /// The duration in minutes; must be more than zero.
    pub duration: i64,
}

/// The address where the work is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Address<'a> {
    /// Street and house number.
    pub address_line1: Option<&'a str>,
    /// Town.
    pub city: Option<&'a str>,
    /// Postcode.
    pub postcode: Option<&'a str>,
}

impl Order {
    /// Creates an order without a customer, whose items are not loaded.
    #[must_use]
    pub fn new(id: impl Into<OrderId>, status: OrderStatus) -> Self {
        Self {
            id: id.into(),
            order_number: String::new(),
            status,
            customer_id: None,
            guest_name: None,
            guest_email: None,
            guest_phone: None,
            address_line1: None,
            city: None,
            postcode: None,
            notes: None,
            scheduled_date: None,
            scheduled_time: None,
            items: None,
        }
    }

    /// Sets the items.
    #[must_use]
    pub fn with_items(mut self, items: impl IntoIterator<Item = OrderItem>) -> Self {
        self.items = Some(items.into_iter().collect());
        self
    }

    /// Returns the loaded items; an empty slice if none were loaded.
    #[must_use]
    pub fn items(&self) -> &[OrderItem] {
        self.items.as_deref().unwrap_or_default()
    }

    /// Returns the address where the work is done.
    #[must_use]
    pub fn address(&self) -> Address<'_> {
        Address {
            address_line1: self.address_line1.as_deref(),
            city: self.city.as_deref(),
            postcode: self.postcode.as_deref(),
        }
    }
}

impl OrderItem {
    /// Creates an item without a staff member and without an appointment.
    #[must_use]
    pub fn new(id: impl Into<OrderItemId>, service_id: impl Into<ServiceId>) -> Self {
        Self { id: id.into(), service_id: service_id.into(), staff_id: None, appointment_id: None }
    }
}

impl Service {
    /// Creates a service with a duration in minutes.
    #[must_use]
    pub fn new(id: impl Into<ServiceId>, name: impl Into<String>, duration: i64) -> Self {
        Self { id: id.into(), name: name.into(), duration }
    }
}
