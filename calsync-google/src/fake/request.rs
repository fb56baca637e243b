//! A request as the fake reads it.

use std::borrow::Cow;

use bytes::Bytes;
use calsync_core::http::{Call, Request};
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, Method};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::reply::Problem;
use super::route::Route;

/// A request, taken apart.
#[derive(Debug, Clone)]
pub(super) struct Incoming {
    pub(super) http_method: Method,
    pub(super) path: String,
    pub(super) query: Params,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) call: Option<Call>,
    pub(super) route: Route,
    pub(super) in_batch: bool,
}

impl Incoming {
    pub(super) fn of(request: &Request) -> Self {
        let uri = request.uri();
        Self {
            http_method: request.method().clone(),
            path: uri.path().to_owned(),
            query: Params::parse(uri.query().unwrap_or_default()),
            headers: request.headers().clone(),
            body: request.body().clone(),
            call: request.extensions().get().cloned(),
            route: Route::of(request.method(), uri.path()),
            in_batch: false,
        }
    }

    pub(super) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as a JSON object.
    pub(super) fn object(&self) -> Result<Map<String, Value>, Problem> {
        let parse_error = || Problem::new(http::StatusCode::BAD_REQUEST, "parseError", "Parse Error");
        let is_json = self.header(http::header::CONTENT_TYPE).is_some_and(|kind| {
            kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
        });
        if !is_json {
            return Err(parse_error());
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) => Ok(object),
            _ => Err(parse_error()),
        }
    }

    /// The body as a form.
    pub(super) fn form(&self) -> Params {
        Params::parse(&String::from_utf8_lossy(&self.body))
    }
}

/// Parameters of a query or a form, decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    pub(super) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        });
        Self(pairs.collect())
    }

    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(Problem::invalid_parameter(name)),
        }
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<usize>, Problem> {
        self.get(name)
            .map(|text| match text.parse() {
                Ok(number) if number > 0 => Ok(number),
                _ => Err(Problem::invalid_parameter(name)),
            })
            .transpose()
    }

    /// An instant with an offset, as RFC 3339 has it.
    pub(super) fn instant(&self, name: &str) -> Result<Option<DateTime<Utc>>, Problem> {
        self.get(name)
            .map(|text| match DateTime::parse_from_rfc3339(text) {
                Ok(instant) => Ok(instant.with_timezone(&Utc)),
                Err(_) => Err(Problem::new(http::StatusCode::BAD_REQUEST, "badRequest", "Bad Request")
                    .at("parameter", name)),
            })
            .transpose()
    }
}

fn decoded(text: &str) -> String {
    let spaced: Cow<'_, str> = if text.contains('+') { text.replace('+', " ").into() } else { text.into() };
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}
