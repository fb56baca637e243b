//! The OAuth client: Microsoft's OAuth server, and the host's registration there.
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

/// Placeholder client id for a host whose own grant needs no consent.
const NO_CLIENT: &str = "none";

/// The scope for refresh tokens. Microsoft never lists it among the granted scopes.
const OFFLINE: &str = "offline_access";

/// The builder's OAuth settings.
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
    /// Builds the OAuth client. The client id may be missing only if `is_needed` is false.
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
        let tenant_url = |what: &str| -> Result<Endpoint, BuildError> {
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
            .authorize_url(tenant_url("authorize")?)
            .token_url(tenant_url("token")?)
            .redirect(self.redirect)
            .scopes(scopes.chain([OFFLINE.to_owned()]))
            .scope_names(ScopeNames::Short)
            .identity(identity)
            .authorize_param("response_mode", "query")
            // Many people are signed in to several accounts.
            .authorize_param("prompt", "select_account")
            .transport(transport)
            .clock(clock);
        if let Some(secret) = self.secret {
            oauth = oauth.secret(secret);
        }
        Ok(oauth.build()?)
    }
}

/// The issuer that a sign-in host puts into id tokens, as in the `issuer` of its metadata.
fn issuer_of(login_url: &str) -> String {
    format!("{login_url}/{{tenantid}}/v2.0")
}

/// Consent (feature `oauth`).
impl OutlookCalendarBuilder {
    /// The host's app registration in Microsoft Entra: application (client) id, and the value of a
    /// client secret.
    pub fn client(mut self, id: impl Into<String>, secret: Secret) -> Self {
        (self.consent.client_id, self.consent.secret) = (id.into(), Some(secret));
        self
    }

    /// The host's app registration, if it has no secret.
    pub fn public_client(mut self, id: impl Into<String>) -> Self {
        (self.consent.client_id, self.consent.secret) = (id.into(), None);
        self
    }

    /// Whose accounts may be connected. Default: [`Tenant::Common`].
    pub fn tenant(mut self, tenant: Tenant) -> Self {
        self.consent.tenant = tenant;
        self
    }

    /// Redirect URL after consent, as registered with Microsoft. Default: `http://localhost`, which
    /// only an app on people's own devices can use.
    pub fn redirect(mut self, url: impl Into<String>) -> Self {
        self.consent.redirect = url.into();
        self
    }

    /// Scopes to request. Default: [`Scope::CalendarsReadWrite`].
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = Scope>) -> Self {
        self.consent.scopes = scopes.into_iter().collect();
        self
    }

    /// Base URL of the sign-in and of the token endpoint; the tenant's paths are below it. Default:
    /// the cloud's own.
    pub fn login_url(mut self, url: impl Into<String>) -> Self {
        self.consent.login_url = Some(url.into());
        self
    }

    /// Issuer (`iss`) in id tokens, if it is not Microsoft's own. `{tenantid}` stands for the
    /// token's `tid`. Default: the cloud's own.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.consent.issuer = Some(issuer.into());
        self
    }
}
