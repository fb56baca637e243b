//! Disconnecting a calendar: our events are removed or kept on purpose, and only then the grant is
//! revoked.
//!
//! The order matters, because the events are removed with the credentials of that grant:
//!
//! 1. The host removes the connection from the profile and saves it. From then on no plan makes an
//!    event there.
//! 2. For every appointment with a row of that connection the host calls
//!    [`Planner::plan_disconnect`], begins, saves, runs, records and saves, and passes the begun
//!    plan and its outcomes to the [`DisconnectReceipt`]. An event that cannot be removed now stays
//!    in the receipt, with the reason; the host can repeat this step as long as it has the tokens.
//!    The disconnect and its receipt can be serialised, so both survive a restart.
//! 3. Once [`DisconnectReceipt::may_revoke`] returns `true`, the host revokes the grant. Google
//!    then ends every grant of the same account: if two connections lead to it, revoke only with
//!    the last one.
//!
//! The rows stay. Events kept on purpose are held as [`BlockReason::Disconnected`], so that no
//! later plan makes calls with the revoked credentials. When the same calendar is connected again,
//! they are kept up to date again.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::calendar::{CalendarRef, ConnectionKey, Person, Role};
use crate::error::{Failure, InputError};
use crate::id::AppointmentId;
use crate::identity::TargetKey;
#[cfg(doc)]
use crate::ledger::BlockReason;
use crate::ledger::{Delivery, DeliveryState, Hold, Outcome};
use crate::model::{Appointment, Connection};
use crate::plan::{BeginError, Begun, Note, Plan, PlanDraft, Planner, Row};

/// Which of our events are removed when a calendar is disconnected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnDisconnect {
    /// The events of appointments that are not over; the others stay as a record.
    #[default]
    DeleteFuture,
    /// All events.
    DeleteAll,
    /// No events. A host also uses this to give up on events that cannot be removed.
    Keep,
}

/// The disconnect of one calendar by its person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Disconnect {
    /// The calendar as the connection reaches it.
    calendar: CalendarRef,
    on_disconnect: OnDisconnect,
    /// The person's other calendars, if the host has given them.
    others: Option<Vec<CalendarRef>>,
}

/// The plan of a disconnect for one appointment. `Display` lists it without personal data.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DisconnectPlan {
    /// The removals. Its notes list the events that are kept, and those that cannot be removed now,
    /// with the reason.
    pub plan: Plan,
}

/// The result of a disconnect: counts, and the events that remain. Contains ids only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DisconnectReceipt {
    /// The disconnected connection.
    pub connection: ConnectionKey,
    /// How many events were removed, or were gone already, by appointment.
    removed: BTreeMap<AppointmentId, usize>,
    /// How many events were kept on purpose, by appointment.
    kept: BTreeMap<AppointmentId, usize>,
    /// The events that remain to be removed, by appointment.
    remaining: BTreeMap<AppointmentId, Vec<Remaining>>,
    /// How many events are in another account that the connection led to before, by appointment.
    /// They are not touched.
    in_other_accounts: BTreeMap<AppointmentId, usize>,
}

/// An event that is still to be removed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Remaining {
    /// The event's appointment.
    pub appointment: AppointmentId,
    /// The calendar that the event is in.
    pub calendar: CalendarRef,
    /// The role of the calendar's person in the appointment.
    pub role: Role,
    /// The hold that the removal waits for, if it is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// The failure of the last attempt; `None` before the first attempt has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// When to try the removal again; `None` if the time is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<DateTime<Utc>>,
}

impl Disconnect {
    /// `person` disconnects the calendar of `connection`. Give the connection as it is, or last
    /// was, in the profile.
    #[must_use]
    pub fn new(person: &Person, connection: &Connection, on_disconnect: OnDisconnect) -> Self {
        Self { calendar: connection.calendar(person), on_disconnect, others: None }
    }

    /// Sets all connections of the person; the connection to disconnect may be among them. Then
    /// events that were written to the same calendar through a replaced connection are removed too.
    /// If another connection of the person still reaches the calendar, it takes the event over
    /// without a request. Default: not known, and neither is done.
    #[must_use]
    pub fn with_connected(mut self, connections: &[Connection]) -> Self {
        let person = &self.calendar.person;
        let others = connections.iter().filter(|connection| connection.id != self.calendar.connection);
        self.others = Some(others.map(|other| other.calendar(person)).collect());
        self
    }

    /// The connection to disconnect.
    #[must_use]
    pub fn connection(&self) -> ConnectionKey {
        self.calendar.connection_key()
    }

