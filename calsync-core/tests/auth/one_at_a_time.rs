//! One refresh at a time, whoever asks and whoever goes away.

use std::sync::Arc;
use std::time::Duration;

use calsync_core::auth::*;
use calsync_core::calendar::{ConnectionKey, Person};
use calsync_core::{ProviderKind, Secret};
use futures_util::FutureExt as _;
use futures_util::future::join_all;

use crate::world::*;

#[tokio::test(start_paused = true)]
async fn two_hundred_callers_make_one_refresh_and_one_save() {
    let host = Host::new().await;
    let tokens = join_all((0..200).map(|_| host.token())).await;
    assert!(tokens.iter().all(|token| token.as_ref().unwrap() == "at-1"));
    assert_eq!((host.server.refreshes(), host.store.saves()), (1, 1));
    // The next ones need neither the server nor the store.
    let loads = host.store.loads();
    assert_eq!(host.token().await.unwrap(), "at-1");
    assert_eq!((host.server.refreshes(), host.store.loads()), (1, loads));
    // The refresh token that was not said again is still there.
    assert_eq!(host.store.stored(&key()).await.refresh_token.unwrap().expose(), "rt-0");
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_before_it_runs_out() {
    let host = Host::new().await;
    host.token().await.unwrap();
    host.clock.advance(chrono::Duration::minutes(54));
    assert_eq!(host.token().await.unwrap(), "at-1");
    host.clock.advance(chrono::Duration::minutes(1));
    assert_eq!(host.token().await.unwrap(), "at-2");
    assert_eq!(host.server.refreshes(), 2);
}

/// The refresh takes some twenty polls; the caller is gone after each number of them, and so are those that joined it.
#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_loses_nothing() {
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

        // What the server gave last is what is stored, and serves the next caller without another refresh.
        let before = host.server.refreshes();
        refreshed_by_the_dropped += before;
        let token = host.token().await.unwrap();
        let stored = host.store.stored(&key()).await;
        assert_eq!(stored.access_token.expose(), token, "after {polls} polls");
        assert_eq!(stored.refresh_token.unwrap().expose(), "rt-1", "after {polls} polls");
        assert_eq!(host.server.refreshes(), 1, "after {polls} polls");
    }
    assert!(refreshed_by_the_dropped > 30, "the callers were gone before they began");
}

#[tokio::test(start_paused = true)]
async fn what_another_process_refreshed_is_taken_over() {
    let host = Host::new().await;
    let peer = host.peer();
    peer.token().await.unwrap();
    assert_eq!(host.token().await.unwrap(), "at-1");
    assert_eq!(host.server.refreshes(), 1);
    // And so after a 401: the peer's newer token comes first, a refresh of one's own second.
    let (old, peers) = (host.tokens.token(&key()).await.unwrap(), peer.tokens.token(&key()).await.unwrap());
    assert_eq!(peer.tokens.renew(&key(), &peers).await.unwrap().expose(), "at-2");
    assert_eq!(host.tokens.renew(&key(), &old).await.unwrap().expose(), "at-2");
    assert_eq!(host.server.refreshes(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_renewed_once_for_all_who_were_refused() {
    let host = Host::new().await;
    let refused = host.tokens.token(&key()).await.unwrap();
    let key = key();
    let renewed = join_all((0..50).map(|_| host.tokens.renew(&key, &refused))).await;
    assert!(renewed.iter().all(|token| token.as_ref().unwrap().expose() == "at-2"));
    assert_eq!(host.server.refreshes(), 2);
    // One who learns of it late gets what the others got.
    assert_eq!(host.tokens.renew(&key, &refused).await.unwrap().expose(), "at-2");
    assert_eq!(host.server.refreshes(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_learnt_while_others_read_the_store_still_leads_to_another_token() {
    let host = Host::new().await;
    let refused = host.tokens.token(&key()).await.unwrap();
    host.clock.advance(chrono::Duration::minutes(2));
    // The first only reads the store again, and finds the refused one good.
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
    // At once where the host says so, and in the process that connected.
    let yet_another = host.fresh("third-account", "rt-third");
    host.tokens.connected(&key(), &yet_another).await.unwrap();
    assert_eq!(host.token().await.unwrap(), "third-account");
    host.peer().tokens.connected(&key(), &other).await.unwrap();
    let wary = host.tokens.clone().with_trust(Duration::ZERO);
    assert_eq!(wary.token(&key()).await.unwrap().expose(), "other-account");
}

#[tokio::test(start_paused = true)]
async fn what_was_read_before_the_person_connected_is_not_used_after() {
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
async fn grants_nobody_asks_for_are_forgotten() {
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
fn a_refresh_that_died_with_its_runtime_is_begun_again() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let host = runtime().block_on(Host::new());
    runtime().block_on(async {
        assert!(host.token().now_or_never().is_none());
        tokio::task::yield_now().await;
    });
    assert!(runtime().block_on(host.token()).is_ok());
    // Without one there is nobody to refresh.
    let host = runtime().block_on(Host::new());
    let error = host.token().now_or_never().unwrap().unwrap_err();
    assert!(matches!(error, AuthError::Configuration(_)));
}

#[tokio::test(start_paused = true)]
async fn a_grant_of_another_kind_needs_nothing_stored() {
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
