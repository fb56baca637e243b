//! Each operation at Google: the requests it sends, the event afterwards, and what happens to
//! people's own changes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use calsync_core::ErrorKind;
use calsync_core::calendar::CalendarRef;
use calsync_core::error::{Operation, Retry};
use calsync_core::event::{Event, Reminders, TextLimits, Visibility};
use calsync_core::health::MemoryAccountHealthStore;
use calsync_core::names::{CalendarId, RemoteId};
use calsync_core::provider::{
    CalendarProvider, CreateOptions, DeleteOptions, Draft, EventReader, FOREIGN_EVENT, UpdateOptions, Written,
};
use calsync_google::GoogleCalendar;
use calsync_google::fake::{AccessRole, ApiMethod, FakeEvent, Fault, FaultRule, google_error};
use http::StatusCode;
use serde_json::json;

use common::{World, calendar_in, calls, draft_at, event, key_at, key_of, place_of, put, query_at};

async fn create(provider: &GoogleCalendar, draft: &Draft) -> Result<Written, calsync_core::Error> {
    provider.create(&place_of(1), draft, &CreateOptions::new()).await
}

async fn update(
    provider: &GoogleCalendar,
    written: &Written,
    draft: &Draft,
) -> Result<Written, calsync_core::Error> {
    let options = UpdateOptions::new().with_etag(written.etag.clone());
    provider.update(&place_of(1), &written.remote_id, draft, &options).await
}

async fn delete(
    provider: &GoogleCalendar,
    written: &Written,
    draft: &Draft,
) -> Result<(), calsync_core::Error> {
    let options = DeleteOptions::new().with_etag(written.etag.clone());
    provider.delete(&place_of(1), &written.remote_id, &draft.marker, &options).await
}

fn draft(revision: u64) -> Draft {
    draft_at(&place_of(1), revision, event())
}

/// The only event in Anna's primary calendar.
fn only(world: &World) -> FakeEvent {
    let mut events = world.anna.events("primary");
    assert_eq!(events.len(), 1);
    events.remove(0)
}

#[tokio::test]
async fn each_change_is_one_request_and_sends_no_mail() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    assert_eq!(calls(&world.google), [ApiMethod::EventsInsert]);
    let stored = only(&world);
    assert_eq!(stored.id, key_at(&place_of(1), 0).to_string());
    assert_eq!(stored.text("description"), Some("Order: ORD-1\nStaff: Eve &amp; Adam &lt;night&gt;"));
    assert_eq!(
        stored.json["start"],
        json!({"dateTime": "2026-11-30T14:00:00Z", "timeZone": "Europe/London"})
    );
    assert_eq!(stored.private("calsyncNamespace"), Some("tests"));

    let moved = draft_at(&place_of(1), 2, event().with_location("2 Low Street"));
    let written = update(&provider, &written, &moved).await.unwrap();
    assert_eq!(calls(&world.google), [ApiMethod::EventsPatch]);
    assert_eq!(only(&world).text("location"), Some("2 Low Street"));

    delete(&provider, &written, &draft(3)).await.unwrap();
    assert_eq!(calls(&world.google), [ApiMethod::EventsDelete]);
    assert_eq!(world.anna.events("primary").len(), 0);
    assert!(world.google.mails().is_empty());
}

