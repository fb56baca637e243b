//! The transport over reqwest. No other file uses reqwest.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use ::http::{HeaderMap, HeaderValue, Method, Uri, header};
use ::reqwest::{Client, ClientBuilder, Url, redirect};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::endpoint::is_loopback;
use super::error::{TransportError, TransportErrorKind};
#[cfg(feature = "rustls-no-provider")]
use super::tls;
use super::{HttpTransport, Request, Response};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
const RESPONSE_LIMIT: usize = 8 * 1024 * 1024;
/// Less than the minute after which many load balancers silently close an idle connection.
const IDLE_TIMEOUT: Duration = Duration::from_secs(55);
/// Google compresses responses only if the user agent contains "gzip".
#[cfg(feature = "gzip")]
const USER_AGENT: &str = concat!("calsync/", env!("CARGO_PKG_VERSION"), " (gzip)");
#[cfg(not(feature = "gzip"))]
const USER_AGENT: &str = concat!("calsync/", env!("CARGO_PKG_VERSION"));
const HAS_TLS: bool = cfg!(any(feature = "rustls-no-provider", feature = "native-tls"));

/// An [`HttpTransport`] over reqwest: keeps connections open, supports HTTP/2 (feature `http2`) and
/// compressed responses (feature `gzip`), follows no redirect. Clones share their connections.
///
/// Every call has a time limit until its response is complete, and a size limit for the response,
/// counted after decompression. `https` needs one of the features `rustls`, `native-tls` and
/// `rustls-no-provider`. `http` is allowed to loopback only, and never goes through a proxy.
///
/// Needs a tokio runtime with I/O and time enabled. `Debug` shows the limits only.
///
/// ```
/// use calsync_core::http::{ReqwestTransport, TransportError};
/// # fn main() -> Result<(), TransportError> {
/// // For a server on this machine. Without `without_tls` the machine's certificates are loaded.
/// let transport = ReqwestTransport::builder().without_tls().response_limit(64 * 1024).build()?;
/// # let _ = transport;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ReqwestTransport {
    plain: Client,
    secure: Option<Client>,
    limits: Limits,
}

/// Settings of a [`ReqwestTransport`]; see [`ReqwestTransport::builder`] for the defaults.
#[derive(Debug, Clone)]
#[must_use]
pub struct ReqwestTransportBuilder {
    connect_timeout: Duration,
    user_agent: String,
    proxy: bool,
    tls: bool,
    limits: Limits,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    call_timeout: Duration,
    response: usize,
}

/// A setup error: why a request cannot be sent with this client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    #[error(
        "https needs one of calsync's features `rustls`, `native-tls` and `rustls-no-provider`, and a transport that was not built without TLS"
    )]
    NoTls,
    #[cfg(feature = "rustls-no-provider")]
    #[error("rustls has no crypto provider: install one in the process, or use calsync's feature `rustls`")]
    NoCryptoProvider,
    #[error("a request must be https, or http on loopback")]
    NotSecure,
    #[error("there is no tokio runtime")]
    NoRuntime,
    #[error("the client followed a redirect; its redirect policy has to be none")]
    Redirected,
}

/// The text of a reqwest error. reqwest's own error texts contain the URL, so only those of its
/// sources are used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Cause(String);

impl Unusable {
    pub(super) fn error(self) -> TransportError {
        TransportError::setup(self)
    }
}

impl ReqwestTransport {
    /// The default settings: 10 s to connect, 30 s for the whole call, 8 MiB of response body, the
    /// proxy of the environment (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`), and `calsync/<version>
    /// (gzip)` as the user agent.
    pub fn builder() -> ReqwestTransportBuilder {
        ReqwestTransportBuilder {
            connect_timeout: CONNECT_TIMEOUT,
            user_agent: USER_AGENT.to_owned(),
            proxy: true,
            tls: true,
            limits: Limits { call_timeout: CALL_TIMEOUT, response: RESPONSE_LIMIT },
        }
    }

    /// A transport over the host's own client. See [`ReqwestTransportBuilder::build_with`].
    #[must_use]
    pub fn with_client(client: Client) -> Self {
        Self::builder().build_with(client)
    }

    /// The client for a URL's scheme: TLS for `https`, plain for `http` on loopback.
    fn client(&self, uri: &Uri) -> Result<&Client, TransportError> {
        match uri.scheme_str() {
            Some("https") => self.secure.as_ref().ok_or_else(|| Unusable::NoTls.error()),
            Some("http") if uri.host().is_some_and(is_loopback) => Ok(&self.plain),
            _ => Err(Unusable::NotSecure.error()),
        }
    }

