//! `ApiClient`: a provider's requests, sent with an access token.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use calsync_core::auth::*;
use calsync_core::clock::Clock;
use calsync_core::error::{ErrorKind, Operation, Retry};
use calsync_core::health::{AccountHealthStore, Health, HealthEvent, HealthKey, MemoryAccountHealthStore};
use calsync_core::http::{Request, Response, TransportErrorKind};
use calsync_core::{Error, ProviderKind};
use chrono::{DateTime, Utc};

use crate::fixture::*;

async fn send(host: &Host, api: &Server) -> Result<Response, Error> {
    let client = ApiClient::new(Arc::new(api.clone()), host.tokens.clone(), ProviderKind::GOOGLE);
    let mut request = Request::new(Bytes::from_static(b"{\"summary\":\"Deep clean\"}"));
    *request.uri_mut() = "https://api.example/events".parse().unwrap();
    client.send(&key().into(), Operation::Create, Box::new(request)).await
}

fn bearers(api: &Server) -> Vec<String> {
    let seen = api.seen(Operation::Create);
    for seen in &seen {
        assert_eq!(seen.form, "{\"summary\":\"Deep clean\"}");
        assert!(seen.headers["authorization"].is_sensitive());
    }
    seen.iter().map(|seen| seen.headers["authorization"].to_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn every_response_but_a_401_is_returned_to_the_provider() {
    for status in [200, 204, 301, 400, 403, 404, 409, 410, 412, 429, 500, 503] {
        let (host, api) = (Host::new().await, Server::default());
        api.respond(status, "body");
        let response = send(&host, &api).await.unwrap();
        assert_eq!((response.status().as_u16(), response.body().as_ref()), (status, b"body".as_slice()));
        assert_eq!(bearers(&api), ["Bearer at-1"]);
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_401_the_request_is_sent_once_more_with_another_token() {
    let (host, api) = (Host::new().await, Server::default());
    api.respond(401, "").respond(200, "made");
    assert_eq!(send(&host, &api).await.unwrap().body().as_ref(), b"made");
    assert_eq!(bearers(&api), ["Bearer at-1", "Bearer at-2"]);

    api.respond(401, "").respond(401, "still not");
    let response = send(&host, &api).await.unwrap();
    assert_eq!((response.status().as_u16(), response.body().as_ref()), (401, b"still not".as_slice()));
    assert_eq!(bearers(&api).len(), 4);
    assert_eq!(host.server.refreshes(), 3);
}

#[tokio::test(start_paused = true)]
async fn without_a_token_nothing_is_sent_and_the_error_tells_the_cause() {
    let revoked = r#"{"error":"invalid_grant"}"#;
    let misconfigured = r#"{"error":"invalid_client"}"#;
    for (status, body, kind, retry) in [
        (400, revoked, ErrorKind::Unauthenticated, Retry::Never),
        (401, misconfigured, ErrorKind::Configuration, Retry::Never),
        (429, "", ErrorKind::RateLimited, Retry::Later),
        (503, "", ErrorKind::Unavailable, Retry::Later),
    ] {
        let (host, api) = (Host::new().await, Server::default());
        host.server.respond(status, body);
        let error = send(&host, &api).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (kind, retry));
        assert_eq!(error.failure().operation, Operation::Create);
        assert!(api.seen(Operation::Create).is_empty());
    }
    let (host, api) = (Host::with(Server::default(), Store::default(), clock()), Server::default());
    let error = send(&host, &api).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.failure().code.as_deref()),
        (ErrorKind::Unauthenticated, Some("not_connected"))
    );

    let host = Host::new().await;
    host.store.fail_saves(&[SaveFault::Lost; 5]);
    let error = send(&host, &api).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Later));
}

