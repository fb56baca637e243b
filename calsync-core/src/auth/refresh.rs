//! One refresh: read the stored tokens, ask the server, save the new tokens, in this order.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tracing::Instrument as _;

use super::access::{AccessToken, Inner, Known, Refused};
use super::error::Unavailable;
use super::holding::{self, Held, LeaseWait};
use super::{Account, AuthError, Saved, ServerCode, StoredTokens, TokenVersion, Tokens};
use crate::calendar::ConnectionKey;
use crate::health::HealthKey;

/// How often another worker's save may come first before this one gives up.
pub(super) const ROUNDS: usize = 4;
/// Attempts to save new tokens, and the first pause between two of them, which doubles each time.
const SAVE_ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// After a refusal: how long to wait for another worker's save. It may have used the same refresh
/// token a moment earlier; then the refusal says nothing about the grant.
const PEER_SAVE_WAIT: Duration = Duration::from_secs(1);
/// How long a refusal of a grant is remembered without asking the server again, and the least time
/// between a first refusal and one that confirms it.
const REFUSAL_TTL: TimeDelta = TimeDelta::hours(1);

pub(super) type Outcome = Result<AccessToken, AuthError>;

/// A refresh in progress, with its outcome once it has ended. Waiters are woken in the order they
/// came, to keep tests deterministic.
#[derive(Default)]
pub(super) struct RefreshTask {
    outcome: Mutex<Option<Outcome>>,
    ended: Notify,
}

/// Ends a refresh when it is dropped without an outcome, because its runtime was shut down.
struct Guard(Arc<RefreshTask>);

/// Starts a refresh in its own task.
pub(super) fn begin(
    inner: &Arc<Inner>,
    key: &ConnectionKey,
    rejected: Option<&AccessToken>,
    epoch: u64,
) -> Result<Arc<RefreshTask>, AuthError> {
    let runtime = Handle::try_current();
    let runtime = runtime.map_err(|_| AuthError::Configuration(ServerCode::new("no_tokio_runtime")))?;
    let task = Arc::new(RefreshTask::default());
    let guard = Guard(task.clone());
    let (inner, key, rejected) = (inner.clone(), key.clone(), rejected.cloned());
    let work = async move {
        let outcome = refresh(&inner, &key, rejected.as_ref()).await;
        guard.0.end(inner.keep(&key, epoch, outcome));
    };
    runtime.spawn(work.in_current_span());
    Ok(task)
}

impl RefreshTask {
    /// Waits for the outcome. Dropping this future does not stop the refresh.
    pub(super) async fn outcome(self: Arc<Self>) -> Outcome {
        loop {
            let ended = self.ended.notified();
            if let Some(outcome) = self.known_outcome() {
                return outcome;
            }
            ended.await;
        }
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.known_outcome().is_none()
    }

    fn known_outcome(&self) -> Option<Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn end(&self, outcome: Outcome) {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(outcome);
        self.ended.notify_waiters();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.end(Err(AuthError::Unavailable(Unavailable::new())));
    }
}

/// Returns a saved token other than the rejected one.
async fn refresh(
    inner: &Inner,
    key: &ConnectionKey,
    rejected: Option<&AccessToken>,
) -> Result<Known, AuthError> {
    let unsaved = inner.with(key, |connection| connection.unsaved.clone());
    if let Some((tokens, replaces)) = unsaved {
        // `false` (a conflict) is no failure: the store is read below, and the winner's tokens are
        // used.
        save(inner, key, &tokens, replaces).await?;
    }
    let mut lease_wait = LeaseWait::new();
    loop {
        let stored = inner.store.load(key).await?;
        if let Some(known) = usable(inner, key, rejected, stored.as_ref())? {
            return Ok(known);
        }
        let Some(held) = holding::acquire(inner, key).await? else {
            inner.sleep.sleep(lease_wait.next()?).await;
            continue;
        };
        let outcome = obtain(inner, key, rejected, stored, &held).await;
        // With unsaved tokens the lease is kept until it expires: another process would use the old
        // refresh token a second time.
        if !inner.with(key, |connection| connection.unsaved.is_some()) {
            holding::release(inner, key, &held).await;
        }
        return outcome;
    }
}

/// Returns the stored token if it is valid and not the rejected one. An error if the server refused
/// the stored tokens less than [`REFUSAL_TTL`] ago.
fn usable(
    inner: &Inner,
    key: &ConnectionKey,
    rejected: Option<&AccessToken>,
    stored: Option<&StoredTokens>,
) -> Result<Option<Known>, AuthError> {
    let Some(stored) = stored else { return Ok(None) };
    let now = inner.clock.now();
    if let Some(refused) = inner.with(key, |connection| connection.refused.clone())
        && refused.version == stored.version
        && (TimeDelta::zero()..REFUSAL_TTL).contains(&(now - refused.at))
    {
        return Err(refused.error);
    }
    let is_rejected =
        rejected.is_some_and(|rejected| rejected.expose() == stored.tokens.access_token.expose());
    let is_usable = !is_rejected && stored.tokens.is_usable(now);
    Ok(is_usable.then(|| Known::of(&stored.tokens)))
}

