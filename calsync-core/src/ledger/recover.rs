//! Rows for events that a listing found.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::calendar::{CalendarRef, Role};
use crate::id::AppointmentId;
use crate::identity::TargetKey;
use crate::ledger::Ledger;
use crate::ledger::row::{Delivery, DeliveryState, Home, PendingWrite, RemoteEvent};
use crate::provider::{Found, MAX_REVISION_LEAD};

impl Ledger {
    /// Attaches an event of ours that a listing found in `calendar`. If the target has a row that
    /// does not know this event, the next plan looks; if it has no row, one is added. Returns
    /// whether the ledger was changed.
    pub(crate) fn attach(
        &mut self,
        namespace: &Arc<str>,
        appointment: &AppointmentId,
        calendar: &CalendarRef,
        found: &Found,
        at: DateTime<Utc>,
    ) -> bool {
        let Some(key) = found.key else { return false };
        let revision = found.marker.as_ref().map_or(0, |marker| marker.revision);
        if revision.saturating_sub(self.revision) <= MAX_REVISION_LEAD {
            // The next plan's revision has to be above the one in the calendar.
            self.revision = self.revision.max(revision);
        }
        let place = calendar.clone().with_account(found.account.clone().or_else(|| calendar.account.clone()));
        // An id other than `primary` names the same calendar through every account.
        let is_same_id = |row: &Delivery| {
            row.target == key.target()
                && (&row.calendar.provider, &row.calendar.calendar) == (&place.provider, &place.calendar)
                && !place.calendar.is_primary()
        };
        let row = self.position_of_target(key.target(), &place);
        let row = row.or_else(|| self.deliveries.iter().position(is_same_id));
        if let Some(row) = row.and_then(|at| self.deliveries.get_mut(at)) {
            let is_known = row.confirmed().is_some_and(|event| event.remote_id == found.remote_id);
            if is_known || row.look_at.is_some_and(|look_at| look_at <= at) {
                return false;
            }
            row.look_at = Some(at);
            row.pending_since.get_or_insert(at);
            self.changed();
            return true;
        }
        self.namespace = Some(namespace.clone());
        // The next plan reads the role: it decides which rows a column that is not stated keeps.
        let role = found.marker.as_ref().and_then(|marker| marker.role).unwrap_or(Role::Customer);
        let mut row = Delivery::new(calendar.clone(), key.target(), role, at);
        if TargetKey::derive(namespace, appointment, calendar) != key.target() {
            // The event was made through a connection that was replaced since.
            row.home = Some(Box::new(Home::Unknown));
        }
        row.calendar.account = found.account.clone();
        row.generation = key.generation();
        let event = RemoteEvent::new(found.remote_id.clone()).with_etag(found.etag.clone());
        row.state = DeliveryState::Pending(PendingWrite::doubt(event));
        row.revision = revision.min(self.revision);
        row.pending_since = Some(at);
        self.add_found(row);
        true
    }
}
