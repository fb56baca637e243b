//! A minimal host: a table of appointments, workers that compare and save, and crashes.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use calsync_core::audience::Audience;
use calsync_core::calendar::{CalendarRef, ConnectionKey, Person};
use calsync_core::clock::Clock;
use calsync_core::event::When;
use calsync_core::health::{AccountHealthStore, HealthEvent, HealthKey, MemoryAccountHealthStore};
use calsync_core::ledger::Ledger;
use calsync_core::memory::MemoryCalendar;
use calsync_core::model::{Appointment, Order};
use calsync_core::names::{CalendarId, RemoteId};
use calsync_core::plan::{Begun, Brake};
use calsync_core::report::{Outcome, Report};
use calsync_core::sync::{RetryPolicy, SeededRandom, Syncer};
use calsync_core::testing::{Faulty, TestClock};
use calsync_core::time::Zone;
use calsync_core::{AppointmentId, ProviderKind};

use crate::company::{Company, Event};
use crate::reached::Reached;
use crate::{Happening, happen};

/// When a worker dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crash {
    Never,
    BeforeBeginIsSaved,
    BeforeTheRun,
    /// After this many outcomes, none of them saved; the other steps are cut off.
    AfterOutcomes(usize),
    /// After the run's future was polled this many times.
    AfterPolls(u32),
    BeforeTheReportIsSaved,
}

/// The host's own column, and the ledger's.
struct Row {
    appointment: Appointment,
    ledger: String,
}

pub(crate) struct Host {
    pub(crate) company: Company,
    table: BTreeMap<AppointmentId, Row>,
    calendar: Faulty<MemoryCalendar>,
    mail: Faulty<MemoryCalendar>,
    clock: TestClock,
    health: MemoryAccountHealthStore,
    syncer: Syncer,
}

impl Host {
    pub(crate) fn new(retry: RetryPolicy) -> Self {
        let clock = TestClock::at("2026-11-22T10:00:00Z".parse().unwrap());
        let calendar = Faulty::new(MemoryCalendar::new());
        let mail = Faulty::new(MemoryCalendar::new().with_kind(ProviderKind::INVITATION));
        let place = CalendarRef::new(
            Person::Profile(100.into()),
            ProviderKind::MEMORY,
            0.into(),
            CalendarId::new("home").unwrap(),
        );
        let when = When::AllDay { start: "2026-12-24".parse().unwrap(), end: "2026-12-25".parse().unwrap() };
        let event = calsync_core::event::Event::new("Grandma's birthday", when);
        calendar.inner().insert(&place, RemoteId::new("grandma"), None, event);
        let reached = Reached::new(calendar.clone());
        for (person, number) in (100..105).flat_map(|person| (0..3).map(move |number| (person, number))) {
            let connection = crate::company::connection(number, 0);
            let person = Person::Profile(person.into());
            let key = ConnectionKey::new(person, ProviderKind::MEMORY, connection.id);
            reached.leads_to(key, connection.account.unwrap());
        }
        let health = MemoryAccountHealthStore::new();
        let syncer = Syncer::builder("stories")
            .provider(reached)
            .provider(mail.clone())
            .health_store(Arc::new(health.clone()))
            .brake(Brake::off())
            .clock(clock.clone())
            .sleep(clock.clone())
            .random(SeededRandom::new(7))
            .retry(retry)
            .build();
        Self { company: Company::new(), table: BTreeMap::new(), calendar, mail, clock, health, syncer }
    }

    pub(crate) fn confirm(&mut self, order: usize) {
        let directory = self.company.directory();
        let order = &mut self.company.orders[order];
        order.status = "confirmed".into();
        for appointment in order.confirm(&directory, &Zone::new("Europe/London").unwrap()).made {
            let ledger = serde_json::to_string(&appointment.ledger).unwrap();
            self.table.insert(appointment.id.clone(), Row { appointment, ledger });
        }
        self.carry_status();
    }

    pub(crate) fn cancel(&mut self, order: usize) {
        self.company.orders[order].status = "cancelled".into();
        self.carry_status();
    }

    fn carry_status(&mut self) {
        for row in self.table.values_mut() {
            for order in &self.company.orders {
                order.carry_status(&mut row.appointment);
            }
        }
    }

    pub(crate) fn change(&mut self, nth: usize, change: impl FnOnce(&Company, &mut Appointment)) {
        if let Some(row) = self.table.values_mut().nth(nth) {
            change(&self.company, &mut row.appointment);
        }
    }

