//! Connecting and disconnecting: consent, tenants, clouds, refreshes, and the ways a grant ends.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::error::Error as _;

use calsync_core::auth::{
    AuthError, ConnectError, Connected, Grant, IdentityError, PendingConnect, Remedy, TokenStore, Tokens,
};
use calsync_core::calendar::ConnectionKey;
use calsync_core::error::Retry;
use calsync_core::names::CalendarId;
use calsync_core::provider::{CalendarProvider, CreateOptions, TargetQuery};
use calsync_core::{Error, ErrorKind, Secret};
use calsync_outlook::fake::{ApiMethod, Decision, FakeOutlook, Fault, FaultRule, ScopeForm, aadsts};
use calsync_outlook::{BuildError, Cloud, OutlookCalendar, OutlookCalendarBuilder, Scope, Tenant};
use chrono::TimeDelta;
use http::StatusCode;

use common::{World, at, calendar_in, calendar_of, draft_at, event, key_of};

fn of(
    world: &World,
    change: impl FnOnce(OutlookCalendarBuilder) -> OutlookCalendarBuilder,
) -> OutlookCalendar {
    change(world.builder()).transport(world.outlook.clone()).build().unwrap()
}

/// Anna decides on the consent page. Returns the pending connect and the URL that the browser is
/// sent to.
fn consent(world: &World, outlook: &OutlookCalendar, decision: &Decision) -> (PendingConnect, String) {
    consent_for(world, outlook, &key_of(7), decision)
}

fn consent_for(
    world: &World,
    outlook: &OutlookCalendar,
    key: &ConnectionKey,
    decision: &Decision,
) -> (PendingConnect, String) {
    let connect = outlook.connect(key);
    let url = world.outlook.consent(connect.url.expose(), "anna@example.org", decision).unwrap();
    (connect.pending, url)
}

async fn finish(
    outlook: &OutlookCalendar,
    key: &ConnectionKey,
    callback: (PendingConnect, String),
) -> Result<(), ConnectError> {
    outlook.finish(key, callback.0, &callback.1).await.map(drop)
}

/// Creates the same event of Anna's each time.
async fn create(outlook: &OutlookCalendar) -> Result<(), Error> {
    let place = calendar_of(1);
    outlook.create(&place, &draft_at(&place, 1, event()), &CreateOptions::new()).await.map(drop)
}

async fn refresh_token(world: &World, key: &ConnectionKey) -> String {
    let stored = world.store.load(key).await.unwrap().unwrap();
    stored.tokens.refresh_token.unwrap().expose().to_owned()
}

#[tokio::test]
async fn a_person_connects_gets_an_event_and_disconnects() {
    let world = World::new().await;
    let outlook = world.provider();
    let key = key_of(7);
    let (pending, url) = consent(&world, &outlook, &Decision::Allow);
    // The host keeps it in its session, as text.
    let pending: PendingConnect = serde_json::from_str(&serde_json::to_string(&pending).unwrap()).unwrap();
    let connected = outlook.finish(&key, pending, &url).await.unwrap();
    let tokens = connected.tokens;
    assert!(tokens.refresh_token.is_some());
    assert_eq!(tokens.expires_at, Some(at("2026-11-22T10:00:00Z") + TimeDelta::seconds(3599 - 300)));

    let calendars = outlook.calendars(&key).await.unwrap();
    let primary = calendars.iter().find(|calendar| calendar.is_primary).unwrap();
    assert_eq!((primary.owner.as_deref(), primary.is_writable), (Some("anna@example.org"), true));

    let place = calendar_in(7, CalendarId::primary());
    outlook.create(&place, &draft_at(&place, 1, event()), &CreateOptions::new()).await.unwrap();
    assert_eq!(world.anna.events("primary").len(), 1);

    // An hour later the access token is about to expire: it is refreshed before Graph refuses it.
    world.clock.advance(TimeDelta::hours(1));
    let query = TargetQuery::new("tests", draft_at(&place, 1, event()).marker.key.target());
    assert_eq!(outlook.find(&place, &query).await.unwrap().len(), 1);
    assert_eq!(world.outlook.token_refreshes(), 1);
    assert!(world.outlook.requests().iter().all(|request| request.status != Some(401)));

    // Microsoft has no API to revoke a grant, so no request is sent.
    world.outlook.clear_requests();
    outlook.disconnect(&key).await.unwrap();
    outlook.disconnect(&key).await.unwrap();
    assert!(world.store.load(&key).await.unwrap().is_none());
    let error = outlook.calendars(&key).await.unwrap_err();
    assert_eq!(error.failure().code.as_deref(), Some("not_connected"));
    assert_eq!(world.outlook.count_all(), 0);
}

