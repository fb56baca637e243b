//! Refresh and revocation: the meaning of every response of a token endpoint.

use calsync_core::auth::*;
use calsync_core::error::{ErrorKind, Operation, Retry};
use calsync_core::http::TransportErrorKind;
use calsync_core::{ProviderKind, Secret};

use crate::fixture::*;

fn tokens() -> Tokens {
    Tokens::new(Secret::new("at-0")).with_refresh_token(Secret::new("rt-0")).with_scopes([SCOPE])
}

/// The result of a refresh, as a provider's call reports it.
async fn refreshed(server: &Server) -> Result<Tokens, calsync_core::Error> {
    let client = builder(server, &clock()).build().unwrap();
    client.refresh(&tokens()).await.map_err(|error| error.into_error(ProviderKind::GOOGLE, Operation::Create))
}

#[tokio::test]
async fn values_missing_from_a_response_stay() {
    let server = Server::default();
    server.respond(200, r#"{"access_token":"at-1","token_type":"bearer","expires_in":7200}"#);
    let fresh = refreshed(&server).await.unwrap();
    assert_eq!(fresh.access_token.expose(), "at-1");
    assert_eq!(fresh.refresh_token.unwrap().expose(), "rt-0");
    assert_eq!(fresh.expires_at.unwrap().to_string(), "2026-11-22 11:55:00 UTC");
    assert_eq!(fresh.scopes, [SCOPE]);
    let sent = &server.seen(Operation::Refresh)[0].form;
    assert!(sent.contains("grant_type=refresh_token") && sent.contains("refresh_token=rt-0"), "{sent}");
    assert!(sent.contains("client_id=client-1") && sent.contains("client_secret=client-secret"), "{sent}");

    server.respond(200, r#"{"access_token":"a","token_type":"Bearer","refresh_token":"rt-2","scope":"x y"}"#);
    let fresh = refreshed(&server).await.unwrap();
    assert_eq!(fresh.refresh_token.unwrap().expose(), "rt-2");
    assert_eq!((fresh.expires_at, fresh.scopes), (None, vec!["x".to_owned(), "y".to_owned()]));

    // A huge lifetime does not overflow, and an empty refresh token does not replace the old one.
    server.respond(
        200,
        r#"{"access_token":"a","token_type":"Bearer","refresh_token":"","expires_in":18446744073709551615}"#,
    );
    let fresh = refreshed(&server).await.unwrap();
    assert_eq!(fresh.refresh_token.unwrap().expose(), "rt-0");
    assert!(
        fresh.expires_at.unwrap() < "2027-12-01T00:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap()
    );
}

#[tokio::test]
async fn only_a_refused_grant_needs_a_new_connect() {
    use ErrorKind::{Configuration, Forbidden, MissingScope, RateLimited, Unauthenticated, Unavailable};
    let aadsts = r#"{"error":"invalid_grant","error_description":"AADSTS700082: …","error_codes":[700082]}"#;
    let google_front_end = r#"{"error":{"code":400,"message":"Bad","status":"INVALID_ARGUMENT"}}"#;
    let large = format!(r#"{{"access_token":"{}","token_type":"Bearer"}}"#, "x".repeat(70_000));
    for (status, body, kind, code) in [
        (400, r#"{"error":"invalid_grant","error_description":"revoked"}"#, Unauthenticated, "invalid_grant"),
        (400, aadsts, Unauthenticated, "invalid_grant"),
        (
            400,
            r#"{"error":"interaction_required","suberror":"basic_action"}"#,
            Unauthenticated,
            "interaction_required",
        ),
        (200, r#"{"error":"consent_required"}"#, MissingScope, "consent_required"),
        // Microsoft's errors: the code first; the number only selects the remedy.
        (400, r#"{"error":"invalid_grant","error_codes":[65001]}"#, MissingScope, "invalid_grant"),
        (400, r#"{"error":"invalid_grant","error_codes":[50076]}"#, Unauthenticated, "invalid_grant"),
        (400, r#"{"error":"invalid_grant","error_codes":[50105]}"#, Forbidden, "AADSTS50105"),
        (400, r#"{"error":"invalid_grant","error_codes":[50057]}"#, Forbidden, "AADSTS50057"),
        (400, r#"{"error":"admin_policy_enforced"}"#, Forbidden, "admin_policy_enforced"),
        (403, r#"{"error":"admin_policy_enforced"}"#, Forbidden, "admin_policy_enforced"),
        (400, r#"{"error":"org_internal"}"#, Forbidden, "org_internal"),
        (403, r#"{"error":"org_internal"}"#, Forbidden, "org_internal"),
        // A locked account is unlocked by itself.
        (400, r#"{"error":"invalid_grant","error_codes":[50053]}"#, Unavailable, "AADSTS50053"),
        (401, r#"{"error":"invalid_client","error_codes":[7000222]}"#, Configuration, "invalid_client"),
        (
            400,
            r#"{"error":"unauthorized_client","error_codes":[700016]}"#,
            Configuration,
            "unauthorized_client",
        ),
        (400, r#"{"error":"invalid_request","error_codes":[50194]}"#, Configuration, "invalid_request"),
        (
            400,
            r#"{"error":"temporarily_unavailable","error_codes":[90006]}"#,
            Unavailable,
            "temporarily_unavailable",
        ),
        (401, r#"{"error":"invalid_client"}"#, Configuration, "invalid_client"),
        (400, r#"{"error":"unauthorized_client"}"#, Configuration, "unauthorized_client"),
        (400, r#"{"error":"unsupported_grant_type"}"#, Configuration, "unsupported_grant_type"),
        (400, r#"{"error":"invalid_scope"}"#, Configuration, "invalid_scope"),
        (400, r#"{"error":"temporarily_unavailable"}"#, Unavailable, "temporarily_unavailable"),
        (400, r#"{"error":"slow_down"}"#, Unavailable, "slow_down"),
        (403, r#"{"error":"rate_limit_exceeded"}"#, Unavailable, "rate_limit_exceeded"),
        (400, r#"{"error":"brand_new"}"#, Unavailable, "brand_new"),
        (429, r#"{"error":"invalid_grant"}"#, RateLimited, "invalid_grant"),
        (503, r#"{"error":"invalid_grant"}"#, Unavailable, "invalid_grant"),
        (500, "", Unavailable, ""),
        (502, "<html>Bad gateway</html>", Unavailable, ""),
        (400, google_front_end, Unavailable, ""),
        (403, "<html>captcha</html>", Unavailable, ""),
        (302, "", Unavailable, ""),
        (200, "<html>log in to the hotel's network</html>", Unavailable, ""),
        (200, "", Unavailable, ""),
        (200, "[]", Unavailable, ""),
        (200, "{}", Unavailable, ""),
        (200, r#"{"access_token":"at-1","token_type":"Bea"#, Unavailable, ""),
        (200, r#"{"access_token":"","token_type":"Bearer"}"#, Unavailable, ""),
        (200, r#"{"access_token":"a\nb","token_type":"Bearer"}"#, Unavailable, ""),
        (200, r#"{"access_token":"a","token_type":"mac"}"#, Unavailable, ""),
        (200, &large, Unavailable, ""),
    ] {
        let server = Server::default();
        server.respond_with(status, &[("retry-after", "17")], body);
        let error = refreshed(&server).await.unwrap_err();
        let what = format!("{status} {}", body.chars().take(60).collect::<String>());
        assert_eq!(error.kind(), kind, "{what}");
        assert_eq!(error.failure().code.as_deref().unwrap_or(""), code, "{what}");
        let later = matches!(kind, RateLimited | Unavailable);
        assert_eq!(error.retry(), if later { Retry::Later } else { Retry::Never }, "{what}");
        if later {
            assert_eq!(error.failure().status, Some(status), "{what}");
        }
        if status >= 400 && later {
            assert_eq!(error.retry_after().unwrap().as_secs(), 17, "{what}");
        }
    }
}

#[tokio::test]
async fn retry_after_is_read_as_seconds_and_as_a_date() {
    for (value, seconds) in [
        ("0", 0),
        (" 120 ", 120),
        ("Sun, 22 Nov 2026 10:00:30 GMT", 30),
        ("Sun, 22 Nov 2026 09:00:00 GMT", 0),
    ] {
        let server = Server::default();
        server.respond_with(503, &[("Retry-After", value)], "");
        assert_eq!(
            refreshed(&server).await.unwrap_err().retry_after().unwrap().as_secs(),
            seconds,
            "{value}"
        );
    }
    let server = Server::default();
    server.respond_with(503, &[("Retry-After", "soon")], "");
    assert_eq!(refreshed(&server).await.unwrap_err().retry_after(), None);
}

#[tokio::test]
async fn a_lost_response_does_not_need_a_new_connect() {
    for (failed, kind, retry) in [
        (TransportErrorKind::NotSent, ErrorKind::Unavailable, Retry::Later),
        (TransportErrorKind::Interrupted, ErrorKind::Unavailable, Retry::Later),
        (TransportErrorKind::TimedOut, ErrorKind::Unavailable, Retry::Later),
        (TransportErrorKind::TooLarge, ErrorKind::Unavailable, Retry::Later),
        (TransportErrorKind::Setup, ErrorKind::Configuration, Retry::Never),
    ] {
        let server = Server::default();
        server.fail(failed);
        let error = refreshed(&server).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (kind, retry), "{failed:?}");
    }
}

#[tokio::test]
async fn without_a_refresh_token_the_person_must_connect_again() {
    let server = Server::default();
    let client = builder(&server, &clock()).build().unwrap();
    let error = client.refresh(&Tokens::new(Secret::new("at"))).await.unwrap_err();
    assert!(matches!(error, AuthError::Reconnect { code, .. } if code.code() == "no_refresh_token"));
    assert_eq!(server.refreshes(), 0);
}

#[tokio::test]
async fn a_more_precise_code_is_kept() {
    for (body, detail) in [
        (r#"{"error":"invalid_grant","error_subtype":"invalid_rapt"}"#, Some("invalid_rapt")),
        (r#"{"error":"invalid_grant","error_codes":[700082,1]}"#, Some("AADSTS700082")),
        (r#"{"error":"invalid_grant","suberror":"bad_token","error_codes":[1]}"#, Some("AADSTS1")),
        (r#"{"error":"invalid_grant","suberror":"bad_token"}"#, Some("bad_token")),
        (r#"{"error":"invalid_grant","suberror":"Anna Smith, anna@example.org"}"#, None),
        (r#"{"error":"invalid_grant","error_codes":"700082"}"#, None),
    ] {
        let server = Server::default();
        server.respond(400, body);
        let error = builder(&server, &clock()).build().unwrap().refresh(&tokens()).await.unwrap_err();
        let AuthError::Reconnect { code, .. } = error else { panic!("{error:?}") };
        assert_eq!(code.detail(), detail, "{body}");
    }
}

#[tokio::test]
async fn a_revocation_of_an_invalid_token_succeeds() {
    let server = Server::default();
    let client = builder(&server, &clock()).build().unwrap();
    server.respond(200, "");
    assert_eq!(client.revoke(&tokens()).await.unwrap(), Revoked::Done);
    let sent = &server.seen(Operation::Revoke)[0];
    assert_eq!(sent.uri, "https://auth.example/revoke");
    assert_eq!(sent.headers["content-type"], "application/x-www-form-urlencoded");
    assert!(sent.form.starts_with("token=rt%2D0&token_type_hint=refresh_token"), "{}", sent.form);

    server.respond(400, r#"{"error":"invalid_token","error_description":"Token expired or revoked"}"#);
    client.revoke(&tokens()).await.unwrap();
    server.respond(503, "").respond(401, r#"{"error":"invalid_client"}"#).respond(400, "<html>");
    assert!(matches!(client.revoke(&tokens()).await, Err(AuthError::Unavailable(_))));
    assert!(matches!(client.revoke(&tokens()).await, Err(AuthError::Configuration(_))));
    assert!(matches!(client.revoke(&tokens()).await, Err(AuthError::Unavailable(_))));
}
