//! One refresh at a time per grant, for any number of callers, and also when callers are dropped.

use std::sync::Arc;
use std::time::Duration;

use calsync_core::auth::*;
use calsync_core::calendar::{ConnectionKey, Person};
use calsync_core::{ProviderKind, Secret};
use futures_util::FutureExt as _;
use futures_util::future::join_all;

use crate::fixture::*;

#[tokio::test(start_paused = true)]
async fn two_hundred_callers_make_one_refresh_and_one_save() {
    let host = Host::new().await;
    let tokens = join_all((0..200).map(|_| host.token())).await;
    assert!(tokens.iter().all(|token| token.as_ref().unwrap() == "at-1"));
    assert_eq!((host.server.refreshes(), host.store.saves()), (1, 1));
    // The next call needs neither the server nor the store.
    let loads = host.store.loads();
    assert_eq!(host.token().await.unwrap(), "at-1");
    assert_eq!((host.server.refreshes(), host.store.loads()), (1, loads));
    // The response had no refresh token, so the old one stays.
    assert_eq!(host.store.stored(&key()).await.refresh_token.unwrap().expose(), "rt-0");
}

#[tokio::test(start_paused = true)]
async fn a_token_is_refreshed_before_it_expires() {
    let host = Host::new().await;
    host.token().await.unwrap();
    host.clock.advance(chrono::Duration::minutes(54));
    assert_eq!(host.token().await.unwrap(), "at-1");
    host.clock.advance(chrono::Duration::minutes(1));
    assert_eq!(host.token().await.unwrap(), "at-2");
    assert_eq!(host.server.refreshes(), 2);
}

/// The refresh takes about twenty polls. All callers are dropped after 0, 1, 2 … polls.
#[tokio::test(start_paused = true)]
async fn dropped_callers_lose_no_token() {
    let mut refreshed_by_the_dropped = 0;
    for polls in 0..40 {
        let host = Host::new().await;
        host.server.script().rotates = true;
        let callers: Vec<_> = (0..3)
            .map(|_| {
                let tokens = host.tokens.clone();
                tokio::spawn(async move { tokens.token(&key()).await.map(drop) })
            })
            .collect();
        for _ in 0..polls {
            tokio::task::yield_now().await;
        }
        callers.iter().for_each(tokio::task::JoinHandle::abort);
        tokio::time::timeout(Duration::from_secs(60), std::future::pending::<()>()).await.unwrap_err();

        // The tokens the server issued are stored, and the next caller gets them without another
        // refresh.
        let before = host.server.refreshes();
        refreshed_by_the_dropped += before;
        let token = host.token().await.unwrap();
        let stored = host.store.stored(&key()).await;
        assert_eq!(stored.access_token.expose(), token, "after {polls} polls");
        assert_eq!(stored.refresh_token.unwrap().expose(), "rt-1", "after {polls} polls");
        assert_eq!(host.server.refreshes(), 1, "after {polls} polls");
    }
    assert!(refreshed_by_the_dropped > 30, "the callers were dropped before they began");
}

