//! Tokens sealed for storage.

mod key;
mod sealed;

use std::fmt;
use std::sync::Arc;

use chacha20poly1305::aead::{AeadInOut, Generate};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::Serialize;
use zeroize::Zeroizing;

pub use key::VaultKey;

use self::sealed::Sealed;
use super::Tokens;
use super::tokens::{OpenedTokensRow, TokensRow};
use crate::calendar::ConnectionKey;
use crate::identity::{PersonPart, push};
use crate::secret::Secret;

/// Seals tokens for storage, and opens them: [`Vault::seal`]. Clones are handles to the same one.
///
/// Several keys make rotation possible: everything is sealed with the current one, and what an older one sealed still opens, with
/// [`Opened::reseal`] set.
///
/// # The sealed text
///
/// `cs1.<key id>.<base64url, unpadded>`, so that it fits a text column. The bytes are a random nonce of 24, the ciphertext and a
/// tag of 16, by XChaCha20-Poly1305 (`draft-irtf-cfrg-xchacha-03`). The associated data are the seven parts *`cs1`, key id, namespace,
/// provider, person, connection, purpose* in this order, each written as its length in UTF-8 bytes, a colon and the text, as in
/// [the keys of events](crate::identity). The person is `profile:` and the profile's id, or `guest`.
///
/// So a text that is copied to another person's row, connection or column, or to another host's database, does not open.
///
/// What it does not keep out: who can write to the database can put an older sealed text of the same row back, and it opens. A version
/// in the associated data would not help, since its column can be put back with it. Such a row holds tokens of the same grant of the
/// same person: at worst an access token that has run out and a refresh token that the server takes no more, and the person connects
/// again. A host that must notice keeps the highest version of each row elsewhere.
///
/// Test vector, for whoever seals elsewhere: under the key `k1` of the bytes 00, 01 … 1f, for the namespace `my-shop`, google,
/// `profile:10`, connection `default` and the purpose `refresh`, this opens to `1//0a-Refresh` (nonce 40, 41 … 57):
///
/// ```
/// use calsync_core::auth::{Purpose, Vault, VaultKey};
/// use calsync_core::calendar::{ConnectionKey, Person};
/// use calsync_core::{ConnectionId, ProviderKind, Secret};
///
/// // From where the host keeps its secrets; made once by `VaultKey::generate("k1")` and `to_text`.
/// let key = VaultKey::from_text("k1", &Secret::new("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"))?;
/// let vault = Vault::new("my-shop", key);
/// let grant = ConnectionKey::new(Person::Profile(10.into()), ProviderKind::GOOGLE, ConnectionId::text("default").unwrap());
/// let column = "cs1.k1.QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZX5RYqQLHNK3PphuLNx430jgsgJDb7cI7EMbMda0w";
/// let opened = vault.open(column, &grant, Purpose::REFRESH_TOKEN)?;
/// assert_eq!(opened.secret.expose(), "1//0a-Refresh");
/// assert!(!opened.reseal);
///
/// let column = vault.seal(&opened.secret, &grant, Purpose::REFRESH_TOKEN)?;
/// assert!(vault.open(&column, &grant, Purpose::ACCESS_TOKEN).is_err());
/// # Ok::<(), calsync_core::auth::VaultError>(())
/// ```
///
/// # In a token store
///
/// The traits of calsync are implemented with the `async-trait` crate. `Table` stands for the host's database here:
///
/// ```
/// # use std::{collections::HashMap, sync::Mutex};
/// use calsync_core::auth::{Saved, StoreError, StoredTokens, TokenStore, TokenVersion, Tokens, Vault};
/// use calsync_core::calendar::ConnectionKey;
/// # #[derive(Debug, Default)]
/// # struct Table(Mutex<HashMap<ConnectionKey, (u64, String)>>);
/// # impl Table {
/// #     async fn select(&self, key: &ConnectionKey) -> Result<Option<(u64, String)>, std::fmt::Error> {
/// #         Ok(self.0.lock().unwrap().get(key).cloned())
/// #     }
/// #     async fn insert(&self, key: &ConnectionKey, version: u64, sealed: String) -> Result<u64, std::fmt::Error> {
/// #         let mut rows = self.0.lock().unwrap();
/// #         if rows.contains_key(key) { return Ok(0) }
/// #         rows.insert(key.clone(), (version, sealed));
/// #         Ok(1)
/// #     }
/// #     async fn update(&self, key: &ConnectionKey, old: u64, new: u64, sealed: String) -> Result<u64, std::fmt::Error> {
/// #         let mut rows = self.0.lock().unwrap();
/// #         if rows.get(key).map(|row| row.0) != Some(old) { return Ok(0) }
/// #         rows.insert(key.clone(), (new, sealed));
/// #         Ok(1)
/// #     }
/// #     async fn delete(&self, key: &ConnectionKey) -> Result<(), std::fmt::Error> {
/// #         self.0.lock().unwrap().remove(key);
/// #         Ok(())
/// #     }
/// # }
///
/// #[derive(Debug)]
/// struct SealedTokens {
///     vault: Vault,
///     table: Table, // person, provider, connection, version, sealed
/// }
///
/// #[async_trait::async_trait]
/// impl TokenStore for SealedTokens {
///     async fn load(&self, key: &ConnectionKey) -> Result<Option<StoredTokens>, StoreError> {
///         // select version, sealed from tokens where ..
///         let Some((version, sealed)) = self.table.select(key).await.map_err(StoreError::new)? else { return Ok(None) };
///         let opened = self.vault.open_tokens(&sealed, key).map_err(StoreError::unreadable)?;
///         Ok(Some(StoredTokens::new(opened.secret, TokenVersion(version))))
///     }
///
///     async fn save(
///         &self,
///         key: &ConnectionKey,
///         tokens: &Tokens,
///         replaces: Option<TokenVersion>,
///     ) -> Result<Saved, StoreError> {
///         let sealed = self.vault.seal_tokens(tokens, key).map_err(StoreError::new)?;
///         let version = replaces.map_or(0, |replaces| replaces.0) + 1;
///         let rows = match replaces {
///             // insert into tokens .. on conflict do nothing
///             None => self.table.insert(key, version, sealed).await,
///             // update tokens set version = $new, sealed = $sealed where .. and version = $old
///             Some(old) => self.table.update(key, old.0, version, sealed).await,
///         };
///         let is_saved = rows.map_err(StoreError::new)? == 1;
///         Ok(if is_saved { Saved::As(TokenVersion(version)) } else { Saved::Conflict })
///     }
///
///     async fn remove(&self, key: &ConnectionKey) -> Result<(), StoreError> {
///         self.table.delete(key).await.map_err(StoreError::new)
///     }
/// }
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// # let vault = Vault::new("my-shop", calsync_core::auth::VaultKey::generate("k1")?);
/// # let store = SealedTokens { vault, table: Table::default() };
/// # let key = ConnectionKey::new(calsync_core::calendar::Person::Guest, calsync_core::ProviderKind::GOOGLE, 1);
/// # let tokens = Tokens::new(calsync_core::Secret::new("at"));
/// # assert_eq!(store.save(&key, &tokens, None).await?, Saved::As(TokenVersion(1)));
/// # assert_eq!(store.save(&key, &tokens, None).await?, Saved::Conflict);
/// # assert_eq!(store.save(&key, &tokens, Some(TokenVersion(1))).await?, Saved::As(TokenVersion(2)));
/// # assert_eq!(store.load(&key).await?.unwrap().tokens.access_token.expose(), "at");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Vault {
    namespace: Arc<str>,
    /// The first is the current one.
    keys: Arc<[VaultKey]>,
}

