//! Stories: tests that each event is written exactly once, although the network fails.
//!
//! A small company goes through changes while 30 % of the requests fail, in ways that are computed
//! from a seed. Afterwards each person's calendar has each of their events once, no mail was sent,
//! and one more run makes no request.
//!
//! A provider's crate implements [`Scene`] for its fake server and runs stories with it:
//! `tell_all::<AtGoogle>(100).await`.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::fixtures::{NAMESPACE, at, calendar_in, put};
use super::{FaultyTransport, TestClock};
use crate::audience::Audience;
use crate::auth::{MemoryTokenStore, Tokens};
use crate::calendar::{CalendarRef, ConnectionKey, Person};
use crate::http::HttpTransport;
use crate::id::ConnectionId;
use crate::model::{
    Appointment, Connection, Customer, Directory, Order, OrderStatus, Profile, Service, Staff, Stated,
};
use crate::names::{CalendarId, ProviderKind};
use crate::plan::Plan;
use crate::provider::CalendarProvider;
use crate::sync::{RetryPolicy, Syncer};

/// Eve works for Cleo, and Mia is her manager. Their profiles are 1, 2 and 3.
const PEOPLE: [&str; 3] = ["eve@example.org", "mia@example.org", "cleo@example.org"];

/// The title that a person gives to an event.
const OWN_WORDS: &str = "My own words";

/// The environment of a story: a fake server, the people who use it, and the provider that calls
/// it.
pub trait Scene: Sized {
    /// The fake server.
    type Fake: HttpTransport;
    /// The provider under test.
    type Provider: CalendarProvider;

    /// Starts a new fake server with this clock. Its settings may depend on the number of the
    /// story.
    fn open(story: u64, clock: &TestClock) -> Self;

    /// Returns the fake server.
    fn fake(&self) -> Self::Fake;

    /// Creates the provider. It sends its requests to `network` and reads its tokens from `store`.
    fn provider(
        &self,
        network: FaultyTransport<Self::Fake>,
        store: &MemoryTokenStore,
        clock: &TestClock,
    ) -> Self::Provider;

    /// The person gives consent, for the first time or again. Earlier grants of the person are
    /// revoked.
    fn connects(&self, email: &str) -> Tokens;

    /// Makes every access token expire.
    fn tokens_run_out(&self);

    /// Returns every event in the person's calendar.
    fn events_of(&self, email: &str) -> Vec<SeenEvent>;

    /// Returns the number of events in all calendars.
    fn count_events(&self) -> usize;

    /// The person deletes an event. Returns `true` if it existed.
    fn deletes(&self, email: &str, id: &str) -> bool;

    /// The person changes the title of an event, and a field that calsync does not write. Returns
    /// `true` if the event existed.
    fn edits(&self, email: &str, id: &str, title: &str) -> bool;

    /// Returns the number of mails that were sent plus the number of guests that the provider
    /// invited.
    fn mails(&self) -> usize;

    /// Returns the number of requests that the server got.
    fn requests(&self) -> usize;
}

/// An event as its owner sees it in the calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeenEvent {
    /// The provider's id of the event.
    pub id: String,
    /// The start, in UTC.
    pub start: DateTime<Utc>,
    /// The title.
    pub title: String,
}

impl SeenEvent {
    /// Creates an event.
    #[must_use]
    pub fn new(id: impl Into<String>, start: DateTime<Utc>, title: impl Into<String>) -> Self {
        Self { id: id.into(), start, title: title.into() }
    }
}

/// Runs this number of stories, or the number in the environment variable `STORIES`.
///
/// # Panics
/// If a story fails.
pub async fn tell_all<S: Scene>(usually: u64) {
    let count = std::env::var("STORIES").ok().and_then(|count| count.parse().ok());
    for story in 0..count.unwrap_or(usually) {
        tell::<S>(story).await;
    }
}

