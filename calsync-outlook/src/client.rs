//! Graph as functions: send, judge the answer, read it.

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
    BatchAnswer, CalendarBody, CalendarResource, CreatedResource, EventBody, EventResource, IdentityResource,
    ItemBody, Page, PartAnswer,
};

/// How many pages of an answer are read, and how many things in them, before it is taken for endless.
const MOST_PAGES: usize = 100;
const MOST_THINGS: usize = 10_000;

/// One call of the API a method, but for listings. Errors are those of the call that failed.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) rest: RestClient,
    pub(crate) requests: Requests,
}

/// How a create ended.
pub(crate) enum Created {
    /// With an event: a new one, or the one of an earlier create that was known by the same transaction id.
    Event {
        /// Which.
        written: Written,
        /// Whether it says what was sent.
        is_as_sent: bool,
    },
    /// An event with other content was made under this transaction id; perhaps the server says which.
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
        let answer = self.rest.exchange(&Access::of(place), operation, request).await?;
        if answer.status().is_success() {
            let event: CreatedResource = self.rest.read(operation, &answer)?;
            let written = convert::created(&event).ok_or_else(|| self.rest.unreadable(operation, &answer))?;
            let is_made_under = convert::is_made_under(&event, key);
            if is_made_under == Some(false) {
                // The answer to another create confirms nothing of this one.
                return Err(self.rest.unreadable(operation, &answer));
            }
            let is_as_sent = is_made_under == Some(true) && convert::says(&event, body);
            let written = written.with_account(account_of(&answer).cloned());
            return Ok(Created::Event { written, is_as_sent });
        }
        match taken_by(&answer) {
            Some(by) => Ok(Created::Taken(by)),
            None => Err(calendar_not_found(self.rest.failure(operation, &answer))),
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
        let answer = self.rest.send(&Access::of(place), operation, request).await?;
        let mut event: IdentityResource = self.rest.read(operation, &answer)?;
        event.account = account_of(&answer).cloned();
        // An answer about another event confirms nothing of this one.
        let written = convert::written(&event).filter(|written| written.remote_id == *id);
        written.ok_or_else(|| self.rest.unreadable(operation, &answer))
    }

    pub(crate) async fn delete(
        &self,
        place: &CalendarRef,
        id: &RemoteId,
        etag: Option<&Etag>,
    ) -> Result<(), Error> {
        let request = self.requests.delete(&place.calendar, id, etag);
        let answer = self.rest.send(&Access::of(place), Operation::Delete, request).await?;
        // Graph answers with 204 and nothing; what comes with status 200, be it empty, comes from a portal in between.
        let is_done = answer.status() == StatusCode::NO_CONTENT && answer.body().is_empty();
        if is_done { Ok(()) } else { Err(self.rest.unreadable(Operation::Delete, &answer)) }
    }

    /// The event, with our properties. One that is not there is an error, and so is a calendar.
    ///
    /// Boxed, since every future on the way would have room for it.
    pub(crate) async fn get(&self, place: &CalendarRef, id: &RemoteId) -> Result<Box<EventResource>, Error> {
        let request = self.requests.get(&place.calendar, id);
        let answer = self.rest.send(&Access::of(place), Operation::Get, request).await?;
        let mut event: Box<EventResource> = self.rest.read(Operation::Get, &answer)?;
        self.identify(&mut event.identity, &answer)?;
        Ok(event)
    }

    /// The event's identity. One that is not there is an error, and so is a calendar.
    pub(crate) async fn identity(
        &self,
        place: &CalendarRef,
        id: &RemoteId,
    ) -> Result<IdentityResource, Error> {
        let request = self.requests.identity(&place.calendar, id);
        let answer = self.rest.send(&Access::of(place), Operation::Get, request).await?;
        let mut identity: IdentityResource = self.rest.read(Operation::Get, &answer)?;
        self.identify(&mut identity, &answer)?;
        Ok(identity)
    }

