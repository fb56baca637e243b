//! Builds requests.

use ::http::header::{CONTENT_TYPE, IF_MATCH};
use ::http::{HeaderValue, Method};
use bytes::Bytes;
use serde::Serialize;

use crate::http::{EndpointError, Request, Target};
use crate::names::Etag;

/// Bytes reserved for a body; enough for most.
const USUAL_BODY: usize = 1024;

/// Why a request could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// An id does not fit into a URL: it is empty, `.`, `..` or too long.
    #[error("an id does not fit into a URL")]
    Id(#[from] EndpointError),
    /// The body cannot be written as JSON.
    #[error("the request's body cannot be written as JSON")]
    Body(#[from] serde_json::Error),
    /// A header has a value that cannot be sent.
    #[error("a header of the request cannot be sent")]
    Request(#[from] ::http::Error),
}

/// Builds a request with a JSON body, or without a body.
///
/// # Errors
/// See [`RequestError`].
pub fn request(
    method: Method,
    target: Target,
    body: Option<&impl Serialize>,
) -> Result<Request, RequestError> {
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = method;
    *request.uri_mut() = target.uri()?;
    if let Some(body) = body {
        let mut text = Vec::with_capacity(USUAL_BODY);
        serde_json::to_writer(&mut text, body)?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *request.body_mut() = Bytes::from(text);
    }
    Ok(request)
}

/// Adds `If-Match`: the server carries out the request only if the event still has that etag (RFC
/// 9110 section 13.1.1). `None` adds nothing.
///
/// # Errors
/// [`RequestError::Request`], if the etag fits into no header.
pub fn with_if_match(mut request: Request, etag: Option<&Etag>) -> Result<Request, RequestError> {
    if let Some(etag) = etag {
        let etag = HeaderValue::from_str(etag.as_str()).map_err(::http::Error::from)?;
        request.headers_mut().insert(IF_MATCH, etag);
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Endpoint;

    #[test]
    fn only_a_request_with_a_body_has_a_content_type() {
        let base = Endpoint::new("https://example.org").unwrap();
        let with = request(Method::POST, base.target().segment("x"), Some(&[1])).unwrap();
        assert_eq!(
            (&with.body()[..], &with.headers()[CONTENT_TYPE]),
            (&b"[1]"[..], &"application/json".parse().unwrap())
        );
        let without = request(Method::GET, base.target().segment("x"), None::<&()>).unwrap();
        assert!(without.body().is_empty() && without.headers().is_empty());
        let step = request(Method::GET, base.target().segment(".."), None::<&()>);
        assert!(matches!(step, Err(RequestError::Id(_))));
    }

    #[test]
    fn an_etag_that_fits_into_no_header_is_an_error() {
        let base = Endpoint::new("https://example.org").unwrap();
        let plain = || request(Method::GET, base.target(), None::<&()>).unwrap();
        let at = |etag: &str| with_if_match(plain(), Some(&Etag::new(etag)));
        assert_eq!(at("W/\"7\"").unwrap().headers()[IF_MATCH], "W/\"7\"");
        assert!(matches!(at("bad\netag"), Err(RequestError::Request(_))));
        assert!(with_if_match(plain(), None).unwrap().headers().is_empty());
    }
}
