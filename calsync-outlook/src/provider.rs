//! Outlook as a provider: what each call takes, and what each way it can end means.

use async_trait::async_trait;
use calsync_core::ProviderKind;
use calsync_core::auth::Access;
use calsync_core::calendar::CalendarRef;
use calsync_core::error::{Error, ErrorKind, Operation, Retry};
use calsync_core::identity::EventKey;
use calsync_core::names::RemoteId;
use calsync_core::provider::{
    CalendarProvider, Capabilities, CreateOptions, DeleteOptions, Draft, Found, Marker, UpdateOptions,
    Written,
};

use crate::client::Created;
use crate::convert::{self, Limits};
use crate::error::{is_outdated, is_undeletable};
use crate::meeting;
use crate::moved::{Today, of_name};
use crate::outlook::OutlookCalendar;
use crate::wire::{EventBody, EventResource, ItemBody};

#[async_trait]
impl CalendarProvider for OutlookCalendar {
    fn kind(&self) -> ProviderKind {
        ProviderKind::OUTLOOK
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    /// One call where no event was made under the key before.
    async fn create(
        &self,
        place: &CalendarRef,
        draft: &Draft,
        options: &CreateOptions,
    ) -> Result<Written, Error> {
        check_namespace(draft)?;
        let retried = options.retried;
        self.wherever_it_is(place, |place| async move { self.create_at(&place, draft, retried).await }).await
    }

    /// Two calls: a read, since only what differs is written, and the change.
    async fn update(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        draft: &Draft,
        _: &UpdateOptions,
    ) -> Result<Written, Error> {
        check_namespace(draft)?;
        self.wherever_it_is(place, |place| async move { self.update_at(&place, remote_id, draft).await })
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
        self.wherever_it_is(place, |place| async move {
            if let Some(etag) = &options.etag {
                match self.client.delete(&place, remote_id, Some(etag)).await {
                    Err(error)
                        if is_outdated(&error)
                            || is_undeletable(&error)
                            || error.kind() == ErrorKind::NotFound => {}
                    result => return result,
                }
            }
            self.delete_at(&place, remote_id, marker).await
        })
        .await
    }

    /// The event that was made under the key. A copy of it, which has its marker, is its owner's.
    async fn find(
        &self,
        place: &CalendarRef,
        namespace: &str,
        key: &EventKey,
    ) -> Result<Option<Found>, Error> {
        let event = self
            .wherever_it_is(place, |place| async move { self.find_at(&place, namespace, key).await })
            .await?;
        event
            .filter(|event| convert::is_made_under(event, key))
            .map(|event| self.found(Operation::Find, &event))
            .transpose()
    }

    async fn get(&self, place: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Found>, Error> {
        let event = self
            .wherever_it_is(place, |place| async move {
                match self.client.get(&place, remote_id).await {
                    Ok(event) => Ok(Some(event)),
                    Err(error) if error.kind() == ErrorKind::NotFound => {
                        self.client.check_calendar(&place).await.map(|()| None)
                    }
                    Err(error) => Err(error),
                }
            })
            .await?;
        event.map(|event| self.found(Operation::Get, &event)).transpose()
    }
}

impl OutlookCalendar {
    /// Makes the call at the place; where its calendar's id stopped existing, once more where a calendar of its name is found.
    async fn wherever_it_is<'p, T, F>(
        &self,
        place: &'p CalendarRef,
        call: impl Fn(Today<'p>) -> F + Send,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send,
    {
        let today = self.moved.today(place);
        let tried = today.calendar.clone();
        let error = match call(today).await {
            Err(error) if error.kind() == ErrorKind::CalendarNotFound => error,
            result => return result,
        };
        let Some(name) = place.name.as_ref().filter(|_| !place.calendar.is_primary()) else {
            return Err(error);
        };
        // Boxed, since it is rare: every call would have room for it.
        let calendars = Box::pin(self.client.calendars(&Access::of(place))).await?;
        match of_name(&calendars, name.as_str()) {
            Some(calendar) if *calendar != tried => self.moved.note(place, calendar.clone()),
            _ => return Err(error),
        }
        Box::pin(call(self.moved.today(place))).await
    }

    async fn create_at(&self, place: &CalendarRef, draft: &Draft, retried: bool) -> Result<Written, Error> {
        // Boxed, as what is large and lives as long as the call.
        let body = Box::new(convert::to_create(draft, &self.limits()));
        let by = match self.client.create(place, &body).await? {
            Created::Event { written, is_as_sent } if is_as_sent && !retried => return Ok(written),
            // Graph answers a create that it remembers with the event of the first one, whatever has become of that since.
            Created::Event { written, .. } => Some(written.remote_id),
            Created::Taken(by) => by,
        };
        Box::pin(self.take_over(place, draft, by)).await.map_err(|error| match error.kind() {
            ErrorKind::KeySpent | ErrorKind::Superseded => error,
            // An event of ours may stand there by now, whatever kept us from looking at it.
            _ => error.with_retry(Retry::Unknown),
        })
    }

    /// An event was made under this transaction id. Brings it up to date, if it is there and ours.
    async fn take_over(
        &self,
        place: &CalendarRef,
        draft: &Draft,
        by: Option<RemoteId>,
    ) -> Result<Written, Error> {
        let spent = || Error::new(ErrorKind::KeySpent, ProviderKind::OUTLOOK, Operation::Create);
        let key = &draft.marker.key;
        let standing = match &by {
            Some(id) => self.client.get(place, id).await,
            None => Err(spent().with_kind(ErrorKind::NotFound)),
        };
        let standing = match standing {
            Ok(event) => event,
            // Not by that id, which may be of an event since deleted, or of one whose id changed.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let found = self.find_at(place, &draft.marker.namespace, key).await?;
                found.filter(|event| convert::is_made_under(event, key)).ok_or_else(spent)?
            }
            Err(error) => return Err(error),
        };
        let is_ours = match convert::marker(&standing) {
            Some(marker) => marker.is_same_event(&draft.marker),
            None => convert::is_made_under(&standing, key),
        };
        if !is_ours {
            return Err(spent());
        }
        draft.marker.check(convert::marker(&standing).as_ref(), ProviderKind::OUTLOOK, Operation::Create)?;
        match self.write_over(place, standing, draft).await {
            // What stood a moment ago may be deleted by now.
            Err(error) if error.kind() == ErrorKind::NotFound => Err(spent()),
            result => result,
        }
    }

    async fn update_at(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        draft: &Draft,
    ) -> Result<Written, Error> {
        let standing = self.standing(place, remote_id, &draft.marker).await?;
        let gone = || Error::new(ErrorKind::NotFound, ProviderKind::OUTLOOK, Operation::Update);
        self.write_over(place, standing.ok_or_else(gone)?, draft).await
    }

    async fn delete_at(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        marker: &Marker,
    ) -> Result<(), Error> {
        let Some(mut standing) = self.standing(place, remote_id, marker).await? else { return Ok(()) };
        for is_last in [false, true] {
            let theirs = convert::marker(&standing);
            marker.check(theirs.as_ref(), ProviderKind::OUTLOOK, Operation::Delete)?;
            let Written { remote_id, etag, .. } = self.written(Operation::Get, &standing)?;
            match self.client.delete(place, &remote_id, etag.as_ref()).await {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                Err(error) if is_undeletable(&error) => {
                    // A list shows nothing that is deleted.
                    let listed = Box::pin(self.find_at(place, &marker.namespace, &marker.key)).await?;
                    return if listed.is_some() { Err(error) } else { Ok(()) };
                }
                Err(error) if is_outdated(&error) && !is_last => {}
                result => return result,
            }
            standing = match self.client.get(place, &remote_id).await {
                Ok(event) => event,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            };
        }
        Ok(())
    }

    /// Makes of an event what the draft says. Where somebody was faster it is read again, once, and what the draft says is put
    /// into what stands there by then.
    async fn write_over(
        &self,
        place: &CalendarRef,
        mut standing: Box<EventResource>,
        draft: &Draft,
    ) -> Result<Written, Error> {
        let mut is_last = false;
        loop {
            let theirs = convert::marker(&standing);
            draft.marker.check(theirs.as_ref(), ProviderKind::OUTLOOK, Operation::Update)?;
            let now = self.written(Operation::Get, &standing)?;
            let Some(mut body) = convert::to_update(draft, &standing, &self.limits()) else { return Ok(now) };
            if standing.is_online_meeting == Some(true) {
                Box::pin(self.keep_meeting(place, &now.remote_id, draft, &mut body)).await?;
                if convert::is_empty(&body) {
                    return Ok(now);
                }
            }
            match self.client.update(place, &now.remote_id, now.etag.as_ref(), &body).await {
                Err(error) if is_outdated(&error) && !is_last => {}
                Err(error) => return Err(error),
                Ok(event) => return self.written(Operation::Update, &event),
            }
            is_last = true;
            standing = self.client.get(place, &now.remote_id).await?;
        }
    }

    /// A new text goes before what the person's online meeting has in the body, or nowhere.
    async fn keep_meeting(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        draft: &Draft,
        body: &mut EventBody<'_>,
    ) -> Result<(), Error> {
        if body.body.is_some() {
            let html = self.client.html(place, remote_id).await?;
            let with_meeting = meeting::with_meeting(&meeting::without_rule(&draft.event.description), &html);
            body.body =
                with_meeting.map(|content| ItemBody { content_type: "html".into(), content: content.into() });
        }
        Ok(())
    }

    /// The event of that id; failing that, since ids change when a mailbox is moved, the one with the marker. A calendar that is
    /// not there is an error.
    async fn standing(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        marker: &Marker,
    ) -> Result<Option<Box<EventResource>>, Error> {
        match self.client.get(place, remote_id).await {
            Ok(event) => Ok(Some(event)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Box::pin(self.find_at(place, &marker.namespace, &marker.key)).await
            }
            Err(error) => Err(error),
        }
    }

    /// Our event with this key. Of two, such as a person makes by copying one, the one that was made under the key.
    async fn find_at(
        &self,
        place: &CalendarRef,
        namespace: &str,
        key: &EventKey,
    ) -> Result<Option<Box<EventResource>>, Error> {
        let is_ours = |event: &EventResource| match convert::marker(event) {
            Some(marker) => marker.key == *key && *marker.namespace == *namespace,
            None => convert::is_made_under(event, key),
        };
        let mut ours = self.client.find(place, key).await?;
        ours.retain(is_ours);
        let original = ours.iter().position(|event| convert::is_made_under(event, key)).unwrap_or_default();
        Ok(ours.into_iter().nth(original).map(Box::new))
    }

    fn limits(&self) -> Limits {
        let text = &self.capabilities.text;
        Limits { subject: text.title, location: text.location, default_reminder: self.default_reminder }
    }

    fn written(&self, operation: Operation, event: &EventResource) -> Result<Written, Error> {
        convert::written(event).ok_or_else(|| self.client.rest.incomplete(operation))
    }

    fn found(&self, operation: Operation, event: &EventResource) -> Result<Found, Error> {
        convert::found(event).ok_or_else(|| self.client.rest.incomplete(operation))
    }
}

/// A namespace that did not survive would leave events that nobody knows again.
fn check_namespace(draft: &Draft) -> Result<(), Error> {
    if draft.marker.namespace.encode_utf16().count() <= convert::LONGEST_NAMESPACE {
        return Ok(());
    }
    let error = Error::new(ErrorKind::Configuration, ProviderKind::OUTLOOK, Operation::Create);
    Err(error.with_code("namespace_too_long"))
}
