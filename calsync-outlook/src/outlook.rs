//! Outlook, connected: consent, calendars, and the provider itself.

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

/// Outlook calendars, for connections of kind `outlook`. Clones are handles to the same one.
///
/// Built by [`OutlookCalendar::builder`]. One serves everybody: it finds a person's tokens by the [`ConnectionKey`] of the place it is
/// asked to write to.
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
///     // Whose calendar it is the host knows from its own session.
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
    /// Begins to put one together.
    pub fn builder() -> OutlookCalendarBuilder {
        OutlookCalendarBuilder::new()
    }

    /// Where to send a person for consent to that connection, and what to keep until they come back.
    #[cfg(feature = "oauth")]
    #[must_use]
    pub fn connect(&self, key: &ConnectionKey) -> Connect {
        self.oauth.connect(key)
    }

    /// What the browser brought back, traded for tokens, which are stored under `key`, and the account that they open: its id is the
    /// [`Connection::account`](calsync_core::model::Connection::account) to keep. What was stored there is replaced, unless it is
    /// known to open another account ([`ConnectError::OtherAccount`], [`PendingConnect::allow_other_account`]).
    ///
    /// # Errors
    /// See [`ConnectError`]. Nothing is stored then, and what was stored stays.
    #[cfg(feature = "oauth")]
    pub async fn finish(
        &self,
        key: &ConnectionKey,
        pending: PendingConnect,
        callback: &str,
    ) -> Result<Connected, ConnectError> {
        self.client.rest.tokens().finish(&self.oauth, key, pending, callback).await
    }

    /// Erases a grant's tokens. One that is not there is success.
    ///
    /// Microsoft has no way for a program to give a grant back: the person takes it away at <https://myapps.microsoft.com>, or for a
    /// personal account at <https://account.live.com/consent/Manage>.
    ///
    /// # Errors
    /// When they may not have been erased. It can be repeated.
    pub async fn disconnect(&self, key: &ConnectionKey) -> Result<Disconnected, AuthError> {
        self.client.rest.tokens().disconnect(key).await
    }

    /// Erases a grant's tokens here, without a word to Microsoft: the first half of [`disconnect`](Self::disconnect), for a host that
    /// stores what is still to be given back before it does that.
    ///
    /// # Errors
    /// When the tokens may not have been erased. It can be repeated.
    pub async fn erase(&self, key: &ConnectionKey) -> Result<Erased, AuthError> {
        self.client.rest.tokens().erase(key).await
    }

    /// Gives a grant back that was erased here, where a grant of the host's own can
    /// ([`OutlookCalendarBuilder::grant`]).
    ///
    /// # Errors
    /// When it may live on still. It can be repeated.
    pub async fn revoke(&self, pending: &PendingRevocation) -> Result<Revoked, AuthError> {
        self.client.rest.tokens().revoke(pending).await
    }

    /// The calendars of an account.
    ///
    /// The owner of the primary one is the account's address. A calendar's name is worth keeping
    /// ([`Connection::calendar_name`](calsync_core::model::Connection::calendar_name)): ids of calendars have changed by themselves, and
    /// by its name one is found again. The id of the primary one is worth keeping as well
    /// ([`Connection::primary_calendar`](calsync_core::model::Connection::primary_calendar)): a connection to `primary` and one to that id
    /// are then one calendar.
    ///
    /// # Errors
    /// As any call.
    pub async fn calendars(&self, key: &ConnectionKey) -> Result<Vec<AccountCalendar>, Error> {
        self.client.calendars(&key.clone().into()).await
    }

    /// Makes a calendar of our own in an account.
    ///
    /// Microsoft gives its id, so this cannot be repeated: after an [unknown](calsync_core::Retry::Unknown) outcome there may be
    /// an empty calendar that nobody uses. A name that is there already is refused.
    ///
    /// # Errors
    /// As any call.
    pub async fn create_calendar(&self, key: &ConnectionKey, name: &str) -> Result<CalendarId, Error> {
        self.client.create_calendar(&key.clone().into(), name).await
    }
}
