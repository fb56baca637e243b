//! Refusals: the error of each, who can help, and that nothing was changed.

use calsync_core::error::{Operation, Retry};
use calsync_core::names::CalendarId;
use calsync_core::provider::{CalendarProvider, CreateOptions, TargetQuery};
use calsync_core::{Error, ErrorKind};
use calsync_outlook::OutlookCalendar;
use calsync_outlook::fake::{ApiMethod, Fault, FaultRule, graph_error};
use http::StatusCode;

use crate::common::{World, calendar_in, calendar_of, draft_at, event, key_of, put};
use crate::helpers::*;

/// Makes every call for an existing event. Returns the errors.
async fn every_refusal(provider: &OutlookCalendar, written: &calsync_core::provider::Written) -> Vec<Error> {
    let unread = without_etag(written);
    [
        create(provider, &moved(9)).await.err(),
        create_again(provider, &moved(9)).await.err(),
        update(provider, written, &moved(9)).await.err(),
        delete(provider, written, &draft(9)).await.err(),
        delete(provider, &unread, &draft(9)).await.err(),
        find(provider).await.err(),
        get(provider, written).await.err(),
        provider.calendars(&key_of(1)).await.err(),
    ]
    .map(Option::unwrap)
    .into()
}

#[tokio::test]
async fn a_closed_mailbox_is_forbidden_and_a_mailbox_on_the_move_is_unavailable() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    let claims = || graph_error(StatusCode::FORBIDDEN, "insufficient_claims", "Claims challenge.");
    for (number, (kind, code)) in [
        (ErrorKind::Forbidden, "ErrorAccessDenied"),
        (ErrorKind::Forbidden, "insufficient_claims"),
        // A mailbox that is being moved. Its person cannot fix this.
        (ErrorKind::Unavailable, "MailboxNotEnabledForRESTAPI"),
    ]
    .into_iter()
    .enumerate()
    {
        match number {
            0 => world.anna.is_barred(true),
            1 => world.outlook.fault(FaultRule::new(claims()).with_path("/v1.0/").always()),
            _ => world.anna.loses_mailbox(),
        }
        for error in every_refusal(&provider, &written).await {
            let retry = if kind == ErrorKind::Forbidden { Retry::Never } else { Retry::Later };
            let actual = (error.kind(), error.retry(), error.failure().code.as_deref());
            assert_eq!(actual, (kind, retry, Some(code)), "{error}");
        }
        world.anna.is_barred(false);
        world.outlook.clear_faults();
    }
    assert_eq!(only(&world).json["location"]["displayName"], "1 High Street, Leeds, LS1 1AA");
    // Ben's mailbox is not affected.
    let place = calendar_of(2);
    provider.create(&place, &draft_at(&place, 1, event()), &CreateOptions::new()).await.unwrap();
}

#[tokio::test]
async fn a_scope_that_was_not_granted_is_refused() {
    let world = World::new().await;
    put(&world.store, &key_of(1), world.anna.tokens(&["Calendars.Read"])).await;
    let provider = world.provider();
    let error = create(&provider, &draft(1)).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Forbidden, Retry::Never));
    assert_eq!(error.failure().code.as_deref(), Some("ErrorAccessDenied"));
    assert_eq!(find(&provider).await.unwrap(), None, "reading was granted");
    assert!(world.outlook.events().is_empty());
}

#[tokio::test]
async fn an_access_token_that_expires_during_a_run_is_refreshed_once() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    world.outlook.expire_access_tokens();
    update(&provider, &written, &draft(2)).await.unwrap();
    assert_eq!(world.outlook.token_refreshes(), 1);

    // One back end is behind and refuses a valid token.
    let refused =
        graph_error(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", "Lifetime validation failed.");
    world.outlook.fault(FaultRule::new(refused.clone()).with_path("/v1.0/"));
    update(&provider, &written, &moved(3)).await.unwrap();
    assert_eq!(world.outlook.token_refreshes(), 2);
    assert_eq!(only(&world).json["location"]["displayName"], "2 Low Street");

    // Graph also refuses the new token: an outage, since the token endpoint has just issued it.
    world.outlook.fault(FaultRule::new(refused).with_path("/v1.0/").always());
    for error in every_refusal(&provider, &written).await {
        let actual = (error.kind(), error.retry(), error.failure().code.as_deref());
        assert_eq!(actual, (ErrorKind::Unavailable, Retry::Later, Some("InvalidAuthenticationToken")));
    }
}

/// Exchange knows of a revocation that Graph's front end does not: the batch gets 200, a part of it
/// 401.
#[tokio::test]
async fn a_token_that_is_refused_in_a_batch_part_is_refreshed_once() {
    let refused = || {
        let error = graph_error(
            StatusCode::UNAUTHORIZED,
            "InvalidAuthenticationToken",
            "Lifetime validation failed.",
        );
        FaultRule::new(error).with_method(ApiMethod::EventsList)
    };
    let world = World::new().await;
    let provider = world.provider();
    create(&provider, &draft(1)).await.unwrap();
    for part in [0, 1] {
        let (refreshes, batches) = (world.outlook.token_refreshes(), world.outlook.count(ApiMethod::Batch));
        world.outlook.fault(refused().after(part));
        assert!(find(&provider).await.unwrap().is_some());
        let counts =
            (world.outlook.token_refreshes() - refreshes, world.outlook.count(ApiMethod::Batch) - batches);
        assert_eq!(counts, (1, 2), "one refresh, and the batch once more");
    }
    // As long as it continues it is an outage, with one refresh per call.
    let before = world.outlook.token_refreshes();
    world.outlook.fault(refused().always());
    let error = find(&provider).await.unwrap_err();
    let actual = (error.kind(), error.retry(), error.failure().code.as_deref());
    assert_eq!(actual, (ErrorKind::Unavailable, Retry::Later, Some("InvalidAuthenticationToken")));
    assert_eq!(world.outlook.token_refreshes(), before + 1);
}

