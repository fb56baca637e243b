//! Tests of the contract of [`CalendarProvider`], one for each behaviour.
//!
//! A provider's crate passes the name of an async function that returns a [`Stage`] to the macro
//! [`conformance!`](crate::conformance), which makes a module of tests. The crate needs tokio with
//! the features `macros` and `rt` as a dev-dependency.
//!
//! ```
//! # use calsync_core::memory::MemoryCalendar;
//! # use calsync_core::testing::conformance::Stage;
//! async fn stage() -> Stage {
//!     Stage::new(MemoryCalendar::new())
//! }
//!
//! calsync_core::conformance!(stage);
//! ```
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use super::fixtures::{self, at, timed};
use crate::calendar::{CalendarRef, Person, Role};
use crate::error::{Error, ErrorKind, Retry};
use crate::event::{Event, EventStatus, Reminders, When};
use crate::identity::{EventKey, Generation, TargetKey};
use crate::names::{CalendarId, RemoteId};
use crate::provider::{
    CalendarProvider, CreateOptions, DeleteOptions, Draft, EventReader, Found, Marker, TargetQuery,
    UpdateOptions, Written,
};

/// The environment of one test: a provider with two empty calendars.
pub struct Stage {
    /// The provider under test.
    pub provider: Arc<dyn CalendarProvider>,
    /// Reads the content of the written events.
    pub reader: Arc<dyn EventReader>,
    /// The calendar of the tests, empty at the start.
    pub place: CalendarRef,
    /// An empty calendar of another person.
    pub other_place: CalendarRef,
    keep: Option<Box<dyn Any + Send + Sync>>,
}

impl Stage {
    /// Creates a stage for a provider that accepts any calendar id.
    #[must_use]
    pub fn new(provider: impl CalendarProvider + EventReader) -> Self {
        let calendar = |text| CalendarId::new(text).expect("a plain calendar id");
        let kind = provider.kind();
        let place = CalendarRef::new(Person::Profile(1.into()), kind.clone(), 1.into(), calendar("stage"));
        let other_place = CalendarRef::new(Person::Profile(2.into()), kind, 1.into(), calendar("other"));
        let provider = Arc::new(provider);
        Self { provider: provider.clone(), reader: provider, place, other_place, keep: None }
    }

    /// Sets the two calendars, for a provider that does not accept any id.
    #[must_use]
    pub fn with_places(mut self, place: CalendarRef, other_place: CalendarRef) -> Self {
        (self.place, self.other_place) = (place, other_place);
        self
    }

    /// Keeps a value alive until the end of the test, such as a temporary folder or a server.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any + Send + Sync) -> Self {
        self.keep = Some(Box::new(guard));
        self
    }

    fn event(&self) -> Event {
        let event = fixtures::event();
        event.fitted(&self.provider.capabilities().text).unwrap_or(event)
    }

    fn target(&self) -> TargetKey {
        TargetKey::derive("conformance", &1.into(), &self.place)
    }

    fn key(&self, generation: u32) -> EventKey {
        self.target().event(Generation::new(generation))
    }

    /// Looks up the events of the target.
    async fn find(&self, place: &CalendarRef, namespace: &str, written: Option<&Written>) -> Vec<Found> {
        let known = written.map(|written| written.remote_id.clone());
        let query = TargetQuery::new(namespace, self.target()).with_known(known);
        self.provider.find(place, &query).await.expect("a look-up")
    }

    fn draft(&self, revision: u64, event: Event) -> Draft {
        self.draft_of(self.key(0), revision, event)
    }

    fn draft_of(&self, key: EventKey, revision: u64, event: Event) -> Draft {
        let marker = Marker::new("conformance", key, revision);
        let marker = marker
            .with_appointment(Some(1.into()))
            .with_person(Some(Person::Profile(1.into())))
            .with_role(Some(Role::Staff));
        Draft::new(marker, event, at("2026-11-22T10:00:00Z"))
    }

    async fn create(&self, draft: &Draft) -> Result<Written, Error> {
        self.provider.create(&self.place, draft, &CreateOptions::new()).await
    }

    async fn update(&self, remote_id: &RemoteId, draft: &Draft) -> Result<Written, Error> {
        self.provider.update(&self.place, remote_id, draft, &UpdateOptions::new()).await
    }

    async fn delete(&self, remote_id: &RemoteId, marker: &Marker) -> Result<(), Error> {
        self.provider.delete(&self.place, remote_id, marker, &DeleteOptions::new()).await
    }

    /// Removes an event if it exists.
    async fn remove_if_exists(&self, remote_id: &RemoteId, marker: &Marker) {
        if let Err(error) = self.delete(remote_id, marker).await {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        }
    }

    /// Creates an event with revision 5.
    async fn created(&self) -> Written {
        self.create(&self.draft(5, self.event())).await.expect("a first create")
    }

    async fn read(&self, remote_id: &RemoteId) -> Event {
        self.reader.read(&self.place, remote_id).await.expect("a read").expect("the event is there")
    }

    /// Writes an event, and asserts that the same event is read.
    async fn round_trip(&self, event: Event) {
        let limits = self.provider.capabilities().text;
        let event = event.fitted(&limits).unwrap_or(event);
        let written = self.create(&self.draft(1, event.clone())).await.expect("a create");
        assert_same(&self.read(&written.remote_id).await, &event);
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").field("provider", &self.provider).field("keep", &self.keep.is_some()).finish()
    }
}

