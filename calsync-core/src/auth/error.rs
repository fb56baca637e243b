//! Failures to get an access token.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::StoreError;
use crate::error::{Error, ErrorKind, Operation, Retry};
use crate::http::{TransportError, TransportErrorKind};
use crate::names::ProviderKind;

/// An OAuth server's error code (RFC 6749 sections 4.1.2.1 and 5.2), such as `invalid_grant`, with
/// the server's more precise code if it sent one. Never its error text, which may contain personal
/// data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerCode {
    code: String,
    detail: Option<String>,
}

impl ServerCode {
    const MAX_LEN: usize = 64;

    /// A code of 1 to 64 ASCII letters, digits, `_`, `-` and `.`. Any other text becomes
    /// `unreadable`: RFC 6749 allows more characters, but no server uses them.
    #[must_use]
    pub fn new(code: &str) -> Self {
        let code = if Self::is_code(code) { code } else { "unreadable" };
        Self { code: code.to_owned(), detail: None }
    }

    /// Adds the server's more precise code, such as Google's `error_subtype` or Microsoft's
    /// `AADSTS700082`. A text that is not a code is ignored.
    #[must_use]
    pub fn with_detail(mut self, detail: &str) -> Self {
        self.detail = Some(detail.to_owned()).filter(|detail| Self::is_code(detail));
        self
    }

    /// The error code, such as `invalid_grant`.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The more precise code, if the server sent one.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// The more precise code if there is one, else the code.
    fn most_precise(&self) -> &str {
        self.detail.as_deref().unwrap_or(&self.code)
    }

    fn is_code(text: &str) -> bool {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        (1..=Self::MAX_LEN).contains(&text.len()) && text.bytes().all(allowed)
    }
}

impl fmt::Display for ServerCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.detail {
            None => f.write_str(&self.code),
            Some(detail) => write!(f, "{} ({detail})", self.code),
        }
    }
}

/// Why there is no access token. Nothing was sent to the calendar.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// Nothing is stored for this grant: the person has to connect.
    #[error("the calendar is not connected")]
    NotConnected,
    /// The stored tokens of this grant cannot be opened, so it counts as not connected: the person
    /// has to connect. A connect replaces the row, a disconnect removes it.
    #[error("the stored tokens cannot be opened")]
    Unreadable(#[source] StoreError),
    /// The token endpoint refused the grant, because it has expired or was revoked; or there is no
    /// refresh token. The person has to connect again. [`ServerCode::remedy`] says more.
    #[error("the authorization is no longer valid; connect again: {code}")]
    Reconnect {
        /// The server's error code.
        code: ServerCode,
        /// Whether the server first refused the same tokens an hour ago or earlier. A first refusal
        /// may be a mistake of the server.
        confirmed: bool,
    },
    /// The token endpoint issues no tokens for this grant until an administrator allows it
    /// ([`ServerCode::remedy`]). The grant itself stays valid.
    #[error("an administrator must allow the client for this account: {0}")]
    Blocked(ServerCode),
    /// The tokens open another account than the stored ones.
    #[error("the connection leads to another account")]
    OtherAccount,
    /// The server does not accept the host's client. Only the host can fix it, in the client's
    /// settings.
    #[error("the OAuth client is set up wrongly: {0}")]
    Configuration(ServerCode),
    /// The server is not available, or its response cannot be read. A later attempt may succeed.
    #[error("the token endpoint is not available")]
    Unavailable(#[source] Unavailable),
    /// The token store failed. New tokens that could not be saved are kept in memory; the next
    /// attempt saves them first.
    #[error("the tokens could not be loaded or saved")]
    Store(#[source] StoreError),
}

/// Details of a token endpoint that was not available.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Unavailable {
    /// The HTTP status; `None` without a response.
    pub status: Option<u16>,
    /// The server's error code, if it sent one; or calsync's own, if no request was sent.
    pub code: Option<ServerCode>,
    /// How long to wait before the next attempt, as the server asks (`Retry-After`).
    pub retry_after: Option<Duration>,
    /// The transport's error, if there was no response.
    pub transport: Option<Arc<TransportError>>,
}

impl Unavailable {
    /// An outage without any details.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the HTTP status of the response.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Sets the server's error code, or calsync's own if no request was sent.
    #[must_use]
    pub fn with_code(mut self, code: ServerCode) -> Self {
        self.code = Some(code);
        self
    }

    /// Sets how long to wait before the next attempt.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Sets the reason why there is no response.
    #[must_use]
    pub fn with_transport(mut self, error: TransportError) -> Self {
        self.transport = Some(Arc::new(error));
        self
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.status, &self.code) {
            (Some(status), Some(code)) => write!(f, "it responded with status {status}, code {code}"),
            (Some(status), None) => write!(f, "it responded with status {status} and no usable body"),
            (None, Some(code)) => write!(f, "no request was sent, code {code}"),
            (None, None) => f.write_str("there was no response"),
        }
    }
}

impl std::error::Error for Unavailable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.transport.as_deref().map(|transport| transport as _)
    }
}

impl AuthError {
    /// The server's first refusal of a grant.
    #[must_use]
    pub fn reconnect(code: ServerCode) -> Self {
        Self::Reconnect { code, confirmed: false }
    }

    /// Converts this into the error of a provider's call that was not sent.
    #[must_use]
    pub fn into_error(self, provider: ProviderKind, operation: Operation) -> Error {
        let of = |kind| Error::new(kind, provider, operation);
        let error = match &self {
            Self::NotConnected => of(ErrorKind::Unauthenticated).with_code("not_connected"),
            Self::Unreadable(_) => of(ErrorKind::Unauthenticated).with_code("tokens_unreadable"),
            Self::Reconnect { code, confirmed } => {
                of(code.remedy().kind()).with_code(code.code()).with_confirmed(*confirmed)
            }
            Self::Blocked(code) => of(ErrorKind::Forbidden).with_code(code.most_precise()),
            Self::OtherAccount => of(ErrorKind::OtherAccount),
            Self::Configuration(code) => of(ErrorKind::Configuration).with_code(code.code()),
            Self::Unavailable(unavailable) => {
                let limited = unavailable.status == Some(429);
                let mut error = of(if limited { ErrorKind::RateLimited } else { ErrorKind::Unavailable });
                if let Some(status) = unavailable.status {
                    error = error.with_status(status);
                }
                if let Some(code) = &unavailable.code {
                    error = error.with_code(if code.is_locked() { code.most_precise() } else { code.code() });
                }
                if let Some(after) = unavailable.retry_after {
                    error = error.with_retry_after(after);
                }
                error.with_retry(Retry::Later)
            }
            Self::Store(_) => of(ErrorKind::Unavailable).with_code("token_store").with_retry(Retry::Later),
        };
        error.with_source(self)
    }
}

impl From<StoreError> for AuthError {
    fn from(error: StoreError) -> Self {
        if error.is_unreadable() { Self::Unreadable(error) } else { Self::Store(error) }
    }
}

impl From<TransportError> for AuthError {
    /// A transport that cannot send at all is a configuration error of the host; every other
    /// failure may be temporary.
    fn from(error: TransportError) -> Self {
        if error.kind() == TransportErrorKind::Setup {
            return Self::Configuration(ServerCode::new("transport"));
        }
        Self::Unavailable(Unavailable::new().with_transport(error))
    }
}
