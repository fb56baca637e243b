//! Events: ids, versions, refused and cleared fields, deletion and restoration.

use serde_json::{Value, json};

use crate::client::{ANNA, Stage, timed, timed_with};
use calsync_google::fake::Writes;

const ID: &str = "cs0v5k2m8qhd3t7r";

#[tokio::test]
async fn an_insert_returns_the_stored_event() {
    let stage = Stage::new();
    stage.anna.sets_time_zone("primary", "America/New_York");
    let response = stage.event("POST", "", Some(timed(ID))).await;
    let event = response.ok();
    assert_eq!(response.headers["etag"], event["etag"].as_str().unwrap());
    assert_eq!(event["id"], ID);
    assert_eq!(event["status"], "confirmed");
    assert_eq!(event["iCalUID"], format!("{ID}@google.com"));
    assert_eq!(event["organizer"], json!({"email": ANNA, "self": true}));
    assert_eq!(event["reminders"], json!({"useDefault": true}));
    // Times are in the calendar's zone; `timeZone` names the event's own.
    assert_eq!(
        event["start"],
        json!({"dateTime": "2026-12-03T11:00:00-05:00", "timeZone": "Europe/Stockholm"})
    );
    let utc = stage.event("GET", &format!("/{ID}?timeZone=UTC"), None).await.ok();
    assert_eq!(utc["start"]["dateTime"], "2026-12-03T16:00:00Z");
    assert_eq!(stage.google.writes().inserted, 1);
}

#[tokio::test]
async fn an_id_is_base32hex_or_chosen_by_the_server() {
    let stage = Stage::new();
    for id in ["abcd", "ABCDE", "abcdw", "ab-cd-ef", "", &"a".repeat(1025)] {
        stage.event("POST", "", Some(timed(id))).await.is_refused(400, "invalid");
    }
    stage.insert("abcde").await;
    stage.insert(&"v9".repeat(512)).await;
    let mut without = timed("");
    without.as_object_mut().unwrap().remove("id");
    let first = stage.event("POST", "", Some(without.clone())).await.ok();
    let second = stage.event("POST", "", Some(without)).await.ok();
    assert_ne!(first["id"], second["id"]);
    let own = first["id"].as_str().unwrap();
    assert!(own.bytes().all(|byte| matches!(byte, b'a'..=b'v' | b'0'..=b'9')), "{own}");
}

#[tokio::test]
async fn a_deleted_id_stays_taken_until_the_event_is_restored_or_purged() {
    let stage = Stage::new();
    let path = format!("/{ID}");
    stage.insert(ID).await;
    stage.event("POST", "", Some(timed(ID))).await.is_refused(409, "duplicate");

    let deleted = stage.event("DELETE", &path, None).await;
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    stage.event("DELETE", &path, None).await.is_refused(410, "deleted");
    stage.event("POST", "", Some(timed(ID))).await.is_refused(409, "duplicate");
    let tombstone = stage.event("GET", &path, None).await.ok();
    assert_eq!((&tombstone["status"], &tombstone["summary"]), (&"cancelled".into(), &"Rehearsal".into()));
    assert_eq!((stage.anna.events("primary").len(), stage.anna.tombstones("primary").len()), (0, 1));

    let revived = stage.event("PUT", &path, Some(timed_with(ID, json!({"status": "confirmed"})))).await.ok();
    assert_eq!(revived["status"], "confirmed");
    stage.event("DELETE", &path, None).await;
    stage.event("PATCH", &path, Some(json!({"summary": "x"}))).await.ok();
    assert_eq!(stage.event("GET", &path, None).await.ok()["status"], "cancelled");
    stage.event("PATCH", &path, Some(json!({"status": "confirmed"}))).await.ok();
    let mut expected = Writes::default();
    (expected.inserted, expected.changed, expected.revived, expected.deleted) = (1, 1, 2, 2);
    assert_eq!(stage.google.writes(), expected);

    stage.event("DELETE", &path, None).await;
    stage.google.set(|settings| settings.revive_forbidden = true);
    let again = stage.event("PUT", &path, Some(timed(ID))).await;
    again.is_refused(403, "forbidden");
    stage.google.set(|settings| settings.bare_tombstones = true);
    let bare = stage.event("GET", &path, None).await.ok();
    assert_eq!(bare.as_object().unwrap().keys().collect::<Vec<_>>(), ["etag", "id", "kind", "status"]);
    stage.google.purge_tombstones();
    stage.event("GET", &path, None).await.is_refused(404, "notFound");
    stage.insert(ID).await;
}

