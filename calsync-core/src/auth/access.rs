//! Access tokens that are valid now, one refresh at a time.

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
use crate::http::LONGEST_RETRY_AFTER;
use crate::names::AccountId;
use crate::secret::Secret;

/// An access token, to be sent now and kept nowhere. Clones are cheap.
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

    /// Lets it out, to send it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.secret.expose()
    }

    /// The account it opens; `None` where that is not known.
    #[must_use]
    pub fn account(&self) -> Option<&AccountId> {
        self.0.account.as_ref()
    }
}

/// Hands out access tokens. Clones are handles to the same one; every worker of a process should share it.
///
/// - A token is renewed before it runs out, and when it was refused, by **one refresh at a time per grant**: who else asks
///   meanwhile waits for that one. Several processes over one store need its leases for that ([`TokenStore::lease`]).
/// - A refresh runs in a task of its own on tokio's runtime. A caller that goes away loses nothing.
/// - The store is read again before a refresh: another process may have been faster. New tokens are saved **before** anybody gets them.
///   Where they cannot be saved they are kept, and saving them is what the next caller begins with.
/// - A grant found dead stays so for an hour, without asking the server again, unless other tokens are stored. A refusal after
///   that is confirmed ([`AuthError::Reconnect`]).
/// - Tokens stay with their account: neither a refresh nor a connect puts another account's in their place unasked.
///
/// Dropping any of its futures is safe.
#[derive(Clone)]
pub struct AccessTokens {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) grant: Arc<dyn Grant>,
    pub(super) store: Arc<dyn TokenStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) sleep: Arc<dyn Sleep>,
    trust: TimeDelta,
    pub(super) health: Arc<dyn AccountHealthStore>,
    connections: Arc<Mutex<Connections>>,
}

/// What is remembered, by grant.
struct Connections {
    by_key: HashMap<ConnectionKey, Connection>,
    sweep_at: usize,
}

/// What is remembered of a grant.
#[derive(Default)]
pub(super) struct Connection {
    /// The token that is known to be saved, until when it is to be used, and when it was last seen in the store.
    pub(super) known: Option<(Known, DateTime<Utc>)>,
    /// The refresh that is under way.
    pub(super) task: Option<Arc<RefreshTask>>,
    /// New tokens that could not be saved yet, and what they take the place of.
    pub(super) unsaved: Option<(Tokens, Option<TokenVersion>)>,
    /// The stored tokens that the server refused.
    pub(super) refused: Option<Refused>,
    /// Rises when the host connects or disconnects: what was read before is then out of date.
    pub(super) epoch: u64,
    used_at: DateTime<Utc>,
}

/// Stored tokens that the server refused.
#[derive(Clone)]
pub(super) struct Refused {
    pub(super) version: TokenVersion,
    pub(super) error: AuthError,
    /// When the server said so last, and for the first time.
    pub(super) at: DateTime<Utc>,
    pub(super) first_at: DateTime<Utc>,
}

/// A saved access token and until when it is to be used.
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

/// What there is for a caller.
enum Found {
    Token(AccessToken),
    /// A refresh to wait for, and whether it was begun for this caller.
    Task(Arc<RefreshTask>, bool),
}

impl AccessTokens {
    /// How long a grant that is not asked for is remembered, and one that was refused.
    const IDLE: TimeDelta = TimeDelta::minutes(10);
    const REFUSED_IDLE: TimeDelta = TimeDelta::days(1);
    /// Below this many grants none is forgotten.
    const FEW: usize = 64;

    /// Tokens got by `grant` and kept in `store`.
    #[must_use]
    pub fn new(
        grant: Arc<dyn Grant>,
        store: Arc<dyn TokenStore>,
        clock: Arc<dyn Clock>,
        sleep: Arc<dyn Sleep>,
    ) -> Self {
        let connections = Connections { by_key: HashMap::new(), sweep_at: Self::FEW };
        let trust = TimeDelta::minutes(1);
        let connections = Arc::new(Mutex::new(connections));
        Self {
            inner: Arc::new(Inner {
                grant,
                store,
                clock,
                sleep,
                trust,
                health: Arc::new(MemoryAccountHealthStore::new()),
                connections,
            }),
        }
    }

