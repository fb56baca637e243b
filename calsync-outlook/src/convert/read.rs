//! Reads Graph's responses: events, markers and times.

use std::borrow::Cow;

use calsync_core::calendar::{Person, Role};
use calsync_core::event::{Event, EventStatus, Reminders, Visibility, When, clean_block};
use calsync_core::identity::EventKey;
use calsync_core::names::RemoteId;
use calsync_core::provider::{Found, Marker, Written};
use calsync_core::rest::valid_etag;
use calsync_core::time::Zone;
use calsync_core::{AppointmentId, ProfileId};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

use super::{APPOINTMENT, GUEST, KEY, NAMESPACE, PERSON, PROFILE, REVISION, ROLE, UTC, ZONE};
use crate::wire::{CreatedResource, DateTimeTimeZone, EventBody, EventResource, IdentityResource, Location};
use crate::zones;

/// Our marker, if the event carries key, namespace and revision. An appointment or person that
/// cannot be read is left out.
pub(crate) fn marker(identity: &IdentityResource) -> Option<Marker> {
    let key = EventKey::parse(property(identity, KEY)?)?;
    let revision = property(identity, REVISION)?.parse().ok()?;
    let appointment = property(identity, APPOINTMENT).and_then(|text| AppointmentId::text(text).ok());
    let person = property(identity, PERSON).and_then(person_of);
    let marker = Marker::new(property(identity, NAMESPACE)?, key, revision);
    let role = property(identity, ROLE).and_then(Role::parse);
    Some(marker.with_appointment(appointment).with_person(person).with_role(role))
}

fn person_of(note: &str) -> Option<Person> {
    match note.strip_prefix(PROFILE) {
        Some(id) => ProfileId::text(id).ok().map(Person::Profile),
        None => (note == GUEST).then_some(Person::Guest),
    }
}

/// The key that the event was created with, from its transaction id. A person's copy of an event
/// has none.
pub(crate) fn key(identity: &IdentityResource) -> Option<EventKey> {
    let id = identity.transaction_id.as_deref()?;
    EventKey::parse(id).or_else(|| EventKey::parse(&id.to_ascii_lowercase()))
}

/// Whether the event was created with this key. `None` if the response does not tell.
pub(crate) fn is_made_under(resource: &CreatedResource, key: &str) -> Option<bool> {
    resource.transaction_id.as_deref().map(|id| id.eq_ignore_ascii_case(key))
}

pub(super) fn property<'a>(identity: &'a IdentityResource, id: &str) -> Option<&'a str> {
    // Exchange may write the GUID in capitals.
    let mut properties = identity.single_value_extended_properties.iter().flatten();
    let property = properties.find(|property| property.id.eq_ignore_ascii_case(id))?;
    Some(&*property.value).filter(|value| !value.is_empty())
}

/// An event's id and version. `None` if it has no id.
pub(crate) fn written(identity: &IdentityResource) -> Option<Written> {
    let written = named(identity.id.as_deref(), identity.etag.as_deref())?;
    Some(written.with_account(identity.account.clone()))
}

/// The event in the response to a create. `None` if it has no id.
pub(crate) fn created(resource: &CreatedResource) -> Option<Written> {
    named(resource.id.as_deref(), resource.etag.as_deref())
}

fn named(id: Option<&str>, etag: Option<&str>) -> Option<Written> {
    let id = id.filter(|id| !id.is_empty())?;
    Some(Written::new(RemoteId::new(id)).with_etag(valid_etag(etag)))
}

/// An event that was found. `None` if it has no id.
pub(crate) fn found(identity: &IdentityResource) -> Option<Found> {
    let Written { remote_id, etag, account, .. } = written(identity)?;
    let found = Found::new(remote_id).with_etag(etag).with_account(account);
    Some(found.with_marker(marker(identity)).with_key(key(identity)))
}

/// Whether the event has the content of the request body, judged by the fields that every response
/// has.
pub(crate) fn is_as_sent(resource: &CreatedResource, body: &EventBody<'_>) -> bool {
    resource.subject.as_deref().unwrap_or_default() == body.subject.as_deref().unwrap_or_default()
        && name_of(resource.location.as_ref()) == name_of(body.location.as_ref())
        && resource.is_all_day.unwrap_or_default() == body.is_all_day.unwrap_or_default()
        && is_same_moment(resource.start.as_ref(), body.start.as_ref())
        && is_same_moment(resource.end.as_ref(), body.end.as_ref())
}

