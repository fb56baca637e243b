//! Disconnecting: what goes, what stays, and when the grant may be given back.

use calsync_core::ErrorKind;
use calsync_core::audience::Audience;
use calsync_core::ledger::{BlockReason, DeliveryState, Hold};
use calsync_core::model::Appointment;
use calsync_core::names::RemoteId;
use calsync_core::plan::{Disconnect, DisconnectReceipt, Note, OnDisconnect, TargetState};
use calsync_core::testing::Fault;

use crate::common::{Company, google};
use crate::desk::{Desk, customer};

fn home() -> calsync_core::model::Connection {
    google("default", "primary", "account-33")
}

#[tokio::test]
async fn what_goes_is_the_hosts_choice_and_nothing_is_called_afterwards() {
    for (which, removed, left) in
        [(OnDisconnect::DeleteFuture, 3, 2), (OnDisconnect::DeleteAll, 5, 0), (OnDisconnect::Keep, 0, 5)]
    {
        let mut desk = Desk::synced(5, 2).await;
        desk.connect([]);
        let receipt = desk.disconnect(&home(), which).await;
        assert_eq!((receipt.removed(), receipt.kept()), (removed, left), "{which:?}");
        assert!(receipt.may_revoke());
        assert_eq!(
            receipt.to_string(),
            format!("google of profile 33 (connection default): {removed} removed, {left} kept there")
        );
        assert_eq!(desk.standing(), left);
        desk.assert_quiet().await;
        // Whatever happens to the appointments: the credentials are gone.
        for appointment in &mut desk.appointments {
            appointment.status = "cancelled".into();
        }
        desk.assert_quiet().await;
        assert_eq!(
            desk.appointments.iter().filter(|it| it.ledger.deliveries().len() == 1).count(),
            5,
            "rows survive"
        );
    }
}

#[tokio::test]
async fn the_same_calendar_connected_again_finds_its_events() {
    for connection in [home(), google("anew", "primary", "account-33")] {
        let mut desk = Desk::synced(3, 1).await;
        desk.connect([]);
        desk.disconnect(&home(), OnDisconnect::Keep).await;
        let before = desk.calendar.inner().events();
        desk.connect([connection.clone()]);
        desk.assert_quiet().await;
        for appointment in &mut desk.appointments {
            appointment.end_time += chrono::Duration::minutes(5);
        }
        assert!(desk.sync().await.is_all_done());
        let after = desk.calendar.inner().events();
        let ids = |events: &[calsync_core::memory::StoredEvent]| -> Vec<RemoteId> {
            events.iter().map(|event| event.remote_id.clone()).collect()
        };
        assert_eq!(ids(&after), ids(&before));
        desk.assert_quiet().await;
        for appointment in &mut desk.appointments {
            appointment.status = "cancelled".into();
        }
        desk.sync().await;
        assert_eq!(desk.standing(), 0, "{connection:?}");
    }
}

#[tokio::test]
async fn an_event_that_is_as_it_should_be_can_still_be_removed_after_a_reconnect() {
    for revived in [true, false] {
        let mut desk = Desk::synced(2, 0).await;
        desk.connect([]);
        desk.disconnect(&home(), OnDisconnect::Keep).await;
        desk.connect([home()]);
        for appointment in &mut desk.appointments {
            if revived {
                let connection = home().calendar(&customer()).connection_key();
                assert_eq!(appointment.ledger.revive(&connection), 0, "what the person chose stays");
            }
            appointment.status = "cancelled".into();
        }
        desk.sync().await;
        assert_eq!(desk.standing(), 0);
    }
}

#[tokio::test]
async fn removed_events_come_back_under_new_keys() {
    let mut desk = Desk::synced(3, 0).await;
    desk.connect([]);
    desk.disconnect(&home(), OnDisconnect::DeleteAll).await;
    desk.connect([home()]);
    assert!(desk.sync().await.is_all_done());
    assert_eq!(desk.standing(), 3);
    assert!(desk.appointments.iter().all(|it| it.ledger.deliveries()[0].generation().get() == 1));
    desk.assert_quiet().await;
}

