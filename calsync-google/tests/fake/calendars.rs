//! Calendars, access to them, and the methods that each scope allows.

use serde_json::json;

use crate::client::{ANNA, Stage, ids, timed};
use calsync_google::fake::{AccessRole, FakeGoogle};

#[tokio::test]
async fn a_calendar_is_created_listed_changed_and_deleted() {
    let stage = Stage::new();
    stage.call("POST", "calendars", Some(json!({}))).await.is_refused(400, "required");
    let zone = json!({"summary": "Bookings", "timeZone": "Asia/Nowhere"});
    stage.call("POST", "calendars", Some(zone)).await.is_refused(400, "invalid");
    let zone = json!({"summary": "Bookings", "timeZone": "Asia/Tokyo"});
    let made = stage.call("POST", "calendars", Some(zone)).await.ok();
    let id = made["id"].as_str().unwrap();
    assert!(id.ends_with("@group.calendar.google.com"));
    let path = format!("calendars/{}", id.replace('@', "%40"));
    let patched = stage.call("PATCH", &path, Some(json!({"description": "x"}))).await.ok();
    assert_eq!((&patched["summary"], &patched["timeZone"]), (&"Bookings".into(), &"Asia/Tokyo".into()));
    let put = stage.call("PUT", &path, Some(json!({"summary": "Jobs"}))).await.ok();
    assert!(put.get("description").is_none());

    let list = stage.call("GET", "users/me/calendarList", None).await.ok();
    assert_eq!(ids(&list), [ANNA, id]);
    assert_eq!((&list["items"][0]["primary"], &list["items"][1]["primary"]), (&json!(true), &json!(null)));
    let page = stage.call("GET", "users/me/calendarList?maxResults=1", None).await.ok();
    let next = page["nextPageToken"].as_str().unwrap();
    let page = stage.call("GET", &format!("users/me/calendarList?pageToken={next}"), None).await.ok();
    assert_eq!(ids(&page), [id]);
    let entry = stage.call("GET", "users/me/calendarList/primary", None).await.ok();
    assert_eq!((&entry["id"], &entry["accessRole"]), (&ANNA.into(), &"owner".into()));

    assert_eq!(stage.call("DELETE", &path, None).await.status, 204);
    stage.call("GET", &path, None).await.is_refused(404, "notFound");
    stage.call("GET", &format!("{path}/events"), None).await.is_refused(404, "notFound");
    stage.call("DELETE", "calendars/primary", None).await.is_refused(403, "forbidden");
}

#[tokio::test]
async fn a_scope_allows_the_methods_in_the_discovery_document() {
    let paths = [
        ("GET", "users/me/calendarList"),
        ("GET", "calendars/primary"),
        ("GET", "calendars/primary/events"),
        ("POST", "calendars/primary/events"),
        ("POST", "freeBusy"),
        ("POST", "calendars"),
    ];
    let table = [
        ("calendar", [200, 200, 200, 200, 200, 200]),
        ("calendar.events", [403, 403, 200, 200, 403, 403]),
        ("calendar.events.owned", [403, 403, 200, 200, 403, 403]),
        ("calendar.readonly", [200, 200, 200, 403, 200, 403]),
        ("calendar.calendarlist.readonly", [200, 403, 403, 403, 403, 403]),
        ("calendar.freebusy", [403, 403, 403, 403, 200, 403]),
        ("calendar.events.freebusy", [403, 403, 200, 403, 200, 403]),
        // For this scope only calendars that the application created exist.
        ("calendar.app.created", [403, 404, 404, 404, 403, 200]),
        ("openid", [403, 403, 403, 403, 403, 403]),
    ];
    for (scope, statuses) in table {
        let stage = Stage::with_scopes(&[scope]);
        for ((method, path), expected) in paths.into_iter().zip(statuses) {
            let body = match path {
                "freeBusy" => json!({"timeMin": "2026-12-01T00:00:00Z", "timeMax": "2026-12-02T00:00:00Z"}),
                "calendars" => json!({"summary": "x"}),
                _ => timed("abcde"),
            };
            let response = stage.call(method, path, (method == "POST").then_some(body)).await;
            assert_eq!(response.status, expected, "{scope}: {method} {path}");
            if expected == 403 {
                response.is_refused(403, "insufficientPermissions");
                assert_eq!(response.json()["error"]["status"], "PERMISSION_DENIED");
                let detail = &response.json()["error"]["details"][0]["reason"];
                assert_eq!(detail, "ACCESS_TOKEN_SCOPE_INSUFFICIENT");
            }
        }
    }
}

