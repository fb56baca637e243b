//! Rules learned from failures of other projects with Google. Their numbers are those of the table
//! in calsync-core's `tests/lessons`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use calsync_core::clock::Clock as _;
use calsync_core::ledger::{BlockReason, Hold, Ledger};
use calsync_core::model::OrderStatus;
use calsync_core::provider::{CalendarProvider, CreateOptions, UpdateOptions};
use calsync_core::report::Verdict;
use calsync_google::fake::{ApiMethod, Fault, FaultRule, google_error};
use chrono::TimeDelta;
use http::StatusCode;
use serde_json::json;

use common::host::Host;
use common::{World, draft_at, event, key_at, place_of};

/// Rule 13: if a key is taken, the event under it is read. Our live event is adopted, our deleted
/// one is restored, and if Google does not allow that, the next key is used, in the same run
/// (keeper.sh #403).
#[tokio::test]
async fn a_conflict_at_create_is_resolved_and_ends_with_one_event() {
    for (was_deleted, revive_forbidden, generation) in [(false, false, 0), (true, false, 0), (true, true, 1)]
    {
        let mut host = Host::new(1).await;
        host.world.google.set(|settings| settings.revive_forbidden = revive_forbidden);
        assert!(host.sync().await.is_all_done());
        if was_deleted {
            assert!(host.world.anna.deletes_event("primary", &host.events().remove(0).id));
        }
        // The host loses its ledger, so that it creates the same event again.
        for appointment in &mut host.appointments {
            appointment.ledger = Ledger::default();
        }
        assert!(host.sync().await.is_all_done());
        let events = host.events();
        assert_eq!(events.len(), 1);
        assert_eq!(events.first().unwrap().id, key_at(&place_of(1), generation).to_string());
        assert!(host.sync().await.outcomes.is_empty());
    }
}

/// Rule 16: filling a newly connected calendar sends no mails, and neither does any later change
/// (odoo #109915).
#[tokio::test]
async fn a_backfill_sends_no_mails() {
    let mut host = Host::new(12).await;
    assert_eq!(host.sync().await.count(Verdict::Created), 12);
    for appointment in &mut host.appointments {
        appointment.start_time += TimeDelta::hours(1);
        appointment.end_time += TimeDelta::hours(1);
    }
    assert_eq!(host.sync().await.count(Verdict::Updated), 12);
    host.order.status = OrderStatus::Cancelled;
    assert_eq!(host.sync().await.count(Verdict::Removed), 12);
    host.assert_silent();
}

/// Rule 18: no guests are written, because Google limits invitations against abuse. After an
/// exhausted quota the account backs off for at least an hour; after an exceeded rate only briefly
/// (CalendarSync #280).
#[tokio::test]
async fn an_exhausted_quota_backs_off_for_an_hour_and_an_exceeded_rate_briefly() {
    for (reason, is_quota) in [("quotaExceeded", true), ("rateLimitExceeded", false)] {
        let mut host = Host::new(1).await;
        let refused = google_error(StatusCode::FORBIDDEN, reason, "Too much");
        host.world.google.fault(FaultRule::new(refused).with_method(ApiMethod::EventsInsert));
        let before = host.world.clock.now();
        let report = host.sync().await;
        let waited = host.world.clock.now() - before;
        assert!(waited < TimeDelta::minutes(2));
        if is_quota {
            let hold = report.outcomes.first().unwrap().hold.clone();
            let Some(Hold::Blocked { reason: BlockReason::Quota, until: Some(until), .. }) = hold else {
                panic!("{report:?}")
            };
            assert!(until - before >= TimeDelta::hours(1));
            let requests = host.world.google.count_all();
            host.world.clock.advance(TimeDelta::minutes(59));
            assert!(host.sync().await.outcomes.is_empty());
            assert_eq!(host.world.google.count_all(), requests);
            host.world.clock.advance(TimeDelta::minutes(2));
            host.sync().await;
        }
        assert_eq!(host.events().len(), 1, "{reason}");
        host.assert_silent();
    }
}

/// Rule 21: our changes keep what a person added to our event, such as a meeting (calrs PR #182).
#[tokio::test]
async fn a_meeting_that_a_person_added_stays_after_our_change() {
    let world = World::new().await;
    let provider = world.provider();
    let place = place_of(1);
    let draft = |revision, text: &str| draft_at(&place, revision, event().with_description(text));
    let written = provider.create(&place, &draft(1, "Staff: Eve"), &CreateOptions::new()).await.unwrap();
    let id = written.remote_id.as_str();
    let ask = json!({"conferenceData": {"createRequest": {"requestId": "r1",
        "conferenceSolutionKey": {"type": "hangoutsMeet"}}}});
    assert!(world.anna.edits_event("primary", id, ask));
    provider.get(&place, &written.remote_id).await.unwrap();
    let meeting = |world: &World| {
        let json = world.anna.event("primary", id).unwrap().json;
        (json["conferenceData"].clone(), json["hangoutLink"].clone())
    };
    let before = meeting(&world);
    assert!(before.1.is_string());
    // With an outdated etag, without one, and with the current one.
    let mut options = UpdateOptions::new().with_etag(written.etag.clone());
    for (revision, text) in [(2, "Staff: Adam"), (3, "Staff: Zoë"), (4, "")] {
        let written =
            provider.update(&place, &written.remote_id, &draft(revision, text), &options).await.unwrap();
        assert_eq!(meeting(&world), before, "{text}");
        options =
            if revision == 2 { UpdateOptions::new() } else { UpdateOptions::new().with_etag(written.etag) };
    }
}

/// Rule 22: a failure of the token endpoint, the network or a proxy does not ask the person to
/// reconnect (keeper.sh #615).
#[tokio::test]
async fn only_a_grant_that_google_reports_as_invalid_needs_a_reconnect() {
    for fault in [
        Fault::DropBefore,
        Fault::Html,
        Fault::status(StatusCode::SERVICE_UNAVAILABLE),
        Fault::status(StatusCode::PROXY_AUTHENTICATION_REQUIRED),
    ] {
        let mut host = Host::new(1).await;
        host.world.google.expire_access_tokens();
        host.world.google.fault(FaultRule::new(fault.clone()).with_method(ApiMethod::Token).always());
        let report = host.sync().await;
        let reasons = report.outcomes.iter().filter_map(|outcome| outcome.hold.as_ref()?.reason());
        assert!(reasons.eq([BlockReason::Unavailable]) && report.notices().is_empty(), "{fault:?}");
        host.world.google.clear_faults();
        host.world.clock.advance(TimeDelta::hours(1));
        assert!(host.sync().await.is_all_done(), "{fault:?}");
    }
    let mut host = Host::new(1).await;
    host.world.anna.revokes_access();
    let report = host.sync().await;
    let notices: Vec<_> = report.notices().iter().map(|notice| notice.reason).collect();
    assert_eq!(notices, [BlockReason::Reconnect]);
}
