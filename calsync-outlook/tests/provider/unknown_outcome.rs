//! Creates with an unknown outcome: one event exists in the end.

use std::time::Duration;

use calsync_core::ErrorKind;
use calsync_core::error::{Operation, Retry};
use calsync_core::names::RemoteId;
use calsync_core::provider::{CalendarProvider, UpdateOptions};
use calsync_outlook::fake::{AfterDeletion, ApiMethod, Fault, FaultRule, graph_error};
use chrono::TimeDelta;
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};
use serde_json::json;

use crate::common::{World, calendar_of, key_at};
use crate::helpers::*;

/// A server error after the event was created.
fn late_error() -> Fault {
    graph_error(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", "Try again.").after()
}

/// The response to another create, after the event was created.
fn response_of_another_create() -> Fault {
    let event =
        by_hand(&json!({"id": "AAkALgOther1", "transactionId": "7E163156-7762-4BEB-A1C6-729EA81755A7"}));
    Fault::json(StatusCode::CREATED, &event).after()
}

fn at_create(fault: Fault) -> FaultRule {
    FaultRule::new(fault).with_method(ApiMethod::EventsCreate)
}

#[tokio::test]
async fn a_repeated_create_after_a_lost_response_is_the_same_event() {
    for fault in [
        Fault::DropAfter,
        Fault::TimeOutAfter,
        Fault::Cut,
        Fault::Html,
        Fault::WithoutId,
        Fault::OtherJson,
        late_error(),
        response_of_another_create(),
    ] {
        let world = World::new().await;
        let provider = world.provider();
        world.outlook.fault(at_create(fault.clone()));
        let error = create(&provider, &draft(1)).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Unknown), "{fault:?}");
        let found = find(&provider).await.unwrap().unwrap();
        assert_eq!(found.marker, Some(draft(1).marker));
        for draft in [draft(1), moved(2)] {
            let again = create_again(&provider, &draft).await.unwrap();
            assert_eq!(again.remote_id, found.remote_id);
            let stored = only(&world);
            assert_eq!(stored.id, again.remote_id.as_str(), "{fault:?}");
            assert_eq!(stored.json["location"]["displayName"], *draft.event.location);
        }
    }
}

/// Graph stored the event and then responded that it was throttling. When this counted as a
/// refusal, the event stayed for good.
#[tokio::test]
async fn a_throttled_create_may_have_been_made() {
    for (status, code) in [
        (StatusCode::SERVICE_UNAVAILABLE, "ErrorServerBusy"),
        (StatusCode::SERVICE_UNAVAILABLE, "ApplicationThrottled"),
        (StatusCode::TOO_MANY_REQUESTS, "ApplicationThrottled"),
    ] {
        let world = World::new().await;
        let provider = world.provider();
        let fault = graph_error(status, code, "Later.").with_header(RETRY_AFTER, HeaderValue::from(7));
        world.outlook.fault(at_create(fault.after()));
        let error = create(&provider, &draft(1)).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::RateLimited, Retry::Unknown), "{code}");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
        world.clock.advance(TimeDelta::seconds(7));
        let found = find(&provider).await.unwrap().unwrap();
        delete(&provider, &row_of(&found), &draft(2)).await.unwrap();
        assert!(world.outlook.events().is_empty());
    }
}

/// A response that names another person's event confirms nothing, and does not change that event.
#[tokio::test]
async fn a_create_whose_response_names_another_event_has_an_unknown_outcome() {
    let world = World::new().await;
    let provider = world.provider();
    let theirs = world.anna.adds_event("primary", by_hand(&json!({}))).unwrap();
    let before = only(&world);
    for transaction in [None, Some("7E163156-7762-4BEB-A1C6-729EA81755A7")] {
        let mut response = by_hand(&json!({"id": theirs}));
        if let Some(transaction) = transaction {
            response["transactionId"] = json!(transaction);
        }
        world.outlook.fault(at_create(Fault::json(StatusCode::CREATED, &response)));
        let error = create(&provider, &draft(1)).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry()),
            (ErrorKind::Unavailable, Retry::Unknown),
            "{transaction:?}"
        );
        assert_eq!(find(&provider).await.unwrap(), None);
        assert_eq!(only(&world), before);
    }
}

