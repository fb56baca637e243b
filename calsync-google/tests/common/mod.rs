//! Two people at the fake Google, the provider on the fake, and events to write.
#![allow(dead_code, unused_imports, reason = "not every test file uses everything")]

pub(crate) mod host;

use calsync_core::auth::MemoryTokenStore;
use calsync_core::calendar::CalendarRef;
use calsync_core::calendar::ConnectionKey;
use calsync_core::names::CalendarId;
use calsync_core::provider::TargetQuery;
use calsync_core::testing::{TestClock, fixtures};
use calsync_core::{ProviderKind, Secret};
use calsync_google::fake::{ApiMethod, FakeGoogle, FakeUser};
use calsync_google::{GoogleCalendar, GoogleCalendarBuilder};

pub(crate) use calsync_core::testing::fixtures::{at, draft_at, event, key_at, put};

pub(crate) const SCOPES: &[&str] = &["calendar.events.owned"];

/// One fake Google with Anna (profile 1) and Ben (profile 2), both connected.
pub(crate) struct World {
    pub(crate) google: FakeGoogle,
    pub(crate) clock: TestClock,
    pub(crate) anna: FakeUser,
    pub(crate) ben: FakeUser,
    pub(crate) store: MemoryTokenStore,
}

impl World {
    pub(crate) async fn new() -> Self {
        let clock = TestClock::at(at("2026-11-22T10:00:00Z"));
        let google = FakeGoogle::new().with_clock(clock.clone());
        let (anna, ben) = (google.user("anna@example.org"), google.user("ben@example.org"));
        let store = MemoryTokenStore::new();
        for (person, user) in [(1, &anna), (2, &ben)] {
            put(&store, &key_of(person), user.tokens(SCOPES)).await;
        }
        Self { google, clock, anna, ben, store }
    }

    /// The provider, connected to the fake in process.
    pub(crate) fn provider(&self) -> GoogleCalendar {
        self.builder().transport(self.google.clone()).build().unwrap()
    }

    pub(crate) fn builder(&self) -> GoogleCalendarBuilder {
        builder(&self.store, &self.clock)
    }
}

/// A builder without a transport.
pub(crate) fn builder(store: &MemoryTokenStore, clock: &TestClock) -> GoogleCalendarBuilder {
    GoogleCalendar::builder()
        .client(FakeGoogle::CLIENT_ID, Secret::new(FakeGoogle::CLIENT_SECRET))
        .redirect("http://127.0.0.1")
        .token_store(store.clone())
        .clock(clock.clone())
        .sleep(clock.clone())
}

/// The primary calendar of profile 1 (Anna) or 2 (Ben).
pub(crate) fn place_of(person: i64) -> CalendarRef {
    calendar_in(person, CalendarId::primary())
}

pub(crate) fn calendar_in(person: i64, calendar: CalendarId) -> CalendarRef {
    fixtures::calendar_in(ProviderKind::GOOGLE, person, calendar)
}

pub(crate) fn key_of(person: i64) -> ConnectionKey {
    place_of(person).connection_key()
}

/// The query for the events of the target in a calendar.
pub(crate) fn query_at(place: &CalendarRef) -> TargetQuery {
    TargetQuery::new(fixtures::NAMESPACE, key_at(place, 0).target())
}

/// Returns the API methods called since the log was last cleared, in order, and clears the log.
pub(crate) fn calls(google: &FakeGoogle) -> Vec<ApiMethod> {
    let calls = google.requests().into_iter().map(|request| request.method).collect();
    google.clear_requests();
    calls
}
