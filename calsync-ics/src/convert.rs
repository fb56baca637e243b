//! Conversions to and from the icalendar crate's `Event`.

use calsync_core::event::{EventStatus, Reminders, When, clean_block, clean_line};
use calsync_core::identity::EventKey;
use chrono::{DateTime, TimeDelta, Utc};
use icalendar::{Alarm, Component, Property, Trigger};

use crate::error::IcsError;
use crate::event::{IcsEvent, event_of};
use crate::identity::PersonText;
use crate::writer::class;

/// Times are in UTC, since the icalendar crate cannot write the definition of a zone; the zone's
/// name is kept in `X-CALSYNC-ZONE` and read back. Control characters are removed from texts,
/// because that crate writes them unchanged.
impl From<&IcsEvent> for icalendar::Event {
    fn from(from: &IcsEvent) -> Self {
        let event = &from.event;
        let mut to = Self::new();
        let mut text = |name: &str, value: &str| {
            if !value.is_empty() {
                to.append_property(Property::new(name, value));
            }
        };
        text("UID", &clean_line(&from.uid));
        text("SUMMARY", &clean_line(&event.title));
        text("DESCRIPTION", &clean_block(&event.description));
        text("LOCATION", &clean_line(&event.location));
        text(
            "STATUS",
            match event.status {
                _ if from.is_cancelled => "CANCELLED",
                EventStatus::Tentative => "TENTATIVE",
                _ => "CONFIRMED",
            },
        );
        text("CLASS", class(event.visibility).unwrap_or_default());
        if let Some(changed) = from.changed_at {
            text("DTSTAMP", &stamp(changed));
            text("LAST-MODIFIED", &stamp(changed));
        }
        if let Some(marker) = &from.marker {
            let key = marker.key.to_string();
            text("X-CALSYNC-TARGET", &marker.key.target().to_string());
            text("X-CALSYNC-KEY", &key);
            let own = EventKey::parse(&from.uid).map(EventKey::target);
            if own != Some(marker.key.target()) && !from.is_copy {
                text("X-CALSYNC-UID", &clean_line(&from.uid));
            }
            text("X-CALSYNC-NAMESPACE", &clean_line(&marker.namespace));
            if let Some(appointment) = &marker.appointment {
                text("X-CALSYNC-APPOINTMENT", &appointment.to_string());
            }
            if let Some(person) = &marker.person {
                text("X-CALSYNC-PERSON", &PersonText(person).to_string());
            }
            if let Some(role) = marker.role {
                text("X-CALSYNC-ROLE", role.name());
            }
            text("X-CALSYNC-REVISION", &marker.revision.to_string());
            text("SEQUENCE", &marker.revision.min(i32::MAX as u64).to_string());
        }
        match &event.when {
            When::Timed { start, end, zone } => {
                text("DTSTART", &stamp(*start));
                text("DTEND", &stamp(*end));
                if !zone.is_utc() {
                    text("X-CALSYNC-ZONE", zone.name());
                }
            }
            When::AllDay { start, end } => {
                for (name, date) in [("DTSTART", start), ("DTEND", end)] {
                    let value = date.format("%Y%m%d").to_string();
                    to.append_property(Property::new(name, value).add_parameter("VALUE", "DATE").done());
                }
            }
        }
        if let Reminders::Before(minutes) = &event.reminders {
            if minutes.is_empty() {
                to.append_property(Property::new("X-CALSYNC-REMINDERS", "NONE"));
            }
            for minutes in minutes {
                let trigger = Trigger::before_start(TimeDelta::minutes(i64::from(*minutes)));
                let mut alarm = Alarm::display(&clean_line(&event.title), trigger);
                alarm.append_property(Property::new("X-CALSYNC-REMINDER", "TRUE"));
                to.append_component(alarm);
            }
        }
        to
    }
}

impl TryFrom<&icalendar::Event> for IcsEvent {
    type Error = IcsError;

    fn try_from(from: &icalendar::Event) -> Result<Self, IcsError> {
        event_of(from, false)
    }
}

fn stamp(at: DateTime<Utc>) -> String {
    at.format("%Y%m%dT%H%M%SZ").to_string()
}
