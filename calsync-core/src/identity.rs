//! What identifies an event: the key of its target, the event's own key, and the fingerprint of its
//! content.
//!
//! # Computing a key elsewhere
//!
//! A target key is a UUID version 5 (RFC 9562 section 5.5) under the namespace [`KEY_NAMESPACE`],
//! written as 32 lower-case hex digits. The name is the five parts *namespace, appointment id,
//! person, connection id, calendar id* in this order, each written as its length in UTF-8 bytes, a
//! colon and the text (so no two lists of parts spell the same name). The person is `profile:` and
//! the profile's id, or `guest`. The event's own key is the target key; after the nth withdrawal at
//! this target it is followed by `g` and n. In Python:
//!
//! ```python
//! def event_key(*parts, generation=0):
//!     name = "".join(f"{len(str(p).encode())}:{p}" for p in parts)
//!     target = uuid.uuid5(uuid.UUID("a626fb1a-706e-50cf-a216-eda0282c90b7"), name).hex
//!     return f"{target}g{generation}" if generation else target
//! event_key("my-shop", 10, "profile:3", "default", "primary", generation=1)
//! ```
//!
//! Test vectors:
//!
//! | namespace | appointment | person | connection | calendar | generation | key |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | `my-shop` | `10` | `profile:3` | `default` | `primary` | `0` | `f49a463b413e578e841647514dd53623` |
//! | `my-shop` | `10` | `profile:3` | `default` | `primary` | `7` | `f49a463b413e578e841647514dd53623g7` |
//! | `my-shop` | `10` | `guest` | `0` | `gus@example.org` | `0` | `a45ccb5e78a85f6d9d317d97190b11d3` |
//! | `Müller & Söhne 清掃` | `-3` | `profile:Zoë` | `Büro` | `familie/ÅÄÖ` | `1` | `72ae240bb43253a2b2091e27e38f213dg1` |

use std::fmt::{self, Write as _};
use std::hash::Hasher;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use siphasher::sip128::{Hasher128, SipHasher13};
use uuid::Uuid;

use crate::calendar::{CalendarKey, CalendarRef, Person};
use crate::id::{AppointmentId, ConnectionId};
use crate::names::CalendarId;

/// The UUID namespace of target keys: version 5 of `calsync:event-key:1` under the URL namespace.
pub const KEY_NAMESPACE: Uuid = Uuid::from_u128(0xa626fb1a_706e_50cf_a216_eda0282c90b7);

/// Identifies a target: one appointment in one calendar of one person, through one connection. The
/// key of a target never changes.
///
/// It is derived from (namespace, appointment, person, connection, calendar). The events of all
/// [generations](Generation) of the target carry this key, so that one look-up finds them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetKey(Uuid);

/// How often calsync has removed its event at a target, or found that the event's id was already
/// used. The id of a deleted event cannot be used again (Google keeps it, Graph remembers the
/// `transactionId`), so the next event gets the next generation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(u32);

/// The id of one event, used in every system that accepts an id from the client: Google's event id,
/// Graph's `transactionId`, the iCalendar UID and the name of a CalDAV file.
///
/// It is the text of the target's key, followed by `g1`, `g2`, … for later generations, so that an
/// id shows its target. Google allows all its letters in an event id. The key is always computed to
/// the same value, so a create can be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey {
    target: TargetKey,
    generation: Generation,
}

/// The error for a text that is not a target key or an event key of calsync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a calsync key: expected 32 lower-case hex digits, and for a later event `g` and a number")]
pub struct InvalidKey;

impl TargetKey {
    /// Derives the key of the target of an appointment in a calendar.
    #[must_use]
    pub fn derive(namespace: &str, appointment: &AppointmentId, calendar: &CalendarRef) -> Self {
        Self::of_parts(namespace, appointment, &calendar.person, &calendar.connection, &calendar.calendar)
    }

    /// The same, from the identity alone.
    pub(crate) fn derive_at(namespace: &str, appointment: &AppointmentId, calendar: &CalendarKey) -> Self {
        let through = &calendar.connection;
        Self::of_parts(namespace, appointment, &through.person, &through.connection, &calendar.calendar)
    }

    fn of_parts(
        namespace: &str,
        appointment: &AppointmentId,
        person: &Person,
        connection: &ConnectionId,
        calendar: &CalendarId,
    ) -> Self {
        let mut name = String::with_capacity(128);
        let mut part = String::with_capacity(48);
        push(&mut name, namespace);
        let pieces = [&appointment as &dyn fmt::Display, &PersonPart(person), &connection];
        for piece in pieces {
            part.clear();
            // Writing to a String cannot fail.
            let _ = write!(part, "{piece}");
            push(&mut name, &part);
        }
        push(&mut name, calendar.as_str());
        Self(Uuid::new_v5(&KEY_NAMESPACE, name.as_bytes()))
    }

