//! Storing, replacing, erasing and revoking a grant's tokens.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::refresh::ROUNDS;
use super::tokens::{OpenedTokensRow, TokensRow};
use super::{AccessTokens, Account, AuthError, Revoked, Saved, StoreError, StoredTokens, Tokens};
use crate::calendar::ConnectionKey;
use crate::secret::Secret;

/// How a disconnect ended. The stored tokens are erased in any case.
#[derive(Debug)]
#[non_exhaustive]
pub struct Disconnected {
    /// What happened to the grant at the server.
    pub revocation: Revocation,
}

/// What happened to a grant at the server.
#[derive(Debug)]
#[non_exhaustive]
pub enum Revocation {
    /// The grant is revoked, or was already expired or revoked.
    Done,
    /// No tokens were stored, so there was no grant to revoke.
    NothingToRevoke,
    /// The server offers no revocation (Microsoft). Only the person can end the grant, in the
    /// settings of their account.
    NotOffered,
    /// The stored tokens could not be opened, so there was no token to send to the server. Only the
    /// person can end the grant.
    Unreadable,
    /// The server did not confirm the revocation, so the grant may still be valid.
    Failed {
        /// To be stored, sealed, and retried with [`AccessTokens::revoke`].
        pending: PendingRevocation,
        /// The failure of this attempt.
        error: AuthError,
    },
}

/// A grant whose tokens are erased from the store, but which may still be valid at the server. It
/// contains the tokens, so it is serialised only by a vault (`Vault::seal_revocation`) or by
/// [`to_text`](Self::to_text).
#[derive(Clone)]
pub struct PendingRevocation(Box<Grants>);

#[derive(Clone)]
struct Grants {
    key: ConnectionKey,
    tokens: Tokens,
}

/// What [`AccessTokens::erase`] found and erased.
#[derive(Debug)]
#[non_exhaustive]
pub enum Erased {
    /// The tokens. The grant is still valid at the server: [`AccessTokens::revoke`] revokes it.
    Tokens(PendingRevocation),
    /// A row that could not be opened.
    Unreadable,
    /// Nothing was stored.
    Nothing,
}

/// The text does not contain a [`PendingRevocation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text does not contain a pending revocation")]
pub struct NoRevocation;

#[derive(Serialize)]
struct Row<'a> {
    key: &'a ConnectionKey,
    tokens: TokensRow<'a>,
}

#[derive(Deserialize)]
struct OpenedRow {
    key: ConnectionKey,
    tokens: OpenedTokensRow,
}

impl PendingRevocation {
    fn new(key: ConnectionKey, tokens: Tokens) -> Self {
        Self(Box::new(Grants { key, tokens }))
    }

    /// The connection whose grant it was.
    #[must_use]
    pub fn key(&self) -> &ConnectionKey {
        &self.0.key
    }

    /// Writes it as one text (JSON), **with its secrets**, for a host with its own encryption.
    #[must_use]
    pub fn to_text(&self) -> Secret {
        let row = Row { key: &self.0.key, tokens: TokensRow::from(&self.0.tokens) };
        Secret::new(serde_json::to_string(&row).unwrap_or_default())
    }

    /// Reads a text that [`to_text`](Self::to_text) wrote.
    ///
    /// # Errors
    /// [`NoRevocation`] for any other text.
    pub fn from_text(text: &Secret) -> Result<Self, NoRevocation> {
        let row: OpenedRow = serde_json::from_str(text.expose()).map_err(|_| NoRevocation)?;
        Ok(Self::new(row.key, row.tokens.into()))
    }
}

impl fmt::Debug for PendingRevocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingRevocation").field("key", &self.0.key).finish_non_exhaustive()
    }
}

impl AccessTokens {
    /// Finishes a connect and stores its tokens:
    /// [`OAuthClient::finish`](super::OAuthClient::finish), then [`connected`](Self::connected), or
    /// [`replace_account`](Self::replace_account) where the connect allows another account.
    ///
    /// # Errors
    /// See [`ConnectError`](super::ConnectError). The tokens stored before then stay.
    #[cfg(feature = "oauth")]
    pub async fn finish(
        &self,
        client: &super::OAuthClient,
        key: &ConnectionKey,
        pending: super::PendingConnect,
        callback: &str,
    ) -> Result<super::Connected, super::ConnectError> {
        let any_account = pending.other_account;
        let connected = client.finish(key, pending, callback).await?;
        let saved = self.replace(key, &connected.tokens, any_account).await;
        saved.map_err(super::ConnectError::of_store)?;
        Ok(connected)
    }

    /// Saves the tokens of a connect, replacing the stored ones. If either account is not known,
    /// both count as the same account. A row that cannot be opened is replaced.
    ///
    /// # Errors
    /// [`AuthError::OtherAccount`], if the stored tokens are another account's; nothing is saved.
    /// [`AuthError::Store`], if the store failed.
    pub async fn connected(&self, key: &ConnectionKey, tokens: &Tokens) -> Result<(), AuthError> {
        self.replace(key, tokens, false).await
    }

