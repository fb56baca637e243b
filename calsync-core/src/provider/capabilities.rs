//! What a provider can do, as data.

use crate::calendar::CalendarRef;
use crate::event::TextLimits;
use crate::names::CalendarId;

/// What a provider can do, and its limits. The planner and the syncer decide by these values, never
/// by the name of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Whether the event's id in the calendar is calsync's [`EventKey`](crate::identity::EventKey).
    pub client_ids: bool,
    /// Whether events have etags.
    pub etags: bool,
    /// Where a calendar id is unique.
    pub calendar_ids: CalendarIds,
    /// Whether the id of an account's default calendar is the account's e-mail address, as at
    /// Google.
    pub primary_is_address: bool,
    /// The limits of texts and reminders.
    pub text: TextLimits,
    /// The number of requests that one account may have in flight at the same time. Default: 4.
    pub in_flight_per_account: usize,
    /// The number of requests per minute for one account. Default: `None`, no limit.
    pub per_minute_per_account: Option<u32>,
    /// The number of requests per minute for the whole application. Default: `None`, no limit.
    pub per_minute_per_application: Option<u32>,
    /// The usual number of requests for an update. Default: 1. Calls without a field here take one.
    pub requests_per_update: u32,
    /// The usual number of requests for a look-up of a target. Default: 1.
    pub requests_per_find: u32,
}

/// Where a calendar id is unique. This decides whether two connections of one person with the same
/// calendar id lead to one calendar if their accounts are unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CalendarIds {
    /// An id is unique only within its account.
    #[default]
    PerAccount,
    /// An id is unique in all accounts, except [`CalendarId::primary`], which means a different
    /// calendar in each account.
    GlobalButPrimary,
    /// An id is unique in all accounts, including `primary`.
    Global,
}

impl Default for Capabilities {
    /// Returns the capabilities of a provider without special features.
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
    /// Returns `true` if two references lead to the same calendar of one person, also through two
    /// connections to one account. If an account is unknown, the accounts count as the same only
    /// within one connection.
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

    /// Returns the provider's own id of the calendar. For [`CalendarId::primary`], the id of the
    /// default calendar if known, else `primary`.
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

    /// Creates the capabilities of a provider without special features.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether the event's id in the calendar is calsync's key.
    #[must_use]
    pub fn with_client_ids(mut self, client_ids: bool) -> Self {
        self.client_ids = client_ids;
        self
    }

    /// Sets whether events have etags.
    #[must_use]
    pub fn with_etags(mut self, etags: bool) -> Self {
        self.etags = etags;
        self
    }

    /// Sets where a calendar id is unique.
    #[must_use]
    pub fn with_calendar_ids(mut self, calendar_ids: CalendarIds) -> Self {
        self.calendar_ids = calendar_ids;
        self
    }

    /// Sets whether the id of the default calendar is the account's e-mail address.
    #[must_use]
    pub fn with_primary_is_address(mut self, is_address: bool) -> Self {
        self.primary_is_address = is_address;
        self
    }

    /// Sets the limits of texts and reminders.
    #[must_use]
    pub fn with_text(mut self, text: TextLimits) -> Self {
        self.text = text;
        self
    }

    /// Sets the number of requests that one account may have in flight; at least 1.
    #[must_use]
    pub fn with_in_flight_per_account(mut self, requests: usize) -> Self {
        self.in_flight_per_account = requests.max(1);
        self
    }

    /// Sets the number of requests per minute for one account.
    #[must_use]
    pub fn with_per_minute_per_account(mut self, requests: u32) -> Self {
        self.per_minute_per_account = Some(requests);
        self
    }

    /// Sets the number of requests per minute for the whole application.
    #[must_use]
    pub fn with_per_minute_per_application(mut self, requests: u32) -> Self {
        self.per_minute_per_application = Some(requests);
        self
    }

    /// Sets the usual number of requests for an update; at least 1.
    #[must_use]
    pub fn with_requests_per_update(mut self, requests: u32) -> Self {
        self.requests_per_update = requests.max(1);
        self
    }

    /// Sets the usual number of requests for a look-up of a target; at least 1.
    #[must_use]
    pub fn with_requests_per_find(mut self, requests: u32) -> Self {
        self.requests_per_find = requests.max(1);
        self
    }
}
