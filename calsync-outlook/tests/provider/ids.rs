//! Ids and versions of events: ids that changed or are malformed, versions that are outdated, and
//! concurrent changes.

use calsync_core::ErrorKind;
use calsync_core::error::Retry;
use calsync_core::names::RemoteId;
use calsync_core::provider::{CalendarProvider, CreateOptions, UpdateOptions, Written};
use calsync_outlook::fake::{ApiMethod, Fault, FaultRule, concurrent_save, irresolvable_conflict};
use http::StatusCode;
use serde_json::json;

use crate::common::{World, calendar_of, key_at};
use crate::helpers::*;

#[tokio::test]
async fn a_concurrent_change_costs_one_more_read() {
    for conflict in [irresolvable_conflict(), concurrent_save()] {
        let world = World::new().await;
        let provider = world.provider();
        let written = create(&provider, &draft(1)).await.unwrap();
        world.outlook.fault(FaultRule::new(conflict.clone()).with_method(ApiMethod::EventsUpdate));
        world.outlook.clear_requests();
        let written = update(&provider, &written, &moved(2)).await.unwrap();
        let (read, write) = (ApiMethod::EventsGet, ApiMethod::EventsUpdate);
        assert_eq!(calls(&world.outlook), [read, write, read, write]);
        assert_eq!(only(&world).json["location"]["displayName"], "2 Low Street");

        world.outlook.fault(FaultRule::new(conflict.clone()).with_method(ApiMethod::EventsUpdate).always());
        let error = update(&provider, &written, &draft(3)).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Later));
        assert_eq!(calls(&world.outlook), [read, write, read, write], "no loop");

        world.outlook.fault(FaultRule::new(conflict).with_method(ApiMethod::EventsDelete).always());
        let error = delete(&provider, &written, &draft(3)).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Later));
        let gone = ApiMethod::EventsDelete;
        assert_eq!(calls(&world.outlook), [gone, read, gone, read, gone], "no loop");
        world.outlook.clear_faults();
        delete(&provider, &written, &draft(3)).await.unwrap();
        assert!(world.anna.events("primary").is_empty());
    }
}

/// The new version is read, and the draft is applied to it.
#[tokio::test]
async fn an_outdated_version_is_read_again() {
    let world = World::new().await;
    let provider = world.provider();
    let written = create(&provider, &draft(1)).await.unwrap();
    assert!(world.anna.touches_event("primary", written.remote_id.as_str()));
    world.outlook.clear_requests();
    delete(&provider, &written, &draft(2)).await.unwrap();
    let methods = [ApiMethod::EventsDelete, ApiMethod::EventsGet, ApiMethod::EventsDelete];
    assert_eq!(calls(&world.outlook), methods);
    assert!(world.anna.events("primary").is_empty());
}

/// Such an etag could never be sent back, and the event could not be changed any more. So no
/// `If-Match` is sent, and Exchange's 412 without one is handled like any other.
#[tokio::test]
async fn changes_without_a_usable_etag_send_no_if_match() {
    for etag in [json!(null), json!(""), json!("W/\"7\n\""), json!("\"ü\"")] {
        let world = World::new().await;
        let provider = world.provider();
        let written = create(&provider, &draft(1)).await.unwrap();
        let mut json = only(&world).json;
        json["@odata.etag"] = etag.clone();
        json["body"] = json!({"contentType": "text", "content": only(&world).body_text});
        let response = Fault::json(StatusCode::OK, &json);
        world.outlook.fault(FaultRule::new(response).with_method(ApiMethod::EventsGet).always());
        world.outlook.fault(FaultRule::new(irresolvable_conflict()).with_method(ApiMethod::EventsUpdate));
        world.outlook.clear_requests();
        update(&provider, &without_etag(&written), &moved(2)).await.unwrap();
        delete(&provider, &without_etag(&written), &moved(3)).await.unwrap();
        let changes = world.outlook.requests().into_iter().filter(|seen| seen.method != ApiMethod::EventsGet);
        let versions: Vec<_> = changes.map(|seen| seen.if_match).collect();
        assert_eq!(versions, [None, None, None], "{etag}");
        assert!(world.anna.events("primary").is_empty());
    }
}

