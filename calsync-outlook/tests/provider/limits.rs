//! Too many requests: what is throttled waits as long as it is told to, a part of a batch like a whole request. And how much room one
//! takes.

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

use crate::bench::*;
use crate::common::{World, key_at, place_of};

/// 503 for the same reason as 429, as was seen.
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
        3 => delete(provider, &blind(written), &draft(9)).await.err(),
        4 => find(provider).await.err(),
        _ => get(provider, written).await.err(),
    }
}

#[tokio::test]
async fn what_is_throttled_was_not_done_and_waits_as_long_as_it_is_told() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    for number in 0..6 {
        for fault in [throttled(Some(17)), throttled(None), unavailable(Some(17)), unavailable(None)] {
            let has_time = format!("{fault:?}").contains("retry-after");
            world.outlook.fault(FaultRule::new(fault).with_path("/v1.0/"));
            let error = call(&provider, &written, number).await.unwrap();
            let told = (error.kind(), error.retry(), error.retry_after());
            let after = has_time.then_some(Duration::from_secs(17));
            // Graph was seen to store an event and to answer so.
            let retry = if number == 0 { Retry::Unknown } else { Retry::Later };
            assert_eq!(told, (ErrorKind::RateLimited, retry, after), "call {number}");
            if has_time {
                // Until then nothing is even sent.
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

/// Every process has a provider of its own.
#[tokio::test]
async fn processes_that_share_who_waits_all_wait() {
    let (world, waits) = (World::new().await, MemoryAccountHealthStore::new());
    let process = || {
        world
            .builder()
            .transport(world.outlook.clone())
            .health_store(Arc::new(waits.clone()))
            .build()
            .unwrap()
    };
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

/// Exchange answers four requests to a mailbox at once; a provider's user may send three, whatever they are.
#[tokio::test]
async fn look_ups_at_once_are_not_more_than_a_mailbox_answers() {
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

/// A part that was throttled.
fn late(id: &str, retry_after: &Value) -> Value {
    json!({"id": id, "status": 429, "headers": {"Retry-After": retry_after},
        "body": {"error": {"code": "ApplicationThrottled", "message": "Too many."}}})
}

/// A part with these events.
fn page(id: &str, events: &[Value]) -> Value {
    json!({"id": id, "status": 200, "headers": {}, "body": {"value": events}})
}

#[tokio::test]
async fn a_look_up_is_what_both_its_parts_say_in_any_order() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    let (own, key) = (only(&world).json, key_at(&place_of(1), 0).to_string());
    let summary = json!({"id": written.remote_id.as_str(), "transactionId": key});
    let (marked, unmarked) = (page("marker", &[own]), page("marker", &[]));
    let (made, unmade) = (page("transaction", &[summary]), page("transaction", &[]));
    let depends =
        json!({"id": "transaction", "status": 424, "body": {"error": {"code": "FailedDependency"}}});
    let seven = Some(Duration::from_secs(7));
    let not_sure = (ErrorKind::Unavailable, None);
    let limited = (ErrorKind::RateLimited, seven);
    for (parts, expected) in [
        ([marked.clone(), made.clone()], Ok(true)),
        ([marked.clone(), unmade.clone()], Ok(true)),
        // One that has its marker may not be the only one.
        ([marked.clone(), late("transaction", &json!("7"))], Err(limited)),
        ([marked, json!({"id": "another", "status": 200})], Err(not_sure)),
        ([unmarked.clone(), made.clone()], Ok(true)),
        ([unmarked.clone(), unmade.clone()], Ok(false)),
        ([late("marker", &json!("7")), made.clone()], Err(limited)),
        ([late("marker", &json!(7)), depends], Err(limited)),
        ([unmarked.clone(), late("transaction", &json!("7"))], Err(limited)),
        ([late("marker", &json!("soon")), unmade.clone()], Err((ErrorKind::RateLimited, None))),
        ([unmarked.clone(), json!({"id": "another", "status": 200})], Err(not_sure)),
        ([json!({"id": "another", "status": 200}), made.clone()], Err(not_sure)),
        ([json!({"id": "marker", "status": 200}), made.clone()], Err(not_sure)),
        ([json!({"id": "marker", "status": 200, "body": "<html>"}), made.clone()], Err(not_sure)),
        ([json!({"id": "marker", "status": 200, "body": {"value": "none"}}), made.clone()], Err(not_sure)),
        (
            [
                json!({"id": "marker", "status": 504, "body": {"error": {"code": "UnknownError"}}}),
                made.clone(),
            ],
            Err(not_sure),
        ),
        (
            [
                json!({"id": "marker", "status": 401, "body": {"error": {"code": "InvalidAuthenticationToken"}}}),
                made,
            ],
            // Asked again with another token, and answered.
            Ok(true),
        ),
        ([json!({"id": "marker", "status": 99}), unmade], Err(not_sure)),
    ] {
        for parts in [json!(parts), json!([parts[1], parts[0]])] {
            let answer = Fault::json(StatusCode::OK, &json!({"responses": parts}));
            world.outlook.fault(FaultRule::new(answer).with_method(ApiMethod::Batch));
            let found = find(&provider).await;
            if let Err(error) = &found {
                assert_eq!(error.retry(), Retry::Later, "{parts}");
            }
            let told = found.map(|found| found.is_some());
            assert_eq!(told.map_err(|error| (error.kind(), error.retry_after())), expected, "{parts}");
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

/// The event that is known by its id is asked for by it, since a listing may lag behind.
#[tokio::test]
async fn what_is_known_by_its_id_is_found_though_no_list_shows_it() {
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
    let not_sure = Err(ErrorKind::Unavailable);
    for (part, expected) in [
        (part(200, &own), Ok(1)),
        // A row names an event that older code wrote by its id alone.
        (part(200, &unmarked), Ok(1)),
        (part(200, &foreign), Ok(0)),
        (part(404, &not_found), Ok(0)),
        (part(404, &json!(null)), not_sure),
        (part(404, &json!({"message": "no Route matched"})), not_sure),
        (part(424, &json!({"error": {"code": "FailedDependency"}})), not_sure),
        (part(200, &json!({})), not_sure),
        (late("id", &json!("0")), Err(ErrorKind::RateLimited)),
        (json!({"id": "another", "status": 200}), not_sure),
    ] {
        let parts = json!({"responses": [page("marker", &[]), page("transaction", &[]), part]});
        world
            .outlook
            .fault(FaultRule::new(Fault::json(StatusCode::OK, &parts)).with_method(ApiMethod::Batch));
        let found = provider.find(&place_of(1), &known).await;
        let told = found.map(|found| found.len()).map_err(|error| error.kind());
        assert_eq!(told, expected, "{parts}");
    }
    // Where a list shows it too it is one event.
    world.outlook.clear_requests();
    let found = provider.find(&place_of(1), &known).await.unwrap();
    assert_eq!((found.len(), &found[0].remote_id), (1, &written.remote_id));
    let parts = [ApiMethod::EventsList, ApiMethod::EventsList, ApiMethod::EventsGet, ApiMethod::Batch];
    assert_eq!(calls(&world.outlook), parts);
    // Also where the ledger knows it by the other kind of id that Graph has.
    let other = query().with_known(Some(RemoteId::new(only(&world).default_id)));
    let found = provider.find(&place_of(1), &other).await.unwrap();
    assert_eq!((found.len(), &found[0].remote_id), (1, &written.remote_id));
}

/// The order is Graph's business, and so is which part it throttles.
#[tokio::test]
async fn whichever_part_is_throttled_nothing_is_said_to_be_gone() {
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

/// Allocators are quick with what is small, and there is one for every call under way (benches/README.md).
#[tokio::test]
async fn a_create_under_way_takes_little_room() {
    let world = World::new().await;
    let (provider, place, draft, options) = (world.provider(), place_of(1), draft(1), CreateOptions::new());
    let room = size_of_val(&*provider.create(&place, &draft, &options));
    assert!(room <= 1024, "{room} bytes");
}
