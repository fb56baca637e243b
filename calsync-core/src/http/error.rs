//! Failures of a transport.

use std::error::Error as StdError;
use std::fmt;

use crate::error::{Error, ErrorKind, Operation, Retry};
use crate::names::ProviderKind;

/// A request without a complete response.
///
/// The source contains no URL, header or body.
#[derive(Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// How far a request got before it failed. This decides whether a write may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// It could not be sent, and a retry does not help: the HTTP client is set up wrongly.
    Setup,
    /// The server has seen nothing of it: there was no connection, or it was closed before a byte
    /// was sent.
    NotSent,
    /// The connection broke after the request was sent, partly or completely.
    Interrupted,
    /// There was no response within the time limit.
    TimedOut,
    /// The response is larger than the limit.
    TooLarge,
}

impl TransportError {
    /// A failure of that kind, without a source.
    #[must_use]
    pub fn new(kind: TransportErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// An HTTP client that is set up wrongly, with the cause.
    #[cfg(feature = "reqwest")]
    pub(super) fn setup(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(TransportErrorKind::Setup).with_source(source)
    }

    /// Sets the source, which must contain no URL, header or body.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// How far the request got.
    #[must_use]
    pub fn kind(&self) -> TransportErrorKind {
        self.kind
    }

    /// Converts this into the error of a provider's call. After a request that was sent without a
    /// response, the outcome of a write is unknown ([`Retry::Unknown`]); a read can be retried.
    #[must_use]
    pub fn into_error(self, provider: ProviderKind, operation: Operation) -> Error {
        let (kind, retry) = match self.kind {
            TransportErrorKind::Setup => (ErrorKind::Configuration, Retry::Never),
            TransportErrorKind::NotSent => (ErrorKind::Unavailable, Retry::Later),
            _ => (ErrorKind::Unavailable, operation.after_lost_response()),
        };
        let error = Error::new(kind, provider, operation).with_retry(retry);
        let error = if self.kind == TransportErrorKind::NotSent { error.with_never_sent() } else { error };
        error.with_source(self)
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self.kind {
            TransportErrorKind::Setup => "the HTTP client cannot send this request",
            TransportErrorKind::NotSent => "the server could not be reached",
            TransportErrorKind::Interrupted => "the connection broke",
            TransportErrorKind::TimedOut => "there was no response in time",
            TransportErrorKind::TooLarge => "the response is too large",
        })
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
