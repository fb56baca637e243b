//! Converts calsync's events to Google's JSON and back. No I/O.

use std::borrow::Cow;

use calsync_core::event::{Event, EventStatus, Reminders, Visibility, When};
use calsync_core::identity::EventKey;
use calsync_core::names::{Etag, RemoteId};
use calsync_core::provider::{Draft, Found, Written};
use calsync_core::rest::valid_etag;
use calsync_core::time::Zone;
use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};

use crate::marker::{self, REMINDERS, REVISION, marker, own_key, property};
use crate::wire::{
    EventBody, EventDateTime, EventResource, InsertedResource, Moment, PrivateProperties, ReminderOverride,
    RemindersBody, RemindersResource, Time,
};

/// The earliest reminder, in minutes before the start: four weeks.
const EARLIEST_REMINDER: u32 = 40_320;

/// Returns the event id at Google: the key itself, since its characters are inside Google's
/// alphabet for ids (base32hex).
pub(crate) fn remote_id(key: &EventKey) -> RemoteId {
    RemoteId::new(key.to_string())
}

/// Options of the conversion to Google's JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// Most characters of a description as Google stores it, with `&`, `<` and `>` escaped.
    pub(crate) max_description: usize,
    /// Whether times name their zone. Without a name Google shows the same instants in the
    /// calendar's zone.
    pub(crate) names_zone: bool,
}

/// Builds the body of an insert.
pub(crate) fn to_insert(draft: &Draft, style: Style) -> EventBody<'_> {
    let mut body = to_patch(draft, style);
    body.id = Some(draft.marker.key.to_string());
    set_reminders(&mut body, &draft.event.reminders);
    // A new event has nothing to clear.
    body.start.clears = false;
    body.end.clears = false;
    body.extended_properties.private.retain(|(_, value)| value.is_some());
    body
}

/// Builds the body of a patch: all fields that calsync owns, except the reminders. Those belong to
/// the person until the host asks for other reminders than last time (see [`to_reminders`]).
pub(crate) fn to_patch(draft: &Draft, style: Style) -> EventBody<'_> {
    let event = &*draft.event;
    let (start, end) = match &event.when {
        When::Timed { start, end, zone } => {
            (instant_in(*start, zone, style.names_zone), instant_in(*end, zone, style.names_zone))
        }
        When::AllDay { start, end } => (Time::Day(*start), Time::Day(*end)),
    };
    EventBody {
        id: None,
        status: match event.status {
            EventStatus::Tentative => "tentative",
            _ => "confirmed",
        },
        summary: &event.title,
        description: escaped(&event.description, style.max_description),
        location: &event.location,
        start: Moment { time: start, clears: true },
        end: Moment { time: end, clears: true },
        visibility: visibility(event.visibility),
        reminders: None,
        extended_properties: PrivateProperties { private: marker::properties(&draft.marker) },
    }
}

/// Returns Google's value of `visibility`. `None` leaves it unchanged; in an insert it means the
/// calendar's default.
fn visibility(visibility: Visibility) -> Option<&'static str> {
    match visibility {
        Visibility::Public => Some("public"),
        Visibility::Private => Some("private"),
        _ => None,
    }
}

/// Adds the reminders to a body, and the property that records them as set by calsync.
pub(crate) fn set_reminders(body: &mut EventBody<'_>, reminders: &Reminders) {
    let RemindersBody { reminders, extended_properties } = to_reminders(reminders);
    body.reminders = Some(reminders);
    body.extended_properties.private.extend(extended_properties.private);
}

/// Builds the body of a patch of the reminders only.
pub(crate) fn to_reminders(reminders: &Reminders) -> RemindersBody<'static> {
    let popup = |minutes| ReminderOverride { method: "popup".to_owned(), minutes };
    let resource = match reminders {
        Reminders::Before(minutes) => {
            // Reminders earlier than Google accepts become its earliest one; duplicates of it are
            // dropped.
            let mut minutes: Vec<u32> = minutes.iter().map(|at| (*at).min(EARLIEST_REMINDER)).collect();
            minutes.dedup();
            RemindersResource {
                use_default: false,
                overrides: Some(minutes.into_iter().map(popup).collect()),
            }
        }
        // The empty list clears the overrides: without it a PATCH keeps them beside the default.
        _ => RemindersResource { use_default: true, overrides: Some(Vec::new()) },
    };
    let private = vec![(REMINDERS, reminders_value(reminders).map(Cow::Owned))];
    RemindersBody { reminders: resource, extended_properties: PrivateProperties { private } }
}

