//! Jobs through a queue that delivers late, twice and out of order.
#![cfg(test)]
#![cfg(feature = "sync")]

mod common;

use calsync_core::error::Operation;
use calsync_core::model::Appointment;
use calsync_core::plan::{JobError, Note, SyncJob};
use calsync_core::report::Verdict;
use calsync_core::{ErrorKind, Retry};
use common::{CUSTOMER, Company, Fault, Host, error, google};
use serde_json::{Value, json};

/// What the host's queue holds.
fn enqueue(host: &mut Host) -> Vec<String> {
    host.begin().jobs().iter().map(|job| serde_json::to_string(job).unwrap()).collect()
}

/// A worker takes a message from the queue. Returns what was done.
async fn deliver(host: &mut Host, message: &str) -> Vec<Verdict> {
    let job: SyncJob = serde_json::from_str(message).unwrap();
    let report = host.syncer.run_job(&job, &host.company.appointment).unwrap().await;
    host.company.appointment.record(&report);
    report.outcomes.iter().map(|outcome| outcome.verdict).collect()
}

#[tokio::test]
async fn a_plan_goes_through_a_queue_person_by_person() {
    let mut host = Host::new(Company::new());
    let messages = enqueue(&mut host);
    assert_eq!(messages.len(), 4);
    for message in messages.iter().rev() {
        assert_eq!(deliver(&mut host, message).await, [Verdict::Created]);
    }
    assert_eq!(host.world.calendar.events().len(), 4);
    host.assert_quiet();
}

#[tokio::test]
async fn a_job_that_is_delivered_twice_is_done_once() {
    let mut host = Host::new(Company::of_one());
    let messages = enqueue(&mut host);
    assert_eq!(deliver(&mut host, &messages[0]).await, [Verdict::Created]);
    let calls = host.world.calls();
    assert_eq!(deliver(&mut host, &messages[0]).await, []);
    assert_eq!(host.world.calls(), calls);
    host.assert_heals(0).await;
}

#[tokio::test]
async fn jobs_in_the_wrong_order_end_with_the_latest_wish() {
    let mut host = Host::new(Company::of_one());
    let mut messages = enqueue(&mut host);
    for _ in 0..3 {
        host.move_by_an_hour();
        messages.extend(enqueue(&mut host));
    }
    assert_eq!(deliver(&mut host, &messages[3]).await, [Verdict::Created]);
    let calls = host.world.calls();
    for late in [1, 0, 3, 2] {
        assert_eq!(deliver(&mut host, &messages[late]).await, []);
    }
    assert_eq!(host.world.calls(), calls, "a job that is out of date asks nobody");
    host.assert_heals(0).await;
}

#[tokio::test]
async fn a_job_by_an_old_copy_of_the_row_is_stopped_by_the_event_itself() {
    let mut host = Host::synced(Default::default()).await;
    host.move_by_an_hour();
    let old = enqueue(&mut host);
    let copy: Appointment = host.company.appointment.clone();
    host.move_by_an_hour();
    let new = enqueue(&mut host);
    assert_eq!(deliver(&mut host, &new[0]).await, [Verdict::Updated]);

    let job: SyncJob = serde_json::from_str(&old[0]).unwrap();
    let late = host.syncer.run_job(&job, &copy).unwrap().await;
    assert_eq!(late.outcomes[0].verdict, Verdict::Superseded);
    host.company.appointment.record(&late);
    host.assert_heals(0).await;
}

#[tokio::test]
async fn a_job_whose_outcome_was_lost_looks_when_it_comes_again() {
    let mut host = Host::new(Company::of_one());
    let messages = enqueue(&mut host);
    host.world.meet(Operation::Create, Fault::AnswerLost);
    assert_eq!(deliver(&mut host, &messages[0]).await, [Verdict::Unknown]);
    assert_eq!(deliver(&mut host, &messages[0]).await, [Verdict::Updated]);
    assert_eq!(host.world.calendar.calls(Operation::Create), 1);
    host.assert_heals(0).await;
}

#[tokio::test]
async fn a_worker_that_died_leaves_a_job_that_can_be_delivered_again() {
    let mut host = Host::new(Company::of_one());
    let messages = enqueue(&mut host);
    let job: SyncJob = serde_json::from_str(&messages[0]).unwrap();
    drop(host.syncer.run_job(&job, &host.company.appointment).unwrap().await);
    assert_eq!(deliver(&mut host, &messages[0]).await, [Verdict::Created]);
    host.assert_heals(0).await;
}

