//! [`FakeGoogle`]: setup, inspection, and the HTTP transport.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use calsync_core::clock::{Clock, Sleep};
use calsync_core::fake::oauth::{Decision, FakeTokens};
use calsync_core::fake::{Reply, pause};
use calsync_core::http::{HttpTransport, Request, Response, TransportError};

use super::faults::FaultRule;
use super::inspection::{FakeCalendar, FakeChannel, FakeEvent, FakeMail, SeenRequest, Writes};
use super::request::Incoming;
use super::route::ApiMethod;
use super::settings::Settings;
use super::state::State;
use super::user::FakeUser;

/// Google Calendar and Google's OAuth server, in process. Clones share all state.
///
/// A new fake has one OAuth client, [`FakeGoogle::CLIENT_ID`], and no users.
#[derive(Clone)]
pub struct FakeGoogle {
    state: Arc<Mutex<State>>,
    sleep: Option<Arc<dyn Sleep>>,
}

impl Default for FakeGoogle {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for FakeGoogle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakeGoogle(..)")
    }
}

impl FakeGoogle {
    /// Id of the OAuth client that every fake has. Its redirect URL may be any port and path of
    /// `http://127.0.0.1`.
    pub const CLIENT_ID: &'static str = "calsync-fake.apps.googleusercontent.com";
    /// Secret of [`FakeGoogle::CLIENT_ID`].
    pub const CLIENT_SECRET: &'static str = "fake-client-secret";

    /// Creates an empty fake that uses the machine's clock.
    #[must_use]
    pub fn new() -> Self {
        let fake = Self { state: Arc::default(), sleep: None };
        fake.client(Self::CLIENT_ID, Self::CLIENT_SECRET, "http://127.0.0.1")
    }

    /// Sets the clock for token lifetimes, limits, `updated` and channels. Default: the machine's
    /// clock.
    #[must_use]
    pub fn with_clock(self, clock: impl Clock) -> Self {
        self.state().clock = Arc::new(clock);
        self
    }

    /// Sets the timer for [`Fault::Delay`](super::Fault::Delay). Default: none, and a delay does
    /// not wait.
    #[must_use]
    pub fn with_sleep(mut self, sleep: impl Sleep) -> Self {
        self.sleep = Some(Arc::new(sleep));
        self
    }

    /// Adds an OAuth client with a secret, or adds a redirect URL to an existing client.
    #[must_use]
    pub fn client(self, id: &str, secret: &str, redirect: &str) -> Self {
        self.state().grants.add_client(id, Some(secret), redirect);
        self
    }

    /// Adds an OAuth client that has no secret and needs PKCE, like an app on a person's device.
    #[must_use]
    pub fn public_client(self, id: &str, redirect: &str) -> Self {
        self.state().grants.add_client(id, None, redirect);
        self
    }

