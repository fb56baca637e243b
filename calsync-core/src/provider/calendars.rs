//! The calendars of an account, from which a person chooses one.

use std::fmt;

use crate::names::CalendarId;
use crate::time::Zone;

/// A calendar of an account. `Debug` does not show its name, owner and id, which may identify a
/// person.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountCalendar {
    /// The provider's id, for [`Connection::calendar_id`](crate::model::Connection::calendar_id).
    pub id: CalendarId,
    /// The display name.
    pub name: String,
    /// The owner's e-mail address, if the provider reports it.
    pub owner: Option<String>,
    /// The calendar's time zone, if calsync knows it.
    pub zone: Option<Zone>,
    /// Whether it is the account's default calendar.
    pub is_primary: bool,
    /// Whether the account may write events into it.
    pub is_writable: bool,
}

impl AccountCalendar {
    /// Creates a calendar that is not the default and is writable.
    #[must_use]
    pub fn new(id: CalendarId, name: impl Into<String>) -> Self {
        Self { id, name: name.into(), owner: None, zone: None, is_primary: false, is_writable: true }
    }

    /// Sets the owner's e-mail address.
    #[must_use]
    pub fn with_owner(mut self, owner: Option<String>) -> Self {
        self.owner = owner;
        self
    }

    /// Sets the calendar's time zone.
    #[must_use]
    pub fn with_zone(mut self, zone: Option<Zone>) -> Self {
        self.zone = zone;
        self
    }

    /// Sets whether it is the account's default calendar.
    #[must_use]
    pub fn with_primary(mut self, is_primary: bool) -> Self {
        self.is_primary = is_primary;
        self
    }

    /// Sets whether the account may write events into the calendar.
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
