//! The host: a table of appointments, workers that save with compare-and-save, and crashes.

use std::collections::BTreeMap;
use std::pin::pin;
use std::task::Poll;

use calsync_core::audience::Audience;
use calsync_core::calendar::{CalendarRef, Person};
use calsync_core::identity::TargetKey;
use calsync_core::ledger::{Delivery, Ledger};
use calsync_core::model::{Appointment, Order, Stated};
use calsync_core::names::CalendarId;
use calsync_core::plan::{Action, Backfill, Begun, Disconnect, Plan, Recovery, Step};
use calsync_core::report::{Outcome, Report};
use calsync_core::sync::Syncer;
use calsync_core::time::Zone;
use calsync_core::{AppointmentId, ConnectionId, ProviderKind};
use chrono::{DateTime, TimeDelta, Utc};

use super::company::{Company, PEOPLE};
use super::operations::Crash;
use super::recovering::Place;
use super::store::HostClock;
use super::truth::Spot;

/// The host's own columns, and the ledger's.
#[derive(Debug)]
struct Row {
    appointment: Appointment,
    ledger: String,
    /// The ledger is not to be planned with before it was rebuilt.
    is_lost: bool,
    /// The column with the staff is missing.
    hides_staff: bool,
}

/// The host's table.
#[derive(Debug, Default)]
pub struct Host {
    table: BTreeMap<AppointmentId, Row>,
    /// The ledgers of some time ago.
    backup: BTreeMap<AppointmentId, String>,
    /// The calendars that people have deleted.
    abandoned: Vec<(Person, ProviderKind, CalendarId)>,
    /// Whether the last plan that was begun for a target was to remove its event.
    last: BTreeMap<(AppointmentId, TargetKey), bool>,
    /// Whether anybody looks what plans do while a column is null.
    looks_at_null: bool,
    /// What a plan did although a column is null, in words.
    pub broken: Vec<String>,
}

impl Host {
    /// A host without appointments; and whether anybody looks what its plans do while a column is
    /// null.
    pub fn new(looks_at_null: bool) -> Self {
        Self { looks_at_null, ..Self::default() }
    }

    /// An order is confirmed.
    pub fn confirm(&mut self, company: &mut Company, order: usize) {
        let directory = company.directory();
        let order = &mut company.orders[order];
        order.status = "confirmed".into();
        let zone = Zone::new("Europe/London").expect("a zone");
        for appointment in order.confirm(&directory, &zone).made {
            let ledger = written(&appointment.ledger);
            let row = Row { appointment, ledger, is_lost: false, hides_staff: false };
            self.table.insert(row.appointment.id.clone(), row);
        }
        self.carry_status(company);
    }

    /// Carries the orders' status over to their appointments.
    pub fn carry_status(&mut self, company: &Company) {
        for row in self.table.values_mut() {
            for order in &company.orders {
                order.carry_status(&mut row.appointment);
            }
        }
    }

    /// The host changes one of its appointments.
    pub fn change(&mut self, nth: usize, change: impl FnOnce(&mut Appointment)) {
        if let Some(row) = self.nth(nth).and_then(|id| self.table.get_mut(&id)) {
            change(&mut row.appointment);
        }
    }

    /// The host changes all of its appointments.
    pub fn change_all(&mut self, change: impl Fn(&mut Appointment)) {
        self.table.values_mut().for_each(|row| change(&mut row.appointment));
    }

    /// The appointments, without their ledgers.
    pub fn appointments(&self) -> impl Iterator<Item = &Appointment> {
        self.table.values().map(|row| &row.appointment)
    }

    /// The ledgers.
    pub fn ledgers(&self) -> impl Iterator<Item = Ledger> {
        self.table.values().map(|row| read(&row.ledger))
    }

