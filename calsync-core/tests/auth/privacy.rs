//! Puts a canary into every secret and every text of a server, and searches all printable output
//! for it.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use calsync_core::auth::*;
use calsync_core::error::Operation;
use calsync_core::testing::canaries::told;
use calsync_core::{ProviderKind, Secret};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::fixture::*;

/// Everything that is logged, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0.lock().unwrap(), " {field}={value:?}");
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Part of all secrets and server texts.
const CANARY: &str = "zq-canary";

fn assert_silent(what: &str, text: &str) {
    assert!(!text.contains("zq-"), "{what}: {text}");
}

/// Responses with canaries everywhere except in valid codes.
fn responses() -> Vec<(u16, String)> {
    let success = format!(
        r#"{{"access_token":"at-{CANARY}","refresh_token":"rt-{CANARY}","token_type":"Bearer","expires_in":3600}}"#
    );
    let mut responses: Vec<_> = ["invalid_grant", "invalid_client", "server_error", "brand_new"]
        .iter()
        .map(|code| {
            (
                400,
                format!(
                    r#"{{"error":"{code}","error_description":"{CANARY} said no","error_uri":"{CANARY}"}}"#
                ),
            )
        })
        .collect();
    let evil = serde_json::json!({"iss": CANARY, "sub": CANARY, "aud": CANARY, "exp": 0, "email": CANARY});
    responses.extend([
        (200, success.clone()),
        (200, success.replace("Bearer", "mac")),
        (200, success.replace("at-", "at-\\n")),
        (200, success.replace("3600", "\"soon\"")),
        (200, success[..success.len() - 9].to_owned()),
        (200, success.replace("Bearer\"", &format!("Bearer\",\"id_token\":\"{CANARY}\""))),
        (200, success.replace("Bearer\"", &format!("Bearer\",\"id_token\":\"{}\"", jwt(&evil)))),
        (200, format!("<html>{CANARY}</html>")),
        (200, format!("{success}{}", " ".repeat(70_000))),
        (400, format!(r#"{{"error":"{CANARY} in the code's place"}}"#)),
        (400, format!(r#"{{"error":"invalid_grant","suberror":"{CANARY}, Anna Smith"}}"#)),
        (503, format!("<html>{CANARY}</html>")),
    ]);
    responses
}

#[tokio::test(start_paused = true)]
async fn nothing_that_is_printed_holds_a_token() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    for (status, body) in responses() {
        let server = Server::default();
        let client = builder(&server, &clock())
            .secret(Secret::new(CANARY))
            .identity(Identity::new(ISSUER))
            .redirect(format!("https://shop.example/{CANARY}"))
            .build()
            .unwrap();
        let connect = client.connect(&key());
        let state =
            connect.url.expose().split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
        let verifier =
            serde_json::to_value(&connect.pending).unwrap()["verifier"].as_str().unwrap().to_owned();
        for text in [format!("{connect:?}"), format!("{:?}", connect.pending), format!("{client:?}")] {
            assert_silent("connect", &text);
            assert!(!text.contains(&state) && !text.contains(&verifier), "{text}");
        }
        server.respond(status, &body);
        let callback = format!("state={state}&code=4%2F{CANARY}&login_hint={CANARY}");
        match client.finish(&key(), connect.pending, &callback).await {
            Ok(tokens) => assert_silent("tokens", &format!("{tokens:?}")),
            Err(error) => assert_silent("connect error", &told(&error)),
        }

        let host = Host::with(server.clone(), Store::default(), clock());
        let old = host.old(&format!("old-{CANARY}"), &format!("old-rt-{CANARY}"));
        host.store.put(&key(), &old).await;
        host.store.fail_saves(&[SaveFault::Lost; 5]);
        server.respond(status, &body);
        match host.tokens.token(&key()).await {
            Ok(token) => assert_silent("access token", &format!("{token:?}")),
            Err(error) => {
                assert_silent("auth error", &told(&error));
                assert_silent("error", &told(&error.into_error(ProviderKind::GOOGLE, Operation::Create)));
            }
        }
        let stored = host.store.rows.all();
        let api = ApiClient::new(Arc::new(server), host.tokens.clone(), ProviderKind::GOOGLE);
        assert_silent("the rest", &format!("{stored:?} {:?} {:?} {api:?}", host.tokens, host.store.rows));
    }
    let log = log.0.lock().unwrap();
    assert!(log.contains("calsync.grant"), "the log was not captured");
    assert_silent("log", &log);
}
