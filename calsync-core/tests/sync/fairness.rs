//! No account waits for another account.

use std::cell::Cell;
use std::time::Duration;

use calsync_core::ErrorKind;
use calsync_core::error::Operation;
use calsync_core::provider::Capabilities;
use calsync_core::report::Verdict;

use crate::common::error;
use crate::server::{Server, plans};

fn limits() -> Capabilities {
    Capabilities::new().with_in_flight_per_account(4)
}

/// A server that responds to account `a` with a `Retry-After` of that many seconds, once or at
/// every call.
fn bans_a(seconds: u64, only_once: bool) -> Server {
    Server::new(limits()).with_temper(move |call| {
        let banned = call.account == "a" && !(only_once && call.at.as_secs() >= seconds);
        let wait = Duration::from_secs(seconds);
        banned.then(|| error(ErrorKind::RateLimited, Operation::Create).with_retry_after(wait))
    })
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_steps_of_one_account_delay_another_by_no_more_than_a_share() {
    let server = Server::new(limits().with_per_minute_per_account(600));
    let mut all = plans("a", 10_000);
    all.splice(100..100, plans("b", 20));
    let mut run = server.syncer().build().run_all(all);
    let mut done = 0;
    while done < 20 {
        done += usize::from(run.next().await.unwrap().calendar.account.as_deref() == Some("b"));
    }
    assert!(server.elapsed() < Duration::from_secs(2), "{:?}", server.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_runs_calls_are_shared_among_the_accounts() {
    let server = Server::new(limits());
    let all = plans("a", 100).into_iter().chain(plans("b", 100));
    assert!(server.syncer().concurrency(1).build().run_all(all).await.is_all_done());
    for share in server.calls()[..160].chunks(20) {
        let of_a = share.iter().filter(|call| call.account == "a").count();
        assert!((8..=12).contains(&of_a), "{of_a} of 20");
    }
}

#[tokio::test(start_paused = true)]
async fn the_applications_rate_is_shared_among_the_accounts() {
    let server = Server::new(limits().with_per_minute_per_application(60));
    let all = (0..200).map(|nth| plans(&format!("{}", nth % 40), 200).swap_remove(nth / 40));
    assert!(server.syncer().build().run_all(all).await.is_all_done());
    for share in server.calls().chunks(100) {
        for account in 0..40 {
            let calls = share.iter().filter(|call| call.account == account.to_string()).count();
            assert!((1..=4).contains(&calls), "{calls} of 100 by account {account} of 40");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_account_takes_no_room_from_others() {
    let server = bans_a(60, true);
    let all = plans("a", 50).into_iter().chain(plans("b", 50));
    let mut run = server.syncer().concurrency(1).build().run_all(all);
    let mut of_b = 0;
    while of_b < 50 {
        let outcome = run.next().await.unwrap();
        assert_eq!(outcome.verdict, Verdict::Created);
        of_b += usize::from(outcome.calendar.account.as_deref() == Some("b"));
    }
    assert!(server.elapsed() < Duration::from_secs(15), "{:?}", server.elapsed());
    let rest = run.report().await;
    assert_eq!((rest.count(Verdict::Created), rest.outcomes.len()), (50, 50));
    assert!(server.elapsed() > Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_an_hour_ends_the_steps_of_that_account_only() {
    let server = bans_a(3600, false);
    let all = plans("a", 2_000).into_iter().chain(plans("b", 50));
    let report = server.syncer().build().run_all(all).await;
    assert!(server.elapsed() < Duration::from_secs(10), "{:?}", server.elapsed());
    assert_eq!((report.count(Verdict::Failed), report.count(Verdict::Created)), (2_000, 50));
    assert!(server.calls_of("a").len() <= 4, "the calls that were under way when the first response came");
    for outcome in report.outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Failed) {
        let failure = outcome.failure.as_ref().unwrap();
        assert!(failure.untried || failure.kind == ErrorKind::RateLimited, "{failure}");
        let wait = outcome.next_attempt_at().unwrap() - outcome.at;
        assert!((3600..3700).contains(&wait.num_seconds()), "{wait}");
    }
}

#[tokio::test(start_paused = true)]
async fn writes_to_one_calendar_begin_in_the_order_of_the_plans() {
    let server = Server::new(limits().with_per_minute_per_account(40)).with_slowness(Duration::ZERO);
    assert!(server.syncer().build().run_all(plans("a", 100)).await.is_all_done());
    let titles: Vec<String> = server.calls().into_iter().map(|call| call.title).collect();
    let planned: Vec<String> = (0..100).map(|id| format!("Service: {id}")).collect();
    assert_eq!(titles, planned);
}

#[tokio::test(start_paused = true)]
async fn a_long_list_of_plans_is_not_held_at_once() {
    let taken = Cell::new(0);
    let server = Server::new(limits());
    let all = plans("a", 300).into_iter().inspect(|_| taken.set(taken.get() + 1));
    let mut run = server.syncer().concurrency(2).look_ahead(10).build().run_all(all);
    let mut done = 0;
    while run.next().await.is_some() {
        done += 1;
        assert!(taken.get() - done <= 10, "{} taken, {done} done", taken.get());
    }
    assert_eq!(done, 300);
}
