//! Which failures are retried, when, and how often.

use std::time::Duration;

use calsync_core::error::Operation;
use calsync_core::ledger::Delivery;
use calsync_core::report::Verdict;
use calsync_core::sync::RetryPolicy;
use calsync_core::{Error, ErrorKind};

use crate::common::{Company, Fault, Host, error};
use crate::server::{Server, plans};
use crate::waits::{Always, Naps, another, host, host_by};

fn one() -> (Host, Naps) {
    host(Company::of_one(), RetryPolicy::new())
}

fn busy(seconds: u64) -> Error {
    error(ErrorKind::RateLimited, Operation::Create).with_retry_after(Duration::from_secs(seconds))
}

fn never_sent() -> Error {
    error(ErrorKind::Unavailable, Operation::Create).with_never_sent()
}

/// The sleeps in whole seconds, rounded up: the random share of a back-off is never all of it.
fn seconds(naps: &Naps) -> Vec<u64> {
    naps.take().iter().map(|nap| nap.as_millis().div_ceil(1000) as u64).collect()
}

#[tokio::test]
async fn the_wait_is_the_retry_after_plus_a_random_share_of_the_backoff() {
    for (asked_for, waited) in [(0, 1), (7, 8), (100, 101)] {
        let (mut host, naps) = one();
        host.world.fail_with(Operation::Create, busy(asked_for));
        assert!(host.sync().await.is_all_done());
        assert_eq!(seconds(&naps), [waited]);
        assert_eq!(host.world.calendar.calls(Operation::Create), 1);
        host.assert_quiet();

        let (mut host, naps) = host_by(Company::of_one(), RetryPolicy::new(), Always(0));
        host.world.fail_with(Operation::Create, busy(asked_for));
        assert!(host.sync().await.is_all_done());
        assert_eq!(naps.take().iter().map(Duration::as_secs).sum::<u64>(), asked_for);
    }
}

#[tokio::test]
async fn a_step_that_would_wait_longer_than_its_budget_ends_at_once_and_reports_the_time() {
    const YEAR: u64 = 365 * 24 * 3600;
    for (asked_for, believed) in [(120, 120), (3600, 3600), (10 * YEAR, 24 * 3600), (u64::MAX, 24 * 3600)] {
        let (mut host, naps) = one();
        host.world.fail_with(Operation::Create, busy(asked_for));
        let report = host.sync().await;
        assert_eq!((report.outcomes[0].verdict, naps.take().len()), (Verdict::Failed, 0), "{asked_for}");
        let wait = report.next_attempt_at().unwrap() - report.outcomes[0].at;
        assert!((believed..=believed + 1).contains(&(wait.num_seconds() as u64)), "{wait}");

        // The row stores the time and shows it.
        let row = serde_json::to_string(host.row()).unwrap();
        let row: Delivery = serde_json::from_str(&row).unwrap();
        assert_eq!(row.next_attempt_at(host.plan().at), report.next_attempt_at());
        assert!(row.explain().to_string().contains("next attempt at 2026-01-1"), "{}", row.explain());

        // Before that time no run makes a call, not even a run of a new process.
        let calls = host.world.calls();
        assert!(host.plan().is_empty());
        assert!(host.plan().to_string().contains("next attempt at 2026-01-1"));
        assert!(host.sync().await.outcomes.is_empty());
        assert_eq!(host.world.calls(), calls);
        host.wait((believed / 60 + 1) as i64);
        host.assert_heals(1).await;
    }
}

#[tokio::test]
async fn a_step_has_five_attempts_with_backoffs_that_double() {
    let (mut host, naps) = one();
    for _ in 0..5 {
        host.world.fail(Operation::Create, ErrorKind::Unavailable);
    }
    let report = host.sync().await;
    assert_eq!((report.count(Verdict::Failed), seconds(&naps)), (1, vec![1, 2, 4, 8]));
    assert!(report.next_attempt_at().is_some());
    host.wait(1);
    host.assert_heals(1).await;
    assert_eq!(naps.take().len(), 0);
}

#[tokio::test]
async fn a_step_is_not_tried_for_longer_than_its_budget() {
    let policy = RetryPolicy::new().with_attempts(100).with_budget(Duration::from_secs(20));
    let (mut host, naps) = host(Company::of_one(), policy);
    for _ in 0..10 {
        host.world.fail(Operation::Create, ErrorKind::Unavailable);
    }
    host.sync().await;
    assert_eq!(seconds(&naps), [1, 2, 4, 8]);
}

#[tokio::test]
async fn only_a_success_ends_an_accounts_backoff() {
    let (mut host, naps) = one();
    host.world.fail(Operation::Create, ErrorKind::Unavailable);
    host.world.fail(Operation::Create, ErrorKind::Refused);
    host.sync().await;
    assert_eq!(seconds(&naps), [1]);
    host.move_by_an_hour();
    host.world.fail(Operation::Create, ErrorKind::Unavailable);
    host.sync().await;
    assert_eq!(seconds(&naps), [2], "a refusal does not end the back-off");
    host.move_by_an_hour();
    host.world.fail(Operation::Update, ErrorKind::Unavailable);
    host.sync().await;
    assert_eq!(seconds(&naps), [1]);
}

