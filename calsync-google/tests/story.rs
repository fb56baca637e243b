//! Exactly once, whatever the network does: a small company lives through changes while every third request goes wrong, in ways
//! that follow from a seed. Afterwards each person's calendar holds each of their events once, and nobody got mail.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;

use calsync_core::ProviderKind;
use calsync_core::audience::Audience;
use calsync_core::model::{
    Appointment, Connection, Customer, Directory, Order, OrderStatus, Profile, Service, Staff,
};
use calsync_core::names::CalendarId;
use calsync_core::plan::Plan;
use calsync_core::sync::Syncer;
use calsync_core::testing::FaultyTransport;
use calsync_google::fake::{FakeGoogle, FakeUser};
use chrono::TimeDelta;
use serde_json::json;

use common::{SCOPES, World, at, key_of, put};

/// How many stories are told here. 3,000 were, before this number was chosen for its time.
const STORIES: u64 = 100;

/// Numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Eve (1) works for Cleo (3) and Mia (2) is her manager; all of them are at Google.
struct Company {
    world: World,
    people: Vec<FakeUser>,
    network: FaultyTransport<FakeGoogle>,
    syncer: Syncer,
    order: Order,
    directory: Directory,
    appointments: Vec<Appointment>,
}

impl Company {
    async fn new() -> Self {
        let world = World::new().await;
        let cleo = world.google.user("cleo@example.org");
        put(&world.store, &key_of(3), cleo.tokens(SCOPES)).await;
        let people = vec![world.anna.clone(), world.ben.clone(), cleo];
        let network = FaultyTransport::new(world.google.clone());
        let syncer = Syncer::builder("tests")
            .provider(world.provider_over(network.clone()))
            .clock(world.clock.clone())
            .sleep(world.clock.clone())
            .build();

        let mut order = Order::new(1, OrderStatus::Confirmed);
        order.customer_id = Some(7.into());
        let profile = |id: i64| {
            let connection = Connection::new(1, ProviderKind::GOOGLE, CalendarId::primary());
            Profile::new(id).with_connection(connection.with_account(format!("account-{id}")))
        };
        let (mut eve, mut mia, mut cleo) =
            (Staff::new(3, "Eve"), Staff::new(4, "Mia"), Customer::new(7, "Cleo"));
        (eve.profile_id, eve.manager_id) = (Some(1.into()), Some(4.into()));
        mia.profile_id = Some(2.into());
        cleo.profile_id = Some(3.into());
        let directory = Directory::new().with_services([Service::new(5, "Deep clean", 90)]).unwrap();
        let directory = directory.with_staff([eve, mia]).unwrap().with_customers([cleo]).unwrap();
        let directory = directory.with_profiles([profile(1), profile(2), profile(3)]).unwrap();
        let appointments = (1..=3).map(|id| {
            let start = at("2026-12-01T09:00:00Z") + TimeDelta::days(id);
            let mut appointment = Appointment::new(id, 5, start, start + TimeDelta::minutes(90));
            (appointment.order_id, appointment.staff_id) = (Some(1.into()), Some(3.into()));
            appointment
        });
        let appointments = appointments.collect();
        Self { world, people, network, syncer, order, directory, appointments }
    }

    fn plan(&self, appointment: usize) -> Plan {
        let appointment = &self.appointments[appointment];
        let audience = Audience::of(&self.order, appointment, &self.directory).unwrap();
        self.syncer.plan(&self.order, appointment, &audience).unwrap()
    }

    /// Plans and begins all appointments, runs the plans together, and records; now and then the host crashes before it records.
    async fn sync(&mut self, dice: &mut Dice, may_crash: bool) {
        let mut plans = Vec::new();
        for at in 0..self.appointments.len() {
            let plan = self.plan(at);
            plan.begin(&mut self.appointments[at]).unwrap();
            plans.push(plan);
        }
        let mut run = self.syncer.run_all(plans);
        while let Some(outcome) = run.next().await {
            if may_crash && dice.below(12) == 0 {
                return;
            }
            let report = outcome.clone().into();
            let row = self.appointments.iter_mut().find(|appointment| appointment.id == outcome.appointment);
            row.unwrap().record(&report);
        }
    }

