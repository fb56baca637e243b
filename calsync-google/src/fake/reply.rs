//! Responses, and the Calendar API's errors.

pub(super) use calsync_core::fake::Reply;
use http::{HeaderName, StatusCode};
use serde_json::{Map, Value, json};

use super::settings::ErrorFormat;

/// A 200 response with a resource; its etag becomes a header too.
pub(super) fn resource(body: &Value) -> Reply {
    let reply = Reply::json(StatusCode::OK, body);
    match body.get("etag").and_then(Value::as_str) {
        Some(etag) => reply.with_header(http::header::ETAG, etag),
        None => reply,
    }
}

/// An error of the Calendar API.
#[derive(Debug, Clone)]
pub(super) struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    status: StatusCode,
    reason: &'static str,
    message: String,
    domain: &'static str,
    location: Option<(&'static str, String)>,
    top_message: Option<&'static str>,
    detail: Option<&'static str>,
    headers: Vec<(HeaderName, String)>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            status,
            reason,
            message: message.into(),
            domain: "global",
            location: None,
            top_message: None,
            detail: None,
            headers: Vec::new(),
        }))
    }

    /// 400 for an invalid value.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", message)
    }

    /// 400 for an invalid value of that parameter.
    pub(super) fn invalid_parameter(name: &str) -> Self {
        Self::invalid(format!("Invalid value for: {name}")).at("parameter", name)
    }

    /// 400 for a missing value.
    pub(super) fn required(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "required", message)
    }

    pub(super) fn forbidden(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, reason, message)
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "notFound", "Not Found")
    }

    pub(super) fn gone(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, reason, message)
    }

    pub(super) fn duplicate() -> Self {
        let message = "The requested identifier already exists.";
        Self::new(StatusCode::CONFLICT, "duplicate", message)
    }

    pub(super) fn stale() -> Self {
        let problem = Self::new(StatusCode::PRECONDITION_FAILED, "conditionNotMet", "Precondition Failed");
        problem.at("header", "If-Match")
    }

    /// 401. `missing` is for a request without any token.
    pub(super) fn unauthorized(missing: bool) -> Self {
        let (reason, message) =
            if missing { ("required", "Login Required.") } else { ("authError", "Invalid Credentials") };
        let mut problem = Self::new(StatusCode::UNAUTHORIZED, reason, message).at("header", "Authorization");
        problem.0.top_message = Some(if missing {
            "Request is missing required authentication credential."
        } else {
            "Request had invalid authentication credentials."
        });
        problem.0.detail = Some(if missing { "CREDENTIALS_MISSING" } else { "ACCESS_TOKEN_EXPIRED" });
        let challenge = if missing {
            "Bearer realm=\"https://accounts.google.com/\"".to_owned()
        } else {
            "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"".to_owned()
        };
        problem.0.headers.push((http::header::WWW_AUTHENTICATE, challenge));
        problem
    }

    /// 403 for a scope that was not granted.
    pub(super) fn scope(required: &str) -> Self {
        let mut problem = Self::forbidden("insufficientPermissions", "Insufficient Permission");
        problem.0.top_message = Some("Request had insufficient authentication scopes.");
        problem.0.detail = Some("ACCESS_TOKEN_SCOPE_INSUFFICIENT");
        let challenge = format!(
            "Bearer realm=\"https://accounts.google.com/\", error=\"insufficient_scope\", scope=\"{required}\""
        );
        problem.0.headers.push((http::header::WWW_AUTHENTICATE, challenge));
        problem
    }

    pub(super) fn in_domain(mut self, domain: &'static str) -> Self {
        self.0.domain = domain;
        self
    }

    pub(super) fn at(mut self, kind: &'static str, location: &str) -> Self {
        self.0.location = Some((kind, location.to_owned()));
        self
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.0.headers.push((name, value.into()));
        self
    }

    pub(super) fn reply(&self, shape: ErrorFormat) -> Reply {
        let mut reply = Reply::json(self.0.status, &self.body(shape));
        reply.headers.extend(self.0.headers.iter().cloned());
        reply
    }

    fn body(&self, shape: ErrorFormat) -> Value {
        let message = self.0.top_message.unwrap_or(&self.0.message);
        if shape == ErrorFormat::Flat {
            return json!({"error": self.0.reason, "error_description": message});
        }
        let mut error = Map::new();
        error.insert("code".into(), self.0.status.as_u16().into());
        error.insert("message".into(), message.into());
        if shape != ErrorFormat::WithoutErrors {
            let mut item =
                json!({"domain": self.0.domain, "reason": self.0.reason, "message": self.0.message});
            if let (Some((kind, location)), Some(item)) = (&self.0.location, item.as_object_mut()) {
                item.insert("locationType".into(), (*kind).into());
                item.insert("location".into(), location.as_str().into());
            }
            error.insert("errors".into(), json!([item]));
        }
        if shape != ErrorFormat::Classic || self.0.detail.is_some() {
            error.insert("status".into(), self.rpc_status().into());
        }
        if let Some(detail) = self.0.detail.filter(|_| shape != ErrorFormat::WithoutErrors) {
            let kind = "type.googleapis.com/google.rpc.ErrorInfo";
            let detail = json!({"@type": kind, "reason": detail, "domain": "googleapis.com"});
            error.insert("details".into(), json!([detail]));
        }
        json!({ "error": error })
    }

    /// Name of the status in newer front ends (google.rpc.Code).
    fn rpc_status(&self) -> &'static str {
        match self.0.status.as_u16() {
            400 => "INVALID_ARGUMENT",
            401 => "UNAUTHENTICATED",
            403 if self.0.reason.ends_with("Exceeded") => "RESOURCE_EXHAUSTED",
            403 => "PERMISSION_DENIED",
            404 => "NOT_FOUND",
            409 if self.0.reason == "duplicate" => "ALREADY_EXISTS",
            409 => "ABORTED",
            410 | 412 => "FAILED_PRECONDITION",
            429 => "RESOURCE_EXHAUSTED",
            503 => "UNAVAILABLE",
            _ => "INTERNAL",
        }
    }
}