/// Asserts that two events are equal, except what a calendar may change: it may return an instant
/// in UTC, and default reminders as explicit ones.
fn assert_same(is: &Event, should: &Event) {
    assert_eq!(
        (&is.title, &is.description, &is.location),
        (&should.title, &should.description, &should.location)
    );
    match (&is.when, &should.when) {
        (When::Timed { start, end, .. }, When::Timed { start: s, end: e, .. }) => {
            assert_eq!((start, end), (s, e))
        }
        (is, should) => assert_eq!(is, should),
    }
    if matches!(&should.reminders, Reminders::Before(minutes) if !minutes.is_empty()) {
        assert_eq!(is.reminders, should.reminders);
    }
}

fn assert_kind<T: fmt::Debug>(result: Result<T, Error>, kind: ErrorKind) {
    let error = result.expect_err("an error");
    assert_eq!(error.kind(), kind, "{error}");
    assert_ne!(error.retry(), Retry::Unknown, "nothing was changed, and the provider knows it");
}

/// The provider serves the kind of its calendars, and its capabilities are the same at every call.
pub async fn it_says_what_it_is(stage: Stage) {
    assert_eq!(stage.provider.kind(), stage.place.provider);
    assert_eq!(stage.provider.capabilities(), stage.provider.capabilities());
    assert!(stage.provider.capabilities().in_flight_per_account > 0);
}

/// A created event is found by its id and by its target, with its marker.
pub async fn a_created_event_reads_back(stage: Stage) {
    let written = stage.created().await;
    let draft = stage.draft(5, stage.event());
    let read = stage.provider.get(&stage.place, &written.remote_id).await.expect("a read");
    let mut found = stage.find(&stage.place, "conformance", None).await;
    assert_eq!(found.len(), 1);
    for found in [read.expect("it exists"), found.remove(0)] {
        assert_eq!(found.remote_id, written.remote_id);
        let marker = found.marker.expect("a marker");
        assert_eq!((marker.key, marker.revision), (draft.marker.key, 5));
        assert_eq!(marker.namespace, draft.marker.namespace);
        let (ours, theirs) = (&draft.marker, &marker);
        assert_eq!((&theirs.appointment, &theirs.person), (&ours.appointment, &ours.person));
        assert_eq!(found.key, Some(stage.key(0)), "created under our key");
    }
    assert_same(&stage.read(&written.remote_id).await, &draft.event);
}