    /// Creates a key from its stored UUID.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// Returns the key as a UUID.
    #[must_use]
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }

    /// Returns the key of this target's event in a generation.
    #[must_use]
    pub const fn event(self, generation: Generation) -> EventKey {
        EventKey { target: self, generation }
    }
}

impl Generation {
    /// The first generation, number 0.
    pub const FIRST: Self = Self(0);

    /// Creates a generation from its number; 0 is the first.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Returns the next generation.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Returns the number; 0 for the first generation.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    pub(crate) fn is_first(&self) -> bool {
        *self == Self::FIRST
    }
}

impl EventKey {
    /// Returns the target of the event.
    #[must_use]
    pub const fn target(self) -> TargetKey {
        self.target
    }

    /// Returns the generation of the event.
    #[must_use]
    pub const fn generation(self) -> Generation {
        self.generation
    }

    /// Parses an event id or a UID. Returns `None` if the text is not a key of calsync.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Writes 32 lower-case hex digits, which Google allows in an event id.
impl fmt::Display for TargetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.simple().encode_lower(&mut Uuid::encode_buffer()))
    }
}

impl FromStr for TargetKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let is_hex = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !is_hex {
            return Err(InvalidKey);
        }
        Uuid::try_parse(text).map(Self).map_err(|_| InvalidKey)
    }
}

/// Writes the target's key, followed by `g` and the generation if it is not the first.
impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.target, f)?;
        if self.generation.is_first() { Ok(()) } else { write!(f, "g{}", self.generation) }
    }
}

impl FromStr for EventKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let (target, generation) = match text.split_at_checked(32).ok_or(InvalidKey)? {
            (target, "") => (target, Generation::FIRST),
            (target, rest) => {
                let digits = rest.strip_prefix('g').filter(|digits| !digits.starts_with(['0', '+']));
                let number = digits.and_then(|digits| digits.parse().ok()).ok_or(InvalidKey)?;
                (target, Generation(number))
            }
        };
        Ok(Self { target: target.parse()?, generation })
    }
}

impl Serialize for TargetKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.simple().encode_lower(&mut Uuid::encode_buffer()))
    }
}

impl<'de> Deserialize<'de> for TargetKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for EventKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

pub(crate) struct PersonPart<'a>(pub(crate) &'a Person);

impl fmt::Display for PersonPart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Person::Profile(id) => write!(f, "profile:{id}"),
            Person::Guest => f.write_str("guest"),
        }
    }
}

/// Appends a part to a name, with its length in front.
pub(crate) fn push(name: &mut String, part: &str) {
    push_number(name, part.len() as u64);
    name.push(':');
    name.push_str(part);
}

/// Appends a number in decimal. Written by hand because `write!` took longer than hashing the name.
fn push_number(name: &mut String, number: u64) {
    if number >= 10 {
        push_number(name, number / 10);
    }
    name.push(char::from(b'0' + (number % 10) as u8));
}

/// A 128-bit hash of an event's content (SipHash-1-3-128 over the length-prefixed fields). Equal
/// content has equal fingerprints, on every machine and in every version of calsync that writes
/// `v1`.
///
/// It does not protect against forgery: a person who forged one could only hide their own change in
/// their own calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(u128);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v1-{:032x}", self.0)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let hex = text.strip_prefix("v1-").filter(|hex| hex.len() == 32);
        let value = hex.and_then(|hex| u128::from_str_radix(hex, 16).ok());
        value.map(Self).ok_or_else(|| serde::de::Error::custom("expected `v1-` and 32 hex digits"))
    }
}

/// Hashes the fields of an event, one by one.
pub(crate) struct FingerprintWriter(SipHasher13);

impl FingerprintWriter {
    pub(crate) fn new() -> Self {
        Self(SipHasher13::new())
    }

    /// Hashes a text with its length in front, so that text cannot move between neighbouring fields
    /// without a change of the hash.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.number(text.len() as i64);
        self.0.write(text.as_bytes());
        self
    }

    pub(crate) fn number(&mut self, number: i64) -> &mut Self {
        // As little-endian bytes: the hasher's own integer methods use the machine's byte order.
        self.0.write(&number.to_le_bytes());
        self
    }

    pub(crate) fn finish(&self) -> Fingerprint {
        Fingerprint(self.0.finish128().as_u128())
    }
}
