//! The texts of an appointment, cleaned once, and the view of them that each role may see.

use std::borrow::Cow;
use std::sync::Arc;

use crate::audience::Audience;
use crate::event::text::{clean_block, clean_line, indented};
use crate::model::Order;

/// The data that the customer's event may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CustomerView<'a> {
    /// The order number; empty if the order has none.
    pub order_number: &'a str,
    /// The service's name.
    pub service: &'a str,
    /// The staff member's name; `None` while the appointment is unassigned.
    pub staff_name: Option<&'a str>,
    /// The staff member's telephone number.
    pub staff_phone: Option<&'a str>,
    /// The order's notes. Lines after the first begin with two spaces, so that notes cannot forge a
    /// line.
    pub notes: Option<&'a str>,
}

/// The data that the staff member's event may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StaffView<'a> {
    /// The order number; empty if the order has none.
    pub order_number: &'a str,
    /// The service's name.
    pub service: &'a str,
    /// The name of the customer or guest; `Guest` if there is none.
    pub customer_name: &'a str,
    /// The customer's or guest's e-mail address.
    pub customer_email: Option<&'a str>,
    /// The customer's or guest's telephone number.
    pub customer_phone: Option<&'a str>,
    /// The order's notes. Lines after the first begin with two spaces, so that notes cannot forge a
    /// line.
    pub notes: Option<&'a str>,
    /// The order's address on one line.
    pub address: Option<&'a str>,
}

/// The data that the manager's event may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ManagerView<'a> {
    /// The order number; empty if the order has none.
    pub order_number: &'a str,
    /// The service's name.
    pub service: &'a str,
    /// The staff member's name; `None` while the appointment is unassigned.
    pub staff_name: Option<&'a str>,
    /// The staff member's telephone number.
    pub staff_phone: Option<&'a str>,
    /// The name of the customer or guest; `Guest` if there is none.
    pub customer_name: &'a str,
    /// The customer's or guest's e-mail address.
    pub customer_email: Option<&'a str>,
    /// The customer's or guest's telephone number.
    pub customer_phone: Option<&'a str>,
    /// The order's notes. Lines after the first begin with two spaces, so that notes cannot forge a
    /// line.
    pub notes: Option<&'a str>,
    /// The order's address on one line.
    pub address: Option<&'a str>,
}

/// The data that an administrator's event may show: the same as the manager's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdminView<'a> {
    /// The manager's view of the appointment.
    pub manager: ManagerView<'a>,
}

/// The data from which the views are made. Each text is one line, except the notes.
pub(crate) struct Facts<'a> {
    order_number: Cow<'a, str>,
    service: Cow<'a, str>,
    staff_name: Option<Cow<'a, str>>,
    staff_phone: Option<Cow<'a, str>>,
    customer_name: Cow<'a, str>,
    customer_email: Option<Cow<'a, str>>,
    customer_phone: Option<Cow<'a, str>>,
    notes: Option<Cow<'a, str>>,
    address: Arc<str>,
}

/// The name of a customer or guest without a name.
const NAMELESS: &str = "Guest";

impl<'a> Facts<'a> {
    pub(crate) fn new(order: &'a Order, audience: &Audience<'a>) -> Self {
        let (customer, staff) = (audience.customer, audience.staff);
        let name = customer
            .and_then(|customer| line(Some(&customer.name)))
            .or_else(|| line(order.guest_name.as_ref()));
        let email = customer.and_then(|customer| line(customer.email.as_ref()));
        let phone = customer.and_then(|customer| line(customer.phone.as_ref()));
        let notes = order.notes.as_deref().map(clean_block).map(indented);
        let notes = notes.filter(|notes| !notes.is_empty());
        Self {
            order_number: clean_line(&order.order_number),
            service: audience.service.map_or(Cow::Borrowed(""), |service| clean_line(&service.name)),
            staff_name: staff.and_then(|staff| line(Some(&staff.name))),
            staff_phone: staff.and_then(|staff| line(staff.phone.as_ref())),
            customer_name: name.unwrap_or(Cow::Borrowed(NAMELESS)),
            customer_email: email.or_else(|| line(order.guest_email.as_ref())),
            customer_phone: phone.or_else(|| line(order.guest_phone.as_ref())),
            notes,
            address: address(order),
        }
    }

    /// Returns the order's address on one line; empty if the order has none.
    pub(crate) fn location(&self) -> &Arc<str> {
        &self.address
    }

    pub(crate) fn customer(&self) -> CustomerView<'_> {
        CustomerView {
            order_number: &self.order_number,
            service: &self.service,
            staff_name: self.staff_name.as_deref(),
            staff_phone: self.staff_phone.as_deref(),
            notes: self.notes.as_deref(),
        }
    }

    pub(crate) fn staff(&self) -> StaffView<'_> {
        StaffView {
            order_number: &self.order_number,
            service: &self.service,
            customer_name: &self.customer_name,
            customer_email: self.customer_email.as_deref(),
            customer_phone: self.customer_phone.as_deref(),
            notes: self.notes.as_deref(),
            address: Some(&*self.address).filter(|address| !address.is_empty()),
        }
    }

    pub(crate) fn manager(&self) -> ManagerView<'_> {
        ManagerView {
            order_number: &self.order_number,
            service: &self.service,
            staff_name: self.staff_name.as_deref(),
            staff_phone: self.staff_phone.as_deref(),
            customer_name: &self.customer_name,
            customer_email: self.customer_email.as_deref(),
            customer_phone: self.customer_phone.as_deref(),
            notes: self.notes.as_deref(),
            address: Some(&*self.address).filter(|address| !address.is_empty()),
        }
    }

    pub(crate) fn admin(&self) -> AdminView<'_> {
        AdminView { manager: self.manager() }
    }
}

/// Cleans a text to one line. An empty text becomes `None`, like Python's `or` in the guide's code.
fn line(text: Option<&String>) -> Option<Cow<'_, str>> {
    text.map(|text| clean_line(text)).filter(|text| !text.is_empty())
}

fn address(order: &Order) -> Arc<str> {
    let address = order.address();
    let parts = [address.address_line1, address.city, address.postcode];
    let mut joined = String::with_capacity(64);
    for part in parts.into_iter().flatten().map(clean_line).filter(|part| !part.is_empty()) {
        if !joined.is_empty() {
            joined.push_str(", ");
        }
        joined.push_str(&part);
    }
    joined.into()
}
