//! What each call does at Google: which requests go out, what stands there afterwards, and what becomes of what people did to
//! our events.
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

use common::{World, calls, draft_at, event, key_at, key_of, place_in, place_of, put, query_at};

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

/// The one event that stands at Anna's.
fn only(world: &World) -> FakeEvent {
    let mut events = world.anna.events("primary");
    assert_eq!(events.len(), 1);
    events.remove(0)
}

#[tokio::test]
async fn each_change_is_one_request_and_nobody_gets_mail() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    assert_eq!(calls(&world.google), [ApiMethod::EventsInsert]);
    let stands = only(&world);
    assert_eq!(stands.id, key_at(&place_of(1), 0).to_string());
    assert_eq!(stands.text("description"), Some("Order: ORD-1\nStaff: Eve &amp; Adam &lt;night&gt;"));
    assert_eq!(
        stands.json["start"],
        json!({"dateTime": "2026-11-30T14:00:00Z", "timeZone": "Europe/London"})
    );
    assert_eq!(stands.private("calsyncNamespace"), Some("tests"));

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
async fn what_the_person_changed_that_is_not_ours_stays() {
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

    // The etag is out of date: one more read, and what is ours is put into what stands there now.
    update(&provider, &written, &draft(2)).await.unwrap();
    let methods = [ApiMethod::EventsPatch, ApiMethod::EventsGet, ApiMethod::EventsPatch];
    assert_eq!(calls(&world.google), methods);
    let stands = only(&world).json;
    assert_eq!(stands["location"], "1 High Street, Leeds, LS1 1AA");
    assert_eq!((&stands["colorId"], &stands["visibility"]), (&json!("7"), &json!("private")));
    assert_eq!(stands["attendees"][0]["email"], "friend@example.org");
    assert_eq!(stands["reminders"]["overrides"][0]["minutes"], 33);
    assert_eq!(world.google.mails().len(), mails, "the guest hears nothing of our change");
}

#[tokio::test]
async fn a_visibility_is_written_where_the_host_chose_one_and_stays() {
    let world = World::new().await;
    let provider = world.provider();
    let with = |revision, visibility| draft_at(&place_of(1), revision, event().with_visibility(visibility));
    let mut written = create(&provider, &with(1, Visibility::Private)).await.unwrap();
    assert_eq!(only(&world).json["visibility"], "private");
    for (revision, chosen, stands) in [
        (2, Visibility::Default, "private"),
        (3, Visibility::Public, "public"),
        (4, Visibility::Private, "private"),
    ] {
        written = update(&provider, &written, &with(revision, chosen)).await.unwrap();
        assert_eq!(only(&world).json["visibility"], stands, "{chosen:?}");
    }
    let read = provider.read(&place_of(1), &written.remote_id).await.unwrap().unwrap();
    assert_eq!(read.visibility, Visibility::Private);
}

#[tokio::test]
async fn reminders_are_set_when_the_host_wants_others_and_left_alone_when_not() {
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

    // Anna wants another one. Google does not count that as a change of the event.
    world.anna.sets_reminders("primary", written.remote_id.as_str(), &[5]);
    written = update(&provider, &written, &with(2, &[10, 60])).await.unwrap();
    assert_eq!(minutes(&world), [5], "the host wants what it wanted before: hers stay");

    written = update(&provider, &written, &with(3, &[30])).await.unwrap();
    assert_eq!(minutes(&world), [30], "the host wants something new");
    written = update(&provider, &written, &draft(4)).await.unwrap();
    assert_eq!(only(&world).json["reminders"]["useDefault"], true);
    update(&provider, &written, &with(5, &[])).await.unwrap();
    assert_eq!(only(&world).json["reminders"]["useDefault"], false);
    assert_eq!(minutes(&world), [0_u64; 0]);
}

