//! Calendars: listing and creating, ids that change, and that a missing calendar is not an empty
//! one.

use calsync_core::calendar::CalendarRef;
use calsync_core::error::Retry;
use calsync_core::names::CalendarId;
use calsync_core::provider::{
    AccountCalendar, CalendarProvider, CreateOptions, DeleteOptions, EventReader, PageToken, TargetQuery,
    UpdateOptions, Written,
};
use calsync_core::testing::Recording;
use calsync_core::{Error, ErrorKind};
use calsync_outlook::OutlookCalendar;
use calsync_outlook::fake::{ApiMethod, Fault, FaultRule};
use http::StatusCode;
use serde_json::json;

use crate::common::{World, calendar_in, calendar_of, draft_at, event, key_of};
use crate::helpers::*;

/// Makes every call in a calendar, for an event that was written there.
async fn every_call(
    provider: &OutlookCalendar,
    place: &CalendarRef,
    written: &Written,
) -> Vec<(&'static str, Result<(), Error>)> {
    let (id, etag) = (&written.remote_id, &written.etag);
    let draft = |revision| draft_at(place, revision, event());
    let query = TargetQuery::new("tests", draft(1).marker.key.target()).with_known(Some(id.clone()));
    let updating = UpdateOptions::new().with_etag(etag.clone());
    let deleting = DeleteOptions::new().with_etag(etag.clone());
    let (create, marker) = (CreateOptions::new(), draft(9).marker);
    vec![
        ("get", provider.get(place, id).await.map(drop)),
        ("read", provider.read(place, id).await.map(drop)),
        ("find", provider.find(place, &query).await.map(drop)),
        ("list", provider.list_ours(place, "tests", None).await.map(drop)),
        ("update", provider.update(place, id, &draft(6), &UpdateOptions::new()).await.map(drop)),
        ("update at a version", provider.update(place, id, &draft(7), &updating).await.map(drop)),
        ("create", provider.create(place, &draft(8), &create).await.map(drop)),
        ("delete at a version", provider.delete(place, id, &marker, &deleting).await),
        ("delete", or_not_found(provider.delete(place, id, &marker, &DeleteOptions::new()).await)),
    ]
}

/// Success also if the previous call deleted the event.
fn or_not_found(deleted: Result<(), Error>) -> Result<(), Error> {
    match deleted {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Adds a calendar of bookings with one event to Anna's mailbox.
async fn with_bookings(world: &World, provider: &OutlookCalendar) -> (String, Written) {
    let calendar = world.anna.adds_calendar("Bookings");
    let place = calendar_named(&calendar, None);
    let draft = draft_at(&place, 1, event());
    let written = provider.create(&place, &draft, &CreateOptions::new()).await.unwrap();
    (calendar, written)
}

#[tokio::test]
async fn a_missing_calendar_is_not_an_empty_one() {
    let world = World::new().await;
    let provider = world.provider();
    let (calendar, written) = with_bookings(&world, &provider).await;
    assert!(world.anna.deletes_calendar(&calendar));
    for place in [
        calendar_named(&calendar, None),
        calendar_named(&calendar, Some("Bookings")),
        calendar_named("never/seen", None),
        calendar_named("AAMkANeverSeen12", Some("Unknown")),
    ] {
        for (call, result) in every_call(&provider, &place, &written).await {
            let error = result.unwrap_err();
            assert_eq!((error.kind(), error.retry()), (ErrorKind::CalendarNotFound, Retry::Never), "{call}");
        }
    }
    assert!(world.outlook.events().is_empty());
}

#[tokio::test]
async fn a_calendar_whose_id_changed_is_found_by_its_name_and_remembered() {
    for call in 0..9 {
        let world = World::new().await;
        let provider = world.provider();
        let (calendar, written) = with_bookings(&world, &provider).await;
        let place = calendar_named(&calendar, Some("Bookings"));
        let now = world.anna.moves_calendar_id(&calendar).unwrap();
        world.outlook.clear_requests();
        // Any of the calls may be the first to meet the new id.
        let mut calls = every_call(&provider, &place, &written).await;
        let (name, result) = calls.swap_remove(call);
        result.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(calls.into_iter().all(|(_, result)| result.is_ok()));
        assert_eq!(world.outlook.count(ApiMethod::CalendarsList), 1, "listed once, and remembered");
        assert!(world.anna.events(&now).is_empty(), "the last calls were deletes");

        // The id can change again.
        let later = world.anna.moves_calendar_id(&now).unwrap();
        let mut next = draft_at(&place, 10, event());
        next.marker.key = crate::common::key_at(&place, 1);
        provider.create(&place, &next, &CreateOptions::new()).await.unwrap();
        assert_eq!(world.anna.events(&later).len(), 1);
        assert_eq!(world.outlook.count(ApiMethod::CalendarsList), 2);
    }
}

#[tokio::test]
async fn an_unknown_or_ambiguous_name_finds_no_calendar() {
    let world = World::new().await;
    let provider = world.provider();
    let (calendar, written) = with_bookings(&world, &provider).await;
    let _now = world.anna.moves_calendar_id(&calendar).unwrap();
    for name in [None, Some("Orders"), Some("bookings")] {
        for (call, result) in every_call(&provider, &calendar_named(&calendar, name), &written).await {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::CalendarNotFound, "{call} {name:?}");
        }
    }
    let _second = world.anna.adds_calendar("Bookings");
    for (call, result) in every_call(&provider, &calendar_named(&calendar, Some("Bookings")), &written).await
    {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::CalendarNotFound, "{call}: which of the two?");
    }
    assert_eq!(world.outlook.events().len(), 1);
}

