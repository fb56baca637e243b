//! Where tokens are kept.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::{Lease, LeaseId, Tokens};
use crate::calendar::{ConnectionKey, Person};
use crate::model::Profile;

/// Where the host keeps tokens.
///
/// # The contract
///
/// - **Compare and save.** Every save gives a row another version, and a save names the version it takes the place of: two
///   workers that refreshed at once must not write over each other. In SQL: `update ... set version = version + 1 where id = $1
///   and version = $2`, and no row changed means [`Saved::Conflict`].
/// - **Saved means saved.** After `Ok` a crash must not lose it: a provider may have given the old refresh token up.
/// - **A row that is there and cannot be opened** is [`StoreError::unreadable`], and nothing else is: it counts as "not connected", and
///   a new connect or a disconnect removes it. A database that does not answer is [`StoreError::new`].
/// - Every call ends.
///
/// Several processes over one store should implement [`lease`](Self::lease): some servers end a grant whose refresh token is used
/// twice (RFC 9700 section 4.14.2).
///
/// Tokens should not be stored in the clear: see `Vault` (feature `vault`), which has an example of a whole store.
#[async_trait]
pub trait TokenStore: Debug + Send + Sync + 'static {
    /// The tokens of a grant. `None` where there are none.
    ///
    /// # Errors
    /// [`StoreError::unreadable`] for a row that cannot be opened; when it cannot be told.
    async fn load(&self, key: &ConnectionKey) -> Result<Option<StoredTokens>, StoreError>;

    /// Saves tokens in the place of the version named; `None` where nothing is stored yet.
    ///
    /// # Errors
    /// When they were not saved, or nobody knows.
    async fn save(
        &self,
        key: &ConnectionKey,
        tokens: &Tokens,
        replaces: Option<TokenVersion>,
    ) -> Result<Saved, StoreError>;

    /// Forgets a grant, also one that cannot be opened. One that is not there is success.
    ///
    /// # Errors
    /// When it was not forgotten, or nobody knows.
    async fn remove(&self, key: &ConnectionKey) -> Result<(), StoreError>;

    /// Asks for the sole right to refresh a grant, for `ttl`. Answers at once: one that is busy is asked for again.
    ///
    /// In SQL: a row of the grant with a name and an end, inserted, or updated where its end is past. Unless implemented there are no
    /// leases, which is enough for one process, and for servers that do not rotate refresh tokens (Google) or forgive (Microsoft).
    ///
    /// # Errors
    /// When it cannot be told.
    async fn lease(&self, _key: &ConnectionKey, _ttl: Duration) -> Result<Lease, StoreError> {
        Ok(Lease::NotOffered)
    }

    /// Gives a lease back. One that has run out, or that another process has by now, is left as it is, and is success.
    ///
    /// # Errors
    /// When it was not given back; it then runs out.
    async fn release(&self, _key: &ConnectionKey, _lease: &LeaseId) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Which save of a row this is. Never given twice to one row, not even after it was removed and came back, as far as the store
/// can see to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenVersion(pub u64);

/// Tokens as they are stored.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StoredTokens {
    /// The tokens.
    pub tokens: Tokens,
    /// Which save they are of.
    pub version: TokenVersion,
}

impl StoredTokens {
    /// Tokens and the save they are of.
    #[must_use]
    pub fn new(tokens: Tokens, version: TokenVersion) -> Self {
        Self { tokens, version }
    }
}

/// How a save ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Saved {
    /// Saved, as this version.
    As(TokenVersion),
    /// Something else stands there than what was to be replaced, or nothing. Nothing was changed.
    Conflict,
}

/// A store that failed, or a row of it that cannot be opened. The error underneath is the host's, and must hold no token.
#[derive(Clone)]
pub struct StoreError {
    source: Arc<dyn StdError + Send + Sync>,
    is_unreadable: bool,
}

impl StoreError {
    /// A failure, with the error underneath.
    #[must_use]
    pub fn new(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: Arc::from(source.into()), is_unreadable: false }
    }

    /// A row that is there and cannot be opened: its key is lost, or it was sealed for another row. Trying again does not help.
    #[must_use]
    pub fn unreadable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { is_unreadable: true, ..Self::new(source) }
    }

    /// Whether the row is there and cannot be opened.
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

/// Keeps tokens in memory, for tests and for processes that end soon. Clones are handles to the same store.
#[derive(Clone, Default)]
pub struct MemoryTokenStore(Arc<Mutex<Rows>>);

#[derive(Default)]
struct Rows {
    rows: HashMap<ConnectionKey, StoredTokens>,
    versions: u64,
}

impl MemoryTokenStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same store with the tokens of every connection of these profiles that has any: the guide's columns.
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

    /// All that is stored, in order, for a host that writes it out itself.
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
