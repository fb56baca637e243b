//! Whether anybody calls an account that has asked to be left alone.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use calsync_core::auth::MemoryTokenStore;
use calsync_core::calendar::ConnectionKey;
use calsync_core::clock::Clock as _;
use calsync_core::fake::Incoming;
use calsync_core::http::{HttpTransport, Request, Response, TransportError};
use calsync_core::testing::TestClock;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

/// No server is believed that asks for more than a day.
const LONGEST: TimeDelta = TimeDelta::days(1);

/// What was asked of calsync and what it did, over all its processes. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Watch {
    notes: Arc<Mutex<Notes>>,
    store: MemoryTokenStore,
    clock: TestClock,
    shares: bool,
}

#[derive(Debug, Default)]
struct Notes {
    accounts: HashMap<ConnectionKey, String>,
    /// Whose each token is: the account, and the grant.
    tokens: HashMap<String, (String, String)>,
    /// Until when each process was told to leave it alone.
    told: BTreeMap<(Line, usize), DateTime<Utc>>,
    requests: u64,
    early: u64,
    early_elsewhere: u64,
    nobodys: u64,
    examples: Vec<String>,
}

/// What counts calls for itself: an account at a provider's API, or a grant at the server that gives tokens.
type Line = (String, bool);

impl Watch {
    /// One that knows whose token each is by that store; and whether the processes share who has asked to be left alone.
    pub fn new(store: &MemoryTokenStore, clock: &TestClock, shares: bool) -> Self {
        Self { notes: Arc::default(), store: store.clone(), clock: clock.clone(), shares }
    }

    /// Through this connection that account is called, with the tokens that are stored now: they may be read and replaced before the
    /// first request with them.
    pub fn connected(&self, key: &ConnectionKey, account: &str) {
        let mut notes = self.notes();
        notes.accounts.insert(key.clone(), account.to_owned());
        self.learn(&mut notes);
    }

    /// The account that was last connected there.
    pub fn account_of(&self, key: &ConnectionKey) -> Option<String> {
        self.notes().accounts.get(key).cloned()
    }

    /// How many requests there were.
    pub fn requests(&self) -> u64 {
        self.notes().requests
    }

    /// How many of them went to an account that had told the same process to wait, or any of them where they share that; and how many
    /// to one that had told another.
    pub fn early(&self) -> (u64, u64) {
        let notes = self.notes();
        (notes.early, notes.early_elsewhere)
    }

    /// How many requests carried a token of nobody's.
    pub fn nobodys(&self) -> u64 {
        self.notes().nobodys
    }

    /// The first few requests that came too early, in words.
    pub fn examples(&self) -> Vec<String> {
        self.notes().examples.clone()
    }

    /// Every token that was seen.
    pub fn tokens(&self) -> Vec<String> {
        self.learn(&mut self.notes());
        self.notes().tokens.keys().cloned().collect()
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, notes: &mut Notes) {
        for (key, stored) in self.store.all() {
            let Some(account) = notes.accounts.get(&key).cloned() else { continue };
            let tokens = &stored.tokens;
            for token in [Some(&tokens.access_token), tokens.refresh_token.as_ref()].into_iter().flatten() {
                notes.tokens.insert(token.expose().to_owned(), (account.clone(), key.to_string()));
            }
        }
    }

    /// The tokens that a grant was just given, which may be replaced in the store before anybody uses them.
    fn learn_given(&self, grant: &str, answer: &Response) {
        let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        let mut notes = self.notes();
        let owner = notes.tokens.values().find(|(_, known)| known == grant).cloned();
        for name in ["access_token", "refresh_token"] {
            if let (Some(token), Some(owner)) = (body[name].as_str(), &owner) {
                notes.tokens.insert(token.to_owned(), owner.clone());
            }
        }
    }

    /// Which line a request is on.
    fn line(&self, notes: &mut Notes, incoming: &Incoming) -> Option<Line> {
        let (token, is_api) = match incoming.bearer() {
            Some(token) => (token.to_owned(), true),
            None => (incoming.form().get("refresh_token").unwrap_or_default().to_owned(), false),
        };
        if !notes.tokens.contains_key(&token) {
            self.learn(notes);
        }
        let (account, grant) = notes.tokens.get(&token)?;
        Some((if is_api { account } else { grant }.clone(), is_api))
    }

    fn goes_out(&self, process: usize, incoming: &Incoming) -> Option<Line> {
        let now = self.clock.now();
        let mut notes = self.notes();
        notes.requests += 1;
        let Some(line) = self.line(&mut notes, incoming) else {
            notes.nobodys += 1;
            return None;
        };
        let told = notes.told.iter().filter(|((told, _), until)| *told == line && now < **until);
        let told: Vec<_> = told.map(|((_, by), until)| (*by == process || self.shares, *until)).collect();
        if let Some((_, until)) = told.iter().find(|(counts, _)| *counts) {
            notes.early += 1;
            if notes.examples.len() < 3 {
                let operation = incoming.call.as_ref().map(|call| call.operation.to_string());
                let example = format!(
                    "{} at {now} for {}, {} before its time",
                    incoming.http_method,
                    operation.unwrap_or_default(),
                    *until - now
                );
                notes.examples.push(example);
            }
        } else if !told.is_empty() {
            notes.early_elsewhere += 1;
        }
        Some(line)
    }

    fn comes_back(&self, process: usize, line: Line, answer: &Response) {
        if !line.1 {
            self.learn_given(&line.0, answer);
        }
        let value = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let now = self.clock.now();
        let Some(until) = value.and_then(|value| asked_for(value, now)) else { return };
        let mut notes = self.notes();
        let told = notes.told.entry((line, process)).or_insert(until);
        *told = until.max(*told);
    }
}

/// Until when `Retry-After` asks for: seconds, or a date. Anything else asks for nothing.
fn asked_for(value: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let until = match value.parse::<u32>() {
        Ok(seconds) => now + TimeDelta::seconds(seconds.into()),
        Err(_) => NaiveDateTime::parse_from_str(value, "%a, %d %b %Y %H:%M:%S GMT").ok()?.and_utc(),
    };
    Some(until.min(now + LONGEST))
}

/// A transport that is watched, as one process of the host uses it.
#[derive(Debug)]
pub struct Watched<T> {
    /// What is watched.
    pub inner: T,
    /// Who watches.
    pub watch: Watch,
    /// The number of the process.
    pub process: usize,
}

#[async_trait]
impl<T: HttpTransport> HttpTransport for Watched<T> {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let line = self.watch.goes_out(self.process, &Incoming::of(&request));
        let answer = self.inner.send(request).await?;
        if let Some(line) = line {
            self.watch.comes_back(self.process, line, &answer);
        }
        Ok(answer)
    }
}
