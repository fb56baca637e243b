//! Redirects are not followed, so credentials reach no other host.

use calsync_core::http::{HttpTransport, ReqwestTransport, TransportErrorKind};
use reqwest::redirect::Policy;

use crate::raw::{RawServer, Then};
use crate::{get, kind, plain};

async fn other_server() -> RawServer {
    RawServer::new(Then::say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")).await
}

async fn redirecting(status: u16, to: &str) -> RawServer {
    let response = format!("HTTP/1.1 {status} Elsewhere\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
    RawServer::new(Then::say(&response)).await
}

fn with_token(url: &str) -> calsync_core::http::Request {
    let mut request = get(url);
    request.headers_mut().insert("authorization", "Bearer canary".parse().unwrap());
    request
}

#[tokio::test]
async fn a_redirect_is_returned_like_any_other_response() {
    let other = other_server().await;
    for status in [301, 302, 303, 307, 308] {
        let server = redirecting(status, &other.url()).await;
        let own_client = ReqwestTransport::with_client(
            reqwest::Client::builder().redirect(Policy::none()).no_proxy().build().unwrap(),
        );
        for transport in [plain(), own_client] {
            let response = transport.send(with_token(&server.url())).await.unwrap();
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()["location"], other.url());
        }
    }
    assert_eq!(other.log().connections, 0, "no request reached the other server");
}

/// A host's own client that follows redirects, against the rule: the call fails, and the token is
/// not sent to the other server.
#[tokio::test]
async fn a_client_that_follows_redirects_is_detected() {
    let other = other_server().await;
    let transport = ReqwestTransport::with_client(reqwest::Client::builder().no_proxy().build().unwrap());
    let server = redirecting(302, &other.url()).await;
    let error = transport.send(with_token(&server.url())).await.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::Interrupted);
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("redirect"), "{source}");
    let seen = other.log().requests.concat();
    assert!(seen.starts_with("GET / ") && !seen.contains("canary"), "{seen}");

    let within = redirecting(307, "/other-path").await;
    assert_eq!(kind(transport.send(with_token(&within.url())).await), TransportErrorKind::Interrupted);
}
