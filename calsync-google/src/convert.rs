//! Events of calsync to Google's and back. Pure.

use std::borrow::Cow;

use calsync_core::event::{Event, EventStatus, Reminders, Visibility, When};
use calsync_core::identity::EventKey;
use calsync_core::names::{Etag, RemoteId};
use calsync_core::provider::{Draft, Found, Marker, Written};
use calsync_core::rest::sendable;
use calsync_core::time::Zone;
use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};

use crate::wire::{
    EventBody, EventDateTime, EventResource, InsertedResource, Moment, PrivateProperties, ReminderOverride,
    RemindersBody, RemindersResource, Time,
};

/// The names of our private extended properties; at most 44 characters each
/// (<https://developers.google.com/workspace/calendar/api/guides/extended-properties>).
pub(crate) const KEY: &str = "calsyncKey";
const NAMESPACE: &str = "calsyncNamespace";
const REVISION: &str = "calsyncRevision";
/// The reminders as calsync last set them; what stands in `reminders` may since be the person's own.
const REMINDERS: &str = "calsyncReminders";

/// Google silently cuts a longer value.
pub(crate) const LONGEST_VALUE: usize = 1024;

/// The earliest reminder, in minutes before the start: four weeks.
const EARLIEST_REMINDER: u32 = 40_320;

/// The event's id at Google, since hex digits are inside its alphabet.
pub(crate) fn remote_id(key: &EventKey) -> RemoteId {
    RemoteId::new(key.to_string())
}

/// The body that makes an event.
pub(crate) fn to_insert(draft: &Draft, longest_description: usize) -> EventBody<'_> {
    let mut body = to_patch(draft, longest_description);
    body.id = Some(draft.marker.key.to_string());
    set_reminders(&mut body, &draft.event.reminders);
    // Nothing to clear yet.
    body.start.clears = false;
    body.end.clears = false;
    body.extended_properties.private.retain(|(_, value)| value.is_some());
    body
}

/// The body that writes over an event what is ours in it. The reminders are not among it: they are the person's, until
/// the host wants others than it wanted last time (see [`to_reminders`]).
pub(crate) fn to_patch(draft: &Draft, longest_description: usize) -> EventBody<'_> {
    let event = &*draft.event;
    let (start, end) = match &event.when {
        When::Timed { start, end, zone } => (instant_in(*start, zone), instant_in(*end, zone)),
        When::AllDay { start, end } => (Time::Day(*start), Time::Day(*end)),
    };
    let marker = &draft.marker;
    let private = vec![
        (KEY, Some(Cow::Owned(marker.key.to_string()))),
        (NAMESPACE, Some(Cow::Borrowed(&*marker.namespace))),
        (REVISION, Some(Cow::Owned(marker.revision.to_string()))),
    ];
    EventBody {
        id: None,
        status: match event.status {
            EventStatus::Tentative => "tentative",
            _ => "confirmed",
        },
        summary: &event.title,
        description: escaped(&event.description, longest_description),
        location: &event.location,
        start: Moment { time: start, clears: true },
        end: Moment { time: end, clears: true },
        visibility: visibility(event.visibility),
        reminders: None,
        extended_properties: PrivateProperties { private },
    }
}

/// Google's word for who may read the event; none where it stays as it is (in an insert: the calendar's default).
fn visibility(visibility: Visibility) -> Option<&'static str> {
    match visibility {
        Visibility::Public => Some("public"),
        Visibility::Private => Some("private"),
        _ => None,
    }
}

/// Adds the reminders to a body, with the note that they are ours.
pub(crate) fn set_reminders(body: &mut EventBody<'_>, reminders: &Reminders) {
    let RemindersBody { reminders, extended_properties } = to_reminders(reminders);
    body.reminders = Some(reminders);
    body.extended_properties.private.extend(extended_properties.private);
}

