//! The Calendar API as functions: send, judge the answer, read it.

use calsync_core::auth::Access;
use calsync_core::calendar::CalendarRef;
use calsync_core::error::{Error, ErrorKind, Operation};
use calsync_core::http::Request;
use calsync_core::identity::EventKey;
use calsync_core::names::{CalendarId, Etag, RemoteId};
use calsync_core::provider::{AccountCalendar, Draft, Written};
use calsync_core::rest::{BadRequest, RestClient};
use calsync_core::time::Zone;
use serde::Serialize;

use crate::convert;
use crate::request::Requests;
use crate::wire::{
    CalendarBody, CalendarListEntry, CalendarListPage, CalendarResource, EventResource, EventsPage,
    InsertedResource,
};

/// How many pages of an answer are read before it is taken for endless.
const MOST_PAGES: usize = 1_000;

/// One call of the API a method. Errors are those of the call that failed.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) rest: RestClient,
    pub(crate) requests: Requests,
}

impl Client {
    pub(crate) async fn insert(
        &self,
        place: &CalendarRef,
        draft: &Draft,
        longest_description: usize,
    ) -> Result<Written, Error> {
        let request = self.requests.insert(&place.calendar, &convert::to_insert(draft, longest_description));
        let answer = self.rest.send(&Access::of(place), Operation::Create, request).await?;
        let made: InsertedResource = self.rest.read(Operation::Create, &answer)?;
        convert::inserted(&made).ok_or_else(|| self.rest.unreadable(Operation::Create, &answer))
    }

    pub(crate) async fn patch(
        &self,
        place: &CalendarRef,
        id: &RemoteId,
        etag: Option<&Etag>,
        body: &impl Serialize,
    ) -> Result<EventResource, Error> {
        self.event(place, Operation::Update, self.requests.patch(&place.calendar, id, etag, body)).await
    }

    pub(crate) async fn delete(
        &self,
        place: &CalendarRef,
        id: &RemoteId,
        etag: Option<&Etag>,
    ) -> Result<(), Error> {
        let request = self.requests.delete(&place.calendar, id, etag);
        let answer = self.rest.send(&Access::of(place), Operation::Delete, request).await?;
        // Google answers with nothing; a page with status 200 comes from a portal in between.
        if answer.body().is_empty() { Ok(()) } else { Err(self.rest.unreadable(Operation::Delete, &answer)) }
    }

    /// The event, be it a tombstone. `None` when Google knows no such id, in a calendar that is there.
    pub(crate) async fn get(
        &self,
        place: &CalendarRef,
        id: &RemoteId,
    ) -> Result<Option<EventResource>, Error> {
        match self.event(place, Operation::Get, self.requests.get(&place.calendar, id)).await {
            Ok(event) => Ok(Some(event)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.check_calendar(place).await.map(|()| None)
            }
            Err(error) => Err(error),
        }
    }

    /// The events that carry this key, of any namespace. All pages, or an error.
    pub(crate) async fn by_key(
        &self,
        place: &CalendarRef,
        key: &EventKey,
    ) -> Result<Vec<EventResource>, Error> {
        let (mut events, mut page) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let request = self.requests.by_key(&place.calendar, &key.to_string(), page.as_deref());
            let answer = self.rest.send(&Access::of(place), Operation::Find, request).await;
            let answer: EventsPage = self.rest.read(Operation::Find, &answer.map_err(calendar_not_found)?)?;
            events.extend(answer.items);
            page = answer.next_page_token;
            if page.is_none() {
                return Ok(events);
            }
        }
        Err(self.rest.endless(Operation::Find))
    }

    /// After a 404, which says the same of an event and of a calendar that is not there.
    pub(crate) async fn check_calendar(&self, place: &CalendarRef) -> Result<(), Error> {
        let request = self.requests.probe(&place.calendar);
        let answer = self.rest.send(&Access::of(place), Operation::Find, request).await;
        let _: EventsPage = self.rest.read(Operation::Find, &answer.map_err(calendar_not_found)?)?;
        Ok(())
    }

    pub(crate) async fn calendars(&self, to: &Access) -> Result<Vec<AccountCalendar>, Error> {
        let (mut calendars, mut page) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let request = self.requests.calendars(page.as_deref());
            let answer = self.rest.send(to, Operation::ListCalendars, request).await?;
            let answer: CalendarListPage = self.rest.read(Operation::ListCalendars, &answer)?;
            calendars.extend(answer.items.into_iter().filter_map(calendar));
            page = answer.next_page_token;
            if page.is_none() {
                return Ok(calendars);
            }
        }
        Err(self.rest.endless(Operation::ListCalendars))
    }

    pub(crate) async fn create_calendar(
        &self,
        to: &Access,
        name: &str,
        zone: &Zone,
    ) -> Result<CalendarId, Error> {
        let body = CalendarBody { summary: name, time_zone: zone.name() };
        let answer =
            self.rest.send(to, Operation::CreateCalendar, self.requests.create_calendar(&body)).await?;
        let made: CalendarResource = self.rest.read(Operation::CreateCalendar, &answer)?;
        let id = made.id.as_deref().filter(|id| !id.is_empty()).and_then(|id| CalendarId::new(id).ok());
        id.ok_or_else(|| self.rest.unreadable(Operation::CreateCalendar, &answer))
    }

    async fn event(
        &self,
        place: &CalendarRef,
        operation: Operation,
        request: Result<Request, BadRequest>,
    ) -> Result<EventResource, Error> {
        let answer = self.rest.send(&Access::of(place), operation, request).await?;
        let event: EventResource = self.rest.read(operation, &answer)?;
        // Whatever has no id is no event.
        if convert::written(&event).is_some() {
            Ok(event)
        } else {
            Err(self.rest.unreadable(operation, &answer))
        }
    }
}

/// A 404 to a path that names a calendar and no event.
pub(crate) fn calendar_not_found(error: Error) -> Error {
    if error.kind() == ErrorKind::NotFound { error.with_kind(ErrorKind::CalendarNotFound) } else { error }
}

fn calendar(entry: CalendarListEntry) -> Option<AccountCalendar> {
    let id = entry.id.filter(|id| !id.is_empty() && !entry.deleted)?;
    let writable = matches!(entry.access_role.as_deref(), Some("owner" | "writer"));
    let name = entry.summary_override.or(entry.summary).unwrap_or_default();
    let zone = entry.time_zone.and_then(|zone| Zone::new(&zone).ok());
    let calendar = AccountCalendar::new(CalendarId::new(&id).ok()?, name);
    Some(calendar.with_zone(zone).with_primary(entry.primary).with_writable(writable))
}
