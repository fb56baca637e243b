//! Grants that are replaced, given back and forgotten; rows that cannot be opened.

use calsync_core::auth::*;
use calsync_core::error::{ErrorKind, Operation, Retry};
use calsync_core::http::TransportErrorKind;
use calsync_core::{ProviderKind, Secret};

use crate::world::*;

#[tokio::test(start_paused = true)]
async fn the_tokens_are_erased_even_where_the_server_fails() {
    type Answers = fn(&Server) -> &Server;
    let answers: [(Answers, bool); 6] = [
        (|server| server.answer(200, ""), true),
        (|server| server.answer(400, r#"{"error":"invalid_token"}"#), true),
        (|server| server.answer(503, ""), false),
        (|server| server.fail(TransportErrorKind::Interrupted), false),
        (|server| server.answer(400, r#"{"error":"invalid_client"}"#), false),
        (|server| server.answer(401, r#"{"error":"deleted_client"}"#), false),
    ];
    for (answer, is_done) in answers {
        let host = Host::new().await;
        host.token().await.unwrap();
        answer(&host.server);
        let disconnected = host.tokens.disconnect(&key()).await.unwrap();
        assert!(host.store.rows.all().is_empty(), "{disconnected:?}");
        assert!(matches!(host.token().await, Err(AuthError::NotConnected)));
        let pending = match disconnected.revocation {
            Revocation::Done => {
                assert!(is_done);
                continue;
            }
            Revocation::Failed { pending, .. } => pending,
            other => panic!("{other:?}"),
        };
        assert!(!is_done && !format!("{pending:?}").contains("rt-0"), "{pending:?}");
        // It outlives the process, sealed, and opens for that connection alone.
        let vault = Vault::new("my-shop", VaultKey::generate("k1").unwrap());
        let sealed = vault.seal_revocation(&pending).unwrap();
        assert!(!sealed.contains("rt-0") && vault.open_tokens(&sealed, &key()).is_err());
        let pending = vault.open_revocation(&sealed, pending.key()).unwrap();
        assert_eq!(host.tokens.revoke(&pending).await.unwrap(), Revoked::Done);
        let last = host.server.seen(Operation::Revoke).pop().unwrap();
        assert!(last.form.starts_with("token=rt%2D0&"), "{}", last.form);
    }
    assert!(PendingRevocation::from_text(&Secret::new("rt-0")).is_err());
}

/// A host that stores what is still to be given back before it asks the server.
#[tokio::test(start_paused = true)]
async fn the_two_halves_of_a_disconnect_can_be_made_apart() {
    let host = Host::new().await;
    let Erased::Tokens(pending) = host.tokens.erase(&key()).await.unwrap() else {
        panic!("there were tokens")
    };
    assert!(host.store.rows.all().is_empty() && host.server.script().seen.is_empty());
    // The process dies here, and another one goes on.
    let text = pending.to_text();
    host.server.answer(200, "");
    let pending = PendingRevocation::from_text(&text).unwrap();
    assert_eq!(host.peer().tokens.revoke(&pending).await.unwrap(), Revoked::Done);
    assert!(matches!(host.tokens.erase(&key()).await.unwrap(), Erased::Nothing));
}

/// A database that does not answer has erased nothing, and the server is not told otherwise.
#[tokio::test(start_paused = true)]
async fn what_may_not_be_erased_is_not_given_back() {
    let host = Host::new().await;
    host.store.state.lock().unwrap().is_down = true;
    assert!(matches!(host.tokens.disconnect(&key()).await, Err(AuthError::Store(_))));
    assert!(host.server.script().seen.is_empty());
    host.store.state.lock().unwrap().is_down = false;
    host.server.answer(200, "");
    assert!(matches!(host.tokens.disconnect(&key()).await.unwrap().revocation, Revocation::Done));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_disconnected_already() {
    let host = Host::with(Server::default(), Store::default(), clock());
    let disconnected = host.tokens.disconnect(&key()).await.unwrap();
    assert!(matches!(disconnected.revocation, Revocation::NothingToRevoke));
    assert_eq!(host.server.seen(Operation::Revoke).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_never_saved_is_the_one_given_back() {
    let host = Host::new().await;
    host.server.script().rotates = true;
    host.store.fail_saves(&[SaveFault::Lost; 5]);
    host.token().await.unwrap_err();
    host.server.answer(200, "");
    host.tokens.disconnect(&key()).await.unwrap();
    assert!(host.server.seen(Operation::Revoke)[0].form.starts_with("token=rt%2D1&"));
    assert!(matches!(host.token().await, Err(AuthError::NotConnected)), "nor does it come back");
}

#[tokio::test(start_paused = true)]
async fn a_row_that_cannot_be_opened_is_not_connected() {
    let host = Host::new().await;
    let lose_key = || host.store.state.lock().unwrap().unreadable.insert(key());
    lose_key();
    let error = host.token().await.unwrap_err().into_error(ProviderKind::GOOGLE, Operation::Create);
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unauthenticated, Retry::Never));
    assert_eq!(error.failure().code.as_deref(), Some("tokens_unreadable"));
    assert_eq!((host.store.loads(), host.server.refreshes()), (1, 0), "asked once, and no server");

    // A new connect replaces it,
    host.tokens.connected(&key(), &host.fresh("at-new", "rt-new")).await.unwrap();
    assert_eq!(host.token().await.unwrap(), "at-new");
    // and a disconnect removes it.
    lose_key();
    let disconnected = host.tokens.disconnect(&key()).await.unwrap();
    assert!(matches!(disconnected.revocation, Revocation::Unreadable));
    assert!(host.store.rows.all().is_empty());
    assert!(matches!(host.token().await, Err(AuthError::NotConnected)));
}

#[tokio::test(start_paused = true)]
async fn another_persons_tokens_do_not_take_the_place_of_hers() {
    for (stored, coming, may) in [
        (account("anna"), account("anna"), true),
        (account("anna"), account("mallory"), false),
        (account("anna"), None, true),
        (None, account("mallory"), true),
        (None, None, true),
    ] {
        let host = Host::new().await;
        host.store.put(&key(), &host.fresh("at-old", "rt-old").with_account(stored)).await;
        let new = host.fresh("at-new", "rt-new").with_account(coming);
        let outcome = host.tokens.connected(&key(), &new).await;
        assert_eq!(outcome.is_ok(), may, "{new:?}");
        if !may {
            assert!(matches!(outcome, Err(AuthError::OtherAccount)));
            assert_eq!(host.token().await.unwrap(), "at-old", "what was there stays");
            host.tokens.connected_as_new(&key(), &new).await.unwrap();
        }
        assert_eq!(host.token().await.unwrap(), "at-new");
    }
}
