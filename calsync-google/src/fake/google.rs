//! The fake itself: how it is set up, asked and reached.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use calsync_core::clock::{Clock, Sleep};
use calsync_core::fake::oauth::{Decision, FakeTokens};
use calsync_core::fake::{Reply, pause};
use calsync_core::http::{HttpTransport, Request, Response, TransportError};

use super::faults::FaultRule;
use super::people::FakeUser;
use super::questions::{FakeCalendar, FakeChannel, FakeEvent, FakeMail, SeenRequest, Writes};
use super::request::Incoming;
use super::route::ApiMethod;
use super::settings::Settings;
use super::state::State;

/// Google Calendar and Google's OAuth server, in process. Clones are the same one.
///
/// A new one knows a client, [`FakeGoogle::CLIENT_ID`], and nobody else.
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
    /// The client that every fake knows; it may be redirected to any port and path of `http://127.0.0.1`.
    pub const CLIENT_ID: &'static str = "calsync-fake.apps.googleusercontent.com";
    /// That client's secret.
    pub const CLIENT_SECRET: &'static str = "fake-client-secret";

    /// An empty one, by the machine's clock.
    #[must_use]
    pub fn new() -> Self {
        let fake = Self { state: Arc::default(), sleep: None };
        fake.client(Self::CLIENT_ID, Self::CLIENT_SECRET, "http://127.0.0.1")
    }

    /// By that clock: token lives, limits, `updated`, channels.
    #[must_use]
    pub fn with_clock(self, clock: impl Clock) -> Self {
        self.state().clock = Arc::new(clock);
        self
    }

    /// With that to wait by in [`Fault::Delay`](super::Fault::Delay); without it nobody waits.
    #[must_use]
    pub fn with_sleep(mut self, sleep: impl Sleep) -> Self {
        self.sleep = Some(Arc::new(sleep));
        self
    }

    /// With a client, or with one more redirect of one that is known.
    #[must_use]
    pub fn client(self, id: &str, secret: &str, redirect: &str) -> Self {
        self.state().grants.add_client(id, Some(secret), redirect);
        self
    }

    /// With a client that has no secret and needs PKCE, as apps on people's devices are.
    #[must_use]
    pub fn public_client(self, id: &str, redirect: &str) -> Self {
        self.state().grants.add_client(id, None, redirect);
        self
    }

    /// Changes how it behaves, from now on.
    pub fn set(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.state().settings);
    }

    /// The user of that address, with a primary calendar in London; made if new.
    #[must_use]
    pub fn user(&self, email: &str) -> FakeUser {
        self.state().user(email);
        FakeUser::new(self.clone(), email)
    }

    /// Tokens for that user, without the consent page; see [`FakeUser::tokens`].
    #[must_use]
    pub fn tokens(&self, user: &str, scopes: &[&str]) -> FakeTokens {
        self.user(user).tokens(scopes)
    }

    /// What happens when that user gets the consent page at `url` and decides: the URL the browser is sent to, or `None`
    /// where the page shows an error, since what it asks for is wrong.
    #[must_use]
    pub fn consent(&self, url: &str, user: &str, decision: &Decision) -> Option<String> {
        self.state().decide_url(url, user, decision)
    }

    /// Something goes wrong: [`Fault`](super::Fault)s alone strike the next request.
    pub fn fault(&self, rule: impl Into<FaultRule>) {
        self.state().faults.push(rule);
    }

    /// Nothing goes wrong any more.
    pub fn no_faults(&self) {
        self.state().faults.clear();
    }

    /// How many scripted faults have yet to strike.
    #[must_use]
    pub fn faults_left(&self) -> usize {
        self.state().faults.len()
    }

    /// Every access token is dead from now on; refresh tokens live.
    pub fn expire_access_tokens(&self) {
        self.state().grants.expire_access();
    }

    /// Every sync token of that calendar is dead from now on: 410 `fullSyncRequired`.
    pub fn expire_sync_tokens(&self, calendar: &str) {
        if let Some(calendar) = self.state().calendars.get_mut(calendar) {
            calendar.epoch += 1;
        }
    }

    /// Deleted events vanish for good, as they do some day: their ids are free again.
    pub fn purge_tombstones(&self) {
        for calendar in self.state().calendars.values_mut() {
            calendar.events.retain(|_, event| !event.is_cancelled());
        }
    }

    /// Every calendar, by id.
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

    /// Every event that stands, by calendar and id.
    #[must_use]
    pub fn events(&self) -> Vec<FakeEvent> {
        let state = self.state();
        state.calendars.keys().flat_map(|id| state.events_of(id, false)).collect()
    }

    /// Every event that was deleted, by calendar and id.
    #[must_use]
    pub fn tombstones(&self) -> Vec<FakeEvent> {
        let state = self.state();
        state.calendars.keys().flat_map(|id| state.events_of(id, true)).collect()
    }

    /// What programs have changed.
    #[must_use]
    pub fn writes(&self) -> Writes {
        self.state().writes
    }

    /// The mails that would have been sent.
    #[must_use]
    pub fn mails(&self) -> Vec<FakeMail> {
        self.state().mails.clone()
    }

    /// How many guests programs have written into events, mailed or not. Google counts these against a limit.
    #[must_use]
    pub fn invitations(&self) -> usize {
        self.state().invitations
    }

    /// The latest requests, oldest first; parts of a batch come before the batch.
    #[must_use]
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.state().log.requests()
    }

    /// Forgets the requests so far, and their number.
    pub fn clear_requests(&self) {
        self.state().log.clear();
    }

    /// How many requests for that method came in, whatever became of them.
    #[must_use]
    pub fn count(&self, method: ApiMethod) -> usize {
        self.state().log.count(&method)
    }

    /// How many requests came in.
    #[must_use]
    pub fn count_all(&self) -> usize {
        self.state().log.count_all()
    }

    /// How many access tokens were given for refresh tokens.
    #[must_use]
    pub fn token_refreshes(&self) -> usize {
        self.state().grants.refreshes
    }

    /// The push channels that are open.
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

    /// The push messages that would have been sent since the last time this was asked, to be handed to the host's own.
    #[must_use]
    pub fn take_notifications(&self) -> Vec<Request> {
        std::mem::take(&mut self.state().notices)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing here panics half way through a change, so what a panicking test left behind is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl HttpTransport for FakeGoogle {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let incoming = Incoming::of(&request);
        let fault = self.state().fault_for(&incoming);
        pause(fault.as_ref(), self.sleep.as_deref()).await;
        let answer = self.state().exchange(&incoming, fault);
        answer.map(Reply::into_response).map_err(TransportError::new)
    }
}
