//! "Not found" does not mean that an event is gone; one look by target corrects the row.

use calsync_core::audience::Audience;
use calsync_core::error::{ErrorKind, Operation};
use calsync_core::identity::Generation;
use calsync_core::ledger::{BlockReason, DeliveryState, Verdict};
use calsync_core::names::RemoteId;
use calsync_core::provider::Marker;
use calsync_core::testing::Fault;
use chrono::TimeDelta;

use crate::shop::{NAMESPACE, STAFF, Shop, calendar};

#[tokio::test]
async fn a_removal_with_response_not_found_is_done_only_after_a_look_that_finds_none() {
    let mut shop = Shop::new(1);
    shop.sync().await;
    shop.cancel_all();
    // The response to the removal is 404, although the event is there.
    shop.provider.script([Fault::Before(ErrorKind::NotFound)]);
    let report = shop.sync().await;
    assert_eq!(report.outcomes[0].verdict, Verdict::Removed);
    assert_eq!(shop.events(), [], "the look found the event, and it was removed");
    assert_eq!(shop.memory.calls(Operation::Find), 1);
}

#[tokio::test]
async fn a_removal_in_a_calendar_that_cannot_be_reached_is_held_not_done() {
    let mut shop = Shop::new(1);
    shop.sync().await;
    shop.cancel_all();
    for script in [
        vec![Fault::Before(ErrorKind::CalendarNotFound)],
        vec![Fault::Before(ErrorKind::NotFound), Fault::Before(ErrorKind::CalendarNotFound)],
    ] {
        shop.provider.script(script);
        let report = shop.sync().await;
        assert_eq!(report.outcomes[0].verdict, Verdict::Failed);
        assert_ne!(*shop.row(0).state(), DeliveryState::Absent);
        shop.clock.advance(TimeDelta::minutes(30));
    }
    shop.sync().await;
    assert!(shop.is_right());
}

#[tokio::test]
async fn an_update_with_response_not_found_looks_before_the_next_generation() {
    let mut shop = Shop::new(1);
    shop.sync().await;
    shop.move_all(TimeDelta::hours(1));
    shop.provider.script([Fault::Before(ErrorKind::NotFound)]);
    shop.sync().await;
    assert!(shop.is_right(), "one event, at the new time: {}", shop.events().len());
}

#[tokio::test]
async fn an_event_that_carries_another_hosts_marker_is_left_behind_until_the_host_abandons_it() {
    let mut shop = Shop::new(1);
    shop.sync().await;
    let event = shop.events().remove(0);
    let key = event.marker.unwrap().key;
    let theirs = Marker::new("another-shop", key, 1);
    shop.memory.insert(&calendar(STAFF), event.remote_id.clone(), Some(theirs), event.event);
    shop.cancel_all();
    let report = shop.sync().await;
    assert_eq!(report.outcomes[0].verdict, Verdict::LeftBehind);
    assert!(!report.is_all_done());
    assert_eq!(shop.row(0).hold().unwrap().reason(), Some(BlockReason::NotOurs));
    assert!(shop.row(0).confirmed().is_some(), "an event that is still there does not count as removed");
    let calendar = shop.row(0).calendar().clone();
    assert_eq!(shop.appointments[0].ledger.abandon(&calendar), 1);
    assert_eq!(shop.sync().await.outcomes, []);
    assert_eq!(shop.events().len(), 1, "theirs");
}

#[tokio::test]
async fn used_ids_raise_the_generation_at_once() {
    let mut shop = Shop::new(1);
    for _ in 0..5 {
        // Assigned and reassigned again; each time the worker dies before it records.
        shop.assign_all(4);
        shop.sync_and_die().await;
        shop.assign_all(3);
        shop.sync_and_die().await;
    }
    shop.assign_all(3);
    shop.sync().await;
    let theirs: Vec<_> = shop.events().into_iter().map(|event| event.place.person).collect();
    assert_eq!(
        theirs,
        [calendar(STAFF).person],
        "in the calendar of the assigned staff member, by the first run"
    );
    for _ in 0..3 {
        shop.clock.advance(TimeDelta::minutes(11));
        shop.sync().await;
    }
    assert!(shop.is_right());
    assert_eq!(shop.sync().await.outcomes, []);
}

