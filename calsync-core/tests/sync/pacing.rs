//! Calls are as fast as the provider allows, and no faster.

use std::time::Duration;

use calsync_core::ProviderKind;
use calsync_core::calendar::CalendarRef;
use calsync_core::memory::MemoryCalendar;
use calsync_core::provider::Capabilities;
use calsync_core::report::Verdict;
use calsync_core::sync::{Quota, Quotas, RetryPolicy, Syncer};

use crate::common::{Company, NAMESPACE};
use crate::server::{Server, plans};
use crate::waits::host;

fn limits(per_minute: u32) -> Capabilities {
    Capabilities::new().with_in_flight_per_account(4).with_per_minute_per_account(per_minute)
}

/// Asserts that the rate was used to 95 %: apart from the first, the calls of one minute's limit
/// took at most a minute and a twentieth.
fn assert_rate_is_used(server: &Server, rate: usize) {
    let calls: Vec<Duration> = server.calls().into_iter().map(|call| call.at).collect();
    assert!(calls.len() > 2 * rate, "too few to tell");
    for nth in 0..calls.len() - rate {
        let took = calls[nth + rate] - calls[nth];
        assert!(took.as_secs_f64() < 60.0 / 0.95, "{took:?} for a minute's worth from call {nth} on");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_counts_by_the_minute_refuses_no_call_and_its_rate_is_used() {
    let server = Server::new(limits(600));
    let report = server.syncer().build().run_all(plans("a", 2_000)).await;
    assert_eq!((report.count(Verdict::Created), server.refused()), (2_000, 0));
    assert_rate_is_used(&server, 600);
}

#[tokio::test(start_paused = true)]
async fn all_accounts_together_keep_to_the_applications_rate() {
    let server = Server::new(Capabilities::new().with_per_minute_per_application(300));
    let all = (0..50).flat_map(|account| plans(&account.to_string(), 20));
    let report = server.syncer().build().run_all(all).await;
    assert_eq!((report.count(Verdict::Created), server.refused()), (1_000, 0));
    assert_rate_is_used(&server, 300);
}

#[tokio::test(start_paused = true)]
async fn long_calls_are_counted_for_as_long_as_the_server_may_count_them() {
    let server = Server::new(limits(20)).with_slowness(Duration::from_secs(25));
    let report = server.syncer().build().run_all(plans("a", 100)).await;
    assert_eq!((report.count(Verdict::Created), server.refused()), (100, 0));
}

#[tokio::test(start_paused = true)]
async fn the_runs_of_a_syncer_share_an_accounts_pace() {
    let server = Server::new(limits(100));
    let syncer = server.syncer().build();
    let mut all = plans("a", 250);
    let others = all.split_off(120);
    let (one, two) = tokio::join!(syncer.run_all(all).report(), syncer.run_all(others).report());
    assert_eq!((one.is_all_done(), two.is_all_done(), server.refused()), (true, true, 0));
}

#[tokio::test(start_paused = true)]
async fn a_few_events_do_not_wait_for_a_limit_they_do_not_reach() {
    let server = Server::new(limits(10).with_per_minute_per_application(10)).with_slowness(Duration::ZERO);
    assert!(server.syncer().build().run_all(plans("a", 10)).await.is_all_done());
    assert_eq!(server.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn workers_that_share_a_quota_keep_to_the_share_the_host_sets() {
    #[derive(Debug)]
    struct Half;
    impl Quotas for Half {
        fn of(&self, place: &CalendarRef, capabilities: &Capabilities) -> Quota {
            Quota::declared(place, capabilities).with_in_flight(2).with_per_minute(Some(50))
        }
    }
    let server = Server::new(limits(100));
    let [one, two] = [(); 2].map(|()| server.syncer().quotas(Half).build());
    let mut all = plans("a", 300);
    let others = all.split_off(150);
    let (one, two) = tokio::join!(one.run_all(all).report(), two.run_all(others).report());
    assert_eq!((one.is_all_done(), two.is_all_done(), server.refused()), (true, true, 0));
}

#[tokio::test(start_paused = true)]
async fn accounts_counted_as_one_wait_for_each_other() {
    #[derive(Debug)]
    struct OneTenant;
    impl Quotas for OneTenant {
        fn of(&self, place: &CalendarRef, capabilities: &Capabilities) -> Quota {
            Quota::declared(place, capabilities).with_account("tenant").with_per_minute(Some(60))
        }
    }
    let server = Server::new(Capabilities::new().with_per_minute_per_application(60));
    let server = server.with_declared(Capabilities::new());
    let syncer = server.syncer().quotas(OneTenant).build();
    let all = plans("a", 100).into_iter().chain(plans("b", 100));
    assert!(syncer.run_all(all).await.is_all_done());
    assert_eq!(server.refused(), 0);
}

#[tokio::test]
async fn an_update_counts_as_the_requests_it_makes() {
    for (requests, waits) in [(1, 0), (2, 1)] {
        let limits = Capabilities::new().with_per_minute_per_account(2).with_requests_per_update(requests);
        let calendar = MemoryCalendar::new().with_kind(ProviderKind::GOOGLE).with_capabilities(limits);
        let (mut host, naps) = host(Company::of_one(), RetryPolicy::none());
        let syncer = Syncer::builder(NAMESPACE).provider(calendar).clock(host.watch.clone());
        host.syncer = syncer.sleep(naps.clone()).build();
        assert!(host.sync().await.is_all_done());
        host.wait(2);
        for _ in 0..2 {
            host.move_by_an_hour();
            assert!(host.sync().await.is_all_done());
        }
        assert_eq!(naps.take().len(), waits, "{requests}");
    }
}

#[tokio::test]
async fn a_look_counts_as_the_requests_it_makes() {
    for (requests, waits) in [(1, 0), (2, 1)] {
        let limits = Capabilities::new().with_per_minute_per_account(2).with_requests_per_find(requests);
        let calendar = MemoryCalendar::new().with_kind(ProviderKind::GOOGLE).with_capabilities(limits);
        let (mut host, naps) = host(Company::of_one(), RetryPolicy::none());
        let syncer = Syncer::builder(NAMESPACE).provider(calendar).clock(host.watch.clone());
        host.syncer = syncer.sleep(naps.clone()).build();
        // A worker died before its run: the next one looks, and creates.
        drop(host.begin());
        assert!(host.sync().await.is_all_done());
        assert_eq!(naps.take().len(), waits, "{requests}");
    }
}
