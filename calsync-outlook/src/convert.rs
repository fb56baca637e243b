//! Events of calsync to Graph's and back. Pure.

use std::borrow::Cow;

use calsync_core::event::{CUT_MARK, Event, EventStatus, Reminders, When, clean_block};
use calsync_core::identity::EventKey;
use calsync_core::names::{Etag, RemoteId};
use calsync_core::provider::{Draft, Found, Marker, Written};
use calsync_core::rest::sendable;
use calsync_core::time::Zone;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

use crate::meeting::own_text;
use crate::wire::{DateTimeTimeZone, EventBody, EventResource, ExtendedProperty, ItemBody, Location};
use crate::zones;

/// Our properties, one name each for good: a mailbox has room for so many names, and never forgets one
/// (<https://learn.microsoft.com/graph/api/resources/extended-properties-overview>).
const KEY: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncKey";
const NAMESPACE: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncNamespace";
const REVISION: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncRevision";
/// The zone to show the event in, since times are written in UTC: Exchange knows fewer zones, by other names.
const ZONE: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncZone";
/// The reminder as calsync last set it; what the event has may since be the person's own.
const REMINDER: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncReminder";

/// The longest namespace. Graph states no limit for a property's text; this is the usual one of Exchange.
pub(crate) const LONGEST_NAMESPACE: usize = 255;

/// The earliest reminder Outlook takes, in minutes before the start: eight weeks.
const EARLIEST_REMINDER: u32 = 80_640;

const UTC: &str = "UTC";

/// An expansion that shows our properties.
pub(crate) fn properties() -> String {
    let ids = [KEY, NAMESPACE, REVISION, ZONE, REMINDER].map(|id| format!("id eq '{id}'"));
    format!("singleValueExtendedProperties($filter={})", ids.join(" or "))
}

/// A filter for the events with this key, of any namespace.
pub(crate) fn with_key(key: &EventKey) -> String {
    format!("singleValueExtendedProperties/any(ep:ep/id eq '{KEY}' and ep/value eq '{key}')")
}

/// The body that makes an event.
pub(crate) fn to_create<'a>(draft: &'a Draft, limits: &Limits) -> EventBody<'a> {
    let mut body = whole(draft, limits);
    body.transaction_id = Some(transaction_id(&draft.marker.key));
    body
}

/// The body that makes of the event that stands what the draft says: what differs and is ours. `None` when nothing does.
pub(crate) fn to_update<'a>(
    draft: &'a Draft,
    standing: &EventResource,
    limits: &Limits,
) -> Option<EventBody<'a>> {
    let mut body = whole(draft, limits);
    if standing.subject.as_deref() == body.subject.as_deref() {
        body.subject = None;
    }
    if text_of(standing).is_some_and(|text| lines(own_text(&text)) == lines(&draft.event.description)) {
        body.body = None;
    }
    if when(standing).is_some_and(|when| is_same_time(&when, &draft.event.when)) {
        (body.start, body.end, body.is_all_day) = (None, None, None);
    }
    let location = standing.location.as_ref().map_or("", |location| &*location.display_name);
    if body.location.as_ref().is_some_and(|wanted| wanted.display_name == location) {
        body.location = None;
    }
    // Whether the person is free meanwhile, or away, is theirs to say.
    let was_tentative = standing.show_as.as_deref() == Some("tentative");
    if was_tentative == (draft.event.status == EventStatus::Tentative) {
        body.show_as = None;
    }
    // The reminder is the person's, until the host wants another than it wanted last time.
    if property(standing, REMINDER) == Some(&*reminder_note(&draft.event.reminders)) {
        (body.is_reminder_on, body.reminder_minutes_before_start) = (None, None);
    }
    body.single_value_extended_properties
        .retain(|wanted| property(standing, &wanted.id) != Some(&*wanted.value));
    (body != EventBody::default()).then_some(body)
}

/// What of an event's text fits, and how its calendar reminds by default.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) subject: usize,
    pub(crate) location: usize,
    pub(crate) default_reminder: Option<u32>,
}

