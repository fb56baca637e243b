//! Workers that run concurrently, crash and finish late, in calendars whose people copy, move, edit
//! and delete events. In the end each desired event exists once, people's own events are unchanged,
//! and no mail was sent.
//!
//! If a deleted event could still be read by its id, a worker that races with a crashed one could
//! mistake it for an existing event. Whether Graph allows this is not known, and these stories do
//! not.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use calsync_core::AppointmentId;
use calsync_core::ProviderKind;
use calsync_core::audience::Audience;
use calsync_core::auth::MemoryTokenStore;
use calsync_core::calendar::ConnectionKey;
use calsync_core::calendar::Person;
use calsync_core::clock::Clock;
use calsync_core::ledger::DeliveryState;
use calsync_core::model::{
    Appointment, Connection, Customer, Directory, Order, OrderStatus, Profile, Service, Staff, Stated,
};
use calsync_core::names::CalendarId;
use calsync_core::plan::Begun;
use calsync_core::report::Report;
use calsync_core::sync::{RetryPolicy, Syncer};
use calsync_core::testing::{FaultyTransport, TestClock};
use calsync_outlook::fake::{
    AfterDeletion, ErrorFormat, FakeEvent, FakeOutlook, FakeUser, FaultRule, Latency, LimitResponse,
    concurrent_save, graph_error, irresolvable_conflict,
};
use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use serde_json::{Value, json};

use common::{SCOPES, at, builder, put};

/// How many stories run. The environment variable `STORIES` sets another number, `STORY` runs one.
const STORIES: u64 = 150;

/// Eve works for Cleo, and Mia is her manager.
const PEOPLE: [&str; 3] = ["eve@example.org", "mia@example.org", "cleo@example.org"];

/// When the event starts, according to its JSON.
fn start_of(event: &FakeEvent) -> DateTime<Utc> {
    at(&format!("{}Z", event.json["start"]["dateTime"].as_str().unwrap()))
}

/// Pseudo-random numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % limit as u64).unwrap()
    }

    fn one_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }
}

/// Where a worker crashes.
#[derive(Debug, Clone, Copy)]
enum Crash {
    Never,
    /// After the run's future was polled this many times.
    AfterPolls(usize),
    BeforeTheReportIsSaved,
}

impl Crash {
    fn draw(dice: &mut Dice) -> Self {
        match dice.below(8) {
            0 | 1 => Self::AfterPolls(1 + dice.below(60)),
            2 => Self::BeforeTheReportIsSaved,
            _ => Self::Never,
        }
    }
}

/// A host with two workers, the fake, and its people.
struct Host {
    outlook: FakeOutlook,
    clock: TestClock,
    network: FaultyTransport<FakeOutlook>,
    workers: [Syncer; 2],
    order: Order,
    directory: Directory,
    appointments: BTreeMap<AppointmentId, Appointment>,
    ledgers: BTreeMap<AppointmentId, String>,
    /// Plans that slow workers have begun and not yet run.
    slow: Vec<Begun>,
    /// The current id of each person's calendar.
    calendars: [String; 3],
    /// The ids of events that people created or moved.
    theirs: BTreeSet<String>,
}

