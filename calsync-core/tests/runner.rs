//! What a step does when the outside world does not: every failure, and the row it leaves.
#![cfg(test)]
#![cfg(feature = "sync")]

mod common;

use calsync_core::error::Operation;
use calsync_core::identity::EventKey;
use calsync_core::ledger::BlockReason;
use calsync_core::names::RemoteId;
use calsync_core::plan::RemovedByPerson;
use calsync_core::provider::Marker;
use calsync_core::report::Verdict;
use calsync_core::{ErrorKind, Retry};
use common::{CUSTOMER, Company, Fault, Host, NAMESPACE, error, google};

/// What each kind of failure that changed nothing puts on a row. `DeleteRefused` stands for any refusal here.
const HOLDS: [(ErrorKind, Option<BlockReason>); 9] = [
    (ErrorKind::Unauthenticated, Some(BlockReason::Reconnect)),
    (ErrorKind::MissingScope, Some(BlockReason::MissingScope)),
    (ErrorKind::Forbidden, Some(BlockReason::Forbidden)),
    (ErrorKind::QuotaExceeded, Some(BlockReason::Quota)),
    (ErrorKind::Refused, Some(BlockReason::DeleteRefused)),
    (ErrorKind::Unsupported, Some(BlockReason::DeleteRefused)),
    (ErrorKind::RateLimited, None),
    (ErrorKind::Unavailable, None),
    (ErrorKind::Configuration, None),
];

#[tokio::test]
async fn a_create_that_changed_nothing_leaves_nothing_and_says_what_it_waits_for() {
    for (kind, hold) in
        HOLDS.into_iter().chain([(ErrorKind::CalendarNotFound, Some(BlockReason::CalendarNotFound))])
    {
        let mut host = Host::new(Company::of_one());
        host.world.fail(Operation::Create, kind);
        let report = host.sync().await;
        assert_eq!(report.outcomes[0].verdict, Verdict::Failed);
        assert_eq!(host.state(), ("absent".into(), hold, 0), "{kind}");
        assert_eq!(host.row().last_error().as_ref().map(|error| error.kind), Some(kind));
        assert_eq!(host.plan().is_empty(), hold.is_some(), "{kind}: nobody tries again what cannot work");
        let place = host.company.place(CUSTOMER);
        host.company.appointment.ledger.revive(&place.person, &place.connection);
        host.assert_heals(1).await;
        assert_eq!(host.row().last_error(), None);
    }
}

#[tokio::test]
async fn an_update_that_changed_nothing_leaves_the_old_event_known() {
    for (kind, hold) in HOLDS {
        let mut host = Host::synced(RemovedByPerson::Recreate).await;
        host.move_by_an_hour();
        host.world.fail(Operation::Update, kind);
        host.sync().await;
        assert_eq!(host.state(), ("present".into(), hold, 0), "{kind}");
        assert_eq!(host.company.appointment.ledger.event_ids().len(), 1);
        let place = host.company.place(CUSTOMER);
        host.company.appointment.ledger.revive(&place.person, &place.connection);
        host.assert_heals(1).await;
    }
}

#[tokio::test]
async fn a_removal_that_changed_nothing_is_tried_again() {
    for (kind, hold) in HOLDS {
        let mut host = Host::synced(RemovedByPerson::Recreate).await;
        host.cancel();
        host.world.fail(Operation::Delete, kind);
        host.sync().await;
        assert_eq!(host.state(), ("present".into(), hold, 0), "{kind}");
        let place = host.company.place(CUSTOMER);
        host.company.appointment.ledger.revive(&place.person, &place.connection);
        host.sync().await;
        assert!(host.world.calendar.events().is_empty());
        host.assert_quiet();
    }
}