    /// A person has deleted a calendar, and says so: what was in it is gone, and the host gives it
    /// up.
    pub fn abandons(&mut self, person: &Person, house: &ProviderKind, calendar: &CalendarId) {
        self.abandoned.push((person.clone(), house.clone(), calendar.clone()));
        for row in self.table.values_mut() {
            row.ledger = written(&without(read(&row.ledger), &self.abandoned));
        }
    }

    /// The host loses a ledger, or all. Only those whose events are all in calendars that can be
    /// listed: nobody could ever find the others. Whether any was lost.
    pub fn loses(
        &mut self,
        nth: Option<usize>,
        is_within_reach: &dyn Fn(&Appointment, &Ledger) -> bool,
    ) -> bool {
        let lost = self.within_reach(nth, is_within_reach);
        for id in &lost {
            let row = self.table.get_mut(id).expect("a row of ours");
            (row.ledger, row.is_lost) = (written(&Ledger::default()), true);
        }
        !lost.is_empty()
    }

    /// The host copies its ledgers.
    pub fn backs_up(&mut self) {
        let whole = self.table.iter().filter(|(_, row)| !row.is_lost);
        self.backup.extend(whole.map(|(id, row)| (id.clone(), row.ledger.clone())));
    }

    /// The host takes a ledger from its backup, or all; whoever has none there has an empty one.
    /// Whether there was any.
    pub fn restores(
        &mut self,
        nth: Option<usize>,
        is_within_reach: &dyn Fn(&Appointment, &Ledger) -> bool,
    ) -> bool {
        let restored = self.within_reach(nth, is_within_reach);
        for id in &restored {
            let ledger = self.backup.get(id).map(|ledger| read(ledger)).unwrap_or_default();
            let mut ledger = without(ledger, &self.abandoned);
            ledger.doubt();
            let row = self.table.get_mut(id).expect("a row of ours");
            (row.ledger, row.is_lost) = (written(&ledger), true);
        }
        !restored.is_empty()
    }

    /// An appointment whose ledger is whole and within reach, the first from the nth on; or all of
    /// them.
    fn within_reach(
        &self,
        nth: Option<usize>,
        is_within_reach: &dyn Fn(&Appointment, &Ledger) -> bool,
    ) -> Vec<AppointmentId> {
        let can = |row: &Row| !row.is_lost && is_within_reach(&row.appointment, &read(&row.ledger));
        let all = self.table.iter().filter(|(_, row)| can(row)).map(|(id, _)| id.clone());
        match nth {
            None => all.collect(),
            Some(nth) => {
                let mut all: Vec<_> = all.collect();
                let one = (!all.is_empty()).then(|| all.swap_remove(nth % all.len()));
                one.into_iter().collect()
            }
        }
    }

    /// Whether an appointment waits for its ledger to be rebuilt.
    pub fn is_any_lost(&self) -> bool {
        self.table.values().any(|row| row.is_lost)
    }

    /// Rebuilds the ledgers that were lost, from a complete listing.
    pub fn rebuild(&mut self, recovery: &mut Recovery, now: DateTime<Utc>) {
        for row in self.table.values_mut().filter(|row| row.is_lost) {
            let mut appointment = row.appointment.clone();
            appointment.ledger = read(&row.ledger);
            recovery.rebuild(&mut appointment, now);
            row.ledger = written(&without(appointment.ledger, &self.abandoned));
            row.is_lost = false;
        }
    }

    /// Where the guests and customers without a profile get their invitations.
    pub fn mailboxes(&self, company: &Company) -> Vec<(Spot, Place)> {
        let directory = company.directory();
        let mut all = Vec::new();
        for id in self.table.keys() {
            // Also where all is cancelled: what was sent is to be found.
            let (mut order, mut appointment) = self.load(company, id);
            order.status = "confirmed".into();
            appointment.status = "confirmed".into();
            let audience = Audience::of(&order, &appointment, &directory).expect("sound records");
            let places = audience.members.iter().flat_map(|member| member.places());
            all.extend(places.filter(|place| place.provider == ProviderKind::INVITATION).map(|calendar| {
                let spot = Spot::mail(calendar.calendar.as_str().to_owned());
                (spot, Place { calendar, link: None })
            }));
        }
        all
    }

