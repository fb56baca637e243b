//! An account that fails is not called further, and is reported once.

use std::sync::Arc;
use std::time::Duration;

use calsync_core::ErrorKind;
use calsync_core::audience::Audience;
use calsync_core::clock::{Sleep, TokioSleep};
use calsync_core::error::{Operation, Retry};
use calsync_core::health::{AccountHealthStore, HealthKey, MemoryAccountHealthStore};
use calsync_core::ledger::{BlockReason, Hold};
use calsync_core::plan::Begun;
use calsync_core::provider::Capabilities;
use calsync_core::report::{Report, Verdict};
use calsync_core::sync::{RetryPolicy, Syncer};

use crate::common::{CUSTOMER, Company, Host, NAMESPACE, Reached, error, google};
use crate::server::{Server, plans};
use crate::waits::{Naps, host};

/// A server that fails every call of account `a` with this kind.
fn fails_a(kind: ErrorKind) -> Server {
    Server::new(Capabilities::new().with_in_flight_per_account(2)).with_temper(move |call| {
        let error = error(kind, call.operation);
        let error = match kind {
            ErrorKind::QuotaExceeded => error.with_retry_after(Duration::from_secs(5 * 3600)),
            _ => error,
        };
        (call.account == "a").then_some(error)
    })
}

async fn of_two_accounts(server: &Server) -> Report {
    let all = plans("a", 200).into_iter().zip(plans("b", 200)).flat_map(|(a, b)| [a, b]);
    server.syncer().build().run_all(all).await
}

