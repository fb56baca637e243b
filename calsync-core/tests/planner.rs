//! Should be × is → steps.
#![cfg(test)]
#![cfg(feature = "sync")]

mod common;

use std::sync::Arc;

use calsync_core::audience::{Audience, Trigger};
use calsync_core::calendar::{Person, Role};
use calsync_core::ledger::{BlockReason, Delivery, Hold, Presence, Standing, Unsure};
use calsync_core::model::SyncSettings;
use calsync_core::names::{ProviderKind, RemoteId};
use calsync_core::plan::{BeginError, Note, Plan};
use common::{
    ADMIN, CUSTOMER, Company, MANAGER, STAFF, actions, as_wanted, at, cancelled, connection, google, key,
    now, planner, put, settled,
};
use insta::assert_snapshot;

/// One line a step: what, at which generation, and whether it is under that generation's own key.
fn steps(company: &Company) -> Vec<String> {
    let plan = company.plan();
    let line = |(action, step): (String, &calsync_core::plan::Step)| {
        let own = if step.key() == key(company, CUSTOMER, step.generation) { "" } else { " (another key)" };
        format!("{action} {}{own}", step.generation)
    };
    actions(&plan).into_iter().zip(&plan.steps).map(line).collect()
}

/// What there is (presence and generation), and the steps when an event is wanted and when none is.
type Line<'a> = (&'a str, Option<(Presence, u32)>, &'a [&'a str], &'a [&'a str]);

#[test]
fn the_table_of_should_be_and_is() {
    let company = Company::of_one();
    let same = as_wanted(&company, CUSTOMER);
    let mut other = same.clone();
    other.fingerprint = None;
    let creating = Unsure::new(same.key, None, now());
    let updating = Unsure::new(same.key, Some(same.clone()), now());
    let table: [Line<'_>; 8] = [
        ("no row", None, &["create 0"], &[]),
        ("never written", Some((DeliveryState::Absent, 0)), &["create 0"], &[]),
        ("withdrawn once", Some((DeliveryState::Absent, 1)), &["create 1"], &[]),
        ("present, same", Some((DeliveryState::Confirmed(same.clone()), 0)), &[], &["delete 0"]),
        ("present, other", Some((DeliveryState::Confirmed(other), 0)), &["update 0"], &["delete 0"]),
        (
            "create begun",
            Some((DeliveryState::Pending(creating), 0)),
            &["look and write 0"],
            &["look and delete 0"],
        ),
        (
            "update begun",
            Some((DeliveryState::Pending(updating.clone()), 0)),
            &["look and write 0"],
            &["look and delete 0"],
        ),
        (
            "removal begun",
            Some((DeliveryState::Pending(updating.with_removing(true)), 0)),
            &["look and write 0"],
            &["look and delete 0"],
        ),
    ];
    for (what, row, wanted, unwanted) in table {
        let mut company = company.clone();
        if let Some((presence, generation)) = row {
            put(&mut company, CUSTOMER, Role::Customer, presence).generation = generation;
        }
        assert_eq!(steps(&company), wanted, "{what}, wanted");
        assert_eq!(steps(&cancelled(company)), unwanted, "{what}, not wanted");
    }
}

#[test]
fn a_parked_row_waits_until_its_time_or_until_it_is_revived() {
    let later = at("2026-01-10T13:00:00Z");
    for (reason, until) in [
        (BlockReason::Reconnect, None),
        (BlockReason::MissingScope, None),
        (BlockReason::Forbidden, None),
        (BlockReason::Quota, Some(later)),
    ] {
        let mut company = settled();
        company.order.notes = Some("changed".into());
        company.appointment.ledger.deliveries()[0].hold = Some(Hold::Parked { reason, until });
        for company in [company.clone(), cancelled(company.clone())] {
            let plan = company.plan();
            assert!(plan.is_empty(), "{reason}: {plan}");
            assert!(matches!(&plan.notes[..], [Note::Held { .. }]), "{reason}: {plan}");
            let plan = company.plan_by(&planner(), Trigger::Automatic, later);
            assert_eq!(plan.is_empty(), until.is_none(), "{reason}: {plan}");
        }
        let place = company.place(CUSTOMER);
        assert_eq!(company.appointment.ledger.revive(&place.person, &"another".try_into().unwrap()), 0);
        assert_eq!(company.appointment.ledger.revive(&place.person, &place.connection), 1);
        assert_eq!(actions(&company.plan()), ["update"], "{reason}");
    }
}

