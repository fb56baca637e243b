//! The brake: too many removals at once are held.

use std::sync::Arc;

use calsync_core::calendar::Person;
use calsync_core::ledger::Hold;
use calsync_core::model::Profile;
use calsync_core::plan::{
    Brake, BrakeLimits, Limit, MemoryBrakeStore, OnDisconnect, OtherAccount, RemovalKind,
};
use calsync_core::report::Verdict;
use chrono::Duration;

use crate::common::{CUSTOMER, Company, NAMESPACE, STAFF, google, now};
use crate::fixture::{Fixture, customer};

/// A fixture with this brake, in which every event is in its calendar.
async fn fixture(company: Company, appointments: i64, brake: &Brake) -> Fixture {
    let mut fixture = Fixture::with_brake(company, appointments, 0, OtherAccount::Refuse, brake.clone());
    assert!(fixture.sync().await.is_all_done());
    fixture
}

fn cancel(fixture: &mut Fixture, count: usize) {
    for appointment in fixture.appointments.iter_mut().take(count) {
        appointment.status = "cancelled".into();
    }
}

fn awaiting(fixture: &Fixture) -> usize {
    let rows = fixture.appointments.iter().flat_map(|it| it.ledger.deliveries());
    rows.filter(|row| matches!(row.hold(), Some(Hold::AwaitingHost { .. }))).count()
}

#[tokio::test]
async fn many_removals_at_once_wait_until_the_host_allows_them() {
    // Number, share, and whether the removals pass: they are held only if both are exceeded.
    for (appointments, confirmed, cancelled, passes) in [
        (100, None, 100, true),
        (101, None, 101, false),
        (120, Some(600), 120, true),
        (121, Some(600), 121, false),
        (101, Some(505), 101, true),
        (101, Some(504), 101, false),
    ] {
        let brake = Brake::new();
        let mut fixture = fixture(Company::of_one(), appointments, &brake).await;
        brake.set_confirmed(confirmed);
        cancel(&mut fixture, cancelled);
        // A whole batch is judged before its first plan is begun: all its removals are held.
        let held = brake.judge(&fixture.plans());
        assert_eq!(held.is_empty(), passes, "{cancelled} of {confirmed:?}: {held:?}");
        fixture.sync().await;
        let left = if passes { 0 } else { cancelled };
        assert_eq!((fixture.event_count(), awaiting(&fixture)), (left, left), "{cancelled} of {confirmed:?}");
        if let [notice] = &held[..] {
            assert_eq!((notice.kind, notice.events, notice.people), (RemovalKind::Cancelled, cancelled, 1));
            let text = notice.to_string();
            assert!(text.starts_with(&format!("{cancelled} ")), "{text}");
            assert!(!text.contains("account-33") && !text.contains("primary"), "{text}");
        }
    }
}

#[tokio::test]
async fn removals_beyond_the_limit_are_held_and_reported_once() {
    let brake = Brake::new();
    let mut fixture = fixture(Company::of_one(), 120, &brake).await;
    cancel(&mut fixture, 120);
    let report = fixture.sync().await;
    assert_eq!((report.count(Verdict::Removed), fixture.event_count(), awaiting(&fixture)), (100, 20, 20));
    let held = brake.held(NAMESPACE);
    assert_eq!(held.len(), 1);
    // Planning again makes no call and reports nothing new, and the hold does not end with time.
    let calls = fixture.calls();
    for _ in 0..3 {
        fixture.wait(24 * 60);
        assert_eq!(fixture.sync().await.outcomes, []);
        assert_eq!(brake.held(NAMESPACE), held);
    }
    assert_eq!((fixture.calls(), fixture.event_count(), awaiting(&fixture)), (calls, 20, 20));
    // Other work goes on, and an appointment that is confirmed again needs no removal any more.
    fixture.appointments[119].status = "confirmed".into();
    fixture.appointments[119].end_time += Duration::minutes(5);
    assert_eq!(fixture.sync().await.count(Verdict::Updated), 1);
    // The host allows it for an hour.
    let now = *fixture.watch.0.lock().unwrap();
    brake.allow_until(NAMESPACE, now + Duration::hours(1));
    assert_eq!(fixture.sync().await.count(Verdict::Removed), 19);
    assert_eq!((fixture.event_count(), brake.held(NAMESPACE).len(), awaiting(&fixture)), (1, 0, 0));
}

