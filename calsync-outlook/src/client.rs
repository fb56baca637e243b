//! The Graph client: sends requests, checks responses, and reads them.

use std::collections::HashSet;

use bytes::Bytes;
use calsync_core::auth::{Access, account_of};
use calsync_core::calendar::CalendarRef;
use calsync_core::error::{Error, ErrorKind, Operation};
use calsync_core::http::{Request, Response};
use calsync_core::names::{CalendarId, Etag, RemoteId};
use calsync_core::provider::{AccountCalendar, PageToken, TargetQuery, Written};
use calsync_core::rest::{RequestError, RestClient};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::convert;
use crate::error::taken_by;
use crate::request::{BY_ID, BY_MARKER, BY_TRANSACTION, LATEST, Requests, next_page};
use crate::wire::{
    BatchResponse, CalendarBody, CalendarResource, CreatedResource, EventBody, EventResource,
    IdentityResource, ItemBody, Page, PartResponse,
};

/// How many pages of a listing are read, and how many items, before the listing is given up as
/// endless.
const MAX_PAGES: usize = 100;
const MAX_ITEMS: usize = 10_000;

/// One method per API call; listings may need several. Errors are those of the request that failed.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) rest: RestClient,
    pub(crate) requests: Requests,
}

/// The outcome of a create.
pub(crate) enum Created {
    /// Graph returned an event: a new one, or that of an earlier create with the same transaction
    /// id.
    Event {
        /// The event's id and version.
        written: Written,
        /// Whether the event has the content that was sent.
        is_as_sent: bool,
    },
    /// An event with other content was created with this transaction id. The server may name it.
    Taken(Option<RemoteId>),
}

impl Client {
    pub(crate) async fn create(
        &self,
        place: &CalendarRef,
        key: &str,
        body: &EventBody<'_>,
    ) -> Result<Created, Error> {
        let operation = Operation::Create;
        let request = self.requests.create(&place.calendar, body);
        let response = self.rest.exchange(&Access::of(place), operation, request).await?;
        if response.status().is_success() {
            let event: CreatedResource = self.rest.read(operation, &response)?;
            let written =
                convert::created(&event).ok_or_else(|| self.rest.unreadable(operation, &response))?;
            let is_made_under = convert::is_made_under(&event, key);
            if is_made_under == Some(false) {
                // A response about another create says nothing about this one.
                return Err(self.rest.unreadable(operation, &response));
            }
            let is_as_sent = is_made_under == Some(true) && convert::is_as_sent(&event, body);
            let written = written.with_account(account_of(&response).cloned());
            return Ok(Created::Event { written, is_as_sent });
        }
        match taken_by(&response) {
            Some(by) => Ok(Created::Taken(by)),
            None => Err(calendar_not_found(self.rest.failure(operation, &response))),
        }
    }

    pub(crate) async fn update(
        &self,
        place: &CalendarRef,
        id: &RemoteId,
        etag: Option<&Etag>,
        body: &EventBody<'_>,
    ) -> Result<Written, Error> {
        let operation = Operation::Update;
        let request = self.requests.update(&place.calendar, id, etag, body);
        let response = self.rest.send(&Access::of(place), operation, request).await?;
        let mut event: IdentityResource = self.rest.read(operation, &response)?;
        event.account = account_of(&response).cloned();
        // A response about another event says nothing about this one.
        let written = convert::written(&event).filter(|written| written.remote_id == *id);
        written.ok_or_else(|| self.rest.unreadable(operation, &response))
    }

    pub(crate) async fn delete(
        &self,
        place: &CalendarRef,
        id: &RemoteId,
        etag: Option<&Etag>,
    ) -> Result<(), Error> {
        let request = self.requests.delete(&place.calendar, id, etag);
        let response = self.rest.send(&Access::of(place), Operation::Delete, request).await?;
        // Graph responds with 204 and no body. A 200, even an empty one, comes from a portal in
        // between.
        let is_done = response.status() == StatusCode::NO_CONTENT && response.body().is_empty();
        if is_done { Ok(()) } else { Err(self.rest.unreadable(Operation::Delete, &response)) }
    }