pub(super) fn name_of<'a>(location: Option<&'a Location<'_>>) -> &'a str {
    location.map_or("", |location| &*location.display_name)
}

fn is_same_moment(returned: Option<&DateTimeTimeZone<'_>>, sent: Option<&DateTimeTimeZone<'_>>) -> bool {
    let (Some(returned), Some(sent)) = (returned, sent) else { return false };
    // Most responses repeat the text that was sent and add a fraction of a second.
    let fraction = returned.date_time.strip_prefix(&*sent.date_time);
    let is_same_text = fraction.is_some_and(|fraction| fraction.trim_start_matches(['.', '0']).is_empty());
    if is_same_text && returned.time_zone == sent.time_zone {
        return true;
    }
    let returned = instant(returned);
    returned.is_some() && returned == instant(sent)
}

/// The event's content. `None` if its time cannot be read.
pub(crate) fn event(resource: &EventResource) -> Option<Event> {
    let mut event = Event::new(resource.subject.clone().unwrap_or_default(), when(resource)?)
        .with_description(text_of(resource).unwrap_or_default().into_owned())
        .with_location(name_of(resource.location.as_ref()));
    if resource.show_as.as_deref() == Some("tentative") {
        event = event.with_status(EventStatus::Tentative);
    }
    // `normal` is the default of every event, so it is no choice. Others see `personal` events like
    // normal ones.
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

/// The body, if Graph returned plain text. An HTML body cannot be compared with a text.
pub(super) fn text_of(resource: &EventResource) -> Option<Cow<'_, str>> {
    let body = resource.body.as_ref().filter(|body| body.content_type.eq_ignore_ascii_case("text"))?;
    Some(clean_block(&body.content))
}

pub(super) fn when(resource: &EventResource) -> Option<When> {
    let start = instant(resource.start.as_ref()?)?;
    let end = instant(resource.end.as_ref()?)?;
    let own = || zones::zone_of(resource.original_start_time_zone.as_deref()?).ok();
    if resource.is_all_day == Some(true) {
        // In the person's zone the day may begin at another hour than in UTC.
        let zone = own().unwrap_or_default();
        return Some(When::AllDay { start: day(start, &zone), end: day(end, &zone) });
    }
    let noted = property(&resource.identity, ZONE).and_then(|name| Zone::new(name).ok());
    Some(When::Timed { start, end, zone: noted.or_else(own).unwrap_or_default() })
}

/// The date of a day that begins at this instant: in UTC, otherwise in the zone, otherwise the
/// nearest date.
fn day(begins: DateTime<Utc>, zone: &Zone) -> NaiveDate {
    if begins.time() == NaiveTime::MIN {
        return begins.date_naive();
    }
    let local = zone.local(begins);
    if local.time() == NaiveTime::MIN { local.date() } else { (begins + TimeDelta::hours(12)).date_naive() }
}