#[tokio::test]
async fn put_replaces_and_patch_merges() {
    let stage = Stage::new();
    let path = format!("/{ID}");
    let more = json!({
        "location": "Quay 4", "colorId": "5", "extendedProperties": {"private": {"a": "1", "b": "2"}},
        "reminders": {"useDefault": false, "overrides": [{"method": "popup", "minutes": 5}]},
    });
    stage.event("POST", "", Some(timed_with(ID, more))).await.ok();

    let patch = json!({"summary": "B", "colorId": null, "extendedProperties": {"private": {"a": null}}});
    let event = stage.event("PATCH", &path, Some(patch)).await.ok();
    assert_eq!((&event["summary"], &event["location"]), (&"B".into(), &"Quay 4".into()));
    assert_eq!(event["extendedProperties"], json!({"private": {"b": "2"}}));
    assert_eq!(event["reminders"]["overrides"], json!([{"method": "popup", "minutes": 5}]));
    assert!(event.get("colorId").is_none());

    let event = stage.event("PUT", &path, Some(timed(ID))).await.ok();
    assert!(event.get("location").is_none() && event.get("extendedProperties").is_none());
    assert_eq!(event["reminders"], json!({"useDefault": true}));

    let no_end = json!({"start": {"date": "2026-12-03"}});
    stage.event("PUT", &path, Some(no_end)).await.is_refused(400, "required");
    let gone = stage.event("PUT", "/nosuchevent", Some(timed(ID))).await;
    gone.is_refused(404, "notFound");
}

#[tokio::test]
async fn a_change_from_timed_to_all_day_needs_nulls() {
    let stage = Stage::new();
    let path = format!("/{ID}");
    stage.insert(ID).await;
    let sloppy = json!({"start": {"date": "2026-12-03"}, "end": {"date": "2026-12-04"}});
    let refused = stage.event("PATCH", &path, Some(sloppy)).await;
    refused.is_refused(400, "invalid");
    assert_eq!(refused.json()["error"]["message"], "Invalid start time.");
    let day = |date| json!({"date": date, "dateTime": null, "timeZone": null});
    let clean = json!({"start": day("2026-12-03"), "end": day("2026-12-04")});
    let event = stage.event("PATCH", &path, Some(clean)).await.ok();
    assert_eq!(event["start"], json!({"date": "2026-12-03"}));
}

#[tokio::test]
async fn each_invalid_event_is_refused_with_its_reason() {
    let stage = Stage::new();
    let at = |time: &str, zone: Option<&str>| match zone {
        Some(zone) => json!({"dateTime": time, "timeZone": zone}),
        None => json!({"dateTime": time}),
    };
    let overrides = |minutes: &[u32]| -> Vec<Value> {
        minutes.iter().map(|minutes| json!({"method": "popup", "minutes": minutes})).collect()
    };
    let reminders = |default: bool, minutes: &[u32]| json!({"reminders": {"useDefault": default, "overrides": overrides(minutes)}});
    let table = [
        (json!({"end": at("2026-12-03T17:00:00", Some("Europe/Stockholm"))}), "timeRangeEmpty"),
        (json!({"end": at("2026-12-03T16:00:00Z", None)}), "timeRangeEmpty"),
        (json!({"start": {"date": "2026-12-03"}, "end": {"date": "2026-12-03"}}), "timeRangeEmpty"),
        (json!({"start": {"date": "2026-12-03"}}), "invalid"),
        (
            json!({"start": {"date": "2026-12-03", "timeZone": "Europe/Stockholm"}, "end": {"date": "2026-12-04"}}),
            "invalid",
        ),
        (json!({"start": {"date": "2026-12-3"}, "end": {"date": "2026-12-04"}}), "invalid"),
        (json!({"start": at("2026-12-03 16:00:00Z", None)}), "invalid"),
        (json!({"start": at("2026-12-03T16:00:00", None)}), "required"),
        (json!({"start": at("2026-12-03T16:00:00", Some("Europe/Stokholm"))}), "invalid"),
        (json!({"start": at("2026-12-03T16:00:00Z", None), "recurrence": ["RRULE:FREQ=DAILY"]}), "required"),
        (json!({"start": "2026-12-03"}), "invalid"),
        (json!({"start": null}), "required"),
        (json!({"summary": 5}), "invalid"),
        (json!({"summary": "x".repeat(1025)}), "invalid"),
        (json!({"description": "ö".repeat(8193)}), "invalid"),
        (json!({"location": "x".repeat(1025)}), "invalid"),
        (json!({"status": "CONFIRMED"}), "invalid"),
        (json!({"transparency": "busy"}), "invalid"),
        (json!({"visibility": "secret"}), "invalid"),
        (json!({"colorId": "12"}), "invalid"),
        (json!({"source": {"title": "x", "url": "ftp://example.org"}}), "invalid"),
        (json!({"attendees": [{"displayName": "Bo"}]}), "required"),
        (json!({"extendedProperties": {"private": {"a": 1}}}), "invalid"),
        (json!({"recurrence": ["FREQ=DAILY"]}), "invalid"),
        (reminders(false, &[1, 2, 3, 4, 5, 6]), "invalid"),
        (reminders(false, &[40_321]), "invalid"),
        (reminders(true, &[5]), "cannotUseDefaultRemindersAndSpecifyOverride"),
    ];
    for (more, reason) in table {
        let response = stage.event("POST", "", Some(timed_with(ID, more.clone()))).await;
        assert_eq!(response.status, 400, "{more}");
        assert_eq!(response.refusal().1, reason, "{more}");
    }
    assert_eq!(stage.google.writes().total(), 0);
    // The longest texts that are accepted.
    let more = json!({"description": "ö".repeat(8192), "summary": "x".repeat(1024)});
    stage.event("POST", "", Some(timed_with(ID, more))).await.ok();
    stage.google.set(|settings| settings.description_chars = 10);
    let long = json!({"description": "eleven char"});
    stage.event("PATCH", &format!("/{ID}"), Some(long)).await.is_refused(400, "invalid");
}

