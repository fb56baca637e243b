//! Access tokens that are valid now, one refresh at a time.

use std::collections::HashMap;
use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tracing::Instrument as _;

use super::error::Unavailable;
use super::{
    AuthError, MemoryWaitStore, Saved, ServerCode, StoreError, TokenStore, TokenVersion, Tokens, WaitStore,
    flight,
};
use crate::calendar::ConnectionKey;
use crate::clock::{Clock, Sleep};
use crate::secret::Secret;

/// How a new access token is got: by a refresh token (`OAuthClient`, feature `oauth`), or another way that needs nobody's
/// consent, such as a service account.
#[async_trait]
pub trait Grant: Debug + Send + Sync + 'static {
    /// New tokens in the place of `current`, the ones stored. What is returned replaces them whole.
    ///
    /// One attempt, which ends by itself: it runs in a task of its own, and nobody cancels it.
    ///
    /// # Errors
    /// [`AuthError::NotConnected`] when it needs stored ones; [`AuthError::Reconnect`] when these will never do again, which is then
    /// remembered and not asked again until others are stored.
    async fn obtain(&self, key: &ConnectionKey, current: Option<&Tokens>) -> Result<Tokens, AuthError>;

    /// Gives the grant back. Does nothing unless implemented.
    ///
    /// # Errors
    /// When it may not have been given back.
    async fn revoke(&self, _key: &ConnectionKey, _tokens: &Tokens) -> Result<(), AuthError> {
        Ok(())
    }
}

/// An access token, to be sent now and kept nowhere. Clones are cheap.
#[derive(Debug, Clone)]
pub struct AccessToken(Arc<Secret>);

impl AccessToken {
    pub(super) fn new(secret: Secret) -> Self {
        Self(Arc::new(secret))
    }

    /// Lets it out, to send it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Hands out access tokens. Clones are handles to the same one; every worker of a process should share it.
///
/// - A token is renewed before it runs out, and when it was refused, by **one refresh at a time per grant**: whoever else asks
///   meanwhile waits for that one.
/// - A refresh runs in a task of its own on tokio's runtime. A caller that goes away loses nothing.
/// - The store is read again before a refresh: another process may have been faster. New tokens are saved **before** anybody gets them.
///   Where they cannot be saved they are kept, and saving them is what the next caller begins with.
/// - A grant found dead stays so, without asking the server again, until other tokens are stored.
///
/// Dropping any of its futures is safe.
#[derive(Clone)]
pub struct AccessTokens {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) grant: Arc<dyn Grant>,
    pub(super) store: Arc<dyn TokenStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) sleep: Arc<dyn Sleep>,
    trust: TimeDelta,
    pub(super) waits: Arc<dyn WaitStore>,
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
    known: Option<(Known, DateTime<Utc>)>,
    /// The refresh that is under way.
    flight: Option<Arc<Flight>>,
    /// New tokens that could not be saved yet, and what they take the place of.
    pub(super) unsaved: Option<(Tokens, Option<TokenVersion>)>,
    /// The stored tokens that will never do again.
    pub(super) dead: Option<(TokenVersion, AuthError)>,
    /// Rises when the host connects or disconnects: what was read before is then out of date.
    epoch: u64,
    used_at: DateTime<Utc>,
}

/// A saved access token and until when it is to be used.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) token: AccessToken,
    pub(super) expires_at: Option<DateTime<Utc>>,
}

impl Known {
    pub(super) fn of(tokens: &Tokens) -> Self {
        Self { token: AccessToken::new(tokens.access_token.clone()), expires_at: tokens.expires_at }
    }
}

type Outcome = Result<AccessToken, AuthError>;

/// A refresh, and its outcome once it has one. Whoever waits for it is told in the order they came, so that tests repeat exactly.
#[derive(Default)]
struct Flight {
    outcome: Mutex<Option<Outcome>>,
    landed: Notify,
}

/// The task of a refresh. One that ends without an outcome was broken off, with its runtime.
struct Pilot(Arc<Flight>);

/// What there is for a caller.
enum Found {
    Token(AccessToken),
    /// A refresh to wait for, and whether it was begun for this caller.
    Flight(Arc<Flight>, bool),
}

impl AccessTokens {
    /// How long a grant nobody asks for is remembered.
    const IDLE: TimeDelta = TimeDelta::minutes(10);
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
                waits: Arc::new(MemoryWaitStore::new()),
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
    pub fn with_wait_store(self, waits: Arc<dyn WaitStore>) -> Self {
        self.changed(|inner| inner.waits = waits)
    }

