//! The way to the network and back: over real sockets on loopback, with servers that break off, lie or never answer.
#![cfg(test)]

mod doubles;
mod leaks;
mod limits;
mod loopback;
mod outcomes;
mod proxies;
mod raw;
mod redirects;

use bytes::Bytes;
use calsync_core::ProviderKind;
use calsync_core::error::Operation;
use calsync_core::http::{
    Call, HttpTransport, Request, ReqwestTransport, Response, TransportError, TransportErrorKind,
};

/// A transport that needs no certificates.
fn plain() -> ReqwestTransport {
    ReqwestTransport::builder().without_tls().build().unwrap()
}

fn get(url: &str) -> Request {
    http::Request::get(url).body(Bytes::new()).unwrap()
}

fn post(url: &str, body: impl Into<Bytes>) -> Request {
    http::Request::post(url).body(body.into()).unwrap()
}

/// The request as part of an operation.
fn part_of(operation: Operation, mut request: Request) -> Request {
    request.extensions_mut().insert(Call::new(ProviderKind::GOOGLE, operation));
    request
}

fn kind(answer: Result<Response, TransportError>) -> TransportErrorKind {
    answer.expect_err("an error").kind()
}

/// Answers every request with its own body, and its path and query in a header.
#[derive(Debug)]
struct Echo;

#[async_trait::async_trait]
impl HttpTransport for Echo {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let asked = request.uri().path_and_query().unwrap().as_str().parse().unwrap();
        let mut answer = Response::new(request.into_body());
        answer.headers_mut().insert("x-asked", asked);
        Ok(answer)
    }
}
