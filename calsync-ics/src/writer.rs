//! [`IcsWriter`]: writes one event as one file.

use std::borrow::Cow;

use calsync_core::event::{EventStatus, Reminders, Visibility, When};
use calsync_core::identity::Generation;
use calsync_core::provider::Draft;
use calsync_core::time::{Zone, check};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Utc};
use uuid::Uuid;

use crate::calendar::{CalendarInfo, FOOTER};
use crate::error::{IcsError, IcsProblem};
use crate::identity::PersonText;
use crate::lines::Lines;
use crate::timezone::{ZoneText, text_of};

/// Writes events, each as one file. Reuses its buffer.
///
/// The same draft always gives the same bytes. The table on the [front page](crate) lists the
/// properties.
#[derive(Debug, Clone)]
pub struct IcsWriter {
    header: String,
    lines: Lines,
}

/// Writes one event as a file. To write many, reuse an [`IcsWriter`].
///
/// # Errors
/// The errors of [`IcsWriter::write`].
pub fn write_event(draft: &Draft) -> Result<String, IcsError> {
    let mut writer = IcsWriter::new();
    writer.write(draft)?;
    Ok(writer.lines.into_string())
}

impl Default for IcsWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl IcsWriter {
    /// Creates a writer of files without properties of the calendar.
    #[must_use]
    pub fn new() -> Self {
        Self::with_calendar(&CalendarInfo::new())
    }

    /// Creates a writer of files with these properties of the calendar.
    #[must_use]
    pub fn with_calendar(calendar: &CalendarInfo) -> Self {
        Self { header: calendar.header(), lines: Lines::default() }
    }

    /// Writes an event as a file. The returned text borrows the writer's buffer, until the next
    /// call.
    ///
    /// # Errors
    /// [`EndBeforeStart`](IcsProblem::EndBeforeStart) if the end is not after the start;
    /// [`Year`](IcsProblem::Year) if a year is outside 1900 to 2999.
    pub fn write(&mut self, draft: &Draft) -> Result<&str, IcsError> {
        self.write_with(draft, &Extras::default())
    }

    pub(crate) fn write_with(&mut self, draft: &Draft, extras: &Extras) -> Result<&str, IcsError> {
        let times = Times::of(draft)?;
        self.lines.clear();
        self.lines.lines(&self.header);
        for line in &extras.calendar {
            self.lines.foreign(line);
        }
        if let Times::Local { zone, .. } = times {
            self.lines.lines(&zone.definition);
        }
        write_component(&mut self.lines, draft, &times, extras)?;
        self.lines.lines(FOOTER);
        Ok(self.lines.as_str())
    }
}

/// Content of a file that does not come from the draft.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    /// The UID, if it is not the key.
    pub(crate) uid: Option<String>,
    /// Lower bound of SEQUENCE.
    pub(crate) sequence: u64,
    /// Further properties of the calendar.
    pub(crate) calendar: Vec<String>,
    /// Further lines of the event.
    pub(crate) event: Vec<String>,
}

/// Start and end of an event, in the form that is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Times<'a> {
    /// An all-day event; `end` is the day after the last.
    Days { start: NaiveDate, end: NaiveDate },
    /// Times in UTC, because the zone has no definition that is correct for them.
    Utc { start: NaiveDateTime, end: NaiveDateTime, zone: &'a Zone },
    /// Local times in the zone.
    Local { start: NaiveDateTime, end: NaiveDateTime, zone: &'static ZoneText },
}

impl<'a> Times<'a> {
    pub(crate) fn of(draft: &'a Draft) -> Result<Self, IcsError> {
        let late = IcsError::event("DTEND", IcsProblem::EndBeforeStart);
        match &draft.event.when {
            When::Timed { start, end, zone } => {
                check(*start).map_err(|_| IcsError::event("DTSTART", IcsProblem::Year))?;
                check(*end).map_err(|_| IcsError::event("DTEND", IcsProblem::Year))?;
                if end.timestamp() <= start.timestamp() {
                    return Err(late);
                }
                Ok(in_zone(*start, *end, zone, draft.changed_at).unwrap_or(Self::Utc {
                    start: start.naive_utc(),
                    end: end.naive_utc(),
                    zone,
                }))
            }
            When::AllDay { start, end } => {
                for (property, date) in [("DTSTART", start), ("DTEND", end)] {
                    if !calsync_core::time::YEARS.contains(&date.year()) {
                        return Err(IcsError::event(property, IcsProblem::Year));
                    }
                }
                if end <= start { Err(late) } else { Ok(Self::Days { start: *start, end: *end }) }
            }
        }
    }
}

/// Returns the local times in the zone, if every reader will compute the same instants from them.
fn in_zone(
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    zone: &Zone,
    written: DateTime<Utc>,
) -> Option<Times<'static>> {
    let text = text_of(zone).filter(|text| start >= text.since && written >= text.known)?;
    let (local_start, local_end) = (zone.local(start), zone.local(end));
    // In an hour that occurs twice, some readers take the first occurrence and some the second.
    let once = |instant: DateTime<Utc>, local: NaiveDateTime| {
        let Some((month, length)) = text.doubled else { return true };
        // The change can be on the last day of the month before.
        let near = local.month() == month || (local.day() >= 28 && local.month() % 12 + 1 == month);
        !near || (zone.local(instant + length) != local && zone.local(instant - length) != local)
    };
    // Readers compare the two local times without converting them.
    let is_clear = local_end > local_start && once(start, local_start) && once(end, local_end);
    is_clear.then_some(Times::Local { start: local_start, end: local_end, zone: text })
}