/// One look-up finds every event of a target, of all generations.
pub async fn a_look_finds_every_generation(stage: Stage) {
    let first = stage.created().await;
    let later = stage.draft_of(stage.key(3), 6, stage.event());
    let second = stage.create(&later).await.expect("a create of a later generation");
    let mut found: Vec<_> = stage
        .find(&stage.place, "conformance", Some(&first))
        .await
        .into_iter()
        .map(|it| (it.key, it.remote_id))
        .collect();
    found.sort();
    let mut expected = vec![(Some(stage.key(0)), first.remote_id), (Some(stage.key(3)), second.remote_id)];
    expected.sort();
    assert_eq!(found, expected);
}

/// A listing returns every existing event of the namespace, with its appointment.
pub async fn a_listing_gives_all_of_the_namespace(stage: Stage) {
    stage.created().await;
    let second = stage.create(&stage.draft_of(stage.key(1), 6, stage.event())).await.expect("a create");
    let marker = stage.draft_of(stage.key(1), 7, stage.event()).marker;
    stage.delete(&second.remote_id, &marker).await.expect("a delete");
    let other = TargetKey::derive("conformance", &2.into(), &stage.place).event(Generation::FIRST);
    stage.create(&stage.draft_of(other, 1, stage.event())).await.expect("a create");
    let (mut keys, mut page) = (Vec::new(), None);
    loop {
        let ours = stage.provider.list_ours(&stage.place, "conformance", page).await.expect("a listing");
        for found in ours.events {
            let marker = found.marker.expect("a marker");
            assert_eq!(found.key, Some(marker.key));
            assert_eq!((marker.appointment, marker.role), (Some(1.into()), Some(Role::Staff)));
            keys.push(marker.key);
        }
        page = ours.next;
        if page.is_none() {
            break;
        }
    }
    keys.sort();
    let mut expected = vec![stage.key(0), other];
    expected.sort();
    assert_eq!(keys, expected);
    let others = stage.provider.list_ours(&stage.place, "another", None).await.expect("a listing");
    assert_eq!(others.events, []);
}

/// With `client_ids`, the event's id is the key. With `etags`, a write returns an etag; without, it
/// does not.
pub async fn capabilities_are_kept(stage: Stage) {
    let written = stage.created().await;
    let capabilities = stage.provider.capabilities();
    assert_eq!(written.etag.is_some(), capabilities.etags);
    if capabilities.client_ids {
        assert_eq!(written.remote_id.as_str(), stage.key(0).to_string());
    }
}

/// The same create, twice, makes one event.
pub async fn a_repeated_create_is_one_event(stage: Stage) {
    let first = stage.created().await;
    let second = stage.created().await;
    assert_eq!(first.remote_id, second.remote_id);
}

/// A create whose event already exists, with an older revision, updates the event.
pub async fn a_create_over_our_own_event_updates_it(stage: Stage) {
    let first = stage.created().await;
    let changed = stage.event().with_location("2 Low Street");
    let second = stage.create(&stage.draft(6, changed.clone())).await.expect("a create");
    assert_eq!(first.remote_id, second.remote_id);
    assert_same(&stage.read(&second.remote_id).await, &changed);
}

/// An event that never existed is not found, by target or id.
pub async fn what_is_not_there_is_not_found(stage: Stage) {
    let unknown = RemoteId::new(stage.key(0).to_string());
    assert_eq!(stage.find(&stage.place, "conformance", None).await, []);
    assert_eq!(stage.provider.get(&stage.place, &unknown).await.expect("a read"), None);
}

/// A look-up in another namespace does not find the event.
pub async fn another_namespace_does_not_find_it(stage: Stage) {
    stage.created().await;
    assert_eq!(stage.find(&stage.place, "another", None).await, []);
}

/// An update changes the event and its etag, and keeps its id.
pub async fn an_update_stays_in_place(stage: Stage) {
    let first = stage.created().await;
    let changed =
        stage.event().with_description("Order: ORD-1\nStaff: Adam").with_status(EventStatus::Tentative);
    let second = stage.update(&first.remote_id, &stage.draft(6, changed.clone())).await.expect("an update");
    assert_eq!(first.remote_id, second.remote_id);
    let read = stage.provider.get(&stage.place, &first.remote_id).await.expect("a read").expect("it exists");
    assert_same(&stage.read(&first.remote_id).await, &changed);
    assert_eq!(read.marker.expect("a marker").revision, 6);
    if stage.provider.capabilities().etags {
        assert_ne!(first.etag, second.etag);
    }
}

