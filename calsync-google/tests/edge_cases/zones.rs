//! Time zone names that Google does not know yet (phw198/OutlookGoogleCalendarSync#1525, #1528;
//! GAS-ICS-Sync#305).

use calsync_core::error::{ErrorKind, Retry};
use calsync_core::event::Event;
use calsync_core::provider::{CalendarProvider, CreateOptions, Draft, EventReader, UpdateOptions};
use calsync_core::testing::fixtures::timed;
use calsync_google::fake::{ApiMethod, ErrorFormat, FaultRule, google_error};
use chrono::TimeDelta;
use http::StatusCode;

use super::common::{World, calls, draft_at, event, key_at, place_of};

const NEW: &str = "America/Coyhaique";

fn at_hour(hour: u32, zone: &str) -> Event {
    let mut event = event();
    event.when = timed(&format!("2026-12-01T{hour}:00:00Z"), &format!("2026-12-01T{hour}:30:00Z"), zone);
    event
}

fn draft(generation: u32, revision: u64, event: Event) -> Draft {
    let mut draft = draft_at(&place_of(1), revision, event);
    draft.marker.key = key_at(&place_of(1), generation);
    draft
}

async fn world() -> World {
    let world = World::new().await;
    world.google.set(|settings| {
        settings.unknown_zones.insert(NEW.to_owned());
    });
    world
}

#[tokio::test]
async fn an_event_in_a_zone_google_does_not_know_is_written_without_its_name() {
    let (insert, patch) = (ApiMethod::EventsInsert, ApiMethod::EventsPatch);
    for shape in [ErrorFormat::Classic, ErrorFormat::WithStatus, ErrorFormat::WithoutErrors] {
        let world = world().await;
        world.google.set(|settings| settings.errors = shape);
        let (provider, place) = (world.provider(), place_of(1));
        let known = draft(0, 1, at_hour(17, "Europe/London"));
        let mut written = provider.create(&place, &known, &CreateOptions::new()).await.unwrap();
        calls(&world.google);

        // A move out of a zone that Google knows: the old zone's name must be cleared.
        let moved = draft(0, 2, at_hour(18, NEW));
        let options = UpdateOptions::new().with_etag(written.etag);
        written = provider.update(&place, &written.remote_id, &moved, &options).await.unwrap();
        assert_eq!(calls(&world.google), [patch, patch]);
        let read = provider.read(&place, &written.remote_id).await.unwrap().unwrap();
        assert_eq!(read.when, timed("2026-12-01T18:00:00Z", "2026-12-01T18:30:00Z", "Europe/London"));
        calls(&world.google);

        // The refusal is cached for all events in the zone, and for no other zone.
        provider.create(&place, &draft(1, 1, at_hour(19, NEW)), &CreateOptions::new()).await.unwrap();
        assert_eq!(calls(&world.google), [insert]);
        let dublin = draft(2, 1, at_hour(19, "Europe/Dublin"));
        let dublin = provider.create(&place, &dublin, &CreateOptions::new()).await.unwrap();
        let dublin = world.anna.event("primary", dublin.remote_id.as_str()).unwrap();
        assert_eq!(dublin.json["start"]["timeZone"], "Europe/Dublin");

        // The event has all that can be written without the name: nothing is written.
        calls(&world.google);
        provider.update(&place, &written.remote_id, &moved, &UpdateOptions::new()).await.unwrap();
        assert_eq!(calls(&world.google), [ApiMethod::EventsGet]);

        // A day later Google knows the name.
        world.google.set(|settings| settings.unknown_zones.clear());
        world.clock.advance(TimeDelta::days(1));
        provider.update(&place, &written.remote_id, &moved, &UpdateOptions::new()).await.unwrap();
        let event = world.anna.event("primary", written.remote_id.as_str()).unwrap();
        assert_eq!(event.json["start"]["timeZone"], NEW);
    }
}

#[tokio::test]
async fn a_zone_that_stays_unknown_is_tried_once_a_day() {
    let world = world().await;
    let (provider, place) = (world.provider(), place_of(1));
    for day in 0..3 {
        for of_day in 0..2 {
            let draft = draft(2 * day + of_day, 1, at_hour(17, NEW));
            provider.create(&place, &draft, &CreateOptions::new()).await.unwrap();
            assert_eq!(calls(&world.google).len(), if of_day == 0 { 2 } else { 1 });
        }
        world.clock.advance(TimeDelta::days(1));
        // Refreshes the access token, so that the refresh is not counted below.
        provider.list_ours(&place, "tests", None).await.unwrap();
        calls(&world.google);
    }
    assert_eq!(world.anna.events("primary").len(), 6);
}

#[tokio::test]
async fn a_write_refused_for_another_reason_is_not_repeated() {
    let world = world().await;
    let (provider, place) = (world.provider(), place_of(1));
    let refused = google_error(StatusCode::BAD_REQUEST, "invalid", "Invalid value");
    world.google.fault(FaultRule::new(refused).with_method(ApiMethod::EventsInsert));
    let error = provider.create(&place, &draft(0, 1, event()), &CreateOptions::new()).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Refused, Retry::Never));
    assert_eq!(calls(&world.google), [ApiMethod::EventsInsert]);
    // Google refuses the write without the name too: no loop.
    let zone =
        || google_error(StatusCode::BAD_REQUEST, "invalid", "Invalid time zone definition for start time.");
    world.google.fault(FaultRule::new(zone()).with_method(ApiMethod::EventsInsert).always());
    let error = provider.create(&place, &draft(0, 1, event()), &CreateOptions::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(calls(&world.google).len(), 2);
}
