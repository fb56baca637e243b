//! The events of one appointment. Each is worded, cut to the provider's limits and fingerprinted
//! once, for all calendars that show it.

use std::sync::Arc;

use crate::audience::Audience;
use crate::calendar::Role;
use crate::event::{Event, EventStatus, Facts, Text, TextLimits, When, Wording};
use crate::model::{Appointment, AppointmentStatus, Order};
use crate::plan::Content;
use crate::time::Zone;

/// Makes the contents on demand, and keeps them.
pub(super) struct Prepared<'a> {
    wording: &'a dyn Wording,
    facts: Facts<'a>,
    when: When,
    status: EventStatus,
    worded: Vec<(Role, Arc<Event>)>,
    fitted: Vec<(Role, TextLimits, Content)>,
}

impl<'a> Prepared<'a> {
    pub(super) fn new(
        wording: &'a dyn Wording,
        zone: &Zone,
        order: &'a Order,
        appointment: &Appointment,
        audience: &Audience<'a>,
    ) -> Self {
        let zone = appointment.time_zone.as_ref().unwrap_or(zone).clone();
        Self {
            wording,
            facts: Facts::new(order, audience),
            when: When::Timed { start: appointment.start_time, end: appointment.end_time, zone },
            status: match appointment.status {
                AppointmentStatus::Pending => EventStatus::Tentative,
                _ => EventStatus::Confirmed,
            },
            worded: Vec::new(),
            fitted: Vec::new(),
        }
    }

    /// The event of a role, cut to a provider's limits.
    pub(super) fn content(&mut self, role: Role, limits: &TextLimits) -> Content {
        let known = self.fitted.iter().find(|(of, with, _)| *of == role && with == limits);
        if let Some((_, _, content)) = known {
            return content.clone();
        }
        let worded = self.worded(role);
        let event = match worded.fitted(limits) {
            Some(fitted) => Arc::new(fitted),
            None => worded,
        };
        let same = self
            .fitted
            .iter()
            .find(|(_, _, content)| Arc::ptr_eq(&content.event, &event) || content.event == event);
        let content = match same {
            Some((_, _, content)) => content.clone(),
            None => Content { fingerprint: event.fingerprint(), event },
        };
        self.fitted.push((role, *limits, content.clone()));
        content
    }

    /// The event of a role, not cut to any limits.
    pub(super) fn worded(&mut self, role: Role) -> Arc<Event> {
        if let Some((_, event)) = self.worded.iter().find(|(of, _)| *of == role) {
            return event.clone();
        }
        let Text { title, description } = match role {
            Role::Staff => self.wording.staff(&self.facts.staff()),
            Role::Manager => self.wording.manager(&self.facts.manager()),
            Role::Admin => self.wording.admin(&self.facts.admin()),
            Role::Customer => self.wording.customer(&self.facts.customer()),
        };
        let (reminders, visibility) = (self.wording.reminders(role), self.wording.visibility(role));
        // An admin's event mostly has the manager's text: then both share one event.
        let is_same = |event: &Event| {
            *event.title == *title
                && *event.description == *description
                && event.reminders == reminders
                && event.visibility == visibility
        };
        let event = match self.worded.iter().find(|(_, event)| is_same(event)) {
            Some((_, event)) => event.clone(),
            None => Arc::new(
                Event::new(title, self.when.clone())
                    .with_description(description)
                    .with_location(self.facts.location().clone())
                    .with_reminders(reminders)
                    .with_status(self.status)
                    .with_visibility(visibility),
            ),
        };
        self.worded.push((role, event.clone()));
        event
    }
}
