//! The delivery ledger: what calsync has written for an appointment, one row for each target
//! calendar.
//!
//! The host stores a [`Ledger`] with each appointment, in a column of its own. The ledger changes
//! itself, by one method for each transition; no other module writes a row.
//!
//! # States
//!
//! | state | meaning |
//! | --- | --- |
//! | [`Absent`](DeliveryState::Absent) | no event of ours is there: never written, or withdrawn |
//! | [`Confirmed`](DeliveryState::Confirmed) | the provider confirmed it: remote id, etag, fingerprint of the content |
//! | [`Pending`](DeliveryState::Pending) | a write is under way or its outcome is unknown: the next run looks into the calendar first |
//!
//! # Transitions
//!
//! | transition | from | to | version |
//! | --- | --- | --- | --- |
//! | begin | any | Pending, at the plan's revision; a hold is lifted | rises |
//! | record, of the begun revision or a newer one | any | what the outcome says | rises |
//! | record, of an older revision | any | the same, with a look as soon as possible: the late write may have left an event, or removed one | rises |
//! | [`revive`](Ledger::revive) | any, held for a failure | the same without hold and failures | rises |
//! | [`restore_removed`](Ledger::restore_removed) | Absent, held as `RemovedByPerson` | the same without hold | rises |
//! | keep (begin of a disconnect) | Confirmed or Pending | the same, held as `Disconnected` | rises |
//! | hold for the host (begin, by the brake) | any | the same, held as `AwaitingHost` | rises |
//! | [`doubt`](Ledger::doubt) | Confirmed | Pending, as after a removal whose outcome is unknown | rises |
//! | [`abandon`](Ledger::abandon) | any | the row is gone, the event stays | rises |
//! | [`forget`](Ledger::forget) | any | the rows of that person are gone | rises |
//! | recover | no row | Pending, for an event that was found | rises |

mod change;
mod hold;
mod outcome;
mod read;
mod recover;
mod row;
mod views;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub(crate) use change::BeginRow;
pub use hold::Hold;
pub use outcome::{Outcome, Verdict};
pub use read::LedgerError;
pub use row::{Delivery, DeliveryState, PendingWrite, RemoteEvent};
pub use views::IndexRow;

use crate::calendar::CalendarRef;
pub use crate::health::BlockReason;
use crate::identity::{Generation, TargetKey};
use crate::names::{ProviderKind, RemoteId};

/// The largest revision and version, so that both fit an SQL BIGINT.
pub(crate) const MAX_NUMBER: u64 = i64::MAX as u64;

/// Everything calsync knows about the events of one appointment.
///
/// A host with several workers saves a ledger only where the stored [`version`](Ledger::version) is
/// still the one it loaded (compare and save). If the version has changed, another worker was
/// faster: after `begin` the host loads the appointment and plans again; after `record` it loads it
/// and records the same report again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "read::Stored", into = "read::Stored")]
pub struct Ledger {
    namespace: Option<Arc<str>>,
    version: u64,
    revision: u64,
    deliveries: Vec<Delivery>,
    inherited: BTreeMap<ProviderKind, RemoteId>,
    withdrawn: Vec<Withdrawn>,
}

/// The generation of a target without a row. The row was dropped because nothing else was in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Withdrawn {
    target: TargetKey,
    generation: Generation,
}

impl Ledger {
    /// The ledger of an appointment that older code synced: one event id for each provider, of
    /// unknown owner. The next plan adopts them.
    #[must_use]
    pub fn inherited(ids: BTreeMap<ProviderKind, RemoteId>) -> Self {
        Self { inherited: ids, ..Self::default() }
    }

    /// The host's namespace. `None` before the first plan was begun.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Rises by one with every change of the ledger, up to `i64::MAX`. A host compares it when it
    /// saves.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Rises with every plan that is begun, and above any newer one met in a calendar. Written into
    /// the events (iCalendar `SEQUENCE`).
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The rows: one for each target that calsync has written to and still has to remember.
    #[must_use]
    pub fn deliveries(&self) -> &[Delivery] {
        &self.deliveries
    }

    /// The row of a calendar. A row whose event is known to be in another account does not match.
    /// If there are two rows, which happens only after a recovery: the row whose event may exist.
    #[must_use]
    pub fn delivery(&self, calendar: &CalendarRef) -> Option<&Delivery> {
        let mut rows = self.deliveries.iter().filter(|row| row.is_of(calendar));
        let first = rows.clone().next();
        rows.find(|row| row.may_exist()).or(first)
    }

    /// Events of older code that no plan has adopted yet.
    #[must_use]
    pub fn inherited_events(&self) -> &BTreeMap<ProviderKind, RemoteId> {
        &self.inherited
    }

    /// When the next plan has something to do that cannot be done now. `None` if no row waits for a
    /// known time.
    #[must_use]
    pub fn next_attempt_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.deliveries.iter().filter_map(|row| row.next_attempt_at(now)).min()
    }

    /// The generation of the next event at a target without a row.
    pub(crate) fn generation_of(&self, target: TargetKey) -> Generation {
        let withdrawn = self.withdrawn.iter().find(|withdrawn| withdrawn.target == target);
        let withdrawn = withdrawn.map_or(Generation::FIRST, |withdrawn| withdrawn.generation);
        // A row of the same target in another account has used its generation.
        let rows = self.deliveries.iter().filter(|row| row.target == target);
        rows.map(|row| row.generation.next()).max().map_or(withdrawn, |next| next.max(withdrawn))
    }

    /// The row of a target in exactly this calendar. After a change of account a target has one row
    /// in each account.
    fn position(&self, target: TargetKey, calendar: &CalendarRef) -> Option<usize> {
        self.deliveries.iter().position(|row| row.target == target && row.is_of(calendar))
    }

    /// The row of a target, also if another connection to the same account has taken it over.
    fn position_of_target(&self, target: TargetKey, calendar: &CalendarRef) -> Option<usize> {
        let is_it = |row: &Delivery| row.is_of_target(target, calendar);
        self.position(target, calendar).or_else(|| self.deliveries.iter().position(is_it))
    }
}
