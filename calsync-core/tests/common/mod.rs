//! A small cleaning company, a host around it, and an outside world that can be told to fail.
#![allow(dead_code, reason = "no test file uses all of it")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use calsync_core::audience::{Audience, Trigger};
use calsync_core::clock::Clock;
use calsync_core::error::Operation;
use calsync_core::event::Event;
use calsync_core::identity::EventKey;
use calsync_core::memory::MemoryCalendar;
use calsync_core::model::{
    Appointment, Connection, Customer, Directory, Order, OrderStatus, Profile, Service, Staff,
};
use calsync_core::names::{CalendarId, ProviderKind, RemoteId};
use calsync_core::place::{Person, Place, Role};
use calsync_core::plan::{Plan, Planner, RemovedByPerson, Step};
use calsync_core::provider::{
    CalendarProvider, Capabilities, CreateOptions, DeleteOptions, Draft, Found, Marker, UpdateOptions,
    Written,
};
use calsync_core::report::Report;
use calsync_core::sync::Syncer;
use calsync_core::{ConnectionId, Error, ErrorKind, Retry};
use chrono::{DateTime, Utc};

/// The profiles of the company.
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

/// One order of one service, and everybody who has to do with it. Public fields, to be spoiled by tests.
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
    /// Ben cleans at Cara Lind's; Mia is his manager, Ada the administrator. Each has one Google calendar.
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
        appointment.staff_id = Some(3.into());

        let mut staff = Staff::new(3, "Ben Okri");
        staff.phone = Some("0113 496 0003".into());
        staff.profile_id = Some(STAFF.into());
        staff.manager_id = Some(4.into());
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
        company.staff.manager_id = None;
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
        let directory = Directory::new().with_services([self.service.clone()]).unwrap();
        let directory = directory.with_staff([self.staff.clone(), self.manager.clone()]).unwrap();
        let directory = directory.with_customers([self.customer.clone()]).unwrap();
        let directory = directory.with_profiles(self.profiles.clone()).unwrap();
        directory.with_admins(self.admins.iter().map(|id| (*id).into()))
    }

    pub(crate) fn profile(&mut self, id: i64) -> &mut Profile {
        self.profiles.iter_mut().find(|profile| profile.id == id.into()).unwrap()
    }

    /// The calendar of somebody's first connection.
    pub(crate) fn place(&self, id: i64) -> Place {
        let profile = self.profiles.iter().find(|profile| profile.id == id.into()).unwrap();
        let connection = &profile.connections[0];
        let (of, calendar) = (connection.id.clone(), connection.calendar_id.clone());
        let place = Place::new(Person::Profile(id.into()), connection.provider.clone(), of, calendar);
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

    /// What the first plan of a role's event says.
    pub(crate) fn event_by(&self, planner: &Planner, role: Role) -> Event {
        let plan = self.plan_by(planner, Trigger::Automatic, now());
        let step = plan.steps.iter().find(|step| step.role == role).unwrap();
        (*step.content().unwrap().event).clone()
    }
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

/// `create`, `update`, `delete`, `look and write`, `look and delete`, in the plan's order.
pub(crate) fn actions(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(action).collect()
}

pub(crate) fn action(step: &Step) -> String {
    use calsync_core::plan::Action;
    match &step.action {
        Action::Create { .. } => "create",
        Action::Update { .. } => "update",
        Action::Delete { .. } => "delete",
        Action::Look { content: Some(_), .. } => "look and write",
        Action::Look { content: None, .. } => "look and delete",
    }
    .to_owned()
}

/// Shows the time it was given.
#[derive(Debug, Clone)]
pub(crate) struct Watch(pub(crate) Arc<Mutex<DateTime<Utc>>>);

impl Clock for Watch {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// A host that saves at once, a syncer, and Google as a calendar in memory that can be told to fail.
pub(crate) struct Host {
    pub(crate) company: Company,
    pub(crate) syncer: Syncer,
    pub(crate) world: Scripted,
    pub(crate) watch: Watch,
}

impl Host {
    pub(crate) fn new(company: Company) -> Self {
        Self::with_policy(company, RemovedByPerson::Recreate)
    }

    pub(crate) fn with_policy(company: Company, policy: RemovedByPerson) -> Self {
        let world = Scripted::default();
        let watch = Watch(Arc::new(Mutex::new(now())));
        let syncer = Syncer::builder(NAMESPACE)
            .provider(world.clone())
            .clock(watch.clone())
            .removed_by_person(policy)
            .build();
        Self { company, syncer, world, watch }
    }

    pub(crate) fn plan(&self) -> Plan {
        let directory = self.company.directory();
        let (order, appointment) = (&self.company.order, &self.company.appointment);
        self.syncer.plan(order, appointment, &Audience::of(order, appointment, &directory).unwrap()).unwrap()
    }

    pub(crate) fn begin(&mut self) -> Plan {
        let plan = self.plan();
        plan.begin(&mut self.company.appointment).unwrap();
        plan
    }

    /// Plan, begin, run, record.
    pub(crate) async fn sync(&mut self) -> Report {
        let plan = self.begin();
        let report = self.syncer.run(plan).await;
        self.company.appointment.record(&report);
        report
    }

    /// The only row of the ledger.
    pub(crate) fn row(&self) -> &calsync_core::ledger::Delivery {
        assert_eq!(self.company.appointment.ledger.deliveries.len(), 1);
        &self.company.appointment.ledger.deliveries[0]
    }

    /// The appointment is moved, so that every event has to change.
    pub(crate) fn move_by_an_hour(&mut self) {
        self.company.appointment.start_time += chrono::Duration::hours(1);
        self.company.appointment.end_time += chrono::Duration::hours(1);
    }

    pub(crate) fn cancel(&mut self) {
        self.company.appointment.status = "cancelled".into();
    }

    pub(crate) fn titles(&self) -> Vec<String> {
        self.world.calendar.events().into_iter().map(|stored| stored.event.title.to_string()).collect()
    }

    /// Everything stands as it should: nothing is planned, nothing waits.
    pub(crate) fn assert_quiet(&self) {
        let plan = self.plan();
        assert!(plan.is_empty() && plan.notes.is_empty(), "{plan}");
    }
}

/// What happens to one call.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It fails and changes nothing.
    Fails(Error),
    /// It is carried out, and then its answer is lost.
    AnswerLost,
    /// It is carried out, and then never answers.
    Hangs,
}

/// Google in memory. The next calls of an operation meet the faults they were given, in order.
#[derive(Debug, Clone)]
pub(crate) struct Scripted {
    pub(crate) calendar: MemoryCalendar,
    faults: Arc<Mutex<VecDeque<(Operation, Fault)>>>,
}

impl Default for Scripted {
    fn default() -> Self {
        let calendar = MemoryCalendar::new().with_kind(ProviderKind::GOOGLE);
        Self { calendar, faults: Arc::default() }
    }
}

impl Scripted {
    pub(crate) fn fail(&self, operation: Operation, kind: ErrorKind) {
        self.fail_with(operation, error(kind, operation));
    }

    pub(crate) fn fail_with(&self, operation: Operation, error: Error) {
        self.meet(operation, Fault::Fails(error));
    }

    pub(crate) fn meet(&self, operation: Operation, fault: Fault) {
        self.faults.lock().unwrap().push_back((operation, fault));
    }

    async fn after<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let fault = {
            let mut faults = self.faults.lock().unwrap();
            let at = faults.iter().position(|(of, _)| *of == operation);
            at.and_then(|at| faults.remove(at))
        };
        match fault {
            None => call.await,
            Some((_, Fault::Fails(error))) => Err(error),
            Some((_, Fault::AnswerLost)) => {
                let _ = call.await;
                Err(error(ErrorKind::Unavailable, operation).with_retry(Retry::Unknown))
            }
            Some((_, Fault::Hangs)) => {
                let _ = call.await;
                std::future::pending().await
            }
        }
    }
}