    /// The column with the staff goes missing, or is there again.
    pub fn hides_staff(&mut self, nth: usize) {
        if let Some(row) = self.nth(nth).and_then(|id| self.table.get_mut(&id)) {
            row.hides_staff = !row.hides_staff;
        }
    }

    /// Every column is stated again.
    pub fn states_all(&mut self) {
        self.table.values_mut().for_each(|row| row.hides_staff = false);
    }

    /// Looks whether a plan takes an event away because a column is null, or makes one where the
    /// person states nothing.
    fn check_null(&mut self, company: &Company, plan: &Plan, appointment: &Appointment) {
        let row = &self.table[&appointment.id];
        if !self.looks_at_null
            || plan.is_withdrawal
            || !((0..PEOPLE).any(|it| company.hides(it)) || row.hides_staff)
        {
            return;
        }
        let wanted: Vec<Spot> = company.wanted(&row.appointment).into_iter().map(|it| it.spot).collect();
        for (person, step) in (0..PEOPLE).flat_map(|person| plan.steps.iter().map(move |it| (person, it))) {
            if step.calendar.person != Person::Profile(Company::profile(person).into()) {
                continue;
            }
            let is_it = |step: &Step| {
                let mut links = company.links[person].iter();
                links.any(|link| {
                    company.connection(person, link).calendar(&step.calendar.person).is_at(&step.calendar)
                })
            };
            let spots: Vec<Spot> =
                company.links[person].iter().map(|link| company.spot(person, link)).collect();
            let has_each_once = spots.iter().all(|spot| spots.iter().filter(|it| *it == spot).count() == 1);
            let is_wanted = spots.iter().any(|spot| wanted.contains(spot));
            // A removal that was begun before the column was null goes on.
            let goes_on = self.last.get(&(appointment.id.clone(), step.target)) == Some(&true);
            if removes(step) && !goes_on && is_it(step) && is_wanted && has_each_once {
                self.broken.push(format!("removes although a column is null: {plan}"));
            }
            if company.hides(person) && matches!(step.action, Action::Create { .. }) {
                self.broken.push(format!("makes although a column is null: {plan}"));
            }
        }
    }

    /// Whether no row waits for a time to come.
    pub fn waits_for_nothing(&self, now: DateTime<Utc>) -> bool {
        self.ledgers().all(|ledger| ledger.next_attempt_at(now).is_none())
    }

    /// The host's people have looked at what the brake holds, and allow it.
    pub fn allows(&self, syncer: &Syncer, now: DateTime<Utc>) {
        syncer.brake().allow_until(syncer.planner().namespace(), now + TimeDelta::hours(1));
    }

    /// The host's people answer the holds without an end: the mailer's password is set anew, and so
    /// on. Holds that have an end have to end by themselves.
    pub fn answers_endless(&mut self, syncer: &Syncer) {
        for row in self.table.values_mut() {
            let mut ledger = read(&row.ledger);
            let endless = |row: &&Delivery| row.hold().is_some_and(|hold| hold.is_endless());
            let held = ledger.deliveries().iter().filter(endless);
            let places: Vec<CalendarRef> = held.map(|row| row.calendar().clone()).collect();
            for place in places {
                syncer.connected(&place.connection_key());
                ledger.revive(&place.connection_key());
            }
            row.ledger = written(&ledger);
        }
    }

    /// The places of rows that wait for somebody to mend something; they are let try again.
    pub fn revive(&mut self, is_mended: impl Fn(&CalendarRef) -> bool) {
        for row in self.table.values_mut() {
            let mut ledger = read(&row.ledger);
            let waiting = ledger.deliveries().iter().filter(|row| row.hold().is_some());
            let places: Vec<CalendarRef> =
                waiting.map(|row| row.calendar().clone()).filter(|it| is_mended(it)).collect();
            for place in places {
                ledger.revive(&place.connection_key());
            }
            row.ledger = written(&ledger);
        }
    }