#[tokio::test(start_paused = true)]
async fn tokens_that_another_process_refreshed_are_used() {
    let host = Host::new().await;
    let peer = host.peer();
    peer.token().await.unwrap();
    assert_eq!(host.token().await.unwrap(), "at-1");
    assert_eq!(host.server.refreshes(), 1);
    // Also after a 401: the peer's newer token is used before a refresh of its own.
    let (old, peers) = (host.tokens.token(&key()).await.unwrap(), peer.tokens.token(&key()).await.unwrap());
    assert_eq!(peer.tokens.renew(&key(), &peers).await.unwrap().expose(), "at-2");
    assert_eq!(host.tokens.renew(&key(), &old).await.unwrap().expose(), "at-2");
    assert_eq!(host.server.refreshes(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_renewed_once_for_all_callers() {
    let host = Host::new().await;
    let refused = host.tokens.token(&key()).await.unwrap();
    let key = key();
    let renewed = join_all((0..50).map(|_| host.tokens.renew(&key, &refused))).await;
    assert!(renewed.iter().all(|token| token.as_ref().unwrap().expose() == "at-2"));
    assert_eq!(host.server.refreshes(), 2);
    // A late caller gets the same token.
    assert_eq!(host.tokens.renew(&key, &refused).await.unwrap().expose(), "at-2");
    assert_eq!(host.server.refreshes(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_not_returned_by_a_read_of_the_store_in_progress() {
    let host = Host::new().await;
    let refused = host.tokens.token(&key()).await.unwrap();
    host.clock.advance(chrono::Duration::minutes(2));
    // The first call only reads the store again, and gets the token that the second one rejects.
    let key = key();
    let (read, renewed) = tokio::join!(host.token(), host.tokens.renew(&key, &refused));
    assert_eq!((read.unwrap().as_str(), renewed.unwrap().expose()), ("at-1", "at-2"));
}

#[tokio::test(start_paused = true)]
async fn another_account_connected_elsewhere_is_used_within_a_minute() {
    let host = Host::new().await;
    host.token().await.unwrap();
    let other = host.fresh("other-account", "rt-other");
    host.peer().tokens.connected(&key(), &other).await.unwrap();
    host.clock.advance(chrono::Duration::seconds(61));
    assert_eq!(host.token().await.unwrap(), "other-account");
    // At once with a cache time of zero, and in the process that connected.
    let yet_another = host.fresh("third-account", "rt-third");
    host.tokens.connected(&key(), &yet_another).await.unwrap();
    assert_eq!(host.token().await.unwrap(), "third-account");
    host.peer().tokens.connected(&key(), &other).await.unwrap();
    let uncached = host.tokens.clone().with_cache_ttl(Duration::ZERO);
    assert_eq!(uncached.token(&key()).await.unwrap().expose(), "other-account");
}

#[tokio::test(start_paused = true)]
async fn tokens_read_before_a_connect_are_not_used_after_it() {
    let host = Host::new().await;
    host.store.put(&key(), &host.fresh("at-before", "rt-before")).await;
    host.store.state.lock().unwrap().slow_loads.push_back(50);
    let tokens = host.tokens.clone();
    let reader = tokio::spawn(async move { tokens.token(&key()).await.map(drop) });
    for _ in 0..5 {
        tokio::task::yield_now().await;
    }
    host.tokens.connected(&key(), &host.fresh("at-after", "rt-after")).await.unwrap();
    assert!(!reader.is_finished());
    reader.await.unwrap().unwrap();
    assert_eq!(host.token().await.unwrap(), "at-after");
}

#[tokio::test(start_paused = true)]
async fn unused_grants_are_removed_from_memory() {
    let host = Host::new().await;
    let remembered = |host: &Host| {
        let debug = format!("{:?}", host.tokens);
        let count = debug.rsplit("grants: ").next().unwrap().split(',').next().unwrap();
        count.trim_end_matches(" .. }").parse::<usize>().unwrap()
    };
    for day in 0..30 {
        for id in 0..100 {
            let key = ConnectionKey::new(Person::Profile((day * 100 + id).into()), ProviderKind::GOOGLE, 1);
            host.store.put(&key, &host.fresh("at", "rt")).await;
            host.tokens.token(&key).await.unwrap();
        }
        host.clock.advance(chrono::Duration::days(1));
    }
    assert!(remembered(&host) <= 400, "{}", remembered(&host));
}

#[tokio::test(start_paused = true)]
async fn grants_do_not_wait_for_each_other() {
    let host = Host::new().await;
    let other = ConnectionKey::new(Person::Guest, ProviderKind::GOOGLE, 1);
    host.store.put(&other, &host.fresh("at-other", "rt-other")).await;
    host.store.fail_saves(&[SaveFault::Lost; 5]);
    let slow = tokio::spawn({
        let tokens = host.tokens.clone();
        async move { tokens.token(&key()).await.map(drop) }
    });
    for _ in 0..30 {
        tokio::task::yield_now().await;
    }
    assert_eq!(host.tokens.token(&other).await.unwrap().expose(), "at-other");
    assert!(!slow.is_finished());
}

#[test]
fn a_refresh_whose_runtime_was_shut_down_is_started_again() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let host = runtime().block_on(Host::new());
    runtime().block_on(async {
        assert!(host.token().now_or_never().is_none());
        tokio::task::yield_now().await;
    });
    assert!(runtime().block_on(host.token()).is_ok());
    // Without a runtime there can be no refresh.
    let host = runtime().block_on(Host::new());
    let error = host.token().now_or_never().unwrap().unwrap_err();
    assert!(matches!(error, AuthError::Configuration(_)));
}

#[tokio::test(start_paused = true)]
async fn a_service_account_needs_no_stored_tokens() {
    #[derive(Debug)]
    struct ServiceAccount;
    #[async_trait::async_trait]
    impl Grant for ServiceAccount {
        async fn obtain(&self, key: &ConnectionKey, current: Option<&Tokens>) -> Result<Tokens, AuthError> {
            let next = current.map_or(1, |tokens| tokens.access_token.expose().len());
            Ok(Tokens::new(Secret::new(format!("{}{}", key.provider, "x".repeat(next)))))
        }
    }
    let (store, clock) = (MemoryTokenStore::new(), clock());
    let sleep = Arc::new(calsync_core::clock::TokioSleep);
    let tokens = AccessTokens::new(Arc::new(ServiceAccount), Arc::new(store.clone()), Arc::new(clock), sleep);
    let token = tokens.token(&key()).await.unwrap();
    assert_eq!(token.expose(), "googlex");
    assert_eq!(tokens.renew(&key(), &token).await.unwrap().expose(), "googlexxxxxxx");
    assert_eq!(store.all().len(), 1);
    let disconnected = tokens.disconnect(&key()).await.unwrap();
    assert!(matches!(disconnected.revocation, Revocation::NotOffered));
    assert!(store.all().is_empty());
}