/// An update without an etag reads the event first, and writes nothing if the content is the same.
pub async fn an_update_that_changes_nothing_writes_nothing(stage: Stage) {
    let first = stage.created().await;
    let second = stage.update(&first.remote_id, &stage.draft(6, stage.event())).await.expect("an update");
    assert_eq!((first.remote_id, first.etag), (second.remote_id, second.etag), "the event was not written");
}

/// An event whose revision is too far ahead to be genuine is overwritten.
pub async fn a_revision_out_of_reach_is_written_over(stage: Stage) {
    let written = stage.create(&stage.draft(1 << 40, stage.event())).await.expect("a create");
    let changed = stage.event().with_location("2 Low Street");
    stage.update(&written.remote_id, &stage.draft(6, changed.clone())).await.expect("an update");
    assert_same(&stage.read(&written.remote_id).await, &changed);
}

/// The same update, twice (a job that was delivered twice), is not an error.
pub async fn a_repeated_update_is_harmless(stage: Stage) {
    let written = stage.created().await;
    let draft = stage.draft(6, stage.event().with_location("2 Low Street"));
    stage.update(&written.remote_id, &draft).await.expect("an update");
    stage.update(&written.remote_id, &draft).await.expect("the same update");
    assert_same(&stage.read(&written.remote_id).await, &draft.event);
}

/// An update of a deleted event, or of one that never existed, is `NotFound`.
pub async fn an_update_of_what_is_gone_is_not_found(stage: Stage) {
    let written = stage.created().await;
    stage.delete(&written.remote_id, &stage.draft(6, stage.event()).marker).await.expect("a delete");
    assert_kind(stage.update(&written.remote_id, &stage.draft(7, stage.event())).await, ErrorKind::NotFound);
    let never = RemoteId::new(stage.key(3).to_string());
    assert_kind(stage.update(&never, &stage.draft(7, stage.event())).await, ErrorKind::NotFound);
}

/// An outdated etag does not prevent the write of a newer revision.
pub async fn an_etag_out_of_date_is_read_again(stage: Stage) {
    let first = stage.created().await;
    let second = stage.draft(6, stage.event().with_location("2 Low Street"));
    stage.update(&first.remote_id, &second).await.expect("an update");
    let third = stage.draft(7, stage.event().with_location("3 New Street"));
    let options = UpdateOptions::new().with_etag(first.etag.clone());
    stage.provider.update(&stage.place, &first.remote_id, &third, &options).await.expect("an update");
    assert_same(&stage.read(&first.remote_id).await, &third.event);
    let (marker, options) =
        (stage.draft(8, stage.event()).marker, DeleteOptions::new().with_etag(first.etag));
    stage.provider.delete(&stage.place, &first.remote_id, &marker, &options).await.expect("a delete");
}

/// A create, update or delete with an older revision changes nothing, and is `Superseded`.
pub async fn an_older_revision_is_superseded(stage: Stage) {
    let written = stage.created().await;
    let older = stage.draft(4, stage.event().with_location("an older place"));
    assert_kind(stage.create(&older).await, ErrorKind::Superseded);
    assert_kind(stage.update(&written.remote_id, &older).await, ErrorKind::Superseded);
    let error = stage.delete(&written.remote_id, &older.marker).await.expect_err("an older revision");
    assert_eq!((error.kind(), error.failure().newer_revision), (ErrorKind::Superseded, Some(5)));
    assert_same(&stage.read(&written.remote_id).await, &stage.event());
}

/// An event of another target or another namespace is never changed or deleted.
pub async fn what_is_not_ours_is_not_touched(stage: Stage) {
    let written = stage.created().await;
    let other = TargetKey::derive("conformance", &2.into(), &stage.place).event(Generation::FIRST);
    let other_key = stage.draft_of(other, 9, stage.event().with_location("elsewhere"));
    let mut other_host = stage.draft(9, stage.event().with_location("elsewhere"));
    other_host.marker.namespace = "another".into();
    for draft in [other_key, other_host] {
        assert_kind(stage.update(&written.remote_id, &draft).await, ErrorKind::NotOurs);
        assert_kind(stage.delete(&written.remote_id, &draft.marker).await, ErrorKind::NotOurs);
    }
    assert_same(&stage.read(&written.remote_id).await, &stage.event());
}

