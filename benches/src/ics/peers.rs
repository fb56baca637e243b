//! The same event by other people's crates, the way their documentation shows it.

use calcard::common::PartialDateTime;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarParameter, ICalendarProperty,
    ICalendarStatus, ICalendarValue,
};
use chrono::{Datelike, NaiveDateTime, Timelike};
use icalendar::{Calendar, CalendarDateTime, Component, Event, EventLike, EventStatus};

use super::{Booking, TZID};

/// The icalendar crate; it knows no `VTIMEZONE`.
pub(super) fn icalendar<'a>(bookings: impl IntoIterator<Item = &'a Booking>) -> String {
    let mut calendar = Calendar::new();
    for booking in bookings {
        let local = |date_time| CalendarDateTime::WithTimezone { date_time, tzid: TZID.to_owned() };
        let event = Event::new()
            .uid(&booking.uid)
            .timestamp(booking.changed)
            .sequence(booking.sequence)
            .status(EventStatus::Confirmed)
            .starts(local(booking.start))
            .ends(local(booking.end))
            .summary(&booking.summary)
            .description(&booking.description)
            .location(&booking.location)
            .done();
        calendar.push(event);
    }
    calendar.to_string()
}

/// calcard, with its own definition of the zone if asked.
pub(super) fn calcard<'a>(bookings: impl IntoIterator<Item = &'a Booking>, zone: bool) -> String {
    let mut root = ICalendarComponent::new(ICalendarComponentType::VCalendar);
    root.add_property(ICalendarProperty::Version, text("2.0"));
    root.add_property(ICalendarProperty::Prodid, text("-//calcard//EN"));
    root.add_property(ICalendarProperty::Calscale, text("GREGORIAN"));
    let mut calendar = ICalendar { components: vec![root] };
    for booking in bookings {
        let mut event = ICalendarComponent::new(ICalendarComponentType::VEvent);
        event.add_uid(&booking.uid);
        event.add_dtstamp(PartialDateTime {
            tz_hour: Some(0),
            tz_minute: Some(0),
            ..partial(booking.changed.naive_utc())
        });
        event.add_sequence(booking.sequence.into());
        event.add_property(ICalendarProperty::Status, ICalendarValue::Status(ICalendarStatus::Confirmed));
        for (property, at) in
            [(ICalendarProperty::Dtstart, booking.start), (ICalendarProperty::Dtend, booking.end)]
        {
            event.add_property_with_params(
                property,
                [ICalendarParameter::tzid(TZID.to_owned())],
                partial(at),
            );
        }
        event.add_property(ICalendarProperty::Summary, text(&booking.summary));
        event.add_property(ICalendarProperty::Description, text(&booking.description));
        event.add_property(ICalendarProperty::Location, text(&booking.location));
        let at = calendar.components.len() as u32;
        calendar.components.push(event);
        calendar.components[0].component_ids.push(at);
    }
    if zone {
        calendar.add_missing_timezones();
    }
    calendar.to_string()
}

fn text(text: &str) -> ICalendarValue {
    ICalendarValue::Text(text.to_owned())
}

fn partial(at: NaiveDateTime) -> PartialDateTime {
    PartialDateTime {
        year: Some(at.year() as u16),
        month: Some(at.month() as u8),
        day: Some(at.day() as u8),
        hour: Some(at.hour() as u8),
        minute: Some(at.minute() as u8),
        second: Some(at.second() as u8),
        ..PartialDateTime::default()
    }
}