#[tokio::test]
async fn what_failed_waits_or_is_looked_into() {
    for (failure, note) in [
        (
            error(ErrorKind::Unavailable, Operation::Create).with_retry(Retry::Later),
            "look, then write for customer",
        ),
        (error(ErrorKind::Forbidden, Operation::Create), "may not write to this calendar"),
        (
            error(ErrorKind::RateLimited, Operation::Create)
                .with_retry_after(std::time::Duration::from_secs(3600)),
            "to be left alone for a while",
        ),
    ] {
        let mut host = Host::new(Company::of_one());
        let messages = enqueue(&mut host);
        host.world.fail_with(Operation::Create, failure);
        assert_eq!(deliver(&mut host, &messages[0]).await, [Verdict::Failed]);
        let job: SyncJob = serde_json::from_str(&messages[0]).unwrap();
        let rest = job.still_to_do(&host.company.appointment, common::now()).unwrap();
        assert!(rest.to_string().contains(note), "{rest}");
        host.revive();
        host.wait(120);
        host.assert_heals(1).await;
    }
}

#[tokio::test]
async fn a_move_to_another_calendar_is_one_job_and_makes_before_it_removes() {
    let mut host = Host::synced(Default::default()).await;
    let profile = host.company.profile(CUSTOMER);
    profile.connections = vec![google("2", "other", "account-2")];
    let messages = enqueue(&mut host);
    assert_eq!(messages.len(), 1);
    host.world.fail(Operation::Create, ErrorKind::Unavailable);
    let done = deliver(&mut host, &messages[0]).await;
    assert_eq!(done, [Verdict::Failed, Verdict::Postponed]);
    host.assert_heals(1).await;
}

#[tokio::test]
async fn a_job_needs_the_row_that_was_begun_for_it() {
    let mut host = Host::new(Company::of_one());
    let stored = host.company.appointment.clone();
    let job = host.begin().jobs().remove(0);
    let not_begun = host.syncer.run_job(&job, &stored).unwrap_err();
    assert_eq!(not_begun, JobError::NotBegun { job: 1, ledger: 0 });
    let mut other = host.company.appointment.clone();
    other.id = 11.into();
    assert!(matches!(host.syncer.run_job(&job, &other), Err(JobError::OtherAppointment { .. })));
    assert_eq!(host.world.calls(), 0);

    host.company.appointment.ledger.deliveries.clear();
    let rest = job.still_to_do(&host.company.appointment, common::now()).unwrap();
    assert!(matches!(&rest.notes[..], [Note::OutOfDate { .. }]) && rest.is_empty());
}

#[test]
fn a_job_says_its_version_and_is_not_read_by_code_that_does_not_know_it() {
    let mut host = Host::new(Company::of_one());
    let job = host.begin().jobs().remove(0);
    assert_eq!((job.revision(), job.appointment()), (1, &host.company.appointment.id));
    let mut json: Value = serde_json::to_value(&job).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(serde_json::from_value::<SyncJob>(json.clone()).unwrap(), job);
    json["version"] = json!(2);
    let error = serde_json::from_value::<SyncJob>(json).unwrap_err();
    assert!(error.to_string().contains("version 2"), "{error}");
    let shown = format!("{job:?}");
    assert!(shown.contains("revision: 1") && !shown.contains("Anna") && !shown.contains("clean"), "{shown}");
}

/// The first delivery did it and was cut off; the second one fails, and knows nothing of it.
#[tokio::test]
async fn a_second_delivery_that_fails_does_not_say_that_nothing_was_done() {
    for kind in [ErrorKind::Forbidden, ErrorKind::Refused, ErrorKind::QuotaExceeded] {
        let mut host = Host::new(Company::of_one());
        let messages = enqueue(&mut host);
        let job: SyncJob = serde_json::from_str(&messages[0]).unwrap();
        drop(host.syncer.run_job(&job, &host.company.appointment).unwrap().await);
        host.world.fail(Operation::Create, kind);
        assert_eq!(deliver(&mut host, &messages[0]).await, [Verdict::Failed]);
        host.cancel();
        host.revive();
        host.assert_cleans_up(1).await;

        let mut host = Host::synced(Default::default()).await;
        host.cancel();
        let messages = enqueue(&mut host);
        let job: SyncJob = serde_json::from_str(&messages[0]).unwrap();
        drop(host.syncer.run_job(&job, &host.company.appointment).unwrap().await);
        host.world.fail(Operation::Delete, kind);
        assert_eq!(deliver(&mut host, &messages[0]).await, [Verdict::Failed]);
        host.company.appointment.status = "confirmed".into();
        host.revive();
        host.assert_heals(1).await;
    }
}
