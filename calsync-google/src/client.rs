//! The Calendar API as functions: send, judge the answer, read it.

use calsync_core::auth::{Access, account_of};
use calsync_core::calendar::CalendarRef;
use calsync_core::error::{Error, ErrorKind, Operation};
use calsync_core::http::Request;
use calsync_core::identity::EventKey;
use calsync_core::names::{CalendarId, Etag, RemoteId};
use calsync_core::provider::{AccountCalendar, PageToken, Written};
use calsync_core::rest::{BadRequest, RestClient};
use calsync_core::time::Zone;
use serde::Serialize;

use crate::convert;
use crate::request::Requests;
use crate::wire::{
    CalendarBody, CalendarListEntry, CalendarListPage, CalendarResource, EventBody, EventResource,
    EventsPage, InsertedResource,
};

/// How many pages of a response are read before it is taken for endless. A page may be short, or empty.
const MOST_PAGES: usize = 50;

/// The code of a write that comes back under another id than the one it was sent with.
const ANOTHER_ID: &str = "another_id";

/// One call of the API a method. Errors are those of the call that failed.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) rest: RestClient,
    pub(crate) requests: Requests,
}

impl Client {
    /// The body is written before any future is made, which would have room for all of it. A response that names another event
    /// than the one sent confirms nothing.
    pub(crate) fn insert<'c>(
        &'c self,
        place: &'c CalendarRef,
        body: &EventBody<'_>,
    ) -> impl Future<Output = Result<Written, Error>> + Send + use<'c> {
        let operation = Operation::Create;
        let sent = body.id.as_deref().and_then(EventKey::parse);
        let request = self.requests.insert(&place.calendar, body);
        async move {
            let answer = self.rest.send(&Access::of(place), operation, request).await?;
            let made: InsertedResource = self.rest.read(operation, &answer)?;
            let unreadable = || self.rest.unreadable(operation, &answer);
            let written = convert::inserted(&made).ok_or_else(unreadable)?;
            if EventKey::parse(written.remote_id.as_str()) != sent {
                return Err(unreadable().with_code(ANOTHER_ID));
            }
            Ok(written.with_account(account_of(&answer).cloned()))
        }
    }

    pub(crate) fn patch<'c, B: Serialize>(
        &'c self,
        place: &'c CalendarRef,
        id: &'c RemoteId,
        etag: Option<&Etag>,
        body: &B,
    ) -> impl Future<Output = Result<EventResource, Error>> + Send + use<'c, B> {
        let request = self.requests.patch(&place.calendar, id, etag, body);
        self.event(place, Operation::Update, id, request)
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

    /// The event, be it a tombstone, with these fields. `None` when Google knows no such id, in a calendar that is there.
    pub(crate) async fn get(
        &self,
        place: &CalendarRef,
        id: &RemoteId,
        fields: &str,
    ) -> Result<Option<EventResource>, Error> {
        let event = self.look(place, id, fields).await?;
        if event.is_none() {
            self.check_calendar(place).await?;
        }
        Ok(event)
    }

    /// The same, where another call shows whether the calendar is there.
    pub(crate) async fn look(
        &self,
        place: &CalendarRef,
        id: &RemoteId,
        fields: &str,
    ) -> Result<Option<EventResource>, Error> {
        match self.event(place, Operation::Get, id, self.requests.get(&place.calendar, id, fields)).await {
            Ok(event) => Ok(Some(event)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The live events that carry this private property. All pages, or an error.
    pub(crate) async fn by_property(
        &self,
        place: &CalendarRef,
        property: (&str, &str),
    ) -> Result<Vec<EventResource>, Error> {
        let (mut events, mut page) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let (items, next) = self.page(place, Operation::Find, property, page).await?;
            events.extend(items);
            page = next;
            if page.is_none() {
                return Ok(events);
            }
        }
        Err(self.rest.endless(Operation::Find))
    }

    /// A page of the same, and where the next one begins.
    pub(crate) async fn page(
        &self,
        place: &CalendarRef,
        operation: Operation,
        property: (&str, &str),
        page: Option<PageToken>,
    ) -> Result<(Vec<EventResource>, Option<PageToken>), Error> {
        let page = page.as_ref().map(|page| page.0.as_str());
        let request = self.requests.by_property(&place.calendar, property, page);
        let answer =
            self.rest.send(&Access::of(place), operation, request).await.map_err(calendar_not_found)?;
        let mut page: EventsPage = self.rest.read(operation, &answer)?;
        page.items.retain(|event| !convert::is_cancelled(event));
        for event in &mut page.items {
            event.account = account_of(&answer).cloned();
        }
        Ok((page.items, page.next_page_token.map(PageToken)))
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
        id: &RemoteId,
        request: Result<Request, BadRequest>,
    ) -> Result<EventResource, Error> {
        let answer = self.rest.send(&Access::of(place), operation, request).await?;
        let mut event: EventResource = self.rest.read(operation, &answer)?;
        event.account = account_of(&answer).cloned();
        match event.id.as_deref() {
            Some(named) if named == id.as_str() => Ok(event),
            // An answer about another event says nothing of this one.
            Some(named) if !named.is_empty() => {
                Err(self.rest.unreadable(operation, &answer).with_code(ANOTHER_ID))
            }
            _ => Err(self.rest.unreadable(operation, &answer)),
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
