//! [`IcsEvent`]: the content of one `VEVENT`.

use calsync_core::event::{Event, EventStatus, Reminders, Visibility, When, clean_block, clean_line};
use calsync_core::provider::{Draft, Marker};
use calsync_core::time::{YEARS, Zone};
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc};
use icalendar::Component;

use crate::error::{IcsError, IcsProblem};
use crate::identity::Identity;
use crate::value::{Moment, Span, moment, utc};

/// The content of one `VEVENT`: the part that calsync uses.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct IcsEvent {
    /// The `UID`: the key of an event that calsync created, or the original UID of an adopted
    /// event.
    pub uid: String,
    /// calsync's marker, if the event carries one.
    pub marker: Option<Marker>,
    /// Whether a person copied one of calsync's events: the marker is there, with another UID. The
    /// copy belongs to the person.
    pub is_copy: bool,
    /// Whether the event is cancelled: `STATUS:CANCELLED`, or `METHOD:CANCEL` in its calendar.
    pub is_cancelled: bool,
    /// Title, times, texts, status, visibility and reminders. A timed event with neither `DTEND`
    /// nor `DURATION` ends when it begins (RFC 5545 section 3.6.1); it needs a length before it can
    /// be written.
    pub event: Event,
    /// Time of the last change, in UTC (`LAST-MODIFIED`, else `DTSTAMP`).
    pub changed_at: Option<DateTime<Utc>>,
}

impl From<&Draft> for IcsEvent {
    fn from(draft: &Draft) -> Self {
        Self {
            uid: draft.marker.key.to_string(),
            marker: Some(draft.marker.clone()),
            is_copy: false,
            is_cancelled: false,
            event: (*draft.event).clone(),
            changed_at: Some(draft.changed_at),
        }
    }
}

/// Reads an event. `withdrawn`: its calendar has `METHOD:CANCEL`.
pub(crate) fn event_of(read: &icalendar::Event, withdrawn: bool) -> Result<IcsEvent, IcsError> {
    let Identity { uid, marker, is_copy, .. } =
        Identity::of(|name| read.property_value(name).map(str::to_owned))?;
    let text = |name| read.property_value(name).unwrap_or_default();
    let is_cancelled = withdrawn || text("STATUS").trim().eq_ignore_ascii_case("CANCELLED");
    let status = if text("STATUS").eq_ignore_ascii_case("TENTATIVE") {
        EventStatus::Tentative
    } else {
        EventStatus::Confirmed
    };
    let when = when(read)?;
    let reminders = reminders(read, marker.is_some() && !is_copy, &when);
    let event = Event::new(&*clean_line(text("SUMMARY")), when)
        .with_description(&*clean_block(text("DESCRIPTION")))
        .with_location(&*clean_line(text("LOCATION")))
        .with_reminders(reminders)
        .with_status(status)
        .with_visibility(visibility(text("CLASS").trim()));
    let changed =
        ["LAST-MODIFIED", "DTSTAMP"].into_iter().find_map(|name| utc(read.property_value(name)?.trim()));
    Ok(IcsEvent { uid, marker, is_copy, is_cancelled, event, changed_at: changed })
}

/// Reads `CLASS`. An unknown value means private (RFC 5545 section 3.8.1.3).
fn visibility(class: &str) -> Visibility {
    match class {
        "" => Visibility::Default,
        class if class.eq_ignore_ascii_case("PUBLIC") => Visibility::Public,
        _ => Visibility::Private,
    }
}

