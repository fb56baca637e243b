//! The people's own changes to our events, and how the provider treats them.

use calsync_core::ErrorKind;
use calsync_core::error::Retry;
use calsync_core::event::EventStatus::{Confirmed, Tentative};
use calsync_core::event::{Reminders, Visibility};
use calsync_core::provider::{CalendarProvider, CreateOptions, FOREIGN_EVENT};
use calsync_outlook::fake::{AfterDeletion, ApiMethod, FaultRule, graph_error};
use http::StatusCode;
use serde_json::{Value, json};

use crate::common::{World, calendar_of, draft_at, event, key_at};
use crate::helpers::*;

/// The bodies of the PATCH requests since the log was last cleared.
fn patches(world: &World) -> Vec<Value> {
    let requests = world.outlook.requests().into_iter();
    let patches = requests.filter(|request| request.method == ApiMethod::EventsUpdate);
    let patches = patches.filter_map(|request| request.body).collect();
    world.outlook.clear_requests();
    patches
}

#[tokio::test]
async fn the_persons_own_changes_stay() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    let id = written.remote_id.as_str().to_owned();
    assert!(world.anna.sets_colour("primary", &id, "Blue category"));
    assert!(world.anna.adds_guest("primary", &id, "friend@example.org"));
    assert!(world.anna.sets_reminder("primary", &id, Some(33)));
    let edit = json!({"sensitivity": "private", "showAs": "oof", "importance": "high", "location": {"displayName": "Anna's idea"}});
    assert!(world.anna.edits_event("primary", &id, edit));
    world.outlook.clear_requests();

    update(&provider, &written, &draft(2)).await.unwrap();
    let location = json!({"displayName": "1 High Street, Leeds, LS1 1AA"});
    let revision = json!([property("calsyncRevision", "2")]);
    assert_eq!(patches(&world), [json!({"location": location, "singleValueExtendedProperties": revision})]);
    let stored = only(&world).json;
    assert_eq!(stored["location"]["displayName"], location["displayName"]);
    for (name, value) in [
        ("categories", json!(["Blue category"])),
        ("sensitivity", json!("private")),
        ("showAs", json!("oof")),
        ("importance", json!("high")),
        ("reminderMinutesBeforeStart", json!(33)),
    ] {
        assert_eq!(stored[name], value, "{name}");
    }
    assert_eq!(stored["attendees"][0]["emailAddress"]["address"], "friend@example.org");
}

#[tokio::test]
async fn a_sensitivity_is_written_if_the_host_chose_one_and_then_stays() {
    let world = World::new().await;
    let provider = world.provider();
    let with =
        |revision, visibility| draft_at(&calendar_of(1), revision, event().with_visibility(visibility));
    let mut written = create(&provider, &with(1, Visibility::Private)).await.unwrap();
    assert_eq!(only(&world).json["sensitivity"], "private");
    for (revision, chosen, stored) in [
        (2, Visibility::Default, "private"),
        (3, Visibility::Public, "normal"),
        (4, Visibility::Private, "private"),
    ] {
        written = update(&provider, &written, &with(revision, chosen)).await.unwrap();
        assert_eq!(only(&world).json["sensitivity"], stored, "{chosen:?}");
    }
    let event = read(&provider, &written).await.unwrap().unwrap();
    assert_eq!(event.visibility, Visibility::Private);
}

#[tokio::test]
async fn a_status_is_written_if_the_host_changes_it_and_free_stays_free() {
    let world = World::new().await;
    let provider = world.provider();
    let with = |revision, status| draft_at(&calendar_of(1), revision, event().with_status(status));
    let shown = |world: &World| only(world).json["showAs"].as_str().unwrap().to_owned();
    let mut written = create(&provider, &with(1, Tentative)).await.unwrap();
    assert_eq!(shown(&world), "tentative");
    for (revision, status, expected) in
        [(2, Tentative, "tentative"), (3, Confirmed, "busy"), (4, Tentative, "tentative")]
    {
        written = update(&provider, &written, &with(revision, status)).await.unwrap();
        assert_eq!(shown(&world), expected, "revision {revision}");
    }
    update(&provider, &written, &with(5, Confirmed)).await.unwrap();
    assert!(world.anna.edits_event("primary", written.remote_id.as_str(), json!({"showAs": "free"})));
    update(&provider, &written, &with(6, Confirmed)).await.unwrap();
    assert_eq!(shown(&world), "free");
}

