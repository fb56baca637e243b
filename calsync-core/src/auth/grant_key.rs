//! Whose grant.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::ConnectionId;
use crate::names::ProviderKind;
use crate::place::{Person, Place};

/// Whose grant: a person's connection to a provider. What tokens are kept under.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GrantKey {
    /// Who gave it.
    pub person: Person,
    /// The kind of backend it opens.
    pub provider: ProviderKind,
    /// The person's connection.
    pub connection: ConnectionId,
}

impl GrantKey {
    /// The grant of that connection.
    #[must_use]
    pub fn new(person: Person, provider: ProviderKind, connection: impl Into<ConnectionId>) -> Self {
        Self { person, provider, connection: connection.into() }
    }

    /// The grant that opens a place.
    #[must_use]
    pub fn of(place: &Place) -> Self {
        Self::new(place.person.clone(), place.provider.clone(), place.connection.clone())
    }
}

impl fmt::Display for GrantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} (connection {})", self.provider, self.person, self.connection)
    }
}

impl fmt::Debug for GrantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GrantKey({self})")
    }
}