    /// One of the appointments.
    pub fn nth(&self, nth: usize) -> Option<AppointmentId> {
        self.table.keys().nth(nth % self.table.len().max(1)).cloned()
    }

    /// All of the appointments.
    pub fn all(&self) -> Vec<AppointmentId> {
        self.table.keys().cloned().collect()
    }

    /// An appointment as it is stored, and its order.
    pub fn load(&self, company: &Company, id: &AppointmentId) -> (Order, Appointment) {
        let row = &self.table[id];
        let mut appointment = row.appointment.clone();
        appointment.ledger = read(&row.ledger);
        if row.hides_staff {
            appointment.staff_id = Stated::NotStated;
        }
        let order = company.orders.iter().find(|order| Some(&order.id) == appointment.order_id.as_ref());
        (order.expect("an order of ours").clone(), appointment)
    }

    /// Compare and save: only over the version that was loaded.
    fn save(&mut self, appointment: &Appointment, loaded: u64) -> bool {
        let row = self.table.get_mut(&appointment.id).expect("a row of ours");
        if read(&row.ledger).version() != loaded {
            return false;
        }
        row.ledger = written(&appointment.ledger);
        true
    }

    /// What there is to do for an appointment.
    pub fn plan(&self, company: &Company, syncer: &Syncer, id: &AppointmentId) -> (Plan, Appointment) {
        let (order, appointment) = self.load(company, id);
        let directory = company.directory();
        let audience = Audience::of(&order, &appointment, &directory).expect("sound records");
        (syncer.plan(&order, &appointment, &audience).expect("a sound appointment"), appointment)
    }

    /// Plans, begins and saves what was begun. `None` where there is nothing to do, or the worker
    /// died.
    pub fn begin(
        &mut self,
        company: &Company,
        syncer: &Syncer,
        id: &AppointmentId,
        crash: Crash,
    ) -> Option<Begun> {
        if self.table[id].is_lost {
            return None;
        }
        let (plan, appointment) = self.plan(company, syncer, id);
        self.check_null(company, &plan, &appointment);
        self.begun(plan, appointment, crash)
    }

    /// Begins a plan and saves that. `None` where there is nothing to do, or the worker died.
    fn begun(&mut self, plan: Plan, mut appointment: Appointment, crash: Crash) -> Option<Begun> {
        let loaded = appointment.ledger.version();
        let begun = plan.begin(&mut appointment).expect("no other worker has begun");
        if crash == Crash::BeforeBeginIsSaved {
            return None;
        }
        assert!(self.save(&appointment, loaded), "no other worker saves in between");
        self.notes(&begun);
        (crash != Crash::BeforeTheRun && !begun.is_empty()).then_some(begun)
    }

    fn notes(&mut self, begun: &Begun) {
        let plan = begun.plan();
        let steps = plan.steps.iter();
        self.last.extend(steps.map(|step| ((plan.appointment.clone(), step.target), removes(step))));
    }

    /// Plans what one person's calendars lack, or one of them, begins and saves what was begun.
    pub fn begin_to_fill(
        &mut self,
        company: &Company,
        syncer: &Syncer,
        clock: &HostClock,
        person: Person,
        connection: Option<ConnectionId>,
        crash: Crash,
    ) -> Vec<Begun> {
        let directory = company.directory();
        let whole = self.table.iter().filter(|(_, row)| !row.is_lost).map(|(id, _)| id);
        let rows: Vec<_> = whole.map(|id| self.load(company, id)).collect();
        let fill = Backfill::new(syncer.planner(), clock, &directory, person, rows.into_iter());
        let fill: Vec<_> = match connection {
            Some(connection) => fill.with_connection(connection).collect(),
            None => fill.collect(),
        };
        let plans = fill.into_iter().map(|planned| planned.expect("sound records"));
        plans.filter_map(|(appointment, plan)| self.begun(plan, appointment, crash)).collect()
    }

