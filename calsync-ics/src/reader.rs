//! Reads files with the icalendar crate's parser.

use icalendar::CalendarComponent;

use crate::error::{IcsError, IcsProblem};
use crate::event::{IcsEvent, event_of};
use crate::scan::{Block, Parts, parts};

/// The properties that calsync uses. The parser gets no other lines: one line that it cannot parse
/// would make the whole file unreadable.
const READ: [&str; 27] = [
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
    "X-CALSYNC-UID",
    "X-CALSYNC-NAMESPACE",
    "X-CALSYNC-REVISION",
    "X-CALSYNC-APPOINTMENT",
    "X-CALSYNC-PERSON",
    "X-CALSYNC-ROLE",
    "X-CALSYNC-ZONE",
    "X-CALSYNC-REMINDERS",
    "X-CALSYNC-REMINDER",
];

/// Reads the only event of a file. Never panics, for any bytes. For a recurring event it reads the
/// event itself and ignores the exceptions.
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
/// See [`IcsError`]: the file is not a calendar, has no event or several, or has an event that
/// calsync cannot represent: a time in an unknown zone or without a zone, no start, or an end
/// before the start.
pub fn read_event(bytes: &[u8]) -> Result<IcsEvent, IcsError> {
    read(only_lines(&parts(bytes)?)?)
}

/// Reads every event of a file, each with its own result. Exceptions of recurring events are left
/// out.
///
/// # Errors
/// See [`IcsError`]: the file as a whole is not a valid calendar.
pub fn read_events(bytes: &[u8]) -> Result<Vec<Result<IcsEvent, IcsError>>, IcsError> {
    let parts = parts(bytes)?;
    Ok(parts.events.iter().filter(|event| !is_exception(event)).map(read).collect())
}

/// Returns the lines of the only event of a file.
pub(crate) fn only_lines(parts: &Parts) -> Result<&Block, IcsError> {
    let mut events = parts.events.iter().filter(|event| !is_exception(event));
    let whole = |problem| IcsError { property: None, ..IcsError::event("UID", problem) };
    let event = events.next().ok_or(whole(IcsProblem::Missing))?;
    match events.next() {
        Some(second) => Err(whole(IcsProblem::Repeated).at_line(first_line(second))),
        None => Ok(event),
    }
}

fn is_exception(event: &Block) -> bool {
    event.lines.iter().any(|line| line.name() == "RECURRENCE-ID")
}

fn first_line(event: &Block) -> usize {
    event.lines.first().map_or(0, |line| line.number)
}

fn read(event: &Block) -> Result<IcsEvent, IcsError> {
    let parsed = parse(event)?;
    event_of(&parsed, event.withdrawn).map_err(|error| error.at_line(first_line(event)))
}

fn parse(event: &Block) -> Result<icalendar::Event, IcsError> {
    let mut text = String::new();
    for line in event.lines.iter().filter(|line| READ.contains(&line.name())) {
        text.push_str(&line.text);
        text.push_str("\r\n");
    }
    let malformed = IcsError { property: None, ..IcsError::event("UID", IcsProblem::Malformed) };
    let malformed = malformed.at_line(first_line(event));
    let components = icalendar::parser::read_calendar_simple(&text).map_err(|_| malformed)?;
    let component = components.into_iter().next().map(CalendarComponent::from);
    match component {
        Some(CalendarComponent::Event(event)) => Ok(event),
        _ => Err(malformed),
    }
}
