//! Actions of users, the request log, snapshots.

use calsync_outlook::fake::{ApiMethod, FakeOutlook};
use serde_json::{Value, json};

use crate::client::{ANNA, IMMUTABLE, Stage, id, timed, timed_with};

#[tokio::test]
async fn users_act_without_the_api() {
    let stage = Stage::new();
    let event = stage.create(timed("x")).await;
    let event = id(&event);
    let anna = &stage.anna;
    assert!(anna.adds_guest("primary", event, "bo@example.org"));
    assert!(anna.adds_guest("primary", event, "cy@example.org"));
    assert!(anna.edits_event("primary", event, json!({"subject": "Hers"})));
    assert!(
        anna.sets_reminder("primary", event, Some(30)) && anna.sets_colour("primary", event, "Red category")
    );
    assert!(!anna.edits_event("primary", "nosuch", json!({})));
    assert!(!anna.edits_event("primary", event, json!({"summary": "x"})), "Graph would refuse this property");
    let seen = anna.event("primary", event).unwrap();
    assert_eq!(seen.text("subject"), Some("Hers"));
    assert_eq!(seen.json["attendees"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&seen.json["reminderMinutesBeforeStart"], &seen.json["categories"][0]),
        (&json!(30), &json!("Red category"))
    );
    assert!(anna.sets_reminder("primary", event, None));
    assert_eq!(stage.get(event).await["isReminderOn"], false);
    assert_eq!(
        (stage.outlook.mails().len(), stage.outlook.invitations()),
        (0, 0),
        "a user's own changes send no mail"
    );
    assert_eq!(stage.outlook.writes().total(), 1);
    assert!(anna.deletes_event("primary", event) && !anna.deletes_event("primary", event));
    let other = anna.adds_calendar("Other");
    assert!(anna.adds_event(&other, timed("y")).is_some());
    assert!(anna.deletes_calendar(&other) && !anna.deletes_calendar(&other));
    assert_eq!((stage.outlook.calendars().len(), stage.outlook.events().len()), (1, 0));
    anna.has_calendar(&other);
    anna.has_calendar("primary");
    assert_eq!(stage.call("GET", &format!("me/calendars/{other}"), None).await.ok()["name"], other);
}

#[tokio::test]
async fn the_log_records_every_request() {
    let stage = Stage::new();
    let event = stage.create(timed("x")).await;
    let path = format!("me/events/{}", id(&event));
    let etag = event["@odata.etag"].as_str().unwrap();
    stage
        .call_with("PATCH", &path, Some(json!({"subject": "y"})), &[("If-Match", etag), IMMUTABLE])
        .await
        .ok();
    stage.call("GET", "me/calendarView?startDateTime=x", None).await;
    let seen = stage.outlook.requests();
    let patch = &seen[1];
    assert_eq!(
        (patch.method, patch.status, patch.user.as_deref()),
        (ApiMethod::EventsUpdate, Some(200), Some(ANNA))
    );
    assert_eq!((patch.event.as_deref(), patch.if_match.as_deref()), (event["id"].as_str(), Some(etag)));
    assert_eq!((patch.prefer.as_deref(), &patch.body), (Some(IMMUTABLE.1), &Some(json!({"subject": "y"}))));
    assert_eq!((seen[2].parameter("startDateTime"), seen[2].status), (Some("x"), Some(400)));
    assert_eq!((stage.outlook.count(ApiMethod::EventsUpdate), stage.outlook.count_all()), (1, 3));
    stage.outlook.clear_requests();
    assert_eq!((stage.outlook.requests().len(), stage.outlook.count_all()), (0, 0));
    stage.outlook.set(|settings| settings.log_size = 1);
    stage.call("GET", "me/events", None).await;
    stage.call("GET", "me/calendars", None).await;
    assert_eq!((stage.outlook.requests().len(), stage.outlook.count_all()), (1, 2));
}

/// A fake with a changed event, a deleted one, a second calendar, and a transaction.
fn with_history() -> FakeOutlook {
    let outlook = FakeOutlook::new();
    let anna = outlook.user(ANNA);
    let kept = anna.adds_event("primary", timed_with("kept", json!({"transactionId": "t-1"}))).unwrap();
    let deleted = anna.adds_event("primary", timed("deleted")).unwrap();
    assert!(
        anna.edits_event("primary", &kept, json!({"subject": "changed"}))
            && anna.makes_meeting("primary", &kept)
    );
    assert!(anna.deletes_event("primary", &deleted));
    let family = anna.adds_calendar("Family");
    assert!(anna.moves_event("primary", &kept, &family));
    outlook
}

#[tokio::test]
async fn a_restored_fake_continues_like_the_original() {
    let (before, after) = (with_history(), FakeOutlook::new());
    let text = before.snapshot().to_string();
    after.restore(&serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(after.events(), before.events());
    assert_eq!(after.deleted(), before.deleted());
    assert_eq!(after.calendars(), before.calendars());
    assert_eq!(after.snapshot(), before.snapshot());
    // The same actions in both give the same ids and versions, none of which existed before.
    let known = before.snapshot().to_string();
    let [one, other] = [&before, &after].map(|outlook| {
        let anna = outlook.user(ANNA);
        let id = anna.adds_event("primary", timed("new")).unwrap();
        let event = anna.event("primary", &id).unwrap();
        assert!(!known.contains(&id) && !known.contains(event.json["changeKey"].as_str().unwrap()));
        (id, event.etag)
    });
    assert_eq!(one, other);
    // A transaction is remembered.
    let mut stage = Stage::new();
    stage.outlook = after.clone();
    stage.token = after.tokens(ANNA, &["Calendars.ReadWrite"]).access_token.expose().to_owned();
    let again = timed_with("other", json!({"transactionId": "t-1"}));
    stage.event("POST", "", Some(again)).await.is_refused(400, "ErrorDuplicateTransactionId");
}

#[test]
fn a_snapshot_contains_no_token() {
    let outlook = with_history();
    let tokens = outlook.tokens(ANNA, &["Calendars.ReadWrite"]);
    let text = outlook.snapshot().to_string();
    assert!(!text.contains(tokens.access_token.expose()) && !text.contains(tokens.refresh_token.expose()));
}

#[test]
fn an_invalid_snapshot_changes_nothing() {
    let outlook = with_history();
    let before = outlook.snapshot();
    for bad in [json!({}), Value::Null, json!({"version": 1, "mailboxes": {}}), json!({"version": 2})] {
        assert!(outlook.restore(&bad).is_err(), "{bad}");
    }
    assert_eq!(outlook.snapshot(), before);
}
