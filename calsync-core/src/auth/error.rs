//! What goes wrong between a consent and a token.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::StoreError;
use crate::error::{Error, ErrorKind, Operation, Retry};
use crate::http::{TransportError, TransportErrorKind};
use crate::names::ProviderKind;

/// A server's machine-readable code of what it refused (RFC 6749 sections 4.1.2.1 and 5.2), such as `invalid_grant`, with its own
/// narrower one where it gave one. Never its sentence, which may hold a person's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerCode {
    code: String,
    detail: Option<String>,
}

impl ServerCode {
    const MAX_LEN: usize = 64;

    /// A code. One that is no code at all (RFC 6749 allows more characters than any server uses) reads `unreadable`.
    #[must_use]
    pub fn new(code: &str) -> Self {
        let code = if Self::is_code(code) { code } else { "unreadable" };
        Self { code: code.to_owned(), detail: None }
    }

    /// The same with a narrower code, such as Google's `error_subtype` or the number of Microsoft's `AADSTS700082`. One that is
    /// no code is left out.
    #[must_use]
    pub fn with_detail(mut self, detail: &str) -> Self {
        self.detail = Some(detail.to_owned()).filter(|detail| Self::is_code(detail));
        self
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The narrower code.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// The narrower code where there is one, else the code.
    fn narrowest(&self) -> &str {
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
    /// What is stored for this grant cannot be opened, so that it counts as not connected: the person has to connect. A connect
    /// replaces the row, a disconnect removes it.
    #[error("the stored tokens cannot be opened")]
    Unreadable(#[source] StoreError),
    /// The token endpoint says that the grant is dead: the person has to connect again ([`ServerCode::remedy`] says more).
    #[error("the grant is dead: {code}")]
    Reconnect {
        /// What the server says.
        code: ServerCode,
        /// Whether the server has said so of the same tokens before, an hour ago or earlier. A first refusal may be a mistake.
        confirmed: bool,
    },
    /// The token endpoint gives no tokens for this grant until an administrator has helped ([`ServerCode::remedy`]). The grant is
    /// not dead for it.
    #[error("an administrator keeps the account from the client: {0}")]
    Blocked(ServerCode),
    /// The tokens lead to another account than those stored.
    #[error("the connection leads to another account")]
    OtherAccount,
    /// The server does not accept the host's client. No person can help it.
    #[error("the OAuth client is set up wrongly: {0}")]
    Configuration(ServerCode),
    /// The server is not available, or talks nonsense; later may be better.
    #[error("the token endpoint is not available")]
    Unavailable(#[source] Unavailable),
    /// The token store failed. A token that was rotated meanwhile is kept, and saved before anything else is tried.
    #[error("the tokens could not be loaded or saved")]
    Store(#[source] StoreError),
}

/// How a token endpoint was not available.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Unavailable {
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// The server's code, where it gave one.
    pub code: Option<ServerCode>,
    /// How long it asked to be left alone.
    pub retry_after: Option<Duration>,
    /// What the transport said, where there was no answer.
    pub transport: Option<Arc<TransportError>>,
}

impl Unavailable {
    /// No answer, and nothing known of it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An answer of this HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// With the server's code.
    #[must_use]
    pub fn with_code(mut self, code: ServerCode) -> Self {
        self.code = Some(code);
        self
    }

    /// With how long the server asked to be left alone.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// No answer, for this reason.
    #[must_use]
    pub fn with_transport(mut self, error: TransportError) -> Self {
        self.transport = Some(Arc::new(error));
        self
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.status, &self.code) {
            (Some(status), Some(code)) => write!(f, "it answered with status {status}, code {code}"),
            (Some(status), None) => write!(f, "it answered with status {status} and nothing of use"),
            (None, Some(code)) => write!(f, "it was not asked, code {code}"),
            (None, None) => f.write_str("it did not answer"),
        }
    }
}

impl std::error::Error for Unavailable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.transport.as_deref().map(|transport| transport as _)
    }
}

impl AuthError {
    /// The server's verdict that a grant is dead, said for the first time.
    #[must_use]
    pub fn reconnect(code: ServerCode) -> Self {
        Self::Reconnect { code, confirmed: false }
    }

    /// This failure as that of a provider's call that never went out.
    #[must_use]
    pub fn into_error(self, provider: ProviderKind, operation: Operation) -> Error {
        let of = |kind| Error::new(kind, provider, operation);
        let error = match &self {
            Self::NotConnected => of(ErrorKind::Unauthenticated).with_code("not_connected"),
            Self::Unreadable(_) => of(ErrorKind::Unauthenticated).with_code("tokens_unreadable"),
            Self::Reconnect { code, confirmed } => {
                of(code.remedy().kind()).with_code(code.code()).with_confirmed(*confirmed)
            }
            Self::Blocked(code) => of(ErrorKind::Forbidden).with_code(code.narrowest()),
            Self::OtherAccount => of(ErrorKind::OtherAccount),
            Self::Configuration(code) => of(ErrorKind::Configuration).with_code(code.code()),
            Self::Unavailable(unavailable) => {
                let limited = unavailable.status == Some(429);
                let mut error = of(if limited { ErrorKind::RateLimited } else { ErrorKind::Unavailable });
                if let Some(status) = unavailable.status {
                    error = error.with_status(status);
                }
                if let Some(code) = &unavailable.code {
                    error = error.with_code(if code.is_locked() { code.narrowest() } else { code.code() });
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
    /// A client that cannot send at all is the host's to mend; everything else may pass.
    fn from(error: TransportError) -> Self {
        if error.kind() == TransportErrorKind::Setup {
            return Self::Configuration(ServerCode::new("transport"));
        }
        Self::Unavailable(Unavailable::new().with_transport(error))
    }
}
