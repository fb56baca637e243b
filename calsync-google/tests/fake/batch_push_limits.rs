//! Batches, push channels, limits, error formats, and the log of requests.

use bytes::Bytes;
use chrono::Duration;
use serde_json::json;

use crate::client::{ANNA, Stage, TestResponse, now, send, timed};
use calsync_google::fake::{ApiMethod, ErrorFormat, LimitResponse, Limits};

async fn batch(stage: &Stage, parts: &[(&str, String)], token: Option<&str>) -> TestResponse {
    let mut body = String::new();
    for (id, request) in parts {
        body +=
            &format!("--b7f1\r\nContent-Type: application/http\r\nContent-ID: <{id}>\r\n\r\n{request}\r\n");
    }
    body += "--b7f1--";
    let mut request = http::Request::post("https://www.googleapis.com/batch/calendar/v3")
        .header("content-type", "multipart/mixed; boundary=b7f1");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    send(&stage.google, request.body(Bytes::from(body)).unwrap()).await.unwrap()
}

/// Returns Content-ID and status of each part, in order.
fn parts(response: &TestResponse) -> Vec<(String, u16)> {
    assert_eq!(response.status, 200);
    let text = String::from_utf8(response.body.to_vec()).unwrap();
    let ids = text.lines().filter_map(|line| line.strip_prefix("Content-ID: ")).map(str::to_owned);
    let statuses = text.lines().filter_map(|line| line.strip_prefix("HTTP/1.1 "));
    ids.zip(statuses.map(|line| line[..3].parse().unwrap())).collect()
}

fn insert(id: &str) -> String {
    let body = timed(id).to_string();
    format!(
        "POST /calendar/v3/calendars/primary/events HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{body}\r\n"
    )
}

fn delete(id: &str) -> String {
    format!("DELETE /calendar/v3/calendars/primary/events/{id}?sendUpdates=none HTTP/1.1\r\n")
}

#[tokio::test]
async fn a_batch_responds_to_each_part_in_order() {
    let stage = Stage::new();
    stage.insert("there").await;
    let host = "DELETE https://www.googleapis.com/calendar/v3/calendars/primary/events/there HTTP/1.1\r\n";
    let all = [
        ("op-0", insert("fresh")),
        ("op-1", insert("there")),
        ("op-2", delete("nosuch")),
        ("op-3", delete("there")),
        ("op-4", host.to_owned()),
        ("op-5", "POST /token HTTP/1.1\r\n".to_owned()),
        ("op-6", "nonsense".to_owned()),
    ];
    let response = batch(&stage, &all, Some(&stage.token)).await;
    let statuses = [200, 409, 404, 204, 400, 404, 400];
    let expected: Vec<_> =
        statuses.iter().enumerate().map(|(n, status)| (format!("<response-op-{n}>"), *status)).collect();
    assert_eq!(parts(&response), expected);
    let log = stage.google.requests();
    assert_eq!(log.iter().filter(|seen| seen.in_batch).count(), 5);
    assert_eq!(log.iter().filter(|seen| seen.user.as_deref() == Some(ANNA)).count(), 7);
}

#[tokio::test]
async fn parts_of_a_batch_use_the_outer_token_or_their_own() {
    let stage = Stage::new();
    let own = format!(
        "GET /calendar/v3/calendars/primary/events HTTP/1.1\r\nAuthorization: Bearer {}\r\n",
        stage.token
    );
    let none = "GET /calendar/v3/calendars/primary/events HTTP/1.1\r\n".to_owned();
    let response = batch(&stage, &[("a", own.clone()), ("b", none.clone())], None).await;
    let statuses: Vec<u16> = parts(&response).into_iter().map(|(_, status)| status).collect();
    assert_eq!(statuses, [200, 401]);
    let response = batch(&stage, &[("a", own), ("b", none)], Some("dead")).await;
    let statuses: Vec<u16> = parts(&response).into_iter().map(|(_, status)| status).collect();
    assert_eq!(statuses, [200, 401]);
}

