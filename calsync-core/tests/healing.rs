//! How later runs correct the effects of crashes, late reports, races and backups.
#![cfg(test)]
#![cfg(feature = "sync")]

mod common;

use calsync_core::error::Operation;
use calsync_core::identity::Generation;
use calsync_core::ledger::{DeliveryState, Ledger, RemoteEvent};
use calsync_core::plan::RemovedByPerson;
use calsync_core::report::{Report, Verdict};
use calsync_core::{ErrorKind, Retry};
use common::{CUSTOMER, Company, Fault, Host, error, google};

#[tokio::test]
async fn the_next_run_corrects_what_a_dropped_run_left() {
    for given_out in 0..4 {
        let mut host = Host::new(Company::new());
        host.world.meet(Operation::Create, Fault::Hangs);
        let plan = host.begin();
        let mut run = host.syncer.run(plan);
        let mut report = Report::new();
        for _ in 0..given_out.min(3) {
            report.outcomes.push(run.next().await.unwrap());
        }
        // The process is stopped while a call is under way.
        tokio::select! {
            biased;
            () = async { while run.next().await.is_some() {} } => panic!("one call hangs"),
            () = std::future::ready(()) => {}
        }
        drop(run);
        if given_out < 3 {
            host.company.appointment.record(&report);
        }
        host.sync().await;
        assert_eq!(host.world.calendar.events().len(), 4);
        host.assert_quiet();
    }
}

#[tokio::test]
async fn a_crash_before_the_run_and_a_cancellation_leave_nothing() {
    let mut host = Host::new(Company::of_one());
    drop(host.begin());
    host.cancel();
    host.assert_cleans_up(1).await;
}

#[tokio::test]
async fn a_removal_that_was_done_but_not_recorded_does_not_lose_the_event() {
    // The reason for `begin` (see DESIGN): the event is deleted, the process dies, and the order is
    // confirmed again.
    for policy in [RemovedByPerson::Recreate, RemovedByPerson::Respect] {
        let mut host = Host::synced(policy).await;
        host.cancel();
        let plan = host.begin();
        drop(host.syncer.run(plan).await);
        host.company.appointment.status = "confirmed".into();
        host.assert_heals(1).await;
    }
}

#[tokio::test]
async fn a_change_that_was_written_but_not_recorded_can_be_taken_back() {
    let mut host = Host::synced(RemovedByPerson::Recreate).await;
    let before = host.company.appointment.clone();
    host.move_by_an_hour();
    let plan = host.begin();
    drop(host.syncer.run(plan).await);
    (host.company.appointment.start_time, host.company.appointment.end_time) =
        (before.start_time, before.end_time);
    host.assert_heals(1).await;
}

#[tokio::test]
async fn a_slow_worker_does_not_write_over_a_faster_one() {
    let mut host = Host::synced(RemovedByPerson::Recreate).await;
    host.move_by_an_hour();
    let slow = host.begin();
    host.move_by_an_hour();
    let fast = host.begin();
    let fast = host.syncer.run(fast).await;
    host.company.appointment.record(&fast);
    let slow = host.syncer.run(slow).await;
    assert_eq!(slow.outcomes[0].verdict, Verdict::Superseded);
    host.company.appointment.record(&slow);
    host.assert_heals(1).await;
}

#[tokio::test]
async fn a_slow_worker_does_not_remove_the_event_of_a_faster_one() {
    let mut host = Host::synced(RemovedByPerson::Recreate).await;
    host.cancel();
    let slow = host.begin();
    host.company.appointment.status = "confirmed".into();
    host.sync().await;
    let slow = host.syncer.run(slow).await;
    host.company.appointment.record(&slow);
    host.assert_heals(1).await;
}

#[tokio::test]
async fn what_a_slow_worker_left_is_found_when_it_reports() {
    let mut host = Host::new(Company::of_one());
    let slow = host.begin();
    host.cancel();
    host.wait(60);
    host.sync().await;
    assert_eq!(host.row().state(), &DeliveryState::Absent);
    let report = host.syncer.run(slow).await;
    assert_eq!(report.outcomes[0].verdict, Verdict::Created);
    assert_eq!(host.company.appointment.record(&report), 1);
    host.assert_cleans_up(1).await;
}

