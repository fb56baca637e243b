//! No token, code, secret or personal data appears in a text: not in `Debug`, errors and their
//! sources, or traces.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fmt::Write as _;

use calsync_core::Secret;
use calsync_core::auth::{TokenStore, Tokens};
use calsync_core::calendar::Person;
use calsync_core::http::{LoopbackServer, ReqwestTransport};
use calsync_core::provider::{CalendarProvider, CreateOptions, DeleteOptions, UpdateOptions};
use calsync_core::testing::canaries::{LogBuffer, assert_no_canary, told};
use calsync_google::fake::{ApiMethod, Decision, FakeGoogle, Fault, FaultRule, google_error};

use common::{World, draft_at, event, key_at, key_of, place_of};

#[tokio::test]
async fn no_text_contains_a_secret() {
    let log = LogBuffer::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer({
        let log = log.clone();
        move || log.clone()
    });
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let mut texts = String::new();
    let mut canaries =
        vec![FakeGoogle::CLIENT_SECRET.to_owned(), "anna@example.org".to_owned(), "Deep clean".to_owned()];

    let world = World::new().await;
    let server = LoopbackServer::start(world.google.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let base = server.base_url();
    let transport = ReqwestTransport::builder().without_tls().build().unwrap();
    let google = world
        .builder()
        .api_url(format!("{base}/calendar/v3"))
        .token_url(format!("{base}/token"))
        .revoke_url(format!("{base}/revoke"))
        .transport(transport)
        .build()
        .unwrap();

    // Consent has three secrets: state, code and verifier.
    let connect = google.connect(&key_of(7));
    let _ = write!(texts, "{connect:?} {:?}", connect.pending);
    let url = world.google.consent(connect.url.expose(), "anna@example.org", &Decision::Allow).unwrap();
    for pair in url.split(['?', '&']).filter(|pair| pair.starts_with("code=") || pair.starts_with("state=")) {
        canaries.push(pair.split_once('=').unwrap().1.to_owned());
    }
    let pending = serde_json::to_value(&connect.pending).unwrap();
    canaries.push(pending["verifier"].as_str().unwrap().to_owned());
    let copy = serde_json::from_value(pending).unwrap();
    let connected = google.finish(&key_of(7), connect.pending, &url).await.unwrap();
    assert!(connected.account.is_some());
    let _ = write!(texts, "{connected:?}");
    texts += &told(&google.finish(&key_of(7), copy, &url).await.unwrap_err());

    // Each call, with each fault.
    let place = place_of(7);
    let draft = draft_at(&place, 1, event());
    for fault in [
        Fault::DropBefore,
        Fault::DropAfter,
        Fault::Cut,
        Fault::Html,
        Fault::Huge(10 * 1024 * 1024),
        Fault::Redirect(format!("{base}/elsewhere")),
        google_error(http::StatusCode::FORBIDDEN, "forbidden", "anna@example.org may not: Deep clean"),
        google_error(http::StatusCode::UNAUTHORIZED, "authError", "anna@example.org"),
        google_error(http::StatusCode::BAD_REQUEST, "anna@example.org", "Deep clean"),
    ] {
        world.google.fault(FaultRule::new(fault).with_path("/calendars/").with_times(4));
        let (id, options) =
            (calsync_core::names::RemoteId::new(key_at(&place, 0).to_string()), CreateOptions::new());
        let results = [
            google.create(&place, &draft, &options).await.map(drop),
            google.update(&place, &id, &draft, &UpdateOptions::new()).await.map(drop),
            google.get(&place, &id).await.map(drop),
            google.delete(&place, &id, &draft.marker, &DeleteOptions::new()).await,
        ];
        for error in results.into_iter().filter_map(Result::err) {
            texts += &told(&error);
            let _ =
                write!(texts, "{:?} {}", error.failure(), serde_json::to_string(error.failure()).unwrap());
        }
        world.google.clear_faults();
    }

    // Failed refreshes, and a revoked grant.
    let stored = world.store.load(&key_of(7)).await.unwrap().unwrap();
    for token in [Some(stored.tokens.access_token), stored.tokens.refresh_token].into_iter().flatten() {
        canaries.push(token.expose().to_owned());
    }
    for fault in [Fault::Html, Fault::Cut, Fault::DropAfter, Fault::OtherJson] {
        world.google.expire_access_tokens();
        world.google.fault(FaultRule::new(fault).with_method(ApiMethod::Token));
        if let Err(error) = google.get(&place, &calsync_core::names::RemoteId::new("abcde")).await {
            texts += &told(&error);
        }
    }
    world.anna.revokes_access();
    world.google.expire_access_tokens();
    texts += &told(&google.calendars(&key_of(7)).await.unwrap_err());
    if let Err(error) = google.disconnect(&key_of(7)).await {
        texts += &told(&error);
    }

    let odd = Tokens::new(Secret::new("odd-token\nwith-a-line-feed"));
    canaries.push("with-a-line-feed".to_owned());
    let key = calsync_core::calendar::ConnectionKey::new(
        Person::Profile(8.into()),
        calsync_core::ProviderKind::GOOGLE,
        1,
    );
    world.store.save(&key, &odd, None).await.unwrap();
    texts += &told(&google.calendars(&key).await.unwrap_err());

    let _ = write!(texts, "{google:?} {:?} {:?} {:?}", world.store, place, draft.marker);
    assert!(texts.len() > 10_000, "the errors were recorded: {}", texts.len());
    assert_no_canary(&canaries, &texts, &log);
}
