//! Moving to another calendar: the new event is made before the old one is removed.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use calsync_core::audience::Audience;
use calsync_core::calendar::CalendarRef;
use calsync_core::error::{Error, ErrorKind, Operation};
use calsync_core::health::MemoryAccountHealthStore;
use calsync_core::ledger::{BlockReason, Delivery, DeliveryState};
use calsync_core::memory::MemoryCalendar;
use calsync_core::model::Connection;
use calsync_core::names::{ProviderKind, RemoteId};
use calsync_core::plan::{
    Begun, Brake, Disconnect, DisconnectReceipt, Note, OnDisconnect, RemovedByPerson, TargetState,
};
use calsync_core::provider::{
    CalendarIds, CalendarProvider, Capabilities, CreateOptions, DeleteOptions, Draft, Found, Marker,
    OursPage, PageToken, TargetQuery, UpdateOptions, Written,
};
use calsync_core::report::{Report, Verdict};
use calsync_core::sync::{RetryPolicy, SeededRandom, Syncer};
use calsync_core::testing::{Fault, Faulty, TestClock};
use chrono::TimeDelta;

use crate::common::{
    CUSTOMER, Company, Host, NAMESPACE, Reached, actions, blocked, connection, edit, google, now, set_state,
};
use crate::fixture::{Fixture, customer};

/// Every failure that prevents a create, temporarily or until something changes.
const FAILURES: [ErrorKind; 8] = [
    ErrorKind::Unavailable,
    ErrorKind::RateLimited,
    ErrorKind::Unauthenticated,
    ErrorKind::MissingScope,
    ErrorKind::Forbidden,
    ErrorKind::CalendarNotFound,
    ErrorKind::QuotaExceeded,
    ErrorKind::Refused,
];

#[tokio::test]
async fn the_old_event_stays_while_the_new_one_cannot_be_made_for_any_reason() {
    for kind in FAILURES {
        for connection in [google("default", "family", "account-33"), google("new", "primary", "another")] {
            let mut fixture = Fixture::synced(1, 0).await;
            let before = fixture.calendar.inner().events();
            fixture.connect([connection.clone()]);
            fixture.calendar.script([Fault::Before(kind)]);
            let report = fixture.sync().await;
            assert_eq!((report.count(Verdict::Failed), report.count(Verdict::Postponed)), (1, 1), "{kind}");
            assert_eq!(fixture.calendar.inner().events(), before, "{kind}");
            // Planning again while the new event is held makes no step.
            if fixture.appointments[0].ledger.deliveries().iter().any(|row| row.hold().is_some()) {
                let plan = fixture.plan(0);
                assert!(plan.is_empty(), "{kind}: {plan}");
                assert!(matches!(&plan.notes[..], [Note::Held { .. }, Note::Kept { .. }]), "{kind}: {plan}");
                assert!(
                    plan.to_string().ends_with("(connection default) stays until the new one can be made")
                );
            }
            fixture.wait(60);
            fixture.sync().await;
            let events = fixture.calendar.inner().events();
            assert_eq!(events.len(), 1, "{kind}");
            assert!(events[0].place.is_at(&fixture.company.place(CUSTOMER)), "{kind}");
            fixture.assert_quiet().await;
        }
    }
}

#[tokio::test]
async fn an_event_that_stays_until_the_new_one_can_be_made_is_kept_up_to_date() {
    let mut fixture = Fixture::synced(1, 0).await;
    let anew = google("new", "primary", "another");
    fixture.connect([anew.clone()]);
    fixture.calendar.script([Fault::Before(ErrorKind::Forbidden)]);
    fixture.sync().await;
    let before = fixture.calendar.inner().events();
    fixture.appointments[0].start_time += TimeDelta::hours(2);
    fixture.appointments[0].end_time += TimeDelta::hours(2);
    let plan = fixture.plan(0);
    assert_eq!(crate::common::actions(&plan), ["update"], "{plan}");
    let receipt = fixture.explain(0);
    assert_eq!(receipt.targets.len(), 2, "one line for each: {receipt}");
    // The update fails; no other event is made or removed because of that.
    fixture.calendar.script([Fault::ResponseLost]);
    fixture.sync().await;
    fixture.wait(60);
    fixture.calendar.script([Fault::Before(ErrorKind::Forbidden)]);
    fixture.sync().await;
    let after = fixture.calendar.inner().events();
    assert_eq!((after.len(), &after[0].place), (1, &before[0].place));
    assert_ne!(after[0].event.when, before[0].event.when);
    let plan = fixture.plan(0);
    assert!(plan.is_empty() && matches!(&plan.notes[..], [Note::Held { .. }, Note::Kept { .. }]), "{plan}");

    fixture.wait(10);
    fixture.sync().await;
    let events = fixture.calendar.inner().events();
    assert!(events.len() == 1 && events[0].place.is_at(&fixture.company.place(CUSTOMER)));
    assert_eq!(events[0].event.when, after[0].event.when);
    fixture.assert_quiet().await;
}

