//! The authorization code flow with PKCE, refresh and revocation.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::http::{Method, header};
use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, Scope, StandardRevocableToken,
    TokenResponse as _, TokenUrl,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::callback::{Callback, Outcome};
use super::error::Unavailable;
use super::finished::FinishedStates;
use super::identity::TokenResponse;
use super::token_endpoint::{Caller, TokenEndpoint, read};
use super::tokens::is_sendable;
use super::{
    AuthError, Connect, ConnectError, Connected, Grant, Identity, IdentityError, OAuthClientBuilder,
    PendingConnect, Revoked, ScopeNames, ServerCode, Tokens,
};
use crate::calendar::ConnectionKey;
use crate::error::Operation;
use crate::http::{Endpoint, Request};
use crate::names::ProviderKind;
use crate::secret::Secret;

/// The host's OAuth client at one authorization server: consent (RFC 6749 section 4.1, with PKCE,
/// RFC 7636), refresh (section 6) and revocation (RFC 7009). Clones are handles to the same one.
#[derive(Clone)]
pub struct OAuthClient {
    inner: Arc<Inner>,
    finished: Arc<FinishedStates>,
}

pub(super) struct Inner {
    pub(super) client_id: ClientId,
    pub(super) secret: Option<Secret>,
    pub(super) authorize_url: AuthUrl,
    pub(super) token_url: TokenUrl,
    pub(super) revoke_url: Option<Endpoint>,
    pub(super) redirect: RedirectUrl,
    pub(super) scopes: Vec<String>,
    pub(super) scope_names: ScopeNames,
    pub(super) identity: Option<Identity>,
    pub(super) authorize_params: Vec<(String, String)>,
    pub(super) expiry_margin: Duration,
    pub(super) pending_lifetime: Duration,
    pub(super) endpoint: TokenEndpoint,
}

type Client = oauth2::Client<
    BasicErrorResponse,
    TokenResponse,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

impl OAuthClient {
    /// Upper bound of an access token's lifetime: a longer `expires_in` counts as this.
    const MAX_LIFETIME: Duration = Duration::from_secs(366 * 24 * 3600);

    /// Starts building a client. `client_id` is the id under which the host is registered.
    #[must_use]
    pub fn builder(provider: ProviderKind, client_id: impl Into<String>) -> OAuthClientBuilder {
        OAuthClientBuilder::new(provider, client_id.into())
    }

    pub(super) fn of(inner: Inner) -> Self {
        Self { inner: Arc::new(inner), finished: Arc::default() }
    }

    /// The provider whose calendars the grants open.
    #[must_use]
    pub fn provider(&self) -> &ProviderKind {
        &self.inner.endpoint.provider
    }

    /// Begins a connect of that connection. Returns the URL to send the person to, and the state to
    /// keep until they return.
    #[must_use]
    pub fn connect(&self, key: &ConnectionKey) -> Connect {
        let inner = &self.inner;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = inner.client();
        let mut request = client.authorize_url(CsrfToken::new_random).set_pkce_challenge(challenge);
        request = request.add_scopes(inner.scopes.iter().cloned().map(Scope::new));
        let nonce = inner.identity.as_ref().map(|_| CsrfToken::new_random().into_secret());
        if let (Some(identity), Some(nonce)) = (&inner.identity, &nonce) {
            let beside = identity.scopes.iter().filter(|scope| !inner.scopes.contains(scope));
            request = request.add_scopes(beside.cloned().map(Scope::new)).add_extra_param("nonce", nonce);
        }
        for (name, value) in &inner.authorize_params {
            request = request.add_extra_param(name, value);
        }
        let (url, state) = request.url();
        let pending = PendingConnect {
            key: key.clone(),
            client_id: inner.client_id.as_str().to_owned(),
            token_url: inner.token_url.as_str().to_owned(),
            state: Secret::new(state.into_secret()),
            verifier: Secret::new(verifier.into_secret()),
            nonce: nonce.map(Secret::new),
            redirect: inner.redirect.as_str().to_owned(),
            scopes: inner.scopes.clone(),
            expires_at: later(inner.now(), inner.pending_lifetime),
            other_account: false,
        };
        Connect { url: Secret::new(url), pending }
    }

