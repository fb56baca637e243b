//! A grant comes, is replaced, and goes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::refresh::ROUNDS;
use super::tokens::{OpenedTokensRow, TokensRow};
use super::{AccessTokens, Account, AuthError, Revoked, Saved, StoreError, StoredTokens, Tokens};
use crate::calendar::ConnectionKey;
use crate::secret::Secret;

/// How a disconnect ended. The tokens are erased here in any case.
#[derive(Debug)]
#[non_exhaustive]
pub struct Disconnected {
    /// What became of the grant at the server.
    pub revocation: Revocation,
}

/// What became of a grant at the server.
#[derive(Debug)]
#[non_exhaustive]
pub enum Revocation {
    /// It is dead, now or since earlier.
    Done,
    /// There was none: nothing was stored.
    NothingToRevoke,
    /// The server offers no way (Microsoft). Only the person can end it, in the settings of their account.
    NotOffered,
    /// What was stored could not be opened, so that nothing could be shown to the server. Only the person can end it.
    Unreadable,
    /// It may live on: the server did not confirm it.
    Failed {
        /// What to keep, sealed, and to try again: [`AccessTokens::revoke`].
        pending: PendingRevocation,
        /// Why.
        error: AuthError,
    },
}

/// A grant that is erased here and may live on at its server. Holds its tokens, and so it serialises through a vault only
/// (`Vault::seal_revocation`), or by [`to_text`](Self::to_text).
#[derive(Clone)]
pub struct PendingRevocation(Box<Grants>);

#[derive(Clone)]
struct Grants {
    key: ConnectionKey,
    tokens: Tokens,
}

/// What was erased of a grant.
#[derive(Debug)]
#[non_exhaustive]
pub enum Erased {
    /// Its tokens. The grant still lives at its server: [`AccessTokens::revoke`] gives it back.
    Tokens(PendingRevocation),
    /// A row that could not be opened.
    Unreadable,
    /// Nothing: there was none.
    Nothing,
}

/// Why a text is no [`PendingRevocation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text holds no pending revocation")]
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

    /// All of it as one text, **with its secrets**, for a host that seals it by means of its own.
    #[must_use]
    pub fn to_text(&self) -> Secret {
        let row = Row { key: &self.0.key, tokens: TokensRow::from(&self.0.tokens) };
        Secret::new(serde_json::to_string(&row).unwrap_or_default())
    }

    /// What [`to_text`](Self::to_text) wrote.
    ///
    /// # Errors
    /// [`NoRevocation`].
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
    /// Finishes a connect and stores its tokens: [`OAuthClient::finish`](super::OAuthClient::finish), then
    /// [`connected`](Self::connected), or [`connected_as_new`](Self::connected_as_new) where the connect allows another account.
    ///
    /// # Errors
    /// See [`ConnectError`](super::ConnectError). Nothing is stored then, and what was stored stays.
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

    /// Saves what a connect gave in the place of what was stored, unless that is another account's. Where either account is not
    /// known, they count as the same. A row that cannot be opened is replaced.
    ///
    /// # Errors
    /// [`AuthError::OtherAccount`], and nothing is saved; [`AuthError::Store`].
    pub async fn connected(&self, key: &ConnectionKey, tokens: &Tokens) -> Result<(), AuthError> {
        self.replace(key, tokens, false).await
    }

    /// The same, also in the place of another account's tokens: the host, or its person, means to change it.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub async fn connected_as_new(&self, key: &ConnectionKey, tokens: &Tokens) -> Result<(), AuthError> {
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
                self.inner.is_connected(key);
                return Ok(());
            }
        }
        Err(AuthError::Store(StoreError::new("something else was saved each time")))
    }

    /// Erases a grant's tokens here, and then gives the grant back to the server, as far as that can be done. One that is not
    /// there is success.
    ///
    /// A host that must not forget to give a grant back, even where it crashes in between, calls [`erase`](Self::erase), stores what
    /// that gives, and then [`revoke`](Self::revoke).
    ///
    /// # Errors
    /// [`AuthError::Store`], where the tokens may not have been erased: then the server was not asked, and it can be repeated. What
    /// the server says is no error: see [`Disconnected`].
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
                tracing::warn!(calsync.grant = %key, %error, "a grant was erased here, and may live on at its server");
                Revocation::Failed { pending, error }
            }
        };
        Ok(Disconnected { revocation })
    }

    /// Erases a grant's tokens here, without a word to the server. One that is not there is success, and so is a row that cannot be
    /// opened.
    ///
    /// # Errors
    /// [`AuthError::Store`], where they may not have been erased. It can be repeated.
    pub async fn erase(&self, key: &ConnectionKey) -> Result<Erased, AuthError> {
        let loaded = self.load(key).await?;
        // A token that was rotated and not yet saved is the one that lives at the server.
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

    /// Gives back a grant that was erased here. One that is dead already is success.
    ///
    /// At Google this ends every grant of the account to this client: where the person has connected again meanwhile, forget it
    /// instead.
    ///
    /// # Errors
    /// When it may live on still. It can be repeated.
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

/// What a row holds.
enum Loaded {
    Tokens(StoredTokens),
    Nothing,
    Unreadable,
}