#[tokio::test]
async fn a_failed_listing_does_not_mean_a_missing_calendar() {
    let world = World::new().await;
    let provider = world.provider();
    let (calendar, written) = with_bookings(&world, &provider).await;
    let now = world.anna.moves_calendar_id(&calendar).unwrap();
    let place = calendar_named(&calendar, Some("Bookings"));
    for fault in [Fault::status(StatusCode::NOT_FOUND), Fault::Cut, Fault::DropAfter, Fault::OtherJson] {
        let rule = FaultRule::new(fault.clone()).with_method(ApiMethod::CalendarsList);
        world.outlook.fault(rule.always());
        for (call, result) in every_call(&provider, &place, &written).await {
            let error = result.unwrap_err();
            assert_ne!(error.kind(), ErrorKind::CalendarNotFound, "{call} {fault:?}");
            assert_eq!(error.retry(), Retry::Later, "{call} {fault:?}");
        }
        world.outlook.clear_faults();
    }
    assert_eq!(world.anna.events(&now).len(), 1);
}

#[tokio::test]
async fn calendars_are_listed_completely_and_created() {
    let world = World::new().await;
    let provider = world.provider();
    for number in 0..120 {
        let _id = world.anna.adds_calendar(&format!("Calendar {number}"));
    }
    for sparse in [false, true] {
        world.outlook.set(|settings| settings.sparse_pages = sparse);
        let calendars = provider.calendars(&key_of(1)).await.unwrap();
        assert_eq!(calendars.len(), 121);
        let primary: Vec<&AccountCalendar> =
            calendars.iter().filter(|calendar| calendar.is_primary).collect();
        assert_eq!((primary.len(), primary[0].name.as_str()), (1, "Calendar"));
        let owner = |calendar: &AccountCalendar| calendar.owner.as_deref() == Some("anna@example.org");
        assert!(calendars.iter().all(|calendar| calendar.is_writable && owner(calendar)));
    }
    let id = provider.create_calendar(&key_of(1), "Bookings").await.unwrap();
    let calendars = provider.calendars(&key_of(1)).await.unwrap();
    assert!(calendars.iter().any(|calendar| calendar.id == id && calendar.name == "Bookings"));
    let place = calendar_in(1, id.clone());
    provider.create(&place, &draft_at(&place, 1, event()), &CreateOptions::new()).await.unwrap();
    assert_eq!(world.anna.events(id.as_str()).len(), 1);

    // A name that exists already is refused, and a retry does not help.
    let error = provider.create_calendar(&key_of(1), "Bookings").await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Refused, Retry::Never));
    // An empty, unused calendar may exist: the outcome is unknown.
    world.outlook.fault(FaultRule::new(Fault::Html).with_method(ApiMethod::CalendarsCreate));
    let error = provider.create_calendar(&key_of(1), "More").await.unwrap_err();
    assert_eq!(error.retry(), Retry::Unknown);
}

#[tokio::test]
async fn a_calendar_with_missing_fields_or_read_only_is_listed() {
    let world = World::new().await;
    let page = json!({"value": [
        {"id": "A=", "name": null},
        {"id": "B=", "name": "Team", "canEdit": false, "owner": {"name": "Team", "address": "team@example.org"}},
        {"id": "", "name": "None"},
        {"name": "None either"},
    ]});
    world.outlook.fault(Fault::json(StatusCode::OK, &page));
    let calendars = world.provider().calendars(&key_of(1)).await.unwrap();
    let actual: Vec<_> = calendars
        .iter()
        .map(|it| (it.id.as_str(), it.name.as_str(), it.owner.as_deref(), it.is_writable, it.is_primary))
        .collect();
    assert_eq!(
        actual,
        [("A=", "", None, true, false), ("B=", "Team", Some("team@example.org"), false, false)]
    );
}

