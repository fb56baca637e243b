//! Grants that are replaced, revoked and erased; rows that cannot be opened.

use calsync_core::auth::*;
use calsync_core::error::{ErrorKind, Operation, Retry};
use calsync_core::http::TransportErrorKind;
use calsync_core::{ProviderKind, Secret};

use crate::fixture::*;

#[tokio::test(start_paused = true)]
async fn the_tokens_are_erased_even_where_the_server_fails() {
    type Respond = fn(&Server) -> &Server;
    let responses: [(Respond, bool); 6] = [
        (|server| server.respond(200, ""), true),
        (|server| server.respond(400, r#"{"error":"invalid_token"}"#), true),
        (|server| server.respond(503, ""), false),
        (|server| server.fail(TransportErrorKind::Interrupted), false),
        (|server| server.respond(400, r#"{"error":"invalid_client"}"#), false),
        (|server| server.respond(401, r#"{"error":"deleted_client"}"#), false),
    ];
    for (respond, is_done) in responses {
        let host = Host::new().await;
        host.token().await.unwrap();
        respond(&host.server);
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
        // Sealed, it can be stored, and opens for that connection only.
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

/// A host that stores the pending revocation before it calls the server.
#[tokio::test(start_paused = true)]
async fn a_disconnect_can_be_made_in_two_steps() {
    let host = Host::new().await;
    let Erased::Tokens(pending) = host.tokens.erase(&key()).await.unwrap() else {
        panic!("there were tokens")
    };
    assert!(host.store.rows.all().is_empty() && host.server.script().seen.is_empty());
    // The process crashes here, and another one continues.
    let text = pending.to_text();
    host.server.respond(200, "");
    let pending = PendingRevocation::from_text(&text).unwrap();
    assert_eq!(host.peer().tokens.revoke(&pending).await.unwrap(), Revoked::Done);
    assert!(matches!(host.tokens.erase(&key()).await.unwrap(), Erased::Nothing));
}

/// If the database does not respond, nothing is erased, and the server is not called.
#[tokio::test(start_paused = true)]
async fn a_grant_whose_tokens_were_not_erased_is_not_revoked() {
    let host = Host::new().await;
    host.store.state.lock().unwrap().is_down = true;
    assert!(matches!(host.tokens.disconnect(&key()).await, Err(AuthError::Store(_))));
    assert!(host.server.script().seen.is_empty());
    host.store.state.lock().unwrap().is_down = false;
    host.server.respond(200, "");
    assert!(matches!(host.tokens.disconnect(&key()).await.unwrap().revocation, Revocation::Done));
}

#[tokio::test(start_paused = true)]
async fn disconnecting_without_stored_tokens_succeeds() {
    let host = Host::with(Server::default(), Store::default(), clock());
    let disconnected = host.tokens.disconnect(&key()).await.unwrap();
    assert!(matches!(disconnected.revocation, Revocation::NothingToRevoke));
    assert_eq!(host.server.seen(Operation::Revoke).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_unsaved_rotated_token_is_the_one_revoked() {
    let host = Host::new().await;
    host.server.script().rotates = true;
    host.store.fail_saves(&[SaveFault::Lost; 5]);
    host.token().await.unwrap_err();
    host.server.respond(200, "");
    host.tokens.disconnect(&key()).await.unwrap();
    assert!(host.server.seen(Operation::Revoke)[0].form.starts_with("token=rt%2D1&"));
    assert!(
        matches!(host.token().await, Err(AuthError::NotConnected)),
        "the unsaved token is not saved later"
    );
}

#[tokio::test(start_paused = true)]
async fn a_row_that_cannot_be_opened_is_not_connected() {
    let host = Host::new().await;
    let lose_key = || host.store.state.lock().unwrap().unreadable.insert(key());
    lose_key();
    let error = host.token().await.unwrap_err().into_error(ProviderKind::GOOGLE, Operation::Create);
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unauthenticated, Retry::Never));
    assert_eq!(error.failure().code.as_deref(), Some("tokens_unreadable"));
    assert_eq!((host.store.loads(), host.server.refreshes()), (1, 0), "read once, without a request");

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
async fn another_accounts_tokens_replace_the_stored_ones_only_if_allowed() {
    for (stored, new_account, is_allowed) in [
        (account("anna"), account("anna"), true),
        (account("anna"), account("mallory"), false),
        (account("anna"), None, true),
        (None, account("mallory"), true),
        (None, None, true),
    ] {
        let host = Host::new().await;
        host.store.put(&key(), &host.fresh("at-old", "rt-old").with_account(stored)).await;
        let new = host.fresh("at-new", "rt-new").with_account(new_account);
        let outcome = host.tokens.connected(&key(), &new).await;
        assert_eq!(outcome.is_ok(), is_allowed, "{new:?}");
        if !is_allowed {
            assert!(matches!(outcome, Err(AuthError::OtherAccount)));
            assert_eq!(host.token().await.unwrap(), "at-old", "the stored tokens stay");
            host.tokens.replace_account(&key(), &new).await.unwrap();
        }
        assert_eq!(host.token().await.unwrap(), "at-new");
    }
}
