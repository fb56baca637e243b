//! Leases: one process at a time refreshes a grant.

use std::fmt;
use std::sync::Arc;

/// The result when a process asks for the lease of a grant. See
/// [`TokenStore::lease`](super::TokenStore::lease).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lease {
    /// The store has no leases: the process refreshes without one.
    NotOffered,
    /// This process has the lease, until it releases it or the lease expires.
    Taken(LeaseId),
    /// Another process has the lease.
    Busy,
}

/// Identifies one lease, so that only the process that has it can release it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LeaseId(Arc<str>);

impl LeaseId {
    /// The store's id of a lease, unique among all leases.
    #[must_use]
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The store's id, as text.
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
