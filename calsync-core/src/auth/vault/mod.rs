//! Seals (encrypts and authenticates) tokens for storage.

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

/// Seals tokens for storage ([`Vault::seal`]), and opens them. Clones are handles to the same one.
///
/// To rotate keys, give the vault several: it seals with the current key, and opens also what an
/// older key sealed, with [`Opened::reseal`] set.
///
/// # The sealed text
///
/// `cs1.<key id>.<base64url, unpadded>`, so that it fits into a text column. The bytes are a random
/// nonce (24 bytes), the ciphertext, and a tag (16 bytes), by XChaCha20-Poly1305
/// (`draft-irtf-cfrg-xchacha-03`). The associated data are the seven parts *`cs1`, key id,
/// namespace, provider, person, connection, purpose* in this order, each written as its length in
/// UTF-8 bytes, a colon and the text, as in [the keys of events](crate::identity). The person is
/// `profile:` and the profile's id, or `guest`.
///
/// So a text that is copied to another person's row, connection or column, or to another host's
/// database, does not open.
///
/// Not protected: an attacker who can write to the database can restore an older sealed text of the
/// same row, and it opens. A version in the associated data would not help, because its column can
/// be restored too. Such a row contains tokens of the same grant of the same person: at worst an
/// expired access token and a refresh token that the server no longer accepts, and the person
/// connects again. A host that must detect this stores the highest version of each row elsewhere.
///
/// Test vector, for an implementation in another language: with the key `k1` of the bytes 00, 01 …
/// 1f, for the namespace `my-shop`, google, `profile:10`, connection `default` and the purpose
/// `refresh`, this opens to `1//0a-Refresh` (nonce 40, 41 … 57):
///
/// ```
/// use calsync_core::auth::{Purpose, Vault, VaultKey};
/// use calsync_core::calendar::{ConnectionKey, Person};
/// use calsync_core::{ConnectionId, ProviderKind, Secret};
///
/// // From the host's secrets; generated once with `VaultKey::generate("k1")` and `to_text`.
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
/// The traits of calsync are implemented with the `async-trait` crate. In this example `Table` is
/// the host's database:
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
    /// The first one is the current key.
    keys: Arc<[VaultKey]>,
}

/// What a sealed text is used for. A text sealed for one purpose does not open for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purpose(&'static str);

impl Purpose {
    /// An access token by itself: the guide's `calendar_access_token`.
    pub const ACCESS_TOKEN: Self = Self("access");
    /// A refresh token by itself: the guide's `calendar_refresh_token`.
    pub const REFRESH_TOKEN: Self = Self("refresh");
    /// A complete [`Tokens`], as [`Vault::seal_tokens`] writes it.
    pub const TOKENS: Self = Self("tokens");
    /// A connect in progress, as [`Vault::seal_pending`](Vault::seal_pending) writes it.
    #[cfg(feature = "oauth")]
    pub const PENDING: Self = Self("pending");

    /// A grant that is still to be revoked, as [`Vault::seal_revocation`](Vault::seal_revocation)
    /// writes it.
    #[cfg(feature = "tokens")]
    pub const REVOCATION: Self = Self("revocation");

    /// The host's own purpose. The name must differ from calsync's: `access`, `refresh`, `tokens`,
    /// `pending`, `revocation`.
    #[must_use]
    pub const fn from_static(name: &'static str) -> Self {
        Self(name)
    }
}

/// The content of a sealed text.
#[derive(Debug)]
#[non_exhaustive]
pub struct Opened<T = Secret> {
    /// The content that was sealed.
    pub secret: T,
    /// Whether an older key sealed it. The host should then seal it again and store it.
    pub reseal: bool,
}

/// Why something cannot be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The text is not a sealed text, or is truncated.
    #[error("the text is not a sealed text")]
    Malformed,
    /// The text has another format version than `cs1`: a later version of calsync sealed it.
    #[error("the text was sealed by another version of calsync")]
    Version,
    /// The vault has no key with the id in the text.
    #[error("the text was sealed with the key {0}, which this vault does not have")]
    UnknownKey(String),
    /// The text was changed, or sealed with another key of the same id, or for another grant,
    /// purpose or namespace. The cipher cannot tell which.
    #[error("the text was changed, or sealed with another key or for another grant or purpose")]
    NotAuthentic,
    /// The text opens, but its content is not of the expected type; or the value to seal cannot be
    /// written as JSON.
    #[error("the sealed content is not of the expected type")]
    Content,
    /// The id of a key is not 1 to 32 ASCII letters, digits, `-` and `_`.
    #[error("a key's id must be 1 to 32 letters, digits, - and _")]
    KeyId,
    /// The key is not 32 bytes, in base64.
    #[error("a key must be 32 bytes, written in base64url")]
    Key,
    /// Two keys of a vault have the same id.
    #[error("two keys of the vault have the id {0}")]
    DuplicateKeyId(String),
    /// The operating system returned no random bytes.
    #[error("the operating system returned no random bytes")]
    Randomness,
    /// The content is larger than the cipher can seal.
    #[error("the content is too large to be sealed")]
    TooLarge,
}