#[tokio::test]
async fn a_lost_refresh_is_retried_and_a_revoked_grant_is_not() {
    let world = World::new().await;
    let provider = world.provider();
    create(&provider, &draft(1)).await.unwrap();
    world.outlook.expire_access_tokens();
    world.outlook.fault(FaultRule::new(Fault::DropAfter).with_method(ApiMethod::Token));
    let error = create(&provider, &draft(2)).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Later));
    create(&provider, &draft(2)).await.unwrap();

    world.anna.revokes_access();
    let before = world.outlook.count(ApiMethod::Token);
    for revision in 3..6 {
        let error = create(&provider, &draft(revision)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert_eq!(error.failure().code.as_deref(), Some("invalid_grant"));
    }
    assert_eq!(world.outlook.count(ApiMethod::Token), before + 1, "requested once, and remembered");
    let place = calendar_of(2);
    provider.create(&place, &draft_at(&place, 1, event()), &CreateOptions::new()).await.unwrap();
}

/// A proxy with an error knows nothing about the event. If its 404 counted, the host would write a
/// second event.
#[tokio::test]
async fn a_proxys_error_page_says_nothing_about_event_calendar_or_grant() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    let gateway = |status: u16, body: &'static str| {
        Fault::Answer(http::Response::builder().status(status).body(body.into()).unwrap())
    };
    for status in [404, 410, 403, 401, 400] {
        for body in ["<html>Not here</html>", "", "{}", r#"{"message":"no Route matched with those values"}"#]
        {
            let response = gateway(status, body);
            world.outlook.fault(FaultRule::new(response).with_path("/v1.0/").always());
            // An error of a single request does not put the account on hold.
            let kind = if status == 400 { ErrorKind::Other } else { ErrorKind::Unavailable };
            for error in every_refusal(&provider, &written).await {
                assert_eq!((error.kind(), error.retry()), (kind, Retry::Later), "{status} {error}");
            }
            world.outlook.clear_faults();
            assert_eq!(only(&world).id, written.remote_id.as_str());
        }
    }
    // Only the first request fails. The reads that follow would find the event.
    for status in [404, 410] {
        for call in 0..3 {
            world.outlook.fault(FaultRule::new(gateway(status, "")).with_path("/v1.0/"));
            let error = match call {
                0 => delete(&provider, &written, &draft(2)).await.unwrap_err(),
                1 => update(&provider, &written, &moved(2)).await.unwrap_err(),
                _ => get(&provider, &written).await.unwrap_err(),
            };
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{status} {call}");
        }
    }
    assert_eq!(only(&world).id, written.remote_id.as_str());
}

#[tokio::test]
async fn content_that_graph_refuses_creates_no_event() {
    let world = World::new().await;
    let provider = world.provider();
    for code in ["ErrorPropertyValidationFailure", "RequestBodyRead", "TimeZoneNotSupportedException"] {
        world.outlook.fault(graph_error(StatusCode::BAD_REQUEST, code, "CANARY"));
        let error = create(&provider, &draft(1)).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Refused, Retry::Never), "{code}");
        assert_eq!(error.failure().operation, Operation::Create);
        assert!(error.failure().request_id.is_some(), "for Microsoft's support");
    }
    assert!(world.outlook.events().is_empty());
}

#[tokio::test]
async fn a_namespace_that_exchange_would_cut_is_refused_before_any_request() {
    let world = World::new().await;
    let provider = world.provider();
    let mut long = draft(1);
    long.marker.namespace = "n".repeat(256).into();
    assert_eq!(create(&provider, &long).await.unwrap_err().kind(), ErrorKind::Configuration);
    assert_eq!(world.outlook.count_all(), 0);
    long.marker.namespace = "n".repeat(255).into();
    create(&provider, &long).await.unwrap();
    let query = TargetQuery::new(long.marker.namespace.clone(), long.marker.key.target());
    let found = provider.find(&calendar_of(1), &query).await.unwrap();
    assert_eq!(found[0].marker.as_ref(), Some(&long.marker));
    let listed = provider.list_ours(&calendar_of(1), &long.marker.namespace, None).await.unwrap();
    assert_eq!(listed.events, found);
    let error = provider.list_ours(&calendar_of(1), &"n".repeat(256), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
}

#[tokio::test]
async fn a_calendar_without_tokens_is_not_connected() {
    let world = World::new().await;
    let place = calendar_in(3, CalendarId::primary());
    let result = world.provider().create(&place, &draft_at(&place, 1, event()), &CreateOptions::new()).await;
    let error = result.unwrap_err();
    let actual = (error.kind(), error.failure().code.as_deref());
    assert_eq!(actual, (ErrorKind::Unauthenticated, Some("not_connected")));
    assert_eq!(world.outlook.count_all(), 0);
}