/// What a sealed text is for. One does not open as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purpose(&'static str);

impl Purpose {
    /// An access token by itself: the guide's `calendar_access_token`.
    pub const ACCESS_TOKEN: Self = Self("access");
    /// A refresh token by itself: the guide's `calendar_refresh_token`.
    pub const REFRESH_TOKEN: Self = Self("refresh");
    /// A whole [`Tokens`], as [`Vault::seal_tokens`] writes it.
    pub const TOKENS: Self = Self("tokens");
    /// A connect that waits for the person, as [`Vault::seal_pending`](Vault::seal_pending) writes it.
    #[cfg(feature = "oauth")]
    pub const PENDING: Self = Self("pending");

    /// A grant that is still to be given back, as [`Vault::seal_revocation`](Vault::seal_revocation) writes it.
    #[cfg(feature = "tokens")]
    pub const REVOCATION: Self = Self("revocation");

    /// A purpose of the host's own.
    #[must_use]
    pub const fn from_static(name: &'static str) -> Self {
        Self(name)
    }
}

/// What a sealed text held.
#[derive(Debug)]
#[non_exhaustive]
pub struct Opened<T = Secret> {
    /// What was sealed.
    pub secret: T,
    /// Whether an older key sealed it, so that it should be sealed and stored anew.
    pub reseal: bool,
}

