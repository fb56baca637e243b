//! Disconnecting: which events are removed, which stay, and when the grant may be revoked.

use calsync_core::ErrorKind;
use calsync_core::audience::Audience;
use calsync_core::ledger::{BlockReason, DeliveryState, Hold};
use calsync_core::model::Appointment;
use calsync_core::names::RemoteId;
use calsync_core::plan::{Disconnect, DisconnectReceipt, Note, OnDisconnect, TargetState};
use calsync_core::testing::Fault;

use crate::common::{Company, google};
use crate::fixture::{Fixture, customer};

fn home() -> calsync_core::model::Connection {
    google("default", "primary", "account-33")
}

#[tokio::test]
async fn the_host_chooses_what_is_removed_and_no_call_follows() {
    for (which, removed, left) in
        [(OnDisconnect::DeleteFuture, 3, 2), (OnDisconnect::DeleteAll, 5, 0), (OnDisconnect::Keep, 0, 5)]
    {
        let mut fixture = Fixture::synced(5, 2).await;
        fixture.connect([]);
        let receipt = fixture.disconnect(&home(), which).await;
        assert_eq!((receipt.removed(), receipt.kept()), (removed, left), "{which:?}");
        assert!(receipt.may_revoke());
        assert_eq!(
            receipt.to_string(),
            format!("google of profile 33 (connection default): {removed} removed, {left} kept there")
        );
        assert_eq!(fixture.event_count(), left);
        fixture.assert_quiet().await;
        // Later changes of the appointments make no call: the credentials are gone.
        for appointment in &mut fixture.appointments {
            appointment.status = "cancelled".into();
        }
        fixture.assert_quiet().await;
        assert_eq!(
            fixture.appointments.iter().filter(|it| it.ledger.deliveries().len() == 1).count(),
            5,
            "rows survive"
        );
    }
}

#[tokio::test]
async fn the_same_calendar_connected_again_finds_its_events() {
    for connection in [home(), google("anew", "primary", "account-33")] {
        let mut fixture = Fixture::synced(3, 1).await;
        fixture.connect([]);
        fixture.disconnect(&home(), OnDisconnect::Keep).await;
        let before = fixture.calendar.inner().events();
        fixture.connect([connection.clone()]);
        fixture.assert_quiet().await;
        for appointment in &mut fixture.appointments {
            appointment.end_time += chrono::Duration::minutes(5);
        }
        assert!(fixture.sync().await.is_all_done());
        let after = fixture.calendar.inner().events();
        let ids = |events: &[calsync_core::memory::StoredEvent]| -> Vec<RemoteId> {
            events.iter().map(|event| event.remote_id.clone()).collect()
        };
        assert_eq!(ids(&after), ids(&before));
        fixture.assert_quiet().await;
        for appointment in &mut fixture.appointments {
            appointment.status = "cancelled".into();
        }
        fixture.sync().await;
        assert_eq!(fixture.event_count(), 0, "{connection:?}");
    }
}

#[tokio::test]
async fn an_event_that_is_as_it_should_be_can_still_be_removed_after_a_reconnect() {
    for revived in [true, false] {
        let mut fixture = Fixture::synced(2, 0).await;
        fixture.connect([]);
        fixture.disconnect(&home(), OnDisconnect::Keep).await;
        fixture.connect([home()]);
        for appointment in &mut fixture.appointments {
            if revived {
                let connection = home().calendar(&customer()).connection_key();
                assert_eq!(appointment.ledger.revive(&connection), 0, "what the person chose stays");
            }
            appointment.status = "cancelled".into();
        }
        fixture.sync().await;
        assert_eq!(fixture.event_count(), 0);
    }
}

#[tokio::test]
async fn removed_events_come_back_under_new_keys() {
    let mut fixture = Fixture::synced(3, 0).await;
    fixture.connect([]);
    fixture.disconnect(&home(), OnDisconnect::DeleteAll).await;
    fixture.connect([home()]);
    assert!(fixture.sync().await.is_all_done());
    assert_eq!(fixture.event_count(), 3);
    assert!(fixture.appointments.iter().all(|it| it.ledger.deliveries()[0].generation().get() == 1));
    fixture.assert_quiet().await;
}

