//! Proof Key for Code Exchange (RFC 7636).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::consent::AuthorizationRequestError;
use crate::fake::Params;

/// The PKCE challenge of an authorization request.
#[derive(Clone, PartialEq, Eq)]
pub enum Challenge {
    /// The hash of the verifier, method `S256`.
    Hash(String),
    /// The verifier itself, method `plain`.
    Plain(String),
}

/// Why a PKCE verifier is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifierRefusal {
    /// There is a verifier, but there was no challenge.
    NotNeeded,
    /// There was a challenge, but there is no verifier.
    Missing,
    /// The verifier does not match the challenge.
    Wrong,
}

impl Challenge {
    /// Reads the challenge of an authorization request, if it has one.
    ///
    /// # Errors
    /// [`AuthorizationRequestError::Malformed`], if the challenge has a wrong length or an unknown
    /// method.
    pub fn of(params: &Params) -> Result<Option<Self>, AuthorizationRequestError> {
        match (params.get("code_challenge"), params.get("code_challenge_method")) {
            (None, None) => Ok(None),
            // RFC 7636 section 4.2.
            (Some(challenge), method) if (43..=128).contains(&challenge.len()) => match method {
                Some("S256") => Ok(Some(Self::Hash(challenge.to_owned()))),
                None | Some("plain") => Ok(Some(Self::Plain(challenge.to_owned()))),
                Some(_) => Err(AuthorizationRequestError::Malformed),
            },
            _ => Err(AuthorizationRequestError::Malformed),
        }
    }

    /// Checks a verifier against a challenge. Without either the check succeeds.
    ///
    /// # Errors
    /// [`VerifierRefusal`], if they do not match or one of them is missing.
    pub fn check(challenge: Option<&Self>, verifier: Option<&str>) -> Result<(), VerifierRefusal> {
        let is_match = match (challenge, verifier) {
            (None, None) => true,
            (None, Some(_)) => return Err(VerifierRefusal::NotNeeded),
            (Some(_), None) => return Err(VerifierRefusal::Missing),
            (Some(Self::Hash(hash)), Some(verifier)) => {
                *hash == URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
            }
            (Some(Self::Plain(plain)), Some(verifier)) => plain == verifier,
        };
        if is_match { Ok(()) } else { Err(VerifierRefusal::Wrong) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_verifier_matches_a_challenge() {
        // RFC 7636 appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let of = |text: &str| Challenge::of(&Params::parse(text));
        let hash = of(&format!("code_challenge={challenge}&code_challenge_method=S256")).unwrap();
        let plain = of(&format!("code_challenge={verifier}")).unwrap();
        let wrong = verifier.to_lowercase();
        for challenge in [&hash, &plain] {
            let check = |verifier| Challenge::check(challenge.as_ref(), verifier);
            assert_eq!(check(Some(verifier)), Ok(()));
            assert_eq!(check(Some(&wrong)), Err(VerifierRefusal::Wrong));
            assert_eq!(check(None), Err(VerifierRefusal::Missing));
        }
        assert_eq!(Challenge::check(hash.as_ref(), Some(challenge)), Err(VerifierRefusal::Wrong));
        assert_eq!(Challenge::check(None, Some(verifier)), Err(VerifierRefusal::NotNeeded));
        assert_eq!(Challenge::check(None, None), Ok(()));
    }

    #[test]
    fn an_invalid_challenge_is_refused() {
        let long = "x".repeat(43);
        for text in [
            "code_challenge=short".to_owned(),
            format!("code_challenge={}", "x".repeat(129)),
            format!("code_challenge={long}&code_challenge_method=S512"),
            "code_challenge_method=S256".to_owned(),
        ] {
            assert!(Challenge::of(&Params::parse(&text)).is_err(), "{text}");
        }
        assert!(Challenge::of(&Params::parse("")).unwrap().is_none());
    }
}