    /// Something happens.
    async fn change(&mut self, dice: &mut Dice) {
        let appointment = dice.below(self.appointments.len() as u64) as usize;
        let person = dice.below(3) as usize;
        let mut events = self.people[person].events("primary");
        let event =
            (!events.is_empty()).then(|| events.swap_remove(dice.below(events.len() as u64) as usize));
        match (dice.below(9), event) {
            (0 | 1, _) => {
                self.appointments[appointment].start_time += TimeDelta::hours(1);
                self.appointments[appointment].end_time += TimeDelta::hours(1);
            }
            (2, _) => self.appointments[appointment].status = "cancelled".into(),
            (3, _) => self.appointments[appointment].status = "confirmed".into(),
            (4, Some(event)) => assert!(self.people[person].deletes_event("primary", &event.id)),
            (5, Some(event)) => {
                let edit = json!({"summary": "My own words", "colorId": "5"});
                assert!(self.people[person].edits_event("primary", &event.id, edit));
            }
            (6, _) => self.world.google.expire_access_tokens(),
            (7, _) => self.world.clock.advance(TimeDelta::minutes(40)),
            // Connects anew: another grant to the same account, while the old one dies.
            _ => {
                self.people[person].revokes_access();
                let tokens = self.people[person].tokens(SCOPES);
                put(&self.world.store, &key_of(person as i64 + 1), tokens).await;
            }
        }
    }

    /// The host's people look after what waits for them.
    fn revive(&mut self) {
        for appointment in &mut self.appointments {
            for person in 1..=3 {
                appointment.ledger.revive(&calsync_core::place::Person::Profile(person.into()), &1.into());
            }
        }
    }

    /// What stands and what should, by calendar, time and title.
    fn check(&self, story: u64) {
        let mut wanted = BTreeSet::new();
        for appointment in
            self.appointments.iter().filter(|appointment| appointment.status == "confirmed".into())
        {
            for person in &self.people {
                wanted.insert((person.email().to_owned(), appointment.start_time));
            }
        }
        let events = self.world.google.events();
        let start = |json: &serde_json::Value| json["start"]["dateTime"].as_str().unwrap().parse().unwrap();
        let stand: BTreeSet<_> =
            events.iter().map(|event| (event.calendar.clone(), start(&event.json))).collect();
        assert_eq!(stand, wanted, "story {story}");
        assert_eq!(events.len(), wanted.len(), "story {story}: none twice");
        for event in &events {
            assert_ne!(event.text("summary"), Some("My own words"), "story {story}");
        }
        assert_eq!(self.world.google.invitations(), 0, "story {story}");
        assert!(self.world.google.mails().is_empty(), "story {story}");
    }
}

async fn tell(story: u64) {
    let mut dice = Dice(story);
    let mut company = Company::new().await;
    company.world.google.set(|settings| {
        settings.revive_forbidden = story % 3 == 1;
        settings.bare_tombstones = story % 3 == 2;
        settings.sparse_pages = story % 2 == 1;
    });
    company.network.at_random(story, 300, true);
    for _ in 0..12 {
        company.change(&mut dice).await;
        company.sync(&mut dice, true).await;
    }
    company.network.quiet();
    for appointment in &mut company.appointments {
        // What a person wrote over is put right by the next change of ours.
        appointment.start_time += TimeDelta::hours(1);
        appointment.end_time += TimeDelta::hours(1);
    }
    for _ in 0..4 {
        company.revive();
        company.world.clock.advance(TimeDelta::hours(1));
        company.sync(&mut dice, false).await;
    }
    company.check(story);
    let before = company.world.google.count_all();
    company.sync(&mut dice, false).await;
    assert_eq!(
        company.world.google.count_all(),
        before,
        "story {story}: a run with nothing to do asks nothing"
    );
}

#[tokio::test]
async fn every_story_ends_with_every_event_once() {
    for story in 0..STORIES {
        tell(story).await;
    }
}
