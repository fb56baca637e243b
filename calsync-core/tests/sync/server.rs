//! A server that counts calls as real servers do, over a slow connection, in tokio's paused time.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use calsync_core::calendar::CalendarRef;
use calsync_core::clock::{Clock, Sleep, TokioSleep};
use calsync_core::error::Operation;
use calsync_core::memory::MemoryCalendar;
use calsync_core::names::{ProviderKind, RemoteId};
use calsync_core::plan::Begun;
use calsync_core::provider::{
    CalendarProvider, Capabilities, CreateOptions, DeleteOptions, Draft, Found, Marker, OursPage, PageToken,
    TargetQuery, UpdateOptions, Written,
};
use calsync_core::sync::{Random, SeededRandom, Syncer, SyncerBuilder};
use calsync_core::{AppointmentId, Error, ErrorKind};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use crate::common::{CUSTOMER, Company, NAMESPACE, at, error, google};

/// A call as the server sees it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// The time since the server was started.
    pub(crate) at: Duration,
    pub(crate) account: String,
    pub(crate) operation: Operation,
    /// The event's title, for calls that have one.
    pub(crate) title: String,
    /// How many calls the account made before.
    pub(crate) before: usize,
}

/// Decides whether the server refuses a call, and with which error.
type Temper = Arc<dyn Fn(&Call) -> Option<Error> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) calendar: MemoryCalendar,
    limits: Capabilities,
    declared: Capabilities,
    slowness: Duration,
    temper: Temper,
    started: Instant,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    under_way: BTreeMap<String, usize>,
    last_minute: BTreeMap<String, VecDeque<Duration>>,
    refused: usize,
}

impl Server {
    /// A server that enforces the limits it declares.
    pub(crate) fn new(limits: Capabilities) -> Self {
        Self {
            calendar: MemoryCalendar::new().with_kind(ProviderKind::GOOGLE),
            declared: limits.clone(),
            limits,
            slowness: Duration::from_millis(100),
            temper: Arc::new(|_| None),
            started: Instant::now(),
            state: Arc::default(),
        }
    }

    /// Declares other limits than it enforces.
    pub(crate) fn with_declared(mut self, declared: Capabilities) -> Self {
        self.declared = declared;
        self
    }

    /// Sets the longest time that a request or a response takes on the way.
    pub(crate) fn with_slowness(mut self, slowness: Duration) -> Self {
        self.slowness = slowness;
        self
    }

    /// Sets which calls fail, before they change anything.
    pub(crate) fn with_temper(
        mut self,
        temper: impl Fn(&Call) -> Option<Error> + Send + Sync + 'static,
    ) -> Self {
        self.temper = Arc::new(temper);
        self
    }

    pub(crate) fn syncer(&self) -> SyncerBuilder {
        let clock = Virtual { start: at("2026-01-10T12:00:00Z"), started: self.started };
        Syncer::builder(NAMESPACE).provider(self.clone()).clock(clock).random(SeededRandom::new(1))
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state.lock().unwrap().calls.clone()
    }

