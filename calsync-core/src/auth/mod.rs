//! Credentials: how a person's consent becomes tokens, where tokens are stored, and how they are
//! refreshed.
//!
//! - [`OAuthClient`] (feature `oauth`) asks for consent with PKCE, exchanges the code for
//!   [`Tokens`], refreshes and revokes them. The tokens name the [`Account`] they open, if the
//!   server reports it ([`Identity`]).
//! - [`TokenStore`] is implemented by the host. It stores tokens by
//!   [`ConnectionKey`](crate::calendar::ConnectionKey), with a version for each save.
//! - [`AccessTokens`] (feature `tokens`) returns access tokens that are valid now, and runs one
//!   refresh at a time per grant.
//! - [`ApiClient`] (feature `tokens`) sends a provider's requests with an access token.
//! - [`AccountHealthStore`](crate::health::AccountHealthStore) stores until when an account has
//!   asked to wait; the host's processes can share it.
//! - [`Vault`] (feature `vault`) encrypts ("seals") tokens for storage.

#[cfg(feature = "tokens")]
mod access;
mod account;
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
mod disconnect;
#[cfg(feature = "tokens")]
mod error;
#[cfg(feature = "oauth")]
mod finished;
#[cfg(feature = "tokens")]
mod grant;
#[cfg(feature = "tokens")]
mod holding;
#[cfg(feature = "oauth")]
mod identity;
mod lease;
#[cfg(feature = "oauth")]
mod pending;
mod reach;
#[cfg(feature = "tokens")]
mod refresh;
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
pub use access::{AccessToken, AccessTokens};
pub use account::{Account, AccountAddress};
#[cfg(feature = "tokens")]
pub use api::{ApiClient, account_of};
#[cfg(feature = "oauth")]
pub use builder::{OAuthClientBuilder, SetupError};
#[cfg(feature = "oauth")]
pub use client::OAuthClient;
#[cfg(feature = "oauth")]
pub use connect_error::ConnectError;
#[cfg(feature = "tokens")]
pub use disconnect::{Disconnected, Erased, NoRevocation, PendingRevocation, Revocation};
#[cfg(feature = "tokens")]
pub use error::{AuthError, ServerCode, Unavailable};
#[cfg(feature = "tokens")]
pub use grant::{Grant, Revoked};
#[cfg(feature = "oauth")]
pub use identity::{AccountClaims, Identity, IdentityError};
pub use lease::{Lease, LeaseId};
#[cfg(feature = "oauth")]
pub use pending::{Connect, Connected, PendingConnect};
pub use reach::Access;
#[cfg(feature = "tokens")]
pub use remedy::Remedy;
#[cfg(feature = "oauth")]
pub use scope::ScopeNames;
pub use store::{MemoryTokenStore, Saved, StoreError, StoredTokens, TokenStore, TokenVersion};
pub use tokens::Tokens;
#[cfg(feature = "vault")]
pub use vault::{Opened, Purpose, Vault, VaultError, VaultKey};
