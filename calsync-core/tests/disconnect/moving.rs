//! Moving to another calendar: the new event is made before the old one is removed.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use calsync_core::audience::Audience;
use calsync_core::calendar::CalendarRef;
use calsync_core::error::{Error, ErrorKind, Operation};
use calsync_core::health::MemoryAccountHealthStore;
use calsync_core::ledger::{BlockReason, DeliveryState};
use calsync_core::memory::MemoryCalendar;
use calsync_core::names::{ProviderKind, RemoteId};
use calsync_core::plan::{Brake, Note, OnDisconnect, RemovedByPerson, TargetState};
use calsync_core::provider::{
    CalendarProvider, Capabilities, CreateOptions, DeleteOptions, Draft, Found, Marker, OursPage, PageToken,
    TargetQuery, UpdateOptions, Written,
};
use calsync_core::report::{Report, Verdict};
use calsync_core::sync::{RetryPolicy, SeededRandom, Syncer};
use calsync_core::testing::{Fault, Faulty, TestClock};
use chrono::TimeDelta;

use crate::common::{CUSTOMER, Company, Host, NAMESPACE, Reached, blocked, edit, google, now, set_state};
use crate::fixture::Fixture;

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

/// Calendars that record every removal of an event whose appointment has no other event at that moment.
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
