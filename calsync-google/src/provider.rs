//! Google Calendar as a provider: what each call takes, and what each way it can end means.

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
use crate::error::{is_outdated, is_unknown_zone};
use crate::google::GoogleCalendar;
use crate::marker;
use crate::moved::{self, Today, goes_by};
use crate::wire::{EVENT_FIELDS, EventResource, IDENTITY_FIELDS};

/// In how many calendars of an account an event is looked for that its person may have moved.
const MOST_CALENDARS: usize = 25;

/// The code of an event that is read as a tombstone (Google's own word for its status).
const CANCELLED: &str = "cancelled";

#[async_trait]
impl CalendarProvider for GoogleCalendar {
    fn kind(&self) -> ProviderKind {
        ProviderKind::GOOGLE
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    /// One call where the key is free. A key that is taken is looked at: our own event is brought up to date, be it
    /// deleted; anything else keeps it.
    async fn create(&self, place: &CalendarRef, draft: &Draft, _: &CreateOptions) -> Result<Written, Error> {
        check_namespace(draft)?;
        let mut style = self.style(draft);
        loop {
            let insert = self.client.insert(place, &convert::to_insert(draft, style));
            return match insert.await {
                Err(error) if self.goes_without_zone(draft, &mut style, &error) => continue,
                // Boxed, since it is large and rare: every create would have room for it.
                Err(error) if error.kind() == ErrorKind::KeySpent => {
                    Box::pin(self.take_over(place, draft)).await
                }
                result => result.map_err(calendar_not_found),
            };
        }
    }

    /// One call where the version in the options is current.
    async fn update(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        draft: &Draft,
        options: &UpdateOptions,
    ) -> Result<Written, Error> {
        check_namespace(draft)?;
        self.follow(place, remote_id, |place| async move {
            if let Some(etag) = &options.etag {
                match self.write_over(&place, remote_id, draft, Some(etag), None).await {
                    Err(error) if is_outdated(&error) || is_missing(&error) => {}
                    result => return result,
                }
            }
            let standing = self.standing(&place, remote_id, Operation::Update, EVENT_FIELDS).await?;
            check_marker(&standing, &draft.marker, Operation::Update)?;
            let etag = convert::etag(&standing);
            let standing = Standing { event: &standing, rewrite: options.rewrite };
            let written = self.write_over(&place, remote_id, draft, etag.as_ref(), Some(standing)).await;
            written.map_err(contradicted)
        })
        .await
    }

    /// One call where the version in the options is current.
    async fn delete(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        marker: &Marker,
        options: &DeleteOptions,
    ) -> Result<(), Error> {
        self.follow(place, remote_id, |place| async move {
            if let Some(etag) = &options.etag {
                match self.client.delete(&place, remote_id, Some(etag)).await {
                    // Google has also been seen to forbid the removal of what is removed.
                    Err(error) if is_outdated(&error) || is_missing(&error) || is_closed(&error) => {}
                    result => return result,
                }
            }
            let standing = self.standing(&place, remote_id, Operation::Delete, IDENTITY_FIELDS).await?;
            check_marker(&standing, marker, Operation::Delete)?;
            let deleted = self.client.delete(&place, remote_id, convert::etag(&standing).as_ref()).await;
            deleted.map_err(contradicted)
        })
        .await
    }

    /// By the ids that are known, since listings lag, and by the target. Where a tombstone is all there is, the person may have
    /// moved the event: then in the account's other calendars, if the grant shows them.
    async fn find(&self, place: &CalendarRef, query: &TargetQuery) -> Result<Vec<Found>, Error> {
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
            asked.extend(self.client.look(place, id, IDENTITY_FIELDS).await?);
        }
        let target = query.target.to_string();
        let listed = self.client.by_property(place, (marker::TARGET, &target)).await?;
        let is_asked = |event: &EventResource| ids.iter().any(|id| event.id.as_deref() == Some(id.as_str()));
        let (gone, mut events): (Vec<_>, Vec<_>) = asked.into_iter().partition(convert::is_cancelled);
        events.extend(listed.into_iter().filter(|event| !is_asked(event)));
        events.retain(matches);
        if events.is_empty() {
            for tombstone in gone.iter().filter(|event| matches(event)) {
                let Some(id) = tombstone.id.as_deref().map(RemoteId::new) else { continue };
                // Boxed, since it is rare.
                let moved = Box::pin(self.elsewhere(place, place, &id)).await?;
                events.extend(moved.filter(matches));
            }
        }
        events.iter().map(|event| self.found(Operation::Find, event)).collect()
    }

    async fn list_ours(
        &self,
        place: &CalendarRef,
        namespace: &str,
        page: Option<PageToken>,
    ) -> Result<OursPage, Error> {
        let operation = Operation::ListOurs;
        let property = (marker::NAMESPACE, namespace);
        let (events, next) = self.client.page(place, operation, property, page).await?;
        let is_ours = |event: &&EventResource| {
            marker::marker(event).is_some_and(|marker| *marker.namespace == *namespace)
        };
        let found = events.iter().filter(is_ours).map(|event| self.found(operation, event));
        Ok(OursPage::new(found.collect::<Result<_, _>>()?, next))
    }

