//! Scripted faults apply to the right requests, before or after the change.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use calsync_core::clock::Sleep;
use calsync_core::error::Operation;
use calsync_core::http::{Call, HttpTransport, TransportErrorKind};
use calsync_core::{ProviderKind, Retry};
use calsync_google::fake::{ApiMethod, Fault, FaultRule, google_error};
use http::{HeaderValue, StatusCode};
use serde_json::Value;

use crate::client::{ANNA, Stage, timed};

/// Inserts an event under a fault. Returns what the client gets, and whether the event exists.
async fn insert_under(fault: Fault) -> (Result<(u16, Bytes), TransportErrorKind>, bool) {
    let stage = Stage::new();
    stage.google.fault(fault);
    let response = stage.try_call("POST", "calendars/primary/events", Some(timed("abcde")), &[]).await;
    let exists = !stage.anna.events("primary").is_empty();
    assert_eq!(stage.google.faults_left(), 0);
    assert_eq!(stage.event("GET", "", None).await.status, 200, "the fault applies once");
    (response.map(|response| (response.status, response.body)), exists)
}

#[tokio::test]
async fn a_connection_breaks_before_or_after_the_change() {
    use TransportErrorKind as K;
    for (fault, kind, exists) in [
        (Fault::NotSent, K::NotSent, false),
        (Fault::DropBefore, K::Interrupted, false),
        (Fault::DropAfter, K::Interrupted, true),
        (Fault::TimeOutBefore, K::TimedOut, false),
        (Fault::TimeOutAfter, K::TimedOut, true),
    ] {
        let what = format!("{fault:?}");
        assert_eq!(insert_under(fault).await, (Err(kind), exists), "{what}");
    }
}

#[tokio::test]
async fn a_response_can_be_an_error_or_damaged() {
    let (response, exists) = insert_under(Fault::status(StatusCode::BAD_GATEWAY)).await;
    assert_eq!((response.unwrap().0, exists), (502, false));
    let late = google_error(StatusCode::INTERNAL_SERVER_ERROR, "backendError", "Backend Error").after();
    let (response, exists) = insert_under(late).await;
    assert_eq!((response.unwrap().0, exists), (500, true));
    let (response, exists) = insert_under(Fault::Redirect("https://evil.example/".into())).await;
    assert_eq!((response.unwrap().0, exists), (302, false));
    for fault in [Fault::Cut, Fault::Html, Fault::OtherJson, Fault::WithoutId, Fault::Huge(10_000_000)] {
        let what = format!("{fault:?}");
        let (response, exists) = insert_under(fault).await;
        let (status, body) = response.unwrap();
        assert_eq!((status, exists), (200, true), "{what}");
        let json: Result<Value, _> = serde_json::from_slice(&body);
        match what.as_str() {
            "Cut" | "Html" => assert!(json.is_err(), "{what}"),
            "Huge(10000000)" => assert_eq!(body.len(), 10_000_000),
            _ => assert!(json.unwrap().get("id").is_none(), "{what}"),
        }
    }
}

#[tokio::test]
async fn a_rule_applies_only_to_the_requests_it_names() {
    let stage = Stage::new();
    let busy = || Fault::status(StatusCode::SERVICE_UNAVAILABLE);
    let other = stage.anna.adds_calendar("Other");
    let status = async |method: &str, path: &str| stage.call(method, path, None).await.status;
    let rules = [
        FaultRule::new(busy()).with_method(ApiMethod::EventsInsert),
        FaultRule::new(busy()).with_http_method(http::Method::DELETE),
        FaultRule::new(busy()).with_path("/instances"),
        FaultRule::new(busy()).with_calendar(other.clone()),
        FaultRule::new(busy()).with_user("bo@example.org"),
        FaultRule::new(busy()).with_operation(Operation::Update),
    ];
    for rule in rules {
        stage.google.fault(rule);
        assert_eq!(status("GET", "calendars/primary/events").await, 200);
        assert_eq!(stage.google.faults_left(), 1);
        stage.google.clear_faults();
    }
    stage.google.fault(FaultRule::new(busy()).with_calendar(other.clone()).with_user(ANNA));
    assert_eq!(status("GET", &format!("calendars/{}/events", other.replace('@', "%40"))).await, 503);

    stage.google.fault(FaultRule::new(busy()).with_operation(Operation::Find));
    let mut request = http::Request::get("http://localhost/calendar/v3/calendars/primary/events")
        .header("authorization", format!("Bearer {}", stage.token))
        .body(Bytes::new())
        .unwrap();
    request.extensions_mut().insert(Call::new(ProviderKind::GOOGLE, Operation::Find));
    assert_eq!(stage.google.send(request).await.unwrap().status(), 503);
    let seen = stage.google.requests();
    assert_eq!(seen.last().unwrap().call.as_ref().unwrap().operation, Operation::Find);
}

#[tokio::test]
async fn a_rule_can_skip_repeat_and_alternate() {
    let stage = Stage::new();
    let statuses = async || {
        let mut statuses = Vec::new();
        for _ in 0..6 {
            statuses.push(stage.event("GET", "", None).await.status);
        }
        stage.google.clear_faults();
        statuses
    };
    let rule = || FaultRule::new(Fault::status(StatusCode::SERVICE_UNAVAILABLE));
    stage.google.fault(rule().after(1).with_times(2));
    assert_eq!(statuses().await, [200, 503, 503, 200, 200, 200]);
    stage.google.fault(rule().with_every(3));
    assert_eq!(statuses().await, [200, 200, 503, 200, 200, 503]);
    stage.google.fault(rule().always());
    assert_eq!(statuses().await, [503; 6]);
    let later = google_error(StatusCode::TOO_MANY_REQUESTS, "rateLimitExceeded", "Rate Limit Exceeded");
    stage.google.fault(later.with_header(http::header::RETRY_AFTER, HeaderValue::from_static("7")));
    let response = stage.event("GET", "", None).await;
    response.is_refused(429, "rateLimitExceeded");
    assert_eq!(response.headers["retry-after"], "7");
}

/// Does not wait, and records the seconds.
#[derive(Debug, Clone, Default)]
struct Waited(Arc<AtomicU64>);

#[async_trait]
impl Sleep for Waited {
    async fn sleep(&self, duration: Duration) {
        self.0.fetch_add(duration.as_secs(), Ordering::Relaxed);
    }
}

#[tokio::test]
async fn delays_use_the_tests_own_timer() {
    let mut stage = Stage::new();
    let waited = Waited::default();
    stage.google = stage.google.clone().with_sleep(waited.clone());
    stage.google.fault(Fault::Delay(Duration::from_secs(40)));
    assert_eq!(stage.event("GET", "", None).await.status, 200);
    assert_eq!(waited.0.load(Ordering::Relaxed), 40);

    // A slow request lets others overtake it.
    stage.google.fault(Fault::Slow(3));
    let slow = stage.event("POST", "", Some(timed("later")));
    let quick = stage.event("POST", "", Some(timed("quick")));
    let (slow, quick) = tokio::join!(slow, quick);
    assert!(slow.ok()["updated"].as_str() > quick.ok()["updated"].as_str());
}

#[test]
fn a_broken_connection_leaves_a_write_unknown() {
    let error = calsync_core::http::TransportError::new(TransportErrorKind::Interrupted);
    assert_eq!(error.into_error(ProviderKind::GOOGLE, Operation::Create).retry(), Retry::Unknown);
}
