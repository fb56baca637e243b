//! Puts a [`GoogleCalendar`] together.

use std::sync::Arc;

use calsync_core::auth::{
    AccessTokens, ApiClient, Grant, MemoryTokenStore, OAuthClient, SetupError, TokenStore,
};
use calsync_core::clock::{Clock, Sleep, SystemClock, TokioSleep};
use calsync_core::event::TextLimits;
use calsync_core::http::{Endpoint, EndpointError, HttpTransport, TransportError};
use calsync_core::provider::{CalendarIds, Capabilities};
use calsync_core::{ProviderKind, Secret};

use crate::client::Client;
use crate::google::GoogleCalendar;
use crate::request::Requests;
use crate::scope::Scope;

/// The client id of a host that has none.
const NO_CLIENT: &str = "none";

/// Puts a [`GoogleCalendar`] together.
#[derive(Debug)]
#[must_use]
pub struct GoogleCalendarBuilder {
    client_id: String,
    secret: Option<Secret>,
    redirect: String,
    scopes: Vec<Scope>,
    api_url: String,
    authorize_url: String,
    token_url: String,
    revoke_url: String,
    transport: Option<Arc<dyn HttpTransport>>,
    grant: Option<Arc<dyn Grant>>,
    store: Option<Arc<dyn TokenStore>>,
    clock: Arc<dyn Clock>,
    sleep: Arc<dyn Sleep>,
    text: TextLimits,
}