#[tokio::test]
async fn a_duplicate_is_removed_at_the_next_look_and_a_persons_copy_is_not_touched() {
    let mut shop = Shop::new(1);
    shop.sync().await;
    let event = shop.events().remove(0);
    let marker = event.marker.unwrap();
    let later = marker.key.target().event(Generation::new(7));
    let place = calendar(STAFF);
    let duplicate = Marker::new(NAMESPACE, later, 0);
    shop.memory.insert(&place, RemoteId::new(later.to_string()), Some(duplicate), event.event.clone());
    let copy = Marker::new(NAMESPACE, marker.key, 1);
    shop.memory.insert(&place, RemoteId::new("a-copy"), Some(copy), event.event);
    shop.appointments[0].ledger.doubt();
    shop.move_all(TimeDelta::hours(1));
    let report = shop.sync().await;
    assert_eq!((report.outcomes[0].verdict, report.outcomes[0].copies), (Verdict::Updated, 1));
    let ids: Vec<_> = shop.events().into_iter().map(|event| event.remote_id.to_string()).collect();
    assert_eq!(ids, [marker.key.to_string(), "a-copy".to_owned()]);
    shop.cancel_all();
    shop.sync().await;
    assert_eq!(shop.events().len(), 1, "the person's copy stays");
}

#[tokio::test]
async fn a_look_that_finds_just_the_desired_event_writes_nothing() {
    let mut shop = Shop::new(3);
    shop.sync().await;
    let before = shop.events();
    for appointment in &mut shop.appointments {
        assert_eq!(appointment.ledger.doubt(), 1);
    }
    let report = shop.sync().await;
    assert!(report.is_all_done());
    assert_eq!(shop.events(), before);
    assert_eq!(shop.sync().await.outcomes, []);
}

#[tokio::test]
async fn an_edited_marker_cannot_raise_the_revision_out_of_reach() {
    let mut shop = Shop::new(1);
    shop.sync().await;
    let event = shop.events().remove(0);
    let mut marker = event.marker.unwrap();
    marker.revision = u64::MAX;
    shop.memory.insert(&calendar(STAFF), event.remote_id, Some(marker), event.event);
    shop.move_all(TimeDelta::hours(1));
    shop.sync().await;
    assert!(shop.is_right());
    assert!(shop.appointments[0].ledger.revision() < 10);
}

#[tokio::test]
async fn a_late_report_of_an_older_run_makes_the_next_plan_look() {
    let mut shop = Shop::new(1);
    shop.sync().await;
    shop.move_all(TimeDelta::hours(1));
    let older = shop.plan(0).begin(&mut shop.appointments[0]).unwrap();
    shop.cancel_all();
    let newer = shop.plan(0).begin(&mut shop.appointments[0]).unwrap();
    let newer = shop.syncer.run(newer).await;
    let older = shop.syncer.run(older).await;
    shop.appointments[0].record(&newer);
    shop.appointments[0].record(&older);
    for _ in 0..3 {
        shop.clock.advance(TimeDelta::minutes(11));
        shop.sync().await;
    }
    assert_eq!(shop.events(), []);
    assert_eq!(shop.sync().await.outcomes, []);
}

#[tokio::test]
async fn a_late_report_of_a_removal_makes_the_next_plan_look() {
    let mut shop = Shop::new(1);
    shop.sync().await;
    shop.assign_all(4);
    let older = shop.plan(0).begin(&mut shop.appointments[0]).unwrap();
    shop.assign_all(3);
    let newer = shop.plan(0).begin(&mut shop.appointments[0]).unwrap();
    // The newer run ends first; the removal of the older run takes effect after it.
    let newer = shop.syncer.run(newer).await;
    shop.appointments[0].record(&newer);
    let event = shop.events().into_iter().find(|event| event.place.person == calendar(STAFF).person).unwrap();
    shop.memory.person_deletes(&calendar(STAFF), &event.remote_id);
    let mut older = shop.syncer.run(older).await;
    for outcome in
        older.outcomes.iter_mut().filter(|outcome| outcome.calendar.person == calendar(STAFF).person)
    {
        (outcome.verdict, outcome.state) = (Verdict::Removed, DeliveryState::Absent);
        (outcome.hold, outcome.failure) = (None, None);
    }
    assert!(shop.appointments[0].record(&older) > 0);
    for _ in 0..3 {
        shop.clock.advance(TimeDelta::minutes(11));
        shop.sync().await;
    }
    assert!(shop.is_right(), "{} events", shop.events().len());
    assert_eq!(shop.sync().await.outcomes, []);
}

