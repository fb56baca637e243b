//! What goes wrong between a consent and its tokens.

use super::{AuthError, IdentityError, ServerCode, Unavailable};

/// Why a connect did not end with tokens.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// What came back cannot be read: no code and no error, or a parameter twice (RFC 6749 section 3.1).
    #[error("the callback cannot be read")]
    Malformed,
    /// The callback belongs to another connect, or is forged (RFC 6749 section 10.12).
    #[error("the callback's state is not that of this connect")]
    WrongState,
    /// This callback was taken before.
    #[error("the callback was used before")]
    ReusedState,
    /// The person took too long; a new connect may succeed.
    #[error("the connect has expired")]
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
    /// The callback comes from another server than the one that was asked (RFC 9207).
    #[error("the callback comes from another server")]
    WrongIssuer,
    /// The person said no.
    #[error("the person did not consent")]
    Denied,
    /// The server refused at its consent page, for another reason.
    #[error("consent was refused: {0}")]
    Refused(ServerCode),
    /// The server did not take the code: used, or too old. A new connect may succeed.
    #[error("the code was refused: {0}")]
    CodeRefused(ServerCode),
    /// The person unticked these. What was granted is not kept; a new connect may ask again.
    #[error("not granted: {}", .0.join(", "))]
    MissingScopes(Vec<String>),
    /// There is no refresh token, so that the connection would be dead within the hour. The client has to ask for offline
    /// access, and for consent each time.
    #[error("the server gave no refresh token")]
    NoRefreshToken,
    /// The server's statement of who consented cannot be believed, and so neither can the tokens that came with it. A new connect
    /// may succeed.
    #[error("the identity cannot be believed")]
    Identity(#[source] IdentityError),
    /// The person chose another account than the one that is connected; what is stored stays. A connect that allows it
    /// ([`PendingConnect::allow_other_account`](super::PendingConnect::allow_other_account)) replaces it.
    #[error("another account was chosen than the one that is connected")]
    OtherAccount,
    /// The server does not accept the host's client. No person can help it.
    #[error("the OAuth client is set up wrongly: {0}")]
    Configuration(ServerCode),
    /// The server is not available. The same callback may be finished again while it has not expired.
    #[error("the authorization server is not available")]
    Unavailable(#[source] Unavailable),
    /// The tokens are there and could not be stored; the code is spent. A new connect may succeed.
    #[error("the tokens could not be stored")]
    Store(#[source] AuthError),
}

impl ConnectError {
    /// What a token endpoint's answer to a code means.
    pub(super) fn of_code(error: AuthError) -> Self {
        match error {
            AuthError::Configuration(code) => Self::Configuration(code),
            AuthError::Reconnect { code, .. } => Self::CodeRefused(code),
            AuthError::Blocked(code) => Self::Refused(code),
            AuthError::OtherAccount => Self::OtherAccount,
            AuthError::Unavailable(unavailable) => Self::Unavailable(unavailable),
            // A code needs neither a grant nor a store.
            AuthError::NotConnected | AuthError::Unreadable(_) | AuthError::Store(_) => {
                Self::Unavailable(Unavailable::new())
            }
        }
    }

    /// What a failed save of a connect's tokens means.
    pub(super) fn of_store(error: AuthError) -> Self {
        match error {
            AuthError::OtherAccount => Self::OtherAccount,
            error => Self::Store(error),
        }
    }
}
