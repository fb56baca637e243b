//! Events of calsync to Graph's and back. Pure.

use std::borrow::Cow;
use std::fmt::Write as _;

use calsync_core::calendar::Person;
use calsync_core::event::{CUT_MARK, Event, EventStatus, Reminders, Visibility, When, clean_block};
use calsync_core::identity::{EventKey, TargetKey};
use calsync_core::names::RemoteId;
use calsync_core::provider::{Draft, Found, Marker, Written};
use calsync_core::rest::valid_etag;
use calsync_core::time::Zone;
use calsync_core::{AppointmentId, ProfileId};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc};

use crate::meeting::{own_text, without_rule};
use crate::wire::{
    CreatedResource, DateTimeTimeZone, EventBody, EventResource, ExtendedProperty, IdentityResource,
    ItemBody, Location,
};
use crate::zones;

/// Our properties, one name each for good: a mailbox has room for so many names, and never forgets one
/// (<https://learn.microsoft.com/graph/api/resources/extended-properties-overview>).
///
/// The target is a property of its own, since a filter compares whole values: it finds every event of the target.
const TARGET: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncTarget";
const KEY: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncKey";
const NAMESPACE: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncNamespace";
const REVISION: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncRevision";
const APPOINTMENT: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncAppointment";
/// The person the event is for: `profile:` and the profile's id, or `guest`.
const PERSON: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncPerson";
/// The zone to show the event in, since times are written in UTC: Exchange knows fewer zones, by other names.
const ZONE: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncZone";
/// The reminder as calsync last set it; what the event has may since be the person's own.
const REMINDER: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncReminder";

/// How the id of a profile is told from `guest`.
const PROFILE: &str = "profile:";
const GUEST: &str = "guest";

/// The longest text of a property, in UTF-16 code units. Graph states no limit; this is the usual one of Exchange.
const LONGEST_PROPERTY: usize = 255;

/// The earliest reminder Outlook takes, in minutes before the start: eight weeks.
const EARLIEST_REMINDER: u32 = 80_640;

const UTC: &str = "UTC";

/// An expansion that shows our properties.
pub(crate) fn properties() -> String {
    expansion(&[TARGET, KEY, NAMESPACE, REVISION, APPOINTMENT, PERSON, ZONE, REMINDER])
}

/// An expansion that shows the marker.
pub(crate) fn marker_properties() -> String {
    expansion(&[KEY, NAMESPACE, REVISION, APPOINTMENT, PERSON])
}

fn expansion(ids: &[&str]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("id eq '{id}'")).collect();
    format!("singleValueExtendedProperties($filter={})", ids.join(" or "))
}

/// A filter for the events of this target, of any namespace.
pub(crate) fn of_target(target: &TargetKey) -> String {
    with_property(TARGET, &target.to_string())
}

/// A filter for the events of this namespace. Exchange does not mind the case of its letters.
pub(crate) fn of_namespace(namespace: &str) -> String {
    with_property(NAMESPACE, namespace)
}

fn with_property(id: &str, value: &str) -> String {
    // A quote in a text of OData is doubled.
    let value = value.replace('\'', "''");
    format!("singleValueExtendedProperties/any(ep:ep/id eq '{id}' and ep/value eq '{value}')")
}

/// Whether a property holds the whole text. A namespace that was cut would leave events that are not recognised again.
pub(crate) fn fits_property(text: &str) -> bool {
    text.len() <= LONGEST_PROPERTY || text.encode_utf16().count() <= LONGEST_PROPERTY
}

/// The body that makes an event.
pub(crate) fn to_create<'a>(draft: &'a Draft, limits: &Limits) -> EventBody<'a> {
    let mut body = whole(draft, limits);
    body.transaction_id = Some(transaction_id(&draft.marker.key));
    body
}