#[tokio::test]
async fn a_meeting_stays_on_while_its_text_changes() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    assert!(world.anna.makes_meeting("primary", written.remote_id.as_str()));
    let link = only(&world).json["onlineMeeting"]["joinUrl"].as_str().unwrap().to_owned();
    world.outlook.clear_requests();

    let with_text = |text: &str| event().with_description(text);
    for (revision, text) in [(2, "Staff: Zoë & <co>\nBring: keys"), (3, "Staff: Adam"), (4, "")] {
        update(&provider, &written, &draft_at(&calendar_of(1), revision, with_text(text))).await.unwrap();
        let methods = [ApiMethod::EventsGet, ApiMethod::EventsGet, ApiMethod::EventsUpdate];
        assert_eq!(calls(&world.outlook), methods, "{text}");
        let stored = only(&world);
        assert_eq!(stored.json["onlineMeeting"]["joinUrl"], *link, "{text}");
        let html = stored.json["body"]["content"].as_str().unwrap();
        assert_eq!(html.matches(&link).count(), 1, "{html}");
        assert_eq!(stored.body_text.split("____").next().unwrap().trim(), text.replace('\n', "\r\n"));
    }
    // A text that is there already is not written, and the meeting is not read for it.
    update(&provider, &written, &draft_at(&calendar_of(1), 5, with_text("").with_location("x")))
        .await
        .unwrap();
    let names: Vec<_> = patches(&world)[0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["location", "singleValueExtendedProperties"]);
    assert_eq!(only(&world).json["isOnlineMeeting"], true);
}

/// Our text has a line like that of Teams: the text must not appear twice, nor be written again on
/// every update.
#[tokio::test]
async fn a_line_in_our_text_is_not_the_start_of_a_meeting() {
    let world = World::new().await;
    let provider = world.provider();
    let with_text = |revision, text: &str| {
        let text = format!("{text}\n{}\nBring: keys", "_".repeat(40));
        draft_at(&calendar_of(1), revision, event().with_description(text))
    };
    let written = create(&provider, &with_text(1, "Staff: Eve")).await.unwrap();
    world.outlook.clear_requests();
    update(&provider, &written, &with_text(2, "Staff: Eve")).await.unwrap();
    assert_eq!(patches(&world), Vec::<Value>::new(), "it is there");
    assert!(world.anna.makes_meeting("primary", written.remote_id.as_str()));
    for (revision, text) in [(3, "Staff: Adam"), (4, "Staff: Zoë")] {
        update(&provider, &written, &with_text(revision, text)).await.unwrap();
        let stored = only(&world);
        assert!(stored.body_text.starts_with(text), "{}", stored.body_text);
        assert_eq!(stored.body_text.matches("Bring: keys").count(), 1, "{}", stored.body_text);
        assert_eq!(stored.json["isOnlineMeeting"], true);
    }
}

/// A meeting without a line: new notes once counted as delivered, and the reader still saw the old
/// ones.
#[tokio::test]
async fn a_meeting_without_a_line_keeps_the_whole_body() {
    let world = World::new().await;
    let provider = world.provider();
    world.outlook.set(|settings| settings.meetings_have_lines = false);
    let written = create(&provider, &draft(1)).await.unwrap();
    assert!(world.anna.makes_meeting("primary", written.remote_id.as_str()));
    let link = only(&world).json["onlineMeeting"]["joinUrl"].as_str().unwrap().to_owned();
    assert!(!only(&world).body_text.contains("____"));
    let with_text =
        |revision, text: &str| draft_at(&calendar_of(1), revision, event().with_description(text));
    for (revision, text, before) in
        [(2, "Staff: Adam\nBring: keys", "Staff: Eve"), (3, "Staff: Zoë", "Staff: Adam")]
    {
        update(&provider, &written, &with_text(revision, text)).await.unwrap();
        let there = only(&world);
        assert!(there.body_text.starts_with(&*text.replace('\n', "\r\n")), "{}", there.body_text);
        assert_eq!(there.json["onlineMeeting"]["joinUrl"], *link, "{}", there.body_text);
        // The text from before the line was added is left for its owner to remove.
        assert_eq!(there.body_text.contains(before), revision == 2, "{}", there.body_text);
        assert_eq!(there.body_text.matches("Join the meeting now").count(), 1, "{}", there.body_text);
    }
    // The same text is there already.
    world.outlook.clear_requests();
    update(&provider, &written, &with_text(4, "Staff: Zoë")).await.unwrap();
    assert_eq!(calls(&world.outlook), [ApiMethod::EventsGet]);
}