    /// How long a token is used before the store is read again, where the person may have connected another account
    /// through another process meanwhile. 1 minute unless given.
    #[must_use]
    pub fn with_trust(self, trust: Duration) -> Self {
        self.changed(|inner| inner.trust = TimeDelta::from_std(trust).unwrap_or(TimeDelta::MAX))
    }

    /// Where it is kept who has asked to be left alone. In memory unless given.
    #[must_use]
    pub fn with_health_store(self, health: Arc<dyn AccountHealthStore>) -> Self {
        self.changed(|inner| inner.health = health)
    }

    fn changed(self, change: impl FnOnce(&mut Inner)) -> Self {
        let Inner { grant, store, clock, sleep, trust, health, connections } = &*self.inner;
        let mut inner = Inner {
            grant: grant.clone(),
            store: store.clone(),
            clock: clock.clone(),
            sleep: sleep.clone(),
            trust: *trust,
            health: health.clone(),
            connections: connections.clone(),
        };
        change(&mut inner);
        Self { inner: Arc::new(inner) }
    }

    /// An access token that is valid now, as far as anybody but the server knows.
    ///
    /// # Errors
    /// See [`AuthError`].
    pub async fn token(&self, key: &ConnectionKey) -> Result<AccessToken, AuthError> {
        match self.find(key, None)? {
            Found::Token(token) => Ok(token),
            // Boxed, since it is rare: every call's future would have room for it.
            Found::Task(task, _) => Box::pin(task.outcome()).await,
        }
    }

    /// Another token than the one the server refused: a newer one where there is one, a new one where there is none.
    ///
    /// # Errors
    /// See [`AuthError`].
    pub async fn renew(&self, key: &ConnectionKey, rejected: &AccessToken) -> Result<AccessToken, AuthError> {
        loop {
            match self.find(key, Some(rejected))? {
                Found::Token(token) => return Ok(token),
                Found::Task(task, is_own) => {
                    let token = task.outcome().await?;
                    // A refresh begun for somebody else may have found the refused one good enough.
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

    /// How long a server has asked to wait still.
    pub(super) fn waits(&self, key: &HealthKey) -> Option<Duration> {
        self.inner.waits(key)
    }

    /// A server has asked to wait so long.
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
            let has_run_out = known.expires_at.is_some_and(|expires_at| expires_at <= now);
            // A clock that was set back makes nothing trustworthy.
            let is_trusted = (TimeDelta::zero()..inner.trust).contains(&(now - *seen_at));
            if !is_refused && !has_run_out && is_trusted {
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
        let wait = TimeDelta::from_std(wait.min(LONGEST_RETRY_AFTER)).unwrap_or_default();
        if let Some(until) = now.checked_add_signed(wait).filter(|until| now < *until) {
            self.health.apply(key, &HealthEvent::AskedToWait(until), now);
        }
    }

    /// The person has connected: what failed through the connection before is over.
    pub(super) fn is_connected(&self, key: &ConnectionKey) {
        for key in [HealthKey::Connection(key.clone()), HealthKey::TokenEndpoint(key.clone())] {
            self.health.apply(&key, &HealthEvent::Connected, self.clock.now());
        }
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is remembered of a grant.
    pub(super) fn with<T>(&self, key: &ConnectionKey, ask: impl FnOnce(&mut Connection) -> T) -> T {
        let now = self.clock.now();
        ask(self.connections().of(key, now))
    }

    /// Keeps the outcome of a refresh, unless the host connected or disconnected meanwhile.
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

    /// Forgets what was read of a grant; a refresh that is under way finds out when it saves.
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
            self.sweep_at = AccessTokens::FEW.max(2 * self.by_key.len());
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
