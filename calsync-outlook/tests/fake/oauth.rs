//! The OAuth server: consent, codes, tokens, and how they end.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use calsync_outlook::fake::{Decision, FakeOutlook, ScopeForm, aadsts};
use chrono::Duration;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::client::{ANNA, ApiResponse, Stage, encoded, send};

const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-0123456789";
const REDIRECT: &str = "http%3A%2F%2F127.0.0.1%3A8912%2Fback";
const ID: &str = FakeOutlook::CLIENT_ID;
const SECRET: &str = FakeOutlook::CLIENT_SECRET;

fn page(more: &str) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    format!(
        "https://login.microsoftonline.com/common/oauth2/v2.0/authorize?client_id={ID}&redirect_uri={REDIRECT}\
         &response_type=code&response_mode=query&scope=offline_access%20https%3A%2F%2Fgraph.microsoft.com%2FCalendars.ReadWrite\
         %20User.Read&state=s%26t&code_challenge={challenge}&code_challenge_method=S256{more}"
    )
}

pub(crate) async fn post(outlook: &FakeOutlook, path: &str, form: &str) -> ApiResponse {
    let request = http::Request::post(format!("https://login.microsoftonline.com/{path}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(form.to_owned()))
        .unwrap();
    send(outlook, request).await.unwrap()
}

async fn token(outlook: &FakeOutlook, form: &str) -> ApiResponse {
    post(outlook, "common/oauth2/v2.0/token", &format!("client_id={ID}&client_secret={SECRET}&{form}")).await
}

async fn refresh(outlook: &FakeOutlook, refresh_token: &str) -> ApiResponse {
    token(outlook, &format!("grant_type=refresh_token&refresh_token={refresh_token}")).await
}

/// The value of a parameter in a redirect URL.
fn parameter<'a>(location: &'a str, name: &str) -> Option<&'a str> {
    location.split(['?', '&']).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

fn redemption(location: &str) -> String {
    let code = parameter(location, "code").unwrap();
    format!("grant_type=authorization_code&code={code}&redirect_uri={REDIRECT}&code_verifier={VERIFIER}")
}

async fn redeem(outlook: &FakeOutlook, location: &str) -> ApiResponse {
    token(outlook, &redemption(location)).await
}

/// Status, error and AADSTS code of a refusal.
fn refusal(response: &ApiResponse) -> (u16, String, u64) {
    let json = response.json();
    let code = json["error_codes"][0].as_u64().unwrap();
    let text = json["error_description"].as_str().unwrap();
    assert!(text.starts_with(&format!("AADSTS{code}: ")), "{json}");
    for name in ["timestamp", "trace_id", "correlation_id", "error_uri"] {
        assert!(json[name].is_string(), "{name}");
    }
    (response.status, json["error"].as_str().unwrap().to_owned(), code)
}

#[track_caller]
fn is_refused(response: &ApiResponse, status: u16, error: &str, code: u64) {
    assert_eq!(refusal(response), (status, error.to_owned(), code));
}

fn text<'a>(json: &'a Value, name: &str) -> &'a str {
    json[name].as_str().unwrap()
}

#[tokio::test]
async fn a_grant_works_from_consent_to_revocation() {
    let mut stage = Stage::new();
    let outlook = stage.outlook.clone();
    let location = outlook.consent(&page(""), ANNA, &Decision::Allow).unwrap();
    assert!(location.starts_with("http://127.0.0.1:8912/back?"), "{location}");
    assert_eq!(parameter(&location, "state"), Some("s%26t"));
    assert!(parameter(&location, "session_state").is_some());
    let response = redeem(&outlook, &location).await;
    assert_eq!(response.header("cache-control"), Some("no-store, no-cache"));
    let tokens = response.ok();
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(3599)));
    assert_eq!(tokens["scope"], "Calendars.ReadWrite User.Read");
    stage.token = text(&tokens, "access_token").to_owned();
    assert_eq!(stage.event("GET", "", None).await.status, 200);
    assert_eq!(stage.call("GET", "me", None).await.status, 200);
    is_refused(&redeem(&outlook, &location).await, 400, "invalid_grant", 54005);

    stage.clock.advance(Duration::seconds(3600));
    stage.event("GET", "", None).await.is_refused(401, "InvalidAuthenticationToken");
    let fresh = refresh(&outlook, text(&tokens, "refresh_token")).await.ok();
    assert_ne!(fresh["refresh_token"], tokens["refresh_token"], "every refresh gives a new one");
    stage.token = text(&fresh, "access_token").to_owned();
    assert_eq!(stage.event("GET", "", None).await.status, 200);
    assert_eq!(outlook.token_refreshes(), 1);
    stage.anna.revokes_access();
    is_refused(&refresh(&outlook, text(&fresh, "refresh_token")).await, 400, "invalid_grant", 50173);
    stage.event("GET", "", None).await.is_refused(401, "InvalidAuthenticationToken");
}

