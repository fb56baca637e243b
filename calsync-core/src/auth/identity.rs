//! The account that consented: the id token of a token response (OpenID Connect Core 1.0).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use oauth2::basic::BasicTokenType;
use oauth2::{ExtraTokenFields, StandardTokenResponse};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Account;
use super::account::AccountAddress;
use crate::names::{AccountId, CalendarId};

/// Placeholder for the token's own tenant in an issuer.
const TENANT: &str = "{tenantid}";

/// How a server reports the account of a grant: the additional scopes a connect asks for, and how
/// the id token is read.
///
/// Without it a connect asks for no id token, and [`Connected::account`](super::Connected::account)
/// is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The accepted issuers (`iss`), in each spelling the server uses. `{tenantid}` stands for the
    /// token's own `tid`, as in Microsoft's metadata.
    pub issuers: Vec<String>,
    /// The scopes that ask for the id token. If the person grants none of them, the connect
    /// succeeds and the account is not known.
    pub scopes: Vec<String>,
    /// The claims that form the account's id.
    pub claims: AccountClaims,
    /// Whether the verified e-mail address is the id of the account's primary calendar, as at
    /// Google.
    pub primary_by_email: bool,
}

/// The claims of an id token that form an account's stable id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AccountClaims {
    /// `iss` and `sub`, written `iss sub`. The standard guarantees that no other account gets the
    /// same pair (section 5.7).
    #[default]
    IssuerAndSubject,
    /// `sub` alone, for a server with one issuer: Google.
    Subject,
    /// `tid` and `oid`, written `tid:oid` in lower case, if the token has both; else `iss` and
    /// `sub`. For Microsoft, whose `sub` is different for each client
    /// (<https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference#use-claims-to-reliably-identify-a-user>).
    TenantAndObject,
}

/// Which check an id token failed (OpenID Connect Core 1.0 section 3.1.3.7). The signature is not
/// checked, because the token comes from the token endpoint, over TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// It is not an id token, or lacks a required claim.
    #[error("the id token cannot be read")]
    Malformed,
    /// `iss` names another server.
    #[error("the id token was issued by another server")]
    Issuer,
    /// `aud` or `azp` names another client.
    #[error("the id token is for another client")]
    Audience,
    /// `exp` passed 5 minutes ago or earlier, or this machine's clock is wrong.
    #[error("the id token has expired")]
    Expired,
    /// `nonce` is missing, or belongs to another connect.
    #[error("the id token's nonce does not match this connect")]
    Nonce,
}

impl Identity {
    /// The identity at a server with this issuer (`iss`), with the scopes `openid` and `email`.
    #[must_use]
    pub fn new(issuer: impl Into<String>) -> Self {
        Self {
            issuers: vec![issuer.into()],
            scopes: vec!["openid".to_owned(), "email".to_owned()],
            claims: AccountClaims::default(),
            primary_by_email: false,
        }
    }

    /// Adds another spelling of the issuer.
    #[must_use]
    pub fn with_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuers.push(issuer.into());
        self
    }

    /// Sets the scopes that ask for the id token.
    #[must_use]
    pub fn with_scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the claims that form the account's id. Default: [`AccountClaims::IssuerAndSubject`].
    #[must_use]
    pub fn with_claims(mut self, claims: AccountClaims) -> Self {
        self.claims = claims;
        self
    }

    /// Sets whether the verified e-mail address is the primary calendar's id. Default: `false`.
    #[must_use]
    pub fn with_primary_by_email(mut self, primary_by_email: bool) -> Self {
        self.primary_by_email = primary_by_email;
        self
    }

    /// Whether a callback's `iss` (RFC 9207 section 2) is an accepted issuer.
    pub(super) fn knows_issuer(&self, iss: &str) -> bool {
        self.issuers.iter().any(|known| match known.split_once(TENANT) {
            None => known == iss,
            Some((before, after)) => iss
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(after))
                .is_some_and(|tenant| !tenant.is_empty() && !tenant.contains('/')),
        })
    }

    /// Whether `iss` is an accepted issuer, with the token's own tenant in place of the
    /// placeholder.
    fn is_issuer(&self, iss: &str, tenant: Option<&str>) -> bool {
        self.issuers.iter().any(|known| match (known.contains(TENANT), tenant) {
            (false, _) => known == iss,
            (true, Some(tenant)) => !tenant.contains('/') && known.replace(TENANT, tenant) == iss,
            (true, None) => false,
        })
    }

    /// Checks an id token and returns its account. `nonce` is the connect's; `None` for a refresh,
    /// whose id token has none.
    pub(super) fn account(
        &self,
        token: &IdToken,
        client_id: &str,
        nonce: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Account, IdentityError> {
        let claims = token.claims()?;
        if !self.is_issuer(&claims.iss, claims.tid.as_deref()) {
            return Err(IdentityError::Issuer);
        }
        if !claims.is_for(client_id) {
            return Err(IdentityError::Audience);
        }
        let expires_at = DateTime::from_timestamp(claims.exp, 0).ok_or(IdentityError::Malformed)?;
        if expires_at <= now - LEEWAY {
            return Err(IdentityError::Expired);
        }
        if nonce.is_some() && claims.nonce.as_deref() != nonce {
            return Err(IdentityError::Nonce);
        }
        let id = claims.id(self.claims);
        let (email, is_verified) = (claims.email.filter(|email| !email.is_empty()), claims.email_verified);
        let by_email = || email.as_deref().and_then(|email| CalendarId::new(email).ok());
        let primary = Some(by_email).filter(|_| self.primary_by_email && is_verified.is_true());
        let primary = primary.and_then(|by_email| by_email());
        let address = email.clone().or(claims.preferred_username).filter(|address| !address.is_empty());
        Ok(Account::new(id).with_address(address.map(AccountAddress::new)).with_primary_calendar(primary))
    }
}