#[tokio::test]
async fn a_create_that_was_made_and_not_heard_of_is_the_same_event() {
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
async fn a_create_over_a_tombstone_of_ours_revives_it_or_spends_the_key() {
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
            assert_eq!(result.unwrap_err().kind(), ErrorKind::KeySpent);
            assert_eq!(world.anna.events("primary").len(), 0);
        } else {
            assert_eq!(result.unwrap().remote_id, written.remote_id);
            assert_eq!(only(&world).text("status"), Some("confirmed"));
        }
    }
}

/// So that the same run takes the next key, and the event is there without another run.
#[tokio::test]
async fn an_event_deleted_while_a_create_takes_it_over_spends_the_key() {
    let world = World::new().await;
    let provider = world.provider();
    create(&provider, &draft(1)).await.unwrap();
    let gone = google_error(StatusCode::NOT_FOUND, "notFound", "Not Found");
    world.google.fault(FaultRule::new(gone).with_method(ApiMethod::EventsPatch));
    let moved = draft_at(&place_of(1), 2, event().with_location("2 Low Street"));
    let error = create(&provider, &moved).await.unwrap_err();
    assert_eq!((error.kind(), error.failure().operation), (ErrorKind::KeySpent, Operation::Create));
}

#[tokio::test]
async fn an_event_of_somebody_else_under_our_key_is_never_touched() {
    let world = World::new().await;
    let provider = world.provider();
    let id = key_at(&place_of(1), 0).to_string();
    let theirs = json!({"id": id, "summary": "Theirs", "start": {"date": "2026-12-01"}, "end": {"date": "2026-12-02"}});
    world.anna.adds_event("primary", theirs).unwrap();
    let before = only(&world).json;
    let error = create(&provider, &draft(1)).await.unwrap_err();
    let told = (error.kind(), error.failure().code.as_deref());
    assert_eq!(told, (ErrorKind::KeySpent, Some(FOREIGN_EVENT)), "so that somebody is told");
    // It may have been ours and lost its marker: a look shows it, without one.
    let found = provider.find(&place_of(1), &query_at(&place_of(1))).await.unwrap();
    assert!(matches!(&*found, [found] if found.marker.is_none()), "{found:?}");
    assert_eq!(only(&world).json, before);
}

