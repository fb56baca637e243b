//! How an event is identified.

use calsync_core::error::Operation;
use calsync_core::model::Stated;
use calsync_core::plan::RemovedByPerson;
use calsync_core::sync::{RetryPolicy, Syncer};
use calsync_core::testing::fixtures::timed;

use crate::common::{CUSTOMER, Company, Host, NAMESPACE, STAFF, google, key};

/// Rule 1: a calendar may refuse the id of a deleted event for good, so a withdrawn event returns
/// under another id (cal.com #24357).
#[tokio::test]
async fn an_appointment_assigned_back_gets_a_key_of_a_new_generation() {
    let mut host = Host::new(Company::new());
    let place = host.company.place(STAFF);
    assert!(host.sync().await.is_all_done());
    for generation in 1..4 {
        host.company.appointment.staff_id = Stated::Is(4.into());
        assert!(host.sync().await.is_all_done());
        assert!(host.world.calendar.events().iter().all(|event| event.place != place));

        host.company.appointment.staff_id = Stated::Is(3.into());
        assert!(host.sync().await.is_all_done());
        let events = host.world.calendar.events();
        let theirs: Vec<_> = events.iter().filter(|event| event.place == place).collect();
        assert_eq!(theirs.len(), 1);
        assert_eq!(theirs[0].marker.as_ref().unwrap().key, key(&host.company, STAFF, generation));
        let creates = host.world.calendar.calls(Operation::Create);
        assert_eq!(creates, 4 + generation as usize, "no used key was tried");
    }
}

/// Rule 14: the key is the host's own, and an event without the host's marker is not taken over,
/// even if its id matches (thunderbird/appointment #529).
#[tokio::test]
async fn two_hosts_with_equal_ids_do_not_touch_each_others_events() {
    let mut ours = Host::new(Company::of_one());
    let mut theirs = Host::new(Company::of_one());
    theirs.syncer = Syncer::builder("another-shop")
        .provider(ours.world.clone())
        .clock(theirs.watch.clone())
        .retry(RetryPolicy::none())
        .build();
    for host in [&mut ours, &mut theirs] {
        assert!(host.sync().await.is_all_done());
    }
    let mut events = ours.world.calendar.events();
    assert_eq!(
        (events.len(), ours.world.calendar.calls(Operation::Create)),
        (2, 2),
        "no key was used by the other host"
    );
    events.retain(|event| event.marker.as_ref().is_some_and(|marker| &*marker.namespace == NAMESPACE));

    theirs.move_by_an_hour();
    assert!(theirs.sync().await.is_all_done());
    theirs.cancel();
    assert!(theirs.sync().await.is_all_done());
    assert_eq!((ours.world.calendar.events(), events.len()), (events.clone(), 1));
    ours.assert_heals(0).await;
}

/// Rule 27: an event is identified by its key, so a calendar connected again finds its row, and a
/// look finds its event at any time (easyappointments #1388).
#[tokio::test]
async fn a_calendar_connected_again_has_each_event_once() {
    let mut host = Host::synced(RemovedByPerson::Recreate).await;
    host.company.profile(CUSTOMER).connections = vec![google("again", "primary", "account-33")];
    host.assert_quiet();
    // The row was begun and the host crashed; meanwhile the person moved the event to another time.
    let stored = host.world.calendar.events().remove(0);
    host.move_by_an_hour();
    drop(host.begin());
    assert!(host.world.calendar.person_edits(&stored.place, &stored.remote_id, |event| {
        event.when = timed("2026-02-01T09:00:00Z", "2026-02-01T10:00:00Z", "Europe/London");
    }));
    host.assert_heals(1).await;
    assert_eq!(host.world.calendar.calls(Operation::Create), 1);
}