#[tokio::test]
async fn a_body_that_is_not_a_json_object_is_refused() {
    let stage = Stage::new();
    stage.event("POST", "", Some(json!([1]))).await.is_refused(400, "parseError");
    let form = [("content-type", "text/plain")];
    let response = stage.call_with("POST", "calendars/primary/events", None, &form).await;
    response.is_refused(400, "parseError");
}

#[tokio::test]
async fn default_values_and_unknown_fields_are_not_returned() {
    let stage = Stage::new();
    let more = json!({
        "transparency": "opaque", "visibility": "default", "location": "", "guestsCanModify": false,
        "calsync": 1, "created": "2000-01-01T00:00:00Z", "etag": "\"1\"", "creator": {"email": "x@example.org"},
    });
    let event = stage.event("POST", "", Some(timed_with(ID, more))).await.ok();
    for name in ["transparency", "visibility", "location", "guestsCanModify", "calsync"] {
        assert!(event.get(name).is_none(), "{name}");
    }
    assert_eq!(event["creator"]["email"], ANNA);
    assert_eq!(event["created"], "2026-11-22T10:00:00.000Z".replace("00.000", event_millis(&event)));
}

/// Seconds and milliseconds of `created`: each change has its own time, even with a fixed clock.
fn event_millis(event: &Value) -> &str {
    event["created"].as_str().unwrap()[17..].trim_end_matches('Z')
}

#[tokio::test]
async fn a_change_makes_a_new_version_and_a_reminder_does_not() {
    let stage = Stage::new();
    let path = format!("/{ID}");
    let first = stage.insert(ID).await;
    assert!(stage.anna.sets_reminders("primary", ID, &[30]));
    let same = stage.event("GET", &path, None).await.ok();
    assert_eq!(same["reminders"]["overrides"][0]["minutes"], 30);
    assert_eq!((&same["etag"], &same["updated"]), (&first["etag"], &first["updated"]));

    assert!(stage.anna.sets_colour("primary", ID, "3"));
    let other = stage.event("GET", &path, None).await.ok();
    assert_ne!(other["etag"], first["etag"]);
    assert!(other["updated"].as_str() > first["updated"].as_str());

    let stale = [("if-match", first["etag"].as_str().unwrap())];
    let target = format!("calendars/primary/events/{ID}");
    for method in ["PUT", "PATCH"] {
        let response = stage.call_with(method, &target, Some(timed(ID)), &stale).await;
        response.is_refused(412, "conditionNotMet");
    }
    stage.call_with("DELETE", &target, None, &stale).await.is_refused(412, "conditionNotMet");
    let fresh = [("if-match", other["etag"].as_str().unwrap())];
    stage.call_with("PATCH", &target, Some(json!({"summary": "C"})), &fresh).await.ok();
    let latest = stage.event("GET", &path, None).await.ok();
    let known = [("if-none-match", latest["etag"].as_str().unwrap())];
    let response = stage.call_with("GET", &target, None, &known).await;
    assert_eq!((response.status, response.body.len()), (304, 0));
    assert_eq!(stage.call_with("GET", &target, None, &stale[..0]).await.status, 200);
}

