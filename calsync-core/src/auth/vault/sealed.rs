//! The format of a sealed text.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{VaultError, VaultKey};

/// The length of a nonce, in bytes.
const NONCE: usize = 24;

/// The parts of a sealed text: `cs1.<key id>.<base64url of nonce, ciphertext and tag>`.
pub(super) struct Sealed<'a> {
    pub(super) key_id: &'a str,
    pub(super) nonce: [u8; NONCE],
    /// The ciphertext, with the tag at its end.
    pub(super) ciphertext: Vec<u8>,
}

impl<'a> Sealed<'a> {
    pub(super) const VERSION: &'static str = "cs1";
    /// The length of a tag, in bytes.
    pub(super) const TAG: usize = 16;

    pub(super) fn write(key_id: &str, nonce: &[u8], ciphertext: &[u8]) -> String {
        let body = URL_SAFE_NO_PAD.encode([nonce, ciphertext].concat());
        format!("{}.{key_id}.{body}", Self::VERSION)
    }

    pub(super) fn read(text: &'a str) -> Result<Self, VaultError> {
        let (version, rest) = text.split_once('.').ok_or(VaultError::Malformed)?;
        if version != Self::VERSION {
            let number = version.strip_prefix("cs").unwrap_or_default();
            let is_version = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            return Err(if is_version { VaultError::Version } else { VaultError::Malformed });
        }
        let (key_id, body) = rest.split_once('.').ok_or(VaultError::Malformed)?;
        if !VaultKey::is_id(key_id) {
            return Err(VaultError::Malformed);
        }
        let body = URL_SAFE_NO_PAD.decode(body).map_err(|_| VaultError::Malformed)?;
        let (nonce, ciphertext) = body.split_first_chunk().ok_or(VaultError::Malformed)?;
        if ciphertext.len() < Self::TAG {
            return Err(VaultError::Malformed);
        }
        Ok(Self { key_id, nonce: *nonce, ciphertext: ciphertext.to_vec() })
    }
}
