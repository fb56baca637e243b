//! Throttling: the back-off that Graph asks for, also for a part of a batch. And the size of a
//! create's future.

use std::sync::Arc;
use std::time::Duration;

use calsync_core::ErrorKind;
use calsync_core::error::Retry;
use calsync_core::health::MemoryAccountHealthStore;
use calsync_core::names::RemoteId;
use calsync_core::provider::{CalendarProvider, CreateOptions, Written};
use calsync_outlook::OutlookCalendar;
use calsync_outlook::fake::{ApiMethod, Fault, FaultRule, Latency, throttled};
use chrono::TimeDelta;
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};
use serde_json::{Value, json};

use crate::common::{World, calendar_of, key_at};
use crate::helpers::*;

/// 503 for throttling in place of 429, as was seen.
fn unavailable(retry_after: Option<u64>) -> Fault {
    let error = json!({"error": {"code": "ApplicationThrottled", "message": "Too many."}});
    let fault = Fault::json(StatusCode::SERVICE_UNAVAILABLE, &error);
    match retry_after {
        Some(seconds) => fault.with_header(RETRY_AFTER, HeaderValue::from(seconds)),
        None => fault,
    }
}

async fn call(provider: &OutlookCalendar, written: &Written, number: usize) -> Option<calsync_core::Error> {
    match number {
        0 => create(provider, &moved(9)).await.err(),
        1 => update(provider, written, &moved(9)).await.err(),
        2 => delete(provider, written, &draft(9)).await.err(),
        3 => delete(provider, &without_etag(written), &draft(9)).await.err(),
        4 => find(provider).await.err(),
        _ => get(provider, written).await.err(),
    }
}

#[tokio::test]
async fn a_throttled_call_waits_for_the_retry_after() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    for number in 0..6 {
        for fault in [throttled(Some(17)), throttled(None), unavailable(Some(17)), unavailable(None)] {
            let has_time = format!("{fault:?}").contains("retry-after");
            world.outlook.fault(FaultRule::new(fault).with_path("/v1.0/"));
            let error = call(&provider, &written, number).await.unwrap();
            let actual = (error.kind(), error.retry(), error.retry_after());
            let after = has_time.then_some(Duration::from_secs(17));
            // Graph was seen to store an event and still respond so.
            let retry = if number == 0 { Retry::Unknown } else { Retry::Later };
            assert_eq!(actual, (ErrorKind::RateLimited, retry, after), "call {number}");
            if has_time {
                // During the back-off no request is sent.
                let before = world.outlook.count_all();
                let error = call(&provider, &written, number).await.unwrap();
                assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, after));
                assert_eq!(error.retry(), Retry::Later, "nothing was sent");
                assert_eq!(world.outlook.count_all(), before);
                world.clock.advance(TimeDelta::seconds(17));
            }
        }
    }
    assert_eq!(only(&world).json["location"]["displayName"], "1 High Street, Leeds, LS1 1AA");
}

/// Every process has its own provider.
#[tokio::test]
async fn processes_that_share_a_health_store_share_the_back_off() {
    let (world, health) = (World::new().await, Arc::new(MemoryAccountHealthStore::new()));
    let process =
        || world.builder().transport(world.outlook.clone()).health_store(health.clone()).build().unwrap();
    let (one, other, apart) = (process(), process(), world.provider());
    world.outlook.fault(FaultRule::new(throttled(Some(17))).with_path("/v1.0/"));
    create(&one, &draft(1)).await.unwrap_err();
    let before = world.outlook.count_all();
    for provider in [&one, &other] {
        let error = create(provider, &draft(1)).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry_after()),
            (ErrorKind::RateLimited, Some(Duration::from_secs(17)))
        );
    }
    assert_eq!(world.outlook.count_all(), before);
    create(&apart, &draft(1)).await.unwrap();
    world.clock.advance(TimeDelta::seconds(17));
    create(&other, &draft(2)).await.unwrap();
}

