//! The account that consented: valid and invalid id tokens, and the account after a refresh.

use calsync_core::auth::*;
use calsync_core::names::CalendarId;
use calsync_core::{ProviderKind, Secret};
use serde_json::{Value, json};

use crate::fixture::*;

fn identity() -> Identity {
    Identity::new(ISSUER).with_claims(AccountClaims::Subject).with_primary_by_email(true)
}

fn client(server: &Server, identity: Identity) -> OAuthClient {
    builder(server, &clock()).identity(identity).build().unwrap()
}

fn param(url: &str, name: &str) -> String {
    let begin = format!("{name}=");
    url.split(['?', '&']).find_map(|pair| pair.strip_prefix(&begin)).unwrap_or_default().to_owned()
}

/// A token endpoint's response body with that id token.
fn token_response(id_token: &Value) -> String {
    let mut response = json!({"access_token": "at", "refresh_token": "rt", "token_type": "Bearer", "expires_in": 3600, "scope": SCOPE});
    if !id_token.is_null() {
        response["id_token"] = id_token.clone();
    }
    response.to_string()
}

/// Valid claims with that nonce. The test's clock says 2026-11-22 10:00 UTC.
fn claims(nonce: &str) -> Value {
    json!({"iss": ISSUER, "aud": "client-1", "azp": "client-1", "sub": "1042", "exp": 1_795_345_200, "iat": 1_795_341_600,
        "nonce": nonce, "email": "anna@example.org", "email_verified": true})
}

/// Connects with valid claims, after `change` has edited them.
async fn connect(
    identity: Identity,
    change: impl FnOnce(&mut Value),
) -> Result<Option<Account>, ConnectError> {
    let server = Server::default();
    let client = client(&server, identity);
    let connect = client.connect(&key());
    let (state, nonce) = (param(connect.url.expose(), "state"), param(connect.url.expose(), "nonce"));
    let mut claims = claims(&nonce);
    change(&mut claims);
    let id_token = if claims.is_object() { Value::from(jwt(&claims)) } else { claims };
    server.respond(200, &token_response(&id_token));
    let callback = format!("state={state}&code=c");
    let connected = client.finish(&key(), connect.pending, &callback).await?;
    assert_eq!(connected.account, connected.tokens.account);
    Ok(connected.account)
}

#[tokio::test]
async fn a_connect_asks_for_the_account_and_reads_it() {
    let server = Server::default();
    let url = client(&server, identity()).connect(&key()).url.expose().to_owned();
    assert!(url.contains("+openid+email") && param(&url, "nonce").len() > 16, "{url}");
    assert_ne!(param(&url, "nonce"), param(&url, "state"));
    let anna = connect(identity(), |_| ()).await.unwrap().unwrap();
    assert_eq!((anna.id.as_str(), anna.address.as_ref().unwrap().as_str()), ("1042", "anna@example.org"));
    assert_eq!(anna.primary_calendar, Some(CalendarId::new("anna@example.org").unwrap()));
    assert!(!format!("{anna:?}").contains("anna") && !format!("{anna:?}").contains("1042"));
    let again: Account = serde_json::from_str(&serde_json::to_string(&anna).unwrap()).unwrap();
    assert_eq!(again, anna);

    // An unverified address is not used as a calendar id.
    for unverified in [json!(false), json!("false"), Value::Null] {
        let anna = connect(identity(), |claims| claims["email_verified"] = unverified).await.unwrap();
        assert_eq!(anna.unwrap().primary_calendar, None);
    }
    // Without an id token the connect succeeds.
    assert_eq!(connect(identity(), |claims| *claims = Value::Null).await.unwrap(), None);
}

#[tokio::test]
async fn the_account_id_is_built_from_the_chosen_claims() {
    let of = async |change: fn(&mut Value), which| {
        connect(identity().with_claims(which), change).await.unwrap().unwrap().id.as_str().to_owned()
    };
    let issuer_and_subject = format!("{ISSUER} 1042");
    assert_eq!(of(|_| (), AccountClaims::Subject).await, "1042");
    assert_eq!(of(|_| (), AccountClaims::IssuerAndSubject).await, issuer_and_subject);
    let microsoft = |claims: &mut Value| {
        claims["tid"] = "AAAA-1".into();
        claims["oid"] = "bbbb-2".into();
    };
    assert_eq!(of(microsoft, AccountClaims::TenantAndObject).await, "aaaa-1:bbbb-2");
    let no_object = |claims: &mut Value| claims["tid"] = "aaaa-1".into();
    assert_eq!(of(no_object, AccountClaims::TenantAndObject).await, issuer_and_subject);
}

