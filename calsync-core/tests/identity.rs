//! Keys of events, which can be computed in other languages too, and fingerprints of their content.
#![cfg(test)]
#![cfg(feature = "sync")]

mod common;

use std::sync::Arc;

use calsync_core::audience::Trigger;
use calsync_core::calendar::{CalendarRef, Person, Role};
use calsync_core::event::{DefaultWording, Event, Reminders, When};
use calsync_core::id::{AppointmentId, ConnectionId, Id, ProfileId};
use calsync_core::identity::{EventKey, Fingerprint, Generation, InvalidKey, TargetKey};
use calsync_core::names::{CalendarId, ProviderKind};
use calsync_core::plan::Planner;
use calsync_core::provider::Capabilities;
use calsync_core::time::Zone;
use common::{Company, STAFF, at, google, now, planner};
use proptest::prelude::*;

/// The six parts of a key, as the host has them. `None` as profile means the guest.
#[derive(Debug, Clone, PartialEq)]
struct Parts {
    namespace: String,
    appointment: String,
    profile: Option<String>,
    connection: String,
    calendar: String,
    generation: u32,
}

impl Parts {
    fn new(
        namespace: &str,
        appointment: &str,
        profile: Option<&str>,
        connection: &str,
        calendar: &str,
        generation: u32,
    ) -> Self {
        let [namespace, appointment, connection, calendar] =
            [namespace, appointment, connection, calendar].map(str::to_owned);
        let profile = profile.map(str::to_owned);
        Self { namespace, appointment, profile, connection, calendar, generation }
    }

    fn key(&self) -> EventKey {
        let appointment: AppointmentId = Id::text(&self.appointment).unwrap();
        let connection: ConnectionId = Id::text(&self.connection).unwrap();
        let profile = self.profile.as_ref().map(|id| Person::Profile(Id::text(id).unwrap()));
        let calendar = CalendarId::new(&self.calendar).unwrap();
        let place =
            CalendarRef::new(profile.unwrap_or(Person::Guest), ProviderKind::GOOGLE, connection, calendar);
        TargetKey::derive(&self.namespace, &appointment, &place).event(Generation::new(self.generation))
    }
}

/// Computed with Python's uuid module, as the documentation of `calsync_core::identity` describes.
/// They must never change, because existing events in people's calendars have these keys.
#[test]
fn keys_are_the_ones_python_computes() {
    let uuid = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    for (parts, key) in [
        (Parts::new("my-shop", "10", Some("3"), "default", "primary", 0), "f49a463b413e578e841647514dd53623"),
        (
            Parts::new("my-shop", "10", Some("3"), "default", "primary", 7),
            "f49a463b413e578e841647514dd53623g7",
        ),
        (
            Parts::new("my-shop", uuid, Some("usr_8"), "home", "anna@example.org", 0),
            "1a0cb9bf865d5a9a860b50be96167c9f",
        ),
        (
            Parts::new("Müller & Söhne 清掃", "-3", Some("Zoë"), "Büro", "familie/ÅÄÖ", 1),
            "72ae240bb43253a2b2091e27e38f213dg1",
        ),
        (Parts::new("my-shop", "10", None, "0", "gus@example.org", 0), "a45ccb5e78a85f6d9d317d97190b11d3"),
        (
            Parts::new("my-shop", "1:2", Some("3:4"), "5:", "10:primary", u32::MAX),
            "2481a623ff015291b340568b2c0bdcc8g4294967295",
        ),
        (Parts::new("", "10", Some("profile:3"), "007", "x", 0), "f0bb78eea07b5fba9617add4db2d2df5"),
    ] {
        assert_eq!(parts.key().to_string(), key, "{parts:?}");
    }
}

#[test]
fn a_number_gives_the_same_key_as_a_number_and_as_a_text() {
    let place = |profile: ProfileId| {
        let connection = ConnectionId::text("default").unwrap();
        CalendarRef::new(Person::Profile(profile), ProviderKind::GOOGLE, connection, CalendarId::primary())
    };
    let number = TargetKey::derive("my-shop", &10.into(), &place(3.into()));
    let text = TargetKey::derive("my-shop", &Id::text("10").unwrap(), &place(Id::text("3").unwrap()));
    assert_eq!(number, text);
}

#[test]
fn the_key_does_not_depend_on_the_account_and_the_provider() {
    // A host may learn the account later or rename a provider; the event must still be found.
    let place = CalendarRef::new(
        Person::Profile(3.into()),
        ProviderKind::APPLE,
        ConnectionId::text("default").unwrap(),
        CalendarId::primary(),
    );
    let key = Parts::new("my-shop", "10", Some("3"), "default", "primary", 0).key();
    let target = TargetKey::derive("my-shop", &10.into(), &place.with_account(Some("anna".into())));
    assert_eq!(target, key.target());
}

#[test]
fn a_guests_key_differs_from_every_profiles_key() {
    let guest = Parts::new("my-shop", "10", None, "0", "gus@example.org", 0);
    for profile in ["guest", ":", "0"] {
        assert_ne!(Parts { profile: Some(profile.into()), ..guest.clone() }.key(), guest.key());
    }
}

#[test]
fn a_guests_event_has_the_key_of_the_documentation() {
    let plan = Company::of_guest().plan();
    let step = plan.steps.iter().find(|step| step.calendar.person == Person::Guest).unwrap();
    assert_eq!(step.key().to_string(), "a45ccb5e78a85f6d9d317d97190b11d3");
}

