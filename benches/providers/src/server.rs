//! Calendars that say yes: they keep nothing, and answer an insert with the whole event as the real
//! ones would.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::{google, outlook};

/// The bodies of the inserts that were seen, for who wants to compare them.
pub type Seen = Arc<Mutex<Vec<Bytes>>>;

/// Answers until it is dropped.
pub async fn serve(listener: TcpListener, seen: Option<Seen>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let seen = seen.clone();
        let service = service_fn(move |request| answer(request, seen.clone()));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(request: Request<Incoming>, seen: Option<Seen>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let inserted = match parts.method {
        Method::POST => {
            google::server::insert(&parts, &body).or_else(|| outlook::server::insert(&parts, &body))
        }
        _ => None,
    };
    if let (Some(seen), true) = (seen, inserted.is_some()) {
        seen.lock().expect("no task panics with it").push(body);
    }
    let mut response = inserted.unwrap_or_else(|| {
        let mut nothing = Response::new(Full::default());
        *nothing.status_mut() = StatusCode::NOT_FOUND;
        nothing
    });
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}
