//! A 403, 404 or 410 counts only with Google's own error reason in the body.

use bytes::Bytes;
use calsync_core::error::{ErrorKind, Retry};
use calsync_core::provider::{CalendarProvider, CreateOptions, DeleteOptions, EventReader, UpdateOptions};
use calsync_core::report::Verdict;
use calsync_google::fake::{ApiMethod, Fault, FaultRule, google_error};
use http::StatusCode;

use super::common::host::Host;
use super::common::{World, calls, draft_at, event, place_of, query_at};

/// Bodies of gateways and front ends that are not the Calendar API.
const BODIES: [&str; 6] = [
    "",
    "{}",
    "<html>404</html>",
    r#"{"message":"no Route matched with those values"}"#,
    r#"{"status":404,"error":"notFound"}"#,
    r#"{"error":{"code":404,"message":"no such upstream"}}"#,
];

fn gateway(status: u16, body: &'static str) -> Fault {
    Fault::Answer(http::Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap())
}

#[tokio::test]
async fn a_gateways_error_says_nothing_about_event_calendar_or_grant() {
    let world = World::new().await;
    let (provider, place) = (world.provider(), place_of(1));
    let changed = draft_at(&place, 2, event().with_location("2 Low Street"));
    let written =
        provider.create(&place, &draft_at(&place, 1, event()), &CreateOptions::new()).await.unwrap();
    let (id, etag) = (&written.remote_id, &written.etag);
    for (status, body) in
        [401, 403, 404, 410].into_iter().flat_map(|status| BODIES.map(|body| (status, body)))
    {
        for call in 0..9 {
            world.google.fault(FaultRule::new(gateway(status, body)).with_path("/calendar/v3/").always());
            let error = match call {
                0 => provider.create(&place, &changed, &CreateOptions::new()).await.err(),
                1 => provider.update(&place, id, &changed, &UpdateOptions::new()).await.err(),
                2 => {
                    let options = UpdateOptions::new().with_etag(etag.clone());
                    provider.update(&place, id, &changed, &options).await.err()
                }
                3 => provider.delete(&place, id, &changed.marker, &DeleteOptions::new()).await.err(),
                4 => {
                    let options = DeleteOptions::new().with_etag(etag.clone());
                    provider.delete(&place, id, &changed.marker, &options).await.err()
                }
                5 => provider.find(&place, &query_at(&place)).await.err(),
                6 => provider.list_ours(&place, "tests", None).await.err(),
                7 => provider.read(&place, id).await.err(),
                _ => provider.get(&place, id).await.err(),
            };
            world.google.clear_faults();
            let reported = error.map(|error| (error.kind(), error.retry()));
            assert_eq!(
                reported,
                Some((ErrorKind::Unavailable, Retry::Later)),
                "{status} {body}, call {call}"
            );
        }
    }
    assert_eq!(world.anna.events("primary").len(), 1);
}

/// B1, B2: while a gateway responds in place of Google, no second event is created, and no event is
/// reported as removed.
#[tokio::test]
async fn a_run_that_met_a_gateway_is_corrected_by_the_next_runs() {
    for (status, body) in [404, 410, 403].into_iter().flat_map(|status| BODIES.map(|body| (status, body))) {
        for cancels in [false, true] {
            let mut host = Host::new(1).await;
            host.sync().await;
            host.restart();
            if cancels {
                host.cancels()
            } else {
                host.moves()
            }
            let rule = FaultRule::new(gateway(status, body)).with_path("/calendar/v3/");
            host.world.google.fault(rule.always());
            let report = host.sync().await;
            assert_eq!(report.count(Verdict::Removed) + report.count(Verdict::Updated), 0, "{status} {body}");
            host.world.google.clear_faults();
            host.days(1).await;
            if cancels {
                assert!(host.world.google.events().is_empty(), "{status} {body}");
            } else {
                assert_eq!(host.start(), "2026-12-02T10:00:00Z", "{status} {body}");
            }
        }
    }
}

