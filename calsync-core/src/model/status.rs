//! The statuses of orders and appointments. Values that calsync does not know are kept unchanged.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The status of an order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OrderStatus {
    /// Not confirmed yet.
    Pending,
    /// Confirmed: its items get appointments.
    Confirmed,
    /// The work has begun.
    InProgress,
    /// The work is done.
    Completed,
    /// Cancelled: [`Order::carry_status`](crate::model::Order::carry_status) cancels its
    /// appointments.
    Cancelled,
    /// A status of the host's own, kept as it was stored.
    Other(String),
}

/// The status of an appointment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AppointmentStatus {
    /// Not confirmed yet: its events are marked tentative.
    Pending,
    /// Confirmed: it will take place.
    Confirmed,
    /// The work has begun.
    InProgress,
    /// The work is done. Its events stay, as a record.
    Completed,
    /// The customer was not there. Its events stay.
    NoShow,
    /// Cancelled: its events are removed.
    Cancelled,
    /// A status of the host's own, kept as it was stored. Its events stay.
    Other(String),
}

/// The kind of record that an appointment was made from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AppointmentType {
    /// An item of an order.
    OrderItem,
    /// A type of the host's own, kept as it was stored.
    Other(String),
}

/// Accepts both spellings in any case: an event must not stay because of one letter.
fn is_cancelled(text: &str) -> bool {
    text.eq_ignore_ascii_case("cancelled") || text.eq_ignore_ascii_case("canceled")
}

impl OrderStatus {
    /// Returns `true` if the order is confirmed. Case does not matter.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.as_str().eq_ignore_ascii_case("confirmed")
    }

    /// Returns `true` if the order is cancelled: `cancelled` or `canceled`, in any case.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        is_cancelled(self.as_str())
    }
}

impl AppointmentStatus {
    /// Returns `true` if the appointment is cancelled: `cancelled` or `canceled`, in any case.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        is_cancelled(self.as_str())
    }
}

/// Implements the conversion between a status and its text, in both directions, and serde with it.
macro_rules! texts {
    ($type:ident { $($variant:ident => $text:literal),+ $(,)? }) => {
        impl $type {
            /// Returns the text that is stored, such as `in_progress`.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $type {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(Self::from(&*Cow::<'de, str>::deserialize(deserializer)?))
            }
        }
    };
}

texts!(OrderStatus {
    Pending => "pending",
    Confirmed => "confirmed",
    InProgress => "in_progress",
    Completed => "completed",
    Cancelled => "cancelled",
});

texts!(AppointmentStatus {
    Pending => "pending",
    Confirmed => "confirmed",
    InProgress => "in_progress",
    Completed => "completed",
    NoShow => "no_show",
    Cancelled => "cancelled",
});

texts!(AppointmentType { OrderItem => "order_item" });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_statuses_are_kept_and_cancelled_is_recognised_in_both_spellings_and_any_case() {
        for text in ["pending", "in_progress", "awaiting_parts", "CANCELLED", "canceled", ""] {
            let json = format!("\"{text}\"");
            let status: OrderStatus = serde_json::from_str(&json).unwrap();
            assert_eq!(serde_json::to_string(&status).unwrap(), json);
        }
        for text in ["cancelled", "Cancelled", "canceled", "CANCELED"] {
            assert!(AppointmentStatus::from(text).is_cancelled(), "{text}");
        }
        assert!(!AppointmentStatus::from("not cancelled").is_cancelled());
        assert!(OrderStatus::from("Confirmed").is_confirmed());
    }
}
