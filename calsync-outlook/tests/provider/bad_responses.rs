//! Bad responses from a proxy, a portal or a broken connection: no call reports success for what it
//! did not do, and one event exists afterwards.

use calsync_core::Error;
use calsync_core::error::Retry;
use calsync_core::http::{LoopbackServer, ReqwestTransport};
use calsync_core::provider::Written;
use calsync_outlook::OutlookCalendar;
use calsync_outlook::fake::{Fault, FaultRule};
use http::StatusCode;
use serde_json::json;

use crate::common::World;
use crate::helpers::*;

/// A call, and what it must have done if it succeeds.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Call {
    Create,
    CreateOverOurOwn,
    Update,
    DeleteAtAVersion,
    Delete,
    Find,
    Get,
}

const CALLS: [Call; 7] = [
    Call::Create,
    Call::CreateOverOurOwn,
    Call::Update,
    Call::DeleteAtAVersion,
    Call::Delete,
    Call::Find,
    Call::Get,
];

impl Call {
    /// Makes the call, after an event was written for all calls but the first. Returns whether the
    /// result shows an event.
    async fn made(self, provider: &OutlookCalendar, before: Option<&Written>) -> Result<bool, Error> {
        let before = before.cloned().unwrap_or_else(|| Written::new(calsync_core::names::RemoteId::new("x")));
        match self {
            Self::Create => create(provider, &draft(1)).await.map(|_| true),
            Self::CreateOverOurOwn => create_again(provider, &moved(2)).await.map(|_| true),
            Self::Update => update(provider, &before, &moved(2)).await.map(|_| true),
            Self::DeleteAtAVersion => delete(provider, &before, &draft(2)).await.map(|()| true),
            Self::Delete => delete(provider, &without_etag(&before), &draft(2)).await.map(|()| true),
            Self::Find => find(provider).await.map(|found| found.is_some()),
            Self::Get => get(provider, &before).await.map(|found| found.is_some()),
        }
    }

    /// The location of the event after the call; `None` if there must be no event.
    fn expected_location(self) -> Option<&'static str> {
        match self {
            Self::Create | Self::Find | Self::Get => Some("1 High Street, Leeds, LS1 1AA"),
            Self::CreateOverOurOwn | Self::Update => Some("2 Low Street"),
            Self::DeleteAtAVersion | Self::Delete => None,
        }
    }
}

fn stored_location(world: &World) -> Option<String> {
    let events = world.anna.events("primary");
    assert!(events.len() < 2, "never twice");
    events.first().map(|event| event.json["location"]["displayName"].as_str().unwrap().to_owned())
}

/// Makes one call whose nth request meets a fault. Returns whether there was such a request.
async fn call_with_fault(
    world: &World,
    provider: &OutlookCalendar,
    call: Call,
    fault: &Fault,
    nth: usize,
) -> bool {
    let before = match call {
        Call::Create => None,
        _ => Some(create(provider, &draft(1)).await.unwrap()),
    };
    let was = stored_location(world);
    // The parts of a batch count as requests too. A fault in one spoils the batch.
    world.outlook.fault(FaultRule::new(fault.clone()).with_path("/v1.0/").after(nth));
    let result = call.made(provider, before.as_ref()).await;
    let was_applied = world.outlook.faults_left() == 0;
    world.outlook.clear_faults();
    let what = format!("{call:?}, request {nth}: {fault:?}");
    match &result {
        Ok(has_event) => {
            assert!(has_event, "{what}: the event is not found");
            assert_eq!(stored_location(world).as_deref(), call.expected_location(), "{what}");
        }
        Err(error) if error.retry() != Retry::Unknown => {
            assert_eq!(stored_location(world), was, "{what}: {error}")
        }
        Err(_) => {}
    }
    continue_sync(world, provider, call, before.as_ref()).await;
    assert_eq!(
        stored_location(world).as_deref(),
        call.expected_location(),
        "{what}: after the sync continued"
    );
    was_applied
}