/// Exchange allows four requests to a mailbox at once; the syncer sends three, of any kind.
#[tokio::test]
async fn concurrent_finds_stay_within_the_mailbox_limit() {
    let world = World::new().await;
    let provider = world.provider();
    create(&provider, &draft(1)).await.unwrap();
    world.outlook.set(|settings| settings.latency = Some(Latency::Turns(3)));
    let (one, two, three) = tokio::join!(find(&provider), find(&provider), find(&provider));
    for found in [one, two, three] {
        assert!(found.unwrap().is_some());
    }
    assert!(world.outlook.most_in_flight("anna@example.org") <= 4);
}

/// A throttled part.
fn throttled_part(id: &str, retry_after: &Value) -> Value {
    json!({"id": id, "status": 429, "headers": {"Retry-After": retry_after},
        "body": {"error": {"code": "ApplicationThrottled", "message": "Too many."}}})
}

/// A part with these events.
fn page(id: &str, events: &[Value]) -> Value {
    json!({"id": id, "status": 200, "headers": {}, "body": {"value": events}})
}

#[tokio::test]
async fn a_find_needs_both_its_parts_in_any_order() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    let (own, key) = (only(&world).json, key_at(&calendar_of(1), 0).to_string());
    let summary = json!({"id": written.remote_id.as_str(), "transactionId": key});
    let (marked, unmarked) = (page("marker", &[own]), page("marker", &[]));
    let (made, unmade) = (page("transaction", &[summary]), page("transaction", &[]));
    let depends =
        json!({"id": "transaction", "status": 424, "body": {"error": {"code": "FailedDependency"}}});
    let seven = Some(Duration::from_secs(7));
    let unavailable_error = (ErrorKind::Unavailable, None);
    let limited = (ErrorKind::RateLimited, seven);
    for (parts, expected) in [
        ([marked.clone(), made.clone()], Ok(true)),
        ([marked.clone(), unmade.clone()], Ok(true)),
        // An event with its marker may not be the only one.
        ([marked.clone(), throttled_part("transaction", &json!("7"))], Err(limited)),
        ([marked, json!({"id": "another", "status": 200})], Err(unavailable_error)),
        ([unmarked.clone(), made.clone()], Ok(true)),
        ([unmarked.clone(), unmade.clone()], Ok(false)),
        ([throttled_part("marker", &json!("7")), made.clone()], Err(limited)),
        ([throttled_part("marker", &json!(7)), depends], Err(limited)),
        ([unmarked.clone(), throttled_part("transaction", &json!("7"))], Err(limited)),
        ([throttled_part("marker", &json!("soon")), unmade.clone()], Err((ErrorKind::RateLimited, None))),
        ([unmarked.clone(), json!({"id": "another", "status": 200})], Err(unavailable_error)),
        ([json!({"id": "another", "status": 200}), made.clone()], Err(unavailable_error)),
        ([json!({"id": "marker", "status": 200}), made.clone()], Err(unavailable_error)),
        ([json!({"id": "marker", "status": 200, "body": "<html>"}), made.clone()], Err(unavailable_error)),
        (
            [json!({"id": "marker", "status": 200, "body": {"value": "none"}}), made.clone()],
            Err(unavailable_error),
        ),
        (
            [
                json!({"id": "marker", "status": 504, "body": {"error": {"code": "UnknownError"}}}),
                made.clone(),
            ],
            Err(unavailable_error),
        ),
        (
            [
                json!({"id": "marker", "status": 401, "body": {"error": {"code": "InvalidAuthenticationToken"}}}),
                made,
            ],
            // The batch is repeated with another token, and succeeds.
            Ok(true),
        ),
        ([json!({"id": "marker", "status": 99}), unmade], Err(unavailable_error)),
    ] {
        for parts in [json!(parts), json!([parts[1], parts[0]])] {
            let response = Fault::json(StatusCode::OK, &json!({"responses": parts}));
            world.outlook.fault(FaultRule::new(response).with_method(ApiMethod::Batch));
            let found = find(&provider).await;
            if let Err(error) = &found {
                assert_eq!(error.retry(), Retry::Later, "{parts}");
            }
            let actual = found.map(|found| found.is_some());
            assert_eq!(actual.map_err(|error| (error.kind(), error.retry_after())), expected, "{parts}");
        }
    }
    for nothing in
        [json!({}), json!([]), json!({"responses": []}), json!({"responses": [{"status": 200}]}), json!("x")]
    {
        world.outlook.fault(Fault::json(StatusCode::OK, &nothing));
        let error = find(&provider).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Later), "{nothing}");
    }
}

