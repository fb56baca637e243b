//! Moving to another calendar: there before here.

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
use crate::desk::{Desk, customer};

/// Every failure that keeps an event from being made, for now or until something changes.
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
async fn the_old_event_stays_while_the_new_one_cannot_be_made_whatever_the_reason() {
    for kind in FAILURES {
        for connection in [google("default", "family", "account-33"), google("new", "primary", "another")] {
            let mut desk = Desk::synced(1, 0).await;
            let before = desk.calendar.inner().events();
            desk.connect([connection.clone()]);
            desk.calendar.script([Fault::Before(kind)]);
            let report = desk.sync().await;
            assert_eq!((report.count(Verdict::Failed), report.count(Verdict::Postponed)), (1, 1), "{kind}");
            assert_eq!(desk.calendar.inner().events(), before, "{kind}");
            // However often it is planned while the new one is held.
            if desk.appointments[0].ledger.deliveries().iter().any(|row| row.hold().is_some()) {
                let plan = desk.plan(0);
                assert!(plan.is_empty(), "{kind}: {plan}");
                assert!(matches!(&plan.notes[..], [Note::Held { .. }, Note::Kept { .. }]), "{kind}: {plan}");
                assert!(
                    plan.to_string().ends_with("(connection default) stays until the new one can be made")
                );
            }
            desk.wait(60);
            desk.sync().await;
            let events = desk.calendar.inner().events();
            assert_eq!(events.len(), 1, "{kind}");
            assert!(events[0].place.is_at(&desk.company.place(CUSTOMER)), "{kind}");
            desk.assert_quiet().await;
        }
    }
}

#[tokio::test]
async fn what_stays_until_the_new_one_can_be_made_is_kept_right_meanwhile() {
    let mut desk = Desk::synced(1, 0).await;
    let anew = google("new", "primary", "another");
    desk.connect([anew.clone()]);
    desk.calendar.script([Fault::Before(ErrorKind::Forbidden)]);
    desk.sync().await;
    let before = desk.calendar.inner().events();
    desk.appointments[0].start_time += TimeDelta::hours(2);
    desk.appointments[0].end_time += TimeDelta::hours(2);
    let plan = desk.plan(0);
    assert_eq!(crate::common::actions(&plan), ["update"], "{plan}");
    let receipt = desk.explain(0);
    assert_eq!(receipt.targets.len(), 2, "one line for each: {receipt}");
    // It fails; and nothing else is made or removed for it.
    desk.calendar.script([Fault::ResponseLost]);
    desk.sync().await;
    desk.wait(60);
    desk.calendar.script([Fault::Before(ErrorKind::Forbidden)]);
    desk.sync().await;
    let after = desk.calendar.inner().events();
    assert_eq!((after.len(), &after[0].place), (1, &before[0].place));
    assert_ne!(after[0].event.when, before[0].event.when);
    let plan = desk.plan(0);
    assert!(plan.is_empty() && matches!(&plan.notes[..], [Note::Held { .. }, Note::Kept { .. }]), "{plan}");

    desk.wait(10);
    desk.sync().await;
    let events = desk.calendar.inner().events();
    assert!(events.len() == 1 && events[0].place.is_at(&desk.company.place(CUSTOMER)));
    assert_eq!(events[0].event.when, after[0].event.when);
    desk.assert_quiet().await;
}

/// The credentials are gone, or the event is: neither is written to, or made, for a person who waits.
#[tokio::test]
async fn what_was_left_on_purpose_or_is_being_removed_is_not_kept_right() {
    for is_left in [true, false] {
        let mut desk = Desk::synced(1, 0).await;
        let anew = google("new", "primary", "another");
        if is_left {
            desk.connect([]);
            desk.disconnect(&google("default", "primary", "account-33"), OnDisconnect::Keep).await;
        } else {
            desk.appointments[0].status = "cancelled".into();
            drop(desk.begin());
            desk.appointments[0].status = "confirmed".into();
        }
        desk.connect([anew]);
        desk.calendar.script([Fault::Before(ErrorKind::Forbidden)]);
        desk.sync().await;
        desk.appointments[0].start_time += TimeDelta::hours(2);
        desk.appointments[0].end_time += TimeDelta::hours(2);
        let (before, calls) = (desk.calendar.inner().events(), desk.calls());
        let plan = desk.plan(0);
        assert!(plan.is_empty(), "{plan}");
        let kept = plan.notes.iter().any(|note| matches!(note, Note::Kept { .. }));
        assert_eq!(kept, !is_left, "{plan}");
        desk.sync().await;
        assert_eq!((desk.calendar.inner().events(), desk.calls()), (before, calls));
    }
}

