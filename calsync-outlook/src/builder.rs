//! Puts an [`OutlookCalendar`] together.

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

/// How long before an event Outlook reminds unless told otherwise, in minutes.
const USUAL_REMINDER: u32 = 15;

/// Puts an [`OutlookCalendar`] together.
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
            default_reminder: Some(USUAL_REMINDER),
        }
    }

    /// Which of Microsoft's clouds. [`Cloud::Global`] unless given.
    pub fn cloud(mut self, cloud: Cloud) -> Self {
        self.cloud = cloud;
        self
    }

    /// Where Graph answers, with its version (`/v1.0`). The cloud's own unless given.
    pub fn api_url(mut self, url: impl Into<String>) -> Self {
        self.api_url = Some(url.into());
        self
    }

    /// How requests are sent. [`ReqwestTransport`](calsync_core::http) unless given (features `rustls`, `native-tls`,
    /// `rustls-no-provider`).
    pub fn transport(mut self, transport: impl HttpTransport) -> Self {
        self.setup.transport = Some(Arc::new(transport));
        self
    }

    /// How access tokens are got, where it is not by the consent of each person: a broker of tokens. They have to be such as open
    /// `/me`. The OAuth client need not be given then; without one [`OutlookCalendar::connect`] leads nowhere.
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

    /// How much text Outlook takes. 255 characters of title and location, 8,192 of description unless given; Microsoft states none of
    /// them. An event has one reminder there, whatever is given.
    pub fn text_limits(mut self, text: TextLimits) -> Self {
        self.text = text.with_reminders(text.reminders.min(1));
        self
    }

    /// How many requests one mailbox may have under way. 3 unless given: Exchange answers no more than 4 at once, and the person's
    /// other programs need some.
    pub fn in_flight_per_account(mut self, requests: usize) -> Self {
        self.in_flight = requests;
        self
    }

    /// How many minutes ahead [`Reminders::CalendarDefault`](calsync_core::event::Reminders::CalendarDefault) reminds, since Graph does
    /// not tell a mailbox's own default: `None` for not at all. 15 unless given, as in a new mailbox.
    pub fn default_reminder(mut self, minutes: Option<u32>) -> Self {
        self.default_reminder = minutes;
        self
    }

    /// The provider.
    ///
    /// # Errors
    /// See [`BuildError`].
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
        let rest = self.setup.client(ProviderKind::OUTLOOK, transport, own, error::of_answer)?;
        let capabilities = Capabilities::new()
            .with_etags(true)
            .with_calendar_ids(CalendarIds::GlobalButPrimary)
            .with_text(self.text)
            // https://learn.microsoft.com/graph/throttling-limits#outlook-service-limits: 10,000 in ten minutes, 4 at once.
            .with_in_flight_per_account(self.in_flight)
            .with_per_minute_per_account(1_000)
            // A read, since only what differs is written, and the change.
            .with_requests_per_update(2)
            // One batch, whose parts Exchange counts.
            .with_requests_per_find(3)
            // 2,000 a second for all of an application's mailboxes.
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
