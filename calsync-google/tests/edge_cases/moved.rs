//! A person moves our event to another calendar of the account: the event has the same id there,
//! and is `cancelled` in the old calendar (obot-platform/obot#3888, KinToday/kin-web-client#33).

use calsync_core::error::{ErrorKind, Retry};
use calsync_core::ledger::Ledger;
use calsync_core::names::RemoteId;
use calsync_core::provider::{
    CalendarProvider, CreateOptions, DeleteOptions, EventReader, UpdateOptions, Written,
};
use calsync_core::report::Verdict;
use calsync_google::GoogleCalendar;
use calsync_google::fake::{ApiMethod, FaultRule, google_error};
use chrono::TimeDelta;
use http::StatusCode;

use super::common::host::Host;
use super::common::{World, calls, draft_at, event, key_at, key_of, place_of, put, query_at};

/// The scopes of a host that lets people pick a calendar.
const LISTING: &[&str] = &["calendar.events.owned", "calendar.calendarlist.readonly"];

/// Anna has a second calendar, and her grant allows listing her calendars.
async fn world() -> (World, String) {
    let world = World::new().await;
    put(&world.store, &key_of(1), world.anna.tokens(LISTING)).await;
    let private = world.anna.adds_calendar("Private");
    (world, private)
}

async fn created(provider: &GoogleCalendar, generation: u32) -> Written {
    let mut draft = draft_at(&place_of(1), 1, event());
    draft.marker.key = key_at(&place_of(1), generation);
    provider.create(&place_of(1), &draft, &CreateOptions::new()).await.unwrap()
}