    /// A person deletes an event by hand. Then the appointment is changed, because otherwise no run
    /// would look.
    pub(crate) fn person_deletes(&mut self, nth: usize) {
        let events = self.calendar.inner().events();
        let Some(event) = events.iter().filter(|event| event.marker.is_some()).nth(nth) else { return };
        self.calendar.inner().person_deletes(&event.place, &event.remote_id);
        for row in self.table.values_mut() {
            self.company.shift(&mut row.appointment, 1);
        }
    }

    pub(crate) fn trouble(&self, seed: u64, per_mille: u64) {
        self.calendar.at_random(seed, per_mille, true);
        self.mail.at_random(seed.rotate_left(17), per_mille, true);
    }

    /// Every person corrects what prevented writing to their calendar.
    pub(crate) fn revive(&mut self) {
        for row in self.table.values_mut() {
            let mut ledger: Ledger = serde_json::from_str(&row.ledger).unwrap();
            let places: Vec<CalendarRef> =
                ledger.deliveries().iter().map(|row| row.calendar().clone()).collect();
            for place in places {
                ledger.revive(&place.connection_key());
                for key in [
                    HealthKey::account_of(&place),
                    HealthKey::Connection(place.connection_key()),
                    HealthKey::Calendar(place.key()),
                ] {
                    self.health.apply(&key, &HealthEvent::Succeeded, self.clock.now());
                }
            }
            row.ledger = serde_json::to_string(&ledger).unwrap();
        }
    }

    fn load(&self, id: &AppointmentId) -> (Order, Appointment) {
        let row = &self.table[id];
        let mut appointment = row.appointment.clone();
        appointment.ledger = serde_json::from_str(&row.ledger).unwrap();
        let order = self.company.orders.iter().find(|order| Some(&order.id) == appointment.order_id.as_ref());
        (order.unwrap().clone(), appointment)
    }

    /// Compare and save: only over the version that was loaded.
    fn save(&mut self, appointment: &Appointment, loaded: u64) -> bool {
        let row = self.table.get_mut(&appointment.id).unwrap();
        let stored: Ledger = serde_json::from_str(&row.ledger).unwrap();
        if stored.version() != loaded {
            return false;
        }
        row.ledger = serde_json::to_string(&appointment.ledger).unwrap();
        true
    }

    fn nth(&self, nth: usize) -> Option<AppointmentId> {
        self.table.keys().nth(nth).cloned()
    }

    /// Plans and begins, and saves what was begun.
    fn begin(&mut self, id: &AppointmentId, crash: Crash) -> Option<Begun> {
        loop {
            let (order, mut appointment) = self.load(id);
            let loaded = appointment.ledger.version();
            let directory = self.company.directory();
            let plan = self.syncer.plan(
                &order,
                &appointment,
                &Audience::of(&order, &appointment, &directory).unwrap(),
            );
            let plan = plan.unwrap();
            let begun = plan.begin(&mut appointment).unwrap();
            if crash == Crash::BeforeBeginIsSaved || begun.is_empty() {
                return None;
            }
            if self.save(&appointment, loaded) {
                return (crash != Crash::BeforeTheRun).then_some(begun);
            }
        }
    }

    fn record(&mut self, id: &AppointmentId, report: &Report) {
        let (_, mut appointment) = self.load(id);
        let loaded = appointment.ledger.version();
        appointment.record(report);
        assert!(self.save(&appointment, loaded), "no other worker runs in between");
    }

    pub(crate) async fn sync(&mut self, nth: usize, crash: Crash) {
        let Some(id) = self.nth(nth) else { return };
        let Some(plan) = self.begin(&id, crash) else { return };
        let report = run(&self.syncer, plan, crash).await;
        if let Some(report) = report {
            self.record(&id, &report);
        }
    }

    /// Two workers on one appointment. The second begins when the first is about to run, after
    /// `between`; both run at once; the first may die.
    pub(crate) async fn race(&mut self, nth: usize, between: &Happening, crash: Crash) {
        let Some(id) = self.nth(nth) else { return };
        let first = self.begin(&id, crash);
        Box::pin(happen(self, between)).await;
        let second = self.begin(&id, Crash::Never);
        let (first, second) = {
            let run_of = |plan: Option<Begun>, crash| {
                let syncer = self.syncer.clone();
                async move {
                    match plan {
                        Some(plan) => run(&syncer, plan, crash).await,
                        None => None,
                    }
                }
            };
            tokio::join!(run_of(first, crash), run_of(second, Crash::Never))
        };
        for report in [second, first].into_iter().flatten() {
            self.record(&id, &report);
        }
    }

