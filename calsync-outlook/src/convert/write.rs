//! Builds the bodies that create and change events.

use std::borrow::Cow;
use std::fmt::Write as _;

use calsync_core::calendar::Person;
use calsync_core::event::{CUT_MARK, EventStatus, Reminders, Visibility, When};
use calsync_core::identity::EventKey;
use calsync_core::provider::Draft;
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use super::read::{name_of, property, text_of, when};
use super::{
    APPOINTMENT, EARLIEST_REMINDER, GUEST, KEY, NAMESPACE, PERSON, PROFILE, REMINDER, REVISION, ROLE, TARGET,
    UTC, ZONE, fits_property,
};
use crate::meeting::{own_text, without_rule};
use crate::wire::{DateTimeTimeZone, EventBody, EventResource, ExtendedProperty, ItemBody, Location};

/// How much text fits, and the calendar's default reminder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) subject: usize,
    pub(crate) location: usize,
    pub(crate) default_reminder: Option<u32>,
}

/// The request body that creates an event.
pub(crate) fn to_create<'a>(draft: &'a Draft, limits: &Limits) -> EventBody<'a> {
    let mut body = full_body(draft, limits);
    body.transaction_id = Some(transaction_id(&draft.marker.key));
    body
}

/// The request body that changes `current` to what the draft says: our fields that differ. `None`
/// if no field differs; a new revision alone is no difference.
pub(crate) fn to_update<'a>(
    draft: &'a Draft,
    current: &EventResource,
    limits: &Limits,
    rewrite: bool,
) -> Option<EventBody<'a>> {
    let mut body = full_body(draft, limits);
    if current.subject.as_deref() == body.subject.as_deref() {
        body.subject = None;
    }
    if text_of(current)
        .is_some_and(|text| lines(own_text(&text)) == lines(&without_rule(&draft.event.description)))
    {
        body.body = None;
    }
    if when(current).is_some_and(|when| is_same_time(&when, &draft.event.when)) {
        (body.start, body.end, body.is_all_day) = (None, None, None);
    }
    if name_of(current.location.as_ref()) == name_of(body.location.as_ref()) {
        body.location = None;
    }
    // The person chooses whether to be shown as free or away.
    let was_tentative = current.show_as.as_deref() == Some("tentative");
    if was_tentative == (draft.event.status == EventStatus::Tentative) {
        body.show_as = None;
    }
    if current.sensitivity.as_deref() == body.sensitivity {
        body.sensitivity = None;
    }
    // The reminder is the person's, until the host asks for another one than last time.
    if property(&current.identity, REMINDER) == Some(&*reminder_text(&draft.event.reminders)) {
        (body.is_reminder_on, body.reminder_minutes_before_start) = (None, None);
    }
    body.single_value_extended_properties
        .retain(|desired| property(&current.identity, &desired.id) != Some(&*desired.value));
    (rewrite || !changes_nothing(&body)).then_some(body)
}

/// Whether the body changes nothing, or only the revision.
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

/// The full request body: every field of ours.
fn full_body<'a>(draft: &'a Draft, limits: &Limits) -> EventBody<'a> {
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
        // Plain text, which Exchange converts to HTML itself: what looks like a tag stays text.
        body: Some(ItemBody { content_type: "text".into(), content: without_rule(&event.description) }),
        start: Some(start),
        end: Some(end),
        is_all_day: Some(is_all_day),
        location: Some(Location { display_name: cut(&event.location, limits.location) }),
        show_as: Some(if event.status == EventStatus::Tentative { "tentative" } else { "busy" }),
        sensitivity: match event.visibility {
            Visibility::Public => Some("normal"),
            Visibility::Private => Some("private"),
            // The person's own choice stays. A new event is `normal`.
            _ => None,
        },
        is_reminder_on: Some(reminder.is_some()),
        reminder_minutes_before_start: reminder.map(|minutes| minutes.min(EARLIEST_REMINDER)),
        single_value_extended_properties: our_properties(draft),
    }
}

fn our_properties(draft: &Draft) -> Vec<ExtendedProperty<'_>> {
    let marker = &draft.marker;
    let zone = match &draft.event.when {
        When::Timed { zone, .. } => zone.name(),
        When::AllDay { .. } => UTC,
    };
    let mark = |id: &'static str, value| ExtendedProperty { id: Cow::Borrowed(id), value };
    let mut marks = Vec::with_capacity(9);
    marks.extend([
        mark(TARGET, Cow::Owned(marker.key.target().to_string())),
        mark(KEY, Cow::Owned(marker.key.to_string())),
        mark(NAMESPACE, Cow::Borrowed(&*marker.namespace)),
        mark(REVISION, Cow::Owned(marker.revision.to_string())),
        mark(ZONE, Cow::Borrowed(zone)),
        mark(REMINDER, reminder_text(&draft.event.reminders)),
    ]);
    let appointment = marker.appointment.as_ref().map(|id| (APPOINTMENT, Cow::Owned(id.to_string())));
    let person = marker.person.as_ref().map(|person| (PERSON, person_text(person)));
    // A value that would be cut is left out, since it would name another appointment or person.
    let whole = appointment.into_iter().chain(person).filter(|(_, text)| fits_property(text));
    marks.extend(whole.map(|(id, text)| mark(id, text)));
    marks.extend(marker.role.map(|role| mark(ROLE, Cow::Borrowed(role.name()))));
    marks
}

