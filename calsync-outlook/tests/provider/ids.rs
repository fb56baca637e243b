//! Which event is meant, and which version of it: ids that change or are no ids, versions that moved on, and who was faster.

use calsync_core::ErrorKind;
use calsync_core::error::Retry;
use calsync_core::names::RemoteId;
use calsync_core::provider::{CalendarProvider, CreateOptions, UpdateOptions, Written};
use calsync_outlook::fake::{ApiMethod, Fault, FaultRule, concurrent_save, irresolvable_conflict};
use http::StatusCode;
use serde_json::json;

use crate::bench::*;
use crate::common::{World, key_at, place_of};

#[tokio::test]
async fn somebody_who_was_faster_costs_one_more_read() {
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

/// What Exchange or the person did in between is read, and what the draft says is put into that.
#[tokio::test]
async fn a_version_that_moved_on_is_read_again() {
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

/// Nobody could ever send such a version back, so the event would be stuck. Then nothing is named in `If-Match`, and Exchange's
/// 412 without one is met like any other.
#[tokio::test]
async fn without_a_version_changes_name_none() {
    for etag in [json!(null), json!(""), json!("W/\"7\n\""), json!("\"ü\"")] {
        let world = World::new().await;
        let provider = world.provider();
        let written = create(&provider, &draft(1)).await.unwrap();
        let mut json = only(&world).json;
        json["@odata.etag"] = etag.clone();
        json["body"] = json!({"contentType": "text", "content": only(&world).body_text});
        let answer = Fault::json(StatusCode::OK, &json);
        world.outlook.fault(FaultRule::new(answer).with_method(ApiMethod::EventsGet).always());
        world.outlook.fault(FaultRule::new(irresolvable_conflict()).with_method(ApiMethod::EventsUpdate));
        world.outlook.clear_requests();
        update(&provider, &blind(&written), &moved(2)).await.unwrap();
        delete(&provider, &blind(&written), &moved(3)).await.unwrap();
        let changes = world.outlook.requests().into_iter().filter(|seen| seen.method != ApiMethod::EventsGet);
        let versions: Vec<_> = changes.map(|seen| seen.if_match).collect();
        assert_eq!(versions, [None, None, None], "{etag}");
        assert!(world.anna.events("primary").is_empty());
    }
}

#[tokio::test]
async fn an_id_that_changed_or_is_none_leads_to_the_event_by_its_marker() {
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
            delete(&provider, &blind(&lost), &draft).await.unwrap_err(),
        ] {
            assert_eq!((error.kind(), error.retry()), (ErrorKind::NotFound, Retry::Never), "{id}");
        }
        // The look that follows finds it by its marker.
        let found = provider.find(&place_of(1), &query().with_known(Some(lost.remote_id))).await.unwrap();
        assert_eq!((found.len(), &found[0].remote_id), (1, &written.remote_id), "{id}");
        update(&provider, &row_of(&found[0]), &draft).await.unwrap();
        assert_eq!(only(&world).json["location"]["displayName"], *draft.event.location, "{id}");
    }
    assert_eq!(world.anna.events("primary").len(), 1);
}

/// An event that its person took to another calendar keeps its id, and is followed there.
#[tokio::test]
async fn an_event_in_another_calendar_of_its_person_is_followed_where_graph_does() {
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
async fn ids_that_differ_in_a_letters_case_are_two() {
    let world = World::new().await;
    let provider = world.provider();
    let mut all = Vec::new();
    for generation in 0..6 {
        let mut draft = draft(1);
        draft.marker.key = key_at(&place_of(1), generation);
        let options = CreateOptions::new();
        all.push((provider.create(&place_of(1), &draft, &options).await.unwrap(), draft.marker.key));
    }
    let ids = || all.iter().map(|(written, _)| written.remote_id.as_str());
    let lower: std::collections::BTreeSet<_> = ids().map(str::to_lowercase).collect();
    assert!(lower.len() < all.len(), "some are that alike");
    for (number, (written, key)) in all.iter().enumerate() {
        let mut draft = moved(2);
        draft.marker.key = *key;
        provider.update(&place_of(1), &written.remote_id, &draft, &UpdateOptions::new()).await.unwrap();
        let found = get(&provider, written).await.unwrap().unwrap();
        assert_eq!((found.remote_id.as_str(), found.marker.unwrap().key), (written.remote_id.as_str(), *key));
        let options = Default::default();
        provider.delete(&place_of(1), &written.remote_id, &draft.marker, &options).await.unwrap();
        let left: Vec<_> = world.anna.events("primary").into_iter().map(|event| event.id).collect();
        assert_eq!(left, ids().skip(number + 1).collect::<Vec<_>>());
    }
}
