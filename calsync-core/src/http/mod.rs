//! The interface to the network: a trait with one method, over the types of the crates `http` and
//! `bytes`.
//!
//! Providers send requests through an [`HttpTransport`] and depend on no HTTP client. A test gives
//! them a fake server or a script; a host can give them its own client. Every request carries the
//! [`Call`] it belongs to as an extension.

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
pub use retry_after::{MAX_RETRY_AFTER, retry_after};
#[cfg(feature = "serve")]
pub use serve::{LoopbackServer, ServeError};

use crate::error::Operation;
use crate::names::ProviderKind;

/// A request with a fully buffered body. Its URI is absolute.
pub type Request = ::http::Request<Bytes>;

/// A response with a fully buffered body.
pub type Response = ::http::Response<Bytes>;

/// Sends a request and returns the response, of any status.
///
/// # The contract
///
/// - One request, one response: no retry (except of a request that the server rejected before
///   reading it), and **no redirect is followed**, because credentials must not travel to another
///   host. A 3xx is returned like any other response.
/// - Every call ends: its duration and the size of its response are limited.
/// - [`TransportErrorKind::NotSent`] means that the server has seen nothing of the request.
/// - No header, body or query of a request or a response gets into an error, a log or `Debug`.
/// - If the future is dropped, the caller must assume that the server may have handled the request.
#[async_trait]
pub trait HttpTransport: Debug + Send + Sync + 'static {
    /// Sends the request.
    ///
    /// # Errors
    /// [`TransportError`], if there is no complete response.
    async fn send(&self, request: Request) -> Result<Response, TransportError>;
}

#[async_trait]
impl<T: HttpTransport + ?Sized> HttpTransport for Arc<T> {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        (**self).send(request).await
    }
}

/// The provider and operation of a request. Every request carries one in its extensions, for logs,
/// metrics and tests.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The provider that sends the request.
    pub provider: ProviderKind,
    /// The operation the request is part of.
    pub operation: Operation,
}

impl Call {
    /// A call of that provider for that operation.
    #[must_use]
    pub fn new(provider: ProviderKind, operation: Operation) -> Self {
        Self { provider, operation }
    }
}