#[tokio::test]
async fn a_batch_is_executed_in_any_order_and_limited_in_size() {
    let stage = Stage::new();
    let all: Vec<(String, String)> =
        (0..40).map(|n| (format!("op-{n}"), insert(&format!("event{n:02}")))).collect();
    let all: Vec<(&str, String)> = all.iter().map(|(id, part)| (id.as_str(), part.clone())).collect();
    let response = batch(&stage, &all, Some(&stage.token)).await;
    assert!(parts(&response).iter().all(|(_, status)| *status == 200));
    let mut events = stage.anna.events("primary");
    events.sort_by_key(|event| event.text("updated").unwrap().to_owned());
    let order: Vec<_> = events.iter().map(|event| event.id.clone()).collect();
    assert!(!order.is_sorted(), "the order of execution is random");

    let two = [("a", delete("event01")), ("b", delete("event01_20261203T160000Z"))];
    let collision = batch(&stage, &two, Some(&stage.token));
    let mut statuses: Vec<u16> = parts(&collision.await).into_iter().map(|(_, status)| status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses[1], 409);

    let many = vec![("x", delete("event02")); 1001];
    batch(&stage, &many, Some(&stage.token)).await.is_refused(400, "badRequest");
    batch(&stage, &[], Some(&stage.token)).await.is_refused(400, "badRequest");
}

#[tokio::test]
async fn a_channel_reports_that_something_changed_but_not_what() {
    let stage = Stage::new();
    let watch = async |body| stage.event("POST", "/watch", Some(body)).await;
    let good =
        json!({"id": "ch-42", "type": "web_hook", "address": "https://host.example/hook", "token": "t0k"});
    let channel = watch(good.clone()).await.ok();
    assert_eq!((&channel["kind"], &channel["token"]), (&"api#channel".into(), &"t0k".into()));
    let week = (now() + Duration::days(7)).timestamp_millis().to_string();
    assert_eq!(channel["expiration"], week);
    watch(good).await.is_refused(400, "channelIdNotUnique");
    let plain = json!({"id": "c2", "type": "web_hook", "address": "http://host.example/"});
    watch(plain).await.is_refused(400, "push.webhookUrlNotHttps");

    stage.insert("abcde").await;
    stage.anna.deletes_event("primary", "abcde");
    let sent = stage.google.take_notifications();
    let header = |number: usize, name: &str| sent[number].headers()[name].to_str().unwrap().to_owned();
    let states: Vec<_> = (0..3).map(|number| header(number, "x-goog-resource-state")).collect();
    assert_eq!((sent.len(), states), (3, vec!["sync".to_owned(), "exists".into(), "exists".into()]));
    assert_eq!(
        (header(0, "x-goog-message-number"), header(2, "x-goog-message-number")),
        ("1".into(), "3".into())
    );
    assert_eq!(header(1, "x-goog-channel-token"), "t0k");
    assert_eq!(header(1, "x-goog-channel-expiration"), "Sun, 29 Nov 2026 10:00:00 GMT");
    assert!(sent.iter().all(|request| request.body().is_empty()));

    let stop = async |resource: &str| {
        stage.call("POST", "channels/stop", Some(json!({"id": "ch-42", "resourceId": resource}))).await
    };
    stop("other").await.is_refused(404, "notFound");
    let resource = channel["resourceId"].as_str().unwrap();
    assert_eq!(stop(resource).await.status, 204);
    stop(resource).await.is_refused(404, "notFound");
    let brief =
        json!({"id": "c3", "type": "web_hook", "address": "https://host.example/", "params": {"ttl": "60"}});
    watch(brief).await.ok();
    assert_eq!(stage.google.channels().len(), 1);
    stage.clock.advance(Duration::minutes(2));
    stage.insert("fghij").await;
    assert_eq!((stage.google.channels().len(), stage.google.take_notifications().len()), (0, 1));
}

#[tokio::test]
async fn rate_limits_use_a_sliding_window_and_respond_with_403_or_429() {
    let stage = Stage::new();
    let set = |limits: Limits| stage.google.set(move |settings| settings.limits = limits);
    let mut limits = Limits::default();
    limits.per_minute_per_user = Some(2);
    set(limits);
    let get = async || stage.event("GET", "", None).await;
    assert_eq!((get().await.status, get().await.status), (200, 200));
    let refused = get().await;
    refused.is_refused(403, "userRateLimitExceeded");
    assert_eq!(refused.json()["error"]["errors"][0]["domain"], "usageLimits");
    limits.answer = LimitResponse::TooManyRequests;
    limits.retry_after = Some(30);
    set(limits);
    let refused = get().await;
    refused.is_refused(429, "rateLimitExceeded");
    assert_eq!(refused.headers["retry-after"], "30");
    assert_eq!(stage.event("GET", "?quotaUser=bo", None).await.status, 200, "counts for another quota user");
    stage.clock.advance(Duration::seconds(60));
    assert_eq!(get().await.status, 200);

    let mut limits = Limits::default();
    limits.per_minute_per_project = Some(1);
    limits.events_per_user = Some(1);
    set(limits);
    assert_eq!(get().await.status, 200);
    get().await.is_refused(403, "rateLimitExceeded");
    stage.clock.advance(Duration::minutes(1));
    stage.insert("abcde").await;
    stage.clock.advance(Duration::minutes(1));
    stage.event("POST", "", Some(timed("fghij"))).await.is_refused(403, "quotaExceeded");
    assert_eq!(stage.anna.events("primary").len(), 1);
}

