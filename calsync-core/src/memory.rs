//! The reference provider: calendars in memory.
//!
//! It behaves as the strictest of the real ones: a deleted event's key stays spent, etags change with every write, a newer
//! revision is never written over. Tests use it as the outside world and ask it what stands there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::calendar::{CalendarRef, Person};
use crate::error::{Error, ErrorKind, Operation};
use crate::event::Event;
use crate::identity::EventKey;
use crate::names::{CalendarId, Etag, ProviderKind, RemoteId};
use crate::provider::{
    CalendarIds, CalendarProvider, Capabilities, CreateOptions, DeleteOptions, Draft, EventReader,
    FOREIGN_EVENT, Found, Marker, OursPage, PageToken, TargetQuery, UpdateOptions, Written,
};

/// Calendars in memory. Clones share them.
///
/// ```
/// use calsync_core::memory::MemoryCalendar;
/// let calendar = MemoryCalendar::new();
/// assert!(calendar.events().is_empty());
/// ```
#[derive(Debug, Clone)]
pub struct MemoryCalendar {
    kind: ProviderKind,
    capabilities: Capabilities,
    state: Arc<Mutex<State>>,
}

/// An event as it stands in memory.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StoredEvent {
    /// Where. For a calendar reached through several connections, the place it was written through last.
    pub place: CalendarRef,
    /// Its id.
    pub remote_id: RemoteId,
    /// Our marker; `None` on somebody else's event.
    pub marker: Option<Marker>,
    /// What it says.
    pub event: Event,
    /// The time of change it carries.
    pub changed_at: DateTime<Utc>,
}

#[derive(Debug, Default)]
struct State {
    calendars: BTreeMap<Calendar, BTreeMap<RemoteId, Entry>>,
    gone: BTreeSet<Calendar>,
    calls: BTreeMap<Operation, usize>,
    versions: u64,
}

#[derive(Debug)]
struct Entry {
    stored: StoredEvent,
    etag: u64,
    alive: bool,
}

/// What tells one calendar from another: its id, and the account where the id means something only there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Calendar {
    account: Option<(Person, String)>,
    id: CalendarId,
}

impl Default for MemoryCalendar {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryCalendar {
    /// Calendars for connections of kind `memory`.
    #[must_use]
    pub fn new() -> Self {
        let capabilities = Capabilities::new().with_client_ids(true).with_etags(true);
        Self { kind: ProviderKind::MEMORY, capabilities, state: Arc::default() }
    }

    /// For connections of another kind.
    #[must_use]
    pub fn with_kind(mut self, kind: ProviderKind) -> Self {
        self.kind = kind;
        self
    }

    /// With other capabilities.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Every event that stands, by calendar and id.
    #[must_use]
    pub fn events(&self) -> Vec<StoredEvent> {
        let state = self.state();
        let entries = state.calendars.values().flat_map(BTreeMap::values);
        entries.filter(|entry| entry.alive).map(|entry| entry.stored.clone()).collect()
    }

    /// How many calls of that operation were made.
    #[must_use]
    pub fn calls(&self, operation: Operation) -> usize {
        self.state().calls.get(&operation).copied().unwrap_or_default()
    }

    /// How many calls were made in all.
    #[must_use]
    pub fn all_calls(&self) -> usize {
        self.state().calls.values().sum()
    }

    /// The person deletes an event by hand. Returns whether it stood.
    pub fn person_deletes(&self, place: &CalendarRef, remote_id: &RemoteId) -> bool {
        let calendar = self.calendar(place);
        let mut state = self.state();
        let entry = state.calendars.get_mut(&calendar).and_then(|events| events.get_mut(remote_id));
        entry.is_some_and(|entry| std::mem::take(&mut entry.alive))
    }

    /// The person changes an event by hand; its etag changes with it. Returns whether it stood.
    pub fn person_edits(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        edit: impl FnOnce(&mut Event),
    ) -> bool {
        let calendar = self.calendar(place);
        let mut state = self.state();
        let version = state.next_version();
        let entry = state.calendars.get_mut(&calendar).and_then(|events| events.get_mut(remote_id));
        let Some(entry) = entry.filter(|entry| entry.alive) else { return false };
        edit(&mut entry.stored.event);
        entry.etag = version;
        true
    }

