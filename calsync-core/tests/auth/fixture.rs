//! A scripted authorization server, a token store that can fail, and a host that uses both.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use calsync_core::ProviderKind;
use calsync_core::Secret;
use calsync_core::auth::*;
use calsync_core::calendar::{ConnectionKey, Person};
use calsync_core::clock::TokioSleep;
use calsync_core::error::Operation;
use calsync_core::http::*;
use calsync_core::testing::TestClock;

pub(crate) const SCOPE: &str = "https://www.googleapis.com/auth/calendar.events";

/// Responds from a script. After its end a refresh gets new, numbered tokens.
#[derive(Clone, Default)]
pub(crate) struct Server(Arc<Mutex<Script>>);

#[derive(Default)]
pub(crate) struct Script {
    responses: VecDeque<Result<Response, TransportErrorKind>>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) rotates: bool,
    /// A refresh token that is used twice ends the grant (RFC 9700 section 4.14.2).
    pub(crate) detects_reuse: bool,
    used: HashSet<String>,
    pub(crate) is_revoked: bool,
    grants: usize,
}

#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) operation: Operation,
    pub(crate) uri: String,
    pub(crate) form: String,
    pub(crate) headers: http::HeaderMap,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Server")
    }
}

impl Server {
    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }

    pub(crate) fn respond(&self, status: u16, body: &str) -> &Self {
        self.respond_with(status, &[], body)
    }

    pub(crate) fn respond_with(&self, status: u16, headers: &[(&str, &str)], body: &str) -> &Self {
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        let response = response.body(Bytes::from(body.to_owned())).unwrap();
        self.script().responses.push_back(Ok(response));
        self
    }

    pub(crate) fn fail(&self, kind: TransportErrorKind) -> &Self {
        self.script().responses.push_back(Err(kind));
        self
    }

    pub(crate) fn seen(&self, operation: Operation) -> Vec<Seen> {
        self.script().seen.iter().filter(|seen| seen.operation == operation).cloned().collect()
    }

    pub(crate) fn refreshes(&self) -> usize {
        self.seen(Operation::Refresh).len()
    }
}

impl Script {
    /// Handles a request. From here on the server has acted, even if the response is lost.
    fn take(&mut self, request: &Request) -> Result<Response, TransportErrorKind> {
        let operation = request.extensions().get::<Call>().unwrap().operation;
        self.seen.push(Seen {
            operation,
            uri: request.uri().to_string(),
            form: String::from_utf8(request.body().to_vec()).unwrap(),
            headers: request.headers().clone(),
        });
        match self.responses.pop_front() {
            Some(response) => response,
            None if operation == Operation::Refresh => Ok(self.refresh()),
            None => Ok(http::Response::new(Bytes::from_static(b"{}"))),
        }
    }

