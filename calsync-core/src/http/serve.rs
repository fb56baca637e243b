//! Any transport behind a socket on this machine.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use ::http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use ::http::{HeaderValue, StatusCode, Uri, uri};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::error::TransportError;
use super::{HttpTransport, Request, Response};

/// The most bytes the body of a request may have.
const REQUEST_LIMIT: usize = 8 * 1024 * 1024;

/// A server on this machine that answers with an [`HttpTransport`], so that a fake in process can be reached by any client,
/// over HTTP/1.1 with connections kept. Dropping it closes the port and every connection.
///
/// The transport sees requests as a client would send them: the URI is absolute and begins with [`base_url`](Self::base_url).
/// They carry no [`Call`](super::Call). An error of the transport closes the connection without an answer, so that the client
/// meets a connection that really breaks. A request with more than 8 MiB is answered with 413 and not shown to the transport.
///
/// ```
/// use calsync_core::http::LoopbackServer;
/// # use calsync_core::http::HttpTransport;
/// # async fn start(fake: impl HttpTransport) -> Result<(), Box<dyn std::error::Error>> {
/// let server = LoopbackServer::start(fake, "127.0.0.1:0".parse()?).await?;
/// println!("listening on {}", server.base_url());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct LoopbackServer {
    base_url: String,
    address: SocketAddr,
    connections: JoinHandle<()>,
}

/// Why a [`LoopbackServer`] could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address can be reached from elsewhere.
    #[error("a fake is served on loopback only")]
    NotLoopback,
    /// The port cannot be listened on.
    #[error("the port cannot be listened on")]
    Listen(#[source] io::Error),
}

/// What ends a connection without an answer.
#[derive(Debug, thiserror::Error)]
enum Hangup {
    #[error("the transport gave no answer")]
    NoAnswer(#[source] TransportError),
    #[error("the request could not be read")]
    Unreadable,
}

impl LoopbackServer {
    /// Listens on an address of this machine; port 0 takes a free one. Needs a tokio runtime with I/O enabled, in which it goes
    /// on until it is dropped.
    ///
    /// # Errors
    /// See [`ServeError`].
    pub async fn start(transport: impl HttpTransport, address: SocketAddr) -> Result<Self, ServeError> {
        if !address.ip().is_loopback() {
            return Err(ServeError::NotLoopback);
        }
        let listener = TcpListener::bind(address).await.map_err(ServeError::Listen)?;
        let address = listener.local_addr().map_err(ServeError::Listen)?;
        let connections = tokio::spawn(accept(listener, Arc::new(transport), address));
        Ok(Self { base_url: format!("http://{address}"), address, connections })
    }

    /// Where it answers, such as `http://127.0.0.1:4401`: what an [`Endpoint`](super::Endpoint) is made of.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for LoopbackServer {
    fn drop(&mut self) {
        self.connections.abort();
    }
}

/// Takes connections, and holds them: they end with this future.
async fn accept(listener: TcpListener, transport: Arc<dyn HttpTransport>, address: SocketAddr) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        // Out of file handles, or the client has gone already: others may fare better.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let transport = transport.clone();
        let service = service_fn(move |request| answer(transport.clone(), address, request));
        connections.spawn(async move {
            // However it ended: it is the client that is told, by the connection being closed.
            let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    transport: Arc<dyn HttpTransport>,
    address: SocketAddr,
    request: ::http::Request<Incoming>,
) -> Result<::http::Response<Full<Bytes>>, Hangup> {
    let (mut parts, body) = request.into_parts();
    parts.uri = absolute(&parts.uri, address).ok_or(Hangup::Unreadable)?;
    if body.size_hint().lower() > REQUEST_LIMIT as u64 {
        return Ok(too_large());
    }
    let body = match Limited::new(body, REQUEST_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Ok(too_large()),
        Err(_) => return Err(Hangup::Unreadable),
    };
    let answer = transport.send(Request::from_parts(parts, body)).await.map_err(Hangup::NoAnswer)?;
    Ok(framed(answer))
}

/// The request's path and query at the server's own address, whatever the client calls it.
fn absolute(asked: &Uri, address: SocketAddr) -> Option<Uri> {
    let mut parts = uri::Parts::default();
    parts.scheme = Some(uri::Scheme::HTTP);
    parts.authority = address.to_string().parse().ok();
    parts.path_and_query = Some(asked.path_and_query()?.clone());
    Uri::from_parts(parts).ok()
}

/// The answer without its own say on where it ends: that is the connection's business.
fn framed(mut answer: Response) -> ::http::Response<Full<Bytes>> {
    for name in [CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION] {
        answer.headers_mut().remove(name);
    }
    *answer.version_mut() = ::http::Version::HTTP_11;
    answer.map(Full::new)
}

/// Closes the connection too, on which the rest of the request is still to come.
fn too_large() -> ::http::Response<Full<Bytes>> {
    let mut answer = ::http::Response::new(Full::default());
    *answer.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}
