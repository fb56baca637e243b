//! Calls in Anna's default calendar, and what they leave there.

use calsync_core::Error;
use calsync_core::calendar::{CalendarName, CalendarRef};
use calsync_core::event::Event;
use calsync_core::names::{CalendarId, Etag, RemoteId};
use calsync_core::provider::{
    CalendarProvider, CreateOptions, DeleteOptions, Draft, EventReader, Found, TargetQuery, UpdateOptions,
    Written,
};
use calsync_outlook::OutlookCalendar;
use calsync_outlook::fake::{ApiMethod, FakeEvent, FakeOutlook};
use serde_json::{Value, json};

use crate::common::{World, calendar_in, calendar_of, draft_at, event, key_at};

pub(crate) async fn create(provider: &OutlookCalendar, draft: &Draft) -> Result<Written, Error> {
    provider.create(&calendar_of(1), draft, &CreateOptions::new()).await
}

/// A create after an earlier one with an unknown outcome.
pub(crate) async fn create_again(provider: &OutlookCalendar, draft: &Draft) -> Result<Written, Error> {
    provider.create(&calendar_of(1), draft, &CreateOptions::new().with_retried(true)).await
}

pub(crate) async fn update(
    provider: &OutlookCalendar,
    written: &Written,
    draft: &Draft,
) -> Result<Written, Error> {
    let options = UpdateOptions::new().with_etag(written.etag.clone());
    provider.update(&calendar_of(1), &written.remote_id, draft, &options).await
}

pub(crate) async fn delete(
    provider: &OutlookCalendar,
    written: &Written,
    draft: &Draft,
) -> Result<(), Error> {
    let options = DeleteOptions::new().with_etag(written.etag.clone());
    provider.delete(&calendar_of(1), &written.remote_id, &draft.marker, &options).await
}

/// The query for every event of the target.
pub(crate) fn query() -> TargetQuery {
    TargetQuery::new("tests", key_at(&calendar_of(1), 0).target())
}

/// Finds every event of the target, copies included.
pub(crate) async fn find_all(provider: &OutlookCalendar) -> Result<Vec<Found>, Error> {
    provider.find(&calendar_of(1), &query()).await
}

/// Finds the event that was created with the key of the first generation.
pub(crate) async fn find(provider: &OutlookCalendar) -> Result<Option<Found>, Error> {
    let key = key_at(&calendar_of(1), 0);
    Ok(find_all(provider).await?.into_iter().find(|found| found.key == Some(key)))
}

/// The event's content.
pub(crate) async fn read(provider: &OutlookCalendar, written: &Written) -> Result<Option<Event>, Error> {
    provider.read(&calendar_of(1), &written.remote_id).await
}

/// The found event as a ledger's row names it.
pub(crate) fn row_of(found: &Found) -> Written {
    Written::new(found.remote_id.clone()).with_etag(found.etag.clone())
}

pub(crate) async fn get(provider: &OutlookCalendar, written: &Written) -> Result<Option<Found>, Error> {
    provider.get(&calendar_of(1), &written.remote_id).await
}

pub(crate) fn draft(revision: u64) -> Draft {
    draft_at(&calendar_of(1), revision, event())
}

/// The draft with another location.
pub(crate) fn moved(revision: u64) -> Draft {
    draft_at(&calendar_of(1), revision, event().with_location("2 Low Street"))
}

/// What was written, without its version.
pub(crate) fn without_etag(written: &Written) -> Written {
    Written::new(written.remote_id.clone())
}

/// The stored event as a ledger's row names it.
pub(crate) fn row(event: &FakeEvent) -> Written {
    Written::new(RemoteId::new(event.id.as_str())).with_etag(Some(Etag::new(event.etag.as_str())))
}

/// One of Anna's other calendars; `name` is the name that the host knows it by.
pub(crate) fn calendar_named(calendar: &str, name: Option<&str>) -> CalendarRef {
    calendar_in(1, CalendarId::new(calendar).unwrap()).with_name(name.and_then(CalendarName::new))
}

/// The only event in Anna's calendar.
pub(crate) fn only(world: &World) -> FakeEvent {
    let mut events = world.anna.events("primary");
    assert_eq!(events.len(), 1);
    events.remove(0)
}

/// The API methods that were called since the log was last cleared, in order.
pub(crate) fn calls(outlook: &FakeOutlook) -> Vec<ApiMethod> {
    let calls = outlook.requests().into_iter().map(|request| request.method).collect();
    outlook.clear_requests();
    calls
}

/// One of our extended properties, as it is written.
pub(crate) fn property(name: &str, value: &str) -> Value {
    json!({"id": format!("String {{8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861}} Name {name}"), "value": value})
}

/// The marker of the first generation's key, with this namespace and revision.
pub(crate) fn marks(namespace: &str, revision: &str) -> Value {
    let key = key_at(&calendar_of(1), 0);
    json!([
        property("calsyncTarget", &key.target().to_string()),
        property("calsyncKey", &key.to_string()),
        property("calsyncNamespace", namespace),
        property("calsyncRevision", revision),
    ])
}

/// An event of Anna's own with these further properties.
pub(crate) fn by_hand(more: &Value) -> Value {
    let mut event = json!({"subject": "Anna's own",
        "start": {"dateTime": "2026-12-01T09:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2026-12-01T10:00:00", "timeZone": "UTC"}});
    for (name, value) in more.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}
