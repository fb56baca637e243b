//! `calendarView/delta`: the changes in a window.

use serde_json::{Value, json};

use crate::client::{ApiResponse, IMMUTABLE, Stage, at, id, timed_with};

const WINDOW: &str = "startDateTime=2026-12-01T00:00:00Z&endDateTime=2026-12-31T00:00:00Z";

async fn on_day(stage: &Stage, subject: &str, day: &str) -> Value {
    let at = |time: &str| at(&format!("{day}T{time}"), "UTC");
    stage.create(timed_with(subject, json!({"start": at("10:00:00"), "end": at("11:00:00")}))).await
}

async fn get(stage: &Stage, url: &str) -> ApiResponse {
    stage.call_with("GET", url, None, &[IMMUTABLE, ("Prefer", "odata.maxpagesize=2")]).await
}

/// Reads a round from that URL. Returns its entries and the link to the next round.
async fn round(stage: &Stage, url: &str) -> (Vec<String>, String) {
    let (mut entries, mut url) = (Vec::new(), url.to_owned());
    loop {
        let page = get(stage, &url).await.ok();
        for item in page["value"].as_array().unwrap() {
            entries.push(match &item["@removed"]["reason"] {
                Value::String(reason) => format!("{reason} {}", id(item)),
                _ => item["subject"].as_str().unwrap().to_owned(),
            });
        }
        match (&page["@odata.nextLink"], &page["@odata.deltaLink"]) {
            (Value::String(next), Value::Null) => url.clone_from(next),
            (Value::Null, Value::String(delta)) => return (entries, delta.clone()),
            other => panic!("a page has exactly one of both links: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_round_reports_the_changes_since_the_one_before() {
    let stage = Stage::new();
    let other = stage.anna.adds_calendar("Other");
    let one = on_day(&stage, "one", "2026-12-03").await;
    let two = on_day(&stage, "two", "2026-12-04").await;
    let three = on_day(&stage, "three", "2026-12-05").await;
    let out = on_day(&stage, "out", "2027-01-05").await;
    let (entries, link) = round(&stage, &format!("me/calendarView/delta?{WINDOW}")).await;
    assert_eq!(entries, ["one", "two", "three"]);
    assert!(
        link.starts_with("https://graph.microsoft.com/v1.0/me/calendarView/delta?$deltatoken="),
        "{link}"
    );
    assert_eq!(round(&stage, &link).await.0, Vec::<String>::new());

    stage.event("DELETE", &format!("/{}", id(&one)), None).await;
    assert!(stage.anna.edits_event("primary", id(&two), json!({"subject": "changed"})));
    assert!(stage.anna.moves_event("primary", id(&three), &other));
    // Never in the window, and still reported as removed.
    assert!(stage.anna.edits_event("primary", id(&out), json!({"subject": "x"})));
    let (entries, next) = round(&stage, &link).await;
    let gone = |event: &Value| format!("deleted {}", id(event));
    assert_eq!(entries, [gone(&one), "changed".to_owned(), gone(&three), gone(&out)]);
    assert!(stage.anna.moves_event(&other, id(&three), "primary"));
    assert_eq!(round(&stage, &next).await.0, ["three"]);
    // The old link still works, and an event that came back is not removed.
    assert_eq!(
        round(&stage, &link).await.0,
        [gone(&one), "changed".to_owned(), gone(&out), "three".to_owned()]
    );
}

#[tokio::test]
async fn a_change_during_a_round_comes_in_the_next_round() {
    let stage = Stage::new();
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(id(&on_day(&stage, &number.to_string(), "2026-12-03").await).to_owned());
    }
    let first = get(&stage, &format!("me/calendarView/delta?{WINDOW}")).await.ok();
    assert!(stage.anna.edits_event("primary", &ids[0], json!({"subject": "again"})));
    assert!(stage.anna.deletes_event("primary", &ids[4]));
    let (rest, link) = round(&stage, first["@odata.nextLink"].as_str().unwrap()).await;
    assert_eq!(rest, ["2", "3"]);
    assert_eq!(round(&stage, &link).await.0, ["again".to_owned(), format!("deleted {}", ids[4])]);
}

#[tokio::test]
async fn each_calendar_has_its_own_tokens_and_both_id_kinds_work() {
    let stage = Stage::new();
    let other = stage.anna.adds_calendar("Other");
    let event = on_day(&stage, "one", "2026-12-03").await;
    for path in ["me/calendar/calendarView/delta", "users/anna@example.org/calendarView/delta()"] {
        assert_eq!(round(&stage, &format!("{path}?{WINDOW}")).await.0, ["one"], "{path}");
    }
    let of_other = format!("me/calendars/{other}/calendarView/delta?{WINDOW}");
    let (entries, link) = round(&stage, &of_other).await;
    assert_eq!(entries, Vec::<String>::new());
    let elsewhere = link.replace(&format!("calendars/{other}/"), "");
    stage.call("GET", &elsewhere, None).await.is_refused(400, "ErrorInvalidUrlQuery");
    let (_, link) = round(&stage, &format!("me/calendarView/delta?{WINDOW}")).await;
    let default = stage.event("GET", &format!("/{}", id(&event)), None).await.ok();
    assert!(stage.anna.deletes_event("primary", id(&event)));
    let plain = stage.call("GET", &link, None).await.ok();
    assert_eq!(
        (&plain["value"][0]["id"], &plain["value"][0]["@removed"]["reason"]),
        (&default["id"], &json!("deleted"))
    );
}

#[tokio::test]
async fn other_query_options_are_refused() {
    let stage = Stage::new();
    for option in
        ["$select=id", "$filter=subject%20eq%20'x'", "$expand=x", "$orderby=subject", "$search=x", "$top=5"]
    {
        let response = stage.call("GET", &format!("me/calendarView/delta?{WINDOW}&{option}"), None).await;
        response.is_refused(400, "ErrorInvalidUrlQuery");
    }
    stage.call("GET", "me/calendarView/delta", None).await.is_refused(400, "ErrorInvalidRequest");
    let nonsense = stage.call("GET", "me/calendarView/delta?$deltatoken=nonsense", None).await;
    nonsense.is_refused(400, "ErrorInvalidUrlQuery");
}

#[tokio::test]
async fn a_changed_extended_property_is_not_reported() {
    let stage = Stage::new();
    let event = on_day(&stage, "one", "2026-12-03").await;
    let (_, link) = round(&stage, &format!("me/calendarView/delta?{WINDOW}")).await;
    let key = "String {6f1c2a90-2d4b-4c7e-9b15-0d3a7e5f8c21} Name calsyncKey";
    let property = json!({"singleValueExtendedProperties": [{"id": key, "value": "x"}]});
    stage.event("PATCH", &format!("/{}", id(&event)), Some(property)).await.ok();
    assert_eq!(round(&stage, &link).await.0, Vec::<String>::new());
}

#[tokio::test]
async fn a_token_can_expire_during_a_round_or_after() {
    let stage = Stage::new();
    for number in 0..3 {
        on_day(&stage, &number.to_string(), "2026-12-03").await;
    }
    let start = format!("me/calendarView/delta?{WINDOW}");
    let first = get(&stage, &start).await.ok();
    let (_, link) = round(&stage, &start).await;
    stage.outlook.expire_delta_tokens("primary");
    for expired in [first["@odata.nextLink"].as_str().unwrap(), &link] {
        let response = get(&stage, expired).await;
        response.is_refused(410, "SyncStateNotFound");
        assert_eq!(response.header("location"), None);
    }
    stage.outlook.set(|settings| settings.delta_location = true);
    let response = get(&stage, &link).await;
    response.is_refused(410, "SyncStateNotFound");
    assert_eq!(round(&stage, response.header("location").unwrap()).await.0, ["0", "1", "2"]);
    stage.outlook.set(|settings| settings.sparse_pages = true);
    assert_eq!(round(&stage, &start).await.0, ["0", "1", "2"]);
    assert_eq!(get(&stage, &start).await.ok()["value"], json!([]));
}
