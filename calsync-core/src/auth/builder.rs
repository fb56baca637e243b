//! Puts an [`OAuthClient`] together.

use std::sync::Arc;
use std::time::Duration;

use oauth2::{AuthUrl, ClientId, RedirectUrl, TokenUrl};

use super::client::Inner;
use super::token_endpoint::TokenEndpoint;
use super::{Identity, OAuthClient, ScopeNames};
use crate::clock::{Clock, SystemClock};
use crate::http::{Endpoint, HttpTransport};
use crate::names::ProviderKind;
use crate::secret::Secret;

/// Puts an [`OAuthClient`] together. Begun by [`OAuthClient::builder`].
#[derive(Debug)]
pub struct OAuthClientBuilder {
    provider: ProviderKind,
    client_id: String,
    secret: Option<Secret>,
    authorize_url: Option<Endpoint>,
    token_url: Option<Endpoint>,
    revoke_url: Option<Endpoint>,
    redirect: Option<String>,
    scopes: Vec<String>,
    scope_names: ScopeNames,
    identity: Option<Identity>,
    authorize_params: Vec<(String, String)>,
    expiry_margin: Duration,
    pending_lifetime: Duration,
    transport: Option<Arc<dyn HttpTransport>>,
    clock: Arc<dyn Clock>,
}

/// Why an [`OAuthClient`] cannot be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// Something that is needed was not given.
    #[error("an OAuth client needs {0}")]
    Missing(&'static str),
    /// The redirect is no URL, has a fragment (RFC 6749 section 3.1.2), or would carry the code in the clear: only `https`, `http`
    /// on loopback, and a native app's own scheme with a dot in it (RFC 8252 section 7.1) will do.
    #[error("a redirect must be https, http on loopback, or an app's own scheme, without a fragment")]
    Redirect,
    /// An endpoint's URL that the OAuth library does not take.
    #[error("{0} cannot be used")]
    Endpoint(&'static str),
}

impl OAuthClientBuilder {
    pub(super) fn new(provider: ProviderKind, client_id: String) -> Self {
        Self {
            provider,
            client_id,
            secret: None,
            authorize_url: None,
            token_url: None,
            revoke_url: None,
            redirect: None,
            scopes: Vec::new(),
            scope_names: ScopeNames::default(),
            identity: None,
            authorize_params: Vec::new(),
            expiry_margin: Duration::from_secs(300),
            pending_lifetime: Duration::from_secs(600),
            transport: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// The client's secret. A client without one is a public one, which only PKCE protects.
    #[must_use]
    pub fn secret(mut self, secret: Secret) -> Self {
        self.secret = Some(secret);
        self
    }

    /// Where the person consents.
    #[must_use]
    pub fn authorize_url(mut self, url: Endpoint) -> Self {
        self.authorize_url = Some(url);
        self
    }

    /// Where tokens come from.
    #[must_use]
    pub fn token_url(mut self, url: Endpoint) -> Self {
        self.token_url = Some(url);
        self
    }

    /// Where tokens are revoked (RFC 7009). Without one, revoking does nothing.
    #[must_use]
    pub fn revoke_url(mut self, url: Endpoint) -> Self {
        self.revoke_url = Some(url);
        self
    }

    /// Where the person comes back to, letter by letter as it is registered with the server.
    #[must_use]
    pub fn redirect(mut self, url: impl Into<String>) -> Self {
        self.redirect = Some(url.into());
        self
    }

    /// What to ask for. All of it must be granted.
    #[must_use]
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// How the server writes the scopes it granted. [`ScopeNames::Exact`] unless given.
    #[must_use]
    pub fn scope_names(mut self, names: ScopeNames) -> Self {
        self.scope_names = names;
        self
    }

    /// How the server says whose account it is. Asked for beside the scopes; a person who keeps it to themselves connects all
    /// the same.
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// One more parameter of the consent page's URL, such as `prompt`.
    #[must_use]
    pub fn authorize_param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.authorize_params.push((name.into(), value.into()));
        self
    }

    /// How long before its end an access token is given up. 5 minutes unless given, and never more than half its life.
    #[must_use]
    pub fn expiry_margin(mut self, margin: Duration) -> Self {
        self.expiry_margin = margin;
        self
    }

    /// How long the person has to come back. 10 minutes unless given.
    #[must_use]
    pub fn pending_lifetime(mut self, lifetime: Duration) -> Self {
        self.pending_lifetime = lifetime;
        self
    }

    /// How requests are sent.
    #[must_use]
    pub fn transport(mut self, transport: impl HttpTransport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Where the time comes from. The machine's clock unless given.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The client.
    ///
    /// # Errors
    /// See [`SetupError`].
    pub fn build(self) -> Result<OAuthClient, SetupError> {
        if self.client_id.trim().is_empty() {
            return Err(SetupError::Missing("a client id"));
        }
        let authorize_url = self.authorize_url.ok_or(SetupError::Missing("an authorize URL"))?;
        let token_url = self.token_url.ok_or(SetupError::Missing("a token URL"))?;
        let redirect = self.redirect.ok_or(SetupError::Missing("a redirect"))?;
        let transport = self.transport.ok_or(SetupError::Missing("a transport"))?;
        let authorize_url = AuthUrl::new(authorize_url.as_str().to_owned());
        let token_url = TokenUrl::new(token_url.as_str().to_owned());
        Ok(OAuthClient::of(Inner {
            client_id: ClientId::new(self.client_id),
            secret: self.secret,
            authorize_url: authorize_url.map_err(|_| SetupError::Endpoint("the authorize URL"))?,
            token_url: token_url.map_err(|_| SetupError::Endpoint("the token URL"))?,
            revoke_url: self.revoke_url,
            redirect: redirect_url(redirect)?,
            scopes: self.scopes,
            scope_names: self.scope_names,
            identity: self.identity,
            authorize_params: self.authorize_params,
            expiry_margin: self.expiry_margin,
            pending_lifetime: self.pending_lifetime,
            endpoint: TokenEndpoint { provider: self.provider, transport, clock: self.clock },
        }))
    }
}

/// A redirect that can be trusted with a code.
pub(super) fn redirect_url(redirect: String) -> Result<RedirectUrl, SetupError> {
    let redirect = RedirectUrl::new(redirect).map_err(|_| SetupError::Redirect)?;
    let url = redirect.url();
    let origin = || Endpoint::new(url.as_str().split(['?', '#', '@']).next().unwrap_or_default());
    let is_safe = match url.scheme() {
        "https" | "http" => origin().is_ok() && url.username().is_empty() && url.password().is_none(),
        scheme => scheme.contains('.'),
    };
    if is_safe && url.fragment().is_none() { Ok(redirect) } else { Err(SetupError::Redirect) }
}
