//! What a run writes, to whom, and how it handles failures.

use calsync_core::ErrorKind;
use calsync_core::error::Operation;
use calsync_core::event::{Event, When};
use calsync_core::plan::RemovedByPerson;
use calsync_core::report::Verdict;

use crate::common::{CUSTOMER, Company, Host, google};

/// Rule 6: a missing event is the state of one calendar and not of the appointment: nothing is
/// cancelled, and no other person is affected (calrs #105).
#[tokio::test]
async fn an_event_that_is_missing_cancels_nothing() {
    for policy in [RemovedByPerson::Recreate, RemovedByPerson::Respect] {
        let mut host = Host::with_policy(Company::new(), policy);
        assert!(host.sync().await.is_all_done());
        let (place, before) = (host.company.place(CUSTOMER), host.company.appointment.clone());
        let events = host.world.calendar.events();
        let missing = events.into_iter().find(|event| event.place == place).unwrap();
        assert!(host.world.calendar.person_deletes(&place, &missing.remote_id));
        host.move_by_an_hour();
        host.sync().await;
        assert_eq!(host.company.appointment.status, before.status);
        let start = before.start_time + chrono::Duration::hours(1);
        let moved = |event: &Event| matches!(&event.when, When::Timed { start: at, .. } if *at == start);
        let existing = host.world.calendar.events();
        let wanted = if policy == RemovedByPerson::Recreate { 4 } else { 3 };
        assert_eq!(existing.len(), wanted);
        assert!(existing.iter().all(|stored| moved(&stored.event)), "every person's event was moved");
        assert_eq!(host.world.calendar.calls(Operation::Delete), 0);
    }
}

/// Rule 24: an event that a calendar refuses for good waits alone, and the events after it go on
/// (keeper.sh
/// #616).
#[tokio::test]
async fn an_event_refused_for_good_does_not_stop_those_after_it() {
    let mut host = Host::new(Company::of_one());
    let mut companies = vec![host.company.clone(); 5];
    let mut plans = Vec::new();
    for (id, company) in (0..).zip(&mut companies) {
        company.appointment.id = id.into();
        plans.push(company.plan().begin(&mut company.appointment).unwrap());
    }
    host.world.fail(Operation::Create, ErrorKind::Refused);
    let report = host.syncer.run_all(plans).await;
    assert_eq!((report.count(Verdict::Created), report.count(Verdict::Failed)), (4, 1));

    let failed = report.outcomes.iter().find(|outcome| outcome.verdict == Verdict::Failed).unwrap();
    host.company =
        companies.into_iter().find(|company| company.appointment.id == failed.appointment).unwrap();
    host.company.appointment.record(&report);
    assert!(host.plan().is_empty(), "the same content is not tried again");
    host.company.order.notes = Some("something it takes".into());
    assert_eq!(host.sync().await.count(Verdict::Created), 1);
}

/// Rule 25: a calendar may store our text in its own form; that does not count as a change
/// (keeper.sh #750).
#[tokio::test]
async fn text_that_a_calendar_rewrites_is_not_written_again_and_again() {
    let mut host = Host::synced(RemovedByPerson::Recreate).await;
    for writes in 1..4 {
        let stored = host.world.calendar.events().remove(0);
        let html = format!("<html><body>{}</body></html>", stored.event.description.replace('\n', "<br>"));
        assert!(host.world.calendar.person_edits(&stored.place, &stored.remote_id, |event| {
            event.title = event.title.trim_start_matches(|c: char| !c.is_ascii()).into();
            event.description = html.into();
        }));
        for _ in 0..3 {
            assert!(host.sync().await.outcomes.is_empty());
        }
        assert_eq!(host.world.calls(), writes);
        // A change of ours is still written, once.
        host.move_by_an_hour();
        assert_eq!(host.sync().await.count(Verdict::Updated), 1);
    }
}

/// Rule 35: a change is one call to each calendar it concerns, and a calendar that fails affects no
/// other (cal.com #3705).
#[tokio::test]
async fn a_change_is_one_call_and_one_outcome_for_each_calendar() {
    let mut company = Company::new();
    let calendars = ["a", "b", "c"].map(|name| google(name, "primary", name));
    company.profile(CUSTOMER).connections = calendars.into();
    let mut host = Host::new(company);
    assert_eq!(host.sync().await.count(Verdict::Created), 6);
    assert_eq!(host.world.calls(), 6);

    host.move_by_an_hour();
    host.world.fail(Operation::Update, ErrorKind::Forbidden);
    let report = host.sync().await;
    assert_eq!((report.count(Verdict::Updated), report.count(Verdict::Failed)), (5, 1));
    assert_eq!((host.world.calls(), report.notices().len()), (12, 1));
    let mut places: Vec<_> = report.outcomes.iter().map(|outcome| outcome.calendar.clone()).collect();
    places.sort_by_key(ToString::to_string);
    places.dedup();
    assert_eq!(places.len(), 6);
}
