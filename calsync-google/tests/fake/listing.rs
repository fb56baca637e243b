//! Listings: filters, pages and incremental listings.

use serde_json::{Value, json};

use crate::client::{Stage, ids, timed_with};

async fn with_events(stage: &Stage, count: usize) {
    for number in 0..count {
        stage.insert(&format!("event{number:02}")).await;
    }
}

#[tokio::test]
async fn each_filter_returns_the_matching_events() {
    let stage = Stage::new();
    let add = |id: &'static str, more: Value| stage.event("POST", "", Some(timed_with(id, more)));
    let property =
        |key: &str, value: &str| json!({"extendedProperties": {"private": {key: value, "all": "1"}}});
    let day = |day| json!({"start": {"date": format!("2026-12-{day:02}")}, "end": {"date": format!("2026-12-{:02}", day + 1)}});
    add("aaaaa", property("k", "one")).await.ok();
    add("bbbbb", property("k", "two")).await.ok();
    add("ccccc", json!({"location": "Quay 4", "attendees": [{"email": "bo@example.org"}]})).await.ok();
    add("ddddd", day(10)).await.ok();
    stage.event("DELETE", "/bbbbb", None).await;
    let table: [(&str, &[&str]); 14] = [
        ("", &["aaaaa", "ccccc", "ddddd"]),
        ("?showDeleted=true", &["aaaaa", "bbbbb", "ccccc", "ddddd"]),
        ("?privateExtendedProperty=k%3Done", &["aaaaa"]),
        ("?privateExtendedProperty=k%3Dtwo", &[]),
        ("?privateExtendedProperty=k%3Done&privateExtendedProperty=all%3D1", &["aaaaa"]),
        ("?sharedExtendedProperty=k%3Done", &[]),
        ("?iCalUID=ccccc%40google.com", &["ccccc"]),
        ("?q=quay", &["ccccc"]),
        ("?q=BO%40example", &["ccccc"]),
        ("?timeMin=2026-12-03T17:00:00Z", &["ddddd"]),
        ("?timeMin=2026-12-03T16:59:59Z", &["aaaaa", "ccccc", "ddddd"]),
        ("?timeMax=2026-12-03T16:00:00Z", &[]),
        ("?timeMax=2026-12-03T17:00:01%2B01:00", &["aaaaa", "ccccc"]),
        ("?singleEvents=true&orderBy=startTime", &["aaaaa", "ccccc", "ddddd"]),
    ];
    for (query, expected) in table {
        let list = stage.event("GET", query, None).await.ok();
        assert_eq!(ids(&list), expected, "{query}");
    }
    for query in ["?orderBy=startTime", "?maxResults=0", "?singleEvents=1", "?privateExtendedProperty=k"] {
        stage.event("GET", query, None).await.is_refused(400, "invalid");
    }
    stage.event("GET", "?timeMin=2026-12-03T17:00:00", None).await.is_refused(400, "badRequest");
    let old = stage.event("GET", "?updatedMin=2026-09-01T00:00:00Z", None).await;
    old.is_refused(410, "updatedMinTooLongAgo");
    // Deletions count as updates.
    let since = stage.event("GET", "?updatedMin=2026-11-22T10:00:00Z&orderBy=updated", None).await.ok();
    assert_eq!(ids(&since), ["aaaaa", "ccccc", "ddddd", "bbbbb"]);
}

/// Reads all pages. Returns the sizes of the pages, the ids, and the sync token.
async fn all_pages(stage: &Stage, query: &str) -> (Vec<usize>, Vec<String>, String) {
    let (mut sizes, mut found, mut page) = (Vec::new(), Vec::new(), String::new());
    loop {
        let list = stage.event("GET", &format!("?{query}{page}"), None).await.ok();
        sizes.push(ids(&list).len());
        found.extend(ids(&list).into_iter().map(str::to_owned));
        match (&list["nextPageToken"], &list["nextSyncToken"]) {
            (Value::String(next), Value::Null) => page = format!("&pageToken={next}"),
            (Value::Null, Value::String(sync)) => return (sizes, found, sync.clone()),
            other => panic!("a page has either a page token or a sync token: {other:?}"),
        }
    }
}