    /// Finishes a connect of that connection. `callback` is the URL with which the person returned,
    /// or its query. Stores nothing: [`AccessTokens::finish`](super::AccessTokens::finish) also
    /// stores the tokens.
    ///
    /// A state is accepted once. This client remembers the accepted states in memory; against
    /// another process the server protects, which accepts a code once. After
    /// [`ConnectError::Unavailable`], or if this future was dropped, the same callback may be
    /// finished again.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn finish(
        &self,
        key: &ConnectionKey,
        pending: PendingConnect,
        callback: &str,
    ) -> Result<Connected, ConnectError> {
        let inner = &self.inner;
        inner.check(key, &pending)?;
        let callback = Callback::read(callback)?;
        if !pending.is_of(&callback.state) {
            return Err(ConnectError::WrongState);
        }
        if let (Some(iss), Some(identity)) = (&callback.iss, &inner.identity)
            && !identity.knows_issuer(iss)
        {
            return Err(ConnectError::WrongIssuer);
        }
        if pending.expires_at <= inner.now() {
            return Err(ConnectError::Expired);
        }
        let claim = self.finished.claim(callback.state, pending.expires_at, inner.now());
        let claim = claim.ok_or(ConnectError::ReusedState)?;
        let outcome = match callback.outcome {
            Outcome::Error(error) => Err(consent_error(&error)),
            Outcome::Code(code) => inner.exchange(code, &pending).await,
        };
        if !matches!(outcome, Err(ConnectError::Unavailable(_))) {
            claim.keep();
        }
        outcome.map(Connected::new)
    }

    /// Gets new tokens with the refresh token. The old refresh token stays valid if the server
    /// returns no new one (RFC 6749 section 6).
    ///
    /// A host uses [`AccessTokens`](super::AccessTokens), which saves the new tokens before any
    /// caller gets them.
    ///
    /// # Errors
    /// See [`AuthError`].
    pub async fn refresh(&self, tokens: &Tokens) -> Result<Tokens, AuthError> {
        let inner = &self.inner;
        let Some(refresh_token) = &tokens.refresh_token else {
            return Err(AuthError::reconnect(ServerCode::new("no_refresh_token")));
        };
        let (client, token) = (inner.client(), RefreshToken::new(refresh_token.expose().to_owned()));
        let caller = Caller(&inner.endpoint, Operation::Refresh);
        let response = read(client.exchange_refresh_token(&token).request_async(&caller).await)?;
        let fresh = inner.tokens(&response, &tokens.scopes)?;
        let account = match inner.account(&response, None) {
            Ok(account) => account,
            // The new tokens are valid. A bad id token must not lose a rotated refresh token.
            Err(error) => {
                tracing::warn!(%error, "the id token of a refresh response is ignored: it failed a check");
                None
            }
        };
        if super::Account::differ(tokens.account.as_ref(), account.as_ref()) {
            return Err(AuthError::OtherAccount);
        }
        let refresh_token = fresh.refresh_token.or_else(|| tokens.refresh_token.clone());
        let account = super::Account::merged(tokens.account.as_ref(), account);
        Ok(Tokens { refresh_token, account, ..fresh })
    }

    /// Revokes a grant. Success if the grant was already expired or revoked.
    ///
    /// At Google this ends every grant of the same account to this client, other connections of
    /// that account included.
    ///
    /// # Errors
    /// See [`AuthError`].
    pub async fn revoke(&self, tokens: &Tokens) -> Result<Revoked, AuthError> {
        let inner = &self.inner;
        let Some(url) = &inner.revoke_url else { return Ok(Revoked::NotOffered) };
        let (token, hint) = match &tokens.refresh_token {
            Some(token) => (token, "refresh_token"),
            None => (&tokens.access_token, "access_token"),
        };
        let mut form = format!("token={}&token_type_hint={hint}", escape(token.expose()));
        form.push_str(&format!("&client_id={}", escape(&inner.client_id)));
        if let Some(secret) = &inner.secret {
            form.push_str(&format!("&client_secret={}", escape(secret.expose())));
        }
        let uri = url.target().uri().map_err(|_| AuthError::Configuration(ServerCode::new("revoke_url")))?;
        let mut request = Request::new(Bytes::from(form));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        let form_type = ::http::HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(header::CONTENT_TYPE, form_type);
        inner.endpoint.revoke(request).await.map(|()| Revoked::Done)
    }

    /// The scopes this client asks for that were not granted to these tokens. Empty if the tokens'
    /// scopes are not known.
    #[must_use]
    pub fn missing_scopes(&self, tokens: &Tokens) -> Vec<String> {
        if tokens.scopes.is_empty() {
            return Vec::new();
        }
        self.inner.scope_names.missing(&self.inner.scopes, &tokens.scopes)
    }
}

impl Inner {
    fn now(&self) -> DateTime<Utc> {
        self.endpoint.clock.now()
    }

