//! A host for the company, and a provider that can fail.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use calsync_core::audience::Audience;
use calsync_core::calendar::{CalendarRef, Role};
use calsync_core::clock::Clock;
use calsync_core::error::Operation;
use calsync_core::ledger::{Delivery, DeliveryState};
use calsync_core::memory::MemoryCalendar;
use calsync_core::names::{ProviderKind, RemoteId};
use calsync_core::plan::{Begun, Note, Plan, RemovedByPerson};
use calsync_core::provider::{
    CalendarProvider, Capabilities, CreateOptions, DeleteOptions, Draft, Found, Marker, OursPage, PageToken,
    TargetQuery, UpdateOptions, Written,
};
use calsync_core::report::Report;
use calsync_core::sync::{RetryPolicy, Syncer, SyncerBuilder};
use calsync_core::{Error, ErrorKind, Retry};
use chrono::{DateTime, Utc};

use super::{CUSTOMER, Company, NAMESPACE, Reached, now, planner};

/// A clock that shows the time that a test sets.
#[derive(Debug, Clone)]
pub(crate) struct Watch(pub(crate) Arc<Mutex<DateTime<Utc>>>);

impl Clock for Watch {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// A host that saves at once, a syncer, and a Google calendar in memory that can fail.
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
        let syncer = syncer(&world, &watch).removed_by_person(policy).build();
        Self { company, syncer, world, watch }
    }

    /// The process ends, and a new one loads what was saved.
    pub(crate) fn restart(&mut self) {
        let stored = serde_json::to_string(&self.company.appointment).unwrap();
        self.company.appointment = serde_json::from_str(&stored).unwrap();
        self.syncer = syncer(&self.world, &self.watch).build();
    }

    pub(crate) fn plan(&self) -> Plan {
        let directory = self.company.directory();
        let (order, appointment) = (&self.company.order, &self.company.appointment);
        self.syncer.plan(order, appointment, &Audience::of(order, appointment, &directory).unwrap()).unwrap()
    }

    pub(crate) fn begin(&mut self) -> Begun {
        self.plan().begin(&mut self.company.appointment).unwrap()
    }

    /// Plans, begins, runs and records.
    pub(crate) async fn sync(&mut self) -> Report {
        let begun = self.begin();
        let report = self.syncer.run(begun).await;
        self.company.appointment.record(&report);
        report
    }

    /// Advances the clock.
    pub(crate) fn wait(&self, minutes: i64) {
        *self.watch.0.lock().unwrap() += chrono::Duration::minutes(minutes);
    }

    /// The person has connected the calendar again.
    pub(crate) fn revive(&mut self) {
        let place = self.company.place(CUSTOMER);
        self.syncer.connected(&place.connection_key());
        self.company.appointment.ledger.revive(&place.connection_key());
    }

    /// A create that was sent earlier arrives at the provider.
    pub(crate) async fn arrives(&self, plan: &Plan) {
        let step = &plan.steps[0];
        let marker = Marker::new(plan.namespace.clone(), step.key(), plan.revision());
        let draft = Draft::new(marker, step.content().unwrap().event.clone(), plan.at);
        let _ = self.world.calendar.create(&step.calendar, &draft, &CreateOptions::new()).await;
    }

    /// Returns the only row of the ledger.
    pub(crate) fn row(&self) -> &Delivery {
        assert_eq!(self.company.appointment.ledger.deliveries().len(), 1);
        &self.company.appointment.ledger.deliveries()[0]
    }

    /// Moves the appointment, so that every event must change.
    pub(crate) fn move_by_an_hour(&mut self) {
        self.company.appointment.start_time += chrono::Duration::hours(1);
        self.company.appointment.end_time += chrono::Duration::hours(1);
    }

    pub(crate) fn cancel(&mut self) {
        self.company.appointment.status = "cancelled".into();
    }

    /// Creates a host where only the customer has an account, and their event is as desired.
    pub(crate) async fn synced(policy: RemovedByPerson) -> Self {
        let mut host = Self::with_policy(Company::of_one(), policy);
        assert!(host.sync().await.is_all_done());
        host.assert_quiet();
        host
    }

    /// Asserts that after this number of runs, an hour apart, there is one event as desired, and
    /// nothing more to do.
    pub(crate) async fn assert_heals(&mut self, runs: usize) {
        for _ in 0..runs {
            self.wait(61);
            self.sync().await;
        }
        let events = self.world.calendar.events();
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(events[0].event.when, self.company.event_by(&planner(), Role::Customer).when);
        self.assert_quiet();
    }

    /// Asserts that after this number of runs, an hour apart, there is no event and nothing more to
    /// do.
    pub(crate) async fn assert_cleans_up(&mut self, runs: usize) {
        for _ in 0..runs {
            self.wait(61);
            self.sync().await;
        }
        assert_eq!(self.world.calendar.events(), []);
        self.assert_quiet();
    }

    /// Returns the only row in short: `absent`, `confirmed`, `pending`, or `pending before` if the
    /// event before the write is known; its hold; its generation.
    pub(crate) fn state(&self) -> (&'static str, Option<&'static str>, u32) {
        let row = self.row();
        let index = self.company.appointment.ledger.index(self.watch.now()).next().unwrap();
        let state = match row.state() {
            DeliveryState::Pending(pending) if pending.before.is_some() => "pending before",
            _ => index.state,
        };
        (state, index.hold, row.generation().get())
    }

    /// Asserts that nothing is planned, and that no row waits, except for the look-up of a late
    /// write.
    pub(crate) fn assert_quiet(&self) {
        let plan = self.plan();
        let is_quiet = plan.notes.iter().all(|note| matches!(note, Note::LooksLater { .. }));
        assert!(plan.is_empty() && is_quiet, "{plan}");
    }
}