    pub(crate) fn calls_of(&self, account: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.account == account).collect()
    }

    /// How many calls broke a limit.
    pub(crate) fn refused(&self) -> usize {
        self.state.lock().unwrap().refused
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    async fn on_the_way(&self) {
        if self.slowness.is_zero() {
            return;
        }
        let share = SeededRandom::new(self.state.lock().unwrap().calls.len() as u64).next() % 1000;
        TokioSleep.sleep(self.slowness * (share as u32) / 1000).await;
    }

    /// Counts a call, and refuses it if it is beyond a limit.
    fn counted(&self, place: &CalendarRef, operation: Operation, title: &str) -> Result<(), Error> {
        let account = place.account.as_deref().unwrap().to_owned();
        let now = self.elapsed();
        let mut state = self.state.lock().unwrap();
        let under_way = state.under_way.entry(account.clone()).or_default();
        *under_way += 1;
        let mut is_too_many = *under_way > self.limits.in_flight_per_account;
        for (whose, limit) in [
            (account.as_str(), self.limits.per_minute_per_account),
            ("all accounts", self.limits.per_minute_per_application),
        ] {
            let window = state.last_minute.entry(whose.to_owned()).or_default();
            window.push_back(now);
            while window.front().is_some_and(|at| now - *at >= Duration::from_secs(60)) {
                window.pop_front();
            }
            is_too_many |= limit.is_some_and(|limit| window.len() > limit as usize);
        }
        let before = state.calls.iter().filter(|call| call.account == account).count();
        let call = Call { at: now, account, operation, title: title.to_owned(), before };
        state.calls.push(call.clone());
        if is_too_many {
            state.refused += 1;
            return Err(error(ErrorKind::RateLimited, operation));
        }
        (self.temper)(&call).map_or(Ok(()), Err)
    }

    async fn serve<T>(
        &self,
        place: &CalendarRef,
        operation: Operation,
        title: &str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.on_the_way().await;
        let counted = self.counted(place, operation, title);
        let response = match counted {
            Ok(()) => call.await,
            Err(error) => Err(error),
        };
        self.on_the_way().await;
        let account = place.account.as_deref().unwrap();
        *self.state.lock().unwrap().under_way.get_mut(account).unwrap() -= 1;
        response
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Server")
    }
}

/// Tokio's paused time.
#[derive(Debug)]
struct Virtual {
    start: DateTime<Utc>,
    started: Instant,
}

impl Clock for Virtual {
    fn now(&self) -> DateTime<Utc> {
        self.start + TimeDelta::from_std(self.started.elapsed()).unwrap()
    }
}

/// Begun plans for this many new appointments of a person with that account.
pub(crate) fn plans(account: &str, count: i64) -> Vec<Begun> {
    let mut company = Company::of_one();
    company.profile(CUSTOMER).connections = vec![google(account, "primary", account)];
    let plans = (0..count).map(|id| {
        company.appointment.id = AppointmentId::text(&format!("{account}-{id}")).unwrap();
        company.service.name = format!("{id}");
        company.plan().begin(&mut company.appointment.clone()).unwrap()
    });
    plans.collect()
}

#[async_trait]
impl CalendarProvider for Server {
    fn kind(&self) -> ProviderKind {
        self.calendar.kind()
    }

    fn capabilities(&self) -> Capabilities {
        self.declared.clone()
    }

    async fn create(
        &self,
        place: &CalendarRef,
        draft: &Draft,
        options: &CreateOptions,
    ) -> Result<Written, Error> {
        let call = self.calendar.create(place, draft, options);
        self.serve(place, Operation::Create, &draft.event.title, call).await
    }

    async fn update(
        &self,
        place: &CalendarRef,
        id: &RemoteId,
        draft: &Draft,
        options: &UpdateOptions,
    ) -> Result<Written, Error> {
        let call = self.calendar.update(place, id, draft, options);
        self.serve(place, Operation::Update, &draft.event.title, call).await
    }

    async fn delete(
        &self,
        place: &CalendarRef,
        id: &RemoteId,
        marker: &Marker,
        options: &DeleteOptions,
    ) -> Result<(), Error> {
        self.serve(place, Operation::Delete, "", self.calendar.delete(place, id, marker, options)).await
    }

    async fn find(&self, place: &CalendarRef, query: &TargetQuery) -> Result<Vec<Found>, Error> {
        self.serve(place, Operation::Find, "", self.calendar.find(place, query)).await
    }

    async fn list_ours(
        &self,
        place: &CalendarRef,
        namespace: &str,
        page: Option<PageToken>,
    ) -> Result<OursPage, Error> {
        self.serve(place, Operation::ListOurs, "", self.calendar.list_ours(place, namespace, page)).await
    }

    async fn get(&self, place: &CalendarRef, id: &RemoteId) -> Result<Option<Found>, Error> {
        self.serve(place, Operation::Get, "", self.calendar.get(place, id)).await
    }
}