#[tokio::test(start_paused = true)]
async fn a_grant_revoked_since_the_last_call_is_unauthenticated() {
    let (host, api) = (Host::new().await, Server::default());
    api.respond(200, "").respond(401, "");
    send(&host, &api).await.unwrap();
    host.server.respond(400, r#"{"error":"invalid_grant"}"#);
    assert_eq!(send(&host, &api).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
}

#[tokio::test(start_paused = true)]
async fn a_lost_response_leaves_the_outcome_unknown() {
    let (host, api) = (Host::new().await, Server::default());
    api.fail(TransportErrorKind::Interrupted);
    assert_eq!(send(&host, &api).await.unwrap_err().retry(), Retry::Unknown);
}

/// A host's own health store, with the same health for every key.
#[derive(Debug, Default)]
struct SharedHealth(Mutex<(Health, Vec<String>)>);

impl AccountHealthStore for SharedHealth {
    fn get(&self, key: &HealthKey) -> Health {
        let mut state = self.0.lock().unwrap();
        state.1.push(format!("{key:?}"));
        state.0.clone()
    }

    fn apply(&self, _: &HealthKey, event: &HealthEvent, now: DateTime<Utc>) -> Health {
        let mut state = self.0.lock().unwrap();
        // It stores waits only.
        if matches!(event, HealthEvent::AskedToWait(_)) {
            state.0 = state.0.after(event, now);
        }
        state.0.clone()
    }
}

#[tokio::test(start_paused = true)]
async fn the_hosts_health_store_decides_who_waits_at_the_api_and_at_the_token_endpoint() {
    let mut host = Host::new().await;
    let api = Server::default();
    let health = Arc::new(SharedHealth::default());
    host.tokens = host.tokens.with_health_store(health.clone());
    api.respond_with(429, &[("retry-after", "40")], "");
    assert_eq!(send(&host, &api).await.unwrap().status(), 429);
    let error = send(&host, &api).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(40))));
    assert_eq!(api.seen(Operation::Create).len(), 1);

    // A stored wait counts for one day at most, and one that has passed does not count.
    let now = host.clock.now();
    let asks = |until| Health::default().after(&HealthEvent::AskedToWait(until), now);
    health.0.lock().unwrap().0 = asks(DateTime::<Utc>::MAX_UTC);
    assert_eq!(send(&host, &api).await.unwrap_err().retry_after(), Some(Duration::from_secs(86_400)));
    health.0.lock().unwrap().0 = asks(DateTime::UNIX_EPOCH);
    api.respond(200, "made");
    assert_eq!(send(&host, &api).await.unwrap().status(), 200);
    let asked = health.0.lock().unwrap().1.clone();
    assert!(
        asked.iter().any(|key| key.starts_with("TokenEndpoint("))
            && asked.iter().any(|key| key.starts_with("Connection(")),
        "{asked:?}"
    );
}