#[tokio::test]
async fn each_part_of_a_batch_counts_against_the_limit() {
    let stage = Stage::new();
    stage.google.set(|settings| settings.limits.per_minute_per_user = Some(2));
    let all = [("a", insert("aaaaa")), ("b", insert("bbbbb")), ("c", insert("ccccc"))];
    let statuses: Vec<u16> =
        parts(&batch(&stage, &all, Some(&stage.token)).await).into_iter().map(|(_, status)| status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 403).count(), 1);
}

#[tokio::test]
async fn errors_have_the_configured_format() {
    let stage = Stage::new();
    for (shape, pointers) in [
        (ErrorFormat::Classic, &["/error/errors/0/reason", "/error/code", "/error/message"][..]),
        (ErrorFormat::WithStatus, &["/error/errors/0/reason", "/error/status"]),
        (ErrorFormat::WithoutErrors, &["/error/code", "/error/status"]),
        (ErrorFormat::Flat, &["/error", "/error_description"]),
    ] {
        stage.google.set(|settings| settings.errors = shape);
        let response = stage.event("GET", "/nosuchevent", None).await;
        assert_eq!(response.status, 404);
        for pointer in pointers {
            assert!(response.json().pointer(pointer).is_some(), "{shape:?}: {pointer}");
        }
        assert_eq!(
            response.json().pointer("/error/errors").is_some(),
            pointers[0].contains("errors"),
            "{shape:?}"
        );
    }
}

#[tokio::test]
async fn the_log_is_bounded_and_the_count_is_not() {
    let stage = Stage::new();
    stage.google.set(|settings| settings.log_size = 2);
    for id in ["aaaaa", "bbbbb", "ccccc"] {
        stage.event("POST", "?sendUpdates=none", Some(timed(id))).await.ok();
    }
    let seen = stage.google.requests();
    let ids: Vec<_> =
        seen.iter().map(|request| request.body.as_ref().unwrap()["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["bbbbb", "ccccc"]);
    assert_eq!(seen[0].parameter("sendUpdates"), Some("none"));
    assert_eq!((seen[0].user.as_deref(), seen[0].status), (Some(ANNA), Some(200)));
    assert_eq!((stage.google.count(ApiMethod::EventsInsert), stage.google.count_all()), (3, 3));
    stage.google.clear_requests();
    assert_eq!((stage.google.requests().len(), stage.google.count_all()), (0, 0));
}

#[tokio::test]
async fn changes_by_people_are_not_counted_as_writes() {
    let stage = Stage::new();
    stage.insert("abcde").await;
    assert!(stage.anna.adds_guest("primary", "abcde", "bo@example.org"));
    assert!(stage.anna.edits_event("primary", "abcde", json!({"summary": "Hers"})));
    assert!(!stage.anna.edits_event("primary", "nosuch", json!({})));
    let event = stage.anna.event("primary", "abcde").unwrap();
    assert_eq!(event.text("summary"), Some("Hers"));
    assert_eq!(event.json["attendees"][0]["email"], "bo@example.org");
    assert_eq!((stage.google.mails().len(), stage.google.invitations()), (0, 0), "a person's own change");
    assert_eq!(stage.google.writes().total(), 1);
    assert!(stage.anna.deletes_event("primary", "abcde"));
    assert!(!stage.anna.deletes_event("primary", "abcde"));
    let other = stage.anna.adds_calendar("Other");
    assert!(stage.anna.deletes_calendar(&other));
    assert_eq!(stage.google.calendars().len(), 1);
}

#[tokio::test]
async fn an_id_with_a_slash_is_one_segment() {
    let stage = Stage::new();
    stage.event("GET", "/a%2Fb", None).await.is_refused(404, "notFound");
    let seen = stage.google.requests();
    assert_eq!(seen[0].event.as_deref(), Some("a/b"));
    assert_eq!(seen[0].method, ApiMethod::EventsGet);
}