#[tokio::test]
async fn every_event_is_listed_once_for_any_page_size() {
    let stage = Stage::new();
    with_events(&stage, 7).await;
    let expected: Vec<String> = (0..7).map(|number| format!("event{number:02}")).collect();
    let (sizes, found, _) = all_pages(&stage, "maxResults=3").await;
    assert_eq!((sizes, &found), (vec![3, 3, 1], &expected));
    stage.google.set(|settings| settings.sparse_pages = true);
    let (sizes, found, _) = all_pages(&stage, "maxResults=4").await;
    assert_eq!((sizes[0], &found), (0, &expected));
    assert!(sizes.iter().all(|size| *size <= 2));

    let first = stage.event("GET", "?maxResults=1", None).await.ok();
    let next = first["nextPageToken"].as_str().unwrap();
    let other = stage.event("GET", &format!("?q=x&pageToken={next}"), None).await;
    other.is_refused(400, "invalid");
    stage.event("GET", "?pageToken=nonsense", None).await.is_refused(400, "invalid");
}

#[tokio::test]
async fn a_sync_token_returns_the_changes_since_the_first_page() {
    let stage = Stage::new();
    with_events(&stage, 3).await;
    let first = stage.event("GET", "?maxResults=2", None).await.ok();
    // A change between two pages must be listed again.
    stage.event("PATCH", "/event00", Some(json!({"summary": "x"}))).await.ok();
    let next = first["nextPageToken"].as_str().unwrap();
    let last = stage.event("GET", &format!("?maxResults=2&pageToken={next}"), None).await.ok();
    let sync = last["nextSyncToken"].as_str().unwrap().to_owned();

    stage.event("DELETE", "/event01", None).await;
    stage.anna.sets_reminders("primary", "event02", &[5]);
    let (_, changed, again) = all_pages(&stage, &format!("syncToken={sync}&maxResults=1")).await;
    assert_eq!(changed, ["event00", "event01"]);
    let list = stage.event("GET", &format!("?syncToken={sync}"), None).await.ok();
    assert_eq!(list["items"][1]["status"], "cancelled");
    assert!(list["items"][1].get("start").is_none(), "only the identity of a deleted event is returned");
    let none = stage.event("GET", &format!("?syncToken={again}"), None).await.ok();
    assert_eq!(none["items"], json!([]));
}

#[tokio::test]
async fn a_sync_token_allows_no_other_filter_and_can_expire() {
    let stage = Stage::new();
    let list = stage.event("GET", "", None).await.ok();
    let sync = list["nextSyncToken"].as_str().unwrap();
    for other in [
        "iCalUID=x",
        "orderBy=updated",
        "privateExtendedProperty=a%3Db",
        "sharedExtendedProperty=a%3Db",
        "q=x",
        "timeMin=2026-01-01T00:00:00Z",
        "timeMax=2026-01-01T00:00:00Z",
        "updatedMin=2026-11-01T00:00:00Z",
        "showDeleted=false",
    ] {
        let response = stage.event("GET", &format!("?syncToken={sync}&{other}"), None).await;
        response.is_refused(400, "syncTokenWithRequestRestrictions");
    }
    let other = stage.event("GET", &format!("?syncToken={sync}&singleEvents=true"), None).await;
    other.is_refused(400, "invalid");
    stage.event("GET", &format!("?syncToken={sync}&showDeleted=true"), None).await.ok();
    stage.google.expire_sync_tokens("anna@example.org");
    stage.event("GET", &format!("?syncToken={sync}"), None).await.is_refused(410, "fullSyncRequired");
    stage.event("GET", "?syncToken=nonsense", None).await.is_refused(410, "fullSyncRequired");
}

#[tokio::test]
async fn only_the_requested_fields_are_returned() {
    let stage = Stage::new();
    with_events(&stage, 1).await;
    let list = stage.event("GET", "?fields=items(id,start/timeZone),nextSyncToken", None).await.ok();
    assert_eq!(list["items"], json!([{"id": "event00", "start": {"timeZone": "Europe/Stockholm"}}]));
    assert_eq!(list.as_object().unwrap().len(), 2);
    stage.event("GET", "?fields=items(", None).await.is_refused(400, "invalid");
}