#[tokio::test]
async fn an_update_keeps_the_fields_that_belong_to_the_person() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    let id = written.remote_id.as_str().to_owned();
    assert!(world.anna.sets_colour("primary", &id, "7"));
    assert!(world.anna.adds_guest("primary", &id, "friend@example.org"));
    assert!(world.anna.sets_reminders("primary", &id, &[33]));
    assert!(world.anna.edits_event(
        "primary",
        &id,
        json!({"location": "Anna's idea", "visibility": "private"})
    ));
    let mails = world.google.mails().len();
    world.google.clear_requests();

    // The etag is outdated: calsync reads the event once more and writes its own fields into the
    // current version.
    update(&provider, &written, &draft(2)).await.unwrap();
    let methods = [ApiMethod::EventsPatch, ApiMethod::EventsGet, ApiMethod::EventsPatch];
    assert_eq!(calls(&world.google), methods);
    let stored = only(&world).json;
    assert_eq!(stored["location"], "1 High Street, Leeds, LS1 1AA");
    assert_eq!((&stored["colorId"], &stored["visibility"]), (&json!("7"), &json!("private")));
    assert_eq!(stored["attendees"][0]["email"], "friend@example.org");
    assert_eq!(stored["reminders"]["overrides"][0]["minutes"], 33);
    assert_eq!(world.google.mails().len(), mails, "the guest gets no mail about our change");
}

#[tokio::test]
async fn a_visibility_is_written_if_the_host_sets_one_and_otherwise_stays() {
    let world = World::new().await;
    let provider = world.provider();
    let with = |revision, visibility| draft_at(&place_of(1), revision, event().with_visibility(visibility));
    let mut written = create(&provider, &with(1, Visibility::Private)).await.unwrap();
    assert_eq!(only(&world).json["visibility"], "private");
    for (revision, chosen, expected) in [
        (2, Visibility::Default, "private"),
        (3, Visibility::Public, "public"),
        (4, Visibility::Private, "private"),
    ] {
        written = update(&provider, &written, &with(revision, chosen)).await.unwrap();
        assert_eq!(only(&world).json["visibility"], expected, "{chosen:?}");
    }
    let read = provider.read(&place_of(1), &written.remote_id).await.unwrap().unwrap();
    assert_eq!(read.visibility, Visibility::Private);
}

#[tokio::test]
async fn reminders_are_written_only_when_the_hosts_choice_changes() {
    let world = World::new().await;
    let provider = world.provider();
    let with = |revision, minutes: &[u32]| {
        draft_at(&place_of(1), revision, event().with_reminders(Reminders::Before(minutes.to_vec())))
    };
    let minutes = |world: &World| -> Vec<u64> {
        let overrides = only(world).json["reminders"]["overrides"].as_array().cloned().unwrap_or_default();
        overrides.iter().map(|reminder| reminder["minutes"].as_u64().unwrap()).collect()
    };
    let mut written = create(&provider, &with(1, &[10, 60])).await.unwrap();
    assert_eq!(minutes(&world), [10, 60]);

    // Anna sets her own reminder. Google does not count that as a change of the event.
    world.anna.sets_reminders("primary", written.remote_id.as_str(), &[5]);
    written = update(&provider, &written, &with(2, &[10, 60])).await.unwrap();
    assert_eq!(minutes(&world), [5], "the host's choice is unchanged: Anna's reminder stays");

    written = update(&provider, &written, &with(3, &[30])).await.unwrap();
    assert_eq!(minutes(&world), [30], "the host's choice changed");
    written = update(&provider, &written, &draft(4)).await.unwrap();
    assert_eq!(only(&world).json["reminders"]["useDefault"], true);
    update(&provider, &written, &with(5, &[])).await.unwrap();
    assert_eq!(only(&world).json["reminders"]["useDefault"], false);
    assert_eq!(minutes(&world), [0_u64; 0]);
}