fn syncer(world: &Scripted, watch: &Watch) -> SyncerBuilder {
    let builder = Syncer::builder(NAMESPACE).provider(Reached::new(world.clone())).clock(watch.clone());
    builder.retry(RetryPolicy::none())
}

/// What happens to one call.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It fails and changes nothing.
    Fails(Error),
    /// It is carried out, and its response is lost.
    ResponseLost,
    /// It is carried out, and its response never arrives.
    Hangs,
}

/// A Google calendar in memory. The next calls of an operation get the faults of a script, in
/// order.
#[derive(Debug, Clone)]
pub(crate) struct Scripted {
    pub(crate) calendar: MemoryCalendar,
    faults: Arc<Mutex<VecDeque<(Operation, Fault)>>>,
    calls: Arc<AtomicUsize>,
}

impl Default for Scripted {
    fn default() -> Self {
        let calendar = MemoryCalendar::new().with_kind(ProviderKind::GOOGLE);
        Self { calendar, faults: Arc::default(), calls: Arc::default() }
    }
}

impl Scripted {
    /// Returns the number of calls, including failed ones.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// From now on, no call fails.
    pub(crate) fn clear(&self) {
        self.faults.lock().unwrap().clear();
    }

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
        self.calls.fetch_add(1, Ordering::Relaxed);
        let fault = {
            let mut faults = self.faults.lock().unwrap();
            let at = faults.iter().position(|(of, _)| *of == operation);
            at.and_then(|at| faults.remove(at))
        };
        match fault {
            None => call.await,
            Some((_, Fault::Fails(error))) => Err(error),
            Some((_, Fault::ResponseLost)) => {
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

    async fn create(
        &self,
        place: &CalendarRef,
        draft: &Draft,
        options: &CreateOptions,
    ) -> Result<Written, Error> {
        self.after(Operation::Create, self.calendar.create(place, draft, options)).await
    }

    async fn update(
        &self,
        place: &CalendarRef,
        id: &RemoteId,
        draft: &Draft,
        options: &UpdateOptions,
    ) -> Result<Written, Error> {
        self.after(Operation::Update, self.calendar.update(place, id, draft, options)).await
    }

    async fn delete(
        &self,
        place: &CalendarRef,
        id: &RemoteId,
        marker: &Marker,
        options: &DeleteOptions,
    ) -> Result<(), Error> {
        self.after(Operation::Delete, self.calendar.delete(place, id, marker, options)).await
    }

    async fn find(&self, place: &CalendarRef, query: &TargetQuery) -> Result<Vec<Found>, Error> {
        self.after(Operation::Find, self.calendar.find(place, query)).await
    }

    async fn list_ours(
        &self,
        place: &CalendarRef,
        namespace: &str,
        page: Option<PageToken>,
    ) -> Result<OursPage, Error> {
        self.after(Operation::ListOurs, self.calendar.list_ours(place, namespace, page)).await
    }

    async fn get(&self, place: &CalendarRef, id: &RemoteId) -> Result<Option<Found>, Error> {
        self.after(Operation::Get, self.calendar.get(place, id)).await
    }
}
