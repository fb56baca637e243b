//! Drafts and events that the tests of reading and of writing share.

use calsync_core::calendar::Person;
use calsync_core::event::{Event, When};
use calsync_core::identity::EventKey;
use calsync_core::provider::{Draft, Marker};
use calsync_core::time::Zone;
use chrono::DateTime;
use serde_json::{Value, json};

use super::{Limits, to_create};
use crate::wire::EventResource;

pub(super) const LIMITS: Limits = Limits { subject: 255, location: 255, default_reminder: Some(15) };

pub(super) fn draft(event: Event) -> Draft {
    let key = EventKey::parse("6d709f8152a05a61b10906a7ec27a32cg2").unwrap();
    let marker = Marker::new("my-shop", key, 7).with_appointment(Some(17.into()));
    Draft::new(marker.with_person(Some(Person::Profile(3.into()))), event, DateTime::UNIX_EPOCH)
}

pub(super) fn timed(start: &str, end: &str, zone: &str) -> Event {
    let (start, end) = (start.parse().unwrap(), end.parse().unwrap());
    Event::new("Deep clean", When::Timed { start, end, zone: Zone::new(zone).unwrap() })
}

pub(super) fn london() -> Event {
    timed("2026-07-01T08:00:00Z", "2026-07-01T09:30:00Z", "Europe/London")
        .with_description("Order: 1\n5 < 6 & 7")
        .with_location("1 High St, Leeds")
}

pub(super) fn all_day() -> Event {
    let (start, end) = ("2026-12-24".parse().unwrap(), "2026-12-27".parse().unwrap());
    Event::new("Closed", When::AllDay { start, end })
}

pub(super) fn read(json: Value) -> EventResource {
    serde_json::from_value(json).unwrap()
}

pub(super) fn property_json(name: &str, value: &str) -> Value {
    json!({"id": format!("String {{8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861}} Name {name}"), "value": value})
}

/// Graph's response for an event that was created from this draft.
pub(super) fn stored(draft: &Draft) -> Value {
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
