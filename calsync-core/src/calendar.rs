//! Role, person, connection and calendar: whose event it is, and in which calendar.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{ConnectionId, ProfileId};
use crate::names::{AccountId, CalendarId, ProviderKind};

/// The role of a person in an appointment. It decides the texts of the event and which data they
/// show.
///
/// The variants are in the order of precedence: a person in two roles gets the event of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Role {
    /// The staff member who does the work.
    Staff,
    /// The staff member's manager.
    Manager,
    /// An administrator, who gets an event for every appointment.
    Admin,
    /// The customer, with an account or as a guest.
    Customer,
}

impl Role {
    /// Every role, in the order of precedence.
    pub const ALL: [Self; 4] = [Self::Staff, Self::Manager, Self::Admin, Self::Customer];

    /// Reads the text that `Display` writes, such as `staff`; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == text)
    }

    /// Returns the role's name in markers and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Manager => "manager",
            Self::Admin => "admin",
            Self::Customer => "customer",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A person who can have an event: the owner of a profile, or the order's guest, who has no
/// profile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Person {
    /// The owner of a profile.
    Profile(ProfileId),
    /// The guest of the appointment's order, reached by e-mail.
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

/// The display name of a calendar, such as `Work`. If the id of a calendar has changed, as ids do
/// at Outlook, a provider can find the calendar by its name.
///
/// Not shown in `Debug`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CalendarName(Arc<str>);

impl CalendarName {
    /// Trims the name. Returns `None` if it is empty then.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let name = name.trim();
        (!name.is_empty()).then(|| Self(name.into()))
    }

    /// Returns the name.
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

/// Identifies one connection of one person to one provider. Tokens are stored under this key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConnectionKey {
    /// The person.
    pub person: Person,
    /// The kind of provider.
    pub provider: ProviderKind,
    /// The id of the connection, unique within the person's profile.
    pub connection: ConnectionId,
}

/// Identifies a calendar that is reached through one connection. Equal keys mean the same row of a
/// ledger.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CalendarKey {
    /// The connection.
    #[serde(flatten)]
    pub connection: ConnectionKey,
    /// The id of the calendar within the account; for a guest, the e-mail address.
    pub calendar: CalendarId,
}

/// A calendar: the fields of its [`CalendarKey`], and hints that help a provider to find it.
///
/// The hints (`account`, `name`, `primary`) are not part of the identity: a renamed calendar is the
/// same calendar. To compare two calendars, use [`key`](CalendarRef::key) or
/// [`is_at`](CalendarRef::is_at), not `==`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CalendarRef {
    /// The person who has the calendar.
    pub person: Person,
    /// The kind of provider.
    pub provider: ProviderKind,
    /// The id of the person's connection.
    pub connection: ConnectionId,
    /// The id of the calendar within the account; for a guest, the e-mail address.
    pub calendar: CalendarId,
    /// The provider account behind the connection; `None` while it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The calendar's display name, if the host knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<CalendarName>,
    /// The provider's own id of the account's default calendar, if known. `calendar` may be this id
    /// or [`CalendarId::primary`]; both mean that calendar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<CalendarId>,
}

impl ConnectionKey {
    /// Creates the key of a person's connection to a provider.
    #[must_use]
    pub fn new(person: Person, provider: ProviderKind, connection: impl Into<ConnectionId>) -> Self {
        Self { person, provider, connection: connection.into() }
    }
}

impl CalendarKey {
    /// Creates the key of a calendar of a connection.
    #[must_use]
    pub fn new(connection: ConnectionKey, calendar: CalendarId) -> Self {
        Self { connection, calendar }
    }
}

impl CalendarRef {
    /// Creates a reference to a calendar, without hints.
    #[must_use]
    pub fn new(
        person: Person,
        provider: ProviderKind,
        connection: ConnectionId,
        calendar: CalendarId,
    ) -> Self {
        Self { person, provider, connection, calendar, account: None, name: None, primary: None }
    }

    /// Sets the account behind the connection.
    #[must_use]
    pub fn with_account(mut self, account: Option<AccountId>) -> Self {
        self.account = account;
        self
    }

    /// Sets the calendar's display name.
    #[must_use]
    pub fn with_name(mut self, name: Option<CalendarName>) -> Self {
        self.name = name;
        self
    }

    /// Sets the provider's own id of the account's default calendar.
    #[must_use]
    pub fn with_primary(mut self, primary: Option<CalendarId>) -> Self {
        self.primary = primary;
        self
    }

    /// Returns the identity of the calendar, without the hints.
    #[must_use]
    pub fn key(&self) -> CalendarKey {
        CalendarKey { connection: self.connection_key(), calendar: self.calendar.clone() }
    }

    /// Returns the key of the connection.
    #[must_use]
    pub fn connection_key(&self) -> ConnectionKey {
        ConnectionKey::new(self.person.clone(), self.provider.clone(), self.connection.clone())
    }

    /// Returns `true` if both have the same [`key`](CalendarRef::key).
    #[must_use]
    pub fn is_at(&self, other: &Self) -> bool {
        self.is_through(other) && self.calendar == other.calendar
    }

    /// Returns `true` if both are reached through the same connection of the same person.
    #[must_use]
    pub fn is_through(&self, other: &Self) -> bool {
        self.connection == other.connection && self.provider == other.provider && self.person == other.person
    }

    /// Returns `true` if the connection still leads to the account of `other`, an earlier state of
    /// the same connection. An unknown account counts as the same.
    pub(crate) fn still_reaches(&self, other: &Self) -> bool {
        self.is_through(other) && !self.is_in_another_account(other)
    }

    /// Returns `true` if the connection is known to lead to another account than in `other`, an
    /// earlier state of the same connection.
    pub(crate) fn is_in_another_account(&self, other: &Self) -> bool {
        let is_another = match (&self.account, &other.account) {
            (Some(account), Some(other)) => account != other,
            _ => false,
        };
        is_another && self.is_through(other)
    }
}

/// Example: `google of profile 3 (connection default)`.
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

/// Shows only the connection: calendar ids may be e-mail addresses.
impl fmt::Debug for CalendarKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CalendarKey({})", self.connection)
    }
}

/// Shows only the connection, never the calendar or the account: they may be e-mail addresses.
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
    fn a_calendars_name_is_serialised_and_never_shown_in_debug() {
        let named = calendar(" Work ");
        let json = serde_json::to_value(&named).unwrap();
        assert_eq!(json["name"], "Work");
        let read = serde_json::from_value::<CalendarRef>(json).unwrap();
        assert_eq!(read.name.as_ref().map(CalendarName::as_str), Some("Work"));
        assert!(serde_json::to_value(calendar("")).unwrap().get("name").is_none());
        assert!(!format!("{named:?} {:?} {named}", named.name).contains("Work"));
    }
}