/// Does what the syncer does next: finds the event, and continues from what it finds.
async fn continue_sync(world: &World, provider: &OutlookCalendar, call: Call, before: Option<&Written>) {
    let current = match before {
        Some(before) => get(provider, before).await.unwrap(),
        None => find(provider).await.unwrap(),
    };
    let current = current.map(|found| Written::new(found.remote_id).with_etag(found.etag));
    match (call.expected_location(), current) {
        (Some(_), Some(current)) => {
            let draft = if call.expected_location() == Some("2 Low Street") { moved(3) } else { draft(3) };
            update(provider, &current, &draft).await.unwrap();
        }
        (Some(_), None) => drop(create_again(provider, &draft(3)).await.unwrap()),
        (None, Some(current)) => delete(provider, &current, &draft(3)).await.unwrap(),
        (None, None) => assert!(world.anna.events("primary").is_empty()),
    }
}

#[tokio::test]
async fn no_call_reports_success_for_what_it_did_not_do() {
    let other_event = json!({"id": "AAkALgOther1", "subject": "Another's", "@odata.etag": "W/\"1\"",
        "start": {"dateTime": "2026-12-01T09:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2026-12-01T10:00:00", "timeZone": "UTC"}});
    let mut met = 0;
    for fault in [
        Fault::Cut,
        Fault::Html,
        Fault::OtherJson,
        Fault::WithoutId,
        Fault::NotSent,
        Fault::DropBefore,
        Fault::DropAfter,
        Fault::TimeOutBefore,
        Fault::TimeOutAfter,
        Fault::status(StatusCode::NOT_FOUND),
        Fault::status(StatusCode::BAD_GATEWAY),
        Fault::status(StatusCode::BAD_GATEWAY).after(),
        Fault::status(StatusCode::OK),
        Fault::json(StatusCode::OK, &json!({})),
        Fault::json(StatusCode::OK, &json!({"value": []})).after(),
        Fault::json(StatusCode::OK, &json!({"id": ""})).after(),
        Fault::json(StatusCode::CREATED, &json!(null)).after(),
    ] {
        for call in CALLS {
            for nth in 0..5 {
                let world = World::new().await;
                met += usize::from(call_with_fault(&world, &world.provider(), call, &fault, nth).await);
            }
        }
    }
    assert!(met > 200, "{met}");
    // Another event in the response, in place of the one that was created.
    let world = World::new().await;
    world.outlook.fault(Fault::json(StatusCode::CREATED, &other_event).after());
    let written = create(&world.provider(), &draft(1)).await.unwrap();
    assert_eq!(written.remote_id.as_str(), only(&world).id);
}