/// How long after `exp` an id token is still accepted, for clocks that differ (RFC 7519 section
/// 4.1.4: a few minutes).
const LEEWAY: TimeDelta = TimeDelta::minutes(5);

/// The claims that calsync reads (OpenID Connect Core 1.0 sections 2 and 5.1).
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: i64,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    tid: Option<String>,
    #[serde(default)]
    oid: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    email_verified: Flag,
    #[serde(default)]
    preferred_username: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// A boolean, which some servers write as a string.
#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Flag {
    Bool(bool),
    Text(String),
    #[default]
    Missing,
}

impl Flag {
    fn is_true(&self) -> bool {
        match self {
            Self::Bool(flag) => *flag,
            Self::Text(text) => text == "true",
            Self::Missing => false,
        }
    }
}

impl Claims {
    /// Whether the token is for the client. With several audiences, `azp` must name the client.
    fn is_for(&self, client_id: &str) -> bool {
        let is_named = match &self.aud {
            Audience::One(aud) => aud == client_id,
            Audience::Several(all) => {
                let asked = all.len() == 1 || self.azp.is_some();
                asked && all.iter().any(|aud| aud == client_id)
            }
        };
        is_named && self.azp.as_deref().is_none_or(|azp| azp == client_id)
    }

    fn id(&self, claims: AccountClaims) -> AccountId {
        let filled = |claim: &Option<String>| claim.as_deref().is_some_and(|claim| !claim.is_empty());
        match claims {
            AccountClaims::Subject => AccountId::new(self.sub.as_str()),
            AccountClaims::TenantAndObject if filled(&self.tid) && filled(&self.oid) => {
                let part = |claim: &Option<String>| claim.as_deref().unwrap_or_default().to_ascii_lowercase();
                AccountId::new([&*part(&self.tid), ":", &*part(&self.oid)].concat())
            }
            AccountClaims::TenantAndObject | AccountClaims::IssuerAndSubject => {
                AccountId::new([&*self.iss, " ", &*self.sub].concat())
            }
        }
    }
}

/// A token response's `id_token`. Its `Debug` says whether there is one.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct IdToken {
    /// Any JSON value, so that an id token that is not a string does not invalidate the whole
    /// response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id_token: Option<Value>,
}

/// A token endpoint's successful response.
pub(super) type TokenResponse = StandardTokenResponse<IdToken, BasicTokenType>;

impl ExtraTokenFields for IdToken {}

impl IdToken {
    pub(super) fn is_present(&self) -> bool {
        self.id_token.is_some()
    }

    fn claims(&self) -> Result<Claims, IdentityError> {
        let token = self.id_token.as_ref().and_then(Value::as_str).ok_or(IdentityError::Malformed)?;
        let mut parts = token.split('.');
        let (Some(_), Some(payload), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(IdentityError::Malformed);
        };
        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| IdentityError::Malformed)?;
        let claims: Claims = serde_json::from_slice(&payload).map_err(|_| IdentityError::Malformed)?;
        if claims.sub.is_empty() { Err(IdentityError::Malformed) } else { Ok(claims) }
    }
}

impl fmt::Debug for IdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdToken").field("is_present", &self.is_present()).finish()
    }
}