    /// As [`connected`](Self::connected), but also replaces another account's tokens: the host or
    /// the person intends to change the account.
    ///
    /// # Errors
    /// [`AuthError::Store`], if the store failed.
    pub async fn replace_account(&self, key: &ConnectionKey, tokens: &Tokens) -> Result<(), AuthError> {
        self.replace(key, tokens, true).await
    }

    async fn replace(
        &self,
        key: &ConnectionKey,
        tokens: &Tokens,
        any_account: bool,
    ) -> Result<(), AuthError> {
        for _ in 0..ROUNDS {
            let stored = match self.load(key).await? {
                Loaded::Tokens(stored) => Some(stored),
                Loaded::Nothing => None,
                Loaded::Unreadable => {
                    self.inner.store.remove(key).await?;
                    None
                }
            };
            let before = stored.as_ref().and_then(|stored| stored.tokens.account.as_ref());
            if !any_account && Account::differ(before, tokens.account.as_ref()) {
                return Err(AuthError::OtherAccount);
            }
            let replaces = stored.map(|stored| stored.version);
            if let Saved::As(_) = self.inner.store.save(key, tokens, replaces).await? {
                self.inner.forget(key);
                self.inner.mark_connected(key);
                return Ok(());
            }
        }
        Err(AuthError::Store(StoreError::new("another process saved other tokens at every attempt")))
    }

    /// Erases a grant's tokens from the store, and then revokes the grant at the server, if
    /// possible. Success if no tokens are stored.
    ///
    /// A host that must revoke the grant even after a crash in between calls
    /// [`erase`](Self::erase), stores the result, and then calls [`revoke`](Self::revoke).
    ///
    /// # Errors
    /// [`AuthError::Store`], if the tokens may not have been erased. The server was not called; the
    /// call can be repeated. A failure of the server is no error: see [`Disconnected`].
    pub async fn disconnect(&self, key: &ConnectionKey) -> Result<Disconnected, AuthError> {
        let pending = match self.erase(key).await? {
            Erased::Tokens(pending) => pending,
            Erased::Unreadable => return Ok(Disconnected { revocation: Revocation::Unreadable }),
            Erased::Nothing => return Ok(Disconnected { revocation: Revocation::NothingToRevoke }),
        };
        let revocation = match self.revoke(&pending).await {
            Ok(Revoked::Done) => Revocation::Done,
            Ok(Revoked::NotOffered) => Revocation::NotOffered,
            Err(error) => {
                tracing::warn!(calsync.grant = %key, %error, "the tokens are erased, but the grant may still be valid at its server");
                Revocation::Failed { pending, error }
            }
        };
        Ok(Disconnected { revocation })
    }

    /// Erases a grant's tokens from the store, without calling the server. Success if no tokens are
    /// stored, or if the row cannot be opened.
    ///
    /// # Errors
    /// [`AuthError::Store`], if the tokens may not have been erased. The call can be repeated.
    pub async fn erase(&self, key: &ConnectionKey) -> Result<Erased, AuthError> {
        let loaded = self.load(key).await?;
        // After a rotation, the unsaved refresh token is the one that is valid at the server.
        let unsaved = self.inner.with(key, |connection| connection.unsaved.clone());
        self.inner.store.remove(key).await?;
        self.inner.forget(key);
        let pending = |tokens| Erased::Tokens(PendingRevocation::new(key.clone(), tokens));
        Ok(match (unsaved, loaded) {
            (Some((tokens, _)), _) => pending(tokens),
            (None, Loaded::Tokens(stored)) => pending(stored.tokens),
            (None, Loaded::Unreadable) => Erased::Unreadable,
            (None, Loaded::Nothing) => Erased::Nothing,
        })
    }

    /// Revokes a grant that was erased. Success if the grant was already expired or revoked.
    ///
    /// At Google this ends every grant of the account to this client. If the person has connected
    /// again meanwhile, drop `pending` instead.
    ///
    /// # Errors
    /// An [`AuthError`], if the grant may still be valid. The call can be repeated.
    pub async fn revoke(&self, pending: &PendingRevocation) -> Result<Revoked, AuthError> {
        self.inner.grant.revoke(&pending.0.key, &pending.0.tokens).await
    }

    async fn load(&self, key: &ConnectionKey) -> Result<Loaded, AuthError> {
        match self.inner.store.load(key).await {
            Ok(Some(stored)) => Ok(Loaded::Tokens(stored)),
            Ok(None) => Ok(Loaded::Nothing),
            Err(error) if error.is_unreadable() => Ok(Loaded::Unreadable),
            Err(error) => Err(AuthError::Store(error)),
        }
    }
}

/// The row of a grant.
enum Loaded {
    Tokens(StoredTokens),
    Nothing,
    Unreadable,
}