#[tokio::test]
async fn every_failed_connect_has_its_own_error_and_stores_nothing() {
    let world = World::new().await;
    let outlook = of(&world, |it| it.scopes([Scope::CalendarsReadWrite, Scope::CalendarsReadWriteShared]));
    let key = key_of(7);

    let denied = consent(&world, &outlook, &Decision::Deny);
    assert!(matches!(finish(&outlook, &key, denied).await, Err(ConnectError::Denied)));

    let unticked = Decision::AllowOnly(vec!["Calendars.ReadWrite".to_owned()]);
    let unticked = consent(&world, &outlook, &unticked);
    let missing = Scope::CalendarsReadWriteShared.as_str();
    let error = finish(&outlook, &key, unticked).await.unwrap_err();
    assert!(matches!(&error, ConnectError::MissingScopes(scopes) if scopes == &[missing]), "{error}");

    let (pending, _) = consent(&world, &outlook, &Decision::Allow);
    let (_, other) = consent(&world, &outlook, &Decision::Allow);
    assert!(matches!(finish(&outlook, &key, (pending, other)).await, Err(ConnectError::WrongState)));

    let late = consent(&world, &outlook, &Decision::Allow);
    world.clock.advance(TimeDelta::minutes(11));
    assert!(matches!(finish(&outlook, &key, late).await, Err(ConnectError::Expired)));

    let (pending, url) = consent(&world, &outlook, &Decision::Allow);
    let copy: PendingConnect = serde_json::from_str(&serde_json::to_string(&pending).unwrap()).unwrap();
    assert!(world.store.load(&key).await.unwrap().is_none(), "nothing so far was stored");
    outlook.finish(&key, pending, &url).await.unwrap();
    assert!(matches!(finish(&outlook, &key, (copy, url)).await, Err(ConnectError::ReusedState)));
}