#[tokio::test]
async fn an_abandoned_calendar_keeps_its_generation_and_another_accounts_row() {
    let mut shop = Shop::new(1);
    shop.sync().await;
    let row = shop.row(0).clone();
    let elsewhere = row.calendar().clone().with_account(Some("another@example.org".into()));
    let mut named = serde_json::to_value(&shop.appointments[0].ledger).unwrap();
    named["deliveries"][0]["calendar"]["account"] = "eve@example.org".into();
    shop.appointments[0].ledger = serde_json::from_value(named).unwrap();
    assert_eq!(shop.appointments[0].ledger.abandon(&elsewhere), 0, "that account has no row");
    let calendar = shop.row(0).calendar().clone();
    assert_eq!(shop.appointments[0].ledger.abandon(&calendar), 1);
    shop.sync().await;
    let again = shop.row(0);
    assert_eq!((again.target(), again.generation()), (row.target(), row.generation().next()));
}

#[tokio::test]
async fn a_lost_write_may_take_effect_for_some_time_after_its_call() {
    let mut shop = Shop::new(1);
    let begun = shop.plan(0).begin(&mut shop.appointments[0]).unwrap();
    // A long run: the step's call is made twenty minutes after its plan.
    shop.clock.advance(TimeDelta::minutes(20));
    shop.provider.script([Fault::ResponseLost]);
    let report = shop.syncer.run(begun).await;
    assert_eq!(report.outcomes[0].verdict, Verdict::Unknown);
    assert_eq!(report.outcomes[0].ended_at, shop.now());
    shop.appointments[0].record(&report);
    let event = shop.events().remove(0);
    shop.memory.person_deletes(&calendar(STAFF), &event.remote_id);
    shop.cancel_all();
    shop.sync().await;
    // The lost write takes effect only now.
    shop.memory.insert(&calendar(STAFF), event.remote_id, event.marker, event.event);
    for _ in 0..2 {
        shop.clock.advance(TimeDelta::minutes(11));
        shop.sync().await;
    }
    assert_eq!(shop.events(), []);
    assert_eq!(shop.sync().await.outcomes, []);
}

/// A create, an update and a removal are one call each, and a quiet run makes none.
#[tokio::test]
async fn each_change_of_ordinary_days_is_one_call() {
    let mut shop = Shop::new(1);
    let mut costs = vec![shop.calls()];
    shop.sync().await;
    costs.push(shop.calls());
    shop.sync().await;
    costs.push(shop.calls());
    shop.move_all(TimeDelta::hours(1));
    shop.sync().await;
    costs.push(shop.calls());
    shop.cancel_all();
    shop.sync().await;
    costs.push(shop.calls());
    shop.sync().await;
    costs.push(shop.calls());
    assert_eq!(costs, [0, 1, 1, 2, 3, 3]);
}

#[tokio::test]
async fn a_plan_of_another_namespace_is_an_error() {
    let mut shop = Shop::new(1);
    shop.sync().await;
    let planner = calsync_core::plan::Planner::new("another-shop");
    let directory = shop.directory();
    let audience = Audience::of(&shop.order, &shop.appointments[0], &directory).unwrap();
    let error = planner.plan(&shop.order, &shop.appointments[0], &audience, shop.now()).unwrap_err();
    assert_eq!(error.to_string(), "appointment 10: calendar_ledger: belongs to another namespace");
}
