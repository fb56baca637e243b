//! One refresh: what is stored, what the server gives, saved, in this order.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tracing::Instrument as _;

use super::access::{AccessToken, Inner, Known, Refused};
use super::error::Unavailable;
use super::holding::{self, Held, Patience};
use super::{Account, AuthError, Saved, ServerCode, StoredTokens, TokenVersion, Tokens};
use crate::calendar::ConnectionKey;
use crate::health::HealthKey;

/// How often others may be faster before this one gives way.
pub(super) const ROUNDS: usize = 4;
/// How often a save is tried, and the first pause between two tries, which doubles.
const SAVES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// How long another worker may take to save what it got, before a refused refresh token is believed to be dead.
const PEER_SAVES_WITHIN: Duration = Duration::from_secs(1);
/// How long a server's refusal of a grant is believed without asking again, and how far apart two refusals are that confirm each
/// other.
const BELIEVED_FOR: TimeDelta = TimeDelta::hours(1);

pub(super) type Outcome = Result<AccessToken, AuthError>;

/// A refresh, and its outcome once it has one. Those who wait for it are told in the order they came, so that tests repeat
/// exactly.
#[derive(Default)]
pub(super) struct RefreshTask {
    outcome: Mutex<Option<Outcome>>,
    ended: Notify,
}

/// Sees to it that a task ends: one that is dropped without an outcome was broken off, with its runtime.
struct Guard(Arc<RefreshTask>);

/// Begins a refresh, in a task of its own.
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
    /// The outcome. A caller that stops waiting stops nothing.
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

/// Gives a token that is saved, and is not the rejected one.
async fn refresh(
    inner: &Inner,
    key: &ConnectionKey,
    rejected: Option<&AccessToken>,
) -> Result<Known, AuthError> {
    let unsaved = inner.with(key, |connection| connection.unsaved.clone());
    if let Some((tokens, replaces)) = unsaved {
        // What became of it shows when the store is read.
        save(inner, key, &tokens, replaces).await?;
    }
    let mut patience = Patience::new();
    loop {
        let stored = inner.store.load(key).await?;
        if let Some(known) = look(inner, key, rejected, stored.as_ref())? {
            return Ok(known);
        }
        let Some(held) = holding::ask(inner, key).await? else {
            inner.sleep.sleep(patience.next()?).await;
            continue;
        };
        let outcome = ask(inner, key, rejected, stored, &held).await;
        // New tokens that could not be saved keep the lease until it runs out: another process would use the old ones up.
        if !inner.with(key, |connection| connection.unsaved.is_some()) {
            holding::release(inner, key, &held).await;
        }
        return outcome;
    }
}

/// The stored token where it is good; an error where the server has refused the stored ones lately.
fn look(
    inner: &Inner,
    key: &ConnectionKey,
    rejected: Option<&AccessToken>,
    stored: Option<&StoredTokens>,
) -> Result<Option<Known>, AuthError> {
    let Some(stored) = stored else { return Ok(None) };
    let now = inner.clock.now();
    if let Some(refused) = inner.with(key, |connection| connection.refused.clone())
        && refused.version == stored.version
        && (TimeDelta::zero()..BELIEVED_FOR).contains(&(now - refused.at))
    {
        return Err(refused.error);
    }
    let is_rejected =
        rejected.is_some_and(|rejected| rejected.expose() == stored.tokens.access_token.expose());
    let is_good = !is_rejected && stored.tokens.is_usable(now);
    Ok(is_good.then(|| Known::of(&stored.tokens)))
}

/// Asks the server, and saves what it gives.
async fn ask(
    inner: &Inner,
    key: &ConnectionKey,
    rejected: Option<&AccessToken>,
    mut stored: Option<StoredTokens>,
    held: &Held,
) -> Result<Known, AuthError> {
    if let Held::Lease(_) = held {
        // Another process may have refreshed right before the lease came.
        stored = inner.store.load(key).await?;
    }
    for _ in 0..ROUNDS {
        if let Some(known) = look(inner, key, rejected, stored.as_ref())? {
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

/// The new tokens, with the account of those they take the place of.
fn of_same_account(stored: Option<&StoredTokens>, tokens: Tokens) -> Result<Tokens, AuthError> {
    let before = stored.and_then(|stored| stored.tokens.account.as_ref());
    if Account::differ(before, tokens.account.as_ref()) {
        return Err(AuthError::OtherAccount);
    }
    let account = Account::merged(before, tokens.account.clone());
    Ok(Tokens { account, ..tokens })
}

/// Remembers that the server refused the stored tokens; says whether it has done so before.
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
            // A note from the future is none.
            both && before.version == version && before.first_at <= now
        });
        let first_at = before.map_or(now, |before| before.first_at);
        if let AuthError::Reconnect { confirmed, .. } = &mut error {
            *confirmed = now - first_at >= BELIEVED_FOR;
        }
        tracing::warn!(calsync.grant = %key, %error, "a grant was refused");
        connection.refused = Some(Refused { version, error: error.clone(), at: now, first_at });
    });
    error
}

/// Saves new tokens; `false` when others are there by now, which win. Keeps what cannot be saved for the next refresh.
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
