//! Times, whole days, time zones, and text limits.

use calsync_core::ErrorKind;
use calsync_core::error::Retry;
use calsync_core::event::{Event, TextLimits, When};
use calsync_core::provider::CalendarProvider;
use calsync_core::testing::fixtures::{all_day, at, timed};
use calsync_outlook::fake::{ApiMethod, Fault, FaultRule};
use http::StatusCode;
use serde_json::{Value, json};

use crate::common::{World, calendar_of, draft_at, event};
use crate::helpers::*;

#[tokio::test]
async fn an_event_can_change_between_whole_days_and_hours() {
    let world = World::new().await;
    let provider = world.provider();
    let closed = Event::new("Closed", all_day("2026-12-24", "2026-12-27"));
    let mut written = create(&provider, &draft_at(&calendar_of(1), 1, closed.clone())).await.unwrap();
    let stored = |world: &World| {
        let json = only(world).json;
        (json["isAllDay"].clone(), json["start"].clone(), json["end"].clone())
    };
    let at = |time: &str| json!({"dateTime": format!("{time}.0000000"), "timeZone": "UTC"});
    let days = (json!(true), at("2026-12-24T00:00:00"), at("2026-12-27T00:00:00"));
    let hours = (json!(false), at("2026-11-30T14:00:00"), at("2026-11-30T15:30:00"));
    assert_eq!(stored(&world), days);
    for (revision, event, expected) in [(2, event(), hours), (3, closed, days)] {
        let draft = draft_at(&calendar_of(1), revision, event);
        written = update(&provider, &written, &draft).await.unwrap();
        assert_eq!(read(&provider, &written).await.unwrap().unwrap().when, draft.event.when);
        assert_eq!(stored(&world), expected);
    }
}

/// The forms in which Graph was seen to return a day that a person made in Berlin or New York.
#[tokio::test]
async fn a_persons_whole_day_keeps_its_date_in_any_zone() {
    let world = World::new().await;
    let provider = world.provider();
    for (zone, utc) in [
        ("W. Europe Standard Time", ("2026-12-23T23:00:00", "2026-12-24T23:00:00")),
        ("Eastern Standard Time", ("2026-12-24T05:00:00", "2026-12-25T05:00:00")),
        ("New Zealand Standard Time", ("2026-12-23T11:00:00", "2026-12-24T11:00:00")),
    ] {
        let day = |date: &str| json!({"dateTime": format!("{date}T00:00:00"), "timeZone": zone});
        let theirs =
            by_hand(&json!({"isAllDay": true, "start": day("2026-12-24"), "end": day("2026-12-25")}));
        let id = world.anna.adds_event("primary", theirs).unwrap();
        let written = without_etag(&row(&world.anna.event("primary", &id).unwrap()));
        let christmas = all_day("2026-12-24", "2026-12-25");
        assert_eq!(read(&provider, &written).await.unwrap().unwrap().when, christmas, "{zone}");

        // The same instants in UTC.
        let mut json = world.anna.event("primary", &id).unwrap().json;
        for (side, time) in [("start", utc.0), ("end", utc.1)] {
            json[side] = json!({"dateTime": time, "timeZone": "UTC"});
        }
        let response = FaultRule::new(Fault::json(StatusCode::OK, &json)).with_method(ApiMethod::EventsGet);
        world.outlook.fault(response);
        assert_eq!(read(&provider, &written).await.unwrap().unwrap().when, christmas, "{zone}");

        // A day that is correct already is not written again.
        world.outlook.clear_requests();
        let draft = draft_at(&calendar_of(1), 1, Event::new("Closed", christmas));
        update(&provider, &written, &draft).await.unwrap();
        let patch = world.outlook.requests().pop().unwrap();
        assert!(patch.body.unwrap().get("start").is_none(), "{zone}");
        assert!(world.anna.deletes_event("primary", &id));
    }
}

#[tokio::test]
async fn an_event_is_read_in_its_own_zone() {
    let world = World::new().await;
    let provider = world.provider();
    let mut written = create(&provider, &draft(1)).await.unwrap();
    for (revision, zone) in
        [(2, "America/Vancouver"), (3, "Asia/Kathmandu"), (4, "UTC"), (5, "Europe/London")]
    {
        let mut event = event();
        event.when = timed("2026-11-30T14:00:00Z", "2026-11-30T15:30:00Z", zone);
        let draft = draft_at(&calendar_of(1), revision, event);
        written = update(&provider, &written, &draft).await.unwrap();
        let found = find(&provider).await.unwrap().unwrap();
        assert_eq!(read(&provider, &row_of(&found)).await.unwrap().unwrap().when, draft.event.when, "{zone}");
    }
    for (theirs, zone) in
        [("Pacific Standard Time", "America/Los_Angeles"), ("Asia/Tokyo", "Asia/Tokyo"), ("UTC", "UTC")]
    {
        let side = |time: &str| json!({"dateTime": time, "timeZone": theirs});
        let own = by_hand(&json!({"start": side("2026-07-01T09:00:00"), "end": side("2026-07-01T10:00:00")}));
        let id = world.anna.adds_event("primary", own).unwrap();
        let written = row(&world.anna.event("primary", &id).unwrap());
        let When::Timed { start, zone: shown, .. } = read(&provider, &written).await.unwrap().unwrap().when
        else {
            panic!("hours")
        };
        assert_eq!((shown.name(), shown.local(start).to_string()), (zone, "2026-07-01 09:00:00".to_owned()));
    }
}

