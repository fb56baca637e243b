//! A provider that wraps another one and knows the account of each connection's token, even if the
//! caller does not pass it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use calsync_core::calendar::{CalendarRef, ConnectionKey};
use calsync_core::error::Error;
use calsync_core::names::{AccountId, ProviderKind, RemoteId};
use calsync_core::provider::{
    CalendarProvider, Capabilities, CreateOptions, DeleteOptions, Draft, Found, Marker, OursPage, PageToken,
    TargetQuery, UpdateOptions, Written,
};

#[derive(Debug, Clone)]
pub(crate) struct Reached<P> {
    inner: P,
    accounts: Arc<Mutex<BTreeMap<ConnectionKey, AccountId>>>,
}

impl<P> Reached<P> {
    pub(crate) fn new(inner: P) -> Self {
        Self { inner, accounts: Arc::default() }
    }

    /// Sets the account of a connection's token.
    #[allow(dead_code, reason = "only the stories say so")]
    pub(crate) fn leads_to(&self, connection: ConnectionKey, account: AccountId) {
        self.accounts.lock().unwrap().insert(connection, account);
    }

    fn calendar(&self, place: &CalendarRef) -> CalendarRef {
        let mut accounts = self.accounts.lock().unwrap();
        if let Some(account) = &place.account {
            accounts.insert(place.connection_key(), account.clone());
        }
        place.clone().with_account(accounts.get(&place.connection_key()).cloned())
    }
}

#[async_trait]
impl<P: CalendarProvider> CalendarProvider for Reached<P> {
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
        self.inner.create(&self.calendar(place), draft, options).await
    }

    async fn update(
        &self,
        place: &CalendarRef,
        id: &RemoteId,
        draft: &Draft,
        options: &UpdateOptions,
    ) -> Result<Written, Error> {
        self.inner.update(&self.calendar(place), id, draft, options).await
    }

    async fn delete(
        &self,
        place: &CalendarRef,
        id: &RemoteId,
        marker: &Marker,
        options: &DeleteOptions,
    ) -> Result<(), Error> {
        self.inner.delete(&self.calendar(place), id, marker, options).await
    }

    async fn find(&self, place: &CalendarRef, query: &TargetQuery) -> Result<Vec<Found>, Error> {
        self.inner.find(&self.calendar(place), query).await
    }

    async fn list_ours(
        &self,
        place: &CalendarRef,
        namespace: &str,
        page: Option<PageToken>,
    ) -> Result<OursPage, Error> {
        self.inner.list_ours(&self.calendar(place), namespace, page).await
    }

    async fn get(&self, place: &CalendarRef, id: &RemoteId) -> Result<Option<Found>, Error> {
        self.inner.get(&self.calendar(place), id).await
    }
}
