//! Events that a person moved to another calendar of the account: the id stays, and a tombstone is left behind.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use calsync_core::calendar::{CalendarKey, CalendarRef, ConnectionKey};
use calsync_core::clock::Clock;
use calsync_core::names::{CalendarId, RemoteId};
use calsync_core::provider::AccountCalendar;
use chrono::{DateTime, TimeDelta, Utc};

/// Above this many all are forgotten, and found again.
const MOST: usize = 10_000;

/// How long an account's calendars, and that an event is in none of them, are not asked for again: about a run.
const LIFE: TimeDelta = TimeDelta::minutes(10);

/// Where events were found that a person moved, for as long as the process lives. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Moved {
    clock: Arc<dyn Clock>,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    events: HashMap<(CalendarKey, RemoteId), CalendarId>,
    nowhere: HashMap<(CalendarKey, RemoteId), DateTime<Utc>>,
    /// The calendars of an account that events can be moved to; none where the grant does not show them.
    calendars: HashMap<ConnectionKey, (DateTime<Utc>, Arc<[AccountCalendar]>)>,
}

/// A calendar as an event is reached in it today. Small, since there is one for every call under way.
pub(crate) enum Today<'p> {
    AsEver(&'p CalendarRef),
    Elsewhere(Box<CalendarRef>),
}

impl Deref for Today<'_> {
    type Target = CalendarRef;

    fn deref(&self) -> &CalendarRef {
        match self {
            Self::AsEver(place) => place,
            Self::Elsewhere(place) => place,
        }
    }
}

impl Moved {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, known: Arc::default() }
    }

    /// The calendar that the event is known to be in today.
    pub(crate) fn today<'p>(&self, place: &'p CalendarRef, remote_id: &RemoteId) -> Today<'p> {
        let known = self.known();
        // Most of the time nothing has moved.
        if !known.events.is_empty()
            && let Some(calendar) = known.events.get(&(place.key(), remote_id.clone()))
        {
            return Today::Elsewhere(Box::new(in_calendar(place, calendar)));
        }
        Today::AsEver(place)
    }

    /// The event was found in that calendar.
    pub(crate) fn found(&self, place: &CalendarRef, remote_id: &RemoteId, calendar: CalendarId) {
        insert(&mut self.known().events, (place.key(), remote_id.clone()), calendar);
    }

    /// The event was found in no calendar of the account.
    pub(crate) fn found_nowhere(&self, place: &CalendarRef, remote_id: &RemoteId) {
        insert(&mut self.known().nowhere, (place.key(), remote_id.clone()), self.clock.now());
    }

    /// Whether the event was looked for in every calendar of the account, a moment ago.
    pub(crate) fn is_nowhere(&self, place: &CalendarRef, remote_id: &RemoteId) -> bool {
        let at = self.known().nowhere.get(&(place.key(), remote_id.clone())).copied();
        at.is_some_and(|at| self.is_fresh(at))
    }

    /// The calendars of the account, where they were listed a moment ago.
    pub(crate) fn calendars(&self, place: &CalendarRef) -> Option<Arc<[AccountCalendar]>> {
        let known = self.known();
        let (at, calendars) = known.calendars.get(&place.connection_key())?;
        self.is_fresh(*at).then(|| calendars.clone())
    }

    /// The account's calendars were listed.
    pub(crate) fn listed(&self, place: &CalendarRef, calendars: Arc<[AccountCalendar]>) {
        let listed = (self.clock.now(), calendars);
        insert(&mut self.known().calendars, place.connection_key(), listed);
    }

    /// A clock that was set back makes everything old.
    fn is_fresh(&self, at: DateTime<Utc>) -> bool {
        (TimeDelta::zero()..LIFE).contains(&(self.clock.now() - at))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same connection's way to another calendar.
pub(crate) fn in_calendar(place: &CalendarRef, calendar: &CalendarId) -> CalendarRef {
    let mut other = place.clone();
    other.calendar = calendar.clone();
    other
}

/// Whether this is the calendar of the account that goes by `id`.
pub(crate) fn goes_by(calendar: &AccountCalendar, id: &CalendarId) -> bool {
    (calendar.is_primary && id.is_primary()) || calendar.id.as_str().eq_ignore_ascii_case(id.as_str())
}

fn insert<K: Eq + Hash, V>(map: &mut HashMap<K, V>, key: K, value: V) {
    if map.len() >= MOST {
        map.clear();
    }
    map.insert(key, value);
}
