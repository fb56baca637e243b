//! Where an event stands and for whom: role, person, place.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
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

/// What a calendar's owner calls it. Helps a provider to find one again whose id has changed; does not tell places apart, so
/// that a calendar that was renamed is still the same place.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CalendarName(Option<Arc<str>>);

impl CalendarName {
    /// A name; an empty one is none.
    #[must_use]
    pub fn new(name: Option<&str>) -> Self {
        Self(name.map(str::trim).filter(|name| !name.is_empty()).map(Arc::from))
    }

    /// The name.
    #[must_use]
    pub fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Whether nobody knows it.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.0.is_none()
    }
}

/// Never counts.
impl PartialEq for CalendarName {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for CalendarName {}

impl PartialOrd for CalendarName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CalendarName {
    fn cmp(&self, _: &Self) -> Ordering {
        Ordering::Equal
    }
}

impl Hash for CalendarName {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl fmt::Debug for CalendarName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CalendarName(..)")
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
    /// The calendar's name, where the host knows it.
    #[serde(default, skip_serializing_if = "CalendarName::is_unknown")]
    pub calendar_name: CalendarName,
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
        Self { person, provider, connection, account: None, calendar, calendar_name: CalendarName::default() }
    }

    /// The same place, with the account behind the connection.
    #[must_use]
    pub fn with_account(mut self, account: Option<Arc<str>>) -> Self {
        self.account = account;
        self
    }

    /// Whether both are reached through one connection of one person, which led to another account when it was the other.
    pub(crate) fn is_in_another_account(&self, other: &Self) -> bool {
        let is_one_connection = self.person == other.person
            && self.provider == other.provider
            && self.connection == other.connection;
        let is_another = match (&self.account, &other.account) {
            (Some(account), Some(other)) => account != other,
            _ => false,
        };
        is_one_connection && is_another
    }

    /// Whether the connection of this place, as it is today, still reaches where it led when it was the other.
    pub(crate) fn is_reached_as(&self, other: &Self) -> bool {
        self.person == other.person
            && self.provider == other.provider
            && self.connection == other.connection
            && !self.is_in_another_account(other)
    }

    /// The same place, with the calendar's name.
    #[must_use]
    pub fn with_calendar_name(mut self, name: CalendarName) -> Self {
        self.calendar_name = name;
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn place(name: Option<&str>) -> Place {
        let place = Place::new(Person::Guest, ProviderKind::OUTLOOK, 1.into(), CalendarId::primary());
        place.with_calendar_name(CalendarName::new(name))
    }

    #[test]
    fn a_calendar_that_was_renamed_is_the_same_place() {
        let places = [place(None), place(Some("Work")), place(Some("Bookings"))];
        assert_eq!(places.iter().collect::<HashSet<_>>().len(), 1);
        assert_eq!(places[0].cmp(&places[1]), Ordering::Equal);
    }

    #[test]
    fn a_name_is_written_where_there_is_one_and_never_shown() {
        let named = place(Some(" Work "));
        let json = serde_json::to_value(&named).unwrap();
        assert_eq!(json["calendar_name"], "Work");
        assert_eq!(serde_json::from_value::<Place>(json).unwrap().calendar_name.get(), Some("Work"));
        assert!(serde_json::to_value(place(Some(""))).unwrap().get("calendar_name").is_none());
        assert!(!format!("{named:?} {:?} {named}", named.calendar_name).contains("Work"));
    }
}
