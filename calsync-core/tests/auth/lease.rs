//! Two processes, one grant, and a server that revokes it when a refresh token is used twice.

use std::time::Duration;

use calsync_core::auth::*;
use calsync_core::calendar::ConnectionKey;
use tokio::time::Instant;

use crate::fixture::*;

/// A host over a store with leases, at a server that detects reuse.
async fn strict(has_leases: bool) -> Host {
    let host = Host::new().await;
    host.store.state.lock().unwrap().has_leases = has_leases;
    let mut script = host.server.script();
    (script.rotates, script.detects_reuse) = (true, true);
    drop(script);
    host
}

/// Another process has the lease for that many seconds, and crashes.
fn lease_elsewhere(host: &Host, key: &ConnectionKey, seconds: u64) {
    let until = Instant::now() + Duration::from_secs(seconds);
    host.store.state.lock().unwrap().leases.insert(key.clone(), (0, until));
}

#[tokio::test(start_paused = true)]
async fn with_leases_no_race_revokes_the_grant() {
    let race = async |has_leases: bool, head_start: usize| {
        let host = strict(has_leases).await;
        let peer = host.peer();
        let (a, b) = tokio::join!(host.token(), async {
            for _ in 0..head_start {
                tokio::task::yield_now().await;
            }
            peer.token().await
        });
        let is_revoked = host.server.script().is_revoked;
        if has_leases {
            assert_eq!((a.unwrap(), b.unwrap()), ("at-1".to_owned(), "at-1".to_owned()), "{head_start}");
            assert_eq!(host.server.refreshes(), 1, "{head_start}");
            assert!(host.store.state.lock().unwrap().leases.is_empty(), "released");
            // The next refresh does not wait for the released lease.
            host.clock.advance(chrono::Duration::hours(1));
            assert_eq!(peer.token().await.unwrap(), "at-2");
        }
        is_revoked
    };
    let (mut with_leases, mut without) = (0, 0);
    for head_start in 0..50 {
        with_leases += usize::from(race(true, head_start).await);
        without += usize::from(race(false, head_start).await);
    }
    assert_eq!(with_leases, 0);
    assert!(without > 0, "the race is real: without leases the grant is revoked");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_waits_for_the_lease_uses_the_tokens_the_other_saved() {
    let host = strict(true).await;
    lease_elsewhere(&host, &key(), 50);
    let began = Instant::now();
    let (token, ()) = tokio::join!(host.token(), async {
        tokio::time::timeout(Duration::from_secs(2), std::future::pending::<()>()).await.unwrap_err();
        host.store.put(&key(), &host.fresh("at-peer", "rt-peer")).await;
    });
    assert_eq!(token.unwrap(), "at-peer");
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "it does not wait for the lease to expire: {:?}",
        began.elapsed()
    );
    assert_eq!(host.server.refreshes(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_crashed_process_ends_with_its_lease() {
    let host = strict(true).await;
    lease_elsewhere(&host, &key(), 60);
    let began = Instant::now();
    assert_eq!(host.token().await.unwrap(), "at-1");
    assert!((60..=62).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());

    // With a store that never grants a lease the wait ends too, without a refresh.
    let host = strict(true).await;
    lease_elsewhere(&host, &key(), 1_000_000);
    let began = Instant::now();
    let Err(AuthError::Unavailable(unavailable)) = host.token().await else { panic!("no outage") };
    assert_eq!(unavailable.code.unwrap().code(), "lease_busy");
    assert!(began.elapsed() < Duration::from_secs(70));
    assert_eq!(host.server.refreshes(), 0);
}

#[tokio::test(start_paused = true)]
async fn unsaved_new_tokens_keep_the_lease() {
    let host = strict(true).await;
    host.store.fail_saves(&[SaveFault::Lost; 5]);
    host.token().await.unwrap_err();
    let peer = host.peer();
    let (ours, theirs) = tokio::join!(host.token(), peer.token());
    assert_eq!((ours.unwrap(), theirs.unwrap()), ("at-1".to_owned(), "at-1".to_owned()));
    assert!(!host.server.script().is_revoked);
    assert_eq!(host.server.refreshes(), 1);
}