#[tokio::test]
async fn a_cancelled_appointments_old_event_waits_for_nothing() {
    let mut desk = Desk::synced(1, 0).await;
    desk.connect([google("default", "family", "account-33")]);
    desk.calendar.script([Fault::Before(ErrorKind::Forbidden)]);
    desk.sync().await;
    desk.appointments[0].status = "cancelled".into();
    desk.sync().await;
    assert_eq!(desk.standing(), 0);
}

#[tokio::test]
async fn who_deleted_the_new_event_by_hand_does_not_keep_the_old_one() {
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
async fn a_run_cut_off_anywhere_is_taken_up_without_a_gap_or_a_second_event() {
    for polls in 0..8 {
        for fault in [Fault::None, Fault::ResponseLost, Fault::RequestLost, Fault::Slow(2)] {
            let mut desk = Desk::synced(1, 0).await;
            desk.connect([google("default", "family", "account-33")]);
            desk.calendar.script([fault, Fault::Slow(2)]);
            let plans = desk.begin();
            let mut run = Box::pin(desk.syncer.run_all(plans).report());
            for _ in 0..polls {
                if futures_poll(&mut run).is_some() {
                    break;
                }
            }
            drop(run);
            desk.calendar.quiet();
            assert!(desk.standing() >= 1, "cut off after {polls} polls, {fault:?}");
            // The next run fails to look at the new one: the old one is not let go for that.
            desk.calendar.script([Fault::Before(ErrorKind::Unavailable)]);
            desk.sync().await;
            assert!(desk.standing() >= 1, "cut off after {polls} polls, {fault:?}");
            for _ in 0..2 {
                desk.wait(60);
                desk.sync().await;
            }
            let events = desk.calendar.inner().events();
            assert_eq!(events.len(), 1, "cut off after {polls} polls, {fault:?}");
            assert_eq!(events[0].place.calendar.as_str(), "family");
            desk.assert_quiet().await;
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

/// Calendars that note every removal of an event whose appointment has no other one at that moment.
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
        let mut desk = Desk::new(Company::of_one(), 60, 0);
        desk.syncer = Syncer::builder(NAMESPACE)
            .provider(Reached::new(calendar.clone()))
            .brake(Brake::off())
            .health_store(Arc::new(health.clone()))
            .clock(clock.clone())
            .sleep(clock.clone())
            .random(SeededRandom::new(seed))
            .retry(if seed % 2 == 0 { RetryPolicy::new() } else { RetryPolicy::none() })
            .build();
        desk.sync().await;
        assert_eq!(world.inner.events().len(), 60);
        desk.connect([google("default", "family", "account-33")]);
        calendar.at_random(seed, 400, true);
        for _ in 0..6 {
            // Some runs are cut off, with what was given out recorded or not.
            let plans = desk.begin();
            let mut run = desk.syncer.run_all(plans);
            let mut report = Report::new();
            for _ in 0..40 {
                let Some(outcome) = run.next().await else { break };
                report.outcomes.push(outcome);
            }
            drop(run);
            desk.record(&report);
            clock.advance(chrono::Duration::hours(1));
        }
        calendar.quiet();
        // The person connects again; all else ends by itself within a week.
        let place = desk.company.place(CUSTOMER);
        desk.syncer.connected(&place.connection_key());
        for appointment in &mut desk.appointments {
            appointment.ledger.revive(&place.connection_key());
        }
        for _ in 0..8 {
            clock.advance(chrono::Duration::days(1));
            desk.sync().await;
        }
        assert_eq!(*world.gaps.lock().unwrap(), [], "seed {seed}");
        let events = world.inner.events();
        assert_eq!(events.len(), 60, "seed {seed}");
        assert!(events.iter().all(|event| event.place.calendar.as_str() == "family"), "seed {seed}");
        assert!(world.inner.calls(Operation::Delete) >= 60);
        let directory = desk.company.directory();
        for appointment in &desk.appointments {
            let audience = Audience::of(&desk.company.order, appointment, &directory).unwrap();
            let plan = desk.syncer.plan(&desk.company.order, appointment, &audience).unwrap();
            assert!(plan.is_empty() && plan.notes.is_empty(), "seed {seed}: {plan}");
        }
    }
}

#[tokio::test]
async fn what_is_kept_and_what_is_out_of_reach_is_told() {
    let mut desk = Desk::synced(1, 0).await;
    for (connection, state) in [
        (google("new", "family", "account-33"), TargetState::Kept),
        (google("default", "primary", "another"), TargetState::OutOfReach),
    ] {
        desk.connect([connection]);
        desk.calendar.script([Fault::Before(ErrorKind::Forbidden)]);
        desk.sync().await;
        let directory = desk.company.directory();
        let (order, appointment) = (&desk.company.order, &desk.appointments[0]);
        let audience = Audience::of(order, appointment, &directory).unwrap();
        let told = desk.syncer.explain(order, appointment, &audience).unwrap();
        assert!(!told.is_complete() && told.targets.iter().any(|it| it.state == state), "{told}");
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

impl Desk {
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
            let mut desk = Desk::new(Company::of_one(), 1, 0);
            if is_confirmed {
                desk.sync().await;
            } else {
                desk.begin_and_die();
            }
            let target = desk.ledger()[0].target();
            desk.connect([second()]);
            desk.change();
            desk.begin_and_die();
            assert_eq!((desk.ledger().len(), desk.ledger()[0].target()), (1, target));

            desk.connect([again.clone()]);
            let plan = desk.plan(0);
            assert_eq!(actions(&plan), ["find and write"], "confirmed: {is_confirmed}: {plan}");
            let step = &plan.steps[0];
            assert_eq!((step.target, step.generation.get()), (target, 0), "confirmed: {is_confirmed}");
            assert!(step.calendar.is_at(&desk.company.place(CUSTOMER)));
            assert!(desk.sync().await.is_all_done());
            assert_eq!((desk.standing(), desk.ledger().len()), (1, 1), "confirmed: {is_confirmed}");
            desk.assert_quiet().await;
        }
    }
}

#[tokio::test]
async fn a_row_keeps_the_account_it_has_learned_when_another_connection_to_it_takes_it_over() {
    let mut desk = Desk::synced(1, 0).await;
    desk.connect([second()]);
    desk.change();
    desk.begin_and_die();
    let calendar = desk.ledger()[0].calendar();
    assert_eq!(
        (calendar.connection.to_string(), calendar.account.as_deref()),
        ("second".into(), Some("account-33"))
    );
}

#[tokio::test]
async fn an_unreported_write_is_found_through_another_connection_to_the_account_it_was_meant_for() {
    for is_disconnected in [true, false] {
        let mut desk = Desk::new(Company::of_one(), 1, 0);
        let begun = desk.begin();
        desk.arrives(&begun[0]).await;
        drop(begun);
        let row = &desk.ledger()[0];
        assert_eq!(
            (row.calendar().account.as_deref(), row.account().map(|it| it.as_str())),
            (None, Some("account-33"))
        );
        desk.connect([second()]);
        if is_disconnected {
            let disconnect = Disconnect::new(&customer(), &second(), OnDisconnect::DeleteAll);
            let disconnect = disconnect.with_connected(&[second()]);
            let mut receipt = DisconnectReceipt::new(&disconnect);
            desk.go_on(&disconnect, &mut receipt).await;
            desk.connect([]);
            desk.wait(11);
            desk.go_on(&disconnect, &mut receipt).await;
            assert!(receipt.may_revoke(), "{receipt}");
            assert_eq!((receipt.removed(), desk.standing()), (1, 0), "{receipt}");
        } else {
            let plan = desk.plan(0);
            assert_eq!(actions(&plan), ["find and write"], "{plan}");
            assert!(plan.steps[0].moves_from.is_some(), "it is taken over");
            assert!(desk.sync().await.is_all_done());
            assert_eq!((desk.standing(), desk.ledger().len()), (1, 1));
        }
        desk.wait(11);
        desk.sync().await;
        desk.assert_quiet().await;
    }
}

/// A calendar that several people share, reached through the account of one of them.
fn shared(id: &str, account: &str) -> Connection {
    google(id, "team@example.org", account)
}

#[tokio::test]
async fn a_row_taken_over_by_a_connection_of_another_account_forgets_which_one_its_write_was_meant_for() {
    let mut desk = Desk::with_ids(CalendarIds::GlobalButPrimary);
    let (leaves, stays) = (shared("default", "before"), shared("second", "another"));
    desk.connect([leaves.clone()]);
    desk.begin_and_die();
    assert_eq!(desk.ledger()[0].account().map(|it| it.as_str()), Some("before"));

    desk.connect([stays.clone()]);
    let disconnect = Disconnect::new(&customer(), &leaves, OnDisconnect::DeleteAll);
    let disconnect = disconnect.with_connected(&[leaves, stays]);
    let departure = desk.departure(&disconnect, 0);
    assert!(matches!(&departure.plan.notes[..], [Note::TakenOver { .. }]), "{departure}");
    drop(departure.begin(&mut desk.appointments[0]).unwrap());
    assert_eq!(desk.ledger()[0].calendar().connection.to_string(), "second");
    assert_eq!(desk.ledger()[0].account(), None, "{}", desk.ledger()[0].explain());
    let plan = desk.plan(0);
    assert_eq!(plan.steps[0].calendar.account.as_deref(), Some("another"), "{plan}");
    assert!(desk.sync().await.is_all_done());
    assert_eq!((desk.standing(), desk.ledger().len()), (1, 1));
}

#[tokio::test]
async fn where_ids_are_global_plans_that_race_through_two_accounts_end_with_one_row_and_one_event() {
    // Two connections, and one connection that leads to another account meanwhile.
    for id in ["second", "default"] {
        for older_runs_first in [true, false] {
            let case = format!("{id}, older first: {older_runs_first}");
            let mut desk = Desk::with_ids(CalendarIds::Global);
            desk.connect([shared("default", "before")]);
            let older = desk.begin();
            desk.connect([shared(id, "another")]);
            desk.change();
            let newer = desk.begin();
            let target = older[0].plan().steps[0].target;
            assert_eq!(newer[0].plan().steps[0].target, target, "{case}");
            assert_eq!(desk.ledger()[0].account(), None, "{case}");
            let mut runs = [newer, older];
            if older_runs_first {
                runs.reverse();
            }
            for begun in runs {
                let report = desk.syncer.run_all(begun).await;
                desk.record(&report);
            }
            for _ in 0..2 {
                desk.wait(11);
                assert!(desk.sync().await.is_all_done(), "{case}");
            }
            assert_eq!((desk.standing(), desk.ledger().len()), (1, 1), "{case}");
            assert_eq!((desk.ledger()[0].target(), desk.ledger()[0].account()), (target, None), "{case}");
            desk.assert_quiet().await;
        }
    }
}

#[tokio::test]
async fn a_row_whose_write_may_still_arrive_is_looked_at_also_after_another_row_came_to_its_calendar() {
    let mut desk = Desk::new(Company::of_one(), 1, 0);
    desk.connect([second()]);
    let late = desk.begin();
    // Whose account that is, is not known until it is written to: the other row is removed, as far as it is there.
    desk.connect([connection("default", ProviderKind::GOOGLE, "primary")]);
    desk.leads_to(&first());
    assert!(desk.sync().await.is_all_done());
    let to_come = |row: &&Delivery| !row.may_exist() && row.look_at().is_some();
    assert_eq!((desk.ledger().len(), desk.ledger().iter().filter(to_come).count()), (2, 1));

    desk.connect([second()]);
    desk.change();
    let plan = desk.plan(0);
    assert!(plan.steps.iter().any(|step| step.moves_from.is_some()), "{plan}");
    assert!(desk.sync().await.is_all_done());
    assert_eq!(desk.ledger().iter().filter(to_come).count(), 1, "the look is still to come");
    desk.arrives(&late[0]).await;
    assert_eq!(desk.standing(), 2);
    desk.wait(11);
    assert!(desk.sync().await.is_all_done());
    assert_eq!(desk.standing(), 1);
    desk.assert_quiet().await;
}

#[tokio::test]
async fn a_late_report_for_a_row_that_a_newer_plan_has_moved_makes_it_look_and_adds_no_row() {
    for other in [shared("second", "before"), shared("second", "another")] {
        for older_runs_first in [true, false] {
            let mut desk = Desk::with_ids(CalendarIds::GlobalButPrimary);
            desk.connect([shared("default", "before")]);
            let older = desk.begin();
            desk.connect([other.clone()]);
            desk.change();
            let newer = desk.begin();
            let (older, newer) = if older_runs_first {
                let older = desk.syncer.run_all(older).report().await;
                (older, desk.syncer.run_all(newer).report().await)
            } else {
                let newer = desk.syncer.run_all(newer).report().await;
                (desk.syncer.run_all(older).report().await, newer)
            };
            desk.record(&newer);
            // The older worker has had its time, and one look has shown what it left.
            desk.wait(11);
            desk.sync().await;
            assert_eq!((desk.ledger().len(), desk.ledger()[0].look_at()), (1, None));
            let before = desk.ledger()[0].clone();
            assert_eq!(desk.appointments[0].record(&older), 1, "it is recorded");
            let row = &desk.ledger()[0];
            assert_eq!(desk.ledger().len(), 1, "no row is added");
            assert!(row.look_at().is_some(), "{}", row.explain());
            assert_eq!((row.state(), row.calendar()), (before.state(), before.calendar()));
            assert!(desk.sync().await.is_all_done());
            assert_eq!((desk.standing(), desk.ledger().len()), (1, 1));
            desk.assert_quiet().await;
        }
    }
}
