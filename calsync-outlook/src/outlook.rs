//! Outlook, connected: consent, calendars, and the provider itself.

use calsync_core::auth::AuthError;
#[cfg(feature = "oauth")]
use calsync_core::auth::{Connect, ConnectError, OAuthClient, PendingConnect, Tokens};
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
/// fn begin(outlook: &OutlookCalendar) {
///     let connect = outlook.connect();
///     keep_in_session(&connect.pending);
///     redirect_to(connect.url.expose());
/// }
///
/// async fn came_back(outlook: &OutlookCalendar, pending: PendingConnect, query: &str) -> Result<(), ConnectError> {
///     let key = ConnectionKey::new(Person::Profile(7.into()), ProviderKind::OUTLOOK, 1);
///     outlook.finish(&key, pending, query).await?; // the tokens are stored
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

    /// Where to send a person for consent, and what to keep until they come back.
    #[cfg(feature = "oauth")]
    #[must_use]
    pub fn connect(&self) -> Connect {
        self.oauth.connect()
    }

    /// What the browser brought back, traded for tokens, which are stored under `key`. Whatever was stored there is replaced.
    ///
    /// # Errors
    /// See [`ConnectError`]. Nothing is stored then.
    #[cfg(feature = "oauth")]
    pub async fn finish(
        &self,
        key: &ConnectionKey,
        pending: PendingConnect,
        callback: &str,
    ) -> Result<Tokens, ConnectError> {
        let tokens = self.oauth.finish(pending, callback).await?;
        self.client.rest.tokens().connected(key, &tokens).await.map_err(ConnectError::Store)?;
        Ok(tokens)
    }

    /// Forgets a grant's tokens. One that is not there is success.
    ///
    /// Microsoft has no way for a program to give a grant back: the person takes it away at <https://myapps.microsoft.com>, or for a
    /// personal account at <https://account.live.com/consent/Manage>.
    ///
    /// # Errors
    /// When they may not have been forgotten. It can be repeated.
    pub async fn disconnect(&self, key: &ConnectionKey) -> Result<(), AuthError> {
        self.client.rest.tokens().disconnect(key).await
    }

    /// The calendars of an account.
    ///
    /// The owner of the primary one is the account's address: a good
    /// [`Connection::account`](calsync_core::model::Connection::account). A calendar's name is worth keeping too
    /// ([`Connection::calendar_name`](calsync_core::model::Connection::calendar_name)): ids of calendars have changed by themselves, and
    /// by its name one is found again.
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
