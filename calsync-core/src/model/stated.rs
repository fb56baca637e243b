//! What a row says of a column: a value, none, or nothing.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A column that a row may leave out. Missing is not none: who is missing from a partial `SELECT` keeps their event.
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
    /// The row does not have the column. Events that are there because of it stay and are kept right.
    #[default]
    NotStated,
    /// The column is null: there is none. Events that were there because of it are withdrawn.
    Empty,
    /// This one.
    Is(T),
}

impl<T> Stated<T> {
    /// The value; `None` both for a column that is null and for one that is missing.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::NotStated | Self::Empty => None,
        }
    }

    /// Whether the row has the column.
    pub fn is_stated(&self) -> bool {
        !matches!(self, Self::NotStated)
    }

    pub(crate) fn is_not_stated(&self) -> bool {
        !self.is_stated()
    }
}

/// `None` says that there is none.
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

/// Null is [`Stated::Empty`]. A field of this type is `#[serde(default)]`, so that a missing one is [`Stated::NotStated`].
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Stated<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<T>::deserialize(deserializer).map(Self::from)
    }
}

/// A column whose value decides whether an event stays, and that a row did not state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Column {
    /// A profile's `calendar_sync_enabled`, null or missing.
    CalendarSyncEnabled,
    /// A profile's `calendar_provider`, null or missing, where there is no `connections` either.
    CalendarProvider,
    /// The `profile_id` of a staff member, a manager or a customer, null or missing.
    ProfileId,
    /// An appointment's `staff_id`, missing.
    StaffId,
    /// A staff member's `manager_id`, missing.
    ManagerId,
    /// An order's `customer_id`, null or missing, while a profile has the customer's event.
    CustomerId,
    /// The e-mail address of a guest who has an invitation.
    GuestEmail,
    /// Who the admins are: [`Directory::with_admins`](crate::model::Directory::with_admins) was not called.
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
