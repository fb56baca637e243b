//! A calendar is disconnected: our events are removed or left there on purpose, and only then the grant is given back.
//!
//! The order matters, since what is removed is removed with the credentials that go:
//!
//! 1. The host takes the connection off the profile and saves that. From here on no plan makes anything there.
//! 2. For every appointment with a row of that connection, or of one whose place it took ([`Leaving::with_connected`]), it asks
//!    [`Leaving::plan`], begins, saves, runs, records and saves, and tells the [`LeaveReceipt`]. What cannot be removed now stays in
//!    the receipt, with the reason; the same can be done again as long as the tokens are there.
//! 3. Once [`LeaveReceipt::may_revoke`] says so, the host gives the grant back (the `disconnect` of `GoogleCalendar` and
//!    `OutlookCalendar`, which forgets the tokens after that). Google then ends every grant of the same account, so with a second
//!    connection to it this waits for the last.
//!
//! The rows survive. What was left on purpose waits as [`ParkReason::Disconnected`], so that no later plan calls with
//! credentials that are gone. With the same calendar connected again all goes on; another account is another matter
//! ([`OtherAccount`](crate::plan::OtherAccount)).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::audience::place_of;
use crate::calendar::{CalendarRef, Person, Role};
use crate::error::Failure;
use crate::id::{AppointmentId, ConnectionId};
use crate::ledger::{Hold, ParkReason, Presence};
use crate::model::{Appointment, Connection};
use crate::names::ProviderKind;
use crate::plan::{BeginError, Note, Plan, PlanDraft, Planner, Row};
use crate::report::Outcome;

/// Which of our events go when a calendar is disconnected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Leave {
    /// Those of appointments that are not over; the others stay as a record.
    #[default]
    Future,
    /// All.
    All,
    /// None. Also for what cannot be removed, when the host gives up on it.
    Nothing,
}

/// Somebody leaves a calendar. Plans for one appointment at a time.
///
#[cfg_attr(feature = "sync", doc = "```")]
#[cfg_attr(not(feature = "sync"), doc = "```ignore")]
/// # use calsync_core::leave::{Leave, Leaving, LeaveReceipt};
/// # use calsync_core::clock::{Clock, SystemClock};
/// # use calsync_core::memory::MemoryCalendar;
/// # use calsync_core::model::{Appointment, Connection};
/// # use calsync_core::names::{CalendarId, ProviderKind};
/// # use calsync_core::calendar::Person;
/// # use calsync_core::sync::Syncer;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// # let syncer = Syncer::builder("my-shop").provider(MemoryCalendar::new()).build();
/// # let connection = Connection::new(1, ProviderKind::MEMORY, CalendarId::primary());
/// # let connections_left = [];
/// # let person = Person::Profile(7.into());
/// # let (start, end) = ("2026-01-20T09:00:00Z".parse()?, "2026-01-20T10:00:00Z".parse()?);
/// # let mut appointments = [Appointment::new(10, 5, start, end)];
/// let leaving = Leaving::new(syncer.planner(), person, &connection, Leave::Future).with_connected(&connections_left);
/// let mut receipt = LeaveReceipt::new(&leaving);
/// for appointment in &mut appointments {
///     let departure = leaving.plan(appointment, SystemClock.now());
///     departure.begin(appointment)?; // save
///     receipt.begun(&departure);
///     let report = syncer.run(departure.plan).await;
///     appointment.record(&report); // save
///     report.outcomes.iter().for_each(|outcome| receipt.record(outcome));
/// }
/// if receipt.may_revoke() {
///     // google.disconnect(&grant_key).await?;
/// }
/// # assert!(receipt.may_revoke());
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Clone)]
pub struct Leaving {
    planner: Planner,
    /// The calendar as the connection reaches it.
    place: CalendarRef,
    leave: Leave,
    /// What the person has connected besides, where the host has said so.
    others: Option<Vec<CalendarRef>>,
}

/// What leaving means for one appointment. Prints itself in words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Departure {
    /// The removals; in its notes what is left, and what cannot be removed now and why.
    pub plan: Plan,
}

/// What came of leaving a calendar: counts, and what remains. Nothing in its words is anybody's data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeaveReceipt {
    /// Who left.
    pub person: Person,
    /// The kind of backend.
    pub provider: ProviderKind,
    /// The connection.
    pub connection: ConnectionId,
    /// How many events were removed, or were gone already.
    pub removed: usize,
    /// How many were left on purpose.
    pub left: usize,
    /// What remains to be removed, by appointment.
    remaining: BTreeMap<AppointmentId, Vec<Remaining>>,
    /// How many events stand in another account that the connection led to before, by appointment. They are not touched.
    elsewhere: BTreeMap<AppointmentId, usize>,
}

