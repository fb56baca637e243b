//! What one `VEVENT` says.

use calsync_core::event::{Event, EventStatus, Reminders, Visibility, When, clean_block, clean_line};
use calsync_core::identity::EventKey;
use calsync_core::provider::{Draft, Marker};
use calsync_core::time::{YEARS, Zone};
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use icalendar::Component;
use uuid::Uuid;

use crate::error::{IcsError, IcsProblem};
use crate::value::{Moment, duration, moment, utc};

/// What one `VEVENT` says, as far as calsync has words for it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct IcsEvent {
    /// The `UID`: the key of an event of ours, whatever it was before in an adopted one.
    pub uid: String,
    /// Our marker, if it carries one.
    pub marker: Option<Marker>,
    /// What it says.
    pub event: Event,
    /// When it was last changed (`LAST-MODIFIED`, else `DTSTAMP`).
    pub changed_at: Option<DateTime<Utc>>,
}

impl From<&Draft> for IcsEvent {
    fn from(draft: &Draft) -> Self {
        Self {
            uid: draft.marker.key.to_string(),
            marker: Some(draft.marker.clone()),
            event: (*draft.event).clone(),
            changed_at: Some(draft.changed_at),
        }
    }
}

/// Only the marker and the UID, which a file can have even where the rest makes no sense.
pub(crate) fn identity(read: &icalendar::Event) -> Result<(String, Option<Marker>), IcsError> {
    let uid = read.property_value("UID").map(str::trim).filter(|uid| !uid.is_empty());
    let uid = uid.ok_or(IcsError::event("UID", IcsProblem::Missing))?;
    let Some(namespace) = read.property_value("X-CALSYNC-NAMESPACE") else { return Ok((uid.into(), None)) };
    let key = read.property_value("X-CALSYNC-KEY").unwrap_or(uid);
    let number = |name| read.property_value(name).and_then(|value| value.trim().parse::<u64>().ok());
    // A person's calendar program raises SEQUENCE at every edit; the revision is ours alone.
    let revision = number("X-CALSYNC-REVISION").or_else(|| number("SEQUENCE")).unwrap_or(0);
    let marker =
        Uuid::try_parse(key).ok().map(|key| Marker::new(namespace, EventKey::from_uuid(key), revision));
    Ok((uid.into(), marker))
}

/// Everything it says.
pub(crate) fn event_of(read: &icalendar::Event) -> Result<IcsEvent, IcsError> {
    let (uid, marker) = identity(read)?;
    let text = |name| read.property_value(name).unwrap_or_default();
    let status = if text("STATUS").eq_ignore_ascii_case("TENTATIVE") {
        EventStatus::Tentative
    } else {
        EventStatus::Confirmed
    };
    let event = Event::new(&*clean_line(text("SUMMARY")), when(read)?)
        .with_description(&*clean_block(text("DESCRIPTION")))
        .with_location(&*clean_line(text("LOCATION")))
        .with_reminders(reminders(read, marker.is_some()))
        .with_status(status)
        .with_visibility(visibility(text("CLASS").trim()));
    let changed =
        ["LAST-MODIFIED", "DTSTAMP"].into_iter().find_map(|name| utc(read.property_value(name)?.trim()));
    Ok(IcsEvent { uid, marker, event, changed_at: changed })
}

/// What is not known is private (RFC 5545 section 3.8.1.3).
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
    let length = match read.property_value("DURATION").filter(|_| end.is_none()) {
        Some(value) => duration(value).ok_or(IcsError::event("DURATION", IcsProblem::Malformed))?,
        // A day without an end is one day long, an instant without an end is over at once (section 3.6.1).
        None => TimeDelta::days(i64::from(matches!(start, Moment::Day(_)))),
    };
    let malformed = IcsError::event("DTEND", IcsProblem::Malformed);
    let year = IcsError::event("DTEND", IcsProblem::Year);
    let when = match (start, end) {
        (Moment::Day(start), None) => {
            When::AllDay { start, end: start.checked_add_signed(length).ok_or(year)? }
        }
        (Moment::Day(start), Some(Moment::Day(end))) => When::AllDay { start, end },
        (Moment::Instant { at: start, zone }, end) => {
            let end = match end {
                None => start.checked_add_signed(length).ok_or(year)?,
                Some(Moment::Instant { at, .. }) => at,
                Some(Moment::Day(_)) => return Err(malformed),
            };
            let noted = || Zone::new(read.property_value("X-CALSYNC-ZONE")?.trim()).ok();
            When::Timed { start, end, zone: zone.or_else(noted).unwrap_or_default() }
        }
        (Moment::Day(_), Some(Moment::Instant { .. })) => return Err(malformed),
    };
    let (ordered, years) = match &when {
        When::Timed { start, end, .. } => (start < end, [start.year(), end.year()]),
        When::AllDay { start, end } => (start < end, [start.year(), end.year()]),
    };
    if years.iter().any(|year| !YEARS.contains(year)) {
        return Err(year);
    }
    if ordered { Ok(when) } else { Err(IcsError::event("DTEND", IcsProblem::EndBeforeStart)) }
}

fn read_moment(read: &icalendar::Event, property: &'static str) -> Result<Option<Moment>, IcsError> {
    let Some(found) = read.properties().get(property) else { return Ok(None) };
    let tzid = found.params().values().find(|param| param.key().eq_ignore_ascii_case("TZID"));
    let read = moment(found.value(), tzid.map(|param| param.value()));
    read.map(Some).map_err(|problem| IcsError::event(property, problem))
}

/// In an event of ours only our own alarms count: what the person added is the person's.
fn reminders(read: &icalendar::Event, ours: bool) -> Reminders {
    let alarms = read.components().iter().filter(|alarm| alarm.component_kind() == "VALARM");
    let alarms = alarms.filter(|alarm| !ours || alarm.property_value("X-CALSYNC-REMINDER").is_some());
    let mut minutes: Vec<u32> = alarms
        .filter(|alarm| {
            !alarm.property_value("ACTION").is_some_and(|action| action.eq_ignore_ascii_case("NONE"))
        })
        .filter_map(|alarm| {
            let trigger = alarm.properties().get("TRIGGER")?;
            let to_end = |param: &icalendar::Parameter| param.value().eq_ignore_ascii_case("END");
            if trigger.params().values().any(to_end) {
                return None;
            }
            u32::try_from(-duration(trigger.value())?.num_minutes()).ok()
        })
        .collect();
    minutes.sort_unstable();
    minutes.dedup();
    if minutes.is_empty() && read.property_value("X-CALSYNC-REMINDERS").is_none() {
        Reminders::CalendarDefault
    } else {
        Reminders::Before(minutes)
    }
}