/// The body that sets the reminders alone.
pub(crate) fn to_reminders(reminders: &Reminders) -> RemindersBody<'static> {
    let popup = |minutes| ReminderOverride { method: "popup".to_owned(), minutes };
    let resource = match reminders {
        Reminders::Before(minutes) => {
            // Those earlier than Google takes become its earliest, of which one is enough.
            let mut minutes: Vec<u32> = minutes.iter().map(|at| (*at).min(EARLIEST_REMINDER)).collect();
            minutes.dedup();
            RemindersResource {
                use_default: false,
                overrides: Some(minutes.into_iter().map(popup).collect()),
            }
        }
        // An empty list, since a PATCH would leave those that stand there beside the default.
        _ => RemindersResource { use_default: true, overrides: Some(Vec::new()) },
    };
    let private = vec![(REMINDERS, reminders_note(reminders).map(Cow::Owned))];
    RemindersBody { reminders: resource, extended_properties: PrivateProperties { private } }
}

/// Whether the reminders that calsync last set are the wanted ones.
pub(crate) fn has_reminders(resource: &EventResource, wanted: &Reminders) -> bool {
    property(resource, REMINDERS) == reminders_note(wanted).as_deref()
}

/// How reminders are noted: nothing for the calendar's own, else the minutes.
fn reminders_note(reminders: &Reminders) -> Option<String> {
    match reminders {
        Reminders::Before(minutes) => Some(minutes.iter().map(u32::to_string).collect::<Vec<_>>().join(",")),
        _ => None,
    }
}

/// The instant with its local offset, so that no two readings are possible in an hour that comes twice.
fn instant_in(at: DateTime<Utc>, zone: &Zone) -> Time<'_> {
    let offset = zone.offset(at);
    // RFC 3339 has no seconds in an offset, which zones of the nineteenth century had.
    let text = match FixedOffset::east_opt(offset).filter(|_| offset % 60 == 0) {
        Some(offset) => at.with_timezone(&offset).to_rfc3339_opts(SecondsFormat::Secs, true),
        None => at.to_rfc3339_opts(SecondsFormat::Secs, true),
    };
    Time::At(text, zone.name())
}

/// Plain text as Google's description has it, which may hold HTML: what looks like a tag must be read as text. Cut so that
/// it stays within `limit` characters as it is stored.
fn escaped(text: &str, limit: usize) -> Cow<'_, str> {
    let entity = |c| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    };
    if !text.bytes().any(|byte| matches!(byte, b'&' | b'<' | b'>')) {
        return Cow::Borrowed(text);
    }
    let mut stored = String::with_capacity(text.len() + 16);
    let mut length = 0;
    // Where to cut should the rest not fit: the last place that leaves room for the mark.
    let mut last_cut = 0;
    for character in text.chars() {
        if length < limit {
            last_cut = stored.len();
        }
        match entity(character) {
            Some(entity) => {
                stored.push_str(entity);
                length += entity.len();
            }
            None => {
                stored.push(character);
                length += 1;
            }
        }
        if length > limit {
            stored.truncate(last_cut);
            stored.truncate(stored.trim_end().len());
            stored.push(calsync_core::event::CUT_MARK);
            break;
        }
    }
    Cow::Owned(stored)
}

/// The reverse of [`escaped`]; markup of other people's stays as it is.
fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Whether an event is deleted: Google keeps its tombstone under its id.
pub(crate) fn is_cancelled(resource: &EventResource) -> bool {
    resource.status.as_deref() == Some("cancelled")
}

/// Our marker, if the event carries one.
pub(crate) fn marker(resource: &EventResource) -> Option<Marker> {
    let key = EventKey::from_uuid(property(resource, KEY)?.parse().ok()?);
    let revision = property(resource, REVISION)?.parse().ok()?;
    Some(Marker::new(property(resource, NAMESPACE)?, key, revision))
}

fn property<'a>(resource: &'a EventResource, name: &str) -> Option<&'a str> {
    let properties = resource.extended_properties.as_ref()?;
    properties.private.get(name).map(String::as_str)
}

