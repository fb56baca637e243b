//! The OAuth server: consent, codes, tokens, expiry and revocation.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use calsync_google::fake::{Decision, FakeGoogle};
use chrono::Duration;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::client::{ANNA, Stage, TestResponse, send};

const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-0123456789";
const BASE: &str = "https%3A%2F%2Fwww.googleapis.com%2Fauth%2F";
const REDIRECT: &str = "http%3A%2F%2F127.0.0.1%3A8912%2Fback";

fn page(more: &str) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    format!(
        "https://accounts.google.com/o/oauth2/v2/auth?client_id={}&redirect_uri={REDIRECT}&response_type=code\
         &scope={BASE}calendar.events%20{BASE}calendar.app.created&state=s%26t&code_challenge={challenge}\
         &code_challenge_method=S256&access_type=offline{more}",
        FakeGoogle::CLIENT_ID
    )
}

async fn post(google: &FakeGoogle, path: &str, form: &str) -> TestResponse {
    let request = http::Request::post(format!("https://oauth2.googleapis.com/{path}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(form.to_owned()))
        .unwrap();
    send(google, request).await.unwrap()
}

async fn token(google: &FakeGoogle, form: &str) -> TestResponse {
    let (id, secret) = (FakeGoogle::CLIENT_ID, FakeGoogle::CLIENT_SECRET);
    post(google, "token", &format!("client_id={id}&client_secret={secret}&{form}")).await
}

async fn refresh(google: &FakeGoogle, refresh_token: &str) -> TestResponse {
    let refresh_token = refresh_token.replace('/', "%2F");
    token(google, &format!("grant_type=refresh_token&refresh_token={refresh_token}")).await
}

fn code(location: &str) -> String {
    location.split(['?', '&']).find_map(|pair| pair.strip_prefix("code=")).unwrap().to_owned()
}

async fn redeem(google: &FakeGoogle, location: &str) -> TestResponse {
    let code = code(location);
    let form =
        format!("grant_type=authorization_code&code={code}&redirect_uri={REDIRECT}&code_verifier={VERIFIER}");
    token(google, &form).await
}

fn is_refused(response: &TestResponse, status: u16, error: &str) {
    let json = response.json();
    assert_eq!((response.status, json["error"].as_str()), (status, Some(error)), "{json}");
}

#[tokio::test]
async fn a_grant_works_from_consent_to_revocation() {
    let mut stage = Stage::new();
    let google = stage.google.clone();
    let location = google.consent(&page("&prompt=consent"), ANNA, &Decision::Allow).unwrap();
    assert!(location.starts_with("http://127.0.0.1:8912/back?state=s%26t&code="), "{location}");
    let tokens = redeem(&google, &location).await.ok();
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&"Bearer".into(), &json!(3599)));
    stage.token = tokens["access_token"].as_str().unwrap().to_owned();
    assert_eq!(stage.event("GET", "", None).await.status, 200);
    // A code works once.
    is_refused(&redeem(&google, &location).await, 400, "invalid_grant");

    stage.clock.advance(Duration::seconds(3600));
    let expired = stage.event("GET", "", None).await;
    expired.is_refused(401, "authError");
    assert_eq!(expired.json()["error"]["status"], "UNAUTHENTICATED");
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let fresh = refresh(&google, refresh_token).await.ok();
    assert!(fresh.get("refresh_token").is_none(), "the old one stays valid");
    assert_eq!(fresh["scope"], tokens["scope"]);
    stage.token = fresh["access_token"].as_str().unwrap().to_owned();
    assert_eq!(stage.event("GET", "", None).await.status, 200);
    assert_eq!(google.token_refreshes(), 1);

    let form = format!("token={}", refresh_token.replace('/', "%2F"));
    assert_eq!(post(&google, "revoke", &form).await.status, 200);
    is_refused(&post(&google, "revoke", &form).await, 400, "invalid_token");
    is_refused(&refresh(&google, refresh_token).await, 400, "invalid_grant");
    stage.event("GET", "", None).await.is_refused(401, "authError");
}

