//! The transport over reqwest. No other file names reqwest.

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
/// Below the minute after which many load balancers close a connection without a word.
const IDLE_TIMEOUT: Duration = Duration::from_secs(55);
/// Google compresses only for agents whose name says "gzip".
#[cfg(feature = "gzip")]
const USER_AGENT: &str = concat!("calsync/", env!("CARGO_PKG_VERSION"), " (gzip)");
#[cfg(not(feature = "gzip"))]
const USER_AGENT: &str = concat!("calsync/", env!("CARGO_PKG_VERSION"));
const HAS_TLS: bool = cfg!(any(feature = "rustls-no-provider", feature = "native-tls"));

/// An [`HttpTransport`] over reqwest: keeps connections, speaks HTTP/2 (feature `http2`), takes compressed answers (feature
/// `gzip`), follows no redirect. Clones share their connections.
///
/// Every call has a time in which the whole of its answer must be there, and a limit to the answer's size, counted after
/// decompression. `https` needs one of the features `rustls`, `native-tls` and `rustls-no-provider`. `http` goes to loopback
/// only, directly, never through a proxy.
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

/// Settings of a [`ReqwestTransport`].
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

/// Why a request or a client cannot be used as it is set up.
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

/// What reqwest says went wrong, in words: its own errors hold the URL, so only those underneath are quoted.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Cause(String);

impl Unusable {
    pub(super) fn error(self) -> TransportError {
        TransportError::setup(self)
    }
}

impl ReqwestTransport {
    /// The default settings: 10 s to connect, 30 s for the whole call, 8 MiB of answer, the proxy that the environment
    /// names (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`), and `calsync/<version> (gzip)` as the user agent.
    pub fn builder() -> ReqwestTransportBuilder {
        ReqwestTransportBuilder {
            connect_timeout: CONNECT_TIMEOUT,
            user_agent: USER_AGENT.to_owned(),
            proxy: true,
            tls: true,
            limits: Limits { call_timeout: CALL_TIMEOUT, response: RESPONSE_LIMIT },
        }
    }

    /// A transport over a client of the host's own. See [`ReqwestTransportBuilder::build_with`].
    #[must_use]
    pub fn with_client(client: Client) -> Self {
        Self::builder().build_with(client)
    }

    /// The client for that URL.
    fn client(&self, uri: &Uri) -> Result<&Client, TransportError> {
        match uri.scheme_str() {
            Some("https") => self.secure.as_ref().ok_or_else(|| Unusable::NoTls.error()),
            Some("http") if uri.host().is_some_and(is_loopback) => Ok(&self.plain),
            _ => Err(Unusable::NotSecure.error()),
        }
    }

