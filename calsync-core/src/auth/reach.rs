//! The grant a request is sent with, and the expected account.

use crate::calendar::{CalendarRef, ConnectionKey};
use crate::names::AccountId;

/// The grant a request is sent with, and the account that the caller expects it to open.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Access {
    /// The connection whose tokens are sent.
    pub connection: ConnectionKey,
    /// The account of the event or calendar; `None` if it is not known, and then any account is
    /// accepted.
    pub account: Option<AccountId>,
}

impl Access {
    /// The grant and the account of a calendar.
    #[must_use]
    pub fn of(calendar: &CalendarRef) -> Self {
        Self { connection: calendar.connection_key(), account: calendar.account.clone() }
    }
}

impl From<ConnectionKey> for Access {
    /// The grant of a connection whose account is not known.
    fn from(connection: ConnectionKey) -> Self {
        Self { connection, account: None }
    }
}
