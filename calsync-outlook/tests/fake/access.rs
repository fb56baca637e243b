//! Access control: tokens, scopes, mailboxes.

use bytes::Bytes;
use calsync_outlook::fake::FakeOutlook;
use chrono::Duration;
use serde_json::json;

use crate::client::{ANNA, Stage, send, timed};

#[tokio::test]
async fn a_call_needs_a_token_that_has_not_expired() {
    let stage = Stage::new();
    let bare = http::Request::get("https://graph.microsoft.com/v1.0/me/events").body(Bytes::new()).unwrap();
    let missing = send(&stage.outlook, bare).await.unwrap();
    missing.is_refused(401, "InvalidAuthenticationToken");
    assert!(missing.header("www-authenticate").unwrap().starts_with("Bearer"));
    stage.clock.advance(Duration::seconds(3599));
    let expired = stage.event("GET", "", None).await;
    expired.is_refused(401, "InvalidAuthenticationToken");
    assert_eq!(expired.json()["error"]["message"], "Lifetime validation failed, the token is expired.");
    let mut other = Stage::new();
    other.token = "nonsense".into();
    let unknown = other.event("GET", "", None).await.json();
    assert_eq!(unknown["error"]["message"], "Access token has expired or is not yet valid.");
    let stage = Stage::new();
    stage.outlook.expire_access_tokens();
    stage.event("GET", "", None).await.is_refused(401, "InvalidAuthenticationToken");
}

#[tokio::test]
async fn each_method_needs_its_scope() {
    let paths = [
        ("GET", "me"),
        ("GET", "me/calendars"),
        ("GET", "me/events"),
        ("POST", "me/events"),
        ("POST", "me/calendars"),
        ("GET", "me/mailboxSettings"),
    ];
    let table = [
        ("Calendars.ReadWrite", [403, 200, 200, 201, 201, 403]),
        ("https://graph.microsoft.com/Calendars.Read", [403, 200, 200, 403, 403, 403]),
        ("user.read", [200, 403, 403, 403, 403, 403]),
        ("MailboxSettings.Read", [403, 403, 403, 403, 403, 200]),
        ("openid", [403; 6]),
    ];
    for (scope, expected) in table {
        let stage = Stage::with_scopes(&[scope]);
        for ((method, path), expected) in paths.into_iter().zip(expected) {
            let body = if path == "me/calendars" { json!({"name": "x"}) } else { timed("x") };
            let response = stage.call(method, path, (method == "POST").then_some(body)).await;
            assert_eq!(response.status, expected, "{scope}: {method} {path}");
            if expected == 403 {
                response.is_refused(403, "ErrorAccessDenied");
            }
        }
    }
}

#[tokio::test]
async fn a_user_cannot_access_anothers_mailbox() {
    let stage = Stage::new();
    let bo = stage.outlook.user("bo@example.org");
    for user in [bo.email().to_owned(), bo.id()] {
        stage.call("GET", &format!("users/{user}/events"), None).await.is_refused(403, "ErrorAccessDenied");
    }
    stage.call("GET", "users/nobody@example.org/events", None).await.is_refused(404, "ErrorInvalidUser");
    assert_eq!(stage.call("GET", "users/ANNA@example.org/events", None).await.status, 200);
}

#[tokio::test]
async fn a_mailbox_can_be_barred_or_missing() {
    let stage = Stage::new();
    stage.anna.is_barred(true);
    let barred = stage.event("GET", "", None).await;
    barred.is_refused(403, "ErrorAccessDenied");
    assert_eq!(barred.json()["error"]["message"], "Access to OData is disabled.");
    stage.anna.is_barred(false);
    assert_eq!(stage.event("GET", "", None).await.status, 200);
    stage.anna.loses_mailbox();
    for (method, path) in [("GET", "me/events"), ("GET", "me/calendars"), ("POST", "me/events")] {
        let response = stage.call(method, path, (method == "POST").then(|| timed("x"))).await;
        response.is_refused(404, "MailboxNotEnabledForRESTAPI");
    }
    assert_eq!(stage.call("GET", "me", None).await.status, 200, "the account still exists");
}

#[tokio::test]
async fn an_application_without_a_user_reaches_every_mailbox_that_is_not_barred() {
    let mut stage = Stage::new();
    let bo = stage.outlook.user("bo@example.org");
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default",
        FakeOutlook::CLIENT_ID,
        FakeOutlook::CLIENT_SECRET
    );
    let tokens =
        crate::oauth::post(&stage.outlook, &format!("{}/oauth2/v2.0/token", FakeOutlook::TENANT), &form)
            .await
            .ok();
    assert!(tokens.get("refresh_token").is_none());
    stage.token = tokens["access_token"].as_str().unwrap().to_owned();
    for user in [ANNA, bo.email()] {
        stage.call("POST", &format!("users/{user}/events"), Some(timed("x"))).await.created();
    }
    stage.call("GET", "me/events", None).await.is_refused(400, "RequestError");
    bo.is_barred(true);
    let path = format!("users/{}/events", bo.id());
    stage.call("GET", &path, None).await.is_refused(403, "ErrorAccessDenied");
    stage.call("GET", "users/anna@example.org", None).await.is_refused(403, "ErrorAccessDenied");
}