fn locations(world: &World, calendar: &str) -> Vec<String> {
    let events = world.anna.events(calendar);
    events.iter().map(|event| event.text("location").unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn a_moved_event_is_changed_and_removed_in_its_new_calendar() {
    let (world, private) = world().await;
    let (provider, place) = (world.provider(), place_of(1));
    let written = created(&provider, 0).await;
    let id = &written.remote_id;
    assert!(world.anna.moves_event("primary", id.as_str(), &private));
    world.google.clear_requests();
    let changed = |revision| draft_at(&place, revision, event().with_location(format!("{revision} Low St")));
    let by = |written: &Written| UpdateOptions::new().with_etag(written.etag.clone());

    let written = provider.update(&place, id, &changed(2), &by(&written)).await.unwrap();
    assert_eq!(
        (locations(&world, "primary").len(), locations(&world, &private)),
        (0, vec!["2 Low St".to_owned()])
    );
    assert_eq!(world.google.count(ApiMethod::CalendarListList), 1);
    // The new calendar is cached.
    world.google.clear_requests();
    let written = provider.update(&place, id, &changed(3), &by(&written)).await.unwrap();
    assert_eq!(calls(&world.google), [ApiMethod::EventsPatch]);
    assert_eq!(provider.read(&place, id).await.unwrap().unwrap().location, "3 Low St".into());
    assert_eq!(provider.get(&place, id).await.unwrap().unwrap().etag, written.etag);
    let found = provider.find(&place, &query_at(&place)).await.unwrap();
    assert_eq!(
        found.iter().map(|found| (&found.remote_id, found.key)).collect::<Vec<_>>(),
        [(id, Some(key_at(&place, 0)))]
    );

    // The event is moved back, and away again.
    assert!(world.anna.moves_event(&private, id.as_str(), "primary"));
    let written = provider.update(&place, id, &changed(4), &by(&written)).await.unwrap();
    assert_eq!(
        (locations(&world, &private).len(), locations(&world, "primary")),
        (0, vec!["4 Low St".to_owned()])
    );
    assert!(world.anna.moves_event("primary", id.as_str(), &private));
    let options = DeleteOptions::new().with_etag(written.etag);
    provider.delete(&place, id, &changed(5).marker, &options).await.unwrap();
    assert_eq!(world.google.events().len(), 0);
    let error = provider.delete(&place, id, &changed(6).marker, &options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn another_process_finds_a_moved_event_and_lists_the_calendars_once() {
    let (world, private) = world().await;
    let place = place_of(1);
    let written = [created(&world.provider(), 0).await, created(&world.provider(), 1).await];
    for written in &written {
        assert!(world.anna.moves_event("primary", written.remote_id.as_str(), &private));
    }
    let provider = world.provider();
    world.google.clear_requests();
    let found = provider.find(&place, &query_at(&place)).await.unwrap();
    assert_eq!(found.iter().map(|found| &found.remote_id).collect::<Vec<_>>(), [&written[0].remote_id]);
    for (generation, written) in written.iter().enumerate() {
        let mut marker = draft_at(&place, 2, event()).marker;
        marker.key = key_at(&place, u32::try_from(generation).unwrap());
        provider.delete(&place, &written.remote_id, &marker, &DeleteOptions::new()).await.unwrap();
    }
    assert_eq!(world.google.count(ApiMethod::CalendarListList), 1);
    assert_eq!(world.google.events().len(), 0);
}

/// An event that a person deleted is in no other calendar: it is not searched for again in the same
/// run.
#[tokio::test]
async fn a_deleted_event_is_searched_for_once() {
    let (world, _) = world().await;
    let (provider, place) = (world.provider(), place_of(1));
    let written = created(&provider, 0).await;
    assert!(world.anna.deletes_event("primary", written.remote_id.as_str()));
    let draft = draft_at(&place, 2, event());
    let mut requests = Vec::new();
    for _ in 0..2 {
        world.google.clear_requests();
        let error =
            provider.update(&place, &written.remote_id, &draft, &UpdateOptions::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(provider.find(&place, &query_at(&place)).await.unwrap(), []);
        requests.push(world.google.count_all());
    }
    // The first round also lists the calendars and reads the event in the other one.
    assert_eq!(requests, [5, 3]);
}

#[tokio::test]
async fn a_moved_event_is_not_found_if_the_grant_does_not_allow_listing_calendars() {
    let (world, private) = world().await;
    put(&world.store, &key_of(1), world.anna.tokens(&["calendar.events.owned"])).await;
    let (provider, place) = (world.provider(), place_of(1));
    let written = created(&provider, 0).await;
    assert!(world.anna.moves_event("primary", written.remote_id.as_str(), &private));
    world.google.clear_requests();
    let marker = draft_at(&place, 2, event()).marker;
    for _ in 0..3 {
        assert_eq!(provider.find(&place, &query_at(&place)).await.unwrap(), []);
        let options = DeleteOptions::new().with_etag(written.etag.clone());
        let error = provider.delete(&place, &written.remote_id, &marker, &options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    assert_eq!(world.google.count(ApiMethod::CalendarListList), 1, "the refusal is cached");
    // The person grants the scope.
    put(&world.store, &key_of(1), world.anna.tokens(LISTING)).await;
    world.clock.advance(TimeDelta::minutes(10));
    provider.delete(&place, &written.remote_id, &marker, &DeleteOptions::new()).await.unwrap();
    assert_eq!(world.google.events().len(), 0);
}

/// A failed request to one calendar does not show where the event is.
#[tokio::test]
async fn a_failed_search_is_an_error_and_not_an_empty_result() {
    let (world, private) = world().await;
    let (provider, place) = (world.provider(), place_of(1));
    let written = created(&provider, 0).await;
    assert!(world.anna.moves_event("primary", written.remote_id.as_str(), &private));
    let limited = || google_error(StatusCode::FORBIDDEN, "rateLimitExceeded", "Slow down");
    let draft = draft_at(&place, 2, event());
    for rule in [
        FaultRule::new(limited()).with_method(ApiMethod::CalendarListList),
        FaultRule::new(limited()).with_method(ApiMethod::EventsGet).with_calendar(&private),
    ] {
        world.google.fault(rule.clone());
        let error = provider.find(&place, &query_at(&place)).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::RateLimited, Retry::Later));
        world.google.fault(rule);
        let error = provider.update(&place, &written.remote_id, &draft, &UpdateOptions::new()).await;
        assert_eq!(error.err().map(|error| error.kind()), Some(ErrorKind::RateLimited));
        // The calendars are cached from the second rule on.
        world.google.clear_faults();
        provider.calendars(&key_of(1)).await.unwrap();
    }
}

#[tokio::test]
async fn a_host_updates_recovers_and_cancels_a_moved_event() {
    let mut host = Host::new(1).await;
    put(&host.world.store, &key_of(1), host.world.anna.tokens(LISTING)).await;
    let private = host.world.anna.adds_calendar("Private");
    host.sync().await;
    let id = host.only_event().id;
    assert!(host.world.anna.moves_event("primary", &id, &private));
    host.restart();
    host.moves();
    assert_eq!(host.sync().await.count(Verdict::Updated), 1);
    let event = host.only_event();
    assert_eq!((&event.calendar, &event.id), (&private, &id));
    assert_eq!(host.start(), "2026-12-02T10:00:00Z");
    assert!(host.sync().await.outcomes.is_empty());

    // The ledger is lost: the tombstone in the old calendar does not lead to a second event.
    host.restart();
    host.appointments[0].ledger = Ledger::default();
    host.moves();
    // The existing event has a newer revision than the new ledger.
    host.sync().await;
    assert!(host.sync().await.is_all_done());
    assert_eq!((host.only_event().calendar, host.start()), (private, "2026-12-02T11:00:00Z".to_owned()));

    host.restart();
    host.cancels();
    assert_eq!(host.sync().await.count(Verdict::Removed), 1);
    assert_eq!(host.world.google.events().len(), 0);
    host.assert_silent();
}

/// After our event was deleted, an event without our marker under the same id in another calendar
/// is not ours.
#[tokio::test]
async fn a_foreign_event_in_another_calendar_is_not_changed() {
    let (world, private) = world().await;
    let (provider, place) = (world.provider(), place_of(1));
    let written = created(&provider, 0).await;
    let id = written.remote_id.as_str();
    assert!(world.anna.deletes_event("primary", id));
    let theirs = serde_json::json!({"id": id, "summary": "Theirs", "start": {"date": "2026-12-01"}, "end": {"date": "2026-12-02"}});
    world.anna.adds_event(&private, theirs).unwrap();
    let marker = draft_at(&place, 2, event()).marker;
    let error =
        provider.delete(&place, &RemoteId::new(id), &marker, &DeleteOptions::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(provider.find(&place, &query_at(&place)).await.unwrap(), []);
    assert_eq!(world.anna.events(&private).len(), 1);
}
