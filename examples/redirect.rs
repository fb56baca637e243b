//! Receives a browser on this machine: the one redirect that ends a consent (RFC 8252 section 7.3).

use std::future::pending;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The longest head of a request.
const LONGEST_HEAD: usize = 16 * 1024;
/// How long a browser may take to send it, and to take the page. Some open a connection ahead and
/// send nothing.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many browsers are served at once. Further ones wait until one of these is done.
const AT_ONCE: usize = 32;

/// What somebody reads who came back from a page that is not this connect's.
const OF_ANOTHER_TRY: &str = "This was a page of an earlier try. Open the one that the terminal shows now.";

/// How many free ports are tried until one is free at both addresses.
const TRIES: usize = 10;

/// How a service calls this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "each connect uses one")]
pub enum Host {
    /// `127.0.0.1`, as RFC 8252 would have it.
    Address,
    /// `localhost`, the one name that Microsoft takes. Browsers look for it at both of its
    /// addresses.
    Name,
}

/// A port that waits for a browser.
pub struct Redirect {
    listener: TcpListener,
    /// The same port of the other address, where there is one.
    other: Option<TcpListener>,
    url: String,
}

/// A browser that came back, and waits for a page.
pub struct Visitor {
    stream: TcpStream,
    target: String,
}

impl Redirect {
    /// Listens on that port of loopback; on a free one if it is 0.
    pub async fn listen(host: Host, port: u16) -> io::Result<Self> {
        let mut redirect = Self::listen_once(host, port).await;
        for _ in 1..TRIES {
            match &redirect {
                Err(error) if port == 0 && error.kind() == ErrorKind::AddrInUse => {}
                _ => break,
            }
            redirect = Self::listen_once(host, port).await;
        }
        redirect
    }

    async fn listen_once(host: Host, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let port = listener.local_addr()?.port();
        if host == Host::Address {
            return Ok(Self { listener, other: None, url: format!("http://127.0.0.1:{port}") });
        }
        let other = match TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await {
            Ok(other) => Some(other),
            // Whoever listens there would be sent the code.
            Err(error) if error.kind() == ErrorKind::AddrInUse => return Err(error),
            // A machine without IPv6.
            Err(_) => None,
        };
        Ok(Self { listener, other, url: format!("http://localhost:{port}") })
    }

    /// Where the browser is to be sent.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits for the redirect whose query `is_ours` takes. Any page and program on this machine can
    /// send a browser here: what is not ours gets a page that says so, and the wait goes on. The
    /// caller ends it.
    pub async fn receive(&self, is_ours: impl Fn(&str) -> bool) -> io::Result<Visitor> {
        let mut visitors = JoinSet::new();
        loop {
            let has_room = visitors.len() < AT_ONCE;
            tokio::select! {
                accepted = accept(Some(&self.listener)), if has_room => {
                    if let Some(stream) = accepted? {
                        visitors.spawn(bounded(Visitor::read(stream)));
                    }
                }
                accepted = accept(self.other.as_ref()), if has_room => {
                    if let Some(stream) = accepted? {
                        visitors.spawn(bounded(Visitor::read(stream)));
                    }
                }
                Some(visitor) = visitors.join_next() => {
                    let Ok(Some(visitor)) = visitor else { continue };
                    let (status, text) = match visitor.is_back() {
                        true if is_ours(visitor.query()) => return Ok(visitor),
                        true => ("400 Bad Request", OF_ANOTHER_TRY),
                        false => ("404 Not Found", "There is nothing here."),
                    };
                    visitors.spawn(bounded(async move {
                        visitor.show(status, text).await;
                        None
                    }));
                }
            }
        }
    }
}

/// Every browser's turn ends.
async fn bounded(turn: impl Future<Output = Option<Visitor>>) -> Option<Visitor> {
    timeout(PATIENCE, turn).await.ok().flatten()
}

/// The next connection, `None` where its browser has gone again. It waits for ever where there is
/// no listener.
async fn accept(listener: Option<&TcpListener>) -> io::Result<Option<TcpStream>> {
    let Some(listener) = listener else { return pending().await };
    match listener.accept().await {
        Ok((stream, _)) => Ok(Some(stream)),
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

impl Visitor {
    /// The query of the redirect, with its question mark.
    pub fn query(&self) -> &str {
        self.target.trim_start_matches('/')
    }

    /// Answers with a line of text, and lets the browser go.
    pub async fn answer(self, text: &str) {
        // A browser that takes no page has the line on the terminal.
        let _shown = timeout(PATIENCE, self.show("200 OK", text)).await;
    }

    fn is_back(&self) -> bool {
        self.target.starts_with("/?")
    }

    async fn read(mut stream: TcpStream) -> Option<Self> {
        let mut head = Vec::new();
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            if head.len() >= LONGEST_HEAD || stream.read_buf(&mut head).await.ok()? == 0 {
                return None;
            }
        }
        let head = String::from_utf8(head).ok()?;
        let mut words = head.lines().next()?.split(' ');
        let target = (words.next()? == "GET").then(|| words.next())??.to_owned();
        Some(Self { stream, target })
    }

    async fn show(mut self, status: &str, text: &str) {
        let length = text.len() + 1;
        let page = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\
             Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{text}\n"
        );
        // A browser that has gone has seen enough.
        let _shown = self.stream.write_all(page.as_bytes()).await;
        let _closed = self.stream.shutdown().await;
    }
}
