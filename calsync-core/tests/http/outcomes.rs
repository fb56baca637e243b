//! Every failure reports how far the request got, which decides whether a write may be repeated.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use calsync_core::error::{Operation, Retry};
use calsync_core::http::{HttpTransport, LoopbackServer, ReqwestTransport, TransportErrorKind};
use calsync_core::{ErrorKind, ProviderKind};

use crate::raw::{RawServer, Then};
use crate::{Echo, get, kind, plain, post};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

#[tokio::test]
async fn connections_are_reused() {
    let server = RawServer::new(Then::say(OK)).await;
    let transport = plain();
    for _ in 0..5 {
        let response = transport.clone().send(post(&server.url(), "{}")).await.unwrap();
        assert_eq!((response.status().as_u16(), response.body().as_ref()), (200, &b"{}"[..]));
    }
    let log = server.log();
    assert_eq!((log.connections, log.requests.len()), (1, 5));
}

#[tokio::test]
async fn a_hundred_concurrent_requests_get_their_own_responses() {
    let server = LoopbackServer::start(Echo, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let transport = plain();
    let calls = (0..100).map(|number| {
        let request = post(&format!("{}/a/{number}?q={number}", server.base_url()), number.to_string());
        let transport = transport.clone();
        async move { (number, transport.send(request).await.unwrap()) }
    });
    for (number, response) in futures_util::future::join_all(calls).await {
        assert_eq!(response.body(), &number.to_string());
        assert_eq!(response.headers()["x-requested"], format!("/a/{number}?q={number}"));
    }
}

#[tokio::test]
async fn requests_have_the_headers_that_servers_need() {
    let server = RawServer::new(Then::say(OK)).await;
    let mut request = http::Request::post(format!("{}/v3/a%2Fb?x=1%262", server.url()));
    request = request.header("authorization", "Bearer token").header("if-match", "\"etag\"");
    plain().send(request.body("{\"é\":1}".into()).unwrap()).await.unwrap();
    plain().send(post(&server.url(), "")).await.unwrap();
    plain().send(get(&server.url())).await.unwrap();
    let requests = server.log().requests;
    let [whole, empty, get] = requests.as_slice() else { panic!("{requests:?}") };
    assert!(whole.starts_with("POST /v3/a%2Fb?x=1%262 HTTP/1.1\r\n"), "{whole}");
    assert!(whole.ends_with("\r\n\r\n{\"é\":1}"), "{whole}");
    let version = env!("CARGO_PKG_VERSION");
    for header in [
        "authorization: Bearer token",
        "if-match: \"etag\"",
        // Google requires both for compressed responses.
        "accept-encoding: gzip",
        &format!("user-agent: calsync/{version} (gzip)"),
        "content-length: 8",
    ] {
        assert!(whole.lines().any(|line| line == header), "{header} in {whole}");
    }
    // Google responds with 411 to a POST without a length.
    assert!(empty.contains("content-length: 0"), "{empty}");
    assert!(!get.contains("content-length") && !get.contains("referer"), "{get}");
}

#[tokio::test]
async fn a_response_of_any_status_is_returned() {
    for status in
        ["204 No Content", "400 Bad", "401 No", "404 Gone", "429 Slow", "500 Oh", "503 Later", "599 ?"]
    {
        let text = format!("HTTP/1.1 {status}\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n");
        let server = RawServer::new(Then::say(&text)).await;
        let response = plain().send(get(&server.url())).await.unwrap();
        assert_eq!(response.status().as_str(), &status[..3]);
        assert_eq!(response.headers()["retry-after"], "7");
    }
}

#[tokio::test]
async fn a_request_to_a_closed_port_was_not_sent() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = plain().send(post(&url, "{}")).await.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::NotSent);
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("refused"), "{source}");
    let error = error.into_error(ProviderKind::GOOGLE, Operation::Create);
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Later));
}

#[tokio::test]
async fn a_response_that_ends_early_was_interrupted() {
    for bytes in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half\":",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n{\"ha\r\n",
        "SSH-2.0-OpenSSH_9.6\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\ncontent-encoding: gzip\r\n\r\nnot gzip!",
    ] {
        let server = RawServer::new(Then::SayAndClose(bytes.into())).await;
        let error = plain().send(post(&server.url(), "{}")).await.unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::Interrupted, "{bytes}");
        assert_eq!(server.log().requests.len(), 1, "{bytes}: no request is repeated");
        let error = error.into_error(ProviderKind::GOOGLE, Operation::Create);
        assert_eq!(error.retry(), Retry::Unknown);
    }
}

#[tokio::test]
async fn every_call_ends_at_the_time_limit() {
    let transport =
        ReqwestTransport::builder().without_tls().call_timeout(Duration::from_millis(100)).build().unwrap();
    for bytes in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half\":"] {
        let server = RawServer::new(Then::SayAndHold(bytes.into())).await;
        let error = transport.send(post(&server.url(), "{}")).await.unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::TimedOut, "{bytes}");
        assert_eq!(server.log().requests.len(), 1, "the request was sent, so its outcome is unknown");
    }
}

/// The server accepts the connection and then sends nothing, so that the TLS handshake never ends.
#[tokio::test]
async fn after_a_time_out_while_connecting_the_request_was_not_sent() {
    let connect_timeout = Duration::from_millis(100);
    let transport = match ReqwestTransport::builder().connect_timeout(connect_timeout).build() {
        Ok(transport) => transport,
        // On a machine without certificates the transport cannot be built.
        Err(error) => return assert_eq!(error.kind(), TransportErrorKind::Setup),
    };
    let server = RawServer::new(Then::SayAndHold(Vec::new())).await;
    let url = format!("https://127.0.0.1:{}", server.port);
    let response = transport.send(post(&url, "{\"secret\":1}")).await;
    if cfg!(any(feature = "rustls-no-provider", feature = "native-tls")) {
        assert_eq!(kind(response), TransportErrorKind::NotSent);
        let hello = server.log().requests.concat();
        // The handshake's offer (ALPN) is not encrypted: HTTP/2 first.
        assert_eq!(hello.contains("\u{2}h2\u{8}http/1.1"), cfg!(feature = "http2"));
        assert!(hello.contains("http/1.1") && !hello.contains("secret"));
    } else {
        assert_eq!(kind(response), TransportErrorKind::Setup);
    }
}

#[tokio::test]
async fn only_https_and_http_on_loopback_are_sent() {
    let transport = plain();
    for url in [
        "http://example.org/",
        "http://127.0.0.1.example.org/",
        "http://192.168.0.1/",
        "ftp://127.0.0.1/",
        "/relative",
    ] {
        assert_eq!(kind(transport.send(get(url)).await), TransportErrorKind::Setup, "{url}");
    }
    let error = transport.send(get("https://www.googleapis.com/")).await.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::Setup);
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("`rustls`") && source.contains("`native-tls`"), "{source}");
    let error = error.into_error(ProviderKind::GOOGLE, Operation::Create);
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Configuration, Retry::Never));
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let transport = plain();
    let response =
        pin!(transport.send(get("http://127.0.0.1:9/"))).poll(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(Err(error)) = response else { panic!("{response:?}") };
    assert_eq!(error.kind(), TransportErrorKind::Setup);
}

#[test]
fn an_invalid_user_agent_is_an_error_when_the_transport_is_built() {
    let built = ReqwestTransport::builder().without_tls().user_agent("two\nlines").build();
    assert_eq!(built.unwrap_err().kind(), TransportErrorKind::Setup);
}
