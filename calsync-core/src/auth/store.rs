//! The token store.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::{Lease, LeaseId, Tokens};
use crate::calendar::{ConnectionKey, Person};
use crate::model::Profile;

/// Stores tokens. Implemented by the host.
///
/// # The contract
///
/// - **Compare and save.** Every save gives the row a new version, and names the version it
///   replaces, so that two workers that refresh at once do not overwrite each other. In SQL:
///   `update ... set version = version + 1 where id = $1 and version = $2`; if no row changed,
///   return [`Saved::Conflict`].
/// - **Saves are durable.** After `Ok` a crash must not lose the tokens: the provider may have
///   invalidated the old refresh token.
/// - **A row that exists but cannot be opened** is reported as [`StoreError::unreadable`], and
///   nothing else is. Such a row counts as "not connected", and a new connect or a disconnect
///   removes it. A database that does not respond is [`StoreError::new`].
/// - Every call ends.
///
/// Where several processes use one store, it should implement [`lease`](Self::lease): some servers
/// revoke a grant whose refresh token is used twice (RFC 9700 section 4.14.2).
///
/// Tokens should be stored encrypted: see `Vault` (feature `vault`), which has an example of a
/// complete store.
#[async_trait]
pub trait TokenStore: Debug + Send + Sync + 'static {
    /// Returns the tokens of a grant; `None` if none are stored.
    ///
    /// # Errors
    /// [`StoreError::unreadable`], if the row exists but cannot be opened. [`StoreError::new`], if
    /// the store failed.
    async fn load(&self, key: &ConnectionKey) -> Result<Option<StoredTokens>, StoreError>;

    /// Saves tokens if the stored version is `replaces`; `None` means that nothing is stored yet.
    ///
    /// # Errors
    /// [`StoreError::new`], if the tokens were not saved, or the outcome is not known.
    async fn save(
        &self,
        key: &ConnectionKey,
        tokens: &Tokens,
        replaces: Option<TokenVersion>,
    ) -> Result<Saved, StoreError>;

    /// Removes a grant's tokens, also a row that cannot be opened. Success if nothing is stored.
    ///
    /// # Errors
    /// [`StoreError::new`], if the row was not removed, or the outcome is not known.
    async fn remove(&self, key: &ConnectionKey) -> Result<(), StoreError>;

    /// Asks for the exclusive right to refresh a grant, for `ttl`. Returns at once: after
    /// [`Lease::Busy`] calsync asks again.
    ///
    /// In SQL: a row per grant with a lease id and an expiry, inserted, or updated if its expiry
    /// has passed. Default: [`Lease::NotOffered`]. No leases are needed with a single process, with
    /// a server that does not rotate refresh tokens (Google), or with one that tolerates reuse
    /// (Microsoft).
    ///
    /// # Errors
    /// [`StoreError::new`], if the store failed.
    async fn lease(&self, _key: &ConnectionKey, _ttl: Duration) -> Result<Lease, StoreError> {
        Ok(Lease::NotOffered)
    }

    /// Releases a lease. If it has expired or another process has the lease now, does nothing and
    /// succeeds. Default: does nothing.
    ///
    /// # Errors
    /// [`StoreError::new`], if the lease was not released; it then expires.
    async fn release(&self, _key: &ConnectionKey, _lease: &LeaseId) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The version of a row, changed by every save. A row should never get the same version twice, not
/// even after it was removed and inserted again, as far as the store can guarantee that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenVersion(pub u64);

/// Stored tokens with their version.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StoredTokens {
    /// The tokens of the latest save.
    pub tokens: Tokens,
    /// The version of the row.
    pub version: TokenVersion,
}

impl StoredTokens {
    /// Stored tokens of that version.
    #[must_use]
    pub fn new(tokens: Tokens, version: TokenVersion) -> Self {
        Self { tokens, version }
    }
}

/// How a save ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Saved {
    /// The tokens were saved, with this version.
    As(TokenVersion),
    /// The row has another version than the one to be replaced, or does not exist. Nothing was
    /// changed.
    Conflict,
}

/// A failure of the store, or a row that cannot be opened. The source is the host's error, and must
/// not contain a token.
#[derive(Clone)]
pub struct StoreError {
    source: Arc<dyn StdError + Send + Sync>,
    is_unreadable: bool,
}

