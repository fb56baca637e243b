//! A transport that wraps another one and records the requests.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::http::{HeaderMap, Method, StatusCode, header};
use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Operation;
use crate::http::{Call, HttpTransport, Request, Response, TransportError, TransportErrorKind};
use crate::secret::Secret;

/// A transport that wraps another one and records each request and its outcome. Clones share the
/// records.
#[derive(Debug)]
pub struct Recording<T> {
    inner: Arc<T>,
    log: Arc<Mutex<Log>>,
}

#[derive(Debug, Default)]
struct Log {
    requests: Vec<Recorded>,
    /// The number of requests that `clear` has removed.
    cleared: usize,
}

/// A recorded request. `Debug` does not show the host, the path, the query, the headers and the
/// body.
#[derive(Clone)]
#[non_exhaustive]
pub struct Recorded {
    /// The HTTP method.
    pub method: Method,
    /// The host and port of the URL.
    pub authority: String,
    /// The path, percent-encoded.
    pub path: String,
    /// The query, percent-encoded; empty if there is none.
    pub query: String,
    /// The headers, without `Authorization`.
    pub headers: HeaderMap,
    /// The value of the header `Authorization`.
    pub authorization: Option<Secret>,
    /// The request body.
    pub body: Bytes,
    /// The call that the request is part of, from the request's extensions.
    pub call: Option<Call>,
    /// The status of the response, or the kind of failure; `None` while the request is in flight,
    /// or if its future was dropped.
    pub outcome: Option<Result<StatusCode, TransportErrorKind>>,
}

impl<T> Clone for Recording<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), log: self.log.clone() }
    }
}

impl<T> Recording<T> {
    /// Wraps a transport.
    #[must_use]
    pub fn new(inner: T) -> Self {
        Self { inner: Arc::new(inner), log: Arc::default() }
    }

    /// Returns the wrapped transport.
    #[must_use]
    pub fn inner(&self) -> &T {
        &self.inner
    }

    /// Returns every recorded request, in the order in which they were sent.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.lock().requests.clone()
    }

    /// Returns every recorded request that is part of an operation.
    #[must_use]
    pub fn requests_of(&self, operation: Operation) -> Vec<Recorded> {
        self.requests().into_iter().filter(|request| request.operation() == Some(operation)).collect()
    }

    /// Returns the number of recorded requests that are part of an operation.
    #[must_use]
    pub fn count(&self, operation: Operation) -> usize {
        self.requests_of(operation).len()
    }

    /// Removes the records of all requests so far.
    pub fn clear(&self) {
        let mut log = self.lock();
        log.cleared += log.requests.len();
        log.requests.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorded {
    /// Returns the record of a request, before its response.
    fn of(request: &Request) -> Self {
        let mut headers = request.headers().clone();
        let authorization = headers.remove(header::AUTHORIZATION);
        Self {
            method: request.method().clone(),
            authority: request.uri().authority().map(ToString::to_string).unwrap_or_default(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            headers,
            authorization: authorization.map(|value| Secret::new(String::from_utf8_lossy(value.as_bytes()))),
            body: request.body().clone(),
            call: request.extensions().get().cloned(),
            outcome: None,
        }
    }

    /// Returns the operation that the request is part of, if its call is known.
    #[must_use]
    pub fn operation(&self) -> Option<Operation> {
        self.call.as_ref().map(|call| call.operation)
    }

    /// Returns the status of the response, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.outcome.and_then(Result::ok)
    }

    /// Returns the body as JSON; `Null` if it is not JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

#[async_trait]
impl<T: HttpTransport> HttpTransport for Recording<T> {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let number = {
            let mut log = self.lock();
            log.requests.push(Recorded::of(&request));
            log.cleared + log.requests.len() - 1
        };
        let result = self.inner.send(request).await;
        let outcome = result.as_ref().map(Response::status).map_err(TransportError::kind);
        let mut log = self.lock();
        // The record is gone if the log was cleared meanwhile.
        let index = number.checked_sub(log.cleared);
        if let Some(record) = index.and_then(|index| log.requests.get_mut(index)) {
            record.outcome = Some(outcome);
        }
        drop(log);
        result
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded")
            .field("method", &self.method)
            .field("authorization", &self.authorization)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("call", &self.call)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}
