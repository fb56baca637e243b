//! A column with three states: a value, null, or missing from the row.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The value of a column that a row may leave out. Missing is not the same as null: if a partial
/// `SELECT` leaves out a person's column, the person keeps their event.
///
/// ```
/// use calsync_core::model::{Staff, Stated};
/// let says = |json| serde_json::from_str::<Staff>(json).map(|staff| staff.manager_id);
/// assert_eq!(says(r#"{"id": 3}"#)?, Stated::NotStated);
/// assert_eq!(says(r#"{"id": 3, "manager_id": null}"#)?, Stated::Empty);
/// assert!(matches!(says(r#"{"id": 3, "manager_id": 4}"#)?, Stated::Is(_)));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Stated<T> {
    /// The row does not have the column. Existing events that depend on it stay and are kept up to
    /// date.
    #[default]
    NotStated,
    /// The column is null. Events that depended on its value are removed.
    Empty,
    /// The column has this value.
    Is(T),
}

impl<T> Stated<T> {
    /// Returns the value; `None` if the column is null or missing.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::NotStated | Self::Empty => None,
        }
    }

    /// Returns `true` if the row has the column, with a value or null.
    pub fn is_stated(&self) -> bool {
        !matches!(self, Self::NotStated)
    }

    pub(crate) fn is_not_stated(&self) -> bool {
        !self.is_stated()
    }
}

/// `None` becomes [`Stated::Empty`].
impl<T> From<Option<T>> for Stated<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Self::Is)
    }
}

impl<T: Serialize> Serialize for Stated<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

/// Null becomes [`Stated::Empty`]. A field of this type needs `#[serde(default)]`, so that a
/// missing column becomes [`Stated::NotStated`].
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Stated<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<T>::deserialize(deserializer).map(Self::from)
    }
}

/// A column that decides whether an event stays, and that the host's data did not state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Column {
    /// A profile's `calendar_sync_enabled`, null or missing.
    CalendarSyncEnabled,
    /// A profile's `calendar_provider`, null or missing, while `connections` is null or missing
    /// too.
    CalendarProvider,
    /// The `profile_id` of a staff member, a manager or a customer, null or missing.
    ProfileId,
    /// An appointment's `staff_id`, missing.
    StaffId,
    /// A staff member's `manager_id`, missing.
    ManagerId,
    /// An order's `customer_id`, null or missing, while a profile has the customer's event.
    CustomerId,
    /// An order's `guest_email`, null, missing or empty, while the guest has an invitation.
    GuestEmail,
    /// The list of admins: [`Directory::with_admins`](crate::model::Directory::with_admins) was not
    /// called.
    Admins,
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::CalendarSyncEnabled => "calendar_sync_enabled",
            Self::CalendarProvider => "calendar_provider",
            Self::ProfileId => "profile_id",
            Self::StaffId => "staff_id",
            Self::ManagerId => "manager_id",
            Self::CustomerId => "customer_id",
            Self::GuestEmail => "guest_email",
            Self::Admins => "admins",
        })
    }
}