#[test]
fn a_refused_content_waits_while_it_is_the_wanted_one() {
    let mut company = Company::of_one();
    let fingerprint = as_wanted(&company, CUSTOMER).fingerprint.unwrap();
    put(&mut company, CUSTOMER, Role::Customer, DeliveryState::Absent).hold =
        Some(Hold::Refused { fingerprint });
    assert!(company.plan().is_empty());
    let mut other = company.clone();
    other.order.notes = Some("something it takes".into());
    assert_eq!(actions(&other.plan()), ["create"]);
    // What was written before the refusal is removed when nothing is wanted any more.
    let standing = as_wanted(&other, CUSTOMER);
    company.appointment.ledger.deliveries()[0].presence = DeliveryState::Confirmed(standing);
    assert_eq!(actions(&cancelled(company).plan()), ["delete"]);
}

#[test]
fn what_stood_in_a_calendar_that_is_gone_does_not_wait_to_be_removed() {
    let mut company = settled();
    company.order.notes = Some("changed".into());
    let hold = Hold::Parked { reason: BlockReason::CalendarNotFound, until: None };
    company.appointment.ledger.deliveries()[0].hold = Some(hold);
    assert!(company.plan().is_empty());
    assert_eq!(actions(&cancelled(company).plan()), ["delete"]);
}

#[test]
fn events_of_people_who_sync_by_hand_are_left_as_they_are() {
    let mut company = settled();
    company.profile(CUSTOMER).calendar_sync_settings = SyncSettings::default().with_auto_sync(false);
    company.order.notes = Some("changed".into());
    for company in [company.clone(), cancelled(company.clone())] {
        let plan = company.plan();
        assert!(plan.is_empty() && matches!(&plan.notes[..], [Note::LeftOut { .. }]), "{plan}");
    }
    let by_hand = |company: &Company| actions(&company.plan_by(&planner(), Trigger::Manual, now()));
    assert_eq!(by_hand(&company), ["update"]);
    assert_eq!(by_hand(&cancelled(company)), ["delete"]);
}

#[test]
fn a_plan_narrowed_to_one_person_touches_nobody_else() {
    let mut company = Company::new();
    let standing = as_wanted(&company, STAFF);
    put(&mut company, STAFF, Role::Staff, DeliveryState::Confirmed(standing));
    company.order.notes = Some("changed".into());
    let directory = company.directory();
    let of = |id: i64| {
        let audience = Audience::of(&company.order, &company.appointment, &directory).unwrap();
        let audience = audience.only(Person::Profile(id.into()));
        planner().plan(&company.order, &company.appointment, &audience, now()).unwrap()
    };
    for id in [STAFF, MANAGER, ADMIN, CUSTOMER] {
        let plan = of(id);
        assert_eq!(plan.steps.len(), 1);
        assert_eq!(plan.steps[0].calendar, company.place(id));
    }
}

#[test]
fn the_same_input_gives_the_same_plan_and_it_survives_being_stored() {
    let mut company = Company::new();
    let (present, begun) = (as_wanted(&company, STAFF), as_wanted(&company, MANAGER));
    put(&mut company, STAFF, Role::Staff, DeliveryState::Confirmed(present));
    put(
        &mut company,
        MANAGER,
        Role::Manager,
        DeliveryState::Pending(Unsure::new(begun.key, Some(begun), now())),
    );
    company.appointment.ledger.inherited_events().insert(ProviderKind::OUTLOOK, RemoteId::new("legacy"));
    let plan = company.plan();
    assert_eq!(company.clone().plan(), plan);
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
    assert_eq!(serde_json::to_string(&company.plan()).unwrap(), json);
}

