//! What a run has learnt not to call any more.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use crate::calendar::{CalendarRef, Person};
use crate::error::{ErrorKind, Failure, Operation};
use crate::id::ConnectionId;
use crate::ledger::Hold;
use crate::names::{CalendarId, ProviderKind};
use crate::sync::quota::AccountKey;

/// What is not called any more in a run.
#[derive(Debug, Default)]
pub(super) struct Parked(Mutex<HashMap<Scope, Why>>);

/// The failure that the remaining steps end with, and until when, where it ends by itself.
#[derive(Debug, Clone)]
struct Why {
    failure: Failure,
    until: Option<DateTime<Utc>>,
}

/// How far a failure reaches.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Scope {
    Account(AccountKey),
    Grant(Person, ProviderKind, ConnectionId),
    Calendar(Person, ProviderKind, ConnectionId, CalendarId),
}

impl Scope {
    fn of_grant(place: &CalendarRef) -> Self {
        Self::Grant(place.person.clone(), place.provider.clone(), place.connection.clone())
    }

    fn of_calendar(place: &CalendarRef) -> Self {
        let CalendarRef { person, provider, connection, calendar, .. } = place.clone();
        Self::Calendar(person, provider, connection, calendar)
    }
}

impl Parked {
    /// Why a place is not called; `None` if it may be.
    pub(super) fn why(
        &self,
        place: &CalendarRef,
        account: &AccountKey,
        now: DateTime<Utc>,
    ) -> Option<Failure> {
        let parked = self.lock();
        if parked.is_empty() {
            return None;
        }
        let scopes = [Scope::of_grant(place), Scope::of_calendar(place), Scope::Account(account.clone())];
        let Why { mut failure, until } = scopes.iter().find_map(|scope| parked.get(scope))?.clone();
        if let Some(until) = until {
            // Until the same instant, counted from now.
            failure.retry_after_ms = u64::try_from((until - now).num_milliseconds()).ok();
        }
        Some(failure)
    }

    /// Takes a failure to heart, if it is one that all further calls would meet. Returns whether that is news.
    pub(super) fn learn(
        &self,
        failure: &Failure,
        place: &CalendarRef,
        account: &AccountKey,
        now: DateTime<Utc>,
    ) -> bool {
        let scope = match (failure.kind, failure.operation) {
            (ErrorKind::Unauthenticated | ErrorKind::MissingScope, _) => Scope::of_grant(place),
            // Other calls may be about an event that just this account may not touch.
            (ErrorKind::Forbidden, Operation::Create) => Scope::of_calendar(place),
            (ErrorKind::QuotaExceeded, _) => Scope::Account(account.clone()),
            // With the calendar everything in it is gone; what was to be removed there counts as removed.
            (ErrorKind::CalendarNotFound, Operation::Create | Operation::Update) => Scope::of_calendar(place),
            _ => return false,
        };
        let until = match Hold::after(failure, None, now) {
            Some(Hold::Parked { until, .. }) => until,
            _ => None,
        };
        self.note(scope, Why { failure: failure.clone(), until })
    }

    /// An account is not called any more in this run, whatever the step. Returns whether that is news.
    pub(super) fn give_up(&self, failure: &Failure, account: &AccountKey) -> bool {
        self.note(Scope::Account(account.clone()), Why { failure: failure.clone(), until: None })
    }

    fn note(&self, scope: Scope, why: Why) -> bool {
        match self.lock().entry(scope) {
            Entry::Occupied(_) => false,
            Entry::Vacant(entry) => {
                entry.insert(why);
                true
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Scope, Why>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
