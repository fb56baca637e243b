//! The health of accounts and calendars: since when calls fail, when the next probe is made, and
//! until when a server asked to wait.
//!
//! There is one record for each account, shared by all its callers. If a call fails in a way that
//! affects the account's other calls too, the record is marked as failing. Then the account is not
//! called until the next probe. The first success ends the failure for all callers.

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

/// How long one worker may take for a probe before another worker may make one.
const PROBE_LEASE: TimeDelta = TimeDelta::minutes(3);

/// The key of a health record. `Debug` hides accounts and calendars, which may be e-mail addresses.
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

/// The health of an account, a calendar or a connection at the token endpoint. It can be
/// serialised, so that processes can share it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Health {
    /// What a `Retry-After` asked for (RFC 9110 section 10.2.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wait: Option<Wait>,
    /// Set while calls fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failing: Option<Failing>,
    /// When the last failure ended with a successful call: holds set before that are void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recovered_at: Option<DateTime<Utc>>,
    /// When the person last connected. Set only for a connection.
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
    /// When the next probe may be made; `None` if only a new connection can end the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_probe: Option<DateTime<Utc>>,
    /// When `next_probe` was set.
    noted_at: DateTime<Utc>,
}

/// What happened to an account or a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HealthEvent {
    /// A response asked to wait until this time (`Retry-After`).
    AskedToWait(DateTime<Utc>),
    /// A probe is about to be made: other workers wait up to three minutes for its result.
    Probing,
    /// A call failed in a way that affects other calls too.
    Failed {
        /// Why the call failed.
        reason: BlockReason,
        /// How many failed attempts in a row the ledger's row counts, this one included. With it a
        /// new process does not start to count at one.
        failures: u32,
        /// Until when a response asked to wait (`Retry-After`).
        retry_after: Option<DateTime<Utc>>,
        /// Whether only a new connection can end the failure.
        is_final: bool,
    },
    /// A call succeeded.
    Succeeded,
    /// The person connected again: failures of the connection or the calendar are over.
    Connected,
}

/// Stores the health of accounts, calendars and connections.
///
/// It is called before every request, so it must work from memory. Default:
/// [`MemoryAccountHealthStore`]. The processes of one host should share a store: it applies
/// [`Health::after`] to the record stored for the key, and passes the new record to the other
/// processes.
pub trait AccountHealthStore: Debug + Send + Sync + 'static {
    /// The record of a key; [`Health::default`] if there is none.
    fn get(&self, key: &HealthKey) -> Health;

    /// Applies an event to the record of a key and returns the new record. Concurrent events must
    /// be applied one after the other.
    fn apply(&self, key: &HealthKey, event: &HealthEvent, now: DateTime<Utc>) -> Health;
}

/// An [`AccountHealthStore`] in the memory of this process. Clones share the records.
#[derive(Clone, Default)]
pub struct MemoryAccountHealthStore(Arc<Mutex<HashMap<HealthKey, Health>>>);

impl HealthKey {
    /// The key of the account behind a calendar; of the connection as long as the account is not
    /// known.
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
    /// Until when a server asked to wait, if that time has not passed; at most a day.
    #[must_use]
    pub fn waits_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.wait.as_ref().and_then(|wait| deadline::left(wait.until, wait.noted_at, LONGEST_WAIT, now))
    }

    /// Since when calls fail, if they do.
    #[must_use]
    pub fn failing(&self) -> Option<&Failing> {
        self.failing.as_ref()
    }

    /// Whether a hold that was set at `since` is void because a call has succeeded after it.
    #[must_use]
    pub fn lifts(&self, since: DateTime<Utc>) -> bool {
        self.recovered_at.is_some_and(|at| since <= at)
    }

    /// Whether the person connected again after `since`, which voids a failure or a hold for that
    /// reason.
    pub(crate) fn was_connected_after(&self, reason: BlockReason, since: DateTime<Utc>) -> bool {
        let is_ended = reason.is_of_connection() || reason.is_of_calendar();
        is_ended && self.connected_at.is_some_and(|at| since <= at)
    }

    /// Whether the record is still needed. No hold with an end lasts longer than a week.
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
                // A shorter wait leaves the longer one, and the time it was noted, as they are.
                if health.waits_until(now).is_none_or(|before| before < *until) {
                    health.wait = Some(Wait { until: *until, noted_at: now });
                }
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
                // The account may be the same as before, so its `Retry-After` stays valid.
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
    /// When the next probe may be made: at most a week after the last failure. `None` if that time
    /// has come, or if it never comes ([`Self::is_final`]).
    #[must_use]
    pub fn held_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.next_probe.and_then(|at| deadline::left(at, self.noted_at, LONGEST_HOLD, now))
    }

    /// Whether a new connection has voided this failure: see [`Health::was_connected_after`].
    #[cfg_attr(not(feature = "sync"), expect(dead_code, reason = "the syncer calls it"))]
    pub(crate) fn is_void(&self, connection: &Health) -> bool {
        connection.was_connected_after(self.reason, self.noted_at)
    }

    /// Whether only a new connection can end the failure.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.next_probe.is_none()
    }

    /// Whether no call may be made now.
    #[must_use]
    pub fn keeps_back(&self, now: DateTime<Utc>) -> bool {
        self.is_final() || self.held_until(now).is_some()
    }
}

/// When to try again after the `failures`th failure in a row; `None` if only a new connection
/// helps. A grant that the token endpoint refused is tried once more after an hour; the second
/// refusal is final.
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
                // After the first failure the server's `Retry-After` alone counts.
                Some(until) if failures <= 1 => Some(until),
                Some(until) => Some(until.max(backoff)),
                None => Some(backoff),
            }
        }
    }
}

impl MemoryAccountHealthStore {
    /// From this number of records on, records that are no longer needed are dropped.
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
        // Most of the time nothing fails, and there is no record.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_wait_leaves_a_longer_one_and_the_time_it_was_noted() {
        let at = |minutes| DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
        let asked = |health: &Health, until, now| health.after(&HealthEvent::AskedToWait(at(until)), at(now));
        let health = asked(&Health::default(), 180, 0);
        // A process whose clock is an hour ahead hears of a shorter one.
        let health = asked(&health, 90, 60);
        assert_eq!(health.waits_until(at(1)), Some(at(180)), "the right clock goes on to see the longer one");
        let health = asked(&health, 240, 2);
        assert_eq!(health.waits_until(at(3)), Some(at(240)));
    }
}
