//! Configuration of consent: the host's OAuth client, and the URLs of Google's OAuth server.

use std::sync::Arc;

use calsync_core::auth::{AccountClaims, Identity, OAuthClient};
use calsync_core::clock::Clock;
use calsync_core::http::HttpTransport;
use calsync_core::rest::{BuildError, endpoint};
use calsync_core::{ProviderKind, Secret};

use crate::builder::GoogleCalendarBuilder;
use crate::scope::Scope;

/// Client id used when the host has no OAuth client, because its own `Grant` needs no consent.
const NO_CLIENT: &str = "none";

/// Google's issuer name in id tokens, in both spellings that it uses
/// (<https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken>).
const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];

/// The consent settings of the builder.
#[derive(Debug)]
pub(crate) struct Consent {
    client_id: String,
    secret: Option<Secret>,
    redirect: String,
    scopes: Vec<Scope>,
    authorize_url: String,
    token_url: String,
    revoke_url: String,
    issuer: Option<String>,
}

impl Default for Consent {
    fn default() -> Self {
        Self {
            client_id: String::new(),
            secret: None,
            redirect: "http://127.0.0.1".to_owned(),
            scopes: vec![Scope::EventsOwned],
            authorize_url: "https://accounts.google.com/o/oauth2/v2/auth".to_owned(),
            token_url: "https://oauth2.googleapis.com/token".to_owned(),
            revoke_url: "https://oauth2.googleapis.com/revoke".to_owned(),
            issuer: None,
        }
    }
}

impl Consent {
    /// Builds the OAuth client. The client id may be missing only if `is_needed` is false.
    pub(crate) fn build(
        self,
        transport: Arc<dyn HttpTransport>,
        clock: Arc<dyn Clock>,
        is_needed: bool,
    ) -> Result<OAuthClient, BuildError> {
        let has_none = self.client_id.is_empty() && !is_needed;
        let client_id = if has_none { NO_CLIENT.to_owned() } else { self.client_id };
        let [issuer, bare] = ISSUERS;
        let identity = match self.issuer {
            Some(own) => Identity::new(own),
            None => Identity::new(issuer).with_issuer(bare),
        };
        let identity = identity.with_claims(AccountClaims::Subject).with_primary_by_email(true);
        let mut oauth = OAuthClient::builder(ProviderKind::GOOGLE, client_id)
            .authorize_url(endpoint("authorize_url", &self.authorize_url)?)
            .token_url(endpoint("token_url", &self.token_url)?)
            .revoke_url(endpoint("revoke_url", &self.revoke_url)?)
            .redirect(self.redirect)
            .scopes(self.scopes.into_iter().map(Scope::as_str))
            .identity(identity)
            // Without `access_type=offline` Google gives no refresh token; without `prompt=consent`
            // it gives one only the first time a person consents.
            .authorize_param("access_type", "offline")
            .authorize_param("prompt", "consent")
            .transport(transport)
            .clock(clock);
        if let Some(secret) = self.secret {
            oauth = oauth.secret(secret);
        }
        Ok(oauth.build()?)
    }
}

/// Consent (feature `oauth`).
impl GoogleCalendarBuilder {
    /// Id and secret of the host's OAuth client, from the Google Cloud console.
    pub fn client(mut self, id: impl Into<String>, secret: Secret) -> Self {
        (self.consent.client_id, self.consent.secret) = (id.into(), Some(secret));
        self
    }

    /// Id of the host's OAuth client, for a client without a secret.
    pub fn public_client(mut self, id: impl Into<String>) -> Self {
        (self.consent.client_id, self.consent.secret) = (id.into(), None);
        self
    }

    /// Redirect URL, exactly as it is registered with Google. Default: `http://127.0.0.1`, which
    /// only an installed app (client type *Desktop app*) can use.
    pub fn redirect(mut self, url: impl Into<String>) -> Self {
        self.consent.redirect = url.into();
        self
    }

    /// Scopes that the consent page asks for. Default: [`Scope::EventsOwned`].
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = Scope>) -> Self {
        self.consent.scopes = scopes.into_iter().collect();
        self
    }

    /// URL of the consent page. Default: `https://accounts.google.com/o/oauth2/v2/auth`.
    pub fn authorize_url(mut self, url: impl Into<String>) -> Self {
        self.consent.authorize_url = url.into();
        self
    }

    /// URL of the token endpoint. Default: `https://oauth2.googleapis.com/token`.
    pub fn token_url(mut self, url: impl Into<String>) -> Self {
        self.consent.token_url = url.into();
        self
    }

    /// URL of the revocation endpoint. Default: `https://oauth2.googleapis.com/revoke`.
    pub fn revoke_url(mut self, url: impl Into<String>) -> Self {
        self.consent.revoke_url = url.into();
        self
    }

    /// Issuer that id tokens must name (`iss`), for an emulator. Default: Google's own, in both
    /// spellings that it uses.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.consent.issuer = Some(issuer.into());
        self
    }
}