/// Obtains new tokens from the server and saves them.
async fn obtain(
    inner: &Inner,
    key: &ConnectionKey,
    rejected: Option<&AccessToken>,
    mut stored: Option<StoredTokens>,
    held: &Held,
) -> Result<Known, AuthError> {
    if let Held::Lease(_) = held {
        // Another process may have refreshed just before this one got the lease.
        stored = inner.store.load(key).await?;
    }
    for _ in 0..ROUNDS {
        if let Some(known) = usable(inner, key, rejected, stored.as_ref())? {
            return Ok(known);
        }
        if let Some(wait) = inner.waits(&HealthKey::TokenEndpoint(key.clone())) {
            let unavailable = Unavailable::new().with_code(ServerCode::new("asked_to_wait"));
            return Err(AuthError::Unavailable(unavailable.with_retry_after(wait)));
        }
        let version = stored.as_ref().map(|stored| stored.version);
        let obtained = inner.grant.obtain(key, stored.as_ref().map(|stored| &stored.tokens)).await;
        stored = match obtained.and_then(|tokens| of_same_account(stored.as_ref(), tokens)) {
            Ok(tokens) => {
                if save(inner, key, &tokens, version).await? {
                    tracing::debug!(calsync.grant = %key, "access token refreshed");
                    return Ok(Known::of(&tokens));
                }
                inner.store.load(key).await?
            }
            Err(error @ (AuthError::Reconnect { .. } | AuthError::Blocked(_) | AuthError::OtherAccount)) => {
                match saved_by_a_peer(inner, key, version).await? {
                    Some(newer) => Some(newer),
                    None => return Err(refused(inner, key, version, error)),
                }
            }
            Err(error) => {
                if let AuthError::Unavailable(Unavailable { retry_after: Some(wait), .. }) = &error {
                    inner.asked_to_wait(&HealthKey::TokenEndpoint(key.clone()), *wait);
                }
                return Err(error);
            }
        };
    }
    Err(AuthError::Unavailable(Unavailable::new()))
}

/// Returns the new tokens, with the account of the stored ones merged in. An error if the accounts
/// differ.
fn of_same_account(stored: Option<&StoredTokens>, tokens: Tokens) -> Result<Tokens, AuthError> {
    let before = stored.and_then(|stored| stored.tokens.account.as_ref());
    if Account::differ(before, tokens.account.as_ref()) {
        return Err(AuthError::OtherAccount);
    }
    let account = Account::merged(before, tokens.account.clone());
    Ok(Tokens { account, ..tokens })
}

/// Remembers that the server refused the stored tokens. Sets `confirmed` in the returned error if
/// the first refusal of the same tokens is at least [`REFUSAL_TTL`] old.
fn refused(
    inner: &Inner,
    key: &ConnectionKey,
    version: Option<TokenVersion>,
    mut error: AuthError,
) -> AuthError {
    let now = inner.clock.now();
    let Some(version) = version else { return error };
    inner.with(key, |connection| {
        let before = connection.refused.take().filter(|before| {
            let both =
                matches!((&before.error, &error), (AuthError::Reconnect { .. }, AuthError::Reconnect { .. }));
            // A refusal dated in the future does not count: the clock was wrong.
            both && before.version == version && before.first_at <= now
        });
        let first_at = before.map_or(now, |before| before.first_at);
        if let AuthError::Reconnect { confirmed, .. } = &mut error {
            *confirmed = now - first_at >= REFUSAL_TTL;
        }
        tracing::warn!(calsync.grant = %key, %error, "the server refused a grant");
        connection.refused = Some(Refused { version, error: error.clone(), at: now, first_at });
    });
    error
}

/// Saves new tokens. Returns `false` if another worker saved other tokens first; those are used
/// then. Tokens that cannot be saved stay in memory for the next refresh.
async fn save(
    inner: &Inner,
    key: &ConnectionKey,
    tokens: &Tokens,
    replaces: Option<TokenVersion>,
) -> Result<bool, AuthError> {
    // Before the first attempt, so that not even a panic in the host's store loses them.
    inner.with(key, |connection| connection.unsaved = Some((tokens.clone(), replaces)));
    let mut pause = FIRST_PAUSE;
    let mut attempts = 1;
    let saved = loop {
        match inner.store.save(key, tokens, replaces).await {
            Ok(saved) => break saved,
            Err(error) if attempts == SAVE_ATTEMPTS => {
                tracing::warn!(calsync.grant = %key, "new tokens could not be saved; they are kept in memory");
                return Err(AuthError::Store(error));
            }
            Err(_) => inner.sleep.sleep(pause).await,
        }
        (pause, attempts) = (pause * 2, attempts + 1);
    };
    inner.with(key, |connection| connection.unsaved = None);
    // If an attempt reported a failure but did save, the next attempt gets a conflict, and the
    // caller reads our own tokens from the store.
    Ok(saved != Saved::Conflict)
}

/// Returns the tokens with which another worker has replaced `version`, which the server just
/// refused. The worker may have used the same refresh token a moment earlier and not saved yet, so
/// this waits for it.
async fn saved_by_a_peer(
    inner: &Inner,
    key: &ConnectionKey,
    version: Option<TokenVersion>,
) -> Result<Option<StoredTokens>, AuthError> {
    for pause in [None, Some(PEER_SAVE_WAIT)] {
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
