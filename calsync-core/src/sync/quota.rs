//! Quotas: by what a provider counts calls, and how many it allows.

use std::fmt;

use crate::calendar::{CalendarRef, Person};
use crate::id::ConnectionId;
use crate::names::{AccountId, ProviderKind};
use crate::provider::Capabilities;

/// The account whose calls a provider counts together. `Debug` hides the account's name, which may
/// be an e-mail address.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AccountKey {
    pub(super) provider: ProviderKind,
    holder: Holder,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Holder {
    Account(AccountId),
    /// The person's connection, as long as its account is not known.
    Connection(Person, ConnectionId),
}

/// Which calls are counted together, and how many are allowed.
///
/// All calendars of one account must have the same limits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quota {
    /// The account that the calls count against.
    pub account: AccountKey,
    /// How many calls may be under way at once; at least one.
    pub in_flight: usize,
    /// How many requests a minute are allowed; `None` for any number.
    pub per_minute: Option<u32>,
    /// How many requests a minute are allowed for all accounts of this provider; `None` for any
    /// number.
    pub per_minute_of_application: Option<u32>,
}

/// Gives the quota of a calendar. A host implements it if several workers share an account's quota,
/// or if the provider has granted it other limits than it publishes.
///
/// ```
/// use calsync_core::calendar::CalendarRef;
/// use calsync_core::provider::Capabilities;
/// use calsync_core::sync::{Quota, Quotas};
///
/// /// One of four workers.
/// #[derive(Debug)]
/// struct AQuarter;
///
/// impl Quotas for AQuarter {
///     fn of(&self, place: &CalendarRef, capabilities: &Capabilities) -> Quota {
///         let quota = Quota::declared(place, capabilities);
///         let (account, application) = (quota.per_minute, quota.per_minute_of_application);
///         let quarter = |limit: Option<u32>| limit.map(|limit| limit / 4);
///         quota.with_in_flight(1).with_per_minute(quarter(account)).with_per_minute_of_application(quarter(application))
///     }
/// }
/// ```
pub trait Quotas: fmt::Debug + Send + Sync + 'static {
    /// The quota of a calendar whose provider declares these capabilities.
    fn of(&self, place: &CalendarRef, capabilities: &Capabilities) -> Quota;
}

/// The quotas that the providers declare; see [`Quota::declared`]. The default of a syncer.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeclaredQuotas;

impl Quotas for DeclaredQuotas {
    fn of(&self, place: &CalendarRef, capabilities: &Capabilities) -> Quota {
        Quota::declared(place, capabilities)
    }
}

impl Quota {
    /// The limits that the provider declares, counted by account, or by the person's connection as
    /// long as the account is not known.
    #[must_use]
    pub fn declared(place: &CalendarRef, capabilities: &Capabilities) -> Self {
        let holder = match &place.account {
            Some(account) => Holder::Account(account.clone()),
            None => Holder::Connection(place.person.clone(), place.connection.clone()),
        };
        Self {
            account: AccountKey { provider: place.provider.clone(), holder },
            in_flight: capabilities.in_flight_per_account,
            per_minute: capabilities.per_minute_per_account,
            per_minute_of_application: capabilities.per_minute_per_application,
        }
    }

    /// Counts the calls together with all others under this name. Use it if a provider counts
    /// several accounts as one. Default: the calendar's account.
    #[must_use]
    pub fn with_account(mut self, name: impl Into<AccountId>) -> Self {
        self.account.holder = Holder::Account(name.into());
        self
    }

    /// Sets how many calls may be under way at once; 0 counts as 1. Default: what the provider
    /// declares.
    #[must_use]
    pub fn with_in_flight(mut self, calls: usize) -> Self {
        self.in_flight = calls.max(1);
        self
    }

    /// Sets how many requests a minute are allowed; 0 counts as 1, `None` is no limit. Default:
    /// what the provider declares.
    #[must_use]
    pub fn with_per_minute(mut self, calls: Option<u32>) -> Self {
        self.per_minute = calls.map(|calls| calls.max(1));
        self
    }

    /// Sets how many requests a minute are allowed for all accounts of the provider; 0 counts as 1,
    /// `None` is no limit. Default: what the provider declares.
    #[must_use]
    pub fn with_per_minute_of_application(mut self, calls: Option<u32>) -> Self {
        self.per_minute_of_application = calls.map(|calls| calls.max(1));
        self
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.holder {
            Holder::Account(_) => write!(f, "AccountKey({})", self.provider),
            Holder::Connection(person, connection) => {
                write!(f, "AccountKey({} of {person}, connection {connection})", self.provider)
            }
        }
    }
}
