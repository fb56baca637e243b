//! The requests of each change, and that no attendee is added and no mail is sent.

use std::collections::BTreeSet;

use calsync_core::provider::{CalendarProvider, CreateOptions, DeleteOptions};
use calsync_outlook::fake::{ApiMethod, SeenRequest};
use serde_json::json;

use crate::common::{World, calendar_of, draft_at, event, key_at, key_of};
use crate::helpers::*;

/// The only request of that method.
fn request(world: &World, method: ApiMethod) -> SeenRequest {
    let mut requests = world.outlook.requests().into_iter().filter(|request| request.method == method);
    let request = requests.next().unwrap();
    assert!(requests.next().is_none());
    request
}

#[tokio::test]
async fn a_create_is_one_request_with_this_body() {
    let world = World::new().await;
    let written = create(&world.provider(), &draft(1)).await.unwrap();
    let key = key_at(&calendar_of(1), 0).to_string();
    let body = json!({
        "transactionId": key,
        "subject": "Deep clean",
        "body": {"contentType": "text", "content": "Order: ORD-1\nStaff: Eve & Adam <night>"},
        "start": {"dateTime": "2026-11-30T14:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2026-11-30T15:30:00", "timeZone": "UTC"},
        "isAllDay": false,
        "location": {"displayName": "1 High Street, Leeds, LS1 1AA"},
        "showAs": "busy",
        "isReminderOn": true,
        "reminderMinutesBeforeStart": 15,
        "singleValueExtendedProperties": [
            property("calsyncTarget", &key),
            property("calsyncKey", &key),
            property("calsyncNamespace", "tests"),
            property("calsyncRevision", "1"),
            property("calsyncZone", "Europe/London"),
            property("calsyncReminder", "default"),
        ],
    });
    assert_eq!(request(&world, ApiMethod::EventsCreate).body, Some(body));
    assert_eq!(calls(&world.outlook), [ApiMethod::EventsCreate]);
    let stored = only(&world);
    assert_eq!(
        (stored.id.as_str(), Some(stored.etag.as_str())),
        (written.remote_id.as_str(), written.etag.as_ref().map(calsync_core::names::Etag::as_str))
    );
    assert_eq!(stored.body_text, "Order: ORD-1\r\nStaff: Eve & Adam <night>\r\n");
}

#[tokio::test]
async fn an_update_reads_the_event_and_writes_the_differences() {
    let world = World::new().await;
    let provider = world.provider();
    let mut written = create(&provider, &draft(1)).await.unwrap();
    let with = |revision: u64, event| draft_at(&calendar_of(1), revision, event);
    let renamed = |title: &str| {
        let mut event = event();
        event.title = title.into();
        event
    };
    let mut later = event();
    later.when = calsync_core::testing::fixtures::timed(
        "2026-11-30T16:00:00Z",
        "2026-11-30T17:00:00Z",
        "Europe/Paris",
    );
    // Each event differs from the one before in what its expected body shows.
    for (revision, event, mut body) in [
        (3, event().with_location("2 Low Street"), json!({"location": {"displayName": "2 Low Street"}})),
        (4, event(), json!({"location": {"displayName": "1 High Street, Leeds, LS1 1AA"}})),
        (5, renamed("Windows"), json!({"subject": "Windows"})),
        (
            6,
            event().with_description("x"),
            json!({"subject": "Deep clean", "body": {"contentType": "text", "content": "x"}}),
        ),
        (
            7,
            later.clone().with_description("x"),
            json!({
                "start": {"dateTime": "2026-11-30T16:00:00", "timeZone": "UTC"},
                "end": {"dateTime": "2026-11-30T17:00:00", "timeZone": "UTC"},
                "isAllDay": false,
                "zone": "Europe/Paris",
            }),
        ),
    ] {
        world.outlook.clear_requests();
        let version = only(&world).etag;
        written = update(&provider, &written, &with(revision, event)).await.unwrap();
        let mut marks = vec![property("calsyncRevision", &revision.to_string())];
        if let Some(zone) = body.as_object_mut().unwrap().remove("zone") {
            marks.push(property("calsyncZone", zone.as_str().unwrap()));
        }
        body["singleValueExtendedProperties"] = marks.into();
        let patch = request(&world, ApiMethod::EventsUpdate);
        assert_eq!((patch.body, patch.if_match), (Some(body), Some(version)), "revision {revision}");
        assert_eq!(calls(&world.outlook), [ApiMethod::EventsGet, ApiMethod::EventsUpdate]);
    }
    // No field differs. A new revision alone is no difference.
    for revision in [7, 8] {
        let again = with(revision, later.clone().with_description("x"));
        let again = update(&provider, &written, &again).await.unwrap();
        assert_eq!((calls(&world.outlook), &again), (vec![ApiMethod::EventsGet], &written));
    }
}

