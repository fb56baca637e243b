//! Which grant a request is sent with, and the account it is meant for.

use crate::calendar::{CalendarRef, ConnectionKey};
use crate::names::AccountId;

/// Which grant a request is sent with, and the account that the caller expects behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Access {
    /// The connection whose tokens are sent.
    pub connection: ConnectionKey,
    /// The account that the event or calendar belongs to; `None` where it is not known.
    pub account: Option<AccountId>,
}

impl Access {
    /// The grant that opens a calendar.
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
