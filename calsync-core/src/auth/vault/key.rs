//! The key of a vault.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Generate, KeyInit};
use chacha20poly1305::{Key, XChaCha20Poly1305};
use zeroize::Zeroizing;

use super::VaultError;
use crate::secret::Secret;

/// The key of a vault: 32 random bytes, and an id, which is part of every text sealed with the key.
/// Wiped from memory when dropped; never printed.
///
/// The bytes must be random: do not use a password.
#[derive(Clone)]
pub struct VaultKey {
    id: String,
    bytes: Zeroizing<[u8; Self::LEN]>,
}

impl VaultKey {
    /// Length of a key, in bytes.
    pub const LEN: usize = 32;
    const MAX_ID: usize = 32;

    /// A key with these bytes. `id` has 1 to 32 ASCII letters, digits, `-` and `_`.
    ///
    /// # Errors
    /// [`VaultError::KeyId`], if the id is not of that form.
    pub fn new(id: &str, bytes: [u8; Self::LEN]) -> Result<Self, VaultError> {
        Self::of(id, Zeroizing::new(bytes))
    }

    /// Generates a key from the operating system's random numbers.
    ///
    /// # Errors
    /// [`VaultError::KeyId`], as for [`new`](Self::new); [`VaultError::Randomness`], if the system
    /// returned no random bytes.
    pub fn generate(id: &str) -> Result<Self, VaultError> {
        let bytes = <[u8; Self::LEN]>::try_generate().map_err(|_| VaultError::Randomness)?;
        Self::of(id, Zeroizing::new(bytes))
    }

    /// Reads a key from the text of [`VaultKey::to_text`] or of `openssl rand -base64 32`. Accepts
    /// base64 and base64url, with or without padding, and white space at both ends.
    ///
    /// # Errors
    /// [`VaultError::KeyId`], as for [`new`](Self::new); [`VaultError::Key`], if the text is not 32
    /// bytes in base64.
    pub fn from_text(id: &str, text: &Secret) -> Result<Self, VaultError> {
        let text = text.expose().trim().trim_end_matches('=').bytes();
        let text: Zeroizing<Vec<u8>> = Zeroizing::new(text.map(url_safe).collect());
        // A few bytes more than a key, so that a text that is too long is decoded and then refused.
        let mut buffer = Zeroizing::new([0; Self::LEN + 4]);
        let length = URL_SAFE_NO_PAD.decode_slice(&*text, &mut *buffer).map_err(|_| VaultError::Key)?;
        let decoded = buffer.get(..length).and_then(|decoded| <&[u8; Self::LEN]>::try_from(decoded).ok());
        Self::of(id, Zeroizing::new(*decoded.ok_or(VaultError::Key)?))
    }

    /// The key as text, in base64url without padding. Store it where the host stores its secrets,
    /// not beside the sealed texts.
    #[must_use]
    pub fn to_text(&self) -> Secret {
        Secret::new(URL_SAFE_NO_PAD.encode(self.bytes.as_slice()))
    }

    /// The id, which is part of every text sealed with the key.
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
