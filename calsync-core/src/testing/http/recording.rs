//! A transport around another, that takes notes.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::http::{HeaderMap, Method, StatusCode, header};
use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Operation;
use crate::http::{Call, HttpTransport, Request, Response, TransportError, TransportErrorKind};
use crate::secret::Secret;

/// A transport around another, that takes notes of what is asked and how it ended. Clones share their notes.
#[derive(Debug)]
pub struct Recording<T> {
    inner: Arc<T>,
    notes: Arc<Mutex<Notes>>,
}

#[derive(Debug, Default)]
struct Notes {
    requests: Vec<Recorded>,
    /// How many were forgotten.
    cleared: usize,
}

/// A request as it went by. `Debug` leaves out the path, the query, the headers and the body.
#[derive(Clone)]
#[non_exhaustive]
pub struct Recorded {
    /// The method.
    pub method: Method,
    /// The host and port it went to.
    pub authority: String,
    /// The path, percent-encoded.
    pub path: String,
    /// The query, percent-encoded; empty where there is none.
    pub query: String,
    /// The headers, without `Authorization`.
    pub headers: HeaderMap,
    /// The header `Authorization`.
    pub authorization: Option<Secret>,
    /// The body.
    pub body: Bytes,
    /// What the request was for, where it says so.
    pub call: Option<Call>,
    /// The status of the answer, or how far the request came; `None` while there is neither, or when nobody waited for it.
    pub outcome: Option<Result<StatusCode, TransportErrorKind>>,
}

impl<T> Clone for Recording<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), notes: self.notes.clone() }
    }
}

impl<T> Recording<T> {
    /// A transport that has noted nothing yet.
    #[must_use]
    pub fn new(inner: T) -> Self {
        Self { inner: Arc::new(inner), notes: Arc::default() }
    }

    /// The transport inside.
    #[must_use]
    pub fn inner(&self) -> &T {
        &self.inner
    }

    /// Every request so far, in the order they were asked.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.lock().requests.clone()
    }

    /// Every request so far that was part of that operation.
    #[must_use]
    pub fn requests_of(&self, operation: Operation) -> Vec<Recorded> {
        self.requests().into_iter().filter(|request| request.operation() == Some(operation)).collect()
    }

    /// How many requests there were as part of that operation.
    #[must_use]
    pub fn count(&self, operation: Operation) -> usize {
        self.requests_of(operation).len()
    }

    /// Forgets what was noted.
    pub fn clear(&self) {
        let mut notes = self.lock();
        notes.cleared += notes.requests.len();
        notes.requests.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorded {
    /// The request's notes, before it is answered.
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

    /// The operation the request was part of, where it says so.
    #[must_use]
    pub fn operation(&self) -> Option<Operation> {
        self.call.as_ref().map(|call| call.operation)
    }

    /// The status of the answer, where there was one.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.outcome.and_then(Result::ok)
    }

    /// The body as JSON; `Null` where it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

#[async_trait]
impl<T: HttpTransport> HttpTransport for Recording<T> {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let number = {
            let mut notes = self.lock();
            notes.requests.push(Recorded::of(&request));
            notes.cleared + notes.requests.len() - 1
        };
        let answer = self.inner.send(request).await;
        let outcome = answer.as_ref().map(Response::status).map_err(TransportError::kind);
        let mut notes = self.lock();
        // Not there any more where the notes were cleared meanwhile.
        let place = number.checked_sub(notes.cleared);
        if let Some(note) = place.and_then(|place| notes.requests.get_mut(place)) {
            note.outcome = Some(outcome);
        }
        drop(notes);
        answer
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
