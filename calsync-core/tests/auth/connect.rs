//! Connects: from the consent page to the tokens.

use std::collections::HashMap;

use calsync_core::auth::*;
use calsync_core::error::Operation;
use calsync_core::http::TransportErrorKind;
use calsync_core::{ProviderKind, Secret};
use chrono::Duration;
use futures_util::FutureExt as _;
use oauth2::{PkceCodeChallenge, PkceCodeVerifier, url::Url};

use crate::fixture::*;

const GRANTED: &str = r#"{"access_token":"at","refresh_token":"rt","token_type":"Bearer","expires_in":3600,
    "scope":"openid https://www.googleapis.com/auth/calendar.events"}"#;

fn query(url: &str) -> HashMap<String, String> {
    let url = Url::parse(url).unwrap();
    let pairs: Vec<_> = url.query_pairs().into_owned().collect();
    let map: HashMap<_, _> = pairs.iter().cloned().collect();
    assert_eq!(map.len(), pairs.len(), "a parameter is present twice");
    map
}

fn form(body: &str) -> HashMap<String, String> {
    query(&format!("https://x/?{body}"))
}

fn state(connect: &Connect) -> String {
    query(connect.url.expose())["state"].clone()
}

/// A connect with the person's consent, and its callback.
fn consented(client: &OAuthClient) -> (PendingConnect, String) {
    let connect = client.connect(&key());
    let state = state(&connect);
    (connect.pending, format!("https://shop.example/calendar/callback?tenant=7&state={state}&code=4%2F0Ab"))
}

/// The same pending connect, as a later request reads it from the session.
fn again(pending: &PendingConnect) -> PendingConnect {
    serde_json::from_str(&serde_json::to_string(pending).unwrap()).unwrap()
}

#[tokio::test]
async fn a_consent_becomes_tokens() {
    let (server, clock) = (Server::default(), clock());
    let client = builder(&server, &clock).build().unwrap();
    let connect = client.connect(&key());
    let asked = query(connect.url.expose());
    assert!(connect.url.expose().starts_with("https://auth.example/authorize?"));
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "client-1"),
        ("redirect_uri", "https://shop.example/calendar/callback?tenant=7"),
        ("scope", SCOPE),
        ("access_type", "offline"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(asked[name], value, "{name}");
    }

    clock.advance(Duration::minutes(9));
    server.respond(200, GRANTED);
    let callback = format!("?state={}&code=4%2F0Ab", asked["state"]);
    let connected = client.finish(&key(), again(&connect.pending), &callback).await.unwrap();
    assert_eq!(connected.account, None, "a client without an identity");
    let tokens = connected.tokens;
    assert_eq!(tokens.access_token.expose(), "at");
    assert_eq!(tokens.refresh_token.as_ref().unwrap().expose(), "rt");
    assert_eq!(tokens.expires_at.unwrap().to_string(), "2026-11-22 11:04:00 UTC");
    assert_eq!(tokens.scopes, ["openid", SCOPE]);
    assert_eq!(client.missing_scopes(&tokens), [""; 0]);

    let sent = &server.seen(Operation::Connect)[0];
    assert_eq!(sent.uri, "https://auth.example/token");
    let sent = form(&sent.form);
    for (name, value) in [
        ("grant_type", "authorization_code"),
        ("code", "4/0Ab"),
        ("redirect_uri", "https://shop.example/calendar/callback?tenant=7"),
        ("client_id", "client-1"),
        ("client_secret", "client-secret"),
    ] {
        assert_eq!(sent[name], value, "{name}");
    }
    let verifier = PkceCodeVerifier::new(sent["code_verifier"].clone());
    let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
    assert_eq!(challenge.as_str(), asked["code_challenge"]);
}