/// An event's id shows its target, so that one look-up finds every generation.
#[test]
fn a_key_starts_with_its_target_and_can_be_parsed() {
    let first = Parts::new("my-shop", "10", Some("3"), "default", "primary", 0);
    let text = first.key().to_string();
    for generation in [0, 1, 2, 10, 47, u32::MAX] {
        let key = Parts { generation, ..first.clone() }.key();
        assert_eq!((key.target(), key.generation().get()), (first.key().target(), generation));
        assert!(key.to_string().starts_with(&text));
        assert_eq!(EventKey::parse(&key.to_string()), Some(key));
        assert_eq!(serde_json::from_str::<EventKey>(&serde_json::to_string(&key).unwrap()).unwrap(), key);
        // Letters that Google allows in an event id: a to v and digits.
        assert!(key.to_string().bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'v')));
    }
    // Another spelling of the same generation would be a second id for one event.
    for tail in ["g", "g0", "g01", "g+1", "g-1", "g1 ", "G1", "g4294967296", "1", "-1"] {
        assert_eq!(format!("{text}{tail}").parse::<EventKey>(), Err(InvalidKey), "{tail}");
    }
    for other in
        [text.to_uppercase(), format!("{{{text}}}"), text[1..].to_owned(), String::new(), "é".repeat(16)]
    {
        assert_eq!(EventKey::parse(&other), None, "{other}");
    }
}

/// Texts that look like parts of the encoding.
fn tricky() -> impl Strategy<Value = String> {
    "[0-9:]{1,4}|[a-c1:é]{1,3}|1:[0-9]{1,2}"
}

fn parts() -> impl Strategy<Value = Parts> {
    (tricky(), tricky(), proptest::option::of(tricky()), tricky(), tricky(), 0..12_u32).prop_map(
        |(namespace, appointment, profile, connection, calendar, generation)| Parts {
            namespace,
            appointment,
            profile,
            connection,
            calendar,
            generation,
        },
    )
}

proptest! {
    #[test]
    fn different_parts_give_different_keys(a in parts(), b in parts()) {
        prop_assert_eq!(a == b, a.key() == b.key());
    }

    #[test]
    fn the_same_text_split_differently_gives_another_key(
        text in "[0-9:a]{5,12}",
        first in 1..4_usize,
        second in 1..4_usize,
    ) {
        let split = |at: usize| {
            let (appointment, rest) = text.split_at(at);
            Parts::new("my-shop", appointment, Some("3"), rest, "primary", 0)
        };
        prop_assert_eq!(first == second, split(first).key() == split(second).key());
    }

    #[test]
    fn a_letter_moved_to_the_next_field_gives_another_fingerprint(text in "[a-c\n]{3,9}", at in 1..3_usize) {
        let event = |title: &str, description: &str, location: &str| {
            let when = When::Timed { start: now(), end: at_ten(), zone: Zone::UTC };
            Event::new(title, when).with_description(description).with_location(location).fingerprint()
        };
        let (left, right) = text.split_at(at);
        let all = [event(left, right, ""), event(left, "", right), event(&text, "", ""), event("", left, right)];
        let different: std::collections::HashSet<Fingerprint> = all.into_iter().collect();
        prop_assert_eq!(different.len(), all.len());
    }
}

fn at_ten() -> chrono::DateTime<chrono::Utc> {
    at("2026-01-20T10:00:00Z")
}

/// Returns the fingerprint of the staff member's event.
fn fingerprint(company: &Company, planner: &Planner, now: chrono::DateTime<chrono::Utc>) -> Fingerprint {
    let plan = company.plan_by(planner, Trigger::Automatic, now);
    plan.steps.iter().find(|step| step.role == Role::Staff).unwrap().content().unwrap().fingerprint
}

#[test]
fn the_fingerprint_does_not_depend_on_the_calendar_or_the_time_of_the_write() {
    let company = Company::new();
    let print = fingerprint(&company, &planner(), now());
    assert_eq!(fingerprint(&company, &planner(), at("2026-02-01T00:00:00Z")), print);
    let capabilities = Capabilities::new().with_etags(true).with_client_ids(true);
    let other = Planner::new("another-shop").with_provider(ProviderKind::GOOGLE, capabilities);
    assert_eq!(fingerprint(&company, &other, now()), print);

    let mut elsewhere = company.clone();
    elsewhere.profile(STAFF).connections = vec![google("other", "family", "another")];
    elsewhere.appointment.id = 99.into();
    common::edit(&mut elsewhere, |_| {});
    assert_eq!(fingerprint(&elsewhere, &planner(), now()), print);
    // Calendars do not store fractions of a second.
    let mut later = company;
    later.appointment.start_time += chrono::Duration::milliseconds(400);
    assert_eq!(fingerprint(&later, &planner(), now()), print);
}

#[test]
fn every_visible_field_is_part_of_the_fingerprint() {
    let print = fingerprint(&Company::new(), &planner(), now());
    let changes: [fn(&mut Company); 8] = [
        |company| company.appointment.start_time += chrono::Duration::seconds(1),
        |company| company.appointment.end_time += chrono::Duration::seconds(1),
        |company| company.appointment.time_zone = Some(Zone::new("Europe/London").unwrap()),
        |company| company.appointment.status = "pending".into(),
        |company| company.order.notes = None,
        |company| company.order.city = Some("York".into()),
        |company| company.customer.phone = None,
        |company| company.service.name = "Windows".into(),
    ];
    for (nth, change) in changes.into_iter().enumerate() {
        let mut company = Company::new();
        change(&mut company);
        assert_ne!(fingerprint(&company, &planner(), now()), print, "change {nth}");
    }
    let reminding = DefaultWording::new().with_reminders(Reminders::Before(vec![30]));
    assert_ne!(fingerprint(&Company::new(), &planner().with_wording(Arc::new(reminding)), now()), print);
    // Data that the staff member's event does not show do not change its fingerprint.
    let mut company = Company::new();
    company.staff.phone = None;
    assert_eq!(fingerprint(&company, &planner(), now()), print);
}
