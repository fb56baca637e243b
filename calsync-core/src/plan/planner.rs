//! The planner: the only place that decides what is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::audience::{Audience, Treatment};
use crate::calendar::{CalendarRef, Role};
use crate::error::{InputError, Problem};
use crate::event::{Event, GuideWording, Wording};
use crate::identity::EventKey;
use crate::ledger::Presence;
use crate::model::{Appointment, Order};
use crate::names::ProviderKind;
use crate::plan::prepare::Prepared;
use crate::plan::work::{PlanDraft, Row, Wish};
use crate::plan::{Action, Content, Note, Plan, Step};
use crate::provider::Capabilities;
use crate::time::{self, Zone};

/// Works out plans. Pure: the same order, appointment, audience and time give the same plan.
#[derive(Debug, Clone)]
pub struct Planner {
    pub(super) namespace: Arc<str>,
    zone: Zone,
    wording: Arc<dyn Wording>,
    pub(super) providers: BTreeMap<ProviderKind, Capabilities>,
    other_account: OtherAccount,
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

/// What to do when a connection leads to another account than the one where an event of ours stands. Whatever is chosen,
/// that event is never touched with the new account's credentials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OtherAccount {
    /// Nothing is made in the other account; [`Note::OtherAccount`] says so. With the account of before connected again all
    /// goes on where it stopped.
    #[default]
    Refuse,
    /// The event is made anew in the other account, and the one in the account of before stays behind. Whoever says so for
    /// one person alone plans for that person with a planner of its own.
    StartAnew,
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
            other_account: OtherAccount::default(),
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

    /// What to do when a connection leads to another account than before. It is refused unless told otherwise.
    #[must_use]
    pub fn with_other_account(mut self, policy: OtherAccount) -> Self {
        self.other_account = policy;
        self
    }

    /// What a reader in that role would see, whether anybody has it or not: for a page that shows the event before it is
    /// written. Not cut to any provider's limits yet.
    ///
    /// # Errors
    /// When the appointment's times cannot stand in a calendar.
    pub fn preview(
        &self,
        role: Role,
        order: &Order,
        appointment: &Appointment,
        audience: &Audience<'_>,
    ) -> Result<Arc<Event>, InputError> {
        appointment.check()?;
        Ok(Prepared::new(&*self.wording, &self.zone, order, appointment, audience).worded(role))
    }

    /// Compares the events that should exist for an appointment with those that do.
    ///
    /// `now` decides which parked rows may be tried again, and is the time of change the events will carry.
    ///
    /// # Errors
    /// When the appointment's times cannot stand in a calendar, or `now` cannot.
    pub fn plan(
        &self,
        order: &Order,
        appointment: &Appointment,
        audience: &Audience<'_>,
        now: DateTime<Utc>,
    ) -> Result<Plan, InputError> {
        let mut draft = PlanDraft::new(self, appointment, now);
        let of_now =
            |error| InputError::new("the plan of appointment", &appointment.id, "now", Problem::Time(error));
        time::check(now).map_err(of_now)?;
        let mut prepared = Prepared::new(&*self.wording, &self.zone, order, appointment, audience);
        let stands =
            !appointment.status.is_cancelled() && !order.status.is_cancelled() && !audience.is_withdrawn();
        if stands {
            // What is to be removed can be removed whatever its times are.
            appointment.check()?;
        }
        let wishes = draft.wishes(audience, stands, &mut prepared);
        let mut rows = draft.rows(audience);
        // Who waits for a new event keeps the old one.
        let mut waiting = Vec::new();
        for wish in wishes {
            if self.other_account == OtherAccount::Refuse && draft.stands_in_another_account(&wish.place) {
                // The row's own turn comes below.
                continue;
            }
            let row =
                draft.take_row(&mut rows, &wish).map(|row| draft.without_other_account(row, &wish.place));
            let row = row.or_else(|| draft.adopt(audience, &wish));
            let (person, role) = (wish.place.person.clone(), wish.role);
            if draft.decide(row, wish.place, role, Some(wish.content)) == Decided::WaitsForNew {
                waiting.push((person, role));
            }
        }
        for row in rows {
            let kept = stands
                && audience.treatment_of_row(&row.delivery.place, row.delivery.role) == Treatment::KeepRight;
            if kept && !row.may_stand() {
                // What is kept right is not made.
                continue;
            }
            let (row, place) = draft.to_remove(audience, row);
            if let Some(note) = draft.out_of_reach(audience, &row, &place, self.other_account) {
                draft.plan.notes.push(note);
                continue;
            }
            if kept && !row.is_left() && !row.is_going() {
                let role = audience.role_of(&place.person).unwrap_or(row.delivery.role);
                if let Some(capabilities) = draft.providers.get(&place.provider) {
                    let content = prepared.content(role, &capabilities.text);
                    draft.decide(Some(row), place, role, Some(content));
                }
                continue;
            }
            let is_kept = row.may_stand() && !row.is_left();
            let waits = waiting.iter().find(|(person, _)| *person == place.person && is_kept);
            let Some(&(_, role)) = waits else {
                let role = row.delivery.role;
                draft.decide(Some(row), place, role, None);
                continue;
            };
            // Until then the old one says what the new one would. What is being removed is not made again.
            if let Some(capabilities) = draft.providers.get(&place.provider).filter(|_| !row.is_going()) {
                let content = prepared.content(role, &capabilities.text);
                draft.decide(Some(row), place.clone(), role, Some(content));
            }
            draft.plan.notes.push(Note::Kept { role, place });
        }
        for row in draft.inherited_to_remove(audience, stands) {
            let (place, role) = (row.delivery.place.clone(), row.delivery.role);
            draft.decide(Some(row), place, role, None);
        }
        // Within one person what is new comes before what goes. The sort is stable: connections keep their order.
        draft.plan.steps.sort_by(|a, b| (a.removes(), &a.place.person).cmp(&(b.removes(), &b.place.person)));
        Ok(draft.plan)
    }
}

