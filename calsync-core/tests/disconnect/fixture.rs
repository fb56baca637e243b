//! A customer with one calendar and many appointments, and a host that saves after every effect.

use std::sync::{Arc, Mutex};

use calsync_core::audience::Audience;
use calsync_core::calendar::Person;
use calsync_core::memory::MemoryCalendar;
use calsync_core::model::{Appointment, Connection, Directory, Order};
use calsync_core::names::ProviderKind;
use calsync_core::plan::{
    Begun, Brake, Disconnect, DisconnectPlan, DisconnectReceipt, OnDisconnect, OtherAccount, Plan, Receipt,
};
use calsync_core::provider::{CalendarIds, CalendarProvider};
use calsync_core::report::Report;
use calsync_core::sync::{RetryPolicy, Syncer};
use calsync_core::testing::Faulty;
use chrono::Duration;

use crate::common::{CUSTOMER, Company, NAMESPACE, Reached, Watch, now};

pub(crate) struct Fixture {
    pub(crate) company: Company,
    pub(crate) appointments: Vec<Appointment>,
    pub(crate) calendar: Faulty<MemoryCalendar>,
    pub(crate) watch: Watch,
    pub(crate) syncer: Syncer,
    reached: Reached<Faulty<MemoryCalendar>>,
}

pub(crate) fn customer() -> Person {
    Person::Profile(CUSTOMER.into())
}

impl Fixture {
    /// This many appointments, one a day, of which the first `over` are over.
    pub(crate) fn new(company: Company, appointments: i64, over: i64) -> Self {
        Self::with_policy(company, appointments, over, OtherAccount::Refuse)
    }

    pub(crate) fn with_policy(
        company: Company,
        appointments: i64,
        over: i64,
        other_account: OtherAccount,
    ) -> Self {
        Self::with_brake(company, appointments, over, other_account, Brake::off())
    }

    pub(crate) fn with_brake(
        company: Company,
        appointments: i64,
        over: i64,
        other_account: OtherAccount,
        brake: Brake,
    ) -> Self {
        let calendar = MemoryCalendar::new().with_kind(ProviderKind::GOOGLE);
        Self::of(calendar, company, appointments, over, other_account, brake)
    }

    /// One appointment of a customer, at a provider with such ids of calendars.
    pub(crate) fn with_ids(ids: CalendarIds) -> Self {
        let calendar = MemoryCalendar::new().with_kind(ProviderKind::GOOGLE);
        let capabilities = calendar.capabilities().with_calendar_ids(ids);
        let calendar = calendar.with_capabilities(capabilities);
        Self::of(calendar, Company::of_one(), 1, 0, OtherAccount::Refuse, Brake::off())
    }

    fn of(
        calendar: MemoryCalendar,
        company: Company,
        appointments: i64,
        over: i64,
        other_account: OtherAccount,
        brake: Brake,
    ) -> Self {
        let calendar = Faulty::new(calendar);
        let reached = Reached::new(calendar.clone());
        let watch = Watch(Arc::new(Mutex::new(now())));
        let syncer = Syncer::builder(NAMESPACE)
            .provider(reached.clone())
            .clock(watch.clone())
            .retry(RetryPolicy::none())
            .other_account(other_account)
            .brake(brake)
            .build();
        let appointments = (0..appointments).map(|nth| {
            let mut it = company.appointment.clone();
            it.id = (100 + nth).into();
            it.start_time = now() + Duration::days(nth - over) + Duration::hours(1);
            it.end_time = it.start_time + Duration::hours(1);
            it
        });
        Self { appointments: appointments.collect(), company, calendar, watch, syncer, reached }
    }

    /// The same, with every event in its calendar.
    pub(crate) async fn synced(appointments: i64, over: i64) -> Self {
        let mut fixture = Self::new(Company::of_one(), appointments, over);
        assert!(fixture.sync().await.is_all_done());
        assert_eq!(fixture.event_count(), fixture.appointments.len());
        fixture
    }

    pub(crate) fn connect(&mut self, connections: impl IntoIterator<Item = Connection>) {
        self.company.profile(CUSTOMER).connections = connections.into_iter().collect();
    }

