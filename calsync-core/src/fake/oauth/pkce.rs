//! Proof Key for Code Exchange (RFC 7636).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::consent::AskedWrongly;
use crate::fake::Params;

/// What a code's verifier is held against.
#[derive(Clone, PartialEq, Eq)]
pub enum Challenge {
    /// The verifier's hash, `S256`.
    Hash(String),
    /// The verifier itself, `plain`.
    Plain(String),
}

/// Why a code is not given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifierRefusal {
    /// There is a verifier, and there was no challenge.
    NotNeeded,
    /// There was a challenge, and there is no verifier.
    Missing,
    /// The verifier is another one.
    Wrong,
}

impl Challenge {
    /// Reads the challenge of a consent page's request, if it has one.
    ///
    /// # Errors
    /// [`AskedWrongly::Malformed`]
    pub fn of(params: &Params) -> Result<Option<Self>, AskedWrongly> {
        match (params.get("code_challenge"), params.get("code_challenge_method")) {
            (None, None) => Ok(None),
            // RFC 7636 section 4.2.
            (Some(challenge), method) if (43..=128).contains(&challenge.len()) => match method {
                Some("S256") => Ok(Some(Self::Hash(challenge.to_owned()))),
                None | Some("plain") => Ok(Some(Self::Plain(challenge.to_owned()))),
                Some(_) => Err(AskedWrongly::Malformed),
            },
            _ => Err(AskedWrongly::Malformed),
        }
    }

    /// Holds a verifier against a challenge, where there are any.
    ///
    /// # Errors
    /// Where they do not belong together.
    pub fn check(challenge: Option<&Self>, verifier: Option<&str>) -> Result<(), VerifierRefusal> {
        let fits = match (challenge, verifier) {
            (None, None) => true,
            (None, Some(_)) => return Err(VerifierRefusal::NotNeeded),
            (Some(_), None) => return Err(VerifierRefusal::Missing),
            (Some(Self::Hash(hash)), Some(verifier)) => {
                *hash == URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
            }
            (Some(Self::Plain(plain)), Some(verifier)) => plain == verifier,
        };
        if fits { Ok(()) } else { Err(VerifierRefusal::Wrong) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_belongs_to_its_challenge() {
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
    fn a_challenge_is_whole_or_refused() {
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