/// Why something cannot be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The text is not a sealed one, or not a whole one.
    #[error("the text is not a sealed one")]
    Malformed,
    /// A later version of calsync sealed it.
    #[error("the text was sealed by another version")]
    Version,
    /// None of the vault's keys has the id in the text.
    #[error("the text was sealed with the key {0}, which this vault does not have")]
    UnknownKey(String),
    /// It was changed, or sealed with another key of this id, or for another grant, purpose or namespace. Which of them, nobody
    /// can tell.
    #[error("the text was changed, or was not sealed for this")]
    NotAuthentic,
    /// It opens, and holds something else than it should.
    #[error("the text does not hold what it should")]
    Content,
    /// A key's id must be 1 to 32 ASCII letters, digits, `-` and `_`.
    #[error("a key's id must be 1 to 32 letters, digits, - and _")]
    KeyId,
    /// A key must be 32 bytes.
    #[error("a key must be 32 bytes, written in base64url")]
    Key,
    /// Two keys have the same id.
    #[error("two keys have the id {0}")]
    KeyTwice(String),
    /// The machine gave no randomness.
    #[error("the machine gave no randomness")]
    Randomness,
    /// More than can be sealed.
    #[error("this is too large to be sealed")]
    TooLarge,
}

impl Vault {
    /// A vault of the host's namespace, the one of its [`Syncer`](crate::sync::Syncer), that seals with this key.
    #[must_use]
    pub fn new(namespace: impl Into<Arc<str>>, current: VaultKey) -> Self {
        Self { namespace: namespace.into(), keys: Arc::new([current]) }
    }

    /// The same vault, that also opens what this older key sealed.
    ///
    /// # Errors
    /// [`VaultError::KeyTwice`].
    pub fn with_older_key(self, key: VaultKey) -> Result<Self, VaultError> {
        if self.keys.iter().any(|other| other.id() == key.id()) {
            return Err(VaultError::KeyTwice(key.id().to_owned()));
        }
        let keys = self.keys.iter().cloned().chain([key]).collect();
        Ok(Self { keys, ..self })
    }

    /// Seals a secret for storage in that grant's row.
    ///
    /// # Errors
    /// [`VaultError::Randomness`] or [`VaultError::TooLarge`].
    pub fn seal(
        &self,
        secret: &Secret,
        grant: &ConnectionKey,
        purpose: Purpose,
    ) -> Result<String, VaultError> {
        self.seal_bytes(secret.expose().as_bytes(), grant, purpose)
    }

    /// Opens what was sealed for this grant and purpose.
    ///
    /// # Errors
    /// See [`VaultError`].
    pub fn open(&self, sealed: &str, grant: &ConnectionKey, purpose: Purpose) -> Result<Opened, VaultError> {
        let Opened { secret, reseal } = self.open_bytes(sealed, grant, purpose)?;
        // Copied at its very length: a text that has to shrink leaves a copy behind that nobody wipes.
        let text = std::str::from_utf8(&secret).map_err(|_| VaultError::Content)?.to_owned();
        Ok(Opened { secret: Secret::new(text), reseal })
    }

    /// Seals all of a grant's tokens as one text.
    ///
    /// # Errors
    /// As [`Vault::seal`].
    pub fn seal_tokens(&self, tokens: &Tokens, grant: &ConnectionKey) -> Result<String, VaultError> {
        self.seal_json(&TokensRow::from(tokens), grant, Purpose::TOKENS)
    }

    /// Opens what [`Vault::seal_tokens`] sealed for this grant.
    ///
    /// # Errors
    /// See [`VaultError`].
    pub fn open_tokens(&self, sealed: &str, grant: &ConnectionKey) -> Result<Opened<Tokens>, VaultError> {
        let Opened { secret, reseal } = self.open_bytes(sealed, grant, Purpose::TOKENS)?;
        let row: OpenedTokensRow = serde_json::from_slice(&secret).map_err(|_| VaultError::Content)?;
        Ok(Opened { secret: row.into(), reseal })
    }

    /// Seals a connect that waits for the person, for a cookie of theirs.
    ///
    /// # Errors
    /// As [`Vault::seal`].
    #[cfg(feature = "oauth")]
    pub fn seal_pending(
        &self,
        pending: &super::PendingConnect,
        grant: &ConnectionKey,
    ) -> Result<String, VaultError> {
        self.seal_json(pending, grant, Purpose::PENDING)
    }