#[tokio::test]
async fn what_a_person_deleted_is_gone_for_every_call_and_not_revived_by_an_update() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    assert!(world.anna.deletes_event("primary", written.remote_id.as_str()));
    assert_eq!(update(&provider, &written, &draft(2)).await.unwrap_err().kind(), ErrorKind::NotFound);
    let blind = Written::new(written.remote_id.clone());
    assert_eq!(update(&provider, &blind, &draft(2)).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(provider.get(&place_of(1), &written.remote_id).await.unwrap(), None);
    assert_eq!(provider.find(&place_of(1), &query_at(&place_of(1))).await.unwrap(), []);
    for known in [&written, &blind] {
        assert_eq!(delete(&provider, known, &draft(2)).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert_eq!(world.anna.events("primary").len(), 0);
    // In the end Google forgets tombstones.
    world.google.purge_tombstones();
    for known in [&written, &blind] {
        assert_eq!(update(&provider, known, &draft(2)).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(delete(&provider, known, &draft(2)).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn a_calendar_that_is_not_there_is_not_an_empty_one() {
    let world = World::new().await;
    let provider = world.provider();
    let calendar = world.anna.adds_calendar("Bookings");
    let place = place_in(1, CalendarId::new(&calendar).unwrap());
    let draft = draft_at(&place, 1, event());
    let written = provider.create(&place, &draft, &CreateOptions::new()).await.unwrap();
    assert!(world.anna.deletes_calendar(&calendar));

    let never = place_in(1, CalendarId::new("never/seen@group.calendar.google.com").unwrap());
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
async fn an_event_that_came_here_some_other_way_is_found_by_its_marker() {
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
async fn an_event_older_code_wrote_is_adopted_by_its_id() {
    let world = World::new().await;
    let provider = world.provider();
    let times = json!({"summary": "Old", "start": {"date": "2026-12-01"}, "end": {"date": "2026-12-02"}, "colorId": "3"});
    let id = RemoteId::new(world.anna.adds_event("primary", times).unwrap());
    provider.update(&place_of(1), &id, &draft(1), &UpdateOptions::new()).await.unwrap();
    let stands = only(&world);
    assert_eq!((stands.text("summary"), stands.text("colorId")), (Some("Deep clean"), Some("3")));
    assert_eq!(stands.private("calsyncKey"), Some(&*key_at(&place_of(1), 0).to_string()));
    assert_eq!(stands.json["start"].get("date"), None, "from a day to an hour, with nothing of the day left");
}

#[tokio::test]
async fn an_access_token_that_runs_out_in_the_middle_of_a_run_is_renewed_once() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    world.google.expire_access_tokens();
    update(&provider, &written, &draft(2)).await.unwrap();
    assert_eq!(world.google.token_refreshes(), 1);
    // Google refuses the new one too: an outage, since only the token endpoint ends a grant.
    let refused = google_error(StatusCode::UNAUTHORIZED, "authError", "Invalid Credentials");
    world.google.fault(FaultRule::new(refused).with_path("/events").always());
    let error = create(&provider, &draft(3)).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Later));
    assert_eq!(error.failure().code.as_deref(), Some("authError"));
}

#[tokio::test]
async fn a_lost_refresh_is_asked_for_again_and_a_dead_grant_is_not() {
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
    assert_eq!(world.google.count(ApiMethod::Token), before + 1, "asked once, and remembered");
    // Ben is not concerned.
    let place = place_of(2);
    provider.create(&place, &draft_at(&place, 1, event()), &CreateOptions::new()).await.unwrap();
}

#[tokio::test]
async fn bad_answers_and_bad_luck_are_typed_and_change_nothing_or_say_they_may_have() {
    let status = |status: StatusCode| Fault::status(status);
    let told = |status, reason| google_error(status, reason, "Somebody's message");
    for (fault, kind, retry) in [
        (Fault::NotSent, ErrorKind::Unavailable, Retry::Later),
        (Fault::DropBefore, ErrorKind::Unavailable, Retry::Unknown),
        (Fault::TimeOutBefore, ErrorKind::Unavailable, Retry::Unknown),
        (Fault::Huge(10 * 1024 * 1024), ErrorKind::Unavailable, Retry::Unknown),
        (Fault::Redirect("https://evil.example/".to_owned()), ErrorKind::Unavailable, Retry::Later),
        (status(StatusCode::SERVICE_UNAVAILABLE), ErrorKind::Unavailable, Retry::Unknown),
        (status(StatusCode::TOO_MANY_REQUESTS), ErrorKind::RateLimited, Retry::Later),
        (told(StatusCode::FORBIDDEN, "rateLimitExceeded"), ErrorKind::RateLimited, Retry::Later),
        (told(StatusCode::FORBIDDEN, "quotaExceeded"), ErrorKind::QuotaExceeded, Retry::Later),
        (told(StatusCode::FORBIDDEN, "forbidden"), ErrorKind::Forbidden, Retry::Never),
        (told(StatusCode::BAD_REQUEST, "invalid"), ErrorKind::Refused, Retry::Never),
        (told(StatusCode::CONFLICT, "conflict"), ErrorKind::Unavailable, Retry::Later),
    ] {
        let world = World::new().await;
        let server =
            calsync_core::http::LoopbackServer::start(world.google.clone(), "127.0.0.1:0".parse().unwrap());
        let server = server.await.unwrap();
        let transport = calsync_core::http::ReqwestTransport::builder().without_tls().build().unwrap();
        let api = format!("{}/calendar/v3", server.base_url());
        // In process a broken connection is told by the fake, over the socket it is one.
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

/// A proxy that has lost its way knows nothing of the event: were it believed, the host would write another one beside it.
#[tokio::test]
async fn a_page_in_place_of_an_answer_says_nothing_of_event_calendar_or_grant() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    let unread = Written::new(written.remote_id.clone());
    let place = place_of(1);
    // For the one request only, or for every look that follows too. A 401 is asked again with another token.
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
            world.google.no_faults();
            let told = error.map(|error| (error.kind(), error.retry()));
            assert_eq!(told, Some((ErrorKind::Unavailable, Retry::Later)), "status {status}, call {call}");
        }
        assert_eq!(only(&world).id, written.remote_id.as_str());
    }
}

/// Nobody could ever send such a version back, so the event would be stuck.
#[tokio::test]
async fn a_version_no_header_can_hold_does_not_keep_an_event_from_being_changed() {
    let world = World::new().await;
    let provider = world.provider();
    for etag in ["", "\"7\n\"", "\"ü\""] {
        let answer = json!({"id": key_at(&place_of(1), 0).to_string(), "status": "confirmed", "etag": etag});
        world.google.fault(Fault::json(StatusCode::OK, &answer).after());
        let written = create(&provider, &draft(1)).await.unwrap();
        update(&provider, &written, &draft(2)).await.unwrap();
        delete(&provider, &written, &draft(3)).await.unwrap();
        world.google.purge_tombstones();
    }
    assert!(world.anna.events("primary").is_empty());
}

#[tokio::test]
async fn the_time_a_server_asks_for_is_told() {
    let world = World::new().await;
    let provider = world.provider();
    let limited = Fault::status(StatusCode::TOO_MANY_REQUESTS);
    let limited = limited.with_header(http::header::RETRY_AFTER, http::HeaderValue::from_static("17"));
    world.google.fault(FaultRule::new(limited).with_method(ApiMethod::EventsInsert));
    let error = create(&provider, &draft(1)).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(std::time::Duration::from_secs(17)));
}

/// Every process has a provider of its own.
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
async fn a_calendar_that_is_only_shared_for_reading_is_forbidden() {
    let world = World::new().await;
    put(&world.store, &key_of(1), world.anna.tokens(&["calendar.events"])).await;
    let provider = world.provider();
    world.ben.shares("primary", "anna@example.org", Some(AccessRole::Reader));
    let place = place_in(1, CalendarId::new("ben@example.org").unwrap());
    let result = provider.create(&place, &draft_at(&place, 1, event()), &CreateOptions::new()).await;
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(world.ben.events("primary").len(), 0);
}

#[tokio::test]
async fn text_that_swells_when_it_is_escaped_still_fits() {
    let world = World::new().await;
    let limits = TextLimits::default().with_description(300);
    world.google.set(|settings| settings.description_chars = 300);
    let provider = world.builder().text_limits(limits).transport(world.google.clone()).build().unwrap();
    let swelling = event().with_description("a & b < c > d; ".repeat(40));
    let swelling = swelling.fitted(&provider.capabilities().text).unwrap();
    create(&provider, &draft_at(&place_of(1), 1, swelling)).await.unwrap();
    let stored = only(&world).text("description").unwrap().to_owned();
    assert!(stored.chars().count() <= 300 && stored.ends_with('…'), "{stored}");
}

#[tokio::test]
async fn a_namespace_google_would_cut_is_refused_before_anything_is_sent() {
    let world = World::new().await;
    let provider = world.provider();
    let mut long = draft(1);
    long.marker.namespace = "n".repeat(1025).into();
    assert_eq!(create(&provider, &long).await.unwrap_err().kind(), ErrorKind::Configuration);
    assert_eq!(world.google.count_all(), 0);
}

#[tokio::test]
async fn places_nobody_connected_are_waiting_for_their_person() {
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
async fn an_event_moved_by_both_sides_at_once_is_merged_once_and_then_left_for_later() {
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
async fn all_day_events_and_hours_change_into_each_other() {
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

/// Allocators are quick with what is small, and there is one for every call under way (benches/README.md).
#[tokio::test]
async fn a_create_under_way_takes_little_room() {
    let world = World::new().await;
    let (provider, place, draft, options) = (world.provider(), place_of(1), draft(1), CreateOptions::new());
    let room = size_of_val(&*provider.create(&place, &draft, &options));
    assert!(room <= 1024, "{room} bytes");
}