/// A3b: after a person loses access to a shared calendar, Google responds with 404 to every request
/// about its events.
#[tokio::test]
async fn a_removal_from_an_inaccessible_calendar_is_not_reported_as_done() {
    let mut host = Host::new(2).await;
    host.sync().await;
    host.restart();
    host.cancels();
    let gone = google_error(StatusCode::NOT_FOUND, "notFound", "Not Found");
    host.world.google.fault(FaultRule::new(gone).with_path("/calendars/").always());
    let report = host.sync().await;
    assert_eq!(report.count(Verdict::Removed), 0);
    let failure = report.outcomes.iter().find_map(|outcome| outcome.failure.clone()).unwrap();
    assert_eq!(failure.kind, ErrorKind::CalendarNotFound);
    host.world.google.clear_faults();
    host.days(1).await;
    assert!(host.world.google.events().is_empty());
}

/// After a 404 to a write the event is read: if the read finds it, the write is repeated.
#[tokio::test]
async fn a_404_to_a_write_counts_only_after_a_read_confirms_it() {
    let world = World::new().await;
    let (provider, place) = (world.provider(), place_of(1));
    let mut written =
        provider.create(&place, &draft_at(&place, 1, event()), &CreateOptions::new()).await.unwrap();
    let id = written.remote_id.clone();
    let gone = || google_error(StatusCode::NOT_FOUND, "notFound", "Not Found");
    let changed = |revision| draft_at(&place, revision, event().with_location(format!("{revision} Low St")));
    world.google.fault(FaultRule::new(gone()).with_method(ApiMethod::EventsPatch));
    let options = UpdateOptions::new().with_etag(written.etag);
    written = provider.update(&place, &id, &changed(2), &options).await.unwrap();

    // The read finds the event, and the write gets 404 again: one of the two responses is wrong.
    world.google.fault(FaultRule::new(gone()).with_method(ApiMethod::EventsPatch).with_times(2));
    let options = UpdateOptions::new().with_etag(written.etag.clone());
    let error = provider.update(&place, &id, &changed(3), &options).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Later));
    world.google.fault(FaultRule::new(gone()).with_method(ApiMethod::EventsDelete).with_times(2));
    let options = DeleteOptions::new().with_etag(written.etag.clone());
    let error = provider.delete(&place, &id, &changed(3).marker, &options).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Later));

    world.google.clear_requests();
    world.google.fault(FaultRule::new(gone()).with_method(ApiMethod::EventsDelete));
    provider.delete(&place, &id, &changed(3).marker, &options).await.unwrap();
    assert_eq!(
        calls(&world.google),
        [ApiMethod::EventsDelete, ApiMethod::EventsGet, ApiMethod::EventsDelete]
    );
    assert!(world.anna.events("primary").is_empty());
}

/// B8: a response that names another event confirms nothing.
#[tokio::test]
async fn the_outcome_of_a_write_is_unknown_if_the_response_names_another_event() {
    let mut host = Host::new(1).await;
    let other =
        serde_json::json!({"id": "0123456789abcdef0123456789abcdef", "etag": "\"1\"", "status": "confirmed"});
    let (place, provider) = (place_of(2), host.world.provider());
    for method in [ApiMethod::EventsInsert, ApiMethod::EventsPatch] {
        let response = Fault::json(StatusCode::OK, &other).after();
        host.world.google.fault(FaultRule::new(response).with_method(method));
    }
    let draft = draft_at(&place, 1, event());
    let error = provider.create(&place, &draft, &CreateOptions::new()).await.unwrap_err();
    assert_eq!((error.retry(), error.failure().code.as_deref()), (Retry::Unknown, Some("another_id")));
    let id = calsync_core::names::RemoteId::new(draft.marker.key.to_string());
    let changed = draft_at(&place, 2, event().with_location("2 Low Street"));
    let error = provider.update(&place, &id, &changed, &UpdateOptions::new()).await.unwrap_err();
    assert_eq!((error.retry(), error.failure().code.as_deref()), (Retry::Unknown, Some("another_id")));

    host.restart();
    let response = Fault::json(StatusCode::OK, &other).after();
    host.world.google.fault(FaultRule::new(response).with_method(ApiMethod::EventsInsert));
    assert_eq!(host.sync().await.count(Verdict::Unknown), 1);
    host.days(1).await;
    assert_eq!(host.events().len(), 1);
    let confirmed = host.appointments[0].ledger.deliveries()[0].confirmed().cloned();
    assert_eq!(confirmed.unwrap().remote_id.as_str(), host.events()[0].id);
}