#[tokio::test]
async fn a_sequence_only_rises() {
    let stage = Stage::new();
    let path = format!("/{ID}");
    assert_eq!(stage.insert(ID).await["sequence"], 0);
    let later = json!({"end": {"dateTime": "2026-12-03T19:00:00+01:00"}});
    assert_eq!(stage.event("PATCH", &path, Some(later)).await.ok()["sequence"], 1);
    assert_eq!(stage.event("PATCH", &path, Some(json!({"summary": "x"}))).await.ok()["sequence"], 1);
    assert_eq!(stage.event("PATCH", &path, Some(json!({"sequence": 4}))).await.ok()["sequence"], 4);
    stage.event("PATCH", &path, Some(json!({"sequence": 3}))).await.is_refused(400, "invalid");
}

#[tokio::test]
async fn long_property_names_are_dropped_and_long_values_cut_silently() {
    let stage = Stage::new();
    let (fits, long) = ("k".repeat(44), "k".repeat(45));
    let more = json!({"extendedProperties": {"private": {&fits: "v".repeat(2000), &long: "x"}}});
    let event = stage.event("POST", "", Some(timed_with(ID, more))).await.ok();
    let kept = event["extendedProperties"]["private"].as_object().unwrap();
    assert_eq!(kept.keys().collect::<Vec<_>>(), [&fits]);
    assert_eq!(kept[&fits].as_str().unwrap().len(), 1024);
}

#[tokio::test]
async fn an_import_updates_the_event_with_its_uid() {
    let stage = Stage::new();
    let event = |uid: &str, summary: &str| {
        let mut event = timed_with("", json!({"iCalUID": uid, "summary": summary}));
        event.as_object_mut().unwrap().remove("id");
        Some(event)
    };
    let first = stage.event("POST", "/import", event("u1", "A")).await.ok();
    let again = stage.event("POST", "/import", event("u1", "B")).await.ok();
    let other = stage.event("POST", "/import", event("u2", "C")).await.ok();
    assert_eq!(first["id"], again["id"]);
    assert_eq!(again["summary"], "B");
    assert_ne!(first["id"], other["id"]);
    stage.event("POST", "/import", Some(timed(ID))).await.is_refused(400, "required");
    stage.event("POST", "", event("u1", "D")).await.is_refused(409, "duplicate");

    // A copy of another organizer's event: its shared fields cannot be changed, and it cannot be
    // restored.
    let mut foreign = event("u3", "E").unwrap();
    foreign["organizer"] = json!({"email": "boss@example.org"});
    foreign["guestsCanModify"] = json!(true);
    let copy = stage.event("POST", "/import", Some(foreign)).await.ok();
    let path = format!("/{}", copy["id"].as_str().unwrap());
    stage.event("PUT", &path, Some(timed(ID))).await.is_refused(403, "forbiddenForNonOrganizer");
    stage.event("PATCH", &path, Some(json!({"summary": "F"}))).await.ok();
    stage.event("DELETE", &path, None).await;
    let revive = stage.event("PATCH", &path, Some(json!({"status": "confirmed"}))).await;
    revive.is_refused(403, "forbidden");
}

#[tokio::test]
async fn a_move_leaves_a_tombstone() {
    let stage = Stage::new();
    let other = stage.anna.adds_calendar("Work");
    stage.insert(ID).await;
    let path = format!("/{ID}/move?destination={}", other.replace('@', "%40"));
    let moved = stage.event("POST", &path, None).await.ok();
    assert_eq!(moved["organizer"]["email"], other);
    assert_eq!(stage.event("GET", &format!("/{ID}"), None).await.ok()["status"], "cancelled");
    assert_eq!(stage.anna.events(&other).len(), 1);
    stage.event("POST", &path, None).await.is_refused(410, "deleted");
    stage.event("POST", &format!("/{ID}/move"), None).await.is_refused(400, "required");
}

