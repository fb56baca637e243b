//! Who has asked to be left alone, and until when.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::GrantKey;

/// The longest wait that is believed, as the syncer believes it.
const LONGEST: TimeDelta = TimeDelta::hours(24);

/// Until when a server wants to hear nothing with which grant. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked(Arc<Mutex<HashMap<GrantKey, DateTime<Utc>>>>);

impl Asked {
    /// How long that grant has to wait still.
    pub(super) fn wait(&self, key: &GrantKey, now: DateTime<Utc>) -> Option<Duration> {
        let asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Most of the time nobody has asked.
        if asked.is_empty() {
            return None;
        }
        // A clock that was set back does not make it longer.
        let left = (*asked.get(key)? - now).min(LONGEST);
        left.to_std().ok().filter(|left| !left.is_zero())
    }

    /// The server asked for that.
    pub(super) fn note(&self, key: &GrantKey, now: DateTime<Utc>, wait: Duration) {
        let wait = TimeDelta::from_std(wait).unwrap_or(LONGEST).min(LONGEST);
        let Some(until) = now.checked_add_signed(wait).filter(|until| now < *until) else { return };
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.retain(|_, until| now < *until);
        let known = asked.entry(key.clone()).or_insert(until);
        *known = until.max(*known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::ProviderKind;
    use crate::place::Person;

    #[test]
    fn whoever_is_asked_waits_as_long_and_nobody_else() {
        let key = |connection: i64| GrantKey::new(Person::Guest, ProviderKind::GOOGLE, connection);
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let asked = Asked::default();
        asked.note(&key(1), at(0), Duration::from_secs(30));
        asked.note(&key(1), at(1), Duration::from_secs(5));
        assert_eq!(asked.wait(&key(1), at(10)), Some(Duration::from_secs(20)));
        assert_eq!((asked.wait(&key(1), at(30)), asked.wait(&key(2), at(10))), (None, None));
        for forever in [Duration::MAX, Duration::from_secs(10 * 365 * 86_400)] {
            asked.note(&key(3), at(100), forever);
            assert_eq!(asked.wait(&key(3), at(100)), Some(Duration::from_secs(86_400)));
            assert_eq!(asked.wait(&key(3), at(-1_000_000)), Some(Duration::from_secs(86_400)));
        }
        assert_eq!(asked.0.lock().unwrap().len(), 1, "what is over is forgotten");
    }
}
