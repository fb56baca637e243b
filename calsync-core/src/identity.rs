//! Who is who: the key of an event and the fingerprint of its content.
//!
//! # Computing a key elsewhere
//!
//! A key is a UUID version 5 (RFC 9562 section 5.5) under the namespace [`KEY_NAMESPACE`]. The name is the six parts
//! *namespace, appointment id, person, connection id, calendar id, generation* in this order, each written as its
//! length in UTF-8 bytes, a colon and the text (so no two lists of parts spell the same name). The person is
//! `profile:` and the profile's id, or `guest`. In Python:
//!
//! ```python
//! def event_key(*parts):
//!     name = "".join(f"{len(str(p).encode())}:{p}" for p in parts)
//!     return uuid.uuid5(uuid.UUID("a626fb1a-706e-50cf-a216-eda0282c90b7"), name)
//! event_key("my-shop", 10, "profile:3", "default", "primary", 0)
//! ```
//!
//! Test vectors, for whoever computes keys elsewhere:
//!
//! | namespace | appointment | person | connection | calendar | generation | key |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | `my-shop` | `10` | `profile:3` | `default` | `primary` | `0` | `6d709f8152a05a61b10906a7ec27a32c` |
//! | `my-shop` | `10` | `profile:3` | `default` | `primary` | `7` | `95d41d39f15b5d61acd6ff6881eb038a` |
//! | `my-shop` | `10` | `guest` | `0` | `gus@example.org` | `0` | `3306a31c1d985722b62b00f3464d2207` |
//! | `Müller & Söhne 清掃` | `-3` | `profile:Zoë` | `Büro` | `familie/ÅÄÖ` | `1` | `67e7f80a66af52ddb0ca2b887cb815b5` |

use std::fmt::{self, Write as _};
use std::hash::Hasher;

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};
use uuid::Uuid;

use crate::calendar::{CalendarRef, Person};
use crate::id::AppointmentId;

/// The UUID namespace of event keys: version 5 of `calsync:event-key:1` under the URL namespace.
pub const KEY_NAMESPACE: Uuid = Uuid::from_u128(0xa626fb1a_706e_50cf_a216_eda0282c90b7);

/// The one name of an event, the same in every system that takes a name from us: Google's event id and iCalendar's UID,
/// Graph's `transactionId`, the file's name.
///
/// Derived from (namespace, appointment, person, connection, calendar, generation): asking again gives the same key, so
/// a create can be repeated; two people never share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventKey(Uuid);

impl EventKey {
    /// The key of the event of `appointment` at `place`; `generation` counts how often one there was withdrawn.
    #[must_use]
    pub fn derive(
        namespace: &str,
        appointment: &AppointmentId,
        place: &CalendarRef,
        generation: u32,
    ) -> Self {
        let mut name = String::with_capacity(128);
        let mut part = String::with_capacity(48);
        push(&mut name, namespace);
        for piece in [&appointment as &dyn fmt::Display, &PersonPart(&place.person), &place.connection] {
            part.clear();
            // Writing to a String cannot fail.
            let _ = write!(part, "{piece}");
            push(&mut name, &part);
        }
        push(&mut name, place.calendar.as_str());
        part.clear();
        push_number(&mut part, u64::from(generation));
        push(&mut name, &part);
        Self(Uuid::new_v5(&KEY_NAMESPACE, name.as_bytes()))
    }

    /// A key read back from where it was stored.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The key as a UUID.
    #[must_use]
    pub const fn as_uuid(&self) -> Uuid {
        self.0
    }
}

/// 32 lower-case hex digits, which are inside the alphabet of Google's event ids.
impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.simple().encode_lower(&mut Uuid::encode_buffer()))
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

/// A part of a name, told apart from its neighbours by its length.
pub(crate) fn push(name: &mut String, part: &str) {
    push_number(name, part.len() as u64);
    name.push(':');
    name.push_str(part);
}

/// In decimal. Keys are made by the thousand, and formatting took longer than hashing.
fn push_number(name: &mut String, number: u64) {
    if number >= 10 {
        push_number(name, number / 10);
    }
    name.push(char::from(b'0' + (number % 10) as u8));
}

/// What an event says, in 128 bits: equal content has equal fingerprints, on every machine and in every version of
/// calsync that says `v1` (SipHash-1-3-128 over the length-prefixed fields).
///
/// Not a defence against forgery: whoever could forge one would only hide his own change from his own calendar.
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
        value.map(Self).ok_or_else(|| serde::de::Error::custom("a fingerprint is `v1-` and 32 hex digits"))
    }
}

/// Takes the fields of an event in, one by one.
pub(crate) struct FingerprintWriter(SipHasher13);

impl FingerprintWriter {
    pub(crate) fn new() -> Self {
        Self(SipHasher13::new())
    }

    /// A text, told apart from its neighbours by its length.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.number(text.len() as i64);
        self.0.write(text.as_bytes());
        self
    }

    pub(crate) fn number(&mut self, number: i64) -> &mut Self {
        // By bytes, since the hasher's own integer methods follow the machine's byte order.
        self.0.write(&number.to_le_bytes());
        self
    }

    pub(crate) fn finish(&self) -> Fingerprint {
        Fingerprint(self.0.finish128().as_u128())
    }
}
