//! The health of accounts and calendars: what fails since when, when it is probed next, and what a server asked to wait for.
//!
//! One record for each account, shared by everything that calls it. Where a call fails in a way that the account's other calls
//! would meet too, the record is marked as failing; until its next probe nothing else calls the account, and the first success
//! ends it for all.

mod reason;

use std::collections::HashMap;
use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::calendar::{CalendarKey, CalendarRef, ConnectionKey};
use crate::deadline::{self, LONGEST_HOLD, LONGEST_WAIT};
use crate::names::{AccountId, ProviderKind};

pub use reason::BlockReason;

/// How long one worker may take for a probe before another may try.
const PROBE_LEASE: TimeDelta = TimeDelta::minutes(3);

/// What a health record is about. `Debug` shows no account or calendar, which may be e-mail addresses.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HealthKey {
    /// An account at its provider's API, through any connection.
    Account(ProviderKind, AccountId),
    /// A connection whose account is not known.
    Connection(ConnectionKey),
    /// One calendar.
    Calendar(CalendarKey),
    /// A connection at the token endpoint.
    TokenEndpoint(ConnectionKey),
}

/// The health of an account, a calendar or a connection at the token endpoint. Serialises, so that processes can share it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Health {
    /// What a `Retry-After` asked for (RFC 9110 section 10.2.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wait: Option<Wait>,
    /// Set while calls fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failing: Option<Failing>,
    /// When a call succeeded first after a failure: holds set before that are void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recovered_at: Option<DateTime<Utc>>,
    /// When the person connected last. Of a connection only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    connected_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Wait {
    until: DateTime<Utc>,
    noted_at: DateTime<Utc>,
}

/// Since when calls fail, and when the next one is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Failing {
    /// Why calls fail.
    pub reason: BlockReason,
    /// When the first of them failed.
    pub since: DateTime<Utc>,
    /// How many probes in a row have failed, the first failure included.
    pub failures: u32,
    /// When the next call is made; `None` if only a new connection can help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_probe: Option<DateTime<Utc>>,
    /// When that was set.
    noted_at: DateTime<Utc>,
}

/// What happened to an account or a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HealthEvent {
    /// A response asked to wait until then.
    AskedToWait(DateTime<Utc>),
    /// A probe is about to be made: other workers wait for its result for three minutes.
    Probing,
    /// A call failed in a way that the others would meet too.
    Failed {
        /// Why.
        reason: BlockReason,
        /// How many attempts in a row the row of the ledger counts, this one included: a process that starts anew does not begin
        /// at one.
        failures: u32,
        /// What a response asked to wait for.
        retry_after: Option<DateTime<Utc>>,
        /// Only a new connection can help.
        is_final: bool,
    },
    /// A call succeeded.
    Succeeded,
    /// The person connected again: what failed for want of a grant or of a permission is over.
    Connected,
}

/// Keeps the health of accounts, calendars and connections.
///
/// Called before every request, so that it answers from memory. [`MemoryAccountHealthStore`] is the default. A host of several
/// processes shares one: it applies [`Health::after`] to the record that is stored for the key, and passes it on.
pub trait AccountHealthStore: Debug + Send + Sync + 'static {
    /// The record of a key; the default one where there is none.
    fn get(&self, key: &HealthKey) -> Health;

    /// Applies an event to the record of a key and returns the new record. Two events at once are applied one after the other.
    fn apply(&self, key: &HealthKey, event: &HealthEvent, now: DateTime<Utc>) -> Health;
}

/// A [`AccountHealthStore`] in this process. Clones share it.
#[derive(Clone, Default)]
pub struct MemoryAccountHealthStore(Arc<Mutex<HashMap<HealthKey, Health>>>);

impl HealthKey {
    /// The account behind a calendar; the connection while the account is not known.
    #[must_use]
    pub fn account_of(calendar: &CalendarRef) -> Self {
        match &calendar.account {
            Some(account) => Self::Account(calendar.provider.clone(), account.clone()),
            None => Self::Connection(calendar.connection_key()),
        }
    }
}

impl fmt::Debug for HealthKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(provider, _) => write!(f, "Account({provider})"),
            Self::Connection(key) => write!(f, "Connection({key})"),
            Self::Calendar(key) => write!(f, "Calendar({})", key.connection),
            Self::TokenEndpoint(key) => write!(f, "TokenEndpoint({key})"),
        }
    }
}

