//! The company of the stories, and the events it should have, computed without the library.

use std::collections::BTreeSet;

use calsync_core::model::{
    Appointment, Connection, Customer, Directory, Order, OrderItem, OrderStatus, Profile, Service, Staff,
};
use calsync_core::names::CalendarId;
use calsync_core::{ProviderKind, StaffId};
use chrono::{DateTime, Duration, Utc};

/// What the test compares of an event: the person, the calendar, the start and the title.
pub(crate) type Event = (String, String, DateTime<Utc>, String);

/// Three orders (the second has two items, the third a guest), three staff members (the first is
/// managed by the second), an admin and a customer.
#[derive(Debug, Clone)]
pub(crate) struct Company {
    pub(crate) orders: Vec<Order>,
    pub(crate) customers: Vec<Customer>,
    pub(crate) profiles: Vec<Profile>,
}

const STAFF: [&str; 3] = ["Eve", "Adam", "Zoë"];
const GUEST: &str = "guest@example.org";

/// Profiles 0 to 2 are the staff's, 3 is the admin's, 4 the customer's.
const ADMIN: usize = 3;
const CUSTOMER: usize = 4;

impl Company {
    pub(crate) fn new() -> Self {
        let mut orders: Vec<Order> = (1..=3).map(|id| Order::new(id, OrderStatus::Pending)).collect();
        for order in &mut orders {
            order.scheduled_date = "2026-12-01".parse().ok();
            let mut item = OrderItem::new(1, 1);
            item.staff_id = Some(Self::staff_id(0));
            order.items = Some(vec![item]);
        }
        let mut item = OrderItem::new(2, 1);
        item.staff_id = Some(Self::staff_id(1));
        orders[1].items.get_or_insert_default().push(item);
        let mut customer = Customer::new(1, "Anna");
        customer.profile_id = Some(Self::profile_id(CUSTOMER));
        orders[0].customer_id = Some(1.into());
        orders[1].customer_id = Some(1.into());
        orders[2].guest_name = Some("Gus".to_owned());
        orders[2].guest_email = Some(GUEST.to_owned());
        let profiles =
            (0..5).map(|person| Profile::new(Self::profile_id(person)).with_connection(connection(0, 0)));
        Self { orders, customers: vec![customer], profiles: profiles.collect() }
    }

    pub(crate) fn staff_id(staff: usize) -> StaffId {
        StaffId::number(staff as i64 + 1)
    }

    fn profile_id(person: usize) -> calsync_core::ProfileId {
        calsync_core::ProfileId::number(person as i64 + 100)
    }

    pub(crate) fn directory(&self) -> Directory {
        let staff = STAFF.iter().enumerate().map(|(at, name)| {
            let mut staff = Staff::new(Self::staff_id(at), *name);
            staff.profile_id = Some(Self::profile_id(at));
            staff.manager_id = (at == 0).then(|| Self::staff_id(1).into()).into();
            staff
        });
        let directory = Directory::new().with_services([Service::new(1, "Clean", 60)]);
        let directory = directory.with_staff(staff).with_customers(self.customers.clone());
        directory.with_profiles(self.profiles.clone()).with_admins([Self::profile_id(ADMIN)])
    }

    pub(crate) fn person(&mut self, person: usize) -> &mut Profile {
        &mut self.profiles[person]
    }

    pub(crate) fn shift(&self, appointment: &mut Appointment, hours: i64) {
        appointment.start_time += Duration::hours(hours);
        appointment.end_time += Duration::hours(hours);
    }

    pub(crate) fn connect(&mut self, person: usize, number: usize) {
        let connections = &mut self.profiles[person].connections;
        if connections.iter().all(|known| known.id != (number as i64).into()) {
            connections.push(connection(number, 0));
        }
    }

    pub(crate) fn disconnect(&mut self, person: usize, number: usize) {
        self.profiles[person].connections.retain(|known| known.id != (number as i64).into());
    }

    pub(crate) fn switch(&mut self, person: usize, number: usize, calendar: usize) {
        for known in &mut self.profiles[person].connections {
            if known.id == (number as i64).into() {
                known.calendar_id = connection(number, calendar).calendar_id;
            }
        }
    }

    /// The guest becomes a customer with the profile of the existing customer.
    pub(crate) fn sign_up(&mut self, order: usize) {
        self.orders[order].customer_id = Some(1.into());
    }

    /// The events an appointment should have.
    pub(crate) fn desired(&self, appointment: &Appointment) -> Vec<Event> {
        let order =
            self.orders.iter().find(|order| Some(&order.id) == appointment.order_id.as_ref()).unwrap();
        if appointment.status.is_cancelled() || order.status.is_cancelled() {
            return Vec::new();
        }
        let staff = (0..3).find(|at| appointment.staff_id.value() == Some(&Self::staff_id(*at))).unwrap();
        let customer = if order.customer_id.is_some() { "Anna" } else { "Gus" };
        let for_manager = format!("{} - Clean", STAFF[staff]);
        let mut people = vec![(staff, format!("Clean at {customer}'s"))];
        if staff == 0 {
            people.push((1, for_manager.clone()));
        }
        people.push((ADMIN, for_manager));
        if order.customer_id.is_some() {
            people.push((CUSTOMER, "Service: Clean".to_owned()));
        }
        let mut events = Vec::new();
        for (person, title) in people {
            let profile = &self.profiles[person];
            // Two connections to one calendar of one account count as one calendar.
            let calendars: BTreeSet<String> = profile
                .connections
                .iter()
                .filter(|_| profile.calendar_sync_enabled == Some(true))
                .map(|known| {
                    format!(
                        "{}/{}",
                        known.account.as_deref().unwrap(),
                        known.calendar_id.as_ref().unwrap().as_str()
                    )
                })
                .collect();
            for calendar in calendars {
                let person = format!("profile {}", profile.id);
                events.push((person, calendar, appointment.start_time, title.clone()));
            }
        }
        if order.customer_id.is_none() {
            events.push((
                "guest".to_owned(),
                format!("mail/{GUEST}"),
                appointment.start_time,
                "Service: Clean".to_owned(),
            ));
        }
        events
    }
}

/// Connections 0 and 2 of a person lead to one account, 1 to another.
pub(crate) fn connection(number: usize, calendar: usize) -> Connection {
    let calendar = CalendarId::new(["home", "work"][calendar]).unwrap();
    Connection::new(number as i64, ProviderKind::MEMORY, calendar).with_account(["one", "two", "one"][number])
}
