//! Recovery: rebuilds a ledger that was lost, or restored from an old backup, from the events in
//! the calendars.
//!
//! 1. The host lists each connected calendar once
//!    ([`Syncer::list_ours`](crate::sync::Syncer::list_ours)) and [adds](Recovery::add) the
//!    listing.
//! 2. It [rebuilds](Recovery::rebuild) every appointment's ledger and saves it. If a backup was
//!    restored, it calls [`Ledger::doubt`](crate::ledger::Ledger::doubt) first. The next plan looks
//!    at every row and corrects it.
//! 3. Events that then belong to no appointment are in [`Recovery::orphans`]. The host decides
//!    whether they are [removed](Orphan::removal).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::calendar::{CalendarKey, CalendarRef, Role};
use crate::id::{AppointmentId, Id};
use crate::ledger::RemoteEvent;
use crate::model::Appointment;
use crate::names::{Etag, RemoteId};
use crate::plan::{Action, Begun, Plan, Step};
use crate::provider::{Found, Marker};

/// The events of a namespace that were found in the calendars, and the appointments rebuilt so far.
#[derive(Debug, Clone)]
pub struct Recovery {
    namespace: Arc<str>,
    listed: BTreeSet<CalendarKey>,
    events: BTreeMap<AppointmentId, Vec<(CalendarRef, Found)>>,
    /// Events whose marker names no appointment.
    unnamed: Vec<(CalendarRef, Found)>,
    copies: usize,
    rebuilt: BTreeSet<AppointmentId>,
}

/// An event of ours that belongs to no appointment of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Orphan {
    /// The calendar in which the event was listed.
    pub calendar: CalendarRef,
    /// The provider's id of the event.
    pub remote_id: RemoteId,
    /// The provider's version of the event.
    pub etag: Option<Etag>,
    /// The event's marker, which may name the appointment it was made for.
    pub marker: Marker,
}

impl Recovery {
    /// A recovery of a host's namespace without any listing.
    #[must_use]
    pub fn new(namespace: impl Into<Arc<str>>) -> Self {
        Self {
            namespace: namespace.into(),
            listed: BTreeSet::new(),
            events: BTreeMap::new(),
            unnamed: Vec::new(),
            copies: 0,
            rebuilt: BTreeSet::new(),
        }
    }

    /// Adds the complete listing of a calendar. A second listing of the same calendar is ignored,
    /// as are events of other namespaces.
    pub fn add(&mut self, calendar: &CalendarRef, found: impl IntoIterator<Item = Found>) {
        if !self.listed.insert(calendar.key()) {
            return;
        }
        for found in found {
            let Some(marker) = found.marker.as_ref().filter(|marker| marker.namespace == self.namespace)
            else {
                continue;
            };
            if found.key.is_none_or(|key| key.target() != marker.key.target()) {
                // A copy that a person made belongs to the person.
                self.copies += 1;
                continue;
            }
            match marker.appointment.clone() {
                Some(id) => self.events.entry(id).or_default().push((calendar.clone(), found)),
                None => self.unnamed.push((calendar.clone(), found)),
            }
        }
    }

    /// Attaches the events of one appointment to its ledger. Returns the number of rows that were
    /// added, or that the next plan looks at.
    pub fn rebuild(&mut self, appointment: &mut Appointment, now: DateTime<Utc>) -> usize {
        self.rebuilt.insert(appointment.id.clone());
        let mut changed = 0;
        for (calendar, found) in self.events.get(&appointment.id).into_iter().flatten() {
            let (ledger, id) = (&mut appointment.ledger, &appointment.id);
            changed += usize::from(ledger.attach(&self.namespace, id, calendar, found, now));
        }
        changed
    }

    /// The events that belong to none of the appointments rebuilt so far. Call it after the last
    /// appointment was rebuilt.
    #[must_use]
    pub fn orphans(&self) -> Vec<Orphan> {
        let lost = self.events.iter().filter(|(id, _)| !self.rebuilt.contains(*id));
        let lost = lost.flat_map(|(_, events)| events).chain(&self.unnamed);
        lost.filter_map(|(calendar, found)| {
            let marker = found.marker.clone()?;
            let (remote_id, etag) = (found.remote_id.clone(), found.etag.clone());
            Some(Orphan { calendar: calendar.clone(), remote_id, etag, marker })
        })
        .collect()
    }

    /// How many copies of our events people have made: they carry our marker. They are not touched.
    #[must_use]
    pub fn copies(&self) -> usize {
        self.copies
    }
}

impl Orphan {
    /// A plan that removes the event. The host [runs](crate::sync::Syncer::run) it as it is; its
    /// outcome belongs to no ledger.
    pub fn removal(&self, now: DateTime<Utc>) -> Begun {
        let key = self.marker.key;
        let event = RemoteEvent::new(self.remote_id.clone()).with_etag(self.etag.clone());
        let step = Step {
            calendar: self.calendar.clone(),
            target: key.target(),
            role: Role::Customer,
            generation: key.generation(),
            action: Action::Delete { event },
            adopts: None,
            moves_from: None,
            pending_since: None,
            unreported_since: None,
            failures: 0,
            blocked: None,
        };
        // If the marker names no appointment, the target's id takes its place.
        let named = || Id::text(&key.target().to_string()).unwrap_or_else(|_| 0.into());
        let appointment = self.marker.appointment.clone().unwrap_or_else(named);
        Begun::of(Plan {
            namespace: self.marker.namespace.clone(),
            appointment,
            planned_from: self.marker.revision,
            planned_version: 0,
            at: now,
            is_withdrawal: true,
            steps: vec![step],
            notes: Vec::new(),
            unchanged: 0,
            brake: None,
        })
    }
}

/// `google of profile 3 (connection default): an event of appointment 17`.
impl fmt::Display for Orphan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: an event of ", self.calendar)?;
        match &self.marker.appointment {
            Some(appointment) => write!(f, "appointment {appointment}"),
            None => write!(f, "an unknown appointment, target {}", self.marker.key.target()),
        }
    }
}
