//! Google Calendar, connected: consent, calendars, and the provider itself.

use calsync_core::auth::AuthError;
#[cfg(feature = "oauth")]
use calsync_core::auth::{Connect, ConnectError, OAuthClient, PendingConnect, Tokens};
use calsync_core::calendar::ConnectionKey;
use calsync_core::error::Error;
use calsync_core::names::CalendarId;
use calsync_core::provider::{AccountCalendar, Capabilities};
use calsync_core::time::Zone;

use crate::builder::GoogleCalendarBuilder;
use crate::client::Client;
use crate::moved::Moved;
use crate::zones::UnknownZones;

/// Google Calendar, for connections of kind `google`. Clones are handles to the same one.
///
/// Built by [`GoogleCalendar::builder`]. One serves everybody: it finds a person's tokens by the [`ConnectionKey`] of the place it is
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
/// # use calsync_google::GoogleCalendar;
/// # fn redirect_to(_: &str) {}
/// # fn keep_in_session(_: &PendingConnect) {}
/// fn begin(google: &GoogleCalendar) {
///     let connect = google.connect();
///     keep_in_session(&connect.pending);
///     redirect_to(connect.url.expose());
/// }
///
/// async fn came_back(google: &GoogleCalendar, pending: PendingConnect, query: &str) -> Result<(), ConnectError> {
///     let key = ConnectionKey::new(Person::Profile(7.into()), ProviderKind::GOOGLE, 1);
///     google.finish(&key, pending, query).await?; // the tokens are stored
///     Ok(())
/// }
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct GoogleCalendar {
    pub(crate) client: Client,
    pub(crate) capabilities: Capabilities,
    pub(crate) zones: UnknownZones,
    pub(crate) moved: Moved,
    #[cfg(feature = "oauth")]
    pub(crate) oauth: OAuthClient,
}

impl GoogleCalendar {
    /// Begins to put one together.
    pub fn builder() -> GoogleCalendarBuilder {
        GoogleCalendarBuilder::new()
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

    /// Gives a grant back to Google and forgets its tokens. One that is not there, or dead, is success.
    ///
    /// # Errors
    /// When it may not have been given back. It can be repeated.
    pub async fn disconnect(&self, key: &ConnectionKey) -> Result<(), AuthError> {
        self.client.rest.tokens().disconnect(key).await
    }

    /// The calendars of an account. Needs [`Scope::CalendarListReadonly`](crate::Scope::CalendarListReadonly).
    ///
    /// The id of the primary one is the account's e-mail address: a good
    /// [`Connection::account`](calsync_core::model::Connection::account).
    ///
    /// # Errors
    /// [`MissingScope`](calsync_core::ErrorKind::MissingScope), or as any call.
    pub async fn calendars(&self, key: &ConnectionKey) -> Result<Vec<AccountCalendar>, Error> {
        self.client.calendars(&key.clone().into()).await
    }

    /// Makes a calendar of our own in an account. The only kind that [`Scope::AppCreated`](crate::Scope::AppCreated) opens.
    ///
    /// Google gives its id, so this cannot be repeated: after an [unknown](calsync_core::Retry::Unknown) outcome there may be
    /// an empty calendar that nobody uses.
    ///
    /// # Errors
    /// [`MissingScope`](calsync_core::ErrorKind::MissingScope), or as any call.
    pub async fn create_calendar(
        &self,
        key: &ConnectionKey,
        name: &str,
        zone: &Zone,
    ) -> Result<CalendarId, Error> {
        self.client.create_calendar(&key.clone().into(), name, zone).await
    }
}
