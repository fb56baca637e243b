//! Graph as functions: send, judge the answer, read it.

use bytes::Bytes;
use calsync_core::auth::Access;
use calsync_core::calendar::CalendarRef;
use calsync_core::error::{Error, ErrorKind, Operation};
use calsync_core::http::{Request, Response};
use calsync_core::identity::EventKey;
use calsync_core::names::{CalendarId, Etag, RemoteId};
use calsync_core::provider::{AccountCalendar, Written};
use calsync_core::rest::{BadRequest, RestClient};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::convert;
use crate::error::taken_by;
use crate::request::{BY_MARKER, BY_TRANSACTION, LATEST, Requests, next_page};
use crate::wire::{
    BatchAnswer, CalendarBody, CalendarResource, CreatedResource, EventBody, EventResource, Page, PartAnswer,
};

/// How many pages of an answer are read before it is taken for endless.
const MOST_PAGES: usize = 1_000;

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
    pub(crate) async fn create(&self, place: &CalendarRef, body: &EventBody<'_>) -> Result<Created, Error> {
        let operation = Operation::Create;
        let request = self.requests.create(&place.calendar, body);
        let answer = self.rest.exchange(&Access::of(place), operation, request).await?;
        if answer.status().is_success() {
            let event: CreatedResource = self.rest.read(operation, &answer)?;
            let written = convert::created(&event).ok_or_else(|| self.rest.unreadable(operation, &answer))?;
            return Ok(Created::Event { written, is_as_sent: convert::says(&event, body) });
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
    ) -> Result<Box<EventResource>, Error> {
        let operation = Operation::Update;
        let request = self.requests.update(&place.calendar, id, etag, body);
        let answer = self.rest.send(&Access::of(place), operation, request).await?;
        let event = self.event_in(operation, &answer)?;
        // An answer about another event confirms nothing of this one.
        let is_it = event.id.as_deref() == Some(id.as_str());
        if is_it { Ok(event) } else { Err(self.rest.unreadable(operation, &answer)) }
    }

    pub(crate) async fn delete(
        &self,
        place: &CalendarRef,
        id: &RemoteId,
        etag: Option<&Etag>,
    ) -> Result<(), Error> {
        let request = self.requests.delete(&place.calendar, id, etag);
        let answer = self.rest.send(&Access::of(place), Operation::Delete, request).await?;
        // Graph answers with 204 and nothing; whatever comes with status 200, be it empty, comes from a portal in between.
        let is_done = answer.status() == StatusCode::NO_CONTENT && answer.body().is_empty();
        if is_done { Ok(()) } else { Err(self.rest.unreadable(Operation::Delete, &answer)) }
    }

    /// The event, with our properties. One that is not there is an error, and so is a calendar.
    pub(crate) async fn get(&self, place: &CalendarRef, id: &RemoteId) -> Result<Box<EventResource>, Error> {
        self.event(place, Operation::Get, self.requests.get(&place.calendar, id)).await
    }

    /// The event's body in HTML.
    pub(crate) async fn html(&self, place: &CalendarRef, id: &RemoteId) -> Result<String, Error> {
        let event = self.event(place, Operation::Get, self.requests.html(&place.calendar, id)).await?;
        Ok(event.body.map(|body| body.content.into_owned()).unwrap_or_default())
    }

    /// The events that carry this key, of any namespace, and one that lost its marker and was made under it. All, or an error.
    pub(crate) async fn find(
        &self,
        place: &CalendarRef,
        key: &EventKey,
    ) -> Result<Vec<EventResource>, Error> {
        let grant = Access::of(place);
        let request = self.requests.find(&place.calendar, key);
        let answer = self.rest.send_batch(&grant, Operation::Find, request, has_refused_part).await?;
        let parts: BatchAnswer = self.rest.read(Operation::Find, &answer)?;
        let marked: Page<EventResource> = self.part(&answer, &parts.responses, BY_MARKER)?;
        let mut events = marked.value;
        if let Some(link) = marked.next_link {
            let first = self.requests.by_marker(&place.calendar, key);
            self.go_on(&grant, Operation::Find, first, Some(link), &mut events, usize::MAX).await?;
        }
        if events.is_empty() {
            let page: Page<EventResource> = self.part(&answer, &parts.responses, BY_TRANSACTION)?;
            let mut latest = page.value;
            // A page may be short, even empty, and have a next one.
            if page.next_link.is_some() && latest.len() < LATEST {
                let first = self.requests.latest(&place.calendar);
                self.go_on(&grant, Operation::Find, first, page.next_link, &mut latest, LATEST).await?;
            }
            let made = latest.into_iter().find(|event| convert::is_made_under(event, key));
            if let Some(id) = made.and_then(|event| event.id) {
                match self.get(place, &RemoteId::new(id)).await {
                    Ok(event) => events.push(*event),
                    // Deleted since it was listed.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(events)
    }

    /// After a 404, which says the same of an event and of a calendar that is not there.
    pub(crate) async fn check_calendar(&self, place: &CalendarRef) -> Result<(), Error> {
        let request = self.requests.probe(&place.calendar);
        let answer = self.rest.send(&Access::of(place), Operation::Find, request).await;
        let _: Page<EventResource> = self.rest.read(Operation::Find, &answer.map_err(calendar_not_found)?)?;
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
        first: Result<Request, BadRequest>,
        mut link: Option<String>,
        all: &mut Vec<T>,
        enough: usize,
    ) -> Result<(), Error> {
        let first = first.map_err(|bad| self.rest.unsendable(operation, bad))?;
        for _ in 0..MOST_PAGES {
            let request = match &link {
                // A link that is none says nothing of the calendar.
                Some(link) => next_page(&first, link).map_err(|_| self.rest.incomplete(operation))?,
                None => first.clone(),
            };
            let answer = self.rest.send(to, operation, Ok(request)).await.map_err(calendar_not_found)?;
            let page: Page<T> = self.rest.read(operation, &answer)?;
            all.extend(page.value);
            link = page.next_link;
            if link.is_none() || all.len() >= enough {
                return Ok(());
            }
        }
        Err(self.rest.endless(operation))
    }

    async fn event(
        &self,
        place: &CalendarRef,
        operation: Operation,
        request: Result<Request, BadRequest>,
    ) -> Result<Box<EventResource>, Error> {
        let answer = self.rest.send(&Access::of(place), operation, request).await?;
        self.event_in(operation, &answer)
    }

    /// Boxed, since every future on the way would have room for it.
    fn event_in(&self, operation: Operation, answer: &Response) -> Result<Box<EventResource>, Error> {
        let event: Box<EventResource> = self.rest.read(operation, answer)?;
        // Whatever has no id is no event.
        if convert::written(&event).is_some() {
            Ok(event)
        } else {
            Err(self.rest.unreadable(operation, answer))
        }
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