#[tokio::test]
async fn a_failed_removal_stays_in_the_receipt_and_can_be_tried_again() {
    let mut fixture = Fixture::synced(4, 0).await;
    fixture.connect([]);
    let disconnect = Disconnect::new(&customer(), &home(), OnDisconnect::DeleteAll);
    let mut receipt = DisconnectReceipt::new(&disconnect);
    fixture.calendar.script([
        Fault::Before(ErrorKind::Unavailable),
        Fault::Before(ErrorKind::Unauthenticated),
        Fault::ResponseLost,
        Fault::None,
    ]);
    fixture.go_on(&disconnect, &mut receipt).await;
    assert!(!receipt.may_revoke());
    assert_eq!(receipt.removed() + receipt.remaining().count(), 4);
    let kinds: Vec<_> = receipt.remaining().map(|it| it.failure.as_ref().unwrap().kind).collect();
    assert!(
        kinds.contains(&ErrorKind::Unavailable) && kinds.contains(&ErrorKind::Unauthenticated),
        "{receipt}"
    );
    let text = receipt.to_string();
    assert!(text.contains("the person has to connect the calendar again"), "{text}");
    assert!(!text.contains("account-33") && !text.contains("primary"), "{text}");

    // The receipt survives storing, and the disconnect goes on.
    let json = serde_json::to_string(&receipt).unwrap();
    let mut receipt: DisconnectReceipt = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&receipt).unwrap(), json);
    for appointment in &mut fixture.appointments {
        appointment.ledger.revive(&home().calendar(&customer()).connection_key());
    }
    for _ in 0..2 {
        fixture.wait(60);
        fixture.go_on(&disconnect, &mut receipt).await;
    }
    assert!(receipt.may_revoke(), "{receipt}");
    assert_eq!((receipt.removed(), fixture.event_count()), (4, 0));
}

#[tokio::test]
async fn after_a_run_that_was_cut_off_everything_remains_in_the_receipt() {
    let mut fixture = Fixture::synced(3, 0).await;
    fixture.connect([]);
    let disconnect = Disconnect::new(&customer(), &home(), OnDisconnect::DeleteAll);
    let mut receipt = DisconnectReceipt::new(&disconnect);
    drop(fixture.begin_disconnect(&disconnect, &mut receipt));
    assert_eq!((receipt.remaining().count(), receipt.may_revoke()), (3, false));
    assert!(receipt.to_string().contains("not reported yet"));
    for _ in 0..2 {
        fixture.wait(60);
        fixture.go_on(&disconnect, &mut receipt).await;
    }
    assert_eq!((receipt.removed(), receipt.may_revoke(), fixture.event_count()), (3, true, 0));
}

#[tokio::test]
async fn a_host_that_gives_up_keeps_the_remaining_events() {
    let mut fixture = Fixture::synced(3, 0).await;
    fixture.connect([]);
    fixture.calendar.script([Fault::Before(ErrorKind::Unauthenticated); 3]);
    let receipt = fixture.disconnect(&home(), OnDisconnect::DeleteAll).await;
    assert!(!receipt.may_revoke());
    let receipt = fixture.disconnect(&home(), OnDisconnect::Keep).await;
    assert_eq!((receipt.kept(), receipt.may_revoke()), (3, true));
    let reason = |it: &Appointment| it.ledger.deliveries()[0].hold().and_then(Hold::reason);
    assert!(fixture.appointments.iter().all(|it| reason(it) == Some(BlockReason::Disconnected)));
    fixture.assert_quiet().await;
    // Planned once more, there is nothing to do.
    let again = Disconnect::new(&customer(), &home(), OnDisconnect::Keep);
    assert!((0..3).all(|nth| fixture.plan_disconnect(&again, nth).is_empty()));
    // As long as the tokens are there, the host can still remove the events.
    fixture.calendar.quiet();
    fixture.wait(60);
    let receipt = fixture.disconnect(&home(), OnDisconnect::DeleteAll).await;
    assert_eq!((receipt.removed(), fixture.event_count()), (3, 0));
}

#[tokio::test]
async fn other_people_and_other_connections_are_not_touched() {
    let mut fixture = Fixture::new(Company::new(), 3, 0);
    let (home, work) = (home(), google("work", "primary", "account-of-work"));
    fixture.connect([home.clone(), work.clone()]);
    fixture.sync().await;
    let before = fixture.calendar.inner().events();
    assert_eq!(before.len(), 15);
    fixture.connect([work]);
    let receipt = fixture.disconnect(&home, OnDisconnect::DeleteAll).await;
    assert_eq!(receipt.removed(), 3);
    let gone: Vec<_> = before.iter().filter(|it| !fixture.calendar.inner().events().contains(it)).collect();
    assert_eq!(gone.len(), 3);
    assert!(gone.iter().all(|it| it.place.person == customer() && it.place.connection == home.id));
    fixture.assert_quiet().await;
}