/// If a missing body counted as empty, the update would end the meeting.
#[tokio::test]
async fn a_meeting_whose_body_is_missing_is_not_overwritten() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    assert!(world.anna.makes_meeting("primary", written.remote_id.as_str()));
    let before = only(&world);
    for body in [json!(null), json!(7)] {
        let response = json!({"id": written.remote_id.as_str(), "body": body});
        let response = FaultRule::new(calsync_outlook::fake::Fault::json(StatusCode::OK, &response));
        world.outlook.fault(response.with_method(ApiMethod::EventsGet).after(1));
        let other = draft_at(&calendar_of(1), 2, event().with_description("Staff: Adam"));
        let error = update(&provider, &written, &other).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Later));
        assert_eq!(only(&world), before);
    }
}

#[tokio::test]
async fn a_reminder_is_written_only_if_the_host_sets_another_one() {
    let world = World::new().await;
    let provider = world.provider();
    let with = |revision, minutes: &[u32]| {
        draft_at(&calendar_of(1), revision, event().with_reminders(Reminders::Before(minutes.to_vec())))
    };
    let minutes = |world: &World| {
        let json = only(world).json;
        json["isReminderOn"].as_bool().unwrap().then(|| json["reminderMinutesBeforeStart"].as_u64().unwrap())
    };
    let mut written = create(&provider, &with(1, &[10])).await.unwrap();
    assert_eq!(minutes(&world), Some(10));

    assert!(world.anna.sets_reminder("primary", written.remote_id.as_str(), Some(5)));
    written = update(&provider, &written, &with(2, &[10])).await.unwrap();
    assert_eq!(minutes(&world), Some(5), "the host's reminder is the same as before: Anna's stays");
    assert!(world.anna.sets_reminder("primary", written.remote_id.as_str(), None));
    written = update(&provider, &written, &with(3, &[10])).await.unwrap();
    assert_eq!(minutes(&world), None, "Anna turned it off");

    for (revision, draft, expected) in [
        (4, with(4, &[30]), Some(30)),
        (5, draft(5), Some(15)),
        (6, with(6, &[]), None),
        (7, with(7, &[0]), Some(0)),
        (8, with(8, &[200_000]), Some(80_640)),
    ] {
        written = update(&provider, &written, &draft).await.unwrap();
        assert_eq!(minutes(&world), expected, "revision {revision}");
    }
}

#[tokio::test]
async fn the_default_reminder_is_set_by_the_host() {
    let world = World::new().await;
    for (person, default) in [(1, Some(60)), (2, None)] {
        let builder = world.builder().default_reminder(default);
        let provider = builder.transport(world.outlook.clone()).build().unwrap();
        let place = calendar_of(person);
        provider.create(&place, &draft_at(&place, 1, event()), &CreateOptions::new()).await.unwrap();
    }
    let json = only(&world).json;
    assert_eq!((&json["isReminderOn"], &json["reminderMinutesBeforeStart"]), (&json!(true), &json!(60)));
    assert_eq!(world.ben.events("primary")[0].json["isReminderOn"], false);
}

