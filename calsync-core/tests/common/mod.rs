//! A small cleaning company, a host for it, and a provider that can fail.
#![allow(dead_code, unused_imports, reason = "no test file uses all of it")]

mod host;
mod reached;

use calsync_core::ConnectionId;
use calsync_core::audience::{Audience, Trigger};
use calsync_core::calendar::{CalendarRef, Person, Role};
use calsync_core::event::Event;
use calsync_core::identity::{EventKey, Fingerprint, Generation, TargetKey};
use calsync_core::ledger::{BlockReason, DeliveryState, Hold, Ledger, RemoteEvent};
use calsync_core::model::{
    Appointment, Connection, Customer, Directory, ManagerRef, Order, OrderStatus, Profile, Service, Staff,
    Stated,
};
use calsync_core::names::{CalendarId, ProviderKind, RemoteId};
use calsync_core::plan::{Plan, Planner, Step};
use calsync_core::provider::Capabilities;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

pub(crate) use host::{Fault, Host, Scripted, Watch, error};
pub(crate) use reached::Reached;

/// The ids of the company's profiles.
pub(crate) const STAFF: i64 = 30;
pub(crate) const MANAGER: i64 = 31;
pub(crate) const ADMIN: i64 = 32;
pub(crate) const CUSTOMER: i64 = 33;

pub(crate) const NAMESPACE: &str = "my-shop";

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) fn now() -> DateTime<Utc> {
    at("2026-01-10T12:00:00Z")
}

/// One order of one service, and the people of its appointment. Tests change the fields.
#[derive(Clone)]
pub(crate) struct Company {
    pub(crate) order: Order,
    pub(crate) appointment: Appointment,
    pub(crate) service: Service,
    pub(crate) staff: Staff,
    pub(crate) manager: Staff,
    pub(crate) customer: Customer,
    pub(crate) profiles: Vec<Profile>,
    pub(crate) admins: Vec<i64>,
}

impl Company {
    /// Ben cleans at Cara Lind's; Mia is his manager, Ada the administrator. Each has one Google
    /// calendar.
    pub(crate) fn new() -> Self {
        let mut order = Order::new(1, OrderStatus::Confirmed);
        order.order_number = "A-1001".into();
        order.customer_id = Some(7.into());
        order.address_line1 = Some("1 High St".into());
        order.city = Some("Leeds".into());
        order.postcode = Some("LS1 1AA".into());
        order.notes = Some("Key under the mat".into());

        let mut appointment = Appointment::new(10, 5, at("2026-01-20T09:00:00Z"), at("2026-01-20T10:30:00Z"));
        appointment.order_id = Some(1.into());
        appointment.staff_id = Stated::Is(3.into());

        let mut staff = Staff::new(3, "Ben Okri");
        staff.phone = Some("0113 496 0003".into());
        staff.profile_id = Some(STAFF.into());
        staff.manager_id = Stated::Is(ManagerRef::Staff(4.into()));
        let mut manager = Staff::new(4, "Mia Voss");
        manager.profile_id = Some(MANAGER.into());
        let mut customer = Customer::new(7, "Cara Lind");
        customer.email = Some("cara@example.org".into());
        customer.phone = Some("0113 496 0007".into());
        customer.profile_id = Some(CUSTOMER.into());

        let profiles = [STAFF, MANAGER, ADMIN, CUSTOMER].map(|id| {
            Profile::new(id).with_connection(google("default", "primary", &format!("account-{id}")))
        });
        Self {
            order,
            appointment,
            service: Service::new(5, "Deep clean", 90),
            staff,
            manager,
            customer,
            profiles: profiles.into(),
            admins: vec![ADMIN],
        }
    }

    /// The same order where only the customer has an account.
    pub(crate) fn of_one() -> Self {
        let mut company = Self::new();
        company.staff.profile_id = None;
        company.staff.manager_id = Stated::Empty;
        company.admins.clear();
        company.profiles.retain(|profile| profile.id == CUSTOMER.into());
        company
    }

    /// The same order by a guest.
    pub(crate) fn of_guest() -> Self {
        let mut company = Self::new();
        company.order.customer_id = None;
        company.order.guest_name = Some("Gus Gast".into());
        company.order.guest_email = Some("gus@example.org".into());
        company.order.guest_phone = Some("0113 496 0099".into());
        company
    }

    pub(crate) fn directory(&self) -> Directory {
        let directory = Directory::new().with_services([self.service.clone()]);
        let directory = directory.with_staff([self.staff.clone(), self.manager.clone()]);
        let directory = directory.with_customers([self.customer.clone()]);
        let directory = directory.with_profiles(self.profiles.clone());
        directory.with_admins(self.admins.iter().map(|id| (*id).into()))
    }

    pub(crate) fn profile(&mut self, id: i64) -> &mut Profile {
        self.profiles.iter_mut().find(|profile| profile.id == id.into()).unwrap()
    }

    /// Returns the calendar of a person's first connection.
    pub(crate) fn place(&self, id: i64) -> CalendarRef {
        let profile = self.profiles.iter().find(|profile| profile.id == id.into()).unwrap();
        let connection = &profile.connections[0];
        let (of, calendar) =
            (connection.id.clone(), connection.calendar_id.clone().unwrap_or_else(CalendarId::primary));
        let place = CalendarRef::new(Person::Profile(id.into()), connection.provider.clone(), of, calendar);
        place.with_account(connection.account.clone())
    }