#[tokio::test]
async fn a_delete_is_one_request_if_the_version_is_known() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    world.outlook.clear_requests();
    delete(&provider, &written, &draft(2)).await.unwrap();
    let if_match = request(&world, ApiMethod::EventsDelete).if_match;
    assert_eq!(if_match.as_deref(), written.etag.as_ref().map(calsync_core::names::Etag::as_str));
    assert_eq!(calls(&world.outlook), [ApiMethod::EventsDelete]);
    assert!(world.anna.events("primary").is_empty());

    let ben = |revision| draft_at(&calendar_of(2), revision, event());
    let written = provider.create(&calendar_of(2), &ben(1), &CreateOptions::new()).await.unwrap();
    world.outlook.clear_requests();
    let unread = DeleteOptions::new();
    provider.delete(&calendar_of(2), &written.remote_id, &ben(2).marker, &unread).await.unwrap();
    assert_eq!(calls(&world.outlook), [ApiMethod::EventsGet, ApiMethod::EventsDelete]);
}

/// Sends every kind of request, parts of batches included.
async fn every_request(world: &World) -> Vec<SeenRequest> {
    let provider = world.provider();
    world.outlook.set(|settings| settings.sparse_pages = true);
    let written = create(&provider, &draft(1)).await.unwrap();
    assert!(world.anna.makes_meeting("primary", written.remote_id.as_str()));
    update(&provider, &written, &draft_at(&calendar_of(1), 2, event().with_description("x"))).await.unwrap();
    find(&provider).await.unwrap().unwrap();
    delete(&provider, &written, &draft(3)).await.unwrap();
    assert_eq!(get(&provider, &written).await.unwrap(), None);
    provider.create_calendar(&key_of(1), "Bookings").await.unwrap();
    assert_eq!(provider.calendars(&key_of(1)).await.unwrap().len(), 2);
    let requests = world.outlook.requests();
    let methods: BTreeSet<_> = requests.iter().map(|request| request.method).collect();
    let all = [
        ApiMethod::CalendarsList,
        ApiMethod::CalendarsCreate,
        ApiMethod::EventsList,
        ApiMethod::EventsCreate,
        ApiMethod::EventsGet,
        ApiMethod::EventsUpdate,
        ApiMethod::EventsDelete,
        ApiMethod::Batch,
    ];
    assert_eq!(methods, BTreeSet::from(all));
    requests
}

#[tokio::test]
async fn every_request_prefers_immutable_ids_also_in_a_batch() {
    let world = World::new().await;
    let requests = every_request(&world).await;
    assert_eq!(requests.iter().filter(|request| request.in_batch).count(), 2);
    for request in requests {
        let prefer = request.prefer.unwrap_or_default();
        assert!(prefer.starts_with("IdType=\"ImmutableId\", "), "{} {prefer}", request.path);
    }
}

#[tokio::test]
async fn no_attendee_is_invited_and_no_mail_is_sent() {
    let world = World::new().await;
    let requests = every_request(&world).await;
    let bodies: Vec<String> =
        requests.into_iter().filter_map(|request| Some(request.body?.to_string())).collect();
    assert_eq!(bodies.len(), 4);
    assert!(bodies.iter().all(|body| !body.contains("attendees")), "{bodies:?}");
    assert!(world.outlook.mails().is_empty());
    assert_eq!(world.outlook.invitations(), 0);
    assert_eq!(world.outlook.writes().total(), 3);
}
