//! Which calendars are targets, and what happens to an event when its connection changes.
#![cfg(test)]
#![cfg(feature = "sync")]

mod common;

use calsync_core::audience::Trigger;
use calsync_core::calendar::{Person, Role};
use calsync_core::ledger::{BlockReason, DeliveryState, RemoteEvent};
use calsync_core::model::{Appointment, Stated};
use calsync_core::names::{CalendarId, ProviderKind, RemoteId};
use calsync_core::plan::{Note, OtherAccount, Plan};
use calsync_core::provider::{CalendarIds, Capabilities};
use common::{
    CUSTOMER, Company, MANAGER, NAMESPACE, STAFF, actions, as_wanted, blocked, cancelled, connection, google,
    now, planner, put, set, settled,
};

#[test]
fn updates_and_deletes_go_to_the_calendar_of_the_row_not_of_the_settings() {
    let mut company = settled();
    let before = company.place(CUSTOMER);
    company.profile(CUSTOMER).connections = vec![google("new", "other", "account-33")];
    let plan = company.plan();
    assert_eq!(actions(&plan), ["create", "delete"]);
    assert_eq!(plan.steps[0].calendar, company.place(CUSTOMER));
    assert_eq!(plan.steps[1].calendar, before);
    let plan = cancelled(company).plan();
    assert_eq!((actions(&plan), &plan.steps[0].calendar), (vec!["delete".to_owned()], &before));
}

#[test]
fn removals_come_after_new_events() {
    let mut company = settled();
    let person = |id: i64| company.place(id).person;
    let customer = person(CUSTOMER);
    company.profile(CUSTOMER).connections = vec![google("a", "a", "x"), google("b", "b", "x")];
    let plan = company.plan();
    assert_eq!(actions(&plan), ["create", "create", "delete"]);
    assert!(plan.steps.iter().all(|step| step.calendar.person == customer));
    let calendars: Vec<_> = plan.steps.iter().map(|step| step.calendar.calendar.as_str()).collect();
    assert_eq!(calendars, ["a", "b", "primary"], "the person's own order of calendars is kept");
}

#[test]
fn two_connections_to_one_calendar_of_one_account_are_one_target() {
    let mut company = Company::of_one();
    company.profile(CUSTOMER).connections =
        vec![google("a", "primary", "x"), google("b", "primary", "x"), google("c", "primary", "y")];
    let connections = |plan: &Plan| -> Vec<_> {
        plan.steps.iter().map(|step| step.calendar.connection.to_string()).collect()
    };
    assert_eq!(connections(&company.plan()), ["a", "c"], "`primary` of two accounts is two calendars");

    // The accounts are not known: they count as one calendar only if calendar ids are global.
    company.profile(CUSTOMER).connections =
        ["a", "b"].map(|id| connection(id, ProviderKind::GOOGLE, "team@example.org")).into();
    assert_eq!(connections(&company.plan()), ["a", "b"]);
    let global = planner().with_provider(
        ProviderKind::GOOGLE,
        Capabilities::new().with_calendar_ids(CalendarIds::GlobalButPrimary),
    );
    assert_eq!(connections(&company.plan_by(&global, Trigger::Automatic, now())), ["a"]);
}

#[test]
fn one_calendar_shared_by_two_people_has_an_event_for_each() {
    let mut company = Company::new();
    for id in [STAFF, MANAGER] {
        company.profile(id).connections = vec![google("default", "team", "shared")];
    }
    let plan = company.plan();
    assert_eq!(plan.steps.len(), 4);
    assert_ne!(plan.steps[0].key(), plan.steps[1].key());
}

#[test]
fn the_same_calendar_connected_anew_keeps_its_event() {
    let mut company = settled();
    let before = company.place(CUSTOMER);
    company.profile(CUSTOMER).connections = vec![google("anew", "primary", "account-33")];
    let plan = company.plan();
    assert!(plan.is_empty() && plan.unchanged == 1, "{plan}");

    company.order.notes = Some("changed".into());
    let plan = company.plan();
    assert_eq!(actions(&plan), ["update"]);
    assert_eq!(
        (&plan.steps[0].calendar, &plan.steps[0].moves_from),
        (&company.place(CUSTOMER), &Some(Box::new(before)))
    );
    let row = &company.appointment.ledger.deliveries()[0];
    assert_eq!(plan.steps[0].target, row.target(), "the row keeps its key");
    let key = row.key();
    let _ = plan.begin(&mut company.appointment).unwrap();
    let [row] = company.appointment.ledger.deliveries() else { panic!("one row") };
    assert!(row.calendar().is_at(&company.place(CUSTOMER)));
    assert_eq!(row.key(), key);
    // The ledger still belongs to this appointment, though the key was derived from another
    // connection.
    let stored = serde_json::to_value(&company.appointment).unwrap();
    assert_eq!(serde_json::from_value::<Appointment>(stored).unwrap(), company.appointment);
}

#[test]
fn with_start_anew_an_event_is_made_in_the_other_account() {
    // The guide's columns: the same `default` connection, the same `primary` calendar, and another
    // Google account.
    let mut company = settled();
    let before = company.place(CUSTOMER);
    set(&mut company, 0, "hold", blocked(BlockReason::Reconnect, None));
    company.profile(CUSTOMER).connections = vec![google("default", "primary", "another")];
    let start_anew = planner().with_other_account(OtherAccount::StartAnew);
    let plan = company.plan_by(&start_anew, Trigger::Automatic, now());
    assert_eq!(actions(&plan), ["create"], "{plan}");
    let role = Role::Customer;
    assert_eq!(
        plan.notes,
        [Note::LeftBehind { role, calendar: before.clone() }],
        "the plan notes what stays in the old account"
    );
    let first = company.appointment.ledger.deliveries()[0].key();
    assert_ne!(plan.steps[0].key(), first, "a key is never used for two events");
    let _ = plan.begin(&mut company.appointment).unwrap();
    let rows = company.appointment.ledger.deliveries();
    assert_eq!(rows.len(), 2, "the event in the other account is not forgotten");

    // If the account was not known before, it counts as the same one.
    let mut company = settled();
    common::edit(&mut company, |rows| rows[0]["calendar"]["account"] = serde_json::Value::Null);
    assert!(company.plan().is_empty());
}

