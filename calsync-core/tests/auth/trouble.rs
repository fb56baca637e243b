//! Stores that fail, workers that race, grants that are dead.

use calsync_core::auth::*;
use calsync_core::calendar::ConnectionKey;
use calsync_core::error::Operation;
use calsync_core::model::Profile;
use calsync_core::{ProviderKind, Secret};
use futures_util::future::join_all;
use tokio::time::Instant;

use crate::world::*;

const DEAD: &str = r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#;

/// A host whose server rotates refresh tokens.
async fn rotating() -> Host {
    let host = Host::new().await;
    host.server.script().rotates = true;
    host
}

#[tokio::test(start_paused = true)]
async fn a_save_that_fails_is_tried_again_before_anybody_gets_the_token() {
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
    // Not handed out, not forgotten, and the rotated refresh token not used a second time.
    assert_eq!(host.server.refreshes(), 1);
    assert_eq!(host.token().await.unwrap(), "at-1");
    assert_eq!(host.store.stored(&key()).await.refresh_token.unwrap().expose(), "rt-1");
    assert_eq!(host.server.refreshes(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_save_that_only_seemed_to_fail_is_found() {
    for faults in [vec![SaveFault::SavedAllTheSame], vec![SaveFault::Lost, SaveFault::SavedAllTheSame]] {
        let host = rotating().await;
        host.store.fail_saves(&faults);
        assert_eq!(host.token().await.unwrap(), "at-1");
        assert_eq!(host.server.refreshes(), 1);
    }
    let host = rotating().await;
    host.store.fail_saves(&[[SaveFault::Lost; 4].as_slice(), &[SaveFault::SavedAllTheSame]].concat());
    assert!(matches!(host.token().await, Err(AuthError::Store(_))));
    assert_eq!(host.token().await.unwrap(), "at-1");
    assert_eq!(host.server.refreshes(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_saved_first_wins() {
    let host = rotating().await;
    let peers = host.fresh("at-peer", "rt-peer");
    host.store.state.lock().unwrap().overtakes.push_back(peers.clone());
    assert_eq!(host.token().await.unwrap(), "at-peer");
    // And so when ours waited in memory meanwhile.
    let host = rotating().await;
    host.store.fail_saves(&[SaveFault::Lost; 5]);
    host.token().await.unwrap_err();
    host.store.put(&key(), &peers).await;
    assert_eq!(host.token().await.unwrap(), "at-peer");
    assert_eq!(host.server.refreshes(), 1);
    // What the winner saved may be no good any more: its refresh token is then the one to use.
    let host = rotating().await;
    let stale = host.old("at-stale", "rt-stale");
    host.store.state.lock().unwrap().overtakes.push_back(stale);
    assert_eq!(host.token().await.unwrap(), "at-2");
    assert!(host.server.seen(Operation::Refresh)[1].form.contains("rt-stale"));
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_shared_by_those_who_wait_and_not_remembered() {
    let host = Host::new().await;
    host.server.answer_with(503, &[], "<html>");
    let errors = join_all((0..50).map(|_| host.token())).await;
    assert!(errors.iter().all(|error| matches!(error, Err(AuthError::Unavailable(_)))));
    assert_eq!(host.server.refreshes(), 1);
    assert_eq!(host.token().await.unwrap(), "at-1");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_wants_to_be_left_alone_is_not_asked_before_the_time() {
    let host = Host::new().await;
    host.server.answer_with(503, &[("retry-after", "9")], "<html>");
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
async fn a_dead_grant_is_asked_again_after_an_hour_and_not_before() {
    let host = Host::new().await;
    host.server.answer(400, DEAD).answer(400, DEAD);
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
    // A connect begins anew, and so do tokens that another process stored.
    host.store.put(&key(), &host.old("at-9", "rt-9")).await;
    assert_eq!(host.token().await.unwrap(), "at-1");
    assert!(host.server.seen(Operation::Refresh)[2].form.contains("rt-9"));
}

/// One answer of a server that was wrong for a moment.
#[tokio::test(start_paused = true)]
async fn a_refusal_by_mistake_heals_within_the_hour() {
    let host = Host::new().await;
    host.server.answer(400, DEAD);
    assert!(matches!(host.token().await, Err(AuthError::Reconnect { confirmed: false, .. })));
    host.clock.advance(chrono::Duration::minutes(61));
    assert_eq!(host.token().await.unwrap(), "at-1");
    // Later ones are first ones again: the tokens are others by now.
    host.clock.advance(chrono::Duration::hours(2));
    host.server.answer(400, DEAD);
    assert!(matches!(host.token().await, Err(AuthError::Reconnect { confirmed: false, .. })));
    // A clock that was wrong makes a note of the future, which is none.
    let host = Host::new().await;
    host.clock.advance(chrono::Duration::days(3650));
    host.server.answer(400, DEAD);
    host.token().await.unwrap_err();
    host.clock.advance(chrono::Duration::days(-3650));
    assert_eq!(host.token().await.unwrap(), "at-1");
}

#[tokio::test(start_paused = true)]
async fn what_an_administrator_has_to_mend_is_asked_for_once_an_hour() {
    let host = Host::new().await;
    for code in ["admin_policy_enforced", "org_internal"] {
        host.server.script().seen.clear();
        host.server.answer(403, &format!(r#"{{"error":"{code}","error_description":"Anna may not"}}"#));
        for _ in 0..5 {
            let Err(AuthError::Blocked(said)) = host.token().await else { panic!("{code}") };
            assert_eq!((said.code(), said.remedy()), (code, Remedy::Admin));
        }
        assert_eq!(host.server.refreshes(), 1);
        host.clock.advance(chrono::Duration::minutes(61));
    }
    assert_eq!(host.token().await.unwrap(), "at-1", "the policy is gone");
}

#[tokio::test(start_paused = true)]
async fn a_locked_account_is_left_in_peace_for_an_hour() {
    let host = Host::new().await;
    host.server.answer(400, r#"{"error":"invalid_grant","error_codes":[50053]}"#);
    for _ in 0..5 {
        let Err(AuthError::Unavailable(unavailable)) = host.token().await else { panic!("no outage") };
        assert_eq!(unavailable.retry_after.unwrap().as_secs(), 3600);
    }
    assert_eq!(host.server.refreshes(), 1);
    host.clock.advance(chrono::Duration::hours(1));
    assert_eq!(host.token().await.unwrap(), "at-1");
}

#[tokio::test(start_paused = true)]
async fn a_revoked_grant_whose_token_still_looks_good_is_found_dead() {
    let host = Host::new().await;
    let refused = host.tokens.token(&key()).await.unwrap();
    host.server.answer(400, DEAD);
    assert!(matches!(host.tokens.renew(&key(), &refused).await, Err(AuthError::Reconnect { .. })));
    // The next call does not begin with the token that was refused.
    assert!(matches!(host.token().await, Err(AuthError::Reconnect { .. })));
    assert_eq!(host.server.refreshes(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_a_peer_just_used_is_not_taken_for_a_dead_grant() {
    let host = rotating().await;
    host.server.answer(400, DEAD);
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
async fn two_processes_and_a_server_that_takes_each_refresh_token_once_end_well() {
    let host = rotating().await;
    let peer = host.peer();
    let (a, b) = tokio::join!(host.token(), peer.token());
    // Both refreshed; one saved first and both have its token.
    assert_eq!(a.unwrap(), b.unwrap());
    assert_eq!(host.server.refreshes(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_under_way_does_not_bring_a_disconnected_grant_back() {
    for polls in 0..30 {
        let host = rotating().await;
        let tokens = host.tokens.clone();
        let caller = tokio::spawn(async move { tokens.token(&key()).await.map(drop) });
        for _ in 0..polls {
            tokio::task::yield_now().await;
        }
        // The store alone: revoking takes polls of its own.
        host.store.rows.remove(&key()).await.unwrap();
        drop(caller.await.unwrap());
        assert!(host.store.rows.all().is_empty(), "after {polls} polls");
    }
}

#[tokio::test(start_paused = true)]
async fn the_guides_columns_are_enough_to_begin_with() {
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
    // Its token came with a line feed that no header can hold: a refresh heals that.
    assert_eq!(host.tokens.token(&flat).await.unwrap().expose(), "at-1");
    let third = ConnectionKey::new(key().person, ProviderKind::GOOGLE, 3);
    assert_eq!(host.tokens.token(&third).await.unwrap().expose(), "at-2");
    // One without an expiry is used until it is refused.
    host.store.put(&flat, &Tokens::new(Secret::new("ya29.kept"))).await;
    host.clock.advance(chrono::Duration::days(30));
    assert_eq!(host.tokens.token(&flat).await.unwrap().expose(), "ya29.kept");
}
