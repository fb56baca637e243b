//! Plans of one new event each, made one after the other as they are asked for.

use calsync_core::ProviderKind;
use calsync_core::audience::Audience;
use calsync_core::model::{
    Appointment, Connection, Customer, Directory, Order, OrderStatus, Profile, Service,
};
use calsync_core::names::CalendarId;
use calsync_core::plan::{Begun, Planner};
use calsync_core::provider::Capabilities;
use chrono::{DateTime, Duration, Utc};

use super::NAMESPACE;

/// So many appointments of each of so many customers, who have an account each.
#[derive(Debug)]
pub struct Backlog {
    planner: Planner,
    kind: ProviderKind,
    accounts: usize,
    events: usize,
    /// One account's events follow one another; otherwise the accounts take turns.
    pub by_account: bool,
    next: usize,
    now: DateTime<Utc>,
}

impl Backlog {
    /// With the accounts taking turns.
    pub fn new(kind: ProviderKind, accounts: usize, events: usize) -> Self {
        Self {
            planner: Planner::new(NAMESPACE).with_provider(kind.clone(), Capabilities::new()),
            kind,
            accounts,
            events,
            by_account: false,
            next: 0,
            now: "2026-03-02T08:00:00Z".parse().expect("a time"),
        }
    }

    /// One account after the other.
    pub fn by_account(mut self) -> Self {
        self.by_account = true;
        self
    }

    /// The name of an account's person, which its access token bears too.
    pub fn person(account: usize) -> i64 {
        account as i64 + 1
    }

    fn plan(&self, number: usize, account: usize) -> Begun {
        let id = number as i64 + 1;
        let person = Self::person(account);
        let mut order = Order::new(id, OrderStatus::Confirmed);
        order.order_number = format!("ORD-2026-{number:06}");
        order.customer_id = Some(person.into());
        order.address_line1 = Some(format!("{} Mill Lane", number % 190 + 1));
        order.city = Some("Leeds".to_owned());
        order.postcode = Some("LS1 1AA".to_owned());
        order.notes =
            Some("Key is under the blue flowerpot, left of the door. Please mind the cat.".to_owned());
        let start = self.now + Duration::minutes(15 * (number % 4_000) as i64);
        let mut appointment = Appointment::new(id, 1, start, start + Duration::minutes(90));
        appointment.order_id = Some(order.id.clone());
        let mut customer = Customer::new(person, "Siobhán Featherstonehaugh");
        customer.profile_id = Some(person.into());
        let connection = Connection::new(1, self.kind.clone(), CalendarId::primary());
        let directory = Directory::new()
            .with_services([Service::new(1, "Deep clean", 90)])
            .with_customers([customer])
            .with_profiles([Profile::new(person).with_connection(connection)]);
        let audience = Audience::of(&order, &appointment, &directory).expect("complete");
        let plan = self.planner.plan(&order, &appointment, &audience, self.now).expect("a plan");
        plan.begin(&mut appointment).expect("planned from this one")
    }
}

impl Iterator for Backlog {
    type Item = Begun;

    fn next(&mut self) -> Option<Begun> {
        let number = self.next;
        if number == self.accounts * self.events {
            return None;
        }
        self.next += 1;
        let account = if self.by_account { number / self.events } else { number % self.accounts };
        Some(self.plan(number, account))
    }
}
