//! Every failure of a step, and the row it leaves.
#![cfg(test)]
#![cfg(feature = "sync")]

mod common;

use calsync_core::clock::Clock;
use calsync_core::error::Operation;
use calsync_core::ledger::BlockReason;
use calsync_core::names::RemoteId;
use calsync_core::plan::RemovedByPerson;
use calsync_core::provider::Marker;
use calsync_core::report::Verdict;
use calsync_core::{ErrorKind, Retry};
use common::{CUSTOMER, Company, Fault, Host, NAMESPACE, error, google, key, now};

/// The hold that each kind of failure sets on a row, if the call changed nothing.
const HOLDS: [(ErrorKind, &str); 9] = [
    (ErrorKind::Unauthenticated, "reconnect"),
    (ErrorKind::MissingScope, "missing_scope"),
    (ErrorKind::Forbidden, "forbidden"),
    (ErrorKind::QuotaExceeded, "quota"),
    (ErrorKind::Refused, "rejected"),
    (ErrorKind::Unsupported, "rejected"),
    (ErrorKind::RateLimited, "unavailable"),
    (ErrorKind::Unavailable, "unavailable"),
    (ErrorKind::Configuration, "configuration"),
];

/// How long the first failure of a kind holds a row, in minutes.
fn first_hold(kind: ErrorKind) -> i64 {
    if kind == ErrorKind::Unauthenticated { 60 } else { 5 }
}

/// Asserts that no step is planned before the hold ends, and one is planned then.
fn assert_held(host: &Host, kind: ErrorKind) {
    assert!(host.plan().is_empty(), "{kind}: {}", host.plan());
    host.wait(first_hold(kind) - 1);
    assert!(host.plan().is_empty(), "{kind}: {}", host.plan());
    host.wait(1);
    assert_eq!(host.plan().steps.len(), 1, "{kind}: {}", host.plan());
}

#[tokio::test]
async fn a_failed_create_leaves_no_event_and_a_hold() {
    for (kind, hold) in HOLDS.into_iter().chain([(ErrorKind::CalendarNotFound, "calendar_not_found")]) {
        let mut host = Host::new(Company::of_one());
        host.world.fail(Operation::Create, kind);
        let report = host.sync().await;
        assert_eq!(report.outcomes[0].verdict, Verdict::Failed);
        assert_eq!(host.state(), ("absent", Some(hold), 0), "{kind}");
        assert_eq!(host.row().last_error().map(|error| error.kind), Some(kind));
        assert_held(&host, kind);
        host.assert_heals(1).await;
        assert_eq!((host.row().last_error(), host.row().failures()), (None, 0));
    }
}

#[tokio::test]
async fn after_a_failed_update_the_old_event_stays_confirmed() {
    for (kind, hold) in HOLDS {
        let mut host = Host::synced(RemovedByPerson::Recreate).await;
        host.move_by_an_hour();
        host.world.fail(Operation::Update, kind);
        host.sync().await;
        assert_eq!(host.state(), ("confirmed", Some(hold), 0), "{kind}");
        assert_eq!(host.company.appointment.ledger.event_ids().len(), 1);
        assert_held(&host, kind);
        host.assert_heals(1).await;
    }
}

#[tokio::test]
async fn a_failed_removal_is_tried_again() {
    for (kind, hold) in HOLDS.into_iter().chain([(ErrorKind::CalendarNotFound, "calendar_not_found")]) {
        let mut host = Host::synced(RemovedByPerson::Recreate).await;
        host.cancel();
        host.world.fail(Operation::Delete, kind);
        host.sync().await;
        assert_eq!(host.state(), ("confirmed", Some(hold), 0), "{kind}");
        assert_held(&host, kind);
        host.assert_cleans_up(1).await;
    }
}