    /// Starts a request. Returns its URL and the future of its response. Separate from `send` to
    /// keep the future of `send` small.
    fn start(
        &self,
        request: Request,
    ) -> Result<(Url, impl Future<Output = ::reqwest::Result<::reqwest::Response>>), TransportError> {
        let client = self.client(request.uri())?;
        // Without a runtime the client would panic.
        tokio::runtime::Handle::try_current().map_err(|_| Unusable::NoRuntime.error())?;
        let mut request = prepared(request)?;
        *request.timeout_mut() = Some(self.limits.call_timeout);
        Ok((request.url().clone(), client.execute(request)))
    }

    /// Reads the response's body chunk by chunk, so that the limit applies to the decompressed
    /// size.
    async fn body(&self, response: &mut ::reqwest::Response) -> Result<Bytes, TransportError> {
        let fits = |length: usize| length <= self.limits.response;
        let too_large = || TransportError::new(TransportErrorKind::TooLarge);
        if response.content_length().is_some_and(|length| !usize::try_from(length).is_ok_and(fits)) {
            return Err(too_large());
        }
        let first = response.chunk().await.map_err(failed)?.unwrap_or_default();
        // Most bodies are one chunk, which is returned without a copy.
        let mut whole = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if whole.is_empty() {
                whole.extend_from_slice(&first);
            }
            if !fits(whole.len().saturating_add(chunk.len())) {
                return Err(too_large());
            }
            whole.extend_from_slice(&chunk);
        }
        match whole.is_empty() {
            true if fits(first.len()) => Ok(first),
            true => Err(too_large()),
            false => Ok(whole.freeze()),
        }
    }
}

impl ReqwestTransportBuilder {
    /// Time limit for connecting, including the DNS look-up and the TLS handshake. Default: 10 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Time limit of a call, from connecting to the last byte of the response. Default: 30 s.
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.limits.call_timeout = timeout;
        self
    }

    /// Limit of a response's body in bytes, after decompression. Default: 8 MiB.
    pub fn response_limit(mut self, bytes: usize) -> Self {
        self.limits.response = bytes;
        self
    }

    /// The user agent of requests without one. Google compresses its responses only if it contains
    /// `gzip`. Default: `calsync/<version> (gzip)`; without the feature `gzip`:
    /// `calsync/<version>`.
    pub fn user_agent(mut self, agent: impl Into<String>) -> Self {
        self.user_agent = agent.into();
        self
    }

    /// Connects directly, and ignores the environment's proxies.
    pub fn without_proxy(mut self) -> Self {
        self.proxy = false;
        self
    }

    /// Refuses `https`, and needs no certificates on the machine. For tests and tools whose server
    /// is on loopback.
    pub fn without_tls(mut self) -> Self {
        self.tls = false;
        self
    }

    /// Builds the transport.
    ///
    /// # Errors
    /// [`TransportErrorKind::Setup`], if the machine has no certificates to trust (except after
    /// [`without_tls`](Self::without_tls)), if `rustls-no-provider` is on and the process has no
    /// crypto provider, or if the user agent is not a valid header value.
    pub fn build(self) -> Result<ReqwestTransport, TransportError> {
        let plain = with_tls(self.client().no_proxy(), false)?.build().map_err(unbuilt)?;
        let secure = if self.tls && HAS_TLS {
            let client = self.client().https_only(true);
            let client = if self.proxy { client } else { client.no_proxy() };
            Some(with_tls(client, true)?.build().map_err(unbuilt)?)
        } else {
            None
        };
        Ok(ReqwestTransport { plain, secure, limits: self.limits })
    }

    /// A transport over the host's own client, for its TLS, proxies or name resolution. The time
    /// limit of a call and the limit of the response are taken from this builder, everything else
    /// from the client.
    ///
    /// **The client's redirect policy must be [`none`](redirect::Policy::none)**, so that
    /// credentials do not travel to another host. With another policy, a response after a redirect
    /// is reported as [`TransportErrorKind::Interrupted`].
    ///
    /// Tied to reqwest 0.13: when calsync moves on to the next reqwest, this method changes in a
    /// minor version.
    #[must_use]
    pub fn build_with(self, client: Client) -> ReqwestTransport {
        ReqwestTransport { plain: client.clone(), secure: Some(client), limits: self.limits }
    }

    /// The settings that both clients share.
    fn client(&self) -> ClientBuilder {
        let client = Client::builder()
            .connect_timeout(self.connect_timeout)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .user_agent(self.user_agent.as_str())
            .redirect(redirect::Policy::none())
            .referer(false);
        // Another crate may have enabled reqwest's gzip; the user agent does not announce it, so it
        // is turned off.
        #[cfg(not(feature = "gzip"))]
        let client = client.no_gzip();
        // Detects a broken connection before the calls on it reach their time limit.
        #[cfg(feature = "http2")]
        let client = client.http2_keep_alive_interval(Duration::from_secs(20));
        client
    }
}

