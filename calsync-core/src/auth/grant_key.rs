//! Whose grant.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

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
    #[serde(skip)]
    account: Account,
}

/// The account behind a grant, where the place knew it. Never counts: tokens are kept by connection.
#[cfg_attr(not(feature = "tokens"), allow(dead_code, reason = "only requests ask for it"))]
#[derive(Clone, Default)]
struct Account(Option<Arc<str>>);

impl GrantKey {
    /// The grant of that connection.
    #[must_use]
    pub fn new(person: Person, provider: ProviderKind, connection: impl Into<ConnectionId>) -> Self {
        Self { person, provider, connection: connection.into(), account: Account::default() }
    }

    /// The grant that opens a place.
    #[must_use]
    pub fn of(place: &Place) -> Self {
        let key = Self::new(place.person.clone(), place.provider.clone(), place.connection.clone());
        Self { account: Account(place.account.clone()), ..key }
    }

    /// The account behind it, where the place knew it: two grants may lead to one.
    #[cfg(feature = "tokens")]
    pub(super) fn account(&self) -> Option<&Arc<str>> {
        self.account.0.as_ref()
    }
}

impl PartialEq for Account {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Account {}

impl PartialOrd for Account {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Account {
    fn cmp(&self, _: &Self) -> Ordering {
        Ordering::Equal
    }
}

impl Hash for Account {
    fn hash<H: Hasher>(&self, _: &mut H) {}
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
