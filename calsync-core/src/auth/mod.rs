//! Credentials: how a person's consent becomes tokens, where those are kept, and how they stay fresh.
//!
//! - [`OAuthClient`] (feature `oauth`) asks for consent with PKCE, trades the code for [`Tokens`], refreshes and revokes them.
//! - [`TokenStore`] is the host's: where tokens are kept, by [`ConnectionKey`], with a version each.
//! - [`AccessTokens`] (feature `tokens`) hands out access tokens that are valid now, and has one refresh at a time.
//! - [`ApiClient`] (feature `tokens`) sends a provider's requests with them.
//! - [`WaitStore`] (feature `tokens`) remembers which account has asked to be left alone, for the host's processes to share.
//! - [`Vault`] (feature `vault`) seals tokens, so that they can be stored.

#[cfg(feature = "tokens")]
mod access;
#[cfg(feature = "tokens")]
mod api;
#[cfg(feature = "oauth")]
mod builder;
#[cfg(feature = "oauth")]
mod callback;
#[cfg(feature = "oauth")]
mod client;
#[cfg(feature = "oauth")]
mod connect_error;
#[cfg(feature = "tokens")]
mod error;
#[cfg(feature = "tokens")]
mod flight;
#[cfg(feature = "oauth")]
mod pending;
mod reach;
#[cfg(feature = "tokens")]
mod remedy;
#[cfg(feature = "oauth")]
mod scope;
mod store;
#[cfg(feature = "oauth")]
mod token_endpoint;
mod tokens;
#[cfg(feature = "vault")]
mod vault;
#[cfg(feature = "tokens")]
mod waits;

#[cfg(feature = "tokens")]
pub use access::{AccessToken, AccessTokens, Grant};
#[cfg(feature = "tokens")]
pub use api::ApiClient;
#[cfg(feature = "oauth")]
pub use builder::{OAuthClientBuilder, SetupError};
#[cfg(feature = "oauth")]
pub use client::OAuthClient;
#[cfg(feature = "oauth")]
pub use connect_error::ConnectError;
#[cfg(feature = "tokens")]
pub use error::{AuthError, ServerCode, Unavailable};
#[cfg(feature = "oauth")]
pub use pending::{Connect, PendingConnect};
pub use reach::Access;
#[cfg(feature = "tokens")]
pub use remedy::Remedy;
#[cfg(feature = "oauth")]
pub use scope::ScopeNames;
pub use store::{MemoryTokenStore, Saved, StoreError, StoredTokens, TokenStore, TokenVersion};
pub use tokens::Tokens;
#[cfg(feature = "vault")]
pub use vault::{Opened, Purpose, Vault, VaultError, VaultKey};
#[cfg(feature = "tokens")]
pub use waits::{MemoryWaitStore, WaitKey, WaitStore};