    async fn get(&self, place: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Found>, Error> {
        let event = self.alive(place, remote_id, IDENTITY_FIELDS).await?;
        event.map(|event| self.found(Operation::Get, &event)).transpose()
    }
}

#[async_trait]
impl EventReader for GoogleCalendar {
    async fn read(&self, place: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Event>, Error> {
        let Some(event) = self.alive(place, remote_id, EVENT_FIELDS).await? else { return Ok(None) };
        let said = convert::event(&event);
        said.map(Some).ok_or_else(|| self.client.rest.incomplete(Operation::Get))
    }
}

impl GoogleCalendar {
    /// The key is taken. Brings our own event under it up to date, or back to life where Google allows it.
    async fn take_over(&self, place: &CalendarRef, draft: &Draft) -> Result<Written, Error> {
        let remote_id = convert::remote_id(&draft.marker.key);
        let spent = || Error::new(ErrorKind::KeySpent, ProviderKind::GOOGLE, Operation::Create);
        let Some(standing) = self.client.get(place, &remote_id, EVENT_FIELDS).await? else {
            return Err(spent());
        };
        let is_gone = convert::is_cancelled(&standing);
        if !marker::marker(&standing).is_some_and(|marker| marker.is_same_target(&draft.marker)) {
            return Err(if is_gone { spent() } else { spent().with_code(FOREIGN_EVENT) });
        }
        check_marker(&standing, &draft.marker, Operation::Create)?;
        // What lies here may be what is left of an event that the person moved.
        let written = if is_gone && self.elsewhere(place, place, &remote_id).await?.is_some() {
            self.update(place, &remote_id, draft, &UpdateOptions::new()).await
        } else {
            let etag = convert::etag(&standing);
            self.write_over(
                place,
                &remote_id,
                draft,
                etag.as_ref(),
                Some(Standing { event: &standing, rewrite: false }),
            )
            .await
        };
        match written {
            // Tombstones vanish in the end, and what stood a moment ago may be deleted by now.
            Err(error) if error.kind() == ErrorKind::NotFound => Err(spent()),
            // Copies of an event that somebody else organizes cannot be revived.
            Err(error) if is_gone && matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::Refused) => {
                Err(spent())
            }
            result => result,
        }
    }

    /// Writes the draft over the event at that version. `standing` is the event, where it was read: if it says all of it,
    /// nothing is written.
    async fn write_over(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        draft: &Draft,
        etag: Option<&Etag>,
        standing: Option<Standing<'_>>,
    ) -> Result<Written, Error> {
        let reminders = &draft.event.reminders;
        let mut style = self.style(draft);
        let mut event = loop {
            let patch = {
                let mut body = convert::to_patch(draft, style);
                if let Some(Standing { event, rewrite }) = standing {
                    if !convert::has_reminders(event, reminders) {
                        convert::set_reminders(&mut body, reminders);
                    }
                    if !rewrite && convert::says(event, &body) {
                        return self.written(event);
                    }
                }
                self.client.patch(place, remote_id, etag, &body)
            };
            match patch.await {
                Err(error) if self.goes_without_zone(draft, &mut style, &error) => {}
                result => break result?,
            }
        };
        if convert::is_cancelled(&event) {
            return Err(not_found(Operation::Update).with_code(CANCELLED));
        }
        // Only the answer tells an event that was not read before apart from one that has these reminders already.
        if standing.is_none() && !convert::has_reminders(&event, reminders) {
            let body = convert::to_reminders(reminders);
            let rest = self.client.patch(place, remote_id, convert::etag(&event).as_ref(), &body).await;
            event = rest.map_err(|error| error.with_retry(Retry::Unknown))?;
        }
        self.written(&event)
    }