    /// The calendar through which the event of a row is reached; `None` if the disconnect does not
    /// concern the row. It is the row's own, or that of the connection to disconnect, which has
    /// replaced it.
    fn reached_through(&self, draft: &PlanDraft<'_>, row: &Row<'_>) -> Option<CalendarRef> {
        let calendar = row.delivery.calendar();
        if calendar.person != self.calendar.person || calendar.provider != self.calendar.provider {
            return None;
        }
        if calendar.connection == self.calendar.connection {
            return Some(calendar.clone());
        }
        let place = row.delivery.place();
        let is_kept = |other: &CalendarRef| {
            other.connection == calendar.connection || draft.is_one_calendar(other, &place)
        };
        let is_replaced =
            !self.others.as_ref()?.iter().any(is_kept) && draft.is_one_calendar(&self.calendar, &place);
        if !is_replaced {
            return None;
        }
        // A calendar has one row.
        let own = draft.appointment.ledger.delivery(&self.calendar);
        let is_free = !own.is_some_and(Delivery::may_exist)
            && draft.plan.steps.iter().all(|step| !step.calendar.is_at(&self.calendar));
        Some(if is_free { self.calendar.clone() } else { calendar.clone() })
    }

    /// The same calendar through another connection of the person that has no event of its own
    /// there.
    fn taken_over_by(&self, draft: &PlanDraft<'_>, calendar: &CalendarRef) -> Option<CalendarRef> {
        let is_same = |other: &&CalendarRef| {
            let row = draft.appointment.ledger.delivery(other);
            draft.is_one_calendar(other, calendar) && !row.is_some_and(Delivery::may_exist)
        };
        self.others.as_ref()?.iter().find(is_same).cloned()
    }
}

impl Planner {
    /// Plans a disconnect for one appointment. It concerns only rows of that connection, and of
    /// [those it has replaced](Disconnect::with_connected). Events of older code that no plan has
    /// adopted have no row, and stay.
    ///
    /// # Errors
    /// As [`Planner::plan`].
    pub fn plan_disconnect(
        &self,
        disconnect: &Disconnect,
        appointment: &Appointment,
        now: DateTime<Utc>,
    ) -> Result<DisconnectPlan, InputError> {
        self.check(appointment, now)?;
        let mut draft = PlanDraft::new(self, appointment, now);
        let removes = match disconnect.on_disconnect {
            OnDisconnect::DeleteFuture => appointment.end_time > now,
            OnDisconnect::DeleteAll => true,
            OnDisconnect::Keep => false,
        };
        let concerned = |row: &&Delivery| row.may_exist() || row.look_at().is_some();
        for delivery in appointment.ledger.deliveries().iter().filter(concerned) {
            let mut row = Row::of(delivery);
            let Some(through) = disconnect.reached_through(&draft, &row) else { continue };
            let (role, calendar) = (delivery.role(), delivery.calendar().clone());
            if disconnect.calendar.is_in_another_account(&calendar) {
                draft.plan.notes.push(Note::OtherAccount { role, calendar });
            } else if let Some(by) = disconnect.taken_over_by(&draft, &delivery.place()) {
                draft.plan.notes.push(Note::TakenOver { target: delivery.target(), role, calendar, by });
            } else if removes {
                // An event that was kept before may still be removed.
                row.is_connected_again = row.is_kept();
                draft.decide(Some(row), through, role, None);
            } else if !row.is_kept() {
                draft.plan.notes.push(Note::KeptOnDisconnect { target: delivery.target(), role, calendar });
            }
        }
        Ok(DisconnectPlan { plan: draft.plan })
    }
}

impl DisconnectPlan {
    /// Whether there is nothing to begin.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let changes = |note: &Note| matches!(note, Note::KeptOnDisconnect { .. } | Note::TakenOver { .. });
        self.plan.is_empty() && !self.plan.notes.iter().any(changes)
    }

    /// Begins the removals, and holds the rows of events that are kept. The host saves the ledger
    /// before it runs the plan, also if the plan has no step. The brake does not count these
    /// removals.
    ///
    /// # Errors
    /// As [`Plan::begin`]. Then nothing is changed.
    pub fn begin(self, appointment: &mut Appointment) -> Result<Begun, BeginError> {
        let is_begun = !self.plan.is_empty();
        let begun = self.plan.begin_allowed(appointment)?;
        let plan = begun.plan();
        let (kept, taken_over) =
            (plan.notes.iter().filter_map(kept), plan.notes.iter().filter_map(taken_over));
        appointment.ledger.disconnect(kept, taken_over, plan.at, is_begun);
        Ok(begun)
    }
}

fn kept(note: &Note) -> Option<(TargetKey, &CalendarRef)> {
    match note {
        Note::KeptOnDisconnect { target, calendar, .. } => Some((*target, calendar)),
        _ => None,
    }
}

fn taken_over(note: &Note) -> Option<(TargetKey, &CalendarRef, &CalendarRef)> {
    match note {
        Note::TakenOver { target, calendar, by, .. } => Some((*target, calendar, by)),
        _ => None,
    }
}

impl DisconnectReceipt {
    /// The receipt of a disconnect that is about to begin.
    #[must_use]
    pub fn new(disconnect: &Disconnect) -> Self {
        Self {
            connection: disconnect.connection(),
            removed: BTreeMap::new(),
            kept: BTreeMap::new(),
            remaining: BTreeMap::new(),
            in_other_accounts: BTreeMap::new(),
        }
    }

