//! A calendar that says yes and keeps nothing, however much it is given.

use async_trait::async_trait;
use calsync_core::Error;
use calsync_core::calendar::CalendarRef;
use calsync_core::identity::EventKey;
use calsync_core::names::{ProviderKind, RemoteId};
use calsync_core::provider::{
    CalendarProvider, Capabilities, CreateOptions, DeleteOptions, Draft, Found, Marker, UpdateOptions,
    Written,
};

/// The calendar, and what it declares.
#[derive(Debug, Clone)]
pub struct Yes(pub Capabilities);

#[async_trait]
impl CalendarProvider for Yes {
    fn kind(&self) -> ProviderKind {
        ProviderKind::MEMORY
    }

    fn capabilities(&self) -> Capabilities {
        self.0.clone()
    }

    async fn create(&self, _: &CalendarRef, draft: &Draft, _: &CreateOptions) -> Result<Written, Error> {
        // As a call over a network would, it lets the others go on first.
        tokio::task::yield_now().await;
        Ok(Written::new(RemoteId::new(draft.marker.key.to_string())))
    }

    async fn update(
        &self,
        _: &CalendarRef,
        remote_id: &RemoteId,
        _: &Draft,
        _: &UpdateOptions,
    ) -> Result<Written, Error> {
        Ok(Written::new(remote_id.clone()))
    }

    async fn delete(
        &self,
        _: &CalendarRef,
        _: &RemoteId,
        _: &Marker,
        _: &DeleteOptions,
    ) -> Result<(), Error> {
        Ok(())
    }

    async fn find(&self, _: &CalendarRef, _: &str, _: &EventKey) -> Result<Option<Found>, Error> {
        Ok(None)
    }

    async fn get(&self, _: &CalendarRef, _: &RemoteId) -> Result<Option<Found>, Error> {
        Ok(None)
    }
}