#[tokio::test]
async fn an_event_a_person_deleted_is_missing_until_the_next_generation() {
    for (after_deletion, is_used_up) in [
        (AfterDeletion::DuplicateError, true),
        (AfterDeletion::ReplaysDeadEvent, true),
        (AfterDeletion::MakesAnother, false),
    ] {
        let world = World::new().await;
        world.outlook.set(|settings| settings.after_deletion = after_deletion);
        let provider = world.provider();
        let written = create(&provider, &draft(1)).await.unwrap();
        assert!(world.anna.deletes_event("primary", written.remote_id.as_str()));
        for known in [&written, &without_etag(&written)] {
            assert_eq!(update(&provider, known, &draft(2)).await.unwrap_err().kind(), ErrorKind::NotFound);
            assert_eq!(delete(&provider, known, &draft(2)).await.unwrap_err().kind(), ErrorKind::NotFound);
        }
        assert_eq!(get(&provider, &written).await.unwrap(), None);
        assert_eq!(find(&provider).await.unwrap(), None);

        // The same content with the same key, as a retried run would write it.
        let again = create_again(&provider, &draft(1)).await;
        assert_eq!(again.map_err(|error| error.kind()).err(), is_used_up.then_some(ErrorKind::KeyUsed));
        let existing = usize::from(!is_used_up);
        assert_eq!(world.anna.events("primary").len(), existing, "{after_deletion:?}");
        let mut next = draft(3);
        next.marker.key = key_at(&calendar_of(1), 1);
        create(&provider, &next).await.unwrap();
        assert_eq!(world.anna.events("primary").len(), existing + 1, "{after_deletion:?}");
    }
}

/// Exchange may still find a deleted event by its immutable id, and refuses to delete it once more.
#[tokio::test]
async fn a_refused_delete_of_a_deleted_event_is_not_found() {
    for is_readable in [false, true] {
        let world = World::new().await;
        world.outlook.set(|settings| settings.deleted_items_readable = is_readable);
        let provider = world.provider();
        let written = create(&provider, &draft(1)).await.unwrap();
        let refused =
            graph_error(StatusCode::FORBIDDEN, "ErrorCannotDeleteObject", "Object cannot be deleted.");
        world.outlook.fault(FaultRule::new(refused).with_method(ApiMethod::EventsDelete).always());
        for known in [&written, &without_etag(&written)] {
            let error = delete(&provider, known, &draft(2)).await.unwrap_err();
            assert_eq!((error.kind(), error.retry()), (ErrorKind::Forbidden, Retry::Never), "it exists");
        }
        assert!(world.anna.deletes_event("primary", written.remote_id.as_str()));
        for known in [&written, &without_etag(&written)] {
            let error = delete(&provider, known, &draft(2)).await.unwrap_err();
            assert_eq!((error.kind(), error.retry()), (ErrorKind::NotFound, Retry::Never));
        }
    }
}

/// A person's copy of an event has its marker, but not its transaction id.
#[tokio::test]
async fn a_copy_is_never_changed() {
    let world = World::new().await;
    let provider = world.provider();
    // Graph may list the copy first.
    let copy = by_hand(&json!({"singleValueExtendedProperties": marks("tests", "1")}));
    let copy = world.anna.adds_event("primary", copy).unwrap();
    let draft = draft(1);
    let written = provider.create(&calendar_of(1), &draft, &CreateOptions::new()).await.unwrap();
    let before = world.anna.event("primary", &copy).unwrap();

    assert_eq!(find(&provider).await.unwrap().unwrap().remote_id, written.remote_id);
    assert_eq!(create_again(&provider, &draft).await.unwrap().remote_id, written.remote_id);
    // A find returns both, and shows which of them was created.
    let found = find_all(&provider).await.unwrap();
    let keys: Vec<_> = found.iter().map(|found| (found.remote_id.as_str(), found.key)).collect();
    let both = [(copy.as_str(), None), (written.remote_id.as_str(), Some(draft.marker.key))];
    assert_eq!((keys, both.len()), (both.to_vec(), 2));
    update(&provider, &written, &moved(2)).await.unwrap();
    let moved = world.anna.event("primary", written.remote_id.as_str()).unwrap();
    assert_eq!(moved.json["location"]["displayName"], "2 Low Street");
    delete(&provider, &without_etag(&written), &self::moved(3)).await.unwrap();
    assert_eq!(world.anna.events("primary"), [before]);
}