impl Health {
    /// Until when a server asked to wait, if that time has not passed; a day at most.
    #[must_use]
    pub fn waits_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.wait.as_ref().and_then(|wait| deadline::left(wait.until, wait.noted_at, LONGEST_WAIT, now))
    }

    /// Since when calls fail, if they do.
    #[must_use]
    pub fn failing(&self) -> Option<&Failing> {
        self.failing.as_ref()
    }

    /// Whether a hold that was set at `since` is void, because a call has succeeded after it.
    #[must_use]
    pub fn lifts(&self, since: DateTime<Utc>) -> bool {
        self.recovered_at.is_some_and(|at| since <= at)
    }

    /// Whether this connection was made anew after a failure or a hold of `since`: one for that reason is void then.
    pub(crate) fn was_connected_after(&self, reason: BlockReason, since: DateTime<Utc>) -> bool {
        let is_ended = reason.is_of_connection() || reason.is_of_calendar();
        is_ended && self.connected_at.is_some_and(|at| since <= at)
    }

    /// Whether the record still says something: no hold lasts longer than a week.
    fn is_needed(&self, now: DateTime<Utc>) -> bool {
        let is_recent = |at: &DateTime<Utc>| now.signed_duration_since(*at) <= LONGEST_HOLD;
        self.failing.is_some()
            || self.waits_until(now).is_some()
            || self.recovered_at.as_ref().is_some_and(is_recent)
            || self.connected_at.as_ref().is_some_and(is_recent)
    }

    /// The record after an event.
    #[must_use]
    pub fn after(&self, event: &HealthEvent, now: DateTime<Utc>) -> Self {
        let mut health = self.clone();
        match event {
            HealthEvent::AskedToWait(until) => {
                let until = health.waits_until(now).map_or(*until, |before| before.max(*until));
                health.wait = Some(Wait { until, noted_at: now });
            }
            HealthEvent::Probing => {
                if let Some(failing) = &mut health.failing {
                    failing.next_probe = now.checked_add_signed(PROBE_LEASE);
                    failing.noted_at = now;
                }
            }
            HealthEvent::Failed { reason, failures, retry_after, is_final } => {
                let before = health.failing.as_ref().filter(|failing| failing.reason == *reason);
                let since = before.map_or(now, |failing| failing.since.min(now));
                let failures = before.map_or(1, |failing| failing.failures.saturating_add(1)).max(*failures);
                let next_probe =
                    (!is_final).then(|| next_probe(*reason, failures, *retry_after, now)).flatten();
                health.failing =
                    Some(Failing { reason: *reason, since, failures, next_probe, noted_at: now });
            }
            HealthEvent::Succeeded => {
                if health.failing.take().is_some() {
                    health.recovered_at = Some(now);
                }
            }
            HealthEvent::Connected => {
                // It may be the same account again: what that account asked for holds still.
                let is_ended = |failing: &mut Failing| {
                    failing.reason.is_of_connection() || failing.reason.is_of_calendar()
                };
                if health.failing.take_if(is_ended).is_some() {
                    health.recovered_at = Some(now);
                }
                health.connected_at = Some(now);
            }
        }
        health
    }
}

impl Failing {
    /// When the next call is made: a week after the last failure at the latest. `None` once that time has come, and
    /// [`Self::is_final`] tells where it never comes.
    #[must_use]
    pub fn held_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.next_probe.and_then(|at| deadline::left(at, self.noted_at, LONGEST_HOLD, now))
    }

    /// Whether a new connection was made since: see [`Health::was_connected_after`].
    #[cfg_attr(not(feature = "sync"), expect(dead_code, reason = "the syncer calls it"))]
    pub(crate) fn is_void(&self, connection: &Health) -> bool {
        connection.was_connected_after(self.reason, self.noted_at)
    }

    /// Whether only a new connection can help.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.next_probe.is_none()
    }

    /// Whether calls are to be kept back now.
    #[must_use]
    pub fn keeps_back(&self, now: DateTime<Utc>) -> bool {
        self.is_final() || self.held_until(now).is_some()
    }
}

/// When to try again after a failure, the nth in a row; `None` for never by itself. A grant refused by the token endpoint is
/// tried once more after an hour; the second refusal is believed.
pub(crate) fn next_probe(
    reason: BlockReason,
    failures: u32,
    retry_after: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    match reason {
        BlockReason::Reconnect if failures <= 1 => now.checked_add_signed(TimeDelta::hours(1)),
        BlockReason::Reconnect => None,
        _ => {
            let backoff = deadline::backoff(failures, now);
            let longest = now.checked_add_signed(LONGEST_WAIT).unwrap_or(now);
            match retry_after.map(|until| until.min(longest)) {
                // The first time the server is taken at its word.
                Some(until) if failures <= 1 => Some(until),
                Some(until) => Some(until.max(backoff)),
                None => Some(backoff),
            }
        }
    }
}

impl MemoryAccountHealthStore {
    /// From so many records on those that say nothing any more are forgotten.
    const MANY: usize = 10_000;

    /// A store in which everything is healthy.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl AccountHealthStore for MemoryAccountHealthStore {
    fn get(&self, key: &HealthKey) -> Health {
        let records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Most of the time nothing fails.
        if records.is_empty() { Health::default() } else { records.get(key).cloned().unwrap_or_default() }
    }

    fn apply(&self, key: &HealthKey, event: &HealthEvent, now: DateTime<Utc>) -> Health {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *event == HealthEvent::Succeeded && !records.contains_key(key) {
            return Health::default();
        }
        if records.len() >= Self::MANY {
            records.retain(|_, health| health.is_needed(now));
        }
        let health = records.get(key).cloned().unwrap_or_default().after(event, now);
        records.insert(key.clone(), health.clone());
        health
    }
}

impl Debug for MemoryAccountHealthStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryAccountHealthStore(..)")
    }
}
