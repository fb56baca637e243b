//! Too many removals at once stop by themselves.

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
use crate::desk::{Desk, customer};

/// A desk behind a brake, with every event where it belongs.
async fn desk(company: Company, appointments: i64, brake: &Brake) -> Desk {
    let mut desk = Desk::with_brake(company, appointments, 0, OtherAccount::Refuse, brake.clone());
    assert!(desk.sync().await.is_all_done());
    desk
}

fn cancel(desk: &mut Desk, count: usize) {
    for appointment in desk.appointments.iter_mut().take(count) {
        appointment.status = "cancelled".into();
    }
}

fn awaiting(desk: &Desk) -> usize {
    let rows = desk.appointments.iter().flat_map(|it| it.ledger.deliveries());
    rows.filter(|row| matches!(row.hold(), Some(Hold::AwaitingHost { .. }))).count()
}

#[tokio::test]
async fn many_removals_at_once_wait_for_the_hosts_word() {
    // Number, share, and whether it passes: both have to be exceeded.
    for (appointments, confirmed, cancelled, passes) in [
        (100, None, 100, true),
        (101, None, 101, false),
        (120, Some(600), 120, true),
        (121, Some(600), 121, false),
        (101, Some(505), 101, true),
        (101, Some(504), 101, false),
    ] {
        let brake = Brake::new();
        let mut desk = desk(Company::of_one(), appointments, &brake).await;
        brake.set_confirmed(confirmed);
        cancel(&mut desk, cancelled);
        // A batch that is known whole is judged before its first plan is begun: all of it is held.
        let held = brake.judge(&desk.plans());
        assert_eq!(held.is_empty(), passes, "{cancelled} of {confirmed:?}: {held:?}");
        desk.sync().await;
        let left = if passes { 0 } else { cancelled };
        assert_eq!((desk.standing(), awaiting(&desk)), (left, left), "{cancelled} of {confirmed:?}");
        if let [notice] = &held[..] {
            assert_eq!((notice.kind, notice.events, notice.people), (RemovalKind::Cancelled, cancelled, 1));
            let words = notice.to_string();
            assert!(words.starts_with(&format!("{cancelled} ")), "{words}");
            assert!(!words.contains("account-33") && !words.contains("primary"), "{words}");
        }
    }
}

#[tokio::test]
async fn without_a_judgement_what_is_beyond_the_limit_is_held_and_told_once() {
    let brake = Brake::new();
    let mut desk = desk(Company::of_one(), 120, &brake).await;
    cancel(&mut desk, 120);
    let report = desk.sync().await;
    assert_eq!((report.count(Verdict::Removed), desk.standing(), awaiting(&desk)), (100, 20, 20));
    let held = brake.held(NAMESPACE);
    assert_eq!(held.len(), 1);
    // However often it is planned: nothing is called, nothing is told anew, and time alone lets nothing go.
    let calls = desk.calls();
    for _ in 0..3 {
        desk.wait(24 * 60);
        assert_eq!(desk.sync().await.outcomes, []);
        assert_eq!(brake.held(NAMESPACE), held);
    }
    assert_eq!((desk.calls(), desk.standing(), awaiting(&desk)), (calls, 20, 20));
    // Other work goes on, and an appointment that takes place after all is no removal any more.
    desk.appointments[119].status = "confirmed".into();
    desk.appointments[119].end_time += Duration::minutes(5);
    assert_eq!(desk.sync().await.count(Verdict::Updated), 1);
    // The host allows it for an hour.
    let now = *desk.watch.0.lock().unwrap();
    brake.allow_until(NAMESPACE, now + Duration::hours(1));
    assert_eq!(desk.sync().await.count(Verdict::Removed), 19);
    assert_eq!((desk.standing(), brake.held(NAMESPACE).len(), awaiting(&desk)), (1, 0, 0));
}

#[tokio::test]
async fn the_hosts_word_has_an_end_and_an_hour_is_what_counts() {
    let brake = Brake::new();
    let mut desk = desk(Company::of_one(), 300, &brake).await;
    cancel(&mut desk, 100);
    desk.sync().await;
    desk.wait(59);
    cancel(&mut desk, 150);
    desk.sync().await;
    assert_eq!((desk.standing(), awaiting(&desk)), (200, 50), "with those of the last hour they are 150");
    brake.allow_until(NAMESPACE, now() + Duration::minutes(61));
    desk.sync().await;
    assert_eq!((desk.standing(), awaiting(&desk)), (150, 0));
    desk.wait(2);
    cancel(&mut desk, 250);
    desk.sync().await;
    assert_eq!(desk.standing(), 50, "what was allowed counts no more; another hundred pass");
    cancel(&mut desk, 300);
    desk.sync().await;
    assert_eq!((desk.standing(), awaiting(&desk)), (50, 50));
}

/// So many staff members, each with so many appointments of their own; then the profiles of some are loaded without calendars.
async fn ongoing(people: i64, each: i64, lose: usize, brake: &Brake) -> Desk {
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
    let mut desk = desk(company, each, brake).await;
    assert_eq!(desk.standing(), usize::try_from(people * each).unwrap());
    for profile in desk.company.profiles.iter_mut().take(lose) {
        profile.calendar_sync_enabled = false;
    }
    desk
}

