//! Single-value extended properties: stored, shown, filtered.

use calsync_outlook::fake::{Fault, graph_error};
use http::StatusCode;
use serde_json::{Value, json};

use crate::client::{Stage, encoded, id, subjects, timed, timed_with};

const KEY: &str = "String {6f1c2a90-2d4b-4c7e-9b15-0d3a7e5f8c21} Name calsyncKey";
const REVISION: &str = "String {6f1c2a90-2d4b-4c7e-9b15-0d3a7e5f8c21} Name calsyncRev";

fn properties(pairs: &[(&str, &str)]) -> Value {
    let pairs = pairs.iter().map(|(id, value)| json!({"id": id, "value": value}));
    json!({"singleValueExtendedProperties": pairs.collect::<Vec<_>>()})
}

fn expand(ids: &[&str]) -> String {
    let tests: Vec<String> = ids.iter().map(|id| format!("id eq '{id}'")).collect();
    format!("$expand={}", encoded(&format!("singleValueExtendedProperties($filter={})", tests.join(" or "))))
}

fn filter(text: &str) -> String {
    format!("?$filter={}", encoded(text))
}

#[tokio::test]
async fn a_property_is_stored_and_shown_only_on_request() {
    let stage = Stage::new();
    let event = stage.create(timed_with("x", properties(&[(KEY, "k-91f2"), (REVISION, "1")]))).await;
    let path = format!("/{}", id(&event));
    assert!(event.get("singleValueExtendedProperties").is_none());
    assert!(stage.get(id(&event)).await.get("singleValueExtendedProperties").is_none());
    let shown = stage.event("GET", &format!("{path}?{}", expand(&[KEY])), None).await.ok();
    assert_eq!(shown["singleValueExtendedProperties"], json!([{"id": KEY, "value": "k-91f2"}]));
    // Properties in the list are set, others stay.
    let patched = stage.event("PATCH", &path, Some(properties(&[(REVISION, "2")]))).await.ok();
    assert_ne!(patched["changeKey"], event["changeKey"]);
    let both =
        stage.event("GET", &format!("{path}?$select=id&{}", expand(&[KEY, REVISION])), None).await.ok();
    let values = json!([{"id": KEY, "value": "k-91f2"}, {"id": REVISION, "value": "2"}]);
    assert_eq!(both["singleValueExtendedProperties"], values);
    assert!(both.get("subject").is_none());
    let list = stage.event("GET", &format!("?{}", expand(&[REVISION])), None).await.ok();
    assert_eq!(list["value"][0]["singleValueExtendedProperties"][0]["value"], "2");
    // A property that the event does not have is not shown.
    let none =
        stage.event("GET", &format!("{path}?{}", expand(&[&KEY.replace("Key", "key")])), None).await.ok();
    assert!(none.get("singleValueExtendedProperties").is_none());
    let seen = stage.anna.event("primary", id(&event)).unwrap();
    assert_eq!((seen.property("calsyncKey"), seen.property("calsynckey")), (Some("k-91f2"), None));
}

#[tokio::test]
async fn an_event_is_found_by_its_property() {
    let stage = Stage::new();
    stage.create(timed_with("one", properties(&[(KEY, "k-91f2"), (REVISION, "it's")]))).await;
    stage.create(timed_with("two", properties(&[(KEY, "k-91f3")]))).await;
    stage.create(timed("three")).await;
    let gone = stage.create(timed_with("gone", properties(&[(KEY, "k-91f2")]))).await;
    stage.event("DELETE", &format!("/{}", id(&gone)), None).await;
    let any = |test: &str| format!("singleValueExtendedProperties/any(ep:{test})");
    let table: [(String, &[&str]); 9] = [
        (any(&format!("ep/id eq '{KEY}' and ep/value eq 'k-91f2'")), &["one"]),
        (any(&format!(" ep/id eq '{KEY}'  and  ep/value eq 'K-91F2' ")), &["one"]),
        (
            any(&format!(
                "ep/id eq '{}' and ep/value eq 'k-91f2'",
                KEY.to_uppercase().replace("STRING", "String").replace("NAME CALSYNCKEY", "Name calsyncKey")
            )),
            &["one"],
        ),
        (any(&format!("ep/id eq '{}' and ep/value eq 'k-91f2'", KEY.replace("Key", "key"))), &[]),
        (any(&format!("ep/id eq '{REVISION}' and ep/value eq 'it''s'")), &["one"]),
        (any(&format!("ep/id eq '{KEY}' and startswith(ep/value,'k-91')")), &["one", "two"]),
        (any(&format!("ep/id eq '{KEY}' and ep/value ne 'k-91f2'")), &["two"]),
        (any(&format!("ep/id eq '{KEY}'")), &["one", "two"]),
        (format!("subject eq 'two' and {}", any(&format!("ep/id eq '{KEY}'"))), &["two"]),
    ];
    for (text, expected) in table {
        let list = stage.event("GET", &filter(&text), None).await.ok();
        assert_eq!(subjects(&list), expected, "{text}");
    }
    let plus = format!(
        "?$filter={}",
        any(&format!("ep/id eq '{KEY}' and ep/value eq 'k-91f2'"))
            .replace(' ', "+")
            .replace('{', "%7B")
            .replace('}', "%7D")
    );
    assert_eq!(subjects(&stage.event("GET", &plus, None).await.ok()), ["one"], "a plus is a space");
}

#[tokio::test]
async fn an_id_of_another_kind_is_refused() {
    let stage = Stage::new();
    for bad in [
        "calsyncKey",
        "String {6f1c2a90} Name calsyncKey",
        "Integer {6f1c2a90-2d4b-4c7e-9b15-0d3a7e5f8c21} Name x",
    ] {
        let event = timed_with("x", properties(&[(bad, "x")]));
        stage.event("POST", "", Some(event)).await.is_refused(400, "ErrorInvalidProperty");
        let text = format!("singleValueExtendedProperties/any(ep:ep/id eq '{bad}')");
        stage.event("GET", &filter(&text), None).await.is_refused(400, "ErrorInvalidProperty");
    }
    for bad in [
        "$expand=singleValueExtendedProperties",
        "$expand=extensions",
        "$expand=singleValueExtendedProperties($top=1)",
    ] {
        stage.event("GET", &format!("?{bad}"), None).await.is_refused(400, "ErrorInvalidUrlQuery");
    }
    let invalid = "$expand=singleValueExtendedProperties($filter=value%20eq%20'x')";
    stage.event("GET", &format!("?{invalid}"), None).await.is_refused(400, "ErrorInvalidUrlQueryFilter");
}

#[tokio::test]
async fn a_create_that_fails_may_have_stored_an_event_without_properties() {
    let stage = Stage::new();
    stage.outlook.set(|settings| settings.loses_properties_on_error = true);
    let late = || graph_error(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", "x").after();
    let event = || timed_with("x", properties(&[(KEY, "k-91f2")]));
    stage.outlook.fault(late());
    assert_eq!(stage.event("POST", "", Some(event())).await.status, 503);
    assert_eq!(stage.anna.events("primary")[0].property("calsyncKey"), None);
    // Only a late server error loses them.
    stage.outlook.fault(Fault::DropAfter);
    assert!(stage.try_call("POST", "me/events", Some(event()), &[]).await.is_err());
    stage.create(event()).await;
    let keys: Vec<bool> =
        stage.anna.events("primary").iter().map(|event| event.property("calsyncKey").is_some()).collect();
    assert_eq!(keys, [false, true, true]);
}
