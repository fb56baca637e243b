//! What goes into a provider's calls and what comes out.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Operation};
use crate::event::Event;
use crate::identity::EventKey;
use crate::names::{Etag, ProviderKind, RemoteId};

/// How an event of ours is known again. Written into the event, invisibly where the calendar allows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Marker {
    /// The host's namespace: another host's events are foreign.
    pub namespace: Arc<str>,
    /// The event's key.
    pub key: EventKey,
    /// The ledger's revision that wrote it (iCalendar `SEQUENCE`). Only ever rises.
    pub revision: u64,
}

/// An event to write.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Draft {
    /// How it is known again.
    pub marker: Marker,
    /// What it says.
    pub event: Arc<Event>,
    /// When the host's change was made (iCalendar `DTSTAMP` and `LAST-MODIFIED`), so that writing it again gives the same
    /// bytes.
    pub changed_at: DateTime<Utc>,
}

/// An event a provider confirmed to have written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// The provider's id.
    pub remote_id: RemoteId,
    /// The provider's version, where it told.
    pub etag: Option<Etag>,
}

/// An event a provider found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Found {
    /// The provider's id.
    pub remote_id: RemoteId,
    /// The provider's version.
    pub etag: Option<Etag>,
    /// Our marker, if it carries one.
    pub marker: Option<Marker>,
    /// What it says, as far as calsync has words for it.
    pub event: Event,
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
}

/// How to delete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeleteOptions {
    /// The version last seen. Saves the provider a read where it is still current.
    pub etag: Option<Etag>,
}

impl Marker {
    /// A marker.
    #[must_use]
    pub fn new(namespace: impl Into<Arc<str>>, key: EventKey, revision: u64) -> Self {
        Self { namespace: namespace.into(), key, revision }
    }

    /// Whether this names the same event, whatever the revision.
    #[must_use]
    pub fn is_same_event(&self, other: &Self) -> bool {
        self.key == other.key && self.namespace == other.namespace
    }

    /// Whether `operation` may touch, in the name of this, an event that carries `standing`. One without a marker may be
    /// touched: a row of the ledger names it by its id.
    ///
    /// # Errors
    /// [`NotOurs`](ErrorKind::NotOurs) and [`Superseded`](ErrorKind::Superseded).
    pub fn check(
        &self,
        standing: Option<&Self>,
        provider: ProviderKind,
        operation: Operation,
    ) -> Result<(), Error> {
        match standing {
            Some(standing) if !standing.is_same_event(self) => {
                Err(Error::new(ErrorKind::NotOurs, provider, operation))
            }
            Some(standing) if standing.revision > self.revision => {
                Err(Error::superseded(provider, operation, standing.revision))
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
        Self { remote_id, etag: None }
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
    pub fn new(remote_id: RemoteId, event: Event) -> Self {
        Self { remote_id, etag: None, marker: None, event }
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
