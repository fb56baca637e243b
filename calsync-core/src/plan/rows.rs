//! Matches the rows of the ledger to the calendars connected now.
//!
//! Usually a row belongs to the calendar it names. The rules here are for connections that were
//! replaced, connections that lead to another account now, and events that older code wrote.

use std::borrow::Cow;

use crate::audience::{Audience, Member};
use crate::calendar::{CalendarRef, Role};
use crate::identity::TargetKey;
use crate::ledger::{BlockReason, Delivery, Hold};
use crate::names::{ProviderKind, RemoteId};
use crate::plan::work::{Desired, PlanDraft, Row};
use crate::plan::{Note, OtherAccount};

impl<'a> PlanDraft<'a> {
    /// The rows that this plan may touch.
    pub(super) fn rows(&mut self, audience: &Audience<'_>) -> Vec<Row<'a>> {
        let deliveries = self.appointment.ledger.deliveries();
        let mut rows = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            let calendar = delivery.calendar();
            if !audience.is_about(&calendar.person) || audience.leaves_row_as_is(calendar, delivery.role()) {
                continue;
            }
            if self.capabilities(calendar).is_none() {
                // If the event is still desired, the plan has this note already.
                let note = Note::NoProvider { role: delivery.role(), calendar: calendar.clone() };
                if delivery.may_exist() && !self.plan.notes.contains(&note) {
                    self.plan.notes.push(note);
                }
                continue;
            }
            rows.push(Row::of(delivery));
        }
        rows
    }