    /// Somebody who is not calsync, or not this host, puts an event in.
    pub fn insert(&self, place: &CalendarRef, remote_id: RemoteId, marker: Option<Marker>, event: Event) {
        let calendar = self.calendar(place);
        let mut state = self.state();
        let etag = state.next_version();
        let (id, place) = (remote_id.clone(), place.clone());
        let stored = StoredEvent { place, remote_id, marker, event, changed_at: DateTime::UNIX_EPOCH };
        state.calendars.entry(calendar).or_default().insert(id, Entry { stored, etag, alive: true });
    }

    /// The calendar is deleted, with everything in it.
    pub fn drop_calendar(&self, place: &CalendarRef) {
        let calendar = self.calendar(place);
        let mut state = self.state();
        state.calendars.remove(&calendar);
        state.gone.insert(calendar);
    }

    /// A deleted calendar is made anew, empty.
    pub fn restore_calendar(&self, place: &CalendarRef) {
        let calendar = self.calendar(place);
        self.state().gone.remove(&calendar);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing here panics half way through a change, so what a panicking test left behind is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn calendar(&self, place: &CalendarRef) -> Calendar {
        let account = match &place.account {
            _ if self.capabilities.calendar_ids == CalendarIds::Global => None,
            _ if self.capabilities.calendar_ids == CalendarIds::GlobalButPrimary
                && !place.calendar.is_primary() =>
            {
                None
            }
            Some(account) => Some((Person::Guest, account.as_str().to_owned())),
            None => Some((place.person.clone(), place.connection.to_string())),
        };
        Calendar { account, id: place.calendar.clone() }
    }

    fn error(&self, kind: ErrorKind, operation: Operation) -> Error {
        Error::new(kind, self.kind.clone(), operation)
    }

    /// Counts the call and opens the calendar.
    fn call<'s>(
        &self,
        state: &'s mut State,
        place: &CalendarRef,
        operation: Operation,
    ) -> Result<(u64, &'s mut BTreeMap<RemoteId, Entry>), Error> {
        *state.calls.entry(operation).or_default() += 1;
        let calendar = self.calendar(place);
        if state.gone.contains(&calendar) {
            return Err(self.error(ErrorKind::CalendarNotFound, operation));
        }
        let version = state.next_version();
        Ok((version, state.calendars.entry(calendar).or_default()))
    }

    /// Whether an event that stands may be written over or removed in the name of `marker`.
    fn check(&self, entry: &Entry, marker: &Marker, operation: Operation) -> Result<(), Error> {
        marker.check(entry.stored.marker.as_ref(), self.kind.clone(), operation)
    }
}

impl State {
    fn next_version(&mut self) -> u64 {
        self.versions += 1;
        self.versions
    }
}

impl Entry {
    fn new(place: &CalendarRef, remote_id: RemoteId, draft: &Draft, etag: u64) -> Self {
        let stored = StoredEvent {
            place: place.clone(),
            remote_id,
            marker: Some(draft.marker.clone()),
            event: (*draft.event).clone(),
            changed_at: draft.changed_at,
        };
        Self { stored, etag, alive: true }
    }

    fn etag(&self) -> Option<Etag> {
        Some(Etag::new(format!("\"{}\"", self.etag)))
    }

    fn found(&self, place: &CalendarRef) -> Found {
        let stored = &self.stored;
        Found::new(stored.remote_id.clone())
            .with_key(self.key())
            .with_etag(self.etag())
            .with_marker(stored.marker.clone())
            .with_account(place.account.clone())
    }