    pub(crate) fn plan(&self) -> Plan {
        self.plan_by(&planner(), Trigger::Automatic, now())
    }

    pub(crate) fn plan_by(&self, planner: &Planner, trigger: Trigger, now: DateTime<Utc>) -> Plan {
        let directory = self.directory();
        let audience = Audience::triggered(trigger, &self.order, &self.appointment, &directory).unwrap();
        planner.plan(&self.order, &self.appointment, &audience, now).unwrap()
    }

    /// Returns the event of a role, as for an empty ledger.
    pub(crate) fn event_by(&self, planner: &Planner, role: Role) -> Event {
        let mut without_events = self.clone();
        without_events.appointment.ledger = Ledger::default();
        let plan = without_events.plan_by(planner, Trigger::Automatic, now());
        let step = plan.steps.iter().find(|step| step.role == role).unwrap();
        (*step.content().unwrap().event).clone()
    }
}

pub(crate) fn target(company: &Company, id: i64) -> TargetKey {
    TargetKey::derive(NAMESPACE, &company.appointment.id, &company.place(id))
}

pub(crate) fn key(company: &Company, id: i64, generation: u32) -> EventKey {
    target(company, id).event(Generation::new(generation))
}

/// Returns the fingerprint of the desired event.
pub(crate) fn wanted_fingerprint(company: &Company, id: i64) -> Fingerprint {
    let mut without_events = company.clone();
    without_events.appointment.ledger = Ledger::default();
    let plan = without_events.plan();
    let step = plan.steps.iter().find(|step| step.calendar == company.place(id)).unwrap();
    step.content().unwrap().fingerprint
}

/// Returns the ledger's entry of an event that is as desired.
pub(crate) fn as_wanted(company: &Company, id: i64) -> RemoteEvent {
    let event = RemoteEvent::new(RemoteId::new(format!("remote-{id}")));
    event.with_fingerprint(Some(wanted_fingerprint(company, id)))
}

/// Adds a row for a person's first calendar to the stored ledger.
pub(crate) fn put(company: &mut Company, id: i64, role: Role, state: &DeliveryState) {
    let calendar = company.place(id);
    put_at(company, &calendar, role, state);
}

pub(crate) fn put_at(company: &mut Company, calendar: &CalendarRef, role: Role, state: &DeliveryState) {
    let target = TargetKey::derive(NAMESPACE, &company.appointment.id, calendar);
    let mut row = json!({
        "calendar": calendar, "target": target, "role": role, "revision": 0, "changed_at": now(), "failures": 0,
    });
    set_state(&mut row, state);
    edit(company, |rows| rows.push(row));
}

/// Changes the rows of the stored ledger. The ledger's API does not allow such changes.
pub(crate) fn edit(company: &mut Company, change: impl FnOnce(&mut Vec<Value>)) {
    let mut stored = serde_json::to_value(&company.appointment.ledger).unwrap();
    stored["namespace"] = NAMESPACE.into();
    change(stored["deliveries"].as_array_mut().unwrap());
    company.appointment.ledger = serde_json::from_value(stored).unwrap();
}

/// Changes one field of a stored row.
pub(crate) fn set(company: &mut Company, nth: usize, field: &str, value: impl Serialize) {
    edit(company, |rows| rows[nth][field] = serde_json::to_value(value).unwrap());
}

/// Sets the state of a stored row.
pub(crate) fn set_state(row: &mut Value, state: &DeliveryState) {
    let row = row.as_object_mut().unwrap();
    for field in ["remote_id", "etag", "fingerprint", "before", "removing"] {
        row.remove(field);
    }
    row.extend(serde_json::to_value(state).unwrap().as_object().unwrap().clone());
}

pub(crate) fn blocked(reason: BlockReason, until: Option<DateTime<Utc>>) -> Hold {
    Hold::Blocked { reason, since: now(), set_at: now(), until }
}

/// Only the customer has an account, and their event is as desired.
pub(crate) fn settled() -> Company {
    let mut company = Company::of_one();
    let event = as_wanted(&company, CUSTOMER);
    put(&mut company, CUSTOMER, Role::Customer, &DeliveryState::Confirmed(event));
    company
}

pub(crate) fn cancelled(mut company: Company) -> Company {
    company.appointment.status = "cancelled".into();
    company
}

/// A planner that knows Google and invitations.
pub(crate) fn planner() -> Planner {
    Planner::new(NAMESPACE)
        .with_provider(ProviderKind::GOOGLE, Capabilities::new())
        .with_provider(ProviderKind::INVITATION, Capabilities::new())
}

pub(crate) fn google(id: &str, calendar: &str, account: &str) -> Connection {
    connection(id, ProviderKind::GOOGLE, calendar).with_account(account)
}

pub(crate) fn connection(id: &str, kind: ProviderKind, calendar: &str) -> Connection {
    Connection::new(ConnectionId::text(id).unwrap(), kind, CalendarId::new(calendar).unwrap())
}

/// Returns the actions in the plan's order: `create`, `update`, `delete`, `find and write` or `find
/// and delete`.
pub(crate) fn actions(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(action).collect()
}

pub(crate) fn action(step: &Step) -> String {
    use calsync_core::plan::Action;
    match &step.action {
        Action::Create { .. } => "create",
        Action::Update { .. } => "update",
        Action::Delete { .. } => "delete",
        Action::Find { content: Some(_), .. } => "find and write",
        Action::Find { content: None, .. } => "find and delete",
    }
    .to_owned()
}