/// Whether the reminders that calsync last set equal the desired ones.
pub(crate) fn has_reminders(resource: &EventResource, desired: &Reminders) -> bool {
    property(resource, REMINDERS) == reminders_value(desired).as_deref()
}

/// Whether a PATCH with this body would change nothing. An older revision in the event counts as
/// equal; a newer one does not, and is overwritten.
pub(crate) fn has_content_of(resource: &EventResource, body: &EventBody<'_>) -> bool {
    // Names every field, so that a new field does not compile until it is compared here.
    let EventBody {
        id: _,
        status,
        summary,
        description,
        location,
        start,
        end,
        visibility,
        reminders,
        extended_properties: PrivateProperties { private },
    } = body;
    let has_text = |is: &Option<String>, desired: &str| is.as_deref().unwrap_or_default() == desired;
    let has = |(name, value): &(&'static str, Option<Cow<'_, str>>)| match property(resource, name) {
        Some(is) if *name == REVISION => {
            let revision = |text: &str| text.parse::<u64>().ok();
            revision(is)
                .is_some_and(|is| value.as_deref().and_then(revision).is_some_and(|desired| is <= desired))
        }
        is => is == value.as_deref(),
    };
    resource.status.as_deref() == Some(*status)
        && has_text(&resource.summary, summary)
        && has_text(&resource.description, description)
        && has_text(&resource.location, location)
        && has_time(resource.start.as_ref(), &start.time)
        && has_time(resource.end.as_ref(), &end.time)
        // If the host sets no visibility, the person's choice stays.
        && visibility.is_none_or(|desired| resource.visibility.as_deref() == Some(desired))
        // The body has reminders only if they differ.
        && reminders.is_none()
        && private.iter().all(has)
}

fn has_time(is: Option<&EventDateTime>, desired: &Time<'_>) -> bool {
    let Some(is) = is else { return false };
    match desired {
        Time::Day(day) => is.date.as_deref().and_then(|text| text.parse().ok()) == Some(*day),
        Time::At(text, zone) => {
            let instant = |text: &str| DateTime::parse_from_rfc3339(text).ok();
            let at = is.date_time.as_deref().and_then(instant);
            at.is_some()
                && at == instant(text)
                && zone.is_none_or(|zone| is.time_zone.as_deref() == Some(zone))
        }
    }
}

/// Returns the value of the reminders property: `None` for the calendar's default, else the
/// minutes, separated by commas.
fn reminders_value(reminders: &Reminders) -> Option<String> {
    match reminders {
        Reminders::Before(minutes) => Some(minutes.iter().map(u32::to_string).collect::<Vec<_>>().join(",")),
        _ => None,
    }
}

/// Formats the instant with its local offset, so that it is unambiguous in an hour that occurs
/// twice.
fn instant_in(at: DateTime<Utc>, zone: &Zone, names_zone: bool) -> Time<'_> {
    let offset = zone.offset(at);
    // RFC 3339 has no seconds in an offset. Time zones before the twentieth century can have them:
    // then UTC is written.
    let text = match FixedOffset::east_opt(offset).filter(|_| offset % 60 == 0) {
        Some(offset) => at.with_timezone(&offset).to_rfc3339_opts(SecondsFormat::Secs, true),
        None => at.to_rfc3339_opts(SecondsFormat::Secs, true),
    };
    Time::At(text, names_zone.then(|| zone.name()))
}

/// Escapes plain text for Google's description, which may contain HTML. Truncates it to `limit`
/// characters as they are stored, and never inside an entity.
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
    // The last position where the text can be cut with room for the cut mark.
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

/// Reverses [`escaped`]. Other markup stays unchanged.
fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Whether the event is a tombstone: Google keeps a deleted event under its id for some time.
pub(crate) fn is_cancelled(resource: &EventResource) -> bool {
    resource.status.as_deref() == Some("cancelled")
}