    /// Opens what [`Vault::seal_pending`] sealed for this grant.
    ///
    /// # Errors
    /// See [`VaultError`].
    #[cfg(feature = "oauth")]
    pub fn open_pending(
        &self,
        sealed: &str,
        grant: &ConnectionKey,
    ) -> Result<super::PendingConnect, VaultError> {
        let opened = self.open_bytes(sealed, grant, Purpose::PENDING)?;
        serde_json::from_slice(&opened.secret).map_err(|_| VaultError::Content)
    }

    /// Seals a grant that is still to be given back, bound to the connection whose grant it was.
    ///
    /// # Errors
    /// As [`Vault::seal`].
    #[cfg(feature = "tokens")]
    pub fn seal_revocation(&self, pending: &super::PendingRevocation) -> Result<String, VaultError> {
        self.seal(&pending.to_text(), pending.key(), Purpose::REVOCATION)
    }

    /// Opens what [`Vault::seal_revocation`] sealed for this grant.
    ///
    /// # Errors
    /// See [`VaultError`].
    #[cfg(feature = "tokens")]
    pub fn open_revocation(
        &self,
        sealed: &str,
        grant: &ConnectionKey,
    ) -> Result<super::PendingRevocation, VaultError> {
        let opened = self.open(sealed, grant, Purpose::REVOCATION)?;
        super::PendingRevocation::from_text(&opened.secret).map_err(|_| VaultError::Content)
    }

    fn seal_json(
        &self,
        value: &impl Serialize,
        grant: &ConnectionKey,
        purpose: Purpose,
    ) -> Result<String, VaultError> {
        // Room for all but the largest tokens, since a buffer that grows leaves copies behind that nobody wipes.
        let mut json = Zeroizing::new(Vec::with_capacity(16 * 1024));
        serde_json::to_writer(&mut *json, value).map_err(|_| VaultError::Content)?;
        self.seal_bytes(&json, grant, purpose)
    }

    fn seal_bytes(
        &self,
        plain: &[u8],
        grant: &ConnectionKey,
        purpose: Purpose,
    ) -> Result<String, VaultError> {
        let nonce = XNonce::try_generate().map_err(|_| VaultError::Randomness)?;
        let key = self.keys.first().ok_or(VaultError::Key)?;
        let mut buffer = Zeroizing::new(Vec::with_capacity(plain.len() + Sealed::TAG));
        buffer.extend_from_slice(plain);
        let about = self.about(key.id(), grant, purpose);
        let sealed = key.cipher().encrypt_in_place(&nonce, about.as_bytes(), &mut *buffer);
        sealed.map_err(|_| VaultError::TooLarge)?;
        Ok(Sealed::write(key.id(), &nonce, &buffer))
    }

    fn open_bytes(
        &self,
        sealed: &str,
        grant: &ConnectionKey,
        purpose: Purpose,
    ) -> Result<Opened<Zeroizing<Vec<u8>>>, VaultError> {
        let Sealed { key_id, nonce, ciphertext } = Sealed::read(sealed)?;
        let at = self.keys.iter().position(|key| key.id() == key_id);
        let found = at.and_then(|at| self.keys.get(at).map(|key| (at, key)));
        let (at, key) = found.ok_or_else(|| VaultError::UnknownKey(key_id.to_owned()))?;
        let cipher: XChaCha20Poly1305 = key.cipher();
        let mut buffer = Zeroizing::new(ciphertext);
        let about = self.about(key_id, grant, purpose);
        let opened = cipher.decrypt_in_place(&XNonce::from(nonce), about.as_bytes(), &mut *buffer);
        opened.map_err(|_| VaultError::NotAuthentic)?;
        Ok(Opened { secret: buffer, reseal: at != 0 })
    }

    /// The associated data: what a sealed text belongs to.
    fn about(&self, key_id: &str, grant: &ConnectionKey, purpose: Purpose) -> String {
        let mut about = String::with_capacity(128);
        let (person, connection) = (PersonPart(&grant.person).to_string(), grant.connection.to_string());
        let provider = grant.provider.as_str();
        for part in [Sealed::VERSION, key_id, &self.namespace, provider, &person, &connection, purpose.0] {
            push(&mut about, part);
        }
        about
    }
}

/// Shows the keys' ids only.
impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("namespace", &self.namespace).field("keys", &self.keys).finish()
    }
}
