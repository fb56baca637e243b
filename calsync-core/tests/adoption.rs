//! Events that the guide's own code wrote, with one id for each provider and no ledger.
#![cfg(test)]
#![cfg(feature = "sync")]

mod common;

use calsync_core::audience::{Audience, Trigger};
use calsync_core::calendar::{CalendarRef, Person, Role};
use calsync_core::ledger::{DeliveryState, RemoteEvent};
use calsync_core::model::{Appointment, Profile, SyncSettings};
use calsync_core::names::{CalendarId, ProviderKind, RemoteId};
use calsync_core::plan::{Action, Note, Plan, RemovedByPerson};
use calsync_core::provider::Marker;
use common::{
    ADMIN, CUSTOMER, Company, Host, MANAGER, STAFF, actions, cancelled, connection, key, now, planner,
    settled,
};

/// The company as the guide's code left it, with Google's id of the event it wrote last.
fn inherited(mut company: Company) -> Company {
    let mut row = serde_json::to_value(&company.appointment).unwrap();
    row.as_object_mut().unwrap().remove("calendar_ledger");
    row["calendar_event_id"] = serde_json::json!({"google": "legacy-1"});
    row["calendar_synced_to"] = serde_json::json!(["google"]);
    company.appointment = serde_json::from_value::<Appointment>(row).unwrap();
    company
}

/// The person to whom the old event is assigned, and the step for it.
fn adopted(plan: &Plan) -> Vec<String> {
    let steps = plan.steps.iter().filter(|step| step.adopts.is_some());
    steps
        .map(|step| format!("{} for {} of {}", common::action(step), step.role, step.calendar.person))
        .collect()
}

fn without_calendar(company: &mut Company, id: i64) {
    company.profile(id).connections.clear();
}

#[test]
fn the_old_event_is_the_managers_else_the_staff_members_else_the_customers() {
    let mut company = inherited(Company::new());
    assert_eq!(adopted(&company.plan()), ["update for manager of profile 31"]);
    without_calendar(&mut company, MANAGER);
    assert_eq!(adopted(&company.plan()), ["update for staff of profile 30"]);
    without_calendar(&mut company, STAFF);
    assert_eq!(adopted(&company.plan()), ["update for customer of profile 33"]);
    // The guide's code never wrote for an administrator.
    without_calendar(&mut company, CUSTOMER);
    assert_eq!(adopted(&company.plan()), Vec::<String>::new());
    assert!(company.plan().notes.contains(&Note::OwnerUnknown { provider: ProviderKind::GOOGLE }));
    assert_eq!(actions(&company.plan()), ["create"], "the administrator's own");
}

#[test]
fn all_others_get_a_new_event_and_no_person_two() {
    let plan = inherited(Company::new()).plan();
    assert_eq!(actions(&plan), ["create", "update", "create", "create"]);
    let people: std::collections::BTreeSet<_> = plan.steps.iter().map(|step| &step.calendar.person).collect();
    assert_eq!(people.len(), 4);
}

#[test]
fn an_old_event_of_a_cancelled_appointment_is_removed() {
    assert_eq!(adopted(&cancelled(inherited(Company::new())).plan()), ["delete for manager of profile 31"]);
}

#[test]
fn an_old_event_of_a_person_who_no_longer_takes_part_is_removed() {
    let mut company = inherited(Company::of_one());
    company.profile(CUSTOMER).calendar_sync_enabled = Some(false);
    assert_eq!(adopted(&company.plan()), ["delete for customer of profile 33"]);
    // If they sync by hand, it is not changed.
    company.profile(CUSTOMER).calendar_sync_enabled = Some(true);
    company.profile(CUSTOMER).calendar_sync_settings = SyncSettings::default().with_auto_sync(false);
    assert!(company.plan().is_empty());
}

#[test]
fn an_old_event_with_an_unregistered_provider_waits_for_it() {
    let company = inherited(Company::of_one());
    let without_providers = calsync_core::plan::Planner::new(common::NAMESPACE);
    for company in [company.clone(), cancelled(company)] {
        assert!(company.plan_by(&without_providers, Trigger::Automatic, now()).is_empty());
    }
}

#[test]
fn the_guides_columns_show_the_old_id_until_a_new_one_takes_its_place() {
    let mut company = inherited(Company::of_one());
    assert_eq!(company.appointment.ledger.synced_to(), [ProviderKind::GOOGLE]);
    let plan = company.plan();
    assert!(
        matches!(&plan.steps[0].action, Action::Update { event, .. } if event.remote_id.as_str() == "legacy-1")
    );
    let _ = plan.begin(&mut company.appointment).unwrap();
    assert!(company.appointment.ledger.inherited_events().is_empty());
    assert_eq!(company.plan().steps.len(), 1, "after a crash: one look, and no second event");
}

