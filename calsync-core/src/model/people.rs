//! Customers and staff.

use serde::{Deserialize, Serialize};

use crate::id::{CustomerId, ProfileId, StaffId};
use crate::model::null_is_default;

/// A customer, with or without an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Customer {
    /// The host's id.
    pub id: CustomerId,
    /// The full name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub name: String,
    /// The e-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// The telephone number.
    #[serde(default)]
    pub phone: Option<String>,
    /// The account's profile; `None` without an account.
    #[serde(default)]
    pub profile_id: Option<ProfileId>,
}

/// A staff member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Staff {
    /// The host's id.
    pub id: StaffId,
    /// The full name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub name: String,
    /// The telephone number.
    #[serde(default)]
    pub phone: Option<String>,
    /// The account's profile; `None` without an account.
    #[serde(default)]
    pub profile_id: Option<ProfileId>,
    /// The staff member this one reports to.
    #[serde(default)]
    pub manager_id: Option<StaffId>,
}

impl Customer {
    /// A customer without an account.
    #[must_use]
    pub fn new(id: impl Into<CustomerId>, name: impl Into<String>) -> Self {
        Self { id: id.into(), name: name.into(), email: None, phone: None, profile_id: None }
    }
}

impl Staff {
    /// A staff member without an account or a manager.
    #[must_use]
    pub fn new(id: impl Into<StaffId>, name: impl Into<String>) -> Self {
        Self { id: id.into(), name: name.into(), phone: None, profile_id: None, manager_id: None }
    }
}
