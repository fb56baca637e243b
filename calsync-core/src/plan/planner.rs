//! The planner: the only place that decides what is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::audience::{Audience, Member};
use crate::error::InputError;
use crate::event::{GuideWording, Wording};
use crate::identity::EventKey;
use crate::ledger::{Delivery, Presence, Standing};
use crate::model::{Appointment, Order};
use crate::names::{ProviderKind, RemoteId};
use crate::place::{Person, Place, Role};
use crate::plan::prepare::Prepared;
use crate::plan::{Action, Content, Note, Plan, Step};
use crate::provider::{CalendarIds, Capabilities};
use crate::time::Zone;

/// Works out plans. Pure: the same order, appointment, audience and time give the same plan.
#[derive(Debug, Clone)]
pub struct Planner {
    namespace: Arc<str>,
    zone: Zone,
    wording: Arc<dyn Wording>,
    providers: BTreeMap<ProviderKind, Capabilities>,
}

/// What to do when somebody has deleted our event by hand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RemovedByPerson {
    /// The next change makes it again.
    #[default]
    Recreate,
    /// It stays deleted.
    Respect,
}

/// An event that should stand somewhere.
struct Wish {
    place: Place,
    role: Role,
    content: Content,
}

impl Planner {
    /// A planner of the host's namespace: a name that tells its events from everybody else's, such as `my-shop`. It goes
    /// into every key and must never change.
    #[must_use]
    pub fn new(namespace: impl Into<Arc<str>>) -> Self {
        Self {
            namespace: namespace.into(),
            zone: Zone::UTC,
            wording: Arc::new(GuideWording::new()),
            providers: BTreeMap::new(),
        }
    }

    /// The zone of appointments that name none.
    #[must_use]
    pub fn with_time_zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }

    /// How events are worded.
    #[must_use]
    pub fn with_wording(mut self, wording: Arc<dyn Wording>) -> Self {
        self.wording = wording;
        self
    }

    /// A kind of provider there is, and what it can do. Nothing is planned for other kinds.
    #[must_use]
    pub fn with_provider(mut self, kind: ProviderKind, capabilities: Capabilities) -> Self {
        self.providers.insert(kind, capabilities);
        self
    }

    /// Compares the events that should exist for an appointment with those that do.
    ///
    /// `now` decides which parked rows may be tried again, and is the time of change the events will carry.
    ///
    /// # Errors
    /// When the appointment's times cannot stand in a calendar.
    pub fn plan(
        &self,
        order: &Order,
        appointment: &Appointment,
        audience: &Audience<'_>,
        now: DateTime<Utc>,
    ) -> Result<Plan, InputError> {
        let mut draft = PlanDraft {
            planner: self,
            appointment,
            plan: Plan {
                namespace: self.namespace.clone(),
                appointment: appointment.id.clone(),
                planned_from: appointment.ledger.revision,
                at: now,
                steps: Vec::new(),
                notes: Vec::new(),
                unchanged: 0,
            },
        };
        let mut prepared = Prepared::new(&*self.wording, &self.zone, order, appointment, audience);
        let stands =
            !appointment.status.is_cancelled() && !order.status.is_cancelled() && !audience.is_withdrawn();
        if stands {
            // What is to be removed can be removed whatever its times are.
            appointment.check()?;
        }
        let wishes = draft.wishes(audience, stands, &mut prepared);
        let mut rows = draft.rows(audience);
        for wish in wishes {
            let row =
                draft.take_row(&mut rows, &wish).map(|row| draft.without_other_account(row, &wish.place));
            let row = row.or_else(|| draft.adopt(audience, &wish));
            draft.decide(row, wish.place, wish.role, Some(wish.content));
        }
        for mut row in rows {
            let (place, role) = (draft.reached_through(audience, &row.delivery.place), row.delivery.role);
            let empty = appointment.ledger.delivery(&place).map_or(0, |row| row.generation);
            if empty > row.delivery.generation {
                row.delivery.to_mut().generation = empty;
            }
            draft.decide(Some(row), place, role, None);
        }
        draft.release_inherited(audience);
        // Within one person what is new comes before what goes. The sort is stable: connections keep their order.
        draft.plan.steps.sort_by(|a, b| (a.removes(), &a.place.person).cmp(&(b.removes(), &b.place.person)));
        Ok(draft.plan)
    }
}

/// A row of the ledger, or one made up for an event inherited from older code.
struct Row<'a> {
    delivery: std::borrow::Cow<'a, Delivery>,
    adopts: Option<ProviderKind>,
}

struct PlanDraft<'a> {
    planner: &'a Planner,
    appointment: &'a Appointment,
    plan: Plan,
}

