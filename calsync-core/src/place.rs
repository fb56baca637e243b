//! Where an event stands and for whom: role, person, place.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{ConnectionId, ProfileId};
use crate::names::{CalendarId, ProviderKind};

/// The part somebody plays in an appointment; it decides how the event is worded and what it may tell.
///
/// In the order of precedence: a person in two roles sees the event of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Role {
    /// The staff member who does the work.
    Staff,
    /// The staff member's manager.
    Manager,
    /// An administrator who follows every appointment.
    Admin,
    /// The customer, with an account or as a guest.
    Customer,
}

impl Role {
    /// Every role, in the order of precedence.
    pub const ALL: [Self; 4] = [Self::Staff, Self::Manager, Self::Admin, Self::Customer];
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Staff => "staff",
            Self::Manager => "manager",
            Self::Admin => "admin",
            Self::Customer => "customer",
        })
    }
}

/// Somebody who can have an event: a profile, or the order's guest, who has none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Person {
    /// The owner of a profile.
    Profile(ProfileId),
    /// The guest of the appointment's order; reached by e-mail.
    Guest,
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile(id) => write!(f, "profile {id}"),
            Self::Guest => f.write_str("guest"),
        }
    }
}

/// A calendar of a person: where one event of an appointment can stand.
///
/// The provider finds its credentials by `person` and `connection`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Place {
    /// Whose calendar.
    pub person: Person,
    /// The kind of backend.
    pub provider: ProviderKind,
    /// The person's connection.
    pub connection: ConnectionId,
    /// The account behind the connection, where the provider could tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Arc<str>>,
    /// The calendar within the account; for a guest the e-mail address.
    pub calendar: CalendarId,
}

impl Place {
    /// A place whose account is not known.
    #[must_use]
    pub fn new(
        person: Person,
        provider: ProviderKind,
        connection: ConnectionId,
        calendar: CalendarId,
    ) -> Self {
        Self { person, provider, connection, account: None, calendar }
    }

    /// The same place, with the account behind the connection.
    #[must_use]
    pub fn with_account(mut self, account: Option<Arc<str>>) -> Self {
        self.account = account;
        self
    }
}

/// Names the person and the connection; never the calendar or the account, which may be e-mail addresses.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} (connection {})", self.provider, self.person, self.connection)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({self})")
    }
}
