//! Orders and what was ordered.

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
    /// The number people know it by.
    #[serde(default, deserialize_with = "null_is_default")]
    pub order_number: String,
    /// Where it stands.
    pub status: OrderStatus,
    /// The customer; `None` for a guest.
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
    /// What the customer wants known.
    #[serde(default)]
    pub notes: Option<String>,
    /// The day, in the host's zone.
    #[serde(default)]
    pub scheduled_date: Option<NaiveDate>,
    /// The time of day; 09:00 when none is given.
    #[serde(default)]
    pub scheduled_time: Option<NaiveTime>,
    /// What was ordered. `None`, from a column that is null or missing, says that the items were not loaded; an empty list
    /// says that there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<OrderItem>>,
}

/// One service of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OrderItem {
    /// The host's id.
    pub id: OrderItemId,
    /// What is to be done.
    pub service_id: ServiceId,
    /// Who does it; `None` while nobody is assigned.
    #[serde(default)]
    pub staff_id: Option<StaffId>,
    /// Its appointment, once there is one.
    #[serde(default)]
    pub appointment_id: Option<AppointmentId>,
}

/// Something that can be ordered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Service {
    /// The host's id.
    pub id: ServiceId,
    /// Its name.
    pub name: String,
    /// How long it takes, in minutes.
    pub duration: i64,
}

/// Where the work is done.
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
    /// An order without a customer, whose items are not known yet.
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

    /// With these items.
    #[must_use]
    pub fn with_items(mut self, items: impl IntoIterator<Item = OrderItem>) -> Self {
        self.items = Some(items.into_iter().collect());
        self
    }

    /// The items that were loaded.
    #[must_use]
    pub fn items(&self) -> &[OrderItem] {
        self.items.as_deref().unwrap_or_default()
    }

    /// Where the work is done.
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
    /// An item nobody is assigned to yet.
    #[must_use]
    pub fn new(id: impl Into<OrderItemId>, service_id: impl Into<ServiceId>) -> Self {
        Self { id: id.into(), service_id: service_id.into(), staff_id: None, appointment_id: None }
    }
}

impl Service {
    /// A service of so many minutes.
    #[must_use]
    pub fn new(id: impl Into<ServiceId>, name: impl Into<String>, duration: i64) -> Self {
        Self { id: id.into(), name: name.into(), duration }
    }
}
