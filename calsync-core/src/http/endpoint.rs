//! Base URLs of services to which a token may be sent, and URLs below them, encoded once.

use std::fmt;
use std::net::IpAddr;

use ::http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The base URL of a service: `https`, or `http` on loopback.
///
/// ```
/// use calsync_core::http::Endpoint;
/// let base = Endpoint::new("https://www.googleapis.com/calendar/v3")?;
/// let uri = base.target().segment("calendars").segment("anna@example.org").query("maxResults", "1").uri()?;
/// assert_eq!(uri, "https://www.googleapis.com/calendar/v3/calendars/anna%40example.org?maxResults=1");
/// assert!(Endpoint::new("http://www.googleapis.com").is_err());
/// assert!(Endpoint::new("http://127.0.0.1:8080").is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(String);

/// Why a text is not an [`Endpoint`] or a [`Target`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// It is not an absolute URL, or is too long.
    #[error("an endpoint must be an absolute URL")]
    NotAUrl,
    /// It is neither `https`, nor `http` on loopback.
    #[error("an endpoint must be https, or http on loopback")]
    NotSecure,
    /// It has a user, a query or a fragment.
    #[error("an endpoint must have no user, query or fragment")]
    NotPlain,
    /// A path segment is empty, or is `.` or `..`, which would lead to another path.
    #[error("a path segment is empty, `.` or `..`")]
    PathStep,
}

/// A URL below an [`Endpoint`], built part by part.
#[derive(Debug, Clone)]
pub struct Target {
    text: String,
    has_query: bool,
    is_sound: bool,
}

/// Bytes reserved for what a target adds to its endpoint; enough for most targets.
const USUAL_TARGET: usize = 128;

/// All characters except RFC 3986's unreserved ones.
pub(crate) const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// As [`ESCAPED`], but a dollar sign is not encoded: OData's system names have one (`$batch`,
/// `$filter`).
const NAME: &AsciiSet = &ESCAPED.remove(b'$');

impl Endpoint {
    /// Parses a base URL. A slash at its end is removed.
    ///
    /// # Errors
    /// [`EndpointError::NotPlain`], [`EndpointError::NotAUrl`] or [`EndpointError::NotSecure`].
    pub fn new(url: &str) -> Result<Self, EndpointError> {
        if url.contains(['?', '#', '@']) {
            return Err(EndpointError::NotPlain);
        }
        let uri: Uri = url.parse().map_err(|_| EndpointError::NotAUrl)?;
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return Err(EndpointError::NotAUrl);
        };
        match scheme {
            "https" => {}
            "http" if is_loopback(host) => {}
            _ => return Err(EndpointError::NotSecure),
        }
        Ok(Self(url.trim_end_matches('/').to_owned()))
    }

    /// The base URL, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Starts a URL below this one.
    #[must_use]
    pub fn target(&self) -> Target {
        let mut text = String::with_capacity(self.0.len() + USUAL_TARGET);
        text.push_str(&self.0);
        Target { text, has_query: false, is_sound: true }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Target {
    /// Adds a path segment. Its characters are percent-encoded, except `$` and the unreserved ones.
    #[must_use]
    pub fn segment(mut self, segment: &str) -> Self {
        self.is_sound &= !matches!(segment, "" | "." | "..");
        self.text.push('/');
        self.text.extend(utf8_percent_encode(segment, NAME));
        self
    }

    /// Adds a query parameter, percent-encoded.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.text.push(if self.has_query { '&' } else { '?' });
        self.has_query = true;
        self.text.extend(utf8_percent_encode(name, NAME));
        self.text.push('=');
        self.text.extend(utf8_percent_encode(value, ESCAPED));
        self
    }

    /// The complete URL.
    ///
    /// # Errors
    /// [`EndpointError::PathStep`], if a segment is empty, `.` or `..`; [`EndpointError::NotAUrl`],
    /// if the URL is too long.
    pub fn uri(self) -> Result<Uri, EndpointError> {
        if !self.is_sound {
            return Err(EndpointError::PathStep);
        }
        self.text.parse().map_err(|_| EndpointError::NotAUrl)
    }
}

/// Whether a URL's host is this machine: a loopback address or `localhost`. Any other name may
/// resolve to another machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.is_ok_and(|address| address.is_loopback()) || host.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_http_on_loopback_are_accepted() {
        for url in [
            "http://example.org",
            "ftp://127.0.0.1",
            "http://127.0.0.1.example.org",
            "http://localhost.example.org",
            "http://user@127.0.0.1",
            "https://user:pass@example.org",
            "https://example.org/?a=b",
            "/relative",
            "",
            "example.org",
        ] {
            assert!(Endpoint::new(url).is_err(), "{url}");
        }
        for url in
            ["https://example.org/", "http://127.0.0.1:1", "http://[::1]:8080/v1.0", "http://LOCALHOST"]
        {
            assert!(Endpoint::new(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn segments_and_parameters_are_encoded() {
        let base = Endpoint::new("https://example.org/v3/").unwrap();
        let uri = |id: &str| base.target().segment(id).uri().map(|uri| uri.to_string());
        assert_eq!(uri("a/b?c#d%e@f g").unwrap(), "https://example.org/v3/a%2Fb%3Fc%23d%25e%40f%20g");
        assert_eq!(uri("Łódź").unwrap(), "https://example.org/v3/%C5%81%C3%B3d%C5%BA");
        for step in ["", ".", ".."] {
            assert_eq!(uri(step), Err(EndpointError::PathStep), "{step:?}");
        }
        let uri = base.target().segment("$batch").query("$filter", "a$ eq 'b'").uri().unwrap();
        assert_eq!(uri, "https://example.org/v3/$batch?$filter=a%24%20eq%20%27b%27");
        let uri = base.target().query("a", "1&b=2").query("c", "ä").uri().unwrap();
        assert_eq!(uri, "https://example.org/v3?a=1%26b%3D2&c=%C3%A4");
        assert!(base.target().segment(&"x".repeat(100_000)).uri().is_err());
    }
}