    /// The token of a connection is of its account, also where the profile does not say so.
    pub(crate) fn leads_to(&self, connection: &Connection) {
        let key = connection.calendar(&customer()).connection_key();
        self.reached.leads_to(key, connection.account.clone().unwrap());
    }

    pub(crate) fn wait(&self, minutes: i64) {
        *self.watch.0.lock().unwrap() += Duration::minutes(minutes);
    }

    pub(crate) fn plan(&self, nth: usize) -> Plan {
        let directory = self.company.directory();
        let (order, appointment) = (&self.company.order, &self.appointments[nth]);
        let audience = Audience::of(order, appointment, &directory).unwrap();
        self.syncer.plan(order, appointment, &audience).unwrap()
    }

    pub(crate) fn explain(&self, nth: usize) -> Receipt {
        let directory = self.company.directory();
        let (order, appointment) = (&self.company.order, &self.appointments[nth]);
        let audience = Audience::of(order, appointment, &directory).unwrap();
        self.syncer.explain(order, appointment, &audience).unwrap()
    }

    pub(crate) fn plans(&self) -> Vec<Plan> {
        (0..self.appointments.len()).map(|nth| self.plan(nth)).collect()
    }

    pub(crate) fn begin(&mut self) -> Vec<Begun> {
        let plans = self.plans().into_iter().zip(&mut self.appointments);
        plans.map(|(plan, appointment)| plan.begin(appointment).unwrap()).collect()
    }

    pub(crate) async fn sync(&mut self) -> Report {
        let begun = self.begin();
        let report = self.syncer.run_all(begun).await;
        self.record(&report);
        report
    }

    pub(crate) fn record(&mut self, report: &Report) {
        for appointment in &mut self.appointments {
            appointment.record(report);
        }
    }

    /// The plan of a disconnect for one appointment.
    pub(crate) fn plan_disconnect(&self, disconnect: &Disconnect, nth: usize) -> DisconnectPlan {
        let now = *self.watch.0.lock().unwrap();
        self.syncer.planner().plan_disconnect(disconnect, &self.appointments[nth], now).unwrap()
    }

    /// Takes the steps of a disconnect for every appointment.
    pub(crate) async fn disconnect(&mut self, from: &Connection, which: OnDisconnect) -> DisconnectReceipt {
        let disconnect = Disconnect::new(&customer(), from, which);
        let mut receipt = DisconnectReceipt::new(&disconnect);
        self.go_on(&disconnect, &mut receipt).await;
        receipt
    }

    pub(crate) fn begin_disconnect(
        &mut self,
        disconnect: &Disconnect,
        receipt: &mut DisconnectReceipt,
    ) -> Vec<Begun> {
        let mut all = Vec::new();
        for nth in 0..self.appointments.len() {
            let plan = self.plan_disconnect(disconnect, nth);
            let begun = plan.begin(&mut self.appointments[nth]).unwrap();
            receipt.begun(&begun);
            all.push(begun);
        }
        all
    }

    pub(crate) async fn go_on(&mut self, disconnect: &Disconnect, receipt: &mut DisconnectReceipt) {
        let all = self.begin_disconnect(disconnect, receipt);
        let mut run = self.syncer.run_all(all);
        let mut report = Report::new();
        while let Some(outcome) = run.next().await {
            receipt.record(&outcome);
            report.outcomes.push(outcome);
        }
        drop(run);
        self.record(&report);
    }

    pub(crate) fn rows(&self) -> (Vec<(Order, Appointment)>, Directory) {
        let rows = self.appointments.iter().map(|it| (self.company.order.clone(), it.clone()));
        (rows.collect(), self.company.directory())
    }

    /// How many events are in the calendars.
    pub(crate) fn event_count(&self) -> usize {
        self.calendar.inner().events().len()
    }

    pub(crate) fn calls(&self) -> usize {
        self.calendar.inner().all_calls()
    }

    /// Asserts that every event is as it should be, and that a further run makes no call.
    pub(crate) async fn assert_quiet(&mut self) {
        let calls = self.calls();
        for plan in self.plans() {
            assert!(plan.is_empty(), "{plan}");
        }
        self.sync().await;
        assert_eq!(self.calls(), calls);
    }
}
