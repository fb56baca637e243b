//! A state that was lost, or is in doubt, is rebuilt from what is in the calendars.

use std::collections::{BTreeMap, HashMap};

use calsync_core::OrderId;
use calsync_core::audience::Audience;
use calsync_core::calendar::{CalendarKey, CalendarRef, Person};
use calsync_core::model::{Directory, Order};
use calsync_core::plan::{Orphan, Recovery};
use calsync_core::sync::Syncer;
use chrono::{DateTime, Utc};
use tokio::task::JoinSet;

use crate::files::{State, World};

/// The calendars that have to be listed, and what was found in them.
pub struct Recovering {
    calendars: BTreeMap<CalendarKey, CalendarRef>,
    recovery: Recovery,
    unlisted: Vec<CalendarRef>,
    is_complete: bool,
    /// Nothing is known of any calendar.
    is_first: bool,
    /// The people who want no events: their calendars are listed where that is possible, and nobody
    /// has to help.
    is_off: Vec<Person>,
}

impl Recovering {
    /// Where there was no state, or the host asks for `all`, every calendar of today is listed;
    /// else those that could not be listed the last time.
    pub fn new(
        state: &State,
        world: &World,
        orders: &HashMap<OrderId, Order>,
        directory: &Directory,
        all: bool,
    ) -> Self {
        let is_complete = state.is_new() || all;
        let mut calendars: Vec<CalendarRef> = state.to_list.clone();
        if is_complete {
            calendars.extend(world.profiles().iter().flat_map(|profile| profile.calendars()));
            for appointment in state.appointments() {
                let order = appointment.order_id.as_ref().and_then(|id| orders.get(id));
                let audience = order.and_then(|order| Audience::of(order, appointment, directory).ok());
                for member in audience.iter().flat_map(|audience| &audience.members) {
                    calendars.extend(member.places());
                }
                calendars.extend(appointment.ledger.deliveries().iter().map(|row| row.calendar().clone()));
            }
        }
        let calendars = calendars.into_iter().map(|calendar| (calendar.key(), calendar)).collect();
        let recovery = Recovery::new(world.namespace.as_str());
        let off = world.profiles().iter().filter(|profile| profile.calendar_sync_enabled == Some(false));
        let is_off = off.map(|profile| Person::Profile(profile.id.clone())).collect();
        Self { calendars, recovery, unlisted: Vec::new(), is_complete, is_first: state.is_new(), is_off }
    }

    /// Notes in the state what is to be listed: a run that is cut off leaves it to the next one.
    /// Returns whether there is any.
    pub fn begin(&self, state: &mut State) -> bool {
        state.begin(self.calendars.values().cloned().collect());
        !self.calendars.is_empty()
    }

    /// What a dry run, which asks nobody, has to say of it.
    pub fn remark(&self) -> Option<String> {
        let why = if self.is_first { "no run has begun here yet: " } else { "" };
        let count = self.calendars.len();
        (count > 0).then(|| {
            format!("{why}a run lists {count} calendars first, and takes over what it finds there of its own")
        })
    }

    /// Lists each calendar once, so many side by side. Says which could not be.
    pub async fn list(&mut self, syncer: &Syncer, side_by_side: usize) -> Vec<String> {
        let calendars = std::mem::take(&mut self.calendars).into_values();
        let mut calendars = calendars.filter(|calendar| syncer.has_provider(&calendar.provider));
        let (mut under_way, mut listed) = (JoinSet::new(), BTreeMap::new());
        loop {
            for calendar in calendars.by_ref().take(side_by_side.max(1) - under_way.len()) {
                let syncer = syncer.clone();
                under_way.spawn(async move {
                    let found = syncer.list_ours(&calendar).await;
                    (calendar, found)
                });
            }
            match under_way.join_next().await {
                Some(Ok((calendar, found))) => listed.insert(calendar.key(), (calendar, found)),
                Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
                None => break,
            };
        }
        let mut problems = Vec::new();
        // In an order that does not depend on who was faster.
        for (calendar, found) in listed.into_values() {
            match found {
                Ok(found) => self.recovery.add(&calendar, found),
                Err(error) => {
                    if !self.is_off.contains(&calendar.person) {
                        problems.push(format!(
                            "{calendar}: not listed, so nothing is written there yet: {error}"
                        ));
                    }
                    self.unlisted.push(calendar);
                }
            }
        }
        problems
    }

    /// Attaches what was found to the ledgers.
    pub fn rebuild(&mut self, state: &mut State, now: DateTime<Utc>) {
        state.to_list = std::mem::take(&mut self.unlisted);
        for appointment in state.appointments_mut() {
            self.recovery.rebuild(appointment, now);
        }
    }

    /// The events that belong to no appointment. They are asked for where every calendar is listed.
    pub fn orphans(&self) -> Vec<Orphan> {
        if self.is_complete { self.recovery.orphans() } else { Vec::new() }
    }
}
