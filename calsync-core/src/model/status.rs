//! Statuses. Values calsync does not know are kept as they are.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where an order stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OrderStatus {
    /// Not confirmed yet.
    Pending,
    /// Confirmed: its items get appointments.
    Confirmed,
    /// Being worked on.
    InProgress,
    /// Done.
    Completed,
    /// Called off: its appointments are too.
    Cancelled,
    /// The host's own.
    Other(String),
}

/// Where an appointment stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AppointmentStatus {
    /// Not confirmed yet: its events are marked tentative.
    Pending,
    /// It will take place.
    Confirmed,
    /// Being worked on.
    InProgress,
    /// Done. Its events stay, as a record.
    Completed,
    /// The customer was not there.
    NoShow,
    /// Called off: its events are removed.
    Cancelled,
    /// The host's own; its events stay.
    Other(String),
}

/// What an appointment was made from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AppointmentType {
    /// An order's item.
    OrderItem,
    /// The host's own.
    Other(String),
}

/// Both spellings, and any case: an event must not be left standing over a letter.
fn is_cancelled(text: &str) -> bool {
    text.eq_ignore_ascii_case("cancelled") || text.eq_ignore_ascii_case("canceled")
}

impl OrderStatus {
    /// Whether the order is confirmed, in any case of letters.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.as_str().eq_ignore_ascii_case("confirmed")
    }

    /// Whether the order is cancelled, in either spelling and any case of letters.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        is_cancelled(self.as_str())
    }
}

impl AppointmentStatus {
    /// Whether the appointment is cancelled, in either spelling and any case of letters.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        is_cancelled(self.as_str())
    }
}

/// Texts of a status: a table of the known ones both ways, and serde by it.
macro_rules! texts {
    ($type:ident { $($variant:ident => $text:literal),+ $(,)? }) => {
        impl $type {
            /// The text it is stored as.
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
    fn unknown_statuses_survive_and_cancelled_is_known_in_every_dress() {
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