    fn refresh(&mut self) -> Response {
        let form = &self.seen[self.seen.len() - 1].form;
        let token = form.split('&').find_map(|pair| pair.strip_prefix("refresh_token=")).unwrap().to_owned();
        self.is_revoked |= self.detects_reuse && !self.used.insert(token);
        if self.is_revoked {
            let body = Bytes::from_static(br#"{"error":"invalid_grant"}"#);
            return http::Response::builder().status(400).body(body).unwrap();
        }
        self.tokens()
    }

    fn tokens(&mut self) -> Response {
        self.grants += 1;
        let n = self.grants;
        let rotated = if self.rotates { format!(r#","refresh_token":"rt-{n}""#) } else { String::new() };
        let body = format!(r#"{{"access_token":"at-{n}","token_type":"Bearer","expires_in":3600{rotated}}}"#);
        http::Response::new(Bytes::from(body))
    }
}

#[async_trait]
impl HttpTransport for Server {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let network_delay = async || {
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
        };
        network_delay().await;
        let response = self.script().take(&request);
        network_delay().await;
        response.map_err(TransportError::new)
    }
}

/// The fault of one save.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum SaveFault {
    Lost,
    SavedButReportedAsLost,
}

/// A store in memory that yields to other tasks, counts calls, and fails on demand.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store {
    pub(crate) rows: MemoryTokenStore,
    pub(crate) state: Arc<Mutex<StoreState>>,
}

#[derive(Debug, Default)]
pub(crate) struct StoreState {
    pub(crate) loads: usize,
    pub(crate) saves: usize,
    pub(crate) faults: VecDeque<SaveFault>,
    /// How many polls the next reads take.
    pub(crate) slow_loads: VecDeque<usize>,
    /// Tokens that another process saves just before this one's next save.
    pub(crate) overtakes: VecDeque<Tokens>,
    /// Rows that exist but cannot be opened.
    pub(crate) unreadable: HashSet<ConnectionKey>,
    /// Whether removing fails.
    pub(crate) is_down: bool,
    pub(crate) has_leases: bool,
    /// The lease of each grant: its id and its expiry.
    pub(crate) leases: HashMap<ConnectionKey, (u64, tokio::time::Instant)>,
    leased: u64,
}

impl Store {
    pub(crate) fn fail_saves(&self, faults: &[SaveFault]) {
        self.state.lock().unwrap().faults.extend(faults);
    }

    pub(crate) async fn put(&self, key: &ConnectionKey, tokens: &Tokens) {
        let version = self.rows.load(key).await.unwrap().map(|stored| stored.version);
        assert_ne!(self.rows.save(key, tokens, version).await.unwrap(), Saved::Conflict);
    }

    pub(crate) async fn stored(&self, key: &ConnectionKey) -> Tokens {
        self.rows.load(key).await.unwrap().unwrap().tokens
    }

    pub(crate) fn saves(&self) -> usize {
        self.state.lock().unwrap().saves
    }

    pub(crate) fn loads(&self) -> usize {
        self.state.lock().unwrap().loads
    }
}

#[async_trait]
impl TokenStore for Store {
    async fn load(&self, key: &ConnectionKey) -> Result<Option<StoredTokens>, StoreError> {
        let polls = {
            let mut state = self.state.lock().unwrap();
            state.loads += 1;
            state.slow_loads.pop_front().unwrap_or(1)
        };
        tokio::task::yield_now().await;
        if self.state.lock().unwrap().unreadable.contains(key) {
            return Err(StoreError::unreadable("the key is lost"));
        }
        let stored = self.rows.load(key).await;
        for _ in 0..polls {
            tokio::task::yield_now().await;
        }
        stored
    }

    async fn save(
        &self,
        key: &ConnectionKey,
        tokens: &Tokens,
        replaces: Option<TokenVersion>,
    ) -> Result<Saved, StoreError> {
        tokio::task::yield_now().await;
        let (fault, overtake) = {
            let mut state = self.state.lock().unwrap();
            state.saves += 1;
            (state.faults.pop_front(), state.overtakes.pop_front())
        };
        if self.state.lock().unwrap().unreadable.contains(key) {
            return Ok(Saved::Conflict);
        }
        if let Some(tokens) = overtake {
            self.put(key, &tokens).await;
        }
        let saved = match fault {
            Some(SaveFault::Lost) => None,
            _ => Some(self.rows.save(key, tokens, replaces).await?),
        };
        tokio::task::yield_now().await;
        match saved {
            Some(saved) if fault.is_none() => Ok(saved),
            _ => Err(StoreError::new("the database is down")),
        }
    }

    async fn remove(&self, key: &ConnectionKey) -> Result<(), StoreError> {
        if self.state.lock().unwrap().is_down {
            return Err(StoreError::new("the database is down"));
        }
        self.state.lock().unwrap().unreadable.remove(key);
        self.rows.remove(key).await
    }