#[tokio::test]
async fn a_used_refresh_token_stays_valid_as_long_as_set() {
    let stage = Stage::new();
    let first = stage.anna.tokens(&["Calendars.ReadWrite"]).refresh_token.expose().to_owned();
    let second = text(&refresh(&stage.outlook, &first).await.ok(), "refresh_token").to_owned();
    assert_eq!(refresh(&stage.outlook, &first).await.status, 200, "Microsoft does not end it");
    stage.outlook.set(|settings| settings.old_refresh_token_life = std::time::Duration::from_secs(60));
    assert_eq!(refresh(&stage.outlook, &second).await.status, 200);
    stage.clock.advance(Duration::seconds(59));
    assert_eq!(refresh(&stage.outlook, &second).await.status, 200);
    stage.outlook.set(|settings| settings.old_refresh_token_life = std::time::Duration::ZERO);
    let third = text(&refresh(&stage.outlook, &second).await.ok(), "refresh_token").to_owned();
    is_refused(&refresh(&stage.outlook, &second).await, 400, "invalid_grant", 70000);
    // Unused for ninety days.
    stage.clock.advance(Duration::days(90));
    is_refused(&refresh(&stage.outlook, &third).await, 400, "invalid_grant", 700_082);
    is_refused(&refresh(&stage.outlook, "nonsense").await, 400, "invalid_request", 9_002_313);
}

#[tokio::test]
async fn a_refresh_token_needs_offline_access() {
    let stage = Stage::new();
    let online = page("").replace("offline_access%20", "");
    let location = stage.outlook.consent(&online, ANNA, &Decision::Allow).unwrap();
    assert!(redeem(&stage.outlook, &location).await.ok().get("refresh_token").is_none());
}

#[tokio::test]
async fn scopes_are_written_in_three_forms() {
    let stage = Stage::new();
    for (form, expected) in [
        (ScopeForm::Short, "Calendars.ReadWrite User.Read"),
        (
            ScopeForm::Qualified,
            "https://graph.microsoft.com/Calendars.ReadWrite https://graph.microsoft.com/User.Read",
        ),
        (
            ScopeForm::LowerCase,
            "https://graph.microsoft.com/calendars.readwrite https://graph.microsoft.com/user.read",
        ),
    ] {
        stage.outlook.set(|settings| settings.scopes = form);
        let location = stage.outlook.consent(&page(""), ANNA, &Decision::Allow).unwrap();
        assert_eq!(redeem(&stage.outlook, &location).await.ok()["scope"], expected);
    }
    // A refresh for fewer scopes, and for others.
    let grant = stage.anna.tokens(&["Calendars.ReadWrite", "User.Read"]).refresh_token.expose().to_owned();
    let of = |scope: &str| format!("grant_type=refresh_token&refresh_token={grant}&scope={}", encoded(scope));
    let fewer = token(&stage.outlook, &of("https://graph.microsoft.com/user.read offline_access")).await.ok();
    assert_eq!(fewer["scope"], "https://graph.microsoft.com/user.read");
    is_refused(&token(&stage.outlook, &of("MailboxSettings.ReadWrite")).await, 400, "invalid_grant", 65001);
    is_refused(&token(&stage.outlook, &of("Nothing.Read")).await, 400, "invalid_scope", 70011);
}

#[tokio::test]
async fn a_scope_without_consent_is_not_granted() {
    let stage = Stage::new();
    let only = Decision::AllowOnly(vec!["User.Read".into()]);
    let location = stage.outlook.consent(&page(""), ANNA, &only).unwrap();
    assert_eq!(redeem(&stage.outlook, &location).await.ok()["scope"], "User.Read");
    for nothing in [Decision::Deny, Decision::AllowOnly(Vec::new())] {
        let location = stage.outlook.consent(&page(""), ANNA, &nothing).unwrap();
        assert_eq!(
            (parameter(&location, "error"), parameter(&location, "error_subcode")),
            (Some("access_denied"), Some("cancel"))
        );
        assert!(parameter(&location, "error_description").unwrap().starts_with("AADSTS65004"));
        assert_eq!(parameter(&location, "state"), Some("s%26t"));
    }
    let tokens = stage.anna.tokens(&["Calendars.ReadWrite", "User.Read"]);
    stage.anna.keeps_only(&["User.Read"]);
    assert_eq!(refresh(&stage.outlook, tokens.refresh_token.expose()).await.ok()["scope"], "User.Read");
}

