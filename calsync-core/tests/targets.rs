//! Which calendars are targets, and what becomes of an event when its connection changes.
#![cfg(test)]
#![cfg(feature = "sync")]

mod common;

use calsync_core::audience::Trigger;
use calsync_core::calendar::{Person, Role};
use calsync_core::ledger::{BlockReason, Delivery, Hold, Presence, Standing};
use calsync_core::model::Stated;
use calsync_core::names::{CalendarId, ProviderKind, RemoteId};
use calsync_core::plan::{Note, OtherAccount, Plan};
use calsync_core::provider::{CalendarIds, Capabilities};
use common::{
    CUSTOMER, Company, MANAGER, NAMESPACE, STAFF, actions, as_wanted, cancelled, connection, google, now,
    planner, put, settled,
};

#[test]
fn updates_and_deletes_go_where_the_row_says_and_not_where_the_settings_point() {
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
fn removals_come_after_everything_that_is_new() {
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

    // Nobody knows the accounts: only where an id means one calendar in all the world they are one.
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
    assert_eq!((&plan.steps[0].calendar, &plan.steps[0].moves), (&company.place(CUSTOMER), &Some(before)));
    assert_eq!(plan.steps[0].key(), company.appointment.ledger.deliveries()[0].confirmed().unwrap().key);
    plan.begin(&mut company.appointment).unwrap();
    assert_eq!(company.appointment.ledger.deliveries().len(), 1);
    assert_eq!(company.appointment.ledger.deliveries()[0].calendar(), company.place(CUSTOMER));
}

#[test]
fn a_connection_that_leads_to_another_account_gets_its_event_there_when_the_host_says_so() {
    // The guide's columns: the same `default` connection, the same `primary` calendar, and another Google account.
    let mut company = settled();
    let before = company.place(CUSTOMER);
    company.appointment.ledger.deliveries()[0].hold =
        Some(Hold::Parked { reason: BlockReason::Reconnect, until: None });
    company.profile(CUSTOMER).connections = vec![google("default", "primary", "another")];
    let start_anew = planner().with_other_account(OtherAccount::StartAnew);
    let plan = company.plan_by(&start_anew, Trigger::Automatic, now());
    assert_eq!(actions(&plan), ["create"], "{plan}");
    let role = Role::Customer;
    assert_eq!(
        plan.notes,
        [Note::LeftBehind { role, place: before.clone() }],
        "and it says what stays behind"
    );
    plan.begin(&mut company.appointment).unwrap();
    let rows = &company.appointment.ledger.deliveries();
    assert_eq!((rows.len(), &rows[0].place), (1, &company.place(CUSTOMER)));
    assert_ne!(
        plan.steps[0].key(),
        as_wanted(&Company::of_one(), CUSTOMER).key,
        "a key is never used for two events"
    );

    // Where the account was not known before, it is taken for the same one.
    let mut company = settled();
    company.appointment.ledger.deliveries()[0].calendar().account = None;
    assert!(company.plan().is_empty());
}

#[test]
fn connecting_anew_is_what_a_row_parked_for_it_waits_for() {
    for reason in [BlockReason::Reconnect, BlockReason::MissingScope, BlockReason::Forbidden] {
        let mut company = settled();
        company.order.notes = Some("changed".into());
        company.appointment.ledger.deliveries()[0].hold = Some(Hold::Parked { reason, until: None });
        company.profile(CUSTOMER).connections = vec![google("anew", "primary", "account-33")];
        assert_eq!(actions(&company.plan()), ["update"], "{reason}");
    }
    // The person's own wish does not depend on the connection.
    let mut company = Company::of_one();
    let hold = Hold::Parked { reason: BlockReason::RemovedByPerson, until: None };
    let standing = as_wanted(&company, CUSTOMER);
    put(&mut company, CUSTOMER, Role::Customer, DeliveryState::Confirmed(standing)).hold = Some(hold);
    company.order.notes = Some("changed".into());
    company.profile(CUSTOMER).connections = vec![google("anew", "primary", "account-33")];
    assert!(company.plan().is_empty());
}

#[test]
fn an_event_is_removed_through_the_connection_that_reaches_its_calendar_today() {
    let mut company = settled();
    let before = company.place(CUSTOMER);
    let hold = Hold::Parked { reason: BlockReason::Reconnect, until: None };
    company.appointment.ledger.deliveries()[0].hold = Some(hold);
    company.profile(CUSTOMER).connections = vec![google("anew", "primary", "account-33")];
    let plan = cancelled(company.clone()).plan();
    assert_eq!(actions(&plan), ["delete"], "{plan}");
    assert_eq!(
        (&plan.steps[0].calendar, &plan.steps[0].moves),
        (&company.place(CUSTOMER), &Some(before.clone()))
    );

    // An empty row of the new connection is no reason to go another way; its generations count on.
    let mut second = cancelled(company.clone());
    put(&mut second, CUSTOMER, Role::Customer, DeliveryState::Absent).generation = 4;
    let plan = second.plan();
    assert_eq!((&plan.steps[0].calendar, plan.steps[0].generation), (&company.place(CUSTOMER), 4));
    plan.begin(&mut second.appointment).unwrap();
    assert_eq!(second.appointment.ledger.deliveries().len(), 1);

    // Another calendar, or the old connection still there: the row says where.
    company.appointment.ledger.deliveries()[0].hold = None;
    for connections in [
        vec![google("anew", "other", "account-33")],
        vec![google("anew", "primary", "another")],
        vec![google("anew", "primary", "account-33"), google("default", "primary", "account-33")],
    ] {
        company.profile(CUSTOMER).connections = connections;
        let plan = cancelled(company.clone()).plan();
        assert_eq!((&plan.steps[0].calendar, plan.steps[0].moves.is_none()), (&before, true), "{plan}");
    }
}

#[test]
fn two_events_that_ended_up_in_one_calendar_are_both_removed() {
    let mut company = settled();
    let mut second = company.appointment.ledger.deliveries()[0].clone();
    second.place.connection = "second".try_into().unwrap();
    company.appointment.ledger.deliveries().push(second);
    company.profile(CUSTOMER).connections = vec![google("anew", "primary", "account-33")];
    let mut company = cancelled(company);
    let plan = company.plan();
    assert_eq!(actions(&plan), ["delete", "delete"]);
    plan.begin(&mut company.appointment).unwrap();
    let places: Vec<_> =
        company.appointment.ledger.deliveries().iter().map(|row| row.calendar().clone()).collect();
    assert_ne!(places[0], places[1], "each keeps a row of its own");
}

#[test]
fn a_calendar_of_an_unknown_provider_is_noted_and_its_row_kept() {
    let mut company = settled();
    company.order.notes = Some("changed".into());
    let nobody = calsync_core::plan::Planner::new(NAMESPACE);
    for company in [company.clone(), cancelled(company)] {
        let plan = company.plan_by(&nobody, Trigger::Automatic, now());
        assert!(plan.is_empty(), "{plan}");
        assert!(matches!(&plan.notes[..], [Note::NoProvider { .. }]), "said once: {plan}");
    }
}

#[test]
fn a_guest_who_signs_up_gets_an_event_and_the_invitation_is_withdrawn() {
    let mut company = Company::of_guest();
    company.profiles.retain(|profile| profile.id == CUSTOMER.into());
    (company.staff.profile_id, company.staff.manager_id) = (None, Stated::Empty);
    company.admins.clear();
    let plan = company.plan();
    let standing = RemoteEvent::new(plan.steps[0].key(), RemoteId::new("invitation"));
    let mut row = Delivery::new(plan.steps[0].calendar.clone(), Role::Customer, now());
    row.state() = DeliveryState::Confirmed(standing);
    company.appointment.ledger.deliveries().push(row);
    assert_eq!(plan.steps[0].calendar.calendar, CalendarId::new("gus@example.org").unwrap());

    company.order.customer_id = Some(7.into());
    let plan = company.plan();
    assert_eq!(actions(&plan), ["create", "delete"]);
    assert_eq!(
        (&plan.steps[0].calendar, &plan.steps[1].calendar.person),
        (&company.place(CUSTOMER), &Person::Guest)
    );
}