/// Only a person's choice, a refused grant and the brake hold without end. The nth failure in a row
/// holds 5 minutes × 2^(n−1), at most a week, also if every attempt is made by another process.
#[tokio::test]
async fn repeated_failures_are_tried_less_often_and_never_given_up() {
    for kind in
        [ErrorKind::Forbidden, ErrorKind::CalendarNotFound, ErrorKind::Unavailable, ErrorKind::Refused]
    {
        let mut host = Host::new(Company::of_one());
        host.company.appointment.start_time += chrono::Duration::days(60);
        host.company.appointment.end_time += chrono::Duration::days(60);
        let mut minutes = 5;
        for nth in 0..14 {
            host.world.fail(Operation::Create, kind);
            let world = host.world.clone();
            if nth % 2 == 1 {
                host.restart();
            }
            let report = host.sync().await;
            assert_eq!(report.outcomes.len(), 1, "{kind}, {nth}");
            assert!(
                report.notices().is_empty() || nth == 0,
                "{kind}, {nth}: reported once: {:?}",
                report.notices()
            );
            assert_eq!(host.row().failures(), nth + 1);
            let until = host.watch.now() + chrono::Duration::minutes(minutes);
            assert_eq!(host.row().next_attempt_at(host.watch.now()), Some(until), "{kind}, {nth}");
            assert_eq!(report.next_attempt_at(), Some(until), "{kind}, {nth}");
            let calls = world.calls();
            host.wait(minutes - 1);
            host.sync().await;
            assert_eq!(world.calls(), calls, "{kind}, {nth}");
            host.wait(1);
            minutes = (2 * minutes).min(7 * 24 * 60);
        }
        host.assert_heals(1).await;
        assert_eq!(host.row().failures(), 0);
    }
}

/// The token endpoint refused the grant: reported once, tried once more after an hour, then held
/// without end.
#[tokio::test]
async fn a_refused_grant_is_reported_once_held_for_an_hour_and_then_without_end() {
    for restarts in [false, true] {
        let mut host = Host::new(Company::of_one());
        host.world.fail(Operation::Create, ErrorKind::Unauthenticated);
        let notices = host.sync().await.notices();
        let reported: Vec<_> = notices.iter().map(|notice| (notice.reason, notice.since)).collect();
        assert_eq!(reported, [(BlockReason::Reconnect, now())]);
        assert_eq!(notices[0].until, Some(now() + chrono::Duration::hours(1)));
        if restarts {
            host.restart();
        }
        host.wait(59);
        assert!(host.plan().is_empty());
        host.wait(1);
        host.world.fail(Operation::Create, ErrorKind::Unauthenticated);
        assert_eq!(host.sync().await.notices(), [], "it is not reported again");
        assert!(host.row().hold().unwrap().is_endless());
        let calls = host.world.calls();
        for _ in 0..8 {
            host.wait(12 * 60);
            host.sync().await;
        }
        assert_eq!(host.world.calls(), calls, "no call is made with the refused grant");
        host.revive();
        host.world.clear();
        host.sync().await;
        assert_eq!(host.world.calendar.events().len(), 1, "the person has connected again: {}", host.plan());
    }
}

#[tokio::test]
async fn a_used_up_quota_is_held_as_long_as_the_provider_asks() {
    let mut host = Host::new(Company::of_one());
    let minutes = std::time::Duration::from_secs(7 * 60);
    host.world.fail_with(
        Operation::Create,
        error(ErrorKind::QuotaExceeded, Operation::Create).with_retry_after(minutes),
    );
    host.sync().await;
    host.wait(6);
    assert!(host.plan().is_empty());
    host.wait(1);
    host.sync().await;
    host.assert_heals(0).await;
}

/// A mail server refused an address with a 5xx response: the same content is never sent there
/// again; other content is.
#[tokio::test]
async fn a_refusal_the_provider_calls_final_waits_for_other_content() {
    let mut host = Host::new(Company::of_one());
    host.world.fail_with(Operation::Create, error(ErrorKind::Refused, Operation::Create).with_final());
    host.sync().await;
    host.wait(8 * 24 * 60);
    assert!(host.plan().is_empty());
    host.move_by_an_hour();
    host.assert_heals(1).await;
}

#[tokio::test]
async fn a_create_whose_response_was_lost_is_found_and_not_made_twice() {
    let mut host = Host::new(Company::of_one());
    host.world.meet(Operation::Create, Fault::ResponseLost);
    let report = host.sync().await;
    assert_eq!(report.outcomes[0].verdict, Verdict::Unknown);
    assert_eq!(host.state(), ("pending", Some("unavailable"), 0));
    host.assert_heals(1).await;
    assert_eq!(host.world.calendar.calls(Operation::Create), 1, "the next run looked first");
}

