//! Authorization codes.

use chrono::{DateTime, Utc};

use super::grants::{Granted, Grants};
use super::pkce::{Challenge, VerifierRefusal};

/// An authorization code.
#[derive(Clone)]
pub struct Code {
    /// What it stands for.
    pub granted: Granted,
    /// Where it was sent.
    pub redirect: String,
    /// What its verifier is held against.
    pub challenge: Option<Challenge>,
    /// Whether it gives a refresh token.
    pub with_refresh: bool,
    /// What its id token repeats.
    pub nonce: Option<String>,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// What a client shows for a code.
#[derive(Clone, Copy)]
pub struct Redemption<'a> {
    /// The code.
    pub code: &'a str,
    /// The client, which was told from others before.
    pub client: &'a str,
    /// Where it says that the code was sent.
    pub redirect: Option<&'a str>,
    /// The PKCE verifier.
    pub verifier: Option<&'a str>,
}

/// Why a code gives nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeRefusal {
    /// There is none of that text, for that client, still alive and not used.
    Dead,
    /// It was sent elsewhere.
    Redirect,
    /// Its verifier does not fit.
    Verifier(VerifierRefusal),
}

impl Grants {
    /// One more code.
    pub fn add_code(&mut self, text: &str, code: Code) {
        self.codes.insert(text.to_owned(), code);
    }

    /// Takes a code, which works once. What is refused leaves it where it is.
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
    fn a_code_works_once_and_what_is_refused_does_not_use_it_up() {
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
