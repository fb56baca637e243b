//! Receipts: whether an appointment is on everyone's calendar, and if not, what each target waits
//! for.
#![cfg(test)]
#![cfg(feature = "sync")]

mod common;

use std::time::Duration;

use calsync_core::ErrorKind;
use calsync_core::audience::Audience;
use calsync_core::error::Operation;
use calsync_core::ledger::BlockReason;
use calsync_core::plan::{Receipt, TargetState};
use common::{CUSTOMER, Company, Fault, Host, blocked, error, now};

fn receipt(host: &Host) -> Receipt {
    let directory = host.company.directory();
    let (order, appointment) = (&host.company.order, &host.company.appointment);
    let audience = Audience::of(order, appointment, &directory).unwrap();
    let receipt = host.syncer.explain(order, appointment, &audience).unwrap();
    let json = serde_json::to_string(&receipt).unwrap();
    assert_eq!(serde_json::from_str::<Receipt>(&json).unwrap(), receipt);
    receipt
}

fn state(host: &Host) -> TargetState {
    let receipt = receipt(host);
    assert_eq!(receipt.targets.len(), 1, "{receipt}");
    receipt.targets[0].state.clone()
}

#[tokio::test]
async fn a_receipt_is_complete_when_every_calendar_has_its_event() {
    let mut host = Host::new(Company::new());
    let before = receipt(&host);
    assert_eq!((before.open().count(), before.is_complete()), (4, false));
    assert!(before.targets.iter().all(|target| target.state == TargetState::Due && target.wanted));
    host.sync().await;
    let after = receipt(&host);
    assert!(after.is_complete() && after.targets.len() == 4, "{after}");
    assert!(after.to_string().starts_with("appointment 10: every calendar is as it should be"), "{after}");
    host.cancel();
    assert!(receipt(&host).targets.iter().all(|target| !target.wanted));
    host.sync().await;
    assert!(receipt(&host).targets.is_empty());
}

#[tokio::test]
async fn a_target_shows_its_hold_with_begin_and_end() {
    let mut host = Host::new(Company::of_one());
    let busy = error(ErrorKind::RateLimited, Operation::Create).with_retry_after(Duration::from_secs(3600));
    host.world.fail_with(Operation::Create, busy);
    host.sync().await;
    let report = receipt(&host);
    let until = now() + chrono::Duration::hours(1);
    let hold = blocked(BlockReason::Unavailable, Some(until));
    assert_eq!(report.targets[0].state, TargetState::Waiting { hold });
    assert_eq!((report.next_attempt_at(), report.targets[0].pending_since), (Some(until), Some(now())));
    let text = report.to_string();
    for part in
        ["1 of 1 not as they should be", "waits to be written", "pending since 2026-01-10", "last failure"]
    {
        assert!(text.contains(part), "{text}");
    }

    // An hour later it is due, and pending since the first attempt; then it is there.
    host.wait(61);
    assert_eq!(state(&host), TargetState::Due);
    drop(host.begin());
    assert_eq!(
        (state(&host), receipt(&host).targets[0].pending_since),
        (TargetState::Unconfirmed, Some(now()))
    );
    host.wait(1);
    host.sync().await;
    let report = receipt(&host);
    assert!(
        report.is_complete()
            && report.targets[0].pending_since.is_none()
            && report.targets[0].last_error.is_none()
    );
}

#[tokio::test]
async fn only_the_target_of_the_person_who_has_to_act_is_open() {
    let mut host = Host::new(Company::new());
    host.world.fail(Operation::Create, ErrorKind::Unauthenticated);
    host.sync().await;
    let report = receipt(&host);
    let open: Vec<_> = report.open().collect();
    let hold = blocked(BlockReason::Reconnect, Some(now() + chrono::Duration::hours(1)));
    assert!(matches!(&open[..], [one] if one.state == TargetState::Waiting { hold }), "{report}");
    assert_eq!(report.targets.iter().filter(|target| target.state == TargetState::InPlace).count(), 3);
}

#[tokio::test]
async fn a_lost_removal_is_not_reported_as_done() {
    let mut host = Host::synced(Default::default()).await;
    host.cancel();
    host.world.meet(Operation::Delete, Fault::ResponseLost);
    host.sync().await;
    let report = receipt(&host);
    assert!(!report.is_complete() && !report.targets[0].wanted, "{report}");
    let hold = blocked(BlockReason::Unavailable, Some(now() + chrono::Duration::minutes(5)));
    assert_eq!(report.targets[0].state, TargetState::Waiting { hold });
    host.wait(5);
    assert_eq!(state(&host), TargetState::Unconfirmed);
}

#[test]
fn a_person_without_an_event_is_listed_with_the_reason() {
    let mut host = Host::new(Company::new());
    host.company.profile(CUSTOMER).calendar_sync_enabled = Some(false);
    let report = receipt(&host);
    assert_eq!(report.targets.len(), 3);
    assert!(report.to_string().contains("nothing for customer profile 33: calendar sync is off"), "{report}");
}
