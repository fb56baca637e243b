//! The fake service: settings, inspection, and the transport.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use calsync_core::clock::{Clock, Sleep};
use calsync_core::fake::oauth::{Decision, FakeTokens};
use calsync_core::fake::{Fault, Reply, pause};
use calsync_core::http::{HttpTransport, Request, Response, TransportError};

use super::FaultRule;
use super::batch;
use super::inspect::{FakeCalendar, FakeEvent, FakeMail, FakeSubscription, SeenRequest, Writes};
use super::limits::InFlight;
use super::request::Received;
use super::route::ApiMethod;
use super::settings::{Latency, Settings};
use super::state::State;
use super::subscriptions::LifecycleEvent;
use super::user::FakeUser;

/// Microsoft Graph's calendars and Microsoft's OAuth server, in process. Clones share one state.
///
/// A new fake has one client, [`FakeOutlook::CLIENT_ID`], and no users.
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
    /// The client that every fake has. Its redirect URLs are `http://127.0.0.1` and
    /// `http://localhost`, with any port and path.
    pub const CLIENT_ID: &'static str = "7c1d5f0e-5c5a-4b3e-9a67-fa4e0ca15c00";
    /// The secret of that client.
    pub const CLIENT_SECRET: &'static str = "fake-client-secret";
    /// The tenant id of every organization account.
    pub const TENANT: &'static str = "0b9a8c57-6d3e-4f21-8b44-fa4e0ca15c01";

    /// An empty fake that uses the system clock.
    #[must_use]
    pub fn new() -> Self {
        let fake = Self { state: Arc::default(), sleep: None };
        fake.client(Self::CLIENT_ID, Self::CLIENT_SECRET, "http://127.0.0.1").client(
            Self::CLIENT_ID,
            Self::CLIENT_SECRET,
            "http://localhost",
        )
    }

    /// Sets the clock for token lifetimes, limits, `lastModifiedDateTime` and subscriptions.
    /// Default: the system clock.
    #[must_use]
    pub fn with_clock(self, clock: impl Clock) -> Self {
        self.state().clock = Arc::new(clock);
        self
    }

    /// Sets how to wait in [`Fault::Delay`] and [`Latency::Time`]. Default: one turn of the async
    /// runtime.
    #[must_use]
    pub fn with_sleep(mut self, sleep: impl Sleep) -> Self {
        self.sleep = Some(Arc::new(sleep));
        self
    }

    /// Sets a handler for the validation request of a new subscription, in place of the host's own
    /// server. It gets the request that Graph sends. Default: every validation succeeds. The
    /// handler must not call this fake.
    #[must_use]
    pub fn with_validator(self, handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        self.state().validator = Some(Arc::new(handler));
        self
    }

    /// Adds a client, or one more redirect URL of an existing client.
    #[must_use]
    pub fn client(self, id: &str, secret: &str, redirect: &str) -> Self {
        self.state().grants.add_client(id, Some(secret), redirect);
        self
    }

    /// Adds a public client: it has no secret and needs PKCE, like apps on people's devices.
    #[must_use]
    pub fn public_client(self, id: &str, redirect: &str) -> Self {
        self.state().grants.add_client(id, None, redirect);
        self
    }

    /// Changes the settings from now on.
    pub fn set(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.state().settings);
    }

    /// The user with that address. A new user is created with a default calendar and a mailbox in
    /// the London time zone.
    #[must_use]
    pub fn user(&self, email: &str) -> FakeUser {
        self.state().user(email);
        FakeUser::new(self.clone(), email)
    }

    /// Tokens for that user without the consent page; see [`FakeUser::tokens`].
    #[must_use]
    pub fn tokens(&self, user: &str, scopes: &[&str]) -> FakeTokens {
        self.user(user).tokens(scopes)
    }

    /// Answers the consent page at `url` as that user. Returns the URL that the browser is sent to,
    /// or `None` if the request is invalid and the page shows an error.
    #[must_use]
    pub fn consent(&self, url: &str, user: &str, decision: &Decision) -> Option<String> {
        self.state().decide_url(url, user, decision)
    }

    /// Adds a fault. A bare [`Fault`] applies to the next request.
    pub fn fault(&self, rule: impl Into<FaultRule>) {
        self.state().faults.push(rule);
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// How many faults have not been applied yet.
    #[must_use]
    pub fn faults_left(&self) -> usize {
        self.state().faults.len()
    }

    /// Makes every access token expire now. Refresh tokens stay valid.
    pub fn expire_access_tokens(&self) {
        self.state().grants.expire_access();
    }

    /// Makes every delta token of that calendar expire now: 410 `SyncStateNotFound`. Takes the
    /// calendar's id, or `primary` for every default calendar.
    pub fn expire_delta_tokens(&self, calendar: &str) {
        let mut state = self.state();
        let all = state.mailboxes.values_mut().flat_map(|mailbox| mailbox.calendars.values_mut());
        for found in all.filter(|found| found.id == calendar || (calendar == "primary" && found.is_default)) {
            found.epoch += 1;
        }
    }

    /// All calendars, by mailbox and age.
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

    /// All events that exist, by mailbox and age.
    #[must_use]
    pub fn events(&self) -> Vec<FakeEvent> {
        let state = self.state();
        state.mailboxes.keys().flat_map(|email| state.events_of(email, None, false)).collect()
    }

    /// All deleted events, by mailbox and age.
    #[must_use]
    pub fn deleted(&self) -> Vec<FakeEvent> {
        let state = self.state();
        state.mailboxes.keys().flat_map(|email| state.events_of(email, None, true)).collect()
    }

    /// How many changes programs made.
    #[must_use]
    pub fn writes(&self) -> Writes {
        self.state().writes
    }

    /// The mails that Graph would have sent.
    #[must_use]
    pub fn mails(&self) -> Vec<FakeMail> {
        self.state().mails.clone()
    }

    /// How many guests programs have added to events. Graph sends a mail to each of them.
    #[must_use]
    pub fn invitations(&self) -> usize {
        self.state().invitations
    }

    /// The latest requests, oldest first. Parts of a batch come before their batch.
    #[must_use]
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.state().log.requests()
    }

    /// Clears the request log and its counts.
    pub fn clear_requests(&self) {
        self.state().log.clear();
    }

    /// How many requests for that method came in, successful or not.
    #[must_use]
    pub fn count(&self, method: ApiMethod) -> usize {
        self.state().log.count(&method)
    }

    /// How many requests came in.
    #[must_use]
    pub fn count_all(&self) -> usize {
        self.state().log.count_all()
    }

    /// How many access tokens were issued for refresh tokens.
    #[must_use]
    pub fn token_refreshes(&self) -> usize {
        self.state().grants.refreshes
    }

    /// The highest number of requests to that user's mailbox in flight at the same time, refused
    /// ones included.
    #[must_use]
    pub fn most_in_flight(&self, user: &str) -> usize {
        self.state().limiter.most(user)
    }

    /// The subscriptions that have not expired.
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

    /// Queues a lifecycle notification of a subscription. [`LifecycleEvent::SubscriptionRemoved`]
    /// also removes the subscription. Returns whether the subscription exists and has a lifecycle
    /// URL.
    pub fn sends_lifecycle(&self, subscription: &str, event: LifecycleEvent) -> bool {
        self.state().send_lifecycle(subscription, event)
    }

    /// The notifications queued since the last call, as requests for the host's own handler.
    #[must_use]
    pub fn take_notifications(&self) -> Vec<Request> {
        std::mem::take(&mut self.state().notices)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // No code here panics in the middle of a change, so the state is consistent even after a
        // test panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the configured latency.
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
        let mut received = Received::of(&request);
        let mailbox = self.state().counted_mailbox(&received).filter(|_| !received.method().is_oauth());
        let (_in_flight, room) = match mailbox {
            Some(mailbox) => {
                let (in_flight, room) = InFlight::enter(self, mailbox, batch::width(&received));
                (Some(in_flight), room)
            }
            None => (None, usize::MAX),
        };
        received.room = room;
        let (fault, latency) = {
            let mut state = self.state();
            (state.fault_for(&received), state.settings.latency)
        };
        pause(fault.as_ref(), self.sleep.as_deref()).await;
        // A request over the limit is refused without latency.
        self.wait(latency.filter(|_| room > 0)).await;
        let reply = self.state().exchange(&received, fault);
        reply.map(Reply::into_response).map_err(TransportError::new)
    }
}
