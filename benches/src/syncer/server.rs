//! Google Calendar as far as an insert goes, after some time, on a thread of its own.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use calsync_core::clock::{Sleep, TokioSleep};
use calsync_core::http::{HttpTransport, LoopbackServer, Request, Response, TransportError};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde::Deserialize;

/// Answers every insert after that long, and keeps nothing.
#[derive(Debug)]
struct Inserts(Duration);

#[async_trait]
impl HttpTransport for Inserts {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        if !self.0.is_zero() {
            TokioSleep.sleep(self.0).await;
        }
        Ok(inserted(request.body()))
    }
}

/// The answer to an insert: the fields that are asked for.
pub fn inserted(body: &[u8]) -> Response {
    #[derive(Deserialize)]
    struct Sent<'a> {
        id: &'a str,
    }
    let Sent { id } = serde_json::from_slice(body).expect("an event");
    json(StatusCode::OK, format!(r#"{{"id":"{id}","etag":"\"3533260800000000\""}}"#))
}

/// An answer in JSON.
pub fn json(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}

/// Starts a server that answers after that long, and goes on as long as the process. Returns its
/// URL.
pub fn start(latency: Duration) -> String {
    let (told, url) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let address = "127.0.0.1:0".parse().expect("an address");
            let server = LoopbackServer::start(Inserts(latency), address).await.expect("a port");
            told.send(server.base_url().to_owned()).expect("somebody waits for it");
            std::future::pending::<()>().await;
        });
    });
    url.recv().expect("a server")
}
