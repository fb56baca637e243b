//! Names of zones that Google does not know yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use calsync_core::clock::Clock;
use calsync_core::event::When;
use chrono::{DateTime, TimeDelta, Utc};

/// How long a name is left out before it is tried again.
const PAUSE: TimeDelta = TimeDelta::days(1);

/// The zones whose names Google refused, and when, for as long as the process lives. Our rules of time are newer than Google's
/// now and then. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct UnknownZones {
    clock: Arc<dyn Clock>,
    refused_at: Arc<Mutex<HashMap<String, DateTime<Utc>>>>,
}

impl UnknownZones {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, refused_at: Arc::default() }
    }

    /// Whether the zone of these times can be named, as far as is known.
    pub(crate) fn can_name(&self, when: &When) -> bool {
        let When::Timed { zone, .. } = when else { return true };
        let refused_at = self.refused_at().get(zone.name()).copied();
        // A clock that was set back makes nothing refused.
        refused_at.is_none_or(|at| !(TimeDelta::zero()..PAUSE).contains(&(self.clock.now() - at)))
    }

    /// Google refused the zone of these times.
    pub(crate) fn refused(&self, when: &When) {
        if let When::Timed { zone, .. } = when {
            self.refused_at().insert(zone.name().to_owned(), self.clock.now());
        }
    }

    fn refused_at(&self) -> MutexGuard<'_, HashMap<String, DateTime<Utc>>> {
        self.refused_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
