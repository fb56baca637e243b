//! Builds an [`OutlookCalendar`].

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
use crate::cloud::Cloud;
use crate::error;
use crate::moved::Moved;
use crate::outlook::OutlookCalendar;
use crate::request::Requests;

/// Outlook's own default reminder, in minutes before the start.
const DEFAULT_REMINDER: u32 = 15;

/// Builds an [`OutlookCalendar`].
#[derive(Debug)]
#[must_use]
pub struct OutlookCalendarBuilder {
    #[cfg(feature = "oauth")]
    pub(crate) consent: crate::consent::Consent,
    cloud: Cloud,
    api_url: Option<String>,
    setup: Setup,
    text: TextLimits,
    in_flight: usize,
    default_reminder: Option<u32>,
}

impl OutlookCalendarBuilder {
    pub(crate) fn new() -> Self {
        Self {
            #[cfg(feature = "oauth")]
            consent: crate::consent::Consent::default(),
            cloud: Cloud::default(),
            api_url: None,
            setup: Setup::default(),
            text: TextLimits::default().with_reminders(1),
            in_flight: 3,
            default_reminder: Some(DEFAULT_REMINDER),
        }
    }

    /// Microsoft's cloud. Default: [`Cloud::Global`].
    pub fn cloud(mut self, cloud: Cloud) -> Self {
        self.cloud = cloud;
        self
    }

    /// Base URL of Graph, with its version (`/v1.0`). Default: the cloud's own.
    pub fn api_url(mut self, url: impl Into<String>) -> Self {
        self.api_url = Some(url.into());
        self
    }

    /// Sends the requests. Default: [`ReqwestTransport`](calsync_core::http) (features `rustls`,
    /// `native-tls`, `rustls-no-provider`).
    pub fn transport(mut self, transport: impl HttpTransport) -> Self {
        self.setup.transport = Some(Arc::new(transport));
        self
    }

    /// Obtains access tokens in another way than by each person's consent, such as from a token
    /// broker. The tokens must give access to `/me`. The OAuth client can then be left out, and
    /// without it [`OutlookCalendar::connect`] cannot succeed.
    pub fn grant(mut self, grant: impl Grant) -> Self {
        self.setup.grant = Some(Arc::new(grant));
        self
    }

    /// Stores the tokens. Default: in memory, so that they are lost when the process ends.
    pub fn token_store(mut self, store: impl TokenStore) -> Self {
        self.setup.store = Some(Arc::new(store));
        self
    }

    /// Stores which account asked for a back-off, and until when. Default: in memory. A host of
    /// several processes can share one store between them.
    pub fn health_store(mut self, health: Arc<dyn AccountHealthStore>) -> Self {
        self.setup.health = Some(health);
        self
    }

    /// Source of the current time. Default: the system clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.setup.clock = Arc::new(clock);
        self
    }

    /// How to wait. Default: Tokio's timer.
    pub fn sleep(mut self, sleep: impl Sleep) -> Self {
        self.setup.sleep = Arc::new(sleep);
        self
    }

    /// How much text Outlook accepts. Default: 255 characters of title and location, 8,192 of the
    /// description; Microsoft documents no limits. An Outlook event has one reminder, so higher
    /// numbers count as one.
    pub fn text_limits(mut self, text: TextLimits) -> Self {
        self.text = text.with_reminders(text.reminders.min(1));
        self
    }

    /// How many requests to one mailbox may be in flight. Default: 3. Exchange allows 4 at once,
    /// and the person's other programs need some.
    pub fn in_flight_per_account(mut self, requests: usize) -> Self {
        self.in_flight = requests;
        self
    }

    /// Minutes before the start at which
    /// [`Reminders::CalendarDefault`](calsync_core::event::Reminders::CalendarDefault) reminds,
    /// since Graph does not report a mailbox's own default. `None`: no reminder. Default: 15, as in
    /// a new mailbox.
    pub fn default_reminder(mut self, minutes: Option<u32>) -> Self {
        self.default_reminder = minutes;
        self
    }

    /// Builds the provider.
    ///
    /// # Errors
    /// [`BuildError`] if a URL is invalid, the OAuth client is incomplete, or there is no transport
    /// or no grant.
    pub fn build(self) -> Result<OutlookCalendar, BuildError> {
        let transport = self.setup.transport()?;
        #[cfg(feature = "oauth")]
        let oauth = {
            let (clock, is_needed) = (self.setup.clock.clone(), self.setup.grant.is_none());
            self.consent.build(self.cloud, transport.clone(), clock, is_needed)?
        };
        #[cfg(feature = "oauth")]
        let own: Option<Arc<dyn Grant>> = Some(Arc::new(oauth.clone()));
        #[cfg(not(feature = "oauth"))]
        let own = None;
        let api_url = self.api_url.unwrap_or_else(|| format!("{}/v1.0", self.cloud.graph_url()));
        let requests = Requests::new(endpoint("api_url", &api_url)?);
        let rest = self.setup.client(ProviderKind::OUTLOOK, transport, own, error::of_response)?;
        let capabilities = Capabilities::new()
            .with_etags(true)
            .with_calendar_ids(CalendarIds::GlobalButPrimary)
            .with_text(self.text)
            // https://learn.microsoft.com/graph/throttling-limits#outlook-service-limits: 10,000 in
            // ten minutes, 4 at once.
            .with_in_flight_per_account(self.in_flight)
            .with_per_minute_per_account(1_000)
            // A read, since only the differences are written, and the change.
            .with_requests_per_update(2)
            // One batch. Exchange counts its parts.
            .with_requests_per_find(3)
            // 2,000 a second for all mailboxes of an application.
            .with_per_minute_per_application(120_000);
        Ok(OutlookCalendar {
            client: Client { rest, requests },
            capabilities,
            default_reminder: self.default_reminder,
            moved: Moved::default(),
            #[cfg(feature = "oauth")]
            oauth,
        })
    }
}
