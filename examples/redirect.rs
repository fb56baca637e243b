//! Receives a browser on this machine: the one redirect that ends a consent (RFC 8252 section 7.3).

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The longest head of a request.
const LONGEST_HEAD: usize = 16 * 1024;
/// How long a browser may take to send it. Some open a connection ahead and send nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// A port that waits for a browser.
pub struct Redirect {
    listener: TcpListener,
    url: String,
}

/// A browser that came back, and waits for a page.
pub struct Visitor {
    stream: TcpStream,
    target: String,
}

impl Redirect {
    /// Listens on that port of loopback; on a free one if it is 0.
    pub async fn listen(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        Ok(Self { listener, url })
    }

    /// Where the browser is to be sent.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits for the redirect. Whatever else a browser asks for is not here.
    pub async fn receive(self) -> io::Result<Visitor> {
        let mut visitors = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    let (stream, _) = accepted?;
                    visitors.spawn(timeout(PATIENCE, Visitor::read(stream)));
                }
                Some(visitor) = visitors.join_next() => {
                    let Ok(Ok(Some(visitor))) = visitor else { continue };
                    if visitor.is_back() {
                        return Ok(visitor);
                    }
                    visitor.show("404 Not Found", "There is nothing here.").await;
                }
            }
        }
    }
}

impl Visitor {
    /// The query of the redirect, with its question mark.
    pub fn query(&self) -> &str {
        self.target.trim_start_matches('/')
    }

    /// Answers with a line of text, and lets the browser go.
    pub async fn answer(self, text: &str) {
        self.show("200 OK", text).await;
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
