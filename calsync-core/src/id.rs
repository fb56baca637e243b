//! The ids of the host's records: numbers or strings, as the host stores them.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// The record types of an [`Id`]. They exist only to prevent that an order's id is used as a
/// profile's.
pub mod of {
    /// The id of an [`Order`](crate::model::Order).
    #[derive(Debug)]
    pub enum Order {}
    /// The id of an [`OrderItem`](crate::model::OrderItem).
    #[derive(Debug)]
    pub enum OrderItem {}
    /// The id of an [`Appointment`](crate::model::Appointment).
    #[derive(Debug)]
    pub enum Appointment {}
    /// The id of a [`Service`](crate::model::Service).
    #[derive(Debug)]
    pub enum Service {}
    /// The id of a [`Staff`](crate::model::Staff) member.
    #[derive(Debug)]
    pub enum Staff {}
    /// The id of a [`Customer`](crate::model::Customer).
    #[derive(Debug)]
    pub enum Customer {}
    /// The id of a [`Profile`](crate::model::Profile).
    #[derive(Debug)]
    pub enum Profile {}
    /// The id of a [`Connection`](crate::model::Connection), unique within its profile.
    #[derive(Debug)]
    pub enum Connection {}
}

/// The id of an order.
pub type OrderId = Id<of::Order>;
/// The id of an order item.
pub type OrderItemId = Id<of::OrderItem>;
/// The id of an appointment.
pub type AppointmentId = Id<of::Appointment>;
/// The id of a service.
pub type ServiceId = Id<of::Service>;
/// The id of a staff member.
pub type StaffId = Id<of::Staff>;
/// The id of a customer.
pub type CustomerId = Id<of::Customer>;
/// The id of a profile.
pub type ProfileId = Id<of::Profile>;
/// The id of a calendar connection, unique within its profile.
pub type ConnectionId = Id<of::Connection>;

/// The id of a record of the host: a whole number or a string, serialised in the form it was given
/// in.
///
/// A string that spells a number equals that number (`"10"` and `10` are the same record), so that
/// a host that sends its 64-bit keys as JSON strings does not get a second set of events. An id is
/// never empty and has no control characters.
///
/// ```
/// use calsync_core::OrderId;
/// let a: OrderId = serde_json::from_str("10")?;
/// let b: OrderId = serde_json::from_str("\"10\"")?;
/// assert_eq!(a, b);
/// assert_eq!(serde_json::to_string(&b)?, "\"10\"");
/// # Ok::<(), serde_json::Error>(())
/// ```
pub struct Id<Of> {
    value: Value,
    of: PhantomData<fn() -> Of>,
}

#[derive(Clone)]
enum Value {
    Number { value: i64, quoted: bool },
    Text(Arc<str>),
}

/// The error for a text that cannot be an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The text is empty.
    #[error("an id is empty")]
    Empty,
    /// The text contains a control character.
    #[error("an id contains a control character")]
    Control,
}

impl<Of> Id<Of> {
    /// Creates an id from a number.
    #[must_use]
    pub fn number(value: i64) -> Self {
        Self::of(Value::Number { value, quoted: false })
    }

    /// Creates an id from a text.
    ///
    /// # Errors
    /// [`IdError`] if the text is empty or contains a control character.
    pub fn text(text: &str) -> Result<Self, IdError> {
        if text.is_empty() {
            return Err(IdError::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(IdError::Control);
        }
        Ok(Self::of(match text.parse::<i64>() {
            Ok(value) if is_canonical(text) => Value::Number { value, quoted: true },
            _ => Value::Text(text.into()),
        }))
    }

    /// Returns the same value as the id of another record type, for hosts that use one id for both.
    #[must_use]
    pub fn cast<Other>(&self) -> Id<Other> {
        Id::of(self.value.clone())
    }

    fn of(value: Value) -> Self {
        Self { value, of: PhantomData }
    }
}

/// Returns `true` if the text is the canonical spelling of its number: "7", not "+7" or "007".
fn is_canonical(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    number == "0" || !digits.starts_with(['0', '+'])
}

impl<Of> Clone for Id<Of> {
    fn clone(&self) -> Self {
        Self::of(self.value.clone())
    }
}

impl<Of> PartialEq for Id<Of> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<Of> Eq for Id<Of> {}

impl<Of> PartialOrd for Id<Of> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<Of> Ord for Id<Of> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.value, &other.value) {
            (Value::Number { value: a, .. }, Value::Number { value: b, .. }) => a.cmp(b),
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            (Value::Number { .. }, Value::Text(_)) => Ordering::Less,
            (Value::Text(_), Value::Number { .. }) => Ordering::Greater,
        }
    }
}

impl<Of> Hash for Id<Of> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.value {
            Value::Number { value, .. } => value.hash(state),
            Value::Text(text) => text.hash(state),
        }
    }
}

impl<Of> fmt::Display for Id<Of> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::Number { value, .. } => fmt::Display::fmt(value, f),
            Value::Text(text) => f.pad(text),
        }
    }
}

impl<Of> fmt::Debug for Id<Of> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::Number { value, .. } => fmt::Display::fmt(value, f),
            Value::Text(text) => fmt::Debug::fmt(text, f),
        }
    }
}

impl<Of> From<i64> for Id<Of> {
    fn from(value: i64) -> Self {
        Self::number(value)
    }
}

impl<Of> TryFrom<&str> for Id<Of> {
    type Error = IdError;

    fn try_from(text: &str) -> Result<Self, IdError> {
        Self::text(text)
    }
}

impl<Of> std::str::FromStr for Id<Of> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::text(text)
    }
}

impl<Of> Serialize for Id<Of> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Number { value, quoted: false } => serializer.serialize_i64(*value),
            Value::Number { value, quoted: true } => serializer.collect_str(value),
            Value::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de, Of> Deserialize<'de> for Id<Of> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdVisitor<Of>(PhantomData<fn() -> Of>);

        impl<Of> Visitor<'_> for IdVisitor<Of> {
            type Value = Id<Of>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id: a whole number or a text")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Id<Of>, E> {
                Ok(Id::number(value))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Id<Of>, E> {
                i64::try_from(value).map(Id::number).map_err(|_| E::custom("an id above 2^63 must be a text"))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Id<Of>, E> {
                Id::text(text).map_err(E::custom)
            }
        }

        // Needs a self-describing format such as JSON, to tell a number from a text.
        deserializer.deserialize_any(IdVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_number_and_its_canonical_spelling_are_the_same_id() {
        let mut seen = HashSet::new();
        assert!(seen.insert(OrderId::number(10)));
        assert!(!seen.insert(OrderId::text("10").unwrap()));
        // Any other spelling is another id: some hosts pad their numbers.
        for other in ["010", "+10", "10 ", "-0"] {
            assert!(seen.insert(OrderId::text(other).unwrap()), "{other}");
        }
    }

    #[test]
    fn an_id_is_serialised_as_it_was_read() {
        for json in ["7", "\"7\"", "-3", "\"cus_7\"", "\"007\"", "9223372036854775807"] {
            let id: CustomerId = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&id).unwrap(), json);
        }
    }

    #[test]
    fn a_value_that_cannot_be_an_id_is_an_error() {
        for json in
            ["\"\"", "1.5", "null", "true", "\"a\\u0000b\"", "\"a\\nb\"", "18446744073709551615", "[1]"]
        {
            assert!(serde_json::from_str::<CustomerId>(json).is_err(), "{json}");
        }
    }
}
