//! Puts a canary into every place where a secret can be, and searches all printable output for it.

use std::error::Error as StdError;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use calsync_core::ProviderKind;
use calsync_core::error::Operation;
use calsync_core::http::{
    Endpoint, HttpTransport, LoopbackServer, Request, ReqwestTransport, TransportErrorKind,
};
use calsync_core::testing::responses::{json, with_header};
use calsync_core::testing::{FaultyTransport, HttpFault, Recording, ScriptedTransport};
use tracing::field::{Field, Visit};
use tracing::span;

use crate::raw::{RawServer, Then};
use crate::{part_of, post};

const CANARY: &str = "canary-zq";

/// A request with a canary in every part.
fn secret(base: &str) -> Request {
    let url = format!("{base}/{CANARY}-path?access_token={CANARY}-query");
    let mut request = part_of(Operation::Create, post(&url, format!("refresh_token={CANARY}-body")));
    for name in ["authorization", "cookie", "x-goog-api-key"] {
        request.headers_mut().insert(name, format!("Bearer {CANARY}-{name}").parse().unwrap());
    }
    request
}

/// All texts of an error and its sources.
fn texts(error: &(dyn StdError + 'static)) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut next = error.source();
    while let Some(source) = next {
        write!(text, " {source} {source:?}").unwrap();
        next = source.source();
    }
    text
}

#[track_caller]
fn assert_silent(what: &dyn Debug, text: &str) {
    assert!(!text.contains(CANARY), "{what:?}: {text}");
}

/// Each kind of failure, with canaries in the response too.
#[tokio::test(flavor = "current_thread")]
async fn no_error_contains_a_secret() {
    let heard = Heard::start();
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let transport = ReqwestTransport::builder()
        .without_tls()
        .call_timeout(Duration::from_millis(100))
        .response_limit(64)
        .build()
        .unwrap();
    let following = ReqwestTransport::builder()
        .call_timeout(Duration::from_secs(5))
        .build_with(reqwest::Client::builder().no_proxy().build().unwrap());
    let redirect = format!("HTTP/1.1 307 Go\r\nlocation: /{CANARY}?{CANARY}\r\ncontent-length: 0\r\n\r\n");
    let broken_redirect =
        format!("HTTP/1.1 307 Go\r\nlocation: http://[{CANARY}/\r\ncontent-length: 0\r\n\r\n");
    let head = format!("HTTP/1.1 200 OK\r\nset-cookie: {CANARY}\r\n");
    use TransportErrorKind::{Interrupted, NotSent, Setup, TimedOut, TooLarge};
    let say = |text: String| Then::SayAndClose(text.into());
    for (transport, then, expected) in [
        (&transport, say(String::new()), Interrupted),
        (&transport, say(format!("{CANARY}\r\n\r\n")), Interrupted),
        (&transport, say(format!("{head}{CANARY}\u{1}: x\r\n\r\n")), Interrupted),
        (&transport, say(format!("{head}content-length: {CANARY}\r\n\r\n")), Interrupted),
        (&transport, say(format!("{head}transfer-encoding: chunked\r\n\r\n{CANARY}\r\n")), Interrupted),
        (
            &transport,
            say(format!("{head}content-length: 60\r\n\r\n{{\"access_token\":\"{CANARY}\"")),
            Interrupted,
        ),
        (
            &transport,
            say(format!("{head}content-encoding: gzip\r\ncontent-length: 9\r\n\r\n{CANARY}")),
            Interrupted,
        ),
        (&transport, say(format!("{head}content-length: 90\r\n\r\n{}", CANARY.repeat(10))), TooLarge),
        (&transport, Then::SayAndHold(head.clone().into()), TimedOut),
        (&following, Then::say(&redirect), Interrupted),
        (&following, Then::say(&broken_redirect), Interrupted),
    ] {
        let server = RawServer::new(then.clone()).await;
        let response = transport.send(secret(&server.url())).await;
        // Some clients return a redirect with an invalid location as a response. That is accepted.
        let Err(error) = response else {
            assert!(matches!(&then, Then::Say(_)), "{:?}", response.unwrap());
            continue;
        };
        assert_eq!(error.kind(), expected, "{then:?} {error:?}");
        assert!(server.log().requests.concat().contains(CANARY), "the canary was sent");
        assert_silent(&then, &texts(&error));
        assert_silent(&then, &texts(&error.into_error(ProviderKind::GOOGLE, Operation::Create)));
    }
    for (base, expected) in [
        (closed.as_str(), NotSent),
        ("https://example.org", Setup),
        ("http://example.org", Setup),
        ("http://127.0.0.1:0", NotSent),
    ] {
        let error = transport.send(secret(base)).await.unwrap_err();
        assert_eq!(error.kind(), expected, "{base}");
        assert_silent(&base, &texts(&error));
    }
    let heard = heard.all();
    assert!(heard.contains("heard by tracing") && heard.contains("heard by log"));
    assert_silent(&"logs", &heard);
}

#[tokio::test]
async fn debug_shows_no_secret() {
    let response = with_header(json(200, format!("{{\"access_token\":\"{CANARY}\"}}")), "set-cookie", CANARY);
    let script = ScriptedTransport::new([Ok(response.clone()), Ok(response.clone())]);
    let faulty = FaultyTransport::new(Recording::new(script));
    let server = LoopbackServer::start(faulty.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let client = reqwest::Client::builder()
        .no_proxy()
        .default_headers([(http::header::COOKIE, CANARY.parse().unwrap())].into_iter().collect())
        .build()
        .unwrap();
    let transport = ReqwestTransport::with_client(client);
    transport.send(secret(server.base_url())).await.unwrap();
    faulty.script([HttpFault::Instead(response.clone()), HttpFault::Garbled(response)]);
    let requests = faulty.inner().requests();
    assert_eq!(requests.len(), 1);
    assert!(
        requests[0].authorization.as_ref().unwrap().expose().contains(CANARY),
        "the canary reached the server"
    );
    let things: [&dyn Debug; 4] = [&transport, &faulty, &server, &requests];
    for thing in things {
        assert_silent(&"Debug", &format!("{thing:?} {thing:#?}"));
    }
    for bad in
        [format!("http://{CANARY}.example"), format!("https://{CANARY}@a"), format!("https://a/?{CANARY}")]
    {
        assert_silent(&"endpoint", &texts(&Endpoint::new(&bad).unwrap_err()));
    }
}

/// Everything that is logged on this thread, at every level, by `tracing` and by `log`.
#[derive(Clone)]
struct Heard(Arc<Mutex<String>>);

static LOGGED: Mutex<String> = Mutex::new(String::new());

struct Listening(Heard, #[expect(dead_code, reason = "held")] tracing::subscriber::DefaultGuard);

impl Heard {
    fn start() -> Listening {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            log::set_logger(&Logger).unwrap();
            log::set_max_level(log::LevelFilter::Trace);
        });
        let heard = Self(Arc::default());
        let guard = tracing::subscriber::set_default(heard.clone());
        tracing::trace!("heard by tracing");
        log::trace!("heard by log");
        Listening(heard, guard)
    }
}

impl Listening {
    fn all(&self) -> String {
        format!("{} {}", self.0.0.lock().unwrap(), LOGGED.lock().unwrap())
    }
}

struct Logger;

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        writeln!(LOGGED.lock().unwrap(), "{}: {}", record.target(), record.args()).unwrap();
    }

    fn flush(&self) {}
}

impl Visit for Heard {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
    }
}

impl tracing::Subscriber for Heard {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        attributes.record(&mut self.clone());
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