/// With `client_ids`, a create under the key of another host's event is `KeyUsed`.
pub async fn a_key_somebody_else_took_is_spent(stage: Stage) {
    if !stage.provider.capabilities().client_ids {
        return;
    }
    let mut theirs = stage.draft(1, stage.event());
    theirs.marker.namespace = "another".into();
    let written = stage.create(&theirs).await.expect("a create");
    assert_kind(stage.create(&stage.draft(9, stage.event().with_location("x"))).await, ErrorKind::KeyUsed);
    assert_same(&stage.read(&written.remote_id).await, &stage.event());
}

/// A deleted event is not found, and a second delete is `NotFound`.
pub async fn a_deleted_event_is_gone(stage: Stage) {
    let written = stage.created().await;
    let marker = stage.draft(6, stage.event()).marker;
    stage.delete(&written.remote_id, &marker).await.expect("a delete");
    assert_eq!(stage.provider.get(&stage.place, &written.remote_id).await.expect("a read"), None);
    assert_eq!(stage.find(&stage.place, "conformance", None).await, []);
    assert_kind(stage.delete(&written.remote_id, &marker).await, ErrorKind::NotFound);
}

/// After a delete, a create under the same key succeeds or is `KeyUsed`; under the next
/// generation's key it succeeds.
pub async fn the_next_generation_can_be_created(stage: Stage) {
    let written = stage.created().await;
    stage.delete(&written.remote_id, &stage.draft(6, stage.event()).marker).await.expect("a delete");
    if let Err(error) = stage.create(&stage.draft(7, stage.event())).await {
        assert_eq!(error.kind(), ErrorKind::KeyUsed);
    }
    let next = stage.draft_of(stage.key(1), 8, stage.event());
    let written = stage.create(&next).await.expect("a create of the next generation");
    assert_same(&stage.read(&written.remote_id).await, &next.event);
}

/// A create with `retried` never returns an event that was deleted since, although a server may
/// remember creates and return their old events.
pub async fn a_retried_create_never_names_a_dead_event(stage: Stage) {
    let written = stage.created().await;
    let retried = CreateOptions::new().with_retried(true);
    for revision in [5, 6] {
        let draft = stage.draft(revision, stage.event());
        stage.remove_if_exists(&written.remote_id, &draft.marker).await;
        match stage.provider.create(&stage.place, &draft, &retried).await {
            Ok(written) => {
                assert_same(&stage.read(&written.remote_id).await, &draft.event);
                stage.remove_if_exists(&written.remote_id, &draft.marker).await;
            }
            Err(error) => assert_kind::<()>(Err(error), ErrorKind::KeyUsed),
        }
    }
}

/// Two events of one calendar are independent.
pub async fn two_events_are_two(stage: Stage) {
    let first = stage.created().await;
    let other = stage.draft_of(stage.key(1), 1, stage.event().with_location("elsewhere"));
    let second = stage.create(&other).await.expect("a create");
    assert_ne!(first.remote_id, second.remote_id);
    stage.delete(&second.remote_id, &other.marker).await.expect("a delete");
    assert_same(&stage.read(&first.remote_id).await, &stage.event());
}

/// The calendars of two people are independent.
pub async fn two_calendars_are_two(stage: Stage) {
    stage.created().await;
    assert_eq!(stage.find(&stage.other_place, "conformance", None).await, []);
}

/// Text is read as it was written.
pub async fn text_survives(stage: Stage) {
    let text = "Zoë & 王小明 — \"quoted\", semi;colon, back\\slash\\n, <b>not bold</b> &amp; 🧽\n\n\tthird line: 5 < 6 ' ^n";
    let event = stage.event().with_description(text).with_location("Flat 2; \"The Mews\", Łódź\\PL, 90-001");
    let mut event = event;
    event.title = "Ünïcode, \"quotes\"; commas\\ & <tags> 🧹".into();
    stage.round_trip(event).await;
}

