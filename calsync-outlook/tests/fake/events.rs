//! Events: create, update, delete; times, days, versions.

use serde_json::{Value, json};

use crate::client::{IMMUTABLE, Stage, at, encoded, id, timed, timed_with};

#[tokio::test]
async fn an_event_is_created_read_updated_and_deleted() {
    let stage = Stage::new();
    let made = stage.event("POST", "", Some(timed("Rehearsal"))).await;
    let event = made.created();
    assert_eq!(made.header("etag"), event["@odata.etag"].as_str());
    assert_eq!(event["start"], at("2026-12-03T16:00:00.0000000", "UTC"));
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
    assert_eq!(stage.event("GET", &path, None).await.ok()["subject"], "Rehearsal");
    let patched = stage.event("PATCH", &path, Some(json!({"subject": "Show", "showAs": "free"}))).await.ok();
    assert_eq!((&patched["subject"], &patched["showAs"]), (&json!("Show"), &json!("free")));
    assert_eq!(patched["start"], event["start"], "what is left out stays");
    let gone = stage.event("DELETE", &path, None).await;
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    for method in ["GET", "DELETE"] {
        stage.event(method, &path, None).await.is_refused(404, "ErrorItemNotFound");
    }
    let patch = stage.event("PATCH", &path, Some(json!({"subject": "x"}))).await;
    patch.is_refused(404, "ErrorItemNotFound");
    stage.event("PUT", &path, Some(timed("x"))).await.is_refused(400, "RequestBroker--ParseUri");
    assert_eq!(stage.event("GET", "", None).await.ok()["value"], json!([]));
    assert_eq!(stage.anna.deleted("primary").len(), 1);
    assert_eq!((stage.outlook.writes().inserted, stage.outlook.writes().total()), (1, 3));
}

#[tokio::test]
async fn null_means_the_default() {
    let stage = Stage::new();
    let changed = json!({
        "subject": "x", "showAs": "free", "sensitivity": "private", "categories": ["Red"], "isReminderOn": false,
        "reminderMinutesBeforeStart": 5, "location": {"displayName": "Quay"}, "body": {"contentType": "text", "content": "x"},
    });
    let event = stage.create(timed_with("x", changed.clone())).await;
    assert_eq!((&event["categories"], &event["isReminderOn"]), (&json!(["Red"]), &json!(false)));
    let nulls: Value = changed
        .as_object()
        .unwrap()
        .keys()
        .map(|name| (name.clone(), Value::Null))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let path = format!("/{}", id(&event));
    let cleared = stage.event("PATCH", &path, Some(nulls)).await.ok();
    let fresh = stage.create(json!({"start": event["start"], "end": event["end"]})).await;
    for name in changed.as_object().unwrap().keys() {
        assert_eq!(cleared[name], fresh[name], "{name}");
    }
    let no_start = stage.event("PATCH", &path, Some(json!({"start": null}))).await;
    no_start.is_refused(400, "ErrorPropertyValidationFailure");
}

#[tokio::test]
async fn times_are_sent_in_one_zone_and_shown_in_another() {
    let stage = Stage::new();
    let berlin = json!({
        "start": at("2026-03-02T10:00:00", "W. Europe Standard Time"), "end": at("2026-03-02T11:00:00.0", "Europe/Berlin"),
    });
    let event = stage.create(timed_with("x", berlin)).await;
    assert_eq!(event["start"], at("2026-03-02T09:00:00.0000000", "UTC"));
    assert_eq!(event["originalStartTimeZone"], "W. Europe Standard Time");
    assert_eq!(event["originalEndTimeZone"], "Europe/Berlin");
    let tokyo = ("Prefer", "outlook.timezone=\"Tokyo Standard Time\"");
    let path = format!("me/events/{}", id(&event));
    let shown = stage.call_with("GET", &path, None, &[tokyo]).await;
    assert_eq!(shown.ok()["start"], at("2026-03-02T18:00:00.0000000", "Tokyo Standard Time"));
    assert_eq!(shown.header("preference-applied"), Some("outlook.timezone=\"Tokyo Standard Time\""));
    // A time that the spring change skips moves forward.
    let gap = json!({"start": at("2026-03-29T02:30:00", "Europe/Berlin"), "end": at("2026-03-29T04:00:00", "Europe/Berlin")});
    let event = stage.create(timed_with("x", gap)).await;
    assert_eq!(event["start"]["dateTime"], "2026-03-29T01:30:00.0000000");
}

