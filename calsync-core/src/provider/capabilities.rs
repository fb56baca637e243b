//! What a provider can do, as data.

use crate::calendar::CalendarRef;
use crate::event::TextLimits;
#[cfg(doc)]
use crate::names::CalendarId;

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
    /// How far a calendar's id reaches.
    pub calendar_ids: CalendarIds,
    /// How long the texts may be.
    pub text: TextLimits,
    /// How many requests one account may have under way at once.
    pub in_flight_per_account: usize,
    /// How many requests a minute one account may make; `None` where there is no limit worth keeping.
    pub per_minute_per_account: Option<u32>,
    /// How many requests a minute the whole application may make; `None` where there is no limit worth keeping.
    pub per_minute_per_application: Option<u32>,
    /// How many requests an update takes as a rule; calls that are not named here take one.
    pub requests_per_update: u32,
    /// How many requests a look-up by the key takes as a rule.
    pub requests_per_find: u32,
}

/// How far a calendar's id reaches: whether two connections of one person with the same calendar id are one place even where
/// nobody knows their accounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CalendarIds {
    /// An id means something only within its account.
    #[default]
    PerAccount,
    /// An id names one calendar, but for [`CalendarId::primary`], which means another one in every account.
    GlobalButPrimary,
    /// An id names one calendar, `primary` among them.
    Global,
}

impl CalendarIds {
    /// Whether two places of one person are one and the same calendar.
    #[must_use]
    pub fn is_one_calendar(self, a: &CalendarRef, b: &CalendarRef) -> bool {
        let by_id = match self {
            Self::PerAccount => false,
            Self::GlobalButPrimary => !a.calendar.is_primary(),
            Self::Global => true,
        };
        let by_account = match (&a.account, &b.account) {
            (Some(a), Some(b)) => a == b,
            _ => a.connection == b.connection,
        };
        a.person == b.person && a.provider == b.provider && a.calendar == b.calendar && (by_id || by_account)
    }
}

impl Default for Capabilities {
    /// A provider that can do nothing special.
    fn default() -> Self {
        Self {
            silent: false,
            client_ids: false,
            etags: false,
            calendar_ids: CalendarIds::PerAccount,
            text: TextLimits::default(),
            in_flight_per_account: 4,
            per_minute_per_account: None,
            per_minute_per_application: None,
            requests_per_update: 1,
            requests_per_find: 1,
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

    /// A calendar's id reaches this far.
    #[must_use]
    pub fn with_calendar_ids(mut self, calendar_ids: CalendarIds) -> Self {
        self.calendar_ids = calendar_ids;
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

    /// With this many requests for an update; at least one.
    #[must_use]
    pub fn with_requests_per_update(mut self, requests: u32) -> Self {
        self.requests_per_update = requests.max(1);
        self
    }

    /// With this many requests for a look-up by the key; at least one.
    #[must_use]
    pub fn with_requests_per_find(mut self, requests: u32) -> Self {
        self.requests_per_find = requests.max(1);
        self
    }
}
