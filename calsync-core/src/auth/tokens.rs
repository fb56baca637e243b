//! Tokens: what a server issues for a grant.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Account;
use crate::model::Credentials;
use crate::secret::Secret;

/// The tokens a server issued for a grant. Never serialised or printed: to write a token out, call
/// [`Secret::expose`], or use a vault.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Tokens {
    /// Sent with each API request, until it expires.
    pub access_token: Secret,
    /// Used to get the next access token. `None` if the server issued none.
    pub refresh_token: Option<Secret>,
    /// When the access token is no longer used: the time of its receipt plus the lifetime the
    /// server gave, minus a margin. `None` if the server gave no lifetime; the token is then used
    /// until it is refused.
    pub expires_at: Option<DateTime<Utc>>,
    /// The granted scopes. Empty if they are not known.
    pub scopes: Vec<String>,
    /// The account the tokens open. `None` if it is not known.
    pub account: Option<Account>,
}

impl Tokens {
    /// An access token without a refresh token, an expiry, scopes or an account.
    #[must_use]
    pub fn new(access_token: Secret) -> Self {
        Self { access_token, refresh_token: None, expires_at: None, scopes: Vec::new(), account: None }
    }

    /// Sets the refresh token, which gets the next access token.
    #[must_use]
    pub fn with_refresh_token(mut self, refresh_token: Secret) -> Self {
        self.refresh_token = Some(refresh_token);
        self
    }

    /// Sets the instant from which the access token is no longer used.
    #[must_use]
    pub fn with_expiry(mut self, expires_at: DateTime<Utc>) -> Self {
        self.expires_at = Some(expires_at);
        self
    }

    /// Sets the granted scopes.
    #[must_use]
    pub fn with_scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the account the tokens open.
    #[must_use]
    pub fn with_account(mut self, account: Option<Account>) -> Self {
        self.account = account;
        self
    }

    /// The tokens in the guide's columns. `None` if they contain neither an access token nor a
    /// refresh token. Without an access token that of the result is empty, so it is not usable and
    /// is refreshed.
    #[must_use]
    pub fn of(credentials: &Credentials) -> Option<Self> {
        let non_empty = |token: &Option<Secret>| token.clone().filter(|token| !token.expose().is_empty());
        let (access, refresh) = (non_empty(&credentials.access_token), non_empty(&credentials.refresh_token));
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

    /// Whether the access token can be sent now. A token that fits into no header (RFC 6750 section
    /// 2.1), such as one stored with a line feed, counts as expired, so that a refresh replaces it.
    #[must_use]
    pub fn is_usable(&self, now: DateTime<Utc>) -> bool {
        is_sendable(&self.access_token) && self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

/// Whether a token is not empty and has only the characters that RFC 6749 appendix A.12 allows
/// (printable ASCII; spaces are refused too).
pub(super) fn is_sendable(token: &Secret) -> bool {
    let token = token.expose();
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The serialised form of tokens, for sealing or an explicit export.
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

/// Tokens, as they are deserialised.
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
