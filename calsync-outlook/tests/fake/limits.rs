//! Limits: requests at the same time, and in ten minutes.

use std::time::Duration;

use calsync_outlook::fake::{Latency, LimitResponse, Limits};
use chrono::TimeDelta;

use crate::client::{ANNA, Stage, timed};

#[tokio::test]
async fn four_requests_at_a_time_are_allowed() {
    let stage = Stage::new();
    let bo = stage.outlook.tokens("bo@example.org", &["Calendars.ReadWrite"]).access_token;
    let mut other = Stage::new();
    (other.outlook, other.token) = (stage.outlook.clone(), bo.expose().to_owned());
    stage.outlook.set(|settings| settings.latency = Some(Latency::Turns(3)));
    let one = || stage.event("POST", "", Some(timed("x")));
    let (a, b, c, d, e, f) = tokio::join!(one(), one(), one(), one(), one(), other.event("GET", "", None));
    let statuses = [a.status, b.status, c.status, d.status, e.status, f.status];
    assert_eq!(statuses, [201, 201, 201, 201, 429, 200]);
    e.is_refused(429, "ApplicationThrottled");
    assert_eq!(e.header("retry-after"), Some("10"));
    assert_eq!(stage.anna.events("primary").len(), 4, "what is refused is not done");
    assert_eq!((stage.outlook.most_in_flight(ANNA), stage.outlook.most_in_flight("bo@example.org")), (5, 1));
    // Any number is allowed one after another.
    for _ in 0..9 {
        assert_eq!(one().await.status, 201);
    }
    stage.outlook.set(|settings| {
        settings.limits.in_flight_per_mailbox = Some(1);
        settings.limits.answer = LimitResponse::Unavailable;
        settings.limits.retry_after = None;
    });
    let (a, b) = tokio::join!(one(), one());
    assert_eq!((a.status, b.status, b.header("retry-after")), (201, 503, None));
}

#[tokio::test]
async fn a_cancelled_request_is_no_longer_in_flight() {
    let stage = Stage::new();
    stage.outlook.set(|settings| {
        settings.limits.in_flight_per_mailbox = Some(1);
        settings.latency = Some(Latency::Turns(1000));
    });
    for _ in 0..3 {
        let call = stage.event("GET", "", None);
        let cancelled = tokio::time::timeout(Duration::ZERO, call).await;
        assert!(cancelled.is_err());
    }
    stage.outlook.set(|settings| settings.latency = Some(Latency::Time(Duration::from_secs(1))));
    assert_eq!(stage.event("GET", "", None).await.status, 200);
    assert_eq!(stage.outlook.most_in_flight(ANNA), 1);
}

#[tokio::test]
async fn requests_in_ten_minutes_are_limited() {
    let stage = Stage::new();
    assert_eq!(Limits::of_outlook().per_ten_minutes_per_mailbox, Some(10_000));
    stage.outlook.set(|settings| settings.limits.per_ten_minutes_per_mailbox = Some(2));
    let get = async || stage.event("GET", "", None).await;
    assert_eq!(get().await.status, 200);
    stage.clock.advance(TimeDelta::minutes(5));
    assert_eq!(get().await.status, 200);
    let refused = get().await;
    refused.is_refused(429, "TooManyRequests");
    assert_eq!(refused.header("retry-after"), Some("10"));
    stage.clock.advance(TimeDelta::minutes(5));
    get().await.is_refused(429, "TooManyRequests");
    // Refused requests count too.
    stage.clock.advance(TimeDelta::minutes(5));
    assert_eq!(get().await.status, 200);
}
