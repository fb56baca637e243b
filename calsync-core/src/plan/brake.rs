//! The brake: holds removals when there are too many at once.
//!
//! A plan is about one appointment. A mistake shows only over many appointments: a list of people
//! that was loaded by half, a column that is null, an import that cancels everything. So the brake
//! counts removals when plans are begun, in a window of an hour. Removals beyond the limits are
//! held ([`Hold::AwaitingHost`](crate::ledger::Hold::AwaitingHost)), reported once, and continue
//! only after the host allows them. The removals of a disconnect do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::calendar::Person;
use crate::plan::{Action, Plan, Step};

/// How long removals are counted together.
const WINDOW: TimeDelta = TimeDelta::hours(1);

/// How many removals within an hour pass without being allowed by the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrakeLimits {
    /// The limit for events whose appointment was cancelled. Default: 100 events and 20 %.
    pub cancelled: Limit,
    /// The limit for events whose appointment goes on. Default: 20 events and 10 %. It applies only
    /// to the events of more than [`ongoing_people`](Self::ongoing_people) people.
    pub ongoing: Limit,
    /// For up to this many people, events of ongoing appointments may be removed in any number.
    /// Default: 3.
    pub ongoing_people: usize,
}

/// A number and a share of events. Removals are held only if both are exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The number of events within an hour.
    pub events: usize,
    /// The share of all confirmed events, in percent. Ignored if the host gives no total
    /// ([`Brake::set_confirmed`]).
    pub percent: usize,
}

/// Why events are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RemovalKind {
    /// Their appointment was cancelled.
    Cancelled,
    /// Their appointment goes on, without this person or this calendar.
    Ongoing,
}

/// What the brake has counted, and what it holds. It can be serialised, so that processes can share
/// it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BrakeState {
    /// Removals begun, by minute of Unix time, kind and person.
    #[serde(default)]
    begun: Vec<Count>,
    /// What the brake holds, at most one notice for each kind.
    #[serde(default)]
    tripped: Vec<BrakeNotice>,
    /// Until when the host allows all removals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allowed_until: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Count {
    minute: i64,
    kind: RemovalKind,
    person: Person,
    events: usize,
}

/// Reports to the host that the brake holds removals. Contains no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BrakeNotice {
    /// Why events would be removed.
    pub kind: RemovalKind,
    /// How many events would be removed within an hour, including the removals begun before.
    pub events: usize,
    /// How many events are confirmed in all; `None` if the host gives no total.
    pub confirmed: Option<usize>,
    /// How many people the events belong to.
    pub people: usize,
    /// Since when the removals are held.
    pub since: DateTime<Utc>,
}

/// Stores the brake's state of each namespace. It must work from memory: it is called whenever a
/// plan with removals is begun.
///
/// Default: [`MemoryBrakeStore`]. The processes of one host should share a store.
pub trait BrakeStore: Debug + Send + Sync + 'static {
    /// Changes the state of a namespace. Concurrent changes must be made one after the other.
    fn change(&self, namespace: &str, change: &mut dyn FnMut(&mut BrakeState));
}

/// A [`BrakeStore`] in the memory of this process. Clones share the state.
#[derive(Debug, Clone, Default)]
pub struct MemoryBrakeStore(Arc<Mutex<BTreeMap<String, BrakeState>>>);

/// Counts removals when plans are begun, and holds the removals beyond its limits. Clones share the
/// count.
#[derive(Clone)]
pub struct Brake {
    store: Arc<dyn BrakeStore>,
    limits: Option<BrakeLimits>,
    confirmed: Arc<AtomicUsize>,
}

impl Default for BrakeLimits {
    fn default() -> Self {
        let (cancelled, ongoing) = (Limit { events: 100, percent: 20 }, Limit { events: 20, percent: 10 });
        Self { cancelled, ongoing, ongoing_people: 3 }
    }
}

impl BrakeLimits {
    /// The default limits: 100 events and 20 % for cancelled appointments; 20 events and 10 %, of
    /// more than 3 people, for ongoing ones.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the limit for events whose appointment was cancelled. Default: 100 events and 20 %.
    #[must_use]
    pub fn with_cancelled(mut self, limit: Limit) -> Self {
        self.cancelled = limit;
        self
    }