    /// Makes the call where the event is known to be. Where a tombstone of it lies there the person may have moved it: then once
    /// more where it is found.
    async fn follow<'p, T, F>(
        &self,
        place: &'p CalendarRef,
        remote_id: &RemoteId,
        call: impl Fn(Today<'p>) -> F + Send,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send,
    {
        let error = match call(self.moved.today(place, remote_id)).await {
            Err(error) if is_tombstone(&error) => error,
            result => return result,
        };
        // Boxed, since it is rare: every call would have room for it.
        let tried = self.moved.today(place, remote_id);
        match Box::pin(self.elsewhere(place, &tried, remote_id)).await? {
            Some(_) => Box::pin(call(self.moved.today(place, remote_id))).await,
            None => Err(error),
        }
    }

    /// Looks for the event of ours in the account's calendars that can be written to, but for the one that was `tried`. Notes
    /// where it is. `None` where it is in none, and where the grant does not show the calendars.
    async fn elsewhere(
        &self,
        place: &CalendarRef,
        tried: &CalendarRef,
        remote_id: &RemoteId,
    ) -> Result<Option<EventResource>, Error> {
        if self.moved.is_nowhere(place, remote_id) {
            return Ok(None);
        }
        let calendars = self.calendars_of(place).await?;
        for calendar in calendars.iter().filter(|calendar| !goes_by(calendar, &tried.calendar)) {
            let other = moved::in_calendar(place, &calendar.id);
            match self.client.look(&other, remote_id, IDENTITY_FIELDS).await {
                Ok(Some(event)) if !convert::is_cancelled(&event) && marker::marker(&event).is_some() => {
                    self.moved.found(place, remote_id, calendar.id.clone());
                    return Ok(Some(event));
                }
                // The scopes may reach fewer calendars than are shown.
                Err(error) if !is_closed(&error) => return Err(error),
                _ => {}
            }
        }
        self.moved.found_nowhere(place, remote_id);
        Ok(None)
    }

    /// The calendars of the account that can be written to; none where the grant does not show them.
    async fn calendars_of(&self, place: &CalendarRef) -> Result<Arc<[AccountCalendar]>, Error> {
        if let Some(calendars) = self.moved.calendars(place) {
            return Ok(calendars);
        }
        let mut calendars = match self.client.calendars(&Access::of(place)).await {
            Err(error) if is_closed(&error) => Vec::new(),
            result => result?,
        };
        calendars.retain(|calendar| calendar.is_writable);
        calendars.truncate(MOST_CALENDARS);
        let calendars: Arc<[AccountCalendar]> = calendars.into();
        self.moved.listed(place, calendars.clone());
        Ok(calendars)
    }

    fn style(&self, draft: &Draft) -> Style {
        let names_zone = self.zones.can_name(&draft.event.when);
        Style { longest_description: self.capabilities.text.description, names_zone }
    }

    /// Whether the write is to be repeated without the name of its zone, which Google does not know.
    fn goes_without_zone(&self, draft: &Draft, style: &mut Style, error: &Error) -> bool {
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

    /// The event, unless it is deleted, also where a person has moved it as far as is known. A calendar that is not there is an
    /// error.
    async fn alive(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        fields: &str,
    ) -> Result<Option<EventResource>, Error> {
        let event = self.client.get(place, remote_id, fields).await?;
        let event = match (event, self.moved.today(place, remote_id)) {
            (Some(event), Today::Elsewhere(today)) if convert::is_cancelled(&event) => {
                self.client.get(&today, remote_id, fields).await?
            }
            (event, _) => event,
        };
        Ok(event.filter(|event| !convert::is_cancelled(event)))
    }

    /// The event that `operation` is about, alive.
    async fn standing(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        operation: Operation,
        fields: &str,
    ) -> Result<EventResource, Error> {
        match self.client.get(place, remote_id, fields).await? {
            Some(event) if convert::is_cancelled(&event) => Err(not_found(operation).with_code(CANCELLED)),
            Some(event) => Ok(event),
            None => Err(not_found(operation)),
        }
    }
}

/// The event as it was read before it is written over.
#[derive(Clone, Copy)]
struct Standing<'a> {
    event: &'a EventResource,
    /// Write also where it says what it should.
    rewrite: bool,
}

/// Google would cut a longer value without a word, and nobody would know our events again.
fn check_namespace(draft: &Draft) -> Result<(), Error> {
    if draft.marker.namespace.chars().count() <= marker::LONGEST_VALUE {
        return Ok(());
    }
    let error = Error::new(ErrorKind::Configuration, ProviderKind::GOOGLE, Operation::Create);
    Err(error.with_code("namespace_too_long"))
}

/// Whether the event may be touched in the name of `marker`. One without a marker may: a ledger's row names it by its id.
fn check_marker(standing: &EventResource, marker: &Marker, operation: Operation) -> Result<(), Error> {
    marker.check(marker::marker(standing).as_ref(), ProviderKind::GOOGLE, operation)
}

/// Whether a write was answered with 404, which says the same of an event and of a calendar that is not there. A read tells them
/// apart.
fn is_missing(error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound && error.failure().status == Some(404)
}

/// A write that was answered with 404 right after the event was read. One of the two is wrong, and the next attempt shows which:
/// were the 404 believed, another event would be made beside the one that is there.
fn contradicted(error: Error) -> Error {
    if is_missing(&error) {
        return error.with_kind(ErrorKind::Unavailable).with_retry(Retry::Later);
    }
    error
}

/// Whether the grant does not open what was asked for.
fn is_closed(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::MissingScope)
}

/// Whether a tombstone of the event was met: read as one, or answered as deleted (410).
fn is_tombstone(error: &Error) -> bool {
    let failure = error.failure();
    error.kind() == ErrorKind::NotFound
        && (failure.status == Some(410) || failure.code.as_deref() == Some(CANCELLED))
}

fn not_found(operation: Operation) -> Error {
    Error::new(ErrorKind::NotFound, ProviderKind::GOOGLE, operation)
}