#[tokio::test]
async fn an_allowance_ends_and_removals_count_for_an_hour() {
    let brake = Brake::new();
    let mut fixture = fixture(Company::of_one(), 300, &brake).await;
    cancel(&mut fixture, 100);
    fixture.sync().await;
    fixture.wait(59);
    cancel(&mut fixture, 150);
    fixture.sync().await;
    assert_eq!(
        (fixture.event_count(), awaiting(&fixture)),
        (200, 50),
        "150 with the removals of the last hour"
    );
    brake.allow_until(NAMESPACE, now() + Duration::minutes(61));
    fixture.sync().await;
    assert_eq!((fixture.event_count(), awaiting(&fixture)), (150, 0));
    fixture.wait(2);
    cancel(&mut fixture, 250);
    fixture.sync().await;
    assert_eq!(fixture.event_count(), 50, "allowed removals no longer count; another hundred pass");
    cancel(&mut fixture, 300);
    fixture.sync().await;
    assert_eq!((fixture.event_count(), awaiting(&fixture)), (50, 50));
}

/// Staff members, each with this many appointments of their own; then the profiles of `lose` of
/// them are loaded without calendars.
async fn ongoing(people: i64, each: i64, lose: usize, brake: &Brake) -> Fixture {
    let mut company = Company::of_one();
    company.profiles.clear();
    company.customer.profile_id = None;
    company.admins = (0..people).map(|nth| 500 + nth).collect();
    for id in company.admins.clone() {
        company.profiles.push(Profile::new(id).with_connection(google(
            "default",
            "primary",
            &id.to_string(),
        )));
    }
    let mut fixture = fixture(company, each, brake).await;
    assert_eq!(fixture.event_count(), usize::try_from(people * each).unwrap());
    for profile in fixture.company.profiles.iter_mut().take(lose) {
        profile.calendar_sync_enabled = Some(false);
    }
    fixture
}

/// A list of people that was loaded by half, a column that is null.
#[tokio::test]
async fn removals_from_ongoing_appointments_are_held_sooner() {
    for (people, each, lose, confirmed, passes) in [
        (5, 5, 4, None, true),  // 20 events
        (5, 6, 4, None, false), // 24 events of 4 people
        (5, 20, 3, None, true), // of 3 people any number
        (5, 6, 4, Some(240), true),
        (5, 6, 4, Some(239), false),
    ] {
        let brake = Brake::new();
        let mut fixture = ongoing(people, each, lose, &brake).await;
        brake.set_confirmed(confirmed);
        let before = fixture.event_count();
        let held = brake.judge(&fixture.plans());
        fixture.sync().await;
        let removed = usize::try_from(each).unwrap() * lose;
        let expected = if passes { before - removed } else { before };
        assert_eq!(fixture.event_count(), expected, "{people} × {each}, {lose}, {confirmed:?}: {held:?}");
        if let [notice] = &held[..] {
            assert_eq!((notice.kind, notice.events, notice.people), (RemovalKind::Ongoing, removed, lose));
            // The profiles are loaded completely again: nothing is lost, and nothing waits.
            for profile in &mut fixture.company.profiles {
                profile.calendar_sync_enabled = Some(true);
            }
            fixture.assert_quiet().await;
        }
    }
}

#[tokio::test]
async fn moving_to_another_calendar_does_not_count_as_removal() {
    let brake = Brake::new().with_limits(BrakeLimits::new().with_ongoing(Limit { events: 0, percent: 0 }, 0));
    let mut fixture = fixture(Company::of_one(), 30, &brake).await;
    fixture.connect([google("default", "family", "account-33")]);
    assert!(fixture.plans().iter().all(|plan| plan.steps.iter().any(|step| step.removes())));
    assert_eq!(brake.judge(&fixture.plans()), []);
    assert!(fixture.sync().await.is_all_done());
    assert_eq!(fixture.event_count(), 30);
}

