//! Backfilling a calendar after it was connected.

use calsync_core::audience::Trigger;
use calsync_core::calendar::Person;
use calsync_core::ledger::Ledger;
use calsync_core::model::SyncSettings;
use calsync_core::plan::{Backfill, Plan};

use crate::common::{CUSTOMER, Company, STAFF, google};
use crate::fixture::{Fixture, customer};

fn plans(fixture: &Fixture, person: i64) -> Vec<Plan> {
    let (rows, directory) = fixture.rows();
    let person = Person::Profile(person.into());
    let backfill =
        Backfill::new(fixture.syncer.planner(), &fixture.watch, &directory, person, rows.into_iter());
    backfill.map(|item| item.unwrap().1).collect()
}

#[tokio::test]
async fn every_appointment_that_is_not_over_is_planned_for_that_person_only() {
    let mut fixture = Fixture::new(Company::new(), 12, 4);
    // An appointment under way, which ends in a minute, is not over.
    fixture.wait(60 + 59);
    let all = plans(&fixture, STAFF);
    assert_eq!(all.len(), 8);
    assert!(
        all.iter()
            .all(|plan| plan.steps.len() == 1 && plan.steps[0].calendar == fixture.company.place(STAFF))
    );
    fixture.wait(1);
    assert_eq!(plans(&fixture, STAFF).len(), 7, "appointments that are over are not planned");

    for plan in all {
        let nth = fixture.appointments.iter().position(|it| it.id == plan.appointment).unwrap();
        let begun = plan.begin(&mut fixture.appointments[nth]).unwrap();
        let report = fixture.syncer.run(begun).await;
        fixture.record(&report);
    }
    assert_eq!(fixture.event_count(), 8);
    assert_eq!(plans(&fixture, STAFF), [], "nothing is left to do");
    assert_eq!(plans(&fixture, CUSTOMER).len(), 7);
}

#[tokio::test]
async fn a_second_calendar_is_filled_without_touching_the_first() {
    let mut fixture = Fixture::synced(5, 2).await;
    let calls = fixture.calls();
    fixture
        .connect([google("default", "primary", "account-33"), google("work", "primary", "account-of-work")]);
    for appointment in &mut fixture.appointments {
        appointment.end_time += chrono::Duration::minutes(5);
    }
    let (rows, directory) = fixture.rows();
    let backfill =
        Backfill::new(fixture.syncer.planner(), &fixture.watch, &directory, customer(), rows.into_iter());
    let backfill = backfill.with_connection("work".try_into().unwrap());
    let mut plans = Vec::new();
    for item in backfill {
        let (appointment, plan) = item.unwrap();
        let nth = fixture.appointments.iter().position(|it| it.id == appointment.id).unwrap();
        plans.push(plan.begin(&mut fixture.appointments[nth]).unwrap());
    }
    assert_eq!(plans.len(), 3);
    let report = fixture.syncer.run_all(plans).await;
    fixture.record(&report);
    assert_eq!((fixture.event_count(), fixture.calls() - calls), (8, 3), "one create each, and nothing else");
}

#[tokio::test]
async fn a_plan_for_one_connection_removes_nothing() {
    let mut fixture = Fixture::synced(2, 0).await;
    fixture.connect([google("work", "primary", "account-of-work")]);
    let (rows, directory) = fixture.rows();
    for (connection, found) in [("default", 0), ("work", 2)] {
        let backfill = Backfill::new(
            fixture.syncer.planner(),
            &fixture.watch,
            &directory,
            customer(),
            rows.clone().into_iter(),
        );
        let backfill = backfill.with_connection(connection.try_into().unwrap());
        let plans: Vec<Plan> = backfill.map(|item| item.unwrap().1).collect();
        assert_eq!(plans.len(), found, "{connection}");
        assert!(plans.iter().all(|plan| plan.steps.iter().all(|step| !step.removes())));
    }
}

#[tokio::test]
async fn it_takes_one_appointment_at_a_time_and_goes_on_after_one_it_cannot_plan() {
    let fixture = Fixture::new(Company::of_one(), 4, 0);
    let (mut rows, directory) = fixture.rows();
    rows[1].1.service_id = 99.into();
    let taken = std::cell::Cell::new(0);
    let rows = rows.into_iter().inspect(|_| taken.set(taken.get() + 1));
    let mut backfill = Backfill::new(fixture.syncer.planner(), &fixture.watch, &directory, customer(), rows);
    assert!(backfill.next().unwrap().is_ok());
    assert_eq!(taken.get(), 1);
    let error = backfill.next().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "appointment 101: service_id: there is no service 99");
    assert_eq!(backfill.filter(Result::is_ok).count(), 2);
}

#[tokio::test]
async fn a_person_who_syncs_by_hand_is_backfilled_by_hand() {
    let mut fixture = Fixture::new(Company::of_one(), 2, 0);
    fixture.company.profile(CUSTOMER).calendar_sync_settings = SyncSettings::default().with_auto_sync(false);
    assert_eq!(plans(&fixture, CUSTOMER), []);
    let (rows, directory) = fixture.rows();
    let backfill =
        Backfill::new(fixture.syncer.planner(), &fixture.watch, &directory, customer(), rows.into_iter());
    assert_eq!(backfill.with_trigger(Trigger::Manual).count(), 2);
    assert!(fixture.appointments.iter().all(|it| it.ledger == Ledger::default()));
}
