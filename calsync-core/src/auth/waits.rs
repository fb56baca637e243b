//! Who has asked to be left alone, and until when.

use std::collections::HashMap;
use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Access, AccessToken};
use crate::calendar::ConnectionKey;
use crate::http::LONGEST_RETRY_AFTER;
use crate::names::{AccountId, ProviderKind};

/// Until when servers want to hear nothing of whom: what the `Retry-After` of their answers asked for (RFC 9110 section 10.2.3).
///
/// [`MemoryWaitStore`] unless the host gives another. A host of many processes that shares it between them, say by a cache that
/// every process listens to, has none of them call an account that has told another to wait.
///
/// ```
/// # use calsync_core::auth::{MemoryWaitStore, WaitKey, WaitStore};
/// # use chrono::{DateTime, Utc};
/// # #[derive(Debug)] struct Channel;
/// # impl Channel { fn publish(&self, _: WaitKey<'_>, _: DateTime<Utc>) {} }
/// /// What this process knows, and a way to tell the others; what they tell is noted in `known` as it arrives.
/// #[derive(Debug)]
/// struct Shared {
///     known: MemoryWaitStore,
///     others: Channel,
/// }
///
/// impl WaitStore for Shared {
///     fn until(&self, key: WaitKey<'_>) -> Option<DateTime<Utc>> {
///         self.known.until(key)
///     }
///
///     fn note(&self, key: WaitKey<'_>, now: DateTime<Utc>, until: DateTime<Utc>) {
///         self.known.note(key, now, until);
///         self.others.publish(key, until);
///     }
/// }
/// ```
pub trait WaitStore: Debug + Send + Sync + 'static {
    /// Until when nothing is to be sent for that one. Asked before every request, so it answers from memory.
    fn until(&self, key: WaitKey<'_>) -> Option<DateTime<Utc>>;

    /// An answer has just asked for that. Of two times the later one counts.
    fn note(&self, key: WaitKey<'_>, now: DateTime<Utc>, until: DateTime<Utc>);
}

/// Who is to wait: who calls, as a server counts calls. `Debug` shows no account, which may be an e-mail address.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitKey<'a> {
    /// An account at its provider's API, whatever grant opens it.
    Account(&'a ProviderKind, &'a AccountId),
    /// A grant at its provider's API, where nobody knows the account.
    Grant(&'a ConnectionKey),
    /// A grant at the server that gives tokens.
    Refresh(&'a ConnectionKey),
}

impl<'a> WaitKey<'a> {
    /// Who calls an API with that token of a grant: the account that it opens, else the one that is meant, else the grant.
    pub(super) fn with(to: &'a Access, token: &'a AccessToken) -> Self {
        match token.account().or(to.account.as_ref()) {
            Some(account) => Self::Account(&to.connection.provider, account),
            None => Self::Grant(&to.connection),
        }
    }
}

impl fmt::Debug for WaitKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(provider, _) => write!(f, "Account({provider}, ..)"),
            Self::Grant(key) => write!(f, "Grant({key})"),
            Self::Refresh(key) => write!(f, "Refresh({key})"),
        }
    }
}

/// A [`WaitStore`] in this process. Clones share it.
#[derive(Clone, Default)]
pub struct MemoryWaitStore(Arc<Mutex<HashMap<Owned, DateTime<Utc>>>>);

/// A key, kept.
#[derive(PartialEq, Eq, Hash)]
enum Owned {
    Account(ProviderKind, AccountId),
    Grant(ConnectionKey),
    Refresh(ConnectionKey),
}

impl MemoryWaitStore {
    /// One in which nobody waits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl WaitStore for MemoryWaitStore {
    fn until(&self, key: WaitKey<'_>) -> Option<DateTime<Utc>> {
        let waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Most of the time nobody has asked.
        if waits.is_empty() { None } else { waits.get(&Owned::of(key)).copied() }
    }

    fn note(&self, key: WaitKey<'_>, now: DateTime<Utc>, until: DateTime<Utc>) {
        let mut waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waits.retain(|_, until| now < *until);
        let known = waits.entry(Owned::of(key)).or_insert(until);
        *known = until.max(*known);
    }
}

