//! A provider's requests, with a token.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use calsync_core::auth::*;
use calsync_core::error::{ErrorKind, Operation, Retry};
use calsync_core::http::{Request, Response, TransportErrorKind};
use calsync_core::{Error, ProviderKind};
use chrono::{DateTime, Utc};

use crate::world::*;

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
async fn every_answer_but_a_401_is_the_providers_to_read() {
    for status in [200, 204, 301, 400, 403, 404, 409, 410, 412, 429, 500, 503] {
        let (host, api) = (Host::new().await, Server::default());
        api.answer(status, "body");
        let response = send(&host, &api).await.unwrap();
        assert_eq!((response.status().as_u16(), response.body().as_ref()), (status, b"body".as_slice()));
        assert_eq!(bearers(&api), ["Bearer at-1"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_401_is_answered_with_another_token_once() {
    let (host, api) = (Host::new().await, Server::default());
    api.answer(401, "").answer(200, "made");
    assert_eq!(send(&host, &api).await.unwrap().body().as_ref(), b"made");
    assert_eq!(bearers(&api), ["Bearer at-1", "Bearer at-2"]);

    api.answer(401, "").answer(401, "still not");
    let response = send(&host, &api).await.unwrap();
    assert_eq!((response.status().as_u16(), response.body().as_ref()), (401, b"still not".as_slice()));
    assert_eq!(bearers(&api).len(), 4);
    assert_eq!(host.server.refreshes(), 3);
}

#[tokio::test(start_paused = true)]
async fn without_a_token_nothing_is_sent_and_the_error_says_whose_fault_it_is() {
    let dead = r#"{"error":"invalid_grant"}"#;
    let misconfigured = r#"{"error":"invalid_client"}"#;
    for (status, body, kind, retry) in [
        (400, dead, ErrorKind::Unauthenticated, Retry::Never),
        (401, misconfigured, ErrorKind::Configuration, Retry::Never),
        (429, "", ErrorKind::RateLimited, Retry::Later),
        (503, "", ErrorKind::Unavailable, Retry::Later),
    ] {
        let (host, api) = (Host::new().await, Server::default());
        host.server.answer(status, body);
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
async fn a_grant_that_died_since_the_last_call_is_unauthenticated() {
    let (host, api) = (Host::new().await, Server::default());
    api.answer(200, "").answer(401, "");
    send(&host, &api).await.unwrap();
    host.server.answer(400, r#"{"error":"invalid_grant"}"#);
    assert_eq!(send(&host, &api).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_leaves_the_outcome_unknown() {
    let (host, api) = (Host::new().await, Server::default());
    api.fail(TransportErrorKind::Interrupted);
    assert_eq!(send(&host, &api).await.unwrap_err().retry(), Retry::Unknown);
}

/// A host's own, which says the same to everybody.
#[derive(Debug, Default)]
struct OneForAll(Mutex<(Option<DateTime<Utc>>, Vec<String>)>);

impl WaitStore for OneForAll {
    fn until(&self, key: WaitKey<'_>) -> Option<DateTime<Utc>> {
        let mut state = self.0.lock().unwrap();
        state.1.push(format!("{key:?}"));
        state.0
    }

    fn note(&self, _: WaitKey<'_>, _: DateTime<Utc>, until: DateTime<Utc>) {
        self.0.lock().unwrap().0 = Some(until);
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_may_say_who_waits_at_the_api_and_where_tokens_are_given() {
    let mut host = Host::new().await;
    let api = Server::default();
    let waits = Arc::new(OneForAll::default());
    host.tokens = host.tokens.with_wait_store(waits.clone());
    api.answer_with(429, &[("retry-after", "40")], "");
    assert_eq!(send(&host, &api).await.unwrap().status(), 429);
    let error = send(&host, &api).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(40))));
    assert_eq!(api.seen(Operation::Create).len(), 1);

    // No host's word makes it longer than a day, and one that is over is none.
    waits.0.lock().unwrap().0 = Some(DateTime::<Utc>::MAX_UTC);
    assert_eq!(send(&host, &api).await.unwrap_err().retry_after(), Some(Duration::from_secs(86_400)));
    waits.0.lock().unwrap().0 = Some(DateTime::UNIX_EPOCH);
    api.answer(200, "made");
    assert_eq!(send(&host, &api).await.unwrap().status(), 200);
    let asked = waits.0.lock().unwrap().1.clone();
    assert!(
        asked.iter().any(|key| key.starts_with("Refresh("))
            && asked.iter().any(|key| key.starts_with("Grant("))
    );
}
