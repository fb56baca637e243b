//! `LoopbackServer`: a transport behind a socket, as clients see it.

use calsync_core::http::{HttpTransport, LoopbackServer, ServeError, TransportErrorKind};
use calsync_core::testing::responses::{html, json, with_header};
use calsync_core::testing::{FaultyTransport, HttpFault, Recording, ScriptedTransport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{Echo, get, kind, plain, post};

async fn serve(transport: impl HttpTransport) -> LoopbackServer {
    LoopbackServer::start(transport, "127.0.0.1:0".parse().unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_fake_is_served_on_loopback_only() {
    for address in ["0.0.0.0:0", "[::]:0", "192.168.0.1:0"] {
        let started = LoopbackServer::start(Echo, address.parse().unwrap()).await;
        assert!(matches!(started, Err(ServeError::NotLoopback)), "{address}");
    }
    let taken = serve(Echo).await;
    assert!(matches!(LoopbackServer::start(Echo, taken.address()).await, Err(ServeError::Listen(_))));
}

#[tokio::test]
async fn request_and_response_pass_through_unchanged() {
    let response = with_header(json(409, r#"{"error": {"code": 409}}"#), "etag", "\"7\"");
    let recording = Recording::new(ScriptedTransport::new([Ok(response)]));
    let server = serve(recording.clone()).await;
    let url = format!("{}/calendars/a%40b/events?x=1%262", server.base_url());
    let mut request = post(&url, "{\"summary\":\"Zoë\"}");
    request.headers_mut().insert("authorization", "Bearer token".parse().unwrap());
    let response = plain().send(request).await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["etag"]), (409, &"\"7\"".parse().unwrap()));
    assert_eq!(response.body(), r#"{"error": {"code": 409}}"#);
    let seen = &recording.requests()[0];
    assert_eq!((seen.path.as_str(), seen.query.as_str()), ("/calendars/a%40b/events", "x=1%262"));
    assert_eq!(format!("http://{}", seen.authority), server.base_url());
    assert_eq!(seen.json()["summary"], "Zoë");
    assert_eq!(seen.authorization.as_ref().unwrap().expose(), "Bearer token");
    assert_eq!(seen.status().unwrap(), 409);
}

/// Two requests on one connection, written to the socket.
#[tokio::test]
async fn connections_are_kept_open() {
    let server = serve(Echo).await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    for body in ["one", "two"] {
        let request = format!("POST /{body} HTTP/1.1\r\nhost: some.name\r\ncontent-length: 3\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        while !response.ends_with(&format!("\r\n\r\n{body}")) {
            let mut buffer = [0; 1024];
            let count = stream.read(&mut buffer).await.unwrap();
            assert_ne!(count, 0, "closed after {response}");
            response.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        }
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        assert!(response.contains(&format!("x-requested: /{body}")), "{response}");
    }
}

#[tokio::test]
async fn an_error_of_the_transport_closes_the_connection() {
    let recording = Recording::new(Echo);
    let faulty = FaultyTransport::new(recording.clone());
    let server = serve(faulty.clone()).await;
    let transport = plain();
    let faults = [HttpFault::ResponseLost, HttpFault::RequestLost, HttpFault::TimedOut, HttpFault::NotSent];
    faulty.script(faults);
    for fault in 0..4 {
        let response = transport.send(post(server.base_url(), "{}")).await;
        assert_eq!(kind(response), TransportErrorKind::Interrupted, "{fault}");
    }
    assert_eq!(
        recording.requests().len(),
        2,
        "the first and the third were carried out before the connection closed"
    );
    faulty.script([HttpFault::Instead(html(503)), HttpFault::CutBody]);
    assert_eq!(transport.send(post(server.base_url(), "{}")).await.unwrap().status(), 503);
    assert_eq!(transport.send(post(server.base_url(), "{\"a\":1}")).await.unwrap().body(), "{\"a");
    assert_eq!(transport.send(post(server.base_url(), "{}")).await.unwrap().body(), "{}");
}

#[tokio::test]
async fn framing_headers_of_a_response_are_replaced() {
    let wrong = |name, value| Ok(with_header(json(200, "{}"), name, value));
    let script = ScriptedTransport::new([
        wrong("content-length", "9999"),
        wrong("transfer-encoding", "chunked"),
        wrong("connection", "upgrade"),
    ]);
    let server = serve(script).await;
    for _ in 0..3 {
        assert_eq!(plain().send(get(server.base_url())).await.unwrap().body(), "{}");
    }
}

/// Either with a `Content-Length` above the limit, or in chunks.
#[tokio::test]
async fn a_request_body_above_the_limit_is_refused() {
    let recording = Recording::new(Echo);
    let server = serve(recording.clone()).await;
    let long = 9 * 1024 * 1024;
    for (length, sent) in
        [(format!("content-length: {long}"), 0), ("transfer-encoding: chunked".into(), long)]
    {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let head = format!("POST / HTTP/1.1\r\nhost: a\r\n{length}\r\n\r\n{sent:x}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let (mut from, mut to) = stream.split();
        let mut response = [0; 12];
        // The server may close the connection while the rest is being sent.
        let (read, _) =
            futures_util::future::join(from.read_exact(&mut response), to.write_all(&vec![b'x'; sent])).await;
        read.unwrap();
        assert_eq!(&response, b"HTTP/1.1 413", "{length}");
    }
    assert!(recording.requests().is_empty());
}

#[tokio::test]
async fn dropping_the_server_closes_its_port_and_connections() {
    let server = serve(Echo).await;
    let url = server.base_url().to_owned();
    let transport = plain();
    transport.send(get(&url)).await.unwrap();
    drop(server);
    // Its tasks are aborted, and need a turn of the runtime to end.
    for _ in 0..100 {
        let response = transport.send(get(&url)).await;
        if response.is_err_and(|error| error.kind() == TransportErrorKind::NotSent) {
            return;
        }
    }
    panic!("the server still responds");
}