impl StoreError {
    /// A failure of the store, with its cause.
    #[must_use]
    pub fn new(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: Arc::from(source.into()), is_unreadable: false }
    }

    /// A row that exists but cannot be opened: its key is lost, or it was sealed for another row. A
    /// retry does not help.
    #[must_use]
    pub fn unreadable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { is_unreadable: true, ..Self::new(source) }
    }

    /// Whether this is [`StoreError::unreadable`].
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.is_unreadable
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(if self.is_unreadable {
            "the stored tokens cannot be opened"
        } else {
            "the token store failed"
        })
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.is_unreadable { "StoreError::unreadable" } else { "StoreError" };
        f.debug_tuple(name).field(&self.source).finish()
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}

/// Stores tokens in memory, for tests and for short-lived processes. Clones are handles to the same
/// store.
#[derive(Clone, Default)]
pub struct MemoryTokenStore(Arc<Mutex<Rows>>);

#[derive(Default)]
struct Rows {
    rows: HashMap<ConnectionKey, StoredTokens>,
    versions: u64,
}

impl MemoryTokenStore {
    /// Creates an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the tokens of every connection of these profiles that has any, from the guide's
    /// columns.
    #[must_use]
    pub fn with_profiles(self, profiles: &[Profile]) -> Self {
        for profile in profiles {
            for connection in &profile.connections {
                if let Some(tokens) = Tokens::of(&connection.credentials) {
                    let person = Person::Profile(profile.id.clone());
                    let key = ConnectionKey::new(person, connection.provider.clone(), connection.id.clone());
                    self.rows().put(key, tokens);
                }
            }
        }
        self
    }

    /// All stored tokens, sorted by key, for a host that writes them out itself.
    #[must_use]
    pub fn all(&self) -> Vec<(ConnectionKey, StoredTokens)> {
        let mut all: Vec<_> =
            self.rows().rows.iter().map(|(key, stored)| (key.clone(), stored.clone())).collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn put(&mut self, key: ConnectionKey, tokens: Tokens) -> TokenVersion {
        self.versions += 1;
        let version = TokenVersion(self.versions);
        self.rows.insert(key, StoredTokens::new(tokens, version));
        version
    }
}

impl fmt::Debug for MemoryTokenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTokenStore").field("grants", &self.rows().rows.len()).finish()
    }
}

#[async_trait]
impl TokenStore for MemoryTokenStore {
    async fn load(&self, key: &ConnectionKey) -> Result<Option<StoredTokens>, StoreError> {
        Ok(self.rows().rows.get(key).cloned())
    }

    async fn save(
        &self,
        key: &ConnectionKey,
        tokens: &Tokens,
        replaces: Option<TokenVersion>,
    ) -> Result<Saved, StoreError> {
        let mut rows = self.rows();
        if rows.rows.get(key).map(|stored| stored.version) != replaces {
            return Ok(Saved::Conflict);
        }
        Ok(Saved::As(rows.put(key.clone(), tokens.clone())))
    }

    async fn remove(&self, key: &ConnectionKey) -> Result<(), StoreError> {
        self.rows().rows.remove(key);
        Ok(())
    }
}

#[async_trait]
impl<T: TokenStore + ?Sized> TokenStore for Arc<T> {
    async fn load(&self, key: &ConnectionKey) -> Result<Option<StoredTokens>, StoreError> {
        (**self).load(key).await
    }

    async fn save(
        &self,
        key: &ConnectionKey,
        tokens: &Tokens,
        replaces: Option<TokenVersion>,
    ) -> Result<Saved, StoreError> {
        (**self).save(key, tokens, replaces).await
    }

    async fn remove(&self, key: &ConnectionKey) -> Result<(), StoreError> {
        (**self).remove(key).await
    }

    async fn lease(&self, key: &ConnectionKey, ttl: Duration) -> Result<Lease, StoreError> {
        (**self).lease(key, ttl).await
    }

    async fn release(&self, key: &ConnectionKey, lease: &LeaseId) -> Result<(), StoreError> {
        (**self).release(key, lease).await
    }
}
