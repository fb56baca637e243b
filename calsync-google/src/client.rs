//! Client of the Calendar API: sends a request, checks the response, and reads it.

use calsync_core::auth::{Access, account_of};
use calsync_core::calendar::CalendarRef;
use calsync_core::error::{Error, ErrorKind, Operation};
use calsync_core::http::Request;
use calsync_core::identity::EventKey;
use calsync_core::names::{CalendarId, Etag, RemoteId};
use calsync_core::provider::{AccountCalendar, PageToken, Written};
use calsync_core::rest::{RequestError, RestClient};
use calsync_core::time::Zone;
use serde::Serialize;

use crate::convert;
use crate::request::Requests;
use crate::wire::{
    CalendarBody, CalendarListEntry, CalendarListPage, CalendarResource, EventBody, EventResource,
    EventsPage, InsertedResource,
};

/// Most pages read of one listing; more count as an endless listing. A page may be short, or empty.
const MAX_PAGES: usize = 50;

/// Code of an error where the response names another event id than the request.
const ANOTHER_ID: &str = "another_id";

/// One method per API call. A method returns the error of the request that failed.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) rest: RestClient,
    pub(crate) requests: Requests,
}

impl Client {
    /// Inserts an event. A response that names another event than the one sent confirms nothing.
    ///
    /// The body is serialized before the future is created, to keep the future small.
    pub(crate) fn insert<'c>(
        &'c self,
        calendar_ref: &'c CalendarRef,
        body: &EventBody<'_>,
    ) -> impl Future<Output = Result<Written, Error>> + Send + use<'c> {
        let operation = Operation::Create;
        let sent = body.id.as_deref().and_then(EventKey::parse);
        let request = self.requests.insert(&calendar_ref.calendar, body);
        async move {
            let response = self.rest.send(&Access::of(calendar_ref), operation, request).await?;
            let made: InsertedResource = self.rest.read(operation, &response)?;
            let unreadable = || self.rest.unreadable(operation, &response);
            let written = convert::inserted(&made).ok_or_else(unreadable)?;
            if EventKey::parse(written.remote_id.as_str()) != sent {
                return Err(unreadable().with_code(ANOTHER_ID));
            }
            Ok(written.with_account(account_of(&response).cloned()))
        }
    }

    /// Patches an event. Fails with 412 if `etag` is not the current version.
    pub(crate) fn patch<'c, B: Serialize>(
        &'c self,
        calendar_ref: &'c CalendarRef,
        id: &'c RemoteId,
        etag: Option<&Etag>,
        body: &B,
    ) -> impl Future<Output = Result<EventResource, Error>> + Send + use<'c, B> {
        let request = self.requests.patch(&calendar_ref.calendar, id, etag, body);
        self.event(calendar_ref, Operation::Update, id, request)
    }

    /// Deletes an event. Fails with 412 if `etag` is not the current version.
    pub(crate) async fn delete(
        &self,
        calendar_ref: &CalendarRef,
        id: &RemoteId,
        etag: Option<&Etag>,
    ) -> Result<(), Error> {
        let request = self.requests.delete(&calendar_ref.calendar, id, etag);
        let response = self.rest.send(&Access::of(calendar_ref), Operation::Delete, request).await?;
        // Google's response has no body; a page with status 200 comes from a portal in between.
        if response.body().is_empty() {
            Ok(())
        } else {
            Err(self.rest.unreadable(Operation::Delete, &response))
        }
    }

    /// Returns the event with these fields, also if it is a tombstone. Returns `None` if the
    /// calendar exists and has no event with that id. A calendar that does not exist is an error.
    pub(crate) async fn get(
        &self,
        calendar_ref: &CalendarRef,
        id: &RemoteId,
        fields: &str,
    ) -> Result<Option<EventResource>, Error> {
        let event = self.lookup(calendar_ref, id, fields).await?;
        if event.is_none() {
            self.check_calendar(calendar_ref).await?;
        }
        Ok(event)
    }

    /// As [`get`](Self::get), without the check that the calendar exists. For callers that check it
    /// by another request.
    pub(crate) async fn lookup(
        &self,
        calendar_ref: &CalendarRef,
        id: &RemoteId,
        fields: &str,
    ) -> Result<Option<EventResource>, Error> {
        match self
            .event(calendar_ref, Operation::Get, id, self.requests.get(&calendar_ref.calendar, id, fields))
            .await
        {
            Ok(event) => Ok(Some(event)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns all live events that carry this private property: every page, or an error.
    pub(crate) async fn by_property(
        &self,
        calendar_ref: &CalendarRef,
        property: (&str, &str),
    ) -> Result<Vec<EventResource>, Error> {
        let (mut events, mut page) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let (items, next) = self.page(calendar_ref, Operation::Find, property, page).await?;
            events.extend(items);
            page = next;
            if page.is_none() {
                return Ok(events);
            }
        }
        Err(self.rest.endless(Operation::Find))
    }

    /// Returns one page of live events that carry this private property, and the token of the next
    /// page.
    pub(crate) async fn page(
        &self,
        calendar_ref: &CalendarRef,
        operation: Operation,
        property: (&str, &str),
        page: Option<PageToken>,
    ) -> Result<(Vec<EventResource>, Option<PageToken>), Error> {
        let page = page.as_ref().map(|page| page.0.as_str());
        let request = self.requests.by_property(&calendar_ref.calendar, property, page);
        let response = self
            .rest
            .send(&Access::of(calendar_ref), operation, request)
            .await
            .map_err(calendar_not_found)?;
        let mut page: EventsPage = self.rest.read(operation, &response)?;
        page.items.retain(|event| !convert::is_cancelled(event));
        for event in &mut page.items {
            event.account = account_of(&response).cloned();
        }
        Ok((page.items, page.next_page_token.map(PageToken)))
    }

    /// Fails if the calendar does not exist. Called after a 404 on an event, which does not say
    /// whether the event or the calendar is missing.
    pub(crate) async fn check_calendar(&self, calendar_ref: &CalendarRef) -> Result<(), Error> {
        let request = self.requests.probe(&calendar_ref.calendar);
        let response = self.rest.send(&Access::of(calendar_ref), Operation::Find, request).await;
        let _: EventsPage = self.rest.read(Operation::Find, &response.map_err(calendar_not_found)?)?;
        Ok(())
    }

    pub(crate) async fn calendars(&self, to: &Access) -> Result<Vec<AccountCalendar>, Error> {
        let (mut calendars, mut page) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let request = self.requests.calendars(page.as_deref());
            let response = self.rest.send(to, Operation::ListCalendars, request).await?;
            let list: CalendarListPage = self.rest.read(Operation::ListCalendars, &response)?;
            calendars.extend(list.items.into_iter().filter_map(calendar));
            page = list.next_page_token;
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
        let response =
            self.rest.send(to, Operation::CreateCalendar, self.requests.create_calendar(&body)).await?;
        let made: CalendarResource = self.rest.read(Operation::CreateCalendar, &response)?;
        let id = made.id.as_deref().filter(|id| !id.is_empty()).and_then(|id| CalendarId::new(id).ok());
        id.ok_or_else(|| self.rest.unreadable(Operation::CreateCalendar, &response))
    }

    async fn event(
        &self,
        calendar_ref: &CalendarRef,
        operation: Operation,
        id: &RemoteId,
        request: Result<Request, RequestError>,
    ) -> Result<EventResource, Error> {
        let response = self.rest.send(&Access::of(calendar_ref), operation, request).await?;
        let mut event: EventResource = self.rest.read(operation, &response)?;
        event.account = account_of(&response).cloned();
        match event.id.as_deref() {
            Some(named) if named == id.as_str() => Ok(event),
            // A response about another event says nothing about this one.
            Some(named) if !named.is_empty() => {
                Err(self.rest.unreadable(operation, &response).with_code(ANOTHER_ID))
            }
            _ => Err(self.rest.unreadable(operation, &response)),
        }
    }
}

/// Turns a 404 on a path that names a calendar and no event into [`ErrorKind::CalendarNotFound`].
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
