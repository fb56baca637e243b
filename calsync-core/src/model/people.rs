//! Customers and staff.

use serde::{Deserialize, Serialize};

use crate::id::{CustomerId, ProfileId, StaffId};
use crate::model::{Stated, null_is_default};

/// A customer of the host, with or without a profile.
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
    /// The customer's profile. Null or missing is not stated: if a profile has the customer's
    /// event, it keeps the event, and the customer gets no invitation by e-mail as well. If no
    /// profile has it, the customer is treated as a guest.
    #[serde(default)]
    pub profile_id: Option<ProfileId>,
}

/// A staff member of the host, who does the work or manages others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Row", into = "Row")]
#[non_exhaustive]
pub struct Staff {
    /// The host's id.
    pub id: StaffId,
    /// The full name.
    pub name: String,
    /// The telephone number.
    pub phone: Option<String>,
    /// The staff member's profile. Null or missing is not stated: a profile that has the staff
    /// member's event keeps it, unless another record of the directory has that profile.
    pub profile_id: Option<ProfileId>,
    /// The manager. In JSON: `manager_id` for a staff member, `manager_profile_id` for a profile.
    /// Null means no manager; a row without either column does not state the manager.
    pub manager_id: Stated<ManagerRef>,
}

/// A reference to a staff member's manager.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ManagerRef {
    /// A staff member, as in the guide.
    Staff(StaffId),
    /// A profile, for a host whose managers are not staff.
    Profile(ProfileId),
}

impl From<StaffId> for ManagerRef {
    fn from(id: StaffId) -> Self {
        Self::Staff(id)
    }
}

impl From<ProfileId> for ManagerRef {
    fn from(id: ProfileId) -> Self {
        Self::Profile(id)
    }
}

impl Customer {
    /// Creates a customer without a profile.
    #[must_use]
    pub fn new(id: impl Into<CustomerId>, name: impl Into<String>) -> Self {
        Self { id: id.into(), name: name.into(), email: None, phone: None, profile_id: None }
    }
}

impl Staff {
    /// Creates a staff member without a profile and without a manager.
    #[must_use]
    pub fn new(id: impl Into<StaffId>, name: impl Into<String>) -> Self {
        Self { id: id.into(), name: name.into(), phone: None, profile_id: None, manager_id: Stated::Empty }
    }

    /// Sets the manager.
    #[must_use]
    pub fn with_manager(mut self, manager: impl Into<ManagerRef>) -> Self {
        self.manager_id = Stated::Is(manager.into());
        self
    }
}

/// The stored columns of a staff member.
#[derive(Serialize, Deserialize)]
struct Row {
    id: StaffId,
    #[serde(default, deserialize_with = "null_is_default")]
    name: String,
    #[serde(default)]
    phone: Option<String>,
    #[serde(default)]
    profile_id: Option<ProfileId>,
    #[serde(default, skip_serializing_if = "Stated::is_not_stated")]
    manager_id: Stated<StaffId>,
    #[serde(default, skip_serializing_if = "Stated::is_not_stated")]
    manager_profile_id: Stated<ProfileId>,
}

impl From<Row> for Staff {
    fn from(row: Row) -> Self {
        let manager_id = match (row.manager_id, row.manager_profile_id) {
            (Stated::Is(id), _) => Stated::Is(ManagerRef::Staff(id)),
            (_, Stated::Is(id)) => Stated::Is(ManagerRef::Profile(id)),
            (Stated::NotStated, Stated::NotStated) => Stated::NotStated,
            _ => Stated::Empty,
        };
        Self { id: row.id, name: row.name, phone: row.phone, profile_id: row.profile_id, manager_id }
    }
}

impl From<Staff> for Row {
    fn from(staff: Staff) -> Self {
        let (manager_id, manager_profile_id) = match staff.manager_id {
            Stated::Is(ManagerRef::Staff(id)) => (Stated::Is(id), Stated::NotStated),
            Stated::Is(ManagerRef::Profile(id)) => (Stated::NotStated, Stated::Is(id)),
            Stated::Empty => (Stated::Empty, Stated::NotStated),
            Stated::NotStated => (Stated::NotStated, Stated::NotStated),
        };
        let Staff { id, name, phone, profile_id, .. } = staff;
        Self { id, name, phone, profile_id, manager_id, manager_profile_id }
    }
}
