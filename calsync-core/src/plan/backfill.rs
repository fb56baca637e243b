//! Backfill: plans for a person's appointments that are not over, after a calendar was connected.

use std::borrow::Borrow;
use std::fmt;

use crate::audience::{Audience, Trigger};
use crate::calendar::Person;
use crate::clock::Clock;
use crate::error::InputError;
use crate::id::ConnectionId;
use crate::model::{Appointment, Directory, Order};
use crate::plan::{Plan, Planner};

/// An iterator over those of the host's appointments that are not over and have something to do for
/// one person, each with its plan. Other people's events are not touched, and no one gets mail,
/// since an event has no attendees.
///
/// It takes one appointment at a time, so a long list is never held in memory. The host begins,
/// saves, runs and records each plan as any other.
/// [`Syncer::run_all`](crate::sync::Syncer::run_all) runs them at the pace the account allows:
///
#[cfg_attr(feature = "sync", doc = "```")]
#[cfg_attr(not(feature = "sync"), doc = "```ignore")]
/// # use std::collections::HashMap;
/// # use calsync_core::plan::Backfill;
/// # use calsync_core::clock::SystemClock;
/// # use calsync_core::memory::MemoryCalendar;
/// # use calsync_core::model::{Appointment, Connection, Directory, Order, OrderStatus, Profile, Service, Staff};
/// # use calsync_core::names::{CalendarId, ProviderKind};
/// # use calsync_core::calendar::Person;
/// # use calsync_core::sync::Syncer;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// # let mut eve = Staff::new(3, "Eve");
/// # eve.profile_id = Some(7.into());
/// # let calendar = Connection::new(1, ProviderKind::MEMORY, CalendarId::primary());
/// # let directory = Directory::new().with_services([Service::new(5, "Deep clean", 60)]).with_staff([eve]);
/// # let directory = directory.with_profiles([Profile::new(7).with_connection(calendar)]);
/// # let mut order = Order::new(1, OrderStatus::Confirmed);
/// # let appointment = |id: i64, start: &str, end: &str| -> Result<_, Box<dyn std::error::Error>> {
/// #     let mut it = Appointment::new(id, 5, start.parse()?, end.parse()?);
/// #     (it.order_id, it.staff_id) = (Some(1.into()), calsync_core::model::Stated::Is(3.into()));
/// #     Ok(it)
/// # };
/// # let appointments = [
/// #     appointment(10, "2001-01-20T09:00:00Z", "2001-01-20T10:00:00Z")?,
/// #     appointment(11, "2901-01-20T09:00:00Z", "2901-01-20T10:00:00Z")?,
/// # ];
/// # let memory = MemoryCalendar::new();
/// # let syncer = Syncer::builder("my-shop").provider(memory.clone()).build();
/// # let mut saved = HashMap::new();
/// let rows = appointments.into_iter().map(|appointment| (&order, appointment)); let backfill =
/// Backfill::new(syncer.planner(), &SystemClock, &directory, Person::Profile(7.into()), rows); let
/// plans = backfill.filter_map(|item| {
///     let (mut appointment, plan) = item.ok()?;
///     let begun = plan.begin(&mut appointment).ok()?;
///     saved.insert(appointment.id.clone(), appointment); // save
///     Some(begun)
/// });
/// let report = syncer.run_all(plans).report().await;
/// # for (_, appointment) in &mut saved { appointment.record(&report); }
/// assert_eq!(report.outcomes.len(), 1, "the other one is over");
/// # assert_eq!(memory.events().len(), 1);
/// # Ok(())
/// # })
/// # }
/// ```
///
/// If the person has connected again, call [`Ledger::revive`](crate::ledger::Ledger::revive) first:
/// rows that are held for the old grant are not planned otherwise.
pub struct Backfill<'a, I> {
    planner: &'a Planner,
    clock: &'a dyn Clock,
    directory: &'a Directory,
    person: Person,
    connection: Option<ConnectionId>,
    trigger: Trigger,
    appointments: I,
}

impl<'a, I> Backfill<'a, I> {
    /// The plans for one person, over appointments with their orders. Default: all the person's
    /// connections, [`Trigger::Automatic`].
    #[must_use]
    pub fn new(
        planner: &'a Planner,
        clock: &'a dyn Clock,
        directory: &'a Directory,
        person: Person,
        appointments: I,
    ) -> Self {
        let trigger = Trigger::Automatic;
        Self { planner, clock, directory, person, connection: None, trigger, appointments }
    }

    /// Keeps only the steps that write through this connection; nothing is removed.
    #[must_use]
    pub fn with_connection(mut self, connection: ConnectionId) -> Self {
        self.connection = Some(connection);
        self
    }

    /// Sets how the sync was requested. With [`Trigger::Manual`] the person's `auto_sync` does not
    /// matter. Default: [`Trigger::Automatic`].
    #[must_use]
    pub fn with_trigger(mut self, trigger: Trigger) -> Self {
        self.trigger = trigger;
        self
    }

    fn plan(&self, order: &Order, appointment: &Appointment) -> Result<Option<Plan>, InputError> {
        let now = self.clock.now();
        if appointment.end_time <= now {
            return Ok(None);
        }
        let audience = Audience::triggered(self.trigger, order, appointment, self.directory)?;
        let mut plan = self.planner.plan(order, appointment, &audience.only(self.person.clone()), now)?;
        if let Some(connection) = &self.connection {
            // A part of a plan removes nothing: a new event might have to be made first.
            plan.steps.retain(|step| step.calendar.connection == *connection && !step.removes());
        }
        Ok((!plan.is_empty()).then_some(plan))
    }
}

impl<O: Borrow<Order>, I: Iterator<Item = (O, Appointment)>> Iterator for Backfill<'_, I> {
    /// An appointment and its plan, or why it cannot be planned. An error does not end the
    /// iteration.
    type Item = Result<(Appointment, Plan), InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (order, appointment) = self.appointments.next()?;
            match self.plan(order.borrow(), &appointment) {
                Ok(None) => {}
                Ok(Some(plan)) => return Some(Ok((appointment, plan))),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl<I> fmt::Debug for Backfill<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backfill")
            .field("person", &self.person)
            .field("connection", &self.connection)
            .field("trigger", &self.trigger)
            .finish_non_exhaustive()
    }
}