/// One find returns all events of a target: every generation, one that lost its marker, and a copy,
/// which has no key.
#[tokio::test]
async fn a_find_returns_every_event_of_the_target() {
    for is_sparse in [false, true] {
        let world = World::new().await;
        let provider = world.provider();
        let of = |generation: u32| {
            let mut draft = draft(5);
            draft.marker.key = key_at(&calendar_of(1), generation);
            draft
        };
        let mut expected = Vec::new();
        for generation in [0, 1, 12] {
            let written = create(&provider, &of(generation)).await.unwrap();
            expected.push((written.remote_id, Some(of(generation).marker.key), true));
        }
        world.outlook.set(|settings| settings.loses_properties_on_error = true);
        world.outlook.fault(at_create(late_error()));
        create(&provider, &of(2)).await.unwrap_err();
        let lost = world.anna.events("primary").pop().unwrap();
        expected.push((RemoteId::new(lost.id), Some(of(2).marker.key), false));
        let copy = by_hand(&json!({"singleValueExtendedProperties": marks("tests", "1")}));
        let copy = world.anna.adds_event("primary", copy).unwrap();
        expected.push((RemoteId::new(copy), None, true));
        // Events of others: of another host, with the namespace in capitals, and without a
        // namespace.
        for namespace in ["another", "TESTS"] {
            let theirs = by_hand(&json!({"singleValueExtendedProperties": marks(namespace, "1")}));
            world.anna.adds_event("primary", theirs).unwrap();
        }
        world.anna.adds_event("primary", by_hand(&json!({"transactionId": "theirs"}))).unwrap();
        world.outlook.set(|settings| (settings.sparse_pages, settings.page_size) = (is_sparse, 2));
        let found = find_all(&provider).await.unwrap().into_iter();
        let mut found: Vec<_> = found.map(|it| (it.remote_id, it.key, it.marker.is_some())).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);

        // A listing returns the events with the namespace, one page per call, and never another
        // host's.
        let (mut listed, mut page, mut calls) = (Vec::new(), None, 0);
        loop {
            let ours = provider.list_ours(&calendar_of(1), "tests", page).await.unwrap();
            calls += 1;
            listed.extend(ours.events.into_iter().map(|it| (it.remote_id, it.key, it.marker.is_some())));
            page = ours.next;
            if page.is_none() {
                break;
            }
        }
        listed.sort();
        expected.retain(|(_, _, is_marked)| *is_marked);
        assert_eq!(listed, expected);
        assert_eq!(calls > 1, is_sparse);
    }
}

/// The event was stored without its extended properties: only its transaction id tells which target
/// it belongs to.
#[tokio::test]
async fn an_event_that_lost_its_marker_is_found_and_marked_again() {
    for by_update in [true, false] {
        let world = World::new().await;
        let provider = world.provider();
        world.outlook.set(|settings| settings.loses_properties_on_error = true);
        world.outlook.fault(at_create(late_error()));
        assert_eq!(create(&provider, &draft(1)).await.unwrap_err().retry(), Retry::Unknown);
        assert_eq!(only(&world).property("calsyncKey"), None);
        // Anna has more events, some of them newer.
        for _ in 0..20 {
            world.anna.adds_event("primary", by_hand(&json!({}))).unwrap();
        }
        let found = find(&provider).await.unwrap().unwrap();
        assert_eq!(found.marker, None);
        assert_eq!(&*read(&provider, &row_of(&found)).await.unwrap().unwrap().title, "Deep clean");

        let written = if by_update {
            let options = UpdateOptions::new().with_etag(found.etag.clone());
            provider.update(&calendar_of(1), &found.remote_id, &draft(2), &options).await.unwrap()
        } else {
            create_again(&provider, &draft(2)).await.unwrap()
        };
        assert_eq!(written.remote_id, found.remote_id);
        assert_eq!(world.anna.events("primary").len(), 21);
        world.outlook.clear_requests();
        let marked = find(&provider).await.unwrap().unwrap();
        assert_eq!((marked.remote_id, marked.marker), (found.remote_id, Some(draft(2).marker)));
        let stored = world.anna.event("primary", written.remote_id.as_str()).unwrap();
        assert_eq!(stored.property("calsyncZone"), Some("Europe/London"));
        let found_at_once = [ApiMethod::EventsList, ApiMethod::EventsList, ApiMethod::Batch];
        assert_eq!(calls(&world.outlook), found_at_once, "the marker is enough");
    }
}

