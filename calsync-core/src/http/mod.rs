//! The seam to the network: one method over the types of `http` and `bytes`.
//!
//! Providers talk through an [`HttpTransport`] and know no HTTP client; so a test hands them a fake server or a script, and a
//! host its own client. Every request carries the [`Call`] it belongs to as an extension.

mod endpoint;
mod error;
#[cfg(feature = "reqwest")]
mod reqwest;
mod retry_after;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "rustls-no-provider")]
mod tls;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

#[cfg(feature = "fake")]
pub(crate) use endpoint::ESCAPED;
pub use endpoint::{Endpoint, EndpointError, Target};
pub use error::{TransportError, TransportErrorKind};
#[cfg(feature = "reqwest")]
pub use reqwest::{ReqwestTransport, ReqwestTransportBuilder};
pub use retry_after::{LONGEST_RETRY_AFTER, retry_after};
#[cfg(feature = "serve")]
pub use serve::{LoopbackServer, ServeError};

use crate::error::Operation;
use crate::names::ProviderKind;

/// A request, whole. Its URI is absolute.
pub type Request = ::http::Request<Bytes>;

/// An answer, whole.
pub type Response = ::http::Response<Bytes>;

/// Sends a request and gives the answer, whatever its status.
///
/// # The contract
///
/// - One request, one answer: no retry (but of a request the server refused to take up before reading it), and **no redirect
///   is followed**, since credentials never travel to another host: a 3xx is an answer like any other.
/// - Every call ends: there is a limit to the time it takes and to the size of the answer.
/// - [`TransportErrorKind::NotSent`] is only said of a request of which the server has seen nothing.
/// - No header, body or query of a request or an answer gets into an error, a log or `Debug`.
/// - Dropping the future is like losing the answer.
#[async_trait]
pub trait HttpTransport: Debug + Send + Sync + 'static {
    /// Sends it.
    ///
    /// # Errors
    /// When there is no whole answer.
    async fn send(&self, request: Request) -> Result<Response, TransportError>;
}

#[async_trait]
impl<T: HttpTransport + ?Sized> HttpTransport for Arc<T> {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        (**self).send(request).await
    }
}

/// What a request is for. Every request carries one in its extensions, for logs, metrics and tests.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The provider that makes it.
    pub provider: ProviderKind,
    /// The operation it is part of.
    pub operation: Operation,
}

impl Call {
    /// A call.
    #[must_use]
    pub fn new(provider: ProviderKind, operation: Operation) -> Self {
        Self { provider, operation }
    }
}
