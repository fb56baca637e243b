//! A request as a fake server reads it.

use std::fmt;

use ::http::header::{AUTHORIZATION, CONTENT_TYPE};
use ::http::{HeaderMap, HeaderName, Method};
use bytes::Bytes;
use serde_json::Value;

use super::params::Params;
use crate::http::{Call, Request};

/// The parts of a request.
#[derive(Clone)]
pub struct Incoming {
    /// The HTTP method, such as `POST`.
    pub http_method: Method,
    /// The path, percent-encoded as it was sent.
    pub path: String,
    /// The query's parameters, decoded.
    pub query: Params,
    /// All headers, including credentials.
    pub headers: HeaderMap,
    /// The body; empty if there is none.
    pub body: Bytes,
    /// The provider and operation, if the sender's request carries them.
    pub call: Option<Call>,
}

impl Incoming {
    /// Reads the parts of a request.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let uri = request.uri();
        Self {
            http_method: request.method().clone(),
            path: uri.path().to_owned(),
            query: Params::parse(uri.query().unwrap_or_default()),
            headers: request.headers().clone(),
            body: request.body().clone(),
            call: request.extensions().get().cloned(),
        }
    }

    /// The first header of that name; `None` if it is not text.
    #[must_use]
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether `Content-Type` is that media type, with any parameters.
    #[must_use]
    pub fn is_of_type(&self, media_type: &str) -> bool {
        let kind = self.header(CONTENT_TYPE).and_then(|kind| kind.split(';').next());
        kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case(media_type))
    }

    /// The body read as a form, with any `Content-Type`.
    #[must_use]
    pub fn form(&self) -> Params {
        Params::parse(&String::from_utf8_lossy(&self.body))
    }

    /// The body read as JSON, with any `Content-Type`; `None` if it is not JSON.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The token of `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        let (kind, token) = self.header(AUTHORIZATION)?.split_once(' ')?;
        kind.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }
}

/// Shows neither tokens nor personal data.
impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("http_method", &self.http_method)
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(name: &str, value: &str) -> Incoming {
        let request = ::http::Request::get("http://localhost/a%2Fb?c=d%20e").header(name, value);
        Incoming::of(&request.body(Bytes::from_static(b"{\"x\": 1}")).unwrap())
    }

    #[test]
    fn the_scheme_bearer_is_read_in_any_case() {
        for header in ["Bearer secret", "bearer  secret "] {
            assert_eq!(incoming("authorization", header).bearer(), Some("secret"), "{header}");
        }
        for header in ["Basic secret", "secret", "Bearersecret"] {
            assert_eq!(incoming("authorization", header).bearer(), None, "{header}");
        }
    }

    #[test]
    fn a_media_type_is_compared_without_its_parameters() {
        for (header, is_json) in [
            ("application/json", true),
            ("Application/JSON; charset=UTF-8", true),
            ("application/json-patch+json", false),
            ("text/plain; x=application/json", false),
        ] {
            assert_eq!(incoming("content-type", header).is_of_type("application/json"), is_json, "{header}");
        }
        assert!(!incoming("accept", "application/json").is_of_type("application/json"));
    }

    #[test]
    fn debug_shows_no_secret() {
        let incoming = incoming("authorization", "Bearer secret");
        assert_eq!((incoming.path.as_str(), incoming.query.get("c")), ("/a%2Fb", Some("d e")));
        let text = format!("{incoming:?} {:?}", incoming.query);
        assert!(["secret", "d e", "a%2Fb", "\"x\""].iter().all(|part| !text.contains(part)), "{text}");
    }
}
