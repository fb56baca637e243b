//! The inputs and outputs of a provider's calls.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::calendar::{Person, Role};
use crate::error::{Error, ErrorKind, Operation};
use crate::event::Event;
use crate::id::AppointmentId;
use crate::identity::{EventKey, Generation, TargetKey};
use crate::names::{AccountId, Etag, ProviderKind, RemoteId};

/// Identifies an event written by this host. It is stored in the event, invisibly if the calendar
/// allows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Marker {
    /// The host's namespace. An event with another namespace belongs to another host.
    pub namespace: Arc<str>,
    /// The event's key, which contains the key of its target.
    pub key: EventKey,
    /// The ledger's revision when the event was written (iCalendar `SEQUENCE`, RFC 5545 section
    /// 3.8.7.4). It only increases.
    pub revision: u64,
    /// The appointment, so that a lost ledger can be rebuilt from the calendar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appointment: Option<AppointmentId>,
    /// The person for whom the event was written. Not stored in a guest's invitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Person>,
    /// The role that the event was worded for. A rebuilt ledger needs it: which events a column
    /// that is not stated keeps depends on the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

/// An event to write.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Draft {
    /// The marker that identifies the event.
    pub marker: Marker,
    /// The content of the event.
    pub event: Arc<Event>,
    /// The time of the host's change, in UTC (iCalendar `DTSTAMP` and `LAST-MODIFIED`). It does not
    /// depend on the time of the write, so that a repeated write gives the same bytes.
    pub changed_at: DateTime<Utc>,
}

/// The result of a write that the provider confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// The provider's id of the event.
    pub remote_id: RemoteId,
    /// The etag of the written version, if the provider returned one.
    pub etag: Option<Etag>,
    /// The account whose token was accepted, if known.
    pub account: Option<AccountId>,
}

/// The identity of an event that a provider found. The content is not read, so that an event whose
/// content cannot be read can still be found, updated and deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// The provider's id of the event.
    pub remote_id: RemoteId,
    /// The etag of the current version, if the provider returned one.
    pub etag: Option<Etag>,
    /// The marker in the event, if it has one.
    pub marker: Option<Marker>,
    /// The key under which the event itself was created: Google's event id, Graph's `transactionId`
    /// or the UID, if that is a key of calsync. A copy that a person made has the marker of the
    /// original, and another key or none.
    pub key: Option<EventKey>,
    /// The account whose token was accepted, if known.
    pub account: Option<AccountId>,
}

/// A query for every existing event of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TargetQuery {
    /// The host's namespace.
    pub namespace: Arc<str>,
    /// The key of the target.
    pub target: TargetKey,
    /// The last generation that was written. If possible, the provider asks for its key directly,
    /// because listings may lag.
    pub generation: Generation,
    /// The provider's id of the event in the ledger, if there is one.
    pub known: Option<RemoteId>,
}

/// The provider's token for the next page of a listing. Opaque.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageToken(pub String);

/// A page of the events of a calendar that have the host's namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OursPage {
    /// The events, each with its marker.
    pub events: Vec<Found>,
    /// The token of the next page; `None` on the last page.
    pub next: Option<PageToken>,
}

/// Options of [`CalendarProvider::create`](super::CalendarProvider::create).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreateOptions {
    /// An earlier create under this key may have succeeded, although no event was found. A server
    /// that remembers creates may then return an event that was deleted since, so the provider
    /// reads the event to check.
    pub retried: bool,
}

/// Options of [`CalendarProvider::update`](super::CalendarProvider::update).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdateOptions {
    /// The last known etag. If it is still current, the provider needs no read.
    pub etag: Option<Etag>,
    /// Write even if the content is already the draft's. The marker must get the new revision,
    /// because an older write may still arrive.
    pub rewrite: bool,
}

/// Options of [`CalendarProvider::delete`](super::CalendarProvider::delete).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeleteOptions {
    /// The last known etag. If it is still current, the provider needs no read.
    pub etag: Option<Etag>,
}

/// The largest accepted difference between the revision in a calendar and the ledger's. People can
/// edit a marker; an event whose revision is further ahead is overwritten.
pub const MAX_REVISION_LEAD: u64 = 1 << 20;

impl Marker {
    /// Creates a marker without an appointment, a person and a role.
    #[must_use]
    pub fn new(namespace: impl Into<Arc<str>>, key: EventKey, revision: u64) -> Self {
        Self { namespace: namespace.into(), key, revision, appointment: None, person: None, role: None }
    }

    /// Sets the appointment.
    #[must_use]
    pub fn with_appointment(mut self, appointment: Option<AppointmentId>) -> Self {
        self.appointment = appointment;
        self
    }

    /// Sets the person for whom the event is written.
    #[must_use]
    pub fn with_person(mut self, person: Option<Person>) -> Self {
        self.person = person;
        self
    }

    /// Sets the role that the event is worded for.
    #[must_use]
    pub fn with_role(mut self, role: Option<Role>) -> Self {
        self.role = role;
        self
    }

    /// Returns `true` if both identify an event of the same target in the same namespace, of any
    /// generation and revision.
    #[must_use]
    pub fn is_same_target(&self, other: &Self) -> bool {
        self.key.target() == other.key.target() && self.namespace == other.namespace
    }