#[test]
fn connecting_again_ends_a_hold_that_waits_for_it() {
    for reason in [BlockReason::Reconnect, BlockReason::MissingScope, BlockReason::Forbidden] {
        let mut company = settled();
        company.order.notes = Some("changed".into());
        set(&mut company, 0, "hold", blocked(reason, Some(now() + chrono::Duration::days(1))));
        company.profile(CUSTOMER).connections = vec![google("anew", "primary", "account-33")];
        assert_eq!(actions(&company.plan()), ["update"], "{reason}");
    }
}

#[test]
fn an_event_the_person_removed_stays_removed_through_another_connection() {
    let mut company = Company::of_one();
    put(&mut company, CUSTOMER, Role::Customer, &DeliveryState::Absent);
    set(&mut company, 0, "hold", blocked(BlockReason::RemovedByPerson, None));
    company.order.notes = Some("changed".into());
    company.profile(CUSTOMER).connections = vec![google("anew", "primary", "account-33")];
    assert!(company.plan().is_empty());
}

#[test]
fn an_event_is_removed_through_the_connection_that_reaches_its_calendar_now() {
    let mut company = settled();
    let before = company.place(CUSTOMER);
    set(&mut company, 0, "hold", blocked(BlockReason::Reconnect, None));
    company.profile(CUSTOMER).connections = vec![google("anew", "primary", "account-33")];
    let plan = cancelled(company.clone()).plan();
    assert_eq!(actions(&plan), ["delete"], "{plan}");
    assert_eq!(
        (&plan.steps[0].calendar, &plan.steps[0].moves_from),
        (&company.place(CUSTOMER), &Some(Box::new(before.clone())))
    );

    // An absent row of the new connection changes nothing. The event keeps its own key.
    let mut second = cancelled(company.clone());
    put(&mut second, CUSTOMER, Role::Customer, &DeliveryState::Absent);
    set(&mut second, 1, "generation", 4);
    let plan = second.plan();
    let row = &second.appointment.ledger.deliveries()[0];
    assert_eq!((&plan.steps[0].calendar, plan.steps[0].key()), (&company.place(CUSTOMER), row.key()));
    let _ = plan.begin(&mut second.appointment).unwrap();
    assert_eq!(second.appointment.ledger.deliveries().len(), 1);

    // If it is another calendar, or the old connection is still there, the row decides.
    set(&mut company, 0, "hold", None::<()>);
    for connections in [
        vec![google("anew", "other", "account-33")],
        vec![google("anew", "primary", "another")],
        vec![google("anew", "primary", "account-33"), google("default", "primary", "account-33")],
    ] {
        company.profile(CUSTOMER).connections = connections;
        let plan = cancelled(company.clone()).plan();
        assert_eq!((&plan.steps[0].calendar, plan.steps[0].moves_from.is_none()), (&before, true), "{plan}");
    }
}

#[test]
fn two_events_that_ended_up_in_one_calendar_are_both_removed() {
    let mut company = settled();
    let (mut second, event) = (company.place(CUSTOMER), as_wanted(&company, CUSTOMER));
    second.connection = "second".try_into().unwrap();
    common::put_at(&mut company, &second, Role::Customer, &DeliveryState::Confirmed(event));
    company.profile(CUSTOMER).connections = vec![google("anew", "primary", "account-33")];
    let mut company = cancelled(company);
    let plan = company.plan();
    assert_eq!(actions(&plan), ["delete", "delete"]);
    let _ = plan.begin(&mut company.appointment).unwrap();
    let [first, second] = company.appointment.ledger.deliveries() else {
        panic!("each keeps a row of its own")
    };
    assert_ne!(first.target(), second.target());
}

#[test]
fn a_calendar_of_an_unknown_provider_is_noted_and_its_row_kept() {
    let mut company = settled();
    company.order.notes = Some("changed".into());
    let without_providers = calsync_core::plan::Planner::new(NAMESPACE);
    for company in [company.clone(), cancelled(company)] {
        let plan = company.plan_by(&without_providers, Trigger::Automatic, now());
        assert!(plan.is_empty(), "{plan}");
        assert!(matches!(&plan.notes[..], [Note::NoProvider { .. }]), "noted once: {plan}");
    }
}

#[test]
fn a_guest_who_signs_up_gets_an_event_and_the_invitation_is_withdrawn() {
    let mut company = Company::of_guest();
    company.profiles.retain(|profile| profile.id == CUSTOMER.into());
    (company.staff.profile_id, company.staff.manager_id) = (None, Stated::Empty);
    company.admins.clear();
    let plan = company.plan();
    let event = DeliveryState::Confirmed(RemoteEvent::new(RemoteId::new("invitation")));
    common::put_at(&mut company, &plan.steps[0].calendar, Role::Customer, &event);
    assert_eq!(plan.steps[0].calendar.calendar, CalendarId::new("gus@example.org").unwrap());

    company.order.customer_id = Some(7.into());
    let plan = company.plan();
    assert_eq!(actions(&plan), ["create", "delete"]);
    assert_eq!(
        (&plan.steps[0].calendar, &plan.steps[1].calendar.person),
        (&company.place(CUSTOMER), &Person::Guest)
    );
}