impl Owned {
    fn of(key: WaitKey<'_>) -> Self {
        match key {
            WaitKey::Account(provider, account) => Self::Account(provider.clone(), account.clone()),
            WaitKey::Grant(key) => Self::Grant(key.clone()),
            WaitKey::Refresh(key) => Self::Refresh(key.clone()),
        }
    }
}

/// Nobody's account.
impl Debug for MemoryWaitStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryWaitStore(..)")
    }
}

/// How long that one has to wait still.
pub(super) fn left(waits: &dyn WaitStore, key: WaitKey<'_>, now: DateTime<Utc>) -> Option<Duration> {
    // A clock that was set back does not make it longer.
    let left = (waits.until(key)? - now).to_std().ok()?.min(LONGEST_RETRY_AFTER);
    (!left.is_zero()).then_some(left)
}

/// The server asked for that.
pub(super) fn note(waits: &dyn WaitStore, key: WaitKey<'_>, now: DateTime<Utc>, wait: Duration) {
    let wait = TimeDelta::from_std(wait.min(LONGEST_RETRY_AFTER)).unwrap_or_default();
    if let Some(until) = now.checked_add_signed(wait).filter(|until| now < *until) {
        waits.note(key, now, until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Account, Tokens};
    use crate::calendar::{CalendarRef, Person};
    use crate::names::CalendarId;

    fn token(account: Option<&str>) -> AccessToken {
        let tokens = Tokens::new(crate::Secret::new("at"));
        AccessToken::of(&tokens.with_account(account.map(Account::new)))
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn whoever_is_asked_waits_as_long_and_nobody_else() {
        let keys =
            [1, 2, 3].map(|connection| ConnectionKey::new(Person::Guest, ProviderKind::GOOGLE, connection));
        let to = keys.clone().map(Access::from);
        let (waits, unnamed) = (MemoryWaitStore::new(), token(None));
        let wait = |key: usize, now| left(&waits, WaitKey::with(&to[key], &unnamed), at(now));
        note(&waits, WaitKey::with(&to[0], &unnamed), at(0), Duration::from_secs(30));
        note(&waits, WaitKey::with(&to[0], &unnamed), at(1), Duration::from_secs(5));
        assert_eq!(wait(0, 10), Some(Duration::from_secs(20)));
        assert_eq!((wait(0, 30), wait(1, 10)), (None, None));
        assert_eq!(left(&waits, WaitKey::Refresh(&keys[0]), at(10)), None, "another server");
        for forever in [Duration::MAX, Duration::from_secs(10 * 365 * 86_400)] {
            note(&waits, WaitKey::with(&to[2], &unnamed), at(100), forever);
            assert_eq!(wait(2, 100), Some(Duration::from_secs(86_400)));
            assert_eq!(wait(2, -1_000_000), Some(Duration::from_secs(86_400)));
        }
        assert_eq!(waits.0.lock().unwrap().len(), 1, "what is over is forgotten");
    }

    #[test]
    fn two_grants_of_one_account_are_one_line_and_still_two_keys() {
        let grant = |connection: i64, account: &str| {
            let calendar = CalendarId::primary();
            let place = CalendarRef::new(Person::Guest, ProviderKind::OUTLOOK, connection.into(), calendar);
            Access::of(&place.with_account(Some(account.into())))
        };
        let unnamed = token(None);
        let key = |access: &Access, token: &AccessToken| Owned::of(WaitKey::with(access, token));
        assert!(key(&grant(1, "a"), &unnamed) == key(&grant(2, "a"), &unnamed));
        assert!(key(&grant(1, "a"), &unnamed) != key(&grant(1, "b"), &unnamed));
        assert!(
            key(&grant(1, "b"), &token(Some("a"))) == key(&grant(2, "a"), &unnamed),
            "the token knows best"
        );
        assert!(grant(1, "a") != grant(2, "a") && grant(1, "a").connection == grant(1, "b").connection);
        let (anna, unnamed) = (grant(1, "anna@example.org"), token(None));
        assert!(!format!("{:?}", WaitKey::with(&anna, &unnamed)).contains("anna"));
    }
}
