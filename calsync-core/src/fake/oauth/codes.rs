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
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// What a client shows for a code.
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
