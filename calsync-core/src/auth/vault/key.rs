//! A vault's key.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Generate, KeyInit};
use chacha20poly1305::{Key, XChaCha20Poly1305};
use zeroize::Zeroizing;

use super::VaultError;
use crate::secret::Secret;

/// A vault's key: 32 random bytes, and an id that stands in every text it sealed. Wiped from memory when dropped; never printed.
///
/// The bytes must be random: a password is no key.
#[derive(Clone)]
pub struct VaultKey {
    id: String,
    bytes: Zeroizing<[u8; Self::LEN]>,
}

impl VaultKey {
    /// The length of a key, in bytes.
    pub const LEN: usize = 32;
    const MAX_ID: usize = 32;

    /// A key of these bytes.
    ///
    /// # Errors
    /// [`VaultError::KeyId`].
    pub fn new(id: &str, bytes: [u8; Self::LEN]) -> Result<Self, VaultError> {
        Self::of(id, Zeroizing::new(bytes))
    }

    /// A new key, from the machine's randomness.
    ///
    /// # Errors
    /// [`VaultError::KeyId`]; [`VaultError::Randomness`].
    pub fn generate(id: &str) -> Result<Self, VaultError> {
        let bytes = <[u8; Self::LEN]>::try_generate().map_err(|_| VaultError::Randomness)?;
        Self::of(id, Zeroizing::new(bytes))
    }

    /// A key from its text: what [`VaultKey::to_text`] gives, or `openssl rand -base64 32`. Either alphabet of base64 will do, with
    /// padding or without, and white space around it.
    ///
    /// # Errors
    /// [`VaultError::KeyId`]; [`VaultError::Key`].
    pub fn from_text(id: &str, text: &Secret) -> Result<Self, VaultError> {
        let text = text.expose().trim().trim_end_matches('=').bytes();
        let text: Zeroizing<Vec<u8>> = Zeroizing::new(text.map(url_safe).collect());
        // With room for what decoding a text one character too long would need.
        let mut buffer = Zeroizing::new([0; Self::LEN + 4]);
        let length = URL_SAFE_NO_PAD.decode_slice(&*text, &mut *buffer).map_err(|_| VaultError::Key)?;
        let decoded = buffer.get(..length).and_then(|decoded| <&[u8; Self::LEN]>::try_from(decoded).ok());
        Self::of(id, Zeroizing::new(*decoded.ok_or(VaultError::Key)?))
    }

    /// The key as a text, in base64url, to be kept where the host keeps its secrets. Not beside what it seals.
    #[must_use]
    pub fn to_text(&self) -> Secret {
        Secret::new(URL_SAFE_NO_PAD.encode(self.bytes.as_slice()))
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn is_id(text: &str) -> bool {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=Self::MAX_ID).contains(&text.len()) && text.bytes().all(allowed)
    }

    pub(super) fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(<&Key>::from(&*self.bytes))
    }

    fn of(id: &str, bytes: Zeroizing<[u8; Self::LEN]>) -> Result<Self, VaultError> {
        if Self::is_id(id) { Ok(Self { id: id.to_owned(), bytes }) } else { Err(VaultError::KeyId) }
    }
}

fn url_safe(byte: u8) -> u8 {
    match byte {
        b'+' => b'-',
        b'/' => b'_',
        byte => byte,
    }
}

impl fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VaultKey({})", self.id)
    }
}