    /// Returns `true` if this marker's revision is newer than `ours`, by at most
    /// [`MAX_REVISION_LEAD`]. A marker that is further ahead was edited by a person, and its event
    /// is overwritten.
    #[must_use]
    pub fn is_newer_than(&self, ours: u64) -> bool {
        self.revision > ours && self.revision - ours <= MAX_REVISION_LEAD
    }

    /// Checks that a call with this marker may change an event with the marker `found`. An event
    /// without a marker may be changed, because a row of the ledger names it by its id.
    ///
    /// # Errors
    /// [`NotOurs`](ErrorKind::NotOurs) if `found` has another target or namespace,
    /// [`Superseded`](ErrorKind::Superseded) if it has a newer revision.
    pub fn check(
        &self,
        found: Option<&Self>,
        provider: ProviderKind,
        operation: Operation,
    ) -> Result<(), Error> {
        match found {
            Some(found) if !found.is_same_target(self) => {
                Err(Error::new(ErrorKind::NotOurs, provider, operation))
            }
            Some(found) if found.is_newer_than(self.revision) => {
                Err(Error::superseded(provider, operation, found.revision))
            }
            _ => Ok(()),
        }
    }
}

impl Draft {
    /// Creates a draft.
    #[must_use]
    pub fn new(marker: Marker, event: impl Into<Arc<Event>>, changed_at: DateTime<Utc>) -> Self {
        Self { marker, event: event.into(), changed_at }
    }
}

impl Written {
    /// Creates the result of a confirmed write.
    #[must_use]
    pub fn new(remote_id: RemoteId) -> Self {
        Self { remote_id, etag: None, account: None }
    }

    /// Sets the account whose token was accepted.
    #[must_use]
    pub fn with_account(mut self, account: Option<AccountId>) -> Self {
        self.account = account;
        self
    }

    /// Sets the etag of the written version.
    #[must_use]
    pub fn with_etag(mut self, etag: Option<Etag>) -> Self {
        self.etag = etag;
        self
    }
}

impl Found {
    /// Creates the identity of a found event.
    #[must_use]
    pub fn new(remote_id: RemoteId) -> Self {
        Self { remote_id, etag: None, marker: None, key: None, account: None }
    }

    /// Sets the key under which the event itself was created.
    #[must_use]
    pub fn with_key(mut self, key: Option<EventKey>) -> Self {
        self.key = key;
        self
    }

    /// Sets the account whose token was accepted.
    #[must_use]
    pub fn with_account(mut self, account: Option<AccountId>) -> Self {
        self.account = account;
        self
    }

    /// Sets the etag of the current version.
    #[must_use]
    pub fn with_etag(mut self, etag: Option<Etag>) -> Self {
        self.etag = etag;
        self
    }

    /// Sets the marker in the event.
    #[must_use]
    pub fn with_marker(mut self, marker: Option<Marker>) -> Self {
        self.marker = marker;
        self
    }
}

impl TargetQuery {
    /// Creates a query for every existing event of a target.
    #[must_use]
    pub fn new(namespace: impl Into<Arc<str>>, target: TargetKey) -> Self {
        Self { namespace: namespace.into(), target, generation: Generation::FIRST, known: None }
    }

    /// Sets the last generation that was written.
    #[must_use]
    pub fn with_generation(mut self, generation: Generation) -> Self {
        self.generation = generation;
        self
    }

    /// Sets the provider's id of the event in the ledger.
    #[must_use]
    pub fn with_known(mut self, known: Option<RemoteId>) -> Self {
        self.known = known;
        self
    }

    /// Returns the last key that was written.
    #[must_use]
    pub fn key(&self) -> EventKey {
        self.target.event(self.generation)
    }

    /// Returns `true` if an event with this id, marker and own key belongs to the target: its
    /// marker has this target and namespace; or it has no marker, and its id is `known` or its own
    /// key is one of the target's.
    #[must_use]
    pub fn matches(&self, id: &RemoteId, marker: Option<&Marker>, key: Option<EventKey>) -> bool {
        match marker {
            Some(marker) => marker.key.target() == self.target && *marker.namespace == *self.namespace,
            None => self.known.as_ref() == Some(id) || key.is_some_and(|key| key.target() == self.target),
        }
    }
}

impl OursPage {
    /// Creates a page.
    #[must_use]
    pub fn new(events: Vec<Found>, next: Option<PageToken>) -> Self {
        Self { events, next }
    }
}

impl CreateOptions {
    /// Creates the default options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether an earlier create under this key may have succeeded.
    #[must_use]
    pub fn with_retried(mut self, retried: bool) -> Self {
        self.retried = retried;
        self
    }
}

impl UpdateOptions {
    /// Creates the default options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the last known etag.
    #[must_use]
    pub fn with_etag(mut self, etag: Option<Etag>) -> Self {
        self.etag = etag;
        self
    }
}

impl UpdateOptions {
    /// Sets whether to write even if the content is already the draft's.
    #[must_use]
    pub fn with_rewrite(mut self, rewrite: bool) -> Self {
        self.rewrite = rewrite;
        self
    }
}

impl DeleteOptions {
    /// Creates the default options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the last known etag.
    #[must_use]
    pub fn with_etag(mut self, etag: Option<Etag>) -> Self {
        self.etag = etag;
        self
    }
}
