//! Who has an event and in which calendar: role, person, connection, calendar.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{ConnectionId, ProfileId};
use crate::names::{AccountId, CalendarId, ProviderKind};

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

/// What a calendar's owner calls it, such as `Work`. A provider finds a calendar by it whose id has changed, as Outlook's do.
///
/// Not shown in `Debug`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CalendarName(Arc<str>);

impl CalendarName {
    /// A name without the blanks around it; `None` for an empty one.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let name = name.trim();
        (!name.is_empty()).then(|| Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CalendarName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CalendarName(..)")
    }
}

/// One connection of one person to one provider: whose grant. Tokens are stored under it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConnectionKey {
    /// The person.
    pub person: Person,
    /// The kind of provider.
    pub provider: ProviderKind,
    /// The connection, by its id within the person's profile.
    pub connection: ConnectionId,
}

/// One calendar, reached through one connection. Identity only: equal keys name the same row of a ledger.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CalendarKey {
    /// The connection.
    #[serde(flatten)]
    pub connection: ConnectionKey,
    /// The calendar within the account; for a guest the e-mail address.
    pub calendar: CalendarId,
}

/// A calendar and what helps a provider to find it: the fields of its [`CalendarKey`], and hints.
///
/// The hints (`account`, `name`, `primary`) do not identify: a calendar that was renamed is the same calendar. Compare
/// [`key`](CalendarRef::key), or ask [`is_at`](CalendarRef::is_at).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CalendarRef {
    /// Whose calendar.
    pub person: Person,
    /// The kind of provider.
    pub provider: ProviderKind,
    /// The person's connection.
    pub connection: ConnectionId,
    /// The calendar within the account; for a guest the e-mail address.
    pub calendar: CalendarId,
    /// The account behind the connection; `None` while it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The calendar's name, where the host knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<CalendarName>,
    /// The provider's own id of the account's default calendar, where it is known: `calendar` may name that calendar by this
    /// id or as [`CalendarId::primary`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<CalendarId>,
}

impl ConnectionKey {
    /// The connection of a person to a provider.
    #[must_use]
    pub fn new(person: Person, provider: ProviderKind, connection: impl Into<ConnectionId>) -> Self {
        Self { person, provider, connection: connection.into() }
    }
}

impl CalendarKey {
    /// A calendar of a connection.
    #[must_use]
    pub fn new(connection: ConnectionKey, calendar: CalendarId) -> Self {
        Self { connection, calendar }
    }
}

impl CalendarRef {
    /// A calendar of which nothing but its key is known.
    #[must_use]
    pub fn new(
        person: Person,
        provider: ProviderKind,
        connection: ConnectionId,
        calendar: CalendarId,
    ) -> Self {
        Self { person, provider, connection, calendar, account: None, name: None, primary: None }
    }

    /// With the account behind the connection.
    #[must_use]
    pub fn with_account(mut self, account: Option<AccountId>) -> Self {
        self.account = account;
        self
    }

    /// With the calendar's name.
    #[must_use]
    pub fn with_name(mut self, name: Option<CalendarName>) -> Self {
        self.name = name;
        self
    }

    /// With the provider's own id of the account's default calendar.
    #[must_use]
    pub fn with_primary(mut self, primary: Option<CalendarId>) -> Self {
        self.primary = primary;
        self
    }

    /// The identity, without the hints.
    #[must_use]
    pub fn key(&self) -> CalendarKey {
        CalendarKey { connection: self.connection_key(), calendar: self.calendar.clone() }
    }

    /// The connection.
    #[must_use]
    pub fn connection_key(&self) -> ConnectionKey {
        ConnectionKey::new(self.person.clone(), self.provider.clone(), self.connection.clone())
    }

    /// Whether both have the same [`key`](CalendarRef::key).
    #[must_use]
    pub fn is_at(&self, other: &Self) -> bool {
        self.is_through(other) && self.calendar == other.calendar
    }

    /// Whether both are reached through the same connection of the same person.
    #[must_use]
    pub fn is_through(&self, other: &Self) -> bool {
        self.connection == other.connection && self.provider == other.provider && self.person == other.person
    }

    /// Whether this connection, as it is today, still leads where it led when it was `other`. Two unknown accounts count as the
    /// same.
    pub(crate) fn still_reaches(&self, other: &Self) -> bool {
        self.is_through(other) && !self.is_in_another_account(other)
    }

    /// Whether both are reached through one connection, which is known to have led to another account when it was `other`.
    pub(crate) fn is_in_another_account(&self, other: &Self) -> bool {
        let is_another = match (&self.account, &other.account) {
            (Some(account), Some(other)) => account != other,
            _ => false,
        };
        is_another && self.is_through(other)
    }
}

/// `google of profile 3 (connection default)`.
impl fmt::Display for ConnectionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} (connection {})", self.provider, self.person, self.connection)
    }
}

impl fmt::Debug for ConnectionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionKey({self})")
    }
}

/// The connection alone: calendar ids may be e-mail addresses.
impl fmt::Debug for CalendarKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CalendarKey({})", self.connection)
    }
}

/// The connection alone, never the calendar or the account, which may be e-mail addresses.
impl fmt::Display for CalendarRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} (connection {})", self.provider, self.person, self.connection)
    }
}

impl fmt::Debug for CalendarRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CalendarRef({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(name: &str) -> CalendarRef {
        let calendar =
            CalendarRef::new(Person::Guest, ProviderKind::OUTLOOK, 1.into(), CalendarId::primary());
        calendar.with_name(CalendarName::new(name))
    }

    #[test]
    fn a_renamed_calendar_has_the_same_key() {
        assert_eq!(calendar("Work").key(), calendar("Bookings").key());
        assert!(calendar("Work").is_at(&calendar("")));
        assert_ne!(calendar("Work"), calendar("Bookings"), "the hints differ");
    }

    #[test]
    fn a_name_is_written_where_there_is_one_and_never_shown() {
        let named = calendar(" Work ");
        let json = serde_json::to_value(&named).unwrap();
        assert_eq!(json["name"], "Work");
        let read = serde_json::from_value::<CalendarRef>(json).unwrap();
        assert_eq!(read.name.as_ref().map(CalendarName::as_str), Some("Work"));
        assert!(serde_json::to_value(calendar("")).unwrap().get("name").is_none());
        assert!(!format!("{named:?} {:?} {named}", named.name).contains("Work"));
    }
}
