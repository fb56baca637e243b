//! A provider's requests, with a token.

use std::sync::Arc;

use bytes::Bytes;
use calsync_core::auth::*;
use calsync_core::error::{ErrorKind, Operation, Retry};
use calsync_core::http::{Request, Response, TransportErrorKind};
use calsync_core::{Error, ProviderKind};

use crate::world::*;

async fn send(host: &Host, api: &Server) -> Result<Response, Error> {
    let client = ApiClient::new(Arc::new(api.clone()), host.tokens.clone(), ProviderKind::GOOGLE);
    let mut request = Request::new(Bytes::from_static(b"{\"summary\":\"Deep clean\"}"));
    *request.uri_mut() = "https://api.example/events".parse().unwrap();
    client.send(&key(), Operation::Create, Box::new(request)).await
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
