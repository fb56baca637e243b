//! A request as the fake parses it.

use std::ops::Deref;

use calsync_core::fake::{self, Params};
use calsync_core::http::Request;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::reply::Problem;
use super::route::Route;

/// A parsed request with its route.
#[derive(Debug, Clone)]
pub(super) struct Incoming {
    pub(super) request: fake::Incoming,
    pub(super) route: Route,
    pub(super) in_batch: bool,
}

impl Deref for Incoming {
    type Target = fake::Incoming;

    fn deref(&self) -> &fake::Incoming {
        &self.request
    }
}

impl Incoming {
    pub(super) fn of(request: &Request) -> Self {
        let route = Route::of(request.method(), request.uri().path());
        Self { request: fake::Incoming::of(request), route, in_batch: false }
    }

    /// Parses the body as a JSON object.
    pub(super) fn object(&self) -> Result<Map<String, Value>, Problem> {
        match self.json() {
            Some(Value::Object(object)) if self.is_of_type("application/json") => Ok(object),
            _ => Err(Problem::new(http::StatusCode::BAD_REQUEST, "parseError", "Parse Error")),
        }
    }
}

/// Typed query parameters. Each method returns `None` if the parameter is missing, and 400 if its
/// value is invalid.
pub(super) trait Typed {
    fn flag(&self, name: &str) -> Result<Option<bool>, Problem>;
    fn number(&self, name: &str) -> Result<Option<usize>, Problem>;
    /// An instant in RFC 3339 format, with an offset.
    fn instant(&self, name: &str) -> Result<Option<DateTime<Utc>>, Problem>;
}

impl Typed for Params {
    fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(Problem::invalid_parameter(name)),
        }
    }

    fn number(&self, name: &str) -> Result<Option<usize>, Problem> {
        self.get(name)
            .map(|text| match text.parse() {
                Ok(number) if number > 0 => Ok(number),
                _ => Err(Problem::invalid_parameter(name)),
            })
            .transpose()
    }

    fn instant(&self, name: &str) -> Result<Option<DateTime<Utc>>, Problem> {
        self.get(name)
            .map(|text| match DateTime::parse_from_rfc3339(text) {
                Ok(instant) => Ok(instant.with_timezone(&Utc)),
                Err(_) => Err(Problem::new(http::StatusCode::BAD_REQUEST, "badRequest", "Bad Request")
                    .at("parameter", name)),
            })
            .transpose()
    }
}