#[tokio::test]
async fn a_zone_that_is_not_in_the_table_is_refused() {
    let stage = Stage::new();
    let with = |zone: &str| timed_with("x", json!({"start": at("2026-12-03T16:00:00", zone)}));
    for zone in ["", "Greenwich Mean Time", "Mars/Phobos", "tzone://Microsoft/Custom"] {
        let response = stage.event("POST", "", Some(with(zone))).await;
        response.is_refused(400, "TimeZoneNotSupportedException");
        assert!(
            response.json()["error"]["message"].as_str().unwrap().ends_with(&format!("'{zone}'.")),
            "{zone}"
        );
    }
    let bare = timed_with("x", json!({"start": {"dateTime": "2026-12-03T16:00:00"}}));
    stage.event("POST", "", Some(bare)).await.is_refused(400, "TimeZoneNotSupportedException");
    let prefer = ("Prefer", "outlook.timezone=\"Moon\"");
    let response = stage.call_with("GET", "me/events", None, &[prefer]).await;
    response.is_refused(400, "TimeZoneNotSupportedException");
    // In the list, and still refused.
    assert_eq!(stage.event("POST", "", Some(with("Europe/London"))).await.status, 201);
    stage.outlook.set(|settings| settings.zones_refused.push("Europe/London".into()));
    let response = stage.event("POST", "", Some(with("Europe/London"))).await;
    response.is_refused(400, "ErrorPropertyValidationFailure");
}

#[tokio::test]
async fn an_event_does_not_end_before_it_begins() {
    let stage = Stage::new();
    let span =
        |from: &str, to: &str| timed_with("x", json!({"start": at(from, "UTC"), "end": at(to, "UTC")}));
    for (from, to) in [
        ("2026-12-03T16:00:00", "2026-12-03T15:59:59"),
        ("2026-12-03T16:00:00Z", "2026-12-03T17:00:00"),
        ("2026-12-03T16:00:00+01:00", "2026-12-03T17:00:00"),
        ("2026-12-03", "2026-12-04"),
        ("0026-12-03T16:00:00", "2026-12-03T17:00:00"),
    ] {
        let response = stage.event("POST", "", Some(span(from, to))).await;
        response.is_refused(400, "ErrorPropertyValidationFailure");
    }
    let event = stage.create(span("2026-12-03T16:00:00", "2026-12-03T16:00:00")).await;
    let path = format!("/{}", id(&event));
    let later = stage.event("PATCH", &path, Some(json!({"start": at("2026-12-03T16:00:01", "UTC")}))).await;
    later.is_refused(400, "ErrorPropertyValidationFailure");
    for missing in ["start", "end"] {
        let mut event = timed("x");
        event.as_object_mut().unwrap().remove(missing);
        stage.event("POST", "", Some(event)).await.is_refused(400, "ErrorPropertyValidationFailure");
    }
}

#[tokio::test]
async fn a_day_is_midnight_to_midnight_in_one_zone() {
    let stage = Stage::new();
    let day = |from: Value, to: Value| json!({"isAllDay": true, "start": from, "end": to});
    let midnight = |date: &str, zone: &str| at(&format!("2026-12-{date}T00:00:00"), zone);
    for bad in [
        day(at("2026-12-03T01:00:00", "UTC"), midnight("04", "UTC")),
        day(midnight("03", "UTC"), at("2026-12-04T00:00:01", "UTC")),
        day(midnight("03", "UTC"), midnight("04", "GMT Standard Time")),
    ] {
        stage.event("POST", "", Some(bad)).await.is_refused(400, "ErrorInvalidRequest");
    }
    let none = day(midnight("03", "UTC"), midnight("03", "UTC"));
    stage.event("POST", "", Some(none)).await.is_refused(400, "ErrorPropertyValidationFailure");
    let event =
        stage.create(day(midnight("03", "Tokyo Standard Time"), midnight("05", "Tokyo Standard Time"))).await;
    // A day is the same date in every zone.
    assert_eq!(event["start"], at("2026-12-03T00:00:00.0000000", "UTC"));
    assert_eq!(event["originalStartTimeZone"], "Tokyo Standard Time");
    let path = format!("/{}", id(&event));
    let timed = json!({"isAllDay": false, "start": at("2026-12-03T09:00:00", "UTC"), "end": at("2026-12-03T10:00:00", "UTC")});
    assert_eq!(stage.event("PATCH", &path, Some(timed)).await.ok()["isAllDay"], false);
    let half = stage.event("PATCH", &path, Some(json!({"isAllDay": true}))).await;
    half.is_refused(400, "ErrorInvalidRequest");
}

#[tokio::test]
async fn every_change_has_a_new_etag_that_if_match_checks() {
    let stage = Stage::new();
    let event = stage.create(timed("x")).await;
    let path = format!("me/events/{}", id(&event));
    let first = event["@odata.etag"].as_str().unwrap().to_owned();
    assert_eq!(first, format!("W/\"{}\"", event["changeKey"].as_str().unwrap()));
    let patch = async |subject: &str, tag: &str| {
        stage.call_with("PATCH", &path, Some(json!({"subject": subject})), &[("If-Match", tag)]).await
    };
    let second = patch("a", &first).await.ok();
    assert_ne!(second["changeKey"], event["changeKey"]);
    assert!(second["lastModifiedDateTime"].as_str() > event["lastModifiedDateTime"].as_str());
    patch("b", &first).await.is_refused(412, "ErrorIrresolvableConflict");
    let delete = stage.call_with("DELETE", &path, None, &[("If-Match", &first)]).await;
    delete.is_refused(412, "ErrorIrresolvableConflict");
    assert_eq!(stage.get(id(&event)).await["subject"], "a");
    patch("c", "*").await.ok();
    let tag = patch("d", "W/\"x\", *").await.ok()["@odata.etag"].as_str().unwrap().to_owned();
    // Exchange changes the version and nothing else.
    assert!(stage.anna.touches_event("primary", id(&event)));
    let touched = stage.get(id(&event)).await;
    assert_eq!(touched["subject"], "d");
    patch("e", &tag).await.is_refused(412, "ErrorIrresolvableConflict");
    assert_eq!(
        stage
            .call_with("DELETE", &path, None, &[("If-Match", touched["@odata.etag"].as_str().unwrap())])
            .await
            .status,
        204
    );
}