/// The instant of a local time, in whole seconds. The zone may have a Windows or an IANA name.
fn instant(time: &DateTimeTimeZone<'_>) -> Option<DateTime<Utc>> {
    let local: NaiveDateTime = time.date_time.trim_end_matches('Z').parse().ok()?;
    // The usual case, since every request prefers UTC.
    let at = match &*time.time_zone {
        UTC => local.and_utc(),
        zone => zones::zone_of(zone).ok()?.instant(local).ok()?,
    };
    DateTime::from_timestamp(at.timestamp(), 0)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{LIMITS, all_day, draft, london, read, stored, timed};
    use super::*;
    use crate::convert::{to_create, to_update};
    use calsync_core::names::Etag;
    use serde_json::{Value, json};

    #[test]
    fn an_html_body_is_not_read_as_text() {
        let mut json = stored(&draft(london()));
        json["body"] = json!({"contentType": "html", "content": "<html><body>Order: 1<br>5 &lt; 6 &amp; 7</body></html>"});
        let current = read(json);
        assert_eq!(&*event(&current).unwrap().description, "");
        assert!(to_update(&draft(london()), &current, &LIMITS, false).unwrap().body.is_some());
    }

    #[test]
    fn responses_with_missing_or_wrong_fields_are_read() {
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
            // No zone is guessed, such as London's.
            json!({"id": "AAk=", "start": {"dateTime": "2026-07-01T09:00:00", "timeZone": "tzone://Microsoft/Custom"},
                "end": {"dateTime": "2026-07-01T10:00:00", "timeZone": "tzone://Microsoft/Custom"}}),
            // Fields of another type.
            json!({"id": "AAk=", "subject": 7, "start": [], "end": 1.5, "location": "x", "isAllDay": "no"}),
        ] {
            let resource = read(nothing.clone());
            assert_eq!(event(&resource), None, "{nothing}");
            assert!(found(&resource.identity).is_some(), "it is found: {nothing}");
            // The draft can still be written over it.
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
    fn a_whole_day_keeps_its_date_in_any_zone() {
        for (start, end, zone) in [
            ("2026-12-24T00:00:00", "2026-12-25T00:00:00", "UTC"),
            ("2026-12-23T23:00:00", "2026-12-24T23:00:00", "W. Europe Standard Time"),
            ("2026-12-24T05:00:00", "2026-12-25T05:00:00", "Eastern Standard Time"),
            ("2026-12-23T13:00:00", "2026-12-24T13:00:00", "tzone://Microsoft/Custom"),
        ] {
            let json = json!({"id": "AAk=", "isAllDay": true, "originalStartTimeZone": zone,
                "start": {"dateTime": start, "timeZone": "UTC"}, "end": {"dateTime": end, "timeZone": "UTC"}});
            let day = |text: &str| text.parse().unwrap();
            let expected = When::AllDay { start: day("2026-12-24"), end: day("2026-12-25") };
            assert_eq!(when(&read(json)), Some(expected), "{start} {zone}");
        }
    }

    #[test]
    fn a_marker_needs_key_namespace_and_revision() {
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
        // Appointment and person may be missing.
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
    fn appointment_and_person_are_written_whole_or_not_at_all() {
        let text = |id: &str| AppointmentId::text(id).unwrap();
        for (appointment, person) in [
            (text("ü/42"), Person::Guest),
            (text("guest"), Person::Profile(ProfileId::text("guest").unwrap())),
            (text("10"), Person::Profile(ProfileId::text("profile:guest").unwrap())),
        ] {
            let mut draft = draft(london());
            draft.marker = draft
                .marker
                .with_appointment(Some(appointment))
                .with_person(Some(person))
                .with_role(Some(Role::Admin));
            assert_eq!(marker(&read(stored(&draft)).identity), Some(draft.marker));
        }
        let mut long = draft(london());
        long.marker = long.marker.with_appointment(Some(text(&"x".repeat(256))));
        assert_eq!(marker(&read(stored(&long)).identity).unwrap().appointment, None);
    }

    #[test]
    fn a_transaction_id_gives_the_key_in_any_letter_case() {
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
    fn a_response_with_other_content_belongs_to_an_earlier_create() {
        let is_as_sent = |response: &Value, event: Event| {
            let response: CreatedResource = serde_json::from_value(response.clone()).unwrap();
            is_as_sent(&response, &to_create(&draft(event), &LIMITS))
        };
        let same = stored(&draft(london()));
        assert!(is_as_sent(&same, london()));
        for other in [
            london().with_location("x"),
            Event::new("Windows", london().when).with_location("1 High St, Leeds"),
            all_day(),
            timed("2026-07-01T08:00:00Z", "2026-07-01T09:00:00Z", "UTC").with_location("1 High St, Leeds"),
        ] {
            assert!(!is_as_sent(&same, other));
        }
        // The same instants in another zone.
        let mut local = same.clone();
        local["start"] = json!({"dateTime": "2026-07-01T09:00:00.0000000", "timeZone": "GMT Standard Time"});
        assert!(is_as_sent(&local, london()));
        for start in
            [json!(null), json!({"dateTime": "2026-07-01T08:00:00.0000000"}), json!({"timeZone": "UTC"})]
        {
            local["start"] = start;
            assert!(!is_as_sent(&local, london()), "{local}");
        }
        assert!(is_as_sent(&stored(&draft(all_day())), all_day()));
    }
}