    /// A worker begins, and runs only after all of `meanwhile` has happened.
    pub(crate) async fn straggle(&mut self, nth: usize, meanwhile: &[Happening], crash: Crash) {
        let Some(id) = self.nth(nth) else { return };
        let Some(plan) = self.begin(&id, crash) else { return };
        for happening in meanwhile {
            Box::pin(happen(self, happening)).await;
        }
        if let Some(report) = run(&self.syncer, plan, crash).await {
            self.record(&id, &report);
        }
    }

    /// Ends the failures, runs until there is nothing to do, and returns the number of rounds.
    pub(crate) async fn quiet(&mut self) -> usize {
        self.calendar.quiet();
        self.mail.quiet();
        self.revive();
        self.clock.advance(chrono::Duration::days(2));
        for round in 0..6 {
            let before = self.calls();
            self.clock.advance(chrono::Duration::hours(1));
            self.sync_all().await;
            if self.calls() == before {
                return round;
            }
        }
        usize::MAX
    }

    pub(crate) async fn sync_all(&mut self) {
        for nth in 0..self.table.len() {
            self.sync(nth, Crash::Never).await;
        }
    }

    pub(crate) fn calls(&self) -> usize {
        self.calendar.inner().all_calls() + self.mail.inner().all_calls()
    }

    pub(crate) fn appointments(&self) -> Vec<Appointment> {
        self.table.keys().map(|id| self.load(id).1).collect()
    }

    pub(crate) fn plans(&self) -> String {
        let directory = self.company.directory();
        let plans = self.table.keys().map(|id| {
            let (order, appointment) = self.load(id);
            let audience = Audience::of(&order, &appointment, &directory).unwrap();
            self.syncer.plan(&order, &appointment, &audience).unwrap().to_string()
        });
        plans.collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn desired(&self) -> Vec<Event> {
        let mut events: Vec<Event> =
            self.table.values().flat_map(|row| self.company.desired(&row.appointment)).collect();
        events.sort();
        events
    }

    pub(crate) fn existing(&self) -> Vec<Event> {
        let ours = self.calendar.inner().events().into_iter().chain(self.mail.inner().events());
        let mut events: Vec<Event> = ours
            .filter(|event| event.marker.is_some())
            .map(|stored| {
                let When::Timed { start, .. } = stored.event.when else { panic!("no timed event") };
                let account = stored.place.account.as_deref().unwrap_or("mail");
                let calendar = format!("{account}/{}", stored.place.calendar.as_str());
                (stored.place.person.to_string(), calendar, start, stored.event.title.to_string())
            })
            .collect();
        events.sort();
        events
    }

    pub(crate) fn foreign_event_is_untouched(&self) -> bool {
        let events = self.calendar.inner().events();
        events.iter().any(|event| event.marker.is_none() && &*event.event.title == "Grandma's birthday")
    }
}

/// Runs a plan until the worker dies. A worker that dies has no report.
async fn run(syncer: &Syncer, plan: Begun, crash: Crash) -> Option<Report> {
    match crash {
        Crash::AfterOutcomes(count) => {
            let mut run = syncer.run(plan);
            for _ in 0..count {
                run.next().await;
            }
            None
        }
        Crash::AfterPolls(polls) => {
            let mut run = pin!(syncer.run(plan).report());
            let mut left = polls;
            let all = std::future::poll_fn(|context: &mut Context<'_>| {
                if left == 0 {
                    return Poll::Ready(None);
                }
                left -= 1;
                match run.as_mut().poll(context) {
                    Poll::Ready(report) => Poll::Ready(Some(report)),
                    Poll::Pending => {
                        context.waker().wake_by_ref();
                        Poll::Pending
                    }
                }
            })
            .await;
            let _: Option<Report> = all;
            None
        }
        Crash::BeforeTheReportIsSaved => {
            let _ = syncer.run(plan).await;
            None
        }
        Crash::Never | Crash::BeforeBeginIsSaved | Crash::BeforeTheRun => {
            let outcomes: Vec<Outcome> = {
                let mut run = syncer.run(plan);
                let mut outcomes = Vec::new();
                while let Some(outcome) = run.next().await {
                    outcomes.push(outcome);
                }
                outcomes
            };
            Some(outcomes.into_iter().collect())
        }
    }
}
