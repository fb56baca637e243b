//! Whether anybody calls an account that has asked to be left alone.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use calsync_core::calendar::ConnectionKey;
use calsync_core::clock::Clock as _;
use calsync_core::error::Operation;
use calsync_core::fake::Incoming;
use calsync_core::http::{HttpTransport, Request, Response, TransportError};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use super::store::{HostClock, TokenRows};

/// No server is believed that asks for more than a day.
const LONGEST: TimeDelta = TimeDelta::days(1);
/// What was noted so far in the future was noted while the clock was wrong, and counts no more.
const SKEW: TimeDelta = TimeDelta::minutes(5);

/// What was asked of calsync and what it did, over all its processes. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Watch {
    notes: Arc<Mutex<Notes>>,
    store: TokenRows,
    /// Whoever is told to wait goes by its own clock.
    clock: HostClock,
    shares: bool,
}

#[derive(Debug, Default)]
struct Notes {
    accounts: HashMap<ConnectionKey, String>,
    /// Which connections lead to another account for now, and to which.
    wrong: HashMap<ConnectionKey, String>,
    /// The grants that led to another account, each with that account.
    wrong_grants: HashSet<(String, String)>,
    written_wrongly: u64,
    /// Whose each token is: the account, and the grant.
    tokens: HashMap<String, (String, String)>,
    /// When each process was told to leave it alone, and until when.
    told: BTreeMap<(Line, usize), (DateTime<Utc>, DateTime<Utc>)>,
    requests: u64,
    early: u64,
    early_elsewhere: u64,
    nobodys: u64,
    examples: Vec<String>,
}

/// What counts calls for itself: an account at a provider's API, or a grant at the server that
/// gives tokens.
type Line = (String, bool);

/// Whose a token is: the account, and the grant.
type Owner = (String, String);

impl Watch {
    /// One that knows whose token each is by that store; and whether the processes share who has
    /// asked to be left alone.
    pub fn new(store: &TokenRows, clock: &HostClock, shares: bool) -> Self {
        Self { notes: Arc::default(), store: store.clone(), clock: clock.clone(), shares }
    }

    /// Through this connection that account is called, with the tokens that are stored now: they
    /// may be read and replaced before the first request with them.
    pub fn connected(&self, key: &ConnectionKey, account: &str) {
        let mut notes = self.notes();
        notes.accounts.insert(key.clone(), account.to_owned());
        notes.wrong.remove(key);
        self.learn(&mut notes);
    }

    /// The tokens that are stored now for this connection open another account than it should lead
    /// to.
    pub fn connected_wrongly(&self, key: &ConnectionKey, other: &str) {
        let mut notes = self.notes();
        notes.wrong.insert(key.clone(), other.to_owned());
        notes.wrong_grants.insert((other.to_owned(), key.to_string()));
        self.learn(&mut notes);
    }

    /// How many requests wrote to an account that a connection led to by mistake.
    pub fn written_wrongly(&self) -> u64 {
        self.notes().written_wrongly
    }

    /// The account that was last connected there.
    pub fn account_of(&self, key: &ConnectionKey) -> Option<String> {
        self.notes().accounts.get(key).cloned()
    }

    /// What anybody was told to wait for counts no more: it was noted again while the clock was
    /// wrong, and that note is void now.
    pub fn forgets_waits(&self) {
        self.notes().told.clear();
    }

    /// How many requests there were.
    pub fn requests(&self) -> u64 {
        self.notes().requests
    }

    /// How many of them went to an account that had told the same process to wait, or any of them
    /// where they share that; and how many to one that had told another.
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
            let account = notes.wrong.get(&key).or_else(|| notes.accounts.get(&key));
            let Some(account) = account.cloned() else { continue };
            let tokens = &stored.tokens;
            for token in [Some(&tokens.access_token), tokens.refresh_token.as_ref()].into_iter().flatten() {
                notes.tokens.insert(token.expose().to_owned(), (account.clone(), key.to_string()));
            }
        }
    }

    /// The tokens that a grant was just given, which may be replaced in the store before anybody
    /// uses them.
    fn learn_given(&self, owner: &Owner, answer: &Response) {
        let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        let mut notes = self.notes();
        for name in ["access_token", "refresh_token"] {
            if let Some(token) = body[name].as_str() {
                notes.tokens.insert(token.to_owned(), owner.clone());
            }
        }
    }

    /// Which line a request is on.
    fn line(&self, notes: &mut Notes, incoming: &Incoming) -> Option<(Line, Owner)> {
        let (token, is_api) = match incoming.bearer() {
            Some(token) => (token.to_owned(), true),
            None => (incoming.form().get("refresh_token").unwrap_or_default().to_owned(), false),
        };
        if !notes.tokens.contains_key(&token) {
            self.learn(notes);
        }
        let owner = notes.tokens.get(&token)?.clone();
        let line = if is_api { &owner.0 } else { &owner.1 };
        Some(((line.clone(), is_api), owner))
    }

    fn goes_out(&self, process: usize, incoming: &Incoming) -> Option<(Line, Owner)> {
        let now = self.clock.now();
        let mut notes = self.notes();
        notes.requests += 1;
        let Some((line, owner)) = self.line(&mut notes, incoming) else {
            notes.nobodys += 1;
            return None;
        };
        let writes = incoming.call.as_ref().is_some_and(|call| {
            matches!(call.operation, Operation::Create | Operation::Update | Operation::Delete)
        });
        if line.1 && writes && notes.wrong_grants.contains(&owner) {
            notes.written_wrongly += 1;
        }
        let told = notes
            .told
            .iter()
            .filter(|((told, _), (noted, until))| *told == line && now < *until && *noted <= now + SKEW);
        let told: Vec<_> =
            told.map(|((_, by), (_, until))| (*by == process || self.shares, *until)).collect();
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
        Some((line, owner))
    }

    fn comes_back(&self, process: usize, (line, owner): (Line, Owner), answer: &Response) {
        if !line.1 {
            self.learn_given(&owner, answer);
        }
        let value = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let now = self.clock.now();
        let Some(until) = value.and_then(|value| asked_for(value, now)) else { return };
        let mut notes = self.notes();
        // Where the processes share it, one note takes the place of another. The longer wait
        // counts, as noted now.
        let process = if self.shares { 0 } else { process };
        let told = notes.told.entry((line, process)).or_insert((now, until));
        let before = (told.0 <= now + SKEW).then_some(told.1);
        *told = (now, before.map_or(until, |before| before.max(until)));
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