#[tokio::test]
async fn a_public_client_sends_no_secret_and_each_connect_has_its_own_state() {
    let (server, clock) = (Server::default(), clock());
    let public = |redirect: &str| {
        let endpoint = |url| calsync_core::http::Endpoint::new(url).unwrap();
        OAuthClient::builder(ProviderKind::GOOGLE, "public")
            .authorize_url(endpoint("https://auth.example/authorize"))
            .token_url(endpoint("http://127.0.0.1:4400/token"))
            .redirect(redirect)
            .transport(server.clone())
            .clock(clock.clone())
            .build()
    };
    let client = public("http://127.0.0.1:8085/callback").unwrap();
    let (first, second) = (client.connect(&key()), client.connect(&key()));
    assert_ne!(state(&first), state(&second));
    assert_ne!(query(first.url.expose())["code_challenge"], query(second.url.expose())["code_challenge"]);
    server.respond(200, GRANTED);
    let callback = format!("state={}&code=c", state(&first));
    client.finish(&key(), first.pending, &callback).await.unwrap();
    assert!(!server.seen(Operation::Connect)[0].form.contains("client_secret"));

    for redirect in ["https://shop.example/cb", "http://localhost:1/cb", "com.example.app:/callback"] {
        assert!(public(redirect).is_ok(), "{redirect}");
    }
    for redirect in [
        "http://shop.example/cb",
        "http://localhost.example/cb",
        "https://shop.example/cb#x",
        "https://user:pw@shop.example/",
        "javascript:alert(1)",
        "myapp:/callback",
        "/callback",
    ] {
        assert!(matches!(public(redirect), Err(SetupError::Redirect)), "{redirect}");
    }
}

#[tokio::test]
async fn another_persons_callback_is_refused_without_a_request() {
    let (server, clock) = (Server::default(), clock());
    let client = builder(&server, &clock).build().unwrap();
    let (pending, callback) = consented(&client);
    let (_, foreign) = consented(&client);
    let longer = callback.replace("&code", "A&code");
    for wrong in [foreign.as_str(), &longer, "code=4%2F0Ab"] {
        let error = client.finish(&key(), again(&pending), wrong).await.unwrap_err();
        assert!(matches!(error, ConnectError::WrongState), "{error:?}");
    }
    let twice = format!("{callback}&code=other");
    assert!(matches!(client.finish(&key(), again(&pending), &twice).await, Err(ConnectError::Malformed)));
    let outlook = OAuthClient::builder(ProviderKind::OUTLOOK, "x")
        .authorize_url(calsync_core::http::Endpoint::new("https://auth.example/a").unwrap())
        .token_url(calsync_core::http::Endpoint::new("https://auth.example/t").unwrap())
        .redirect("https://shop.example/cb")
        .transport(server.clone())
        .build()
        .unwrap();
    assert!(matches!(
        outlook.finish(&key(), again(&pending), &callback).await,
        Err(ConnectError::OtherProvider)
    ));

    clock.advance(Duration::minutes(10));
    assert!(matches!(client.finish(&key(), pending, &callback).await, Err(ConnectError::Expired)));
    assert_eq!(server.seen(Operation::Connect).len(), 0);
}

#[tokio::test]
async fn a_callback_is_accepted_once() {
    let (server, clock) = (Server::default(), clock());
    let client = builder(&server, &clock).build().unwrap();
    let (pending, callback) = consented(&client);
    server.respond(200, GRANTED);
    client.finish(&key(), again(&pending), &callback).await.unwrap();
    assert!(matches!(
        client.finish(&key(), again(&pending), &callback).await,
        Err(ConnectError::ReusedState)
    ));

    // Also while the first is in progress.
    let (pending, callback) = consented(&client);
    server.respond(200, GRANTED);
    let key = key();
    let (first, second) = tokio::join!(
        client.finish(&key, again(&pending), &callback),
        client.finish(&key, again(&pending), &callback)
    );
    assert!(first.is_ok());
    assert!(matches!(second, Err(ConnectError::ReusedState)));
    assert_eq!(server.seen(Operation::Connect).len(), 2);
}