/// Reads the response to a write. Returns `None` if it has no event id.
pub(crate) fn written(resource: &EventResource) -> Option<Written> {
    let written = named(resource.id.as_deref(), resource.etag.as_deref())?;
    Some(written.with_account(resource.account.clone()))
}

/// Reads the response to an insert. Returns `None` if it has no event id.
pub(crate) fn inserted(resource: &InsertedResource) -> Option<Written> {
    named(resource.id.as_deref(), resource.etag.as_deref())
}

/// Returns the event's etag, if a header can carry it.
pub(crate) fn etag(resource: &EventResource) -> Option<Etag> {
    valid_etag(resource.etag.as_deref())
}

fn named(id: Option<&str>, etag: Option<&str>) -> Option<Written> {
    let id = id.filter(|id| !id.is_empty())?;
    Some(Written::new(RemoteId::new(id)).with_etag(valid_etag(etag)))
}

/// Reads the identity of an event. Returns `None` if it has no id.
pub(crate) fn found(resource: &EventResource) -> Option<Found> {
    let Written { remote_id, etag, account, .. } = written(resource)?;
    let found = Found::new(remote_id).with_etag(etag).with_marker(marker(resource));
    Some(found.with_key(own_key(resource)).with_account(account))
}

/// Reads the content of an event. Returns `None` if its start or end is missing or cannot be
/// parsed.
pub(crate) fn event(resource: &EventResource) -> Option<Event> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut event = Event::new(text(&resource.summary), when(resource)?)
        .with_description(unescaped(&text(&resource.description)))
        .with_location(text(&resource.location));
    if resource.status.as_deref() == Some("tentative") {
        event = event.with_status(EventStatus::Tentative);
    }
    event = match resource.visibility.as_deref() {
        Some("public") => event.with_visibility(Visibility::Public),
        // `confidential` is Google's older name of `private`.
        Some("private" | "confidential") => event.with_visibility(Visibility::Private),
        _ => event,
    };
    if let Some(RemindersResource { use_default: false, overrides }) = &resource.reminders {
        let mut minutes: Vec<u32> = overrides.iter().flatten().map(|reminder| reminder.minutes).collect();
        minutes.sort_unstable();
        event = event.with_reminders(Reminders::Before(minutes));
    }
    Some(event)
}

fn when(resource: &EventResource) -> Option<When> {
    let (start, end) = (resource.start.as_ref()?, resource.end.as_ref()?);
    if let (Some(start), Some(end)) = (&start.date, &end.date) {
        return Some(When::AllDay { start: start.parse().ok()?, end: end.parse().ok()? });
    }
    let zone = start.time_zone.as_deref().and_then(|name| Zone::new(name).ok()).unwrap_or_default();
    Some(When::Timed { start: instant(start, &zone)?, end: instant(end, &zone)?, zone })
}

