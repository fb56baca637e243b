//! Answers as servers give them, for scripts and faults.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::fmt::Display;

use ::http::header::{CONTENT_TYPE, RETRY_AFTER};
use ::http::{HeaderName, HeaderValue, StatusCode};

use crate::http::Response;

/// An answer without a body.
///
/// # Panics
/// When that is no HTTP status.
#[must_use]
pub fn status(status: u16) -> Response {
    let mut answer = Response::default();
    *answer.status_mut() = StatusCode::from_u16(status).expect("an HTTP status");
    answer
}

/// An answer in JSON: a text, or serde_json's `json!`.
///
/// # Panics
/// When that is no HTTP status.
#[must_use]
pub fn json(code: u16, body: impl Display) -> Response {
    let answer = with_header(status(code), "content-type", "application/json; charset=UTF-8");
    answer.map(|_| body.to_string().into())
}

/// A page of HTML, as load balancers and captive portals send in place of an answer.
///
/// # Panics
/// When that is no HTTP status.
#[must_use]
pub fn html(code: u16) -> Response {
    let mut answer = status(code);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=UTF-8"));
    answer.map(|_| "<!DOCTYPE html><title>Sorry</title><p>That did not work.".into())
}

/// "Too many requests", with the seconds to stay away.
#[must_use]
pub fn throttled(seconds: u32) -> Response {
    let mut answer = status(429);
    answer.headers_mut().insert(RETRY_AFTER, seconds.into());
    answer
}

/// The same answer with one more header.
///
/// # Panics
/// When the name or the value cannot stand in a header.
#[must_use]
pub fn with_header(mut answer: Response, name: &'static str, value: &str) -> Response {
    let value = HeaderValue::from_str(value).expect("a header's value");
    answer.headers_mut().append(HeaderName::from_static(name), value);
    answer
}