#[tokio::test]
async fn a_create_repeated_after_a_lost_response_is_the_same_event() {
    for fault in
        [Fault::DropAfter, Fault::TimeOutAfter, Fault::Cut, Fault::Html, Fault::WithoutId, Fault::OtherJson]
    {
        let world = World::new().await;
        let provider = world.provider();
        world.google.fault(FaultRule::new(fault.clone()).with_method(ApiMethod::EventsInsert));
        let error = create(&provider, &draft(1)).await.unwrap_err();
        assert_eq!(error.retry(), Retry::Unknown, "{fault:?}");
        let found = provider.find(&place_of(1), &query_at(&place_of(1))).await.unwrap();
        let again = create(&provider, &draft(1)).await.unwrap();
        assert_eq!(found.iter().map(|found| &found.remote_id).collect::<Vec<_>>(), [&again.remote_id]);
        assert_eq!(only(&world).id, again.remote_id.as_str(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_create_over_our_tombstone_restores_it_or_reports_the_key_as_taken() {
    for (revive_forbidden, bare_tombstones) in [(false, false), (true, false), (false, true)] {
        let world = World::new().await;
        world.google.set(|settings| {
            (settings.revive_forbidden, settings.bare_tombstones) = (revive_forbidden, bare_tombstones);
        });
        let provider = world.provider();
        let written = create(&provider, &draft(1)).await.unwrap();
        delete(&provider, &written, &draft(1)).await.unwrap();
        let result = create(&provider, &draft(2)).await;
        if revive_forbidden || bare_tombstones {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::KeyUsed);
            assert_eq!(world.anna.events("primary").len(), 0);
        } else {
            assert_eq!(result.unwrap().remote_id, written.remote_id);
            assert_eq!(only(&world).text("status"), Some("confirmed"));
        }
    }
}

/// The same run then uses the next key and creates the event.
#[tokio::test]
async fn an_event_deleted_during_a_take_over_reports_the_key_as_taken() {
    let world = World::new().await;
    let provider = world.provider();
    create(&provider, &draft(1)).await.unwrap();
    let gone = google_error(StatusCode::NOT_FOUND, "notFound", "Not Found");
    world.google.fault(FaultRule::new(gone).with_method(ApiMethod::EventsPatch));
    let moved = draft_at(&place_of(1), 2, event().with_location("2 Low Street"));
    let error = create(&provider, &moved).await.unwrap_err();
    assert_eq!((error.kind(), error.failure().operation), (ErrorKind::KeyUsed, Operation::Create));
}

#[tokio::test]
async fn a_foreign_event_under_our_key_is_never_changed() {
    let world = World::new().await;
    let provider = world.provider();
    let id = key_at(&place_of(1), 0).to_string();
    let theirs = json!({"id": id, "summary": "Theirs", "start": {"date": "2026-12-01"}, "end": {"date": "2026-12-02"}});
    world.anna.adds_event("primary", theirs).unwrap();
    let before = only(&world).json;
    let error = create(&provider, &draft(1)).await.unwrap_err();
    let reported = (error.kind(), error.failure().code.as_deref());
    assert_eq!(reported, (ErrorKind::KeyUsed, Some(FOREIGN_EVENT)), "so that the host is notified");
    // The event may be ours without its marker: `find` returns it, without a marker.
    let found = provider.find(&place_of(1), &query_at(&place_of(1))).await.unwrap();
    assert!(matches!(&*found, [found] if found.marker.is_none()), "{found:?}");
    assert_eq!(only(&world).json, before);
}

#[tokio::test]
async fn a_deleted_event_is_not_found_by_any_call_and_not_restored_by_an_update() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    assert!(world.anna.deletes_event("primary", written.remote_id.as_str()));
    assert_eq!(update(&provider, &written, &draft(2)).await.unwrap_err().kind(), ErrorKind::NotFound);
    let without_etag = Written::new(written.remote_id.clone());
    assert_eq!(update(&provider, &without_etag, &draft(2)).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(provider.get(&place_of(1), &written.remote_id).await.unwrap(), None);
    assert_eq!(provider.find(&place_of(1), &query_at(&place_of(1))).await.unwrap(), []);
    for known in [&written, &without_etag] {
        assert_eq!(delete(&provider, known, &draft(2)).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert_eq!(world.anna.events("primary").len(), 0);
    // Google removes tombstones after some time.
    world.google.purge_tombstones();
    for known in [&written, &without_etag] {
        assert_eq!(update(&provider, known, &draft(2)).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(delete(&provider, known, &draft(2)).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn a_calendar_that_does_not_exist_is_an_error_and_not_an_empty_calendar() {
    let world = World::new().await;
    let provider = world.provider();
    let calendar = world.anna.adds_calendar("Bookings");
    let place = calendar_in(1, CalendarId::new(&calendar).unwrap());
    let draft = draft_at(&place, 1, event());
    let written = provider.create(&place, &draft, &CreateOptions::new()).await.unwrap();
    assert!(world.anna.deletes_calendar(&calendar));

    let never = calendar_in(1, CalendarId::new("never/seen@group.calendar.google.com").unwrap());
    for place in [&place, &never] {
        let id = &written.remote_id;
        let gone = [
            provider.create(place, &draft, &CreateOptions::new()).await.map(drop),
            provider.update(place, id, &draft, &UpdateOptions::new()).await.map(drop),
            provider
                .update(place, id, &draft, &UpdateOptions::new().with_etag(written.etag.clone()))
                .await
                .map(drop),
            provider.get(place, id).await.map(drop),
            provider.read(place, id).await.map(drop),
            provider.find(place, &query_at(place)).await.map(drop),
            provider.list_ours(place, "tests", None).await.map(drop),
            provider.delete(place, id, &draft.marker, &DeleteOptions::new()).await,
            provider
                .delete(place, id, &draft.marker, &DeleteOptions::new().with_etag(written.etag.clone()))
                .await,
        ];
        for result in gone {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::CalendarNotFound);
        }
    }
}

#[tokio::test]
async fn a_copy_under_another_id_is_found_by_its_marker() {
    let world = World::new().await;
    let provider = world.provider();
    let key = key_at(&place_of(1), 0);
    let copy = |namespace: &str| {
        json!({"summary": "Restored", "start": {"date": "2026-12-01"}, "end": {"date": "2026-12-02"},
            "extendedProperties": {"private": {"calsyncTarget": key.target().to_string(),
                "calsyncKey": key.to_string(), "calsyncRevision": "3", "calsyncNamespace": namespace}}})
    };
    world.anna.adds_event("primary", copy("another")).unwrap();
    let id = world.anna.adds_event("primary", copy("tests")).unwrap();
    world.google.set(|settings| settings.sparse_pages = true);
    let found = provider.find(&place_of(1), &query_at(&place_of(1))).await.unwrap();
    let [found] = &*found else { panic!("{found:?}") };
    assert_eq!((found.remote_id.as_str(), found.key), (&*id, None));
    assert_eq!(found.marker.as_ref().unwrap().revision, 3);
}

#[tokio::test]
async fn an_event_that_other_code_wrote_is_adopted_by_its_id() {
    let world = World::new().await;
    let provider = world.provider();
    let times = json!({"summary": "Old", "start": {"date": "2026-12-01"}, "end": {"date": "2026-12-02"}, "colorId": "3"});
    let id = RemoteId::new(world.anna.adds_event("primary", times).unwrap());
    provider.update(&place_of(1), &id, &draft(1), &UpdateOptions::new()).await.unwrap();
    let stored = only(&world);
    assert_eq!((stored.text("summary"), stored.text("colorId")), (Some("Deep clean"), Some("3")));
    assert_eq!(stored.private("calsyncKey"), Some(&*key_at(&place_of(1), 0).to_string()));
    assert_eq!(stored.json["start"].get("date"), None, "the all-day form is cleared");
}

#[tokio::test]
async fn an_access_token_that_expires_during_a_run_is_refreshed_once() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    world.google.expire_access_tokens();
    update(&provider, &written, &draft(2)).await.unwrap();
    assert_eq!(world.google.token_refreshes(), 1);
    // Google refuses the new token too: this counts as an outage, since only the token endpoint can
    // report a grant as invalid.
    let refused = google_error(StatusCode::UNAUTHORIZED, "authError", "Invalid Credentials");
    world.google.fault(FaultRule::new(refused).with_path("/events").always());
    let error = create(&provider, &draft(3)).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Later));
    assert_eq!(error.failure().code.as_deref(), Some("authError"));
}

#[tokio::test]
async fn a_lost_refresh_is_retried_and_a_revoked_grant_is_not() {
    let world = World::new().await;
    let provider = world.provider();
    create(&provider, &draft(1)).await.unwrap();
    world.google.expire_access_tokens();
    world.google.fault(FaultRule::new(Fault::DropAfter).with_method(ApiMethod::Token));
    let error = create(&provider, &draft(2)).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Later));
    create(&provider, &draft(2)).await.unwrap();

    world.anna.revokes_access();
    let before = world.google.count(ApiMethod::Token);
    for revision in 3..6 {
        let error = create(&provider, &draft(revision)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert_eq!(error.failure().code.as_deref(), Some("invalid_grant"));
    }
    assert_eq!(world.google.count(ApiMethod::Token), before + 1, "requested once, and cached");
    // Ben's connection still works.
    let place = place_of(2);
    provider.create(&place, &draft_at(&place, 1, event()), &CreateOptions::new()).await.unwrap();
}

#[tokio::test]
async fn each_fault_has_its_error_kind_and_reports_if_the_outcome_is_unknown() {
    let status = |status: StatusCode| Fault::status(status);
    let error = |status, reason| google_error(status, reason, "A message");
    for (fault, kind, retry) in [
        (Fault::NotSent, ErrorKind::Unavailable, Retry::Later),
        (Fault::DropBefore, ErrorKind::Unavailable, Retry::Unknown),
        (Fault::TimeOutBefore, ErrorKind::Unavailable, Retry::Unknown),
        (Fault::Huge(10 * 1024 * 1024), ErrorKind::Unavailable, Retry::Unknown),
        (Fault::Redirect("https://evil.example/".to_owned()), ErrorKind::Unavailable, Retry::Later),
        (status(StatusCode::SERVICE_UNAVAILABLE), ErrorKind::Unavailable, Retry::Unknown),
        (status(StatusCode::TOO_MANY_REQUESTS), ErrorKind::RateLimited, Retry::Later),
        (error(StatusCode::FORBIDDEN, "rateLimitExceeded"), ErrorKind::RateLimited, Retry::Later),
        (error(StatusCode::FORBIDDEN, "quotaExceeded"), ErrorKind::QuotaExceeded, Retry::Later),
        (error(StatusCode::FORBIDDEN, "forbidden"), ErrorKind::Forbidden, Retry::Never),
        (error(StatusCode::BAD_REQUEST, "invalid"), ErrorKind::Refused, Retry::Never),
        (error(StatusCode::CONFLICT, "conflict"), ErrorKind::Unavailable, Retry::Later),
    ] {
        let world = World::new().await;
        let server =
            calsync_core::http::LoopbackServer::start(world.google.clone(), "127.0.0.1:0".parse().unwrap());
        let server = server.await.unwrap();
        let transport = calsync_core::http::ReqwestTransport::builder().without_tls().build().unwrap();
        let api = format!("{}/calendar/v3", server.base_url());
        // The fake simulates a broken connection in process; these two faults need a real socket.
        let provider = match fault {
            Fault::Huge(_) | Fault::Redirect(_) => {
                world.builder().api_url(api).transport(transport).build().unwrap()
            }
            _ => world.provider(),
        };
        let written = create(&provider, &draft(1)).await.unwrap();
        world.google.fault(FaultRule::new(fault.clone()).with_method(ApiMethod::EventsPatch));
        let moved = draft_at(&place_of(1), 2, event().with_location("2 Low Street"));
        let error = update(&provider, &written, &moved).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (kind, retry), "{fault:?}");
        if retry != Retry::Unknown {
            assert_eq!(only(&world).text("location"), Some("1 High Street, Leeds, LS1 1AA"), "{fault:?}");
        }
        update(&provider, &written, &moved).await.unwrap();
        assert_eq!(only(&world).text("location"), Some("2 Low Street"), "{fault:?}");
    }
}

/// A proxy's error page says nothing about the event. If calsync trusted it, it would create a
/// second event beside the first.
#[tokio::test]
async fn an_error_page_says_nothing_about_event_calendar_or_grant() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    let unread = Written::new(written.remote_id.clone());
    let place = place_of(1);
    // For one request only, or for all following reads too. After a 401 the request is repeated
    // with another token.
    for (status, times) in [(404, 1), (404, 9), (410, 1), (403, 1), (401, 2)] {
        for call in 0..7 {
            let page = FaultRule::new(Fault::status(StatusCode::from_u16(status).unwrap()));
            world.google.fault(page.with_path("/calendar/v3/").with_times(times));
            let error = match call {
                0 => create(&provider, &draft(2)).await.err(),
                1 => update(&provider, &written, &draft(2)).await.err(),
                2 => update(&provider, &unread, &draft(2)).await.err(),
                3 => delete(&provider, &written, &draft(2)).await.err(),
                4 => delete(&provider, &unread, &draft(2)).await.err(),
                5 => provider.find(&place, &query_at(&place)).await.err(),
                _ => provider.get(&place, &written.remote_id).await.err(),
            };
            world.google.clear_faults();
            let reported = error.map(|error| (error.kind(), error.retry()));
            assert_eq!(
                reported,
                Some((ErrorKind::Unavailable, Retry::Later)),
                "status {status}, call {call}"
            );
        }
        assert_eq!(only(&world).id, written.remote_id.as_str());
    }
}

/// `If-Match` cannot carry such an etag: if calsync kept it, every later change of the event would
/// fail.
#[tokio::test]
async fn an_etag_that_no_header_can_carry_does_not_block_later_changes() {
    let world = World::new().await;
    let provider = world.provider();
    for etag in ["", "\"7\n\"", "\"ü\""] {
        let response =
            json!({"id": key_at(&place_of(1), 0).to_string(), "status": "confirmed", "etag": etag});
        world.google.fault(Fault::json(StatusCode::OK, &response).after());
        let written = create(&provider, &draft(1)).await.unwrap();
        update(&provider, &written, &draft(2)).await.unwrap();
        delete(&provider, &written, &draft(3)).await.unwrap();
        world.google.purge_tombstones();
    }
    assert!(world.anna.events("primary").is_empty());
}

#[tokio::test]
async fn the_retry_after_of_a_response_is_reported() {
    let world = World::new().await;
    let provider = world.provider();
    let limited = Fault::status(StatusCode::TOO_MANY_REQUESTS);
    let limited = limited.with_header(http::header::RETRY_AFTER, http::HeaderValue::from_static("17"));
    world.google.fault(FaultRule::new(limited).with_method(ApiMethod::EventsInsert));
    let error = create(&provider, &draft(1)).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(std::time::Duration::from_secs(17)));
}

/// Each provider acts as one process.
#[tokio::test]
async fn processes_that_share_a_health_store_all_wait() {
    let (world, health) = (World::new().await, Arc::new(MemoryAccountHealthStore::new()));
    let process =
        || world.builder().transport(world.google.clone()).health_store(health.clone()).build().unwrap();
    let (one, other, apart) = (process(), process(), world.provider());
    let limited = Fault::status(StatusCode::TOO_MANY_REQUESTS);
    let limited = limited.with_header(http::header::RETRY_AFTER, http::HeaderValue::from_static("17"));
    world.google.fault(FaultRule::new(limited).with_method(ApiMethod::EventsInsert));
    create(&one, &draft(1)).await.unwrap_err();
    world.google.clear_requests();
    for provider in [&one, &other] {
        let error = create(provider, &draft(1)).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(std::time::Duration::from_secs(17)));
        assert_eq!((error.kind(), calls(&world.google)), (ErrorKind::RateLimited, vec![]));
    }
    create(&apart, &draft(1)).await.unwrap();
    world.clock.advance(chrono::TimeDelta::seconds(17));
    create(&other, &draft(2)).await.unwrap();
}

