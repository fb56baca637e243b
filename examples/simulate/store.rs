//! What the host's processes go by: a clock that may be wrong, and rows of tokens of which some
//! cannot be opened.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use calsync_core::auth::{
    MemoryTokenStore, Saved, StoreError, StoredTokens, TokenStore, TokenVersion, Tokens,
};
use calsync_core::calendar::ConnectionKey;
use calsync_core::clock::Clock;
use calsync_core::testing::TestClock;
use chrono::{DateTime, TimeDelta, Utc};

/// The clock of the host's processes. Clones are the same one.
#[derive(Debug, Clone)]
pub struct HostClock {
    world: TestClock,
    ahead: Arc<Mutex<TimeDelta>>,
}

impl HostClock {
    /// One that is right.
    pub fn new(world: &TestClock) -> Self {
        Self { world: world.clone(), ahead: Arc::default() }
    }

    /// It is so far ahead of the world's from now on. Returns how far it was.
    pub fn is_ahead(&self, by: TimeDelta) -> TimeDelta {
        std::mem::replace(&mut self.ahead.lock().unwrap_or_else(PoisonError::into_inner), by)
    }

    /// How far it is ahead.
    pub fn ahead(&self) -> TimeDelta {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for HostClock {
    fn now(&self) -> DateTime<Utc> {
        self.world.now() + self.ahead()
    }
}

/// The host's tokens, one row for each connection. Clones are the same rows.
#[derive(Debug, Clone, Default)]
pub struct TokenRows {
    rows: MemoryTokenStore,
    unreadable: Arc<Mutex<BTreeSet<ConnectionKey>>>,
}

impl TokenRows {
    /// All rows, as they were saved.
    pub fn all(&self) -> Vec<(ConnectionKey, StoredTokens)> {
        self.rows.all()
    }

    /// A row cannot be opened any more.
    pub fn spoil(&self, key: ConnectionKey) {
        self.unreadable().insert(key);
    }

    /// Whether a row cannot be opened.
    pub fn is_unreadable(&self, key: &ConnectionKey) -> bool {
        self.unreadable().contains(key)
    }

    fn unreadable(&self) -> MutexGuard<'_, BTreeSet<ConnectionKey>> {
        self.unreadable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TokenStore for TokenRows {
    async fn load(&self, key: &ConnectionKey) -> Result<Option<StoredTokens>, StoreError> {
        if self.is_unreadable(key) {
            return Err(StoreError::unreadable("sealed with a key that is lost"));
        }
        self.rows.load(key).await
    }

    async fn save(
        &self,
        key: &ConnectionKey,
        tokens: &Tokens,
        replaces: Option<TokenVersion>,
    ) -> Result<Saved, StoreError> {
        let saved = self.rows.save(key, tokens, replaces).await?;
        if let Saved::As(_) = saved {
            self.unreadable().remove(key);
        }
        Ok(saved)
    }

    async fn remove(&self, key: &ConnectionKey) -> Result<(), StoreError> {
        self.unreadable().remove(key);
        self.rows.remove(key).await
    }
}
