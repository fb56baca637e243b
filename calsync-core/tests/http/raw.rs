//! A server without HTTP logic: it reads a request and sends the given bytes.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the server does after each request.
#[derive(Debug, Clone)]
pub(crate) enum Then {
    /// Sends this and waits for the next request.
    Say(Vec<u8>),
    /// Sends this and closes the connection.
    SayAndClose(Vec<u8>),
    /// Sends this, and keeps the connection open without sending more.
    SayAndHold(Vec<u8>),
}

impl Then {
    pub(crate) fn say(text: &str) -> Self {
        Self::Say(text.into())
    }
}

pub(crate) struct RawServer {
    pub(crate) port: u16,
    log: Arc<Mutex<Log>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default, Clone)]
pub(crate) struct Log {
    /// How many connections were accepted.
    pub(crate) connections: usize,
    /// The received requests, with headers and body.
    pub(crate) requests: Vec<String>,
}

impl RawServer {
    /// A server that does `then` after every request.
    pub(crate) async fn new(then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::<Mutex<Log>>::default();
        let task_log = log.clone();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                task_log.lock().unwrap().connections += 1;
                connections.spawn(serve(stream, then.clone(), task_log.clone()));
            }
        });
        Self { port, log, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn log(&self) -> Log {
        self.log.lock().unwrap().clone()
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, then: Then, log: Arc<Mutex<Log>>) {
    let mut read = Vec::new();
    while let Some(request) = request(&mut stream, &mut read).await {
        log.lock().unwrap().requests.push(request);
        match &then {
            Then::Say(bytes) => stream.write_all(bytes).await.unwrap(),
            Then::SayAndClose(bytes) => return stream.write_all(bytes).await.unwrap(),
            Then::SayAndHold(bytes) => {
                stream.write_all(bytes).await.unwrap();
                std::future::pending::<()>().await;
            }
        }
    }
}

/// The next request, with headers and body; `None` when the connection has ended.
async fn request(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<String> {
    loop {
        let text = String::from_utf8_lossy(read).into_owned();
        // A TLS handshake is recorded as it is: the client sends no more until the server responds.
        if read.first() == Some(&0x16) {
            read.clear();
            return Some(text);
        }
        if let Some(end) = text.find("\r\n\r\n") {
            let length = text.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok()
            });
            let whole = end + 4 + length.unwrap_or(0);
            if read.len() >= whole {
                return Some(String::from_utf8(read.drain(..whole).collect()).unwrap());
            }
        }
        let mut buffer = [0; 16 * 1024];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => read.extend_from_slice(&buffer[..count]),
        }
    }
}