/// An event without credentials is not written to, and a removed event is not made again, while the
/// person's new event waits.
#[tokio::test]
async fn an_event_kept_on_purpose_or_being_removed_is_not_kept_up_to_date() {
    for is_left in [true, false] {
        let mut fixture = Fixture::synced(1, 0).await;
        let anew = google("new", "primary", "another");
        if is_left {
            fixture.connect([]);
            fixture.disconnect(&google("default", "primary", "account-33"), OnDisconnect::Keep).await;
        } else {
            fixture.appointments[0].status = "cancelled".into();
            drop(fixture.begin());
            fixture.appointments[0].status = "confirmed".into();
        }
        fixture.connect([anew]);
        fixture.calendar.script([Fault::Before(ErrorKind::Forbidden)]);
        fixture.sync().await;
        fixture.appointments[0].start_time += TimeDelta::hours(2);
        fixture.appointments[0].end_time += TimeDelta::hours(2);
        let (before, calls) = (fixture.calendar.inner().events(), fixture.calls());
        let plan = fixture.plan(0);
        assert!(plan.is_empty(), "{plan}");
        let kept = plan.notes.iter().any(|note| matches!(note, Note::Kept { .. }));
        assert_eq!(kept, !is_left, "{plan}");
        fixture.sync().await;
        assert_eq!((fixture.calendar.inner().events(), fixture.calls()), (before, calls));
    }
}

#[tokio::test]
async fn the_old_event_of_a_cancelled_appointment_is_removed_at_once() {
    let mut fixture = Fixture::synced(1, 0).await;
    fixture.connect([google("default", "family", "account-33")]);
    fixture.calendar.script([Fault::Before(ErrorKind::Forbidden)]);
    fixture.sync().await;
    fixture.appointments[0].status = "cancelled".into();
    fixture.sync().await;
    assert_eq!(fixture.event_count(), 0);
}

#[tokio::test]
async fn the_old_event_goes_if_the_person_deleted_the_new_one() {
    let mut host = Host::synced(RemovedByPerson::Respect).await;
    host.company.profile(CUSTOMER).connections.push(google("second", "family", "account-33"));
    host.sync().await;
    edit(&mut host.company, |rows| {
        let row = rows.iter_mut().find(|row| row["calendar"]["connection"] == "second").unwrap();
        set_state(row, &DeliveryState::Absent);
        row["hold"] = serde_json::to_value(blocked(BlockReason::RemovedByPerson, None)).unwrap();
    });
    host.company.profile(CUSTOMER).connections.remove(0);
    let plan = host.plan();
    assert_eq!(crate::common::actions(&plan), ["delete"], "{plan}");
}

#[tokio::test]
async fn a_run_cut_off_anywhere_is_resumed_without_a_gap_or_a_second_event() {
    for polls in 0..8 {
        for fault in [Fault::None, Fault::ResponseLost, Fault::RequestLost, Fault::Slow(2)] {
            let mut fixture = Fixture::synced(1, 0).await;
            fixture.connect([google("default", "family", "account-33")]);
            fixture.calendar.script([fault, Fault::Slow(2)]);
            let plans = fixture.begin();
            let mut run = Box::pin(fixture.syncer.run_all(plans).report());
            for _ in 0..polls {
                if futures_poll(&mut run).is_some() {
                    break;
                }
            }
            drop(run);
            fixture.calendar.quiet();
            assert!(fixture.event_count() >= 1, "cut off after {polls} polls, {fault:?}");
            // The next run fails to look at the new event: the old one stays.
            fixture.calendar.script([Fault::Before(ErrorKind::Unavailable)]);
            fixture.sync().await;
            assert!(fixture.event_count() >= 1, "cut off after {polls} polls, {fault:?}");
            for _ in 0..2 {
                fixture.wait(60);
                fixture.sync().await;
            }
            let events = fixture.calendar.inner().events();
            assert_eq!(events.len(), 1, "cut off after {polls} polls, {fault:?}");
            assert_eq!(events[0].place.calendar.as_str(), "family");
            fixture.assert_quiet().await;
        }
    }
}

fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::Pin::new(future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

/// Calendars that record every removal of an event whose appointment has no other event at that
/// moment.
#[derive(Debug, Clone)]
struct Attentive {
    inner: MemoryCalendar,
    gaps: Arc<Mutex<Vec<RemoteId>>>,
}

impl Attentive {
    fn look(&self, id: &RemoteId) {
        let events = self.inner.events();
        let Some(going) = events.iter().find(|event| event.remote_id == *id) else { return };
        let same = |other: &&calsync_core::memory::StoredEvent| other.event.when == going.event.when;
        if events.iter().filter(same).count() < 2 {
            self.gaps.lock().unwrap().push(id.clone());
        }
    }
}

#[async_trait]
impl CalendarProvider for Attentive {
    fn kind(&self) -> ProviderKind {
        self.inner.kind()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn create(
        &self,
        place: &CalendarRef,
        draft: &Draft,
        options: &CreateOptions,
    ) -> Result<Written, Error> {
        self.inner.create(place, draft, options).await
    }

    async fn update(
        &self,
        place: &CalendarRef,
        id: &RemoteId,
        draft: &Draft,
        options: &UpdateOptions,
    ) -> Result<Written, Error> {
        self.inner.update(place, id, draft, options).await
    }

    async fn delete(
        &self,
        place: &CalendarRef,
        id: &RemoteId,
        marker: &Marker,
        options: &DeleteOptions,
    ) -> Result<(), Error> {
        self.look(id);
        self.inner.delete(place, id, marker, options).await
    }

    async fn find(&self, place: &CalendarRef, query: &TargetQuery) -> Result<Vec<Found>, Error> {
        self.inner.find(place, query).await
    }

    async fn list_ours(
        &self,
        place: &CalendarRef,
        namespace: &str,
        page: Option<PageToken>,
    ) -> Result<OursPage, Error> {
        self.inner.list_ours(place, namespace, page).await
    }

    async fn get(&self, place: &CalendarRef, id: &RemoteId) -> Result<Option<Found>, Error> {
        self.inner.get(place, id).await
    }
}

#[tokio::test]
async fn a_person_with_many_appointments_is_never_without_one_of_their_events() {
    for seed in 0..8 {
        let world =
            Attentive { inner: MemoryCalendar::new().with_kind(ProviderKind::GOOGLE), gaps: Arc::default() };
        let calendar = Faulty::new(world.clone());
        let clock = TestClock::at(now());
        let health = MemoryAccountHealthStore::new();
        let mut fixture = Fixture::new(Company::of_one(), 60, 0);
        fixture.syncer = Syncer::builder(NAMESPACE)
            .provider(Reached::new(calendar.clone()))
            .brake(Brake::off())
            .health_store(Arc::new(health.clone()))
            .clock(clock.clone())
            .sleep(clock.clone())
            .random(SeededRandom::new(seed))
            .retry(if seed % 2 == 0 { RetryPolicy::new() } else { RetryPolicy::none() })
            .build();
        fixture.sync().await;
        assert_eq!(world.inner.events().len(), 60);
        fixture.connect([google("default", "family", "account-33")]);
        calendar.at_random(seed, 400, true);
        for _ in 0..6 {
            // Some runs are cut off, and their outcomes so far are recorded or not.
            let plans = fixture.begin();
            let mut run = fixture.syncer.run_all(plans);
            let mut report = Report::new();
            for _ in 0..40 {
                let Some(outcome) = run.next().await else { break };
                report.outcomes.push(outcome);
            }
            drop(run);
            fixture.record(&report);
            clock.advance(chrono::Duration::hours(1));
        }
        calendar.quiet();
        // The person connects again; all other holds end within a week.
        let place = fixture.company.place(CUSTOMER);
        fixture.syncer.connected(&place.connection_key());
        for appointment in &mut fixture.appointments {
            appointment.ledger.revive(&place.connection_key());
        }
        for _ in 0..8 {
            clock.advance(chrono::Duration::days(1));
            fixture.sync().await;
        }
        assert_eq!(*world.gaps.lock().unwrap(), [], "seed {seed}");
        let events = world.inner.events();
        assert_eq!(events.len(), 60, "seed {seed}");
        assert!(events.iter().all(|event| event.place.calendar.as_str() == "family"), "seed {seed}");
        assert!(world.inner.calls(Operation::Delete) >= 60);
        let directory = fixture.company.directory();
        for appointment in &fixture.appointments {
            let audience = Audience::of(&fixture.company.order, appointment, &directory).unwrap();
            let plan = fixture.syncer.plan(&fixture.company.order, appointment, &audience).unwrap();
            assert!(plan.is_empty() && plan.notes.is_empty(), "seed {seed}: {plan}");
        }
    }
}

#[tokio::test]
async fn kept_and_unreachable_events_are_reported() {
    let mut fixture = Fixture::synced(1, 0).await;
    for (connection, state) in [
        (google("new", "family", "account-33"), TargetState::Kept),
        (google("default", "primary", "another"), TargetState::OutOfReach),
    ] {
        fixture.connect([connection]);
        fixture.calendar.script([Fault::Before(ErrorKind::Forbidden)]);
        fixture.sync().await;
        let directory = fixture.company.directory();
        let (order, appointment) = (&fixture.company.order, &fixture.appointments[0]);
        let audience = Audience::of(order, appointment, &directory).unwrap();
        let receipt = fixture.syncer.explain(order, appointment, &audience).unwrap();
        assert!(!receipt.is_complete() && receipt.targets.iter().any(|it| it.state == state), "{receipt}");
    }
}

/// The connection of the company, which the others replace.
fn first() -> Connection {
    google("default", "primary", "account-33")
}

/// Another connection to the same account.
fn second() -> Connection {
    google("second", "primary", "account-33")
}

impl Fixture {
    /// One appointment, whose event changes.
    fn change(&mut self) {
        self.appointments[0].start_time += TimeDelta::minutes(30);
        self.appointments[0].end_time += TimeDelta::minutes(30);
    }

    fn ledger(&self) -> &[Delivery] {
        self.appointments[0].ledger.deliveries()
    }

    /// The worker dies after it has begun: the row is pending, and nothing is ever reported.
    fn begin_and_die(&mut self) {
        assert!(self.begin().iter().all(|begun| !begun.is_empty()));
    }

    /// A write of a worker that died arrives at the server.
    async fn arrives(&self, begun: &Begun) {
        let (plan, step) = (begun.plan(), &begun.plan().steps[0]);
        let marker = Marker::new(plan.namespace.clone(), step.key(), plan.revision());
        let draft = Draft::new(marker, step.content().unwrap().event.clone(), plan.at);
        self.calendar.inner().create(&step.calendar, &draft, &CreateOptions::new()).await.unwrap();
    }
}

#[tokio::test]
async fn a_pending_row_that_another_connection_took_over_is_taken_back_by_its_own() {
    // Its account may be unknown when it is connected again.
    for again in [first(), connection("default", ProviderKind::GOOGLE, "primary")] {
        for is_confirmed in [true, false] {
            let mut fixture = Fixture::new(Company::of_one(), 1, 0);
            if is_confirmed {
                fixture.sync().await;
            } else {
                fixture.begin_and_die();
            }
            let target = fixture.ledger()[0].target();
            fixture.connect([second()]);
            fixture.change();
            fixture.begin_and_die();
            assert_eq!((fixture.ledger().len(), fixture.ledger()[0].target()), (1, target));

            fixture.connect([again.clone()]);
            let plan = fixture.plan(0);
            assert_eq!(actions(&plan), ["find and write"], "confirmed: {is_confirmed}: {plan}");
            let step = &plan.steps[0];
            assert_eq!((step.target, step.generation.get()), (target, 0), "confirmed: {is_confirmed}");
            assert!(step.calendar.is_at(&fixture.company.place(CUSTOMER)));
            assert!(fixture.sync().await.is_all_done());
            assert_eq!((fixture.event_count(), fixture.ledger().len()), (1, 1), "confirmed: {is_confirmed}");
            fixture.assert_quiet().await;
        }
    }
}

#[tokio::test]
async fn a_row_keeps_the_account_it_has_learned_when_another_connection_to_it_takes_it_over() {
    let mut fixture = Fixture::synced(1, 0).await;
    fixture.connect([second()]);
    fixture.change();
    fixture.begin_and_die();
    let calendar = fixture.ledger()[0].calendar();
    assert_eq!(
        (calendar.connection.to_string(), calendar.account.as_deref()),
        ("second".into(), Some("account-33"))
    );
}

#[tokio::test]
async fn an_unreported_write_is_found_through_another_connection_to_the_account_it_was_meant_for() {
    for is_disconnected in [true, false] {
        let mut fixture = Fixture::new(Company::of_one(), 1, 0);
        let begun = fixture.begin();
        fixture.arrives(&begun[0]).await;
        drop(begun);
        let row = &fixture.ledger()[0];
        assert_eq!(
            (row.calendar().account.as_deref(), row.account().map(|it| it.as_str())),
            (None, Some("account-33"))
        );
        fixture.connect([second()]);
        if is_disconnected {
            let disconnect = Disconnect::new(&customer(), &second(), OnDisconnect::DeleteAll);
            let disconnect = disconnect.with_connected(&[second()]);
            let mut receipt = DisconnectReceipt::new(&disconnect);
            fixture.go_on(&disconnect, &mut receipt).await;
            fixture.connect([]);
            fixture.wait(11);
            fixture.go_on(&disconnect, &mut receipt).await;
            assert!(receipt.may_revoke(), "{receipt}");
            assert_eq!((receipt.removed(), fixture.event_count()), (1, 0), "{receipt}");
        } else {
            let plan = fixture.plan(0);
            assert_eq!(actions(&plan), ["find and write"], "{plan}");
            assert!(plan.steps[0].moves_from.is_some(), "it is taken over");
            assert!(fixture.sync().await.is_all_done());
            assert_eq!((fixture.event_count(), fixture.ledger().len()), (1, 1));
        }
        fixture.wait(11);
        fixture.sync().await;
        fixture.assert_quiet().await;
    }
}

/// A calendar that several people share, reached through the account of one of them.
fn shared(id: &str, account: &str) -> Connection {
    google(id, "team@example.org", account)
}

#[tokio::test]
async fn a_row_taken_over_by_a_connection_of_another_account_forgets_which_one_its_write_was_meant_for() {
    let mut fixture = Fixture::with_ids(CalendarIds::GlobalButPrimary);
    let (leaves, stays) = (shared("default", "before"), shared("second", "another"));
    fixture.connect([leaves.clone()]);
    fixture.begin_and_die();
    assert_eq!(fixture.ledger()[0].account().map(|it| it.as_str()), Some("before"));

    fixture.connect([stays.clone()]);
    let disconnect = Disconnect::new(&customer(), &leaves, OnDisconnect::DeleteAll);
    let disconnect = disconnect.with_connected(&[leaves, stays]);
    let plan = fixture.plan_disconnect(&disconnect, 0);
    assert!(matches!(&plan.plan.notes[..], [Note::TakenOver { .. }]), "{plan}");
    drop(plan.begin(&mut fixture.appointments[0]).unwrap());
    assert_eq!(fixture.ledger()[0].calendar().connection.to_string(), "second");
    assert_eq!(fixture.ledger()[0].account(), None, "{}", fixture.ledger()[0].explain());
    let plan = fixture.plan(0);
    assert_eq!(plan.steps[0].calendar.account.as_deref(), Some("another"), "{plan}");
    assert!(fixture.sync().await.is_all_done());
    assert_eq!((fixture.event_count(), fixture.ledger().len()), (1, 1));
}

#[tokio::test]
async fn where_ids_are_global_plans_that_race_through_two_accounts_end_with_one_row_and_one_event() {
    // Two connections, and one connection that leads to another account meanwhile.
    for id in ["second", "default"] {
        for older_runs_first in [true, false] {
            let case = format!("{id}, older first: {older_runs_first}");
            let mut fixture = Fixture::with_ids(CalendarIds::Global);
            fixture.connect([shared("default", "before")]);
            let older = fixture.begin();
            fixture.connect([shared(id, "another")]);
            fixture.change();
            let newer = fixture.begin();
            let target = older[0].plan().steps[0].target;
            assert_eq!(newer[0].plan().steps[0].target, target, "{case}");
            assert_eq!(fixture.ledger()[0].account(), None, "{case}");
            let mut runs = [newer, older];
            if older_runs_first {
                runs.reverse();
            }
            for begun in runs {
                let report = fixture.syncer.run_all(begun).await;
                fixture.record(&report);
            }
            for _ in 0..2 {
                fixture.wait(11);
                assert!(fixture.sync().await.is_all_done(), "{case}");
            }
            assert_eq!((fixture.event_count(), fixture.ledger().len()), (1, 1), "{case}");
            assert_eq!(
                (fixture.ledger()[0].target(), fixture.ledger()[0].account()),
                (target, None),
                "{case}"
            );
            fixture.assert_quiet().await;
        }
    }
}

#[tokio::test]
async fn a_row_whose_write_may_still_arrive_is_looked_at_also_after_another_row_came_to_its_calendar() {
    let mut fixture = Fixture::new(Company::of_one(), 1, 0);
    fixture.connect([second()]);
    let late = fixture.begin();
    // Whose account that is, is not known until it is written to: the other row is removed, as far
    // as it is there.
    fixture.connect([connection("default", ProviderKind::GOOGLE, "primary")]);
    fixture.leads_to(&first());
    assert!(fixture.sync().await.is_all_done());
    let to_come = |row: &&Delivery| !row.may_exist() && row.look_at().is_some();
    assert_eq!((fixture.ledger().len(), fixture.ledger().iter().filter(to_come).count()), (2, 1));

    fixture.connect([second()]);
    fixture.change();
    let plan = fixture.plan(0);
    assert!(plan.steps.iter().any(|step| step.moves_from.is_some()), "{plan}");
    assert!(fixture.sync().await.is_all_done());
    assert_eq!(fixture.ledger().iter().filter(to_come).count(), 1, "the look is still to come");
    fixture.arrives(&late[0]).await;
    assert_eq!(fixture.event_count(), 2);
    fixture.wait(11);
    assert!(fixture.sync().await.is_all_done());
    assert_eq!(fixture.event_count(), 1);
    fixture.assert_quiet().await;
}

#[tokio::test]
async fn a_late_report_for_a_row_that_a_newer_plan_has_moved_makes_it_look_and_adds_no_row() {
    for other in [shared("second", "before"), shared("second", "another")] {
        for older_runs_first in [true, false] {
            let mut fixture = Fixture::with_ids(CalendarIds::GlobalButPrimary);
            fixture.connect([shared("default", "before")]);
            let older = fixture.begin();
            fixture.connect([other.clone()]);
            fixture.change();
            let newer = fixture.begin();
            let (older, newer) = if older_runs_first {
                let older = fixture.syncer.run_all(older).report().await;
                (older, fixture.syncer.run_all(newer).report().await)
            } else {
                let newer = fixture.syncer.run_all(newer).report().await;
                (fixture.syncer.run_all(older).report().await, newer)
            };
            fixture.record(&newer);
            // The older worker has had its time, and one look has shown what it left.
            fixture.wait(11);
            fixture.sync().await;
            assert_eq!((fixture.ledger().len(), fixture.ledger()[0].look_at()), (1, None));
            let before = fixture.ledger()[0].clone();
            assert_eq!(fixture.appointments[0].record(&older), 1, "it is recorded");
            let row = &fixture.ledger()[0];
            assert_eq!(fixture.ledger().len(), 1, "no row is added");
            assert!(row.look_at().is_some(), "{}", row.explain());
            assert_eq!((row.state(), row.calendar()), (before.state(), before.calendar()));
            assert!(fixture.sync().await.is_all_done());
            assert_eq!((fixture.event_count(), fixture.ledger().len()), (1, 1));
            fixture.assert_quiet().await;
        }
    }
}

#[tokio::test]
async fn an_unreported_write_of_a_cancelled_appointment_is_removed_through_another_connection_to_its_account()
{
    let mut fixture = Fixture::new(Company::of_one(), 1, 0);
    fixture.begin_and_die();
    fixture.connect([second()]);
    fixture.appointments[0].status = "cancelled".into();
    let plan = fixture.plan(0);
    assert_eq!(actions(&plan), ["find and delete"], "{plan}");
    assert_eq!(plan.steps[0].calendar.connection.to_string(), "second", "{plan}");
}
