//! What goes into a provider's calls and what comes out.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::calendar::Person;
use crate::error::{Error, ErrorKind, Operation};
use crate::event::Event;
use crate::id::AppointmentId;
use crate::identity::{EventKey, Generation, TargetKey};
use crate::names::{AccountId, Etag, ProviderKind, RemoteId};

/// Identifies an event written by this host; stored in the event, invisibly where the calendar allows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Marker {
    /// The host's namespace: an event of another namespace is not ours.
    pub namespace: Arc<str>,
    /// The event's key, which names its target.
    pub key: EventKey,
    /// The ledger's revision that wrote the event (iCalendar `SEQUENCE`, RFC 5545 section 3.8.7.4). Only rises.
    pub revision: u64,
    /// The appointment, so that a lost ledger can be rebuilt from the calendar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appointment: Option<AppointmentId>,
    /// The person the event was written for. Not stored in a guest's mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Person>,
}

/// An event to write.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Draft {
    /// What identifies it.
    pub marker: Marker,
    /// What it says.
    pub event: Arc<Event>,
    /// When the host's change was made (iCalendar `DTSTAMP` and `LAST-MODIFIED`), so that writing it again gives the same
    /// bytes.
    pub changed_at: DateTime<Utc>,
}

/// An event that a provider confirmed to have written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// The provider's id.
    pub remote_id: RemoteId,
    /// The provider's version, where it told.
    pub etag: Option<Etag>,
    /// The account whose token was accepted, where it is known.
    pub account: Option<AccountId>,
}

/// The identity of an event that a provider found. Its content is not read, so that an event whose content cannot be read can
/// still be found, written over and removed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// The provider's id.
    pub remote_id: RemoteId,
    /// The provider's version.
    pub etag: Option<Etag>,
    /// Our marker, if it carries one.
    pub marker: Option<Marker>,
    /// The key that the event itself was made under: Google's event id, Graph's `transactionId` or the UID, where that is a key
    /// of ours. A copy that a person made carries our marker, and another key or none.
    pub key: Option<EventKey>,
    /// The account whose token was accepted, where it is known.
    pub account: Option<AccountId>,
}

/// What to look for: every live event of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TargetQuery {
    /// The host's namespace.
    pub namespace: Arc<str>,
    /// The target.
    pub target: TargetKey,
    /// The generation that was written last. Its key is asked for directly where the provider can, since listings may lag.
    pub generation: Generation,
    /// The provider's id of the event known last.
    pub known: Option<RemoteId>,
}

/// Where the next page of a listing begins, in the provider's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageToken(pub String);

/// A page of the events in a calendar that carry our namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OursPage {
    /// The events, each with its marker.
    pub events: Vec<Found>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<PageToken>,
}

/// How to create.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreateOptions {
    /// An earlier create under this key may have come through, though no event was found: a server that answers repeated
    /// creates out of its memory may then name an event that has since been deleted, which is worth a read.
    pub retried: bool,
}

/// How to update.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdateOptions {
    /// The version last seen. Saves the provider a read where it is still current.
    pub etag: Option<Etag>,
    /// Write also where the event says what it should: its marker has to carry the new revision, since an older write may still
    /// arrive.
    pub rewrite: bool,
}

/// How to delete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeleteOptions {
    /// The version last seen. Saves the provider a read where it is still current.
    pub etag: Option<Etag>,
}

/// How far the revision in a calendar may be above the ledger's and still be believed. A reader can edit a marker; one that
/// claims more is written over.
pub const MAX_REVISION_LEAD: u64 = 1 << 20;

impl Marker {
    /// A marker.
    #[must_use]
    pub fn new(namespace: impl Into<Arc<str>>, key: EventKey, revision: u64) -> Self {
        Self { namespace: namespace.into(), key, revision, appointment: None, person: None }
    }

    /// With the appointment.
    #[must_use]
    pub fn with_appointment(mut self, appointment: Option<AppointmentId>) -> Self {
        self.appointment = appointment;
        self
    }

    /// With the person the event is for.
    #[must_use]
    pub fn with_person(mut self, person: Option<Person>) -> Self {
        self.person = person;
        self
    }

    /// Whether both name an event of the same target in the same namespace, of any generation and revision.
    #[must_use]
    pub fn is_same_target(&self, other: &Self) -> bool {
        self.key.target() == other.key.target() && self.namespace == other.namespace
    }