    /// The key of ours that the event was made under.
    fn key(&self) -> Option<EventKey> {
        EventKey::parse(self.stored.remote_id.as_str())
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl CalendarProvider for MemoryCalendar {
    fn kind(&self) -> ProviderKind {
        self.kind.clone()
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    async fn create(&self, place: &CalendarRef, draft: &Draft, _: &CreateOptions) -> Result<Written, Error> {
        let remote_id = RemoteId::new(draft.marker.key.to_string());
        let mut state = self.state();
        let (version, events) = self.call(&mut state, place, Operation::Create)?;
        if let Some(entry) = events.get(&remote_id) {
            let ours =
                entry.stored.marker.as_ref().is_some_and(|marker| marker.is_same_target(&draft.marker));
            if !entry.alive || !ours {
                let spent = self.error(ErrorKind::KeySpent, Operation::Create);
                return Err(if entry.alive { spent.with_code(FOREIGN_EVENT) } else { spent });
            }
            self.check(entry, &draft.marker, Operation::Create)?;
        }
        let entry = Entry::new(place, remote_id.clone(), draft, version);
        let etag = entry.etag();
        events.insert(remote_id.clone(), entry);
        Ok(Written::new(remote_id).with_etag(etag).with_account(place.account.clone()))
    }

    async fn update(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        draft: &Draft,
        options: &UpdateOptions,
    ) -> Result<Written, Error> {
        let mut state = self.state();
        let (version, events) = self.call(&mut state, place, Operation::Update)?;
        let entry = events.get_mut(remote_id).filter(|entry| entry.alive);
        let entry = entry.ok_or_else(|| self.error(ErrorKind::NotFound, Operation::Update))?;
        self.check(entry, &draft.marker, Operation::Update)?;
        let is_as_drafted = entry.stored.marker.is_some() && entry.stored.event == *draft.event;
        if options.etag.is_some() || options.rewrite || !is_as_drafted {
            *entry = Entry::new(place, remote_id.clone(), draft, version);
        }
        Ok(Written::new(remote_id.clone()).with_etag(entry.etag()).with_account(place.account.clone()))
    }

    async fn delete(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        marker: &Marker,
        _: &DeleteOptions,
    ) -> Result<(), Error> {
        let mut state = self.state();
        let (_, events) = self.call(&mut state, place, Operation::Delete)?;
        let entry = events.get_mut(remote_id).filter(|entry| entry.alive);
        let entry = entry.ok_or_else(|| self.error(ErrorKind::NotFound, Operation::Delete))?;
        self.check(entry, marker, Operation::Delete)?;
        entry.alive = false;
        Ok(())
    }

    async fn find(&self, place: &CalendarRef, query: &TargetQuery) -> Result<Vec<Found>, Error> {
        let mut state = self.state();
        let (_, events) = self.call(&mut state, place, Operation::Find)?;
        let matches = |entry: &&Entry| {
            entry.alive && query.matches(&entry.stored.remote_id, entry.stored.marker.as_ref(), entry.key())
        };
        Ok(events.values().filter(matches).map(|entry| entry.found(place)).collect())
    }

    async fn list_ours(
        &self,
        place: &CalendarRef,
        namespace: &str,
        _: Option<PageToken>,
    ) -> Result<OursPage, Error> {
        let mut state = self.state();
        let (_, events) = self.call(&mut state, place, Operation::ListOurs)?;
        let ours = |entry: &&Entry| {
            let marker = entry.stored.marker.as_ref();
            entry.alive && marker.is_some_and(|marker| *marker.namespace == *namespace)
        };
        Ok(OursPage::new(events.values().filter(ours).map(|entry| entry.found(place)).collect(), None))
    }

    async fn get(&self, place: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Found>, Error> {
        let mut state = self.state();
        let (_, events) = self.call(&mut state, place, Operation::Get)?;
        Ok(events.get(remote_id).filter(|entry| entry.alive).map(|entry| entry.found(place)))
    }
}

#[async_trait]
impl EventReader for MemoryCalendar {
    async fn read(&self, place: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Event>, Error> {
        let mut state = self.state();
        let (_, events) = self.call(&mut state, place, Operation::Get)?;
        Ok(events.get(remote_id).filter(|entry| entry.alive).map(|entry| entry.stored.event.clone()))
    }
}
