//! Access tokens that are valid now, with one refresh at a time per grant.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::refresh::{self, Outcome, RefreshTask};
use super::{AuthError, Grant, TokenStore, TokenVersion, Tokens};
use crate::calendar::ConnectionKey;
use crate::clock::{Clock, Sleep};
use crate::health::{AccountHealthStore, HealthEvent, HealthKey, MemoryAccountHealthStore};
use crate::http::MAX_RETRY_AFTER;
use crate::names::AccountId;
use crate::secret::Secret;

/// An access token for immediate use; do not store it. Clones are cheap.
#[derive(Debug, Clone)]
pub struct AccessToken(Arc<Bearer>);

#[derive(Debug)]
struct Bearer {
    secret: Secret,
    account: Option<AccountId>,
}

impl AccessToken {
    pub(super) fn of(tokens: &Tokens) -> Self {
        let account = tokens.account.as_ref().map(|account| account.id.clone());
        Self(Arc::new(Bearer { secret: tokens.access_token.clone(), account }))
    }

    /// Returns the token's text, to send it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.secret.expose()
    }

    /// The account the token opens; `None` if it is not known.
    #[must_use]
    pub fn account(&self) -> Option<&AccountId> {
        self.0.account.as_ref()
    }
}

/// Returns access tokens that are valid now, and refreshes them. Clones are handles to the same
/// one; all workers of a process should share it.
///
/// - A token is refreshed before it expires, and when the server has refused it, by **one refresh
///   at a time per grant**: other callers wait for that refresh. Several processes over one store
///   need the store's leases for this ([`TokenStore::lease`]).
/// - A refresh runs in its own task on tokio's runtime, and continues when its caller is dropped.
/// - The store is read again before a refresh, because another process may have refreshed already.
///   New tokens are saved **before** any caller gets them. Tokens that cannot be saved are kept in
///   memory, and the next call saves them first.
/// - A refused grant is remembered for an hour. During that time the server is not asked again,
///   unless other tokens are stored. A refusal after that hour is confirmed
///   ([`AuthError::Reconnect`]).
/// - Tokens stay with their account: neither a refresh nor a connect replaces them by another
///   account's, except [`replace_account`](Self::replace_account).
///
/// Every future may be dropped at any time.
#[derive(Clone)]
pub struct AccessTokens {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) grant: Arc<dyn Grant>,
    pub(super) store: Arc<dyn TokenStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) sleep: Arc<dyn Sleep>,
    cache_ttl: TimeDelta,
    pub(super) health: Arc<dyn AccountHealthStore>,
    connections: Arc<Mutex<Connections>>,
}

/// The state of each grant, in memory.
struct Connections {
    by_key: HashMap<ConnectionKey, Connection>,
    /// The number of grants at which unused ones are removed.
    sweep_at: usize,
}

/// The state of one grant, in memory.
#[derive(Default)]
pub(super) struct Connection {
    /// The saved token with its expiry, and when it was last seen in the store.
    pub(super) known: Option<(Known, DateTime<Utc>)>,
    /// The refresh in progress.
    pub(super) task: Option<Arc<RefreshTask>>,
    /// New tokens that are not saved yet, and the stored version they replace.
    pub(super) unsaved: Option<(Tokens, Option<TokenVersion>)>,
    /// The stored tokens that the server refused.
    pub(super) refused: Option<Refused>,
    /// Increases when the host connects or disconnects: what was read before is then out of date.
    pub(super) epoch: u64,
    used_at: DateTime<Utc>,
}

/// Stored tokens that the server refused.
#[derive(Clone)]
pub(super) struct Refused {
    pub(super) version: TokenVersion,
    pub(super) error: AuthError,
    /// Times of the latest and of the first refusal.
    pub(super) at: DateTime<Utc>,
    pub(super) first_at: DateTime<Utc>,
}

/// A saved access token and its expiry.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) token: AccessToken,
    pub(super) expires_at: Option<DateTime<Utc>>,
}

impl Known {
    pub(super) fn of(tokens: &Tokens) -> Self {
        Self { token: AccessToken::of(tokens), expires_at: tokens.expires_at }
    }
}