#[tokio::test]
async fn an_invalid_consent_request_shows_or_returns_an_error() {
    let outlook = Stage::new().outlook;
    let good = page("");
    for (part, other) in [
        (ID, "nobody"),
        ("127.0.0.1%3A8912", "evil.example"),
        ("127.0.0.1%3A8912", "127.0.0.1.evil.example"),
        ("response_type=code", "response_type=token"),
        ("response_mode=query", "response_mode=fragment"),
        ("code_challenge=", "code_challenge=&x="),
        ("S256", "S512"),
        ("&state", "&client_id=x&state"),
        ("/common/", "/nowhere/"),
    ] {
        assert!(good.contains(part), "{part}");
        let url = good.replace(part, other);
        assert_eq!(outlook.consent(&url, ANNA, &Decision::Allow), None, "{other}");
        let response = send(&outlook, http::Request::get(url).body(Bytes::new()).unwrap()).await.unwrap();
        assert_eq!((response.status, response.header("location")), (400, None), "{other}");
        assert!(String::from_utf8_lossy(&response.body).contains("AADSTS"), "{other}");
    }
    for (url, error) in [
        (good.replace("User.Read", "Nothing.Read"), "invalid_scope"),
        (page("&prompt=none"), "login_required"),
        (page("&prompt=maybe"), "invalid_request"),
    ] {
        let location = outlook.consent(&url, ANNA, &Decision::Allow).unwrap();
        assert_eq!(
            (parameter(&location, "error"), parameter(&location, "code")),
            (Some(error), None),
            "{url}"
        );
    }
    for prompt in ["login", "consent", "select_account"] {
        let location = outlook.consent(&page(&format!("&prompt={prompt}")), ANNA, &Decision::Allow).unwrap();
        assert!(parameter(&location, "code").is_some(), "{prompt}");
    }
}

#[tokio::test]
async fn a_code_needs_its_verifier_client_and_redirect_before_it_expires() {
    let stage = Stage::new();
    let outlook = stage.outlook.clone().client("other", "other-secret", "https://other.example/");
    let location = outlook.consent(&page(""), ANNA, &Decision::Allow).unwrap();
    let right = redemption(&location);
    let wrong = right.replace(VERIFIER, &VERIFIER.replace('a', "b"));
    is_refused(&token(&outlook, &wrong).await, 400, "invalid_grant", 501_481);
    let none = right.replace(&format!("&code_verifier={VERIFIER}"), "");
    is_refused(&token(&outlook, &none).await, 400, "invalid_grant", 501_481);
    is_refused(&token(&outlook, &right.replace("back", "other")).await, 400, "invalid_grant", 500_112);
    let stolen = format!("client_id=other&client_secret=other-secret&{right}");
    is_refused(&post(&outlook, "common/oauth2/v2.0/token", &stolen).await, 400, "invalid_grant", 70008);
    stage.clock.advance(Duration::minutes(10));
    is_refused(&token(&outlook, &right).await, 400, "invalid_grant", 70008);
    is_refused(
        &token(&outlook, "grant_type=authorization_code&code=x").await,
        400,
        "invalid_request",
        9_002_313,
    );
}

