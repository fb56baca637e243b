//! Events that a person moved to another calendar of the account. The event keeps its id, and a
//! tombstone stays in the old calendar.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use calsync_core::calendar::{CalendarKey, CalendarRef, ConnectionKey};
use calsync_core::clock::Clock;
use calsync_core::names::{CalendarId, RemoteId};
use calsync_core::provider::AccountCalendar;
use chrono::{DateTime, TimeDelta, Utc};

/// Most entries of one map. A full map is cleared; later calls search again.
const MAX_ENTRIES: usize = 10_000;

/// How long the list of an account's calendars is cached, and the fact that none of them has an
/// event: about one run of the syncer.
const CACHE_TTL: TimeDelta = TimeDelta::minutes(10);

/// In-memory cache of the calendars that people moved events to. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct MovedEvents {
    clock: Arc<dyn Clock>,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    /// The calendar each moved event was last found in.
    events: HashMap<(CalendarKey, RemoteId), CalendarId>,
    /// Events that no calendar of the account has, and when that was checked.
    nowhere: HashMap<(CalendarKey, RemoteId), DateTime<Utc>>,
    /// The writable calendars of an account, and when they were listed; empty if the grant does not
    /// allow listing them.
    calendars: HashMap<ConnectionKey, (DateTime<Utc>, Arc<[AccountCalendar]>)>,
}

/// The calendar that an event is in now. The moved case is boxed to keep the future of every call
/// small.
pub(crate) enum CurrentPlace<'p> {
    Unchanged(&'p CalendarRef),
    Relocated(Box<CalendarRef>),
}

impl Deref for CurrentPlace<'_> {
    type Target = CalendarRef;

    fn deref(&self) -> &CalendarRef {
        match self {
            Self::Unchanged(calendar_ref) => calendar_ref,
            Self::Relocated(calendar_ref) => calendar_ref,
        }
    }
}

impl MovedEvents {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, known: Arc::default() }
    }

    /// Returns the calendar that the event was last found in; `calendar_ref` itself if the event is
    /// not known to have moved.
    pub(crate) fn current_place<'p>(
        &self,
        calendar_ref: &'p CalendarRef,
        remote_id: &RemoteId,
    ) -> CurrentPlace<'p> {
        let known = self.known();
        // Usually no event has moved: the check avoids building a key.
        if !known.events.is_empty()
            && let Some(calendar) = known.events.get(&(calendar_ref.key(), remote_id.clone()))
        {
            return CurrentPlace::Relocated(Box::new(in_calendar(calendar_ref, calendar)));
        }
        CurrentPlace::Unchanged(calendar_ref)
    }

    /// Records that the event was found in that calendar.
    pub(crate) fn found(&self, calendar_ref: &CalendarRef, remote_id: &RemoteId, calendar: CalendarId) {
        insert(&mut self.known().events, (calendar_ref.key(), remote_id.clone()), calendar);
    }

    /// Records that no calendar of the account has the event.
    pub(crate) fn found_nowhere(&self, calendar_ref: &CalendarRef, remote_id: &RemoteId) {
        insert(&mut self.known().nowhere, (calendar_ref.key(), remote_id.clone()), self.clock.now());
    }

    /// Whether a search of every calendar of the account, at most [`CACHE_TTL`] ago, did not find
    /// the event.
    pub(crate) fn is_nowhere(&self, calendar_ref: &CalendarRef, remote_id: &RemoteId) -> bool {
        let at = self.known().nowhere.get(&(calendar_ref.key(), remote_id.clone())).copied();
        at.is_some_and(|at| self.is_fresh(at))
    }

    /// Returns the calendars of the account, if they were listed at most [`CACHE_TTL`] ago.
    pub(crate) fn calendars(&self, calendar_ref: &CalendarRef) -> Option<Arc<[AccountCalendar]>> {
        let known = self.known();
        let (at, calendars) = known.calendars.get(&calendar_ref.connection_key())?;
        self.is_fresh(*at).then(|| calendars.clone())
    }

    /// Records the list of the account's calendars.
    pub(crate) fn listed(&self, calendar_ref: &CalendarRef, calendars: Arc<[AccountCalendar]>) {
        let listed = (self.clock.now(), calendars);
        insert(&mut self.known().calendars, calendar_ref.connection_key(), listed);
    }

    /// Whether an entry is younger than [`CACHE_TTL`]. If the clock was set back, no entry is
    /// fresh.
    fn is_fresh(&self, at: DateTime<Utc>) -> bool {
        (TimeDelta::zero()..CACHE_TTL).contains(&(self.clock.now() - at))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a reference to another calendar of the same connection.
pub(crate) fn in_calendar(calendar_ref: &CalendarRef, calendar: &CalendarId) -> CalendarRef {
    let mut other = calendar_ref.clone();
    other.calendar = calendar.clone();
    other
}

/// Whether `id` names this calendar. `primary` names the account's primary calendar.
pub(crate) fn is_named_by(calendar: &AccountCalendar, id: &CalendarId) -> bool {
    (calendar.is_primary && id.is_primary()) || calendar.id.as_str().eq_ignore_ascii_case(id.as_str())
}

fn insert<K: Eq + Hash, V>(map: &mut HashMap<K, V>, key: K, value: V) {
    if map.len() >= MAX_ENTRIES {
        map.clear();
    }
    map.insert(key, value);
}