#[tokio::test]
async fn a_code_can_be_redeemed_after_an_outage_but_not_after_its_use() {
    let world = World::new().await;
    let outlook = world.provider();
    let key = key_of(7);
    for fault in
        [Fault::status(StatusCode::SERVICE_UNAVAILABLE), aadsts(90024), Fault::Html, Fault::DropBefore]
    {
        let (pending, url) = consent(&world, &outlook, &Decision::Allow);
        let copy: PendingConnect = serde_json::from_str(&serde_json::to_string(&pending).unwrap()).unwrap();
        // Microsoft has used the code, although a page came in place of its response.
        let was_taken = matches!(fault, Fault::Html);
        world.outlook.fault(FaultRule::new(fault).with_method(ApiMethod::Token));
        let error = finish(&outlook, &key, (pending, url.clone())).await.unwrap_err();
        assert!(matches!(error, ConnectError::Unavailable(_)), "{error}");
        let again = finish(&outlook, &key, (copy, url)).await;
        match again {
            Ok(()) => assert!(!was_taken),
            Err(ConnectError::CodeRefused(code)) => {
                assert_eq!((was_taken, code.detail()), (true, Some("AADSTS54005")));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_wrong_configuration_is_the_hosts_error_and_needs_no_reconnect() {
    let world = World::new().await;
    let key = key_of(7);
    let wrong = of(&world, |it| it.client(FakeOutlook::CLIENT_ID, Secret::new("not-the-secret")));
    let public = of(&world, |it| it.public_client(FakeOutlook::CLIENT_ID));
    for (outlook, number) in [(wrong, "AADSTS7000215"), (public, "AADSTS7000218")] {
        let callback = consent(&world, &outlook, &Decision::Allow);
        let error = finish(&outlook, &key, callback).await.unwrap_err();
        let ConnectError::Configuration(code) = &error else { panic!("{error}") };
        assert_eq!(code.detail(), Some(number));
        world.outlook.expire_access_tokens();
        let error = create(&outlook).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Configuration, Retry::Never));
    }
    for number in [7_000_222, 700_016, 700_027, 70002, 90002] {
        world.outlook.fault(FaultRule::new(aadsts(number)).with_method(ApiMethod::Token));
        world.outlook.expire_access_tokens();
        assert_eq!(create(&world.provider()).await.unwrap_err().kind(), ErrorKind::Configuration, "{number}");
    }
    create(&world.provider()).await.unwrap();
}

#[tokio::test]
async fn a_public_client_must_not_send_a_secret() {
    let world = World::new().await;
    let id = "11112222-3333-4444-5555-666677778888";
    let _fake = world.outlook.clone().public_client(id, "http://127.0.0.1");
    let key = key_of(7);
    let with_secret = of(&world, |it| it.client(id, Secret::new("some-secret")));
    let error =
        finish(&with_secret, &key, consent(&world, &with_secret, &Decision::Allow)).await.unwrap_err();
    let ConnectError::Configuration(code) = &error else { panic!("{error}") };
    assert_eq!(code.detail(), Some("AADSTS700025"));

    let outlook = of(&world, |it| it.public_client(id));
    finish(&outlook, &key, consent(&world, &outlook, &Decision::Allow)).await.unwrap();
    world.outlook.expire_access_tokens();
    assert_eq!(outlook.calendars(&key).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_app_of_one_tenant_is_refused_everywhere_else() {
    let world = World::new().await;
    let key = key_of(7);
    world.outlook.set(|settings| settings.single_tenant = Some(FakeOutlook::TENANT.to_owned()));
    for tenant in [Tenant::Common, Tenant::Organizations, Tenant::Id("contoso.com".to_owned())] {
        let outlook = of(&world, |it| it.tenant(tenant.clone()));
        let redirect = world.outlook.consent(
            outlook.connect(&key_of(7)).url.expose(),
            "anna@example.org",
            &Decision::Allow,
        );
        assert_eq!(
            redirect, None,
            "{tenant:?}: Microsoft shows the error to the person and does not redirect"
        );
        // The app's registration was restricted after people had connected.
        world.outlook.expire_access_tokens();
        let error = create(&outlook).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{tenant:?}");
        let source = error.source().unwrap().to_string();
        assert!(source.contains("AADSTS50194"), "{source}");
    }
    let own = of(&world, |it| it.tenant(Tenant::Id(FakeOutlook::TENANT.to_owned())));
    finish(&own, &key, consent(&world, &own, &Decision::Allow)).await.unwrap();
    assert_eq!(own.calendars(&key).await.unwrap().len(), 1);
}

#[tokio::test]
async fn each_tenant_has_its_accounts() {
    let world = World::new().await;
    let cleo = world.outlook.user("cleo@outlook.example");
    cleo.is_personal();
    for (tenant, anna, personal) in [
        (Tenant::Common, true, true),
        (Tenant::Organizations, true, false),
        (Tenant::Consumers, false, true),
        (Tenant::Id(FakeOutlook::TENANT.to_owned()), true, false),
    ] {
        let outlook = of(&world, |it| it.tenant(tenant.clone()));
        for (email, may) in [("anna@example.org", anna), (cleo.email(), personal)] {
            let connect = outlook.connect(&key_of(7));
            let redirect = world.outlook.consent(connect.url.expose(), email, &Decision::Allow);
            assert_eq!(redirect.is_some(), may, "{email} {tenant:?}");
            if let Some(url) = redirect {
                let pending = connect.pending.allow_other_account();
                finish(&outlook, &key_of(7), (pending, url)).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn scopes_have_the_clouds_host_and_are_recognised_in_every_form() {
    let world = World::new().await;
    for (cloud, host, login) in [
        (Cloud::Global, "", "https://login.microsoftonline.com"),
        (Cloud::UsGovernment, "https://graph.microsoft.us/", "https://login.microsoftonline.us"),
        (Cloud::UsDefense, "https://dod-graph.microsoft.us/", "https://login.microsoftonline.us"),
        (Cloud::China, "https://microsoftgraph.chinacloudapi.cn/", "https://login.chinacloudapi.cn"),
    ] {
        for form in [ScopeForm::Short, ScopeForm::Qualified, ScopeForm::LowerCase] {
            world.outlook.set(|settings| {
                settings.scopes = form;
                settings.issuer = format!("{}/{{tenantid}}/v2.0", login);
            });
            let outlook = of(&world, |it| it.cloud(cloud));
            let url = outlook.connect(&key_of(7)).url.expose().to_owned();
            assert!(url.starts_with(&format!("{login}/common/oauth2/v2.0/authorize?")), "{url}");
            let scopes = format!("{host}Calendars.ReadWrite offline_access");
            let scopes = scopes.replace(':', "%3A").replace('/', "%2F").replace(' ', "+");
            assert!(url.contains(&format!("scope={scopes}")), "{url}");
            assert!(url.contains("response_mode=query") && url.contains("prompt=select_account"), "{url}");
            finish(&outlook, &key_of(7), consent(&world, &outlook, &Decision::Allow)).await.unwrap();
            outlook.calendars(&key_of(7)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn every_refresh_stores_the_new_refresh_token() {
    let world = World::new().await;
    // The stricter behaviour: the old refresh token ends at once.
    world.outlook.set(|settings| settings.old_refresh_token_life = std::time::Duration::ZERO);
    let outlook = world.provider();
    let mut seen = vec![refresh_token(&world, &key_of(1)).await];
    for _ in 0..5 {
        world.clock.advance(TimeDelta::hours(2));
        world.outlook.expire_access_tokens();
        create(&outlook).await.unwrap();
        let stored = refresh_token(&world, &key_of(1)).await;
        assert!(!seen.contains(&stored), "a new one, and it was stored");
        seen.push(stored);
    }
    // A connection that is used from time to time does not expire.
    for _ in 0..3 {
        world.clock.advance(TimeDelta::days(80));
        create(&outlook).await.unwrap();
    }
    world.clock.advance(TimeDelta::days(91));
    let error = create(&outlook).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unauthenticated, Retry::Never));
}

/// Connects profile 7 to the account of that user.
async fn connect_as(
    outlook: &OutlookCalendar,
    world: &World,
    email: &str,
) -> Result<Connected, ConnectError> {
    let connect = outlook.connect(&key_of(7));
    let url = world.outlook.consent(connect.url.expose(), email, &Decision::Allow).unwrap();
    outlook.finish(&key_of(7), connect.pending, &url).await
}

#[tokio::test]
async fn the_account_id_comes_with_the_tokens_and_is_kept() {
    let world = World::new().await;
    let outlook = world.provider();
    let key = key_of(7);
    let anna = connect_as(&outlook, &world, "anna@example.org").await.unwrap().account.unwrap();
    assert_eq!(anna.address.as_ref().unwrap().as_str(), "anna@example.org");
    let (tenant, object) = anna.id.as_str().split_once(':').unwrap();
    assert_eq!((tenant, object.len()), (FakeOutlook::TENANT, 36));
    assert_eq!(anna.primary_calendar, None, "Microsoft does not report it here");
    let error = connect_as(&outlook, &world, "ben@example.org").await.unwrap_err();
    assert!(matches!(error, ConnectError::OtherAccount), "{error}");
    assert_eq!(world.store.load(&key).await.unwrap().unwrap().tokens.account, Some(anna.clone()));
    world.outlook.expire_access_tokens();
    outlook.calendars(&key).await.unwrap();
    assert_eq!(world.store.load(&key).await.unwrap().unwrap().tokens.account, Some(anna.clone()));

    let connect = outlook.connect(&key);
    let url = world.outlook.consent(connect.url.expose(), "ben@example.org", &Decision::Allow).unwrap();
    let ben =
        outlook.finish(&key, connect.pending.allow_other_account(), &url).await.unwrap().account.unwrap();
    assert_ne!(ben.id, anna.id);
    let hers = calendar_in(7, CalendarId::primary()).with_account(Some(anna.id.clone()));
    let error = outlook.create(&hers, &draft_at(&hers, 2, event()), &CreateOptions::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OtherAccount);
    assert_eq!(world.ben.events("primary").len(), 0);
    outlook.disconnect(&key).await.unwrap();

    // Microsoft's `sub` differs by application. The account id does not.
    let id = "11112222-3333-4444-5555-666677778888";
    let _fake = world.outlook.clone().public_client(id, "http://127.0.0.1");
    let other = of(&world, |it| it.public_client(id));
    assert_eq!(connect_as(&other, &world, "anna@example.org").await.unwrap().account.unwrap().id, anna.id);
    other.disconnect(&key).await.unwrap();

    // A personal account has its own tenant, which is also in the issuer.
    let cleo = world.outlook.user("cleo@outlook.example");
    cleo.is_personal();
    let cleo = connect_as(&outlook, &world, cleo.email()).await.unwrap().account.unwrap();
    assert!(cleo.id.as_str().starts_with("9188040d-6c67-4c5b-b112-36a304b66dad:"));
}

#[tokio::test]
async fn an_id_token_of_another_issuer_is_refused() {
    let world = World::new().await;
    let connects = async |issuer: &str, change: fn(OutlookCalendarBuilder) -> OutlookCalendarBuilder| {
        world.outlook.set(|settings| settings.issuer = issuer.to_owned());
        connect_as(&of(&world, change), &world, "anna@example.org").await
    };
    for issuer in [
        "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
        "https://login.microsoftonline.us/{tenantid}/v2.0",
        "https://sts.windows.net/{tenantid}/",
    ] {
        let error = connects(issuer, |it| it).await.unwrap_err();
        assert!(matches!(error, ConnectError::Identity(IdentityError::Issuer)), "{issuer}: {error}");
    }
    assert!(world.store.load(&key_of(7)).await.unwrap().is_none());
    connects("https://login.microsoftonline.us/{tenantid}/v2.0", |it| it.cloud(Cloud::UsGovernment))
        .await
        .unwrap();
    connects("https://login.partner.microsoftonline.cn/{tenantid}/v2.0", |it| it.cloud(Cloud::China))
        .await
        .unwrap();
    connects("https://emulator.example/{tenantid}/v2.0", |it| {
        it.issuer("https://emulator.example/{tenantid}/v2.0")
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_connect_begun_in_one_cloud_is_not_finished_in_another() {
    let world = World::new().await;
    let (global, china) = (world.provider(), of(&world, |it| it.cloud(Cloud::China)));
    let callback = consent(&world, &global, &Decision::Allow);
    let error = finish(&china, &key_of(7), callback).await.unwrap_err();
    assert!(matches!(error, ConnectError::OtherClient), "{error}");
    assert_eq!(world.outlook.count(ApiMethod::Token), 0, "neither code nor verifier was sent");
}

/// A locked account unlocks by itself.
#[tokio::test]
async fn a_locked_account_is_retried_after_an_hour() {
    let world = World::new().await;
    let outlook = world.provider();
    let locked = serde_json::json!({"error": "invalid_grant", "error_codes": [50053], "error_description": "AADSTS50053: Anna"});
    let locked = Fault::json(StatusCode::BAD_REQUEST, &locked);
    world.outlook.fault(FaultRule::new(locked).with_method(ApiMethod::Token));
    world.outlook.expire_access_tokens();
    let error = create(&outlook).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Later));
    assert_eq!(error.retry_after(), Some(std::time::Duration::from_secs(3600)));
    assert_eq!(error.failure().code.as_deref(), Some("AADSTS50053"));
    create(&outlook).await.unwrap_err();
    assert_eq!(world.outlook.count(ApiMethod::Token), 1);
    world.clock.advance(TimeDelta::hours(1));
    create(&outlook).await.unwrap();
}

/// Parallel refreshes would invalidate each other's refresh token.
#[tokio::test]
async fn two_hundred_concurrent_calls_cause_one_refresh() {
    let world = World::new().await;
    world.outlook.set(|settings| {
        settings.old_refresh_token_life = std::time::Duration::ZERO;
        settings.limits.in_flight_per_mailbox = None;
        settings.latency = Some(calsync_outlook::fake::Latency::Turns(2));
    });
    let outlook = world.provider();
    let before = refresh_token(&world, &key_of(1)).await;
    world.outlook.expire_access_tokens();
    let callers = (0..200).map(|_| {
        let outlook = outlook.clone();
        tokio::spawn(async move { outlook.calendars(&key_of(1)).await.map(|calendars| calendars.len()) })
    });
    let callers: Vec<_> = callers.collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap(), 1);
    }
    assert_eq!((world.outlook.token_refreshes(), world.outlook.count(ApiMethod::Token)), (1, 1));
    assert_ne!(refresh_token(&world, &key_of(1)).await, before);
}

/// What each of Microsoft's codes means: who can help, and the error kind of the call, which its
/// row waits for.
#[tokio::test]
async fn each_way_a_grant_ends_names_its_remedy() {
    use {ErrorKind as K, Remedy as R};
    for (numbers, remedy, kind) in [
        (&[50173, 700_082, 70008, 70000, 70043, 50133, 700_084][..], R::Reconnect, K::Unauthenticated),
        (&[65001, 65004, 650_052, 650_056], R::Consent, K::MissingScope),
        (&[50076, 50078, 50079, 50074, 50072, 53000, 53003], R::Interaction, K::Unauthenticated),
        (&[50057, 50105, 50034, 50020], R::Admin, K::Forbidden),
    ] {
        for number in numbers {
            let world = World::new().await;
            let outlook = world.provider();
            create(&outlook).await.unwrap();
            assert!(world.anna.sign_in_fails(*number), "{number}");
            world.outlook.expire_access_tokens();
            let error = create(&outlook).await.unwrap_err();
            assert_eq!((error.kind(), error.retry()), (kind, Retry::Never), "{number}");
            let source = error.source().and_then(|source| source.downcast_ref::<AuthError>());
            let Some(AuthError::Reconnect { code, .. } | AuthError::Blocked(code)) = source else {
                panic!("{number}: {source:?}")
            };
            assert_eq!((code.remedy(), code.detail()), (remedy, Some(&*format!("AADSTS{number}"))));

            // Requested once, and remembered until the person connects again.
            let asked = world.outlook.count(ApiMethod::Token);
            assert_eq!(create(&outlook).await.unwrap_err().kind(), kind);
            assert_eq!(world.outlook.count(ApiMethod::Token), asked);
            world.anna.sign_in_works();
            finish(&outlook, &key_of(1), consent_for(&world, &outlook, &key_of(1), &Decision::Allow))
                .await
                .unwrap();
            create(&outlook).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_busy_token_endpoint_is_a_temporary_error() {
    for number in [90006, 90024, 90012, 50087] {
        let world = World::new().await;
        let outlook = world.provider();
        assert!(world.anna.sign_in_fails(number));
        world.outlook.expire_access_tokens();
        let error = create(&outlook).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Later), "{number}");
        world.anna.sign_in_works();
        create(&outlook).await.unwrap();
    }
}

#[tokio::test]
async fn a_revoked_scope_needs_a_new_consent() {
    let world = World::new().await;
    let outlook = world.provider();
    create(&outlook).await.unwrap();
    world.anna.keeps_only(&["User.Read"]);
    let error = create(&outlook).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Forbidden, Retry::Never));
    finish(&outlook, &key_of(1), consent_for(&world, &outlook, &key_of(1), &Decision::Allow)).await.unwrap();
    create(&outlook).await.unwrap();
}

#[test]
fn a_provider_with_an_unsafe_url_is_not_built() {
    let build = |change: fn(OutlookCalendarBuilder) -> OutlookCalendarBuilder| {
        let builder = OutlookCalendar::builder().public_client("id").transport(FakeOutlook::new());
        change(builder).build()
    };
    assert!(build(|builder| builder).is_ok());
    let http = build(|builder| builder.api_url("http://graph.microsoft.com/v1.0"));
    assert!(matches!(http, Err(BuildError::Url("api_url", _))));
    for nonsense in ["nonsense", "http://login.microsoftonline.com"] {
        let built = OutlookCalendar::builder().public_client("id").transport(FakeOutlook::new());
        let built = built.login_url(nonsense).build();
        assert!(matches!(built, Err(BuildError::Url("login_url", _))), "{nonsense}");
    }
    for tenant in ["", "..", "."] {
        let built = OutlookCalendar::builder().public_client("id").transport(FakeOutlook::new());
        assert!(matches!(built.tenant(Tenant::Id(tenant.into())).build(), Err(BuildError::Url("tenant", _))));
    }
    let plain = build(|builder| builder.redirect("http://shop.example/back"));
    assert!(matches!(plain, Err(BuildError::OAuth(_))));
    assert!(matches!(build(|builder| builder.public_client("")), Err(BuildError::OAuth(_))));
}

/// A token broker.
#[derive(Debug)]
struct Broker(FakeOutlook);

#[async_trait::async_trait]
impl Grant for Broker {
    async fn obtain(&self, _: &ConnectionKey, _: Option<&Tokens>) -> Result<Tokens, AuthError> {
        Ok(Tokens::new(self.0.tokens("anna@example.org", &["Calendars.ReadWrite"]).access_token))
    }
}

#[tokio::test]
async fn a_hosts_own_grant_needs_neither_client_nor_consent() {
    let fake = FakeOutlook::new();
    let outlook =
        OutlookCalendar::builder().grant(Broker(fake.clone())).transport(fake.clone()).build().unwrap();
    let place = calendar_of(7);
    outlook.create(&place, &draft_at(&place, 1, event()), &CreateOptions::new()).await.unwrap();
    assert_eq!(fake.events().len(), 1);
}