#[test]
fn the_guides_columns_name_one_event_a_provider_the_managers_first() {
    let mut company = settled();
    for (role, kind, id) in [
        (Role::Staff, ProviderKind::GOOGLE, "staffs"),
        (Role::Manager, ProviderKind::GOOGLE, "managers"),
        (Role::Admin, ProviderKind::GOOGLE, "admins"),
        (Role::Customer, ProviderKind::OUTLOOK, "customers"),
    ] {
        let calendar = CalendarId::primary();
        let place = CalendarRef::new(Person::Profile(77.into()), kind, id.try_into().unwrap(), calendar);
        let event = DeliveryState::Confirmed(RemoteEvent::new(RemoteId::new(id)));
        common::put_at(&mut company, &place, role, &event);
    }
    let row = serde_json::to_value(&company.appointment).unwrap();
    assert_eq!(row["calendar_event_id"], serde_json::json!({"google": "managers", "outlook": "customers"}));
    assert_eq!(row["calendar_synced_to"], serde_json::json!(["google", "outlook"]));
}

#[test]
fn an_old_event_is_not_mistaken_for_one_that_is_there_already() {
    // The old event was the manager's. Before a plan adopted it, the customer was synced by hand;
    // then the manager left.
    let mut company = inherited(Company::new());
    let directory = company.directory();
    let audience = Audience::of(&company.order, &company.appointment, &directory).unwrap();
    let audience = audience.only(Person::Profile(CUSTOMER.into()));
    let plan = planner().plan(&company.order, &company.appointment, &audience, now()).unwrap();
    assert_eq!((actions(&plan).len(), adopted(&plan).len()), (1, 0));
    let _ = plan.begin(&mut company.appointment).unwrap();
    for id in [STAFF, MANAGER, ADMIN] {
        without_calendar(&mut company, id);
    }
    for company in [company.clone(), cancelled(company)] {
        let plan = company.plan();
        let at_the_customers =
            plan.steps.iter().filter(|step| step.calendar.is_at(&company.place(CUSTOMER))).count();
        assert_eq!(at_the_customers, 1, "one step a target: {plan}");
        assert!(adopted(&plan).is_empty());
        assert!(plan.notes.contains(&Note::OwnerUnknown { provider: ProviderKind::GOOGLE }), "{plan}");
    }
}

#[tokio::test]
async fn an_old_event_is_updated_in_its_place() {
    let mut host = Host::new(inherited(Company::of_one()));
    let place = host.company.place(CUSTOMER);
    let old = host.company.event_by(&planner(), Role::Customer);
    host.world.calendar.insert(&place, RemoteId::new("legacy-1"), None, old);
    host.move_by_an_hour();
    host.sync().await;
    let events = host.world.calendar.events();
    assert_eq!((events.len(), events[0].remote_id.as_str()), (1, "legacy-1"));
    let marker = Marker::new(common::NAMESPACE, key(&host.company, CUSTOMER, 0), 1)
        .with_appointment(Some(10.into()))
        .with_person(Some(Person::Profile(CUSTOMER.into())))
        .with_role(Some(Role::Customer));
    assert_eq!(events[0].marker, Some(marker), "and is known by its key from now on");
    host.assert_quiet();
    host.cancel();
    host.sync().await;
    assert!(host.world.calendar.events().is_empty());
    host.assert_quiet();
}

#[tokio::test]
async fn an_old_event_the_person_deleted_follows_the_hosts_policy() {
    for (policy, events) in [(RemovedByPerson::Recreate, 1), (RemovedByPerson::Respect, 0)] {
        let mut host = Host::with_policy(inherited(Company::of_one()), policy);
        host.sync().await;
        assert_eq!(host.world.calendar.events().len(), events);
    }
}

#[tokio::test]
async fn an_old_event_of_another_host_is_not_touched() {
    let mut host = Host::new(inherited(Company::of_one()));
    let place = host.company.place(CUSTOMER);
    let theirs = host.company.event_by(&planner(), Role::Customer);
    let marker = Marker::new("another-shop", key(&host.company, CUSTOMER, 0), 9);
    host.world.calendar.insert(&place, RemoteId::new("legacy-1"), Some(marker.clone()), theirs.clone());
    host.move_by_an_hour();
    host.sync().await;
    host.cancel();
    host.sync().await;
    let events = host.world.calendar.events();
    assert_eq!((events.len(), &events[0].marker, &events[0].event), (1, &Some(marker), &theirs));
}

#[test]
fn an_id_of_a_provider_the_person_uses_twice_is_that_of_the_first_calendar() {
    let mut company = inherited(Company::of_one());
    let profile: &mut Profile = company.profile(CUSTOMER);
    profile.connections.push(connection("family", ProviderKind::GOOGLE, "family"));
    let plan = company.plan();
    assert_eq!(actions(&plan), ["update", "create"]);
    assert_eq!(plan.steps[0].calendar.calendar.as_str(), "primary");
}

/// The process died between saving what was begun and writing: the old event carries no marker yet.
#[tokio::test]
async fn an_interrupted_adoption_leaves_one_event() {
    for written in [false, true] {
        let mut host = Host::new(inherited(Company::of_one()));
        let place = host.company.place(CUSTOMER);
        let old = host.company.event_by(&planner(), Role::Customer);
        host.world.calendar.insert(&place, RemoteId::new("legacy-1"), None, old);
        host.move_by_an_hour();
        let begun = host.begin();
        if written {
            drop(host.syncer.run(begun).await);
        }
        host.assert_heals(1).await;
        host.cancel();
        host.assert_cleans_up(1).await;
    }
}