/// Runs one story.
///
/// # Panics
/// If the calendars are not in the desired state at the end, a mail was sent, or a further run
/// makes a request.
pub async fn tell<S: Scene>(story: u64) {
    let mut dice = Dice(story);
    let mut company = Company::<S>::open(story).await;
    company.network.at_random(story, 300, true);
    for _ in 0..12 {
        company.change(&mut dice).await;
        company.sync(&mut dice, true).await;
    }
    company.network.quiet();
    for appointment in &mut company.appointments {
        // A title that a person changed is corrected by the next change of the appointment.
        appointment.start_time += TimeDelta::hours(1);
        appointment.end_time += TimeDelta::hours(1);
    }
    for _ in 0..4 {
        company.revive();
        company.clock.advance(TimeDelta::hours(1));
        company.sync(&mut dice, false).await;
    }
    company.check(story);
    let before = company.scene.requests();
    company.sync(&mut dice, false).await;
    assert_eq!(company.scene.requests(), before, "story {story}: a run without steps makes no request");
}

/// A pseudo-random generator (the upper bits of a linear congruential generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % limit as u64).unwrap_or_default()
    }
}

/// The company of a story, with three appointments of one order.
struct Company<S: Scene> {
    scene: S,
    provider: ProviderKind,
    clock: TestClock,
    store: MemoryTokenStore,
    network: FaultyTransport<S::Fake>,
    syncer: Syncer,
    order: Order,
    directory: Directory,
    appointments: Vec<Appointment>,
}

impl<S: Scene> Company<S> {
    async fn open(story: u64) -> Self {
        let clock = TestClock::at(at("2026-11-22T10:00:00Z"));
        let scene = S::open(story, &clock);
        let store = MemoryTokenStore::new();
        let network = FaultyTransport::new(scene.fake());
        let provider = scene.provider(network.clone(), &store, &clock);
        let kind = provider.kind();
        // Every other story runs without retries, so that the next run has to finish the work.
        let retry = if story.is_multiple_of(2) { RetryPolicy::new() } else { RetryPolicy::none() };
        let syncer = Syncer::builder(NAMESPACE).provider(provider).clock(clock.clone()).sleep(clock.clone());
        let syncer = syncer.retry(retry).build();
        let mut order = Order::new(1, OrderStatus::Confirmed);
        order.customer_id = Some(7.into());
        let directory = directory(&kind);
        let (appointments, provider) = (appointments(), kind);
        let company = Self { scene, provider, clock, store, network, syncer, order, directory, appointments };
        for person in 0..PEOPLE.len() {
            company.connect(person).await;
        }
        company
    }

    async fn connect(&self, person: usize) {
        put(&self.store, &self.place_of(person).connection_key(), self.scene.connects(PEOPLE[person])).await;
    }

    fn place_of(&self, person: usize) -> CalendarRef {
        calendar_in(self.provider.clone(), profile_id(person), CalendarId::primary())
    }

    fn plan(&self, appointment: usize) -> Plan {
        let appointment = &self.appointments[appointment];
        let audience = Audience::of(&self.order, appointment, &self.directory).expect("an audience");
        self.syncer.plan(&self.order, appointment, &audience).expect("a plan")
    }

    /// Plans and begins all appointments, runs the plans together and records the outcomes.
    /// Sometimes the host crashes before it has recorded all of them.
    async fn sync(&mut self, dice: &mut Dice, may_crash: bool) {
        let mut plans = Vec::new();
        for at in 0..self.appointments.len() {
            let plan = self.plan(at);
            plans.push(plan.begin(&mut self.appointments[at]).expect("only this host begins"));
        }
        let mut run = self.syncer.run_all(plans);
        while let Some(outcome) = run.next().await {
            if may_crash && dice.below(12) == 0 {
                return;
            }
            let report = outcome.clone().into();
            let row = self.appointments.iter_mut().find(|appointment| appointment.id == outcome.appointment);
            row.expect("an appointment of ours").record(&report);
        }
    }

