//! Puts a [`GoogleCalendar`] together.

use std::sync::Arc;

use calsync_core::ProviderKind;
use calsync_core::auth::{AccessTokens, ApiClient, Grant, MemoryTokenStore, TokenStore};
use calsync_core::clock::{Clock, Sleep, SystemClock, TokioSleep};
use calsync_core::event::TextLimits;
use calsync_core::http::{Endpoint, EndpointError, HttpTransport, TransportError};
use calsync_core::provider::{CalendarIds, Capabilities};

use crate::client::Client;
use crate::google::GoogleCalendar;
use crate::request::Requests;

/// Puts a [`GoogleCalendar`] together.
#[derive(Debug)]
#[must_use]
pub struct GoogleCalendarBuilder {
    #[cfg(feature = "oauth")]
    pub(crate) consent: crate::consent::Consent,
    api_url: String,
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
    #[cfg(feature = "oauth")]
    #[error(transparent)]
    OAuth(#[from] calsync_core::auth::SetupError),
    /// No grant was given, and calsync-google was built without the feature `oauth`, which brings one.
    #[error("no grant was given, and the feature oauth, which brings one, is off")]
    NoGrant,
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
            #[cfg(feature = "oauth")]
            consent: crate::consent::Consent::default(),
            api_url: "https://www.googleapis.com/calendar/v3".to_owned(),
            transport: None,
            grant: None,
            store: None,
            clock: Arc::new(SystemClock),
            sleep: Arc::new(TokioSleep),
            text: TextLimits::default().with_title(1_024).with_location(1_024),
        }
    }

    /// Where the Calendar API answers. Google's own unless given.
    pub fn api_url(mut self, url: impl Into<String>) -> Self {
        self.api_url = url.into();
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
        let transport = match self.transport {
            Some(transport) => transport,
            None => own_transport()?,
        };
        #[cfg(feature = "oauth")]
        let oauth = self.consent.build(transport.clone(), self.clock.clone(), self.grant.is_none())?;
        #[cfg(feature = "oauth")]
        let grant = self.grant.unwrap_or_else(|| Arc::new(oauth.clone()));
        #[cfg(not(feature = "oauth"))]
        let grant = self.grant.ok_or(BuildError::NoGrant)?;
        let store = self.store.unwrap_or_else(|| Arc::new(MemoryTokenStore::new()));
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
        Ok(GoogleCalendar {
            client: Client { api, requests, clock: self.clock },
            capabilities,
            #[cfg(feature = "oauth")]
            oauth,
        })
    }
}

/// A base URL of the host's that can be trusted with a token.
pub(crate) fn url(name: &'static str, url: &str) -> Result<Endpoint, BuildError> {
    Endpoint::new(url).map_err(|error| BuildError::Url(name, error))
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
