//! A calendar that says yes and keeps nothing, however much it is given.

use async_trait::async_trait;
use calsync_core::Error;
use calsync_core::calendar::CalendarRef;
use calsync_core::names::{ProviderKind, RemoteId};
use calsync_core::provider::{
    CalendarProvider, Capabilities, CreateOptions, DeleteOptions, Draft, Found, Marker, OursPage, PageToken,
    TargetQuery, UpdateOptions, Written,
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

    async fn find(&self, _: &CalendarRef, _: &TargetQuery) -> Result<Vec<Found>, Error> {
        Ok(Vec::new())
    }

    async fn list_ours(&self, _: &CalendarRef, _: &str, _: Option<PageToken>) -> Result<OursPage, Error> {
        Ok(OursPage::default())
    }

    async fn get(&self, _: &CalendarRef, _: &RemoteId) -> Result<Option<Found>, Error> {
        Ok(None)
    }
}
