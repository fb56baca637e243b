//! A ledger that was lost, or restored from an old backup.

use calsync_core::calendar::Role;
use calsync_core::identity::{Generation, TargetKey};
use calsync_core::ledger::Ledger;
use calsync_core::model::Stated;
use calsync_core::names::RemoteId;
use calsync_core::plan::Recovery;
use chrono::TimeDelta;

use crate::shop::{NAMESPACE, OTHER_STAFF, STAFF, Shop, calendar, connection};

impl Shop {
    async fn list(&self) -> Recovery {
        let mut recovery = Recovery::new(NAMESPACE);
        for person in [STAFF, OTHER_STAFF] {
            let calendar = calendar(person);
            recovery.add(&calendar, self.syncer.list_ours(&calendar).await.unwrap());
        }
        recovery
    }

    async fn recover(&mut self) -> Recovery {
        let mut recovery = self.list().await;
        let now = self.now();
        for appointment in &mut self.appointments {
            recovery.rebuild(appointment, now);
        }
        recovery
    }
}

#[tokio::test]
async fn a_lost_ledger_is_rebuilt_from_events_of_any_generation() {
    let mut shop = Shop::new(3);
    for staff in [3, 4, 3, 4, 3] {
        shop.assign_all(staff);
        shop.sync().await;
    }
    assert!(shop.row(0).generation().get() > 0);
    let before = shop.events();
    for appointment in &mut shop.appointments {
        appointment.ledger = Ledger::default();
    }
    let recovery = shop.recover().await;
    assert_eq!(recovery.orphans(), []);
    let report = shop.sync().await;
    assert!(report.is_all_done());
    assert_eq!(shop.events(), before, "found as they should be, and not written");
    assert_eq!(shop.sync().await.outcomes, []);
    shop.cancel_all();
    shop.sync().await;
    assert_eq!(shop.events(), []);
}

#[tokio::test]
async fn a_restored_ledger_finds_what_changed_after_the_backup() {
    let mut shop = Shop::new(4);
    shop.sync().await;
    let backup = shop.appointments.clone();
    // After the backup: one appointment cancelled, one moved, one reassigned, one event deleted by
    // hand.
    shop.appointments[0].status = "cancelled".into();
    shop.appointments[1].start_time -= TimeDelta::hours(1);
    shop.appointments[2].staff_id = Stated::Is(4.into());
    shop.sync().await;
    shop.appointments = backup;
    for appointment in &mut shop.appointments {
        appointment.ledger.doubt();
    }
    shop.recover().await;
    for _ in 0..2 {
        shop.sync().await;
    }
    assert!(shop.is_right());
    assert_eq!(shop.events().len(), 4);
    assert_eq!(shop.sync().await.outcomes, []);
}

#[tokio::test]
async fn an_event_of_a_replaced_connection_is_found_beside_the_calendars_own() {
    let mut shop = Shop::new(1);
    shop.sync().await;
    let own = shop.events().remove(0);
    // Written through a connection that was replaced later: another target, the same calendar.
    let place = calendar(STAFF);
    let mut older = place.clone();
    older.connection = 9.into();
    let key = TargetKey::derive(NAMESPACE, &shop.appointments[0].id, &older).event(Generation::FIRST);
    let mut marker = own.marker.unwrap();
    marker.key = key;
    for lost in [false, true] {
        shop.memory.insert(&place, RemoteId::new(key.to_string()), Some(marker.clone()), own.event.clone());
        if lost {
            shop.appointments[0].ledger = Ledger::default();
        }
        assert_eq!(shop.recover().await.orphans(), []);
        // The ledger as the host stores it: both rows are this appointment's.
        let json = serde_json::to_string(&shop.appointments[0]).unwrap();
        shop.appointments[0] = serde_json::from_str(&json).unwrap();
        for _ in 0..2 {
            assert!(shop.sync().await.is_all_done());
        }
        assert!(shop.is_right(), "lost: {lost}: {:?}", shop.events().len());
        assert_eq!(shop.sync().await.outcomes, []);
    }
}