/// An event that is still to be removed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Remaining {
    /// Whose event.
    pub appointment: AppointmentId,
    /// Where.
    pub place: CalendarRef,
    /// The role.
    pub role: Role,
    /// What its removal waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// What the last attempt met; none before there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// When another attempt is worth making, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<DateTime<Utc>>,
}

impl Leaving {
    /// `person` leaves the calendar of `connection`, as it is, or last was, in the profile.
    #[must_use]
    pub fn new(planner: &Planner, person: Person, connection: &Connection, leave: Leave) -> Self {
        Self { planner: planner.clone(), place: place_of(&person, connection), leave, others: None }
    }

    /// What the person has connected, whether with the connection that is left or without it. Then also the events go that were
    /// written to the same calendar through a connection which is not among these any more: the one that is left took its
    /// place. An appointment that is over, and planned no more, has such a row for good.
    #[must_use]
    pub fn with_connected(mut self, connections: &[Connection]) -> Self {
        let others = connections.iter().filter(|connection| connection.id != self.place.connection);
        self.others = Some(others.map(|other| place_of(&self.place.person, other)).collect());
        self
    }

    /// What leaving means for one appointment. Only rows of that connection are looked at, and of [those whose place it
    /// took](Self::with_connected); events that older code wrote and nobody adopted are in no row, and stay.
    #[must_use]
    pub fn plan(&self, appointment: &Appointment, now: DateTime<Utc>) -> Departure {
        let mut draft = PlanDraft::new(&self.planner, appointment, now);
        let removes = match self.leave {
            Leave::Future => appointment.end_time > now,
            Leave::All => true,
            Leave::Nothing => false,
        };
        for delivery in &appointment.ledger.deliveries {
            let mut row = Row { delivery: Cow::Borrowed(delivery), adopts: None };
            let Some(through) = self.reached_through(&draft, &row).filter(|_| row.may_stand()) else {
                continue;
            };
            let (role, place) = (delivery.role, delivery.place.clone());
            let is_left = row.is_left();
            if self.place.is_in_another_account(&place) {
                draft.plan.notes.push(Note::OtherAccount { role, place });
            } else if removes {
                if is_left {
                    // What was left before may still be removed.
                    row.delivery.to_mut().hold = None;
                }
                draft.count_on(&mut row, &through);
                draft.decide(Some(row), through, role, None);
            } else if !is_left {
                draft.plan.notes.push(Note::Left { role, place });
            }
        }
        Departure { plan: draft.plan }
    }

    /// Where to reach the event of a row, if it is left: the row's own place, or that of the connection which took its place.
    fn reached_through(&self, draft: &PlanDraft<'_>, row: &Row<'_>) -> Option<CalendarRef> {
        let place = &row.delivery.place;
        if place.person != self.place.person || place.provider != self.place.provider {
            return None;
        }
        if place.connection == self.place.connection {
            return Some(place.clone());
        }
        let ids = draft.calendar_ids(place);
        let is_kept =
            |other: &CalendarRef| other.connection == place.connection || ids.is_one_calendar(other, place);
        if self.others.as_ref()?.iter().any(is_kept) || !ids.is_one_calendar(&self.place, place) {
            return None;
        }
        // A place has one row.
        let own = draft.appointment.ledger.delivery(&self.place);
        let is_free = own.is_none_or(|own| own.presence == Presence::Absent)
            && draft.plan.steps.iter().all(|step| step.place != self.place);
        Some(if is_free { self.place.clone() } else { place.clone() })
    }
}

impl Departure {
    /// Whether there is nothing to begin.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.plan.is_empty() && self.left().next().is_none()
    }

    /// Begins the removals, and puts what is left on hold. The host saves the appointment before it runs the plan, also where
    /// the plan has no step.
    ///
    /// # Errors
    /// As [`Plan::begin`]. Then nothing is changed.
    pub fn begin(&self, appointment: &mut Appointment) -> Result<(), BeginError> {
        self.plan.begin(appointment)?;
        let ledger = &mut appointment.ledger;
        for place in self.left() {
            let at = ledger.position(place);
            let Some(row) = at.and_then(|at| ledger.deliveries.get_mut(at)) else { continue };
            row.hold = Some(Hold::Parked { reason: ParkReason::Disconnected, until: None });
            // An older run that reports later changes nothing of that.
            row.revision = self.plan.revision();
            row.changed_at = self.plan.at;
            ledger.revision = self.plan.revision();
        }
        Ok(())
    }

    fn left(&self) -> impl Iterator<Item = &CalendarRef> {
        self.plan.notes.iter().filter_map(|note| match note {
            Note::Left { place, .. } => Some(place),
            _ => None,
        })
    }
}