#[tokio::test]
async fn one_persons_removals_are_not_hidden_by_anothers_new_events() {
    let brake = Brake::new().with_limits(BrakeLimits::new().with_ongoing(Limit { events: 0, percent: 0 }, 0));
    let mut company = Company::new();
    let theirs = std::mem::take(&mut company.profile(CUSTOMER).connections);
    let mut fixture = fixture(company, 1, &brake).await;
    fixture.company.profile(CUSTOMER).connections = theirs;
    fixture.company.profile(STAFF).calendar_sync_enabled = Some(false);
    let report = fixture.sync().await;
    assert_eq!((report.count(Verdict::Created), report.count(Verdict::Removed)), (1, 0));
    assert_eq!((awaiting(&fixture), brake.held(NAMESPACE)[0].people), (1, 1));
}

#[tokio::test]
async fn a_disconnect_does_not_count() {
    let limit = Limit { events: 0, percent: 0 };
    let brake = Brake::new().with_limits(BrakeLimits::new().with_ongoing(limit, 0).with_cancelled(limit));
    let mut fixture = fixture(Company::of_one(), 30, &brake).await;
    fixture.connect([]);
    let receipt =
        fixture.disconnect(&google("default", "primary", "account-33"), OnDisconnect::DeleteAll).await;
    assert_eq!((receipt.removed(), receipt.may_revoke(), fixture.event_count()), (30, true, 0));
    assert_eq!(brake.held(NAMESPACE), []);
}

/// A disconnect removes events whose removal the brake holds.
#[tokio::test]
async fn a_disconnect_removes_what_the_brake_holds() {
    let brake = Brake::new().with_limits(BrakeLimits::new().with_cancelled(Limit { events: 0, percent: 0 }));
    let mut fixture = fixture(Company::of_one(), 2, &brake).await;
    cancel(&mut fixture, 2);
    fixture.sync().await;
    assert_eq!(awaiting(&fixture), 2);
    fixture.connect([]);
    let receipt =
        fixture.disconnect(&google("default", "primary", "account-33"), OnDisconnect::DeleteAll).await;
    assert_eq!((receipt.removed(), fixture.event_count(), awaiting(&fixture)), (2, 0, 0));
}

/// Two processes share a count; two hosts do not.
#[tokio::test]
async fn a_store_shares_the_count_within_one_namespace() {
    let store = MemoryBrakeStore::default();
    let brake = || Brake::new().with_store(Arc::new(store.clone()));
    let [one, two] = [brake(), brake()];
    let mut first = fixture(Company::of_one(), 100, &one).await;
    let mut second = fixture(Company::of_one(), 10, &two).await;
    cancel(&mut first, 100);
    cancel(&mut second, 10);
    first.sync().await;
    second.sync().await;
    assert_eq!((first.event_count(), second.event_count()), (0, 10));
    assert_eq!(one.held(NAMESPACE), two.held(NAMESPACE));
    assert_eq!(one.held("another-shop"), []);
    let _: Person = customer();
}

/// A hold by the brake survives storing, and shows what it waits for.
#[tokio::test]
async fn a_held_removal_is_shown_in_the_receipt_and_its_text() {
    let brake = Brake::new().with_limits(BrakeLimits::new().with_cancelled(Limit { events: 0, percent: 0 }));
    let mut fixture = fixture(Company::of_one(), 1, &brake).await;
    cancel(&mut fixture, 1);
    fixture.sync().await;
    let stored = serde_json::to_string(&fixture.appointments[0]).unwrap();
    fixture.appointments[0] = serde_json::from_str(&stored).unwrap();
    let row = &fixture.appointments[0].ledger.deliveries()[0];
    assert!(row.explain().to_string().contains("the host has to allow them"), "{}", row.explain());
    let receipt = fixture.explain(0);
    assert!(!receipt.is_complete(), "{receipt}");
    assert!(receipt.to_string().contains("the host has to allow them"), "{receipt}");
}