#[tokio::test]
async fn an_id_token_that_fails_a_check_ends_the_connect() {
    use IdentityError as E;
    type Change = fn(&mut Value);
    let bad: &[(Change, E)] = &[
        (|it| it["iss"] = "https://evil.example".into(), E::Issuer),
        (|it| it["iss"] = "https://auth.example/".into(), E::Issuer),
        (|it| it["aud"] = "client-2".into(), E::Audience),
        (|it| it["azp"] = "client-2".into(), E::Audience),
        (|it| it["aud"] = json!([]), E::Audience),
        (
            |it| {
                it["aud"] = json!(["client-1", "client-2"]);
                it["azp"] = Value::Null;
            },
            E::Audience,
        ),
        // The leeway is five minutes.
        (|it| it["exp"] = 1_795_341_300.into(), E::Expired),
        (|it| it["exp"] = i64::MAX.into(), E::Malformed),
        (|it| it["nonce"] = "another".into(), E::Nonce),
        (|it| it["nonce"] = Value::Null, E::Nonce),
        (|it| drop(it.as_object_mut().unwrap().remove("sub")), E::Malformed),
        (|it| it["sub"] = "".into(), E::Malformed),
        (|it| drop(it.as_object_mut().unwrap().remove("exp")), E::Malformed),
        (|it| *it = "not.a".into(), E::Malformed),
        (|it| *it = "a.b.c.d.e".into(), E::Malformed),
        (|it| *it = "e30.?.c2ln".into(), E::Malformed),
        (|it| *it = 7.into(), E::Malformed),
    ];
    for (index, (change, expected)) in bad.iter().enumerate() {
        let error = connect(identity(), change).await.unwrap_err();
        assert!(matches!(error, ConnectError::Identity(is) if is == *expected), "{index}: {error:?}");
    }
    let good: &[Change] = &[
        |it| it["exp"] = 1_795_341_301.into(),
        |it| it["aud"] = json!(["client-1"]),
        |it| it["aud"] = json!(["client-1", "client-2"]),
        |it| drop(it.as_object_mut().unwrap().remove("azp")),
    ];
    for change in good {
        assert!(connect(identity(), change).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn an_issuer_with_a_tenant_must_name_the_tokens_own_tenant() {
    let issuer = "https://login.example/{tenantid}/v2.0";
    for (iss, tid, is_valid) in [
        ("https://login.example/t1/v2.0", json!("t1"), true),
        ("https://login.example/t2/v2.0", json!("t1"), false),
        ("https://login.example/t1/v1.0", json!("t1"), false),
        ("https://login.example/t1/v2.0", Value::Null, false),
        ("https://login.example/{tenantid}/v2.0", Value::Null, false),
        ("https://login.example/../evil/v2.0", json!("../evil"), false),
    ] {
        let connected = connect(Identity::new(issuer), |claims| {
            claims["iss"] = iss.into();
            claims["tid"] = tid.clone();
        })
        .await;
        assert_eq!(connected.is_ok(), is_valid, "{iss} {tid}");
    }
}

#[tokio::test]
async fn a_callback_from_another_server_is_refused() {
    for (identity, iss, is_accepted) in [
        (identity(), "https%3A%2F%2Fauth.example", true),
        (identity().with_issuer("auth.example"), "auth.example", true),
        (identity(), "https%3A%2F%2Fevil.example", false),
        (Identity::new("https://login.example/{tenantid}/v2.0"), "https://login.example/t/v2.0", true),
        (Identity::new("https://login.example/{tenantid}/v2.0"), "https://login.example/t/x/v2.0", false),
    ] {
        let server = Server::default();
        let client = client(&server, identity);
        for outcome in ["code=c", "error=access_denied"] {
            let connect = client.connect(&key());
            let callback = format!("state={}&iss={iss}&{outcome}", param(connect.url.expose(), "state"));
            server.respond(200, &token_response(&Value::Null));
            let finished = client.finish(&key(), connect.pending, &callback).await;
            assert_eq!(!matches!(finished, Err(ConnectError::WrongIssuer)), is_accepted, "{iss} {outcome}");
        }
    }
}

#[tokio::test]
async fn a_connect_is_finished_only_for_its_connection_client_and_server() {
    let server = Server::default();
    let ours = client(&server, identity());
    let other_id = OAuthClient::builder(ProviderKind::GOOGLE, "client-2");
    let other_id = other_id
        .authorize_url(calsync_core::http::Endpoint::new("https://auth.example/authorize").unwrap())
        .token_url(calsync_core::http::Endpoint::new("https://auth.example/token").unwrap())
        .redirect("https://shop.example/cb")
        .transport(server.clone())
        .clock(clock())
        .build()
        .unwrap();
    let other_cloud = builder(&server, &clock())
        .token_url(calsync_core::http::Endpoint::new("https://auth.other/token").unwrap())
        .build()
        .unwrap();
    let guest = calsync_core::calendar::ConnectionKey::new(
        calsync_core::calendar::Person::Guest,
        ProviderKind::GOOGLE,
        1,
    );
    let connect = ours.connect(&key());
    let callback = format!("state={}&code=c", param(connect.url.expose(), "state"));
    let text = serde_json::to_string(&connect.pending).unwrap();
    let pending = || serde_json::from_str::<PendingConnect>(&text).unwrap();
    assert_eq!(*pending().key(), key());
    let finished = ours.finish(&guest, pending(), &callback).await;
    assert!(matches!(finished, Err(ConnectError::OtherConnection)));
    for elsewhere in [other_id, other_cloud] {
        let finished = elsewhere.finish(&key(), pending(), &callback).await;
        assert!(matches!(finished, Err(ConnectError::OtherClient)));
    }
    assert!(server.script().seen.is_empty(), "neither the code nor its verifier was sent");
    server.respond(200, &token_response(&Value::Null));
    ours.finish(&key(), pending(), &callback).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_refresh_does_not_change_the_account() {
    let refreshed = async |stored: Option<Account>, id_token: Value| {
        let server = Server::default();
        let client = client(&server, identity());
        server.respond(200, &token_response(&id_token));
        let tokens = Tokens::new(Secret::new("at-0")).with_refresh_token(Secret::new("rt-0"));
        client.refresh(&tokens.with_account(stored)).await.map(|tokens| tokens.account)
    };
    // The id token of a refresh has no nonce.
    let mut anna = claims("");
    anna.as_object_mut().unwrap().remove("nonce");
    let mut evil = anna.clone();
    evil["iss"] = "https://evil.example".into();
    let address = |account: &Account| account.address.as_ref().map(|it| it.as_str().to_owned());

    assert_eq!(refreshed(account("1042"), Value::Null).await.unwrap(), account("1042"));
    let filled = refreshed(None, jwt(&anna).into()).await.unwrap().unwrap();
    assert_eq!((filled.id.as_str(), address(&filled).as_deref()), ("1042", Some("anna@example.org")));
    let merged = refreshed(account("1042"), jwt(&anna).into()).await.unwrap().unwrap();
    assert_eq!(merged, filled);
    // An invalid id token is ignored: the tokens and the account stay.
    assert_eq!(refreshed(account("1042"), jwt(&evil).into()).await.unwrap(), account("1042"));
    assert_eq!(refreshed(account("1042"), 7.into()).await.unwrap(), account("1042"));
    let other = refreshed(account("7"), jwt(&anna).into()).await;
    assert!(matches!(other, Err(AuthError::OtherAccount)));
}

/// A host's own grant, which names the account of its tokens.
#[derive(Debug)]
struct Broker(std::sync::Mutex<Vec<Option<Account>>>);

#[async_trait::async_trait]
impl Grant for Broker {
    async fn obtain(
        &self,
        _: &calsync_core::calendar::ConnectionKey,
        _: Option<&Tokens>,
    ) -> Result<Tokens, AuthError> {
        let account = self.0.lock().unwrap().pop().unwrap();
        Ok(Tokens::new(Secret::new("at-broker")).with_account(account))
    }
}

#[tokio::test(start_paused = true)]
async fn the_hosts_own_grant_may_name_the_account_but_not_change_it() {
    let broker = Broker(std::sync::Mutex::new(vec![account("ben"), None, account("anna")]));
    let (store, clock) = (MemoryTokenStore::new(), clock());
    let sleep = std::sync::Arc::new(calsync_core::clock::TokioSleep);
    let tokens = AccessTokens::new(
        std::sync::Arc::new(broker),
        std::sync::Arc::new(store.clone()),
        std::sync::Arc::new(clock),
        sleep,
    );
    let first = tokens.token(&key()).await.unwrap();
    assert_eq!(first.account().map(|account| account.as_str()), Some("anna"));
    let second = tokens.renew(&key(), &first).await.unwrap();
    assert_eq!(
        second.account(),
        first.account(),
        "without an account in the new tokens the stored one stays"
    );
    assert!(matches!(tokens.renew(&key(), &second).await, Err(AuthError::OtherAccount)));
    assert_eq!(store.all()[0].1.tokens.account, account("anna"));
}
