//! Sends a provider's requests with an access token.

use std::sync::Arc;

use ::http::{HeaderValue, StatusCode, header};

use super::error::Unavailable;
use super::{Access, AccessToken, AccessTokens, AuthError};
use crate::error::{Error, ErrorKind, Operation};
#[cfg(doc)]
use crate::health::AccountHealthStore;
use crate::health::HealthKey;
use crate::http::{Call, HttpTransport, Request, Response, TransportError, retry_after};
use crate::names::{AccountId, ProviderKind};

/// Sends a provider's requests on behalf of a person. Clones are handles to the same one.
#[derive(Debug, Clone)]
pub struct ApiClient {
    transport: Arc<dyn HttpTransport>,
    tokens: AccessTokens,
    provider: ProviderKind,
}

impl ApiClient {
    /// Sends through `transport`, with tokens from `tokens`.
    #[must_use]
    pub fn new(transport: Arc<dyn HttpTransport>, tokens: AccessTokens, provider: ProviderKind) -> Self {
        Self { transport, tokens, provider }
    }

    /// Where the client gets its access tokens.
    #[must_use]
    pub fn tokens(&self) -> &AccessTokens {
        &self.tokens
    }

    /// The provider whose API the client calls.
    #[must_use]
    pub fn provider(&self) -> &ProviderKind {
        &self.provider
    }

    /// Sends a request with the grant's access token (RFC 6750 section 2.1) and returns the
    /// response, of any status. After a 401 the request is sent once more, with another token. A
    /// second 401 is returned like any response. It says nothing about the grant: the server has
    /// refused a token that was just issued, so it is an outage. [`account_of`] returns the account
    /// whose token was sent.
    ///
    /// The request is boxed to keep the futures small.
    ///
    /// After a response with `Retry-After`, nothing is sent for that account until that time has
    /// passed, not even the second request of a call in progress. The deadlines are stored in the
    /// [`AccountHealthStore`] of the tokens.
    ///
    /// # Errors
    /// - [`ErrorKind::RateLimited`], if a `Retry-After` has not passed; nothing was sent.
    /// - [`ErrorKind::OtherAccount`], if the token is known to open another account than
    ///   [`Access::account`]; nothing was sent with that token.
    /// - The [`AuthError`], if there is no token; nothing was sent, or only a request that got a
    ///   401.
    /// - The [`TransportError`], if there is no complete response.
    pub async fn send(
        &self,
        to: &Access,
        operation: Operation,
        request: Box<Request>,
    ) -> Result<Response, Error> {
        self.send_while(to, operation, request, |_| false).await
    }

    /// As [`send`](Self::send), where a response of another status can also mean that the token was
    /// refused, such as a batch response with a 401 in one part. If `is_refusal` returns `true`,
    /// the whole request is sent once more, with another token.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_while(
        &self,
        to: &Access,
        operation: Operation,
        request: Box<Request>,
        is_refusal: fn(&Response) -> bool,
    ) -> Result<Response, Error> {
        let token =
            self.tokens.token(&to.connection).await.map_err(|error| self.unauthorized(error, operation))?;
        let spare = request.clone();
        let response = self.start(to, &token, operation, *request)?.await;
        let response = self.record(to, &token, operation, response)?;
        if response.status() != StatusCode::UNAUTHORIZED && !is_refusal(&response) {
            return Ok(response);
        }
        drop(response);
        // Boxed, because it is rare: inline it would enlarge the future of every call.
        Box::pin(self.send_again(to, &token, operation, *spare)).await
    }

    /// Sends a request with another token than the one that was refused.
    async fn send_again(
        &self,
        to: &Access,
        refused: &AccessToken,
        operation: Operation,
        request: Request,
    ) -> Result<Response, Error> {
        let token = self.tokens.renew(&to.connection, refused).await;
        let token = token.map_err(|error| self.unauthorized(error, operation))?;
        let response = self.start(to, &token, operation, request)?.await;
        self.record(to, &token, operation, response)
    }

    fn unauthorized(&self, error: AuthError, operation: Operation) -> Error {
        error.into_error(self.provider.clone(), operation)
    }

    /// Records a response's `Retry-After`, and puts the account of the token into its extensions.
    fn record(
        &self,
        to: &Access,
        token: &AccessToken,
        operation: Operation,
        response: Result<Response, TransportError>,
    ) -> Result<Response, Error> {
        let mut response = response.map_err(|error| error.into_error(self.provider.clone(), operation))?;
        if !response.status().is_success() {
            let now = self.tokens.now();
            if let Some(wait) = retry_after(response.headers(), now) {
                match token.account() {
                    Some(account) => self.tokens.asked_to_wait(&account_key(to, account), wait),
                    // The account of the next call may be known or not: the wait applies to both
                    // keys.
                    None => {
                        self.tokens.asked_to_wait(&HealthKey::Connection(to.connection.clone()), wait);
                        if let Some(account) = &to.account {
                            self.tokens.asked_to_wait(&account_key(to, account), wait);
                        }
                    }
                }
            }
        }
        // Only this client sets the account: what the transport put there does not count.
        response.extensions_mut().remove::<AccountId>();
        if let Some(account) = token.account() {
            response.extensions_mut().insert(account.clone());
        }
        Ok(response)
    }

    /// Starts the request with that token. Not an `async fn`, because its future would hold the
    /// request a second time, beside the transport's future.
    fn start(
        &self,
        to: &Access,
        token: &AccessToken,
        operation: Operation,
        mut request: Request,
    ) -> Result<impl Future<Output = Result<Response, TransportError>> + Send, Error> {
        if let (Some(opened), Some(expected)) = (token.account(), &to.account)
            && opened != expected
        {
            return Err(self.unauthorized(AuthError::OtherAccount, operation));
        }
        let account = token.account().or(to.account.as_ref()).map(|account| account_key(to, account));
        let of_account = account.and_then(|key| self.tokens.waits(&key));
        let of_connection = self.tokens.waits(&HealthKey::Connection(to.connection.clone()));
        if let Some(wait) = of_account.max(of_connection) {
            let error = Error::new(ErrorKind::RateLimited, self.provider.clone(), operation);
            return Err(error.with_code("asked_to_wait").with_retry_after(wait));
        }
        let bearer = HeaderValue::try_from(["Bearer ", token.expose()].concat());
        // A host's own `Grant` may return a token that fits into no header (`OAuthClient` refuses
        // it).
        let mut bearer =
            bearer.map_err(|_| self.unauthorized(AuthError::Unavailable(Unavailable::new()), operation))?;
        bearer.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
        request.extensions_mut().insert(Call::new(self.provider.clone(), operation));
        // Derefs the `Arc`, whose own `send` would box the future once more.
        Ok((*self.transport).send(request))
    }
}

fn account_key(to: &Access, account: &AccountId) -> HealthKey {
    HealthKey::Account(to.connection.provider.clone(), account.clone())
}

/// The account whose token was sent for this response of [`ApiClient::send`]; `None` if it is not
/// known.
#[must_use]
pub fn account_of(response: &Response) -> Option<&AccountId> {
    response.extensions().get()
}