/// An appointment that is over when the connection is replaced keeps the row of the old connection.
#[tokio::test]
async fn events_of_a_replaced_connection_are_removed_too() {
    let anew = google("anew", "primary", "account-33");
    for (which, removed) in
        [(OnDisconnect::DeleteFuture, 3), (OnDisconnect::DeleteAll, 5), (OnDisconnect::Keep, 0)]
    {
        for syncs_between in [false, true] {
            let mut fixture = Fixture::synced(5, 2).await;
            fixture.connect([anew.clone()]);
            if syncs_between {
                fixture.sync().await;
            }
            fixture.connect([]);
            let disconnect = Disconnect::new(&customer(), &anew, which).with_connected(&[]);
            let mut receipt = DisconnectReceipt::new(&disconnect);
            // The outcome of the first removal is known only after a look.
            fixture.calendar.script([Fault::ResponseLost]);
            fixture.go_on(&disconnect, &mut receipt).await;
            fixture.wait(60);
            fixture.go_on(&disconnect, &mut receipt).await;
            assert_eq!(
                (fixture.event_count(), receipt.may_revoke()),
                (5 - removed, true),
                "{which:?}: {receipt}"
            );
            fixture.assert_quiet().await;
        }
    }
}

/// The state that two workers leave of which each knew another connection.
#[tokio::test]
async fn two_events_in_one_calendar_are_both_removed_and_a_calendar_keeps_one_row() {
    let (anew, third) = (google("anew", "primary", "account-33"), google("third", "primary", "account-33"));
    for connection in [anew, third] {
        let mut fixture = Fixture::synced(1, 0).await;
        let first = serde_json::to_value(&fixture.appointments[0].ledger).unwrap();
        fixture.appointments[0].ledger = Default::default();
        fixture.connect([google("second", "primary", "account-33")]);
        fixture.sync().await;
        let mut both = serde_json::to_value(&fixture.appointments[0].ledger).unwrap();
        both["deliveries"].as_array_mut().unwrap().push(first["deliveries"][0].clone());
        fixture.appointments[0].ledger = serde_json::from_value(both).unwrap();
        assert_eq!(fixture.event_count(), 2);
        fixture.connect([]);
        let disconnect =
            Disconnect::new(&customer(), &connection, OnDisconnect::DeleteAll).with_connected(&[]);
        let mut receipt = DisconnectReceipt::new(&disconnect);
        fixture.go_on(&disconnect, &mut receipt).await;
        assert_eq!(
            (fixture.event_count(), receipt.removed(), receipt.may_revoke()),
            (0, 2, true),
            "{receipt}"
        );
        let rows = &fixture.appointments[0].ledger.deliveries();
        assert!(rows.len() == 2 && rows[0].target() != rows[1].target());
        fixture.assert_quiet().await;
    }
}

#[tokio::test]
async fn events_of_another_connection_of_the_person_stay() {
    let anew = google("anew", "primary", "account-33");
    for (others, goes) in [
        (vec![home()], false),
        (vec![google("third", "primary", "account-33")], false),
        (vec![google("third", "family", "account-33")], true),
        (vec![google("third", "primary", "another")], true),
    ] {
        let fixture = Fixture::synced(1, 0).await;
        let disconnect = Disconnect::new(&customer(), &anew, OnDisconnect::DeleteAll);
        let unknown = fixture.plan_disconnect(&disconnect, 0);
        assert!(unknown.is_empty(), "the host has not given the other connections: {unknown}");
        let disconnect = disconnect.with_connected(&others);
        let plan = fixture.plan_disconnect(&disconnect, 0);
        assert_eq!(plan.plan.steps.len(), usize::from(goes), "{plan}");
        for step in &plan.plan.steps {
            assert_eq!((&step.calendar.connection, step.moves_from.is_some()), (&anew.id, true));
        }
    }
    // The disconnect does not reach events in another account or another calendar.
    for other in [google("anew", "family", "account-33"), google("anew", "primary", "another")] {
        let fixture = Fixture::synced(1, 0).await;
        let disconnect = Disconnect::new(&customer(), &other, OnDisconnect::DeleteAll).with_connected(&[]);
        assert!(fixture.plan_disconnect(&disconnect, 0).is_empty());
    }
}

