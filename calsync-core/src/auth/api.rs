//! A provider's requests, with a token.

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

/// Sends a provider's requests in a person's name. Clones are handles to the same one.
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

    /// The tokens it sends.
    #[must_use]
    pub fn tokens(&self) -> &AccessTokens {
        &self.tokens
    }

    /// The kind of backend it calls.
    #[must_use]
    pub fn provider(&self) -> &ProviderKind {
        &self.provider
    }

    /// Sends a request with the grant's access token (RFC 6750 section 2.1) and gives the response, of any status. A 401 is
    /// answered with another token, once; a second 401 is given back like any response, and is no verdict about the grant: a token
    /// that was just made was refused, so it is an outage. [`account_of`] says whose token it was.
    ///
    /// The request comes in a box, since every future on its way would have room for it.
    ///
    /// Once a response has asked for it by `Retry-After`, nothing is sent for that account until the time has come: not even the
    /// second request of a call that was under way already. Who has asked is kept in the [`AccountHealthStore`] of
    /// the tokens.
    ///
    /// # Errors
    /// [`ErrorKind::RateLimited`] for what is not sent yet; [`ErrorKind::OtherAccount`] where the token is known to open another account
    /// than [`Access::account`], and nothing was sent with it; when there is no token, in which case nothing was sent or nothing
    /// but what a 401 refused; and when there is no whole response.
    pub async fn send(
        &self,
        to: &Access,
        operation: Operation,
        request: Box<Request>,
    ) -> Result<Response, Error> {
        self.send_while(to, operation, request, |_| false).await
    }

    /// As [`send`](Self::send), where a response of another status can also say that the token was refused: a part of a batch that
    /// answers 401. It too is answered with another token, once, and the whole request is sent again.
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
        let response = self.begin(to, &token, operation, *request)?.await;
        let response = self.heard(to, &token, operation, response)?;
        if response.status() != StatusCode::UNAUTHORIZED && !is_refusal(&response) {
            return Ok(response);
        }
        drop(response);
        // Boxed, since it is rare: every call's future would have room for it.
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
        let response = self.begin(to, &token, operation, request)?.await;
        self.heard(to, &token, operation, response)
    }

    fn unauthorized(&self, error: AuthError, operation: Operation) -> Error {
        error.into_error(self.provider.clone(), operation)
    }

    /// Notes what a response asks for, and whose token it answers.
    fn heard(
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
                    // The next call may know the account, or not.
                    None => {
                        self.tokens.asked_to_wait(&HealthKey::Connection(to.connection.clone()), wait);
                        if let Some(account) = &to.account {
                            self.tokens.asked_to_wait(&account_key(to, account), wait);
                        }
                    }
                }
            }
        }
        // Not the transport's to say.
        response.extensions_mut().remove::<AccountId>();
        if let Some(account) = token.account() {
            response.extensions_mut().insert(account.clone());
        }
        Ok(response)
    }

    /// The request with that token, and the response to come. No `async fn`: its future would hold the request as well, which
    /// the transport's holds.
    fn begin(
        &self,
        to: &Access,
        token: &AccessToken,
        operation: Operation,
        mut request: Request,
    ) -> Result<impl Future<Output = Result<Response, TransportError>> + Send, Error> {
        if let (Some(opened), Some(meant)) = (token.account(), &to.account)
            && opened != meant
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
        // Tokens that no header can hold are refused where they come from.
        let mut bearer =
            bearer.map_err(|_| self.unauthorized(AuthError::Unavailable(Unavailable::new()), operation))?;
        bearer.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
        request.extensions_mut().insert(Call::new(self.provider.clone(), operation));
        // Past the `Arc`, whose own `send` would box the future once more.
        Ok((*self.transport).send(request))
    }
}

fn account_key(to: &Access, account: &AccountId) -> HealthKey {
    HealthKey::Account(to.connection.provider.clone(), account.clone())
}

/// The account whose token a response of [`ApiClient::send`] answers; `None` where it is not known.
#[must_use]
pub fn account_of(response: &Response) -> Option<&AccountId> {
    response.extensions().get()
}
