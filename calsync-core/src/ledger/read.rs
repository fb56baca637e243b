//! The ledger as it is stored, and what is checked when it is loaded.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::AppointmentId;
use crate::identity::TargetKey;
use crate::ledger::row::{Delivery, Home};
use crate::ledger::{Ledger, MAX_NUMBER, Withdrawn};
use crate::names::{ProviderKind, RemoteId};

/// The format that this version writes, and the newest it reads.
const FORMAT: u32 = 1;

/// A ledger as it is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    format: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    namespace: Option<Arc<str>>,
    version: u64,
    revision: u64,
    #[serde(default)]
    deliveries: Vec<Delivery>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    inherited: BTreeMap<ProviderKind, RemoteId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    withdrawn: Vec<Withdrawn>,
}

/// Why a stored ledger cannot be used. Names a row by its index in `deliveries`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The ledger was written by a newer version of calsync.
    #[error("format: {0} is newer than {FORMAT}, the newest that this version of calsync reads")]
    NewerFormat(u32),
    /// A version or a revision is larger than `i64::MAX`, the largest SQL BIGINT.
    #[error("{0}: is too large for an SQL BIGINT")]
    TooLarge(&'static str),
    /// Two rows have the same target, calendar and account.
    #[error("deliveries[{0}]: an earlier row has the same target and calendar")]
    Twice(usize),
    /// A row belongs to another appointment, or to another namespace.
    #[error("deliveries[{0}]: belongs to another appointment or namespace")]
    Foreign(usize),
}

impl TryFrom<Stored> for Ledger {
    type Error = LedgerError;

    fn try_from(stored: Stored) -> Result<Self, LedgerError> {
        if stored.format > FORMAT {
            return Err(LedgerError::NewerFormat(stored.format));
        }
        for (field, number) in [("version", stored.version), ("revision", stored.revision)] {
            if number > MAX_NUMBER {
                return Err(LedgerError::TooLarge(field));
            }
        }
        let mut seen = HashSet::new();
        for (at, row) in stored.deliveries.iter().enumerate() {
            if !seen.insert((row.calendar.key(), row.calendar.account.clone(), row.target)) {
                return Err(LedgerError::Twice(at));
            }
            if row.revision > MAX_NUMBER {
                return Err(LedgerError::TooLarge("deliveries.revision"));
            }
        }
        let Stored { namespace, version, revision, deliveries, inherited, withdrawn, .. } = stored;
        Ok(Self { namespace, version, revision, deliveries, inherited, withdrawn })
    }
}

impl From<Ledger> for Stored {
    fn from(ledger: Ledger) -> Self {
        let Ledger { namespace, version, revision, deliveries, inherited, withdrawn } = ledger;
        Self { format: FORMAT, namespace, version, revision, deliveries, inherited, withdrawn }
    }
}

impl Ledger {
    /// Checks that every row belongs to this appointment: its target's key was derived from the
    /// appointment's id.
    ///
    /// # Errors
    /// [`LedgerError::Foreign`] names the first row that does not.
    pub(crate) fn check_owner(&self, appointment: &AppointmentId) -> Result<(), LedgerError> {
        let Some(namespace) = &self.namespace else {
            return if self.deliveries.is_empty() { Ok(()) } else { Err(LedgerError::Foreign(0)) };
        };
        let of_other = |row: &Delivery| {
            // A row that another connection took over keeps the key of the calendar it was made
            // for.
            let derived = match row.home.as_deref() {
                Some(Home::Unknown) => return false,
                Some(Home::At(home)) => TargetKey::derive_at(namespace, appointment, home),
                None => TargetKey::derive(namespace, appointment, &row.calendar),
            };
            derived != row.target
        };
        match self.deliveries.iter().position(of_other) {
            Some(at) => Err(LedgerError::Foreign(at)),
            None => Ok(()),
        }
    }
}
