//! Who has asked to be left alone, and until when.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::GrantKey;
use crate::http::LONGEST_RETRY_AFTER;
use crate::names::ProviderKind;

/// Until when a server wants to hear nothing of whom. Clones share it.
#[derive(Clone)]
pub(super) struct Asked<K>(Arc<Mutex<HashMap<K, DateTime<Utc>>>>);

/// Who calls an API, as the API counts: an account, whatever grant opens it, or the grant where nobody knows the account.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    Account(ProviderKind, Arc<str>),
    Grant(GrantKey),
}

impl Holder {
    pub(super) fn of(key: &GrantKey) -> Self {
        match key.account() {
            Some(account) => Self::Account(key.provider.clone(), account.clone()),
            None => Self::Grant(key.clone()),
        }
    }
}

/// Nobody's account.
impl<K> fmt::Debug for Asked<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asked(..)")
    }
}

impl<K> Default for Asked<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Clone + Eq + Hash> Asked<K> {
    /// How long that one has to wait still.
    pub(super) fn wait(&self, key: impl FnOnce() -> K, now: DateTime<Utc>) -> Option<Duration> {
        let asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Most of the time nobody has asked.
        if asked.is_empty() {
            return None;
        }
        // A clock that was set back does not make it longer.
        let left = (*asked.get(&key())? - now).to_std().ok()?.min(LONGEST_RETRY_AFTER);
        (!left.is_zero()).then_some(left)
    }

    /// The server asked for that.
    pub(super) fn note(&self, key: K, now: DateTime<Utc>, wait: Duration) {
        let wait = TimeDelta::from_std(wait.min(LONGEST_RETRY_AFTER)).unwrap_or_default();
        let Some(until) = now.checked_add_signed(wait).filter(|until| now < *until) else { return };
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.retain(|_, until| now < *until);
        let known = asked.entry(key).or_insert(until);
        *known = until.max(*known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::CalendarId;
    use crate::place::{Person, Place};

    #[test]
    fn whoever_is_asked_waits_as_long_and_nobody_else() {
        let key = |connection: i64| GrantKey::new(Person::Guest, ProviderKind::GOOGLE, connection);
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let asked = Asked::default();
        let key = |connection| Holder::of(&key(connection));
        asked.note(key(1), at(0), Duration::from_secs(30));
        asked.note(key(1), at(1), Duration::from_secs(5));
        assert_eq!(asked.wait(|| key(1), at(10)), Some(Duration::from_secs(20)));
        assert_eq!((asked.wait(|| key(1), at(30)), asked.wait(|| key(2), at(10))), (None, None));
        for forever in [Duration::MAX, Duration::from_secs(10 * 365 * 86_400)] {
            asked.note(key(3), at(100), forever);
            assert_eq!(asked.wait(|| key(3), at(100)), Some(Duration::from_secs(86_400)));
            assert_eq!(asked.wait(|| key(3), at(-1_000_000)), Some(Duration::from_secs(86_400)));
        }
        assert_eq!(asked.0.lock().unwrap().len(), 1, "what is over is forgotten");
    }

    #[test]
    fn two_grants_of_one_account_are_one_holder_and_still_two_keys() {
        let grant = |connection: i64, account: &str| {
            let calendar = CalendarId::primary();
            let place = Place::new(Person::Guest, ProviderKind::OUTLOOK, connection.into(), calendar);
            GrantKey::of(&place.with_account(Some(account.into())))
        };
        assert!(Holder::of(&grant(1, "a")) == Holder::of(&grant(2, "a")));
        assert!(Holder::of(&grant(1, "a")) != Holder::of(&grant(1, "b")));
        assert!(grant(1, "a") != grant(2, "a") && grant(1, "a") == grant(1, "b"));
    }
}