/// Sets the TLS backend that the features select. Without such a feature there is none.
#[cfg(feature = "rustls-no-provider")]
fn with_tls(client: ClientBuilder, secure: bool) -> Result<ClientBuilder, TransportError> {
    let trust = if secure { tls::Trust::Machine } else { tls::Trust::Nothing };
    Ok(client.tls_backend_preconfigured(tls::config(trust)?))
}

#[cfg(all(feature = "native-tls", not(feature = "rustls-no-provider")))]
fn with_tls(client: ClientBuilder, _secure: bool) -> Result<ClientBuilder, TransportError> {
    Ok(client.tls_backend_native())
}

#[cfg(not(any(feature = "native-tls", feature = "rustls-no-provider")))]
fn with_tls(client: ClientBuilder, _secure: bool) -> Result<ClientBuilder, TransportError> {
    Ok(client)
}

#[async_trait]
impl HttpTransport for ReqwestTransport {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let (requested, response) = self.start(request)?;
        let mut received = response.await.map_err(failed)?;
        if *received.url() != requested {
            // The client has sent a request to another URL: what that server did is unknown.
            return Err(
                TransportError::new(TransportErrorKind::Interrupted).with_source(Unusable::Redirected)
            );
        }
        let mut response = Response::new(self.body(&mut received).await?);
        *response.status_mut() = received.status();
        *response.version_mut() = received.version();
        *response.headers_mut() = std::mem::take(received.headers_mut());
        Ok(response)
    }
}

/// Whether a request of that method needs a `Content-Length` even if its body is empty (RFC 9110
/// section 8.6). reqwest omits it, and some servers respond with 411.
fn takes_a_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

/// Converts a request to reqwest's type. Its extensions are dropped: they are for transports that
/// wrap this one.
fn prepared(request: Request) -> Result<::reqwest::Request, TransportError> {
    let (mut parts, body) = request.into_parts();
    if body.is_empty() && takes_a_body(&parts.method) {
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    hide_credentials(&mut parts.headers);
    let url = Url::parse(&text_of(&parts.uri)).map_err(TransportError::setup)?;
    let mut request = ::reqwest::Request::new(parts.method, url);
    *request.version_mut() = parts.version;
    *request.headers_mut() = parts.headers;
    *request.body_mut() = Some(body.into());
    Ok(request)
}

/// An absolute URI as text. Faster than its `Display`, which costs as much as parsing the URL.
fn text_of(uri: &Uri) -> String {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    [uri.scheme_str().unwrap_or_default(), "://", authority, path].concat()
}

/// Keeps a token out of the HTTP client's logs and out of HTTP/2's header compression tables.
fn hide_credentials(headers: &mut HeaderMap) {
    if let Some(value) = headers.get_mut(header::AUTHORIZATION) {
        value.set_sensitive(true);
    }
}

/// Maps the failure to build a client.
fn unbuilt(error: ::reqwest::Error) -> TransportError {
    TransportError::setup(Cause::of(&error))
}

/// Maps the failure of a request, or of reading its response.
fn failed(error: ::reqwest::Error) -> TransportError {
    let kind = if error.is_builder() {
        TransportErrorKind::Setup
    } else if error.is_connect() || was_canceled(&error) {
        TransportErrorKind::NotSent
    } else if error.is_timeout() {
        TransportErrorKind::TimedOut
    } else {
        TransportErrorKind::Interrupted
    };
    TransportError::new(kind).with_source(Cause::of(&error))
}

/// Whether the connection was closed before the request was written to it: hyper returned it
/// unsent.
fn was_canceled(error: &::reqwest::Error) -> bool {
    sources(error).any(|error| error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled))
}

/// The sources of an error, outermost first.
fn sources(error: &::reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&error| error.source())
}

impl Cause {
    fn of(error: &::reqwest::Error) -> Self {
        let texts = sources(error).filter(|error| !error.is::<::reqwest::Error>()).map(ToString::to_string);
        let text = texts.collect::<Vec<_>>().join(": ");
        Self(if text.is_empty() { "the HTTP client gave no reason".to_owned() } else { text })
    }
}

impl fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestTransport").field("limits", &self.limits).finish_non_exhaustive()
    }
}