#[tokio::test]
async fn a_request_that_was_never_sent_is_sent_once_more_at_once() {
    let (mut host, naps) = one();
    host.world.fail_with(Operation::Create, never_sent());
    assert!(host.sync().await.is_all_done());
    assert_eq!(naps.take().len(), 0);

    let (mut host, naps) = one();
    host.world.fail_with(Operation::Create, never_sent());
    host.world.fail_with(Operation::Create, never_sent());
    assert!(host.sync().await.is_all_done());
    assert_eq!(naps.take().len(), 1);
}

#[tokio::test]
async fn a_failure_that_would_repeat_is_not_retried() {
    for kind in [
        ErrorKind::Refused,
        ErrorKind::Unsupported,
        ErrorKind::Unauthenticated,
        ErrorKind::MissingScope,
        ErrorKind::Forbidden,
        ErrorKind::CalendarNotFound,
        ErrorKind::QuotaExceeded,
        ErrorKind::Configuration,
    ] {
        let (mut host, naps) = one();
        host.world.fail(Operation::Create, kind);
        assert_eq!(host.sync().await.count(Verdict::Failed), 1, "{kind}");
        assert_eq!((host.world.calls(), naps.take().len()), (1, 0), "{kind}");
    }
}

#[tokio::test]
async fn one_attempt_is_one_call_and_delays_no_other_step() {
    let (mut host, naps) = host(Company::of_one(), RetryPolicy::none());
    for (failure, minutes) in [(never_sent(), 5), (error(ErrorKind::Unavailable, Operation::Create), 10)] {
        host.world.fail_with(Operation::Create, failure);
        let report = host.sync().await;
        assert_eq!(report.count(Verdict::Failed), 1);
        let wait = report.next_attempt_at().unwrap() - report.outcomes[0].at;
        assert_eq!(wait.num_minutes(), minutes);
        host.wait(minutes);
    }
    assert_eq!((host.world.calls(), naps.take().len()), (2, 0));
    host.assert_heals(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_stopped_clock_does_not_prolong_a_wait() {
    let mut host = Host::new(Company::of_one());
    host.syncer = calsync_core::sync::Syncer::builder("my-shop")
        .provider(host.world.clone())
        .clock(host.watch.clone())
        .build();
    host.world.fail_with(Operation::Create, busy(5));
    assert!(host.sync().await.is_all_done());
}

#[tokio::test(start_paused = true)]
async fn no_call_is_made_while_a_server_asks_to_wait() {
    // Every tenth call of an account gets this response; the calls under way at that time end
    // first.
    let wait = Duration::from_secs(20);
    let server = Server::new(calsync_core::provider::Capabilities::new()).with_temper(move |call| {
        let asked = call.before % 10 == 9;
        asked.then(|| error(ErrorKind::RateLimited, call.operation).with_retry_after(wait))
    });
    let report = server.syncer().build().run_all(plans("a", 100)).await;
    assert_eq!(report.count(Verdict::Created), 100);
    let calls = server.calls();
    for asked in calls.iter().filter(|call| call.before % 10 == 9) {
        // A response takes at most a tenth of a second, and so does a call that began before it
        // came.
        let early = calls.iter().filter(|call| call.at > asked.at + Duration::from_millis(200));
        let early = early.filter(|call| call.at < asked.at + wait);
        assert_eq!(early.count(), 0, "asked to wait at {:?}", asked.at);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hanging_call_of_a_dropped_run_releases_its_room() {
    let (mut host, _naps) = one();
    for _ in 0..8 {
        host.world.meet(Operation::Create, Fault::Hangs);
        let plan = host.begin();
        let mut run = host.syncer.run(plan);
        let hangs = tokio::time::timeout(Duration::from_millis(5), run.next()).await;
        assert!(hangs.is_err());
        drop(run);
        host.cancel();
        host.assert_cleans_up(2).await;
        host.company.appointment.status = "confirmed".into();
    }
    host.assert_heals(1).await;
}

#[tokio::test]
async fn another_process_waits_until_the_time_in_the_row() {
    let (mut host, naps) = one();
    host.syncer = another(&host, &naps, RetryPolicy::none(), Always(0));
    host.world.fail_with(Operation::Create, busy(7 * 60));
    host.sync().await;
    host.syncer = another(&host, &naps, RetryPolicy::new(), Always(0));
    host.wait(6);
    assert!(host.plan().is_empty());
    host.wait(1);
    assert_eq!((host.sync().await.count(Verdict::Created), naps.take().len()), (1, 0));
}