/// What a caller gets: a token, or a refresh to wait for.
enum Found {
    Token(AccessToken),
    /// A refresh, and whether this caller started it.
    Task(Arc<RefreshTask>, bool),
}

impl AccessTokens {
    /// How long an unused grant stays in memory, and how long an unused one that was refused.
    const IDLE: TimeDelta = TimeDelta::minutes(10);
    const REFUSED_IDLE: TimeDelta = TimeDelta::days(1);
    /// Unused grants are removed only above this number.
    const SWEEP_THRESHOLD: usize = 64;

    /// Tokens that `grant` obtains and `store` stores.
    #[must_use]
    pub fn new(
        grant: Arc<dyn Grant>,
        store: Arc<dyn TokenStore>,
        clock: Arc<dyn Clock>,
        sleep: Arc<dyn Sleep>,
    ) -> Self {
        let connections = Connections { by_key: HashMap::new(), sweep_at: Self::SWEEP_THRESHOLD };
        let cache_ttl = TimeDelta::minutes(1);
        let connections = Arc::new(Mutex::new(connections));
        Self {
            inner: Arc::new(Inner {
                grant,
                store,
                clock,
                sleep,
                cache_ttl,
                health: Arc::new(MemoryAccountHealthStore::new()),
                connections,
            }),
        }
    }

    /// How long a token is used before the store is read again. The person may have connected
    /// another account through another process meanwhile. Default: 1 minute.
    #[must_use]
    pub fn with_cache_ttl(self, trust: Duration) -> Self {
        self.changed(|inner| inner.cache_ttl = TimeDelta::from_std(trust).unwrap_or(TimeDelta::MAX))
    }

    /// Where the accounts' `Retry-After` deadlines are stored. Default: in memory.
    #[must_use]
    pub fn with_health_store(self, health: Arc<dyn AccountHealthStore>) -> Self {
        self.changed(|inner| inner.health = health)
    }

    fn changed(self, change: impl FnOnce(&mut Inner)) -> Self {
        let Inner { grant, store, clock, sleep, cache_ttl, health, connections } = &*self.inner;
        let mut inner = Inner {
            grant: grant.clone(),
            store: store.clone(),
            clock: clock.clone(),
            sleep: sleep.clone(),
            cache_ttl: *cache_ttl,
            health: health.clone(),
            connections: connections.clone(),
        };
        change(&mut inner);
        Self { inner: Arc::new(inner) }
    }

    /// Returns an access token that has not expired and is not known to be refused.
    ///
    /// # Errors
    /// See [`AuthError`].
    pub async fn token(&self, key: &ConnectionKey) -> Result<AccessToken, AuthError> {
        match self.find(key, None)? {
            Found::Token(token) => Ok(token),
            // Boxed, because it is rare: inline it would enlarge the future of every call.
            Found::Task(task, _) => Box::pin(task.outcome()).await,
        }
    }

    /// Returns another token than `rejected`, which the server refused: a newer one from the
    /// store, or else a refreshed one.
    ///
    /// # Errors
    /// See [`AuthError`].
    pub async fn renew(&self, key: &ConnectionKey, rejected: &AccessToken) -> Result<AccessToken, AuthError> {
        loop {
            match self.find(key, Some(rejected))? {
                Found::Token(token) => return Ok(token),
                Found::Task(task, is_own) => {
                    let token = task.outcome().await?;
                    // A refresh started by another caller may return the token rejected here.
                    if is_own || token.expose() != rejected.expose() {
                        return Ok(token);
                    }
                }
            }
        }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.inner.clock.now()
    }

    /// The time left until calls for `key` are allowed again; `None` if they are allowed now.
    pub(super) fn waits(&self, key: &HealthKey) -> Option<Duration> {
        self.inner.waits(key)
    }

    /// Records that a server has asked to wait for that long.
    pub(super) fn asked_to_wait(&self, key: &HealthKey, wait: Duration) {
        self.inner.asked_to_wait(key, wait);
    }

