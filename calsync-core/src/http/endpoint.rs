//! Where a service answers: base URLs that can be trusted with a token, and paths below them, encoded once.

use std::fmt;
use std::net::IpAddr;

use ::http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The base URL of a service: `https`, or `http` on the machine itself.
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

/// Why a text cannot be an [`Endpoint`] or a [`Target`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// It is no absolute URL.
    #[error("an endpoint must be an absolute URL")]
    NotAUrl,
    /// It is neither `https`, nor `http` on the machine itself.
    #[error("an endpoint must be https, or http on loopback")]
    NotSecure,
    /// It holds a user, a query or a fragment.
    #[error("an endpoint must have no user, query or fragment")]
    NotPlain,
    /// A path segment that is empty, or a step `.` or `..`, which would lead elsewhere.
    #[error("a path segment is empty or a path step")]
    PathStep,
}

/// A URL below an [`Endpoint`], as it is put together.
#[derive(Debug, Clone)]
pub struct Target {
    text: String,
    has_query: bool,
    is_sound: bool,
}

/// What most targets add to their endpoint has fewer bytes.
const USUAL_TARGET: usize = 128;

/// All but RFC 3986's unreserved characters.
pub(crate) const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// In segments and names a dollar sign stands for itself, as OData's system names have it (`$batch`, `$filter`).
const NAME: &AsciiSet = &ESCAPED.remove(b'$');

impl Endpoint {
    /// A base URL. A slash at its end is dropped.
    ///
    /// # Errors
    /// See [`EndpointError`].
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

    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The beginning of a URL below this one.
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
    /// One path segment, whatever characters it holds.
    #[must_use]
    pub fn segment(mut self, segment: &str) -> Self {
        self.is_sound &= !matches!(segment, "" | "." | "..");
        self.text.push('/');
        self.text.extend(utf8_percent_encode(segment, NAME));
        self
    }

    /// One query parameter.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.text.push(if self.has_query { '&' } else { '?' });
        self.has_query = true;
        self.text.extend(utf8_percent_encode(name, NAME));
        self.text.push('=');
        self.text.extend(utf8_percent_encode(value, ESCAPED));
        self
    }

    /// The URL.
    ///
    /// # Errors
    /// [`EndpointError::PathStep`]; [`EndpointError::NotAUrl`] for one that is too long.
    pub fn uri(self) -> Result<Uri, EndpointError> {
        if !self.is_sound {
            return Err(EndpointError::PathStep);
        }
        self.text.parse().map_err(|_| EndpointError::NotAUrl)
    }
}

/// Whether a URL's host is the machine itself. A name other than `localhost` may lead anywhere.
pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.is_ok_and(|address| address.is_loopback()) || host.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_never_goes_out_in_the_clear() {
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
    fn whatever_a_segment_holds_stays_in_it() {
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
