//! A host with one order of customer Anna, and its appointments.

use calsync_core::ProviderKind;
use calsync_core::audience::Audience;
use calsync_core::model::{
    Appointment, Connection, Customer, Directory, Order, OrderStatus, Profile, Service,
};
use calsync_core::names::CalendarId;
use calsync_core::plan::Plan;
use calsync_core::report::Report;
use calsync_core::sync::{RetryPolicy, Syncer};
use calsync_core::testing::fixtures::NAMESPACE;
use calsync_google::fake::FakeEvent;
use chrono::TimeDelta;

use super::{World, at};

pub(crate) struct Host {
    pub(crate) world: World,
    pub(crate) syncer: Syncer,
    pub(crate) order: Order,
    pub(crate) directory: Directory,
    pub(crate) appointments: Vec<Appointment>,
}

impl Host {
    /// A host where Anna's primary calendar is connected.
    pub(crate) async fn new(appointments: i64) -> Self {
        let calendar = Connection::new(1, ProviderKind::GOOGLE, CalendarId::primary());
        Self::connected(appointments, [calendar]).await
    }

    pub(crate) async fn connected(
        appointments: i64,
        connections: impl IntoIterator<Item = Connection>,
    ) -> Self {
        let world = World::new().await;
        let syncer = Syncer::builder(NAMESPACE).provider(world.provider());
        let syncer = syncer.clock(world.clock.clone()).sleep(world.clock.clone()).build();
        let mut order = Order::new(1, OrderStatus::Confirmed);
        order.customer_id = Some(7.into());
        let mut anna = Customer::new(7, "Anna");
        anna.profile_id = Some(1.into());
        let profile = connections.into_iter().fold(Profile::new(1), Profile::with_connection);
        let directory = Directory::new().with_services([Service::new(5, "Deep clean", 90)]);
        let directory = directory.with_customers([anna]).with_profiles([profile]);
        let appointments = (1..=appointments).map(|id| {
            let start = at("2026-12-01T09:00:00Z") + TimeDelta::days(id);
            let mut appointment = Appointment::new(id, 5, start, start + TimeDelta::minutes(90));
            appointment.order_id = Some(1.into());
            appointment
        });
        Self { world, syncer, order, directory, appointments: appointments.collect() }
    }

    /// Starts a new process: in-memory state is lost. The new process makes one attempt at each
    /// step.
    pub(crate) fn restart(&mut self) {
        let syncer = Syncer::builder(NAMESPACE).provider(self.world.provider()).retry(RetryPolicy::none());
        self.syncer = syncer.clock(self.world.clock.clone()).sleep(self.world.clock.clone()).build();
    }

    pub(crate) fn plan(&self, appointment: &Appointment) -> Plan {
        let audience = Audience::of(&self.order, appointment, &self.directory).unwrap();
        self.syncer.plan(&self.order, appointment, &audience).unwrap()
    }

    pub(crate) async fn sync(&mut self) -> Report {
        let mut appointments = std::mem::take(&mut self.appointments);
        let mut plans = Vec::new();
        for appointment in &mut appointments {
            let plan = self.plan(appointment);
            plans.push(plan.begin(appointment).unwrap());
        }
        let report = self.syncer.run_all(plans).await;
        for appointment in &mut appointments {
            appointment.record(&report);
        }
        self.appointments = appointments;
        report
    }

    /// Runs once a day, for `days` days.
    pub(crate) async fn days(&mut self, days: usize) {
        for _ in 0..days {
            self.world.clock.advance(TimeDelta::days(1));
            self.sync().await;
        }
    }

    /// Moves every appointment an hour later.
    pub(crate) fn moves(&mut self) {
        for appointment in &mut self.appointments {
            appointment.start_time += TimeDelta::hours(1);
            appointment.end_time += TimeDelta::hours(1);
        }
    }

    pub(crate) fn cancels(&mut self) {
        self.order.status = OrderStatus::Cancelled;
    }

    pub(crate) fn events(&self) -> Vec<FakeEvent> {
        self.world.anna.events("primary")
    }

    /// The only event in any calendar.
    pub(crate) fn only_event(&self) -> FakeEvent {
        let mut events = self.world.google.events();
        assert_eq!(events.len(), 1, "{events:?}");
        events.remove(0)
    }

    /// Start of the only event.
    pub(crate) fn start(&self) -> String {
        let event = self.only_event();
        event.json.pointer("/start/dateTime").and_then(|time| time.as_str()).unwrap().to_owned()
    }

    /// No request had attendees, and no mail was sent.
    pub(crate) fn assert_silent(&self) {
        let bodies = self.world.google.requests().into_iter().filter_map(|request| request.body);
        assert!(bodies.map(|body| body.to_string()).all(|body| !body.contains("attendees")));
        assert_eq!((self.world.google.mails().len(), self.world.google.invitations()), (0, 0));
    }
}
