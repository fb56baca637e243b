//! Subscriptions: validation, lifetime, notifications.

use bytes::Bytes;
use calsync_outlook::fake::{FakeOutlook, LifecycleEvent};
use chrono::TimeDelta;
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::client::{IMMUTABLE, Stage, id, timed};

fn subscription(resource: &str, ends: &str) -> Value {
    json!({
        "changeType": "created,updated,deleted", "notificationUrl": "https://host.example/graph?x=1", "resource": resource,
        "lifecycleNotificationUrl": "https://host.example/life", "expirationDateTime": ends, "clientState": "s3cret",
    })
}

type Validator = Box<dyn Fn(&Request<Bytes>) -> Response<Bytes> + Send + Sync>;

const TOMORROW: &str = "2026-11-23T10:00:00Z";

/// The URLs and contents of the notifications since the last call.
fn notifications(outlook: &FakeOutlook) -> Vec<(String, Value)> {
    let all = outlook.take_notifications().into_iter();
    let all = all.map(|request| {
        assert_eq!(request.headers()["content-type"], "application/json");
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        (request.uri().to_string(), body["value"][0].clone())
    });
    all.collect()
}

#[tokio::test]
async fn a_subscription_reports_every_change_in_its_calendar() {
    let stage = Stage::new();
    let calendar = stage.anna.adds_calendar("Jobs");
    let resource = format!("/me/calendars/{calendar}/events");
    let made = stage
        .call_with("POST", "subscriptions", Some(subscription(&resource, TOMORROW)), &[IMMUTABLE])
        .await
        .created();
    assert_eq!((&made["resource"], &made["clientState"]), (&json!(resource), &json!("s3cret")));
    let event = stage.anna.adds_event(&calendar, timed("x")).unwrap();
    assert!(stage.anna.adds_event("primary", timed("elsewhere")).is_some());
    let path = format!("me/events/{event}");
    stage.call("PATCH", &path, Some(json!({"subject": "y"}))).await.ok();
    stage.call("DELETE", &path, None).await;
    let received = notifications(&stage.outlook);
    let kinds: Vec<&str> =
        received.iter().map(|(_, notification)| notification["changeType"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["created", "updated", "deleted"]);
    for (url, notification) in &received {
        assert_eq!(url, "https://host.example/graph?x=1");
        assert_eq!(
            (&notification["subscriptionId"], &notification["clientState"]),
            (&made["id"], &json!("s3cret"))
        );
        assert_eq!(notification["resourceData"]["id"], event, "the kind of id that its creation preferred");
        assert_eq!(notification["tenantId"], FakeOutlook::TENANT);
    }
    assert_eq!(notifications(&stage.outlook).len(), 0);
    let path = format!("subscriptions/{}", id(&made));
    assert_eq!(stage.call("GET", &path, None).await.ok()["id"], made["id"]);
    assert_eq!(stage.call("DELETE", &path, None).await.status, 204);
    stage.call("GET", &path, None).await.is_refused(404, "ResourceNotFound");
    stage.call("DELETE", &path, None).await.is_refused(404, "ResourceNotFound");
    assert!(stage.anna.adds_event(&calendar, timed("x")).is_some());
    assert_eq!(notifications(&stage.outlook).len(), 0);
}

#[tokio::test]
async fn a_subscription_has_a_limited_lifetime_and_can_be_renewed() {
    let stage = Stage::new();
    let subscribe =
        |ends: &'static str| stage.call("POST", "subscriptions", Some(subscription("me/events", ends)));
    for bad in ["2026-11-22T10:00:00Z", "2026-11-29T10:00:01Z"] {
        subscribe(bad).await.is_refused(400, "ErrorInvalidRequest");
    }
    let made = subscribe("2026-11-22T10:05:00Z").await.created();
    assert_eq!(made["expirationDateTime"], "2026-11-22T10:45:00Z", "raised to 45 minutes");
    subscribe("2026-11-29T10:00:00Z").await.is_refused(409, "Conflict");
    let path = format!("subscriptions/{}", id(&made));
    let renewed = stage.call("PATCH", &path, Some(json!({"expirationDateTime": TOMORROW}))).await.ok();
    assert_eq!(renewed["expirationDateTime"], TOMORROW);
    let too_long =
        stage.call("PATCH", &path, Some(json!({"expirationDateTime": "2026-12-22T10:00:00Z"}))).await;
    too_long.is_refused(400, "ErrorInvalidRequest");
    let late =
        stage.call("PATCH", &path, Some(json!({"lifecycleNotificationUrl": "https://host.example/x"}))).await;
    late.is_refused(400, "ErrorInvalidRequest");
    assert_eq!(stage.call("POST", &format!("{path}/reauthorize"), None).await.status, 204);
    assert_eq!(stage.outlook.subscriptions().len(), 1);
    stage.clock.advance(TimeDelta::days(1));
    assert_eq!(stage.outlook.subscriptions().len(), 0);
    assert!(stage.anna.adds_event("primary", timed("x")).is_some());
    assert_eq!(notifications(&stage.outlook).len(), 0);
    let mut fresh = Stage::new();
    (fresh.outlook, fresh.token) =
        (stage.outlook.clone(), stage.anna.tokens(&["Calendars.Read"]).access_token.expose().into());
    let gone = fresh.call("PATCH", &path, Some(json!({"expirationDateTime": "2026-11-24T10:00:00Z"}))).await;
    gone.is_refused(404, "ResourceNotFound");
}

#[tokio::test]
async fn the_host_has_to_return_the_validation_token() {
    let respond = |status: StatusCode, kind: &'static str, body: Bytes| {
        Response::builder().status(status).header("content-type", kind).body(body).unwrap()
    };
    let token = |request: &Request<Bytes>| -> Bytes {
        let query = request.uri().query().unwrap();
        assert!(
            query.starts_with("x=1&validationToken=") || query.starts_with("validationToken="),
            "{query}"
        );
        let text = query.rsplit('=').next().unwrap().replace("%20", " ").replace("%3A", ":");
        Bytes::from(text)
    };
    let cases: [(Validator, u16); 4] = [
        (Box::new(move |request| respond(StatusCode::OK, "text/plain; charset=utf-8", token(request))), 201),
        (Box::new(move |request| respond(StatusCode::OK, "application/json", token(request))), 400),
        (Box::new(move |request| respond(StatusCode::ACCEPTED, "text/plain", token(request))), 400),
        (Box::new(move |_| respond(StatusCode::OK, "text/plain", Bytes::from_static(b"hello"))), 400),
    ];
    for (validator, status) in cases {
        let mut stage = Stage::new();
        stage.outlook = stage.outlook.clone().with_validator(validator);
        let made = stage.call("POST", "subscriptions", Some(subscription("me/events", TOMORROW))).await;
        assert_eq!(made.status, status);
        if status == 400 {
            made.is_refused(400, "ValidationError");
        }
    }
}