    /// Plans how a calendar is disconnected, begins and saves what was begun. `None` where the
    /// worker died.
    pub fn begin_to_disconnect(
        &mut self,
        company: &Company,
        syncer: &Syncer,
        disconnect: &Disconnect,
        id: &AppointmentId,
        now: DateTime<Utc>,
        crash: Crash,
    ) -> Option<Begun> {
        let (_, mut appointment) = self.load(company, id);
        let loaded = appointment.ledger.version();
        let plan = syncer.planner().plan_disconnect(disconnect, &appointment, now).expect("sound records");
        let begun = plan.begin(&mut appointment).expect("no other worker has begun");
        if crash == Crash::BeforeBeginIsSaved {
            return None;
        }
        assert!(self.save(&appointment, loaded), "no other worker saves in between");
        self.notes(&begun);
        (crash != Crash::BeforeTheRun).then_some(begun)
    }

    /// Takes outcomes into the ledger of each appointment, and saves.
    pub fn record(&mut self, outcomes: impl IntoIterator<Item = Outcome>) {
        for outcome in outcomes {
            let id = outcome.appointment.clone();
            let row = self.table.get_mut(&id).expect("a row of ours");
            let mut appointment = row.appointment.clone();
            appointment.ledger = read(&row.ledger);
            appointment.record(&Report::from(outcome));
            row.ledger = written(&appointment.ledger);
        }
    }
}

/// Runs plans until all is done or the worker dies. What comes back is what it has saved.
pub async fn run(syncer: &Syncer, plans: Vec<Begun>, crash: Crash) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    if plans.is_empty() {
        return outcomes;
    }
    let mut run = syncer.run_all(plans);
    match crash {
        Crash::AfterOutcomes(count) => {
            while outcomes.len() < count {
                let Some(outcome) = run.next().await else { break };
                outcomes.push(outcome);
            }
            // Cut off while the next one is on its way.
            polled(run.next(), 4).await;
        }
        Crash::MidCall(polls) => {
            polled(run.report(), polls).await;
        }
        Crash::BeforeTheReportIsSaved => {
            run.report().await;
        }
        Crash::Never | Crash::BeforeBeginIsSaved | Crash::BeforeTheRun => {
            while let Some(outcome) = run.next().await {
                outcomes.push(outcome);
            }
        }
    }
    outcomes
}

/// Polls a future so many times, and drops it.
async fn polled<T>(future: impl Future<Output = T>, polls: u32) {
    let mut future = pin!(future);
    for _ in 0..polls {
        let is_done =
            std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await;
        if is_done {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Whether a step is there to remove an event.
fn removes(step: &Step) -> bool {
    matches!(step.action, Action::Delete { .. } | Action::Find { content: None, .. })
}

/// A ledger without the rows of calendars that are no more.
fn without(mut ledger: Ledger, gone: &[(Person, ProviderKind, CalendarId)]) -> Ledger {
    let is_gone = |it: &CalendarRef| {
        gone.iter().any(|(person, house, calendar)| {
            it.person == *person && it.provider == *house && it.calendar == *calendar
        })
    };
    let rows = ledger.deliveries().iter().map(Delivery::calendar).filter(|it| is_gone(it));
    let gone: Vec<CalendarRef> = rows.cloned().collect();
    for calendar in gone {
        ledger.abandon(&calendar);
    }
    ledger
}

fn read(ledger: &str) -> Ledger {
    serde_json::from_str(ledger).expect("a ledger that was written")
}

fn written(ledger: &Ledger) -> String {
    serde_json::to_string(ledger).expect("a ledger can be written")
}
