//! How access tokens are obtained and grants are revoked.

use std::fmt::Debug;

use async_trait::async_trait;

use super::{AuthError, Tokens};
use crate::calendar::ConnectionKey;

/// Obtains new access tokens: with a refresh token (`OAuthClient`, feature `oauth`), or in another
/// way that needs no consent, such as a service account.
#[async_trait]
pub trait Grant: Debug + Send + Sync + 'static {
    /// Obtains new tokens. They replace `current`, the stored tokens. If the new tokens name no
    /// account, the stored account stays; if they name another account, they are refused
    /// ([`AuthError::OtherAccount`]).
    ///
    /// Makes one attempt, and must end by itself: it runs in its own task and is not cancelled.
    ///
    /// # Errors
    /// [`AuthError::NotConnected`], if it needs stored tokens and there are none.
    /// [`AuthError::Reconnect`] and [`AuthError::Blocked`], if the server refuses the grant: this
    /// is remembered for an hour, or until other tokens are stored.
    async fn obtain(&self, key: &ConnectionKey, current: Option<&Tokens>) -> Result<Tokens, AuthError>;

    /// Revokes the grant. Default: does nothing and returns [`Revoked::NotOffered`].
    ///
    /// # Errors
    /// An [`AuthError`], if the grant may still be valid.
    async fn revoke(&self, _key: &ConnectionKey, _tokens: &Tokens) -> Result<Revoked, AuthError> {
        Ok(Revoked::NotOffered)
    }
}

/// How a revocation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Revoked {
    /// The grant is revoked, or was already expired or revoked.
    Done,
    /// The server offers no revocation. Only the person can end the grant, in the settings of their
    /// account.
    NotOffered,
}
