//! Searches by target, listings of a namespace, and updates that need no write.

use calsync_core::auth::{Account, Tokens};
use calsync_core::error::{ErrorKind, Retry};
use calsync_core::names::{AccountId, RemoteId};
use calsync_core::provider::{CalendarProvider, CreateOptions, Found, TargetQuery, UpdateOptions};
use calsync_google::fake::{ApiMethod, Fault, FaultRule};
use chrono::TimeDelta;
use http::StatusCode;
use serde_json::json;

use super::common::host::Host;
use super::common::{SCOPES, World, calls, draft_at, event, key_at, place_of, put, query_at};

fn ids(found: &[Found]) -> Vec<&str> {
    let mut ids: Vec<_> = found.iter().map(|found| found.remote_id.as_str()).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn find_sends_two_requests_and_finds_copies_and_events_without_a_marker() {
    let world = World::new().await;
    let (provider, place) = (world.provider(), place_of(1));
    let mut draft = draft_at(&place, 1, event());
    let mut made = Vec::new();
    for generation in [0, 4] {
        draft.marker.key = key_at(&place, generation);
        made.push(provider.create(&place, &draft, &CreateOptions::new()).await.unwrap());
    }
    // A person copies one event; another program removes the marker of the other.
    let mut copy = world.anna.event("primary", made[0].remote_id.as_str()).unwrap().json;
    copy.as_object_mut().unwrap().retain(|name, _| name != "id" && name != "iCalUID");
    let copy = world.anna.adds_event("primary", copy).unwrap();
    let bare = json!({"extendedProperties": {"private": {"calsyncTarget": null, "calsyncKey": null,
        "calsyncNamespace": null, "calsyncRevision": null}}});
    assert!(world.anna.edits_event("primary", made[1].remote_id.as_str(), bare));
    world.google.clear_requests();

    let latest = query_at(&place).with_generation(draft.marker.key.generation());
    let query = latest.clone().with_known(Some(made[1].remote_id.clone()));
    let found = provider.find(&place, &query).await.unwrap();
    assert_eq!(calls(&world.google), [ApiMethod::EventsGet, ApiMethod::EventsList]);
    let mut all = vec![made[0].remote_id.as_str(), made[1].remote_id.as_str(), &*copy];
    all.sort_unstable();
    assert_eq!(ids(&found), all);
    for found in &found {
        let is_copy = found.remote_id.as_str() == copy;
        assert_eq!(found.key.is_none(), is_copy);
        assert_eq!(found.marker.is_none(), found.remote_id == made[1].remote_id);
    }
    // A known id, such as that of an adopted event, is requested too.
    provider.find(&place, &latest.with_known(Some(RemoteId::new("abc12")))).await.unwrap();
    assert_eq!(calls(&world.google), [ApiMethod::EventsGet, ApiMethod::EventsGet, ApiMethod::EventsList]);
}

/// A listing may lag: the response to a request by id is newer.
#[tokio::test]
async fn an_outdated_listing_neither_hides_an_event_nor_restores_one() {
    let world = World::new().await;
    let (provider, place) = (world.provider(), place_of(1));
    let written =
        provider.create(&place, &draft_at(&place, 1, event()), &CreateOptions::new()).await.unwrap();
    let listed = world.anna.event("primary", written.remote_id.as_str()).unwrap().json;
    let lags = |items: serde_json::Value| {
        let response = Fault::json(StatusCode::OK, &json!({"kind": "calendar#events", "items": items}));
        world.google.fault(FaultRule::new(response).with_method(ApiMethod::EventsList));
    };
    lags(json!([]));
    assert_eq!(provider.find(&place, &query_at(&place)).await.unwrap().len(), 1);
    assert!(world.anna.deletes_event("primary", written.remote_id.as_str()));
    lags(json!([listed]));
    assert_eq!(provider.find(&place, &query_at(&place)).await.unwrap(), []);
}

#[tokio::test]
async fn an_endless_listing_is_an_error_and_not_an_empty_result() {
    let world = World::new().await;
    let (provider, place) = (world.provider(), place_of(1));
    let endless = Fault::json(
        StatusCode::OK,
        &json!({"kind": "calendar#events", "items": [], "nextPageToken": "more"}),
    );
    world.google.fault(FaultRule::new(endless).with_method(ApiMethod::EventsList).always());
    let error = provider.find(&place, &query_at(&place)).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Later));
    assert_eq!(world.google.count(ApiMethod::EventsList), 50);
}

/// A proxy's or a cache's JSON object has no events, and is no empty calendar.
#[tokio::test]
async fn another_json_object_is_no_empty_listing() {
    let world = World::new().await;
    let (provider, place) = (world.provider(), place_of(1));
    for body in [json!({}), json!({"id": "another0event"}), json!({"kind": "calendar#event"})] {
        let other = Fault::json(StatusCode::OK, &body);
        world.google.fault(FaultRule::new(other).with_method(ApiMethod::EventsList));
        let error = provider.find(&place, &query_at(&place)).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Later), "{body}");
    }
}

