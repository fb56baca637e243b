//! [`CalendarProvider`] for Google Calendar: the requests of each operation, and the result for
//! each outcome.

use std::sync::Arc;

use async_trait::async_trait;
use calsync_core::ProviderKind;
use calsync_core::auth::Access;
use calsync_core::calendar::CalendarRef;
use calsync_core::error::{Error, ErrorKind, Operation, Retry};
use calsync_core::event::Event;
use calsync_core::names::{Etag, RemoteId};
use calsync_core::provider::{
    AccountCalendar, CalendarProvider, Capabilities, CreateOptions, DeleteOptions, Draft, EventReader,
    FOREIGN_EVENT, Found, Marker, OursPage, PageToken, TargetQuery, UpdateOptions, Written,
};

use crate::client::calendar_not_found;
use crate::convert::{self, Style};
use crate::error::{is_unknown_zone, is_version_conflict};
use crate::google::GoogleCalendar;
use crate::marker;
use crate::moved::{self, CurrentPlace, is_named_by};
use crate::wire::{EVENT_FIELDS, EventResource, IDENTITY_FIELDS};

/// Most calendars of an account that are searched for an event that the person may have moved.
const MAX_CALENDARS: usize = 25;

/// Error code for an event that is a tombstone: Google's name for its status.
const CANCELLED: &str = "cancelled";

