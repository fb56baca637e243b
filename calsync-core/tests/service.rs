//! The guide's three service functions.
#![cfg(test)]
#![cfg(feature = "sync")]

mod common;

use calsync_core::names::ProviderKind;
use calsync_core::report::Verdict;
use calsync_core::sync::ServiceError;
use common::{ADMIN, CUSTOMER, Company, Host, MANAGER, STAFF};

#[tokio::test]
async fn the_guides_three_functions_put_in_change_and_take_out_one_persons_event() {
    let mut host = Host::new(Company::new());
    let directory = host.company.directory();
    let Company { order, appointment, .. } = &mut host.company;
    let syncer = &host.syncer;
    for id in [STAFF, CUSTOMER] {
        let report = syncer.create_calendar_event(order, appointment, &directory, &id.into()).await.unwrap();
        assert_eq!((report.outcomes.len(), report.count(Verdict::Created)), (1, 1));
    }
    let again = syncer.create_calendar_event(order, appointment, &directory, &STAFF.into()).await.unwrap();
    assert!(again.outcomes.is_empty(), "twice is once");
    appointment.end_time += chrono::Duration::hours(1);
    let report = syncer.update_calendar_event(order, appointment, &directory, &STAFF.into()).await.unwrap();
    assert_eq!(report.count(Verdict::Updated), 1);
    let report =
        syncer.delete_calendar_event(order, appointment, &directory, &CUSTOMER.into()).await.unwrap();
    assert_eq!(report.count(Verdict::Removed), 1);
    assert_eq!(appointment.ledger.synced_to(), [ProviderKind::GOOGLE]);
    let events = host.world.calendar.events();
    assert_eq!((events.len(), &*events[0].event.title), (1, "Deep clean at Cara Lind's"));
    assert_eq!(host.plan().steps.len(), 3, "the manager, the administrator and the customer again");
}

#[tokio::test]
async fn the_guides_functions_ask_nobody_who_switched_sync_off() {
    let mut host = Host::new(Company::new());
    host.company.profile(MANAGER).calendar_sync_enabled = Some(false);
    let settings = calsync_core::model::SyncSettings::default().with_auto_sync(false);
    host.company.profile(ADMIN).calendar_sync_settings = settings;
    let directory = host.company.directory();
    let Company { order, appointment, .. } = &mut host.company;
    let off =
        host.syncer.create_calendar_event(order, appointment, &directory, &MANAGER.into()).await.unwrap();
    let by_hand =
        host.syncer.create_calendar_event(order, appointment, &directory, &ADMIN.into()).await.unwrap();
    assert_eq!((off.outcomes.len(), by_hand.count(Verdict::Created)), (0, 1));
}

#[tokio::test]
async fn the_guides_functions_refuse_bad_input_and_change_nothing() {
    let mut host = Host::new(Company::new());
    host.company.appointment.end_time = host.company.appointment.start_time;
    let before = host.company.appointment.clone();
    let directory = host.company.directory();
    let Company { order, appointment, .. } = &mut host.company;
    let error =
        host.syncer.create_calendar_event(order, appointment, &directory, &STAFF.into()).await.unwrap_err();
    assert!(matches!(error, ServiceError::Input(_)));
    assert_eq!((&host.company.appointment, host.world.calendar.all_calls()), (&before, 0));
}