    /// Makes one random change.
    async fn change(&mut self, dice: &mut Dice) {
        let appointment = dice.below(self.appointments.len());
        let person = dice.below(PEOPLE.len());
        let (scene, email) = (&self.scene, PEOPLE[person]);
        let mut events = scene.events_of(email);
        let event = (!events.is_empty()).then(|| events.swap_remove(dice.below(events.len())));
        match (dice.below(9), event) {
            (0 | 1, _) => {
                self.appointments[appointment].start_time += TimeDelta::hours(1);
                self.appointments[appointment].end_time += TimeDelta::hours(1);
            }
            (2, _) => self.appointments[appointment].status = "cancelled".into(),
            (3, _) => self.appointments[appointment].status = "confirmed".into(),
            (4, Some(event)) => assert!(scene.deletes(email, &event.id)),
            (5, Some(event)) => assert!(scene.edits(email, &event.id, OWN_WORDS)),
            (6, _) => scene.tokens_run_out(),
            (7, _) => self.clock.advance(TimeDelta::minutes(40)),
            // Connects again: a new grant of the same account, and the old one is revoked.
            _ => self.connect(person).await,
        }
    }

    /// Ends all holds, as the host does after people have connected again.
    fn revive(&mut self) {
        for appointment in &mut self.appointments {
            for person in 0..PEOPLE.len() {
                let person = Person::Profile(profile_id(person).into());
                appointment.ledger.revive(&ConnectionKey::new(
                    person,
                    self.provider.clone(),
                    ConnectionId::from(1),
                ));
            }
        }
    }

    /// Compares the existing events with the desired ones, by person, start and title.
    fn check(&self, story: u64) {
        let confirmed = self.appointments.iter().filter(|it| it.status == "confirmed".into());
        let starts: Vec<_> = confirmed.map(|appointment| appointment.start_time).collect();
        let desired: BTreeSet<_> =
            PEOPLE.iter().flat_map(|email| starts.iter().map(move |start| (*email, *start))).collect();
        let events = PEOPLE
            .iter()
            .flat_map(|email| self.scene.events_of(email).into_iter().map(move |event| (*email, event)));
        let events: Vec<_> = events.collect();
        let existing: BTreeSet<_> = events.iter().map(|(email, event)| (*email, event.start)).collect();
        assert_eq!(existing, desired, "story {story}");
        assert_eq!(self.scene.count_events(), desired.len(), "story {story}: none twice, none elsewhere");
        for (_, event) in &events {
            assert_ne!(event.title, OWN_WORDS, "story {story}");
        }
        assert_eq!(self.scene.mails(), 0, "story {story}");
    }
}

fn profile_id(person: usize) -> i64 {
    i64::try_from(person).unwrap_or_default() + 1
}

fn directory(provider: &ProviderKind) -> Directory {
    let profile = |person: usize| {
        let connection = Connection::new(1, provider.clone(), CalendarId::primary());
        let id = profile_id(person);
        Profile::new(id).with_connection(connection.with_account(format!("account-{id}")))
    };
    let (mut eve, mut mia, mut cleo) = (Staff::new(3, "Eve"), Staff::new(4, "Mia"), Customer::new(7, "Cleo"));
    eve.profile_id = Some(profile_id(0).into());
    eve = eve.with_manager(crate::StaffId::from(4));
    mia.profile_id = Some(profile_id(1).into());
    cleo.profile_id = Some(profile_id(2).into());
    let directory = Directory::new().with_services([Service::new(5, "Deep clean", 90)]);
    let directory = directory.with_staff([eve, mia]).with_customers([cleo]);
    directory.with_profiles((0..PEOPLE.len()).map(profile))
}

fn appointments() -> Vec<Appointment> {
    let appointments = (1..=3).map(|id| {
        let start = at("2026-12-01T09:00:00Z") + TimeDelta::days(id);
        let mut appointment = Appointment::new(id, 5, start, start + TimeDelta::minutes(90));
        (appointment.order_id, appointment.staff_id) = (Some(1.into()), Stated::Is(3.into()));
        appointment
    });
    appointments.collect()
}