/// Sends a request that is meant for that account.
async fn send_for(host: &Host, api: &Server, account: Option<&str>) -> Result<Response, Error> {
    let client = ApiClient::new(Arc::new(api.clone()), host.tokens.clone(), ProviderKind::GOOGLE);
    let mut to = Access::from(key());
    to.account = account.map(Into::into);
    let mut request = Request::new(Bytes::from_static(b"{\"summary\":\"Deep clean\"}"));
    *request.uri_mut() = "https://api.example/events".parse().unwrap();
    client.send(&to, Operation::Create, Box::new(request)).await
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_to_another_account() {
    for (opened, expected, is_sent) in [
        (account("anna"), Some("anna"), true),
        (account("anna"), Some("ben"), false),
        (account("anna"), None, true),
        (None, Some("ben"), true),
        (None, None, true),
    ] {
        let (host, api) = (Host::new().await, Server::default());
        host.store.put(&key(), &host.fresh("at", "rt").with_account(opened.clone())).await;
        match send_for(&host, &api, expected).await {
            Ok(response) => {
                assert!(is_sent);
                assert_eq!(account_of(&response), opened.map(|account| account.id).as_ref());
            }
            Err(error) => {
                assert_eq!((error.kind(), error.retry()), (ErrorKind::OtherAccount, Retry::Never));
                assert!(error.to_string().contains("the connection leads to another account"), "{error}");
                assert!(!is_sent && api.seen(Operation::Create).is_empty());
            }
        }
    }
}

/// Another process connects Ben's account while this process has Anna's token in memory.
#[tokio::test(start_paused = true)]
async fn the_second_request_of_a_call_is_not_sent_to_another_account_either() {
    let (host, api) = (Host::new().await, Server::default());
    host.store.put(&key(), &host.fresh("at-anna", "rt-anna").with_account(account("anna"))).await;
    host.token().await.unwrap();
    let ben = host.fresh("at-ben", "rt-ben").with_account(account("ben"));
    host.peer().tokens.replace_account(&key(), &ben).await.unwrap();
    // Anna's token is used for up to a minute, and its responses name her account.
    let response = send_for(&host, &api, None).await.unwrap();
    assert_eq!(account_of(&response), Some(&"anna".into()));
    api.respond(401, "");
    assert_eq!(send_for(&host, &api, Some("anna")).await.unwrap_err().kind(), ErrorKind::OtherAccount);
    assert_eq!(bearers(&api), ["Bearer at-anna", "Bearer at-anna"]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_recorded_for_the_account_that_the_token_opens() {
    let (mut host, api) = (Host::new().await, Server::default());
    let health = Arc::new(MemoryAccountHealthStore::new());
    host.tokens = host.tokens.with_health_store(health.clone());
    host.store.put(&key(), &host.fresh("at", "rt").with_account(account("anna"))).await;
    api.respond_with(429, &[("retry-after", "40")], "");
    send_for(&host, &api, None).await.unwrap();
    let anna = "anna".into();
    let now = host.clock.now();
    assert!(health.get(&HealthKey::Account(ProviderKind::GOOGLE, anna)).waits_until(now).is_some());
    assert!(health.get(&HealthKey::Connection(key())).waits_until(now).is_none());
    assert_eq!(send_for(&host, &api, Some("anna")).await.unwrap_err().kind(), ErrorKind::RateLimited);
}

#[tokio::test(start_paused = true)]
async fn after_a_401_in_a_part_the_batch_is_sent_once_more_with_another_token() {
    let (host, api) = (Host::new().await, Server::default());
    let client = ApiClient::new(Arc::new(api.clone()), host.tokens.clone(), ProviderKind::GOOGLE);
    let batch = async || {
        let mut request = Request::new(Bytes::from_static(b"{\"summary\":\"Deep clean\"}"));
        *request.uri_mut() = "https://api.example/$batch".parse().unwrap();
        let has_401 = |response: &Response| response.body().as_ref() == b"a part: 401";
        client.send_while(&key().into(), Operation::Create, Box::new(request), has_401).await.unwrap()
    };
    api.respond(200, "a part: 401").respond(200, "all well");
    assert_eq!(batch().await.body().as_ref(), b"all well");
    assert_eq!(bearers(&api), ["Bearer at-1", "Bearer at-2"]);
    api.respond(200, "a part: 401").respond(200, "a part: 401");
    assert_eq!(batch().await.body().as_ref(), b"a part: 401");
    assert_eq!((bearers(&api).len(), host.server.refreshes()), (4, 3));
}

/// An API that refuses every token for a while, with a token endpoint that works.
#[tokio::test(start_paused = true)]
async fn a_401_after_a_successful_refresh_is_an_outage() {
    use calsync_core::rest::{RestClient, request};
    let (host, api) = (Host::new().await, Server::default());
    let client = ApiClient::new(Arc::new(api.clone()), host.tokens.clone(), ProviderKind::GOOGLE);
    // A judge that takes a 401 for the end of the grant.
    let rest = RestClient::new(client, Arc::new(clock()), |operation, response, _| {
        let kind = if response.status() == 401 { ErrorKind::Unauthenticated } else { ErrorKind::Other };
        Error::new(kind, ProviderKind::GOOGLE, operation).with_status(401).with_code("authError")
    });
    let base = calsync_core::http::Endpoint::new("https://api.example").unwrap();
    api.respond(401, "{}").respond(401, "{}");
    let sent = request(http::Method::POST, base.target().segment("events"), None::<&()>);
    let error = rest.send(&key().into(), Operation::Create, sent).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Later));
    assert_eq!((error.failure().code.as_deref(), error.failure().status), (Some("authError"), Some(401)));
    assert_eq!((api.seen(Operation::Create).len(), host.server.refreshes()), (2, 2));
}
