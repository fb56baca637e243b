//! Builds an [`OAuthClient`].

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

/// Builds an [`OAuthClient`]. Created by [`OAuthClient::builder`].
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
    /// A required setting is missing; the text names it.
    #[error("an OAuth client needs {0}")]
    Missing(&'static str),
    /// The redirect URL cannot be used: it is not a URL, has a fragment (RFC 6749 section 3.1.2),
    /// or would carry the code unencrypted. Allowed are `https`, `http` on loopback, and a native
    /// app's own scheme with a dot in it (RFC 8252 section 7.1).
    #[error("a redirect URL must be https, http on loopback, or an app's own scheme, without a fragment")]
    Redirect,
    /// The OAuth library does not accept the URL of an endpoint; the text names the endpoint.
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

    /// The client secret. A client without one is a public client, which only PKCE protects.
    /// Default: none.
    #[must_use]
    pub fn secret(mut self, secret: Secret) -> Self {
        self.secret = Some(secret);
        self
    }

    /// The authorization endpoint, where the person consents. Required.
    #[must_use]
    pub fn authorize_url(mut self, url: Endpoint) -> Self {
        self.authorize_url = Some(url);
        self
    }

    /// The token endpoint. Required.
    #[must_use]
    pub fn token_url(mut self, url: Endpoint) -> Self {
        self.token_url = Some(url);
        self
    }

    /// The revocation endpoint (RFC 7009). Default: none; revoking then does nothing.
    #[must_use]
    pub fn revoke_url(mut self, url: Endpoint) -> Self {
        self.revoke_url = Some(url);
        self
    }

    /// The redirect URL, to which the person returns: exactly as it is registered with the server.
    /// Required.
    #[must_use]
    pub fn redirect(mut self, url: impl Into<String>) -> Self {
        self.redirect = Some(url.into());
        self
    }

    /// The scopes to ask for. A connect fails unless all of them are granted. Default: none.
    #[must_use]
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// How the server writes the scopes it granted. Default: [`ScopeNames::Exact`].
    #[must_use]
    pub fn scope_names(mut self, names: ScopeNames) -> Self {
        self.scope_names = names;
        self
    }

    /// How the server reports whose account it is. Its scopes are requested too; a connect succeeds
    /// without them. Default: no identity is requested.
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Adds a parameter to the consent page's URL, such as `prompt`.
    #[must_use]
    pub fn authorize_param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.authorize_params.push((name.into(), value.into()));
        self
    }

    /// How long before its expiry an access token is no longer used. Default: 5 minutes. Never more
    /// than half of the token's lifetime.
    #[must_use]
    pub fn expiry_margin(mut self, margin: Duration) -> Self {
        self.expiry_margin = margin;
        self
    }

    /// How long the person may take to return from the consent page. Default: 10 minutes.
    #[must_use]
    pub fn pending_lifetime(mut self, lifetime: Duration) -> Self {
        self.pending_lifetime = lifetime;
        self
    }

    /// The transport that sends the requests. Required.
    #[must_use]
    pub fn transport(mut self, transport: impl HttpTransport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Where the time comes from. Default: the machine's clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    /// See [`SetupError`].
    pub fn build(self) -> Result<OAuthClient, SetupError> {
        if self.client_id.trim().is_empty() {
            return Err(SetupError::Missing("a client id"));
        }
        let authorize_url = self.authorize_url.ok_or(SetupError::Missing("an authorize URL"))?;
        let token_url = self.token_url.ok_or(SetupError::Missing("a token URL"))?;
        let redirect = self.redirect.ok_or(SetupError::Missing("a redirect URL"))?;
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

/// Parses a redirect URL and checks that it does not carry a code unencrypted.
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