#[test]
fn a_plan_tells_in_words_what_it_will_do_and_what_not() {
    let mut company = Company::new();
    let staff = as_wanted(&company, STAFF);
    put(&mut company, STAFF, Role::Staff, DeliveryState::Confirmed(staff));
    let manager = as_wanted(&company, MANAGER);
    put(&mut company, MANAGER, Role::Manager, DeliveryState::Pending(Unsure::new(manager.key, None, now())));
    let parked = Hold::Parked { reason: BlockReason::Quota, until: Some(at("2026-01-10T13:00:00Z")) };
    put(&mut company, ADMIN, Role::Admin, DeliveryState::Absent).hold = Some(parked);
    put(&mut company, CUSTOMER, Role::Customer, DeliveryState::Absent).generation = 2;
    company.profile(CUSTOMER).connections.push(connection("work", ProviderKind::new("Exchange"), ""));
    let mut former = Delivery::new(company.place(STAFF), Role::Staff, now());
    former.place.person = Person::Profile(34.into());
    former.presence =
        DeliveryState::Confirmed(RemoteEvent::new(key(&company, STAFF, 0), RemoteId::new("former")));
    company.appointment.ledger.deliveries().push(former);
    company.admins.push(STAFF);
    assert_snapshot!(company.plan(), @r"
    appointment 10: 3 to do, 1 as it should be
      look, then write for manager in google of profile 31 (connection default)
      create for customer in google of profile 33 (connection default), generation 2
      delete for staff in google of profile 34 (connection default)
      nothing for admin profile 30: already there as staff
      nothing for customer in exchange of profile 33 (connection work): no provider registered
      waiting for admin in google of profile 32 (connection default): a quota is used up, until 2026-01-10 13:00:00 UTC
    ");
}

#[test]
fn beginning_marks_what_is_touched_and_raises_the_revision() {
    let mut company = settled();
    company.order.notes = Some("changed".into());
    let refused = Company::of_one();
    let fingerprint = as_wanted(&refused, CUSTOMER).fingerprint.unwrap();
    company.appointment.ledger.deliveries()[0].hold = Some(Hold::Refused { fingerprint });
    let before = company.appointment.ledger.deliveries()[0].confirmed().cloned();
    let plan = company.plan();
    plan.begin(&mut company.appointment).unwrap();
    let ledger = &company.appointment.ledger;
    assert_eq!((ledger.revision(), plan.revision()), (1, 1));
    let row = &ledger.deliveries()[0];
    assert!(
        matches!(&row.state(), DeliveryState::Pending(unsure) if unsure.before == before && !unsure.removing)
    );
    assert_eq!((&row.hold, row.revision, row.changed_at), (&None, 1, now()));
    assert!(
        company.appointment.ledger.event_ids().is_empty(),
        "what is not sure is not claimed to be synced"
    );
}

#[test]
fn a_plan_that_cannot_be_begun_changes_nothing() {
    let company = Company::of_one();
    let plan = company.plan();
    let mut other = company.appointment.clone();
    other.id = 11.into();
    let mut moved_on = company.appointment.clone();
    plan.begin(&mut moved_on).unwrap();
    for (mut appointment, error) in [
        (other, BeginError::OtherAppointment { planned: 10.into(), given: 11.into() }),
        (moved_on, BeginError::OutOfDate { planned: 0, ledger: 1 }),
    ] {
        let before = appointment.clone();
        assert_eq!(plan.begin(&mut appointment), Err(error));
        assert_eq!(appointment, before);
    }
}

#[test]
fn an_empty_plan_leaves_nothing_to_save() {
    let mut company = settled();
    let before = company.appointment.clone();
    let plan = company.plan();
    assert!(plan.is_empty());
    plan.begin(&mut company.appointment).unwrap();
    assert_eq!(company.appointment, before);
}

#[test]
fn a_text_is_held_once_however_many_places_show_it() {
    let mut company = Company::new();
    company.profile(CUSTOMER).connections.push(google("second", "family", "account-33"));
    let plan = company.plan();
    let event = |role: Role, nth: usize| {
        let step = plan.steps.iter().filter(|step| step.role == role).nth(nth).unwrap();
        step.content().unwrap().event.clone()
    };
    assert!(Arc::ptr_eq(&event(Role::Customer, 0), &event(Role::Customer, 1)));
    assert!(Arc::ptr_eq(&event(Role::Manager, 0), &event(Role::Admin, 0)));
    assert!(Arc::ptr_eq(&event(Role::Staff, 0).location, &event(Role::Customer, 0).location));
}