/// All of an event that is ours.
fn whole<'a>(draft: &'a Draft, limits: &Limits) -> EventBody<'a> {
    let event = &*draft.event;
    let (start, end, is_all_day) = match &event.when {
        When::Timed { start, end, .. } => (at(start.naive_utc()), at(end.naive_utc()), false),
        When::AllDay { start, end } => (at(midnight(*start)), at(midnight(*end)), true),
    };
    let reminder = match &event.reminders {
        Reminders::Before(minutes) => minutes.first().copied(),
        _ => limits.default_reminder,
    };
    EventBody {
        transaction_id: None,
        subject: Some(cut(&event.title, limits.subject)),
        // Plain text, which Exchange itself turns into HTML: what looks like a tag is read as text.
        body: Some(ItemBody { content_type: "text".into(), content: Cow::Borrowed(&event.description) }),
        start: Some(start),
        end: Some(end),
        is_all_day: Some(is_all_day),
        location: Some(Location { display_name: cut(&event.location, limits.location) }),
        show_as: Some(if event.status == EventStatus::Tentative { "tentative" } else { "busy" }),
        is_reminder_on: Some(reminder.is_some()),
        reminder_minutes_before_start: reminder.map(|minutes| minutes.min(EARLIEST_REMINDER)),
        single_value_extended_properties: marks(draft),
    }
}

fn marks(draft: &Draft) -> Vec<ExtendedProperty<'_>> {
    let marker = &draft.marker;
    let zone = match &draft.event.when {
        When::Timed { zone, .. } => zone.name(),
        When::AllDay { .. } => UTC,
    };
    let mark = |id: &'static str, value| ExtendedProperty { id: Cow::Borrowed(id), value };
    vec![
        mark(KEY, Cow::Owned(marker.key.to_string())),
        mark(NAMESPACE, Cow::Borrowed(&*marker.namespace)),
        mark(REVISION, Cow::Owned(marker.revision.to_string())),
        mark(ZONE, Cow::Borrowed(zone)),
        mark(REMINDER, reminder_note(&draft.event.reminders)),
    ]
}

/// How a wanted reminder is noted.
fn reminder_note(reminders: &Reminders) -> Cow<'static, str> {
    match reminders {
        Reminders::Before(minutes) => match minutes.first() {
            Some(minutes) => Cow::Owned(minutes.to_string()),
            None => Cow::Borrowed("off"),
        },
        _ => Cow::Borrowed("default"),
    }
}

/// What the create of an event is known by at Graph, so that it can be repeated.
pub(crate) fn transaction_id(key: &EventKey) -> String {
    key.to_string()
}

/// A text of at most so many UTF-16 code units, which is what Exchange counts in.
fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit || text.encode_utf16().count() <= limit {
        return Cow::Borrowed(text);
    }
    let mut left = limit.saturating_sub(CUT_MARK.len_utf16());
    let fits = |character: &char| {
        let fits = character.len_utf16() <= left;
        left = left.saturating_sub(character.len_utf16());
        fits
    };
    let kept: String = text.chars().take_while(fits).collect();
    Cow::Owned(format!("{}{CUT_MARK}", kept.trim_end()))
}

fn at(time: NaiveDateTime) -> DateTimeTimeZone<'static> {
    DateTimeTimeZone { date_time: time.format("%Y-%m-%dT%H:%M:%S").to_string().into(), time_zone: UTC.into() }
}

fn midnight(date: NaiveDate) -> NaiveDateTime {
    date.and_time(NaiveTime::MIN)
}

/// The body, where it came as text. One in HTML is nothing to compare a text with.
fn text_of(resource: &EventResource) -> Option<Cow<'_, str>> {
    let body = resource.body.as_ref().filter(|body| body.content_type.eq_ignore_ascii_case("text"))?;
    Some(clean_block(&body.content))
}

/// Lines without the spaces at their ends, which do not survive every way through Exchange.
fn lines(text: &str) -> Vec<&str> {
    text.trim().split('\n').map(str::trim_end).collect()
}

fn is_same_time(standing: &When, wanted: &When) -> bool {
    match (standing, wanted) {
        (When::Timed { start, end, .. }, When::Timed { start: s, end: e, .. }) => (start, end) == (s, e),
        (standing, wanted) => standing == wanted,
    }
}