impl Host {
    async fn open(story: u64) -> Self {
        let clock = TestClock::at(at("2026-11-22T10:00:00Z"));
        let outlook = FakeOutlook::new().with_clock(clock.clone());
        outlook.set(|settings| {
            settings.after_deletion = match story % 3 {
                0 => AfterDeletion::DuplicateError,
                1 => AfterDeletion::ReplaysDeadEvent,
                _ => AfterDeletion::MakesAnother,
            };
            // An event that was moved to another calendar can be met again only by its id, so
            // errors must name it.
            settings.duplicate_names_event = story.is_multiple_of(2) || story % 5 < 3;
            settings.duplicate_is_conflict = story % 4 < 2;
            settings.sparse_pages = story % 5 == 1;
            settings.page_size = if story % 5 == 1 { 2 } else { 10 };
            settings.change_keys_move = (story % 7 == 3).then_some(3);
            settings.ids_are_mailbox_wide = story % 5 < 3;
            settings.loses_properties_on_error = story % 4 == 3;
            settings.latency = (story % 3 != 2).then_some(Latency::Turns(2));
            settings.limits.answer = if story.is_multiple_of(2) {
                LimitResponse::TooManyRequests
            } else {
                LimitResponse::Unavailable
            };
            settings.limits.retry_after = (story % 4 < 2).then_some(10);
            settings.errors = match story % 3 {
                0 => ErrorFormat::Classic,
                1 => ErrorFormat::LowerCase,
                _ => ErrorFormat::Bare,
            };
            settings.batch_seed = story;
        });
        let store = MemoryTokenStore::new();
        let network = FaultyTransport::new(outlook.clone());
        // Two processes: each has its own client, over one store.
        let worker = || {
            let provider = builder(&store, &clock).transport(network.clone()).build().unwrap();
            // No retries within a run, so that other runs find what it leaves open.
            let syncer = Syncer::builder("tests").provider(provider).retry(RetryPolicy::none());
            syncer.clock(clock.clone()).sleep(clock.clone()).build()
        };
        let workers = [worker(), worker()];
        let mut calendars = [const { String::new() }; 3];
        let mut profiles = Vec::new();
        for (person, email) in PEOPLE.iter().enumerate() {
            let user = outlook.user(email);
            calendars[person] =
                if person == 1 { user.adds_calendar("Boss's \"jobs\" 🧹") } else { "primary".to_owned() };
            let id = profile_id(person);
            let calendar =
                if person == 1 { CalendarId::new(&calendars[1]).unwrap() } else { CalendarId::primary() };
            let mut connection = Connection::new(1, ProviderKind::OUTLOOK, calendar);
            if person == 1 {
                connection = connection.with_calendar_name("Boss's \"jobs\" 🧹");
            }
            profiles.push(Profile::new(id).with_connection(connection.with_account(*email)));
            let key = ConnectionKey::new(Person::Profile(id.into()), ProviderKind::OUTLOOK, 1);
            put(&store, &key, user.tokens(SCOPES)).await;
        }
        let mut order = Order::new(1, OrderStatus::Confirmed);
        order.customer_id = Some(7.into());
        let appointments: BTreeMap<_, _> = appointments().into_iter().map(|it| (it.id.clone(), it)).collect();
        let ledgers = appointments
            .iter()
            .map(|(id, it)| (id.clone(), serde_json::to_string(&it.ledger).unwrap()))
            .collect();
        let directory = directory(profiles);
        let (slow, theirs) = (Vec::new(), BTreeSet::new());
        Self {
            outlook,
            clock,
            network,
            workers,
            order,
            directory,
            appointments,
            ledgers,
            slow,
            calendars,
            theirs,
        }
    }

    fn ids(&self) -> Vec<AppointmentId> {
        self.appointments.keys().cloned().collect()
    }

    fn load(&self, id: &AppointmentId) -> Appointment {
        let mut appointment = self.appointments[id].clone();
        appointment.ledger = serde_json::from_str(&self.ledgers[id]).unwrap();
        appointment
    }

    fn save(&mut self, appointment: &Appointment) {
        let ledger = serde_json::to_string(&appointment.ledger).unwrap();
        self.ledgers.insert(appointment.id.clone(), ledger);
    }

    fn begin(&mut self, worker: usize, id: &AppointmentId) -> Option<Begun> {
        let mut appointment = self.load(id);
        let audience = Audience::of(&self.order, &appointment, &self.directory).unwrap();
        let plan = self.workers[worker].plan(&self.order, &appointment, &audience).unwrap();
        let begun = plan.begin(&mut appointment).unwrap();
        self.save(&appointment);
        (!begun.is_empty()).then_some(begun)
    }

    fn record(&mut self, id: &AppointmentId, report: &Report) {
        let mut appointment = self.load(id);
        appointment.record(report);
        self.save(&appointment);
    }

