//! The size limit of a response.

use std::io::Write;

use calsync_core::http::{HttpTransport, LoopbackServer, ReqwestTransport, TransportErrorKind};
use calsync_core::testing::responses::{status, with_header};
use calsync_core::testing::{Recording, ScriptedTransport};

use crate::raw::{RawServer, Then};
use crate::{Echo, get, kind, plain, post};

const MIB: usize = 1024 * 1024;

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn ten_mebibytes_are_above_the_default_limit() {
    let body = vec![b' '; 10 * MIB];
    let script = ScriptedTransport::new([Ok(status(200).map(|_| body.into()))]);
    let server = LoopbackServer::start(script, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    assert_eq!(kind(plain().send(get(server.base_url())).await), TransportErrorKind::TooLarge);
}

#[tokio::test]
async fn the_limit_is_exact() {
    let server = LoopbackServer::start(Echo, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let transport = ReqwestTransport::builder().without_tls().response_limit(MIB).build().unwrap();
    let whole = transport.send(post(server.base_url(), vec![7; MIB])).await.unwrap();
    assert!(whole.body().len() == MIB && whole.body().iter().all(|byte| *byte == 7));
    let more = transport.send(post(server.base_url(), vec![7; MIB + 1])).await;
    assert_eq!(kind(more), TransportErrorKind::TooLarge);
}

/// The response has no `Content-Length`, and comes in chunks.
#[tokio::test]
async fn chunks_are_counted_as_they_come() {
    let chunk = "8\r\n01234567\r\n";
    let transport = ReqwestTransport::builder().without_tls().response_limit(40).build().unwrap();
    for (chunks, fits) in [(0, true), (1, true), (5, true), (6, false)] {
        let response =
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}0\r\n\r\n", chunk.repeat(chunks));
        let server = RawServer::new(Then::say(&response)).await;
        let response = transport.send(get(&server.url())).await;
        assert_eq!(
            response.as_ref().is_ok_and(|response| *response.body() == "01234567".repeat(chunks)),
            fits
        );
        if !fits {
            assert_eq!(kind(response), TransportErrorKind::TooLarge);
        }
    }
}

/// Ten mebibytes of zeros are about ten kibibytes when compressed.
#[tokio::test]
async fn a_compressed_response_is_counted_at_its_decompressed_size() {
    let response = |bytes: &[u8]| {
        let zipped = zipped(bytes);
        Ok(with_header(status(200).map(|_| zipped.into()), "content-encoding", "gzip"))
    };
    let text = "{\"summary\": \"Deep clean\"}".repeat(1000);
    let script = ScriptedTransport::new([response(text.as_bytes()), response(&vec![0; 10 * MIB])]);
    let recording = Recording::new(script);
    let server = LoopbackServer::start(recording.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let transport = plain();
    let read = transport.send(get(server.base_url())).await.unwrap();
    assert_eq!(*read.body(), text);
    assert!(!read.headers().contains_key("content-encoding"), "the body is decompressed");
    assert_eq!(kind(transport.send(get(server.base_url())).await), TransportErrorKind::TooLarge);
    assert!(recording.requests().iter().all(|request| request.headers["accept-encoding"] == "gzip"));
}