    /// Built for each call, so that the secret is in plain memory only during a call.
    fn client(&self) -> Client {
        let client = oauth2::Client::new(self.client_id.clone())
            // Credentials go into the body, as Google and Microsoft document.
            .set_auth_type(AuthType::RequestBody)
            .set_auth_uri(self.authorize_url.clone())
            .set_token_uri(self.token_url.clone())
            .set_redirect_uri(self.redirect.clone());
        match &self.secret {
            Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose().to_owned())),
            None => client,
        }
    }

    /// Checks that a connect was begun for that connection, with this client, at this server.
    fn check(&self, key: &ConnectionKey, pending: &PendingConnect) -> Result<(), ConnectError> {
        if pending.key.provider != self.endpoint.provider {
            return Err(ConnectError::OtherProvider);
        }
        if pending.key != *key {
            return Err(ConnectError::OtherConnection);
        }
        let is_ours =
            pending.client_id == self.client_id.as_str() && pending.token_url == self.token_url.as_str();
        if is_ours { Ok(()) } else { Err(ConnectError::OtherClient) }
    }

    async fn exchange(&self, code: String, pending: &PendingConnect) -> Result<Tokens, ConnectError> {
        let redirect = super::builder::redirect_url(pending.redirect.clone());
        let redirect = redirect.map_err(|_| ConnectError::Configuration(ServerCode::new("redirect")))?;
        let client = self.client();
        let request = client
            .exchange_code(AuthorizationCode::new(code))
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.expose().to_owned()))
            .set_redirect_uri(Cow::Owned(redirect));
        let caller = Caller(&self.endpoint, Operation::Connect);
        let response = read(request.request_async(&caller).await).map_err(ConnectError::of_code)?;
        let tokens = self.tokens(&response, &pending.scopes).map_err(ConnectError::of_code)?;
        let account = self.account(&response, pending.nonce.as_ref()).map_err(ConnectError::Identity)?;
        let missing = self.scope_names.missing(&pending.scopes, &tokens.scopes);
        if !missing.is_empty() {
            return Err(ConnectError::MissingScopes(missing));
        }
        if tokens.refresh_token.is_none() {
            return Err(ConnectError::NoRefreshToken);
        }
        Ok(tokens.with_account(account))
    }

    /// The account, if the response has an id token and the client has an [`Identity`].
    fn account(
        &self,
        response: &TokenResponse,
        nonce: Option<&Secret>,
    ) -> Result<Option<super::Account>, IdentityError> {
        let (token, Some(identity)) = (response.extra_fields(), &self.identity) else { return Ok(None) };
        if !token.is_present() {
            return Ok(None);
        }
        let nonce = nonce.map(Secret::expose);
        identity.account(token, self.client_id.as_str(), nonce, self.now()).map(Some)
    }

    /// Takes the tokens out of the oauth2 crate's types, which are not wiped from memory. A server
    /// that names no scopes has granted those asked for (RFC 6749 section 5.1).
    fn tokens(&self, response: &TokenResponse, asked_for: &[String]) -> Result<Tokens, AuthError> {
        let access_token = Secret::new(response.access_token().secret().as_str());
        if *response.token_type() != BasicTokenType::Bearer || !is_sendable(&access_token) {
            return Err(AuthError::Unavailable(Unavailable::new().with_status(200)));
        }
        let refresh_token = response.refresh_token().map(|token| token.secret().as_str());
        let scopes =
            response.scopes().map(|scopes| scopes.iter().flat_map(|scope| super::scope::split(scope)));
        Ok(Tokens {
            access_token,
            refresh_token: refresh_token.filter(|token| !token.is_empty()).map(Secret::new),
            expires_at: response.expires_in().map(|lifetime| {
                let lifetime = lifetime.min(OAuthClient::MAX_LIFETIME);
                later(self.now(), lifetime - self.expiry_margin.min(lifetime / 2))
            }),
            scopes: scopes.map_or_else(|| asked_for.to_vec(), Iterator::collect),
            account: None,
        })
    }
}

#[async_trait]
impl Grant for OAuthClient {
    async fn obtain(&self, _key: &ConnectionKey, current: Option<&Tokens>) -> Result<Tokens, AuthError> {
        self.refresh(current.ok_or(AuthError::NotConnected)?).await
    }

    async fn revoke(&self, _key: &ConnectionKey, tokens: &Tokens) -> Result<Revoked, AuthError> {
        self.revoke(tokens).await
    }
}

/// Maps an error of the consent page (RFC 6749 section 4.1.2.1).
fn consent_error(error: &str) -> ConnectError {
    let code = ServerCode::new(error);
    match code.code() {
        "access_denied" => ConnectError::Denied,
        "unauthorized_client"
        | "unsupported_response_type"
        | "invalid_scope"
        | "invalid_request"
        | "invalid_client"
        | "redirect_uri_mismatch" => ConnectError::Configuration(code),
        "server_error" | "temporarily_unavailable" => {
            ConnectError::Unavailable(Unavailable::new().with_code(code))
        }
        _ => ConnectError::Refused(code),
    }
}

fn later(now: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
    now.checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Shows neither the secret nor the redirect URL.
impl fmt::Debug for OAuthClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthClient")
            .field("provider", self.provider())
            .field("client_id", &self.inner.client_id.as_str())
            .field("is_public", &self.inner.secret.is_none())
            .field("scopes", &self.inner.scopes)
            .finish_non_exhaustive()
    }
}