    /// The row of a desired event: the row of its calendar, or the row of the same calendar under a
    /// connection that was replaced, which the new connection takes over.
    pub(super) fn take_row(
        &self,
        audience: &Audience<'_>,
        rows: &mut Vec<Row<'a>>,
        event: &Desired,
    ) -> Option<Row<'a>> {
        let is_own = |row: &Row<'_>| row.delivery.is_of(&event.calendar);
        // A person who deleted the event chose that for the calendar, also if it is reached through
        // another connection now.
        let is_same_calendar = |row: &Row<'_>| {
            let was_removed =
                row.delivery.hold().and_then(Hold::reason) == Some(BlockReason::RemovedByPerson);
            (row.may_exist() || was_removed) && self.is_one_calendar(&row.delivery.place(), &event.calendar)
        };
        let existing = rows.iter().position(|row| is_own(row) && row.may_exist());
        let existing = existing.or_else(|| rows.iter().position(is_same_calendar));
        // Of two absent rows, take the row of this calendar's own target. Otherwise a second row of
        // that target would be added.
        let home = || self.row_come_home(audience, rows, event);
        let at = existing.or_else(home).or_else(|| rows.iter().position(is_own))?;
        Some(rows.swap_remove(at))
    }

    /// The row of this calendar's target that another connection has taken over. It comes back even
    /// if it is absent, because a target has one row. If an account is not known, it comes back
    /// only after the other connection is gone.
    fn row_come_home(&self, audience: &Audience<'_>, rows: &[Row<'a>], event: &Desired) -> Option<usize> {
        if rows.is_empty() {
            return None;
        }
        let target = TargetKey::derive(&self.plan.namespace, &self.appointment.id, &event.calendar);
        let today = audience.connected(&event.calendar.person);
        let is_free = |row: &Row<'_>| today.iter().all(|today| !today.is_at(row.delivery.calendar()));
        let is_it = |row: &Row<'_>| {
            row.delivery.target() == target && self.is_one_calendar(&row.delivery.place(), &event.calendar)
        };
        let may_be = |row: &Row<'_>| row.delivery.is_of_target(target, &event.calendar) && is_free(row);
        rows.iter().position(|row| is_it(row) || may_be(row))
    }

    /// Whether an event of ours is, or may be, in another account than the one this connection
    /// leads to.
    pub(super) fn is_in_another_account(&self, calendar: &CalendarRef) -> bool {
        let mut rows = self.appointment.ledger.deliveries().iter().filter(|row| row.may_exist());
        rows.any(|row| {
            // If calendar ids are global, the account does not matter.
            row.calendar().is_in_another_account(calendar) && !self.is_one_calendar(row.calendar(), calendar)
        })
    }

    /// A row whose event has to be removed, and the calendar to remove it from.
    pub(super) fn to_remove(&self, audience: &Audience<'_>, mut row: Row<'a>) -> (Row<'a>, CalendarRef) {
        let calendar = self.reached_through(audience, &row.delivery.place());
        let today = audience.connected(&calendar.person);
        row.is_connected_again = row.is_kept() && today.iter().any(|today| today.still_reaches(&calendar));
        (row, calendar)
    }

    /// The calendar of a row whose event has to be removed. If the row's own connection is gone:
    /// the same calendar under another connection.
    fn reached_through(&self, audience: &Audience<'_>, calendar: &CalendarRef) -> CalendarRef {
        let today = audience.connected(&calendar.person);
        let ledger = &self.appointment.ledger;
        let existing = ledger.deliveries().iter().filter(|row| row.may_exist());
        let rows = existing.filter(|row| self.is_one_calendar(&row.place(), calendar)).count();
        if let Some(today) = today.iter().find(|today| today.still_reaches(calendar)) {
            // The same connection, with the account that is known now.
            let account = calendar.account.clone().or_else(|| today.account.clone());
            return calendar.clone().with_account(account);
        }
        if rows > 1 {
            return calendar.clone();
        }
        let is_anew = |today: &&CalendarRef| {
            self.is_one_calendar(today, calendar)
                && !today.is_in_another_account(calendar)
                && !ledger.delivery(today).is_some_and(Delivery::may_exist)
                // A calendar has one row.
                && self.plan.steps.iter().all(|step| !step.calendar.is_at(today))
        };
        today.iter().find(is_anew).unwrap_or(calendar).clone()
    }

    /// The note for an event that is no longer desired but cannot be removed, because another
    /// account is connected now; `None` if it can be removed.
    pub(super) fn out_of_reach(
        &self,
        audience: &Audience<'_>,
        row: &Row<'_>,
        calendar: &CalendarRef,
        other_account: OtherAccount,
    ) -> Option<Note> {
        let today = audience.connected(&calendar.person);
        let is_elsewhere = |today: &CalendarRef| {
            today.is_in_another_account(calendar) && !self.is_one_calendar(today, calendar)
        };
        if !row.may_exist() || !today.iter().any(is_elsewhere) {
            return None;
        }
        let (role, calendar) = (row.delivery.role(), calendar.clone());
        Some(match other_account {
            OtherAccount::Refuse => Note::OtherAccount { role, calendar },
            OtherAccount::StartAnew => Note::LeftBehind { role, calendar },
        })
    }

    /// A row for an event that older code wrote, if it was written for the desired event's
    /// calendar.
    pub(super) fn adopt(&self, audience: &Audience<'_>, event: &Desired) -> Option<Row<'a>> {
        let inherited = self.appointment.ledger.inherited_events();
        let (kind, remote_id) = inherited.get_key_value(&event.calendar.provider)?;
        let (_, calendar) = heir(audience, kind)?;
        calendar.is_at(&event.calendar).then(|| self.inherited_row(calendar, event.role, remote_id))
    }

    /// Rows for the inherited events that are no longer desired. `is_wanted`: the appointment goes
    /// on.
    pub(super) fn inherited_to_remove(&mut self, audience: &Audience<'_>, is_wanted: bool) -> Vec<Row<'a>> {
        let ledger = &self.appointment.ledger;
        let mut rows = Vec::new();
        for (kind, remote_id) in ledger.inherited_events() {
            if self.plan.steps.iter().any(|step| step.adopts.as_ref() == Some(kind)) {
                continue;
            }
            // A calendar has one row: if it has one, that event of ours must not be mistaken for
            // the old event and removed in its place.
            let heir = heir(audience, kind).filter(|(_, calendar)| ledger.delivery(calendar).is_none());
            let Some((member, calendar)) = heir else {
                self.plan.notes.push(Note::OwnerUnknown { provider: kind.clone() });
                continue;
            };
            let untouched = member
                .left_out
                .as_ref()
                .is_some_and(|reason| reason.is_unchanged() || (is_wanted && reason.is_kept_up_to_date()));
            if !untouched && audience.is_about(&calendar.person) && self.capabilities(&calendar).is_some() {
                rows.push(self.inherited_row(calendar, member.role, remote_id));
            }
        }
        rows
    }

    fn inherited_row(&self, calendar: CalendarRef, role: Role, remote_id: &RemoteId) -> Row<'a> {
        let target = TargetKey::derive(&self.plan.namespace, &self.appointment.id, &calendar);
        let adopts = Some(calendar.provider.clone());
        let delivery = Delivery::adopted(calendar, target, role, remote_id.clone(), self.plan.at);
        Row { delivery: Cow::Owned(delivery), adopts, is_connected_again: false }
    }
}

/// The member for whom older code, which kept one id for each provider, wrote last: the manager,
/// else the staff member, else the customer. Members who take part come first, because older code
/// wrote only for them.
fn heir<'a>(audience: &'a Audience<'a>, kind: &ProviderKind) -> Option<(&'a Member<'a>, CalendarRef)> {
    let calendar_of = |member: &'a Member<'a>| {
        let calendar = member.places().find(|calendar| calendar.provider == *kind)?;
        Some((member, calendar))
    };
    for takes_part in [true, false] {
        for role in [Role::Manager, Role::Staff, Role::Customer] {
            let of_role =
                |member: &&Member<'_>| member.role == role && member.left_out.is_none() == takes_part;
            if let Some(heir) = audience.members.iter().filter(of_role).find_map(calendar_of) {
                return Some(heir);
            }
        }
    }
    None
}