/// The answer to a write. `None` when it does not name the event.
pub(crate) fn written(resource: &EventResource) -> Option<Written> {
    named(resource.id.as_deref(), resource.etag.as_deref())
}

/// The answer to an insert. `None` when it does not name the event.
pub(crate) fn inserted(resource: &InsertedResource) -> Option<Written> {
    named(resource.id.as_deref(), resource.etag.as_deref())
}

/// The event's version.
pub(crate) fn etag(resource: &EventResource) -> Option<Etag> {
    sendable(resource.etag.as_deref())
}

fn named(id: Option<&str>, etag: Option<&str>) -> Option<Written> {
    let id = id.filter(|id| !id.is_empty())?;
    Some(Written::new(RemoteId::new(id)).with_etag(sendable(etag)))
}

/// An event that was read. `None` when it has no id or no time that could be understood.
pub(crate) fn found(resource: &EventResource) -> Option<Found> {
    let Written { remote_id, etag, .. } = written(resource)?;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut event = Event::new(text(&resource.summary), when(resource)?)
        .with_description(unescaped(&text(&resource.description)))
        .with_location(text(&resource.location));
    if resource.status.as_deref() == Some("tentative") {
        event = event.with_status(EventStatus::Tentative);
    }
    event = match resource.visibility.as_deref() {
        Some("public") => event.with_visibility(Visibility::Public),
        // `confidential` is the old word for private.
        Some("private" | "confidential") => event.with_visibility(Visibility::Private),
        _ => event,
    };
    if let Some(RemindersResource { use_default: false, overrides }) = &resource.reminders {
        let mut minutes: Vec<u32> = overrides.iter().flatten().map(|reminder| reminder.minutes).collect();
        minutes.sort_unstable();
        event = event.with_reminders(Reminders::Before(minutes));
    }
    Some(Found::new(remote_id, event).with_etag(etag).with_marker(marker(resource)))
}

fn when(resource: &EventResource) -> Option<When> {
    let (start, end) = (resource.start.as_ref()?, resource.end.as_ref()?);
    if let (Some(start), Some(end)) = (&start.date, &end.date) {
        return Some(When::AllDay { start: start.parse().ok()?, end: end.parse().ok()? });
    }
    let zone = start.time_zone.as_deref().and_then(|name| Zone::new(name).ok()).unwrap_or_default();
    Some(When::Timed { start: instant(start, &zone)?, end: instant(end, &zone)?, zone })
}

