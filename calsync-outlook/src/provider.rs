//! Implements calsync's provider traits for Outlook: what each call sends, and what each outcome
//! means.

use async_trait::async_trait;
use calsync_core::ProviderKind;
use calsync_core::auth::Access;
use calsync_core::calendar::CalendarRef;
use calsync_core::error::{Error, ErrorKind, Operation, Retry};
use calsync_core::event::Event;
use calsync_core::names::RemoteId;
use calsync_core::provider::{
    CalendarProvider, Capabilities, CreateOptions, DeleteOptions, Draft, EventReader, FOREIGN_EVENT, Found,
    Marker, OursPage, PageToken, TargetQuery, UpdateOptions, Written,
};

use crate::client::Created;
use crate::convert::{self, Limits};
use crate::error::{is_outdated, is_undeletable};
use crate::meeting;
use crate::moved::{CurrentPlace, find_by_name};
use crate::outlook::OutlookCalendar;
use crate::wire::{EventBody, EventResource, IdentityResource, ItemBody};

#[async_trait]
impl CalendarProvider for OutlookCalendar {
    fn kind(&self) -> ProviderKind {
        ProviderKind::OUTLOOK
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    /// One request if no event was created with this key before.
    async fn create(
        &self,
        place: &CalendarRef,
        draft: &Draft,
        options: &CreateOptions,
    ) -> Result<Written, Error> {
        check_namespace(&draft.marker.namespace, Operation::Create)?;
        let retried = options.retried;
        self.with_relocated_calendar(
            place,
            |place| async move { self.create_at(&place, draft, retried).await },
        )
        .await
    }

    /// Two requests: a read, since only the differences are written, and the change.
    async fn update(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        draft: &Draft,
        options: &UpdateOptions,
    ) -> Result<Written, Error> {
        check_namespace(&draft.marker.namespace, Operation::Update)?;
        self.with_relocated_calendar(place, |place| async move {
            match self.client.get(&place, remote_id).await {
                Ok(current) => self.write_over(&place, current, draft, options.rewrite).await,
                Err(error) => Err(self.missing(&place, Operation::Update, error).await),
            }
        })
        .await
    }

    /// One request if the etag in the options is current.
    async fn delete(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        marker: &Marker,
        options: &DeleteOptions,
    ) -> Result<(), Error> {
        self.with_relocated_calendar(place, |place| async move {
            if let Some(etag) = &options.etag {
                match self.client.delete(&place, remote_id, Some(etag)).await {
                    Ok(()) => return Ok(()),
                    Err(error) if is_outdated(&error) || is_undeletable(&error) => {}
                    Err(error) => return Err(self.missing(&place, Operation::Delete, error).await),
                }
            }
            self.delete_at(&place, remote_id, marker).await
        })
        .await
    }

    /// One request. Also finds an event that is known only by its id and has no marker.
    async fn find(&self, place: &CalendarRef, query: &TargetQuery) -> Result<Vec<Found>, Error> {
        let events = self
            .with_relocated_calendar(place, |place| async move { self.client.find(&place, query).await })
            .await?;
        events.iter().map(|event| self.found(Operation::Find, event)).collect()
    }

    /// One request per page.
    async fn list_ours(
        &self,
        place: &CalendarRef,
        namespace: &str,
        page: Option<PageToken>,
    ) -> Result<OursPage, Error> {
        check_namespace(namespace, Operation::ListOurs)?;
        let page = page.as_ref();
        let (events, next) =
            self.with_relocated_calendar(place, |place| async move {
                self.client.list(&place, namespace, page).await
            })
            .await?;
        let found = events.iter().map(|event| self.found(Operation::ListOurs, event));
        let mut found = found.collect::<Result<Vec<Found>, Error>>()?;
        // Exchange ignores case when it compares the namespace. calsync does not.
        found.retain(|event| event.marker.as_ref().is_some_and(|marker| *marker.namespace == *namespace));
        Ok(OursPage::new(found, next))
    }

    async fn get(&self, place: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Found>, Error> {
        let event = self
            .with_relocated_calendar(place, |place| async move {
                self.if_there(&place, self.client.identity(&place, remote_id).await).await
            })
            .await?;
        event.map(|event| self.found(Operation::Get, &event)).transpose()
    }
}

#[async_trait]
impl EventReader for OutlookCalendar {
    async fn read(&self, place: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Event>, Error> {
        let event = self
            .with_relocated_calendar(place, |place| async move {
                self.if_there(&place, self.client.get(&place, remote_id).await).await
            })
            .await?;
        let unreadable = || self.client.rest.incomplete(Operation::Get);
        event.map(|event| convert::event(&event).ok_or_else(unreadable)).transpose()
    }
}

impl OutlookCalendar {
    /// Makes the call at the calendar. If the calendar's id no longer exists, looks for a calendar
    /// of the same name and makes the call once more there.
    async fn with_relocated_calendar<'p, T, F>(
        &self,
        place: &'p CalendarRef,
        call: impl Fn(CurrentPlace<'p>) -> F + Send,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send,
    {
        let current = self.moved.current(place);
        let tried = current.calendar.clone();
        let error = match call(current).await {
            Err(error) if error.kind() == ErrorKind::CalendarNotFound => error,
            result => return result,
        };
        let Some(name) = place.name.as_ref().filter(|_| !place.calendar.is_primary()) else {
            return Err(error);
        };
        // Boxed, since it is rare: this keeps the future of every call small.
        let calendars = Box::pin(self.client.calendars(&Access::of(place))).await?;
        match find_by_name(&calendars, name.as_str()) {
            Some(calendar) if *calendar != tried => self.moved.record(place, calendar.clone()),
            _ => return Err(error),
        }
        Box::pin(call(self.moved.current(place))).await
    }

    /// The error of a call that names an event. Graph returns the same 404 for a missing event and
    /// a missing calendar, so this checks that the calendar exists: only then is it the event that
    /// is missing.
    async fn missing(&self, place: &CalendarRef, operation: Operation, error: Error) -> Error {
        if error.kind() != ErrorKind::NotFound {
            return error;
        }
        match Box::pin(self.client.check_calendar(place)).await {
            Ok(()) => as_failure_of(operation, error),
            Err(error) => error,
        }
    }

    /// The result of a read. `None` if the event does not exist and its calendar does.
    async fn if_there<T>(&self, place: &CalendarRef, read: Result<T, Error>) -> Result<Option<T>, Error> {
        match read {
            Ok(event) => Ok(Some(event)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Box::pin(self.client.check_calendar(place)).await.map(|()| None)
            }
            Err(error) => Err(error),
        }
    }

    async fn create_at(&self, place: &CalendarRef, draft: &Draft, retried: bool) -> Result<Written, Error> {
        // Boxed, since the body is large and lives as long as the call.
        let body = Box::new(convert::to_create(draft, &self.limits()));
        let key = body.transaction_id.as_deref().unwrap_or_default();
        let (by, is_response) = match self.client.create(place, key, &body).await? {
            Created::Event { written, is_as_sent } if is_as_sent && !retried => return Ok(written),
            // For a repeated transaction id Graph returns the event of the first create in its
            // present state, even if it was changed or deleted since.
            Created::Event { written, .. } => (Some(written.remote_id), true),
            Created::Taken(by) => (by, false),
        };
        Box::pin(self.take_over(place, draft, by, is_response)).await.map_err(|error| match error.kind() {
            ErrorKind::KeyUsed | ErrorKind::Superseded => error,
            // Our event may exist now and could not be read, so the outcome is unknown.
            _ => error.with_retry(Retry::Unknown),
        })
    }

    /// An event was created with this transaction id. Updates it if it exists and is ours. `by` is
    /// its id. `is_response` is true if that id came in the response to the create, and false if it
    /// came with a refusal.
    async fn take_over(
        &self,
        place: &CalendarRef,
        draft: &Draft,
        by: Option<RemoteId>,
        is_response: bool,
    ) -> Result<Written, Error> {
        let key_used = || Error::new(ErrorKind::KeyUsed, ProviderKind::OUTLOOK, Operation::Create);
        let named = match &by {
            Some(id) => Some(self.client.get(place, id).await),
            None => None,
        };
        let current = match named {
            Some(Ok(event)) => event,
            Some(Err(error)) if error.kind() != ErrorKind::NotFound => return Err(error),
            // `by` did not lead to the event: it may name an event that was deleted since, or one
            // whose id changed.
            _ => self.find_by_key(place, &draft.marker).await?.ok_or_else(key_used)?,
        };
        let is_made_under = convert::key(&current.identity) == Some(draft.marker.key);
        let is_ours = match convert::marker(&current.identity) {
            Some(theirs) => {
                theirs.is_same_target(&draft.marker) && (is_made_under || theirs.key == draft.marker.key)
            }
            None => is_made_under,
        };
        if !is_ours {
            // A response about another create says nothing about this one.
            let unknown = || self.client.rest.incomplete(Operation::Create);
            return Err(if is_response { unknown() } else { key_used().with_code(FOREIGN_EVENT) });
        }
        let theirs = convert::marker(&current.identity);
        draft.marker.check(theirs.as_ref(), ProviderKind::OUTLOOK, Operation::Create)?;
        match self.write_over(place, current, draft, false).await {
            // The event was there a moment ago and may have been deleted since.
            Err(error) if error.kind() == ErrorKind::NotFound => Err(key_used()),
            result => result,
        }
    }

    /// The event that was created with the marker's key, if it exists.
    async fn find_by_key(
        &self,
        place: &CalendarRef,
        marker: &Marker,
    ) -> Result<Option<Box<EventResource>>, Error> {
        let query = TargetQuery::new(marker.namespace.clone(), marker.key.target());
        let events = self.client.find(place, &query.with_generation(marker.key.generation())).await?;
        let made = events.into_iter().find(|event| convert::key(event) == Some(marker.key));
        let Some(id) = made.and_then(|event| event.id) else { return Ok(None) };
        match self.client.get(place, &RemoteId::new(id)).await {
            Ok(event) => Ok(Some(event)),
            // Deleted since it was listed.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the event and deletes that version of it. Repeats this once if the event changed in
    /// between.
    async fn delete_at(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        marker: &Marker,
    ) -> Result<(), Error> {
        let mut is_last = false;
        loop {
            let current = match self.client.identity(place, remote_id).await {
                Ok(event) => event,
                Err(error) => return Err(self.missing(place, Operation::Delete, error).await),
            };
            let theirs = convert::marker(&current);
            marker.check(theirs.as_ref(), ProviderKind::OUTLOOK, Operation::Delete)?;
            let Written { remote_id, etag, .. } = self.written(Operation::Get, &current)?;
            match self.client.delete(place, &remote_id, etag.as_ref()).await {
                Err(error) if is_outdated(&error) && !is_last => {}
                Err(error) if is_undeletable(&error) && theirs.is_some() => {
                    return Err(Box::pin(self.undeletable(place, &remote_id, marker, error)).await);
                }
                result => return result,
            }
            is_last = true;
        }
    }

    /// A delete of an event that carries our marker was refused. If a listing does not show the
    /// event, it is deleted already: `NotFound`.
    async fn undeletable(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        marker: &Marker,
        error: Error,
    ) -> Error {
        let query = TargetQuery::new(marker.namespace.clone(), marker.key.target());
        match self.client.find(place, &query).await {
            Ok(listed) if listed.iter().any(|event| event.id.as_deref() == Some(remote_id.as_str())) => error,
            Ok(_) => error.with_kind(ErrorKind::NotFound),
            Err(error) => error,
        }
    }

    /// Changes an event to what the draft says. If the event changed in between, reads it again,
    /// once, and applies the draft to that version.
    async fn write_over(
        &self,
        place: &CalendarRef,
        mut current: Box<EventResource>,
        draft: &Draft,
        rewrite: bool,
    ) -> Result<Written, Error> {
        let mut is_last = false;
        loop {
            let theirs = convert::marker(&current.identity);
            draft.marker.check(theirs.as_ref(), ProviderKind::OUTLOOK, Operation::Update)?;
            let now = self.written(Operation::Get, &current.identity)?;
            let Some(mut body) = convert::to_update(draft, &current, &self.limits(), rewrite) else {
                return Ok(now);
            };
            if current.is_online_meeting == Some(true) && body.body.is_some() {
                Box::pin(self.keep_meeting(place, &now.remote_id, draft, &mut body)).await?;
            }
            match self.client.update(place, &now.remote_id, now.etag.as_ref(), &body).await {
                Err(error) if is_outdated(&error) && !is_last => {}
                result => return result,
            }
            is_last = true;
            let again = self.client.get(place, &now.remote_id).await;
            current = again.map_err(|error| as_failure_of(Operation::Update, error))?;
        }
    }

    /// Puts the new text before the online meeting in the body, and keeps the meeting.
    async fn keep_meeting(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        draft: &Draft,
        body: &mut EventBody<'_>,
    ) -> Result<(), Error> {
        let current = self.client.html(place, remote_id).await?;
        let html = meeting::html_of(&current.content_type, &current.content);
        let content = meeting::with_meeting(&meeting::without_rule(&draft.event.description), &html);
        body.body = Some(ItemBody { content_type: "html".into(), content: content.into() });
        Ok(())
    }

    fn limits(&self) -> Limits {
        let text = &self.capabilities.text;
        Limits { subject: text.title, location: text.location, default_reminder: self.default_reminder }
    }

    fn written(&self, operation: Operation, event: &IdentityResource) -> Result<Written, Error> {
        convert::written(event).ok_or_else(|| self.client.rest.incomplete(operation))
    }

    fn found(&self, operation: Operation, event: &IdentityResource) -> Result<Found, Error> {
        convert::found(event).ok_or_else(|| self.client.rest.incomplete(operation))
    }
}

/// A read's 404 becomes the error of the operation that needed the read. Any other error is
/// returned unchanged.
fn as_failure_of(operation: Operation, error: Error) -> Error {
    if error.kind() != ErrorKind::NotFound {
        return error;
    }
    let mut failure = error.into_failure();
    failure.operation = operation;
    failure.into()
}

/// Exchange would cut a longer namespace, and its events would not be recognised again.
fn check_namespace(namespace: &str, operation: Operation) -> Result<(), Error> {
    if convert::fits_property(namespace) {
        return Ok(());
    }
    let error = Error::new(ErrorKind::Configuration, ProviderKind::OUTLOOK, operation);
    Err(error.with_code("namespace_too_long"))
}
