//! A staff member with one calendar, a host that plans, begins, runs and records, and a provider
//! with scripted faults.

use calsync_core::audience::Audience;
use calsync_core::calendar::{CalendarRef, Person};
use calsync_core::clock::Clock;
use calsync_core::health::{AccountHealthStore, MemoryAccountHealthStore};
use calsync_core::ledger::Delivery;
use calsync_core::memory::{MemoryCalendar, StoredEvent};
use calsync_core::model::{
    Appointment, Connection, Directory, Order, OrderStatus, Profile, Service, Staff, Stated,
};
use calsync_core::names::{CalendarId, ProviderKind};
use calsync_core::plan::Plan;
use calsync_core::report::Report;
use calsync_core::sync::{RetryPolicy, Syncer};
use calsync_core::testing::{Faulty, TestClock};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;

pub(crate) const NAMESPACE: &str = "my-shop";
pub(crate) const STAFF: i64 = 30;
pub(crate) const OTHER_STAFF: i64 = 31;

pub(crate) struct Shop {
    pub(crate) memory: MemoryCalendar,
    pub(crate) provider: Faulty<MemoryCalendar>,
    pub(crate) clock: TestClock,
    pub(crate) health: Arc<dyn AccountHealthStore>,
    pub(crate) syncer: Syncer,
    pub(crate) order: Order,
    pub(crate) profiles: Vec<Profile>,
    pub(crate) appointments: Vec<Appointment>,
}

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

impl Shop {
    /// A shop with this many appointments of one staff member, months ahead.
    pub(crate) fn new(appointments: i64) -> Self {
        let memory = MemoryCalendar::new();
        let provider = Faulty::new(memory.clone());
        let clock = TestClock::at(at("2026-01-10T12:00:00Z"));
        let health: Arc<dyn AccountHealthStore> = Arc::new(MemoryAccountHealthStore::new());
        let syncer = syncer(&provider, &clock, &health);
        let profiles = [STAFF, OTHER_STAFF].map(|id| Profile::new(id).with_connection(connection(1)));
        let made = (0..appointments).map(|id| {
            let start = at("2026-06-01T09:00:00Z") + TimeDelta::days(id);
            let mut appointment = Appointment::new(id + 10, 5, start, start + TimeDelta::minutes(90));
            (appointment.order_id, appointment.staff_id) = (Some(1.into()), Stated::Is(3.into()));
            appointment
        });
        let appointments = made.collect();
        let order = Order::new(1, OrderStatus::Confirmed);
        Self { memory, provider, clock, health, syncer, order, profiles: profiles.into(), appointments }
    }

    /// Restarts the process: everything that was only in its memory is gone.
    pub(crate) fn restart(&mut self) {
        self.health = Arc::new(MemoryAccountHealthStore::new());
        self.syncer = syncer(&self.provider, &self.clock, &self.health);
    }

    pub(crate) fn directory(&self) -> Directory {
        let mut staff = [Staff::new(3, "Eve"), Staff::new(4, "Sue")];
        staff[0].profile_id = Some(STAFF.into());
        staff[1].profile_id = Some(OTHER_STAFF.into());
        let directory = Directory::new().with_services([Service::new(5, "Deep clean", 90)]);
        directory.with_staff(staff).with_profiles(self.profiles.clone())
    }

    pub(crate) fn plan(&self, appointment: usize) -> Plan {
        let directory = self.directory();
        let appointment = &self.appointments[appointment];
        let audience = Audience::of(&self.order, appointment, &directory).unwrap();
        self.syncer.plan(&self.order, appointment, &audience).unwrap()
    }

    /// Plans, begins, runs and records all appointments.
    pub(crate) async fn sync(&mut self) -> Report {
        let mut begun = Vec::new();
        for at in 0..self.appointments.len() {
            let plan = self.plan(at);
            begun.push(plan.begin(&mut self.appointments[at]).unwrap());
        }
        let report = self.syncer.run_all(begun).report().await;
        for appointment in &mut self.appointments {
            appointment.record(&report);
        }
        report
    }

    /// A worker that dies after its calls and before it records.
    pub(crate) async fn sync_and_die(&mut self) {
        let mut begun = Vec::new();
        for at in 0..self.appointments.len() {
            let plan = self.plan(at);
            begun.push(plan.begin(&mut self.appointments[at]).unwrap());
        }
        let _ = self.syncer.run_all(begun).report().await;
    }

    pub(crate) fn move_all(&mut self, by: TimeDelta) {
        for appointment in &mut self.appointments {
            appointment.start_time += by;
            appointment.end_time += by;
        }
    }

    pub(crate) fn cancel_all(&mut self) {
        for appointment in &mut self.appointments {
            appointment.status = "cancelled".into();
        }
    }

    pub(crate) fn assign_all(&mut self, staff: i64) {
        for appointment in &mut self.appointments {
            appointment.staff_id = Stated::Is(staff.into());
        }
    }

    pub(crate) fn row(&self, appointment: usize) -> &Delivery {
        &self.appointments[appointment].ledger.deliveries()[0]
    }

    pub(crate) fn events(&self) -> Vec<StoredEvent> {
        self.memory.events()
    }

    /// Whether there is exactly one event for each appointment that should have one, at its start
    /// time.
    pub(crate) fn is_right(&self) -> bool {
        let mut events: Vec<_> = self.events().iter().map(|it| format!("{:?}", it.event.when)).collect();
        let wanted = self.appointments.iter().filter(|it| !it.status.is_cancelled());
        let mut wanted: Vec<_> = wanted
            .map(|it| {
                let (start, end) = (it.start_time, it.end_time);
                let zone = calsync_core::time::Zone::UTC;
                format!("{:?}", calsync_core::event::When::Timed { start, end, zone })
            })
            .collect();
        events.sort();
        wanted.sort();
        events == wanted
    }

    pub(crate) fn calls(&self) -> usize {
        self.memory.all_calls()
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

fn syncer(
    provider: &Faulty<MemoryCalendar>,
    clock: &TestClock,
    health: &Arc<dyn AccountHealthStore>,
) -> Syncer {
    Syncer::builder(NAMESPACE)
        .provider(provider.clone())
        .clock(clock.clone())
        .sleep(clock.clone())
        .retry(RetryPolicy::none())
        .health_store(health.clone())
        .build()
}

pub(crate) fn connection(id: i64) -> Connection {
    Connection::new(id, ProviderKind::MEMORY, CalendarId::primary())
}

pub(crate) fn calendar(profile: i64) -> CalendarRef {
    connection(1).calendar(&Person::Profile(profile.into()))
}