#[tokio::test]
async fn what_fails_stays_in_the_receipt_and_can_be_tried_again_while_there_are_tokens() {
    let mut desk = Desk::synced(4, 0).await;
    desk.connect([]);
    let leaving = Disconnect::new(&customer(), &home(), OnDisconnect::DeleteAll);
    let mut receipt = DisconnectReceipt::new(&leaving);
    desk.calendar.script([
        Fault::Before(ErrorKind::Unavailable),
        Fault::Before(ErrorKind::Unauthenticated),
        Fault::ResponseLost,
        Fault::None,
    ]);
    desk.go_on(&leaving, &mut receipt).await;
    assert!(!receipt.may_revoke());
    assert_eq!(receipt.removed() + receipt.remaining().count(), 4);
    let kinds: Vec<_> = receipt.remaining().map(|it| it.failure.as_ref().unwrap().kind).collect();
    assert!(
        kinds.contains(&ErrorKind::Unavailable) && kinds.contains(&ErrorKind::Unauthenticated),
        "{receipt}"
    );
    let words = receipt.to_string();
    assert!(words.contains("the person has to connect the calendar again"), "{words}");
    assert!(!words.contains("account-33") && !words.contains("primary"), "{words}");

    // It survives being stored, and goes on.
    let json = serde_json::to_string(&receipt).unwrap();
    let mut receipt: DisconnectReceipt = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&receipt).unwrap(), json);
    for appointment in &mut desk.appointments {
        appointment.ledger.revive(&home().calendar(&customer()).connection_key());
    }
    for _ in 0..2 {
        desk.wait(60);
        desk.go_on(&leaving, &mut receipt).await;
    }
    assert!(receipt.may_revoke(), "{receipt}");
    assert_eq!((receipt.removed(), desk.standing()), (4, 0));
}

#[tokio::test]
async fn a_run_that_was_cut_off_leaves_everything_in_the_receipt() {
    let mut desk = Desk::synced(3, 0).await;
    desk.connect([]);
    let leaving = Disconnect::new(&customer(), &home(), OnDisconnect::DeleteAll);
    let mut receipt = DisconnectReceipt::new(&leaving);
    drop(desk.begin_disconnect(&leaving, &mut receipt));
    assert_eq!((receipt.remaining().count(), receipt.may_revoke()), (3, false));
    assert!(receipt.to_string().contains("not reported yet"));
    for _ in 0..2 {
        desk.wait(60);
        desk.go_on(&leaving, &mut receipt).await;
    }
    assert_eq!((receipt.removed(), receipt.may_revoke(), desk.standing()), (3, true, 0));
}

#[tokio::test]
async fn a_host_that_gives_up_leaves_the_rest_on_purpose() {
    let mut desk = Desk::synced(3, 0).await;
    desk.connect([]);
    desk.calendar.script([Fault::Before(ErrorKind::Unauthenticated); 3]);
    let receipt = desk.disconnect(&home(), OnDisconnect::DeleteAll).await;
    assert!(!receipt.may_revoke());
    let receipt = desk.disconnect(&home(), OnDisconnect::Keep).await;
    assert_eq!((receipt.kept(), receipt.may_revoke()), (3, true));
    let reason = |it: &Appointment| it.ledger.deliveries()[0].hold().and_then(Hold::reason);
    assert!(desk.appointments.iter().all(|it| reason(it) == Some(BlockReason::Disconnected)));
    desk.assert_quiet().await;
    // Asked once more, there is nothing new to say.
    let again = Disconnect::new(&customer(), &home(), OnDisconnect::Keep);
    assert!((0..3).all(|nth| desk.departure(&again, nth).is_empty()));
    // And who changes their mind while the tokens are there removes it after all.
    desk.calendar.quiet();
    desk.wait(60);
    let receipt = desk.disconnect(&home(), OnDisconnect::DeleteAll).await;
    assert_eq!((receipt.removed(), desk.standing()), (3, 0));
}

#[tokio::test]
async fn other_people_and_other_connections_are_not_touched() {
    let mut desk = Desk::new(Company::new(), 3, 0);
    let (home, work) = (home(), google("work", "primary", "account-of-work"));
    desk.connect([home.clone(), work.clone()]);
    desk.sync().await;
    let before = desk.calendar.inner().events();
    assert_eq!(before.len(), 15);
    desk.connect([work]);
    let receipt = desk.disconnect(&home, OnDisconnect::DeleteAll).await;
    assert_eq!(receipt.removed(), 3);
    let gone: Vec<_> = before.iter().filter(|it| !desk.calendar.inner().events().contains(it)).collect();
    assert_eq!(gone.len(), 3);
    assert!(gone.iter().all(|it| it.place.person == customer() && it.place.connection == home.id));
    desk.assert_quiet().await;
}