#[tokio::test]
async fn an_event_whose_id_changed_or_is_malformed_is_found_by_its_marker() {
    let world = World::new().await;
    let provider = world.provider();
    let elsewhere = world.anna.adds_calendar("Elsewhere");
    let written = create(&provider, &draft(1)).await.unwrap();
    let before = only(&world).default_id;
    assert!(world.anna.moves_event("primary", written.remote_id.as_str(), &elsewhere));
    assert!(world.anna.moves_event(&elsewhere, written.remote_id.as_str(), "primary"));
    assert_ne!(only(&world).default_id, before);

    for (revision, id) in
        [(2, before.as_str()), (3, "not/an+id"), (4, "cs0v5k2m8qhd3t7r1pauj0eg4000"), (5, ".."), (6, "")]
    {
        let lost = Written::new(RemoteId::new(id));
        assert_eq!(get(&provider, &lost).await.unwrap(), None, "{id}");
        let draft = if revision % 2 == 0 { moved(revision) } else { draft(revision) };
        for error in [
            update(&provider, &lost, &draft).await.unwrap_err(),
            delete(&provider, &without_etag(&lost), &draft).await.unwrap_err(),
        ] {
            assert_eq!((error.kind(), error.retry()), (ErrorKind::NotFound, Retry::Never), "{id}");
        }
        // The find that follows finds it by its marker.
        let found = provider.find(&calendar_of(1), &query().with_known(Some(lost.remote_id))).await.unwrap();
        assert_eq!((found.len(), &found[0].remote_id), (1, &written.remote_id), "{id}");
        update(&provider, &row_of(&found[0]), &draft).await.unwrap();
        assert_eq!(only(&world).json["location"]["displayName"], *draft.event.location, "{id}");
    }
    assert_eq!(world.anna.events("primary").len(), 1);
}

/// An event that its person moved to another calendar keeps its immutable id, and is found there.
#[tokio::test]
async fn an_event_moved_to_another_calendar_is_changed_there() {
    let world = World::new().await;
    let provider = world.provider();
    let elsewhere = world.anna.adds_calendar("Elsewhere");
    let written = create(&provider, &draft(1)).await.unwrap();
    assert!(world.anna.moves_event("primary", written.remote_id.as_str(), &elsewhere));
    update(&provider, &written, &moved(2)).await.unwrap();
    assert_eq!(world.anna.events(&elsewhere)[0].json["location"]["displayName"], "2 Low Street");
    delete(&provider, &written, &moved(3)).await.unwrap();
    assert!(world.outlook.events().is_empty());
}

#[tokio::test]
async fn ids_that_differ_only_in_case_are_different() {
    let world = World::new().await;
    let provider = world.provider();
    let mut all = Vec::new();
    for generation in 0..6 {
        let mut draft = draft(1);
        draft.marker.key = key_at(&calendar_of(1), generation);
        let options = CreateOptions::new();
        all.push((provider.create(&calendar_of(1), &draft, &options).await.unwrap(), draft.marker.key));
    }
    let ids = || all.iter().map(|(written, _)| written.remote_id.as_str());
    let lower: std::collections::BTreeSet<_> = ids().map(str::to_lowercase).collect();
    assert!(lower.len() < all.len(), "some differ only in case");
    for (number, (written, key)) in all.iter().enumerate() {
        let mut draft = moved(2);
        draft.marker.key = *key;
        provider.update(&calendar_of(1), &written.remote_id, &draft, &UpdateOptions::new()).await.unwrap();
        let found = get(&provider, written).await.unwrap().unwrap();
        assert_eq!((found.remote_id.as_str(), found.marker.unwrap().key), (written.remote_id.as_str(), *key));
        let options = Default::default();
        provider.delete(&calendar_of(1), &written.remote_id, &draft.marker, &options).await.unwrap();
        let left: Vec<_> = world.anna.events("primary").into_iter().map(|event| event.id).collect();
        assert_eq!(left, ids().skip(number + 1).collect::<Vec<_>>());
    }
}
