//! Fixtures for the tests of all providers: an instant, an event, a calendar and its keys, tokens
//! in a store.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use chrono::{DateTime, Utc};

#[cfg(feature = "tokens")]
use crate::auth::{MemoryTokenStore, TokenStore, Tokens};
#[cfg(feature = "tokens")]
use crate::calendar::ConnectionKey;
use crate::calendar::{CalendarRef, Person};
use crate::event::{Event, When};
use crate::identity::{EventKey, Generation, TargetKey};
use crate::names::{CalendarId, ProviderKind};
use crate::provider::{Draft, Marker};
use crate::time::Zone;

/// The namespace of the keys and drafts that this module makes.
pub const NAMESPACE: &str = "tests";

/// Parses an instant in RFC 3339, such as `2026-11-22T10:00:00Z`.
///
/// # Panics
/// If the text is not an instant.
#[must_use]
pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

/// Returns a time from one instant to another, in a time zone.
///
/// # Panics
/// If a text is not an instant, or not the name of a time zone.
#[must_use]
pub fn timed(start: &str, end: &str, zone: &str) -> When {
    When::Timed { start: at(start), end: at(end), zone: Zone::new(zone).expect("a zone") }
}

/// Returns whole days from `start` (inclusive) to `end` (exclusive).
///
/// # Panics
/// If a text is not a date.
#[must_use]
pub fn all_day(start: &str, end: &str) -> When {
    When::AllDay { start: start.parse().expect("a day"), end: end.parse().expect("a day") }
}

/// Returns an event of 90 minutes in London, with a title, a description of two lines and a
/// location.
#[must_use]
pub fn event() -> Event {
    let when = timed("2026-11-30T14:00:00Z", "2026-11-30T15:30:00Z", "Europe/London");
    Event::new("Deep clean", when)
        .with_description("Order: ORD-1\nStaff: Eve & Adam <night>")
        .with_location("1 High Street, Leeds, LS1 1AA")
}

/// Returns a calendar of a profile, through its connection 1.
#[must_use]
pub fn calendar_in(provider: ProviderKind, profile: i64, calendar: CalendarId) -> CalendarRef {
    CalendarRef::new(Person::Profile(profile.into()), provider, 1.into(), calendar)
}

/// Returns the key of the event of appointment 1 in a calendar.
#[must_use]
pub fn key_at(place: &CalendarRef, generation: u32) -> EventKey {
    TargetKey::derive(NAMESPACE, &1.into(), place).event(Generation::new(generation))
}

/// Returns a draft for a calendar, with the key of its first generation.
#[must_use]
pub fn draft_at(place: &CalendarRef, revision: u64, event: Event) -> Draft {
    Draft::new(Marker::new(NAMESPACE, key_at(place, 0), revision), event, at("2026-11-22T10:00:00Z"))
}

/// Stores the tokens of a grant, and overwrites existing ones.
///
/// # Panics
/// If the store fails, which the store in memory never does.
#[cfg(feature = "tokens")]
pub async fn put(store: &MemoryTokenStore, key: &ConnectionKey, tokens: impl Into<Tokens>) {
    let before = store.load(key).await.expect("a store in memory").map(|stored| stored.version);
    store.save(key, &tokens.into(), before).await.expect("a store in memory");
}