#[tokio::test]
async fn a_key_that_is_taken_by_our_own_event_leads_to_it() {
    for (is_conflict, names_event) in [(false, true), (true, true), (false, false), (true, false)] {
        let world = World::new().await;
        world.outlook.set(|settings| {
            (settings.duplicate_is_conflict, settings.duplicate_names_event) = (is_conflict, names_event);
        });
        let provider = world.provider();
        let first = create(&provider, &draft(1)).await.unwrap();
        world.outlook.clear_requests();
        // Other content with the same key is refused as a duplicate.
        let second = create(&provider, &moved(2)).await.unwrap();
        let status = world.outlook.requests()[0].status;
        assert_eq!(status, Some(if is_conflict { 409 } else { 400 }));
        assert_eq!(second.remote_id, first.remote_id);
        assert_eq!(only(&world).json["location"]["displayName"], "2 Low Street");
        assert_eq!(world.outlook.count(ApiMethod::Batch), usize::from(!names_event));
        // An older revision does not overwrite it.
        assert_eq!(create(&provider, &draft(1)).await.unwrap_err().kind(), ErrorKind::Superseded);
        assert_eq!(only(&world).json["location"]["displayName"], "2 Low Street");
    }
}

/// For a repeated create Graph returns the event of the first one in its present state.
#[tokio::test]
async fn a_replayed_create_is_checked_against_the_stored_event() {
    let world = World::new().await;
    let provider = world.provider();
    let first = create(&provider, &draft(1)).await.unwrap();
    assert!(world.anna.edits_event("primary", first.remote_id.as_str(), json!({"subject": "Hers"})));
    world.outlook.clear_requests();
    assert_eq!(create(&provider, &draft(1)).await.unwrap().remote_id, first.remote_id);
    assert_eq!(only(&world).text("subject"), Some("Deep clean"));
    let methods = [ApiMethod::EventsCreate, ApiMethod::EventsGet, ApiMethod::EventsUpdate];
    assert_eq!(calls(&world.outlook), methods);
    // If it has the same content, no further request is sent.
    create(&provider, &draft(1)).await.unwrap();
    assert_eq!(calls(&world.outlook), [ApiMethod::EventsCreate]);
}

#[tokio::test]
async fn a_key_whose_event_was_deleted_is_used_up_with_every_error_form() {
    for after_deletion in [AfterDeletion::DuplicateError, AfterDeletion::ReplaysDeadEvent] {
        for (is_conflict, names_event) in [(false, true), (true, true), (false, false)] {
            let world = World::new().await;
            world.outlook.set(|settings| {
                settings.after_deletion = after_deletion;
                (settings.duplicate_is_conflict, settings.duplicate_names_event) = (is_conflict, names_event);
            });
            let provider = world.provider();
            let written = create(&provider, &draft(1)).await.unwrap();
            delete(&provider, &written, &draft(1)).await.unwrap();
            for draft in [draft(1), moved(2)] {
                let error = create_again(&provider, &draft).await.unwrap_err();
                let actual = (error.kind(), error.retry(), error.failure().operation);
                assert_eq!(actual, (ErrorKind::KeyUsed, Retry::Never, Operation::Create));
            }
            // Graph never returns an event for other content, so no `retried` flag is needed.
            assert_eq!(create(&provider, &moved(2)).await.unwrap_err().kind(), ErrorKind::KeyUsed);
            assert!(world.anna.events("primary").is_empty());
        }
    }
}