#[tokio::test]
async fn a_create_in_a_read_only_calendar_is_forbidden() {
    let world = World::new().await;
    put(&world.store, &key_of(1), world.anna.tokens(&["calendar.events"])).await;
    let provider = world.provider();
    world.ben.shares("primary", "anna@example.org", Some(AccessRole::Reader));
    let place = calendar_in(1, CalendarId::new("ben@example.org").unwrap());
    let result = provider.create(&place, &draft_at(&place, 1, event()), &CreateOptions::new()).await;
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(world.ben.events("primary").len(), 0);
}

#[tokio::test]
async fn escaped_text_still_fits_the_limit() {
    let world = World::new().await;
    let limits = TextLimits::default().with_description(300);
    world.google.set(|settings| settings.description_chars = 300);
    let provider = world.builder().text_limits(limits).transport(world.google.clone()).build().unwrap();
    let long = event().with_description("a & b < c > d; ".repeat(40));
    let long = long.fitted(&provider.capabilities().text).unwrap();
    create(&provider, &draft_at(&place_of(1), 1, long)).await.unwrap();
    let stored = only(&world).text("description").unwrap().to_owned();
    assert!(stored.chars().count() <= 300 && stored.ends_with('…'), "{stored}");
}

#[tokio::test]
async fn a_namespace_that_google_would_truncate_is_refused_before_any_request() {
    let world = World::new().await;
    let provider = world.provider();
    let mut long = draft(1);
    long.marker.namespace = "n".repeat(1025).into();
    assert_eq!(create(&provider, &long).await.unwrap_err().kind(), ErrorKind::Configuration);
    assert_eq!(world.google.count_all(), 0);
}