/// The body that makes of the event that is there what the draft says: what differs and is ours. `None` when nothing does: another
/// revision alone is no difference.
pub(crate) fn to_update<'a>(
    draft: &'a Draft,
    standing: &EventResource,
    limits: &Limits,
    rewrite: bool,
) -> Option<EventBody<'a>> {
    let mut body = whole(draft, limits);
    if standing.subject.as_deref() == body.subject.as_deref() {
        body.subject = None;
    }
    if text_of(standing)
        .is_some_and(|text| lines(own_text(&text)) == lines(&without_rule(&draft.event.description)))
    {
        body.body = None;
    }
    if when(standing).is_some_and(|when| is_same_time(&when, &draft.event.when)) {
        (body.start, body.end, body.is_all_day) = (None, None, None);
    }
    if name_of(standing.location.as_ref()) == name_of(body.location.as_ref()) {
        body.location = None;
    }
    // Whether the person is free meanwhile, or away, is theirs to say.
    let was_tentative = standing.show_as.as_deref() == Some("tentative");
    if was_tentative == (draft.event.status == EventStatus::Tentative) {
        body.show_as = None;
    }
    if standing.sensitivity.as_deref() == body.sensitivity {
        body.sensitivity = None;
    }
    // The reminder is the person's, until the host wants another than it wanted last time.
    if property(&standing.identity, REMINDER) == Some(&*reminder_note(&draft.event.reminders)) {
        (body.is_reminder_on, body.reminder_minutes_before_start) = (None, None);
    }
    body.single_value_extended_properties
        .retain(|wanted| property(&standing.identity, &wanted.id) != Some(&*wanted.value));
    (rewrite || !changes_nothing(&body)).then_some(body)
}

/// Whether a change changes nothing but the revision, if anything.
fn changes_nothing(body: &EventBody<'_>) -> bool {
    let EventBody {
        transaction_id: None,
        subject: None,
        body: None,
        start: None,
        end: None,
        is_all_day: None,
        location: None,
        show_as: None,
        sensitivity: None,
        is_reminder_on: None,
        reminder_minutes_before_start: None,
        single_value_extended_properties: properties,
    } = body
    else {
        return false;
    };
    properties.iter().all(|property| property.id == REVISION)
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
        body: Some(ItemBody { content_type: "text".into(), content: without_rule(&event.description) }),
        start: Some(start),
        end: Some(end),
        is_all_day: Some(is_all_day),
        location: Some(Location { display_name: cut(&event.location, limits.location) }),
        show_as: Some(if event.status == EventStatus::Tentative { "tentative" } else { "busy" }),
        sensitivity: match event.visibility {
            Visibility::Public => Some("normal"),
            Visibility::Private => Some("private"),
            // The person's own choice stays; a new event is normal.
            _ => None,
        },
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
    let mut marks = Vec::with_capacity(8);
    marks.extend([
        mark(TARGET, Cow::Owned(marker.key.target().to_string())),
        mark(KEY, Cow::Owned(marker.key.to_string())),
        mark(NAMESPACE, Cow::Borrowed(&*marker.namespace)),
        mark(REVISION, Cow::Owned(marker.revision.to_string())),
        mark(ZONE, Cow::Borrowed(zone)),
        mark(REMINDER, reminder_note(&draft.event.reminders)),
    ]);
    let appointment = marker.appointment.as_ref().map(|id| (APPOINTMENT, Cow::Owned(id.to_string())));
    let person = marker.person.as_ref().map(|person| (PERSON, person_note(person)));
    // One that would be cut is not written: it would name another.
    let whole = appointment.into_iter().chain(person).filter(|(_, text)| fits_property(text));
    marks.extend(whole.map(|(id, text)| mark(id, text)));
    marks
}

/// How the person is noted.
fn person_note(person: &Person) -> Cow<'static, str> {
    match person {
        Person::Profile(id) => Cow::Owned(format!("{PROFILE}{id}")),
        Person::Guest => Cow::Borrowed(GUEST),
    }
}

