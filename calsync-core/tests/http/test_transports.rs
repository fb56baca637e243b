//! The transports for tests behave as documented.

use calsync_core::error::Operation;
use calsync_core::http::{HttpTransport, Request, TransportErrorKind};
use calsync_core::testing::responses::{html, json, status, throttled};
use calsync_core::testing::{FaultyTransport, HttpFault, Recording, ScriptedTransport};

use crate::{Echo, get, kind, part_of, post};

fn create() -> Request {
    part_of(Operation::Create, post("https://example.org/v3/events?a=b", "{\"a\":1}"))
}

#[tokio::test]
async fn a_script_is_followed_and_its_end_is_reported() {
    let script = ScriptedTransport::new([Ok(throttled(30)), Err(TransportErrorKind::TimedOut)]);
    script.then([Ok(json(200, serde_json::json!({"id": "abc"})))]);
    assert_eq!(script.send(create()).await.unwrap().headers()["retry-after"], "30");
    assert_eq!(kind(script.send(create()).await), TransportErrorKind::TimedOut);
    assert_eq!(script.left(), 1);
    assert_eq!(script.send(create()).await.unwrap().body(), r#"{"id":"abc"}"#);
    script.assert_done();

    let error = script.send(create()).await.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::Setup);
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(source, "the script has no response for request 4 (create)");
}

#[tokio::test]
#[should_panic = "no response for request 1 (of no operation)"]
async fn a_request_after_the_end_of_the_script_fails_the_test_even_if_the_error_is_ignored() {
    let script = ScriptedTransport::new([]);
    let _ignored = script.send(get("https://example.org/")).await;
    script.then([Ok(status(200))]);
    let _retried = script.send(get("https://example.org/")).await;
    script.assert_done();
}

#[test]
#[should_panic = "2 responses of the script were not used"]
fn unused_responses_fail_the_test() {
    ScriptedTransport::new([Ok(status(200)), Ok(status(204))]).assert_done();
}

#[tokio::test]
async fn a_recording_keeps_each_request_and_its_outcome() {
    let recording =
        Recording::new(ScriptedTransport::new([Ok(status(200)), Err(TransportErrorKind::Interrupted)]));
    recording.send(create()).await.unwrap();
    recording.send(part_of(Operation::Get, get("https://example.org/v3/events/1"))).await.unwrap_err();
    drop(recording.send(create())); // The future was not polled, so no request was sent.
    assert_eq!(
        [Operation::Create, Operation::Get, Operation::Delete].map(|operation| recording.count(operation)),
        [1, 1, 0]
    );
    let requests = recording.requests();
    assert_eq!(requests[0].outcome, Some(Ok(http::StatusCode::OK)));
    assert_eq!(requests[1].outcome, Some(Err(TransportErrorKind::Interrupted)));
    let request = &requests[0];
    assert_eq!(
        (request.authority.as_str(), request.path.as_str(), request.query.as_str()),
        ("example.org", "/v3/events", "a=b")
    );
    assert_eq!(request.json()["a"], 1);
    recording.clear();
    assert!(recording.requests().is_empty());
}

/// Checks what the client gets, and whether the server got the request.
#[tokio::test]
async fn each_fault_gives_the_documented_result_to_the_client_and_the_server() {
    use TransportErrorKind::{Interrupted, NotSent, TimedOut};
    for (fault, expected, reached) in [
        (HttpFault::None, Ok((200, "{\"a\":1}")), true),
        (HttpFault::Slow(3), Ok((200, "{\"a\":1}")), true),
        (HttpFault::NotSent, Err(NotSent), false),
        (HttpFault::RequestLost, Err(Interrupted), false),
        (HttpFault::ResponseLost, Err(Interrupted), true),
        (HttpFault::TimedOut, Err(TimedOut), true),
        (HttpFault::Instead(status(503)), Ok((503, "")), false),
        (HttpFault::Garbled(json(200, "[")), Ok((200, "[")), true),
        (HttpFault::CutBody, Ok((200, "{\"a")), true),
    ] {
        let recording = Recording::new(Echo);
        let faulty = FaultyTransport::new(recording.clone());
        faulty.script([fault.clone()]);
        let answer = faulty.send(create()).await;
        let answer = answer.map_err(|error| error.kind());
        let told = answer
            .as_ref()
            .map(|answer| (answer.status().as_u16(), std::str::from_utf8(answer.body()).unwrap()));
        assert_eq!(
            (told.map_err(|kind| *kind), recording.count(Operation::Create)),
            (expected, reached.into()),
            "{fault:?}"
        );
        assert!(faulty.send(create()).await.is_ok(), "{fault:?} is over");
    }
}

#[tokio::test]
async fn a_fault_can_be_for_one_operation_only() {
    let faulty = FaultyTransport::new(Echo);
    faulty.script_for(Operation::Create, [HttpFault::ResponseLost, HttpFault::Instead(html(500))]);
    faulty.script([HttpFault::NotSent]);
    assert_eq!(kind(faulty.send(create()).await), TransportErrorKind::Interrupted);
    assert_eq!(kind(faulty.send(get("https://example.org/")).await), TransportErrorKind::NotSent);
    assert_eq!(faulty.send(create()).await.unwrap().status(), 500);
    assert!(faulty.send(create()).await.is_ok());
}

#[tokio::test]
async fn the_same_seed_gives_the_same_faults() {
    let run = async |seed| {
        let faulty = FaultyTransport::new(Echo);
        faulty.at_random(seed, 400, true);
        let mut ends = Vec::new();
        for _ in 0..300 {
            let answer = faulty.send(create()).await;
            ends.push(
                answer.map(|answer| (answer.status(), answer.into_body())).map_err(|error| error.kind()),
            );
        }
        faulty.quiet();
        assert!(faulty.send(create()).await.is_ok());
        ends
    };
    let first = run(7).await;
    assert_eq!(first, run(7).await);
    assert_ne!(first, run(8).await);
    let failed = first.iter().filter(|end| !end.as_ref().is_ok_and(|(_, body)| body == "{\"a\":1}")).count();
    assert!((60..180).contains(&failed), "{failed} of 300 at four in ten");
    for kind in [TransportErrorKind::NotSent, TransportErrorKind::Interrupted, TransportErrorKind::TimedOut] {
        assert!(first.contains(&Err(kind)), "{kind:?}");
    }
    for status in [200, 429, 500, 502, 503] {
        assert!(first.iter().flatten().any(|(had, _)| *had == status), "{status}");
    }
}
