//! A connection that leads to another account than before.

use calsync_core::ErrorKind;
use calsync_core::audience::Trigger;
use calsync_core::calendar::Role;
use calsync_core::ledger::{BlockReason, DeliveryState, PendingWrite};
use calsync_core::model::Stated;
use calsync_core::plan::{Note, OtherAccount};
use calsync_core::provider::{CalendarIds, Capabilities};
use calsync_core::testing::Fault;

use crate::common::{
    CUSTOMER, Company, actions, as_wanted, blocked, cancelled, edit, google, now, planner, set, set_state,
    settled,
};
use crate::fixture::Fixture;

#[test]
fn another_account_is_refused_and_nothing_is_made_or_touched() {
    let mut company = settled();
    let before = company.place(CUSTOMER);
    let role = Role::Customer;
    for calendar in ["primary", "family"] {
        company.profile(CUSTOMER).connections = vec![google("default", calendar, "another")];
        company.order.notes = Some("changed".into());
        for company in [company.clone(), cancelled(company.clone())] {
            let plan = company.plan();
            assert!(plan.is_empty(), "{calendar}: {plan}");
            assert_eq!(plan.notes, [Note::OtherAccount { role, calendar: before.clone() }], "noted once");
        }
    }
    let text = company.plan().to_string();
    assert!(text.contains("refused for customer in google of profile 33 (connection default)"), "{text}");
    assert!(!text.contains("another\n") && !text.contains("account-33"), "no account is named: {text}");
}

#[test]
fn an_event_that_may_be_in_the_old_account_counts_and_an_absent_row_does_not() {
    let mut company = settled();
    company.profile(CUSTOMER).connections = vec![google("default", "primary", "another")];
    edit(&mut company, |rows| set_state(&mut rows[0], &DeliveryState::Pending(PendingWrite::new(None))));
    assert!(company.plan().is_empty());

    edit(&mut company, |rows| set_state(&mut rows[0], &DeliveryState::Absent));
    set(&mut company, 0, "generation", 3);
    // A hold that waits for a reconnect of the old account does not apply to the new one.
    set(&mut company, 0, "hold", blocked(BlockReason::Reconnect, None));
    let plan = company.plan();
    assert_eq!(actions(&plan), ["create"]);
    assert!(plan.steps[0].generation.get() >= 3, "no key is used twice: {plan}");
}

#[test]
fn a_calendar_with_a_global_id_is_the_same_through_another_account() {
    let mut company = Company::of_one();
    company.profile(CUSTOMER).connections = vec![google("default", "team@example.org", "before")];
    let existing = as_wanted(&company, CUSTOMER);
    crate::common::put(&mut company, CUSTOMER, Role::Customer, &DeliveryState::Confirmed(existing));
    company.profile(CUSTOMER).connections = vec![google("default", "team@example.org", "another")];
    company.order.notes = Some("changed".into());
    let global = Capabilities::new().with_calendar_ids(CalendarIds::GlobalButPrimary);
    let planner = planner().with_provider(calsync_core::ProviderKind::GOOGLE, global);
    let plan = company.plan_by(&planner, Trigger::Automatic, now());
    assert_eq!(actions(&plan), ["update"], "it is the same event in the same calendar");
}

#[test]
fn an_event_in_the_old_account_is_removed_through_another_connection_to_it() {
    let mut company = settled();
    company.profile(CUSTOMER).connections =
        vec![google("default", "primary", "another"), google("second", "primary", "account-33")];
    let plan = cancelled(company.clone()).plan();
    assert_eq!(
        (actions(&plan), plan.steps[0].calendar.connection.to_string()),
        (vec!["delete".into()], "second".into())
    );
}

#[test]
fn a_person_who_left_the_audience_is_checked_too() {
    let mut company = Company::new();
    let existing = as_wanted(&company, crate::common::STAFF);
    crate::common::put(&mut company, crate::common::STAFF, Role::Staff, &DeliveryState::Confirmed(existing));
    company.appointment.staff_id = Stated::Empty;
    assert_eq!(actions(&company.plan()).last().map(String::as_str), Some("delete"));
    company.profile(crate::common::STAFF).connections = vec![google("default", "primary", "another")];
    let plan = company.plan();
    assert!(plan.steps.iter().all(|step| !step.removes()), "{plan}");
    assert!(plan.notes.iter().any(|note| matches!(note, Note::OtherAccount { .. })), "{plan}");
}

#[tokio::test]
async fn with_the_old_account_connected_again_syncing_resumes() {
    let mut fixture = Fixture::synced(3, 0).await;
    let before = fixture.calendar.inner().events();
    fixture.connect([google("default", "primary", "another")]);
    for appointment in &mut fixture.appointments {
        appointment.end_time += chrono::Duration::hours(1);
    }
    fixture.assert_quiet().await;
    assert_eq!(fixture.calendar.inner().events(), before);

    for connection in [google("default", "primary", "account-33"), google("anew", "primary", "account-33")] {
        fixture.connect([connection]);
        for appointment in &mut fixture.appointments {
            appointment.end_time += chrono::Duration::hours(1);
        }
        assert!(fixture.sync().await.is_all_done());
        let ids = |events: &[calsync_core::memory::StoredEvent]| -> Vec<_> {
            events.iter().map(|event| event.remote_id.clone()).collect()
        };
        assert_eq!(ids(&fixture.calendar.inner().events()), ids(&before), "the same events");
        assert!(fixture.appointments.iter().all(|it| it.ledger.deliveries().len() == 1), "and the same rows");
    }
    fixture.assert_quiet().await;
}

#[tokio::test]
async fn with_start_anew_new_events_are_made_and_the_old_ones_are_never_touched() {
    let mut fixture = Fixture::with_policy(Company::of_one(), 3, 0, OtherAccount::StartAnew);
    fixture.sync().await;
    let before = fixture.calendar.inner().events();
    fixture.connect([google("default", "primary", "another")]);
    // One create fails at first; the next run makes it.
    fixture.calendar.script([Fault::Before(ErrorKind::Unavailable)]);
    fixture.sync().await;
    fixture.wait(5);
    fixture.sync().await;
    let all = fixture.calendar.inner().events();
    assert_eq!(all.len(), 6);
    assert!(before.iter().all(|event| all.contains(event)), "the old events are unchanged");
    fixture.assert_quiet().await;
    for appointment in &mut fixture.appointments {
        appointment.status = "cancelled".into();
    }
    fixture.sync().await;
    assert_eq!(fixture.calendar.inner().events(), before);
}
