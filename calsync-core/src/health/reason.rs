//! Why calls fail, or are not made.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{ErrorKind, Failure};

/// Why calls fail, or are not made: what an account, a calendar or a row of the ledger waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BlockReason {
    /// The token endpoint refused the grant: the person has to connect again.
    Reconnect,
    /// The person has to grant a permission.
    MissingScope,
    /// The account may not write to this calendar.
    Forbidden,
    /// The calendar cannot be reached. That does not mean that it is gone.
    CalendarNotFound,
    /// A quota is used up.
    Quota,
    /// The person deleted our event and the host respects that.
    RemovedByPerson,
    /// The calendar was disconnected, and the event kept there on purpose.
    Disconnected,
    /// The connection leads to another account than the one the event is in.
    OtherAccount,
    /// The event at the known id carries another host's marker, so that it may not be removed.
    NotOurs,
    /// The host set something up wrongly.
    Configuration,
    /// Calls fail; the next attempt is made later.
    Unavailable,
}

impl BlockReason {
    /// Whether all calls to the account meet it.
    pub(crate) fn is_of_account(self) -> bool {
        matches!(self, Self::Quota | Self::Unavailable)
    }

    /// Whether all calls through the connection meet it: it is about the grant.
    pub(crate) fn is_of_connection(self) -> bool {
        matches!(self, Self::Reconnect | Self::MissingScope | Self::OtherAccount)
    }

    /// Whether all calls to the calendar meet it.
    pub(crate) fn is_of_calendar(self) -> bool {
        matches!(self, Self::Forbidden | Self::CalendarNotFound)
    }

    /// Whether a person or an administrator can do something about it.
    #[must_use]
    pub fn needs_person(self) -> bool {
        !matches!(self, Self::RemovedByPerson | Self::Disconnected | Self::Unavailable | Self::NotOurs)
    }

    /// What a failed call is held for; `None` for a failure that is about this content or this event only.
    pub(crate) fn of(failure: &Failure) -> Option<Self> {
        Some(match failure.kind {
            ErrorKind::Unauthenticated => Self::Reconnect,
            ErrorKind::MissingScope => Self::MissingScope,
            ErrorKind::Forbidden => Self::Forbidden,
            ErrorKind::CalendarNotFound => Self::CalendarNotFound,
            ErrorKind::QuotaExceeded => Self::Quota,
            ErrorKind::OtherAccount => Self::OtherAccount,
            ErrorKind::NotOurs => Self::NotOurs,
            ErrorKind::Configuration => Self::Configuration,
            ErrorKind::Refused | ErrorKind::Unsupported | ErrorKind::Superseded => return None,
            _ => Self::Unavailable,
        })
    }
}

impl fmt::Display for BlockReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Reconnect => "the person has to connect the calendar again",
            Self::MissingScope => "the person has to grant a permission",
            Self::Forbidden => "the account may not write to this calendar",
            Self::CalendarNotFound => "the calendar cannot be reached",
            Self::Quota => "a quota is used up",
            Self::RemovedByPerson => "the person deleted the event",
            Self::Disconnected => "the calendar is disconnected; the event was kept there",
            Self::OtherAccount => "the connection leads to another account than the one of the event",
            Self::NotOurs => "the event carries the marker of another host",
            Self::Configuration => "the provider is not set up correctly",
            Self::Unavailable => "calls to the calendar fail",
        })
    }
}
