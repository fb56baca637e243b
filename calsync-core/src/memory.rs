//! The reference provider: calendars in memory.
//!
//! It behaves like the strictest real provider: the key of a deleted event stays used, etags change
//! with every write, and a newer revision is never overwritten. Tests use it as the provider's
//! server, and read its events.

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

/// A provider with calendars in memory. Clones share the calendars.
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

/// An event of a [`MemoryCalendar`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StoredEvent {
    /// The calendar. If it is reached through several connections, the one of the last write.
    pub place: CalendarRef,
    /// The id of the event.
    pub remote_id: RemoteId,
    /// The marker; `None` if calsync did not write the event.
    pub marker: Option<Marker>,
    /// The content of the event.
    pub event: Event,
    /// The draft's `changed_at`; the Unix epoch for an event from [`MemoryCalendar::insert`].
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
    exists: bool,
}

/// Identifies a calendar: by its id, and by the account if the id is unique only within the
/// account.
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
    /// Creates a provider for connections of kind `memory`, without events.
    #[must_use]
    pub fn new() -> Self {
        let capabilities = Capabilities::new().with_client_ids(true).with_etags(true);
        Self { kind: ProviderKind::MEMORY, capabilities, state: Arc::default() }
    }

    /// Sets the kind of connections that the provider serves.
    #[must_use]
    pub fn with_kind(mut self, kind: ProviderKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets the capabilities.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Returns every existing event, sorted by calendar and id.
    #[must_use]
    pub fn events(&self) -> Vec<StoredEvent> {
        let state = self.state();
        let entries = state.calendars.values().flat_map(BTreeMap::values);
        entries.filter(|entry| entry.exists).map(|entry| entry.stored.clone()).collect()
    }

    /// Returns the number of calls of one operation.
    #[must_use]
    pub fn calls(&self, operation: Operation) -> usize {
        self.state().calls.get(&operation).copied().unwrap_or_default()
    }

    /// Returns the number of all calls.
    #[must_use]
    pub fn all_calls(&self) -> usize {
        self.state().calls.values().sum()
    }

    /// Deletes an event as the person would. Returns `true` if the event existed.
    pub fn person_deletes(&self, place: &CalendarRef, remote_id: &RemoteId) -> bool {
        let calendar = self.calendar(place);
        let mut state = self.state();
        let entry = state.calendars.get_mut(&calendar).and_then(|events| events.get_mut(remote_id));
        entry.is_some_and(|entry| std::mem::take(&mut entry.exists))
    }

    /// Changes an event as the person would; its etag changes too. Returns `true` if the event
    /// existed.
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
        let Some(entry) = entry.filter(|entry| entry.exists) else { return false };
        edit(&mut entry.stored.event);
        entry.etag = version;
        true
    }

    /// Inserts an event as a person, another program or another host would.
    pub fn insert(&self, place: &CalendarRef, remote_id: RemoteId, marker: Option<Marker>, event: Event) {
        let calendar = self.calendar(place);
        let mut state = self.state();
        let etag = state.next_version();
        let (id, place) = (remote_id.clone(), place.clone());
        let stored = StoredEvent { place, remote_id, marker, event, changed_at: DateTime::UNIX_EPOCH };
        state.calendars.entry(calendar).or_default().insert(id, Entry { stored, etag, exists: true });
    }

    /// Deletes a calendar with all its events.
    pub fn drop_calendar(&self, place: &CalendarRef) {
        let calendar = self.calendar(place);
        let mut state = self.state();
        state.calendars.remove(&calendar);
        state.gone.insert(calendar);
    }

    /// Creates a deleted calendar again, without events.
    pub fn restore_calendar(&self, place: &CalendarRef) {
        let calendar = self.calendar(place);
        self.state().gone.remove(&calendar);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code here panics during a change, so the state is consistent after a panic of a test.
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

    /// Counts the call, and returns the next version number and the calendar's events.
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

    /// Checks that a call with this marker may update or delete an existing event.
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
        Self { stored, etag, exists: true }
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

    /// Returns the key under which the event was created, if its id is a key of calsync.
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
            if !entry.exists || !ours {
                let error = self.error(ErrorKind::KeyUsed, Operation::Create);
                return Err(if entry.exists { error.with_code(FOREIGN_EVENT) } else { error });
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
        let entry = events.get_mut(remote_id).filter(|entry| entry.exists);
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
        let entry = events.get_mut(remote_id).filter(|entry| entry.exists);
        let entry = entry.ok_or_else(|| self.error(ErrorKind::NotFound, Operation::Delete))?;
        self.check(entry, marker, Operation::Delete)?;
        entry.exists = false;
        Ok(())
    }

    async fn find(&self, place: &CalendarRef, query: &TargetQuery) -> Result<Vec<Found>, Error> {
        let mut state = self.state();
        let (_, events) = self.call(&mut state, place, Operation::Find)?;
        let matches = |entry: &&Entry| {
            entry.exists && query.matches(&entry.stored.remote_id, entry.stored.marker.as_ref(), entry.key())
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
            entry.exists && marker.is_some_and(|marker| *marker.namespace == *namespace)
        };
        Ok(OursPage::new(events.values().filter(ours).map(|entry| entry.found(place)).collect(), None))
    }

    async fn get(&self, place: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Found>, Error> {
        let mut state = self.state();
        let (_, events) = self.call(&mut state, place, Operation::Get)?;
        Ok(events.get(remote_id).filter(|entry| entry.exists).map(|entry| entry.found(place)))
    }
}

#[async_trait]
impl EventReader for MemoryCalendar {
    async fn read(&self, place: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Event>, Error> {
        let mut state = self.state();
        let (_, events) = self.call(&mut state, place, Operation::Get)?;
        Ok(events.get(remote_id).filter(|entry| entry.exists).map(|entry| entry.stored.event.clone()))
    }
}