fn when(read: &icalendar::Event) -> Result<When, IcsError> {
    let start = read_moment(read, "DTSTART")?.ok_or(IcsError::event("DTSTART", IcsProblem::Missing))?;
    let end = read_moment(read, "DTEND")?;
    let span = match read.property_value("DURATION").filter(|_| end.is_none()) {
        Some(value) => Some(Span::read(value).ok_or(IcsError::event("DURATION", IcsProblem::Malformed))?),
        None => None,
    };
    let malformed = IcsError::event("DTEND", IcsProblem::Malformed);
    let year = IcsError::event("DTEND", IcsProblem::Year);
    let has_no_end = end.is_none();
    let when = match (start, end) {
        (Moment::Day(start), None) => {
            // An all-day event without an end is one day long (section 3.6.1).
            let days = span.map_or(Some(TimeDelta::days(1)), Span::whole_days).ok_or(year)?;
            When::AllDay { start, end: start.checked_add_signed(days).ok_or(year)? }
        }
        (Moment::Day(start), Some(Moment::Day(end))) => When::AllDay { start, end },
        (Moment::Instant { at: start, zone }, end) => {
            let end = match (end, span) {
                (Some(Moment::Instant { at, .. }), _) => at,
                (Some(Moment::Day(_)), _) => return Err(malformed),
                (None, Some(span)) => span.after(start, &zone.clone().unwrap_or_default()).ok_or(year)?,
                (None, None) => start,
            };
            let named_zone = || Zone::new(read.property_value("X-CALSYNC-ZONE")?.trim()).ok();
            When::Timed { start, end, zone: zone.or_else(named_zone).unwrap_or_default() }
        }
        (Moment::Day(_), Some(Moment::Instant { .. })) => return Err(malformed),
    };
    let (ordered, years) = match &when {
        When::Timed { start, end, .. } => {
            (start < end || (has_no_end && start == end), [start.year(), end.year()])
        }
        When::AllDay { start, end } => (start < end, [start.year(), end.year()]),
    };
    if years.iter().any(|year| !YEARS.contains(year)) {
        return Err(year);
    }
    match (ordered, span) {
        (true, _) => Ok(when),
        (false, Some(_)) => Err(IcsError::event("DURATION", IcsProblem::Malformed)),
        (false, None) => Err(IcsError::event("DTEND", IcsProblem::EndBeforeStart)),
    }
}

fn read_moment(read: &icalendar::Event, property: &'static str) -> Result<Option<Moment>, IcsError> {
    let Some(found) = read.properties().get(property) else { return Ok(None) };
    let tzid = found.params().values().find(|param| param.key().eq_ignore_ascii_case("TZID"));
    let read = moment(found.value(), tzid.map(|param| param.value()));
    read.map(Some).map_err(|problem| IcsError::event(property, problem))
}

/// Reads the reminders. In calsync's own event only calsync's alarms count: other alarms belong to
/// the person.
fn reminders(read: &icalendar::Event, ours: bool, when: &When) -> Reminders {
    let alarms = read.components().iter().filter(|alarm| alarm.component_kind() == "VALARM");
    let alarms = alarms.filter(|alarm| !ours || alarm.property_value("X-CALSYNC-REMINDER").is_some());
    let mut minutes: Vec<u32> = alarms
        .filter(|alarm| {
            !alarm.property_value("ACTION").is_some_and(|action| action.eq_ignore_ascii_case("NONE"))
        })
        .filter_map(|alarm| before_start(alarm.properties().get("TRIGGER")?, when))
        .collect();
    minutes.sort_unstable();
    minutes.dedup();
    if minutes.is_empty() && read.property_value("X-CALSYNC-REMINDERS").is_none() {
        Reminders::CalendarDefault
    } else {
        Reminders::Before(minutes)
    }
}

/// Returns how many minutes before the start an alarm triggers (section 3.8.6.3). Returns `None` if
/// it triggers after the start, or at an instant for an all-day event, which starts at no instant.
fn before_start(trigger: &icalendar::Property, when: &When) -> Option<u32> {
    let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
    let (start, end, zone) = match when {
        When::Timed { start, end, zone } => (*start, *end, zone),
        When::AllDay { start, end } => (midnight(*start), midnight(*end), &Zone::UTC),
    };
    let to_end = trigger.params().values().any(|param| param.value().eq_ignore_ascii_case("END"));
    let at = match utc(trigger.value().trim()) {
        Some(at) => Some(at).filter(|_| matches!(when, When::Timed { .. })),
        None => Span::read(trigger.value())?.after(if to_end { end } else { start }, zone),
    };
    let before = start.signed_duration_since(at?);
    (before >= TimeDelta::zero()).then(|| u32::try_from(before.num_minutes()).ok())?
}
