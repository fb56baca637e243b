//! Authorization codes.

use chrono::{DateTime, Utc};

use super::grants::{Granted, Grants};
use super::pkce::{Challenge, VerifierRefusal};

/// What an authorization code gives, and to which request.
#[derive(Clone)]
pub struct Code {
    /// The grant it gives.
    pub granted: Granted,
    /// The redirect URL it was sent to.
    pub redirect: String,
    /// The PKCE challenge; `None` if the request had none.
    pub challenge: Option<Challenge>,
    /// Whether it also gives a refresh token.
    pub with_refresh: bool,
    /// The nonce to repeat in the id token.
    pub nonce: Option<String>,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
}

/// A client's request to exchange a code.
#[derive(Clone, Copy)]
pub struct Redemption<'a> {
    /// The text of the code.
    pub code: &'a str,
    /// The id of the client, already authenticated.
    pub client: &'a str,
    /// The redirect URL to which the code was sent, according to the client.
    pub redirect: Option<&'a str>,
    /// The PKCE verifier; `None` if the client sent none.
    pub verifier: Option<&'a str>,
}

/// Why a code is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeRefusal {
    /// The code is unknown, expired, already used, or another client's.
    Dead,
    /// It was sent to another redirect URL.
    Redirect,
    /// The PKCE verifier does not match.
    Verifier(VerifierRefusal),
}

impl Grants {
    /// Stores a code under its text.
    pub fn add_code(&mut self, text: &str, code: Code) {
        self.codes.insert(text.to_owned(), code);
    }

    /// Redeems a code, which works once. A refused request does not use it up.
    ///
    /// # Errors
    /// See [`CodeRefusal`].
    pub fn redeem(&mut self, shown: &Redemption<'_>, now: DateTime<Utc>) -> Result<Code, CodeRefusal> {
        let code = self.codes.get(shown.code);
        let code = code.filter(|code| code.granted.client == shown.client && code.expires_at > now);
        let code = code.ok_or(CodeRefusal::Dead)?;
        if shown.redirect != Some(code.redirect.as_str()) {
            return Err(CodeRefusal::Redirect);
        }
        Challenge::check(code.challenge.as_ref(), shown.verifier).map_err(CodeRefusal::Verifier)?;
        self.codes.remove(shown.code).ok_or(CodeRefusal::Dead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn a_code_works_once_and_a_refused_request_does_not_use_it_up() {
        let now = DateTime::UNIX_EPOCH;
        let mut grants = Grants::default();
        let code = Code {
            granted: Granted::new("anna", "one", ["read".to_owned()].into()),
            redirect: "http://127.0.0.1/".to_owned(),
            challenge: Some(Challenge::Plain("verifier".to_owned())),
            with_refresh: true,
            nonce: None,
            expires_at: now + TimeDelta::minutes(10),
        };
        grants.add_code("code", code);
        let right = Redemption {
            code: "code",
            client: "one",
            redirect: Some("http://127.0.0.1/"),
            verifier: Some("verifier"),
        };
        let mut refusal =
            |shown: Redemption<'_>, minutes| grants.redeem(&shown, now + TimeDelta::minutes(minutes)).err();
        let verifier = CodeRefusal::Verifier(VerifierRefusal::Wrong);
        assert_eq!(refusal(Redemption { code: "other", ..right }, 0), Some(CodeRefusal::Dead));
        assert_eq!(refusal(Redemption { client: "two", ..right }, 0), Some(CodeRefusal::Dead));
        assert_eq!(refusal(Redemption { redirect: None, ..right }, 0), Some(CodeRefusal::Redirect));
        assert_eq!(refusal(Redemption { verifier: Some("x"), ..right }, 0), Some(verifier));
        assert_eq!(refusal(right, 10), Some(CodeRefusal::Dead));
        assert_eq!(refusal(right, 9), None);
        assert_eq!(refusal(right, 9), Some(CodeRefusal::Dead));
    }
}
