//! Events that are no longer as calsync wrote them: deleted by hand, replaced, or with used keys.
#![cfg(test)]
#![cfg(feature = "sync")]

mod common;

use calsync_core::ErrorKind;
use calsync_core::calendar::Role;
use calsync_core::error::Operation;
use calsync_core::names::RemoteId;
use calsync_core::plan::RemovedByPerson;
use calsync_core::provider::Marker;
use calsync_core::report::Verdict;
use common::{CUSTOMER, Company, Fault, Host, key};

#[tokio::test]
async fn a_used_key_is_replaced_by_the_next_in_the_same_run() {
    let mut host = Host::new(Company::of_one());
    let place = host.company.place(CUSTOMER);
    let event = host.company.event_by(&common::planner(), Role::Customer);
    let first = RemoteId::new(key(&host.company, CUSTOMER, 0).to_string());
    host.world.calendar.insert(&place, first.clone(), None, event);
    host.world.calendar.person_deletes(&place, &first);
    host.assert_heals(1).await;
    assert_eq!(host.state(), ("confirmed", None, 1));
    assert_eq!(host.row().key(), key(&host.company, CUSTOMER, 1));
}

#[tokio::test]
async fn several_used_keys_take_one_run_and_make_no_duplicates() {
    let mut host = Host::new(Company::of_one());
    let place = host.company.place(CUSTOMER);
    for generation in 0..3 {
        let event = host.company.event_by(&common::planner(), Role::Customer);
        let id = RemoteId::new(key(&host.company, CUSTOMER, generation).to_string());
        host.world.calendar.insert(&place, id.clone(), None, event);
        host.world.calendar.person_deletes(&place, &id);
    }
    host.assert_heals(1).await;
    assert_eq!(host.state(), ("confirmed", None, 3));
}

#[tokio::test]
async fn an_event_whose_response_was_lost_under_the_next_key_is_found() {
    let mut host = Host::synced(RemovedByPerson::Recreate).await;
    let stored = host.world.calendar.events().remove(0);
    host.world.calendar.person_deletes(&stored.place, &stored.remote_id);
    host.move_by_an_hour();
    host.world.meet(Operation::Create, Fault::ResponseLost);
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
    assert_eq!(host.state(), ("confirmed", None, 1));
}

#[tokio::test]
async fn with_respect_a_deleted_event_stays_deleted() {
    let mut host = Host::synced(RemovedByPerson::Respect).await;
    let stored = host.world.calendar.events().remove(0);
    host.world.calendar.person_deletes(&stored.place, &stored.remote_id);
    host.move_by_an_hour();
    let report = host.sync().await;
    assert_eq!(report.outcomes[0].verdict, Verdict::Respected);
    assert_eq!(host.state().1, Some("removed_by_person"));
    for _ in 0..2 {
        host.move_by_an_hour();
        assert!(host.plan().is_empty(), "even if it changes again");
    }
    assert!(host.world.calendar.events().is_empty());
}

#[tokio::test]
async fn our_own_removal_is_not_mistaken_for_the_persons() {
    // Cancelled and removed, but the response was lost; then the appointment is confirmed again.
    let mut host = Host::synced(RemovedByPerson::Respect).await;
    host.cancel();
    host.world.meet(Operation::Delete, Fault::ResponseLost);
    host.sync().await;
    host.company.appointment.status = "confirmed".into();
    host.assert_heals(1).await;
}

#[tokio::test]
async fn a_foreign_event_under_our_id_is_neither_changed_nor_removed() {
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
async fn a_removal_of_a_missing_event_is_done_after_a_look() {
    let mut host = Host::synced(RemovedByPerson::Recreate).await;
    let stored = host.world.calendar.events().remove(0);
    assert!(host.world.calendar.person_deletes(&stored.place, &stored.remote_id));
    host.cancel();
    assert!(host.sync().await.is_all_done());
    assert_eq!(host.world.calendar.calls(Operation::Find), 1, "after a 404 the calendar is looked at");
    assert_eq!(host.state(), ("absent", None, 1));
}

/// "Not found" does not mean that the event is gone.
#[tokio::test]
async fn a_removal_in_a_calendar_that_cannot_be_reached_is_held() {
    let mut host = Host::synced(RemovedByPerson::Recreate).await;
    let stored = host.world.calendar.events().remove(0);
    host.world.calendar.drop_calendar(&stored.place);
    host.cancel();
    for minutes in [0, 5, 10, 20] {
        host.wait(minutes);
        let report = host.sync().await;
        assert_eq!(report.outcomes[0].verdict, Verdict::Failed, "{report:?}");
        assert_eq!(host.state(), ("confirmed", Some("calendar_not_found"), 0));
        assert!(host.plan().is_empty());
    }
    host.world.calendar.restore_calendar(&stored.place);
    host.assert_cleans_up(1).await;
}

/// The response to the removal is "not found", and the look fails.
#[tokio::test]
async fn a_removal_is_not_done_while_the_look_fails() {
    for kind in [ErrorKind::Unavailable, ErrorKind::CalendarNotFound, ErrorKind::Forbidden] {
        let mut host = Host::synced(RemovedByPerson::Recreate).await;
        host.cancel();
        host.world.fail(Operation::Delete, ErrorKind::NotFound);
        host.world.fail(Operation::Find, kind);
        assert!(!host.sync().await.is_all_done());
        assert_eq!(host.state().0, "pending before", "{kind}");
        host.assert_cleans_up(1).await;
    }
}

/// A listing may still show an event that got the response "not found", so the response alone does
/// not mean that the event is gone.
#[tokio::test]
async fn an_update_with_response_not_found_looks_before_it_makes_another() {
    let mut host = Host::synced(RemovedByPerson::Recreate).await;
    let stored = host.world.calendar.events().remove(0);
    host.world.calendar.person_deletes(&stored.place, &stored.remote_id);
    // A person restored it under another id.
    host.world.calendar.insert(
        &stored.place,
        RemoteId::new("moved"),
        stored.marker.clone(),
        stored.event.clone(),
    );
    host.move_by_an_hour();
    host.sync().await;
    let events = host.world.calendar.events();
    assert!(events.iter().any(|event| event.remote_id.as_str() == "moved"), "a copy belongs to the person");
}