impl<'a> PlanDraft<'a> {
    /// What should be: an event for every place of everybody who takes part, every place once.
    fn wishes(&mut self, audience: &Audience<'_>, stands: bool, prepared: &mut Prepared<'_>) -> Vec<Wish> {
        let mut wishes: Vec<Wish> = Vec::new();
        for member in &audience.members {
            if !member.person.as_ref().is_none_or(|person| audience.is_about(person)) {
                continue;
            }
            if let Some(reason) = &member.left_out {
                let (role, person, reason) = (member.role, member.person.clone(), reason.clone());
                self.plan.notes.push(Note::LeftOut { role, person, reason });
                continue;
            }
            if !stands {
                continue;
            }
            for place in member.places() {
                let Some(capabilities) = self.planner.providers.get(&place.provider) else {
                    self.plan.notes.push(Note::NoProvider { role: member.role, place });
                    continue;
                };
                let ids = capabilities.calendar_ids;
                if wishes.iter().any(|wish| ids.is_one_calendar(&wish.place, &place)) {
                    continue;
                }
                let content = prepared.content(member.role, &capabilities.text);
                wishes.push(Wish { place, role: member.role, content });
            }
        }
        wishes
    }

    /// What is: the rows this plan may touch.
    fn rows(&mut self, audience: &Audience<'_>) -> Vec<Row<'a>> {
        let mut rows = Vec::with_capacity(self.appointment.ledger.deliveries.len());
        for delivery in &self.appointment.ledger.deliveries {
            let person = &delivery.place.person;
            if !audience.is_about(person) || leaves_as_is(audience, person) {
                continue;
            }
            if !self.planner.providers.contains_key(&delivery.place.provider) {
                // Where the event is still wanted the wish has said so already.
                let note = Note::NoProvider { role: delivery.role, place: delivery.place.clone() };
                if !matches!(delivery.presence, Presence::Absent) && !self.plan.notes.contains(&note) {
                    self.plan.notes.push(note);
                }
                continue;
            }
            rows.push(Row { delivery: std::borrow::Cow::Borrowed(delivery), adopts: None });
        }
        rows
    }

    fn calendar_ids(&self, place: &Place) -> CalendarIds {
        self.planner.providers.get(&place.provider).map_or(CalendarIds::default(), |can| can.calendar_ids)
    }

    /// The row of a wish: the one of its place, or that of the same calendar under a connection since replaced. Where an
    /// event stands under the other connection, the place's own row can only be an empty one; its generations count on.
    fn take_row(&self, rows: &mut Vec<Row<'a>>, wish: &Wish) -> Option<Row<'a>> {
        let own = rows.iter().position(|row| row.delivery.is_at(&wish.place));
        let own = own.map(|at| rows.swap_remove(at));
        if own.as_ref().is_some_and(|row| !matches!(row.delivery.presence, Presence::Absent)) {
            return own;
        }
        let ids = self.calendar_ids(&wish.place);
        let is_same_calendar = |row: &Row<'_>| {
            !matches!(row.delivery.presence, Presence::Absent)
                && ids.is_one_calendar(&row.delivery.place, &wish.place)
        };
        let Some(at) = rows.iter().position(is_same_calendar) else { return own };
        let mut row = rows.swap_remove(at);
        if let Some(own) = own.filter(|own| own.delivery.generation > row.delivery.generation) {
            row.delivery.to_mut().generation = own.delivery.generation;
        }
        Some(row)
    }

    /// The row of a connection that leads to another account than when its event was written: that event is out of reach,
    /// and nothing of ours stands in the calendar of the same name there.
    fn without_other_account(&mut self, mut row: Row<'a>, place: &Place) -> Row<'a> {
        let ids = self.calendar_ids(place);
        let is_empty = row.delivery.presence == Presence::Absent;
        if is_empty || ids.is_one_calendar(&row.delivery.place, place) {
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

    /// The place of a row whose event is to go: the same calendar under another connection, where the row's own is no
    /// longer there to reach it through.
    fn reached_through(&self, audience: &Audience<'_>, place: &Place) -> Place {
        let ids = self.calendar_ids(place);
        let theirs = audience.members.iter().filter(|member| member.person.as_ref() == Some(&place.person));
        let theirs: Vec<Place> = theirs.flat_map(Member::places).collect();
        let ledger = &self.appointment.ledger;
        let is_empty = |row: &Delivery| row.presence == Presence::Absent;
        let rows = ledger.deliveries.iter().filter(|row| !is_empty(row));
        let rows = rows.filter(|row| ids.is_one_calendar(&row.place, place)).count();
        if rows > 1 || theirs.iter().any(|other| other.connection == place.connection) {
            return place.clone();
        }
        let is_anew =
            |other: &&Place| ids.is_one_calendar(other, place) && ledger.delivery(other).is_none_or(is_empty);
        theirs.iter().find(is_anew).unwrap_or(place).clone()
    }

    /// A row for an event that older code wrote, if the wish is the one it was written for.
    fn adopt(&self, audience: &Audience<'_>, wish: &Wish) -> Option<Row<'a>> {
        let (kind, remote_id) = self.appointment.ledger.inherited.get_key_value(&wish.place.provider)?;
        let (_, place) = heir(audience, kind)?;
        (place == wish.place).then(|| self.inherited_row(place, wish.role, remote_id))
    }

    /// Removes the inherited events that are not wanted any more.
    fn release_inherited(&mut self, audience: &Audience<'_>) {
        for (kind, remote_id) in &self.appointment.ledger.inherited {
            if self.plan.steps.iter().any(|step| step.adopts.as_ref() == Some(kind)) {
                continue;
            }
            // A place has one row: an event of ours there must not be taken for the old one, and removed in its stead.
            let heir =
                heir(audience, kind).filter(|(_, place)| self.appointment.ledger.delivery(place).is_none());
            match heir {
                None => self.plan.notes.push(Note::NobodysEvent { provider: kind.clone() }),
                Some((member, place)) => {
                    let untouched = member.left_out.as_ref().is_some_and(|reason| reason.leaves_as_is());
                    if untouched || !audience.is_about(&place.person) {
                        continue;
                    }
                    if self.planner.providers.contains_key(kind) {
                        let row = self.inherited_row(place.clone(), member.role, remote_id);
                        self.decide(Some(row), place, member.role, None);
                    }
                }
            }
        }
    }

    fn inherited_row(&self, place: Place, role: Role, remote_id: &RemoteId) -> Row<'a> {
        let key = EventKey::derive(&self.planner.namespace, &self.appointment.id, &place, 0);
        let adopts = Some(place.provider.clone());
        let mut delivery = Delivery::new(place, role, self.plan.at);
        delivery.presence = Presence::Present(Standing::new(key, remote_id.clone()));
        Row { delivery: std::borrow::Cow::Owned(delivery), adopts }
    }

    /// The table of DESIGN section 6: should be × is → step.
    fn decide(&mut self, row: Option<Row<'_>>, place: Place, role: Role, content: Option<Content>) {
        let (delivery, adopts) = match &row {
            Some(row) => (Some(&*row.delivery), row.adopts.clone()),
            None => (None, None),
        };
        let generation = delivery.map_or(0, |row| row.generation);
        let absent = Presence::Absent;
        let presence = delivery.map_or(&absent, |row| &row.presence);
        let fingerprint = content.as_ref().map(|content| content.fingerprint);
        let action = match (content, presence) {
            (None, Presence::Absent) => return,
            (Some(content), Presence::Present(standing))
                if standing.fingerprint == Some(content.fingerprint) =>
            {
                self.plan.unchanged += 1;
                return;
            }
            (Some(content), Presence::Absent) => Action::Create { content },
            (Some(content), Presence::Present(standing)) => {
                Action::Update { content, standing: standing.clone() }
            }
            (None, Presence::Present(standing)) => Action::Delete { standing: standing.clone() },
            (content, Presence::Unsure(unsure)) => Action::Look { content, unsure: unsure.clone() },
        };
        let hold = delivery.and_then(|row| {
            let anew = row.place.connection != place.connection;
            row.hold.as_ref().filter(|hold| !(anew && hold.is_about_the_connection()))
        });
        if let Some(hold) = hold.filter(|hold| hold.keeps_from(fingerprint, self.plan.at)) {
            self.plan.notes.push(Note::Held { role, place, hold: hold.clone() });
            return;
        }
        let key = match presence {
            Presence::Present(standing) => standing.key,
            Presence::Unsure(unsure) => unsure.key,
            Presence::Absent => {
                EventKey::derive(&self.planner.namespace, &self.appointment.id, &place, generation)
            }
        };
        let rivals_since = match presence {
            Presence::Unsure(unsure) => Some(unsure.since),
            _ => delivery.and_then(|row| row.rivals_since),
        };
        let moves = delivery.filter(|row| row.place != place).map(|row| row.place.clone());
        self.plan.steps.push(Step { place, role, generation, key, action, adopts, moves, rivals_since });
    }
}

/// Whether somebody's events are neither kept right nor removed.
fn leaves_as_is(audience: &Audience<'_>, person: &Person) -> bool {
    let theirs = |member: &&Member<'_>| member.person.as_ref() == Some(person);
    let mut reasons = audience.members.iter().filter(theirs).filter_map(|member| member.left_out.as_ref());
    reasons.any(|reason| reason.leaves_as_is())
}

/// For whom older code, which kept one id a provider, wrote last: the manager, else the staff member, else the customer;
/// among those the ones who take part first, since it wrote for nobody else.
fn heir<'a>(audience: &'a Audience<'a>, kind: &ProviderKind) -> Option<(&'a Member<'a>, Place)> {
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