    fn changed(self, change: impl FnOnce(&mut Inner)) -> Self {
        let Inner { grant, store, clock, sleep, trust, waits, connections } = &*self.inner;
        let mut inner = Inner {
            grant: grant.clone(),
            store: store.clone(),
            clock: clock.clone(),
            sleep: sleep.clone(),
            trust: *trust,
            waits: waits.clone(),
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
            Found::Flight(flight, _) => Box::pin(wait(flight)).await,
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
                Found::Flight(flight, is_own) => {
                    let token = wait(flight).await?;
                    // A refresh begun for somebody else may have found the refused one good enough.
                    if is_own || token.expose() != rejected.expose() {
                        return Ok(token);
                    }
                }
            }
        }
    }

    /// Saves what a connect gave, whatever was stored before.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub async fn connected(&self, key: &ConnectionKey, tokens: &Tokens) -> Result<(), AuthError> {
        for _ in 0..flight::ROUNDS {
            let replaces = self.inner.store.load(key).await?.map(|stored| stored.version);
            if let Saved::As(_) = self.inner.store.save(key, tokens, replaces).await? {
                self.inner.forget(key);
                return Ok(());
            }
        }
        Err(AuthError::Store(StoreError::new("something else was saved each time")))
    }

    /// Gives a grant back to the server and forgets its tokens. One that is not there is success. After an error it can be
    /// repeated.
    ///
    /// # Errors
    /// See [`AuthError`].
    pub async fn disconnect(&self, key: &ConnectionKey) -> Result<(), AuthError> {
        if let Some(stored) = self.inner.store.load(key).await? {
            self.inner.grant.revoke(key, &stored.tokens).await?;
            self.inner.store.remove(key).await?;
        }
        self.inner.forget(key);
        Ok(())
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.inner.clock.now()
    }

    pub(super) fn waits(&self) -> &dyn WaitStore {
        &*self.inner.waits
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
        if let Some(flight) = connection.flight.as_ref().filter(|flight| flight.outcome().is_none()) {
            return Ok(Found::Flight(flight.clone(), false));
        }
        let runtime = Handle::try_current();
        let runtime = runtime.map_err(|_| AuthError::Configuration(ServerCode::new("no_tokio_runtime")))?;
        let flight = Arc::new(Flight::default());
        let pilot = Pilot(flight.clone());
        connection.flight = Some(flight.clone());
        let (inner, key, rejected, epoch) = (inner.clone(), key.clone(), rejected.cloned(), connection.epoch);
        let task = async move {
            let outcome = flight::fly(&inner, &key, rejected.as_ref()).await;
            pilot.0.lands(inner.land(&key, epoch, outcome));
        };
        runtime.spawn(task.in_current_span());
        Ok(Found::Flight(flight, true))
    }
}

/// The outcome of a refresh. A caller that stops waiting stops nothing.
async fn wait(flight: Arc<Flight>) -> Outcome {
    loop {
        let landed = flight.landed.notified();
        if let Some(outcome) = flight.outcome() {
            return outcome;
        }
        landed.await;
    }
}

impl Flight {
    fn outcome(&self) -> Option<Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn lands(&self, outcome: Outcome) {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(outcome);
        self.landed.notify_waiters();
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        self.0.lands(Err(AuthError::Unavailable(Unavailable::new())));
    }
}

impl Inner {
    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is remembered of a grant.
    pub(super) fn with<T>(&self, key: &ConnectionKey, ask: impl FnOnce(&mut Connection) -> T) -> T {
        let now = self.clock.now();
        ask(self.connections().of(key, now))
    }

    fn land(&self, key: &ConnectionKey, epoch: u64, outcome: Result<Known, AuthError>) -> Outcome {
        let now = self.clock.now();
        self.with(key, |connection| {
            connection.flight = None;
            if connection.epoch == epoch {
                connection.known = outcome.as_ref().ok().map(|known| (known.clone(), now));
            }
        });
        outcome.map(|known| known.token)
    }

    /// Forgets what was read of a grant; a refresh that is under way finds out when it saves.
    fn forget(&self, key: &ConnectionKey) {
        self.with(key, |connection| {
            connection.epoch += 1;
            (connection.known, connection.unsaved, connection.dead) = (None, None, None);
        });
    }
}

impl Connections {
    fn of(&mut self, key: &ConnectionKey, now: DateTime<Utc>) -> &mut Connection {
        if self.by_key.len() >= self.sweep_at && !self.by_key.contains_key(key) {
            self.by_key.retain(|_, connection| {
                let is_idle = now - connection.used_at > AccessTokens::IDLE;
                !is_idle || connection.flight.is_some() || connection.unsaved.is_some()
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
