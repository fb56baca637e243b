//! The calendars an account has to choose from.

use std::fmt;

use crate::names::CalendarId;
use crate::time::Zone;

/// A calendar of an account. `Debug` shows neither its name, its owner nor its id, which tell whose it is.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountCalendar {
    /// The provider's id, for [`Connection::calendar_id`](crate::model::Connection::calendar_id).
    pub id: CalendarId,
    /// What its owner calls it.
    pub name: String,
    /// The address of who owns it, where the provider tells.
    pub owner: Option<String>,
    /// The zone it is kept in, where calsync knows it.
    pub zone: Option<Zone>,
    /// Whether it is the account's own default.
    pub is_primary: bool,
    /// Whether the account may write events into it.
    pub is_writable: bool,
}

impl AccountCalendar {
    /// A calendar that is not the default and can be written to.
    #[must_use]
    pub fn new(id: CalendarId, name: impl Into<String>) -> Self {
        Self { id, name: name.into(), owner: None, zone: None, is_primary: false, is_writable: true }
    }

    /// Owned by this address.
    #[must_use]
    pub fn with_owner(mut self, owner: Option<String>) -> Self {
        self.owner = owner;
        self
    }

    /// Kept in this zone.
    #[must_use]
    pub fn with_zone(mut self, zone: Option<Zone>) -> Self {
        self.zone = zone;
        self
    }

    /// Whether it is the account's own default.
    #[must_use]
    pub fn with_primary(mut self, is_primary: bool) -> Self {
        self.is_primary = is_primary;
        self
    }

    /// Whether it can be written to.
    #[must_use]
    pub fn with_writable(mut self, is_writable: bool) -> Self {
        self.is_writable = is_writable;
        self
    }
}

impl fmt::Debug for AccountCalendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountCalendar")
            .field("is_primary", &self.is_primary)
            .field("is_writable", &self.is_writable)
            .finish_non_exhaustive()
    }
}