/// Parses an instant. A time without an offset is local time in `zone`.
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
    use crate::marker::{APPOINTMENT, KEY, PERSON, TARGET};
    use calsync_core::calendar::Person;
    use calsync_core::provider::Marker;
    use serde_json::{Value, json};

    fn draft(event: Event) -> Draft {
        let key = EventKey::parse("6d709f8152a05a61b10906a7ec27a32cg2").unwrap();
        let marker = Marker::new("my-shop", key, 7).with_appointment(Some(10.into()));
        let marker = marker.with_person(Some(Person::Profile(3.into())));
        Draft::new(marker, event, DateTime::UNIX_EPOCH)
    }

    const STYLE: Style = Style { max_description: 8192, names_zone: true };

    fn read(json: Value) -> EventResource {
        serde_json::from_value(json).unwrap()
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
    fn an_insert_has_every_field_once() {
        let event = london().with_description("Order: 1\n5 < 6 & 7").with_location("1 High St, Leeds");
        assert_eq!(
            json_of(&to_insert(&draft(event), STYLE)),
            json!({
                "id": "6d709f8152a05a61b10906a7ec27a32cg2", "status": "confirmed", "summary": "Deep clean",
                "description": "Order: 1\n5 &lt; 6 &amp; 7", "location": "1 High St, Leeds",
                "start": {"dateTime": "2026-07-01T09:00:00+01:00", "timeZone": "Europe/London"},
                "end": {"dateTime": "2026-07-01T10:30:00+01:00", "timeZone": "Europe/London"},
                "reminders": {"useDefault": true, "overrides": []},
                "extendedProperties": {"private": {"calsyncTarget": "6d709f8152a05a61b10906a7ec27a32c",
                    "calsyncKey": "6d709f8152a05a61b10906a7ec27a32cg2", "calsyncNamespace": "my-shop",
                    "calsyncRevision": "7", "calsyncAppointment": "10", "calsyncPerson": "profile:3"}}
            })
        );
    }

    #[test]
    fn a_zone_that_google_does_not_know_is_left_out_and_cleared() {
        let (draft, style) = (draft(london()), Style { names_zone: false, ..STYLE });
        let body = json_of(&to_insert(&draft, style));
        assert_eq!(body["start"], json!({"dateTime": "2026-07-01T09:00:00+01:00"}));
        let body = json_of(&to_patch(&draft, style));
        let start = json!({"dateTime": "2026-07-01T09:00:00+01:00", "timeZone": null, "date": null});
        assert_eq!(body["start"], start);
    }

    #[test]
    fn any_difference_from_the_patch_body_is_detected() {
        let event = london().with_description("5 < 6").with_visibility(Visibility::Private);
        let draft = draft(event.with_reminders(Reminders::Before(vec![10])));
        let current = json_of(&to_insert(&draft, STYLE));
        let with = |pointer: &str, value: Value| {
            let mut changed = current.clone();
            *changed.pointer_mut(pointer).unwrap() = value;
            read(changed)
        };
        let body = to_patch(&draft, STYLE);
        assert!(has_content_of(&read(current.clone()), &body));
        let private = |name| format!("/extendedProperties/private/{name}");
        assert!(has_content_of(&with(&private(REVISION), json!("6")), &body), "an older revision");
        assert!(
            has_content_of(&with("/start/dateTime", json!("2026-07-01T08:00:00Z")), &body),
            "the same instant"
        );
        for (pointer, value) in [
            ("/status".to_owned(), json!("tentative")),
            ("/summary".to_owned(), json!("Deep  clean")),
            ("/description".to_owned(), json!("5 < 6")),
            ("/location".to_owned(), json!("here")),
            ("/visibility".to_owned(), json!("public")),
            ("/start/dateTime".to_owned(), json!("2026-07-01T09:00:00Z")),
            ("/start/timeZone".to_owned(), json!("Europe/Dublin")),
            ("/end".to_owned(), json!({"date": "2026-07-01"})),
            (private(REVISION), json!("8")),
            (private(REVISION), json!("x")),
            (private(TARGET), json!("x")),
            (private(KEY), json!("x")),
            (private(APPOINTMENT), json!("11")),
            (private(PERSON), json!("guest")),
        ] {
            assert!(!has_content_of(&with(&pointer, value), &body), "{pointer}");
        }
        // Without a zone name any zone of the event is accepted: Google shows it in the calendar's
        // zone.
        let body = to_patch(&draft, Style { names_zone: false, ..STYLE });
        assert!(has_content_of(&with("/start/timeZone", json!("Europe/Dublin")), &body));
        let mut body = to_patch(&draft, STYLE);
        set_reminders(&mut body, &Reminders::Before(vec![5]));
        assert!(!has_content_of(&read(current), &body), "the desired reminders differ");
    }

    #[test]
    fn a_patch_keeps_the_persons_fields_and_clears_the_other_form_of_time() {
        let (start, end) = ("2026-12-24".parse().unwrap(), "2026-12-27".parse().unwrap());
        let all_day = Event::new("Closed", When::AllDay { start, end });
        let body = json_of(&to_patch(&draft(all_day.with_reminders(Reminders::Before(vec![10]))), STYLE));
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
            for body in [to_insert(&draft, STYLE), to_patch(&draft, STYLE)] {
                assert_eq!(json_of(&body)["visibility"], word);
            }
            let mut resource = json_of(&to_insert(&draft, STYLE));
            resource["status"] = json!("confirmed");
            let read: EventResource = serde_json::from_value(resource).unwrap();
            assert_eq!(event(&read).unwrap().visibility, chosen);
        }
        let draft = draft(london());
        assert_eq!(json_of(&to_patch(&draft, STYLE)).get("visibility"), None, "the person's choice stays");
        let confidential = json!({"id": "x", "visibility": "confidential",
            "start": {"date": "2026-12-24"}, "end": {"date": "2026-12-25"}});
        let read: EventResource = serde_json::from_value(confidential).unwrap();
        assert_eq!(event(&read).unwrap().visibility, Visibility::Private);
    }

    #[test]
    fn reminders_are_recorded_to_distinguish_them_from_the_persons_own() {
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
            let mut current = EventResource::default();
            current.extended_properties.get_or_insert_default().private.extend(private);
            assert!(has_reminders(&current, &reminders));
            assert!(!has_reminders(&current, &Reminders::Before(vec![5])));
        }
    }

    #[test]
    fn html_characters_are_escaped_and_the_result_stays_within_the_limit() {
        let cut = |text: &str, limit| escaped(text, limit).into_owned();
        assert_eq!(cut("<b>&amp;</b>", 100), "&lt;b&gt;&amp;amp;&lt;/b&gt;");
        assert!(
            matches!(escaped("plain – text", 3), Cow::Borrowed(_)),
            "text without HTML characters is never cut here"
        );
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
    fn each_time_has_the_offset_of_its_instant_also_when_clocks_change() {
        for (at, zone, text) in [
            ("2026-10-25T00:30:00Z", "Europe/London", "2026-10-25T01:30:00+01:00"),
            ("2026-10-25T01:30:00Z", "Europe/London", "2026-10-25T01:30:00Z"),
            ("2026-12-01T17:00:00Z", "America/Vancouver", "2026-12-01T10:00:00-07:00"),
            ("2026-06-01T02:15:00Z", "Asia/Kathmandu", "2026-06-01T08:00:00+05:45"),
            ("1900-01-01T12:00:00Z", "Europe/Amsterdam", "1900-01-01T12:00:00Z"),
        ] {
            let zone_of = Zone::new(zone).unwrap();
            let Time::At(is, name) = instant_in(at.parse().unwrap(), &zone_of, true) else { panic!() };
            assert_eq!((is.replace("+00:00", "Z").as_str(), name), (text, Some(zone)));
        }
    }

    #[test]
    fn responses_with_missing_fields_are_read() {
        let timed = json!({"id": "abc12", "start": {"dateTime": "2026-07-01T09:00:00+01:00", "timeZone": "Europe/London"},
            "end": {"dateTime": "2026-07-01T10:30:00+01:00"}, "anything": {"else": 1}});
        let of_abc = found(&read(timed.clone())).unwrap();
        assert_eq!(
            (of_abc.remote_id.as_str(), of_abc.etag, of_abc.marker, of_abc.key),
            ("abc12", None, None, None)
        );
        let content = event(&read(timed)).unwrap();
        assert_eq!((content.when, &*content.title), (london().when, ""));
        let local = json!({"id": "abc12", "start": {"dateTime": "2026-07-01T09:00:00", "timeZone": "Europe/London"},
            "end": {"dateTime": "2026-07-01T10:30:00", "timeZone": "Europe/London"}});
        assert_eq!(event(&read(local)).unwrap().when, london().when);
        for nothing in [json!({}), json!({"id": ""})] {
            assert_eq!(found(&read(nothing.clone())), None, "{nothing}");
        }
        for timeless in [
            json!({"id": "abc12"}),
            json!({"id": "abc12", "start": {"date": "tomorrow"}, "end": {"date": "2026-07-02"}}),
            json!({"id": "abc12", "start": {"dateTime": "noon"}, "end": {"dateTime": "one"}}),
        ] {
            assert_eq!(event(&read(timeless.clone())), None, "{timeless}");
            assert!(found(&read(timeless)).is_some(), "the identity does not need a valid time");
        }
    }
}
