//! A Google that counts as the real one says it does, in virtual time: more than the declared
//! requests within any sixty seconds are answered with 429.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use calsync_core::ProviderKind;
use calsync_core::calendar::CalendarRef;
use calsync_core::clock::{Clock, Sleep, TokioSleep};
use calsync_core::http::{HttpTransport, Request, Response, TransportError};
use calsync_core::provider::Capabilities;
use calsync_core::sync::{Quota, Quotas, Random, SeededRandom, Syncer};
use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use http::header::AUTHORIZATION;
use tokio::time::Instant;

use super::backlog::Backlog;
use super::server::{inserted, json};
use super::{NAMESPACE, google, run_all};

/// A backlog that has more calls than a minute allows.
#[derive(Debug, Clone, Copy)]
pub struct Rush {
    /// How many accounts it is for.
    pub accounts: usize,
    /// Requests a minute of one account.
    pub per_account: u32,
    /// Requests a minute of all accounts.
    pub per_application: u32,
    /// How long an answer takes on the average; any takes between half of it and one and a half.
    pub latency: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub struct Use {
    /// The requests of all accounts after the first minute's worth, by what may be made in the time
    /// they took.
    pub share: f64,
    /// How many were answered with 429.
    pub refused: usize,
}

impl Rush {
    /// How many requests a minute there may be in all.
    fn per_minute(&self) -> usize {
        (self.accounts * self.per_account as usize).min(self.per_application as usize)
    }

    /// Runs so many minutes' worth of it, in no time.
    pub fn run(self, minutes: usize) -> Use {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let clock = Virtual { started: Instant::now() };
            let server = Counting { rush: self, started: clock.started, state: Arc::default() };
            let syncer = Syncer::builder(NAMESPACE)
                .shared_provider(google::google("http://127.0.0.1:1", server.clone(), clock))
                .clock(clock)
                .quotas(self)
                .concurrency(256)
                .build();
            let events = self.per_minute() * minutes / self.accounts;
            run_all(&syncer, Backlog::new(ProviderKind::GOOGLE, self.accounts, events)).await;
            server.seen(self.per_minute())
        })
    }
}

impl Quotas for Rush {
    fn of(&self, place: &CalendarRef, capabilities: &Capabilities) -> Quota {
        Quota::declared(place, capabilities)
            .with_in_flight(64)
            .with_per_minute(Some(self.per_account))
            .with_per_minute_of_application(Some(self.per_application))
    }
}

/// Tokio's paused time.
#[derive(Debug, Clone, Copy)]
struct Virtual {
    started: Instant,
}

impl Clock for Virtual {
    fn now(&self) -> DateTime<Utc> {
        let since = TimeDelta::from_std(self.started.elapsed()).expect("not that long");
        DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_000) + since
    }
}

/// The server.
#[derive(Debug, Clone)]
struct Counting {
    rush: Rush,
    started: Instant,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// When the requests were counted.
    at: Vec<Duration>,
    of_account: BTreeMap<Vec<u8>, VecDeque<Duration>>,
    of_all: VecDeque<Duration>,
    refused: usize,
}

impl Counting {
    /// Half of the way, there or back.
    async fn half(&self) {
        let seed = self.state.lock().expect("no task panics with it").at.len() as u64;
        let per_mille = SeededRandom::new(seed).next() % 1_000 + 500;
        TokioSleep.sleep(self.rush.latency / 2 * per_mille as u32 / 1_000).await;
    }

    fn is_too_many(&self, account: &[u8]) -> bool {
        let now = self.started.elapsed();
        let mut state = self.state.lock().expect("no task panics with it");
        state.at.push(now);
        let over_all = over(&mut state.of_all, now, self.rush.per_application);
        let of_account = state.of_account.entry(account.to_owned()).or_default();
        let is_too_many = over(of_account, now, self.rush.per_account) || over_all;
        state.refused += usize::from(is_too_many);
        is_too_many
    }

    /// What came of it, from the moment at which `first` requests had been made.
    fn seen(&self, first: usize) -> Use {
        let state = self.state.lock().expect("no task panics with it");
        let took = state.at[state.at.len() - 1] - state.at[first - 1];
        let share = (state.at.len() - first) as f64 / (first as f64 * took.as_secs_f64() / 60.0);
        Use { share, refused: state.refused }
    }
}

/// Counts one more. Whether it is one too many for any minute.
fn over(window: &mut VecDeque<Duration>, now: Duration, limit: u32) -> bool {
    window.push_back(now);
    while window.front().is_some_and(|at| now - *at >= Duration::from_secs(60)) {
        window.pop_front();
    }
    window.len() > limit as usize
}

#[async_trait]
impl HttpTransport for Counting {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.half().await;
        let account = request.headers().get(AUTHORIZATION).expect("a token").as_bytes();
        let answer = if self.is_too_many(account) {
            let body = r#"{"error":{"code":429,"errors":[{"reason":"rateLimitExceeded"}]}}"#;
            json(StatusCode::TOO_MANY_REQUESTS, body.to_owned())
        } else {
            inserted(request.body())
        };
        self.half().await;
        Ok(answer)
    }
}