#[tokio::test]
async fn events_in_the_old_account_are_not_touched_with_the_new_credentials() {
    let mut fixture = Fixture::synced(2, 0).await;
    fixture.connect([]);
    let calls = fixture.calls();
    let receipt = fixture.disconnect(&google("default", "primary", "another"), OnDisconnect::DeleteAll).await;
    assert_eq!((receipt.removed(), receipt.in_other_accounts(), receipt.may_revoke()), (0, 2, true));
    assert!(receipt.to_string().ends_with("0 removed, 0 kept there, 2 in another account"));
    assert_eq!((fixture.event_count(), fixture.calls()), (2, calls));
    let disconnect = Disconnect::new(&customer(), &home(), OnDisconnect::DeleteAll);
    let plan = fixture.plan_disconnect(&disconnect, 0);
    assert_eq!(plan.plan.steps.len(), 1, "with the old credentials they are");
}

#[tokio::test]
async fn a_late_report_of_an_older_run_does_not_end_the_hold_of_a_kept_event() {
    let mut fixture = Fixture::synced(1, 0).await;
    fixture.appointments[0].end_time += chrono::Duration::minutes(5);
    let slow = fixture.begin();
    fixture.connect([]);
    let revision = fixture.appointments[0].ledger.revision();
    let receipt = fixture.disconnect(&home(), OnDisconnect::Keep).await;
    assert_eq!(receipt.kept(), 1);
    assert_eq!(
        fixture.appointments[0].ledger.revision(),
        revision + 1,
        "a worker that loaded it before has to load it again"
    );
    let slow = fixture.syncer.run_all(slow).await;
    fixture.record(&slow);
    let row = &fixture.appointments[0].ledger.deliveries()[0];
    assert!(matches!(row.state(), DeliveryState::Pending(_)) && row.hold().is_some(), "{}", row.explain());
    fixture.assert_quiet().await;
    fixture.connect([home()]);
    assert!(fixture.sync().await.is_all_done());
    fixture.assert_quiet().await;
}

#[tokio::test]
async fn a_disconnect_plan_prints_what_it_will_do() {
    let fixture = Fixture::synced(2, 1).await;
    let disconnect = Disconnect::new(&customer(), &home(), OnDisconnect::DeleteFuture);
    let plans: Vec<_> = (0..2).map(|nth| fixture.plan_disconnect(&disconnect, nth)).collect();
    assert!(matches!(&plans[0].plan.notes[..], [Note::KeptOnDisconnect { .. }]));
    assert_eq!(
        plans[0].to_string(),
        "appointment 100: nothing to do\n  \
         the event for customer in google of profile 33 (connection default) is kept there: the calendar is disconnected"
    );
    assert_eq!(
        plans[1].to_string(),
        "appointment 101: 1 to do\n  delete for customer in google of profile 33 (connection default)"
    );
    assert!(!format!("{disconnect:?}").contains("account-33"));
}

#[tokio::test]
async fn an_event_kept_on_purpose_is_not_reported_as_waiting() {
    let mut fixture = Fixture::synced(1, 0).await;
    fixture.connect([]);
    fixture.disconnect(&home(), OnDisconnect::Keep).await;
    let directory = fixture.company.directory();
    let (order, appointment) = (&fixture.company.order, &fixture.appointments[0]);
    let audience = Audience::of(order, appointment, &directory).unwrap();
    let receipt = fixture.syncer.explain(order, appointment, &audience).unwrap();
    assert!(receipt.is_complete(), "{receipt}");
    assert_eq!((receipt.targets.len(), &receipt.targets[0].state), (1, &TargetState::LeftAsIs));
}

#[tokio::test]
async fn a_disconnect_too_waits_until_the_hold_ends() {
    let mut fixture = Fixture::synced(1, 0).await;
    fixture.connect([]);
    fixture.calendar.script([Fault::Before(ErrorKind::Unavailable)]);
    let receipt = fixture.disconnect(&home(), OnDisconnect::DeleteAll).await;
    let at = Some(crate::common::now() + chrono::Duration::minutes(5));
    assert_eq!((receipt.next_attempt_at(), receipt.may_revoke()), (at, false));
    let calls = fixture.calls();
    let receipt = fixture.disconnect(&home(), OnDisconnect::DeleteAll).await;
    assert_eq!((receipt.next_attempt_at(), receipt.may_revoke(), fixture.calls()), (at, false, calls));
    fixture.wait(5);
    assert_eq!(fixture.disconnect(&home(), OnDisconnect::DeleteAll).await.removed(), 1);
}
