//! People at the fake Graph, the provider, and events to write.
#![allow(dead_code, unused_imports, reason = "not every test file uses everything")]

use calsync_core::auth::MemoryTokenStore;
use calsync_core::calendar::CalendarRef;
use calsync_core::calendar::ConnectionKey;
use calsync_core::names::CalendarId;
use calsync_core::testing::{TestClock, fixtures};
use calsync_core::{ProviderKind, Secret};
use calsync_outlook::fake::{FakeOutlook, FakeUser};
use calsync_outlook::{OutlookCalendar, OutlookCalendarBuilder};

pub(crate) use calsync_core::testing::fixtures::{at, draft_at, event, key_at, put};

pub(crate) const SCOPES: &[&str] = &["Calendars.ReadWrite"];

/// Anna and Ben at one fake Graph, both connected.
pub(crate) struct World {
    pub(crate) outlook: FakeOutlook,
    pub(crate) clock: TestClock,
    pub(crate) anna: FakeUser,
    pub(crate) ben: FakeUser,
    pub(crate) store: MemoryTokenStore,
}

impl World {
    pub(crate) async fn new() -> Self {
        let clock = TestClock::at(at("2026-11-22T10:00:00Z"));
        let outlook = FakeOutlook::new().with_clock(clock.clone());
        let (anna, ben) = (outlook.user("anna@example.org"), outlook.user("ben@example.org"));
        let store = MemoryTokenStore::new();
        for (person, user) in [(1, &anna), (2, &ben)] {
            put(&store, &key_of(person), user.tokens(SCOPES)).await;
        }
        Self { outlook, clock, anna, ben, store }
    }

    /// The provider, with the fake as its transport.
    pub(crate) fn provider(&self) -> OutlookCalendar {
        self.builder().transport(self.outlook.clone()).build().unwrap()
    }

    pub(crate) fn builder(&self) -> OutlookCalendarBuilder {
        builder(&self.store, &self.clock)
    }
}

/// A builder without a transport.
pub(crate) fn builder(store: &MemoryTokenStore, clock: &TestClock) -> OutlookCalendarBuilder {
    OutlookCalendar::builder()
        .client(FakeOutlook::CLIENT_ID, Secret::new(FakeOutlook::CLIENT_SECRET))
        .redirect("http://127.0.0.1")
        .token_store(store.clone())
        .clock(clock.clone())
        .sleep(clock.clone())
}

/// The default calendar of profile 1 (Anna) or 2 (Ben).
pub(crate) fn calendar_of(person: i64) -> CalendarRef {
    calendar_in(person, CalendarId::primary())
}

pub(crate) fn calendar_in(person: i64, calendar: CalendarId) -> CalendarRef {
    fixtures::calendar_in(ProviderKind::OUTLOOK, person, calendar)
}

pub(crate) fn key_of(person: i64) -> ConnectionKey {
    calendar_of(person).connection_key()
}