fn person_of(note: &str) -> Option<Person> {
    match note.strip_prefix(PROFILE) {
        Some(id) => ProfileId::text(id).ok().map(Person::Profile),
        None => (note == GUEST).then_some(Person::Guest),
    }
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
    let seconds = time.with_nanosecond(0).unwrap_or(time);
    // As `%Y-%m-%dT%H:%M:%S`, which chrono would first have to read, for every event anew.
    let mut date_time = String::with_capacity("2026-01-20T09:00:00".len());
    // Writing to a String cannot fail.
    let _ = write!(date_time, "{seconds:?}");
    DateTimeTimeZone { date_time: date_time.into(), time_zone: UTC.into() }
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

/// Our marker, if the event carries one: key, namespace and revision, or none. An appointment or a person that cannot be read is not
/// known.
pub(crate) fn marker(identity: &IdentityResource) -> Option<Marker> {
    let key = EventKey::parse(property(identity, KEY)?)?;
    let revision = property(identity, REVISION)?.parse().ok()?;
    let appointment = property(identity, APPOINTMENT).and_then(|text| AppointmentId::text(text).ok());
    let person = property(identity, PERSON).and_then(person_of);
    let marker = Marker::new(property(identity, NAMESPACE)?, key, revision);
    Some(marker.with_appointment(appointment).with_person(person))
}

/// The key of ours that the event was made under, by what its create was known by. A copy that a person made has none.
pub(crate) fn key(identity: &IdentityResource) -> Option<EventKey> {
    let id = identity.transaction_id.as_deref()?;
    EventKey::parse(id).or_else(|| EventKey::parse(&id.to_ascii_lowercase()))
}

/// Whether a create was known by this key, as far as its answer tells.
pub(crate) fn is_made_under(resource: &CreatedResource, key: &str) -> Option<bool> {
    resource.transaction_id.as_deref().map(|id| id.eq_ignore_ascii_case(key))
}

fn property<'a>(identity: &'a IdentityResource, id: &str) -> Option<&'a str> {
    // Exchange may write the GUID in capitals.
    let mut properties = identity.single_value_extended_properties.iter().flatten();
    let property = properties.find(|property| property.id.eq_ignore_ascii_case(id))?;
    Some(&*property.value).filter(|value| !value.is_empty())
}

/// An event by its id and version. `None` when it has no id.
pub(crate) fn written(identity: &IdentityResource) -> Option<Written> {
    let written = named(identity.id.as_deref(), identity.etag.as_deref())?;
    Some(written.with_account(identity.account.clone()))
}

/// The answer to a create. `None` when it does not name the event.
pub(crate) fn created(resource: &CreatedResource) -> Option<Written> {
    named(resource.id.as_deref(), resource.etag.as_deref())
}

fn named(id: Option<&str>, etag: Option<&str>) -> Option<Written> {
    let id = id.filter(|id| !id.is_empty())?;
    Some(Written::new(RemoteId::new(id)).with_etag(valid_etag(etag)))
}

/// An event that was found. `None` when it has no id.
pub(crate) fn found(identity: &IdentityResource) -> Option<Found> {
    let Written { remote_id, etag, account, .. } = written(identity)?;
    let found = Found::new(remote_id).with_etag(etag).with_account(account);
    Some(found.with_marker(marker(identity)).with_key(key(identity)))
}

/// Whether the event says what the body said that it was made with, as far as every answer tells.
pub(crate) fn says(resource: &CreatedResource, body: &EventBody<'_>) -> bool {
    resource.subject.as_deref().unwrap_or_default() == body.subject.as_deref().unwrap_or_default()
        && name_of(resource.location.as_ref()) == name_of(body.location.as_ref())
        && resource.is_all_day.unwrap_or_default() == body.is_all_day.unwrap_or_default()
        && is_same_moment(resource.start.as_ref(), body.start.as_ref())
        && is_same_moment(resource.end.as_ref(), body.end.as_ref())
}

