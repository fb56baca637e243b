//! What is: which row of the ledger stands for which place, today.
//!
//! Mostly that is plain to see. The rules here are for connections made anew, accounts exchanged, and events that older code
//! wrote.

use std::borrow::Cow;

use crate::audience::{Audience, Member};
use crate::calendar::{CalendarRef, Role};
use crate::identity::EventKey;
use crate::ledger::{Delivery, Presence, Standing};
use crate::names::{ProviderKind, RemoteId};
use crate::plan::work::{PlanDraft, Row, Wish};
use crate::plan::{Note, OtherAccount};

impl<'a> PlanDraft<'a> {
    /// What is: the rows this plan may touch.
    pub(super) fn rows(&mut self, audience: &Audience<'_>) -> Vec<Row<'a>> {
        let mut rows = Vec::with_capacity(self.appointment.ledger.deliveries.len());
        for delivery in &self.appointment.ledger.deliveries {
            let person = &delivery.place.person;
            if !audience.is_about(person) || audience.leaves_row_as_is(&delivery.place, delivery.role) {
                continue;
            }
            if !self.providers.contains_key(&delivery.place.provider) {
                // Where the event is still wanted the wish has said so already.
                let note = Note::NoProvider { role: delivery.role, place: delivery.place.clone() };
                if !matches!(delivery.presence, Presence::Absent) && !self.plan.notes.contains(&note) {
                    self.plan.notes.push(note);
                }
                continue;
            }
            rows.push(Row { delivery: Cow::Borrowed(delivery), adopts: None });
        }
        rows
    }

    /// The row of a wish: the one of its place, or that of the same calendar under a connection since replaced. Where an
    /// event stands under the other connection, the place's own row can only be an empty one; its generations count on.
    pub(super) fn take_row(&self, rows: &mut Vec<Row<'a>>, wish: &Wish) -> Option<Row<'a>> {
        let own = rows.iter().position(|row| row.delivery.is_at(&wish.place));
        let own = own.map(|at| rows.swap_remove(at));
        if own.as_ref().is_some_and(Row::may_stand) {
            return own;
        }
        let ids = self.calendar_ids(&wish.place);
        let is_same_calendar =
            |row: &Row<'_>| row.may_stand() && ids.is_one_calendar(&row.delivery.place, &wish.place);
        let Some(at) = rows.iter().position(is_same_calendar) else { return own };
        let mut row = rows.swap_remove(at);
        if let Some(own) = own.filter(|own| own.delivery.generation > row.delivery.generation) {
            row.delivery.to_mut().generation = own.delivery.generation;
        }
        Some(row)
    }

    /// Whether an event of ours stands, or may, where the connection of `place` led before: in another account.
    pub(super) fn stands_in_another_account(&self, place: &CalendarRef) -> bool {
        let rows = self.appointment.ledger.deliveries.iter();
        let mut standing = rows.filter(|row| row.presence != Presence::Absent);
        standing.any(|row| row.place.is_in_another_account(place))
    }

    /// The row of a connection that leads to another account than when its event was written: that event is out of reach,
    /// and nothing of ours stands in the calendar of the same name there.
    pub(super) fn without_other_account(&mut self, mut row: Row<'a>, place: &CalendarRef) -> Row<'a> {
        let ids = self.calendar_ids(place);
        if !row.may_stand() || ids.is_one_calendar(&row.delivery.place, place) {
            return row;
        }
        let (role, was) = (row.delivery.role, row.delivery.place.clone());
        self.plan.notes.push(Note::LeftBehind { role, place: was });
        let delivery = row.delivery.to_mut();
        // A run that was cut off may have taken the next generation.
        delivery.generation = delivery.generation.saturating_add(2);
        (delivery.presence, delivery.hold, delivery.rivals_since) = (Presence::Absent, None, None);
        row
    }

    /// A row whose event is to go, and the place to remove it from. An empty row that waits at that place counts on.
    pub(super) fn to_remove(&self, audience: &Audience<'_>, mut row: Row<'a>) -> (Row<'a>, CalendarRef) {
        let place = self.reached_through(audience, &row.delivery.place);
        if row.is_left() && audience.connected(&place.person).iter().any(|today| today.still_reaches(&place))
        {
            row.delivery.to_mut().hold = None;
        }
        self.count_on(&mut row, &place);
        (row, place)
    }

    /// A row that is dealt with at `place` counts on from the empty one there.
    pub(crate) fn count_on(&self, row: &mut Row<'a>, place: &CalendarRef) {
        let empty = self.appointment.ledger.delivery(place).map_or(0, |row| row.generation);
        if empty > row.delivery.generation {
            row.delivery.to_mut().generation = empty;
        }
    }

    /// The place of a row whose event is to go: the same calendar under another connection, where the row's own is no
    /// longer there to reach it through.
    fn reached_through(&self, audience: &Audience<'_>, place: &CalendarRef) -> CalendarRef {
        let ids = self.calendar_ids(place);
        let theirs = audience.connected(&place.person);
        let ledger = &self.appointment.ledger;
        let is_empty = |row: &Delivery| row.presence == Presence::Absent;
        let rows = ledger.deliveries.iter().filter(|row| !is_empty(row));
        let rows = rows.filter(|row| ids.is_one_calendar(&row.place, place)).count();
        if rows > 1 || theirs.iter().any(|today| today.still_reaches(place)) {
            return place.clone();
        }
        let is_anew = |today: &&CalendarRef| {
            ids.is_one_calendar(today, place)
                && !today.is_in_another_account(place)
                && ledger.delivery(today).is_none_or(is_empty)
        };
        theirs.iter().find(is_anew).unwrap_or(place).clone()
    }

    /// Why an event that is not wanted any more cannot be removed: another account is connected now.
    pub(super) fn out_of_reach(
        &self,
        audience: &Audience<'_>,
        row: &Row<'_>,
        place: &CalendarRef,
        other_account: OtherAccount,
    ) -> Option<Note> {
        let theirs = audience.connected(&place.person);
        if !row.may_stand() || !theirs.iter().any(|today| today.is_in_another_account(place)) {
            return None;
        }
        let (role, place) = (row.delivery.role, place.clone());
        Some(match other_account {
            OtherAccount::Refuse => Note::OtherAccount { role, place },
            OtherAccount::StartAnew => Note::LeftBehind { role, place },
        })
    }

    /// A row for an event that older code wrote, if the wish is the one it was written for.
    pub(super) fn adopt(&self, audience: &Audience<'_>, wish: &Wish) -> Option<Row<'a>> {
        let (kind, remote_id) = self.appointment.ledger.inherited.get_key_value(&wish.place.provider)?;
        let (_, place) = heir(audience, kind)?;
        (place == wish.place).then(|| self.inherited_row(place, wish.role, remote_id))
    }

    /// Rows for the inherited events that are not wanted any more.
    pub(super) fn inherited_to_remove(&mut self, audience: &Audience<'_>, stands: bool) -> Vec<Row<'a>> {
        let ledger = &self.appointment.ledger;
        let mut rows = Vec::new();
        for (kind, remote_id) in &ledger.inherited {
            if self.plan.steps.iter().any(|step| step.adopts.as_ref() == Some(kind)) {
                continue;
            }
            // A place has one row: an event of ours there must not be taken for the old one, and removed in its stead.
            let heir = heir(audience, kind).filter(|(_, place)| ledger.delivery(place).is_none());
            let Some((member, place)) = heir else {
                self.plan.notes.push(Note::NobodysEvent { provider: kind.clone() });
                continue;
            };
            let untouched = member
                .left_out
                .as_ref()
                .is_some_and(|reason| reason.leaves_as_is() || (stands && reason.keeps_right()));
            if !untouched && audience.is_about(&place.person) && self.providers.contains_key(kind) {
                rows.push(self.inherited_row(place, member.role, remote_id));
            }
        }
        rows
    }

    fn inherited_row(&self, place: CalendarRef, role: Role, remote_id: &RemoteId) -> Row<'a> {
        let key = EventKey::derive(&self.plan.namespace, &self.appointment.id, &place, 0);
        let adopts = Some(place.provider.clone());
        let mut delivery = Delivery::new(place, role, self.plan.at);
        delivery.presence = Presence::Present(Standing::new(key, remote_id.clone()));
        Row { delivery: Cow::Owned(delivery), adopts }
    }
}

/// For whom older code, which kept one id a provider, wrote last: the manager, else the staff member, else the customer;
/// among those the ones who take part first, since it wrote for nobody else.
fn heir<'a>(audience: &'a Audience<'a>, kind: &ProviderKind) -> Option<(&'a Member<'a>, CalendarRef)> {
    let place_of = |member: &'a Member<'a>| {
        let place = member.places().find(|place| place.provider == *kind)?;
        Some((member, place))
    };
    for takes_part in [true, false] {
        for role in [Role::Manager, Role::Staff, Role::Customer] {
            let of_role =
                |member: &&Member<'_>| member.role == role && member.left_out.is_none() == takes_part;
            if let Some(heir) = audience.members.iter().filter(of_role).find_map(place_of) {
                return Some(heir);
            }
        }
    }
    None
}
