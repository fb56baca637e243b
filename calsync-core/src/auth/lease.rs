//! One process at a time refreshes a grant.

use std::fmt;
use std::sync::Arc;

/// A store's answer to a process that wants to refresh a grant. See [`TokenStore::lease`](super::TokenStore::lease).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lease {
    /// The store has no leases: go on.
    NotOffered,
    /// This process has it, until it gives it back or its time is over.
    Taken(LeaseId),
    /// Another process has it.
    Busy,
}

/// Names one lease, so that only the process that has it gives it back.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LeaseId(Arc<str>);

impl LeaseId {
    /// A lease by the store's own name for it, unlike that of any other.
    #[must_use]
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The store's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeaseId(..)")
    }
}
