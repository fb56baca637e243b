//! A transport behind a socket, as any client sees it.

use calsync_core::http::{HttpTransport, LoopbackServer, ServeError, TransportErrorKind};
use calsync_core::testing::answers::{html, json, with_header};
use calsync_core::testing::{FaultyTransport, HttpFault, Recording, ScriptedTransport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{Echo, get, kind, plain, post};

async fn serve(transport: impl HttpTransport) -> LoopbackServer {
    LoopbackServer::start(transport, "127.0.0.1:0".parse().unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_fake_is_never_served_to_the_network() {
    for address in ["0.0.0.0:0", "[::]:0", "192.168.0.1:0"] {
        let started = LoopbackServer::start(Echo, address.parse().unwrap()).await;
        assert!(matches!(started, Err(ServeError::NotLoopback)), "{address}");
    }
    let taken = serve(Echo).await;
    assert!(matches!(LoopbackServer::start(Echo, taken.address()).await, Err(ServeError::Listen(_))));
}

#[tokio::test]
async fn the_transport_sees_what_was_asked_and_the_client_what_was_answered() {
    let answer = with_header(json(409, r#"{"error": {"code": 409}}"#), "etag", "\"7\"");
    let recording = Recording::new(ScriptedTransport::new([Ok(answer)]));
    let server = serve(recording.clone()).await;
    let url = format!("{}/calendars/a%40b/events?x=1%262", server.base_url());
    let mut request = post(&url, "{\"summary\":\"Zoë\"}");
    request.headers_mut().insert("authorization", "Bearer token".parse().unwrap());
    let answer = plain().send(request).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["etag"]), (409, &"\"7\"".parse().unwrap()));
    assert_eq!(answer.body(), r#"{"error": {"code": 409}}"#);
    let seen = &recording.requests()[0];
    assert_eq!((seen.path.as_str(), seen.query.as_str()), ("/calendars/a%40b/events", "x=1%262"));
    assert_eq!(format!("http://{}", seen.authority), server.base_url());
    assert_eq!(seen.json()["summary"], "Zoë");
    assert_eq!(seen.authorization.as_ref().unwrap().expose(), "Bearer token");
    assert_eq!(seen.status().unwrap(), 409);
}

/// Two requests on one connection, as a client of any make would send them.
#[tokio::test]
async fn connections_are_kept_open() {
    let server = serve(Echo).await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    for body in ["one", "two"] {
        let request = format!("POST /{body} HTTP/1.1\r\nhost: some.name\r\ncontent-length: 3\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        while !answer.ends_with(&format!("\r\n\r\n{body}")) {
            let mut buffer = [0; 1024];
            let count = stream.read(&mut buffer).await.unwrap();
            assert_ne!(count, 0, "closed after {answer}");
            answer.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        }
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains(&format!("x-asked: /{body}")));
    }
}

#[tokio::test]
async fn a_fault_of_the_transport_is_a_connection_that_breaks() {
    let recording = Recording::new(Echo);
    let faulty = FaultyTransport::new(recording.clone());
    let server = serve(faulty.clone()).await;
    let transport = plain();
    let faults = [HttpFault::AnswerLost, HttpFault::RequestLost, HttpFault::TimedOut, HttpFault::NotSent];
    faulty.script(faults);
    for fault in 0..4 {
        let answer = transport.send(post(server.base_url(), "{}")).await;
        assert_eq!(kind(answer), TransportErrorKind::Interrupted, "{fault}");
    }
    assert_eq!(recording.requests().len(), 2, "the first and the third were done before the line broke");
    faulty.script([HttpFault::Instead(html(503)), HttpFault::CutBody]);
    assert_eq!(transport.send(post(server.base_url(), "{}")).await.unwrap().status(), 503);
    assert_eq!(transport.send(post(server.base_url(), "{\"a\":1}")).await.unwrap().body(), "{\"a");
    assert_eq!(transport.send(post(server.base_url(), "{}")).await.unwrap().body(), "{}");
}

#[tokio::test]
async fn an_answer_cannot_lie_about_where_it_ends() {
    let lie = |name, value| Ok(with_header(json(200, "{}"), name, value));
    let script = ScriptedTransport::new([
        lie("content-length", "9999"),
        lie("transfer-encoding", "chunked"),
        lie("connection", "upgrade"),
    ]);
    let server = serve(script).await;
    for _ in 0..3 {
        assert_eq!(plain().send(get(server.base_url())).await.unwrap().body(), "{}");
    }
}

/// Whether it says so beforehand or goes on and on.
#[tokio::test]
async fn a_request_without_end_is_refused() {
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
        let mut answer = [0; 12];
        // The server may hang up while the rest is under way.
        let (read, _) =
            futures_util::future::join(from.read_exact(&mut answer), to.write_all(&vec![b'x'; sent])).await;
        read.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 413", "{length}");
    }
    assert!(recording.requests().is_empty());
}

#[tokio::test]
async fn dropping_the_server_ends_it() {
    let server = serve(Echo).await;
    let url = server.base_url().to_owned();
    let transport = plain();
    transport.send(get(&url)).await.unwrap();
    drop(server);
    // Its tasks are told to end, and need a turn to do so.
    for _ in 0..100 {
        let answer = transport.send(get(&url)).await;
        if answer.is_err_and(|error| error.kind() == TransportErrorKind::NotSent) {
            return;
        }
    }
    panic!("it still answers");
}
