//! HTTP responses as servers send them, for scripts and faults.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::fmt::Display;

use ::http::header::{CONTENT_TYPE, RETRY_AFTER};
use ::http::{HeaderName, HeaderValue, StatusCode};

use crate::http::Response;

/// Returns a response without a body.
///
/// # Panics
/// If the number is not an HTTP status.
#[must_use]
pub fn status(status: u16) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::from_u16(status).expect("an HTTP status");
    response
}

/// Returns a response with a JSON body: a text, or a value of serde_json's `json!`.
///
/// # Panics
/// If the number is not an HTTP status.
#[must_use]
pub fn json(code: u16, body: impl Display) -> Response {
    let response = with_header(status(code), "content-type", "application/json; charset=UTF-8");
    response.map(|_| body.to_string().into())
}

/// Returns an HTML page, as load balancers and captive portals send instead of the server's
/// response.
///
/// # Panics
/// If the number is not an HTTP status.
#[must_use]
pub fn html(code: u16) -> Response {
    let mut response = status(code);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=UTF-8"));
    response.map(|_| "<!DOCTYPE html><title>Sorry</title><p>That did not work.".into())
}

/// Returns a 429 "Too Many Requests" with a `Retry-After` in seconds.
#[must_use]
pub fn throttled(seconds: u32) -> Response {
    let mut response = status(429);
    response.headers_mut().insert(RETRY_AFTER, seconds.into());
    response
}

/// Adds a header to a response.
///
/// # Panics
/// If the name or the value is not valid in a header. The name must be in lower case.
#[must_use]
pub fn with_header(mut response: Response, name: &'static str, value: &str) -> Response {
    let value = HeaderValue::from_str(value).expect("a header's value");
    response.headers_mut().append(HeaderName::from_static(name), value);
    response
}
