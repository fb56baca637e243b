//! No token, code, secret or personal data appears in `Debug` output, in errors and their sources,
//! or in traces.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fmt::Write as _;

use calsync_core::Secret;
use calsync_core::auth::{TokenStore, Tokens};
use calsync_core::calendar::CalendarName;
use calsync_core::http::{LoopbackServer, ReqwestTransport};
use calsync_core::names::{CalendarId, RemoteId};
use calsync_core::provider::{
    CalendarProvider, CreateOptions, DeleteOptions, EventReader, TargetQuery, UpdateOptions,
};
use calsync_core::testing::canaries::{LogBuffer, assert_no_canary, told};
use calsync_outlook::fake::{
    ApiMethod, Decision, FakeOutlook, Fault, FaultRule, aadsts, graph_error, throttled,
};
use http::StatusCode;

use common::{World, calendar_in, draft_at, event, key_of};

#[tokio::test]
async fn no_secret_or_personal_data_is_shown() {
    let log = LogBuffer::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer({
        let log = log.clone();
        move || log.clone()
    });
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let mut texts = String::new();
    let mut canaries = vec![
        FakeOutlook::CLIENT_SECRET.to_owned(),
        "anna@example.org".to_owned(),
        "Deep clean".to_owned(),
        "Anna's bookings".to_owned(),
    ];

    let world = World::new().await;
    let server = LoopbackServer::start(world.outlook.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let base = server.base_url();
    let transport = ReqwestTransport::builder().without_tls().build().unwrap();
    let builder = world.builder().api_url(format!("{base}/v1.0")).login_url(base);
    let outlook = builder.transport(transport).build().unwrap();

    // Consent: state, code and verifier.
    let connect = outlook.connect(&key_of(7));
    let _ = write!(texts, "{connect:?} {:?}", connect.pending);
    let url = world.outlook.consent(connect.url.expose(), "anna@example.org", &Decision::Allow).unwrap();
    for pair in url.split(['?', '&']).filter(|pair| pair.starts_with("code=") || pair.starts_with("state=")) {
        canaries.push(pair.split_once('=').unwrap().1.to_owned());
    }
    let pending = serde_json::to_value(&connect.pending).unwrap();
    canaries.push(pending["verifier"].as_str().unwrap().to_owned());
    let copy = serde_json::from_value(pending).unwrap();
    let connected = outlook.finish(&key_of(7), connect.pending, &url).await.unwrap();
    assert!(connected.account.is_some());
    let _ = write!(texts, "{connected:?}");
    texts += &told(&outlook.finish(&key_of(7), copy, &url).await.unwrap_err());

    // Every call with every fault, in a calendar that exists and in one that is searched for by its
    // name.
    let gone = calendar_in(7, CalendarId::new("AAMkAGoneForGood").unwrap());
    let gone = gone.with_name(CalendarName::new("Anna's bookings"));
    let own = calendar_in(7, CalendarId::primary());
    for fault in [
        Fault::DropBefore,
        Fault::DropAfter,
        Fault::Cut,
        Fault::Html,
        Fault::Huge(10 * 1024 * 1024),
        Fault::Redirect(format!("{base}/elsewhere")),
        throttled(Some(5)),
        graph_error(StatusCode::FORBIDDEN, "ErrorAccessDenied", "anna@example.org may not: Deep clean"),
        graph_error(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", "anna@example.org"),
        graph_error(StatusCode::BAD_REQUEST, "anna@example.org", "Deep clean"),
    ] {
        for place in [&own, &gone] {
            world.outlook.fault(FaultRule::new(fault.clone()).with_path("/v1.0/").with_times(4));
            let draft = draft_at(place, 1, event());
            let (id, options) = (RemoteId::new("AAkALgAAAAAA"), CreateOptions::new());
            let results = [
                outlook.create(place, &draft, &options).await.map(drop),
                outlook.update(place, &id, &draft, &UpdateOptions::new()).await.map(drop),
                outlook.get(place, &id).await.map(drop),
                outlook.read(place, &id).await.map(drop),
                outlook.find(place, &TargetQuery::new("tests", draft.marker.key.target())).await.map(drop),
                outlook.list_ours(place, "tests", None).await.map(drop),
                outlook.delete(place, &id, &draft.marker, &DeleteOptions::new()).await,
            ];
            for error in results.into_iter().filter_map(Result::err) {
                texts += &told(&error);
                let failure = serde_json::to_string(error.failure()).unwrap();
                let _ = write!(texts, "{:?} {failure}", error.failure());
            }
            world.outlook.clear_faults();
            // The back-off of a throttled account is over.
            world.clock.advance(chrono::TimeDelta::minutes(1));
        }
    }

    // Refreshes that fail, and grants that end.
    for fault in [Fault::Html, Fault::Cut, Fault::DropAfter, Fault::OtherJson, aadsts(90024), aadsts(50076)] {
        let stored = world.store.load(&key_of(7)).await.unwrap().unwrap();
        for token in [Some(stored.tokens.access_token), stored.tokens.refresh_token].into_iter().flatten() {
            canaries.push(token.expose().to_owned());
        }
        world.outlook.expire_access_tokens();
        world.outlook.fault(FaultRule::new(fault).with_method(ApiMethod::Token));
        if let Err(error) = outlook.get(&own, &RemoteId::new("AAkALgAAAAAA")).await {
            texts += &told(&error);
        }
        world.clock.advance(chrono::TimeDelta::minutes(10));
    }
    texts += &told(&outlook.calendars(&key_of(7)).await.unwrap_err());
    let wrong = world.builder().client(FakeOutlook::CLIENT_ID, Secret::new("a-secret-of-old"));
    let wrong = wrong.transport(world.outlook.clone()).build().unwrap();
    canaries.push("a-secret-of-old".to_owned());
    world.outlook.expire_access_tokens();
    texts += &told(&wrong.calendars(&key_of(1)).await.unwrap_err());

    let odd = Tokens::new(Secret::new("odd-token\nwith-a-line-feed"));
    canaries.push("with-a-line-feed".to_owned());
    world.store.save(&key_of(8), &odd, None).await.unwrap();
    texts += &told(&outlook.calendars(&key_of(8)).await.unwrap_err());

    let draft = draft_at(&gone, 1, event());
    let _ = write!(texts, "{outlook:?} {wrong:?} {:?} {gone:?} {:?}", world.store, draft.marker);
    let _ = write!(texts, "{:?}", outlook.calendars(&key_of(2)).await.unwrap());
    assert!(texts.len() > 10_000, "the errors did occur: {}", texts.len());
    assert_no_canary(&canaries, &texts, &log);
}