    /// The URL as it is asked for, and the answer to come. Apart from `send`, whose future it keeps small: there is one for
    /// every call under way.
    fn begin(
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

    /// The answer's body, read chunk by chunk, so that the limit holds for what was decompressed.
    async fn body(&self, answer: &mut ::reqwest::Response) -> Result<Bytes, TransportError> {
        let fits = |length: usize| length <= self.limits.response;
        let too_large = || TransportError::new(TransportErrorKind::TooLarge);
        if answer.content_length().is_some_and(|length| !usize::try_from(length).is_ok_and(fits)) {
            return Err(too_large());
        }
        let first = answer.chunk().await.map_err(failed)?.unwrap_or_default();
        // Most answers are one chunk, which is taken as it is.
        let mut whole = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
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
    /// How long connecting may take, with the look-up of the name and the TLS handshake.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long a call may take as a whole, from connecting to the last byte of the answer.
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.limits.call_timeout = timeout;
        self
    }

    /// How many bytes the body of an answer may have, once decompressed.
    pub fn response_limit(mut self, bytes: usize) -> Self {
        self.limits.response = bytes;
        self
    }

    /// The user agent of requests that name none. Google compresses its answers only for one with `gzip` in its name.
    pub fn user_agent(mut self, agent: impl Into<String>) -> Self {
        self.user_agent = agent.into();
        self
    }

    /// Connects directly, whatever the environment says of proxies.
    pub fn without_proxy(mut self) -> Self {
        self.proxy = false;
        self
    }

    /// Refuses `https`, and needs no certificates on the machine: for tests and tools whose server is on loopback.
    pub fn without_tls(mut self) -> Self {
        self.tls = false;
        self
    }

    /// The transport.
    ///
    /// # Errors
    /// [`TransportErrorKind::Setup`]: the machine has no certificates to trust (and [`without_tls`](Self::without_tls) was not
    /// asked for), `rustls-no-provider` is on and the process has no crypto provider, or the user agent is no header value.
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

    /// A transport over a client of the host's own, for its TLS, proxies or name resolution. The time for a whole call and the
    /// limit of the answer are taken from here, everything else from the client.
    ///
    /// **The client's redirect policy has to be [`none`](redirect::Policy::none)**, so that credentials travel nowhere else.
    /// Where it is not, an answer that came after a redirect is taken for a broken connection.
    ///
    /// Tied to reqwest 0.13: when calsync moves on to the next reqwest, this method changes in a minor version.
    #[must_use]
    pub fn build_with(self, client: Client) -> ReqwestTransport {
        ReqwestTransport { plain: client.clone(), secure: Some(client), limits: self.limits }
    }

    /// What both clients have in common.
    fn client(&self) -> ClientBuilder {
        let client = Client::builder()
            .connect_timeout(self.connect_timeout)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .user_agent(self.user_agent.as_str())
            .redirect(redirect::Policy::none())
            .referer(false);
        // Another crate may have turned reqwest's gzip on; the user agent would not say so.
        #[cfg(not(feature = "gzip"))]
        let client = client.no_gzip();
        // Finds a dead connection that calls are waiting on, before all of them have run out of time.
        #[cfg(feature = "http2")]
        let client = client.http2_keep_alive_interval(Duration::from_secs(20));
        client
    }
}

/// Puts the TLS in that the features name. Without one there is none to put in.
#[cfg(feature = "rustls-no-provider")]
fn with_tls(client: ClientBuilder, secure: bool) -> Result<ClientBuilder, TransportError> {
    let trust = if secure { tls::Trust::Machine } else { tls::Trust::Nobody };
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
        let (asked, answer) = self.begin(request)?;
        let mut answer = answer.await.map_err(failed)?;
        if *answer.url() != asked {
            // Something has been asked for, of whomever: it is not known what was done.
            return Err(
                TransportError::new(TransportErrorKind::Interrupted).with_source(Unusable::Redirected)
            );
        }
        let mut response = Response::new(self.body(&mut answer).await?);
        *response.status_mut() = answer.status();
        *response.version_mut() = answer.version();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}

/// Whether a request of that method says its length even where that is nothing (RFC 9110 section 8.6); reqwest leaves it
/// out, and some servers answer 411.
fn takes_a_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

/// The request as reqwest has it, without its extensions, which are for whoever stands in front of this transport.
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

/// An absolute URI as text. Its `Display` costs as much as parsing the whole URL.
fn text_of(uri: &Uri) -> String {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    [uri.scheme_str().unwrap_or_default(), "://", authority, path].concat()
}

/// Keeps a token out of what the client underneath logs, and out of HTTP/2's tables of repeated headers.
fn hide_credentials(headers: &mut HeaderMap) {
    if let Some(value) = headers.get_mut(header::AUTHORIZATION) {
        value.set_sensitive(true);
    }
}

/// A client or a request that could not be put together.
fn unbuilt(error: ::reqwest::Error) -> TransportError {
    TransportError::setup(Cause::of(&error))
}

/// A request that has no answer, or not all of it.
fn failed(error: ::reqwest::Error) -> TransportError {
    let kind = if error.is_builder() {
        TransportErrorKind::Setup
    } else if error.is_connect() || was_not_taken_up(&error) {
        TransportErrorKind::NotSent
    } else if error.is_timeout() {
        TransportErrorKind::TimedOut
    } else {
        TransportErrorKind::Interrupted
    };
    TransportError::new(kind).with_source(Cause::of(&error))
}

/// Whether the connection was found closed before the request was put onto it: hyper gave it back untouched.
fn was_not_taken_up(error: &::reqwest::Error) -> bool {
    below(error).any(|error| error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled))
}

/// The errors underneath, from the top.
fn below(error: &::reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&error| error.source())
}

impl Cause {
    fn of(error: &::reqwest::Error) -> Self {
        let texts = below(error).filter(|error| !error.is::<::reqwest::Error>()).map(ToString::to_string);
        let text = texts.collect::<Vec<_>>().join(": ");
        Self(if text.is_empty() { "the HTTP client gave no reason".to_owned() } else { text })
    }
}

impl fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestTransport").field("limits", &self.limits).finish_non_exhaustive()
    }
}