    /// Changes the settings. They apply to the next request.
    pub fn set(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.state().settings);
    }

    /// Returns the user with that address. A new user is created, with a primary calendar in time
    /// zone Europe/London.
    #[must_use]
    pub fn user(&self, email: &str) -> FakeUser {
        self.state().user(email);
        FakeUser::new(self.clone(), email)
    }

    /// Issues tokens for that user without the consent page; see [`FakeUser::tokens`].
    #[must_use]
    pub fn tokens(&self, user: &str, scopes: &[&str]) -> FakeTokens {
        self.user(user).tokens(scopes)
    }

    /// Opens the consent page at `url` as that user, and applies the decision. Returns the URL that
    /// the browser is redirected to, or `None` if the page shows an error because the request is
    /// invalid.
    #[must_use]
    pub fn consent(&self, url: &str, user: &str, decision: &Decision) -> Option<String> {
        self.state().decide_url(url, user, decision)
    }

    /// Adds a scripted fault. A plain [`Fault`](super::Fault) applies to the next request.
    pub fn fault(&self, rule: impl Into<FaultRule>) {
        self.state().faults.push(rule);
    }

    /// Removes all scripted faults.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Number of scripted faults that are still pending.
    #[must_use]
    pub fn faults_left(&self) -> usize {
        self.state().faults.len()
    }

    /// Expires every access token. Refresh tokens stay valid.
    pub fn expire_access_tokens(&self) {
        self.state().grants.expire_access();
    }

    /// Expires every sync token of that calendar: requests with one get 410 `fullSyncRequired`.
    pub fn expire_sync_tokens(&self, calendar: &str) {
        if let Some(calendar) = self.state().calendars.get_mut(calendar) {
            calendar.epoch += 1;
        }
    }

    /// Removes all tombstones, as Google does after some time. Their ids can be used again.
    pub fn purge_tombstones(&self) {
        for calendar in self.state().calendars.values_mut() {
            calendar.events.retain(|_, event| !event.is_cancelled());
        }
    }

    /// Returns every calendar, ordered by id.
    #[must_use]
    pub fn calendars(&self) -> Vec<FakeCalendar> {
        let state = self.state();
        let calendars = state.calendars.iter().map(|(id, calendar)| FakeCalendar {
            id: id.clone(),
            owner: calendar.owner.clone(),
            summary: calendar.summary.clone(),
            time_zone: calendar.zone.name().to_owned(),
            primary: calendar.primary,
            made_by: calendar.made_by.clone(),
            access: calendar.access.iter().map(|(user, role)| (user.clone(), *role)).collect(),
        });
        calendars.collect()
    }

    /// Returns every event that is not deleted, ordered by calendar and id.
    #[must_use]
    pub fn events(&self) -> Vec<FakeEvent> {
        let state = self.state();
        state.calendars.keys().flat_map(|id| state.events_of(id, false)).collect()
    }

    /// Returns every deleted event, ordered by calendar and id.
    #[must_use]
    pub fn tombstones(&self) -> Vec<FakeEvent> {
        let state = self.state();
        state.calendars.keys().flat_map(|id| state.events_of(id, true)).collect()
    }

    /// Counts of the changes that programs made through the API.
    #[must_use]
    pub fn writes(&self) -> Writes {
        self.state().writes
    }

    /// The mails that Google would have sent.
    #[must_use]
    pub fn mails(&self) -> Vec<FakeMail> {
        self.state().mails.clone()
    }

    /// Number of guests that programs have written into events, whether or not they got a mail.
    /// Google limits this number.
    #[must_use]
    pub fn invitations(&self) -> usize {
        self.state().invitations
    }

    /// The latest requests, oldest first. Calls of a batch come before the batch.
    /// [`Settings::log_size`] limits their number.
    #[must_use]
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.state().log.requests()
    }

    /// Clears the log of requests, and the counts.
    pub fn clear_requests(&self) {
        self.state().log.clear();
    }

    /// Number of requests for that method, failed ones included.
    #[must_use]
    pub fn count(&self, method: ApiMethod) -> usize {
        self.state().log.count(&method)
    }

    /// Number of requests for all methods, failed ones included.
    #[must_use]
    pub fn count_all(&self) -> usize {
        self.state().log.count_all()
    }

    /// Number of successful token refreshes.
    #[must_use]
    pub fn token_refreshes(&self) -> usize {
        self.state().grants.refreshes
    }

    /// The push channels that are open and not expired.
    #[must_use]
    pub fn channels(&self) -> Vec<FakeChannel> {
        let state = self.state();
        let now = state.now();
        let open = state.channels.iter().filter(|channel| channel.expires_at > now);
        let channels = open.map(|channel| FakeChannel {
            id: channel.id.clone(),
            resource_id: channel.resource.clone(),
            calendar: channel.calendar.clone(),
            address: channel.address.clone(),
            expires_at: channel.expires_at,
        });
        channels.collect()
    }

    /// Returns the push messages that Google would have sent since the last call, for the host's
    /// own handler.
    #[must_use]
    pub fn take_notifications(&self) -> Vec<Request> {
        std::mem::take(&mut self.state().notices)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // No change panics half way, so the state is consistent even after a test panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl HttpTransport for FakeGoogle {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let incoming = Incoming::of(&request);
        let fault = self.state().fault_for(&incoming);
        pause(fault.as_ref(), self.sleep.as_deref()).await;
        let result = self.state().exchange(&incoming, fault);
        result.map(Reply::into_response).map_err(TransportError::new)
    }
}
