//! Credentials go where they were sent, and nowhere else.

use calsync_core::http::{HttpTransport, ReqwestTransport, TransportErrorKind};
use reqwest::redirect::Policy;

use crate::raw::{RawServer, Then};
use crate::{get, kind, plain};

async fn elsewhere() -> RawServer {
    RawServer::new(Then::say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")).await
}

async fn redirecting(status: u16, to: &str) -> RawServer {
    let answer = format!("HTTP/1.1 {status} Elsewhere\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
    RawServer::new(Then::say(&answer)).await
}

fn with_token(url: &str) -> calsync_core::http::Request {
    let mut request = get(url);
    request.headers_mut().insert("authorization", "Bearer canary".parse().unwrap());
    request
}

#[tokio::test]
async fn a_redirect_is_an_answer_like_any_other() {
    let other = elsewhere().await;
    for status in [301, 302, 303, 307, 308] {
        let server = redirecting(status, &other.url()).await;
        let own_client = ReqwestTransport::with_client(
            reqwest::Client::builder().redirect(Policy::none()).no_proxy().build().unwrap(),
        );
        for transport in [plain(), own_client] {
            let answer = transport.send(with_token(&server.url())).await.unwrap();
            assert_eq!(answer.status(), status);
            assert_eq!(answer.headers()["location"], other.url());
        }
    }
    assert_eq!(other.log().connections, 0, "nobody went there");
}

/// A host's own client that follows redirects, against the rule: found out, and the token stays at home.
#[tokio::test]
async fn a_client_that_follows_redirects_is_found_out() {
    let other = elsewhere().await;
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