#[tokio::test]
async fn an_invalid_subscription_is_refused() {
    let stage = Stage::new();
    let with = |name: &str, value: Value| {
        let mut body = subscription("me/events", TOMORROW);
        body[name] = value;
        body
    };
    for bad in [
        with("notificationUrl", json!("http://host.example/")),
        with("changeType", json!("created,changed")),
        with("resource", json!("me/messages")),
        with("clientState", json!("x".repeat(129))),
        with("expirationDateTime", Value::Null),
    ] {
        stage.call("POST", "subscriptions", Some(bad)).await.is_refused(400, "ErrorInvalidRequest");
    }
    let bo = stage.outlook.user("bo@example.org");
    let foreign = with("resource", json!(format!("users/{}/events", bo.id())));
    stage.call("POST", "subscriptions", Some(foreign)).await.is_refused(403, "ErrorAccessDenied");
    stage.call("POST", "subscriptions", Some(with("x", json!(1)))).await.is_refused(400, "RequestBodyRead");
}

#[tokio::test]
async fn lifecycle_notifications_go_to_their_own_url() {
    let stage = Stage::new();
    let made = stage.call("POST", "subscriptions", Some(subscription("me/events", TOMORROW))).await.created();
    let send = |event| stage.outlook.sends_lifecycle(id(&made), event);
    assert!(send(LifecycleEvent::Missed) && send(LifecycleEvent::ReauthorizationRequired));
    assert!(send(LifecycleEvent::SubscriptionRemoved));
    assert!(!send(LifecycleEvent::Missed), "it has ended");
    let received = notifications(&stage.outlook);
    let kinds: Vec<&str> =
        received.iter().map(|(_, notification)| notification["lifecycleEvent"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["missed", "reauthorizationRequired", "subscriptionRemoved"]);
    assert!(received.iter().all(|(url, _)| url == "https://host.example/life"));
    assert_eq!(stage.outlook.subscriptions().len(), 0);
}
