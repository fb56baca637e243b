//! The lease that a process holds during a refresh, and the wait for it.

use std::time::Duration;

use super::access::Inner;
use super::error::Unavailable;
use super::{AuthError, Lease, LeaseId, ServerCode};
use crate::calendar::ConnectionKey;

/// Lifetime of a lease. Longer than a token endpoint's slowest response and the saves that follow.
const TTL: Duration = Duration::from_secs(60);

/// Pauses between two attempts to get a lease: the first one, doubled up to the longest one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What a process holds while it refreshes a grant.
pub(super) enum Held {
    /// No lease: the store does not offer any.
    None,
    /// A lease of this process.
    Lease(LeaseId),
}

/// The pauses of a process that waits for another process's refresh. Together they last at
/// least as long as a lease.
pub(super) struct LeaseWait {
    pause: Duration,
    left: Duration,
}

impl LeaseWait {
    pub(super) fn new() -> Self {
        Self { pause: FIRST_PAUSE, left: TTL + LONGEST_PAUSE }
    }

    /// The next pause. An error once the wait is over: some servers revoke the grant if two
    /// processes refresh it at once.
    pub(super) fn next(&mut self) -> Result<Duration, AuthError> {
        let Some(left) = self.left.checked_sub(self.pause) else {
            let code = ServerCode::new("lease_busy");
            return Err(AuthError::Unavailable(Unavailable::new().with_code(code)));
        };
        let pause = self.pause;
        (self.left, self.pause) = (left, LONGEST_PAUSE.min(pause * 2));
        Ok(pause)
    }
}

/// Asks once for a grant's lease; `None` if another process has it.
pub(super) async fn acquire(inner: &Inner, key: &ConnectionKey) -> Result<Option<Held>, AuthError> {
    Ok(match inner.store.lease(key, TTL).await? {
        Lease::NotOffered => Some(Held::None),
        Lease::Taken(id) => Some(Held::Lease(id)),
        Lease::Busy => None,
    })
}

/// Releases a lease. If that fails, the lease expires by itself.
pub(super) async fn release(inner: &Inner, key: &ConnectionKey, held: &Held) {
    if let Held::Lease(id) = held
        && inner.store.release(key, id).await.is_err()
    {
        tracing::debug!(calsync.grant = %key, "a lease could not be released; it expires by itself");
    }
}