/// An instant; a time without an offset is read in its zone.
fn instant(moment: &EventDateTime, zone: &Zone) -> Option<DateTime<Utc>> {
    let text = moment.date_time.as_deref()?;
    match DateTime::parse_from_rfc3339(text) {
        Ok(at) => Some(at.to_utc()),
        Err(_) => zone.instant(text.parse().ok()?).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn draft(event: Event) -> Draft {
        let key = EventKey::from_uuid("6d709f8152a05a61b10906a7ec27a32c".parse().unwrap());
        Draft::new(Marker::new("my-shop", key, 7), event, DateTime::UNIX_EPOCH)
    }

    fn timed(start: &str, end: &str, zone: &str) -> Event {
        let (start, end) = (start.parse().unwrap(), end.parse().unwrap());
        Event::new("Deep clean", When::Timed { start, end, zone: Zone::new(zone).unwrap() })
    }

    fn london() -> Event {
        timed("2026-07-01T08:00:00Z", "2026-07-01T09:30:00Z", "Europe/London")
    }

    fn json_of(body: &EventBody<'_>) -> Value {
        serde_json::to_value(body).unwrap()
    }

    #[test]
    fn an_insert_says_everything_once() {
        let event = london().with_description("Order: 1\n5 < 6 & 7").with_location("1 High St, Leeds");
        assert_eq!(
            json_of(&to_insert(&draft(event), 8192)),
            json!({
                "id": "6d709f8152a05a61b10906a7ec27a32c", "status": "confirmed", "summary": "Deep clean",
                "description": "Order: 1\n5 &lt; 6 &amp; 7", "location": "1 High St, Leeds",
                "start": {"dateTime": "2026-07-01T09:00:00+01:00", "timeZone": "Europe/London"},
                "end": {"dateTime": "2026-07-01T10:30:00+01:00", "timeZone": "Europe/London"},
                "reminders": {"useDefault": true, "overrides": []},
                "extendedProperties": {"private": {"calsyncKey": "6d709f8152a05a61b10906a7ec27a32c",
                    "calsyncNamespace": "my-shop", "calsyncRevision": "7"}}
            })
        );
    }

    #[test]
    fn a_patch_leaves_the_persons_things_alone_and_clears_the_other_form_of_time() {
        let (start, end) = ("2026-12-24".parse().unwrap(), "2026-12-27".parse().unwrap());
        let all_day = Event::new("Closed", When::AllDay { start, end });
        let body = json_of(&to_patch(&draft(all_day.with_reminders(Reminders::Before(vec![10]))), 8192));
        assert_eq!(body["start"], json!({"date": "2026-12-24", "dateTime": null, "timeZone": null}));
        assert_eq!(body["end"], json!({"date": "2026-12-27", "dateTime": null, "timeZone": null}));
        for name in ["id", "reminders", "attendees", "colorId", "conferenceData", "sequence"] {
            assert_eq!(body.get(name), None, "{name}");
        }
    }

    #[test]
    fn the_visibility_is_written_where_the_host_chose_one_and_read_back() {
        for (chosen, word) in [(Visibility::Public, "public"), (Visibility::Private, "private")] {
            let draft = draft(london().with_visibility(chosen));
            for body in [to_insert(&draft, 8192), to_patch(&draft, 8192)] {
                assert_eq!(json_of(&body)["visibility"], word);
            }
            let mut resource = json_of(&to_insert(&draft, 8192));
            resource["status"] = json!("confirmed");
            let read: EventResource = serde_json::from_value(resource).unwrap();
            assert_eq!(found(&read).unwrap().event.visibility, chosen);
        }
        let draft = draft(london());
        assert_eq!(json_of(&to_patch(&draft, 8192)).get("visibility"), None, "what the person chose stays");
        let confidential = json!({"id": "x", "visibility": "confidential",
            "start": {"date": "2026-12-24"}, "end": {"date": "2026-12-25"}});
        let read: EventResource = serde_json::from_value(confidential).unwrap();
        assert_eq!(found(&read).unwrap().event.visibility, Visibility::Private);
    }

    #[test]
    fn reminders_are_noted_so_that_the_persons_own_can_be_told_apart() {
        for (reminders, resource, note) in [
            (Reminders::CalendarDefault, json!({"useDefault": true, "overrides": []}), Value::Null),
            (Reminders::Before(vec![]), json!({"useDefault": false, "overrides": []}), json!("")),
            (
                Reminders::Before(vec![10, 50_000, 99_999]),
                json!({"useDefault": false, "overrides": [{"method": "popup", "minutes": 10},
                    {"method": "popup", "minutes": 40_320}]}),
                json!("10,50000,99999"),
            ),
        ] {
            let body = serde_json::to_value(to_reminders(&reminders)).unwrap();
            assert_eq!(body["reminders"], resource);
            assert_eq!(body["extendedProperties"]["private"], json!({ "calsyncReminders": note }));
            let private = note.as_str().map(|note| (REMINDERS.to_owned(), note.to_owned()));
            let mut standing = EventResource::default();
            standing.extended_properties.get_or_insert_default().private.extend(private);
            assert!(has_reminders(&standing, &reminders));
            assert!(!has_reminders(&standing, &Reminders::Before(vec![5])));
        }
    }

    #[test]
    fn what_looks_like_html_is_text_and_stays_within_the_limit() {
        let cut = |text: &str, limit| escaped(text, limit).into_owned();
        assert_eq!(cut("<b>&amp;</b>", 100), "&lt;b&gt;&amp;amp;&lt;/b&gt;");
        assert!(matches!(escaped("plain – text", 3), Cow::Borrowed(_)), "fitted before it came here");
        assert_eq!(cut("a<b", 6), "a&lt;b");
        assert_eq!(cut("a<b", 5), "a…", "no entity is cut in two");
        assert_eq!(cut("ab<", 3), "ab…");
        assert_eq!(cut("abcd<", 5), "abcd…");
        let long = "é<".repeat(8192);
        assert!(cut(&long, 8192).chars().count() <= 8192);
        let text = "5 < 6 & \"x\" &lt; 'y' > z";
        assert_eq!(unescaped(&cut(text, 100)), text);
    }

    #[test]
    fn times_are_instants_in_hours_that_come_twice_and_days_of_another_offset() {
        for (at, zone, text) in [
            ("2026-10-25T00:30:00Z", "Europe/London", "2026-10-25T01:30:00+01:00"),
            ("2026-10-25T01:30:00Z", "Europe/London", "2026-10-25T01:30:00Z"),
            ("2026-12-01T17:00:00Z", "America/Vancouver", "2026-12-01T10:00:00-07:00"),
            ("2026-06-01T02:15:00Z", "Asia/Kathmandu", "2026-06-01T08:00:00+05:45"),
            ("1900-01-01T12:00:00Z", "Europe/Amsterdam", "1900-01-01T12:00:00Z"),
        ] {
            let zone_of = Zone::new(zone).unwrap();
            let Time::At(is, name) = instant_in(at.parse().unwrap(), &zone_of) else { panic!() };
            assert_eq!((is.replace("+00:00", "Z").as_str(), name), (text, zone));
        }
    }

    #[test]
    fn answers_are_read_however_little_they_say() {
        let read = |json: Value| serde_json::from_value::<EventResource>(json).unwrap();
        let timed = json!({"id": "abc12", "start": {"dateTime": "2026-07-01T09:00:00+01:00", "timeZone": "Europe/London"},
            "end": {"dateTime": "2026-07-01T10:30:00+01:00"}, "anything": {"else": 1}});
        let event = found(&read(timed)).unwrap();
        assert_eq!(event.event.when, london().when);
        assert_eq!((event.etag, event.marker, &*event.event.title), (None, None, ""));
        let local = json!({"id": "abc12", "start": {"dateTime": "2026-07-01T09:00:00", "timeZone": "Europe/London"},
            "end": {"dateTime": "2026-07-01T10:30:00", "timeZone": "Europe/London"}});
        assert_eq!(found(&read(local)).unwrap().event.when, london().when);
        for nothing in [
            json!({}),
            json!({"id": "abc12"}),
            json!({"id": "", "start": {"date": "2026-07-01"}, "end": {"date": "2026-07-02"}}),
            json!({"id": "abc12", "start": {"date": "tomorrow"}, "end": {"date": "2026-07-02"}}),
            json!({"id": "abc12", "start": {"dateTime": "noon"}, "end": {"dateTime": "one"}}),
        ] {
            assert_eq!(found(&read(nothing.clone())), None, "{nothing}");
        }
    }

    #[test]
    fn a_marker_is_read_back_whole_or_not_at_all() {
        let event = draft(london());
        let mut json = json_of(&to_insert(&event, 8192));
        let read = |json: &Value| marker(&serde_json::from_value::<EventResource>(json.clone()).unwrap());
        assert_eq!(read(&json), Some(event.marker));
        for (name, value) in [(REVISION, json!("x")), (KEY, json!("no-key"))] {
            let mut broken = json.clone();
            broken["extendedProperties"]["private"][name] = value;
            assert_eq!(read(&broken), None, "{name}");
        }
        json["extendedProperties"] = json!({});
        assert_eq!(read(&json), None);
    }
}