#[tokio::test]
async fn a_calendar_that_is_not_connected_is_unauthenticated() {
    let world = World::new().await;
    let place: CalendarRef = place_of(3);
    let result = world.provider().create(&place, &draft_at(&place, 1, event()), &CreateOptions::new()).await;
    let error = result.unwrap_err();
    assert_eq!(
        (error.kind(), error.failure().code.as_deref()),
        (ErrorKind::Unauthenticated, Some("not_connected"))
    );
}

#[tokio::test]
async fn a_repeated_version_conflict_is_retried_once_and_then_later() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    let outdated = google_error(StatusCode::PRECONDITION_FAILED, "conditionNotMet", "Precondition Failed");
    world.google.fault(FaultRule::new(outdated).with_method(ApiMethod::EventsPatch).with_times(2));
    world.google.clear_requests();
    let moved = draft_at(&place_of(1), 2, event().with_location("2 Low Street"));
    let error = update(&provider, &written, &moved).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Later));
    assert_eq!(calls(&world.google).len(), 3, "no loop");
    update(&provider, &written, &moved).await.unwrap();
}

#[tokio::test]
async fn all_day_events_and_timed_events_change_into_each_other() {
    let world = World::new().await;
    let provider = world.provider();
    let (start, end) = ("2026-12-24".parse().unwrap(), "2026-12-27".parse().unwrap());
    let all_day = Event::new("Closed", calsync_core::event::When::AllDay { start, end });
    let mut written = create(&provider, &draft_at(&place_of(1), 1, all_day.clone())).await.unwrap();
    for (revision, event) in [(2, event()), (3, all_day)] {
        written =
            update(&provider, &written, &draft_at(&place_of(1), revision, event.clone())).await.unwrap();
        let read = provider.read(&place_of(1), &written.remote_id).await.unwrap().unwrap();
        assert_eq!(read.when, event.when);
    }
    assert_eq!(only(&world).json["end"], json!({"date": "2026-12-27"}));
}

/// Every call in progress allocates its future, and small allocations are fast (benches/README.md).
#[tokio::test]
async fn the_future_of_a_create_is_small() {
    let world = World::new().await;
    let (provider, place, draft, options) = (world.provider(), place_of(1), draft(1), CreateOptions::new());
    let size = size_of_val(&*provider.create(&place, &draft, &options));
    assert!(size <= 1024, "{size} bytes");
}