#[async_trait]
impl CalendarProvider for GoogleCalendar {
    fn kind(&self) -> ProviderKind {
        ProviderKind::GOOGLE
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    /// One request if the key is free. If the key is taken, the event under it is read: our own
    /// event is updated, or restored if it is deleted; any other event keeps the key.
    async fn create(
        &self,
        calendar_ref: &CalendarRef,
        draft: &Draft,
        _: &CreateOptions,
    ) -> Result<Written, Error> {
        check_namespace(draft)?;
        let mut style = self.style(draft);
        loop {
            let insert = self.client.insert(calendar_ref, &convert::to_insert(draft, style));
            return match insert.await {
                Err(error) if self.drops_zone_name(draft, &mut style, &error) => continue,
                // Boxed to keep the future of every create small: this branch is large and rare.
                Err(error) if error.kind() == ErrorKind::KeyUsed => {
                    Box::pin(self.take_over(calendar_ref, draft)).await
                }
                result => result.map_err(calendar_not_found),
            };
        }
    }

    /// One request if the etag in the options is current.
    async fn update(
        &self,
        calendar_ref: &CalendarRef,
        remote_id: &RemoteId,
        draft: &Draft,
        options: &UpdateOptions,
    ) -> Result<Written, Error> {
        check_namespace(draft)?;
        self.follow_move(calendar_ref, remote_id, |calendar_ref| async move {
            if let Some(etag) = &options.etag {
                match self.write_over(&calendar_ref, remote_id, draft, Some(etag), None).await {
                    Err(error) if is_version_conflict(&error) || is_missing(&error) => {}
                    result => return result,
                }
            }
            let current = self.live_event(&calendar_ref, remote_id, Operation::Update, EVENT_FIELDS).await?;
            check_marker(&current, &draft.marker, Operation::Update)?;
            let etag = convert::etag(&current);
            let current = ReadEvent { event: &current, rewrite: options.rewrite };
            let written =
                self.write_over(&calendar_ref, remote_id, draft, etag.as_ref(), Some(current)).await;
            written.map_err(retry_contradiction)
        })
        .await
    }

    /// One request if the etag in the options is current.
    async fn delete(
        &self,
        calendar_ref: &CalendarRef,
        remote_id: &RemoteId,
        marker: &Marker,
        options: &DeleteOptions,
    ) -> Result<(), Error> {
        self.follow_move(calendar_ref, remote_id, |calendar_ref| async move {
            if let Some(etag) = &options.etag {
                match self.client.delete(&calendar_ref, remote_id, Some(etag)).await {
                    // Google sometimes responds with 403 to the removal of an event that is removed
                    // already.
                    Err(error)
                        if is_version_conflict(&error) || is_missing(&error) || is_not_granted(&error) => {}
                    result => return result,
                }
            }
            let current =
                self.live_event(&calendar_ref, remote_id, Operation::Delete, IDENTITY_FIELDS).await?;
            check_marker(&current, marker, Operation::Delete)?;
            let deleted =
                self.client.delete(&calendar_ref, remote_id, convert::etag(&current).as_ref()).await;
            deleted.map_err(retry_contradiction)
        })
        .await
    }

    /// Reads the known ids, since listings lag, and lists the events of the target. If it finds
    /// only a tombstone, the person may have moved the event: then it searches the account's other
    /// calendars, if the grant allows listing them.
    async fn find(&self, calendar_ref: &CalendarRef, query: &TargetQuery) -> Result<Vec<Found>, Error> {
        let matches = |event: &EventResource| {
            let id = RemoteId::new(event.id.clone().unwrap_or_default());
            query.matches(&id, marker::marker(event).as_ref(), marker::own_key(event))
        };
        let by_key = convert::remote_id(&query.key());
        let known = query.known.as_ref().filter(|known| **known != by_key);
        let mut ids = Vec::from([by_key.clone()]);
        ids.extend(known.cloned());
        let mut asked = Vec::new();
        for id in &ids {
            asked.extend(self.client.lookup(calendar_ref, id, IDENTITY_FIELDS).await?);
        }
        let target = query.target.to_string();
        let listed = self.client.by_property(calendar_ref, (marker::TARGET, &target)).await?;
        let is_asked = |event: &EventResource| ids.iter().any(|id| event.id.as_deref() == Some(id.as_str()));
        let (gone, mut events): (Vec<_>, Vec<_>) = asked.into_iter().partition(convert::is_cancelled);
        events.extend(listed.into_iter().filter(|event| !is_asked(event)));
        events.retain(matches);
        if events.is_empty() {
            for tombstone in gone.iter().filter(|event| matches(event)) {
                let Some(id) = tombstone.id.as_deref().map(RemoteId::new) else { continue };
                // Boxed to keep the future small: this branch is rare.
                let moved = Box::pin(self.find_moved(calendar_ref, calendar_ref, &id)).await?;
                events.extend(moved.filter(matches));
            }
        }
        events.iter().map(|event| self.found(Operation::Find, event)).collect()
    }

    async fn list_ours(
        &self,
        calendar_ref: &CalendarRef,
        namespace: &str,
        page: Option<PageToken>,
    ) -> Result<OursPage, Error> {
        let operation = Operation::ListOurs;
        let property = (marker::NAMESPACE, namespace);
        let (events, next) = self.client.page(calendar_ref, operation, property, page).await?;
        let is_ours = |event: &&EventResource| {
            marker::marker(event).is_some_and(|marker| *marker.namespace == *namespace)
        };
        let found = events.iter().filter(is_ours).map(|event| self.found(operation, event));
        Ok(OursPage::new(found.collect::<Result<_, _>>()?, next))
    }

    async fn get(&self, calendar_ref: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Found>, Error> {
        let event = self.find_live(calendar_ref, remote_id, IDENTITY_FIELDS).await?;
        event.map(|event| self.found(Operation::Get, &event)).transpose()
    }
}

#[async_trait]
impl EventReader for GoogleCalendar {
    async fn read(&self, calendar_ref: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Event>, Error> {
        let Some(event) = self.find_live(calendar_ref, remote_id, EVENT_FIELDS).await? else {
            return Ok(None);
        };
        let content = convert::event(&event);
        content.map(Some).ok_or_else(|| self.client.rest.incomplete(Operation::Get))
    }
}

impl GoogleCalendar {
    /// Handles a create whose key is taken: updates our own event under the key, or restores it
    /// where Google allows it.
    async fn take_over(&self, calendar_ref: &CalendarRef, draft: &Draft) -> Result<Written, Error> {
        let remote_id = convert::remote_id(&draft.marker.key);
        let key_taken = || Error::new(ErrorKind::KeyUsed, ProviderKind::GOOGLE, Operation::Create);
        let Some(current) = self.client.get(calendar_ref, &remote_id, EVENT_FIELDS).await? else {
            return Err(key_taken());
        };
        let is_gone = convert::is_cancelled(&current);
        if !marker::marker(&current).is_some_and(|marker| marker.is_same_target(&draft.marker)) {
            return Err(if is_gone { key_taken() } else { key_taken().with_code(FOREIGN_EVENT) });
        }
        check_marker(&current, &draft.marker, Operation::Create)?;
        // The tombstone may come from an event that the person moved to another calendar.
        let written = if is_gone && self.find_moved(calendar_ref, calendar_ref, &remote_id).await?.is_some() {
            self.update(calendar_ref, &remote_id, draft, &UpdateOptions::new()).await
        } else {
            let etag = convert::etag(&current);
            self.write_over(
                calendar_ref,
                &remote_id,
                draft,
                etag.as_ref(),
                Some(ReadEvent { event: &current, rewrite: false }),
            )
            .await
        };
        match written {
            // Google removes tombstones after some time, and the event may have been deleted since
            // it was read.
            Err(error) if error.kind() == ErrorKind::NotFound => Err(key_taken()),
            // A deleted copy of another organizer's event cannot be restored.
            Err(error) if is_gone && matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::Refused) => {
                Err(key_taken())
            }
            result => result,
        }
    }

    /// Writes the draft over the event at version `etag`. `current` is the event if it was read: if
    /// its content equals the draft's, nothing is written.
    async fn write_over(
        &self,
        calendar_ref: &CalendarRef,
        remote_id: &RemoteId,
        draft: &Draft,
        etag: Option<&Etag>,
        current: Option<ReadEvent<'_>>,
    ) -> Result<Written, Error> {
        let reminders = &draft.event.reminders;
        let mut style = self.style(draft);
        let mut event = loop {
            let patch = {
                let mut body = convert::to_patch(draft, style);
                if let Some(ReadEvent { event, rewrite }) = current {
                    if !convert::has_reminders(event, reminders) {
                        convert::set_reminders(&mut body, reminders);
                    }
                    if !rewrite && convert::has_content_of(event, &body) {
                        return self.written(event);
                    }
                }
                self.client.patch(calendar_ref, remote_id, etag, &body)
            };
            match patch.await {
                Err(error) if self.drops_zone_name(draft, &mut style, &error) => {}
                result => break result?,
            }
        };
        if convert::is_cancelled(&event) {
            return Err(not_found(Operation::Update).with_code(CANCELLED));
        }
        // For an event that was not read before, only the response shows whether it has these
        // reminders already.
        if current.is_none() && !convert::has_reminders(&event, reminders) {
            let body = convert::to_reminders(reminders);
            let rest =
                self.client.patch(calendar_ref, remote_id, convert::etag(&event).as_ref(), &body).await;
            event = rest.map_err(|error| error.with_retry(Retry::Unknown))?;
        }
        self.written(&event)
    }

    /// Makes the call in the calendar where the event was last known to be. If that calendar has
    /// only a tombstone, the person may have moved the event: then it searches the other calendars,
    /// and repeats the call where it finds it.
    async fn follow_move<'p, T, F>(
        &self,
        calendar_ref: &'p CalendarRef,
        remote_id: &RemoteId,
        call: impl Fn(CurrentPlace<'p>) -> F + Send,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send,
    {
        let error = match call(self.moved.current_place(calendar_ref, remote_id)).await {
            Err(error) if is_tombstone(&error) => error,
            result => return result,
        };
        // Boxed to keep the future of every call small: this branch is rare.
        let tried = self.moved.current_place(calendar_ref, remote_id);
        match Box::pin(self.find_moved(calendar_ref, &tried, remote_id)).await? {
            Some(_) => Box::pin(call(self.moved.current_place(calendar_ref, remote_id))).await,
            None => Err(error),
        }
    }

    /// Searches the account's writable calendars, except `tried`, for our event, and remembers
    /// where it is. Returns `None` if no calendar has it, or if the grant does not allow listing
    /// the calendars.
    async fn find_moved(
        &self,
        calendar_ref: &CalendarRef,
        tried: &CalendarRef,
        remote_id: &RemoteId,
    ) -> Result<Option<EventResource>, Error> {
        if self.moved.is_nowhere(calendar_ref, remote_id) {
            return Ok(None);
        }
        let calendars = self.calendars_of(calendar_ref).await?;
        for calendar in calendars.iter().filter(|calendar| !is_named_by(calendar, &tried.calendar)) {
            let other = moved::in_calendar(calendar_ref, &calendar.id);
            match self.client.lookup(&other, remote_id, IDENTITY_FIELDS).await {
                Ok(Some(event)) if !convert::is_cancelled(&event) && marker::marker(&event).is_some() => {
                    self.moved.found(calendar_ref, remote_id, calendar.id.clone());
                    return Ok(Some(event));
                }
                // The scopes may open fewer calendars than the list contains.
                Err(error) if !is_not_granted(&error) => return Err(error),
                _ => {}
            }
        }
        self.moved.found_nowhere(calendar_ref, remote_id);
        Ok(None)
    }

    /// Returns the writable calendars of the account; an empty list if the grant does not allow
    /// listing them.
    async fn calendars_of(&self, calendar_ref: &CalendarRef) -> Result<Arc<[AccountCalendar]>, Error> {
        if let Some(calendars) = self.moved.calendars(calendar_ref) {
            return Ok(calendars);
        }
        let mut calendars = match self.client.calendars(&Access::of(calendar_ref)).await {
            Err(error) if is_not_granted(&error) => Vec::new(),
            result => result?,
        };
        calendars.retain(|calendar| calendar.is_writable);
        calendars.truncate(MAX_CALENDARS);
        let calendars: Arc<[AccountCalendar]> = calendars.into();
        self.moved.listed(calendar_ref, calendars.clone());
        Ok(calendars)
    }

    fn style(&self, draft: &Draft) -> Style {
        let names_zone = self.zones.can_name(&draft.event.when);
        Style { max_description: self.capabilities.text.description, names_zone }
    }

    /// Returns `true` if Google refused the name of the time zone: the caller then repeats the
    /// write without the name.
    fn drops_zone_name(&self, draft: &Draft, style: &mut Style, error: &Error) -> bool {
        let is_unknown = style.names_zone && is_unknown_zone(error);
        if is_unknown {
            self.zones.refused(&draft.event.when);
            style.names_zone = false;
        }
        is_unknown
    }

    fn found(&self, operation: Operation, event: &EventResource) -> Result<Found, Error> {
        convert::found(event).ok_or_else(|| self.client.rest.incomplete(operation))
    }

    fn written(&self, event: &EventResource) -> Result<Written, Error> {
        convert::written(event).ok_or_else(|| self.client.rest.incomplete(Operation::Update))
    }

    /// Returns the event unless it is deleted, also from the calendar that a person is known to
    /// have moved it to. A calendar that does not exist is an error.
    async fn find_live(
        &self,
        calendar_ref: &CalendarRef,
        remote_id: &RemoteId,
        fields: &str,
    ) -> Result<Option<EventResource>, Error> {
        let event = self.client.get(calendar_ref, remote_id, fields).await?;
        let event = match (event, self.moved.current_place(calendar_ref, remote_id)) {
            (Some(event), CurrentPlace::Relocated(relocated)) if convert::is_cancelled(&event) => {
                self.client.get(&relocated, remote_id, fields).await?
            }
            (event, _) => event,
        };
        Ok(event.filter(|event| !convert::is_cancelled(event)))
    }

    /// Returns the live event. A tombstone, or no event, is `NotFound` for `operation`.
    async fn live_event(
        &self,
        calendar_ref: &CalendarRef,
        remote_id: &RemoteId,
        operation: Operation,
        fields: &str,
    ) -> Result<EventResource, Error> {
        match self.client.get(calendar_ref, remote_id, fields).await? {
            Some(event) if convert::is_cancelled(&event) => Err(not_found(operation).with_code(CANCELLED)),
            Some(event) => Ok(event),
            None => Err(not_found(operation)),
        }
    }
}

/// The event as it was read before the write.
#[derive(Clone, Copy)]
struct ReadEvent<'a> {
    event: &'a EventResource,
    /// Write even if the event's content equals the draft's.
    rewrite: bool,
}

/// Refuses a namespace that is too long. Google silently truncates a longer value, and calsync
/// would no longer recognize its events.
fn check_namespace(draft: &Draft) -> Result<(), Error> {
    if draft.marker.namespace.chars().count() <= marker::MAX_VALUE_CHARS {
        return Ok(());
    }
    let error = Error::new(ErrorKind::Configuration, ProviderKind::GOOGLE, Operation::Create);
    Err(error.with_code("namespace_too_long"))
}

/// Fails if the event carries the marker of another target or namespace, or a newer revision. An
/// event without a marker passes: a row of the ledger names it by its id.
fn check_marker(current: &EventResource, marker: &Marker, operation: Operation) -> Result<(), Error> {
    marker.check(marker::marker(current).as_ref(), ProviderKind::GOOGLE, operation)
}

/// Whether the response to a write was 404. It does not say whether the event or the calendar is
/// missing; a read does.
fn is_missing(error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound && error.failure().status == Some(404)
}

/// Turns a 404 to a write, right after a successful read of the event, into an error that is
/// retried later. One of the two responses is wrong: if calsync trusted the 404, it would create a
/// second event beside the first.
fn retry_contradiction(error: Error) -> Error {
    if is_missing(&error) {
        return error.with_kind(ErrorKind::Unavailable).with_retry(Retry::Later);
    }
    error
}

/// Whether the grant does not allow the request.
fn is_not_granted(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::MissingScope)
}

/// Whether the event is a tombstone: its status is `cancelled`, or the response was 410.
fn is_tombstone(error: &Error) -> bool {
    let failure = error.failure();
    error.kind() == ErrorKind::NotFound
        && (failure.status == Some(410) || failure.code.as_deref() == Some(CANCELLED))
}

fn not_found(operation: Operation) -> Error {
    Error::new(ErrorKind::NotFound, ProviderKind::GOOGLE, operation)
}
