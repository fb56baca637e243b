//! Moving to another calendar: there before here.

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
use crate::desk::Desk;

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