/// The event that is known by its id is requested by it, since a listing may lag behind.
#[tokio::test]
async fn an_event_known_by_its_id_is_found_without_a_listing() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    let known = query().with_known(Some(written.remote_id.clone()));
    let own = only(&world).json;
    let mut foreign = own.clone();
    foreign["singleValueExtendedProperties"] = marks("another", "1");
    let mut unmarked = own.clone();
    for name in ["singleValueExtendedProperties", "transactionId"] {
        unmarked.as_object_mut().unwrap().remove(name);
    }
    let part = |status: u16, body: &Value| json!({"id": "id", "status": status, "headers": {}, "body": body});
    let not_found = json!({"error": {"code": "ErrorItemNotFound", "message": "x"}});
    let unavailable_error = Err(ErrorKind::Unavailable);
    for (part, expected) in [
        (part(200, &own), Ok(1)),
        // A ledger's row may name an event that older code wrote, by its id alone.
        (part(200, &unmarked), Ok(1)),
        (part(200, &foreign), Ok(0)),
        (part(404, &not_found), Ok(0)),
        (part(404, &json!(null)), unavailable_error),
        (part(404, &json!({"message": "no Route matched"})), unavailable_error),
        (part(424, &json!({"error": {"code": "FailedDependency"}})), unavailable_error),
        (part(200, &json!({})), unavailable_error),
        (throttled_part("id", &json!("0")), Err(ErrorKind::RateLimited)),
        (json!({"id": "another", "status": 200}), unavailable_error),
    ] {
        let parts = json!({"responses": [page("marker", &[]), page("transaction", &[]), part]});
        world
            .outlook
            .fault(FaultRule::new(Fault::json(StatusCode::OK, &parts)).with_method(ApiMethod::Batch));
        let found = provider.find(&calendar_of(1), &known).await;
        let actual = found.map(|found| found.len()).map_err(|error| error.kind());
        assert_eq!(actual, expected, "{parts}");
    }
    // If a listing shows it too, it is returned once.
    world.outlook.clear_requests();
    let found = provider.find(&calendar_of(1), &known).await.unwrap();
    assert_eq!((found.len(), &found[0].remote_id), (1, &written.remote_id));
    let parts = [ApiMethod::EventsList, ApiMethod::EventsList, ApiMethod::EventsGet, ApiMethod::Batch];
    assert_eq!(calls(&world.outlook), parts);
    // Also if the ledger knows it by Graph's other kind of id.
    let other = query().with_known(Some(RemoteId::new(only(&world).default_id)));
    let found = provider.find(&calendar_of(1), &other).await.unwrap();
    assert_eq!((found.len(), &found[0].remote_id), (1, &written.remote_id));
}

/// Graph chooses the order of the parts and which of them it throttles.
#[tokio::test]
async fn a_throttled_part_never_means_a_missing_event() {
    for seed in 0..16 {
        let world = World::new().await;
        world.outlook.set(|settings| settings.batch_seed = seed);
        let provider = world.provider();
        create(&provider, &draft(1)).await.unwrap();
        let rule = FaultRule::new(throttled(Some(7))).with_method(ApiMethod::EventsList);
        world.outlook.fault(if seed % 2 == 0 { rule } else { rule.after(1) });
        match find(&provider).await {
            Ok(found) => assert_eq!(found.unwrap().marker, Some(draft(1).marker)),
            Err(error) => {
                assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
                assert_eq!(error.kind(), ErrorKind::RateLimited);
            }
        }
        assert_eq!(world.outlook.faults_left(), 0);
    }
}

/// Allocators are fast for small sizes, and every call in flight has such a future
/// (benches/README.md).
#[tokio::test]
async fn the_future_of_a_create_is_small() {
    let world = World::new().await;
    let (provider, place, draft, options) =
        (world.provider(), calendar_of(1), draft(1), CreateOptions::new());
    let size = size_of_val(&*provider.create(&place, &draft, &options));
    assert!(size <= 1024, "{size} bytes");
}