/// Our marker, if the event carries one.
pub(crate) fn marker(resource: &EventResource) -> Option<Marker> {
    let key = EventKey::from_uuid(property(resource, KEY)?.parse().ok()?);
    let revision = property(resource, REVISION)?.parse().ok()?;
    Some(Marker::new(property(resource, NAMESPACE)?, key, revision))
}

/// Whether the event is the one that was made under this key, by what its create was known by.
pub(crate) fn is_made_under(resource: &EventResource, key: &EventKey) -> bool {
    resource.transaction_id.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(&transaction_id(key)))
}

fn property<'a>(resource: &'a EventResource, id: &str) -> Option<&'a str> {
    // Exchange may write the GUID in capitals.
    let mut properties = resource.single_value_extended_properties.iter().flatten();
    let property = properties.find(|property| property.id.eq_ignore_ascii_case(id))?;
    Some(&*property.value).filter(|value| !value.is_empty())
}

/// The answer to a write. `None` when it does not name the event.
pub(crate) fn written(resource: &EventResource) -> Option<Written> {
    let id = resource.id.as_deref().filter(|id| !id.is_empty())?;
    Some(Written::new(RemoteId::new(id)).with_etag(etag(resource)))
}

/// The event's version.
pub(crate) fn etag(resource: &EventResource) -> Option<Etag> {
    sendable(resource.etag.as_deref())
}

/// Whether the event says what the body said that it was made with, as far as every answer tells.
pub(crate) fn says(resource: &EventResource, draft: &Draft, limits: &Limits) -> bool {
    let location = resource.location.as_ref().map_or("", |location| &*location.display_name);
    resource.subject.as_deref().unwrap_or_default() == cut(&draft.event.title, limits.subject)
        && location == cut(&draft.event.location, limits.location)
        && when(resource).is_some_and(|when| is_same_time(&when, &draft.event.when))
}

/// An event that was read. `None` when it has no id or no time that could be understood.
pub(crate) fn found(resource: &EventResource) -> Option<Found> {
    let Written { remote_id, etag, .. } = written(resource)?;
    let location = resource.location.as_ref().map_or("", |location| &*location.display_name);
    let mut event = Event::new(resource.subject.clone().unwrap_or_default(), when(resource)?)
        .with_description(text_of(resource).unwrap_or_default().into_owned())
        .with_location(location);
    if resource.show_as.as_deref() == Some("tentative") {
        event = event.with_status(EventStatus::Tentative);
    }
    let minutes = resource.reminder_minutes_before_start.and_then(|minutes| u32::try_from(minutes).ok());
    match resource.is_reminder_on {
        Some(true) => event = event.with_reminders(Reminders::Before(minutes.into_iter().collect())),
        Some(false) => event = event.with_reminders(Reminders::Before(Vec::new())),
        None => {}
    }
    Some(Found::new(remote_id, event).with_etag(etag).with_marker(marker(resource)))
}

fn when(resource: &EventResource) -> Option<When> {
    let start = instant(resource.start.as_ref()?)?;
    let end = instant(resource.end.as_ref()?)?;
    let own = || zones::zone_of(resource.original_start_time_zone.as_deref()?).ok();
    if resource.is_all_day == Some(true) {
        // Somebody's day may begin at another hour of ours.
        let zone = own().unwrap_or_default();
        return Some(When::AllDay { start: day(start, &zone), end: day(end, &zone) });
    }
    let noted = property(resource, ZONE).and_then(|name| Zone::new(name).ok());
    Some(When::Timed { start, end, zone: noted.or_else(own).unwrap_or_default() })
}

/// The day that begins at an instant: in UTC, else in that zone, else the nearest.
fn day(begins: DateTime<Utc>, zone: &Zone) -> NaiveDate {
    if begins.time() == NaiveTime::MIN {
        return begins.date_naive();
    }
    let local = zone.local(begins);
    if local.time() == NaiveTime::MIN { local.date() } else { (begins + TimeDelta::hours(12)).date_naive() }
}

/// An instant, in whole seconds, of a time on the wall of a zone by either kind of name.
fn instant(time: &DateTimeTimeZone<'_>) -> Option<DateTime<Utc>> {
    let local: NaiveDateTime = time.date_time.trim_end_matches('Z').parse().ok()?;
    let at = zones::zone_of(&time.time_zone).ok()?.instant(local).ok()?;
    DateTime::from_timestamp(at.timestamp(), 0)
}