#[tokio::test]
async fn a_late_report_does_not_bring_used_keys_back() {
    let mut host = Host::new(Company::of_one());
    let slow = host.begin();
    for status in ["cancelled", "confirmed", "cancelled"] {
        host.company.appointment.status = status.into();
        host.wait(60);
        host.sync().await;
    }
    let report = host.syncer.run(slow).await;
    host.company.appointment.record(&report);
    host.assert_cleans_up(1).await;
    host.company.appointment.status = "confirmed".into();
    let creates = host.world.calendar.calls(Operation::Create);
    host.assert_heals(1).await;
    assert_eq!(
        host.world.calendar.calls(Operation::Create),
        creates + 1,
        "the first key tried was a new one"
    );
}

#[tokio::test]
async fn a_late_report_of_an_older_run_does_not_overwrite_a_newer_row() {
    let mut host = Host::new(Company::of_one());
    host.world.fail(Operation::Create, ErrorKind::Forbidden);
    let slow = host.begin();
    let slow = host.syncer.run(slow).await;
    host.sync().await;
    let row = host.row().clone();
    assert_eq!(host.company.appointment.record(&slow), 0);
    assert_eq!(host.row(), &row);
}

#[tokio::test]
async fn a_report_recorded_twice_or_for_another_appointment_changes_nothing() {
    let mut host = Host::new(Company::of_one());
    let report = host.sync().await;
    let before = host.row().clone();
    host.company.appointment.record(&report);
    assert_eq!(host.row(), &before);
    host.company.appointment.id = 11.into();
    assert_eq!(host.company.appointment.record(&report), 0);
}

#[tokio::test]
async fn a_write_that_takes_effect_after_the_look_is_found_by_the_next_look() {
    let mut host = Host::new(Company::of_one());
    host.world.fail_with(
        Operation::Create,
        error(ErrorKind::Unavailable, Operation::Create).with_retry(Retry::Unknown),
    );
    let begun = host.begin();
    let plan = begun.plan().clone();
    let report = host.syncer.run(begun).await;
    host.company.appointment.record(&report);
    host.cancel();
    host.sync().await;
    host.arrives(&plan).await;
    host.assert_cleans_up(1).await;
}

#[tokio::test]
async fn a_write_under_way_is_remembered_after_a_later_one_fails() {
    let mut host = Host::new(Company::of_one());
    host.world.fail_with(
        Operation::Create,
        error(ErrorKind::Unavailable, Operation::Create).with_retry(Retry::Unknown),
    );
    let begun = host.begin();
    let plan = begun.plan().clone();
    let report = host.syncer.run(begun).await;
    host.company.appointment.record(&report);
    // The look finds nothing yet; the create that follows is refused, and then the event is no
    // longer desired.
    host.world.fail(Operation::Create, ErrorKind::RateLimited);
    host.sync().await;
    host.arrives(&plan).await;
    host.cancel();
    host.assert_cleans_up(2).await;
}

#[tokio::test]
async fn a_ledger_from_a_backup_catches_up_with_the_calendars() {
    let mut host = Host::synced(RemovedByPerson::Recreate).await;
    let backup = host.company.appointment.ledger.clone();
    for _ in 0..40 {
        host.move_by_an_hour();
        host.sync().await;
    }
    for old in [backup, Ledger::default()] {
        host.company.appointment.ledger = old;
        host.move_by_an_hour();
        let report = host.sync().await;
        assert_eq!(report.outcomes[0].verdict, Verdict::Superseded);
        assert!(host.company.appointment.ledger.revision() >= 41);
        host.assert_heals(1).await;
    }
}

#[tokio::test]
async fn a_cancelled_appointment_from_a_backup_has_its_event_removed() {
    let mut host = Host::synced(RemovedByPerson::Recreate).await;
    let backup = host.company.appointment.ledger.clone();
    for _ in 0..5 {
        host.move_by_an_hour();
        host.sync().await;
    }
    host.company.appointment.ledger = backup;
    host.cancel();
    host.assert_cleans_up(2).await;
}