#[tokio::test(start_paused = true)]
async fn an_account_that_cannot_be_written_is_no_longer_called_and_reported_once() {
    for (kind, reason, minutes) in [
        (ErrorKind::Unauthenticated, BlockReason::Reconnect, 60),
        (ErrorKind::MissingScope, BlockReason::MissingScope, 5),
        (ErrorKind::Forbidden, BlockReason::Forbidden, 5),
        (ErrorKind::QuotaExceeded, BlockReason::Quota, 5 * 60),
        (ErrorKind::CalendarNotFound, BlockReason::CalendarNotFound, 5),
    ] {
        let server = fails_a(kind);
        let report = of_two_accounts(&server).await;
        assert!(server.calls_of("a").len() <= 2, "{kind}: those that were under way");
        assert_eq!((report.count(Verdict::Created), report.count(Verdict::Failed)), (200, 200));
        let holds = report.outcomes.iter().filter_map(|outcome| outcome.hold.as_ref());
        let holds: Vec<&Hold> = holds.collect();
        assert_eq!(holds.len(), 200);
        let is_same = |hold: &&Hold| matches!(hold, Hold::Blocked { reason: why, .. } if *why == reason);
        assert!(holds.iter().all(is_same), "{kind}");

        let notices = report.notices();
        assert_eq!(notices.len(), 1, "{notices:?}");
        let notice = &notices[0];
        assert_eq!((notice.reason, notice.kind, notice.steps), (reason, kind, 200));
        let wait = notice.until.unwrap() - notice.since;
        assert!((minutes * 60..minutes * 60 + 5).contains(&wait.num_seconds()), "{kind}: {wait}");
        assert!(report.next_attempt_at().is_some());
        assert_eq!(notice.calendar.account.as_deref(), Some("a"));
        assert!(notice.to_string().starts_with("google of profile 33 (connection a): "), "{notice}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_is_not_shortened_by_a_call_that_was_under_way() {
    let hours = Duration::from_secs(5 * 3600);
    for other in [None, Some(ErrorKind::Unavailable)] {
        let limits = Capabilities::new().with_in_flight_per_account(4);
        let server = Server::new(limits).with_temper(move |call| match call.before {
            0 => Some(error(ErrorKind::QuotaExceeded, call.operation).with_retry_after(hours)),
            _ => other.map(|kind| error(kind, call.operation)),
        });
        let syncer = server.syncer().build();
        for _ in 0..3 {
            syncer.run_all(plans("a", 20)).await;
            TokioSleep.sleep(Duration::from_secs(1800)).await;
        }
        // The refusal takes a fifth of a second to arrive.
        let second = Duration::from_secs(1);
        let late = |server: &Server| server.calls_of("a").iter().filter(|call| call.at > second).count();
        assert_eq!(late(&server), 0, "{other:?}");
        TokioSleep.sleep(hours).await;
        syncer.run_all(plans("a", 20)).await;
        assert!(late(&server) > 0, "{other:?}: the time is over");
    }
}

#[tokio::test(start_paused = true)]
async fn another_process_that_shares_the_store_follows_the_retry_after() {
    let wait = Duration::from_secs(90);
    let server = Server::new(Capabilities::new()).with_temper(move |call| {
        (call.before == 0).then(|| error(ErrorKind::RateLimited, call.operation).with_retry_after(wait))
    });
    let health: Arc<dyn AccountHealthStore> = Arc::new(MemoryAccountHealthStore::new());
    let [one, other] = [(); 2].map(|()| server.syncer().health_store(health.clone()).build());
    let later = async {
        TokioSleep.sleep(Duration::from_secs(1)).await;
        other.run_all(plans("a", 5)).await
    };
    let (_, report) = tokio::join!(one.run_all(plans("a", 1)).report(), later);
    let asked = server.calls_of("a")[0].at;
    assert_eq!(report.count(Verdict::Created), 5, "it waits within its run");
    let later = server.calls_of("a").split_off(1);
    assert!(later.iter().all(|call| call.at >= asked + wait), "{later:?}");
}

#[tokio::test(start_paused = true)]
async fn a_used_up_quota_holds_all_rows_until_the_same_time() {
    let server = fails_a(ErrorKind::QuotaExceeded);
    let report = server.syncer().concurrency(1).build().run_all(plans("a", 50)).await;
    let mut times: Vec<_> =
        report.outcomes.iter().map(|outcome| outcome.next_attempt_at().unwrap()).collect();
    times.dedup();
    assert!(times[times.len() - 1] - times[0] < chrono::TimeDelta::milliseconds(500), "{times:?}");
    assert_eq!(report.notices()[0].until, times.into_iter().max());
}

#[tokio::test]
async fn after_the_reconnect_the_latest_desired_event_is_written() {
    let (mut host, naps) = host(Company::of_one(), RetryPolicy::new());
    host.world.fail(Operation::Create, ErrorKind::Unauthenticated);
    assert_eq!(host.sync().await.notices().len(), 1);
    host.move_by_an_hour();
    assert!(host.sync().await.notices().is_empty(), "no call is made, so nothing is reported again");
    host.revive();
    host.assert_heals(1).await;
    assert_eq!((host.world.calendar.calls(Operation::Create), naps.take().len()), (1, 0));
}

#[tokio::test]
async fn an_event_that_may_not_be_changed_does_not_hold_its_calendar() {
    let (host, _naps) = host(Company::of_one(), RetryPolicy::new());
    let mut companies: Vec<Company> = (0..3)
        .map(|id| {
            let mut company = host.company.clone();
            company.appointment.id = id.into();
            company
        })
        .collect();
    for company in &mut companies {
        let report = host.syncer.run(begun(company)).await;
        company.appointment.record(&report);
        company.appointment.end_time += chrono::TimeDelta::hours(1);
    }
    host.world.fail(Operation::Update, ErrorKind::Forbidden);
    let all: Vec<Begun> = companies.iter_mut().map(begun).collect();
    let report = host.syncer.run_all(all).await;
    assert_eq!((report.count(Verdict::Failed), report.count(Verdict::Updated)), (1, 2));
}

#[tokio::test]
async fn a_refused_grant_of_one_connection_does_not_affect_another() {
    let mut company = Company::of_one();
    let connections = [google("old", "home", "account"), google("new", "work", "account")];
    company.profile(CUSTOMER).connections = connections.into();
    let (mut host, _naps) = host(company, RetryPolicy::new());
    host.world.fail(Operation::Create, ErrorKind::Unauthenticated);
    let report = host.sync().await;
    assert_eq!((report.count(Verdict::Failed), report.count(Verdict::Created)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_account_whose_calls_keep_failing_is_not_called_for_the_rest_of_the_run() {
    let server = fails_a(ErrorKind::Unavailable);
    let report = of_two_accounts(&server).await;
    assert_eq!((report.count(Verdict::Created), report.count(Verdict::Failed)), (200, 200));
    assert!(server.calls_of("a").len() < 20, "{} calls", server.calls_of("a").len());
    assert!(server.elapsed() < Duration::from_secs(130), "{:?}", server.elapsed());
    assert!(report.notices().is_empty(), "no person can end it");
    let is_held = |outcome: &&calsync_core::report::Outcome| outcome.next_attempt_at().is_some();
    assert_eq!(
        report.outcomes.iter().filter(is_held).count(),
        200,
        "they are tried again without a person's action"
    );
}

#[tokio::test(start_paused = true)]
async fn one_event_that_always_fails_does_not_stop_the_others_of_its_account() {
    for in_flight in [1, 4] {
        let limits = Capabilities::new().with_in_flight_per_account(in_flight);
        let server = Server::new(limits).with_temper(|call| {
            let is_cursed = call.title == "Service: 0";
            is_cursed.then(|| error(ErrorKind::Unavailable, call.operation))
        });
        let report = server.syncer().build().run_all(plans("a", 100)).await;
        assert_eq!((report.count(Verdict::Created), report.count(Verdict::Failed)), (99, 1));
    }
}

/// One call probes a failing account; its success lifts the hold from all rows. A step that was not
/// tried does not count as a failed attempt.
#[tokio::test]
async fn one_call_probes_an_account_and_its_success_lifts_the_holds_of_all() {
    let (host, _naps) = host(Company::of_one(), RetryPolicy::none());
    let mut companies: Vec<Company> = (0..5)
        .map(|id| {
            let mut company = host.company.clone();
            company.appointment.id = id.into();
            company
        })
        .collect();
    for (minutes, calls) in [(0, 1), (4, 1), (1, 2), (9, 2)] {
        host.wait(minutes);
        host.world.clear();
        host.world.fail(Operation::Create, ErrorKind::MissingScope);
        let report = run_all(&host, &mut companies).await;
        assert_eq!((report.count(Verdict::Created), host.world.calls()), (0, calls), "{minutes}");
    }
    let failures = companies.iter().map(|company| company.appointment.ledger.deliveries()[0].failures());
    assert_eq!(failures.sum::<u32>(), 2);
    host.world.clear();
    host.wait(1);
    // The first plan is made while the others are held; the next one sees that the account works
    // again.
    run_all(&host, &mut companies).await;
    run_all(&host, &mut companies).await;
    assert_eq!(host.world.calendar.events().len(), 5);
}

async fn run_all(host: &crate::common::Host, companies: &mut [Company]) -> Report {
    let now = calsync_core::clock::Clock::now(&host.watch);
    let mut all = Vec::new();
    for company in companies.iter_mut() {
        let directory = company.directory();
        let audience = Audience::of(&company.order, &company.appointment, &directory).unwrap();
        let planner = host.syncer.planner();
        let plan = planner.plan(&company.order, &company.appointment, &audience, now).unwrap();
        all.push(plan.begin(&mut company.appointment).unwrap());
    }
    let report = host.syncer.run_all(all).await;
    for company in companies {
        company.appointment.record(&report);
    }
    report
}

/// A server that creates the event with one call and completes it with another, before which the
/// grant ends.
#[tokio::test]
async fn a_create_whose_follow_up_call_met_a_dead_grant_waits_for_the_person_and_is_no_outage() {
    let (mut host, health, naps) = host_with_health(Company::of_one());
    let dead = |operation| error(ErrorKind::Unauthenticated, operation).with_confirmed(true);
    for _ in 0..4 {
        host.world.fail_with(Operation::Create, dead(Operation::Create).with_retry(Retry::Unknown));
        host.world.fail_with(Operation::Find, dead(Operation::Find));
    }
    let report = host.sync().await;
    assert_eq!(report.outcomes[0].verdict, Verdict::Unknown);
    assert_eq!((host.world.calls(), naps.take().len()), (1, 0), "it is not tried again within the run");
    assert_eq!(host.row().hold().and_then(Hold::reason), Some(BlockReason::Reconnect));
    let place = host.company.place(CUSTOMER);
    assert_eq!(health.get(&HealthKey::account_of(&place)).failing(), None, "the account is well");
    let failing = health.get(&HealthKey::Connection(place.connection_key())).failing().cloned().unwrap();
    assert_eq!((failing.reason, failing.next_probe), (BlockReason::Reconnect, None));
    host.revive();
    host.world.clear();
    host.assert_heals(1).await;
}

#[tokio::test]
async fn only_a_dead_grant_ends_the_calls_for_good() {
    for kind in [
        ErrorKind::Unauthenticated,
        ErrorKind::MissingScope,
        ErrorKind::OtherAccount,
        ErrorKind::Forbidden,
        ErrorKind::CalendarNotFound,
        ErrorKind::QuotaExceeded,
        ErrorKind::RateLimited,
        ErrorKind::Unavailable,
    ] {
        for retry in [Retry::Later, Retry::Unknown, Retry::Never] {
            let (mut host, health, _naps) = host_with_health(Company::of_one());
            for operation in [Operation::Create, Operation::Find] {
                for _ in 0..8 {
                    let error = error(kind, operation).with_retry(retry).with_confirmed(true);
                    host.world.fail_with(operation, error);
                }
            }
            host.sync().await;
            let place = host.company.place(CUSTOMER);
            for key in [
                HealthKey::account_of(&place),
                HealthKey::Connection(place.connection_key()),
                HealthKey::Calendar(place.key()),
            ] {
                if let Some(failing) = health.get(&key).failing() {
                    let is_final = failing.reason == BlockReason::Reconnect;
                    assert_eq!(failing.next_probe.is_none(), is_final, "{kind}, {retry:?}: {failing:?}");
                }
            }
        }
    }
}

/// A host that tries several times in a run, and the health of its accounts.
fn host_with_health(company: Company) -> (Host, MemoryAccountHealthStore, Naps) {
    let (mut host, naps) = host(company, RetryPolicy::new());
    let health = MemoryAccountHealthStore::new();
    host.syncer = Syncer::builder(NAMESPACE)
        .provider(Reached::new(host.world.clone()))
        .clock(host.watch.clone())
        .sleep(naps.clone())
        .retry(RetryPolicy::new())
        .health_store(Arc::new(health.clone()))
        .build();
    (host, health, naps)
}

/// Planned and begun.
/// A plan that was made and begun.
fn begun(company: &mut Company) -> Begun {
    company.plan().begin(&mut company.appointment).unwrap()
}
