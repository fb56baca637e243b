//! A person at the fake Google, the provider in front of it, and events to write.
#![allow(dead_code, reason = "not every test file uses everything")]

use calsync_core::auth::{GrantKey, MemoryTokenStore, TokenStore, Tokens};
use calsync_core::event::{Event, When};
use calsync_core::http::HttpTransport;
use calsync_core::identity::EventKey;
use calsync_core::names::CalendarId;
use calsync_core::place::{Person, Place};
use calsync_core::provider::{Draft, Marker};
use calsync_core::testing::TestClock;
use calsync_core::time::Zone;
use calsync_core::{ProviderKind, Secret};
use calsync_google::fake::{FakeGoogle, FakeTokens, FakeUser};
use calsync_google::{GoogleCalendar, GoogleCalendarBuilder};
use chrono::{DateTime, Utc};

pub(crate) const SCOPES: &[&str] = &["calendar.events.owned"];

/// Anna and Ben at one fake Google, connected.
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

    /// The provider, talking to the fake in process.
    pub(crate) fn provider(&self) -> GoogleCalendar {
        self.provider_over(self.google.clone())
    }

    /// The provider, talking to the fake through that.
    pub(crate) fn provider_over(&self, transport: impl HttpTransport) -> GoogleCalendar {
        self.builder().transport(transport).build().unwrap()
    }

    pub(crate) fn builder(&self) -> GoogleCalendarBuilder {
        GoogleCalendar::builder()
            .client(FakeGoogle::CLIENT_ID, Secret::new(FakeGoogle::CLIENT_SECRET))
            .redirect("http://127.0.0.1")
            .token_store(self.store.clone())
            .clock(self.clock.clone())
    }
}

/// Stores the tokens of a grant.
pub(crate) async fn put(store: &MemoryTokenStore, key: &GrantKey, tokens: FakeTokens) {
    let tokens = Tokens::new(tokens.access_token).with_refresh_token(tokens.refresh_token);
    let before = store.load(key).await.unwrap().map(|stored| stored.version);
    store.save(key, &tokens, before).await.unwrap();
}

/// The primary calendar of profile 1 (Anna) or 2 (Ben).
pub(crate) fn place_of(person: i64) -> Place {
    place_in(person, CalendarId::primary())
}

pub(crate) fn place_in(person: i64, calendar: CalendarId) -> Place {
    Place::new(Person::Profile(person.into()), ProviderKind::GOOGLE, 1.into(), calendar)
}

pub(crate) fn key_of(person: i64) -> GrantKey {
    GrantKey::of(&place_of(person))
}

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) fn event() -> Event {
    let (start, end) = (at("2026-11-30T14:00:00Z"), at("2026-11-30T15:30:00Z"));
    let zone = Zone::new("Europe/London").unwrap();
    Event::new("Deep clean", When::Timed { start, end, zone })
        .with_description("Order: ORD-1\nStaff: Eve & Adam <night>")
        .with_location("1 High Street, Leeds, LS1 1AA")
}

/// The event's key at a place.
pub(crate) fn key_at(place: &Place, generation: u32) -> EventKey {
    EventKey::derive("tests", &1.into(), place, generation)
}

pub(crate) fn draft_at(place: &Place, revision: u64, event: Event) -> Draft {
    Draft::new(Marker::new("tests", key_at(place, 0), revision), event, at("2026-11-22T10:00:00Z"))
}
