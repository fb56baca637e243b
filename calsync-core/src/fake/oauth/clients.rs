//! Registered clients, and their authentication.

use ::http::Uri;
use ::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::grants::Grants;
use crate::fake::{Incoming, Params};

/// A registered client: its secret and its redirect URLs.
#[derive(Default)]
pub struct Client {
    secret: Option<String>,
    redirects: Vec<String>,
}

/// Why a client's authentication failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientRefusal {
    /// The request names no client.
    Unnamed,
    /// No client is registered with that id.
    Unknown,
    /// The client has a secret, and the request has none.
    SecretMissing,
    /// The request has another secret than the client.
    SecretWrong,
}

impl Client {
    /// Whether it is a public client, without a secret, such as an app on a person's device.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.secret.is_none()
    }

    /// Whether the redirect URL is registered. A loopback address matches with any port (RFC 8252
    /// section 7.3).
    #[must_use]
    pub fn accepts_redirect(&self, redirect: &str) -> bool {
        self.redirects.iter().any(|known| known == redirect || is_same_loopback(known, redirect))
    }
}

impl Grants {
    /// Registers a client, or another redirect URL of a registered one. A client without a secret
    /// is public.
    pub fn add_client(&mut self, id: &str, secret: Option<&str>, redirect: &str) {
        let client = self.clients.entry(id.to_owned()).or_default();
        client.secret = secret.map(str::to_owned);
        client.redirects.push(redirect.to_owned());
    }

    /// The registered client with that id.
    #[must_use]
    pub fn client(&self, id: &str) -> Option<&Client> {
        self.clients.get(id)
    }

    /// Authenticates the client of a request, by `Authorization: Basic` or by its form, and returns
    /// its id. For a public client any secret is ignored.
    ///
    /// # Errors
    /// See [`ClientRefusal`].
    pub fn client_of(&self, incoming: &Incoming, form: &Params) -> Result<String, ClientRefusal> {
        let (id, secret) = match incoming.header(AUTHORIZATION).and_then(basic) {
            Some((id, secret)) => (id, Some(secret)),
            None => {
                let id = form.get("client_id").ok_or(ClientRefusal::Unnamed)?;
                (id.to_owned(), form.get("client_secret").map(str::to_owned))
            }
        };
        let client = self.client(&id).ok_or(ClientRefusal::Unknown)?;
        match (&client.secret, secret) {
            (Some(known), Some(secret)) if *known == secret => Ok(id),
            (Some(_), None) => Err(ClientRefusal::SecretMissing),
            (Some(_), Some(_)) => Err(ClientRefusal::SecretWrong),
            (None, _) => Ok(id),
        }
    }
}

/// Reads a client's id and secret from `Authorization: Basic`. Both are encoded as in a form (RFC
/// 6749 section 2.3.1).
#[must_use]
pub fn basic(header: &str) -> Option<(String, String)> {
    let (kind, text) = header.split_once(' ')?;
    if !kind.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decoded = Params::parse(&format!("id={id}&secret={secret}"));
    Some((decoded.get("id")?.to_owned(), decoded.get("secret")?.to_owned()))
}

fn is_same_loopback(known: &str, redirect: &str) -> bool {
    let parts = |url: &str| {
        let uri: Uri = url.parse().ok()?;
        let host = uri.host()?.to_owned();
        let is_loopback = matches!(host.as_str(), "127.0.0.1" | "[::1]" | "localhost");
        (is_loopback && uri.scheme_str() == Some("http")).then(|| (host, uri.path().to_owned()))
    };
    match (parts(known), parts(redirect)) {
        // A client registered with the address alone accepts any path, as desktop clients need.
        (Some((host, path)), Some((other_host, other_path))) => {
            host == other_host && (path == "/" || path == other_path)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(known: &str, redirect: &str) -> bool {
        let mut grants = Grants::default();
        grants.add_client("id", None, known);
        grants.client("id").unwrap().accepts_redirect(redirect)
    }

    #[test]
    fn only_a_registered_redirect_is_accepted() {
        for (known, redirect, is_taken) in [
            ("https://a.example/back", "https://a.example/back", true),
            ("https://a.example/back", "https://a.example/back/", false),
            ("https://a.example/back", "https://a.example:8443/back", false),
            ("https://a.example/", "https://a.example/back", false),
            ("com.example:/back", "com.example:/back", true),
            ("http://127.0.0.1", "http://127.0.0.1:8912/back", true),
            ("http://127.0.0.1/back", "http://127.0.0.1:8912/back", true),
            ("http://127.0.0.1/back", "http://127.0.0.1:8912/other", false),
            ("http://127.0.0.1", "https://127.0.0.1", false),
            ("http://127.0.0.1", "http://localhost", false),
            ("http://127.0.0.1", "http://127.0.0.1.evil.example/", false),
            ("http://localhost", "http://localhost:3000/", true),
            ("http://[::1]", "http://[::1]:3000/x", true),
        ] {
            assert_eq!(takes(known, redirect), is_taken, "{known} {redirect}");
        }
    }

    #[test]
    fn id_and_secret_of_basic_are_encoded_as_in_a_form() {
        let of = |kind: &str, text: &str| basic(&format!("{kind} {}", STANDARD.encode(text)));
        let pair = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));
        assert_eq!(of("Basic", "id:s%3Ae%25c+r"), pair("id", "s:e%c r"));
        assert_eq!(of("basic", "a%40b:"), pair("a@b", ""));
        assert_eq!(of("Bearer", "id:secret"), None);
        assert_eq!(of("Basic", "id"), None);
        assert_eq!(basic("Basic !"), None);
    }
}
