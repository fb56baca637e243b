//! Authorization requests, and the users' decisions.

use std::collections::BTreeSet;

use ::http::StatusCode;
use ::http::header::LOCATION;
use percent_encoding::utf8_percent_encode;

use super::grants::Grants;
use super::page::TICKED;
use super::pkce::Challenge;
use crate::fake::{Params, Reply};
use crate::http::ESCAPED;

/// A user's decision on the consent page.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Grants all requested scopes.
    Allow,
    /// Grants these scopes only. Names as in the `tokens` of the fake's users.
    AllowOnly(Vec<String>),
    /// Denies consent.
    Deny,
}

/// An authorization request: the parameters that all services read in the same way.
#[derive(Clone)]
pub struct Asked {
    /// The id of the client.
    pub client: String,
    /// The redirect URL, to which the browser is sent after the decision.
    pub redirect: String,
    /// The scopes, as written in the request; at least one.
    pub scopes: BTreeSet<String>,
    /// The `state`, which is sent back unchanged.
    pub state: Option<String>,
    /// The PKCE challenge; `None` if the request has none.
    pub challenge: Option<Challenge>,
    /// The nonce to repeat in the id token.
    pub nonce: Option<String>,
}

/// Why the consent page shows an error. Such an error is never sent to the redirect URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorizationRequestError {
    /// A parameter is missing, invalid, or present twice.
    Malformed,
    /// No client is registered with that id.
    Client,
    /// The redirect URL is not registered for the client.
    Redirect,
    /// `response_type` is not `code`.
    ResponseType,
}

impl Decision {
    /// The scopes granted of those `asked` for. `full` returns the full name of a scope that a test
    /// may have written in short form.
    #[must_use]
    pub fn granted(&self, asked: &BTreeSet<String>, full: impl Fn(&str) -> String) -> BTreeSet<String> {
        match self {
            Self::Allow => asked.clone(),
            Self::AllowOnly(only) => {
                let only: BTreeSet<String> = only.iter().map(|scope| full(scope)).collect();
                asked.intersection(&only).cloned().collect()
            }
            Self::Deny => BTreeSet::new(),
        }
    }
}

impl Grants {
    /// Reads and checks an authorization request.
    ///
    /// # Errors
    /// See [`AuthorizationRequestError`].
    pub fn asked(&self, params: &Params) -> Result<Asked, AuthorizationRequestError> {
        let names: Vec<&str> = params.pairs().iter().map(|(name, _)| name.as_str()).collect();
        let mut seen = BTreeSet::new();
        // RFC 6749 section 3.1: no parameter is present twice. The page's own check boxes may be.
        if names.iter().any(|name| *name != TICKED && !seen.insert(name)) {
            return Err(AuthorizationRequestError::Malformed);
        }
        let id = params.get("client_id").ok_or(AuthorizationRequestError::Malformed)?;
        let client = self.client(id).ok_or(AuthorizationRequestError::Client)?;
        let redirect = params.get("redirect_uri").ok_or(AuthorizationRequestError::Malformed)?;
        if !client.accepts_redirect(redirect) {
            return Err(AuthorizationRequestError::Redirect);
        }
        if params.get("response_type") != Some("code") {
            return Err(AuthorizationRequestError::ResponseType);
        }
        let scopes = params.get("scope").unwrap_or_default().split_whitespace();
        let scopes: BTreeSet<String> = scopes.map(str::to_owned).collect();
        let challenge = Challenge::of(params)?;
        // A public client needs PKCE.
        if scopes.is_empty() || (client.is_public() && challenge.is_none()) {
            return Err(AuthorizationRequestError::Malformed);
        }
        let text = |name| params.get(name).map(str::to_owned);
        let (client, redirect) = (id.to_owned(), redirect.to_owned());
        Ok(Asked { client, redirect, scopes, state: text("state"), challenge, nonce: text("nonce") })
    }
}

impl Asked {
    /// The redirect URL with `state`, if there is one, and with these parameters.
    #[must_use]
    pub fn back(&self, pairs: &[(&str, &str)]) -> String {
        let state = self.state.as_deref().map(|state| ("state", state));
        with_query(&self.redirect, state.into_iter().chain(pairs.iter().copied()))
    }
}

/// A response that redirects the browser to that URL (302).
#[must_use]
pub fn redirect(location: &str) -> Reply {
    Reply::empty(StatusCode::FOUND).with_header(LOCATION, location)
}

/// Adds query parameters to a URL.
#[must_use]
pub fn with_query<'a>(url: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut url = url.to_owned();
    for (name, value) in pairs {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(name);
        url.push('=');
        url.extend(utf8_percent_encode(value, ESCAPED));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "client_id=app&redirect_uri=https%3A%2F%2Fa.example%2F&response_type=code&scope=b+a&state=s%26t";

    fn asked(text: &str) -> Result<Asked, AuthorizationRequestError> {
        let mut grants = Grants::default();
        grants.add_client("app", Some("secret"), "https://a.example/");
        grants.add_client("device", None, "https://a.example/");
        grants.asked(&Params::parse(text))
    }

    #[test]
    fn an_invalid_authorization_request_is_refused() {
        for (part, other, wrong) in [
            ("client_id=app", "client_id=unknown", AuthorizationRequestError::Client),
            ("client_id=app", "", AuthorizationRequestError::Malformed),
            ("client_id=app", "client_id=app&client_id=app", AuthorizationRequestError::Malformed),
            ("client_id=app", "client_id=device", AuthorizationRequestError::Malformed),
            ("a.example", "b.example", AuthorizationRequestError::Redirect),
            ("=code", "=token", AuthorizationRequestError::ResponseType),
            ("scope=b+a", "scope=+", AuthorizationRequestError::Malformed),
            ("state", "code_challenge=short&state", AuthorizationRequestError::Malformed),
        ] {
            assert_eq!(asked(&GOOD.replace(part, other)).err(), Some(wrong), "{other}");
        }
        assert!(asked(&format!("{GOOD}&granted=a&granted=b")).is_ok(), "the page's own check boxes");
    }

    #[test]
    fn only_requested_scopes_are_granted() {
        let asked = asked(GOOD).ok().unwrap();
        let full = |scope: &str| scope.to_lowercase();
        let granted =
            |decision: Decision| decision.granted(&asked.scopes, full).into_iter().collect::<String>();
        assert_eq!(granted(Decision::Allow), "ab");
        assert_eq!(granted(Decision::AllowOnly(vec!["B".into(), "c".into()])), "b");
        assert_eq!(granted(Decision::Deny), "");
        assert_eq!(asked.back(&[("code", "x y")]), "https://a.example/?state=s%26t&code=x%20y");
        assert_eq!(with_query("com.example:/?a=b", [("c", "d")]), "com.example:/?a=b&c=d");
    }
}