#[tokio::test]
async fn an_oversized_response_and_a_redirect_are_errors() {
    let world = World::new().await;
    let server = LoopbackServer::start(world.outlook.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let other = World::new().await;
    let elsewhere =
        LoopbackServer::start(other.outlook.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let base = server.base_url();
    let transport = ReqwestTransport::builder().without_tls().build().unwrap();
    let builder = world.builder().api_url(format!("{base}/v1.0")).login_url(base).transport(transport);
    let provider = builder.build().unwrap();
    for fault in [Fault::Huge(10 * 1024 * 1024), Fault::Redirect(format!("{}/v1.0/me", elsewhere.base_url()))]
    {
        for call in CALLS {
            for nth in 0..3 {
                call_with_fault(&world, &provider, call, &fault, nth).await;
                // The next call starts without events and with an unused key.
                world.outlook.set(|settings| {
                    settings.after_deletion = calsync_outlook::fake::AfterDeletion::MakesAnother;
                });
                for event in world.anna.events("primary") {
                    assert!(world.anna.deletes_event("primary", &event.id));
                }
            }
        }
    }
    assert_eq!(other.outlook.count_all(), 0, "no token was sent to the other server");
}

/// A malformed link to the next page says nothing about the calendar. If the calendar counted as
/// missing, the host would forget its events.
#[tokio::test]
async fn a_malformed_next_link_does_not_mean_a_missing_calendar() {
    for link in ["", "not a url", "https://graph.microsoft.com/v1.0/me/calendars"] {
        let world = World::new().await;
        let provider = world.provider();
        create(&provider, &draft(1)).await.unwrap();
        let body = json!({"responses": [
            {"id": "marker", "status": 200, "body": {"value": [], "@odata.nextLink": link}},
            {"id": "transaction", "status": 200, "body": {"value": []}}]});
        world.outlook.fault(Fault::json(StatusCode::OK, &body));
        let error = find(&provider).await.unwrap_err();
        let is = (error.kind(), error.retry());
        assert_eq!(is, (calsync_core::ErrorKind::Unavailable, Retry::Later), "{link:?}");
        let page = json!({"value": [], "@odata.nextLink": link});
        world.outlook.fault(Fault::json(StatusCode::OK, &page));
        let error = provider.calendars(&crate::common::key_of(1)).await.unwrap_err();
        assert_eq!(error.kind(), calsync_core::ErrorKind::Unavailable, "{link:?}");
    }
}

/// A proxy in front of Graph may respond with success to any request.
#[tokio::test]
async fn a_success_of_a_proxy_confirms_nothing() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    for status in [200, 201, 202, 206] {
        let empty = http::Response::builder().status(status).body(Default::default()).unwrap();
        world.outlook.fault(Fault::Answer(empty));
        assert_eq!(
            delete(&provider, &written, &draft(2)).await.unwrap_err().retry(),
            Retry::Unknown,
            "{status}"
        );
    }
    let other = json!({"id": "AAkALgOther1", "subject": "Another's", "@odata.etag": "W/\"1\""});
    let at_update = FaultRule::new(Fault::json(StatusCode::OK, &other));
    world.outlook.fault(at_update.with_method(calsync_outlook::fake::ApiMethod::EventsUpdate));
    assert_eq!(update(&provider, &written, &moved(2)).await.unwrap_err().retry(), Retry::Unknown);
    assert_eq!(get(&provider, &written).await.unwrap().unwrap().marker, Some(draft(1).marker));
}

/// Every status with every kind of body, in place of every response: only Graph's own error bodies
/// say anything about an event.
#[tokio::test]
async fn no_status_and_body_cause_a_wrong_result() {
    let bodies = [
        "",
        "<html>x</html>",
        "{\"id\": \"AAkALg",
        "{}",
        "null",
        "[1]",
        "{\"id\": null, \"value\": null, \"responses\": null, \"error\": null}",
        "{\"id\": 7, \"value\": {}, \"responses\": [{\"id\": 1}], \"error\": {\"code\": 7, \"innerError\": []}}",
        "{\"error\": {\"code\": \"ErrorSomethingNew\", \"message\": \"x\"}}",
    ];
    let (mut met, mut world) = (0, World::new().await);
    // Each status with one of the bodies in turn; with all of them if `ALL_BODIES` is set.
    let all = std::env::var("ALL_BODIES").is_ok();
    for status in (200_u16..600).filter(|status| all || status % 100 < 14 || status % 23 == 0) {
        for (number, body) in bodies.iter().enumerate() {
            let response =
                http::Response::builder().status(status).body(body.as_bytes().to_vec().into()).unwrap();
            // A 404 or 410 with a code of Graph's does mean that the event is missing, and an empty
            // 204 that it is deleted.
            let is_gone = matches!(status, 404 | 410) && number == 8;
            let is_deleted = status == 204 && body.is_empty();
            let is_its_turn = usize::from(status) % bodies.len() == number;
            for is_done in [false, true] {
                let fault = Fault::Answer(response.clone());
                // A 3xx or 4xx for a request that took effect is not simulated. Neither are 507 and
                // 509 in Graph's shape of error: they do mean that the request had no effect.
                let is_full = matches!(status, 507 | 509) && number == 8;
                let fault = match is_done {
                    true if status < 300 || (status >= 500 && !is_full) => fault.after(),
                    true => continue,
                    false => fault,
                };
                if is_gone || is_deleted || !(all || is_its_turn) {
                    continue;
                }
                for call in CALLS {
                    for nth in 0..3 {
                        met +=
                            usize::from(call_with_fault(&world, &world.provider(), call, &fault, nth).await);
                        world = World::new().await;
                    }
                }
            }
        }
    }
    assert!(met > 700, "{met}");
}
