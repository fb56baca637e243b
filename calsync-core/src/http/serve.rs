//! Serves any transport on a loopback socket.

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

/// Upper bound of a request's body, in bytes.
const REQUEST_LIMIT: usize = 8 * 1024 * 1024;

/// An HTTP/1.1 server on loopback that gets its responses from an [`HttpTransport`], so that any
/// client can reach an in-process fake. Connections are kept open. Dropping the server closes the
/// port and every connection.
///
/// The transport gets requests as a client would send them: the URI is absolute and begins with
/// [`base_url`](Self::base_url). They carry no [`Call`](super::Call). An error of the transport
/// closes the connection without a response, so the client sees a broken connection. A request with
/// a body of more than 8 MiB gets a 413 and does not reach the transport.
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
    /// The address is not a loopback address: other machines could reach it.
    #[error("a fake is served on loopback only")]
    NotLoopback,
    /// The server cannot listen on the port, such as when it is in use.
    #[error("the server cannot listen on the port")]
    Listen(#[source] io::Error),
}

/// Why a connection is closed without a response.
#[derive(Debug, thiserror::Error)]
enum Closed {
    #[error("the transport returned no response")]
    NoResponse(#[source] TransportError),
    #[error("the request could not be read")]
    Unreadable,
}

impl LoopbackServer {
    /// Listens on a loopback address; port 0 selects a free port. Needs a tokio runtime with I/O
    /// enabled, and runs in it until the server is dropped.
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

    /// The server's base URL, such as `http://127.0.0.1:4401`, for an
    /// [`Endpoint`](super::Endpoint).
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

/// Accepts connections and serves them. They end when this future is dropped.
async fn accept(listener: TcpListener, transport: Arc<dyn HttpTransport>, address: SocketAddr) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        // Out of file handles, or the client is gone already: the next connection may succeed.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let transport = transport.clone();
        let service = service_fn(move |request| respond(transport.clone(), address, request));
        connections.spawn(async move {
            // Every outcome is ignored: the client sees a closed connection.
            let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn respond(
    transport: Arc<dyn HttpTransport>,
    address: SocketAddr,
    request: ::http::Request<Incoming>,
) -> Result<::http::Response<Full<Bytes>>, Closed> {
    let (mut parts, body) = request.into_parts();
    parts.uri = absolute(&parts.uri, address).ok_or(Closed::Unreadable)?;
    if body.size_hint().lower() > REQUEST_LIMIT as u64 {
        return Ok(too_large());
    }
    let body = match Limited::new(body, REQUEST_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Ok(too_large()),
        Err(_) => return Err(Closed::Unreadable),
    };
    let response = transport.send(Request::from_parts(parts, body)).await.map_err(Closed::NoResponse)?;
    Ok(framed(response))
}

/// The request's path and query at the server's own address. The client's `Host` is ignored.
fn absolute(requested: &Uri, address: SocketAddr) -> Option<Uri> {
    let mut parts = uri::Parts::default();
    parts.scheme = Some(uri::Scheme::HTTP);
    parts.authority = address.to_string().parse().ok();
    parts.path_and_query = Some(requested.path_and_query()?.clone());
    Uri::from_parts(parts).ok()
}

/// The response without its framing headers, which hyper sets.
fn framed(mut response: Response) -> ::http::Response<Full<Bytes>> {
    for name in [CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION] {
        response.headers_mut().remove(name);
    }
    *response.version_mut() = ::http::Version::HTTP_11;
    response.map(Full::new)
}

/// A 413 that also closes the connection, because the rest of the request is still being sent on
/// it.
fn too_large() -> ::http::Response<Full<Bytes>> {
    let mut response = ::http::Response::new(Full::default());
    *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