impl Vault {
    /// A vault that seals with this key. `namespace` is the host's, the same as that of its
    /// [`Syncer`](crate::sync::Syncer).
    #[must_use]
    pub fn new(namespace: impl Into<Arc<str>>, current: VaultKey) -> Self {
        Self { namespace: namespace.into(), keys: Arc::new([current]) }
    }

    /// Adds an older key: the vault also opens what that key sealed.
    ///
    /// # Errors
    /// [`VaultError::DuplicateKeyId`], if the vault already has a key with that id.
    pub fn with_older_key(self, key: VaultKey) -> Result<Self, VaultError> {
        if self.keys.iter().any(|other| other.id() == key.id()) {
            return Err(VaultError::DuplicateKeyId(key.id().to_owned()));
        }
        let keys = self.keys.iter().cloned().chain([key]).collect();
        Ok(Self { keys, ..self })
    }

    /// Seals a secret, for storage in the row of that grant.
    ///
    /// # Errors
    /// [`VaultError::Randomness`], if there are no random bytes; [`VaultError::TooLarge`].
    pub fn seal(
        &self,
        secret: &Secret,
        grant: &ConnectionKey,
        purpose: Purpose,
    ) -> Result<String, VaultError> {
        self.seal_bytes(secret.expose().as_bytes(), grant, purpose)
    }

    /// Opens a text that was sealed for this grant and purpose.
    ///
    /// # Errors
    /// See [`VaultError`].
    pub fn open(&self, sealed: &str, grant: &ConnectionKey, purpose: Purpose) -> Result<Opened, VaultError> {
        let Opened { secret, reseal } = self.open_bytes(sealed, grant, purpose)?;
        // Copied at its exact length: shrinking a string would leave a copy that is not wiped.
        let text = std::str::from_utf8(&secret).map_err(|_| VaultError::Content)?.to_owned();
        Ok(Opened { secret: Secret::new(text), reseal })
    }

    /// Seals a grant's [`Tokens`] as one text.
    ///
    /// # Errors
    /// As [`Vault::seal`].
    pub fn seal_tokens(&self, tokens: &Tokens, grant: &ConnectionKey) -> Result<String, VaultError> {
        self.seal_json(&TokensRow::from(tokens), grant, Purpose::TOKENS)
    }

    /// Opens a text that [`Vault::seal_tokens`] sealed for this grant.
    ///
    /// # Errors
    /// See [`VaultError`].
    pub fn open_tokens(&self, sealed: &str, grant: &ConnectionKey) -> Result<Opened<Tokens>, VaultError> {
        let Opened { secret, reseal } = self.open_bytes(sealed, grant, Purpose::TOKENS)?;
        let row: OpenedTokensRow = serde_json::from_slice(&secret).map_err(|_| VaultError::Content)?;
        Ok(Opened { secret: row.into(), reseal })
    }

    /// Seals a connect in progress, for a cookie in the person's browser.
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

    /// Opens a text that [`Vault::seal_pending`] sealed for this grant.
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

    /// Seals a grant that is still to be revoked, bound to its connection.
    ///
    /// # Errors
    /// As [`Vault::seal`].
    #[cfg(feature = "tokens")]
    pub fn seal_revocation(&self, pending: &super::PendingRevocation) -> Result<String, VaultError> {
        self.seal(&pending.to_text(), pending.key(), Purpose::REVOCATION)
    }

    /// Opens a text that [`Vault::seal_revocation`] sealed for this grant.
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
        // Large enough for almost all tokens: a buffer that grows leaves copies that are not wiped.
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
        let associated = self.associated_data(key.id(), grant, purpose);
        let sealed = key.cipher().encrypt_in_place(&nonce, associated.as_bytes(), &mut *buffer);
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
        let associated = self.associated_data(key_id, grant, purpose);
        let opened = cipher.decrypt_in_place(&XNonce::from(nonce), associated.as_bytes(), &mut *buffer);
        opened.map_err(|_| VaultError::NotAuthentic)?;
        Ok(Opened { secret: buffer, reseal: at != 0 })
    }

    /// The associated data, which bind a sealed text to its grant, purpose and namespace.
    fn associated_data(&self, key_id: &str, grant: &ConnectionKey, purpose: Purpose) -> String {
        let mut data = String::with_capacity(128);
        let (person, connection) = (PersonPart(&grant.person).to_string(), grant.connection.to_string());
        let provider = grant.provider.as_str();
        for part in [Sealed::VERSION, key_id, &self.namespace, provider, &person, &connection, purpose.0] {
            push(&mut data, part);
        }
        data
    }
}

/// Shows the namespace and the ids of the keys.
impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("namespace", &self.namespace).field("keys", &self.keys).finish()
    }
}