/// Another host's event, with our key in its marker or also as its transaction id, and every change
/// in our name.
#[tokio::test]
async fn an_event_of_another_host_is_never_changed() {
    let transaction = key_at(&calendar_of(1), 0).to_string();
    for (more, is_under_our_key) in [
        (json!({"singleValueExtendedProperties": marks("another", "3")}), false),
        (json!({"singleValueExtendedProperties": marks("another", "3"), "transactionId": transaction}), true),
    ] {
        let world = World::new().await;
        let provider = world.provider();
        world.anna.adds_event("primary", by_hand(&more)).unwrap();
        let before = only(&world);
        assert_eq!(find_all(&provider).await.unwrap(), []);
        let theirs = row(&before);
        assert_eq!(update(&provider, &theirs, &draft(9)).await.unwrap_err().kind(), ErrorKind::NotOurs);
        let unread = without_etag(&theirs);
        assert_eq!(delete(&provider, &unread, &draft(9)).await.unwrap_err().kind(), ErrorKind::NotOurs);
        if is_under_our_key {
            for create in [create(&provider, &draft(9)).await, create_again(&provider, &draft(9)).await] {
                let error = create.unwrap_err();
                let actual = (error.kind(), error.failure().code.as_deref());
                assert_eq!(actual, (ErrorKind::KeyUsed, Some(FOREIGN_EVENT)));
            }
        } else {
            let ours = create(&provider, &draft(9)).await.unwrap();
            assert_ne!(ours.remote_id, theirs.remote_id);
            delete(&provider, &ours, &draft(9)).await.unwrap();
        }
        assert_eq!(only(&world), before);
    }
}

#[tokio::test]
async fn an_event_of_older_code_is_adopted_by_its_id() {
    let world = World::new().await;
    let provider = world.provider();
    let old = json!({"subject": "Old", "isAllDay": true, "categories": ["Green category"], "transactionId": "older-code",
        "start": {"dateTime": "2026-12-01T00:00:00", "timeZone": "GMT Standard Time"},
        "end": {"dateTime": "2026-12-02T00:00:00", "timeZone": "GMT Standard Time"}});
    world.anna.adds_event("primary", old).unwrap();
    update(&provider, &without_etag(&row(&only(&world))), &draft(1)).await.unwrap();
    let stored = only(&world);
    assert_eq!((stored.text("subject"), &stored.json["isAllDay"]), (Some("Deep clean"), &json!(false)));
    assert_eq!(stored.json["categories"][0], "Green category");
    assert_eq!(stored.property("calsyncKey"), Some(&*key_at(&calendar_of(1), 0).to_string()));
    let adopted = row(&only(&world));
    let found = get(&provider, &adopted).await.unwrap().unwrap();
    assert_eq!(found.marker.unwrap().revision, 1);
    assert_eq!(read(&provider, &adopted).await.unwrap().unwrap().when, event().when);
    // It was not created with the key, so it may be a copy: a find returns it without a key.
    let found = find_all(&provider).await.unwrap();
    assert_eq!((found.len(), found[0].key, &found[0].remote_id), (1, None, &adopted.remote_id));
}

/// A person copies an event and deletes the original: the key finds no event, and the copy is the
/// person's.
#[tokio::test]
async fn a_copy_does_not_replace_the_deleted_event() {
    for after_deletion in [AfterDeletion::DuplicateError, AfterDeletion::ReplaysDeadEvent] {
        let world = World::new().await;
        world.outlook.set(|settings| settings.after_deletion = after_deletion);
        let provider = world.provider();
        let written = create(&provider, &draft(1)).await.unwrap();
        let copy = by_hand(&json!({"singleValueExtendedProperties": marks("tests", "1")}));
        let copy = world.anna.adds_event("primary", copy).unwrap();
        assert!(world.anna.deletes_event("primary", written.remote_id.as_str()));
        let before = world.anna.event("primary", &copy).unwrap();
        let found = find_all(&provider).await.unwrap();
        assert_eq!((found.len(), found[0].remote_id.as_str(), found[0].key), (1, copy.as_str(), None));
        for draft in [draft(1), moved(2)] {
            let error = create_again(&provider, &draft).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::KeyUsed, "{after_deletion:?}");
        }
        assert_eq!(world.anna.events("primary"), [before]);
    }
}
