//! The client a provider calls its API with: sends requests, classifies and reads responses.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::RequestError;
use crate::auth::{Access, AccessTokens, ApiClient};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Operation, Retry};
use crate::http::{Request, Response, retry_after};
use crate::names::ProviderKind;

/// Maps a response that is not a success to an error. Its arguments are the operation, the
/// response, and the response's `Retry-After`.
pub type ErrorMapper = fn(Operation, &Response, Option<Duration>) -> Error;

/// A server's API, called on behalf of a person. Clones are handles to the same one.
#[derive(Clone)]
pub struct RestClient {
    api: ApiClient,
    clock: Arc<dyn Clock>,
    judge: ErrorMapper,
}

impl RestClient {
    /// A client that sends with `api`; `judge` maps the server's error responses.
    #[must_use]
    pub fn new(api: ApiClient, clock: Arc<dyn Clock>, judge: ErrorMapper) -> Self {
        Self { api, clock, judge }
    }

    /// Where the client gets its access tokens.
    #[must_use]
    pub fn tokens(&self) -> &AccessTokens {
        self.api.tokens()
    }

    /// Sends a request and returns the response, if it is a success.
    /// [`account_of`](crate::auth::account_of) returns the account whose token was sent.
    ///
    /// # Errors
    /// As [`ApiClient::send`]. The judge's error, for a response that is not a success. And an
    /// error for a request that could not be built ([`unsendable`](Self::unsendable)):
    /// [`ErrorKind::NotFound`] for an id that fits into no URL, because no event of the server has
    /// such an id.
    pub fn send(
        &self,
        to: &Access,
        operation: Operation,
        request: Result<Request, RequestError>,
    ) -> impl Future<Output = Result<Response, Error>> + Send {
        let request = self.boxed(operation, request);
        async move {
            let response = self.api.send(to, operation, request?).await?;
            if response.status().is_success() {
                Ok(response)
            } else {
                Err(self.failure(operation, &response))
            }
        }
    }

    /// Sends a request and returns the response, of any status.
    ///
    /// # Errors
    /// As [`send`](Self::send), but the judge is not called.
    pub fn exchange(
        &self,
        to: &Access,
        operation: Operation,
        request: Result<Request, RequestError>,
    ) -> impl Future<Output = Result<Response, Error>> + Send {
        let request = self.boxed(operation, request);
        async move { self.api.send(to, operation, request?).await }
    }

    /// As [`send`](Self::send), for a batch. `has_refused_part` returns whether a part of the
    /// response has status 401. Then the token is renewed and the whole batch is sent once more, as
    /// after a 401 of the whole response.
    ///
    /// # Errors
    /// As [`send`](Self::send). The judge is not called for the parts.
    pub fn send_batch(
        &self,
        to: &Access,
        operation: Operation,
        request: Result<Request, RequestError>,
        has_refused_part: fn(&Response) -> bool,
    ) -> impl Future<Output = Result<Response, Error>> + Send {
        let request = self.boxed(operation, request);
        async move {
            let response = self.api.send_while(to, operation, request?, has_refused_part).await?;
            if response.status().is_success() {
                Ok(response)
            } else {
                Err(self.failure(operation, &response))
            }
        }
    }

    /// Boxes the request before a future is created, to keep the futures small.
    fn boxed(
        &self,
        operation: Operation,
        request: Result<Request, RequestError>,
    ) -> Result<Box<Request>, Error> {
        request.map(Box::new).map_err(|bad| self.unsendable(operation, bad))
    }

    /// The error of a response that is not a success. A 401 is an outage, also if the judge returns
    /// [`ErrorKind::Unauthenticated`]: it came after a token that was just issued, and only the
    /// token endpoint reports that a grant has ended.
    #[must_use]
    pub fn failure(&self, operation: Operation, response: &Response) -> Error {
        let error = (self.judge)(operation, response, retry_after(response.headers(), self.clock.now()));
        if error.kind() == ErrorKind::Unauthenticated {
            return error.with_kind(ErrorKind::Unavailable).with_retry(Retry::Later);
        }
        error
    }

    /// Reads the JSON body of a successful response.
    ///
    /// # Errors
    /// [`unreadable`](Self::unreadable), if the body is not JSON of type `T`.
    pub fn read<T: DeserializeOwned>(&self, operation: Operation, response: &Response) -> Result<T, Error> {
        serde_json::from_slice(response.body()).map_err(|_| self.unreadable(operation, response))
    }

    /// The error for a successful response that could not be read: truncated, HTML from a proxy, or
    /// without a required field.
    #[must_use]
    pub fn unreadable(&self, operation: Operation, response: &Response) -> Error {
        self.unavailable(operation, "unreadable_response").with_status(response.status().as_u16())
    }

    /// The error for an event without a field that every event has.
    #[must_use]
    pub fn incomplete(&self, operation: Operation) -> Error {
        self.unavailable(operation, "incomplete_response")
    }

    /// The error for a paged list that does not end.
    #[must_use]
    pub fn endless(&self, operation: Operation) -> Error {
        self.unavailable(operation, "endless_response")
    }

    fn unavailable(&self, operation: Operation, code: &str) -> Error {
        Error::new(ErrorKind::Unavailable, self.provider(), operation)
            .with_retry(operation.after_lost_response())
            .with_code(code)
    }

    /// The error for a request that could not be built: [`ErrorKind::NotFound`] for a bad id, else
    /// [`ErrorKind::Refused`].
    #[must_use]
    pub fn unsendable(&self, operation: Operation, bad: RequestError) -> Error {
        let kind = match bad {
            RequestError::Id(_) => ErrorKind::NotFound,
            RequestError::Body(_) | RequestError::Request(_) => ErrorKind::Refused,
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