    /// Whether this carries a revision newer than `ours` that can be believed. One more than [`MAX_REVISION_LEAD`] ahead was
    /// edited by hand and is written over.
    #[must_use]
    pub fn is_newer_than(&self, ours: u64) -> bool {
        self.revision > ours && self.revision - ours <= MAX_REVISION_LEAD
    }

    /// Whether `operation` may touch, in the name of this, an event that carries `found`. One without a marker may be
    /// touched: a row of the ledger names it by its id.
    ///
    /// # Errors
    /// [`NotOurs`](ErrorKind::NotOurs) and [`Superseded`](ErrorKind::Superseded).
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
    /// An event to write.
    #[must_use]
    pub fn new(marker: Marker, event: impl Into<Arc<Event>>, changed_at: DateTime<Utc>) -> Self {
        Self { marker, event: event.into(), changed_at }
    }
}

impl Written {
    /// A write that was confirmed.
    #[must_use]
    pub fn new(remote_id: RemoteId) -> Self {
        Self { remote_id, etag: None, account: None }
    }

    /// With the account whose token was accepted.
    #[must_use]
    pub fn with_account(mut self, account: Option<AccountId>) -> Self {
        self.account = account;
        self
    }

    /// With the version the provider told.
    #[must_use]
    pub fn with_etag(mut self, etag: Option<Etag>) -> Self {
        self.etag = etag;
        self
    }
}

impl Found {
    /// An event that was found.
    #[must_use]
    pub fn new(remote_id: RemoteId) -> Self {
        Self { remote_id, etag: None, marker: None, key: None, account: None }
    }

    /// With the key of ours that the event itself was made under.
    #[must_use]
    pub fn with_key(mut self, key: Option<EventKey>) -> Self {
        self.key = key;
        self
    }

    /// With the account whose token was accepted.
    #[must_use]
    pub fn with_account(mut self, account: Option<AccountId>) -> Self {
        self.account = account;
        self
    }

    /// With its version.
    #[must_use]
    pub fn with_etag(mut self, etag: Option<Etag>) -> Self {
        self.etag = etag;
        self
    }

    /// With the marker it carries.
    #[must_use]
    pub fn with_marker(mut self, marker: Option<Marker>) -> Self {
        self.marker = marker;
        self
    }
}

impl TargetQuery {
    /// Every live event of a target.
    #[must_use]
    pub fn new(namespace: impl Into<Arc<str>>, target: TargetKey) -> Self {
        Self { namespace: namespace.into(), target, generation: Generation::FIRST, known: None }
    }

    /// With the generation written last.
    #[must_use]
    pub fn with_generation(mut self, generation: Generation) -> Self {
        self.generation = generation;
        self
    }

    /// With the provider's id of the event known last.
    #[must_use]
    pub fn with_known(mut self, known: Option<RemoteId>) -> Self {
        self.known = known;
        self
    }

    /// The key that was written last.
    #[must_use]
    pub fn key(&self) -> EventKey {
        self.target.event(self.generation)
    }

    /// Whether an event with this id, marker and own key is one that this looks for: it carries our marker for the target; or it
    /// carries none, and is the one known last or was made under a key of the target.
    #[must_use]
    pub fn matches(&self, id: &RemoteId, marker: Option<&Marker>, key: Option<EventKey>) -> bool {
        match marker {
            Some(marker) => marker.key.target() == self.target && *marker.namespace == *self.namespace,
            None => self.known.as_ref() == Some(id) || key.is_some_and(|key| key.target() == self.target),
        }
    }
}

impl OursPage {
    /// A page.
    #[must_use]
    pub fn new(events: Vec<Found>, next: Option<PageToken>) -> Self {
        Self { events, next }
    }
}

impl CreateOptions {
    /// The usual way.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether an earlier create under this key may have come through.
    #[must_use]
    pub fn with_retried(mut self, retried: bool) -> Self {
        self.retried = retried;
        self
    }
}

impl UpdateOptions {
    /// The usual way.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With the version last seen.
    #[must_use]
    pub fn with_etag(mut self, etag: Option<Etag>) -> Self {
        self.etag = etag;
        self
    }
}

impl UpdateOptions {
    /// Whether to write also where the event says what it should.
    #[must_use]
    pub fn with_rewrite(mut self, rewrite: bool) -> Self {
        self.rewrite = rewrite;
        self
    }
}

impl DeleteOptions {
    /// The usual way.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With the version last seen.
    #[must_use]
    pub fn with_etag(mut self, etag: Option<Etag>) -> Self {
        self.etag = etag;
        self
    }
}