    async fn sync(&mut self, worker: usize, id: &AppointmentId, crash: Crash) {
        let Some(plan) = self.begin(worker, id) else { return };
        if let Some(report) = run(&self.workers[worker], plan, crash).await {
            self.record(id, &report);
        }
    }

    /// Two workers run plans for one appointment, the second begun after a change; maybe also a
    /// late plan.
    async fn race(&mut self, dice: &mut Dice) {
        let ids = self.ids();
        let id = ids[dice.below(ids.len())].clone();
        let first = self.begin(0, &id);
        self.change(dice);
        let second = self.begin(1, &id);
        self.drop_expired();
        let late = self.slow.iter().position(|late| late.plan().appointment == id && dice.one_in(2));
        let late = late.map(|at| self.slow.swap_remove(at));
        let crashes = [Crash::draw(dice), Crash::draw(dice), Crash::draw(dice)];
        let [one, two] = &self.workers;
        let run_of = |worker, plan: Option<Begun>, crash| async move {
            match plan {
                Some(plan) => run(worker, plan, crash).await,
                None => None,
            }
        };
        let (a, b, c) = tokio::join!(
            run_of(one, first, crashes[0]),
            run_of(two, second, crashes[1]),
            run_of(one, late, crashes[2])
        );
        let mut reports: Vec<Report> = [a, b, c].into_iter().flatten().collect();
        while !reports.is_empty() {
            let report = reports.swap_remove(dice.below(reports.len()));
            self.record(&id, &report);
        }
    }

    /// A slow worker runs a plan that it began before other changes.
    async fn run_late(&mut self, dice: &mut Dice) {
        self.drop_expired();
        if self.slow.is_empty() {
            return;
        }
        let plan = self.slow.swap_remove(dice.below(self.slow.len()));
        let (id, crash) = (plan.plan().appointment.clone(), Crash::draw(dice));
        if let Some(report) = run(&self.workers[dice.below(2)], plan, crash).await {
            self.record(&id, &report);
        }
    }

    /// Drops plans older than `settle_after`: a syncer assumes that their workers have crashed.
    fn drop_expired(&mut self) {
        let now = self.clock.now();
        self.slow.retain(|late| now - late.plan().at < TimeDelta::minutes(10));
    }

    fn person(&self, person: usize) -> FakeUser {
        self.outlook.user(PEOPLE[person])
    }

