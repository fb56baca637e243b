//! Connect, finish, refresh and disconnect: successful and failed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use calsync_core::auth::{
    AuthError, ConnectError, Connected, Grant, IdentityError, PendingConnect, Revocation, Revoked,
    TokenStore, Tokens,
};
use calsync_core::calendar::ConnectionKey;
use calsync_core::error::Retry;
use calsync_core::names::CalendarId;
use calsync_core::provider::{CalendarProvider, CreateOptions};
use calsync_core::time::Zone;
use calsync_core::{ErrorKind, Secret};
use calsync_google::fake::{ApiMethod, Decision, FakeGoogle, Fault, FaultRule};
use calsync_google::{BuildError, GoogleCalendar, Scope};
use chrono::TimeDelta;
use http::StatusCode;

use common::{World, calendar_in, draft_at, event, key_of, place_of, query_at};

fn scoped(world: &World, scopes: &[Scope]) -> GoogleCalendar {
    world.builder().scopes(scopes.to_vec()).transport(world.google.clone()).build().unwrap()
}

/// Opens the consent page as Anna and applies the decision. Returns the pending connect, and the
/// URL the browser is redirected to.
fn callback(world: &World, google: &GoogleCalendar, decision: &Decision) -> (PendingConnect, String) {
    let connect = google.connect(&key_of(7));
    let url = world.google.consent(connect.url.expose(), "anna@example.org", decision).unwrap();
    (connect.pending, url)
}

async fn finish(
    google: &GoogleCalendar,
    key: &ConnectionKey,
    callback: (PendingConnect, String),
) -> Result<(), ConnectError> {
    google.finish(key, callback.0, &callback.1).await.map(drop)
}

#[tokio::test]
async fn a_person_connects_gets_an_event_and_disconnects() {
    let world = World::new().await;
    let google = scoped(&world, &[Scope::EventsOwned, Scope::CalendarListReadonly]);
    let key = key_of(7);
    let (pending, url) = callback(&world, &google, &Decision::Allow);
    // The host stores it in its session, as text.
    let pending: PendingConnect = serde_json::from_str(&serde_json::to_string(&pending).unwrap()).unwrap();
    let connected = google.finish(&key, pending, &url).await.unwrap();
    let tokens = connected.tokens;
    assert!(tokens.refresh_token.is_some());
    assert_eq!(tokens.expires_at, Some(common::at("2026-11-22T10:00:00Z") + TimeDelta::seconds(3599 - 300)));

    let calendars = google.calendars(&key).await.unwrap();
    let primary = calendars.iter().find(|calendar| calendar.is_primary).unwrap();
    assert_eq!((primary.id.as_str(), primary.is_writable), ("anna@example.org", true));

    let place = calendar_in(7, CalendarId::primary());
    google.create(&place, &draft_at(&place, 1, event()), &CreateOptions::new()).await.unwrap();
    assert_eq!(world.anna.events("primary").len(), 1);

    // An hour later the access token has expired: it is refreshed before a request fails with 401.
    world.clock.advance(TimeDelta::hours(1));
    google.find(&place, &query_at(&place)).await.unwrap();
    assert_eq!(world.google.token_refreshes(), 1);
    assert!(world.google.requests().iter().all(|request| request.status != Some(401)));

    google.disconnect(&key).await.unwrap();
    google.disconnect(&key).await.unwrap();
    assert!(world.store.load(&key).await.unwrap().is_none());
    let error = google.calendars(&key).await.unwrap_err();
    assert_eq!(error.failure().code.as_deref(), Some("not_connected"));
}

