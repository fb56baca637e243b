//! A transport around another, that fails as told.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::answers;
use crate::error::Operation;
use crate::http::{Call, HttpTransport, Request, Response, TransportError, TransportErrorKind};
use crate::testing::random::Random;
use crate::turns;

/// What becomes of a request.
#[derive(Clone)]
#[non_exhaustive]
pub enum HttpFault {
    /// It is answered.
    None,
    /// The server cannot be reached.
    NotSent,
    /// The connection breaks before the server has read the request, which nobody can know.
    RequestLost,
    /// The server does what is asked, and the connection breaks before its answer is there.
    AnswerLost,
    /// The server does what is asked, and its answer takes too long.
    TimedOut,
    /// Something in front of the server gives this answer, and the server sees nothing of the request.
    Instead(Response),
    /// The server does what is asked, and the client gets this answer.
    Garbled(Response),
    /// The server does what is asked, and the client gets the first half of its answer's body, as if it were whole.
    CutBody,
    /// It takes so many turns of the runtime before it is answered.
    Slow(u8),
}

/// A transport around another, that fails as told. Clones share their script.
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
    /// A transport that does not fail yet.
    #[must_use]
    pub fn new(inner: T) -> Self {
        Self { inner: Arc::new(inner), script: Arc::default() }
    }

    /// The transport inside.
    #[must_use]
    pub fn inner(&self) -> &T {
        &self.inner
    }

    /// The next requests end like this, one after the other; those after them as they would.
    pub fn script(&self, faults: impl IntoIterator<Item = HttpFault>) {
        self.lock().next.extend(faults);
    }

    /// The next requests that are part of `operation` end like this, whatever goes by between them.
    pub fn script_for(&self, operation: Operation, faults: impl IntoIterator<Item = HttpFault>) {
        self.lock().next_of.extend(faults.into_iter().map(|fault| (operation, fault)));
    }

    /// So many requests in a thousand fail from now on, in ways that follow from `seed`; with `slow`, the others take their
    /// turns in an order that follows from it too. No fault makes the server change anything it was not asked to.
    pub fn at_random(&self, seed: u64, per_mille: u64, slow: bool) {
        *self.lock() = Script { random: Some(Random::new(seed, per_mille, slow)), ..Script::default() };
    }

    /// No request fails from now on.
    pub fn quiet(&self) {
        *self.lock() = Script::default();
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, request: &Request) -> HttpFault {
        let operation = request.extensions().get::<Call>().map(|call| call.operation);
        let mut script = self.lock();
        let of_operation = script.next_of.iter().position(|(wanted, _)| Some(*wanted) == operation);
        if let Some(position) = of_operation {
            return script.next_of.remove(position).1;
        }
        match script.next.pop_front() {
            Some(fault) => fault,
            None => script.random.as_mut().map_or(HttpFault::None, draw),
        }
    }
}

/// What fails of `at_random`, and how.
fn draw(random: &mut Random) -> HttpFault {
    if !random.fails() {
        return HttpFault::Slow(random.turns());
    }
    match random.number() % 13 {
        0 => HttpFault::NotSent,
        1 => HttpFault::RequestLost,
        2 | 3 => HttpFault::AnswerLost,
        4 => HttpFault::TimedOut,
        5 => HttpFault::Instead(answers::throttled(1)),
        6 => HttpFault::Instead(answers::status(503)),
        7 => HttpFault::Instead(answers::html(500)),
        8 => HttpFault::Instead(answers::html(200)),
        9 => HttpFault::Garbled(answers::html(502)),
        10 => HttpFault::Garbled(answers::html(200)),
        11 => HttpFault::Instead(answers::html(404)),
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
            HttpFault::AnswerLost => {
                self.inner.send(request).await?;
                fails(TransportErrorKind::Interrupted)
            }
            HttpFault::TimedOut => {
                self.inner.send(request).await?;
                fails(TransportErrorKind::TimedOut)
            }
            HttpFault::Instead(answer) => Ok(answer),
            HttpFault::Garbled(answer) => {
                self.inner.send(request).await?;
                Ok(answer)
            }
            HttpFault::CutBody => {
                let answer = self.inner.send(request).await?;
                Ok(answer.map(|mut body| body.split_to(body.len() / 2)))
            }
            HttpFault::Slow(turns) => {
                turns::pass(turns.into()).await;
                self.inner.send(request).await
            }
        }
    }
}

/// Names the fault, and of an answer its status.
impl fmt::Debug for HttpFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::NotSent => f.write_str("NotSent"),
            Self::RequestLost => f.write_str("RequestLost"),
            Self::AnswerLost => f.write_str("AnswerLost"),
            Self::TimedOut => f.write_str("TimedOut"),
            Self::Instead(answer) => f.debug_tuple("Instead").field(&answer.status()).finish(),
            Self::Garbled(answer) => f.debug_tuple("Garbled").field(&answer.status()).finish(),
            Self::CutBody => f.write_str("CutBody"),
            Self::Slow(turns) => f.debug_tuple("Slow").field(turns).finish(),
        }
    }
}