/// The property's value for a person.
fn person_text(person: &Person) -> Cow<'static, str> {
    match person {
        Person::Profile(id) => Cow::Owned(format!("{PROFILE}{id}")),
        Person::Guest => Cow::Borrowed(GUEST),
    }
}

/// The property's value for a reminder of the host.
fn reminder_text(reminders: &Reminders) -> Cow<'static, str> {
    match reminders {
        Reminders::Before(minutes) => match minutes.first() {
            Some(minutes) => Cow::Owned(minutes.to_string()),
            None => Cow::Borrowed("off"),
        },
        _ => Cow::Borrowed("default"),
    }
}

/// The transaction id of a create, by which Graph recognises a repeated one.
pub(crate) fn transaction_id(key: &EventKey) -> String {
    key.to_string()
}

/// Cuts a text to at most `limit` UTF-16 code units, the unit Exchange counts in.
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
    // Same as `%Y-%m-%dT%H:%M:%S`, without parsing the format for every event.
    let mut date_time = String::with_capacity("2026-01-20T09:00:00".len());
    // Writing to a String cannot fail.
    let _ = write!(date_time, "{seconds:?}");
    DateTimeTimeZone { date_time: date_time.into(), time_zone: UTC.into() }
}

fn midnight(date: NaiveDate) -> NaiveDateTime {
    date.and_time(NaiveTime::MIN)
}

/// Lines without trailing spaces, which Exchange does not always keep.
fn lines(text: &str) -> Vec<&str> {
    text.trim().split('\n').map(str::trim_end).collect()
}

fn is_same_time(current: &When, desired: &When) -> bool {
    match (current, desired) {
        (When::Timed { start, end, .. }, When::Timed { start: s, end: e, .. }) => (start, end) == (s, e),
        (current, desired) => current == desired,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{LIMITS, all_day, draft, london, property_json, read, stored, timed};
    use super::*;
    use crate::convert::event;
    use calsync_core::event::Event;
    use serde_json::{Value, json};

    #[test]
    fn a_create_sends_every_field() {
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
                    property_json("calsyncTarget", "6d709f8152a05a61b10906a7ec27a32c"),
                    property_json("calsyncKey", "6d709f8152a05a61b10906a7ec27a32cg2"),
                    property_json("calsyncNamespace", "my-shop"), property_json("calsyncRevision", "7"),
                    property_json("calsyncZone", "Europe/London"), property_json("calsyncReminder", "default"),
                    property_json("calsyncAppointment", "17"), property_json("calsyncPerson", "profile:3")],
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
    fn a_reminder_is_always_sent_and_recorded() {
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
            assert_eq!(body["singleValueExtendedProperties"][5], property_json("calsyncReminder", note));
        }
    }

    #[test]
    fn an_update_sends_only_the_differences() {
        let current = read(stored(&draft(london())));
        assert_eq!(to_update(&draft(london()), &current, &LIMITS, false), None);
        let revision = property_json("calsyncRevision", "8");
        let differing = |event: Event| {
            let mut draft = draft(event);
            draft.marker.revision = 8;
            let body = to_update(&draft, &current, &LIMITS, false);
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
            json!({"singleValueExtendedProperties": [revision, property_json("calsyncZone", "Europe/Paris")]})
        );
    }

    #[test]
    fn the_persons_own_changes_stay() {
        let mut json = stored(&draft(london()));
        (json["showAs"], json["isReminderOn"]) = (json!("oof"), json!(false));
        (json["categories"], json["sensitivity"]) = (json!(["Red"]), json!("private"));
        json["isOnlineMeeting"] = json!(true);
        json["body"]["content"] =
            json!("Order: 1  \r\n5 < 6 & 7\r\n\r\n________________________________\r\nJoin the meeting\r\n");
        assert_eq!(to_update(&draft(london()), &read(json.clone()), &LIMITS, false), None);
        // This changes when the host sets another reminder, or the event becomes tentative.
        let desired =
            london().with_reminders(Reminders::Before(vec![30])).with_status(EventStatus::Tentative);
        let desired = draft(desired);
        let body = serde_json::to_value(to_update(&desired, &read(json), &LIMITS, false).unwrap()).unwrap();
        assert_eq!((&body["showAs"], &body["reminderMinutesBeforeStart"]), (&json!("tentative"), &json!(30)));
        assert_eq!(body.get("body"), None);
    }

    #[test]
    fn the_sensitivity_is_written_if_the_host_chose_another_one() {
        let body_of = |event: Event, current: &Value| {
            let (draft, current) = (draft(event), read(current.clone()));
            to_update(&draft, &current, &LIMITS, false).map(|body| serde_json::to_value(body).unwrap())
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
    fn texts_are_cut_in_utf16_code_units() {
        assert_eq!(cut("Żółć", 4), "Żółć");
        assert_eq!(cut("🧹🧹🧹", 6), "🧹🧹🧹");
        assert_eq!(cut("🧹🧹🧹", 5), "🧹🧹…");
        assert_eq!(cut("🧹🧹🧹", 4), "🧹…");
        assert_eq!(cut("a b c d e f", 5), "a b…");
        assert!(cut(&"🧹".repeat(300), 255).encode_utf16().count() <= 255);
    }
}