/// Text of the greatest length that the capabilities allow is read completely.
pub async fn the_longest_text_survives(stage: Stage) {
    let limits = stage.provider.capabilities().text;
    let long =
        |length: usize| "é, ".chars().cycle().take(length.saturating_sub(1)).chain(['.']).collect::<String>();
    let mut event =
        stage.event().with_description(long(limits.description)).with_location(long(limits.location));
    event.title = long(limits.title).into();
    stage.round_trip(event).await;
}

/// Instants in an hour that occurs twice, and before and after a skipped hour, are read as written.
pub async fn clock_changes_survive(stage: Stage) {
    for (generation, (start, end, zone)) in [
        ("2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z", "Europe/London"),
        ("2026-10-25T01:30:00Z", "2026-10-25T03:00:00Z", "Europe/London"),
        ("2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "Europe/London"),
        ("2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "America/New_York"),
        ("2026-12-01T17:00:00Z", "2026-12-01T18:00:00Z", "America/Vancouver"),
        ("2026-06-01T02:15:00Z", "2026-06-01T03:15:00Z", "Asia/Kathmandu"),
        ("2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z", "Africa/Casablanca"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut event = stage.event();
        event.when = timed(start, end, zone);
        let draft = stage.draft_of(stage.key(u32::try_from(generation).unwrap()), 1, event.clone());
        let written = stage.create(&draft).await.expect("a create");
        assert_same(&stage.read(&written.remote_id).await, &event);
    }
}

/// An event can be changed to all-day and back to timed.
pub async fn all_day_and_back(stage: Stage) {
    let written = stage.created().await;
    let mut all_day = stage.event();
    all_day.when = fixtures::all_day("2026-12-24", "2026-12-27");
    stage.update(&written.remote_id, &stage.draft(6, all_day.clone())).await.expect("an update to all-day");
    assert_same(&stage.read(&written.remote_id).await, &all_day);
    stage.update(&written.remote_id, &stage.draft(7, stage.event())).await.expect("an update back");
    assert_same(&stage.read(&written.remote_id).await, &stage.event());
}

/// Reminders are read as they were written.
pub async fn reminders_survive(stage: Stage) {
    if stage.provider.capabilities().text.reminders < 2 {
        return;
    }
    stage.round_trip(stage.event().with_reminders(Reminders::Before(vec![10, 1440]))).await;
}

/// Makes one test for each behaviour of the contract. The argument is the name of an async function
/// that returns a `Stage`. See [`testing::conformance`](crate::testing::conformance).
#[macro_export]
macro_rules! conformance {
    ($stage:ident) => {
        $crate::conformance!($stage:
            it_says_what_it_is
            a_created_event_reads_back
            a_look_finds_every_generation
            a_listing_gives_all_of_the_namespace
            an_update_that_changes_nothing_writes_nothing
            a_revision_out_of_reach_is_written_over
            capabilities_are_kept
            a_repeated_create_is_one_event
            a_create_over_our_own_event_updates_it
            what_is_not_there_is_not_found
            another_namespace_does_not_find_it
            an_update_stays_in_place
            a_repeated_update_is_harmless
            an_update_of_what_is_gone_is_not_found
            an_etag_out_of_date_is_read_again
            an_older_revision_is_superseded
            what_is_not_ours_is_not_touched
            a_key_somebody_else_took_is_spent
            a_deleted_event_is_gone
            the_next_generation_can_be_created
            a_retried_create_never_names_a_dead_event
            two_events_are_two
            two_calendars_are_two
            text_survives
            the_longest_text_survives
            clock_changes_survive
            all_day_and_back
            reminders_survive
        );
    };
    ($stage:ident: $($behaviour:ident)+) => {
        mod conformance {
            $(
                #[tokio::test]
                async fn $behaviour() {
                    $crate::testing::conformance::$behaviour(super::$stage().await).await;
                }
            )+
        }
    };
}