    /// One random change by a person, the host, the clock or the server.
    fn change(&mut self, dice: &mut Dice) {
        let ids = self.ids();
        let id = ids[dice.below(ids.len())].clone();
        let person = dice.below(3);
        let (user, calendar) = (self.person(person), self.calendars[person].clone());
        let mut events = user.events(&calendar);
        events.retain(|event| !self.theirs.contains(&event.id));
        let event = (!events.is_empty()).then(|| events.swap_remove(dice.below(events.len())));
        let appointment = self.appointments.get_mut(&id).unwrap();
        let what = dice.below(16);
        match (what, event) {
            (0 | 1, _) => {
                appointment.start_time += TimeDelta::hours(1);
                appointment.end_time += TimeDelta::hours(1);
            }
            (2 | 3, _) => appointment.status = "cancelled".into(),
            (4 | 5, _) => appointment.status = "confirmed".into(),
            (6, Some(event)) => assert!(user.deletes_event(&calendar, &event.id)),
            (7, Some(event)) => {
                let copy = user.adds_event(&calendar, copy_of(&event)).unwrap();
                self.theirs.insert(copy);
            }
            (8, Some(event)) => {
                let edit =
                    json!({"subject": "Mine", "body": {"contentType": "html", "content": "<b>hers</b>"}});
                assert!(user.edits_event(&calendar, &event.id, edit));
            }
            (9, Some(event)) => assert!(user.makes_meeting(&calendar, &event.id)),
            (10, Some(event)) => assert!(user.touches_event(&calendar, &event.id)),
            (11, Some(event)) => {
                // Found by its id if Graph searches the whole mailbox; otherwise it counts as
                // deleted.
                let elsewhere = user.adds_calendar(&format!("Elsewhere {}", event.id));
                assert!(user.moves_event(&calendar, &event.id, &elsewhere));
                self.theirs.insert(event.id);
            }
            (12, _) if person == 1 => {
                self.calendars[1] = user.moves_calendar_id(&calendar).unwrap();
            }
            (13, _) => self.outlook.expire_access_tokens(),
            (14, _) => self.clock.advance(TimeDelta::minutes(7)),
            (15, _) => {
                let fault = match dice.below(5) {
                    0 => graph_error(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", "x").after(),
                    1 => graph_error(StatusCode::TOO_MANY_REQUESTS, "ApplicationThrottled", "x"),
                    2 => irresolvable_conflict(),
                    3 => concurrent_save(),
                    _ => graph_error(StatusCode::INTERNAL_SERVER_ERROR, "ErrorInternalServerError", "x")
                        .after(),
                };
                let fault = FaultRule::new(fault).with_path("/v1.0/me/").after(dice.below(3));
                self.outlook.fault(fault);
            }
            _ => {}
        }
    }

    async fn sync_all(&mut self) {
        for id in self.ids() {
            self.sync(0, &id, Crash::Never).await;
        }
    }

    /// Checks that the events are those that the appointments require.
    fn check(&self, story: u64) {
        let confirmed = self.appointments.values().filter(|it| it.status == "confirmed".into());
        let starts: BTreeSet<_> = confirmed.map(|it| it.start_time).collect();
        for email in PEOPLE {
            let all: Vec<FakeEvent> =
                self.outlook.events().into_iter().filter(|event| event.mailbox == email).collect();
            for start in &starts {
                let count = all.iter().filter(|event| start_of(event) == *start).count();
                assert_eq!(count, 1, "story {story}: {email} at {start}: {:#?}", self.describe(&all));
            }
            for event in &all {
                let is_required = starts.contains(&start_of(event));
                assert!(
                    is_required || self.theirs.contains(&event.id),
                    "story {story}: {email} has {} at {}: {:#?}",
                    event.id,
                    start_of(event),
                    self.describe(&all)
                );
                assert!(!is_required || event.text("subject") != Some("Mine"), "story {story}");
            }
        }
        assert_eq!((self.outlook.mails().len(), self.outlook.invitations()), (0, 0), "story {story}");
        for id in self.ids() {
            for row in self.load(&id).ledger.deliveries() {
                assert!(
                    !matches!(row.state(), DeliveryState::Pending(_)),
                    "story {story}: {}",
                    row.explain()
                );
            }
        }
    }

    fn describe(&self, events: &[FakeEvent]) -> Vec<String> {
        let mut lines: Vec<String> = events
            .iter()
            .map(|event| {
                format!(
                    "{} {} {:?} theirs: {} rev {:?}",
                    event.id,
                    start_of(event),
                    event.text("subject"),
                    self.theirs.contains(&event.id),
                    event.property("calsyncRevision"),
                )
            })
            .collect();
        for id in self.ids() {
            let ledger = self.load(&id).ledger;
            lines.extend(ledger.deliveries().iter().map(|row| format!("{id}: {}", row.explain())));
        }
        lines
    }
}

/// Runs a plan until the worker crashes. A crashed worker has no report.
async fn run(worker: &Syncer, plan: Begun, crash: Crash) -> Option<Report> {
    let Crash::AfterPolls(polls) = crash else {
        let report = worker.run(plan).await;
        return matches!(crash, Crash::Never).then_some(report);
    };
    let mut run = pin!(worker.run(plan).report());
    let mut left = polls;
    poll_fn(|context| {
        left -= 1;
        match run.as_mut().poll(context) {
            _ if left == 0 => Poll::Ready(None),
            Poll::Ready(report) => Poll::Ready(Some(report)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// A copy of the event as Outlook makes it: all but the transaction id.
fn copy_of(event: &FakeEvent) -> Value {
    let mut copy = json!({});
    for name in ["subject", "start", "end", "isAllDay", "location", "showAs"] {
        copy[name] = event.json[name].clone();
    }
    let names =
        ["Target", "Key", "Namespace", "Revision", "Zone", "Reminder", "Appointment", "Person", "Role"];
    let names = names.map(|name| format!("calsync{name}"));
    let properties = names.iter().filter_map(|name| {
        let id = format!("String {{8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861}} Name {name}");
        Some(json!({"id": id, "value": event.property(name)?}))
    });
    copy["singleValueExtendedProperties"] = properties.collect();
    copy
}

fn profile_id(person: usize) -> i64 {
    i64::try_from(person).unwrap() + 1
}

fn directory(profiles: Vec<Profile>) -> Directory {
    let (mut eve, mut mia, mut cleo) = (Staff::new(3, "Eve"), Staff::new(4, "Mia"), Customer::new(7, "Cleo"));
    eve.profile_id = Some(profile_id(0).into());
    eve = eve.with_manager(calsync_core::StaffId::from(4));
    mia.profile_id = Some(profile_id(1).into());
    cleo.profile_id = Some(profile_id(2).into());
    let directory = Directory::new().with_services([Service::new(5, "Deep clean", 90)]);
    let directory = directory.with_staff([eve, mia]).with_customers([cleo]);
    directory.with_profiles(profiles)
}

fn appointments() -> Vec<Appointment> {
    let appointments = (1..=2).map(|id| {
        let start = at("2026-12-01T09:00:00Z") + TimeDelta::days(5 * id);
        let mut appointment = Appointment::new(id, 5, start, start + TimeDelta::minutes(90));
        (appointment.order_id, appointment.staff_id) = (Some(1.into()), Stated::Is(3.into()));
        appointment
    });
    appointments.collect()
}

async fn run_story(story: u64) {
    let mut dice = Dice(story);
    let mut host = Host::open(story).await;
    for _ in 0..14 {
        let per_mille = [0, 0, 150, 400][dice.below(4)];
        host.network.at_random(story ^ dice.0, per_mille, true);
        host.change(&mut dice);
        match dice.below(4) {
            0 => {
                let ids = host.ids();
                let (worker, crash) = (dice.below(2), Crash::draw(&mut dice));
                host.sync(worker, &ids[dice.below(ids.len())], crash).await;
            }
            // If Graph forgets the transaction ids of deleted events, a create this late makes one
            // more event, and nothing prevents it.
            1 if story % 3 != 2 && dice.one_in(2) => {
                let ids = host.ids();
                let begun = host.begin(0, &ids[dice.below(ids.len())]);
                host.slow.extend(begun);
            }
            1 => host.run_late(&mut dice).await,
            _ => host.race(&mut dice).await,
        }
    }
    host.network.quiet();
    host.outlook.clear_faults();
    while !host.slow.is_empty() {
        host.run_late(&mut dice).await;
    }
    for appointment in host.appointments.values_mut() {
        // The next change overwrites what a person edited.
        appointment.start_time += TimeDelta::hours(1);
        appointment.end_time += TimeDelta::hours(1);
    }
    // Nothing is repaired by hand: daily runs repair what an outage left.
    for _ in 0..8 {
        host.clock.advance(TimeDelta::days(1));
        host.sync_all().await;
    }
    host.check(story);
    let before = host.outlook.count_all();
    host.sync_all().await;
    assert_eq!(host.outlook.count_all(), before, "story {story}: a run with nothing to do sends no request");
}

#[tokio::test]
async fn two_workers_leave_every_event_once() {
    let number = |name| std::env::var(name).ok().and_then(|number| number.parse().ok());
    if let Some(story) = number("STORY") {
        return run_story(story).await;
    }
    for story in 0..number("STORIES").unwrap_or(STORIES) {
        run_story(story).await;
    }
}
