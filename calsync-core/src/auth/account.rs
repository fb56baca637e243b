//! Whose account a grant opens.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::names::{AccountId, CalendarId};

/// The account behind a grant, as the provider named it when the person connected. Serialises
/// completely, for the host's own columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Account {
    /// The stable id: Google's `sub`; Microsoft's `tid` and `oid`; elsewhere `iss` and `sub`. Two
    /// accounts are the same if and only if their ids are equal.
    pub id: AccountId,
    /// The account's address, for display to its person. Never compared: addresses change, and are
    /// given to other people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<AccountAddress>,
    /// The provider's id of the account's primary calendar, if the id token contains it: at Google
    /// it is the verified e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_calendar: Option<CalendarId>,
}

/// An account's address as the provider wrote it. Not shown in `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountAddress(Arc<str>);

impl Account {
    /// An account of which only the id is known.
    #[must_use]
    pub fn new(id: impl Into<AccountId>) -> Self {
        Self { id: id.into(), address: None, primary_calendar: None }
    }

    /// Sets the address; `None` if it is not known.
    #[must_use]
    pub fn with_address(mut self, address: Option<AccountAddress>) -> Self {
        self.address = address;
        self
    }

    /// Sets the id of the primary calendar.
    #[must_use]
    pub fn with_primary_calendar(mut self, calendar: Option<CalendarId>) -> Self {
        self.primary_calendar = calendar;
        self
    }

    /// Whether both accounts are known and their ids differ.
    #[cfg(feature = "tokens")]
    pub(super) fn differ(a: Option<&Self>, b: Option<&Self>) -> bool {
        matches!((a, b), (Some(a), Some(b)) if a.id != b.id)
    }

    /// Merges two readings of the same account. Where `newer` lacks a value, the older one stays.
    #[cfg(feature = "tokens")]
    pub(super) fn merged(older: Option<&Self>, newer: Option<Self>) -> Option<Self> {
        match (older, newer) {
            (older, None) => older.cloned(),
            (None, newer) => newer,
            (Some(older), Some(newer)) => Some(Self {
                address: newer.address.or_else(|| older.address.clone()),
                primary_calendar: newer.primary_calendar.or_else(|| older.primary_calendar.clone()),
                ..newer
            }),
        }
    }
}

impl AccountAddress {
    /// An address as the provider wrote it.
    #[must_use]
    pub fn new(address: impl Into<Arc<str>>) -> Self {
        Self(address.into())
    }

    /// The provider's text, for display to the account's person.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccountAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountAddress(..)")
    }
}