#[tokio::test]
async fn list_ours_sends_one_request_for_each_page() {
    let world = World::new().await;
    let (provider, place) = (world.provider(), place_of(1));
    let mut made = Vec::new();
    for generation in 0..5 {
        let mut draft = draft_at(&place, 1, event());
        draft.marker.key = key_at(&place, generation);
        draft.marker.appointment = Some(7.into());
        draft.marker.person = Some(place.person.clone());
        made.push(provider.create(&place, &draft, &CreateOptions::new()).await.unwrap().remote_id);
    }
    assert!(world.anna.deletes_event("primary", made.pop().unwrap().as_str()));
    let theirs = json!({"summary": "Theirs", "start": {"date": "2026-12-01"}, "end": {"date": "2026-12-02"}});
    world.anna.adds_event("primary", theirs).unwrap();
    for sparse in [false, true] {
        world.google.set(|settings| (settings.page_size, settings.sparse_pages) = (Some(2), sparse));
        world.google.clear_requests();
        let (mut found, mut page, mut pages) = (Vec::new(), None, 0);
        loop {
            let ours = provider.list_ours(&place, "tests", page).await.unwrap();
            pages += 1;
            assert_eq!(world.google.count_all(), pages, "each call reads one page");
            found.extend(ours.events);
            page = ours.next;
            if page.is_none() {
                break;
            }
        }
        assert_eq!(ids(&found), made.iter().map(|id| id.as_str()).collect::<Vec<_>>());
        let marker = found[0].marker.as_ref().unwrap();
        assert_eq!((&marker.appointment, &marker.person), (&Some(7.into()), &Some(place.person.clone())));
        let query = world.google.requests()[0].query.clone();
        for asked in [("maxResults", "2500"), ("showDeleted", "false")] {
            assert!(query.iter().any(|(name, value)| (&**name, &**value) == asked), "{asked:?}");
        }
    }
    assert_eq!(provider.list_ours(&place, "another", None).await.unwrap().events, []);
}

/// B10: a lost response costs a search and a read, and no write.
#[tokio::test]
async fn a_search_that_finds_the_desired_event_writes_nothing() {
    let mut host = Host::new(1).await;
    host.restart();
    host.world.google.fault(FaultRule::new(Fault::DropAfter).with_method(ApiMethod::EventsInsert));
    host.sync().await;
    host.world.google.clear_requests();
    host.world.clock.advance(TimeDelta::minutes(10));
    host.sync().await;
    let reads = [ApiMethod::EventsGet, ApiMethod::EventsList, ApiMethod::EventsGet];
    assert_eq!(calls(&host.world.google), reads);
    let etag = host.only_event().etag;
    assert_eq!(
        host.appointments[0].ledger.deliveries()[0].confirmed().unwrap().etag.as_ref().unwrap().as_str(),
        etag
    );
    host.moves();
    host.sync().await;
    assert_eq!(calls(&host.world.google), [ApiMethod::EventsPatch], "the fast path stays one request");
}

#[tokio::test]
async fn a_repeated_create_writes_nothing_and_restores_a_deleted_event() {
    let world = World::new().await;
    let (provider, place) = (world.provider(), place_of(1));
    let draft = |revision| draft_at(&place, revision, event());
    let first = provider.create(&place, &draft(1), &CreateOptions::new()).await.unwrap();
    world.google.clear_requests();
    let second = provider.create(&place, &draft(2), &CreateOptions::new()).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(calls(&world.google), [ApiMethod::EventsInsert, ApiMethod::EventsGet]);
    assert!(world.anna.deletes_event("primary", first.remote_id.as_str()));
    provider.create(&place, &draft(3), &CreateOptions::new()).await.unwrap();
    assert_eq!(world.google.writes().revived, 1);
}

/// A person's edit of our fields is corrected, even if the event has our current revision.
#[tokio::test]
async fn an_update_that_reads_a_difference_writes_the_event() {
    let world = World::new().await;
    let (provider, place) = (world.provider(), place_of(1));
    let written =
        provider.create(&place, &draft_at(&place, 1, event()), &CreateOptions::new()).await.unwrap();
    let id = written.remote_id.as_str();
    for edit in [
        json!({"summary": "Mine"}),
        json!({"status": "tentative"}),
        json!({"start": {"dateTime": "2026-11-30T13:00:00Z"}}),
        json!({"extendedProperties": {"private": {"calsyncTarget": "x"}}}),
        json!({"extendedProperties": {"private": {"calsyncRevision": "99999999999"}}}),
    ] {
        assert!(world.anna.edits_event("primary", id, edit.clone()));
        world.google.clear_requests();
        let draft = draft_at(&place, 2, event());
        provider.update(&place, &written.remote_id, &draft, &UpdateOptions::new()).await.unwrap();
        assert_eq!(calls(&world.google), [ApiMethod::EventsGet, ApiMethod::EventsPatch], "{edit}");
    }
    let target = TargetQuery::new("tests", key_at(&place, 0).target());
    assert_eq!(provider.find(&place, &target).await.unwrap().len(), 1);
}

/// The ledger's row takes its account from a response, never from the host's connection.
#[tokio::test]
async fn every_result_names_the_account_of_the_accepted_token() {
    let world = World::new().await;
    let place = place_of(1).with_account(Some("108".into()));
    let draft = draft_at(&place, 1, event());
    for account in [None, Some("108")] {
        let mut tokens = Tokens::from(world.anna.tokens(SCOPES));
        tokens.account = account.map(Account::new);
        put(&world.store, &place.connection_key(), tokens).await;
        let provider = world.provider();
        let written = provider.create(&place, &draft, &CreateOptions::new()).await.unwrap();
        let id = &written.remote_id;
        let mut accounts = vec![written.account.clone()];
        accounts.push(provider.update(&place, id, &draft, &UpdateOptions::new()).await.unwrap().account);
        accounts.push(provider.get(&place, id).await.unwrap().unwrap().account);
        accounts.push(provider.find(&place, &query_at(&place)).await.unwrap().remove(0).account);
        accounts.push(provider.list_ours(&place, "tests", None).await.unwrap().events.remove(0).account);
        assert_eq!(accounts, vec![account.map(AccountId::from); 5]);
    }
}
