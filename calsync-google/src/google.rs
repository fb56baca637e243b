//! [`GoogleCalendar`]: the public handle. Connects and disconnects people, lists and creates
//! calendars.

use calsync_core::auth::{AuthError, Disconnected, Erased, PendingRevocation, Revoked};
#[cfg(feature = "oauth")]
use calsync_core::auth::{Connect, ConnectError, Connected, OAuthClient, PendingConnect};
use calsync_core::calendar::ConnectionKey;
use calsync_core::error::Error;
use calsync_core::names::CalendarId;
use calsync_core::provider::{AccountCalendar, Capabilities};
use calsync_core::time::Zone;

use crate::builder::GoogleCalendarBuilder;
use crate::client::Client;
use crate::moved::MovedEvents;
use crate::zones::UnknownZones;

/// Google Calendar, for connections of kind `google`. Clones share tokens, caches and
/// configuration.
///
/// Built by [`GoogleCalendar::builder`]. One instance serves all people: it loads a person's tokens
/// by the [`ConnectionKey`] of the calendar that a call names.
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
/// # fn keep_in_row(_: &ConnectionKey, _: &calsync_core::names::AccountId) {}
/// fn begin(google: &GoogleCalendar, key: &ConnectionKey) {
///     let connect = google.connect(key);
///     keep_in_session(&connect.pending);
///     redirect_to(connect.url.expose());
/// }
///
/// async fn redirected_back(
///     google: &GoogleCalendar,
///     pending: PendingConnect,
///     query: &str,
/// ) -> Result<(), ConnectError> {
///     // The host knows from its own session which person this is.
///     let key = ConnectionKey::new(Person::Profile(7.into()), ProviderKind::GOOGLE, 1);
///     let connected = google.finish(&key, pending, query).await?; // the tokens are stored
///     if let Some(account) = connected.account {
///         keep_in_row(&key, &account.id); // Connection::account
///     }
///     Ok(())
/// }
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct GoogleCalendar {
    pub(crate) client: Client,
    pub(crate) capabilities: Capabilities,
    pub(crate) zones: UnknownZones,
    pub(crate) moved: MovedEvents,
    #[cfg(feature = "oauth")]
    pub(crate) oauth: OAuthClient,
}

impl GoogleCalendar {
    /// Starts a builder with Google's own URLs and the default limits.
    pub fn builder() -> GoogleCalendarBuilder {
        GoogleCalendarBuilder::new()
    }

    /// Starts the consent flow for one connection. Returns the URL of the consent page, and the
    /// [`PendingConnect`] that the host keeps in the person's session until Google redirects back.
    #[cfg(feature = "oauth")]
    #[must_use]
    pub fn connect(&self, key: &ConnectionKey) -> Connect {
        self.oauth.connect(key)
    }

    /// Finishes the consent flow: exchanges the authorization code for tokens and stores them under
    /// `key`.
    ///
    /// `callback` is the redirect URL that the browser opened, or its query. The result names the
    /// Google account; the host stores the account's id in
    /// [`Connection::account`](calsync_core::model::Connection::account). Tokens already stored
    /// under `key` are replaced, except where they are known to belong to another account
    /// ([`ConnectError::OtherAccount`]) and [`PendingConnect::allow_other_account`] was not called.
    ///
    /// # Errors
    /// See [`ConnectError`]. On an error nothing is stored, and tokens stored earlier stay.
    #[cfg(feature = "oauth")]
    pub async fn finish(
        &self,
        key: &ConnectionKey,
        pending: PendingConnect,
        callback: &str,
    ) -> Result<Connected, ConnectError> {
        self.client.rest.tokens().finish(&self.oauth, key, pending, callback).await
    }

    /// Erases the stored tokens of a connection, and then revokes the grant at Google, as best
    /// effort. A connection without stored tokens, and a grant that is expired or revoked already,
    /// count as success.
    ///
    /// # Errors
    /// [`AuthError::Store`] when the tokens may not have been erased; the call can be repeated. A
    /// failed revocation is no error: [`Disconnected`] reports it.
    pub async fn disconnect(&self, key: &ConnectionKey) -> Result<Disconnected, AuthError> {
        self.client.rest.tokens().disconnect(key).await
    }

    /// Erases the stored tokens of a connection and sends nothing to Google: the first half of
    /// [`disconnect`](Self::disconnect). For a host that stores the [`PendingRevocation`] before it
    /// calls [`revoke`](Self::revoke).
    ///
    /// # Errors
    /// [`AuthError::Store`] when the tokens may not have been erased; the call can be repeated.
    pub async fn erase(&self, key: &ConnectionKey) -> Result<Erased, AuthError> {
        self.client.rest.tokens().erase(key).await
    }

    /// Revokes at Google a grant whose tokens were [erased](Self::erase) here. Google then ends
    /// every grant of that account to this client: if the person has connected again since, drop
    /// the [`PendingRevocation`] and do not call this.
    ///
    /// # Errors
    /// See [`AuthError`]: the grant may still be valid. The call can be repeated.
    pub async fn revoke(&self, pending: &PendingRevocation) -> Result<Revoked, AuthError> {
        self.client.rest.tokens().revoke(pending).await
    }

    /// Lists the calendars of an account. Needs
    /// [`Scope::CalendarListReadonly`](crate::Scope::CalendarListReadonly).
    ///
    /// The id of the primary calendar is the account's e-mail address.
    ///
    /// # Errors
    /// [`MissingScope`](calsync_core::ErrorKind::MissingScope) without that scope, or the errors of
    /// any request.
    pub async fn calendars(&self, key: &ConnectionKey) -> Result<Vec<AccountCalendar>, Error> {
        self.client.calendars(&key.clone().into()).await
    }

    /// Creates a calendar in an account, and returns its id. With
    /// [`Scope::AppCreated`](crate::Scope::AppCreated) the host can write only into calendars
    /// created this way.
    ///
    /// Google chooses the id, so the call is not idempotent: after an
    /// [unknown](calsync_core::Retry::Unknown) outcome an empty, unused calendar may be left over.
    ///
    /// # Errors
    /// [`MissingScope`](calsync_core::ErrorKind::MissingScope) without a scope that allows it, or
    /// the errors of any request.
    pub async fn create_calendar(
        &self,
        key: &ConnectionKey,
        name: &str,
        zone: &Zone,
    ) -> Result<CalendarId, Error> {
        self.client.create_calendar(&key.clone().into(), name, zone).await
    }
}