#[tokio::test]
async fn a_client_has_to_authenticate() {
    let stage = Stage::new();
    let outlook = stage.outlook.clone().public_client("device", "com.example:/back");
    let grant = |client: &str| {
        let tokens = stage.anna.tokens_for(client, &["Calendars.ReadWrite"]);
        format!("grant_type=refresh_token&refresh_token={}", tokens.refresh_token.expose())
    };
    let ask = async |client: &str, grant: &str| {
        post(&outlook, "common/oauth2/v2.0/token", &format!("{client}&{grant}")).await
    };
    let own = grant(ID);
    is_refused(&ask("client_id=nobody&client_secret=x", &own).await, 400, "unauthorized_client", 700_016);
    is_refused(
        &ask(&format!("client_id={ID}&client_secret=x"), &own).await,
        401,
        "invalid_client",
        7_000_215,
    );
    is_refused(&ask(&format!("client_id={ID}"), &own).await, 401, "invalid_client", 7_000_218);
    is_refused(&ask("x=y", &own).await, 400, "invalid_request", 900_144);
    is_refused(&ask("client_id=device", &own).await, 400, "invalid_grant", 70000);
    is_refused(
        &ask("client_id=device&client_secret=x", &grant("device")).await,
        401,
        "invalid_client",
        700_025,
    );
    assert_eq!(ask("client_id=device", &grant("device")).await.status, 200);
    is_refused(&token(&outlook, "grant_type=password").await, 400, "unsupported_grant_type", 70003);
    is_refused(&token(&outlook, "").await, 400, "invalid_request", 900_144);
    let basic = STANDARD.encode(format!("{ID}:{SECRET}"));
    let request = http::Request::post("https://login.microsoftonline.com/organizations/oauth2/v2.0/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", format!("Basic {basic}"));
    assert_eq!(send(&outlook, request.body(Bytes::from(own.clone())).unwrap()).await.unwrap().status, 200);
    // A certificate in place of a secret.
    let jwt = |key: &str| {
        let claims = json!({
            "iss": ID, "sub": ID, "jti": "1", "exp": stage.clock_seconds() + 60,
            "aud": "https://login.microsoftonline.com/common/oauth2/v2.0/token",
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", part(&json!({"alg": "PS256", key: "abc"})), part(&claims))
    };
    let assertion = |jwt: String| {
        let kind = encoded("urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        format!("client_id={ID}&client_assertion_type={kind}&client_assertion={jwt}")
    };
    assert_eq!(ask(&assertion(jwt("x5t")), &own).await.status, 200);
    is_refused(&ask(&assertion(jwt("kid")), &own).await, 401, "invalid_client", 700_027);
}

#[tokio::test]
async fn every_state_of_a_grant_can_be_simulated() {
    let stage = Stage::new();
    let grant = stage.anna.tokens(&["Calendars.ReadWrite"]).refresh_token.expose().to_owned();
    for (code, status, error, more) in [
        (700_082, 400, "invalid_grant", None),
        (50173, 400, "invalid_grant", Some("suberror")),
        (65001, 400, "invalid_grant", Some("suberror")),
        (50076, 400, "interaction_required", Some("claims")),
        (50105, 400, "invalid_grant", None),
        (50057, 400, "invalid_grant", None),
        (7_000_222, 401, "invalid_client", None),
        (90006, 503, "temporarily_unavailable", None),
        (90012, 503, "temporarily_unavailable", None),
    ] {
        assert!(stage.anna.sign_in_fails(code));
        let response = refresh(&stage.outlook, &grant).await;
        is_refused(&response, status, error, code.into());
        assert!(more.is_none_or(|name| response.json()[name].is_string()), "{code}");
    }
    let claims: Value = serde_json::from_str(text(
        &{
            stage.anna.sign_in_fails(50079);
            refresh(&stage.outlook, &grant).await.json()
        },
        "claims",
    ))
    .unwrap();
    assert_eq!(claims["access_token"]["capolids"]["essential"], true);
    // A new sign-in fixes this error.
    let location = stage.outlook.consent(&page(""), ANNA, &Decision::Allow).unwrap();
    assert_eq!(redeem(&stage.outlook, &location).await.status, 200);
    assert_eq!(refresh(&stage.outlook, &grant).await.status, 200);
    // An error that an administrator must fix stays.
    stage.anna.sign_in_fails(50105);
    assert_eq!(stage.outlook.consent(&page(""), ANNA, &Decision::Allow), None);
    stage.anna.sign_in_works();
    assert_eq!(refresh(&stage.outlook, &grant).await.status, 200);
    assert!(!stage.anna.sign_in_fails(1));
    // A fault for the next request.
    stage.outlook.fault(aadsts(90024));
    is_refused(&refresh(&stage.outlook, &grant).await, 503, "temporarily_unavailable", 90024);
    assert_eq!(refresh(&stage.outlook, &grant).await.status, 200);
}

#[tokio::test]
async fn tenants_are_kept_apart() {
    let stage = Stage::new();
    let grant = stage.anna.tokens(&["Calendars.ReadWrite"]).refresh_token.expose().to_owned();
    let own = stage.outlook.user("cy@outlook.example");
    own.is_personal();
    let personal = own.tokens(&["Calendars.ReadWrite"]).refresh_token.expose().to_owned();
    let at = async |tenant: &str, grant: &str| {
        let form =
            format!("client_id={ID}&client_secret={SECRET}&grant_type=refresh_token&refresh_token={grant}");
        let response = post(&stage.outlook, &format!("{tenant}/oauth2/v2.0/token"), &form).await;
        if response.status == 200 { 0 } else { refusal(&response).2 }
    };
    let other = "11111111-2222-3333-4444-555555555555";
    for (tenant, works, personal_works) in [
        ("common", 0, 0),
        ("organizations", 0, 50020),
        ("consumers", 50020, 0),
        (FakeOutlook::TENANT, 0, 50020),
        ("example.org", 0, 50020),
        (other, 50020, 50020),
        ("nowhere", 90002, 90002),
    ] {
        assert_eq!(
            (at(tenant, &grant).await, at(tenant, &personal).await),
            (works, personal_works),
            "{tenant}"
        );
    }
    let form = |scope: &str| {
        format!("client_id={ID}&client_secret={SECRET}&grant_type=client_credentials&scope={scope}")
    };
    for (tenant, scope, code) in [
        ("common", ".default", 9_001_023),
        ("consumers", ".default", 9_001_023),
        (FakeOutlook::TENANT, "Calendars.ReadWrite", 70011),
    ] {
        let response = post(&stage.outlook, &format!("{tenant}/oauth2/v2.0/token"), &form(scope)).await;
        assert_eq!(refusal(&response).2, code, "{tenant}");
    }
    stage.outlook.set(|settings| settings.single_tenant = Some(FakeOutlook::TENANT.into()));
    for (tenant, code) in [("common", 50194), ("organizations", 50194), (FakeOutlook::TENANT, 0)] {
        assert_eq!(at(tenant, &grant).await, code, "{tenant}");
    }
    assert_eq!(stage.outlook.consent(&page(""), ANNA, &Decision::Allow), None);
    let own = page("").replace("/common/", &format!("/{}/", FakeOutlook::TENANT));
    assert!(stage.outlook.consent(&own, ANNA, &Decision::Allow).is_some());
}

#[tokio::test]
async fn the_page_works_in_a_browser() {
    let outlook = Stage::new().outlook;
    let get = |url: String| http::Request::get(url).body(Bytes::new()).unwrap();
    let hinted = page("&login_hint=%22%3E%3Cscript%3E&domain_hint=organizations");
    let response = send(&outlook, get(hinted)).await.unwrap();
    let html = String::from_utf8(response.body.to_vec()).unwrap();
    assert!(html.contains("Calendars.ReadWrite\" checked"), "{html}");
    assert!(!html.contains("<script>"));
    let query = page("").split_once('?').unwrap().1.to_owned();
    let form = format!("{query}&user=anna%40example.org&granted=Calendars.ReadWrite&decision=allow");
    let response = post(&outlook, "common/oauth2/v2.0/authorize", &form).await;
    assert_eq!(response.status, 302);
    let tokens = redeem(&outlook, response.header("location").unwrap()).await.ok();
    assert_eq!(tokens["scope"], "Calendars.ReadWrite");
    assert!(tokens["refresh_token"].is_string());
    let denied = form.replace("decision=allow", "decision=deny");
    let response = post(&outlook, "common/oauth2/v2.0/authorize", &denied).await;
    assert!(response.header("location").unwrap().contains("error=access_denied"));

    outlook.set(|settings| settings.auto_consent_as = Some(ANNA.into()));
    let response = send(&outlook, get(page(""))).await.unwrap();
    assert!(response.header("location").unwrap().contains("code="));
}

#[tokio::test]
async fn no_token_is_in_the_log_or_in_debug_output() {
    let stage = Stage::new();
    let tokens = stage.anna.tokens(&["Calendars.ReadWrite"]);
    let fresh = refresh(&stage.outlook, tokens.refresh_token.expose()).await.ok();
    stage.event("GET", "", None).await;
    let part = json!({"id": "1", "method": "GET", "url": "/me", "headers": {"Authorization": format!("Bearer {}", stage.token)}});
    stage.call("POST", "$batch", Some(json!({"requests": [part]}))).await.ok();
    let seen = stage.outlook.requests();
    let mut text = format!("{tokens:?} {seen:?} {:?} {:?}", stage.outlook, stage.anna);
    for request in &seen {
        text += &format!("{} {:?} {:?}", request.path, request.query, request.body);
    }
    for secret in [
        tokens.access_token.expose(),
        tokens.refresh_token.expose(),
        &stage.token,
        SECRET,
        fresh["access_token"].as_str().unwrap(),
    ] {
        assert!(!text.contains(secret));
    }
}