/// The token goes along with every request.
#[tokio::test]
async fn a_next_page_never_goes_to_another_host() {
    let world = World::new().await;
    let transport = Recording::new(world.outlook.clone());
    let provider = world.builder().transport(transport.clone()).build().unwrap();
    create(&provider, &draft(1)).await.unwrap();
    let link = "https://evil.example/v1.0/me/messages?$skiptoken=1";
    let page = json!({"value": [], "@odata.nextLink": link});
    world.outlook.fault(Fault::json(StatusCode::OK, &page));
    assert_eq!(provider.calendars(&key_of(1)).await.unwrap().len(), 1);
    let parts = json!({"responses": [
        {"id": "transaction", "status": 200, "body": {"value": []}},
        {"id": "marker", "status": 200, "body": page},
    ]});
    world.outlook.fault(Fault::json(StatusCode::OK, &parts));
    find(&provider).await.unwrap();
    world.outlook.fault(Fault::json(StatusCode::OK, &json!({"value": [], "@odata.nextLink": link})));
    let listed = provider.list_ours(&calendar_of(1), "tests", None).await.unwrap();
    provider.list_ours(&calendar_of(1), "tests", listed.next).await.unwrap();
    let requests = transport.requests();
    assert_eq!(requests.len(), 7);
    for request in requests {
        assert_eq!(request.authority, "graph.microsoft.com", "{}", request.path);
        assert!(request.path.starts_with("/v1.0/") && !request.path.contains("messages"), "{}", request.path);
    }
    // A malformed link is an error.
    for link in ["", "nonsense", "https://graph.microsoft.com/v1.0/me/calendars"] {
        let page = json!({"value": [], "@odata.nextLink": link});
        world.outlook.fault(Fault::json(StatusCode::OK, &page));
        assert!(provider.calendars(&key_of(1)).await.is_err(), "{link:?}");
        world.outlook.fault(Fault::json(StatusCode::OK, &page));
        let error = provider.list_ours(&calendar_of(1), "tests", None).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Later), "{link:?}");
        let token = PageToken((*link).to_owned());
        assert!(provider.list_ours(&calendar_of(1), "tests", Some(token)).await.is_err(), "{link:?}");
    }
}

#[tokio::test]
async fn an_endless_listing_is_given_up() {
    let world = World::new().await;
    let provider = world.provider();
    let link = "https://graph.microsoft.com/v1.0/me/calendars?$skiptoken=1";
    let page = Fault::json(StatusCode::OK, &json!({"value": [], "@odata.nextLink": link}));
    world.outlook.fault(FaultRule::new(page.clone()).with_path("/calendar").always());
    let parts = json!({"responses": [
        {"id": "transaction", "status": 200, "body": {"value": []}},
        {"id": "marker", "status": 200, "body": {"value": [], "@odata.nextLink": link}},
    ]});
    world.outlook.fault(FaultRule::new(Fault::json(StatusCode::OK, &parts)).with_path("batch").always());
    for error in [provider.calendars(&key_of(1)).await.unwrap_err(), find(&provider).await.unwrap_err()] {
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Later));
        assert_eq!(error.failure().code.as_deref(), Some("endless_response"));
    }
}

#[tokio::test]
async fn the_default_calendar_also_has_an_id_and_mailboxes_are_separate() {
    let world = World::new().await;
    let provider = world.provider();
    let calendars = provider.calendars(&key_of(1)).await.unwrap();
    let id: &CalendarId = &calendars[0].id;
    let written = create(&provider, &draft(1)).await.unwrap();
    let found = provider.get(&calendar_in(1, id.clone()), &written.remote_id).await.unwrap();
    assert_eq!(found.unwrap().marker, Some(draft(1).marker));
    // The planner treats both as one calendar once the host knows the id of the default one.
    assert!(calendars[0].is_primary);
    let (named, primary) = (calendar_in(1, id.clone()), calendar_of(1));
    let capabilities = provider.capabilities();
    assert!(!capabilities.is_one_calendar(&named, &primary));
    assert!(capabilities.is_one_calendar(&named, &primary.with_primary(Some(id.clone()))));
    assert_eq!(
        provider.get(&calendar_of(2), &written.remote_id).await.unwrap(),
        None,
        "not in Ben's mailbox"
    );
}