#[tokio::test]
async fn a_person_who_reloads_after_an_outage_is_connected() {
    let (server, clock) = (Server::default(), clock());
    let client = builder(&server, &clock).build().unwrap();
    let (pending, callback) = consented(&client);
    server
        .respond_with(503, &[("retry-after", "7")], "<html>sorry</html>")
        .fail(TransportErrorKind::TimedOut);
    let Err(ConnectError::Unavailable(unavailable)) = client.finish(&key(), again(&pending), &callback).await
    else {
        panic!("an outage")
    };
    assert_eq!((unavailable.status, unavailable.retry_after.unwrap().as_secs()), (Some(503), 7));
    assert!(matches!(
        client.finish(&key(), again(&pending), &callback).await,
        Err(ConnectError::Unavailable(unavailable)) if unavailable.transport.is_some()
    ));
    // The browser closed the connection in the middle.
    assert!(client.finish(&key(), again(&pending), &callback).now_or_never().is_none());
    server.respond(200, GRANTED);
    client.finish(&key(), pending, &callback).await.unwrap();
}

#[tokio::test]
async fn each_error_of_the_consent_page_has_its_error() {
    let (server, clock) = (Server::default(), clock());
    let client = builder(&server, &clock).build().unwrap();
    let says = async |error: &str| {
        let connect = client.connect(&key());
        let callback = format!("error={error}&error_description=Anna+said+no&state={}", state(&connect));
        client.finish(&key(), connect.pending, &callback).await.unwrap_err()
    };
    assert!(matches!(says("access_denied").await, ConnectError::Denied));
    assert!(
        matches!(says("admin_policy_enforced").await, ConnectError::Refused(code) if code.code() == "admin_policy_enforced")
    );
    assert!(matches!(says("invalid_scope").await, ConnectError::Configuration(_)));
    assert!(matches!(says("temporarily_unavailable").await, ConnectError::Unavailable(_)));
    assert!(matches!(says("%3Cscript%3E").await, ConnectError::Refused(code) if code.code() == "unreadable"));
}

#[tokio::test]
async fn each_refusal_of_the_token_endpoint_has_its_error() {
    let (server, clock) = (Server::default(), clock());
    let client = builder(&server, &clock).scopes([SCOPE, "calendar.app.created"]).build().unwrap();
    let gets = async |status: u16, body: &str| {
        let (pending, callback) = consented(&client);
        server.respond(status, body);
        client.finish(&key(), pending, &callback).await.unwrap_err()
    };
    let error = gets(400, r#"{"error":"invalid_grant","error_description":"Bad Request"}"#).await;
    assert!(matches!(error, ConnectError::CodeRefused(code) if code.code() == "invalid_grant"));
    let error = gets(403, r#"{"error":"admin_policy_enforced"}"#).await;
    assert!(matches!(error, ConnectError::Refused(code) if code.remedy() == Remedy::Admin));
    let error = gets(401, r#"{"error":"invalid_client"}"#).await;
    assert!(matches!(error, ConnectError::Configuration(code) if code.code() == "invalid_client"));
    let error = gets(200, GRANTED).await;
    assert!(matches!(error, ConnectError::MissingScopes(missing) if missing == ["calendar.app.created"]));
    let error = gets(200, r#"{"access_token":"at","token_type":"Bearer","expires_in":3600}"#).await;
    assert!(matches!(error, ConnectError::NoRefreshToken));
}

#[tokio::test]
async fn microsofts_names_of_scopes_are_understood() {
    let (server, clock) = (Server::default(), clock());
    let requested = ["https://graph.microsoft.com/Calendars.ReadWrite", "offline_access"];
    let client = builder(&server, &clock).scopes(requested).scope_names(ScopeNames::Short).build().unwrap();
    let (pending, callback) = consented(&client);
    server.respond(
        200,
        r#"{"access_token":"at","refresh_token":"rt","token_type":"Bearer","expires_in":60,"scope":"calendars.ReadWrite"}"#,
    );
    let tokens = client.finish(&key(), pending, &callback).await.unwrap().tokens;
    // With a lifetime shorter than the margin, the token is used for half of its lifetime.
    assert_eq!(tokens.expires_at.unwrap().to_string(), "2026-11-22 10:00:30 UTC");
    assert!(client.missing_scopes(&Tokens::new(Secret::new("x"))).is_empty());
}
