//! What goes wrong between here and the server.

use std::error::Error as StdError;
use std::fmt;

use crate::error::{Error, ErrorKind, Operation, Retry};
use crate::names::ProviderKind;

/// A request without a whole answer.
///
/// The source holds no URL, header or body.
#[derive(Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// How far a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// It could not be sent, and will not be sendable later: the client is set up wrongly.
    Setup,
    /// The server has seen nothing of it: no connection, or one that was closed before a byte was sent.
    NotSent,
    /// The connection broke after the request was sent, in part or whole.
    Interrupted,
    /// No answer within the time there was.
    TimedOut,
    /// The answer is larger than calsync takes.
    TooLarge,
}

impl TransportError {
    /// A failure of that kind.
    #[must_use]
    pub fn new(kind: TransportErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// A client that is set up wrongly, with what is wrong with it.
    #[cfg(feature = "reqwest")]
    pub(super) fn setup(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(TransportErrorKind::Setup).with_source(source)
    }

    /// With the error underneath, which must hold no URL, header or body.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// How far the request came.
    #[must_use]
    pub fn kind(&self) -> TransportErrorKind {
        self.kind
    }

    /// This failure as that of a provider's call: what was sent and not answered is unknown, unless it only reads.
    #[must_use]
    pub fn into_error(self, provider: ProviderKind, operation: Operation) -> Error {
        let (kind, retry) = match self.kind {
            TransportErrorKind::Setup => (ErrorKind::Configuration, Retry::Never),
            TransportErrorKind::NotSent => (ErrorKind::Unavailable, Retry::Later),
            _ => (ErrorKind::Unavailable, operation.after_lost_answer()),
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
            TransportErrorKind::TimedOut => "there was no answer in time",
            TransportErrorKind::TooLarge => "the answer is too large",
        })
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