/// Returns the value of `CLASS` (RFC 5545 section 3.8.1.3). Returns `None` if the host sets no
/// visibility.
pub(crate) fn class(visibility: Visibility) -> Option<&'static str> {
    match visibility {
        Visibility::Public => Some("PUBLIC"),
        Visibility::Private => Some("PRIVATE"),
        _ => None,
    }
}

fn is_class(line: &str) -> bool {
    line.split([';', ':']).next() == Some("CLASS")
}

/// Appends the `VEVENT` to `lines`.
pub(crate) fn write_component(
    lines: &mut Lines,
    draft: &Draft,
    times: &Times<'_>,
    extras: &Extras,
) -> Result<(), IcsError> {
    check(draft.changed_at).map_err(|_| IcsError::event("DTSTAMP", IcsProblem::Year))?;
    let (event, marker) = (&*draft.event, &draft.marker);
    let changed = draft.changed_at.naive_utc();
    let mut buffer = Uuid::encode_buffer();
    let target: &str = marker.key.target().as_uuid().simple().encode_lower(&mut buffer);
    let key = match marker.key.generation() {
        Generation::FIRST => Cow::Borrowed(target),
        _ => Cow::Owned(marker.key.to_string()),
    };
    lines.plain("BEGIN:VEVENT", "");
    match &extras.uid {
        None => lines.plain("UID:", &key),
        Some(uid) => {
            lines.text("UID:", uid);
            lines.text("X-CALSYNC-UID:", uid);
        }
    }
    lines.time("DTSTAMP:", changed, "Z");
    lines.time("LAST-MODIFIED:", changed, "Z");
    // An INTEGER of RFC 5545 is at most 2147483647.
    lines.number("SEQUENCE:", marker.revision.max(extras.sequence).min(i32::MAX as u64), "");
    lines.plain("STATUS:", if event.status == EventStatus::Tentative { "TENTATIVE" } else { "CONFIRMED" });
    match *times {
        Times::Days { start, end } => {
            lines.date("DTSTART;VALUE=DATE:", start);
            lines.date("DTEND;VALUE=DATE:", end);
        }
        Times::Utc { start, end, zone } => {
            lines.time("DTSTART:", start, "Z");
            lines.time("DTEND:", end, "Z");
            if !zone.is_utc() {
                lines.text("X-CALSYNC-ZONE:", zone.name());
            }
        }
        Times::Local { start, end, zone } => {
            lines.time(&zone.start, start, "");
            lines.time(&zone.end, end, "");
        }
    }
    lines.text("SUMMARY:", &event.title);
    for (head, text) in [("DESCRIPTION:", &event.description), ("LOCATION:", &event.location)] {
        if !text.is_empty() {
            lines.text(head, text);
        }
    }
    if let Some(class) = class(event.visibility) {
        lines.plain("CLASS:", class);
    }
    lines.text("X-CALSYNC-NAMESPACE:", &marker.namespace);
    // Programs search for whole values: all events of the target have this value.
    lines.plain("X-CALSYNC-TARGET:", target);
    // A person's copy gets another UID: without this property it would have no key.
    lines.plain("X-CALSYNC-KEY:", &key);
    lines.number("X-CALSYNC-REVISION:", marker.revision, "");
    if let Some(appointment) = &marker.appointment {
        lines.text("X-CALSYNC-APPOINTMENT:", &appointment.to_string());
    }
    if let Some(person) = &marker.person {
        lines.text("X-CALSYNC-PERSON:", &PersonText(person).to_string());
    }
    if let Some(role) = marker.role {
        lines.plain("X-CALSYNC-ROLE:", role.name());
    }
    let minutes = match &event.reminders {
        Reminders::Before(minutes) => {
            if minutes.is_empty() {
                lines.plain("X-CALSYNC-REMINDERS:NONE", "");
            }
            minutes.as_slice()
        }
        _ => &[],
    };
    for line in &extras.event {
        // RFC 5545 allows one CLASS. The person's stays if the host sets no visibility.
        if event.visibility == Visibility::Default || !is_class(line) {
            lines.foreign(line);
        }
    }
    for minutes in minutes {
        lines.plain("BEGIN:VALARM\r\nACTION:DISPLAY", "");
        lines.text("DESCRIPTION:", &event.title);
        lines.number("TRIGGER:-PT", u64::from(*minutes), "M");
        lines.plain("X-CALSYNC-REMINDER:TRUE\r\nEND:VALARM", "");
    }
    lines.plain("END:VEVENT", "");
    Ok(())
}