/// A list of people that was loaded by half, a column that is null.
#[tokio::test]
async fn removals_while_the_appointments_go_on_are_held_sooner() {
    for (people, each, lose, confirmed, passes) in [
        (5, 5, 4, None, true),  // 20 events
        (5, 6, 4, None, false), // 24 events of 4 people
        (5, 20, 3, None, true), // of 3 people any number
        (5, 6, 4, Some(240), true),
        (5, 6, 4, Some(239), false),
    ] {
        let brake = Brake::new();
        let mut desk = ongoing(people, each, lose, &brake).await;
        brake.set_confirmed(confirmed);
        let before = desk.standing();
        let held = brake.judge(&desk.plans());
        desk.sync().await;
        let removed = usize::try_from(each).unwrap() * lose;
        let expected = if passes { before - removed } else { before };
        assert_eq!(desk.standing(), expected, "{people} × {each}, {lose}, {confirmed:?}: {held:?}");
        if let [notice] = &held[..] {
            assert_eq!((notice.kind, notice.events, notice.people), (RemovalKind::Ongoing, removed, lose));
            // The profiles are loaded whole again: nothing is lost, and nothing waits.
            for profile in &mut desk.company.profiles {
                profile.calendar_sync_enabled = true;
            }
            desk.assert_quiet().await;
        }
    }
}

#[tokio::test]
async fn moving_to_another_calendar_loses_nothing_and_does_not_count() {
    let brake = Brake::new().with_limits(BrakeLimits::new().with_ongoing(Limit { events: 0, percent: 0 }, 0));
    let mut desk = desk(Company::of_one(), 30, &brake).await;
    desk.connect([google("default", "family", "account-33")]);
    assert!(desk.plans().iter().all(|plan| plan.steps.iter().any(|step| step.removes())));
    assert_eq!(brake.judge(&desk.plans()), []);
    assert!(desk.sync().await.is_all_done());
    assert_eq!(desk.standing(), 30);
}

#[tokio::test]
async fn one_persons_removals_are_not_hidden_by_anothers_new_events() {
    let brake = Brake::new().with_limits(BrakeLimits::new().with_ongoing(Limit { events: 0, percent: 0 }, 0));
    let mut company = Company::new();
    let theirs = std::mem::take(&mut company.profile(CUSTOMER).connections);
    let mut desk = desk(company, 1, &brake).await;
    desk.company.profile(CUSTOMER).connections = theirs;
    desk.company.profile(STAFF).calendar_sync_enabled = false;
    let report = desk.sync().await;
    assert_eq!((report.count(Verdict::Created), report.count(Verdict::Removed)), (1, 0));
    assert_eq!((awaiting(&desk), brake.held(NAMESPACE)[0].people), (1, 1));
}

#[tokio::test]
async fn a_disconnect_does_not_count() {
    let limit = Limit { events: 0, percent: 0 };
    let brake = Brake::new().with_limits(BrakeLimits::new().with_ongoing(limit, 0).with_cancelled(limit));
    let mut desk = desk(Company::of_one(), 30, &brake).await;
    desk.connect([]);
    let receipt = desk.disconnect(&google("default", "primary", "account-33"), OnDisconnect::DeleteAll).await;
    assert_eq!((receipt.removed(), receipt.may_revoke(), desk.standing()), (30, true, 0));
    assert_eq!(brake.held(NAMESPACE), []);
}

/// What the brake holds may be disconnected, and then it goes.
#[tokio::test]
async fn a_disconnect_takes_what_the_brake_holds() {
    let brake = Brake::new().with_limits(BrakeLimits::new().with_cancelled(Limit { events: 0, percent: 0 }));
    let mut desk = desk(Company::of_one(), 2, &brake).await;
    cancel(&mut desk, 2);
    desk.sync().await;
    assert_eq!(awaiting(&desk), 2);
    desk.connect([]);
    let receipt = desk.disconnect(&google("default", "primary", "account-33"), OnDisconnect::DeleteAll).await;
    assert_eq!((receipt.removed(), desk.standing(), awaiting(&desk)), (2, 0, 0));
}

/// Two processes count together, and two hosts do not.
#[tokio::test]
async fn a_count_is_shared_by_a_store_and_of_one_namespace() {
    let store = MemoryBrakeStore::default();
    let brake = || Brake::new().with_store(Arc::new(store.clone()));
    let [one, two] = [brake(), brake()];
    let mut first = desk(Company::of_one(), 100, &one).await;
    let mut second = desk(Company::of_one(), 10, &two).await;
    cancel(&mut first, 100);
    cancel(&mut second, 10);
    first.sync().await;
    second.sync().await;
    assert_eq!((first.standing(), second.standing()), (0, 10));
    assert_eq!(one.held(NAMESPACE), two.held(NAMESPACE));
    assert_eq!(one.held("another-shop"), []);
    let _: Person = customer();
}

/// What the brake holds survives being stored, and says what it waits for.
#[tokio::test]
async fn a_held_removal_is_told_in_the_receipt_and_in_words() {
    let brake = Brake::new().with_limits(BrakeLimits::new().with_cancelled(Limit { events: 0, percent: 0 }));
    let mut desk = desk(Company::of_one(), 1, &brake).await;
    cancel(&mut desk, 1);
    desk.sync().await;
    let stored = serde_json::to_string(&desk.appointments[0]).unwrap();
    desk.appointments[0] = serde_json::from_str(&stored).unwrap();
    let row = &desk.appointments[0].ledger.deliveries()[0];
    assert!(row.explain().to_string().contains("the host has to allow them"), "{}", row.explain());
    let told = desk.explain(0);
    assert!(!told.is_complete(), "{told}");
    assert!(told.to_string().contains("the host has to allow them"), "{told}");
}