    async fn lease(&self, key: &ConnectionKey, ttl: Duration) -> Result<Lease, StoreError> {
        tokio::task::yield_now().await;
        let mut state = self.state.lock().unwrap();
        if !state.has_leases {
            return Ok(Lease::NotOffered);
        }
        let now = tokio::time::Instant::now();
        if state.leases.get(key).is_some_and(|(_, until)| now < *until) {
            return Ok(Lease::Busy);
        }
        state.leased += 1;
        let id = state.leased;
        state.leases.insert(key.clone(), (id, now + ttl));
        Ok(Lease::Taken(LeaseId::new(id.to_string())))
    }

    async fn release(&self, key: &ConnectionKey, lease: &LeaseId) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        let mut state = self.state.lock().unwrap();
        if state.leases.get(key).is_some_and(|(id, _)| id.to_string() == lease.as_str()) {
            state.leases.remove(key);
        }
        Ok(())
    }
}

/// One process of a host.
pub(crate) struct Host {
    pub(crate) server: Server,
    pub(crate) store: Store,
    pub(crate) clock: TestClock,
    pub(crate) tokens: AccessTokens,
}

impl Host {
    /// A host with the stored tokens `at-0` and `rt-0`, which have expired.
    pub(crate) async fn new() -> Self {
        let host = Self::with(Server::default(), Store::default(), clock());
        host.store.put(&key(), &host.old("at-0", "rt-0")).await;
        host
    }

    pub(crate) fn with(server: Server, store: Store, clock: TestClock) -> Self {
        let client = builder(&server, &clock).build().unwrap();
        let tokens = AccessTokens::new(
            Arc::new(client),
            Arc::new(store.clone()),
            Arc::new(clock.clone()),
            Arc::new(TokioSleep),
        );
        Self { server, store, clock, tokens }
    }

    /// Another process over the same store.
    pub(crate) fn peer(&self) -> Self {
        Self::with(self.server.clone(), self.store.clone(), self.clock.clone())
    }

    pub(crate) fn fresh(&self, access: &str, refresh: &str) -> Tokens {
        self.tokens(access, refresh, 60)
    }

    pub(crate) fn old(&self, access: &str, refresh: &str) -> Tokens {
        self.tokens(access, refresh, -60)
    }

    fn tokens(&self, access: &str, refresh: &str, minutes: i64) -> Tokens {
        use calsync_core::clock::Clock as _;
        Tokens::new(Secret::new(access))
            .with_refresh_token(Secret::new(refresh))
            .with_expiry(self.clock.now() + chrono::Duration::minutes(minutes))
    }

    pub(crate) async fn token(&self) -> Result<String, AuthError> {
        self.tokens.token(&key()).await.map(|token| token.expose().to_owned())
    }
}

pub(crate) fn clock() -> TestClock {
    TestClock::at("2026-11-22T10:00:00Z".parse().unwrap())
}

pub(crate) fn key() -> ConnectionKey {
    ConnectionKey::new(Person::Profile(10.into()), ProviderKind::GOOGLE, 1)
}

pub(crate) fn builder(server: &Server, clock: &TestClock) -> OAuthClientBuilder {
    let endpoint = |path: &str| Endpoint::new(&format!("https://auth.example/{path}")).unwrap();
    OAuthClient::builder(ProviderKind::GOOGLE, "client-1")
        .secret(Secret::new("client-secret"))
        .authorize_url(endpoint("authorize"))
        .token_url(endpoint("token"))
        .revoke_url(endpoint("revoke"))
        .redirect("https://shop.example/calendar/callback?tenant=7")
        .scopes([SCOPE])
        .authorize_param("access_type", "offline")
        .transport(server.clone())
        .clock(clock.clone())
}

/// The server's issuer.
pub(crate) const ISSUER: &str = "https://auth.example";

/// An id token with these claims.
pub(crate) fn jwt(claims: &serde_json::Value) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// The account with that id.
pub(crate) fn account(id: &str) -> Option<Account> {
    Some(Account::new(id))
}
