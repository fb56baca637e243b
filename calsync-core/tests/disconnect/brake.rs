//! Too many deletions at once.

use calsync_core::calendar::{Person, Role};
use calsync_core::guard::{DeleteGuard, Survey};
use calsync_core::ledger::Presence;

use crate::common::{CUSTOMER, Company, MANAGER, STAFF, as_wanted, google, put};
use crate::desk::{Desk, customer};

fn survey(desk: &Desk) -> Survey {
    let mut survey = Survey::new();
    for (appointment, plan) in desk.appointments.iter().zip(desk.plans()) {
        survey.add(&appointment.ledger, &plan);
    }
    survey
}

async fn cancelled(appointments: i64, cancelled: usize) -> Desk {
    let mut desk = Desk::synced(appointments, 0).await;
    for appointment in desk.appointments.iter_mut().take(cancelled) {
        appointment.status = "cancelled".into();
    }
    desk
}

#[tokio::test]
async fn more_than_half_and_more_than_a_few_need_the_hosts_word() {
    for (appointments, gone, passes) in
        [(20, 0, true), (20, 10, true), (20, 11, false), (10, 10, true), (11, 11, false), (40, 20, true)]
    {
        let desk = cancelled(appointments, gone).await;
        let checked = DeleteGuard::new().check(&survey(&desk));
        assert_eq!(checked.is_ok(), passes, "{gone} of {appointments}: {checked:?}");
        if let Err(error) = checked {
            let words = format!(
                "too many events would be deleted: google of profile 33 (connection default): {gone} of {appointments}"
            );
            assert_eq!(error.to_string(), words);
            let allowing = DeleteGuard::new().allowing(customer(), "default".try_into().unwrap());
            assert_eq!(allowing.check(&survey(&desk)), Ok(()));
            let other = DeleteGuard::new().allowing(Person::Guest, "default".try_into().unwrap());
            assert_eq!(other.check(&survey(&desk)), Err(error));
        }
    }
    let desk = cancelled(20, 6).await;
    let strict = DeleteGuard::new().with_percent(25).with_few(5);
    assert!(strict.check(&survey(&desk)).is_err());
    assert!(strict.clone().with_few(6).check(&survey(&desk)).is_ok());
    assert!(strict.with_percent(30).check(&survey(&desk)).is_ok());
}

#[tokio::test]
async fn a_profile_loaded_without_its_calendar_is_caught() {
    let mut desk = Desk::synced(30, 0).await;
    desk.connect([]);
    let error = DeleteGuard::new().check(&survey(&desk)).unwrap_err();
    assert_eq!((error.connections.len(), error.connections[0].deletes), (1, 30));
    let json = serde_json::to_value(&error).unwrap();
    assert_eq!(
        (&json["connections"][0]["events"], &json["connections"][0]["connection"]),
        (&30.into(), &"default".into())
    );
}

#[tokio::test]
async fn moving_to_another_calendar_loses_nothing() {
    let mut desk = Desk::synced(30, 0).await;
    desk.connect([google("default", "family", "account-33")]);
    let plans = desk.plans();
    assert!(plans.iter().all(|plan| plan.steps.iter().any(|step| step.removes())));
    assert_eq!(DeleteGuard::new().check(&survey(&desk)), Ok(()));
}

#[tokio::test]
async fn losing_one_of_two_calendars_counts() {
    let mut desk = Desk::new(Company::of_one(), 30, 0);
    let home = google("default", "primary", "account-33");
    desk.connect([home.clone(), google("work", "primary", "account-of-work")]);
    desk.sync().await;
    desk.connect([home]);
    // What is left is brought up to date by the same plans, which makes up for nothing.
    for appointment in &mut desk.appointments {
        appointment.end_time += chrono::Duration::hours(1);
    }
    let error = DeleteGuard::new().check(&survey(&desk)).unwrap_err();
    assert_eq!(error.connections[0].connection, "work".try_into().unwrap());
}

#[tokio::test]
async fn appointments_without_a_plan_are_part_of_the_whole() {
    let desk = cancelled(30, 11).await;
    let mut part = Survey::new();
    for (appointment, plan) in desk.appointments.iter().zip(desk.plans()).take(11) {
        part.add(&appointment.ledger, &plan);
    }
    assert!(DeleteGuard::new().check(&part).is_err(), "11 of 11");
    for appointment in desk.appointments.iter().skip(11) {
        part.count(&appointment.ledger);
    }
    assert_eq!(DeleteGuard::new().check(&part), Ok(()), "11 of 30");
}

#[test]
fn one_persons_deletions_are_not_hidden_by_anothers_new_events() {
    let mut company = Company::new();
    for (id, role) in [(STAFF, Role::Staff), (MANAGER, Role::Manager)] {
        let standing = as_wanted(&company, id);
        put(&mut company, id, role, DeliveryState::Confirmed(standing));
    }
    company.profile(STAFF).connections.clear();
    let plan = company.plan();
    assert!(
        plan.steps.iter().any(|step| step.calendar == company.place(CUSTOMER)),
        "others get new events: {plan}"
    );
    let mut survey = Survey::new();
    survey.add(&company.appointment.ledger, &plan);
    let error = DeleteGuard::new().with_few(0).check(&survey).unwrap_err();
    assert_eq!(error.connections.len(), 1);
    assert_eq!(error.connections[0].person, Person::Profile(STAFF.into()));
}