#[tokio::test]
async fn a_call_without_a_token_is_refused() {
    let stage = Stage::new();
    let request = http::Request::get("http://localhost/calendar/v3/calendars/primary/events");
    let response = send(&stage.google, request.body(Bytes::new()).unwrap()).await.unwrap();
    response.is_refused(401, "required");
    assert!(response.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
}

#[tokio::test]
async fn unticked_scopes_are_not_granted() {
    let stage = Stage::new();
    let only = Decision::AllowOnly(vec!["calendar.app.created".into()]);
    let location = stage.google.consent(&page(""), ANNA, &only).unwrap();
    let tokens = redeem(&stage.google, &location).await.ok();
    assert_eq!(tokens["scope"], "https://www.googleapis.com/auth/calendar.app.created");
    for nothing in [Decision::Deny, Decision::AllowOnly(Vec::new())] {
        let location = stage.google.consent(&page(""), ANNA, &nothing).unwrap();
        assert_eq!(location, "http://127.0.0.1:8912/back?state=s%26t&error=access_denied");
    }
    // The user removes a scope later, in the account's settings.
    let tokens = stage.anna.tokens(&["calendar.events", "calendar.freebusy"]);
    stage.anna.keeps_only(&["calendar.freebusy"]);
    let fresh = refresh(&stage.google, tokens.refresh_token.expose()).await.ok();
    assert_eq!(fresh["scope"], "https://www.googleapis.com/auth/calendar.freebusy");
    stage.anna.revokes_access();
    is_refused(&refresh(&stage.google, tokens.refresh_token.expose()).await, 400, "invalid_grant");
}

#[tokio::test]
async fn only_the_first_consent_or_a_forced_one_gives_a_refresh_token() {
    let stage = Stage::new();
    let bo = "bo@example.org";
    let mut has = Vec::new();
    for more in ["", "", "&prompt=consent"] {
        let location = stage.google.consent(&page(more), bo, &Decision::Allow).unwrap();
        has.push(redeem(&stage.google, &location).await.ok().get("refresh_token").is_some());
    }
    assert_eq!(has, [true, false, true]);
    let online = page("").replace("&access_type=offline", "");
    let location = stage.google.consent(&online, "cy@example.org", &Decision::Allow).unwrap();
    assert!(redeem(&stage.google, &location).await.ok().get("refresh_token").is_none());
    let little = page("&include_granted_scopes=true").replace(&format!("{BASE}calendar.events%20"), "");
    let location = stage.google.consent(&little, bo, &Decision::Allow).unwrap();
    let scope = redeem(&stage.google, &location).await.ok()["scope"].clone();
    assert!(scope.as_str().unwrap().contains("calendar.events"), "{scope}");
}

#[tokio::test]
async fn an_invalid_authorization_request_shows_an_error_and_never_redirects() {
    let google = Stage::new().google;
    let good = page("");
    let id = FakeGoogle::CLIENT_ID;
    for (part, other) in [
        (id, "nobody"),
        ("127.0.0.1%3A8912", "evil.example"),
        ("127.0.0.1%3A8912", "127.0.0.1.evil.example"),
        ("response_type=code", "response_type=token"),
        ("calendar.events", "../calendar%20x"),
        ("code_challenge=", "code_challenge=&x="),
        ("S256", "S512"),
        ("&state", "&client_id=x&state"),
    ] {
        assert!(good.contains(part), "{part}");
        let url = good.replace(part, other);
        assert_eq!(google.consent(&url, ANNA, &Decision::Allow), None, "{other}");
        let request = http::Request::get(url).body(Bytes::new()).unwrap();
        let response = send(&google, request).await.unwrap();
        assert!((400..402).contains(&response.status), "{other}");
        assert!(response.headers.get("location").is_none());
    }
}

#[tokio::test]
async fn a_code_needs_its_verifier_client_and_redirect_and_expires() {
    let stage = Stage::new();
    let google = stage.google.clone().client("other", "other-secret", "https://other.example/");
    let location = google.consent(&page(""), ANNA, &Decision::Allow).unwrap();
    let code = code(&location);
    let right = format!("grant_type=authorization_code&code={code}&redirect_uri={REDIRECT}");
    is_refused(&token(&google, &right).await, 400, "invalid_grant");
    is_refused(&token(&google, &format!("{right}&code_verifier=x{VERIFIER}")).await, 400, "invalid_grant");
    let elsewhere = format!("{right}%2F&code_verifier={VERIFIER}");
    is_refused(&token(&google, &elsewhere).await, 400, "redirect_uri_mismatch");
    let stolen = format!("client_id=other&client_secret=other-secret&{right}&code_verifier={VERIFIER}");
    is_refused(&post(&google, "token", &stolen).await, 400, "invalid_grant");
    stage.clock.advance(Duration::minutes(10));
    is_refused(&redeem(&google, &location).await, 400, "invalid_grant");
}

#[tokio::test]
async fn a_client_has_to_authenticate() {
    let stage = Stage::new();
    let google = stage.google.clone().public_client("device", "com.example:/back");
    let tokens = stage.anna.tokens(&["calendar"]);
    let grant = format!(
        "grant_type=refresh_token&refresh_token={}",
        tokens.refresh_token.expose().replace('/', "%2F")
    );
    let id = FakeGoogle::CLIENT_ID;
    let of = |client: &str| format!("{client}&{grant}");
    is_refused(&post(&google, "token", &of("client_id=nobody&client_secret=x")).await, 401, "invalid_client");
    is_refused(
        &post(&google, "token", &of(&format!("client_id={id}&client_secret=x"))).await,
        401,
        "invalid_client",
    );
    is_refused(&post(&google, "token", &of(&format!("client_id={id}"))).await, 400, "invalid_request");
    // The grant belongs to another client.
    is_refused(&post(&google, "token", &of("client_id=device")).await, 400, "invalid_grant");
    is_refused(&token(&google, "grant_type=password").await, 400, "unsupported_grant_type");
    is_refused(&token(&google, "").await, 400, "invalid_request");
    let own = stage.anna.tokens_for("device", &["calendar"]);
    let own = own.refresh_token.expose().replace('/', "%2F");
    let form = format!("client_id=device&grant_type=refresh_token&refresh_token={own}");
    assert_eq!(post(&google, "token", &form).await.status, 200);
    let basic =
        base64::engine::general_purpose::STANDARD.encode(format!("{id}:{}", FakeGoogle::CLIENT_SECRET));
    let request = http::Request::post("https://oauth2.googleapis.com/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", format!("Basic {basic}"));
    assert_eq!(send(&google, request.body(Bytes::from(grant)).unwrap()).await.unwrap().status, 200);
}

#[tokio::test]
async fn refresh_tokens_rotate_expire_and_are_limited_by_settings() {
    let stage = Stage::new();
    let google = &stage.google;
    google.set(|settings| settings.rotate_refresh_tokens = true);
    let first = stage.anna.tokens(&["calendar"]).refresh_token.expose().to_owned();
    let rotated = refresh(google, &first).await.ok()["refresh_token"].as_str().unwrap().to_owned();
    is_refused(&refresh(google, &first).await, 400, "invalid_grant");
    google.set(|settings| {
        settings.rotate_refresh_tokens = false;
        settings.refresh_token_lifetime = Some(std::time::Duration::from_secs(7 * 24 * 3600));
        settings.refresh_token_limit = Some(3);
    });
    let testing = stage.anna.tokens(&["calendar"]).refresh_token.expose().to_owned();
    stage.clock.advance(Duration::days(7));
    is_refused(&refresh(google, &testing).await, 400, "invalid_grant");
    assert_eq!(refresh(google, &rotated).await.status, 200);
    let _more = stage.anna.tokens(&["calendar"]);
    let _more = stage.anna.tokens(&["calendar"]);
    is_refused(&refresh(google, &rotated).await, 400, "invalid_grant");
}

#[tokio::test]
async fn the_consent_page_works_in_a_browser() {
    let google = Stage::new().google;
    let get = |url: String| http::Request::get(url).body(Bytes::new()).unwrap();
    let hinted = page("&login_hint=%22%3E%3Cscript%3E");
    let response = send(&google, get(hinted)).await.unwrap();
    let html = String::from_utf8(response.body.to_vec()).unwrap();
    assert!(html.contains("calendar.app.created\" checked"), "{html}");
    assert!(!html.contains("<script>"));
    let query = page("").split_once('?').unwrap().1.to_owned();
    let form = format!("{query}&user=anna%40example.org&granted={BASE}calendar.events&decision=allow");
    let response = post(&google, "o/oauth2/v2/auth", &form).await;
    assert_eq!(response.status, 302);
    let location = response.headers["location"].to_str().unwrap().to_owned();
    let tokens: Value = redeem(&google, &location).await.ok();
    assert_eq!(tokens["scope"], "https://www.googleapis.com/auth/calendar.events");

    google.set(|settings| settings.auto_consent_as = Some(ANNA.into()));
    let response = send(&google, get(page(""))).await.unwrap();
    assert!(response.headers["location"].to_str().unwrap().contains("code="));
}

#[tokio::test]
async fn the_log_and_debug_output_contain_no_tokens() {
    let stage = Stage::new();
    let tokens = stage.anna.tokens(&["calendar"]);
    let fresh = refresh(&stage.google, tokens.refresh_token.expose()).await.ok();
    stage.event("GET", "", None).await;
    let seen = stage.google.requests();
    let mut text = format!("{tokens:?} {seen:?} {:?} {:?}", stage.google, stage.anna);
    for request in &seen {
        text += &format!("{} {:?} {:?}", request.path, request.query, request.body);
    }
    for secret in [
        tokens.access_token.expose(),
        tokens.refresh_token.expose(),
        &stage.token,
        FakeGoogle::CLIENT_SECRET,
        fresh["access_token"].as_str().unwrap(),
    ] {
        assert!(!text.contains(secret));
    }
}
