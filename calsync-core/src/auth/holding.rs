//! Holding a grant's lease for a refresh, and waiting for it.

use std::time::Duration;

use super::access::Inner;
use super::error::Unavailable;
use super::{AuthError, Lease, LeaseId, ServerCode};
use crate::calendar::ConnectionKey;

/// How long a lease is asked for. Longer than a token endpoint's slowest answer and the saves that follow.
const TTL: Duration = Duration::from_secs(60);

/// The pauses between two tries to get a lease, from the first, which doubles, to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A grant's lease for one refresh.
pub(super) enum Held {
    /// The store has none.
    None,
    /// This process has it.
    Lease(LeaseId),
}

/// The pauses of a process that waits for another one's refresh. They end when any lease of the other has run out.
pub(super) struct Patience {
    pause: Duration,
    left: Duration,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self { pause: FIRST_PAUSE, left: TTL + LONGEST_PAUSE }
    }

    /// The next pause. An error once the wait is over: without the lease a refresh could kill the grant.
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

/// Asks once for a grant's lease; `None` where another process has it.
pub(super) async fn ask(inner: &Inner, key: &ConnectionKey) -> Result<Option<Held>, AuthError> {
    Ok(match inner.store.lease(key, TTL).await? {
        Lease::NotOffered => Some(Held::None),
        Lease::Taken(id) => Some(Held::Lease(id)),
        Lease::Busy => None,
    })
}

/// Gives a lease back. One that cannot be given back runs out by itself.
pub(super) async fn release(inner: &Inner, key: &ConnectionKey, held: &Held) {
    if let Held::Lease(id) = held
        && inner.store.release(key, id).await.is_err()
    {
        tracing::debug!(calsync.grant = %key, "a lease could not be given back, and runs out by itself");
    }
}