/// Why a [`GoogleCalendar`] cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// One of the URLs cannot be trusted with a token.
    #[error("{0} cannot be used")]
    Url(&'static str, #[source] EndpointError),
    /// The OAuth client.
    #[error(transparent)]
    OAuth(#[from] SetupError),
    /// The HTTP client, such as where the machine has no certificates to trust.
    #[error("the HTTP client cannot be built")]
    Transport(#[source] TransportError),
    /// No transport was given, and calsync-google was built without the feature that brings one.
    #[error("no transport was given, and none of the features that bring one is on")]
    NoTransport,
}

impl GoogleCalendarBuilder {
    pub(crate) fn new() -> Self {
        Self {
            client_id: String::new(),
            secret: None,
            redirect: "http://127.0.0.1".to_owned(),
            scopes: vec![Scope::EventsOwned],
            api_url: "https://www.googleapis.com/calendar/v3".to_owned(),
            authorize_url: "https://accounts.google.com/o/oauth2/v2/auth".to_owned(),
            token_url: "https://oauth2.googleapis.com/token".to_owned(),
            revoke_url: "https://oauth2.googleapis.com/revoke".to_owned(),
            transport: None,
            grant: None,
            store: None,
            clock: Arc::new(SystemClock),
            sleep: Arc::new(TokioSleep),
            text: TextLimits::default().with_title(1_024).with_location(1_024),
        }
    }

    /// The host's OAuth client, from Google's console.
    pub fn client(mut self, id: impl Into<String>, secret: Secret) -> Self {
        (self.client_id, self.secret) = (id.into(), Some(secret));
        self
    }

    /// The host's OAuth client, where it has no secret.
    pub fn public_client(mut self, id: impl Into<String>) -> Self {
        (self.client_id, self.secret) = (id.into(), None);
        self
    }

    /// Where people come back to from the consent page, as it is registered with Google. The machine itself unless given,
    /// which only an installed app can use.
    pub fn redirect(mut self, url: impl Into<String>) -> Self {
        self.redirect = url.into();
        self
    }

    /// What people are asked to allow. [`Scope::EventsOwned`] unless given.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = Scope>) -> Self {
        self.scopes = scopes.into_iter().collect();
        self
    }

    /// Where the Calendar API answers. Google's own unless given.
    pub fn api_url(mut self, url: impl Into<String>) -> Self {
        self.api_url = url.into();
        self
    }

    /// Where people consent. Google's own unless given.
    pub fn authorize_url(mut self, url: impl Into<String>) -> Self {
        self.authorize_url = url.into();
        self
    }

    /// Where tokens come from. Google's own unless given.
    pub fn token_url(mut self, url: impl Into<String>) -> Self {
        self.token_url = url.into();
        self
    }

    /// Where grants are given back. Google's own unless given.
    pub fn revoke_url(mut self, url: impl Into<String>) -> Self {
        self.revoke_url = url.into();
        self
    }

    /// How requests are sent. [`ReqwestTransport`](calsync_core::http) unless given (features `rustls`, `native-tls`,
    /// `rustls-no-provider`).
    pub fn transport(mut self, transport: impl HttpTransport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// How access tokens are got, where it is not by the consent of each person: a service account, a broker of tokens. The
    /// OAuth client need not be given then; without one [`GoogleCalendar::connect`] leads nowhere.
    pub fn grant(mut self, grant: impl Grant) -> Self {
        self.grant = Some(Arc::new(grant));
        self
    }

    /// Where tokens are kept. In memory unless given, so that they are gone with the process.
    pub fn token_store(mut self, store: impl TokenStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Where the time comes from. The machine's clock unless given.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How to wait. Tokio's timer unless given.
    pub fn sleep(mut self, sleep: impl Sleep) -> Self {
        self.sleep = Arc::new(sleep);
        self
    }

    /// How much text Google takes. 1,024 characters of title and location, 8,192 of description unless given; Google states
    /// none of them.
    pub fn text_limits(mut self, text: TextLimits) -> Self {
        self.text = text;
        self
    }

    /// The provider.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn build(self) -> Result<GoogleCalendar, BuildError> {
        let url = |name, url: &str| Endpoint::new(url).map_err(|error| BuildError::Url(name, error));
        let transport = match self.transport {
            Some(transport) => transport,
            None => own_transport()?,
        };
        let client_id = match &self.grant {
            Some(_) if self.client_id.is_empty() => NO_CLIENT.to_owned(),
            _ => self.client_id,
        };
        let mut oauth = OAuthClient::builder(ProviderKind::GOOGLE, client_id)
            .authorize_url(url("authorize_url", &self.authorize_url)?)
            .token_url(url("token_url", &self.token_url)?)
            .revoke_url(url("revoke_url", &self.revoke_url)?)
            .redirect(self.redirect)
            .scopes(self.scopes.into_iter().map(Scope::as_str))
            // Without these two Google gives no refresh token, or only the first time somebody consents.
            .authorize_param("access_type", "offline")
            .authorize_param("prompt", "consent")
            .transport(transport.clone())
            .clock(self.clock.clone());
        if let Some(secret) = self.secret {
            oauth = oauth.secret(secret);
        }
        let oauth = oauth.build()?;
        let store = self.store.unwrap_or_else(|| Arc::new(MemoryTokenStore::new()));
        let grant = self.grant.unwrap_or_else(|| Arc::new(oauth.clone()));
        let tokens = AccessTokens::new(grant, store, self.clock.clone(), self.sleep);
        let requests = Requests::new(url("api_url", &self.api_url)?);
        let api = ApiClient::new(transport, tokens, ProviderKind::GOOGLE);
        let capabilities = Capabilities::new()
            .with_silent(true)
            .with_client_ids(true)
            .with_etags(true)
            .with_calendar_ids(CalendarIds::GlobalButPrimary)
            .with_text(self.text)
            // Google limits the speed of writes to one calendar, without saying to what.
            .with_in_flight_per_account(4)
            // https://developers.google.com/workspace/calendar/api/guides/quota
            .with_per_minute_per_account(600)
            .with_per_minute_per_application(10_000);
        Ok(GoogleCalendar { client: Client { api, requests, clock: self.clock }, capabilities, oauth })
    }
}

#[cfg(feature = "reqwest")]
fn own_transport() -> Result<Arc<dyn HttpTransport>, BuildError> {
    let transport = calsync_core::http::ReqwestTransport::builder().build();
    transport.map(|transport| Arc::new(transport) as _).map_err(BuildError::Transport)
}

#[cfg(not(feature = "reqwest"))]
fn own_transport() -> Result<Arc<dyn HttpTransport>, BuildError> {
    Err(BuildError::NoTransport)
}
