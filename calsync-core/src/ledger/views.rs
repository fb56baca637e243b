//! Views of the ledger for the host: the guide's two columns, and rows for an index table.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::calendar::{ConnectionKey, Role};
use crate::health::BlockReason;
use crate::identity::TargetKey;
use crate::ledger::hold::Hold;
use crate::ledger::row::DeliveryState;
use crate::ledger::{Delivery, Ledger};
use crate::names::{ProviderKind, RemoteId};

/// One row of the ledger for an index table. With the table a host can query which appointments
/// wait for a connection, and which are due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct IndexRow {
    /// The row's target. After a change of account two rows may have the same one.
    pub target: TargetKey,
    /// The connection through which the row's calendar is reached.
    #[serde(flatten)]
    pub connection: ConnectionKey,
    /// `absent`, `confirmed` or `pending`.
    pub state: &'static str,
    /// Why the row is held: the name of the [`BlockReason`], `rejected` or `awaiting_host`; `None`
    /// if it is not held.
    pub hold: Option<&'static str>,
    /// When the next plan has something to do here that cannot be done now; `None` if not known.
    pub next_attempt_at: Option<DateTime<Utc>>,
}

impl Ledger {
    /// The rows of the index table, in the order of [`Ledger::deliveries`].
    pub fn index(&self, now: DateTime<Utc>) -> impl Iterator<Item = IndexRow> + '_ {
        self.deliveries.iter().map(move |row| IndexRow {
            target: row.target,
            connection: row.calendar.connection_key(),
            state: match row.state {
                DeliveryState::Absent => "absent",
                DeliveryState::Confirmed(_) => "confirmed",
                DeliveryState::Pending(_) => "pending",
            },
            hold: row.hold().map(hold_name),
            next_attempt_at: row.next_attempt_at(now),
        })
    }

    /// The guide's `calendar_synced_to`: the providers with a confirmed event, in alphabetical
    /// order.
    #[must_use]
    pub fn synced_to(&self) -> Vec<ProviderKind> {
        self.event_ids().into_keys().collect()
    }

    /// The guide's `calendar_event_id`: one event id for each provider. If several people have an
    /// event at one provider, it is the one that the guide's code would have written last: the
    /// manager's, else the staff member's, else the customer's. An admin's event is used only if
    /// there is no other, because the guide's code wrote none.
    #[must_use]
    pub fn event_ids(&self) -> BTreeMap<ProviderKind, RemoteId> {
        let mut ids: BTreeMap<ProviderKind, (u8, RemoteId)> = BTreeMap::new();
        for (kind, id) in &self.inherited {
            ids.insert(kind.clone(), (u8::MAX, id.clone()));
        }
        for row in &self.deliveries {
            let Some(event) = row.confirmed() else { continue };
            let rank = rank(row);
            if ids.get(&row.calendar.provider).is_none_or(|(best, _)| rank < *best) {
                ids.insert(row.calendar.provider.clone(), (rank, event.remote_id.clone()));
            }
        }
        ids.into_iter().map(|(kind, (_, id))| (kind, id)).collect()
    }

    /// How many events are confirmed. The host gives the sum over all ledgers to the
    /// [brake](crate::plan::Brake::set_confirmed).
    #[must_use]
    pub fn confirmed_count(&self) -> usize {
        self.deliveries.iter().filter(|row| row.confirmed().is_some()).count()
    }
}

fn rank(row: &Delivery) -> u8 {
    match row.role {
        Role::Manager => 0,
        Role::Staff => 1,
        Role::Customer => 2,
        Role::Admin => 3,
    }
}

fn hold_name(hold: &Hold) -> &'static str {
    match hold {
        Hold::AwaitingHost { .. } => "awaiting_host",
        Hold::Rejected { .. } => "rejected",
        Hold::Blocked { reason, .. } => match reason {
            BlockReason::Reconnect => "reconnect",
            BlockReason::MissingScope => "missing_scope",
            BlockReason::Forbidden => "forbidden",
            BlockReason::CalendarNotFound => "calendar_not_found",
            BlockReason::Quota => "quota",
            BlockReason::RemovedByPerson => "removed_by_person",
            BlockReason::Disconnected => "disconnected",
            BlockReason::OtherAccount => "other_account",
            BlockReason::NotOurs => "not_ours",
            BlockReason::Configuration => "configuration",
            BlockReason::Unavailable => "unavailable",
        },
    }
}