    /// Sets the limit for events whose appointment goes on, and for how many people they may be
    /// removed in any number. Default: 20 events and 10 %, 3 people.
    #[must_use]
    pub fn with_ongoing(mut self, limit: Limit, people: usize) -> Self {
        (self.ongoing, self.ongoing_people) = (limit, people);
        self
    }
}

impl Default for Brake {
    fn default() -> Self {
        Self::new()
    }
}

/// The removals of one batch: the kind of each, and the person whose calendar the event is in.
type Removals<'p> = Vec<(RemovalKind, &'p Person)>;

impl Brake {
    /// A brake with the default limits that counts in this process.
    #[must_use]
    pub fn new() -> Self {
        Self {
            store: Arc::new(MemoryBrakeStore::default()),
            limits: Some(BrakeLimits::default()),
            confirmed: Arc::new(AtomicUsize::new(usize::MAX)),
        }
    }

    /// A brake that holds nothing.
    #[must_use]
    pub fn off() -> Self {
        Self { limits: None, ..Self::new() }
    }

    /// Sets the limits. Default: [`BrakeLimits::new`].
    #[must_use]
    pub fn with_limits(mut self, limits: BrakeLimits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Sets the store of the count, so that processes can share it. Default: a
    /// [`MemoryBrakeStore`].
    #[must_use]
    pub fn with_store(mut self, store: Arc<dyn BrakeStore>) -> Self {
        self.store = store;
        self
    }

    /// Sets how many events are confirmed in all: the sum of
    /// [`Ledger::confirmed_count`](crate::ledger::Ledger::confirmed_count). The brake compares the
    /// removals with it. Default: `None`, with which only the number of events counts.
    pub fn set_confirmed(&self, events: Option<usize>) {
        self.confirmed.store(events.unwrap_or(usize::MAX), Ordering::Relaxed);
    }

    /// Allows all removals of a namespace until that time. Held removals continue with the
    /// appointment's next plan.
    pub fn allow_until(&self, namespace: &str, until: DateTime<Utc>) {
        self.store.change(namespace, &mut |state| {
            state.allowed_until = Some(until);
            state.tripped.clear();
            state.begun.clear();
        });
    }

    /// What the brake holds in a namespace until the host allows it.
    #[must_use]
    pub fn held(&self, namespace: &str) -> Vec<BrakeNotice> {
        let mut held = Vec::new();
        self.store.change(namespace, &mut |state| held.clone_from(&state.tripped));
        held
    }

    /// Checks a whole batch of plans before the first of them is begun: if their removals together
    /// are too many, all of them are held. Returns what the brake holds now.
    pub fn judge<'a>(&self, plans: impl IntoIterator<Item = &'a Plan>) -> Vec<BrakeNotice> {
        let mut batch: BTreeMap<&str, (DateTime<Utc>, Removals<'_>)> = BTreeMap::new();
        for plan in plans {
            let (at, removals) = batch.entry(&plan.namespace).or_insert((plan.at, Vec::new()));
            *at = plan.at.max(*at);
            removals.extend(counted(plan).map(|step| (kind_of(plan), &step.calendar.person)));
        }
        for (namespace, (at, removals)) in &batch {
            self.ask(namespace, removals, *at, false);
        }
        batch.keys().flat_map(|namespace| self.held(namespace)).collect()
    }

    /// Whether the removals of a plan may be begun now. If so they are counted.
    pub(crate) fn lets_pass(&self, plan: &Plan) -> bool {
        let removals: Vec<_> = counted(plan).map(|step| (kind_of(plan), &step.calendar.person)).collect();
        removals.is_empty() || self.ask(&plan.namespace, &removals, plan.at, true)
    }

    fn ask(
        &self,
        namespace: &str,
        removals: &[(RemovalKind, &Person)],
        at: DateTime<Utc>,
        counts: bool,
    ) -> bool {
        let Some(limits) = &self.limits else { return true };
        let confirmed = self.confirmed.load(Ordering::Relaxed);
        let confirmed = (confirmed != usize::MAX).then_some(confirmed);
        let mut passes = true;
        self.store.change(namespace, &mut |state| {
            passes = state.ask(limits, confirmed, removals, at, counts);
        });
        passes
    }
}

impl BrakeState {
    fn ask(
        &mut self,
        limits: &BrakeLimits,
        confirmed: Option<usize>,
        removals: &[(RemovalKind, &Person)],
        at: DateTime<Utc>,
        counts: bool,
    ) -> bool {
        if self.allowed_until.is_some_and(|until| at < until) {
            return true;
        }
        let minute = at.timestamp().div_euclid(60);
        let oldest = minute - WINDOW.num_minutes();
        // Counts that were made while the clock was ahead are dropped.
        self.begun.retain(|count| (oldest..=minute).contains(&count.minute));
        for kind in [RemovalKind::Cancelled, RemovalKind::Ongoing] {
            let asked = removals.iter().filter(|(of, _)| *of == kind);
            let begun = self.begun.iter().filter(|count| count.kind == kind);
            let events = begun.clone().map(|count| count.events).sum::<usize>() + asked.clone().count();
            let people: BTreeSet<&Person> =
                begun.map(|count| &count.person).chain(asked.map(|(_, person)| *person)).collect();
            let is_beyond = limits.is_exceeded(kind, events, people.len(), confirmed);
            let people = people.len();
            match self.tripped.iter_mut().find(|notice| notice.kind == kind) {
                // The count of a whole batch is higher than that of the plans begun one by one.
                Some(notice) if !counts => notice.events = notice.events.max(events),
                Some(_) => {}
                None if is_beyond => {
                    self.tripped.push(BrakeNotice { kind, events, confirmed, people, since: at });
                }
                None => {}
            }
        }
        let is_held = |kind: RemovalKind| self.tripped.iter().any(|notice| notice.kind == kind);
        if removals.iter().any(|(kind, _)| is_held(*kind)) {
            return false;
        }
        for (kind, person) in removals.iter().filter(|_| counts) {
            let is_same = |count: &&mut Count| {
                count.minute == minute && count.kind == *kind && count.person == **person
            };
            match self.begun.iter_mut().find(is_same) {
                Some(count) => count.events += 1,
                None => self.begun.push(Count { minute, kind: *kind, person: (*person).clone(), events: 1 }),
            }
        }
        true
    }
}

impl BrakeLimits {
    fn is_exceeded(&self, kind: RemovalKind, events: usize, people: usize, confirmed: Option<usize>) -> bool {
        let limit = match kind {
            RemovalKind::Cancelled => self.cancelled,
            RemovalKind::Ongoing => self.ongoing,
        };
        let is_large_share = confirmed
            .is_none_or(|confirmed| events.saturating_mul(100) > confirmed.saturating_mul(limit.percent));
        let are_many = kind == RemovalKind::Cancelled || people > self.ongoing_people;
        events > limit.events && is_large_share && are_many
    }
}

impl BrakeStore for MemoryBrakeStore {
    fn change(&self, namespace: &str, change: &mut dyn FnMut(&mut BrakeState)) {
        let mut states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(states.entry(namespace.to_owned()).or_default());
    }
}

fn kind_of(plan: &Plan) -> RemovalKind {
    if plan.is_withdrawal { RemovalKind::Cancelled } else { RemovalKind::Ongoing }
}

/// The removals of a plan that count. An event that moves to another calendar of its person does
/// not.
fn counted(plan: &Plan) -> impl Iterator<Item = &Step> {
    plan.steps.iter().filter(|step| is_counted(plan, step))
}

pub(crate) fn is_counted(plan: &Plan, step: &Step) -> bool {
    let gets_another = || {
        plan.steps.iter().any(|other| is_new(&other.action) && other.calendar.person == step.calendar.person)
    };
    step.removes() && !gets_another()
}

/// Whether the action makes an event that was not confirmed before.
fn is_new(action: &Action) -> bool {
    match action {
        Action::Create { .. } => true,
        Action::Find { content, pending } => content.is_some() && pending.before.is_none(),
        Action::Update { .. } | Action::Delete { .. } => false,
    }
}

impl Debug for Brake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Brake").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// `160 of 160 events of 8 people would be removed within an hour, since their appointments are
/// cancelled`.
impl fmt::Display for BrakeNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.events)?;
        if let Some(confirmed) = self.confirmed {
            write!(f, "of {confirmed} ")?;
        }
        write!(f, "events of {} people would be removed within an hour", self.people)?;
        f.write_str(match self.kind {
            RemovalKind::Cancelled => ", since their appointments are cancelled",
            RemovalKind::Ongoing => ", though their appointments go on",
        })
    }
}
