//! Failures of a connect: from the consent page to the stored tokens.

use super::{AuthError, IdentityError, ServerCode, Unavailable};

/// Why a connect failed. No new tokens are stored.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The callback cannot be read: it has neither a code nor an error, has both, or has a
    /// parameter twice (RFC 6749 section 3.1).
    #[error("the callback cannot be read")]
    Malformed,
    /// The callback's `state` is missing or differs: it belongs to another connect, or is forged
    /// (RFC 6749 section 10.12).
    #[error("the callback's state does not match this connect")]
    WrongState,
    /// This callback was already used.
    #[error("the callback was already used")]
    ReusedState,
    /// The person returned too late; a new connect may succeed. See
    /// [`pending_lifetime`](super::OAuthClientBuilder::pending_lifetime).
    #[error("the connect has expired; start a new one")]
    Expired,
    /// The pending state was made for another provider.
    #[error("the connect was begun with another provider")]
    OtherProvider,
    /// The connect was begun for another person or connection.
    #[error("the connect was begun for another connection")]
    OtherConnection,
    /// The connect was begun with another OAuth client, or at another server of the same provider.
    #[error("the connect was begun with another OAuth client or server")]
    OtherClient,
    /// The callback's `iss` names another server than the one this connect was begun at (RFC 9207).
    #[error("the callback comes from another authorization server")]
    WrongIssuer,
    /// The person denied consent (`access_denied`).
    #[error("the person denied consent")]
    Denied,
    /// The server refused for another reason, at its consent page or its token endpoint.
    #[error("consent was refused: {0}")]
    Refused(ServerCode),
    /// The server refused the code: already used, or expired. A new connect may succeed.
    #[error("the authorization code was refused: {0}")]
    CodeRefused(ServerCode),
    /// The person did not grant these scopes. The tokens are discarded; a new connect may ask
    /// again.
    #[error("scopes not granted: {}", .0.join(", "))]
    MissingScopes(Vec<String>),
    /// The response has no refresh token, so the connection would end with the access token. The
    /// client must ask for offline access, and for consent each time.
    #[error("the server returned no refresh token")]
    NoRefreshToken,
    /// The id token failed a check, so the tokens that came with it are discarded too. A new
    /// connect may succeed.
    #[error("the id token failed a check")]
    Identity(#[source] IdentityError),
    /// The person chose another account than the connected one; the stored tokens stay. A connect
    /// that allows it
    /// ([`PendingConnect::allow_other_account`](super::PendingConnect::allow_other_account))
    /// replaces them.
    #[error("the person chose another account than the connected one")]
    OtherAccount,
    /// The server does not accept the host's client. Only the host can fix it, in the client's
    /// settings.
    #[error("the OAuth client is set up wrongly: {0}")]
    Configuration(ServerCode),
    /// The server is not available. The same callback may be finished again until it expires.
    #[error("the authorization server is not available")]
    Unavailable(#[source] Unavailable),
    /// The server issued tokens, but they could not be stored. The code is already used, so the
    /// person must start a new connect.
    #[error("the tokens could not be stored")]
    Store(#[source] AuthError),
}

impl ConnectError {
    /// Maps a token endpoint's error for a code.
    pub(super) fn of_code(error: AuthError) -> Self {
        match error {
            AuthError::Configuration(code) => Self::Configuration(code),
            AuthError::Reconnect { code, .. } => Self::CodeRefused(code),
            AuthError::Blocked(code) => Self::Refused(code),
            AuthError::OtherAccount => Self::OtherAccount,
            AuthError::Unavailable(unavailable) => Self::Unavailable(unavailable),
            // Exchanging a code uses neither stored tokens nor a store: these do not occur.
            AuthError::NotConnected | AuthError::Unreadable(_) | AuthError::Store(_) => {
                Self::Unavailable(Unavailable::new())
            }
        }
    }

    /// Maps the failed save of a connect's tokens.
    pub(super) fn of_store(error: AuthError) -> Self {
        match error {
            AuthError::OtherAccount => Self::OtherAccount,
            error => Self::Store(error),
        }
    }
}
