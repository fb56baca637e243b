//! An API as a provider calls it: send, judge the answer, read it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::BadRequest;
use crate::auth::{Access, AccessTokens, ApiClient};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Operation, Retry};
use crate::http::{Request, Response, retry_after};
use crate::names::ProviderKind;

/// What an answer that is no success means: the operation it answers, and what its `Retry-After` asks for.
pub type Judge = fn(Operation, &Response, Option<Duration>) -> Error;

/// A server's API, called in a person's name. Clones are handles to the same one.
#[derive(Clone)]
pub struct RestClient {
    api: ApiClient,
    clock: Arc<dyn Clock>,
    judge: Judge,
}

impl RestClient {
    /// Calls by `api`; `judge` knows the server's errors.
    #[must_use]
    pub fn new(api: ApiClient, clock: Arc<dyn Clock>, judge: Judge) -> Self {
        Self { api, clock, judge }
    }

    /// The tokens it sends.
    #[must_use]
    pub fn tokens(&self) -> &AccessTokens {
        self.api.tokens()
    }

    /// Sends a request and gives the answer, if it is a success. [`account_of`](crate::auth::account_of) says whose token it answers.
    ///
    /// # Errors
    /// As [`ApiClient::send`]; what the judge says of any other answer; and for a request that could not be put together: an id
    /// that fits into no URL is none of the server's, so there is no such event.
    pub fn send(
        &self,
        to: &Access,
        operation: Operation,
        request: Result<Request, BadRequest>,
    ) -> impl Future<Output = Result<Response, Error>> + Send {
        let request = self.boxed(operation, request);
        async move {
            let answer = self.api.send(to, operation, request?).await?;
            if answer.status().is_success() { Ok(answer) } else { Err(self.failure(operation, &answer)) }
        }
    }

    /// Sends a request and gives the answer, whatever it is.
    ///
    /// # Errors
    /// As [`send`](Self::send), but for what the judge says.
    pub fn exchange(
        &self,
        to: &Access,
        operation: Operation,
        request: Result<Request, BadRequest>,
    ) -> impl Future<Output = Result<Response, Error>> + Send {
        let request = self.boxed(operation, request);
        async move { self.api.send(to, operation, request?).await }
    }

    /// As [`send`](Self::send), for a batch: `has_refused_part` says of a response whether some part of it answers 401. Then the token is
    /// renewed and the whole batch sent again, once, as after a 401 of its own.
    ///
    /// # Errors
    /// As [`send`](Self::send). Parts are not judged.
    pub fn send_batch(
        &self,
        to: &Access,
        operation: Operation,
        request: Result<Request, BadRequest>,
        has_refused_part: fn(&Response) -> bool,
    ) -> impl Future<Output = Result<Response, Error>> + Send {
        let request = self.boxed(operation, request);
        async move {
            let answer = self.api.send_while(to, operation, request?, has_refused_part).await?;
            if answer.status().is_success() { Ok(answer) } else { Err(self.failure(operation, &answer)) }
        }
    }

    /// Before any future is made, which would have room for all of it.
    fn boxed(
        &self,
        operation: Operation,
        request: Result<Request, BadRequest>,
    ) -> Result<Box<Request>, Error> {
        request.map(Box::new).map_err(|bad| self.unsendable(operation, bad))
    }

    /// What an answer that is no success means. A 401 is an outage, even where the judge says otherwise: it came after a token that was just
    /// made, and only the token endpoint's own word ends a grant.
    #[must_use]
    pub fn failure(&self, operation: Operation, answer: &Response) -> Error {
        let error = (self.judge)(operation, answer, retry_after(answer.headers(), self.clock.now()));
        if error.kind() == ErrorKind::Unauthenticated {
            return error.with_kind(ErrorKind::Unavailable).with_retry(Retry::Later);
        }
        error
    }

    /// Reads a success.
    ///
    /// # Errors
    /// [`unreadable`](Self::unreadable).
    pub fn read<T: DeserializeOwned>(&self, operation: Operation, answer: &Response) -> Result<T, Error> {
        serde_json::from_slice(answer.body()).map_err(|_| self.unreadable(operation, answer))
    }

    /// A success that could not be read: truncated, HTML from a proxy, or without what it should name.
    #[must_use]
    pub fn unreadable(&self, operation: Operation, answer: &Response) -> Error {
        self.unavailable(operation, "unreadable_answer").with_status(answer.status().as_u16())
    }

    /// An event that lacks what every event has.
    #[must_use]
    pub fn incomplete(&self, operation: Operation) -> Error {
        self.unavailable(operation, "incomplete_answer")
    }

    /// Pages without an end.
    #[must_use]
    pub fn endless(&self, operation: Operation) -> Error {
        self.unavailable(operation, "endless_answer")
    }

    fn unavailable(&self, operation: Operation, code: &str) -> Error {
        Error::new(ErrorKind::Unavailable, self.provider(), operation)
            .with_retry(operation.after_lost_answer())
            .with_code(code)
    }

    /// A request that could not be put together.
    #[must_use]
    pub fn unsendable(&self, operation: Operation, bad: BadRequest) -> Error {
        let kind = match bad {
            BadRequest::Id(_) => ErrorKind::NotFound,
            BadRequest::Body(_) | BadRequest::Request(_) => ErrorKind::Refused,
        };
        Error::new(kind, self.provider(), operation).with_source(bad)
    }

    fn provider(&self) -> ProviderKind {
        self.api.provider().clone()
    }
}

impl fmt::Debug for RestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestClient").field("api", &self.api).finish_non_exhaustive()
    }
}
