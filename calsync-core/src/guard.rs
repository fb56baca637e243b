//! Too many deletions at once: counted before any plan is begun.
//!
//! A plan is about one appointment. A mistake shows over many: a list of profiles that was loaded by half, an import that
//! cancels everything. So a host that plans many adds them to a [`Survey`], and asks a [`DeleteGuard`] before it begins the
//! first.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::calendar::{CalendarRef, Person};
use crate::id::ConnectionId;
use crate::ledger::{Ledger, Presence};
use crate::names::ProviderKind;
use crate::plan::{Action, Plan};

/// How many events each connection has, and how many of them the plans would delete. Holds counts, however many plans it has
/// seen.
///
/// Add every appointment of the people at hand: those without anything to do, and those without a plan ([`Survey::count`]), make
/// the whole that the deletions are a share of.
///
/// ```
/// # use calsync_core::audience::Audience;
/// # use calsync_core::guard::{DeleteGuard, Survey};
/// # use calsync_core::model::{Appointment, Directory, Order, OrderStatus, Service};
/// # use calsync_core::plan::Planner;
/// # let order = Order::new(1, OrderStatus::Confirmed);
/// # let (start, end) = ("2026-01-20T09:00:00Z".parse()?, "2026-01-20T10:00:00Z".parse()?);
/// # let mut appointment = Appointment::new(10, 5, start, end);
/// # appointment.order_id = Some(1.into());
/// # let appointments = [appointment];
/// # let directory = Directory::new().with_services([Service::new(5, "Deep clean", 90)]);
/// # let planner = Planner::new("my-shop");
/// # let now = start;
/// let mut survey = Survey::new();
/// let mut plans = Vec::new();
/// for appointment in &appointments {
///     let plan = planner.plan(&order, appointment, &Audience::of(&order, appointment, &directory)?, now)?;
///     survey.add(&appointment.ledger, &plan);
///     plans.push(plan);
/// }
/// DeleteGuard::new().check(&survey)?; // then begin, save, run, record
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Survey {
    connections: BTreeMap<Key, Counts>,
}

/// A person's connection.
type Key = (Person, ProviderKind, ConnectionId);

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    events: usize,
    deletes: usize,
}

/// How many deletions of one connection's events pass without the host's word. More than half of them, and more than ten, do
/// not, unless told otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeleteGuard {
    /// The share of a connection's events, in percent, that may be deleted.
    pub percent: u8,
    /// So many may be deleted whatever their share.
    pub few: usize,
    allowed: BTreeSet<(Person, ConnectionId)>,
}

/// More deletions than a [`DeleteGuard`] lets pass: nothing should be begun before somebody has looked.
///
/// Says nothing but ids and numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub struct TooManyDeletes {
    /// The connections, in order.
    pub connections: Vec<Deletes>,
}

/// How many of a connection's events would be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Deletes {
    /// Whose connection.
    pub person: Person,
    /// The kind of backend.
    pub provider: ProviderKind,
    /// The connection.
    pub connection: ConnectionId,
    /// How many would be deleted.
    pub deletes: usize,
    /// Of how many.
    pub events: usize,
}

impl Survey {
    /// A survey of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an appointment and what is planned for it, before it is begun.
    ///
    /// An event that moves is not lost: where a person is to get a new event by the same plan, what that person loses elsewhere
    /// does not count.
    pub fn add(&mut self, ledger: &Ledger, plan: &Plan) {
        self.count(ledger);
        for step in &plan.steps {
            // The row's own place: through a connection made anew it is the same event.
            let place = step.moves.as_ref().unwrap_or(&step.place);
            let counts = self.of(place);
            // What older code left is in no row.
            counts.events += usize::from(step.adopts.is_some());
            let gets_another = || {
                plan.steps
                    .iter()
                    .any(|other| is_new(&other.action) && other.place.person == step.place.person)
            };
            if step.removes() && !gets_another() {
                counts.deletes += 1;
            }
        }
    }

    /// Adds an appointment for which nothing is planned.
    pub fn count(&mut self, ledger: &Ledger) {
        for row in &ledger.deliveries {
            if row.presence != Presence::Absent {
                self.of(&row.place).events += 1;
            }
        }
    }

    fn of(&mut self, place: &CalendarRef) -> &mut Counts {
        let key = (place.person.clone(), place.provider.clone(), place.connection.clone());
        self.connections.entry(key).or_default()
    }
}

/// Whether an event is made that did not stand before.
fn is_new(action: &Action) -> bool {
    match action {
        Action::Create { .. } => true,
        Action::Look { content, unsure } => content.is_some() && unsure.before.is_none(),
        Action::Update { .. } | Action::Delete { .. } => false,
    }
}

impl Default for DeleteGuard {
    fn default() -> Self {
        Self { percent: 50, few: 10, allowed: BTreeSet::new() }
    }
}

impl DeleteGuard {
    /// Up to half of a connection's events, or ten.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With another share, in percent; with 100 nothing is too many.
    #[must_use]
    pub fn with_percent(mut self, percent: u8) -> Self {
        self.percent = percent;
        self
    }

    /// With another number that always passes.
    #[must_use]
    pub fn with_few(mut self, few: usize) -> Self {
        self.few = few;
        self
    }

    /// The host's word: whatever is planned for that connection is meant.
    #[must_use]
    pub fn allowing(mut self, person: Person, connection: ConnectionId) -> Self {
        self.allowed.insert((person, connection));
        self
    }

    /// Whether the plans of a survey may be begun.
    ///
    /// # Errors
    /// When they would delete too many of a connection's events.
    pub fn check(&self, survey: &Survey) -> Result<(), TooManyDeletes> {
        let mut connections = Vec::new();
        for ((person, provider, connection), Counts { events, deletes }) in &survey.connections {
            let (events, deletes) = (*events, *deletes);
            let is_small = deletes.saturating_mul(100) <= events.saturating_mul(self.percent.into());
            if is_small || deletes <= self.few || self.allowed.contains(&(person.clone(), connection.clone()))
            {
                continue;
            }
            let (person, provider, connection) = (person.clone(), provider.clone(), connection.clone());
            connections.push(Deletes { person, provider, connection, deletes, events });
        }
        if connections.is_empty() { Ok(()) } else { Err(TooManyDeletes { connections }) }
    }
}

/// `too many events would be deleted: google of profile 3 (connection default): 40 of 41`.
impl fmt::Display for TooManyDeletes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many events would be deleted")?;
        for (at, deletes) in self.connections.iter().enumerate() {
            f.write_str(if at == 0 { ": " } else { "; " })?;
            deletes.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Deletes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { person, provider, connection, deletes, events } = self;
        write!(f, "{provider} of {person} (connection {connection}): {deletes} of {events}")
    }
}