pub(crate) fn error(kind: ErrorKind, operation: Operation) -> Error {
    Error::new(kind, ProviderKind::GOOGLE, operation)
}

#[async_trait]
impl CalendarProvider for Scripted {
    fn kind(&self) -> ProviderKind {
        self.calendar.kind()
    }

    fn capabilities(&self) -> Capabilities {
        self.calendar.capabilities()
    }

    async fn create(&self, place: &Place, draft: &Draft, options: &CreateOptions) -> Result<Written, Error> {
        self.after(Operation::Create, self.calendar.create(place, draft, options)).await
    }

    async fn update(
        &self,
        place: &Place,
        id: &RemoteId,
        draft: &Draft,
        options: &UpdateOptions,
    ) -> Result<Written, Error> {
        self.after(Operation::Update, self.calendar.update(place, id, draft, options)).await
    }

    async fn delete(
        &self,
        place: &Place,
        id: &RemoteId,
        marker: &Marker,
        options: &DeleteOptions,
    ) -> Result<(), Error> {
        self.after(Operation::Delete, self.calendar.delete(place, id, marker, options)).await
    }

    async fn find(&self, place: &Place, namespace: &str, key: &EventKey) -> Result<Option<Found>, Error> {
        self.after(Operation::Find, self.calendar.find(place, namespace, key)).await
    }

    async fn get(&self, place: &Place, id: &RemoteId) -> Result<Option<Found>, Error> {
        self.after(Operation::Get, self.calendar.get(place, id)).await
    }
}
