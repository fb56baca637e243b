//! What a grant gave.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Account;
use crate::model::Credentials;
use crate::secret::Secret;

/// What a grant gave. Never serialised or printed: writing a token out takes an explicit [`Secret::expose`], or a
/// vault.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Tokens {
    /// Opens the API, for a while.
    pub access_token: Secret,
    /// Gets the next access token. `None` where the server gave none.
    pub refresh_token: Option<Secret>,
    /// Until when to use the access token: its receipt and the life the server gave it, less a margin. `None` where the server
    /// did not say; it is then used until it is refused.
    pub expires_at: Option<DateTime<Utc>>,
    /// What was granted, as far as it is known.
    pub scopes: Vec<String>,
    /// Whose account they open. `None` where the grant does not tell.
    pub account: Option<Account>,
}

impl Tokens {
    /// An access token and nothing else.
    #[must_use]
    pub fn new(access_token: Secret) -> Self {
        Self { access_token, refresh_token: None, expires_at: None, scopes: Vec::new(), account: None }
    }

    /// The same with a refresh token.
    #[must_use]
    pub fn with_refresh_token(mut self, refresh_token: Secret) -> Self {
        self.refresh_token = Some(refresh_token);
        self
    }

    /// The same, not to be used from that instant on.
    #[must_use]
    pub fn with_expiry(mut self, expires_at: DateTime<Utc>) -> Self {
        self.expires_at = Some(expires_at);
        self
    }

    /// The same with the scopes that were granted.
    #[must_use]
    pub fn with_scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// The same, known to open that account.
    #[must_use]
    pub fn with_account(mut self, account: Option<Account>) -> Self {
        self.account = account;
        self
    }

    /// The tokens in the guide's columns. `None` where they hold neither an access token nor a refresh token.
    #[must_use]
    pub fn of(credentials: &Credentials) -> Option<Self> {
        let told = |token: &Option<Secret>| token.clone().filter(|token| !token.expose().is_empty());
        let (access, refresh) = (told(&credentials.access_token), told(&credentials.refresh_token));
        if access.is_none() && refresh.is_none() {
            return None;
        }
        Some(Self {
            access_token: access.unwrap_or_else(|| Secret::new("")),
            refresh_token: refresh,
            expires_at: credentials.token_expires_at,
            scopes: Vec::new(),
            account: None,
        })
    }

    /// Whether the access token can be sent now. One that cannot stand in a header (RFC 6750 section 2.1), such as one with a
    /// line feed stored along with it, counts as run out: a refresh heals it.
    #[must_use]
    pub fn is_usable(&self, now: DateTime<Utc>) -> bool {
        is_sendable(&self.access_token) && self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

/// Whether a token consists of what RFC 6749 appendix A.12 lets it consist of.
pub(super) fn is_sendable(token: &Secret) -> bool {
    let token = token.expose();
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Tokens as they are written where they are sealed, or let out on purpose.
#[derive(Serialize)]
pub(super) struct TokensRow<'a> {
    access_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
    scopes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a Account>,
}

impl<'a> From<&'a Tokens> for TokensRow<'a> {
    fn from(tokens: &'a Tokens) -> Self {
        Self {
            access_token: tokens.access_token.expose(),
            refresh_token: tokens.refresh_token.as_ref().map(Secret::expose),
            expires_at: tokens.expires_at,
            scopes: &tokens.scopes,
            account: tokens.account.as_ref(),
        }
    }
}

/// Tokens as they are read back.
#[derive(Deserialize)]
pub(super) struct OpenedTokensRow {
    access_token: Secret,
    #[serde(default)]
    refresh_token: Option<Secret>,
    #[serde(default)]
    expires_at: Option<DateTime<Utc>>,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    account: Option<Account>,
}

impl From<OpenedTokensRow> for Tokens {
    fn from(row: OpenedTokensRow) -> Self {
        let OpenedTokensRow { access_token, refresh_token, expires_at, scopes, account } = row;
        Self { access_token, refresh_token, expires_at, scopes, account }
    }
}
