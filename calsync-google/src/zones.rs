//! Time zone names that Google does not know yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use calsync_core::clock::Clock;
use calsync_core::event::When;
use chrono::{DateTime, TimeDelta, Utc};

/// How long a refused name is left out of requests before calsync tries it again.
const NAME_BACKOFF: TimeDelta = TimeDelta::days(1);

/// In-memory record of the zone names that Google refused, and when. calsync's time zone data is
/// sometimes newer than Google's. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct UnknownZones {
    clock: Arc<dyn Clock>,
    refused_at: Arc<Mutex<HashMap<String, DateTime<Utc>>>>,
}

impl UnknownZones {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, refused_at: Arc::default() }
    }

    /// Whether a request may name the zone of these times: Google has not refused the name within
    /// [`NAME_BACKOFF`].
    pub(crate) fn can_name(&self, when: &When) -> bool {
        let When::Timed { zone, .. } = when else { return true };
        let refused_at = self.refused_at().get(zone.name()).copied();
        // If the clock was set back, no name counts as refused.
        refused_at.is_none_or(|at| !(TimeDelta::zero()..NAME_BACKOFF).contains(&(self.clock.now() - at)))
    }

    /// Records that Google refused the zone name of these times.
    pub(crate) fn refused(&self, when: &When) {
        if let When::Timed { zone, .. } = when {
            self.refused_at().insert(zone.name().to_owned(), self.clock.now());
        }
    }

    fn refused_at(&self) -> MutexGuard<'_, HashMap<String, DateTime<Utc>>> {
        self.refused_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
