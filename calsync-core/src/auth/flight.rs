//! One refresh: what is stored, what the server gives, saved, in this order.

use std::time::Duration;

use super::access::{AccessToken, Inner, Known};
use super::error::Unavailable;
use super::waits::{self, WaitKey};
use super::{AuthError, Saved, StoredTokens, TokenVersion, Tokens};
use crate::calendar::ConnectionKey;

/// How often others may be faster before this one gives way.
pub(super) const ROUNDS: usize = 4;
/// How often a save is tried, and the first pause between two tries, which doubles.
const SAVES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// How long another worker may take to save what it got, before a refused refresh token is believed to be dead.
const PEER_SAVES_WITHIN: Duration = Duration::from_secs(1);

/// Gives a token that is saved, and is not the rejected one.
pub(super) async fn fly(
    inner: &Inner,
    key: &ConnectionKey,
    rejected: Option<&AccessToken>,
) -> Result<Known, AuthError> {
    let unsaved = inner.with(key, |connection| connection.unsaved.clone());
    if let Some((tokens, replaces)) = unsaved {
        // What became of it shows when the store is read.
        save(inner, key, &tokens, replaces).await?;
    }
    let mut stored = inner.store.load(key).await?;
    for _ in 0..ROUNDS {
        if let Some(stored) = &stored {
            let dead = inner.with(key, |connection| connection.dead.clone());
            if let Some((_, error)) = dead.filter(|(version, _)| *version == stored.version) {
                return Err(error);
            }
            if is_good(inner, &stored.tokens, rejected) {
                return Ok(Known::of(&stored.tokens));
            }
        }
        if let Some(wait) = waits::left(&*inner.waits, WaitKey::Refresh(key), inner.clock.now()) {
            return Err(AuthError::Unavailable(Unavailable::new().with_retry_after(wait)));
        }
        let version = stored.as_ref().map(|stored| stored.version);
        stored = match inner.grant.obtain(key, stored.as_ref().map(|stored| &stored.tokens)).await {
            Ok(tokens) => {
                if save(inner, key, &tokens, version).await? {
                    tracing::debug!(calsync.grant = %key, "access token refreshed");
                    return Ok(Known::of(&tokens));
                }
                inner.store.load(key).await?
            }
            Err(error @ AuthError::Reconnect(_)) => match saved_by_a_peer(inner, key, version).await? {
                Some(newer) => Some(newer),
                None => {
                    tracing::warn!(calsync.grant = %key, %error, "the person has to connect again");
                    let dead = version.map(|version| (version, error.clone()));
                    inner.with(key, |connection| connection.dead = dead);
                    return Err(error);
                }
            },
            Err(error) => {
                if let AuthError::Unavailable(Unavailable { retry_after: Some(wait), .. }) = &error {
                    waits::note(&*inner.waits, WaitKey::Refresh(key), inner.clock.now(), *wait);
                }
                return Err(error);
            }
        };
    }
    Err(AuthError::Unavailable(Unavailable::new()))
}

fn is_good(inner: &Inner, tokens: &Tokens, rejected: Option<&AccessToken>) -> bool {
    let is_rejected = rejected.is_some_and(|rejected| rejected.expose() == tokens.access_token.expose());
    !is_rejected && tokens.is_usable(inner.clock.now())
}

/// Saves new tokens; `false` when others stand there by now, which win. Keeps what cannot be saved for the next refresh.
async fn save(
    inner: &Inner,
    key: &ConnectionKey,
    tokens: &Tokens,
    replaces: Option<TokenVersion>,
) -> Result<bool, AuthError> {
    // Before the first try, so that not even a panic in the host's store loses them.
    inner.with(key, |connection| connection.unsaved = Some((tokens.clone(), replaces)));
    let mut pause = FIRST_PAUSE;
    let mut tries = 1;
    let saved = loop {
        match inner.store.save(key, tokens, replaces).await {
            Ok(saved) => break saved,
            Err(error) if tries == SAVES => {
                tracing::warn!(calsync.grant = %key, "new tokens could not be saved, and are kept in memory");
                return Err(AuthError::Store(error));
            }
            Err(_) => inner.sleep.sleep(pause).await,
        }
        (pause, tries) = (pause * 2, tries + 1);
    };
    inner.with(key, |connection| connection.unsaved = None);
    // After a save that failed and succeeded all the same the next one conflicts, and the next read finds our own.
    Ok(saved != Saved::Conflict)
}

/// What another worker has put in the place of `version`, which was just refused: it may have used the same refresh token a
/// moment earlier, and be about to save what it got.
async fn saved_by_a_peer(
    inner: &Inner,
    key: &ConnectionKey,
    version: Option<TokenVersion>,
) -> Result<Option<StoredTokens>, AuthError> {
    for pause in [None, Some(PEER_SAVES_WITHIN)] {
        if let Some(pause) = pause {
            inner.sleep.sleep(pause).await;
        }
        let stored = inner.store.load(key).await?;
        if let Some(stored) = stored.filter(|stored| Some(stored.version) != version) {
            return Ok(Some(stored));
        }
    }
    Ok(None)
}
