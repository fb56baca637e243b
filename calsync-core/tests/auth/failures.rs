//! Stores that fail, workers that race, and grants that are refused.

use calsync_core::auth::*;
use calsync_core::calendar::ConnectionKey;
use calsync_core::error::Operation;
use calsync_core::model::Profile;
use calsync_core::{ProviderKind, Secret};
use futures_util::future::join_all;
use tokio::time::Instant;

use crate::fixture::*;

const INVALID_GRANT: &str =
    r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#;

/// A host whose server rotates refresh tokens.
async fn rotating() -> Host {
    let host = Host::new().await;
    host.server.script().rotates = true;
    host
}

#[tokio::test(start_paused = true)]
async fn a_failed_save_is_retried_before_any_caller_gets_the_token() {
    let host = rotating().await;
    host.store.fail_saves(&[SaveFault::Lost; 4]);
    assert_eq!(host.token().await.unwrap(), "at-1");
    assert_eq!(host.store.stored(&key()).await.refresh_token.unwrap().expose(), "rt-1");
    assert_eq!((host.server.refreshes(), host.store.saves()), (1, 5));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_could_not_be_saved_is_saved_by_the_next_caller() {
    let host = rotating().await;
    host.store.fail_saves(&[SaveFault::Lost; 10]);
    for _ in 0..2 {
        let errors = join_all((0..20).map(|_| host.token())).await;
        assert!(errors.iter().all(|error| matches!(error, Err(AuthError::Store(_)))));
    }
    // The new token was neither returned nor lost, and the old refresh token was not used a second
    // time.
    assert_eq!(host.server.refreshes(), 1);
    assert_eq!(host.token().await.unwrap(), "at-1");
    assert_eq!(host.store.stored(&key()).await.refresh_token.unwrap().expose(), "rt-1");
    assert_eq!(host.server.refreshes(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_save_that_reported_a_failure_but_succeeded_is_found() {
    for faults in
        [vec![SaveFault::SavedButReportedAsLost], vec![SaveFault::Lost, SaveFault::SavedButReportedAsLost]]
    {
        let host = rotating().await;
        host.store.fail_saves(&faults);
        assert_eq!(host.token().await.unwrap(), "at-1");
        assert_eq!(host.server.refreshes(), 1);
    }
    let host = rotating().await;
    host.store.fail_saves(&[[SaveFault::Lost; 4].as_slice(), &[SaveFault::SavedButReportedAsLost]].concat());
    assert!(matches!(host.token().await, Err(AuthError::Store(_))));
    assert_eq!(host.token().await.unwrap(), "at-1");
    assert_eq!(host.server.refreshes(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_first_save_wins() {
    let host = rotating().await;
    let peers = host.fresh("at-peer", "rt-peer");
    host.store.state.lock().unwrap().overtakes.push_back(peers.clone());
    assert_eq!(host.token().await.unwrap(), "at-peer");
    // Also if our tokens were kept in memory meanwhile.
    let host = rotating().await;
    host.store.fail_saves(&[SaveFault::Lost; 5]);
    host.token().await.unwrap_err();
    host.store.put(&key(), &peers).await;
    assert_eq!(host.token().await.unwrap(), "at-peer");
    assert_eq!(host.server.refreshes(), 1);
    // If the winner's access token has expired, its refresh token is used.
    let host = rotating().await;
    let stale = host.old("at-stale", "rt-stale");
    host.store.state.lock().unwrap().overtakes.push_back(stale);
    assert_eq!(host.token().await.unwrap(), "at-2");
    assert!(host.server.seen(Operation::Refresh)[1].form.contains("rt-stale"));
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_reported_to_all_waiting_callers_and_not_remembered() {
    let host = Host::new().await;
    host.server.respond_with(503, &[], "<html>");
    let errors = join_all((0..50).map(|_| host.token())).await;
    assert!(errors.iter().all(|error| matches!(error, Err(AuthError::Unavailable(_)))));
    assert_eq!(host.server.refreshes(), 1);
    assert_eq!(host.token().await.unwrap(), "at-1");
}

#[tokio::test(start_paused = true)]
async fn no_request_is_sent_before_retry_after_has_passed() {
    let host = Host::new().await;
    host.server.respond_with(503, &[("retry-after", "9")], "<html>");
    for waited in [0, 0, 5] {
        host.clock.advance(chrono::Duration::seconds(waited));
        let Err(AuthError::Unavailable(unavailable)) = host.token().await else { panic!("too early") };
        let left = unavailable.retry_after.map(|wait| wait.as_secs());
        assert_eq!((left, host.server.refreshes()), (Some(9 - waited as u64), 1));
    }
    host.clock.advance(chrono::Duration::seconds(4));
    assert_eq!(host.token().await.unwrap(), "at-1");
}

#[tokio::test(start_paused = true)]
async fn a_refused_grant_is_tried_again_after_an_hour_and_not_before() {
    let host = Host::new().await;
    host.server.respond(400, INVALID_GRANT).respond(400, INVALID_GRANT);
    for minute in (0..60).step_by(10) {
        let Err(AuthError::Reconnect { code, confirmed }) = host.token().await else { panic!("{minute}") };
        assert_eq!((code.code(), confirmed), ("invalid_grant", false), "{minute}");
        host.clock.advance(chrono::Duration::minutes(10));
    }
    assert_eq!(host.server.refreshes(), 1);
    for minute in [0, 30] {
        let Err(AuthError::Reconnect { confirmed, .. }) = host.token().await else { panic!("{minute}") };
        assert!(confirmed, "refused twice, an hour apart: {minute}");
        host.clock.advance(chrono::Duration::minutes(30));
    }
    assert_eq!(host.server.refreshes(), 2);
    let error = AuthError::Reconnect { code: ServerCode::new("invalid_grant"), confirmed: true };
    let failure = error.into_error(ProviderKind::GOOGLE, Operation::Create).into_failure();
    assert!(failure.confirmed && serde_json::to_string(&failure).unwrap().contains("\"confirmed\":true"));
    // Other tokens, which another process stored, are tried at once.
    host.store.put(&key(), &host.old("at-9", "rt-9")).await;
    assert_eq!(host.token().await.unwrap(), "at-1");
    assert!(host.server.seen(Operation::Refresh)[2].form.contains("rt-9"));
}

/// The server refuses once, by mistake.
#[tokio::test(start_paused = true)]
async fn a_refusal_by_mistake_ends_after_an_hour() {
    let host = Host::new().await;
    host.server.respond(400, INVALID_GRANT);
    assert!(matches!(host.token().await, Err(AuthError::Reconnect { confirmed: false, .. })));
    host.clock.advance(chrono::Duration::minutes(61));
    assert_eq!(host.token().await.unwrap(), "at-1");
    // A later refusal is a first one again, because the tokens are new.
    host.clock.advance(chrono::Duration::hours(2));
    host.server.respond(400, INVALID_GRANT);
    assert!(matches!(host.token().await, Err(AuthError::Reconnect { confirmed: false, .. })));
    // A refusal dated in the future, by a wrong clock, does not count.
    let host = Host::new().await;
    host.clock.advance(chrono::Duration::days(3650));
    host.server.respond(400, INVALID_GRANT);
    host.token().await.unwrap_err();
    host.clock.advance(chrono::Duration::days(-3650));
    assert_eq!(host.token().await.unwrap(), "at-1");
}

#[tokio::test(start_paused = true)]
async fn a_grant_blocked_by_an_administrator_is_tried_once_an_hour() {
    let host = Host::new().await;
    for code in ["admin_policy_enforced", "org_internal"] {
        host.server.script().seen.clear();
        host.server.respond(403, &format!(r#"{{"error":"{code}","error_description":"Anna may not"}}"#));
        for _ in 0..5 {
            let Err(AuthError::Blocked(blocked)) = host.token().await else { panic!("{code}") };
            assert_eq!((blocked.code(), blocked.remedy()), (code, Remedy::Admin));
        }
        assert_eq!(host.server.refreshes(), 1);
        host.clock.advance(chrono::Duration::minutes(61));
    }
    assert_eq!(host.token().await.unwrap(), "at-1", "the policy was removed");
}

#[tokio::test(start_paused = true)]
async fn a_locked_account_is_tried_again_after_an_hour() {
    let host = Host::new().await;
    host.server.respond(400, r#"{"error":"invalid_grant","error_codes":[50053]}"#);
    for _ in 0..5 {
        let Err(AuthError::Unavailable(unavailable)) = host.token().await else { panic!("no outage") };
        assert_eq!(unavailable.retry_after.unwrap().as_secs(), 3600);
    }
    assert_eq!(host.server.refreshes(), 1);
    host.clock.advance(chrono::Duration::hours(1));
    assert_eq!(host.token().await.unwrap(), "at-1");
}

#[tokio::test(start_paused = true)]
async fn a_revoked_grant_is_detected_although_its_token_has_not_expired() {
    let host = Host::new().await;
    let refused = host.tokens.token(&key()).await.unwrap();
    host.server.respond(400, INVALID_GRANT);
    assert!(matches!(host.tokens.renew(&key(), &refused).await, Err(AuthError::Reconnect { .. })));
    // The next call does not use the refused token.
    assert!(matches!(host.token().await, Err(AuthError::Reconnect { .. })));
    assert_eq!(host.server.refreshes(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_that_a_peer_just_used_does_not_count_as_a_refused_grant() {
    let host = rotating().await;
    host.server.respond(400, INVALID_GRANT);
    let began = Instant::now();
    let peers = host.fresh("at-peer", "rt-peer");
    let (token, ()) = tokio::join!(host.token(), async {
        // The peer's save comes after our refusal.
        while host.server.refreshes() == 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        host.store.put(&key(), &peers).await;
    });
    assert_eq!(token.unwrap(), "at-peer");
    assert_eq!(began.elapsed().as_millis(), 1000);
}

#[tokio::test(start_paused = true)]
async fn two_processes_that_refresh_at_once_both_get_a_token() {
    let host = rotating().await;
    let peer = host.peer();
    let (a, b) = tokio::join!(host.token(), peer.token());
    // Both refreshed; one saved first, and both return its token.
    assert_eq!(a.unwrap(), b.unwrap());
    assert_eq!(host.server.refreshes(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_in_progress_does_not_restore_a_disconnected_grant() {
    for polls in 0..30 {
        let host = rotating().await;
        let tokens = host.tokens.clone();
        let caller = tokio::spawn(async move { tokens.token(&key()).await.map(drop) });
        for _ in 0..polls {
            tokio::task::yield_now().await;
        }
        // Removed from the store only: a revocation would need more polls.
        host.store.rows.remove(&key()).await.unwrap();
        drop(caller.await.unwrap());
        assert!(host.store.rows.all().is_empty(), "after {polls} polls");
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_from_the_guides_columns_are_enough_to_start() {
    let profile: Profile = serde_json::from_str(
        r#"{"id": 10, "calendar_sync_enabled": true, "calendar_provider": "google",
            "calendar_access_token": "ya29.old\n", "calendar_refresh_token": "1//0a",
            "connections": [{"id": "work", "provider": "outlook"}, {"id": 3, "provider": "google", "refresh_token": "1//0b"}]}"#,
    )
    .unwrap();
    let rows = MemoryTokenStore::new().with_profiles(std::slice::from_ref(&profile));
    assert_eq!(rows.all().len(), 2);
    let host = Host::with(Server::default(), Store { rows, ..Store::default() }, clock());
    let flat = ConnectionKey::new(key().person, ProviderKind::GOOGLE, profile.connections[0].id.clone());
    // Its token has a line feed, which no header can contain: it is refreshed.
    assert_eq!(host.tokens.token(&flat).await.unwrap().expose(), "at-1");
    let third = ConnectionKey::new(key().person, ProviderKind::GOOGLE, 3);
    assert_eq!(host.tokens.token(&third).await.unwrap().expose(), "at-2");
    // A token without an expiry is used until it is refused.
    host.store.put(&flat, &Tokens::new(Secret::new("ya29.kept"))).await;
    host.clock.advance(chrono::Duration::days(30));
    assert_eq!(host.tokens.token(&flat).await.unwrap().expose(), "ya29.kept");
}
