//! What a provider can do, as data.

use crate::calendar::CalendarRef;
use crate::event::TextLimits;
use crate::names::CalendarId;

/// What a provider can do, and how much of it. The planner and the syncer read this; nothing asks for a provider's name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// The event's id in the calendar is our key.
    pub client_ids: bool,
    /// Events have etags.
    pub etags: bool,
    /// How far a calendar's id reaches.
    pub calendar_ids: CalendarIds,
    /// The id of an account's default calendar is the account's e-mail address, as at Google.
    pub primary_is_address: bool,
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

impl Default for Capabilities {
    /// A provider that can do nothing special.
    fn default() -> Self {
        Self {
            client_ids: false,
            etags: false,
            calendar_ids: CalendarIds::PerAccount,
            primary_is_address: false,
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
    /// Whether two refs lead to the same calendar of one person, directly or through two connections to one account.
    /// Two unknown accounts are the same only under one connection.
    #[must_use]
    pub fn is_one_calendar(&self, a: &CalendarRef, b: &CalendarRef) -> bool {
        if a.person != b.person || a.provider != b.provider {
            return false;
        }
        let (a_id, b_id) = (self.own_id(a), self.own_id(b));
        let is_one_account = match (&a.account, &b.account) {
            (Some(a), Some(b)) => a == b,
            _ => a.connection == b.connection,
        };
        let is_global = match self.calendar_ids {
            CalendarIds::PerAccount => false,
            CalendarIds::GlobalButPrimary => a_id != "primary",
            CalendarIds::Global => true,
        };
        a_id.eq_ignore_ascii_case(b_id)
            && (a_id == b_id || a_id.contains('@'))
            && (is_global || is_one_account)
    }

    /// The provider's own id of a calendar that may be named as [`CalendarId::primary`], where that id is known.
    fn own_id<'a>(&self, calendar: &'a CalendarRef) -> &'a str {
        if !calendar.calendar.is_primary() {
            return calendar.calendar.as_str();
        }
        let address = || {
            let account = calendar.account.as_ref().filter(|account| account.as_str().contains('@'));
            account.filter(|_| self.primary_is_address).map(|account| account.as_str())
        };
        let known = calendar.primary.as_ref().map(CalendarId::as_str).or_else(address);
        known.unwrap_or(calendar.calendar.as_str())
    }

    /// A provider that can do nothing special.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
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

    /// The default calendar's id is the account's e-mail address.
    #[must_use]
    pub fn with_primary_is_address(mut self, is_address: bool) -> Self {
        self.primary_is_address = is_address;
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