/// Times in an unknown zone make the response an error. No zone is guessed, neither London's nor
/// UTC.
#[tokio::test]
async fn an_unknown_zone_is_an_error_and_never_guessed() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    for zone in ["tzone://Microsoft/Custom", "Mars/Phobos", "Customized Time Zone", ""] {
        let mut json = only(&world).json;
        json["start"]["timeZone"] = json!(zone);
        let with_it = |json: &Value| {
            FaultRule::new(Fault::json(StatusCode::OK, json)).with_method(ApiMethod::EventsGet)
        };
        world.outlook.fault(with_it(&json));
        let error = read(&provider, &written).await.unwrap_err();
        let actual = (error.kind(), error.retry(), error.failure().code.as_deref());
        assert_eq!(actual, (ErrorKind::Unavailable, Retry::Later, Some("incomplete_response")), "{zone}");
        // It is still found, since its identity is enough.
        let parts = json!({"responses": [
            {"id": "marker", "status": 200, "body": {"value": [json]}},
            {"id": "transaction", "status": 200, "body": {"value": []}},
        ]});
        world.outlook.fault(Fault::json(StatusCode::OK, &parts));
        assert_eq!(find(&provider).await.unwrap().unwrap().remote_id, written.remote_id, "{zone}");
        world.outlook.fault(with_it(&json));
        assert!(get(&provider, &written).await.unwrap().is_some(), "{zone}");
        // The draft can still be written over it.
        world.outlook.fault(with_it(&json));
        update(&provider, &written, &draft(2)).await.unwrap();
        assert_eq!(read(&provider, &written).await.unwrap().unwrap().when, event().when);
    }
    // Only the zone it was made in is unknown: the instant is certain.
    let mut json = only(&world).json;
    json["originalStartTimeZone"] = json!("tzone://Microsoft/Custom");
    json["singleValueExtendedProperties"] = json!([]);
    world.outlook.fault(Fault::json(StatusCode::OK, &json));
    let event = read(&provider, &written).await.unwrap().unwrap();
    let When::Timed { start, zone, .. } = event.when else { panic!("hours") };
    assert_eq!((start, zone.name()), (at("2026-11-30T14:00:00Z"), "UTC"));
}

#[tokio::test]
async fn texts_are_cut_in_utf16_code_units() {
    let world = World::new().await;
    let provider = world.provider();
    let limits = provider.capabilities().text;
    let mut long = event().with_location("Łódź 🏠 ".repeat(40)).with_description("🧹\n".repeat(9_000));
    long.title = "🧹".repeat(200).into();
    let long = long.fitted(&limits).unwrap();
    let written = create(&provider, &draft_at(&calendar_of(1), 1, long.clone())).await.unwrap();
    let json = only(&world).json;
    for text in [&json["subject"], &json["location"]["displayName"]] {
        let text = text.as_str().unwrap();
        assert!(text.encode_utf16().count() <= 255 && text.ends_with('…'), "{text}");
    }
    assert!(json["subject"].as_str().unwrap().starts_with("🧹🧹"));
    // A text that was cut does not count as a change.
    world.outlook.clear_requests();
    update(&provider, &written, &draft_at(&calendar_of(1), 2, long)).await.unwrap();
    assert_eq!(calls(&world.outlook), [ApiMethod::EventsGet]);
}

#[tokio::test]
async fn a_hosts_own_text_limits_apply_except_for_reminders() {
    let world = World::new().await;
    let limits = TextLimits::default().with_title(20).with_location(10).with_reminders(5);
    let provider = world.builder().text_limits(limits).transport(world.outlook.clone()).build().unwrap();
    assert_eq!(provider.capabilities().text.reminders, 1);
    let mut long = event().with_location("1 High Street, Leeds");
    long.title = "A deep clean of all the rooms".into();
    create(&provider, &draft_at(&calendar_of(1), 1, long)).await.unwrap();
    let json = only(&world).json;
    assert_eq!(json["subject"], "A deep clean of all…");
    assert_eq!(json["location"]["displayName"], "1 High St…");
}