#[tokio::test]
async fn each_failed_connect_has_its_own_error_and_stores_nothing() {
    let world = World::new().await;
    let google = scoped(&world, &[Scope::EventsOwned, Scope::CalendarListReadonly]);
    let key = key_of(7);

    let denied = callback(&world, &google, &Decision::Deny);
    assert!(matches!(finish(&google, &key, denied).await, Err(ConnectError::Denied)));

    let unticked = Decision::AllowOnly(vec!["calendar.events.owned".to_owned()]);
    let unticked = callback(&world, &google, &unticked);
    let missing = Scope::CalendarListReadonly.as_str();
    let error = finish(&google, &key, unticked).await.unwrap_err();
    assert!(matches!(&error, ConnectError::MissingScopes(scopes) if scopes == &[missing]), "{error}");

    let (pending, _) = callback(&world, &google, &Decision::Allow);
    let (_, other) = callback(&world, &google, &Decision::Allow);
    assert!(matches!(finish(&google, &key, (pending, other)).await, Err(ConnectError::WrongState)));

    let late = callback(&world, &google, &Decision::Allow);
    world.clock.advance(TimeDelta::minutes(11));
    assert!(matches!(finish(&google, &key, late).await, Err(ConnectError::Expired)));

    let (pending, url) = callback(&world, &google, &Decision::Allow);
    let copy: PendingConnect = serde_json::from_str(&serde_json::to_string(&pending).unwrap()).unwrap();
    assert!(world.store.load(&key).await.unwrap().is_none(), "nothing so far was stored");
    google.finish(&key, pending, &url).await.unwrap();
    assert!(matches!(finish(&google, &key, (copy, url)).await, Err(ConnectError::ReusedState)));
}

#[tokio::test]
async fn a_code_is_exchanged_again_after_the_server_was_not_available() {
    let world = World::new().await;
    let google = scoped(&world, &[Scope::EventsOwned]);
    let key = key_of(7);
    let (pending, url) = callback(&world, &google, &Decision::Allow);
    let copy: PendingConnect = serde_json::from_str(&serde_json::to_string(&pending).unwrap()).unwrap();
    let fault = Fault::status(http::StatusCode::SERVICE_UNAVAILABLE);
    world.google.fault(FaultRule::new(fault).with_method(ApiMethod::Token));
    let error = finish(&google, &key, (pending, url.clone())).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unavailable(_)), "{error}");
    finish(&google, &key, (copy, url)).await.unwrap();
}

#[tokio::test]
async fn a_wrong_client_secret_is_a_configuration_error_and_no_reconnect() {
    let world = World::new().await;
    let google = world
        .builder()
        .client(FakeGoogle::CLIENT_ID, Secret::new("not-the-secret"))
        .transport(world.google.clone())
        .build()
        .unwrap();
    let returned = callback(&world, &google, &Decision::Allow);
    let error = finish(&google, &key_of(7), returned).await.unwrap_err();
    assert!(matches!(error, ConnectError::Configuration(_)), "{error}");

    world.google.expire_access_tokens();
    let result =
        google.create(&place_of(1), &draft_at(&place_of(1), 1, event()), &CreateOptions::new()).await;
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Configuration);
}

#[tokio::test]
async fn a_calendar_created_by_the_host_needs_only_the_narrowest_scope() {
    let world = World::new().await;
    let google = scoped(&world, &[Scope::AppCreated]);
    let key = key_of(7);
    let returned = callback(&world, &google, &Decision::Allow);
    finish(&google, &key, returned).await.unwrap();
    let london = Zone::new("Europe/London").unwrap();
    let calendar = google.create_calendar(&key, "Bookings", &london).await.unwrap();
    let place = calendar_in(7, calendar.clone());
    google.create(&place, &draft_at(&place, 1, event()), &CreateOptions::new()).await.unwrap();
    assert_eq!(world.anna.events(calendar.as_str()).len(), 1);

    // Every other calendar of Anna's is inaccessible, and the error says so.
    let primary = calendar_in(7, CalendarId::primary());
    let refused = google.create(&primary, &draft_at(&primary, 1, event()), &CreateOptions::new()).await;
    let kind = refused.unwrap_err().kind();
    assert!(matches!(kind, ErrorKind::MissingScope | ErrorKind::CalendarNotFound), "{kind}");
    assert_eq!(google.calendars(&key).await.unwrap_err().kind(), ErrorKind::MissingScope);
    assert_eq!(world.anna.events("primary").len(), 0);
}

#[tokio::test]
async fn a_scope_that_the_person_removes_later_is_a_missing_scope() {
    let world = World::new().await;
    let google = world.provider();
    world.anna.keeps_only(&["calendar.calendarlist.readonly"]);
    let result =
        google.create(&place_of(1), &draft_at(&place_of(1), 1, event()), &CreateOptions::new()).await;
    assert_eq!(result.unwrap_err().kind(), ErrorKind::MissingScope);
}

