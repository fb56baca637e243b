//! Transports over real sockets on loopback, with servers that close early, send invalid responses
//! or never respond.
#![cfg(test)]

mod leaks;
mod limits;
mod loopback;
mod outcomes;
mod proxies;
mod raw;
mod redirects;
mod test_transports;

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

/// Marks the request as part of an operation.
fn part_of(operation: Operation, mut request: Request) -> Request {
    request.extensions_mut().insert(Call::new(ProviderKind::GOOGLE, operation));
    request
}

fn kind(response: Result<Response, TransportError>) -> TransportErrorKind {
    response.expect_err("an error").kind()
}

/// Responds to every request with the request's body, and its path and query in a header.
#[derive(Debug)]
struct Echo;

#[async_trait::async_trait]
impl HttpTransport for Echo {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let requested = request.uri().path_and_query().unwrap().as_str().parse().unwrap();
        let mut response = Response::new(request.into_body());
        response.headers_mut().insert("x-requested", requested);
        Ok(response)
    }
}
