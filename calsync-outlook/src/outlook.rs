//! The Outlook provider and its API for hosts: consent, calendars, tokens.

use calsync_core::auth::{AuthError, Disconnected, Erased, PendingRevocation, Revoked};
#[cfg(feature = "oauth")]
use calsync_core::auth::{Connect, ConnectError, Connected, OAuthClient, PendingConnect};
use calsync_core::calendar::ConnectionKey;
use calsync_core::error::Error;
use calsync_core::names::CalendarId;
use calsync_core::provider::{AccountCalendar, Capabilities};

use crate::builder::OutlookCalendarBuilder;
use crate::client::Client;
use crate::moved::Moved;

/// Outlook calendars, for connections of kind `outlook`. Clones share one state.
///
/// Built by [`OutlookCalendar::builder`]. One provider serves all people: it finds a person's
/// tokens by the [`ConnectionKey`] of the calendar it writes to.
///
/// # Connecting a person
///
/// ```
/// # #[cfg(feature = "oauth")] mod connecting {
/// # use calsync_core::auth::{PendingConnect, ConnectError};
/// # use calsync_core::calendar::ConnectionKey;
/// # use calsync_core::calendar::Person;
/// # use calsync_core::ProviderKind;
/// # use calsync_outlook::OutlookCalendar;
/// # fn redirect_to(_: &str) {}
/// # fn keep_in_session(_: &PendingConnect) {}
/// # fn keep_in_row(_: &ConnectionKey, _: &calsync_core::names::AccountId) {}
/// fn begin(outlook: &OutlookCalendar, key: &ConnectionKey) {
///     let connect = outlook.connect(key);
///     keep_in_session(&connect.pending);
///     redirect_to(connect.url.expose());
/// }
///
/// async fn came_back(outlook: &OutlookCalendar, pending: PendingConnect, query: &str) -> Result<(), ConnectError> {
///     // The host knows from its own session whose calendar this is.
///     let key = ConnectionKey::new(Person::Profile(7.into()), ProviderKind::OUTLOOK, 1);
///     let connected = outlook.finish(&key, pending, query).await?; // the tokens are stored
///     if let Some(account) = connected.account {
///         keep_in_row(&key, &account.id); // Connection::account
///     }
///     Ok(())
/// }
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct OutlookCalendar {
    pub(crate) client: Client,
    pub(crate) capabilities: Capabilities,
    pub(crate) default_reminder: Option<u32>,
    pub(crate) moved: Moved,
    #[cfg(feature = "oauth")]
    pub(crate) oauth: OAuthClient,
}

impl OutlookCalendar {
    /// Starts a builder.
    pub fn builder() -> OutlookCalendarBuilder {
        OutlookCalendarBuilder::new()
    }

    /// The URL to send the person to for consent to this connection, and what the host keeps until
    /// the person comes back.
    #[cfg(feature = "oauth")]
    #[must_use]
    pub fn connect(&self, key: &ConnectionKey) -> Connect {
        self.oauth.connect(key)
    }

    /// Exchanges `callback` for tokens, stores them under `key`, and returns the account they open.
    /// `callback` is the URL that the person came back with, or its query. Keep the account's id as
    /// [`Connection::account`](calsync_core::model::Connection::account). Replaces the tokens
    /// stored under `key`, unless these are known to open another account
    /// ([`ConnectError::OtherAccount`], [`PendingConnect::allow_other_account`]).
    ///
    /// # Errors
    /// See [`ConnectError`]. Then nothing is stored, and the tokens stored before stay.
    #[cfg(feature = "oauth")]
    pub async fn finish(
        &self,
        key: &ConnectionKey,
        pending: PendingConnect,
        callback: &str,
    ) -> Result<Connected, ConnectError> {
        self.client.rest.tokens().finish(&self.oauth, key, pending, callback).await
    }

    /// Erases the tokens of a connection. Succeeds if there are none.
    ///
    /// Microsoft has no API to revoke a grant: the person removes it at
    /// <https://myapps.microsoft.com>, or for a personal account at
    /// <https://account.live.com/consent/Manage>.
    ///
    /// # Errors
    /// [`AuthError`] if the tokens may not have been erased. The call can be repeated.
    pub async fn disconnect(&self, key: &ConnectionKey) -> Result<Disconnected, AuthError> {
        self.client.rest.tokens().disconnect(key).await
    }

    /// Erases the tokens of a connection in the host's store, without a request to Microsoft: the
    /// first half of [`disconnect`](Self::disconnect), for a host that stores the pending
    /// revocation before it revokes.
    ///
    /// # Errors
    /// [`AuthError`] if the tokens may not have been erased. The call can be repeated.
    pub async fn erase(&self, key: &ConnectionKey) -> Result<Erased, AuthError> {
        self.client.rest.tokens().erase(key).await
    }

    /// Revokes a grant whose tokens were erased, if the host's own grant supports it
    /// ([`OutlookCalendarBuilder::grant`]).
    ///
    /// # Errors
    /// [`AuthError`] if the grant may still be valid. The call can be repeated.
    pub async fn revoke(&self, pending: &PendingRevocation) -> Result<Revoked, AuthError> {
        self.client.rest.tokens().revoke(pending).await
    }

    /// Lists the calendars of an account.
    ///
    /// The owner of the primary calendar is the account's address. Keep a calendar's name
    /// ([`Connection::calendar_name`](calsync_core::model::Connection::calendar_name)): calendar
    /// ids have changed without an action of the person, and the calendar is then found by its
    /// name. Also keep the id of the primary calendar
    /// ([`Connection::primary_calendar`](calsync_core::model::Connection::primary_calendar)): a
    /// connection to `primary` and one to that id then count as one calendar.
    ///
    /// # Errors
    /// [`Error`] if a request fails or a response cannot be read.
    pub async fn calendars(&self, key: &ConnectionKey) -> Result<Vec<AccountCalendar>, Error> {
        self.client.calendars(&key.clone().into()).await
    }

    /// Creates a calendar in an account, for the host's events.
    ///
    /// Microsoft chooses the id, so the call cannot be repeated safely: after an
    /// [unknown](calsync_core::Retry::Unknown) outcome there may be an empty, unused calendar. A
    /// name that exists already is refused.
    ///
    /// # Errors
    /// [`Error`] if a request fails or a response cannot be read.
    pub async fn create_calendar(&self, key: &ConnectionKey, name: &str) -> Result<CalendarId, Error> {
        self.client.create_calendar(&key.clone().into(), name).await
    }
}