#[tokio::test]
async fn guests_get_mail_by_send_updates_and_are_always_counted() {
    for (parameter, mails) in
        [("", 0), ("?sendUpdates=none", 0), ("?sendUpdates=externalOnly", 1), ("?sendUpdates=all", 2)]
    {
        let stage = Stage::new();
        let _known = stage.google.user("bo@example.org");
        let guests = json!({"attendees": [{"email": "bo@example.org"}, {"email": "cy@elsewhere.example"}, {"email": ANNA}]});
        stage.event("POST", parameter, Some(timed_with(ID, guests))).await.ok();
        assert_eq!(stage.google.mails().len(), mails, "{parameter}");
        assert_eq!(stage.google.invitations(), 2);
        stage.event("DELETE", &format!("/{ID}{parameter}"), None).await;
        assert_eq!(stage.google.mails().len(), 2 * mails, "{parameter}");
    }
    let stage = Stage::new();
    stage.event("POST", "?sendUpdates=some", Some(timed(ID))).await.is_refused(400, "invalid");
}

#[tokio::test]
async fn a_conference_needs_its_parameter_and_is_pending_first() {
    let stage = Stage::new();
    let ask = json!({"conferenceData": {"createRequest": {"requestId": "r1", "conferenceSolutionKey": {"type": "hangoutsMeet"}}}});
    let path = format!("/{ID}");
    let ignored = stage.event("POST", "", Some(timed_with(ID, ask.clone()))).await.ok();
    assert!(ignored.get("conferenceData").is_none());
    let with_version = format!("{path}?conferenceDataVersion=1");
    let pending = stage.event("PATCH", &with_version, Some(ask.clone())).await.ok();
    let status = "/conferenceData/createRequest/status/statusCode";
    assert_eq!(pending.pointer(status).unwrap(), "pending");
    let there = stage.event("GET", &path, None).await.ok();
    assert_eq!(there.pointer(status).unwrap(), "success");
    assert_ne!(there["etag"], pending["etag"]);
    let link = there["hangoutLink"].clone();
    // A second request with the same id, and a write without conference data, change nothing.
    stage.event("PATCH", &with_version, Some(ask)).await.ok();
    stage.event("PUT", &path, Some(timed(ID))).await.ok();
    let same = stage.event("GET", &path, None).await.ok();
    assert_eq!((same.pointer(status).unwrap(), &same["hangoutLink"]), (&"success".into(), &link));

    stage.google.set(|settings| settings.meet = false);
    let other = json!({"conferenceData": {"createRequest": {"requestId": "r2"}}});
    stage.event("PATCH", &with_version, Some(other)).await.is_refused(400, "invalid");
}

#[tokio::test]
async fn occurrences_of_a_series_keep_their_local_time() {
    let stage = Stage::new();
    let series = json!({
        "id": ID,
        "start": {"dateTime": "2026-10-23T09:00:00", "timeZone": "Europe/London"},
        "end": {"dateTime": "2026-10-23T10:00:00", "timeZone": "Europe/London"},
        "recurrence": ["RRULE:FREQ=DAILY;COUNT=4"],
    });
    stage.event("POST", "", Some(series)).await.ok();
    let list = stage.event("GET", &format!("/{ID}/instances"), None).await.ok();
    let starts: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|item| &item["start"]["dateTime"]).collect();
    assert_eq!(
        starts,
        [
            "2026-10-23T09:00:00+01:00",
            "2026-10-24T09:00:00+01:00",
            "2026-10-25T09:00:00Z",
            "2026-10-26T09:00:00Z"
        ]
    );
    let one = format!("/{ID}_20261024T080000Z");
    stage.event("PATCH", &one, Some(json!({"summary": "Other"}))).await.ok();
    stage.event("DELETE", &format!("/{ID}_20261025T090000Z"), None).await;
    let list = stage.event("GET", "?singleEvents=true&orderBy=startTime", None).await.ok();
    let summaries: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|item| item["summary"].as_str()).collect();
    assert_eq!(summaries, [None, Some("Other"), None]);
    stage.event("GET", &format!("/{ID}_20261101T090000Z"), None).await.is_refused(404, "notFound");
    stage.event("DELETE", &format!("/{ID}"), None).await;
    assert!(stage.anna.events("primary").is_empty());
}
