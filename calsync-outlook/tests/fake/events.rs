//! Events: made, changed, deleted; ids, versions, transactions.

use serde_json::json;

use crate::client::{IMMUTABLE, Stage, at, encoded, id, subjects, timed, timed_with};
use calsync_outlook::fake::AfterDeletion;

#[tokio::test]
async fn an_event_is_made_read_changed_and_deleted() {
    let stage = Stage::new();
    let made = stage.event("POST", "", Some(timed("Rehearsal"))).await;
    let event = made.created();
    assert_eq!(made.header("etag"), event["@odata.etag"].as_str());
    assert_eq!(event["start"], json!({"dateTime": "2026-12-03T16:00:00.0000000", "timeZone": "UTC"}));
    for (name, value) in [
        ("isReminderOn", json!(true)),
        ("reminderMinutesBeforeStart", json!(15)),
        ("showAs", json!("busy")),
        ("sensitivity", json!("normal")),
        ("importance", json!("normal")),
        ("type", json!("singleInstance")),
        ("isOrganizer", json!(true)),
        ("isAllDay", json!(false)),
        ("categories", json!([])),
        ("body", json!({"contentType": "html", "content": ""})),
    ] {
        assert_eq!(event[name], value, "{name}");
    }
    let path = format!("/{}", encoded(id(&event)));
    let read = stage.event("GET", &path, None).await.ok();
    assert_eq!(read["subject"], "Rehearsal");
    let patched = stage.event("PATCH", &path, Some(json!({"subject": "Show", "showAs": "free"}))).await.ok();
    assert_eq!((&patched["subject"], &patched["showAs"]), (&json!("Show"), &json!("free")));
    assert_eq!(patched["start"], event["start"], "what is left out stays");
    let gone = stage.event("DELETE", &path, None).await;
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    for method in ["GET", "DELETE"] {
        stage.event(method, &path, None).await.is_refused(404, "ErrorItemNotFound");
    }
    assert_eq!(stage.event("GET", "", None).await.ok()["value"], json!([]));
    assert_eq!(stage.anna.deleted("primary").len(), 1);
    assert_eq!((stage.outlook.writes().inserted, stage.outlook.writes().total()), (1, 3));
}