    /// Reads the event, with our properties. It is an error if the event or the calendar does not
    /// exist.
    ///
    /// Boxed, to keep the futures of the callers small.
    pub(crate) async fn get(&self, place: &CalendarRef, id: &RemoteId) -> Result<Box<EventResource>, Error> {
        let request = self.requests.get(&place.calendar, id);
        let response = self.rest.send(&Access::of(place), Operation::Get, request).await?;
        let mut event: Box<EventResource> = self.rest.read(Operation::Get, &response)?;
        self.identify(&mut event.identity, &response)?;
        Ok(event)
    }

    /// Reads the event's identity. It is an error if the event or the calendar does not exist.
    pub(crate) async fn identity(
        &self,
        place: &CalendarRef,
        id: &RemoteId,
    ) -> Result<IdentityResource, Error> {
        let request = self.requests.identity(&place.calendar, id);
        let response = self.rest.send(&Access::of(place), Operation::Get, request).await?;
        let mut identity: IdentityResource = self.rest.read(Operation::Get, &response)?;
        self.identify(&mut identity, &response)?;
        Ok(identity)
    }

    /// Reads the event's body: HTML, unless Graph ignores the preference.
    pub(crate) async fn html(&self, place: &CalendarRef, id: &RemoteId) -> Result<ItemBody<'static>, Error> {
        let request = self.requests.html(&place.calendar, id);
        let response = self.rest.send(&Access::of(place), Operation::Get, request).await?;
        let mut event: Box<EventResource> = self.rest.read(Operation::Get, &response)?;
        self.identify(&mut event.identity, &response)?;
        // A missing body is not an empty body.
        event.body.ok_or_else(|| self.rest.incomplete(Operation::Get))
    }

    /// Records whose token the response is for. It is an error if the event has no id.
    fn identify(&self, identity: &mut IdentityResource, response: &Response) -> Result<(), Error> {
        identity.account = account_of(response).cloned();
        let has_id = convert::written(identity).is_some();
        if has_id { Ok(()) } else { Err(self.rest.unreadable(Operation::Get, response)) }
    }

    /// The events of a target: those that carry its key, those that lost their marker and were
    /// created with one of its keys, and the one that is known by its id. Returns all of them, or
    /// an error.
    pub(crate) async fn find(
        &self,
        place: &CalendarRef,
        query: &TargetQuery,
    ) -> Result<Vec<IdentityResource>, Error> {
        let access = Access::of(place);
        let request = self.requests.find(&place.calendar, &query.target, query.known.as_ref());
        let response = self.rest.send_batch(&access, Operation::Find, request, has_refused_part).await?;
        let parts: BatchResponse = self.rest.read(Operation::Find, &response)?;
        let marked: Page<IdentityResource> = self.part(&response, &parts.responses, BY_MARKER)?;
        let latest: Page<IdentityResource> = self.part(&response, &parts.responses, BY_TRANSACTION)?;
        let known = self.known_in(place, &response, &parts.responses, query)?;
        // Graph may return another id of the same event than the known one.
        let known_id = known.as_ref().and_then(|event| event.id.clone());
        let account = account_of(&response).cloned();

        let mut all: Vec<IdentityResource> = known.into_iter().chain(marked.value).collect();
        if let Some(link) = marked.next_link {
            let first = self.requests.by_marker(&place.calendar, &query.target);
            self.read_pages(&access, Operation::Find, first, Some(link), &mut all, usize::MAX).await?;
        }
        let mut made = latest.value;
        // A page may be short, even empty, and still have a next page.
        if latest.next_link.is_some() && made.len() < LATEST {
            let first = self.requests.latest(&place.calendar);
            self.read_pages(&access, Operation::Find, first, latest.next_link, &mut made, LATEST).await?;
        }
        for event in made {
            let is_meant = convert::key(&event).is_some_and(|key| key.target() == query.target);
            let Some(id) = event.id.filter(|_| is_meant) else { continue };
            if all.iter().any(|found| found.id.as_deref() == Some(&*id)) {
                continue;
            }
            match self.identity(place, &RemoteId::new(id)).await {
                Ok(event) => all.push(event),
                // Deleted since it was listed.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }

        let mut seen = HashSet::new();
        let mut events = Vec::new();
        for mut event in all {
            let id = convert::written(&event).ok_or_else(|| self.rest.incomplete(Operation::Find))?.remote_id;
            let is_known = event.id == known_id;
            let (marker, key) = (convert::marker(&event), convert::key(&event));
            // A ledger's row may name an event that older code wrote, by its id alone.
            let is_meant = query.matches(&id, marker.as_ref(), key) || (is_known && marker.is_none());
            if !seen.insert(id) || !is_meant {
                continue;
            }
            if is_known && key.is_none_or(|key| key.target() != query.target) {
                event.id = query.known.as_ref().map(|id| id.as_str().to_owned());
            }
            event.account = event.account.or_else(|| account.clone());
            events.push(event);
        }
        Ok(events)
    }

    /// The event that is known by its id, if the query has such an id and the event exists.
    fn known_in(
        &self,
        place: &CalendarRef,
        batch: &Response,
        parts: &[PartResponse],
        query: &TargetQuery,
    ) -> Result<Option<IdentityResource>, Error> {
        // An id that does not fit into a URL was not requested.
        let is_requested = |id: &RemoteId| self.requests.identity(&place.calendar, id).is_ok();
        if !query.known.as_ref().is_some_and(is_requested) {
            return Ok(None);
        }
        match self.part::<IdentityResource>(batch, parts, BY_ID) {
            Ok(event) if convert::written(&event).is_some() => Ok(Some(event)),
            Ok(_) => Err(self.rest.incomplete(Operation::Find)),
            // The batch's first part has shown that the calendar exists.
            Err(error) if error.kind() == ErrorKind::CalendarNotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A page of the events that carry a namespace.
    pub(crate) async fn list(
        &self,
        place: &CalendarRef,
        namespace: &str,
        page: Option<&PageToken>,
    ) -> Result<(Vec<IdentityResource>, Option<PageToken>), Error> {
        let operation = Operation::ListOurs;
        let first = self.requests.ours(&place.calendar, namespace);
        let first = first.map_err(|bad| self.rest.unsendable(operation, bad))?;
        let request = match page {
            Some(PageToken(link)) => self.page_after(operation, &first, link)?,
            None => first.clone(),
        };
        let response = self.rest.send(&Access::of(place), operation, Ok(request)).await;
        let response = response.map_err(calendar_not_found)?;
        let page: Page<IdentityResource> = self.rest.read(operation, &response)?;
        if let Some(link) = &page.next_link {
            self.page_after(operation, &first, link)?;
        }
        let mut events = page.value;
        for event in &mut events {
            event.account = account_of(&response).cloned();
        }
        Ok((events, page.next_link.map(PageToken)))
    }

    /// A malformed link says nothing about the calendar.
    fn page_after(&self, operation: Operation, first: &Request, link: &str) -> Result<Request, Error> {
        next_page(first, link).map_err(|_| self.rest.incomplete(operation))
    }

    /// Checks that the calendar exists, after a 404 that may mean the event or the calendar.
    pub(crate) async fn check_calendar(&self, place: &CalendarRef) -> Result<(), Error> {
        let request = self.requests.probe(&place.calendar);
        let response = self.rest.send(&Access::of(place), Operation::Find, request).await;
        let _: Page<IdentityResource> =
            self.rest.read(Operation::Find, &response.map_err(calendar_not_found)?)?;
        Ok(())
    }

    pub(crate) async fn calendars(&self, to: &Access) -> Result<Vec<AccountCalendar>, Error> {
        let mut calendars: Vec<CalendarResource> = Vec::new();
        let first = self.requests.calendars();
        self.read_pages(to, Operation::ListCalendars, first, None, &mut calendars, usize::MAX).await?;
        Ok(calendars.into_iter().filter_map(calendar).collect())
    }

    pub(crate) async fn create_calendar(&self, to: &Access, name: &str) -> Result<CalendarId, Error> {
        let operation = Operation::CreateCalendar;
        let request = self.requests.create_calendar(&CalendarBody { name });
        let response = self.rest.send(to, operation, request).await?;
        let made: CalendarResource = self.rest.read(operation, &response)?;
        let id = made.id.as_deref().filter(|id| !id.is_empty()).and_then(|id| CalendarId::new(id).ok());
        id.ok_or_else(|| self.rest.unreadable(operation, &response))
    }

    /// Reads the pages of a listing whose first page is `first`, from `link` on if there is one,
    /// until `all` has `enough` items.
    async fn read_pages<T: DeserializeOwned>(
        &self,
        to: &Access,
        operation: Operation,
        first: Result<Request, RequestError>,
        mut link: Option<String>,
        all: &mut Vec<T>,
        enough: usize,
    ) -> Result<(), Error> {
        let first = first.map_err(|bad| self.rest.unsendable(operation, bad))?;
        for _ in 0..MAX_PAGES {
            let request = match &link {
                Some(link) => self.page_after(operation, &first, link)?,
                None => first.clone(),
            };
            let response = self.rest.send(to, operation, Ok(request)).await.map_err(calendar_not_found)?;
            let page: Page<T> = self.rest.read(operation, &response)?;
            all.extend(page.value);
            link = page.next_link;
            if link.is_none() || all.len() >= enough {
                return Ok(());
            }
            if all.len() > MAX_ITEMS {
                break;
            }
        }
        Err(self.rest.endless(operation))
    }

    /// The response to one part of a batch.
    fn part<T: DeserializeOwned>(
        &self,
        batch: &Response,
        parts: &[PartResponse],
        id: &str,
    ) -> Result<T, Error> {
        let part = parts.iter().find(|part| part.id == id);
        let response =
            part.and_then(as_response).ok_or_else(|| self.rest.unreadable(Operation::Find, batch))?;
        if response.status().is_success() {
            return self.rest.read(Operation::Find, &response);
        }
        Err(calendar_not_found(self.rest.failure(Operation::Find, &response)))
    }
}

/// Whether the token was refused in a part of a batch. Exchange may know of a revocation that
/// Graph's front end does not know of.
fn has_refused_part(batch: &Response) -> bool {
    let body = batch.body();
    // Most batches have no such part, and are not parsed twice.
    batch.status().is_success()
        && body.windows(3).any(|digits| digits == b"401")
        && serde_json::from_slice::<BatchResponse>(body)
            .is_ok_and(|batch| batch.responses.iter().any(|part| part.status == StatusCode::UNAUTHORIZED))
}

/// A part's response, as if it had been requested on its own.
fn as_response(part: &PartResponse) -> Option<Response> {
    let body = match &part.body {
        Value::Null => Bytes::new(),
        body => Bytes::from(body.to_string()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(part.status).ok()?;
    for (name, value) in &part.headers {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
            response.headers_mut().append(name, value);
        }
    }
    Some(response)
}

/// A 404 for a path that names a calendar and no event means that the calendar is missing.
fn calendar_not_found(error: Error) -> Error {
    if error.kind() == ErrorKind::NotFound { error.with_kind(ErrorKind::CalendarNotFound) } else { error }
}

fn calendar(calendar: CalendarResource) -> Option<AccountCalendar> {
    let id = calendar.id.filter(|id| !id.is_empty())?;
    let found = AccountCalendar::new(CalendarId::new(&id).ok()?, calendar.name.unwrap_or_default());
    Some(
        found
            .with_owner(calendar.owner.and_then(|owner| owner.address))
            .with_primary(calendar.is_default_calendar == Some(true))
            .with_writable(calendar.can_edit != Some(false)),
    )
}
