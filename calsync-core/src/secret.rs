//! Secrets that cannot be printed, logged or serialised by accident.

use std::borrow::Cow;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};

/// A token or another secret text. Wiped from memory when dropped. `Debug` shows `[redacted]`;
/// there is no `Display` and no `Serialize`, so a secret is written out only by an explicit
/// [`Secret::expose`].
///
/// ```
/// use calsync_core::Secret;
/// let token = Secret::new("ya29.a0Af");
/// assert_eq!(format!("{token:?}"), "[redacted]");
/// assert_eq!(token.expose(), "ya29.a0Af");
/// ```
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps a secret text.
    #[must_use]
    pub fn new(secret: impl Into<String>) -> Self {
        Self(SecretString::from(secret.into()))
    }

    /// Returns the secret text, to send or store it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The error does not show the value: even of a wrong type, it may be the secret.
        let text = Cow::<'de, str>::deserialize(deserializer);
        text.map(Self::new).map_err(|_| serde::de::Error::custom("a secret must be a text"))
    }
}
