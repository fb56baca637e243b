//! What a provider can do, as data.

use crate::event::TextLimits;

/// What a provider can do, and how much of it. The planner and the syncer read this; nothing asks for a provider's name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Nobody gets mail from a write.
    pub silent: bool,
    /// The event's id in the calendar is our key.
    pub client_ids: bool,
    /// Events have etags.
    pub etags: bool,
    /// A calendar's id names one calendar in all the world, so that two connections to it are one place even where
    /// neither knows its account. False where ids mean something only within an account.
    pub global_calendar_ids: bool,
    /// How long the texts may be.
    pub text: TextLimits,
    /// How many requests one account may have under way at once.
    pub in_flight_per_account: usize,
    /// How many requests a minute one account may make; `None` where there is no limit worth keeping.
    pub per_minute_per_account: Option<u32>,
    /// How many requests a minute the whole application may make; `None` where there is no limit worth keeping.
    pub per_minute_per_application: Option<u32>,
}

impl Default for Capabilities {
    /// A provider that can do nothing special.
    fn default() -> Self {
        Self {
            silent: false,
            client_ids: false,
            etags: false,
            global_calendar_ids: false,
            text: TextLimits::default(),
            in_flight_per_account: 4,
            per_minute_per_account: None,
            per_minute_per_application: None,
        }
    }
}

impl Capabilities {
    /// A provider that can do nothing special.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes mail nobody.
    #[must_use]
    pub fn with_silent(mut self, silent: bool) -> Self {
        self.silent = silent;
        self
    }

    /// Events go by our keys.
    #[must_use]
    pub fn with_client_ids(mut self, client_ids: bool) -> Self {
        self.client_ids = client_ids;
        self
    }

    /// Events have etags.
    #[must_use]
    pub fn with_etags(mut self, etags: bool) -> Self {
        self.etags = etags;
        self
    }

    /// A calendar's id names one calendar in all the world.
    #[must_use]
    pub fn with_global_calendar_ids(mut self, global: bool) -> Self {
        self.global_calendar_ids = global;
        self
    }

    /// With these limits on text.
    #[must_use]
    pub fn with_text(mut self, text: TextLimits) -> Self {
        self.text = text;
        self
    }

    /// With this many requests under way per account; at least one.
    #[must_use]
    pub fn with_in_flight_per_account(mut self, requests: usize) -> Self {
        self.in_flight_per_account = requests.max(1);
        self
    }

    /// With this many requests a minute per account.
    #[must_use]
    pub fn with_per_minute_per_account(mut self, requests: u32) -> Self {
        self.per_minute_per_account = Some(requests);
        self
    }

    /// With this many requests a minute for the whole application.
    #[must_use]
    pub fn with_per_minute_per_application(mut self, requests: u32) -> Self {
        self.per_minute_per_application = Some(requests);
        self
    }
}
