//! A host can use `MockCalendarProvider` as a provider of the syncer, to check the calls.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::sync::Arc;

use calsync_core::ProviderKind;
use calsync_core::audience::Audience;
use calsync_core::model::{
    Appointment, Connection, Directory, Order, OrderStatus, Profile, Service, Staff, Stated,
};
use calsync_core::names::{CalendarId, RemoteId};
use calsync_core::provider::{Capabilities, MockCalendarProvider, Written};
use calsync_core::sync::Syncer;

#[tokio::test]
async fn a_host_can_check_the_calls_to_its_provider() {
    let mut provider = MockCalendarProvider::new();
    provider.expect_kind().return_const(ProviderKind::GOOGLE);
    provider.expect_capabilities().returning(Capabilities::new);
    provider
        .expect_create()
        .withf(|place, draft, _| {
            place.calendar.is_primary() && &*draft.event.title == "Deep clean at Guest's"
        })
        .times(1)
        .returning(|_, draft, _| Ok(Written::new(RemoteId::new(draft.marker.key.to_string()))));
    let syncer = Syncer::builder("my-shop").shared_provider(Arc::new(provider)).build();

    let google = Connection::new(1, ProviderKind::GOOGLE, CalendarId::primary());
    let mut staff = Staff::new(3, "Eve");
    staff.profile_id = Some(7.into());
    let directory = Directory::new()
        .with_services([Service::new(5, "Deep clean", 90)])
        .with_staff([staff])
        .with_profiles([Profile::new(7).with_connection(google)]);
    let order = Order::new(1, OrderStatus::Confirmed);
    let (start, end) = ("2096-01-20T09:00:00Z".parse().unwrap(), "2096-01-20T10:30:00Z".parse().unwrap());
    let mut appointment = Appointment::new(10, 5, start, end);
    appointment.staff_id = Stated::Is(3.into());

    let plan =
        syncer.plan(&order, &appointment, &Audience::of(&order, &appointment, &directory).unwrap()).unwrap();
    let begun = plan.begin(&mut appointment).unwrap();
    appointment.record(&syncer.run(begun).await);
    assert_eq!(appointment.ledger.synced_to(), [ProviderKind::GOOGLE]);
}