#[tokio::test]
async fn calendar_app_created_opens_only_calendars_that_the_client_created() {
    let stage = Stage::with_scopes(&["calendar.app.created"]);
    let own = stage.call("POST", "calendars", Some(json!({"summary": "Mine"}))).await.ok();
    let own = own["id"].as_str().unwrap();
    let others = stage.anna.adds_calendar("Hers");
    let events = |id: &str| format!("calendars/{id}/events");
    stage.call("POST", &events(own), Some(timed("abcde"))).await.ok();
    stage.call("GET", &events(&others), None).await.is_refused(404, "notFound");
    stage.call("GET", &format!("users/me/calendarList/{own}"), None).await.ok();
    let other = FakeGoogle::CLIENT_ID.replace("calsync", "other");
    let mut elsewhere = Stage::new();
    elsewhere.google = stage.google.clone().client(&other, "s", "http://127.0.0.1");
    elsewhere.token =
        stage.anna.tokens_for(&other, &["calendar.app.created"]).access_token.expose().to_owned();
    elsewhere.call("GET", &events(own), None).await.is_refused(404, "notFound");
}

#[tokio::test]
async fn each_role_allows_only_its_own_methods() {
    let stage = Stage::new();
    let bo = stage.google.user("bo@example.org");
    stage.insert("abcde").await;
    let mut as_bo = Stage::new();
    as_bo.google = stage.google.clone();
    as_bo.token = bo.tokens(&["calendar"]).access_token.expose().to_owned();
    let path = format!("calendars/{ANNA}/events");
    let table = [
        (None, 404, 404),
        (Some(AccessRole::FreeBusyReader), 200, 403),
        (Some(AccessRole::Reader), 200, 403),
        (Some(AccessRole::Writer), 200, 200),
    ];
    for (role, read, write) in table {
        assert!(stage.anna.shares("primary", "bo@example.org", role));
        let list = as_bo.call("GET", &path, None).await;
        assert_eq!(list.status, read, "{role:?}");
        let patch = as_bo.call("PATCH", &format!("{path}/abcde"), Some(json!({"summary": "x"}))).await;
        assert_eq!(patch.status, write, "{role:?}");
        if write == 403 {
            patch.is_refused(403, "requiredAccessLevel");
        }
        if role == Some(AccessRole::FreeBusyReader) {
            assert!(list.ok()["items"][0].get("summary").is_none());
        }
    }
    // This scope covers only calendars that the user owns.
    as_bo.token = bo.tokens(&["calendar.events.owned"]).access_token.expose().to_owned();
    as_bo.call("GET", &path, None).await.is_refused(404, "notFound");
    bo.loses_calendar();
    as_bo.call("GET", &path, None).await.is_refused(403, "notACalendarUser");
}

#[tokio::test]
async fn free_busy_joins_touching_times_and_reports_errors_by_calendar() {
    let stage = Stage::new();
    let slot = |from: &str, to: &str| {
        let at = |time: &str| json!({"dateTime": format!("2026-12-03T{time}:00Z")});
        json!({"start": at(from), "end": at(to)})
    };
    for (from, to) in [("09:00", "10:00"), ("10:00", "11:00"), ("13:00", "14:00"), ("23:00", "23:30")] {
        stage.event("POST", "", Some(slot(from, to))).await.ok();
    }
    let mut free = slot("15:00", "16:00");
    free["transparency"] = json!("transparent");
    stage.event("POST", "", Some(free)).await.ok();
    let gone = stage.event("POST", "", Some(slot("17:00", "18:00"))).await.ok();
    stage.event("DELETE", &format!("/{}", gone["id"].as_str().unwrap()), None).await;
    let body = json!({
        "timeMin": "2026-12-03T09:30:00Z", "timeMax": "2026-12-03T20:00:00Z",
        "items": [{"id": "primary"}, {"id": "nobody@example.org"}],
    });
    let response = stage.call("POST", "freeBusy", Some(body)).await.ok();
    let busy = json!([
        {"start": "2026-12-03T09:30:00Z", "end": "2026-12-03T11:00:00Z"},
        {"start": "2026-12-03T13:00:00Z", "end": "2026-12-03T14:00:00Z"},
    ]);
    assert_eq!(response["calendars"]["primary"]["busy"], busy);
    assert_eq!(response["calendars"]["nobody@example.org"]["errors"][0]["reason"], "notFound");
    let empty = json!({"timeMin": "2026-12-03T09:30:00Z", "timeMax": "2026-12-03T09:30:00Z"});
    stage.call("POST", "freeBusy", Some(empty)).await.is_refused(400, "timeRangeEmpty");
}