    /// Adds the plan that was begun for an appointment. All its removals remain until their
    /// outcomes are [recorded](Self::record). A second plan for the same appointment replaces what
    /// remained; events removed or kept before stay counted.
    pub fn begun(&mut self, begun: &Begun) {
        let plan = begun.plan();
        let remaining = |calendar: &CalendarRef, role: Role, hold: Option<Hold>| {
            let next_attempt_at = hold.as_ref().and_then(|hold| hold.held_until(plan.at));
            let (appointment, calendar) = (plan.appointment.clone(), calendar.clone());
            Remaining { appointment, calendar, role, hold, failure: None, next_attempt_at }
        };
        let steps = plan.steps.iter().chain(begun.held());
        let mut all: Vec<Remaining> = steps.map(|step| remaining(&step.calendar, step.role, None)).collect();
        let mut elsewhere = 0;
        for note in &plan.notes {
            match note {
                Note::Held { role, calendar, hold } => {
                    all.push(remaining(calendar, *role, Some(hold.clone())));
                }
                Note::LooksLater { role, calendar, at } => {
                    let next_attempt_at = Some(*at);
                    all.push(Remaining { next_attempt_at, ..remaining(calendar, *role, None) });
                }
                Note::OtherAccount { .. } => elsewhere += 1,
                Note::KeptOnDisconnect { .. } => {
                    *self.kept.entry(plan.appointment.clone()).or_default() += 1;
                }
                _ => {}
            }
        }
        set(&mut self.remaining, &plan.appointment, all, Vec::is_empty);
        set(&mut self.in_other_accounts, &plan.appointment, elsewhere, |count| *count == 0);
    }

    /// Records the outcome of a removal; other outcomes are ignored.
    pub fn record(&mut self, outcome: &Outcome) {
        let Some(rows) = self.remaining.get_mut(&outcome.appointment) else { return };
        let Some(at) = rows.iter().position(|row| row.calendar.is_at(&outcome.calendar)) else { return };
        // A removal is not done while a write that was given up may still take effect.
        let is_removed =
            outcome.verdict.is_done() && outcome.state == DeliveryState::Absent && outcome.look_at.is_none();
        if is_removed {
            rows.remove(at);
            *self.removed.entry(outcome.appointment.clone()).or_default() += 1;
        } else if let Some(row) = rows.get_mut(at) {
            row.hold = outcome.hold.clone();
            row.failure = outcome.failure.clone();
            row.next_attempt_at = outcome.next_attempt_at();
        }
        if rows.is_empty() {
            self.remaining.remove(&outcome.appointment);
        }
    }

    /// The events that remain to be removed.
    pub fn remaining(&self) -> impl Iterator<Item = &Remaining> {
        self.remaining.values().flatten()
    }

    /// How many events were removed, or were gone already.
    #[must_use]
    pub fn removed(&self) -> usize {
        self.removed.values().sum()
    }

    /// How many events were kept on purpose.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.kept.values().sum()
    }

    /// How many events are in another account that the connection led to before. They were not
    /// touched.
    #[must_use]
    pub fn in_other_accounts(&self) -> usize {
        self.in_other_accounts.values().sum()
    }

    /// Whether the credentials are no longer needed: no event remains to be removed. A host that
    /// gives up on the remaining events disconnects again with [`OnDisconnect::Keep`], and revokes
    /// then.
    #[must_use]
    pub fn may_revoke(&self) -> bool {
        self.remaining.is_empty()
    }

    /// When to try the remaining removals again; `None` if the time is not known.
    #[must_use]
    pub fn next_attempt_at(&self) -> Option<DateTime<Utc>> {
        self.remaining().filter_map(|remaining| remaining.next_attempt_at).min()
    }
}

fn set<T>(
    map: &mut BTreeMap<AppointmentId, T>,
    appointment: &AppointmentId,
    value: T,
    is_nothing: impl Fn(&T) -> bool,
) {
    if is_nothing(&value) {
        map.remove(appointment);
    } else {
        map.insert(appointment.clone(), value);
    }
}

impl fmt::Display for DisconnectPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plan.fmt(f)
    }
}

/// `google of profile 3 (connection default): 12 removed, 3 kept there, 1 to be removed`, then one
/// line for each event to be removed.
impl fmt::Display for DisconnectReceipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} removed, {} kept there", self.connection, self.removed(), self.kept())?;
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

/// `appointment 10: for staff: held: …`.
impl fmt::Display for Remaining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "appointment {}: for {}: ", self.appointment, self.role)?;
        match (&self.hold, &self.failure) {
            (Some(hold), _) => write!(f, "held: {hold}"),
            (None, Some(failure)) => write!(f, "{failure}"),
            (None, None) => f.write_str("not reported yet"),
        }
    }
}