impl LeaveReceipt {
    /// The receipt of somebody who is about to leave.
    #[must_use]
    pub fn new(leaving: &Leaving) -> Self {
        Self {
            person: leaving.place.person.clone(),
            provider: leaving.place.provider.clone(),
            connection: leaving.place.connection.clone(),
            removed: 0,
            left: 0,
            remaining: BTreeMap::new(),
            elsewhere: BTreeMap::new(),
        }
    }

    /// Takes in what was begun for an appointment. Until an outcome says otherwise all of it remains. Beginning again replaces
    /// what was said of the appointment.
    pub fn begun(&mut self, departure: &Departure) {
        let plan = &departure.plan;
        let remaining = |place: &CalendarRef, role: Role, hold: Option<Hold>| {
            let (appointment, place) = (plan.appointment.clone(), place.clone());
            let next_attempt_at = match &hold {
                Some(Hold::Parked { until, .. }) => *until,
                _ => None,
            };
            Remaining { appointment, place, role, hold, failure: None, next_attempt_at }
        };
        let mut all: Vec<Remaining> =
            plan.steps.iter().map(|step| remaining(&step.place, step.role, None)).collect();
        let mut elsewhere = 0;
        for note in &plan.notes {
            match note {
                Note::Held { role, place, hold } => all.push(remaining(place, *role, Some(hold.clone()))),
                Note::OtherAccount { .. } => elsewhere += 1,
                Note::Left { .. } => self.left += 1,
                _ => {}
            }
        }
        self.remaining.remove(&plan.appointment);
        self.elsewhere.remove(&plan.appointment);
        if !all.is_empty() {
            self.remaining.insert(plan.appointment.clone(), all);
        }
        if elsewhere > 0 {
            self.elsewhere.insert(plan.appointment.clone(), elsewhere);
        }
    }

    /// Takes in what became of a removal; other outcomes are passed over.
    pub fn record(&mut self, outcome: &Outcome) {
        let Some(rows) = self.remaining.get_mut(&outcome.appointment) else { return };
        let Some(at) = rows.iter().position(|row| row.place == outcome.place) else { return };
        // After a removal that may have been overtaken the row is looked at once more.
        if outcome.verdict.is_done() && outcome.presence == Presence::Absent {
            rows.remove(at);
            self.removed += 1;
        } else if let Some(row) = rows.get_mut(at) {
            row.hold = outcome.hold.clone();
            row.failure = outcome.failure.clone();
            row.next_attempt_at = outcome.next_attempt_at();
        }
        if rows.is_empty() {
            self.remaining.remove(&outcome.appointment);
        }
    }

    /// What remains to be removed.
    pub fn remaining(&self) -> impl Iterator<Item = &Remaining> {
        self.remaining.values().flatten()
    }

    /// How many events stand in another account, which the connection led to before. They were not touched.
    #[must_use]
    pub fn in_other_accounts(&self) -> usize {
        self.elsewhere.values().sum()
    }

    /// Whether nothing needs the credentials any more. A host that gives up on what remains leaves it with [`Leave::Nothing`],
    /// and revokes then.
    #[must_use]
    pub fn may_revoke(&self) -> bool {
        self.remaining.is_empty()
    }

    /// When the first of what remains is worth another attempt, where that is known.
    #[must_use]
    pub fn next_attempt_at(&self) -> Option<DateTime<Utc>> {
        self.remaining().filter_map(|remaining| remaining.next_attempt_at).min()
    }
}

/// The plan, in words.
impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plan.fmt(f)
    }
}

/// `google of profile 3 (connection default): 12 removed, 3 left there, 1 to be removed`, and a line for each of the last.
impl fmt::Display for LeaveReceipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { person, provider, connection, removed, left, .. } = self;
        write!(f, "{provider} of {person} (connection {connection}): {removed} removed, {left} left there")?;
        match self.remaining().count() {
            0 => {}
            count => write!(f, ", {count} to be removed")?,
        }
        match self.in_other_accounts() {
            0 => {}
            count => write!(f, ", {count} in another account")?,
        }
        self.remaining().try_for_each(|remaining| write!(f, "\n  {remaining}"))
    }
}

/// `appointment 10: for staff: it waits: …`.
impl fmt::Display for Remaining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "appointment {}: for {}: ", self.appointment, self.role)?;
        match (&self.hold, &self.failure) {
            (Some(hold), _) => write!(f, "it waits: {hold}"),
            (None, Some(failure)) => write!(f, "{failure}"),
            (None, None) => f.write_str("not reported yet"),
        }
    }
}

/// Without the account.
impl fmt::Debug for Leaving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaving")
            .field("place", &self.place)
            .field("leave", &self.leave)
            .finish_non_exhaustive()
    }
}