fn name_of<'a>(location: Option<&'a Location<'_>>) -> &'a str {
    location.map_or("", |location| &*location.display_name)
}

fn is_same_moment(answered: Option<&DateTimeTimeZone<'_>>, sent: Option<&DateTimeTimeZone<'_>>) -> bool {
    let (Some(answered), Some(sent)) = (answered, sent) else { return false };
    // Most say it in the words that were sent, but for the fraction of a second.
    let fraction = answered.date_time.strip_prefix(&*sent.date_time);
    let is_same_text = fraction.is_some_and(|fraction| fraction.trim_start_matches(['.', '0']).is_empty());
    if is_same_text && answered.time_zone == sent.time_zone {
        return true;
    }
    let answered = instant(answered);
    answered.is_some() && answered == instant(sent)
}

/// What an event says. `None` when it has no time that could be understood.
pub(crate) fn event(resource: &EventResource) -> Option<Event> {
    let mut event = Event::new(resource.subject.clone().unwrap_or_default(), when(resource)?)
        .with_description(text_of(resource).unwrap_or_default().into_owned())
        .with_location(name_of(resource.location.as_ref()));
    if resource.show_as.as_deref() == Some("tentative") {
        event = event.with_status(EventStatus::Tentative);
    }
    // `normal` is what every event is that nothing was said of. `personal` is shown to others like a normal one.
    if matches!(resource.sensitivity.as_deref(), Some("private" | "confidential")) {
        event = event.with_visibility(Visibility::Private);
    }
    let minutes = resource.reminder_minutes_before_start.and_then(|minutes| u32::try_from(minutes).ok());
    Some(match resource.is_reminder_on {
        Some(true) => event.with_reminders(Reminders::Before(minutes.into_iter().collect())),
        Some(false) => event.with_reminders(Reminders::Before(Vec::new())),
        None => event,
    })
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
    let noted = property(&resource.identity, ZONE).and_then(|name| Zone::new(name).ok());
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
    // Every request asks for UTC.
    let at = match &*time.time_zone {
        UTC => local.and_utc(),
        zone => zones::zone_of(zone).ok()?.instant(local).ok()?,
    };
    DateTime::from_timestamp(at.timestamp(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use calsync_core::names::Etag;
    use serde_json::{Value, json};

    const LIMITS: Limits = Limits { subject: 255, location: 255, default_reminder: Some(15) };

    fn draft(event: Event) -> Draft {
        let key = EventKey::parse("6d709f8152a05a61b10906a7ec27a32cg2").unwrap();
        let marker = Marker::new("my-shop", key, 7).with_appointment(Some(17.into()));
        Draft::new(marker.with_person(Some(Person::Profile(3.into()))), event, DateTime::UNIX_EPOCH)
    }

    fn timed(start: &str, end: &str, zone: &str) -> Event {
        let (start, end) = (start.parse().unwrap(), end.parse().unwrap());
        Event::new("Deep clean", When::Timed { start, end, zone: Zone::new(zone).unwrap() })
    }

    fn london() -> Event {
        timed("2026-07-01T08:00:00Z", "2026-07-01T09:30:00Z", "Europe/London")
            .with_description("Order: 1\n5 < 6 & 7")
            .with_location("1 High St, Leeds")
    }

    fn all_day() -> Event {
        let (start, end) = ("2026-12-24".parse().unwrap(), "2026-12-27".parse().unwrap());
        Event::new("Closed", When::AllDay { start, end })
    }

    fn read(json: Value) -> EventResource {
        serde_json::from_value(json).unwrap()
    }

    fn property_of(name: &str, value: &str) -> Value {
        json!({"id": format!("String {{8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861}} Name {name}"), "value": value})
    }

    /// What Graph answers of an event that was made so.
    fn stored(draft: &Draft) -> Value {
        let mut json = serde_json::to_value(to_create(draft, &LIMITS)).unwrap();
        json["id"] = json!("AAk=");
        json["@odata.etag"] = json!("W/\"7\"");
        for side in ["start", "end"] {
            json[side]["dateTime"] = json!(format!("{}.0000000", json[side]["dateTime"].as_str().unwrap()));
        }
        let text = json["body"]["content"].as_str().unwrap().replace('\n', "\r\n");
        json["body"]["content"] = json!(format!("{text}\r\n"));
        json
    }

    #[test]
    fn a_create_says_everything_once() {
        assert_eq!(
            serde_json::to_value(to_create(&draft(london()), &LIMITS)).unwrap(),
            json!({
                "transactionId": "6d709f8152a05a61b10906a7ec27a32cg2", "subject": "Deep clean",
                "body": {"contentType": "text", "content": "Order: 1\n5 < 6 & 7"},
                "start": {"dateTime": "2026-07-01T08:00:00", "timeZone": "UTC"},
                "end": {"dateTime": "2026-07-01T09:30:00", "timeZone": "UTC"}, "isAllDay": false,
                "location": {"displayName": "1 High St, Leeds"}, "showAs": "busy",
                "isReminderOn": true, "reminderMinutesBeforeStart": 15,
                "singleValueExtendedProperties": [
                    property_of("calsyncTarget", "6d709f8152a05a61b10906a7ec27a32c"),
                    property_of("calsyncKey", "6d709f8152a05a61b10906a7ec27a32cg2"),
                    property_of("calsyncNamespace", "my-shop"), property_of("calsyncRevision", "7"),
                    property_of("calsyncZone", "Europe/London"), property_of("calsyncReminder", "default"),
                    property_of("calsyncAppointment", "17"), property_of("calsyncPerson", "profile:3")],
            })
        );
        let body = serde_json::to_value(to_create(&draft(all_day()), &LIMITS)).unwrap();
        assert_eq!(body["start"], json!({"dateTime": "2026-12-24T00:00:00", "timeZone": "UTC"}));
        assert_eq!(
            (&body["end"]["dateTime"], &body["isAllDay"]),
            (&json!("2026-12-27T00:00:00"), &json!(true))
        );
    }

    #[test]
    fn a_reminder_is_always_said_and_noted() {
        let none = Limits { default_reminder: None, ..LIMITS };
        for (reminders, limits, on, minutes, note) in [
            (Reminders::CalendarDefault, LIMITS, true, json!(15), "default"),
            (Reminders::CalendarDefault, none, false, Value::Null, "default"),
            (Reminders::Before(vec![]), LIMITS, false, Value::Null, "off"),
            (Reminders::Before(vec![60]), LIMITS, true, json!(60), "60"),
            (Reminders::Before(vec![99_999]), LIMITS, true, json!(80_640), "99999"),
        ] {
            let draft = draft(london().with_reminders(reminders));
            let body = serde_json::to_value(to_create(&draft, &limits)).unwrap();
            assert_eq!(body["isReminderOn"], json!(on), "{note}");
            assert_eq!(
                body.get("reminderMinutesBeforeStart").cloned().unwrap_or_default(),
                minutes,
                "{note}"
            );
            assert_eq!(body["singleValueExtendedProperties"][5], property_of("calsyncReminder", note));
        }
    }

    #[test]
    fn an_update_says_only_what_differs() {
        let standing = read(stored(&draft(london())));
        assert_eq!(to_update(&draft(london()), &standing, &LIMITS, false), None);
        let revision = property_of("calsyncRevision", "8");
        let differing = |event: Event| {
            let mut draft = draft(event);
            draft.marker.revision = 8;
            let body = to_update(&draft, &standing, &LIMITS, false);
            body.map(|body| serde_json::to_value(body).unwrap()).unwrap_or_default()
        };
        assert_eq!(differing(london()), Value::Null, "another revision alone is no difference");
        let moved = london().with_location("2 Low St");
        assert_eq!(
            differing(moved),
            json!({"location": {"displayName": "2 Low St"}, "singleValueExtendedProperties": [revision]})
        );
        let words = london().with_description("Order: 2");
        assert_eq!(
            differing(words),
            json!({"body": {"contentType": "text", "content": "Order: 2"},
                "singleValueExtendedProperties": [revision]})
        );
        let body = differing(all_day());
        assert_eq!(body["isAllDay"], json!(true));
        assert_eq!(body["start"], json!({"dateTime": "2026-12-24T00:00:00", "timeZone": "UTC"}));
        let paris = timed("2026-07-01T08:00:00Z", "2026-07-01T09:30:00Z", "Europe/Paris");
        let body = differing(paris.with_description("Order: 1\n5 < 6 & 7").with_location("1 High St, Leeds"));
        assert_eq!(
            body,
            json!({"singleValueExtendedProperties": [revision, property_of("calsyncZone", "Europe/Paris")]})
        );
    }

    #[test]
    fn what_the_person_changed_that_is_not_ours_stays() {
        let mut json = stored(&draft(london()));
        (json["showAs"], json["isReminderOn"]) = (json!("oof"), json!(false));
        (json["categories"], json["sensitivity"]) = (json!(["Red"]), json!("private"));
        json["isOnlineMeeting"] = json!(true);
        json["body"]["content"] =
            json!("Order: 1  \r\n5 < 6 & 7\r\n\r\n________________________________\r\nJoin the meeting\r\n");
        assert_eq!(to_update(&draft(london()), &read(json.clone()), &LIMITS, false), None);
        // Until the host wants another reminder, or is no longer sure that the event takes place.
        let wanted = london().with_reminders(Reminders::Before(vec![30])).with_status(EventStatus::Tentative);
        let wanted = draft(wanted);
        let body = serde_json::to_value(to_update(&wanted, &read(json), &LIMITS, false).unwrap()).unwrap();
        assert_eq!((&body["showAs"], &body["reminderMinutesBeforeStart"]), (&json!("tentative"), &json!(30)));
        assert_eq!(body.get("body"), None);
    }

    #[test]
    fn the_sensitivity_is_written_where_the_host_chose_one_and_differs() {
        let body_of = |event: Event, standing: &Value| {
            let (draft, standing) = (draft(event), read(standing.clone()));
            to_update(&draft, &standing, &LIMITS, false).map(|body| serde_json::to_value(body).unwrap())
        };
        let (normal, private) = (stored(&draft(london())), london().with_visibility(Visibility::Private));
        let as_private = stored(&draft(private.clone()));
        assert_eq!(normal.get("sensitivity"), None, "a create without a choice leaves it to Outlook");
        assert_eq!(as_private["sensitivity"], "private");
        assert_eq!(event(&read(as_private.clone())).unwrap().visibility, Visibility::Private);
        assert_eq!(body_of(private.clone(), &normal), Some(json!({"sensitivity": "private"})));
        assert_eq!(body_of(private, &as_private), None);
        assert_eq!(body_of(london(), &as_private), None, "no choice takes nothing back");
        let public = london().with_visibility(Visibility::Public);
        assert_eq!(body_of(public, &as_private), Some(json!({"sensitivity": "normal"})));
    }

    #[test]
    fn a_body_in_html_is_no_text() {
        let mut json = stored(&draft(london()));
        json["body"] = json!({"contentType": "html", "content": "<html><body>Order: 1<br>5 &lt; 6 &amp; 7</body></html>"});
        let standing = read(json);
        assert_eq!(&*event(&standing).unwrap().description, "");
        assert!(to_update(&draft(london()), &standing, &LIMITS, false).unwrap().body.is_some());
    }

    #[test]
    fn texts_are_cut_in_the_units_of_exchange() {
        assert_eq!(cut("Żółć", 4), "Żółć");
        assert_eq!(cut("🧹🧹🧹", 6), "🧹🧹🧹");
        assert_eq!(cut("🧹🧹🧹", 5), "🧹🧹…");
        assert_eq!(cut("🧹🧹🧹", 4), "🧹…");
        assert_eq!(cut("a b c d e f", 5), "a b…");
        assert!(cut(&"🧹".repeat(300), 255).encode_utf16().count() <= 255);
    }

    #[test]
    fn answers_are_read_however_little_they_say() {
        let resource = read(stored(&draft(london())));
        assert_eq!(event(&resource).unwrap(), london().with_reminders(Reminders::Before(vec![15])));
        let same = found(&resource.identity).unwrap();
        assert_eq!(
            (&same.marker, same.key),
            (&Some(draft(london()).marker), Some(draft(london()).marker.key))
        );
        assert_eq!(same.etag, Some(Etag::new("W/\"7\"")));
        let windows = json!({"id": "AAk=", "subject": null, "location": {"displayName": null}, "body": null,
            "start": {"dateTime": "2026-07-01T09:00:00.0000000", "timeZone": "GMT Standard Time"},
            "end": {"dateTime": "2026-07-01T10:30:00", "timeZone": "Europe/London"},
            "originalStartTimeZone": "GMT Standard Time", "anything": {"else": 1}});
        assert_eq!(event(&read(windows)).unwrap().when, london().when);
        for nothing in [
            json!({"id": "AAk="}),
            json!({"id": "AAk=", "start": {"dateTime": "noon", "timeZone": "UTC"},
                "end": {"dateTime": "2026-07-01T10:00:00", "timeZone": "UTC"}}),
            // Never London, nor any other guess.
            json!({"id": "AAk=", "start": {"dateTime": "2026-07-01T09:00:00", "timeZone": "tzone://Microsoft/Custom"},
                "end": {"dateTime": "2026-07-01T10:00:00", "timeZone": "tzone://Microsoft/Custom"}}),
            // Nor of another type.
            json!({"id": "AAk=", "subject": 7, "start": [], "end": 1.5, "location": "x", "isAllDay": "no"}),
        ] {
            let resource = read(nothing.clone());
            assert_eq!(event(&resource), None, "{nothing}");
            assert!(found(&resource.identity).is_some(), "it is there: {nothing}");
            // What it is to be is known all the same.
            assert!(
                to_update(&draft(london()), &resource, &LIMITS, false).unwrap().start.is_some(),
                "{nothing}"
            );
        }
        for unnamed in [json!({}), json!({"id": null}), json!({"id": ""})] {
            assert_eq!(found(&read(unnamed.clone()).identity), None, "{unnamed}");
        }
    }

    #[test]
    fn somebodys_whole_day_is_that_day_whatever_our_hour() {
        for (start, end, zone) in [
            ("2026-12-24T00:00:00", "2026-12-25T00:00:00", "UTC"),
            ("2026-12-23T23:00:00", "2026-12-24T23:00:00", "W. Europe Standard Time"),
            ("2026-12-24T05:00:00", "2026-12-25T05:00:00", "Eastern Standard Time"),
            ("2026-12-23T13:00:00", "2026-12-24T13:00:00", "tzone://Microsoft/Custom"),
        ] {
            let json = json!({"id": "AAk=", "isAllDay": true, "originalStartTimeZone": zone,
                "start": {"dateTime": start, "timeZone": "UTC"}, "end": {"dateTime": end, "timeZone": "UTC"}});
            let day = |text: &str| text.parse().unwrap();
            let wanted = When::AllDay { start: day("2026-12-24"), end: day("2026-12-25") };
            assert_eq!(when(&read(json)), Some(wanted), "{start} {zone}");
        }
    }

    #[test]
    fn a_marker_is_read_back_whole_or_not_at_all() {
        let json = stored(&draft(london()));
        let marker_of = |json: &Value| marker(&read(json.clone()).identity);
        for (at, value) in [(1, "no-key"), (3, "x"), (2, "")] {
            let mut broken = json.clone();
            broken["singleValueExtendedProperties"][at]["value"] = json!(value);
            assert_eq!(marker_of(&broken), None, "{at}");
        }
        let mut capitals = json.clone();
        let id = json["singleValueExtendedProperties"][1]["id"].as_str().unwrap();
        capitals["singleValueExtendedProperties"][1]["id"] = json!(id.replace("8e2bb1c4", "8E2BB1C4"));
        assert_eq!(marker_of(&capitals), Some(draft(london()).marker));
        // Whom it is for may be missing.
        for (at, value) in [(6, ""), (7, "somebody"), (7, "profile:")] {
            let mut unknown = json.clone();
            unknown["singleValueExtendedProperties"][at]["value"] = json!(value);
            let marker = marker_of(&unknown).unwrap();
            assert_eq!(
                (marker.appointment.is_none(), marker.person.is_none()),
                (at == 6, at == 7),
                "{value}"
            );
        }
    }

    #[test]
    fn whom_an_event_is_for_is_noted_whole_or_not_at_all() {
        let text = |id: &str| AppointmentId::text(id).unwrap();
        for (appointment, person) in [
            (text("ü/42"), Person::Guest),
            (text("guest"), Person::Profile(ProfileId::text("guest").unwrap())),
            (text("10"), Person::Profile(ProfileId::text("profile:guest").unwrap())),
        ] {
            let mut draft = draft(london());
            draft.marker = draft.marker.with_appointment(Some(appointment)).with_person(Some(person));
            assert_eq!(marker(&read(stored(&draft)).identity), Some(draft.marker));
        }
        let mut long = draft(london());
        long.marker = long.marker.with_appointment(Some(text(&"x".repeat(256))));
        assert_eq!(marker(&read(stored(&long)).identity).unwrap().appointment, None);
    }

    #[test]
    fn a_transaction_id_tells_the_key_in_any_case() {
        let mut json = stored(&draft(london()));
        let key_of = |json: &Value| key(&read(json.clone()).identity);
        assert_eq!(key_of(&json), Some(draft(london()).marker.key));
        json["transactionId"] = json!("6D709F8152A05A61B10906A7EC27A32CG2");
        assert_eq!(key_of(&json), Some(draft(london()).marker.key));
        for other in [json!(null), json!("7E163156-7762-4BEB-A1C6-729EA81755A7"), json!("")] {
            json["transactionId"] = other;
            assert_eq!(key_of(&json), None, "{json}");
        }
    }

    #[test]
    fn an_answer_that_says_something_else_is_that_of_an_earlier_create() {
        let says = |answer: &Value, event: Event| {
            let answer: CreatedResource = serde_json::from_value(answer.clone()).unwrap();
            says(&answer, &to_create(&draft(event), &LIMITS))
        };
        let same = stored(&draft(london()));
        assert!(says(&same, london()));
        for other in [
            london().with_location("x"),
            Event::new("Windows", london().when).with_location("1 High St, Leeds"),
            all_day(),
            timed("2026-07-01T08:00:00Z", "2026-07-01T09:00:00Z", "UTC").with_location("1 High St, Leeds"),
        ] {
            assert!(!says(&same, other));
        }
        // In other words.
        let mut local = same.clone();
        local["start"] = json!({"dateTime": "2026-07-01T09:00:00.0000000", "timeZone": "GMT Standard Time"});
        assert!(says(&local, london()));
        for start in
            [json!(null), json!({"dateTime": "2026-07-01T08:00:00.0000000"}), json!({"timeZone": "UTC"})]
        {
            local["start"] = start;
            assert!(!says(&local, london()), "{local}");
        }
        assert!(says(&stored(&draft(all_day())), all_day()));
    }
}