#[tokio::test]
async fn change_keys_can_change_without_an_edit() {
    let stage = Stage::new();
    let event = stage.create(timed("x")).await;
    stage.outlook.set(|settings| settings.change_keys_move = Some(2));
    let mut keys = Vec::new();
    for _ in 0..4 {
        keys.push(stage.get(id(&event)).await["changeKey"].clone());
    }
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[1], keys[2]);
    assert_eq!(keys[2], keys[3]);
}

#[tokio::test]
async fn properties_a_program_may_not_write_are_ignored_or_refused() {
    let stage = Stage::new();
    let own = json!({
        "@odata.type": "#microsoft.graph.event", "id": "mine", "iCalUId": "mine", "changeKey": "mine", "isCancelled": true,
        "createdDateTime": "2020-01-01T00:00:00Z", "organizer": {"emailAddress": {"address": "bo@example.org"}},
    });
    let event = stage.create(timed_with("x", own)).await;
    assert_eq!((&event["isCancelled"], &event["isOrganizer"]), (&json!(false), &json!(true)));
    assert!(["id", "iCalUId", "changeKey"].iter().all(|name| event[*name] != "mine"));
    for bad in [
        json!({"summary": "x"}),
        json!({"subject": 1}),
        json!({"isReminderOn": "true"}),
        json!({"reminderMinutesBeforeStart": "15"}),
        json!({"showAs": "OPAQUE"}),
        json!({"body": "text"}),
        json!({"body": {"type": "text"}}),
        json!({"start": {"date": "2026-03-01"}}),
    ] {
        stage.event("POST", "", Some(timed_with("x", bad.clone()))).await.is_refused(400, "RequestBodyRead");
        let path = format!("/{}", id(&event));
        stage.event("PATCH", &path, Some(bad)).await.is_refused(400, "RequestBodyRead");
    }
    stage.event("POST", "", Some(json!([]))).await.is_refused(400, "UnableToDeserializePostBody");
    let untyped = stage.call_with("POST", "me/events", None, &[]).await;
    untyped.is_refused(415, "UnsupportedMediaType");
    let series = json!({"recurrence": {"pattern": {"type": "daily", "interval": 1}}});
    stage.event("POST", "", Some(timed_with("x", series))).await.is_refused(501, "NotImplemented");
    assert_eq!(stage.anna.events("primary").len(), 1);
}

#[tokio::test]
async fn texts_have_limits() {
    let stage = Stage::new();
    let long = |chars: usize| "ä".repeat(chars);
    stage.create(timed(&long(255))).await;
    let subject = stage.event("POST", "", Some(timed(&long(256)))).await;
    subject.is_refused(400, "ErrorPropertyValidationFailure");
    let place = timed_with("x", json!({"location": {"displayName": long(256)}}));
    stage.event("POST", "", Some(place)).await.is_refused(400, "ErrorPropertyValidationFailure");
    stage.outlook.set(|settings| settings.body_bytes = 1000);
    let body = timed_with("x", json!({"body": {"contentType": "text", "content": long(1000)}}));
    stage.event("POST", "", Some(body)).await.is_refused(413, "ErrorMessageSizeExceeded");
}

#[tokio::test]
async fn every_response_has_its_own_request_id() {
    let stage = Stage::new();
    let sent = ("client-request-id", "3f0c9d1e-0000-4000-8000-000000000000");
    let good = stage.call_with("GET", "me/events", None, &[sent, IMMUTABLE]).await;
    assert_eq!(good.header("client-request-id"), Some(sent.1));
    assert_eq!(good.header("date"), Some("Sun, 22 Nov 2026 10:00:00 GMT"));
    let bad = stage.call_with("GET", "me/events/AAMkx", None, &[sent]).await;
    bad.is_refused(400, "ErrorInvalidIdMalformed");
    let inner = bad.json()["error"]["innerError"].clone();
    assert_eq!(inner["client-request-id"], sent.1);
    assert_eq!(inner["request-id"].as_str(), bad.header("request-id"));
    assert_eq!(inner["date"], "2026-11-22T10:00:00");
    assert_ne!(bad.header("request-id"), good.header("request-id"));
    stage.outlook.set(|settings| settings.errors = calsync_outlook::fake::ErrorFormat::LowerCase);
    let bad = stage.call("GET", "me/events/AAMkx", None).await.json();
    assert!(bad["error"]["innererror"].is_object() && bad["error"].get("innerError").is_none());
}