    fn find(&self, key: &ConnectionKey, rejected: Option<&AccessToken>) -> Result<Found, AuthError> {
        let inner = &self.inner;
        let now = inner.clock.now();
        let mut connections = inner.connections();
        let connection = connections.of(key, now);
        if let Some((known, seen_at)) = &connection.known {
            let is_refused = rejected.is_some_and(|rejected| rejected.expose() == known.token.expose());
            let has_expired = known.expires_at.is_some_and(|expires_at| expires_at <= now);
            // A negative age, of a clock that was set back, is not in the range.
            let is_recent = (TimeDelta::zero()..inner.cache_ttl).contains(&(now - *seen_at));
            if !is_refused && !has_expired && is_recent {
                return Ok(Found::Token(known.token.clone()));
            }
        }
        if let Some(task) = connection.task.as_ref().filter(|task| task.is_under_way()) {
            return Ok(Found::Task(task.clone(), false));
        }
        let task = refresh::begin(inner, key, rejected, connection.epoch)?;
        connection.task = Some(task.clone());
        Ok(Found::Task(task, true))
    }
}

impl Inner {
    pub(super) fn waits(&self, key: &HealthKey) -> Option<Duration> {
        let now = self.clock.now();
        let left = self.health.get(key).waits_until(now)?.signed_duration_since(now);
        left.to_std().ok().filter(|left| !left.is_zero())
    }

    pub(super) fn asked_to_wait(&self, key: &HealthKey, wait: Duration) {
        let now = self.clock.now();
        let wait = TimeDelta::from_std(wait.min(MAX_RETRY_AFTER)).unwrap_or_default();
        if let Some(until) = now.checked_add_signed(wait).filter(|until| now < *until) {
            self.health.apply(key, &HealthEvent::AskedToWait(until), now);
        }
    }

    /// Records that the person has connected, which ends earlier failures of the connection.
    pub(super) fn mark_connected(&self, key: &ConnectionKey) {
        for key in [HealthKey::Connection(key.clone()), HealthKey::TokenEndpoint(key.clone())] {
            self.health.apply(&key, &HealthEvent::Connected, self.clock.now());
        }
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `f` with the state of a grant.
    pub(super) fn with<T>(&self, key: &ConnectionKey, f: impl FnOnce(&mut Connection) -> T) -> T {
        let now = self.clock.now();
        f(self.connections().of(key, now))
    }

    /// Keeps the outcome of a refresh in memory, unless the host connected or disconnected
    /// meanwhile (`epoch` has changed).
    pub(super) fn keep(&self, key: &ConnectionKey, epoch: u64, outcome: Result<Known, AuthError>) -> Outcome {
        let now = self.clock.now();
        self.with(key, |connection| {
            connection.task = None;
            if connection.epoch == epoch {
                connection.known = outcome.as_ref().ok().map(|known| (known.clone(), now));
            }
        });
        outcome.map(|known| known.token)
    }

    /// Forgets the state of a grant. A refresh in progress finds a version conflict when it saves.
    pub(super) fn forget(&self, key: &ConnectionKey) {
        self.with(key, |connection| {
            connection.epoch += 1;
            (connection.known, connection.unsaved, connection.refused) = (None, None, None);
        });
    }
}

impl Connections {
    fn of(&mut self, key: &ConnectionKey, now: DateTime<Utc>) -> &mut Connection {
        if self.by_key.len() >= self.sweep_at && !self.by_key.contains_key(key) {
            self.by_key.retain(|_, connection| {
                let idle = match connection.refused {
                    Some(_) => AccessTokens::REFUSED_IDLE,
                    None => AccessTokens::IDLE,
                };
                let is_idle = now - connection.used_at > idle;
                !is_idle || connection.task.is_some() || connection.unsaved.is_some()
            });
            self.sweep_at = AccessTokens::SWEEP_THRESHOLD.max(2 * self.by_key.len());
        }
        let connection = self.by_key.entry(key.clone()).or_default();
        connection.used_at = now;
        connection
    }
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grants = self.inner.connections().by_key.len();
        f.debug_struct("AccessTokens")
            .field("grant", &self.inner.grant)
            .field("store", &self.inner.store)
            .field("grants", &grants)
            .finish_non_exhaustive()
    }
}