/// An appointment that is over when the connection is replaced keeps the row of the old one for good.
#[tokio::test]
async fn what_a_connection_since_replaced_has_made_goes_too() {
    let anew = google("anew", "primary", "account-33");
    for (which, removed) in
        [(OnDisconnect::DeleteFuture, 3), (OnDisconnect::DeleteAll, 5), (OnDisconnect::Keep, 0)]
    {
        for syncs_between in [false, true] {
            let mut desk = Desk::synced(5, 2).await;
            desk.connect([anew.clone()]);
            if syncs_between {
                desk.sync().await;
            }
            desk.connect([]);
            let leaving = Disconnect::new(&customer(), &anew, which).with_connected(&[]);
            let mut receipt = DisconnectReceipt::new(&leaving);
            // The removal of the first is heard of only when it is looked for.
            desk.calendar.script([Fault::ResponseLost]);
            desk.go_on(&leaving, &mut receipt).await;
            desk.wait(60);
            desk.go_on(&leaving, &mut receipt).await;
            assert_eq!((desk.standing(), receipt.may_revoke()), (5 - removed, true), "{which:?}: {receipt}");
            desk.assert_quiet().await;
        }
    }
}

/// As two workers leave it, of which each knew another connection.
#[tokio::test]
async fn of_two_events_in_one_calendar_both_go_and_a_place_keeps_to_one_row() {
    let (anew, third) = (google("anew", "primary", "account-33"), google("third", "primary", "account-33"));
    for connection in [anew, third] {
        let mut desk = Desk::synced(1, 0).await;
        let first = serde_json::to_value(&desk.appointments[0].ledger).unwrap();
        desk.appointments[0].ledger = Default::default();
        desk.connect([google("second", "primary", "account-33")]);
        desk.sync().await;
        let mut both = serde_json::to_value(&desk.appointments[0].ledger).unwrap();
        both["deliveries"].as_array_mut().unwrap().push(first["deliveries"][0].clone());
        desk.appointments[0].ledger = serde_json::from_value(both).unwrap();
        assert_eq!(desk.standing(), 2);
        desk.connect([]);
        let leaving = Disconnect::new(&customer(), &connection, OnDisconnect::DeleteAll).with_connected(&[]);
        let mut receipt = DisconnectReceipt::new(&leaving);
        desk.go_on(&leaving, &mut receipt).await;
        assert_eq!((desk.standing(), receipt.removed(), receipt.may_revoke()), (0, 2, true), "{receipt}");
        let rows = &desk.appointments[0].ledger.deliveries();
        assert!(rows.len() == 2 && rows[0].target() != rows[1].target());
        desk.assert_quiet().await;
    }
}

#[tokio::test]
async fn what_another_connection_of_the_person_has_made_stays() {
    let anew = google("anew", "primary", "account-33");
    for (others, goes) in [
        (vec![home()], false),
        (vec![google("third", "primary", "account-33")], false),
        (vec![google("third", "family", "account-33")], true),
        (vec![google("third", "primary", "another")], true),
    ] {
        let desk = Desk::synced(1, 0).await;
        let leaving = Disconnect::new(&customer(), &anew, OnDisconnect::DeleteAll);
        let silent = desk.departure(&leaving, 0);
        assert!(silent.is_empty(), "the host has not said what else there is: {silent}");
        let leaving = leaving.with_connected(&others);
        let departure = desk.departure(&leaving, 0);
        assert_eq!(departure.plan.steps.len(), usize::from(goes), "{departure}");
        for step in &departure.plan.steps {
            assert_eq!((&step.calendar.connection, step.moves_from.is_some()), (&anew.id, true));
        }
    }
    // What is in another account or in another calendar is out of its reach.
    for other in [google("anew", "family", "account-33"), google("anew", "primary", "another")] {
        let desk = Desk::synced(1, 0).await;
        let leaving = Disconnect::new(&customer(), &other, OnDisconnect::DeleteAll).with_connected(&[]);
        assert!(desk.departure(&leaving, 0).is_empty());
    }
}

