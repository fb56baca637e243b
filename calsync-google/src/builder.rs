//! Puts a [`GoogleCalendar`] together.

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
use crate::moved::Moved;
use crate::request::Requests;
use crate::zones::UnknownZones;

/// Puts a [`GoogleCalendar`] together.
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

    /// Where the Calendar API answers. Google's own unless given.
    pub fn api_url(mut self, url: impl Into<String>) -> Self {
        self.api_url = url.into();
        self
    }

    /// How requests are sent. [`ReqwestTransport`](calsync_core::http) unless given (features `rustls`, `native-tls`,
    /// `rustls-no-provider`).
    pub fn transport(mut self, transport: impl HttpTransport) -> Self {
        self.setup.transport = Some(Arc::new(transport));
        self
    }

    /// How access tokens are got, where it is not by the consent of each person: a service account, a broker of tokens. The
    /// OAuth client need not be given then; without one [`GoogleCalendar::connect`] leads nowhere.
    pub fn grant(mut self, grant: impl Grant) -> Self {
        self.setup.grant = Some(Arc::new(grant));
        self
    }

    /// Where tokens are kept. In memory unless given, so that they are gone with the process.
    pub fn token_store(mut self, store: impl TokenStore) -> Self {
        self.setup.store = Some(Arc::new(store));
        self
    }

    /// Where it is kept which account has asked to be left alone, and until when. In memory unless given; a host of several
    /// processes may share one between them.
    pub fn health_store(mut self, health: Arc<dyn AccountHealthStore>) -> Self {
        self.setup.health = Some(health);
        self
    }

    /// Where the time comes from. The machine's clock unless given.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.setup.clock = Arc::new(clock);
        self
    }

    /// How to wait. Tokio's timer unless given.
    pub fn sleep(mut self, sleep: impl Sleep) -> Self {
        self.setup.sleep = Arc::new(sleep);
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
        let rest = self.setup.client(ProviderKind::GOOGLE, transport, own, error::of_answer)?;
        let capabilities = Capabilities::new()
            .with_client_ids(true)
            .with_etags(true)
            .with_calendar_ids(CalendarIds::GlobalButPrimary)
            .with_primary_is_address(true)
            .with_text(self.text)
            // By the id, since listings lag, and by the target.
            .with_requests_per_find(2)
            // Google limits the speed of writes to one calendar, without saying to what.
            .with_in_flight_per_account(4)
            // https://developers.google.com/workspace/calendar/api/guides/quota
            .with_per_minute_per_account(600)
            .with_per_minute_per_application(10_000);
        Ok(GoogleCalendar {
            client: Client { rest, requests },
            capabilities,
            zones: UnknownZones::new(clock.clone()),
            moved: Moved::new(clock),
            #[cfg(feature = "oauth")]
            oauth,
        })
    }
}
