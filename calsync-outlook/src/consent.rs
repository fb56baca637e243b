//! Microsoft's OAuth server, and how the host is known there.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow>

use std::sync::Arc;

use calsync_core::auth::{AccountClaims, Identity, OAuthClient, ScopeNames};
use calsync_core::clock::Clock;
use calsync_core::http::{Endpoint, HttpTransport};
use calsync_core::rest::{BuildError, endpoint};
use calsync_core::{ProviderKind, Secret};

use crate::builder::OutlookCalendarBuilder;
use crate::cloud::{Cloud, Tenant};
use crate::scope::Scope;

/// The client id of a host that has none, since a grant of its own needs no consent.
const NO_CLIENT: &str = "none";

/// Without it there is no refresh token. Microsoft never says that it was granted.
const OFFLINE: &str = "offline_access";

/// What the builder was told of it.
#[derive(Debug)]
pub(crate) struct Consent {
    client_id: String,
    secret: Option<Secret>,
    tenant: Tenant,
    redirect: String,
    scopes: Vec<Scope>,
    login_url: Option<String>,
    issuer: Option<String>,
}

impl Default for Consent {
    fn default() -> Self {
        Self {
            client_id: String::new(),
            secret: None,
            tenant: Tenant::default(),
            redirect: "http://localhost".to_owned(),
            scopes: vec![Scope::CalendarsReadWrite],
            login_url: None,
            issuer: None,
        }
    }
}

impl Consent {
    /// The OAuth client. Its id may only be missing where it is not needed.
    pub(crate) fn build(
        self,
        cloud: Cloud,
        transport: Arc<dyn HttpTransport>,
        clock: Arc<dyn Clock>,
        is_needed: bool,
    ) -> Result<OAuthClient, BuildError> {
        let has_none = self.client_id.is_empty() && !is_needed;
        let client_id = if has_none { NO_CLIENT.to_owned() } else { self.client_id };
        let login = endpoint("login_url", self.login_url.as_deref().unwrap_or(cloud.login_url()))?;
        let of_tenant = |what: &str| -> Result<Endpoint, BuildError> {
            let target = login.target().segment(self.tenant.as_str()).segment("oauth2").segment("v2.0");
            let uri = target.segment(what).uri().map_err(|error| BuildError::Url("tenant", error))?;
            endpoint("login_url", &uri.to_string())
        };
        let scopes = self.scopes.into_iter().map(|scope| scope.in_cloud(cloud));
        let identity = match self.issuer {
            Some(own) => Identity::new(own),
            None => {
                let identity = Identity::new(issuer_of(cloud.login_url()));
                match cloud.other_login_url() {
                    Some(other) => identity.with_issuer(issuer_of(other)),
                    None => identity,
                }
            }
        };
        let identity =
            identity.with_scopes(["openid", "profile", "email"]).with_claims(AccountClaims::TenantAndObject);
        let mut oauth = OAuthClient::builder(ProviderKind::OUTLOOK, client_id)
            .authorize_url(of_tenant("authorize")?)
            .token_url(of_tenant("token")?)
            .redirect(self.redirect)
            .scopes(scopes.chain([OFFLINE.to_owned()]))
            .scope_names(ScopeNames::Short)
            .identity(identity)
            .authorize_param("response_mode", "query")
            // Many people are signed in to more accounts than one.
            .authorize_param("prompt", "select_account")
            .transport(transport)
            .clock(clock);
        if let Some(secret) = self.secret {
            oauth = oauth.secret(secret);
        }
        Ok(oauth.build()?)
    }
}

/// What a sign-in calls itself in id tokens, by the `issuer` of its metadata.
fn issuer_of(login_url: &str) -> String {
    format!("{login_url}/{{tenantid}}/v2.0")
}

/// Consent (feature `oauth`).
impl OutlookCalendarBuilder {
    /// The host's app, from Microsoft Entra: its application (client) id, and the value of a client secret.
    pub fn client(mut self, id: impl Into<String>, secret: Secret) -> Self {
        (self.consent.client_id, self.consent.secret) = (id.into(), Some(secret));
        self
    }

    /// The host's app, where it has no secret.
    pub fn public_client(mut self, id: impl Into<String>) -> Self {
        (self.consent.client_id, self.consent.secret) = (id.into(), None);
        self
    }

    /// Whose accounts may be connected. [`Tenant::Common`] unless given.
    pub fn tenant(mut self, tenant: Tenant) -> Self {
        self.consent.tenant = tenant;
        self
    }

    /// Where people come back to from the consent page, as it is registered with Microsoft. The machine itself unless given,
    /// which only an app on people's devices can use.
    pub fn redirect(mut self, url: impl Into<String>) -> Self {
        self.consent.redirect = url.into();
        self
    }

    /// What people are asked to allow. [`Scope::CalendarsReadWrite`] unless given.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = Scope>) -> Self {
        self.consent.scopes = scopes.into_iter().collect();
        self
    }

    /// Where people sign in and tokens come from, below which the tenant's paths lie. The cloud's own unless given.
    pub fn login_url(mut self, url: impl Into<String>) -> Self {
        self.consent.login_url = Some(url.into());
        self
    }

    /// What the server calls itself in id tokens (`iss`), where it is not Microsoft's own; `{tenantid}` is the token's `tid`.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.consent.issuer = Some(issuer.into());
        self
    }
}
