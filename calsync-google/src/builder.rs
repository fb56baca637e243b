//! [`GoogleCalendarBuilder`]: configures and builds a [`GoogleCalendar`].

use std::sync::Arc;

use calsync_core::ProviderKind;
use calsync_core::auth::{Grant, TokenStore};
use calsync_core::clock::{Clock, Sleep};
use calsync_core::event::TextLimits;
use calsync_core::health::AccountHealthStore;
use calsync_core::http::HttpTransport;
use calsync_core::provider::{CalendarIds, Capabilities};
use calsync_core::rest::{BuildError, Setup, endpoint};

use crate::client::Client;
use crate::error;
use crate::google::GoogleCalendar;
use crate::moved::MovedEvents;
use crate::request::Requests;
use crate::zones::UnknownZones;

/// Configures and builds a [`GoogleCalendar`].
#[derive(Debug)]
#[must_use]
pub struct GoogleCalendarBuilder {
    #[cfg(feature = "oauth")]
    pub(crate) consent: crate::consent::Consent,
    api_url: String,
    setup: Setup,
    text: TextLimits,
}

impl GoogleCalendarBuilder {
    pub(crate) fn new() -> Self {
        Self {
            #[cfg(feature = "oauth")]
            consent: crate::consent::Consent::default(),
            api_url: "https://www.googleapis.com/calendar/v3".to_owned(),
            setup: Setup::default(),
            text: TextLimits::default().with_title(1_024).with_location(1_024),
        }
    }

    /// Base URL of the Calendar API. Default: `https://www.googleapis.com/calendar/v3`.
    pub fn api_url(mut self, url: impl Into<String>) -> Self {
        self.api_url = url.into();
        self
    }

    /// Sends the HTTP requests. Default: [`ReqwestTransport`](calsync_core::http) (features
    /// `rustls`, `native-tls`, `rustls-no-provider`); without one of these features a transport
    /// must be set.
    pub fn transport(mut self, transport: impl HttpTransport) -> Self {
        self.setup.transport = Some(Arc::new(transport));
        self
    }

    /// Source of access tokens other than each person's consent: a service account, or a token
    /// broker. The OAuth client is then optional; without one [`GoogleCalendar::connect`] returns a
    /// URL that Google does not accept.
    pub fn grant(mut self, grant: impl Grant) -> Self {
        self.setup.grant = Some(Arc::new(grant));
        self
    }

    /// Stores the tokens. Default: in memory, so that they are lost when the process ends.
    pub fn token_store(mut self, store: impl TokenStore) -> Self {
        self.setup.store = Some(Arc::new(store));
        self
    }

    /// Stores each account's `Retry-After` deadline and health. Default: in memory. A host with
    /// several processes can share one store between them.
    pub fn health_store(mut self, health: Arc<dyn AccountHealthStore>) -> Self {
        self.setup.health = Some(health);
        self
    }

    /// Source of the current time. Default: the machine's clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.setup.clock = Arc::new(clock);
        self
    }

    /// Timer for delays. Default: Tokio's timer.
    pub fn sleep(mut self, sleep: impl Sleep) -> Self {
        self.setup.sleep = Arc::new(sleep);
        self
    }

    /// Longest texts that are written, in characters. Default: 1,024 for title and location, 8,192
    /// for the description as Google stores it. Google documents no limits.
    pub fn text_limits(mut self, text: TextLimits) -> Self {
        self.text = text;
        self
    }

    /// Builds the provider.
    ///
    /// # Errors
    /// See [`BuildError`]: a URL that cannot be used, no transport, no grant, or an OAuth client
    /// that is set up wrongly.
    pub fn build(self) -> Result<GoogleCalendar, BuildError> {
        let transport = self.setup.transport()?;
        #[cfg(feature = "oauth")]
        let oauth =
            self.consent.build(transport.clone(), self.setup.clock.clone(), self.setup.grant.is_none())?;
        #[cfg(feature = "oauth")]
        let own: Option<Arc<dyn Grant>> = Some(Arc::new(oauth.clone()));
        #[cfg(not(feature = "oauth"))]
        let own = None;
        let requests = Requests::new(endpoint("api_url", &self.api_url)?);
        let clock = self.setup.clock.clone();
        let rest = self.setup.client(ProviderKind::GOOGLE, transport, own, error::of_response)?;
        let capabilities = Capabilities::new()
            .with_client_ids(true)
            .with_etags(true)
            .with_calendar_ids(CalendarIds::GlobalButPrimary)
            .with_primary_is_address(true)
            .with_text(self.text)
            // One by the id, since listings lag, and one by the target.
            .with_requests_per_find(2)
            // Google limits the rate of writes to one calendar, and does not document the limit.
            .with_in_flight_per_account(4)
            // https://developers.google.com/workspace/calendar/api/guides/quota
            .with_per_minute_per_account(600)
            .with_per_minute_per_application(10_000);
        Ok(GoogleCalendar {
            client: Client { rest, requests },
            capabilities,
            zones: UnknownZones::new(clock.clone()),
            moved: MovedEvents::new(clock),
            #[cfg(feature = "oauth")]
            oauth,
        })
    }
}
