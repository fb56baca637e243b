//! A connect that waits for the person.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Account, Tokens};
use crate::calendar::ConnectionKey;
use crate::secret::Secret;

/// A connect that was begun: where to send the person, and what to keep until they come back.
#[derive(Debug)]
#[non_exhaustive]
pub struct Connect {
    /// The consent page, for this person's browser only: it holds the state.
    pub url: Secret,
    /// What [`finish`](super::OAuthClient::finish) needs. Belongs in the person's session.
    pub pending: PendingConnect,
}

/// A connect that was finished.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Connected {
    /// The tokens.
    pub tokens: Tokens,
    /// Whose account they open: the one in the tokens. `None` where the person did not let the host know, or the server does not
    /// tell.
    pub account: Option<Account>,
}

impl Connected {
    /// A finished connect, with the account that the tokens name.
    #[must_use]
    pub fn new(tokens: Tokens) -> Self {
        Self { account: tokens.account.clone(), tokens }
    }
}

/// What has to be kept of a connect until the person comes back: for which connection it is, the state (RFC 6749 section 10.12), the
/// PKCE verifier (RFC 7636), the nonce (OpenID Connect Core 1.0 section 3.1.2.1), at which server and with which client it was begun,
/// where the person returns to, what was asked for, and until when.
///
/// Serialises **with its secrets**, since it must outlive the request that made it. Keep it on the server, in the session
/// of the person who connects, or sealed in a cookie (see the vault); who has it and the code has the tokens. That it is tied to
/// the person's session is what keeps somebody from connecting their own calendar to another's account.
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
    /// The connection it is for.
    #[must_use]
    pub fn key(&self) -> &ConnectionKey {
        &self.key
    }

    /// Until when the person may come back.
    #[must_use]
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }

    /// The same, where the person may choose another account than the one that is connected: it then replaces that one.
    #[must_use]
    pub fn allow_other_account(mut self) -> Self {
        self.other_account = true;
        self
    }

    /// Whether a callback's state is this connect's, for a host that keeps several. In constant time for a given length.
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

/// As it is written: secrets are texts.
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
