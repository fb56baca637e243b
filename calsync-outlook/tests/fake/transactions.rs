//! `transactionId`: it makes a create repeatable, within limits.

use calsync_core::http::TransportErrorKind;
use calsync_outlook::fake::{AfterDeletion, Fault};
use serde_json::{Value, json};

use crate::client::{ApiResponse, IMMUTABLE, Stage, id, timed, timed_with};

fn with_id(subject: &str) -> Value {
    timed_with(subject, json!({"transactionId": "5b1d0c1e-6a55-5e0b-9a3e-1f0f8d2a9c11"}))
}

async fn post(stage: &Stage, event: Value) -> ApiResponse {
    stage.call_with("POST", "me/events", Some(event), &[IMMUTABLE]).await
}

#[tokio::test]
async fn the_same_create_again_makes_no_second_event() {
    let stage = Stage::new();
    stage.outlook.fault(Fault::DropAfter);
    let lost = stage.try_call("POST", "me/events", Some(with_id("x")), &[IMMUTABLE]).await;
    assert_eq!(lost.err(), Some(TransportErrorKind::Interrupted));
    let event = post(&stage, with_id("x")).await.created();
    assert_eq!(post(&stage, with_id("x")).await.created()["id"], event["id"]);
    assert_eq!(stage.anna.events("primary").len(), 1);
    assert_eq!(event["transactionId"], "5b1d0c1e-6a55-5e0b-9a3e-1f0f8d2a9c11");
    assert!(stage.create(timed("y")).await.get("transactionId").is_none(), "shown only if it was set");
    // It cannot be changed.
    let path = format!("/{}", id(&event));
    let other = stage.event("PATCH", &path, Some(json!({"transactionId": "y"}))).await;
    other.is_refused(400, "ErrorInvalidPropertySet");
    // Later changes to the event do not matter.
    stage.event("PATCH", &path, Some(json!({"subject": "edited"}))).await.ok();
    assert_eq!(post(&stage, with_id("x")).await.created()["subject"], "edited");
}

#[tokio::test]
async fn another_create_with_it_is_refused_and_names_the_event() {
    let stage = Stage::new();
    let other = stage.anna.adds_calendar("Other");
    let event = post(&stage, with_id("x")).await.created();
    let refusal = post(&stage, with_id("y")).await;
    refusal.is_refused(400, "ErrorDuplicateTransactionId");
    assert_eq!(refusal.json()["error"]["@event.existingEventId"], event["id"]);
    let elsewhere = stage.call("POST", &format!("me/calendars/{other}/events"), Some(with_id("x"))).await;
    elsewhere.is_refused(400, "ErrorDuplicateTransactionId");
    assert_ne!(
        elsewhere.json()["error"]["@event.existingEventId"],
        event["id"],
        "the default id, without the preference"
    );
    stage.outlook.set(|settings| {
        settings.duplicate_is_conflict = true;
        settings.duplicate_names_event = false;
    });
    let refusal = post(&stage, with_id("y")).await;
    refusal.is_refused(409, "ErrorDuplicateTransactionId");
    assert!(refusal.json()["error"].get("@event.existingEventId").is_none());
    // Another mailbox does not know it.
    let mut bo = Stage::new();
    bo.outlook = stage.outlook.clone();
    bo.token =
        stage.outlook.tokens("bo@example.org", &["Calendars.ReadWrite"]).access_token.expose().to_owned();
    post(&bo, with_id("y")).await.created();
}

#[tokio::test]
async fn it_is_remembered_after_the_event_was_deleted() {
    for (setting, status, existing) in [
        (AfterDeletion::DuplicateError, 400, 0),
        (AfterDeletion::ReplaysDeadEvent, 201, 0),
        (AfterDeletion::MakesAnother, 201, 1),
    ] {
        let stage = Stage::new();
        stage.outlook.set(|settings| settings.after_deletion = setting);
        let event = post(&stage, with_id("x")).await.created();
        assert!(stage.anna.deletes_event("primary", id(&event)));
        let again = post(&stage, with_id("x")).await;
        assert_eq!((again.status, stage.anna.events("primary").len()), (status, existing), "{setting:?}");
        match setting {
            AfterDeletion::DuplicateError => {
                assert_eq!(again.json()["error"]["@event.existingEventId"], event["id"]);
            }
            AfterDeletion::ReplaysDeadEvent => {
                assert_eq!(again.json()["id"], event["id"]);
                let path = format!("/{}", id(&event));
                stage.event("GET", &path, None).await.is_refused(404, "ErrorItemNotFound");
            }
            _ => {
                assert_ne!(again.json()["id"], event["id"]);
                assert_eq!(post(&stage, with_id("x")).await.json()["id"], again.json()["id"]);
            }
        }
    }
}
