//! Faults: they apply to the requests that a rule selects, before or after the change.

use calsync_core::error::Operation;
use calsync_core::http::{Call, HttpTransport, TransportErrorKind};
use calsync_core::names::ProviderKind;
use calsync_outlook::fake::{
    ApiMethod, Fault, FaultRule, concurrent_save, graph_error, irresolvable_conflict, throttled,
};
use http::StatusCode;
use serde_json::{Value, json};

use crate::client::{ANNA, Stage, id, timed};

#[tokio::test]
async fn a_connection_breaks_before_or_after_the_change() {
    use TransportErrorKind as K;
    for (fault, kind, is_stored, logged) in [
        (Fault::NotSent, K::NotSent, false, 0),
        (Fault::DropBefore, K::Interrupted, false, 1),
        (Fault::DropAfter, K::Interrupted, true, 1),
        (Fault::TimeOutBefore, K::TimedOut, false, 1),
        (Fault::TimeOutAfter, K::TimedOut, true, 1),
    ] {
        let stage = Stage::new();
        let what = format!("{fault:?}");
        stage.outlook.fault(fault);
        let response = stage.try_call("POST", "me/events", Some(timed("x")), &[]).await;
        assert_eq!(
            (response.err(), stage.anna.events("primary").len() == 1),
            (Some(kind), is_stored),
            "{what}"
        );
        assert_eq!((stage.outlook.count_all(), stage.outlook.faults_left()), (logged, 0), "{what}");
        assert_eq!(stage.event("GET", "", None).await.status, 200, "it applies once");
    }
}

#[tokio::test]
async fn a_fault_can_replace_the_response() {
    let create = async |fault: Fault| {
        let stage = Stage::new();
        stage.outlook.fault(fault);
        let response = stage.event("POST", "", Some(timed("x"))).await;
        (response, stage.anna.events("primary").len())
    };
    let (response, made) = create(Fault::status(StatusCode::BAD_GATEWAY)).await;
    assert_eq!((response.status, made), (502, 0));
    let late = graph_error(StatusCode::INTERNAL_SERVER_ERROR, "ErrorInternalServerError", "x").after();
    let (response, made) = create(late).await;
    response.is_refused(500, "ErrorInternalServerError");
    assert_eq!(made, 1);
    assert!(response.header("request-id").is_some(), "every response has one");
    for fault in [Fault::Cut, Fault::Html, Fault::OtherJson, Fault::WithoutId, Fault::Huge(100_000)] {
        let what = format!("{fault:?}");
        let (response, made) = create(fault).await;
        assert_eq!(made, 1, "{what}");
        let json: Result<Value, _> = serde_json::from_slice(&response.body);
        match what.as_str() {
            "Cut" | "Html" => assert!(json.is_err(), "{what}"),
            _ => assert!(json.unwrap().get("id").is_none(), "{what}"),
        }
    }
}

#[tokio::test]
async fn scripted_refusals_have_graphs_shapes() {
    let stage = Stage::new();
    let event = stage.create(timed("x")).await;
    let path = format!("/{}", id(&event));
    let patch = async |fault: Fault| {
        stage.outlook.fault(fault);
        stage.event("PATCH", &path, Some(json!({"subject": "y"}))).await
    };
    patch(irresolvable_conflict()).await.is_refused(412, "ErrorIrresolvableConflict");
    patch(concurrent_save()).await.is_refused(409, "ErrorConcurrentItemSave");
    let response = patch(throttled(Some(7))).await;
    response.is_refused(429, "ApplicationThrottled");
    assert_eq!(response.header("retry-after"), Some("7"));
    assert_eq!(patch(throttled(None)).await.header("retry-after"), None);
    assert_eq!(stage.get(id(&event)).await["subject"], "x");
}

#[tokio::test]
async fn a_rule_applies_only_to_the_requests_it_selects() {
    let stage = Stage::new();
    let busy = || Fault::status(StatusCode::SERVICE_UNAVAILABLE);
    let other = stage.anna.adds_calendar("Other");
    for rule in [
        FaultRule::new(busy()).with_method(ApiMethod::EventsCreate),
        FaultRule::new(busy()).with_http_method(http::Method::DELETE),
        FaultRule::new(busy()).with_path("/instances"),
        FaultRule::new(busy()).with_calendar(other.clone()),
        FaultRule::new(busy()).with_user("bo@example.org"),
        FaultRule::new(busy()).with_operation(Operation::Update),
    ] {
        stage.outlook.fault(rule);
        assert_eq!(stage.event("GET", "", None).await.status, 200);
        assert_eq!(stage.outlook.faults_left(), 1);
        stage.outlook.clear_faults();
    }
    let both = FaultRule::new(busy()).with_calendar(other.clone()).with_user(ANNA);
    stage.outlook.fault(both);
    assert_eq!(stage.call("GET", &format!("me/calendars/{other}/events"), None).await.status, 503);
    stage.outlook.fault(FaultRule::new(busy()).with_calendar("primary"));
    assert_eq!(stage.event("GET", "", None).await.status, 503);
    stage.outlook.fault(FaultRule::new(busy()).with_operation(Operation::Find));
    let mut request = stage.request("GET", "me/events", None, &[]);
    request.extensions_mut().insert(Call::new(ProviderKind::OUTLOOK, Operation::Find));
    assert_eq!(stage.outlook.send(request).await.unwrap().status(), 503);
    let seen = stage.outlook.requests();
    assert_eq!(seen.last().unwrap().call.as_ref().unwrap().operation, Operation::Find);
    stage.outlook.fault(FaultRule::new(busy()).with_every(2));
    let statuses = [(); 4].map(|()| stage.outlook.send(stage.request("GET", "me/events", None, &[])));
    let mut all = Vec::new();
    for response in statuses {
        all.push(response.await.unwrap().status().as_u16());
    }
    assert_eq!(all, [200, 503, 200, 503]);
}

#[tokio::test]
async fn a_slow_request_lets_others_go_first() {
    let stage = Stage::new();
    stage.outlook.fault(Fault::Slow(3));
    let slow = stage.event("POST", "", Some(timed("later")));
    let quick = stage.event("POST", "", Some(timed("quick")));
    let (slow, quick) = tokio::join!(slow, quick);
    assert!(slow.created()["createdDateTime"].as_str() > quick.created()["createdDateTime"].as_str());
}
