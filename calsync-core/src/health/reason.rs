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
    /// The grant lacks a scope: the person has to grant a permission.
    MissingScope,
    /// The account may not write to this calendar.
    Forbidden,
    /// The calendar cannot be reached. It may still exist.
    CalendarNotFound,
    /// The provider's quota is used up.
    Quota,
    /// The person deleted our event, and by the host's policy it stays deleted
    /// ([`RemovedByPerson::Respect`](crate::plan::RemovedByPerson::Respect)).
    RemovedByPerson,
    /// The calendar was disconnected, and the event was kept there on purpose.
    Disconnected,
    /// The connection leads to another account than the one the event is in.
    OtherAccount,
    /// The event at the known id carries another host's marker, so it must not be removed.
    NotOurs,
    /// The provider is not registered, or not set up correctly.
    Configuration,
    /// Calls fail; the next attempt is made later.
    Unavailable,
}

impl BlockReason {
    /// Whether all calls to the account fail for this reason.
    pub(crate) fn is_of_account(self) -> bool {
        matches!(self, Self::Quota | Self::Unavailable)
    }

    /// Whether all calls through the connection fail for this reason: the cause is the grant.
    pub(crate) fn is_of_connection(self) -> bool {
        matches!(self, Self::Reconnect | Self::MissingScope | Self::OtherAccount)
    }

    /// Whether all calls to the calendar fail for this reason.
    pub(crate) fn is_of_calendar(self) -> bool {
        matches!(self, Self::Forbidden | Self::CalendarNotFound)
    }

    /// Whether a person or an administrator can end it.
    #[must_use]
    pub fn needs_person(self) -> bool {
        !matches!(self, Self::RemovedByPerson | Self::Disconnected | Self::Unavailable | Self::NotOurs)
    }

    /// The reason for a hold after a failed call; `None` if the failure concerns only this content
    /// or event.
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
