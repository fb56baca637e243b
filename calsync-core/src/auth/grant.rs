//! How access tokens are got and given back.

use std::fmt::Debug;

use async_trait::async_trait;

use super::{AuthError, Tokens};
use crate::calendar::ConnectionKey;

/// How a new access token is got: by a refresh token (`OAuthClient`, feature `oauth`), or another way that needs no consent,
/// such as a service account.
#[async_trait]
pub trait Grant: Debug + Send + Sync + 'static {
    /// New tokens in the place of `current`, the ones stored. What is returned replaces them, but for the account: one that is not
    /// named stays, and another one is refused ([`AuthError::OtherAccount`]).
    ///
    /// One attempt, which ends by itself: it runs in a task of its own, and is not cancelled.
    ///
    /// # Errors
    /// [`AuthError::NotConnected`] when it needs stored ones; [`AuthError::Reconnect`] and [`AuthError::Blocked`] for the server's own
    /// verdict, which is then remembered for an hour and not asked for again until other tokens are stored.
    async fn obtain(&self, key: &ConnectionKey, current: Option<&Tokens>) -> Result<Tokens, AuthError>;

    /// Gives the grant back. [`Revoked::NotOffered`] unless implemented.
    ///
    /// # Errors
    /// When it may not have been given back.
    async fn revoke(&self, _key: &ConnectionKey, _tokens: &Tokens) -> Result<Revoked, AuthError> {
        Ok(Revoked::NotOffered)
    }
}

/// How giving a grant back ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Revoked {
    /// The grant is dead, now or since earlier.
    Done,
    /// The server offers no way. Only the person can end the grant, in the settings of their account.
    NotOffered,
}