/// Connects profile 7, with the consent of user `email`.
async fn connect_as(google: &GoogleCalendar, world: &World, email: &str) -> Result<Connected, ConnectError> {
    let connect = google.connect(&key_of(7));
    let url = world.google.consent(connect.url.expose(), email, &Decision::Allow).unwrap();
    google.finish(&key_of(7), connect.pending, &url).await
}

#[tokio::test]
async fn the_account_is_stored_with_the_tokens_and_kept_after_a_refresh() {
    let world = World::new().await;
    let google = world.provider();
    let key = key_of(7);
    let anna = connect_as(&google, &world, "anna@example.org").await.unwrap().account.unwrap();
    assert_eq!(anna.address.as_ref().unwrap().as_str(), "anna@example.org");
    assert_eq!(anna.primary_calendar, Some(CalendarId::new("anna@example.org").unwrap()));
    assert!(!anna.id.as_str().contains('@'), "the id is not the address");
    let stored = async || world.store.load(&key).await.unwrap().unwrap().tokens;
    assert_eq!(stored().await.account.as_ref(), Some(&anna));

    // Ben connects by mistake: refused, and Anna's tokens stay.
    let before = stored().await;
    let error = connect_as(&google, &world, "ben@example.org").await.unwrap_err();
    assert!(matches!(error, ConnectError::OtherAccount), "{error}");
    assert_eq!(stored().await.access_token.expose(), before.access_token.expose());
    // Anna connects again: the same account, with new tokens.
    let again = connect_as(&google, &world, "anna@example.org").await.unwrap();
    assert_eq!(again.account.unwrap().id, anna.id);
    // A refresh keeps the account.
    world.google.expire_access_tokens();
    google
        .create(
            &calendar_in(7, CalendarId::primary()),
            &draft_at(&place_of(7), 1, event()),
            &CreateOptions::new(),
        )
        .await
        .unwrap();
    assert_eq!(stored().await.account.as_ref(), Some(&anna));

    // Ben connects on purpose: the host allows another account.
    let connect = google.connect(&key);
    let url = world.google.consent(connect.url.expose(), "ben@example.org", &Decision::Allow).unwrap();
    let connected = google.finish(&key, connect.pending.allow_other_account(), &url).await.unwrap();
    let ben = connected.account.unwrap();
    assert_ne!(ben.id, anna.id);
    // An event for Anna's account is not written into Ben's calendar.
    let hers = calendar_in(7, CalendarId::primary()).with_account(Some(anna.id));
    let error = google.create(&hers, &draft_at(&hers, 2, event()), &CreateOptions::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OtherAccount);
    assert_eq!(world.ben.events("primary").len(), 0);
}

#[tokio::test]
async fn a_person_who_does_not_share_an_identity_can_connect() {
    let world = World::new().await;
    let google = world.provider();
    let only = Decision::AllowOnly(vec!["calendar.events.owned".to_owned()]);
    let (pending, url) = callback(&world, &google, &only);
    let connected = google.finish(&key_of(7), pending, &url).await.unwrap();
    assert_eq!(connected.account, None);
    let place = calendar_in(7, CalendarId::primary());
    google.create(&place, &draft_at(&place, 1, event()), &CreateOptions::new()).await.unwrap();
}

#[tokio::test]
async fn an_id_token_with_another_issuer_is_refused() {
    let world = World::new().await;
    world.google.set(|settings| settings.issuer = "https://evil.example".to_owned());
    let error = connect_as(&world.provider(), &world, "anna@example.org").await.unwrap_err();
    assert!(matches!(error, ConnectError::Identity(IdentityError::Issuer)), "{error}");
    assert!(world.store.load(&key_of(7)).await.unwrap().is_none());
    // The host can set an emulator's issuer; Google's issuer has two spellings.
    let emulator =
        world.builder().issuer("https://evil.example").transport(world.google.clone()).build().unwrap();
    assert!(connect_as(&emulator, &world, "anna@example.org").await.unwrap().account.is_some());
    world.google.set(|settings| settings.issuer = "accounts.google.com".to_owned());
    assert!(connect_as(&world.provider(), &world, "anna@example.org").await.unwrap().account.is_some());
}