#[tokio::test]
async fn events_in_the_account_of_before_are_not_touched_with_the_credentials_of_today() {
    let mut desk = Desk::synced(2, 0).await;
    desk.connect([]);
    let calls = desk.calls();
    let receipt = desk.disconnect(&google("default", "primary", "another"), OnDisconnect::DeleteAll).await;
    assert_eq!((receipt.removed(), receipt.in_other_accounts(), receipt.may_revoke()), (0, 2, true));
    assert!(receipt.to_string().ends_with("0 removed, 0 kept there, 2 in another account"));
    assert_eq!((desk.standing(), desk.calls()), (2, calls));
    let leaving = Disconnect::new(&customer(), &home(), OnDisconnect::DeleteAll);
    let departure = desk.departure(&leaving, 0);
    assert_eq!(departure.plan.steps.len(), 1, "with those of before they are");
}

#[tokio::test]
async fn a_late_report_of_an_older_run_does_not_lift_what_was_left() {
    let mut desk = Desk::synced(1, 0).await;
    desk.appointments[0].end_time += chrono::Duration::minutes(5);
    let slow = desk.begin();
    desk.connect([]);
    let revision = desk.appointments[0].ledger.revision();
    let receipt = desk.disconnect(&home(), OnDisconnect::Keep).await;
    assert_eq!(receipt.kept(), 1);
    assert_eq!(
        desk.appointments[0].ledger.revision(),
        revision + 1,
        "whoever loaded it before has to load it again"
    );
    let slow = desk.syncer.run_all(slow).await;
    desk.record(&slow);
    let row = &desk.appointments[0].ledger.deliveries()[0];
    assert!(matches!(row.state(), DeliveryState::Pending(_)) && row.hold().is_some(), "{}", row.explain());
    desk.assert_quiet().await;
    desk.connect([home()]);
    assert!(desk.sync().await.is_all_done());
    desk.assert_quiet().await;
}

#[tokio::test]
async fn a_departure_says_in_words_what_it_will_do() {
    let desk = Desk::synced(2, 1).await;
    let leaving = Disconnect::new(&customer(), &home(), OnDisconnect::DeleteFuture);
    let departures: Vec<_> = (0..2).map(|nth| desk.departure(&leaving, nth)).collect();
    assert!(matches!(&departures[0].plan.notes[..], [Note::KeptOnDisconnect { .. }]));
    assert_eq!(
        departures[0].to_string(),
        "appointment 100: nothing to do\n  \
         the event for customer in google of profile 33 (connection default) is kept there: the calendar is disconnected"
    );
    assert_eq!(
        departures[1].to_string(),
        "appointment 101: 1 to do\n  delete for customer in google of profile 33 (connection default)"
    );
    assert!(!format!("{leaving:?}").contains("account-33"));
}

#[tokio::test]
async fn what_was_left_on_purpose_is_not_told_as_something_that_waits() {
    let mut desk = Desk::synced(1, 0).await;
    desk.connect([]);
    desk.disconnect(&home(), OnDisconnect::Keep).await;
    let directory = desk.company.directory();
    let (order, appointment) = (&desk.company.order, &desk.appointments[0]);
    let audience = Audience::of(order, appointment, &directory).unwrap();
    let told = desk.syncer.explain(order, appointment, &audience).unwrap();
    assert!(told.is_complete(), "{told}");
    assert_eq!((told.targets.len(), &told.targets[0].state), (1, &TargetState::LeftAsIs));
}

#[tokio::test]
async fn a_disconnect_too_waits_until_the_next_attempt_is_worth_making() {
    let mut desk = Desk::synced(1, 0).await;
    desk.connect([]);
    desk.calendar.script([Fault::Before(ErrorKind::Unavailable)]);
    let receipt = desk.disconnect(&home(), OnDisconnect::DeleteAll).await;
    let at = Some(crate::common::now() + chrono::Duration::minutes(5));
    assert_eq!((receipt.next_attempt_at(), receipt.may_revoke()), (at, false));
    let calls = desk.calls();
    let receipt = desk.disconnect(&home(), OnDisconnect::DeleteAll).await;
    assert_eq!((receipt.next_attempt_at(), receipt.may_revoke(), desk.calls()), (at, false, calls));
    desk.wait(5);
    assert_eq!(desk.disconnect(&home(), OnDisconnect::DeleteAll).await.removed(), 1);
}
