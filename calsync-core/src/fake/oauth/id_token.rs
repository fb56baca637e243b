//! Id tokens (OpenID Connect Core 1.0 section 2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// An id token with these claims. Its signature is not valid: a client that gets it from the token
/// endpoint over TLS does not check it.
#[must_use]
pub fn id_token(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({"alg": "RS256", "kid": "fake", "typ": "JWT"});
    [part(&header), part(claims), URL_SAFE_NO_PAD.encode("no signature")].join(".")
}

/// The `sub` of a user's account: 21 digits, as at Google, and always the same for one user. The
/// case of `user` does not matter.
#[must_use]
pub fn subject(user: &str) -> String {
    let hash = Sha256::digest(user.to_lowercase());
    let digits = hash.iter().take(20).map(|byte| char::from(b'0' + byte % 10));
    std::iter::once('1').chain(digits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_has_one_subject() {
        assert_eq!(subject("Anna@example.org"), subject("anna@example.org"));
        assert_ne!(subject("anna@example.org"), subject("ben@example.org"));
        assert_eq!(subject("anna@example.org").len(), 21);
    }
}
