//! A connect between the redirect to the consent page and the callback.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Account, Tokens};
use crate::calendar::ConnectionKey;
use crate::secret::Secret;

/// A connect that was begun: the URL to send the person to, and the state to keep until they
/// return.
#[derive(Debug)]
#[non_exhaustive]
pub struct Connect {
    /// The consent page, for this person's browser only: it contains the state.
    pub url: Secret,
    /// What [`finish`](super::OAuthClient::finish) needs. Store it in the person's session.
    pub pending: PendingConnect,
}

/// The result of a finished connect.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Connected {
    /// The tokens the server issued.
    pub tokens: Tokens,
    /// The account the tokens open, as in [`Tokens::account`]. `None` if the person did not grant
    /// the identity scopes, or the server does not report it.
    pub account: Option<Account>,
}

impl Connected {
    /// A finished connect. The account is the one in the tokens.
    #[must_use]
    pub fn new(tokens: Tokens) -> Self {
        Self { account: tokens.account.clone(), tokens }
    }
}

/// What the host keeps of a connect until the person returns: the connection, the state (RFC 6749
/// section 10.12), the PKCE verifier (RFC 7636), the nonce (OpenID Connect Core 1.0 section
/// 3.1.2.1), the server and the client, the redirect URL, the scopes, and the expiry.
///
/// Serialises **with its secrets**, because it must outlive the request that made it. Keep it on
/// the server, in the session of the person who connects, or sealed in a cookie (see the vault):
/// with it and the code an attacker can get the tokens. It must be tied to the person's session, so
/// that an attacker cannot connect their own calendar to another person's profile.
pub struct PendingConnect {
    pub(super) key: ConnectionKey,
    pub(super) client_id: String,
    pub(super) token_url: String,
    pub(super) state: Secret,
    pub(super) verifier: Secret,
    pub(super) nonce: Option<Secret>,
    pub(super) redirect: String,
    pub(super) scopes: Vec<String>,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) other_account: bool,
}

impl PendingConnect {
    /// The connection that is being connected.
    #[must_use]
    pub fn key(&self) -> &ConnectionKey {
        &self.key
    }

    /// When the connect expires: from then on a callback is refused.
    #[must_use]
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }

    /// Allows the person to choose another account than the connected one. It then replaces that
    /// account.
    #[must_use]
    pub fn allow_other_account(mut self) -> Self {
        self.other_account = true;
        self
    }

    /// Whether a callback's `state` belongs to this connect, for a host that keeps several. Takes
    /// constant time for a given length.
    #[must_use]
    pub fn is_of(&self, state: &str) -> bool {
        let (a, b) = (self.state.expose().as_bytes(), state.as_bytes());
        let differing = a.iter().zip(b).fold(0, |differing, (a, b)| differing | (a ^ b));
        a.len() == b.len() && std::hint::black_box(differing) == 0
    }
}

impl fmt::Debug for PendingConnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingConnect")
            .field("key", &self.key)
            .field("scopes", &self.scopes)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// The serialised form. Secrets are plain strings.
#[derive(Serialize, Deserialize)]
struct Row<'a, S> {
    key: Cow<'a, ConnectionKey>,
    client_id: Cow<'a, str>,
    token_url: Cow<'a, str>,
    state: S,
    verifier: S,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    nonce: Option<S>,
    redirect: Cow<'a, str>,
    scopes: Cow<'a, [String]>,
    expires_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    other_account: bool,
}

fn none<S>() -> Option<S> {
    None
}

impl Serialize for PendingConnect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Row {
            key: Cow::Borrowed(&self.key),
            client_id: Cow::Borrowed(&self.client_id),
            token_url: Cow::Borrowed(&self.token_url),
            state: self.state.expose(),
            verifier: self.verifier.expose(),
            nonce: self.nonce.as_ref().map(Secret::expose),
            redirect: Cow::Borrowed(&self.redirect),
            scopes: Cow::Borrowed(&self.scopes),
            expires_at: self.expires_at,
            other_account: self.other_account,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PendingConnect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let row = Row::<Secret>::deserialize(deserializer)?;
        Ok(Self {
            key: row.key.into_owned(),
            client_id: row.client_id.into_owned(),
            token_url: row.token_url.into_owned(),
            state: row.state,
            verifier: row.verifier,
            nonce: row.nonce,
            redirect: row.redirect.into_owned(),
            scopes: row.scopes.into_owned(),
            expires_at: row.expires_at,
            other_account: row.other_account,
        })
    }
}