#[tokio::test]
async fn a_create_that_never_reached_the_server_is_made_by_the_next_run() {
    let mut host = Host::new(Company::of_one());
    let lost = error(ErrorKind::Unavailable, Operation::Create).with_retry(Retry::Unknown);
    host.world.fail_with(Operation::Create, lost);
    host.sync().await;
    host.assert_heals(1).await;
    assert_eq!(host.row().generation().get(), 0, "under the same key");
}

#[tokio::test]
async fn an_update_or_a_removal_whose_response_was_lost_is_looked_for() {
    for arrives in [true, false] {
        let fault = |operation| match arrives {
            true => Fault::ResponseLost,
            false => Fault::Fails(error(ErrorKind::Other, operation)),
        };
        let mut host = Host::synced(RemovedByPerson::Recreate).await;
        host.move_by_an_hour();
        host.world.meet(Operation::Update, fault(Operation::Update));
        host.sync().await;
        assert_eq!(host.state(), ("pending before", Some("unavailable"), 0));
        host.assert_heals(1).await;

        host.cancel();
        host.world.meet(Operation::Delete, fault(Operation::Delete));
        host.sync().await;
        assert_eq!(host.state(), ("pending before", Some("unavailable"), 0));
        host.assert_cleans_up(1).await;
    }
}

#[tokio::test]
async fn no_event_counts_as_gone_while_the_look_fails() {
    for kind in [ErrorKind::Unavailable, ErrorKind::Forbidden, ErrorKind::CalendarNotFound, ErrorKind::Other]
    {
        for is_gone in [false, true] {
            let mut host = Host::synced(RemovedByPerson::Recreate).await;
            host.move_by_an_hour();
            host.world.meet(Operation::Update, Fault::ResponseLost);
            host.sync().await;
            if is_gone {
                let remote_id = host.world.calendar.events()[0].remote_id.clone();
                host.world.calendar.person_deletes(&host.company.place(CUSTOMER), &remote_id);
            }
            host.cancel();
            host.wait(5);
            host.world.fail(Operation::Find, kind);
            host.sync().await;
            assert_eq!(host.state().0, "pending before", "{kind}");
            host.assert_cleans_up(1).await;
        }
    }
}

#[tokio::test]
async fn the_old_event_stays_until_the_persons_new_one_can_be_made() {
    let mut host = Host::synced(RemovedByPerson::Recreate).await;
    host.company.profile(CUSTOMER).connections = vec![google("new", "family", "account-33")];
    host.world.fail(Operation::Create, ErrorKind::Unavailable);
    let report = host.sync().await;
    assert_eq!((report.count(Verdict::Failed), report.count(Verdict::Postponed)), (1, 1));
    assert_eq!(host.world.calendar.events().len(), 1);
    host.wait(5);
    host.sync().await;
    let events = host.world.calendar.events();
    assert_eq!((events.len(), events[0].place.calendar.as_str()), (1, "family"));
    host.assert_quiet();
}

#[tokio::test]
async fn one_persons_failure_does_not_stop_anothers_removal() {
    let mut host = Host::new(Company::new());
    host.sync().await;
    host.company.profile(CUSTOMER).calendar_sync_enabled = Some(false);
    host.move_by_an_hour();
    host.world.fail(Operation::Update, ErrorKind::Unavailable);
    let report = host.sync().await;
    assert_eq!((report.count(Verdict::Removed), report.count(Verdict::Updated)), (1, 2));
}

/// A server may still show a deleted event after another worker has made the next one: finding the
/// first does not mean that the second is not there.
#[tokio::test]
async fn a_removal_that_looks_also_removes_the_event_of_another_worker() {
    for fails in [false, true] {
        let mut host = Host::synced(RemovedByPerson::Recreate).await;
        host.move_by_an_hour();
        drop(host.begin());
        let place = host.company.place(CUSTOMER);
        let key = key(&host.company, CUSTOMER, 1);
        let event = host.world.calendar.events()[0].event.clone();
        host.world.calendar.insert(
            &place,
            RemoteId::new(key.to_string()),
            Some(Marker::new(NAMESPACE, key, 1)),
            event,
        );
        host.cancel();
        if fails {
            host.world.fail(Operation::Find, ErrorKind::Unavailable);
            host.sync().await;
            assert_eq!(host.state().0, "pending before");
        }
        host.assert_cleans_up(2).await;
    }
}