#[tokio::test]
async fn a_connection_replaced_after_a_crash_leaves_no_second_event() {
    let mut host = Host::synced(RemovedByPerson::Recreate).await;
    // The person deleted the event, an update made it again in the next generation, and the process
    // died.
    let stored = host.world.calendar.events().remove(0);
    host.world.calendar.person_deletes(&stored.place, &stored.remote_id);
    host.move_by_an_hour();
    let plan = host.begin();
    drop(host.syncer.run(plan).await);
    host.company.profile(CUSTOMER).connections = vec![google("anew", "primary", "account-33")];
    host.assert_heals(1).await;
}

#[tokio::test]
async fn a_report_from_before_the_calendar_was_connected_anew_is_about_the_same_event() {
    for fast_comes_first in [true, false] {
        let mut host = Host::new(Company::of_one());
        let slow = host.begin();
        host.company.profile(CUSTOMER).connections = vec![google("anew", "primary", "account-33")];
        let fast = host.begin();
        let slow = host.syncer.run(slow).await;
        let fast = host.syncer.run(fast).await;
        for report in if fast_comes_first { [fast, slow] } else { [slow, fast] } {
            host.company.appointment.record(&report);
        }
        host.assert_heals(1).await;
    }
}

#[tokio::test]
async fn a_report_of_a_move_the_host_did_not_save_is_about_the_same_event() {
    let mut host = Host::synced(RemovedByPerson::Recreate).await;
    host.company.profile(CUSTOMER).connections = vec![google("anew", "primary", "account-33")];
    host.move_by_an_hour();
    let unsaved = host.company.appointment.clone();
    let report = host.sync().await;
    host.company.appointment = unsaved;
    host.company.appointment.record(&report);
    host.assert_heals(0).await;
}

#[tokio::test]
async fn a_report_of_a_plan_whose_begin_was_not_saved_is_recorded() {
    let mut host = Host::new(Company::of_one());
    let unsaved = host.company.appointment.clone();
    let report = host.sync().await;
    host.company.appointment = unsaved;
    assert_eq!(host.company.appointment.record(&report), 1);
    assert!(host.row().confirmed().is_some_and(|event: &RemoteEvent| event.fingerprint.is_some()));
    host.assert_heals(0).await;
}

/// Two workers: a person deletes the event while one of them works on it, and the other makes it
/// again.
async fn two_generations(cancelled: bool, reports: bool) -> Host {
    let mut host = Host::synced(RemovedByPerson::Recreate).await;
    host.move_by_an_hour();
    let slow = host.begin();
    host.move_by_an_hour();
    host.sync().await;
    let place = host.company.place(CUSTOMER);
    let id = host.row().confirmed().unwrap().remote_id.clone();
    assert!(host.world.calendar.person_deletes(&place, &id));
    let slow = host.syncer.run(slow).await;
    assert_eq!(
        (slow.outcomes[0].verdict, slow.outcomes[0].generation),
        (Verdict::Created, Generation::new(1))
    );
    if cancelled {
        host.cancel();
    }
    if reports {
        assert_eq!(host.company.appointment.record(&slow), 1);
    }
    host
}

#[tokio::test]
async fn an_event_a_slow_worker_made_under_a_later_key_is_taken_over() {
    two_generations(false, true).await.assert_heals(1).await;
}

#[tokio::test]
async fn an_event_a_slow_worker_made_under_a_later_key_is_removed_with_the_appointment() {
    for reports in [true, false] {
        two_generations(true, reports).await.assert_cleans_up(1).await;
    }
}

#[tokio::test]
async fn of_a_plan_delivered_twice_the_run_that_came_further_is_recorded() {
    for kind in [ErrorKind::RateLimited, ErrorKind::Unauthenticated, ErrorKind::Refused] {
        let mut host = Host::new(Company::of_one());
        let mut copy = host.company.appointment.clone();
        let plan = host.plan();
        let again = plan.clone().begin(&mut copy).unwrap();
        let begun = plan.begin(&mut host.company.appointment).unwrap();
        let first = host.syncer.run(begun).await;
        host.world.fail(Operation::Create, kind);
        let second = host.syncer.run(again).await;
        assert_eq!(second.outcomes[0].state, DeliveryState::Absent);
        for (report, changed) in [(&first, 1), (&second, 0), (&first, 1)] {
            assert_eq!(host.company.appointment.record(report), changed, "{kind}");
        }
        host.assert_heals(0).await;
    }
}
