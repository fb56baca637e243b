//! Decisions that depend on what was written, and not on today's records.

use calsync_core::calendar::Person;
use calsync_core::error::Operation;
use calsync_core::model::{ManagerRef, Profile, Staff, Stated};
use calsync_core::plan::RemovedByPerson;

use crate::common::{ADMIN, CUSTOMER, Company, Host, MANAGER, STAFF, google};

/// Rule 2: the ledger tells who loses the event, since the record that named them is already
/// overwritten (cal.com #12098).
#[tokio::test]
async fn a_reassigned_appointment_is_removed_from_the_calendars_in_the_ledger() {
    let mut host = Host::new(Company::new());
    assert!(host.sync().await.is_all_done());
    // Reassigned twice before the next sync, and no record of Ben is left.
    for (id, profile) in [(8, 38), (9, 39)] {
        let mut staff = Staff::new(id, "Someone else");
        staff.profile_id = Some(profile.into());
        staff.manager_id = Stated::Is(ManagerRef::Staff(4.into()));
        host.company.staff = staff;
        host.company.profiles.retain(|known| known.id != STAFF.into() && known.id != 38.into());
        let calendar = google("default", "primary", &format!("account-{profile}"));
        host.company.profiles.push(Profile::new(profile).with_connection(calendar));
        host.company.appointment.staff_id = Stated::Is(id.into());
    }
    assert!(host.sync().await.is_all_done());
    let mut people: Vec<_> =
        host.world.calendar.events().into_iter().map(|event| event.place.person).collect();
    people.sort();
    assert_eq!(people, [MANAGER, ADMIN, CUSTOMER, 39].map(|id| Person::Profile(id.into())));
    host.assert_quiet();
}

/// Rule 3: an event is changed and removed where it was written, even if the person has chosen
/// another calendar since (cal.com #13902).
#[tokio::test]
async fn the_event_in_the_old_calendar_goes_when_another_calendar_is_chosen() {
    for cancelled in [false, true] {
        let mut host = Host::synced(RemovedByPerson::Recreate).await;
        host.company.profile(CUSTOMER).connections = vec![google("default", "family", "account-33")];
        if cancelled {
            host.cancel();
        }
        assert!(host.sync().await.is_all_done());
        let events = host.world.calendar.events();
        let calendars: Vec<_> = events.iter().map(|event| event.place.calendar.as_str()).collect();
        assert_eq!(calendars, if cancelled { vec![] } else { vec!["family"] });
        host.assert_quiet();
    }
}

/// Rule 16: a person who connects a calendar gets their own events, and other people's events are
/// not written again (odoo #109915).
#[tokio::test]
async fn a_connected_calendar_is_filled_and_no_other_is_touched() {
    let mut host = Host::new(Company::new());
    let connections = std::mem::take(&mut host.company.profile(CUSTOMER).connections);
    assert!(host.sync().await.is_all_done());
    let (before, calls) = (host.world.calendar.events(), host.world.calls());
    assert_eq!(before.len(), 3);

    host.company.profile(CUSTOMER).connections = connections;
    assert!(host.sync().await.is_all_done());
    let events = host.world.calendar.events();
    let (theirs, others): (Vec<_>, Vec<_>) =
        events.into_iter().partition(|event| event.place == host.company.place(CUSTOMER));
    assert_eq!((theirs.len(), others), (1, before));
    assert_eq!((host.world.calls(), host.world.calendar.calls(Operation::Create)), (calls + 1, 4));
}