/// What became of a target.
#[derive(PartialEq)]
pub(crate) enum Decided {
    /// A step, or nothing to do.
    Done,
    /// It is held, and no event of ours stands there yet.
    WaitsForNew,
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
                let Some(capabilities) = self.providers.get(&place.provider) else {
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

    /// The table of DESIGN section 6: should be × is → step.
    pub(crate) fn decide(
        &mut self,
        row: Option<Row<'_>>,
        place: CalendarRef,
        role: Role,
        content: Option<Content>,
    ) -> Decided {
        let (delivery, adopts) = match &row {
            Some(row) => (Some(&*row.delivery), row.adopts.clone()),
            None => (None, None),
        };
        let generation = delivery.map_or(0, |row| row.generation);
        let absent = Presence::Absent;
        let presence = delivery.map_or(&absent, |row| &row.presence);
        let fingerprint = content.as_ref().map(|content| content.fingerprint);
        let action = match (content, presence) {
            (None, Presence::Absent) => return Decided::Done,
            (Some(content), Presence::Present(standing))
                if standing.fingerprint == Some(content.fingerprint) =>
            {
                self.plan.unchanged += 1;
                return Decided::Done;
            }
            (Some(content), Presence::Absent) => Action::Create { content },
            (Some(content), Presence::Present(standing)) => {
                Action::Update { content, standing: standing.clone() }
            }
            (None, Presence::Present(standing)) => Action::Delete { standing: standing.clone() },
            (content, Presence::Unsure(unsure)) => {
                let mut unsure = unsure.clone();
                if let Some(before) = delivery.filter(|row| row.place != place) {
                    // A run that was cut off before the calendar was connected anew took the next key of its own connection.
                    let (namespace, id) = (&self.plan.namespace, &self.appointment.id);
                    let next = generation.saturating_add(1);
                    unsure.add_key(EventKey::derive(namespace, id, &before.place, next));
                }
                Action::Look { content, unsure }
            }
        };
        let hold = delivery.and_then(|row| {
            let anew = row.place.connection != place.connection || row.place.is_in_another_account(&place);
            row.hold.as_ref().filter(|hold| !(anew && hold.is_about_the_connection()))
        });
        let hold = hold.filter(|hold| hold.keeps_from(fingerprint, self.plan.at)).cloned();
        let hold = hold.or_else(|| delivery.and_then(|row| row.busy(self.plan.at)));
        if let Some(hold) = hold {
            let is_new = !matches!(presence, Presence::Present(_)) && !hold.is_the_persons_wish();
            self.plan.notes.push(Note::Held { role, place, hold });
            return if is_new { Decided::WaitsForNew } else { Decided::Done };
        }
        let key = match presence {
            Presence::Present(standing) => standing.key,
            Presence::Unsure(unsure) => unsure.key,
            Presence::Absent => {
                EventKey::derive(&self.plan.namespace, &self.appointment.id, &place, generation)
            }
        };
        let rivals_since = match presence {
            Presence::Unsure(unsure) => Some(unsure.since),
            _ => delivery.and_then(|row| row.rivals_since),
        };
        let moves = delivery.filter(|row| row.place != place).map(|row| row.place.clone());
        let open_since = delivery.and_then(|row| row.open_since);
        let pause = delivery.and_then(|row| row.pause(self.plan.at)).cloned();
        self.plan.steps.push(Step {
            place,
            role,
            generation,
            key,
            action,
            adopts,
            moves,
            open_since,
            repeated: false,
            pause,
            rivals_since,
        });
        Decided::Done
    }
}
