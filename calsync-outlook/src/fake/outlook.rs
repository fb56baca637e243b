//! The fake itself: how it is set up, asked and reached.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use calsync_core::clock::{Clock, Sleep};
use calsync_core::fake::oauth::{Decision, FakeTokens};
use calsync_core::fake::{Fault, Reply, pause};
use calsync_core::http::{HttpTransport, Request, Response, TransportError};

use super::FaultRule;
use super::batch;
use super::limits::InFlight;
use super::people::FakeUser;
use super::questions::{FakeCalendar, FakeEvent, FakeMail, FakeSubscription, SeenRequest, Writes};
use super::request::Asked;
use super::route::ApiMethod;
use super::settings::{Latency, Settings};
use super::state::State;
use super::subscriptions::LifecycleEvent;

/// Microsoft Graph's calendars and Microsoft's OAuth server, in process. Clones are the same one.
///
/// A new one knows a client, [`FakeOutlook::CLIENT_ID`], and nobody else.
#[derive(Clone)]
pub struct FakeOutlook {
    state: Arc<Mutex<State>>,
    sleep: Option<Arc<dyn Sleep>>,
}

impl Default for FakeOutlook {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for FakeOutlook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakeOutlook(..)")
    }
}

impl FakeOutlook {
    /// The client that every fake knows; it may be redirected to any port and path of `http://127.0.0.1` and `http://localhost`.
    pub const CLIENT_ID: &'static str = "7c1d5f0e-5c5a-4b3e-9a67-fa4e0ca15c00";
    /// That client's secret.
    pub const CLIENT_SECRET: &'static str = "fake-client-secret";
    /// The tenant of every account that is an organisation's.
    pub const TENANT: &'static str = "0b9a8c57-6d3e-4f21-8b44-fa4e0ca15c01";

    /// An empty one, by the machine's clock.
    #[must_use]
    pub fn new() -> Self {
        let fake = Self { state: Arc::default(), sleep: None };
        fake.client(Self::CLIENT_ID, Self::CLIENT_SECRET, "http://127.0.0.1").client(
            Self::CLIENT_ID,
            Self::CLIENT_SECRET,
            "http://localhost",
        )
    }

    /// By that clock: token lives, limits, `lastModifiedDateTime`, subscriptions.
    #[must_use]
    pub fn with_clock(self, clock: impl Clock) -> Self {
        self.state().clock = Arc::new(clock);
        self
    }

    /// With that to wait by in [`Fault::Delay`] and [`Latency::Time`]; without it nobody waits.
    #[must_use]
    pub fn with_sleep(mut self, sleep: impl Sleep) -> Self {
        self.sleep = Some(Arc::new(sleep));
        self
    }

    /// With that to answer the handshake of a new subscription, as the host's own server would: it gets the request that Graph
    /// sends. Without it every handshake succeeds. It must not call this fake.
    #[must_use]
    pub fn with_validator(self, answers: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        self.state().validator = Some(Arc::new(answers));
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

    /// The user of that address, with a default calendar and a mailbox in London; made if new.
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

    /// Something goes wrong: [`Fault`]s alone strike the next request.
    pub fn fault(&self, rule: impl Into<FaultRule>) {
        self.state().faults.push(rule);
    }

    /// Nothing goes wrong any more.
    pub fn clear_faults(&self) {
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

    /// Every delta token of that calendar is dead from now on: 410 `SyncStateNotFound`. Its id, or `primary` for every default one.
    pub fn expire_delta_tokens(&self, calendar: &str) {
        let mut state = self.state();
        let all = state.mailboxes.values_mut().flat_map(|mailbox| mailbox.calendars.values_mut());
        for found in all.filter(|found| found.id == calendar || (calendar == "primary" && found.is_default)) {
            found.epoch += 1;
        }
    }

    /// Every calendar, by mailbox and age.
    #[must_use]
    pub fn calendars(&self) -> Vec<FakeCalendar> {
        let state = self.state();
        let calendars = state.mailboxes.values().flat_map(|mailbox| {
            mailbox.calendars.values().map(|calendar| FakeCalendar {
                id: calendar.id.clone(),
                owner: mailbox.email.clone(),
                name: calendar.name.clone(),
                primary: calendar.is_default,
                made_by: calendar.made_by.clone(),
            })
        });
        calendars.collect()
    }

    /// Every event that stands, by mailbox and age.
    #[must_use]
    pub fn events(&self) -> Vec<FakeEvent> {
        let state = self.state();
        state.mailboxes.keys().flat_map(|email| state.events_of(email, None, false)).collect()
    }

    /// Every event that was deleted, by mailbox and age.
    #[must_use]
    pub fn deleted(&self) -> Vec<FakeEvent> {
        let state = self.state();
        state.mailboxes.keys().flat_map(|email| state.events_of(email, None, true)).collect()
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

    /// How many guests programs have written into events. Graph mails every one of them.
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

    /// The most requests to that user's mailbox that have been in flight at the same time, those that were too many among them.
    #[must_use]
    pub fn most_in_flight(&self, user: &str) -> usize {
        self.state().limiter.most(user)
    }

    /// The subscriptions that are alive.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<FakeSubscription> {
        let state = self.state();
        let now = state.now();
        let alive = state.subscriptions.iter().filter(|subscription| subscription.expires_at > now);
        let alive = alive.map(|subscription| FakeSubscription {
            id: subscription.id.clone(),
            resource: subscription.resource.clone(),
            notification_url: subscription.notification_url.clone(),
            expires_at: subscription.expires_at,
        });
        alive.collect()
    }

    /// A lifecycle notice about a subscription; [`LifecycleEvent::SubscriptionRemoved`] removes it, too. Returns whether there is
    /// such a subscription with somewhere to send it.
    pub fn sends_lifecycle(&self, subscription: &str, event: LifecycleEvent) -> bool {
        self.state().send_lifecycle(subscription, event)
    }

    /// The notifications that would have been sent since the last time this was asked, to be handed to the host's own.
    #[must_use]
    pub fn take_notifications(&self) -> Vec<Request> {
        std::mem::take(&mut self.state().notices)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing here panics half way through a change, so what a panicking test left behind is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the time that answers take.
    async fn wait(&self, latency: Option<Latency>) {
        let fault = match latency {
            None => return,
            Some(Latency::Turns(turns)) => Fault::Slow(turns),
            Some(Latency::Time(by)) => Fault::Delay(by),
        };
        pause(Some(&fault), self.sleep.as_deref()).await;
    }
}

#[async_trait]
impl HttpTransport for FakeOutlook {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let mut asked = Asked::of(&request);
        let mailbox = self.state().addressed(&asked).filter(|_| !asked.method().is_oauth());
        let (_in_flight, room) = match mailbox {
            Some(mailbox) => {
                let (in_flight, room) = InFlight::enter(self, mailbox, batch::width(&asked));
                (Some(in_flight), room)
            }
            None => (None, usize::MAX),
        };
        asked.room = room;
        let (fault, latency) = {
            let mut state = self.state();
            (state.fault_for(&asked), state.settings.latency)
        };
        pause(fault.as_ref(), self.sleep.as_deref()).await;
        // What is one too many is told so at once.
        self.wait(latency.filter(|_| room > 0)).await;
        let answer = self.state().exchange(&asked, fault);
        answer.map(Reply::into_response).map_err(TransportError::new)
    }
}
