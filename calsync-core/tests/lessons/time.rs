//! The times of events, and that no time is a reason to lose an event.

use calsync_core::audience::{Audience, Trigger};
use calsync_core::error::Operation;
use calsync_core::event::When;
use calsync_core::model::OrderItem;
use calsync_core::plan::RemovedByPerson;
use calsync_core::report::Verdict;
use calsync_core::testing::fixtures::timed;
use calsync_core::time::Zone;
use chrono::TimeDelta;

use crate::common::{Company, Host, actions, now, planner, settled};

/// Rule 24: an event that ends before it begins is refused when it is planned, and reaches no
/// calendar (keeper.sh #616).
#[test]
fn a_time_that_no_calendar_accepts_is_refused_before_anything_is_planned() {
    for minutes in [0, -1, -90] {
        let mut company = settled();
        company.appointment.end_time = company.appointment.start_time + TimeDelta::minutes(minutes);
        let directory = company.directory();
        let audience = Audience::of(&company.order, &company.appointment, &directory).unwrap();
        let refused = planner().plan(&company.order, &company.appointment, &audience, now());
        assert!(refused.unwrap_err().to_string().starts_with("appointment 10: end_time: "));
        // An event that is there can still be removed.
        company.appointment.status = "cancelled".into();
        let plan = company.plan_by(&planner(), Trigger::Automatic, now());
        assert_eq!(actions(&plan), ["delete"]);
    }
}

/// Rule 26: no event is removed because it is in the far past or future: there is no window that it
/// could leave (OGCS #2312).
#[tokio::test]
async fn an_event_is_not_removed_because_of_when_it_is() {
    let mut host = Host::synced(RemovedByPerson::Recreate).await;
    host.wait(3 * 365 * 24 * 60);
    host.assert_quiet();
    // An appointment is closed a month after its end; one that is moved to a later time is not.
    for days in [365 * 3, 365 * 40, -365 * 40] {
        host.company.appointment.start_time += TimeDelta::days(days);
        host.company.appointment.end_time += TimeDelta::days(days);
        assert_eq!(host.sync().await.count(Verdict::Updated), 1);
        host.assert_heals(0).await;
    }
    assert_eq!(host.world.calendar.calls(Operation::Delete), 0);
}

/// Rule 30: an appointment at nine is at nine on both sides of both clock changes, as an instant
/// and its zone, and stays so when it is stored and read (calrs #100).
#[tokio::test]
async fn nine_oclock_is_nine_oclock_on_both_sides_of_both_clock_changes() {
    for (zone, date, start, end) in [
        ("Europe/London", "2026-03-28", "2026-03-28T09:00:00Z", "2026-03-28T10:30:00Z"),
        ("Europe/London", "2026-03-29", "2026-03-29T08:00:00Z", "2026-03-29T09:30:00Z"),
        ("Europe/London", "2026-10-24", "2026-10-24T08:00:00Z", "2026-10-24T09:30:00Z"),
        ("Europe/London", "2026-10-25", "2026-10-25T09:00:00Z", "2026-10-25T10:30:00Z"),
        ("America/New_York", "2026-03-07", "2026-03-07T14:00:00Z", "2026-03-07T15:30:00Z"),
        ("America/New_York", "2026-03-08", "2026-03-08T13:00:00Z", "2026-03-08T14:30:00Z"),
        ("America/New_York", "2026-10-31", "2026-10-31T13:00:00Z", "2026-10-31T14:30:00Z"),
        ("America/New_York", "2026-11-01", "2026-11-01T14:00:00Z", "2026-11-01T15:30:00Z"),
    ] {
        let mut company = Company::of_one();
        company.order.items = Some(vec![OrderItem::new(1, 5)]);
        company.order.scheduled_date = Some(date.parse().unwrap());
        company.order.scheduled_time = Some("09:00".parse().unwrap());
        let there = Zone::new(zone).unwrap();
        company.appointment = company.order.confirm(&company.directory(), &there).made.pop().unwrap();
        let mut host = Host::new(company);
        assert!(host.sync().await.is_all_done());
        let when = host.world.calendar.events().remove(0).event.when;
        assert_eq!(when, timed(start, end, zone));
        let When::Timed { start, zone, .. } = when else { panic!("an hour") };
        assert_eq!(zone.local(start).to_string(), format!("{date} 09:00:00"));

        let stored = serde_json::to_string(&host.company.appointment).unwrap();
        host.company.appointment = serde_json::from_str(&stored).unwrap();
        host.assert_quiet();
    }
}