    /// The event's body, which is HTML where Graph does as it is asked.
    pub(crate) async fn html(&self, place: &CalendarRef, id: &RemoteId) -> Result<ItemBody<'static>, Error> {
        let request = self.requests.html(&place.calendar, id);
        let answer = self.rest.send(&Access::of(place), Operation::Get, request).await?;
        let mut event: Box<EventResource> = self.rest.read(Operation::Get, &answer)?;
        self.identify(&mut event.identity, &answer)?;
        // A body that is not told is not an empty one.
        event.body.ok_or_else(|| self.rest.incomplete(Operation::Get))
    }

    /// Notes whose token an answer is to. What has no id is no event.
    fn identify(&self, identity: &mut IdentityResource, answer: &Response) -> Result<(), Error> {
        identity.account = account_of(answer).cloned();
        let has_id = convert::written(identity).is_some();
        if has_id { Ok(()) } else { Err(self.rest.unreadable(Operation::Get, answer)) }
    }

    /// The events of a target: those that carry its key, those that lost their marker and were made under one of its keys, and the
    /// one that is known by its id. All, or an error.
    pub(crate) async fn find(
        &self,
        place: &CalendarRef,
        query: &TargetQuery,
    ) -> Result<Vec<IdentityResource>, Error> {
        let access = Access::of(place);
        let request = self.requests.find(&place.calendar, &query.target, query.known.as_ref());
        let answer = self.rest.send_batch(&access, Operation::Find, request, has_refused_part).await?;
        let parts: BatchAnswer = self.rest.read(Operation::Find, &answer)?;
        let marked: Page<IdentityResource> = self.part(&answer, &parts.responses, BY_MARKER)?;
        let latest: Page<IdentityResource> = self.part(&answer, &parts.responses, BY_TRANSACTION)?;
        let known = self.known_in(place, &answer, &parts.responses, query)?;
        // Graph may answer with another id of the same event than the one that is known.
        let known_id = known.as_ref().and_then(|event| event.id.clone());
        let account = account_of(&answer).cloned();

        let mut all: Vec<IdentityResource> = known.into_iter().chain(marked.value).collect();
        if let Some(link) = marked.next_link {
            let first = self.requests.by_marker(&place.calendar, &query.target);
            self.go_on(&access, Operation::Find, first, Some(link), &mut all, usize::MAX).await?;
        }
        let mut made = latest.value;
        // A page may be short, even empty, and have a next one.
        if latest.next_link.is_some() && made.len() < LATEST {
            let first = self.requests.latest(&place.calendar);
            self.go_on(&access, Operation::Find, first, latest.next_link, &mut made, LATEST).await?;
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
            // A ledger's row names an event that older code wrote by its id alone.
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

    /// The event that is known by its id, if the look asked for one and it is there.
    fn known_in(
        &self,
        place: &CalendarRef,
        batch: &Response,
        parts: &[PartAnswer],
        query: &TargetQuery,
    ) -> Result<Option<IdentityResource>, Error> {
        // An id that fits into no URL was not asked for.
        let is_asked = |id: &RemoteId| self.requests.identity(&place.calendar, id).is_ok();
        if !query.known.as_ref().is_some_and(is_asked) {
            return Ok(None);
        }
        match self.part::<IdentityResource>(batch, parts, BY_ID) {
            Ok(event) if convert::written(&event).is_some() => Ok(Some(event)),
            Ok(_) => Err(self.rest.incomplete(Operation::Find)),
            // The part before it has shown that the calendar is there.
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
        let answer = self.rest.send(&Access::of(place), operation, Ok(request)).await;
        let answer = answer.map_err(calendar_not_found)?;
        let page: Page<IdentityResource> = self.rest.read(operation, &answer)?;
        if let Some(link) = &page.next_link {
            self.page_after(operation, &first, link)?;
        }
        let mut events = page.value;
        for event in &mut events {
            event.account = account_of(&answer).cloned();
        }
        Ok((events, page.next_link.map(PageToken)))
    }

    /// A link that is none says nothing of the calendar.
    fn page_after(&self, operation: Operation, first: &Request, link: &str) -> Result<Request, Error> {
        next_page(first, link).map_err(|_| self.rest.incomplete(operation))
    }

    /// After a 404, which says the same of an event and of a calendar that is not there.
    pub(crate) async fn check_calendar(&self, place: &CalendarRef) -> Result<(), Error> {
        let request = self.requests.probe(&place.calendar);
        let answer = self.rest.send(&Access::of(place), Operation::Find, request).await;
        let _: Page<IdentityResource> =
            self.rest.read(Operation::Find, &answer.map_err(calendar_not_found)?)?;
        Ok(())
    }

    pub(crate) async fn calendars(&self, to: &Access) -> Result<Vec<AccountCalendar>, Error> {
        let mut calendars: Vec<CalendarResource> = Vec::new();
        let first = self.requests.calendars();
        self.go_on(to, Operation::ListCalendars, first, None, &mut calendars, usize::MAX).await?;
        Ok(calendars.into_iter().filter_map(calendar).collect())
    }

    pub(crate) async fn create_calendar(&self, to: &Access, name: &str) -> Result<CalendarId, Error> {
        let operation = Operation::CreateCalendar;
        let request = self.requests.create_calendar(&CalendarBody { name });
        let answer = self.rest.send(to, operation, request).await?;
        let made: CalendarResource = self.rest.read(operation, &answer)?;
        let id = made.id.as_deref().filter(|id| !id.is_empty()).and_then(|id| CalendarId::new(id).ok());
        id.ok_or_else(|| self.rest.unreadable(operation, &answer))
    }

    /// Reads the pages of a listing that `first` begins, from `link` on where there is one, until there are `enough`.
    async fn go_on<T: DeserializeOwned>(
        &self,
        to: &Access,
        operation: Operation,
        first: Result<Request, RequestError>,
        mut link: Option<String>,
        all: &mut Vec<T>,
        enough: usize,
    ) -> Result<(), Error> {
        let first = first.map_err(|bad| self.rest.unsendable(operation, bad))?;
        for _ in 0..MOST_PAGES {
            let request = match &link {
                Some(link) => self.page_after(operation, &first, link)?,
                None => first.clone(),
            };
            let answer = self.rest.send(to, operation, Ok(request)).await.map_err(calendar_not_found)?;
            let page: Page<T> = self.rest.read(operation, &answer)?;
            all.extend(page.value);
            link = page.next_link;
            if link.is_none() || all.len() >= enough {
                return Ok(());
            }
            if all.len() > MOST_THINGS {
                break;
            }
        }
        Err(self.rest.endless(operation))
    }

    /// What one part of a batch was answered.
    fn part<T: DeserializeOwned>(
        &self,
        batch: &Response,
        parts: &[PartAnswer],
        id: &str,
    ) -> Result<T, Error> {
        let part = parts.iter().find(|part| part.id == id);
        let answer = part.and_then(as_answer).ok_or_else(|| self.rest.unreadable(Operation::Find, batch))?;
        if answer.status().is_success() {
            return self.rest.read(Operation::Find, &answer);
        }
        Err(calendar_not_found(self.rest.failure(Operation::Find, &answer)))
    }
}

/// Whether the token was refused in some part of a batch: Exchange may know of a revocation that Graph's front end does not.
fn has_refused_part(batch: &Response) -> bool {
    let body = batch.body();
    // Most have none, and need not be read twice.
    batch.status().is_success()
        && body.windows(3).any(|digits| digits == b"401")
        && serde_json::from_slice::<BatchAnswer>(body)
            .is_ok_and(|batch| batch.responses.iter().any(|part| part.status == StatusCode::UNAUTHORIZED))
}

/// A part's answer as if it had been asked for alone.
fn as_answer(part: &PartAnswer) -> Option<Response> {
    let body = match &part.body {
        Value::Null => Bytes::new(),
        body => Bytes::from(body.to_string()),
    };
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(part.status).ok()?;
    for (name, value) in &part.headers {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
            answer.headers_mut().append(name, value);
        }
    }
    Some(answer)
}

/// A 404 to a path that names a calendar and no event.
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
