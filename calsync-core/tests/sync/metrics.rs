//! What the syncer reports to the host's metrics.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use calsync_core::ErrorKind;
use calsync_core::error::Operation;
use calsync_core::provider::Capabilities;
use calsync_core::sync::{Measurement, Meter, RetryPolicy, Syncer};

use crate::common::{Company, Host, NAMESPACE, Reached, error};
use crate::server::{Server, plans};
use crate::waits::host;

/// Every measurement, as a line.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Meter for Lines {
    fn measure(&self, it: &Measurement<'_>) {
        let line = format!("{} {} {}={}", it.provider, it.name(), it.label(), it.value());
        self.0.lock().unwrap().push(line);
    }
}

impl Lines {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn count(&self, part: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|line| line.contains(part)).count()
    }
}

/// A host whose syncer is measured, without retries.
fn measured() -> (Host, Lines) {
    let (mut host, naps) = host(Company::of_one(), RetryPolicy::none());
    let lines = Lines::default();
    let syncer = Syncer::builder(NAMESPACE)
        .provider(Reached::new(host.world.clone()))
        .clock(host.watch.clone())
        .sleep(naps);
    host.syncer = syncer.retry(RetryPolicy::none()).meter(lines.clone()).build();
    (host, lines)
}

#[tokio::test]
async fn the_time_until_an_event_is_visible_counts_from_the_first_plan() {
    let (mut host, lines) = measured();
    host.world.fail(Operation::Create, ErrorKind::Unavailable);
    host.sync().await;
    host.wait(10);
    host.sync().await;
    let expected = [
        "google calsync.steps failed=1",
        "google calsync.steps created=1",
        "google calsync.visible_after customer=600",
    ];
    assert_eq!(lines.take(), expected);

    // A change of an event that is there counts from that change on.
    host.wait(60);
    host.move_by_an_hour();
    host.sync().await;
    assert_eq!(lines.take()[1], "google calsync.visible_after customer=0");
    host.cancel();
    host.sync().await;
    assert_eq!(lines.take(), ["google calsync.steps removed=1"]);
}

#[tokio::test(start_paused = true)]
async fn retries_and_waits_are_counted() {
    let limits = Capabilities::new().with_per_minute_per_account(10);
    let server = Server::new(limits).with_temper(|call| {
        let busy = error(ErrorKind::RateLimited, call.operation).with_retry_after(Duration::from_secs(20));
        (call.before == 3).then_some(busy)
    });
    let lines = Lines::default();
    let report = server.syncer().meter(lines.clone()).build().run_all(plans("a", 30)).await;
    assert!(report.is_all_done());
    assert_eq!((lines.count("calsync.steps created=1"), lines.count("calsync.retries =1")), (30, 1));
    assert!(lines.count("calsync.throttled pause=") >= 1 && lines.count("calsync.throttled pace=") >= 2);
}

#[tokio::test(start_paused = true)]
async fn a_parked_connection_is_counted_once() {
    for (kind, label) in [
        (ErrorKind::Unauthenticated, "reconnect"),
        (ErrorKind::QuotaExceeded, "quota"),
        (ErrorKind::CalendarNotFound, "calendar_gone"),
        (ErrorKind::Unavailable, "unavailable"),
    ] {
        let server = Server::new(Capabilities::new().with_in_flight_per_account(2))
            .with_temper(move |call| Some(error(kind, call.operation)));
        let lines = Lines::default();
        let report = server.syncer().meter(lines.clone()).build().run_all(plans("a", 50)).await;
        assert_eq!(lines.count(&format!("calsync.parked {label}=1")), 1, "{label}");
        assert_eq!(lines.count("calsync.parked"), 1);
        assert_eq!(lines.count("calsync.steps failed=1"), report.outcomes.len());
        assert!(server.calls_of("a").len() <= 10, "{label}: {}", server.calls_of("a").len());
    }
}