/// <https://developers.google.com/identity/protocols/oauth2/web-server#authorization-errors>
#[tokio::test]
async fn a_refusal_by_an_administrators_policy_is_cached_for_an_hour() {
    for (code, status) in [
        ("admin_policy_enforced", StatusCode::BAD_REQUEST),
        ("admin_policy_enforced", StatusCode::FORBIDDEN),
        ("org_internal", StatusCode::FORBIDDEN),
    ] {
        let world = World::new().await;
        let google = world.provider();
        world.google.expire_access_tokens();
        let refused =
            Fault::json(status, &serde_json::json!({"error": code, "error_description": "Anna may not."}));
        world.google.fault(FaultRule::new(refused).with_method(ApiMethod::Token).always());
        for _ in 0..5 {
            let place = place_of(1);
            let error = google.create(&place, &draft_at(&place, 1, event()), &CreateOptions::new()).await;
            let error = error.unwrap_err();
            assert_eq!((error.kind(), error.retry()), (ErrorKind::Forbidden, Retry::Never));
            assert_eq!(error.failure().code.as_deref(), Some(code));
        }
        assert_eq!(world.google.count(ApiMethod::Token), 1);
        world.google.clear_faults();
        world.clock.advance(TimeDelta::minutes(61));
        let place = place_of(1);
        google.create(&place, &draft_at(&place, 1, event()), &CreateOptions::new()).await.unwrap();
    }
}

#[tokio::test]
async fn a_disconnect_erases_the_tokens_first_and_then_revokes_the_grant() {
    let world = World::new().await;
    let google = world.provider();
    let refused = Fault::status(StatusCode::SERVICE_UNAVAILABLE);
    world.google.fault(FaultRule::new(refused).with_method(ApiMethod::Revoke));
    let disconnected = google.disconnect(&key_of(1)).await.unwrap();
    assert!(world.store.load(&key_of(1)).await.unwrap().is_none());
    let Revocation::Failed { pending, error } = disconnected.revocation else { panic!("{disconnected:?}") };
    assert!(matches!(error, AuthError::Unavailable(_)));
    assert_eq!(google.revoke(&pending).await.unwrap(), Revoked::Done);
    assert_eq!(
        google.revoke(&pending).await.unwrap(),
        Revoked::Done,
        "a grant that is revoked already is a success"
    );
    assert_eq!(world.google.count(ApiMethod::Revoke), 3);
}

#[test]
fn urls_that_would_leak_a_token_are_refused_by_the_builder() {
    let build =
        |change: fn(calsync_google::GoogleCalendarBuilder) -> calsync_google::GoogleCalendarBuilder| {
            let builder = GoogleCalendar::builder().public_client("id").transport(FakeGoogle::new());
            change(builder).build()
        };
    assert!(build(|builder| builder).is_ok());
    assert!(matches!(
        build(|builder| builder.api_url("http://www.googleapis.com")),
        Err(BuildError::Url("api_url", _))
    ));
    assert!(matches!(build(|builder| builder.token_url("nonsense")), Err(BuildError::Url("token_url", _))));
    assert!(matches!(
        build(|builder| builder.redirect("http://shop.example/back")),
        Err(BuildError::OAuth(_))
    ));
    assert!(matches!(build(|builder| builder.public_client("")), Err(BuildError::OAuth(_))));
}

/// A grant without consent, such as a service account or a token broker.
#[derive(Debug)]
struct Broker(FakeGoogle);

#[async_trait::async_trait]
impl Grant for Broker {
    async fn obtain(&self, _: &ConnectionKey, _: Option<&Tokens>) -> Result<Tokens, AuthError> {
        Ok(Tokens::new(self.0.tokens("anna@example.org", &["calendar.events"]).access_token))
    }
}

#[tokio::test]
async fn the_hosts_own_grant_needs_neither_client_nor_consent() {
    let fake = FakeGoogle::new();
    let google =
        GoogleCalendar::builder().grant(Broker(fake.clone())).transport(fake.clone()).build().unwrap();
    let place = place_of(7);
    google.create(&place, &draft_at(&place, 1, event()), &CreateOptions::new()).await.unwrap();
    assert_eq!(fake.events().len(), 1);
}
