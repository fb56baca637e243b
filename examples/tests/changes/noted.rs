//! A provider around another that notes its calls.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use calsync_core::calendar::{CalendarRef, Person};
use calsync_core::error::{Error, Operation};
use calsync_core::names::{ProviderKind, RemoteId};
use calsync_core::provider::{
    CalendarProvider, Capabilities, CreateOptions, DeleteOptions, Draft, Found, Marker, OursPage, PageToken,
    TargetQuery, UpdateOptions, Written,
};

/// Which calls were made for which profile. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Notes(Arc<Mutex<Vec<(i64, Operation)>>>);

impl Notes {
    /// The calls since this was last asked.
    pub fn take(&self) -> Vec<(i64, Operation)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn note(&self, place: &CalendarRef, operation: Operation) {
        let Person::Profile(id) = &place.person else { panic!("no guests here") };
        self.0.lock().unwrap().push((id.to_string().parse().unwrap(), operation));
    }
}

/// A provider around another that notes its calls.
#[derive(Debug)]
pub struct Noted {
    pub inner: Arc<dyn CalendarProvider>,
    pub notes: Notes,
}

#[async_trait]
impl CalendarProvider for Noted {
    fn kind(&self) -> ProviderKind {
        self.inner.kind()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn create(
        &self,
        place: &CalendarRef,
        draft: &Draft,
        options: &CreateOptions,
    ) -> Result<Written, Error> {
        self.notes.note(place, Operation::Create);
        self.inner.create(place, draft, options).await
    }

    async fn update(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        draft: &Draft,
        options: &UpdateOptions,
    ) -> Result<Written, Error> {
        self.notes.note(place, Operation::Update);
        self.inner.update(place, remote_id, draft, options).await
    }

    async fn delete(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        marker: &Marker,
        options: &DeleteOptions,
    ) -> Result<(), Error> {
        self.notes.note(place, Operation::Delete);
        self.inner.delete(place, remote_id, marker, options).await
    }

    async fn find(&self, place: &CalendarRef, query: &TargetQuery) -> Result<Vec<Found>, Error> {
        self.notes.note(place, Operation::Find);
        self.inner.find(place, query).await
    }

    async fn list_ours(
        &self,
        place: &CalendarRef,
        namespace: &str,
        page: Option<PageToken>,
    ) -> Result<OursPage, Error> {
        self.notes.note(place, Operation::ListOurs);
        self.inner.list_ours(place, namespace, page).await
    }

    async fn get(&self, place: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Found>, Error> {
        self.notes.note(place, Operation::Get);
        self.inner.get(place, remote_id).await
    }
}
