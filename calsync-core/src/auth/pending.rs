//! A connect that waits for the person.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::names::ProviderKind;
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

/// What has to be kept of a connect until the person comes back: the state (RFC 6749 section 10.12), the PKCE verifier (RFC 7636),
/// where the person returns to, what was asked for, and until when.
///
/// Serialises **with its secrets**, since it must outlive the request that made it. Keep it on the server, in the session
/// of the person who connects, or sealed in a cookie (see the vault); whoever has it and the code has the tokens. That it is tied to
/// the person's session is what keeps somebody from connecting their own calendar to another's account.
pub struct PendingConnect {
    pub(super) provider: ProviderKind,
    pub(super) state: Secret,
    pub(super) verifier: Secret,
    pub(super) redirect: String,
    pub(super) scopes: Vec<String>,
    pub(super) expires_at: DateTime<Utc>,
}

impl PendingConnect {
    /// Until when the person may come back.
    #[must_use]
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
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
            .field("provider", &self.provider)
            .field("scopes", &self.scopes)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl Serialize for PendingConnect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Row<'a> {
            provider: &'a ProviderKind,
            state: &'a str,
            verifier: &'a str,
            redirect: &'a str,
            scopes: &'a [String],
            expires_at: DateTime<Utc>,
        }
        Row {
            provider: &self.provider,
            state: self.state.expose(),
            verifier: self.verifier.expose(),
            redirect: &self.redirect,
            scopes: &self.scopes,
            expires_at: self.expires_at,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PendingConnect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Row {
            provider: ProviderKind,
            state: Secret,
            verifier: Secret,
            redirect: String,
            scopes: Vec<String>,
            expires_at: DateTime<Utc>,
        }
        let Row { provider, state, verifier, redirect, scopes, expires_at } = Row::deserialize(deserializer)?;
        Ok(Self { provider, state, verifier, redirect, scopes, expires_at })
    }
}
