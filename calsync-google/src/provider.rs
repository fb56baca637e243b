//! Google Calendar as a provider: what each call takes, and what each way it can end means.

use async_trait::async_trait;
use calsync_core::ProviderKind;
use calsync_core::calendar::CalendarRef;
use calsync_core::error::{Error, ErrorKind, Operation, Retry};
use calsync_core::identity::EventKey;
use calsync_core::names::{Etag, RemoteId};
use calsync_core::provider::{
    CalendarProvider, Capabilities, CreateOptions, DeleteOptions, Draft, Found, Marker, UpdateOptions,
    Written,
};

use crate::client::calendar_not_found;
use crate::convert;
use crate::google::GoogleCalendar;
use crate::wire::EventResource;

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
        match self.client.insert(place, draft, self.capabilities.text.description).await {
            Ok(written) => Ok(written),
            // Boxed, since it is large and rare: every create would have room for it.
            Err(error) if error.kind() == ErrorKind::KeySpent => Box::pin(self.take_over(place, draft)).await,
            Err(error) => Err(calendar_not_found(error)),
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
        if let Some(etag) = &options.etag {
            match self.write_over(place, remote_id, draft, Some(etag), None).await {
                Err(error) if is_outdated(&error) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    self.client.check_calendar(place).await?;
                    return Err(error);
                }
                result => return result,
            }
        }
        let standing = self.alive(place, remote_id).await?.ok_or_else(|| not_found(Operation::Update))?;
        check_marker(&standing, &draft.marker, Operation::Update)?;
        self.write_over(place, remote_id, draft, convert::etag(&standing).as_ref(), Some(&standing)).await
    }

    /// One call where the version in the options is current.
    async fn delete(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        marker: &Marker,
        options: &DeleteOptions,
    ) -> Result<(), Error> {
        if let Some(etag) = &options.etag {
            match self.client.delete(place, remote_id, Some(etag)).await {
                // Google has also been seen to forbid the removal of what is removed.
                Err(error) if is_outdated(&error) || error.kind() == ErrorKind::Forbidden => {}
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                result => return result,
            }
        }
        let Some(standing) = self.alive(place, remote_id).await? else { return Ok(()) };
        check_marker(&standing, marker, Operation::Delete)?;
        match self.client.delete(place, remote_id, convert::etag(&standing).as_ref()).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    /// By its id, which is the key; failing that by the marker, for an event that came here some other way.
    async fn find(
        &self,
        place: &CalendarRef,
        namespace: &str,
        key: &EventKey,
    ) -> Result<Option<Found>, Error> {
        let is_ours = |event: &EventResource| {
            let marker = convert::marker(event);
            marker.is_some_and(|marker| marker.key == *key && *marker.namespace == *namespace)
        };
        let by_id = match self.client.get(place, &convert::remote_id(key)).await? {
            Some(event) if is_ours(&event) => vec![event],
            _ => self.client.by_key(place, key).await?,
        };
        let alive = |event: &&EventResource| is_ours(event) && !convert::is_cancelled(event);
        by_id.iter().find(alive).map(|event| self.found(Operation::Find, event)).transpose()
    }

    async fn get(&self, place: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Found>, Error> {
        let event = self.alive(place, remote_id).await?;
        event.map(|event| self.found(Operation::Get, &event)).transpose()
    }
}

impl GoogleCalendar {
    /// The key is taken. Brings our own event under it up to date, or back to life where Google allows it.
    async fn take_over(&self, place: &CalendarRef, draft: &Draft) -> Result<Written, Error> {
        let remote_id = convert::remote_id(&draft.marker.key);
        let spent = || Error::new(ErrorKind::KeySpent, ProviderKind::GOOGLE, Operation::Create);
        let Some(standing) = self.client.get(place, &remote_id).await? else { return Err(spent()) };
        if !convert::marker(&standing).is_some_and(|marker| marker.is_same_event(&draft.marker)) {
            return Err(spent());
        }
        check_marker(&standing, &draft.marker, Operation::Create)?;
        let etag = convert::etag(&standing);
        match self.write_over(place, &remote_id, draft, etag.as_ref(), Some(&standing)).await {
            // Tombstones vanish in the end, and what stood a moment ago may be deleted by now.
            Err(error) if error.kind() == ErrorKind::NotFound => Err(spent()),
            // Copies of an event that somebody else organizes cannot be revived.
            Err(error)
                if convert::is_cancelled(&standing)
                    && matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::Refused) =>
            {
                Err(spent())
            }
            result => result,
        }
    }

    /// Writes the draft over the event at that version. `standing` is the event, where it was read.
    async fn write_over(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        draft: &Draft,
        etag: Option<&Etag>,
        standing: Option<&EventResource>,
    ) -> Result<Written, Error> {
        let reminders = &draft.event.reminders;
        let mut body = convert::to_patch(draft, self.capabilities.text.description);
        if standing.is_some_and(|standing| !convert::has_reminders(standing, reminders)) {
            convert::set_reminders(&mut body, reminders);
        }
        let mut event = self.client.patch(place, remote_id, etag, &body).await?;
        if convert::is_cancelled(&event) {
            return Err(not_found(Operation::Update));
        }
        // Only the answer tells an event that was not read before apart from one that has these reminders already.
        if standing.is_none() && !convert::has_reminders(&event, reminders) {
            let body = convert::to_reminders(reminders);
            let rest = self.client.patch(place, remote_id, convert::etag(&event).as_ref(), &body).await;
            event = rest.map_err(|error| error.with_retry(Retry::Unknown))?;
        }
        convert::written(&event).ok_or_else(|| self.client.rest.incomplete(Operation::Update))
    }

    fn found(&self, operation: Operation, event: &EventResource) -> Result<Found, Error> {
        convert::found(event).ok_or_else(|| self.client.rest.incomplete(operation))
    }

    /// The event, unless it is deleted. A calendar that is not there is an error.
    async fn alive(&self, place: &CalendarRef, remote_id: &RemoteId) -> Result<Option<EventResource>, Error> {
        let event = self.client.get(place, remote_id).await?;
        Ok(event.filter(|event| !convert::is_cancelled(event)))
    }
}

/// Google would cut a longer value without a word, and nobody would know our events again.
fn check_namespace(draft: &Draft) -> Result<(), Error> {
    if draft.marker.namespace.chars().count() <= convert::LONGEST_VALUE {
        return Ok(());
    }
    let error = Error::new(ErrorKind::Configuration, ProviderKind::GOOGLE, Operation::Create);
    Err(error.with_code("namespace_too_long"))
}

/// Whether the event may be touched in the name of `marker`. One without a marker may: a ledger's row names it by its id.
fn check_marker(standing: &EventResource, marker: &Marker, operation: Operation) -> Result<(), Error> {
    marker.check(convert::marker(standing).as_ref(), ProviderKind::GOOGLE, operation)
}

/// Whether the event has moved on since the version that was named (412).
fn is_outdated(error: &Error) -> bool {
    error.failure().status == Some(412)
}

fn not_found(operation: Operation) -> Error {
    Error::new(ErrorKind::NotFound, ProviderKind::GOOGLE, operation)
}