#[tokio::test]
async fn a_quota_that_is_used_up_rests_as_long_as_the_provider_says() {
    let mut host = Host::new(Company::of_one());
    let minutes = std::time::Duration::from_secs(5 * 60);
    host.world.fail_with(
        Operation::Create,
        error(ErrorKind::QuotaExceeded, Operation::Create).with_retry_after(minutes),
    );
    host.sync().await;
    host.wait(4);
    assert!(host.plan().is_empty());
    host.wait(1);
    host.assert_heals(1).await;
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_is_found_and_not_made_twice() {
    let mut host = Host::new(Company::of_one());
    host.world.meet(Operation::Create, Fault::AnswerLost);
    let report = host.sync().await;
    assert_eq!(report.outcomes[0].verdict, Verdict::Unknown);
    assert_eq!(host.state(), ("unsure".into(), None, 0));
    host.assert_heals(1).await;
    assert_eq!(host.world.calendar.calls(Operation::Create), 1, "the next run looked first");
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_and_that_never_arrived_is_made() {
    let mut host = Host::new(Company::of_one());
    let lost = error(ErrorKind::Unavailable, Operation::Create).with_retry(Retry::Unknown);
    host.world.fail_with(Operation::Create, lost);
    host.sync().await;
    host.assert_heals(1).await;
    assert_eq!(host.row().generation().get(), 0, "under the same key");
}

#[tokio::test]
async fn an_update_or_a_removal_whose_answer_was_lost_is_looked_after() {
    for arrives in [true, false] {
        let fault = |operation| match arrives {
            true => Fault::AnswerLost,
            false => Fault::Fails(error(ErrorKind::Other, operation)),
        };
        let mut host = Host::synced(RemovedByPerson::Recreate).await;
        host.move_by_an_hour();
        host.world.meet(Operation::Update, fault(Operation::Update));
        host.sync().await;
        assert_eq!(host.state(), ("unsure before".into(), None, 0));
        host.assert_heals(1).await;

        host.cancel();
        host.world.meet(Operation::Delete, fault(Operation::Delete));
        host.sync().await;
        assert_eq!(host.state(), ("unsure before".into(), None, 0));
        host.wait(60);
        host.sync().await;
        assert!(host.world.calendar.events().is_empty());
        host.assert_quiet();
    }
}

#[tokio::test]
async fn nothing_is_believed_gone_while_the_look_fails() {
    for (operation, kind) in [
        (Operation::Get, ErrorKind::Unavailable),
        (Operation::Get, ErrorKind::Forbidden),
        (Operation::Find, ErrorKind::Other),
    ] {
        let mut host = Host::synced(RemovedByPerson::Recreate).await;
        host.move_by_an_hour();
        host.world.meet(Operation::Update, Fault::AnswerLost);
        host.sync().await;
        if operation == Operation::Find {
            let remote_id = host.world.calendar.events()[0].remote_id.clone();
            host.world.calendar.person_deletes(&host.company.place(CUSTOMER), &remote_id);
        }
        host.cancel();
        host.world.fail(operation, kind);
        host.sync().await;
        assert_eq!(host.state().0, "unsure before", "{operation} {kind}");
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
    host.sync().await;
    let events = host.world.calendar.events();
    assert_eq!((events.len(), events[0].place.calendar.as_str()), (1, "family"));
    host.assert_quiet();
}

#[tokio::test]
async fn one_persons_failure_does_not_keep_anothers_event_from_going() {
    let mut host = Host::new(Company::new());
    host.sync().await;
    host.company.profile(CUSTOMER).calendar_sync_enabled = Some(false);
    host.move_by_an_hour();
    host.world.fail(Operation::Update, ErrorKind::Unavailable);
    let report = host.sync().await;
    assert_eq!((report.count(Verdict::Removed), report.count(Verdict::Updated)), (1, 2));
}

/// A server may still show an event that was deleted by the time a rival made the next one: finding the one does not mean that the
/// other is not there.
#[tokio::test]
async fn a_removal_that_looks_removes_what_a_rival_made_too() {
    for fails in [false, true] {
        let mut host = Host::synced(RemovedByPerson::Recreate).await;
        host.move_by_an_hour();
        host.begin();
        let place = host.company.place(CUSTOMER);
        let key = EventKey::derive(NAMESPACE, &host.company.appointment.id, &place, 1);
        let event = host.world.calendar.events()[0].event.clone();
        host.world.calendar.insert(
            &place,
            RemoteId::new("next"),
            Some(Marker::new(NAMESPACE, key, 1)),
            event,
        );
        host.cancel();
        if fails {
            host.world.fail(Operation::Find, ErrorKind::Unavailable);
            host.sync().await;
            assert_eq!(host.state().0, "unsure before");
        }
        host.assert_cleans_up(2).await;
    }
}