#[tokio::test]
async fn events_of_no_appointment_are_reported_and_removed_only_if_the_host_decides() {
    let mut shop = Shop::new(3);
    shop.sync().await;
    let lost = shop.appointments.pop().unwrap();
    let recovery = shop.recover().await;
    let orphans = recovery.orphans();
    assert_eq!(orphans.len(), 1);
    assert_eq!(orphans[0].marker.appointment, Some(lost.id));
    assert_eq!(orphans[0].to_string(), "memory of profile 30 (connection 1): an event of appointment 12");
    assert_eq!(shop.events().len(), 3, "no event is removed unless the host decides");
    let removals: Vec<_> = orphans.iter().map(|orphan| orphan.removal(shop.now())).collect();
    assert!(shop.syncer.run_all(removals).report().await.is_all_done());
    assert!(shop.is_right());
}

/// A ledger that was restored or rebuilt doubts every row. That is no removal under way.
#[tokio::test]
async fn a_null_column_after_a_recovery_removes_nothing() {
    for is_lost in [false, true] {
        for column in ["staff_id", "calendar_sync_enabled"] {
            let mut shop = Shop::new(2);
            shop.sync().await;
            let before = shop.events();
            for appointment in &mut shop.appointments {
                if is_lost {
                    appointment.ledger = Ledger::default();
                }
                appointment.ledger.doubt();
            }
            assert_eq!(shop.recover().await.orphans(), []);
            match column {
                "staff_id" => shop.appointments.iter_mut().for_each(|it| it.staff_id = Stated::NotStated),
                _ => shop.profiles[0].calendar_sync_enabled = None,
            }
            for _ in 0..2 {
                shop.sync().await;
                assert_eq!(shop.events(), before, "{column}, lost: {is_lost}");
            }
            // Stated again, the events follow as ever.
            shop.profiles[0].calendar_sync_enabled = Some(true);
            shop.assign_all(3);
            shop.move_all(TimeDelta::hours(1));
            assert!(shop.sync().await.is_all_done(), "{column}, lost: {is_lost}");
            assert!(shop.is_right(), "{column}, lost: {is_lost}");
        }
    }
}

/// A rebuilt row without its role passed for the customer's: a guest's invitation was then deleted.
#[tokio::test]
async fn a_rebuilt_row_has_the_role_that_its_event_was_worded_for() {
    let mut shop = Shop::new(1);
    shop.sync().await;
    let role = shop.row(0).role();
    assert_ne!(role, Role::Customer);
    shop.appointments[0].ledger = Ledger::default();
    shop.recover().await;
    assert_eq!(shop.row(0).role(), role);
}

/// A person replaces a connection by another one to the same account while `staff_id` is null.
#[tokio::test]
async fn a_replaced_connection_is_no_disconnect_while_a_column_is_null() {
    let mut shop = Shop::new(1);
    let account = |id| connection(id).with_account("eve@example.org");
    shop.profiles[0].connections = vec![account(1)];
    shop.sync().await;
    shop.profiles[0].connections = vec![account(2)];
    shop.appointments[0].staff_id = Stated::NotStated;
    let report = shop.sync().await;
    assert!(report.is_all_done());
    assert_eq!(shop.events().len(), 1, "{:?}", report.outcomes);
    // The person disconnects that account: it loses its event, whatever the column says.
    shop.profiles[0].connections = vec![account(2).with_account("another@example.org")];
    assert!(matches!(&shop.plan(0).steps[..], [step] if step.removes()), "{}", shop.plan(0));
}

#[tokio::test]
async fn a_person_is_forgotten_after_a_finished_disconnect() {
    let mut shop = Shop::new(1);
    shop.sync().await;
    let person = calendar(STAFF).person;
    assert_eq!(shop.appointments[0].ledger.forget(&person), None, "an event is still there");
    shop.cancel_all();
    shop.sync().await;
    assert_eq!(shop.appointments[0].ledger.forget(&person), Some(1));
    let json = serde_json::to_string(&shop.appointments[0].ledger).unwrap();
    assert!(!json.contains("30"), "{json}");
}
