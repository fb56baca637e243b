//! Files read back, through the icalendar crate's parser.

use calsync_core::provider::Marker;
use icalendar::{CalendarComponent, Component};

use crate::error::{IcsError, IcsProblem};
use crate::event::{IcsEvent, event_of, identity};
use crate::scan::{Line, Parts, parts};

/// The properties that say something to calsync. The parser is shown no others: a line it does not understand would cost
/// the whole file.
const READ: [&str; 23] = [
    "BEGIN",
    "END",
    "UID",
    "DTSTAMP",
    "LAST-MODIFIED",
    "SEQUENCE",
    "STATUS",
    "CLASS",
    "DTSTART",
    "DTEND",
    "DURATION",
    "RECURRENCE-ID",
    "SUMMARY",
    "DESCRIPTION",
    "LOCATION",
    "ACTION",
    "TRIGGER",
    "X-CALSYNC-KEY",
    "X-CALSYNC-NAMESPACE",
    "X-CALSYNC-REVISION",
    "X-CALSYNC-ZONE",
    "X-CALSYNC-REMINDERS",
    "X-CALSYNC-REMINDER",
];

/// Reads the one event of a file, whatever bytes it holds. Of a recurring event it is the event itself, not the exceptions.
///
/// ```
/// let file = b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Deep clean\r\n\
///     DTSTART;TZID=Europe/London:20260701T090000\r\nDURATION:PT2H\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
/// let read = calsync_ics::read_event(file)?;
/// assert_eq!(&*read.event.title, "Deep clean");
/// assert_eq!(read.marker, None);
/// # Ok::<(), calsync_ics::IcsError>(())
/// ```
///
/// # Errors
/// When it is no calendar, has no event or several, or one that calsync has no words for: with an unknown zone or none at
/// all, no start, no length.
pub fn read_event(bytes: &[u8]) -> Result<IcsEvent, IcsError> {
    let (line, event) = only_event(&parts(bytes)?)?;
    event_of(&event).map_err(|error| error.at_line(line))
}

/// Reads every event of a file, each for itself; exceptions of recurring events are left out.
///
/// # Errors
/// When it is no calendar at all.
pub fn read_events(bytes: &[u8]) -> Result<Vec<Result<IcsEvent, IcsError>>, IcsError> {
    let parts = parts(bytes)?;
    let events = parts.events.iter().map(|lines| (first_line(lines), parse(lines)));
    let events = events.filter(|(_, event)| !event.as_ref().is_ok_and(is_exception));
    Ok(events
        .map(|(line, event)| event.and_then(|event| event_of(&event)).map_err(|error| error.at_line(line)))
        .collect())
}

/// The UID and the marker of the one event of a file.
pub(crate) fn identity_of(parts: &Parts) -> Result<(String, Option<Marker>), IcsError> {
    let (line, event) = only_event(parts)?;
    identity(&event).map_err(|error| error.at_line(line))
}

/// The lines of the one event of a file.
pub(crate) fn only_lines(parts: &Parts) -> Option<&[Line]> {
    let mut events =
        parts.events.iter().filter(|lines| !lines.iter().any(|line| line.name() == "RECURRENCE-ID"));
    events.next().map(Vec::as_slice)
}

fn only_event(parts: &Parts) -> Result<(usize, icalendar::Event), IcsError> {
    let mut found = None;
    for lines in &parts.events {
        let event = parse(lines)?;
        if is_exception(&event) {
            continue;
        }
        if found.is_some() {
            let repeated = IcsError { property: None, ..IcsError::event("UID", IcsProblem::Repeated) };
            return Err(repeated.at_line(first_line(lines)));
        }
        found = Some((first_line(lines), event));
    }
    found.ok_or(IcsError { property: None, ..IcsError::event("UID", IcsProblem::Missing) })
}

fn is_exception(event: &icalendar::Event) -> bool {
    event.property_value("RECURRENCE-ID").is_some()
}

fn first_line(lines: &[Line]) -> usize {
    lines.first().map_or(0, |line| line.number)
}

fn parse(lines: &[Line]) -> Result<icalendar::Event, IcsError> {
    let mut text = String::new();
    for line in lines.iter().filter(|line| READ.contains(&line.name())) {
        text.push_str(&line.text);
        text.push_str("\r\n");
    }
    let malformed = IcsError { property: None, ..IcsError::event("UID", IcsProblem::Malformed) };
    let malformed = malformed.at_line(first_line(lines));
    let components = icalendar::parser::read_calendar_simple(&text).map_err(|_| malformed)?;
    let component = components.into_iter().next().map(CalendarComponent::from);
    match component {
        Some(CalendarComponent::Event(event)) => Ok(event),
        _ => Err(malformed),
    }
}
