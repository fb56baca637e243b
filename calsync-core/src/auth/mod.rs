//! Credentials: how a person's consent becomes tokens, where those are kept, and how they stay fresh.
//!
//! - [`OAuthClient`] (feature `oauth`) asks for consent with PKCE, trades the code for [`Tokens`], refreshes and revokes them. Whose
//!   [`Account`] they open is part of them, where the server tells ([`Identity`]).
//! - [`TokenStore`] is the host's: where tokens are kept, by [`ConnectionKey`](crate::calendar::ConnectionKey), with a
//!   version each.
//! - [`AccessTokens`] (feature `tokens`) hands out access tokens that are valid now, and has one refresh at a time.
//! - [`ApiClient`] (feature `tokens`) sends a provider's requests with them.
//! - [`AccountHealthStore`](crate::health::AccountHealthStore) remembers which account has asked to wait, for the host's processes to share.
//! - [`Vault`] (feature `vault`) seals tokens, so that they can be stored.

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
