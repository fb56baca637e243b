//! Events that are not where they were left: deleted by hand, replaced, or their keys spent.
#![cfg(test)]
#![cfg(feature = "sync")]

mod common;

use calsync_core::calendar::Role;
use calsync_core::error::Operation;
use calsync_core::ledger::BlockReason;
use calsync_core::names::RemoteId;
use calsync_core::plan::RemovedByPerson;
use calsync_core::provider::Marker;
use calsync_core::report::Verdict;
use common::{CUSTOMER, Company, Fault, Host, key};

#[tokio::test]
async fn a_key_that_is_spent_gives_way_to_the_next_in_the_same_run() {
    let mut host = Host::new(Company::of_one());
    let place = host.company.place(CUSTOMER);
    let event = host.company.event_by(&common::planner(), Role::Customer);
    let first = RemoteId::new(key(&host.company, CUSTOMER, 0).to_string());
    host.world.calendar.insert(&place, first.clone(), None, event);
    host.world.calendar.person_deletes(&place, &first);
    host.assert_heals(1).await;
    assert_eq!(host.state(), ("present".into(), None, 1));
    assert_eq!(host.row().confirmed().unwrap().key, key(&host.company, CUSTOMER, 1));
}

#[tokio::test]
async fn several_spent_keys_take_more_runs_and_no_duplicates() {
    let mut host = Host::new(Company::of_one());
    let place = host.company.place(CUSTOMER);
    for generation in 0..3 {
        let event = host.company.event_by(&common::planner(), Role::Customer);
        let id = RemoteId::new(key(&host.company, CUSTOMER, generation).to_string());
        host.world.calendar.insert(&place, id.clone(), None, event);
        host.world.calendar.person_deletes(&place, &id);
    }
    host.assert_heals(2).await;
    assert_eq!(host.state(), ("present".into(), None, 3));
}

#[tokio::test]
async fn an_answer_lost_under_the_next_key_is_found_there() {
    let mut host = Host::synced(RemovedByPerson::Recreate).await;
    let stored = host.world.calendar.events().remove(0);
    host.world.calendar.person_deletes(&stored.place, &stored.remote_id);
    host.move_by_an_hour();
    host.world.meet(Operation::Create, Fault::AnswerLost);
    host.sync().await;
    host.assert_heals(1).await;
    assert_eq!(host.row().generation().get(), 1);
}

#[tokio::test]
async fn an_event_the_person_deleted_comes_back_with_the_next_change() {
    let mut host = Host::synced(RemovedByPerson::Recreate).await;
    let stored = host.world.calendar.events().remove(0);
    host.world.calendar.person_deletes(&stored.place, &stored.remote_id);
    host.assert_quiet();
    host.move_by_an_hour();
    host.assert_heals(1).await;
    assert_eq!(host.state(), ("present".into(), None, 1));
}

#[tokio::test]
async fn a_host_may_respect_that_the_person_deleted_it() {
    let mut host = Host::synced(RemovedByPerson::Respect).await;
    let stored = host.world.calendar.events().remove(0);
    host.world.calendar.person_deletes(&stored.place, &stored.remote_id);
    host.move_by_an_hour();
    let report = host.sync().await;
    assert_eq!(report.outcomes[0].verdict, Verdict::Respected);
    assert_eq!(host.state().1, Some(BlockReason::RemovedByPerson));
    for _ in 0..2 {
        host.move_by_an_hour();
        assert!(host.plan().is_empty(), "however often it changes");
    }
    assert!(host.world.calendar.events().is_empty());
}

#[tokio::test]
async fn what_we_removed_ourselves_is_not_taken_for_the_persons_doing() {
    // Cancelled, removed, the answer lost; and then the appointment takes place after all.
    let mut host = Host::synced(RemovedByPerson::Respect).await;
    host.cancel();
    host.world.meet(Operation::Delete, Fault::AnswerLost);
    host.sync().await;
    host.company.appointment.status = "confirmed".into();
    host.assert_heals(1).await;
}

#[tokio::test]
async fn a_foreign_event_in_the_place_of_ours_is_neither_changed_nor_removed() {
    let mut host = Host::synced(RemovedByPerson::Recreate).await;
    let stored = host.world.calendar.events().remove(0);
    let theirs = Marker::new("another-shop", key(&host.company, CUSTOMER, 0), 1);
    host.world.calendar.insert(&stored.place, stored.remote_id, Some(theirs.clone()), stored.event.clone());
    host.move_by_an_hour();
    host.sync().await;
    assert_eq!(host.row().generation().get(), 1);
    host.cancel();
    host.sync().await;
    let events = host.world.calendar.events();
    assert_eq!(events.len(), 1);
    assert_eq!((&events[0].marker, &events[0].event), (&Some(theirs), &stored.event));
    host.assert_quiet();
}

#[tokio::test]
async fn a_removal_of_what_is_gone_already_is_done() {
    for with_calendar in [false, true] {
        let mut host = Host::synced(RemovedByPerson::Recreate).await;
        let stored = host.world.calendar.events().remove(0);
        match with_calendar {
            true => host.world.calendar.drop_calendar(&stored.place),
            false => assert!(host.world.calendar.person_deletes(&stored.place, &stored.remote_id)),
        }
        host.cancel();
        assert!(host.sync().await.is_all_done());
        assert_eq!(host.state(), ("absent".into(), None, 1));
    }
}
