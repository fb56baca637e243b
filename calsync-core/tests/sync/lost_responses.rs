//! When the outcome of a call is unknown, the syncer looks and goes on. There are never two events,
//! and never none.

use std::time::Duration;

use calsync_core::error::Operation;
use calsync_core::report::Verdict;
use calsync_core::sync::RetryPolicy;
use calsync_core::{ErrorKind, Retry};

use crate::common::{Company, Fault, Host, error};
use crate::waits::{Naps, host};

fn one() -> (Host, Naps) {
    host(Company::of_one(), RetryPolicy::new())
}

/// A write without a response, which the server carried out or not.
fn lost(operation: Operation, came_through: bool) -> Fault {
    match came_through {
        true => Fault::ResponseLost,
        false => Fault::Fails(error(ErrorKind::Unavailable, operation).with_retry(Retry::Unknown)),
    }
}

#[tokio::test]
async fn a_create_of_unknown_outcome_is_looked_for_and_never_blindly_repeated() {
    for (came_through, verdict, creates) in [(true, Verdict::Updated, 1), (false, Verdict::Created, 1)] {
        let (mut host, naps) = one();
        host.world.meet(Operation::Create, lost(Operation::Create, came_through));
        let report = host.sync().await;
        assert_eq!(report.outcomes[0].verdict, verdict);
        let calendar = &host.world.calendar;
        assert_eq!((calendar.calls(Operation::Create), calendar.events().len()), (creates, 1));
        assert!(calendar.calls(Operation::Find) > 0);
        assert_eq!((host.row().generation().get(), naps.take().len()), (0, 1));
        host.assert_heals(0).await;
    }
}

#[tokio::test]
async fn an_update_or_a_removal_of_unknown_outcome_is_completed_in_the_same_run() {
    for came_through in [true, false] {
        let (mut host, _naps) = one();
        host.sync().await;
        host.move_by_an_hour();
        host.world.meet(Operation::Update, lost(Operation::Update, came_through));
        assert!(host.sync().await.is_all_done());
        host.assert_heals(0).await;

        host.cancel();
        host.world.meet(Operation::Delete, lost(Operation::Delete, came_through));
        assert_eq!(host.sync().await.count(Verdict::Removed), 1);
        assert_eq!(host.world.calendar.events(), []);
        host.assert_quiet();
    }
}

#[tokio::test]
async fn while_the_look_fails_the_outcome_stays_unknown_and_the_next_run_looks() {
    for kind in [ErrorKind::Unavailable, ErrorKind::Unauthenticated] {
        let (mut host, _naps) = one();
        host.world.meet(Operation::Create, Fault::ResponseLost);
        for _ in 0..4 {
            host.world.fail(Operation::Find, kind);
        }
        let report = host.sync().await;
        assert_eq!(report.outcomes[0].verdict, Verdict::Unknown, "{kind}");
        assert_eq!(host.state().0, "pending");
        host.world.clear();
        host.assert_heals(1).await;
        assert_eq!(host.world.calendar.calls(Operation::Create), 1);
    }
}

#[tokio::test]
async fn a_lost_create_that_may_still_take_effect_is_remembered_after_a_refusal() {
    let (mut host, _naps) = one();
    host.world.meet(Operation::Create, lost(Operation::Create, false));
    host.world.fail(Operation::Create, ErrorKind::Refused);
    let begun = host.begin();
    let plan = begun.plan().clone();
    let report = host.syncer.run(begun).await;
    host.company.appointment.record(&report);
    // It takes effect after all, when the event is no longer desired.
    host.arrives(&plan).await;
    host.cancel();
    host.assert_cleans_up(2).await;
}

#[tokio::test(start_paused = true)]
async fn the_next_run_corrects_what_a_process_left_that_ended_between_two_attempts() {
    for came_through in [true, false] {
        let (mut host, _naps) = one();
        host.world.meet(Operation::Create, lost(Operation::Create, came_through));
        host.world.meet(Operation::Find, Fault::Hangs);
        let plan = host.begin();
        let mut run = host.syncer.run(plan);
        let hangs = tokio::time::timeout(Duration::from_millis(5), run.next()).await;
        assert!(hangs.is_err() && host.world.calls() == 2, "the second attempt is looking");
        drop(run);
        host.assert_heals(1).await;
        assert_eq!(host.row().generation().get(), 0);
    }
}
