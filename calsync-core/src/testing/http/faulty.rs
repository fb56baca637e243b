//! A transport that wraps another one and fails by a script.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::responses;
use crate::error::Operation;
use crate::http::{Call, HttpTransport, Request, Response, TransportError, TransportErrorKind};
use crate::testing::random::Random;
use crate::turns;

/// What happens to a request.
#[derive(Clone)]
#[non_exhaustive]
pub enum HttpFault {
    /// The request is sent as usual.
    None,
    /// The server cannot be reached; the request is not sent.
    NotSent,
    /// The connection breaks before the server has read the request. The client cannot know that.
    RequestLost,
    /// The server carries out the request, and the connection breaks before the response arrives.
    ResponseLost,
    /// The server carries out the request, and the response takes too long.
    TimedOut,
    /// A gateway in front of the server sends this response. The server does not get the request.
    Instead(Response),
    /// The server carries out the request, and the client gets this response instead of the
    /// server's.
    Garbled(Response),
    /// The server carries out the request, and the client gets only the first half of the body,
    /// without an error.
    CutBody,
    /// The request yields to other futures this number of times, and is then sent.
    Slow(u8),
}

/// A transport that wraps another one and fails by a script. Clones share the script.
#[derive(Debug)]
pub struct FaultyTransport<T> {
    inner: Arc<T>,
    script: Arc<Mutex<Script>>,
}

#[derive(Debug, Default)]
struct Script {
    next: VecDeque<HttpFault>,
    next_of: Vec<(Operation, HttpFault)>,
    random: Option<Random>,
}

impl<T> Clone for FaultyTransport<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), script: self.script.clone() }
    }
}

impl<T> FaultyTransport<T> {
    /// Wraps a transport. Without a script, no request fails.
    #[must_use]
    pub fn new(inner: T) -> Self {
        Self { inner: Arc::new(inner), script: Arc::default() }
    }

    /// Returns the wrapped transport.
    #[must_use]
    pub fn inner(&self) -> &T {
        &self.inner
    }

    /// Sets the faults of the next requests, in order. Later requests are sent as usual.
    pub fn script(&self, faults: impl IntoIterator<Item = HttpFault>) {
        self.lock().next.extend(faults);
    }

    /// Sets the faults of the next requests of `operation`, in order. Other requests are not
    /// affected.
    pub fn script_for(&self, operation: Operation, faults: impl IntoIterator<Item = HttpFault>) {
        self.lock().next_of.extend(faults.into_iter().map(|fault| (operation, fault)));
    }

    /// From now on, `per_mille` of 1000 requests fail, in ways that are computed from `seed`. With
    /// `slow`, the other requests yield a number of times that is computed from the seed too, so
    /// that requests overtake each other. No fault makes the server do more than the request asks
    /// for.
    pub fn at_random(&self, seed: u64, per_mille: u64, slow: bool) {
        *self.lock() = Script { random: Some(Random::new(seed, per_mille, slow)), ..Script::default() };
    }

    /// From now on, no request fails.
    pub fn quiet(&self) {
        *self.lock() = Script::default();
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, request: &Request) -> HttpFault {
        let operation = request.extensions().get::<Call>().map(|call| call.operation);
        let mut script = self.lock();
        let of_operation = script.next_of.iter().position(|(of, _)| Some(*of) == operation);
        if let Some(position) = of_operation {
            return script.next_of.remove(position).1;
        }
        match script.next.pop_front() {
            Some(fault) => fault,
            None => script.random.as_mut().map_or(HttpFault::None, draw),
        }
    }
}

/// Draws the next fault of `at_random`.
fn draw(random: &mut Random) -> HttpFault {
    if !random.fails() {
        return HttpFault::Slow(random.turns());
    }
    match random.number() % 13 {
        0 => HttpFault::NotSent,
        1 => HttpFault::RequestLost,
        2 | 3 => HttpFault::ResponseLost,
        4 => HttpFault::TimedOut,
        5 => HttpFault::Instead(responses::throttled(1)),
        6 => HttpFault::Instead(responses::status(503)),
        7 => HttpFault::Instead(responses::html(500)),
        8 => HttpFault::Instead(responses::html(200)),
        9 => HttpFault::Garbled(responses::html(502)),
        10 => HttpFault::Garbled(responses::html(200)),
        11 => HttpFault::Instead(responses::html(404)),
        _ => HttpFault::CutBody,
    }
}

#[async_trait]
impl<T: HttpTransport> HttpTransport for FaultyTransport<T> {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let fails = |kind| Err(TransportError::new(kind));
        match self.next(&request) {
            HttpFault::None => self.inner.send(request).await,
            HttpFault::NotSent => fails(TransportErrorKind::NotSent),
            HttpFault::RequestLost => fails(TransportErrorKind::Interrupted),
            HttpFault::ResponseLost => {
                self.inner.send(request).await?;
                fails(TransportErrorKind::Interrupted)
            }
            HttpFault::TimedOut => {
                self.inner.send(request).await?;
                fails(TransportErrorKind::TimedOut)
            }
            HttpFault::Instead(response) => Ok(response),
            HttpFault::Garbled(response) => {
                self.inner.send(request).await?;
                Ok(response)
            }
            HttpFault::CutBody => {
                let response = self.inner.send(request).await?;
                Ok(response.map(|mut body| body.split_to(body.len() / 2)))
            }
            HttpFault::Slow(turns) => {
                turns::pass(turns.into()).await;
                self.inner.send(request).await
            }
        }
    }
}

/// Shows the fault, and only the status of a response.
impl fmt::Debug for HttpFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::NotSent => f.write_str("NotSent"),
            Self::RequestLost => f.write_str("RequestLost"),
            Self::ResponseLost => f.write_str("ResponseLost"),
            Self::TimedOut => f.write_str("TimedOut"),
            Self::Instead(response) => f.debug_tuple("Instead").field(&response.status()).finish(),
            Self::Garbled(response) => f.debug_tuple("Garbled").field(&response.status()).finish(),
            Self::CutBody => f.write_str("CutBody"),
            Self::Slow(turns) => f.debug_tuple("Slow").field(turns).finish(),
        }
    }
}
