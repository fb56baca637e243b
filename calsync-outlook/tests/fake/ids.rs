//! Ids: two of each event, similar and case-sensitive, and how they change.

use serde_json::json;

use crate::client::{IMMUTABLE, Stage, encoded, id, timed};

#[tokio::test]
async fn an_event_has_two_ids_and_both_lead_to_it() {
    let stage = Stage::new();
    let default = stage.event("POST", "", Some(timed("x"))).await.created();
    let immutable = stage.call_with("GET", &format!("me/events/{}", id(&default)), None, &[IMMUTABLE]).await;
    assert_eq!(immutable.header("preference-applied"), Some("IdType=\"ImmutableId\""));
    let immutable = immutable.ok();
    assert_ne!(default["id"], immutable["id"]);
    for event in [&default, &immutable] {
        assert_eq!(stage.get(id(event)).await["id"], immutable["id"]);
        assert_eq!(stage.get(&encoded(id(event))).await["id"], immutable["id"], "= encoded or not");
    }
}

#[tokio::test]
async fn ids_that_differ_only_in_case_or_last_letter_are_different() {
    let stage = Stage::new();
    let mut ids = Vec::new();
    for number in 0..8 {
        ids.push(id(&stage.create(timed(&number.to_string())).await).to_owned());
    }
    let twins = |one: &&String, other: &&String| {
        one != other && one.to_lowercase().replace('-', "_") == other.to_lowercase().replace('-', "_")
    };
    assert!(ids.iter().any(|one| ids.iter().any(|other| twins(&one, &other))), "{ids:?}");
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(stage.get(id).await["subject"], number.to_string());
    }
}

#[tokio::test]
async fn a_malformed_id_is_refused_and_an_unknown_one_is_not_found() {
    let stage = Stage::new();
    let event = stage.create(timed("x")).await;
    let good = id(&event).to_owned();
    for bad in
        ["abc", "cs0v5k2m8qhd3t7r1pauj0eg4000", &good[1..], "AAMkAGa%2Fb%2B%3D", &encoded(&encoded(&good))]
    {
        stage.event("GET", &format!("/{bad}"), None).await.is_refused(400, "ErrorInvalidIdMalformed");
        stage
            .call("GET", &format!("me/calendars/{bad}"), None)
            .await
            .is_refused(400, "ErrorInvalidIdMalformed");
        let post = stage.call("POST", &format!("me/calendars/{bad}/events"), Some(timed("x"))).await;
        post.is_refused(400, "ErrorInvalidIdMalformed");
    }
    stage.call("GET", "me/calendars/primary", None).await.is_refused(400, "ErrorInvalidIdMalformed");
    let other = good.replace("AAkALg", "AAMkAx");
    for path in ["me/events/", "me/calendars/"] {
        stage.call("GET", &format!("{path}{other}"), None).await.is_refused(404, "ErrorItemNotFound");
    }
    // A slash that is not encoded makes another path.
    stage.event("GET", "/AAMk/AG=", None).await.is_refused(400, "RequestBroker--ParseUri");
}

#[tokio::test]
async fn the_default_id_changes_with_the_calendar_and_the_other_does_not() {
    let stage = Stage::new();
    let other = stage.anna.adds_calendar("Other");
    let immutable = stage.create(timed("x")).await;
    let default = stage.event("GET", &format!("/{}", id(&immutable)), None).await.ok();
    assert!(stage.anna.moves_event("primary", id(&immutable), &other));
    stage.event("GET", &format!("/{}", id(&default)), None).await.is_refused(404, "ErrorItemNotFound");
    assert_eq!(stage.get(id(&immutable)).await["subject"], "x");
    assert_eq!(stage.anna.events(&other).len(), 1);
    assert_ne!(stage.anna.events(&other)[0].default_id, id(&default));

    let body = json!({"inputIds": [id(&immutable)], "sourceIdType": "restImmutableEntryId", "targetIdType": "restId"});
    let translated = stage.call("POST", "me/translateExchangeIds", Some(body)).await.ok();
    assert_eq!(translated["value"][0]["targetId"], stage.anna.events(&other)[0].default_id.as_str());
}

#[tokio::test]
async fn an_id_works_in_all_calendars_of_the_mailbox_unless_set_otherwise() {
    let stage = Stage::new();
    let other = stage.anna.adds_calendar("Other");
    let event = stage.create(timed("x")).await;
    let through = |calendar: &str| format!("me/calendars/{calendar}/events/{}", id(&event));
    assert_eq!(stage.call("GET", &through(&other), None).await.status, 200);
    stage.outlook.set(|settings| settings.ids_are_mailbox_wide = false);
    stage.call("GET", &through(&other), None).await.is_refused(404, "ErrorItemNotFound");
    assert_eq!(stage.call("GET", &format!("me/calendar/events/{}", id(&event)), None).await.status, 200);
    assert_eq!(stage.call("GET", &format!("me/events/{}", id(&event)), None).await.status, 200);
    // An id in another user's mailbox is not found.
    let bo = stage.outlook.user("bo@example.org");
    let foreign = bo.adds_event("primary", timed("Bo's")).unwrap();
    stage.event("GET", &format!("/{foreign}"), None).await.is_refused(404, "ErrorItemNotFound");
}

#[tokio::test]
async fn a_calendars_id_can_change() {
    let stage = Stage::new();
    let calendar = stage.anna.adds_calendar("Jobs");
    let event = stage.anna.adds_event(&calendar, timed("x")).unwrap();
    let moved = stage.anna.moves_calendar_id(&calendar).unwrap();
    assert_ne!(calendar, moved);
    let events = |calendar: &str| format!("me/calendars/{calendar}/events");
    stage.call("GET", &events(&calendar), None).await.is_refused(404, "ErrorItemNotFound");
    let list = stage.call_with("GET", &events(&moved), None, &[IMMUTABLE]).await.ok();
    assert_eq!(list["value"][0]["id"], event);
    assert!(stage.anna.event(&moved, &event).is_some());
}

#[tokio::test]
async fn a_deleted_event_can_be_readable_by_its_immutable_id() {
    let stage = Stage::new();
    let event = stage.create(timed("x")).await;
    assert!(stage.anna.deletes_event("primary", id(&event)));
    let path = format!("/{}", id(&event));
    stage.event("GET", &path, None).await.is_refused(404, "ErrorItemNotFound");
    stage.outlook.set(|settings| settings.deleted_items_readable = true);
    assert_eq!(stage.get(id(&event)).await["subject"], "x");
    stage.event("DELETE", &path, None).await.is_refused(404, "ErrorItemNotFound");
    assert_eq!(stage.event("GET", "", None).await.ok()["value"], json!([]));
    assert!(stage.anna.restores_event(id(&event)));
    assert_eq!(stage.anna.events("primary").len(), 1);
    assert!(!stage.anna.restores_event(id(&event)));
}