/// So the same run can take the next key, and no further run is needed to create the event.
#[tokio::test]
async fn an_event_deleted_during_a_create_uses_up_the_key() {
    let world = World::new().await;
    let provider = world.provider();
    create(&provider, &draft(1)).await.unwrap();
    let gone = graph_error(StatusCode::NOT_FOUND, "ErrorItemNotFound", "Not found.");
    world.outlook.fault(FaultRule::new(gone).with_method(ApiMethod::EventsUpdate));
    let error = create(&provider, &moved(2)).await.unwrap_err();
    assert_eq!((error.kind(), error.failure().operation), (ErrorKind::KeyUsed, Operation::Create));
}

/// The event was created, and the read that follows fails. If this counted as "nothing changed",
/// the host would forget the event.
#[tokio::test]
async fn a_create_that_cannot_read_its_event_has_an_unknown_outcome() {
    for fault in [
        Fault::status(StatusCode::NOT_FOUND),
        graph_error(StatusCode::TOO_MANY_REQUESTS, "ApplicationThrottled", "Later."),
        graph_error(StatusCode::FORBIDDEN, "ErrorAccessDenied", "No."),
        Fault::NotSent,
        Fault::Cut,
        Fault::OtherJson,
    ] {
        let world = World::new().await;
        let provider = world.provider();
        let at_read = |fault: &Fault| FaultRule::new(fault.clone()).with_method(ApiMethod::EventsGet);
        world.outlook.fault(at_read(&fault));
        let error = create_again(&provider, &draft(1)).await.unwrap_err();
        assert_eq!(error.retry(), Retry::Unknown, "{fault:?}");
        let stored = only(&world);
        assert_eq!(find(&provider).await.unwrap().unwrap().remote_id.as_str(), stored.id);
        // The same for the event of another create.
        world.outlook.fault(at_read(&fault));
        let error = create(&provider, &moved(2)).await.unwrap_err();
        assert_eq!(error.retry(), Retry::Unknown, "{fault:?}");
        create_again(&provider, &moved(2)).await.unwrap();
        assert_eq!((only(&world).id, world.outlook.faults_left()), (stored.id, 0));
    }
}

/// A page may be short or empty and have a next page. An event on that page that lost its marker is
/// found.
#[tokio::test]
async fn an_event_that_lost_its_marker_is_found_on_a_later_page() {
    let world = World::new().await;
    let provider = world.provider();
    world.outlook.set(|settings| settings.loses_properties_on_error = true);
    world.outlook.fault(at_create(late_error()));
    create(&provider, &draft(1)).await.unwrap_err();
    for _ in 0..20 {
        world.anna.adds_event("primary", by_hand(&json!({}))).unwrap();
    }
    world.outlook.set(|settings| settings.sparse_pages = true);
    let found = find(&provider).await.unwrap().unwrap();
    assert_eq!(&*read(&provider, &row_of(&found)).await.unwrap().unwrap().title, "Deep clean");
    assert_eq!(create_again(&provider, &draft(1)).await.unwrap().remote_id, found.remote_id);
    assert_eq!(world.anna.events("primary").len(), 21);
}

/// Two workers of a host at once leave one event, in either order.
#[tokio::test]
async fn two_creates_at_once_are_one_event() {
    let world = World::new().await;
    let provider = world.provider();
    world.outlook.set(|settings| settings.latency = Some(calsync_outlook::fake::Latency::Turns(3)));
    let (one_draft, other_draft) = (draft(1), moved(2));
    let (one, other) = tokio::join!(create(&provider, &one_draft), create(&provider, &other_draft));
    assert_eq!(one.unwrap().remote_id, other.unwrap().remote_id);
    assert_eq!(only(&world).property("calsyncKey"), Some(&*key_at(&calendar_of(1), 0).to_string()));
}
