//! A provider that wraps another one and fails by a script.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::calendar::CalendarRef;
use crate::error::{Error, ErrorKind, Operation, Retry};
use crate::event::Event;
use crate::names::{ProviderKind, RemoteId};
use crate::provider::{
    CalendarProvider, Capabilities, CreateOptions, DeleteOptions, Draft, EventReader, Found, Marker,
    OursPage, PageToken, TargetQuery, UpdateOptions, Written,
};
use crate::testing::random::Random;
use crate::turns;

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The call is made as usual.
    None,
    /// The call is not made. It fails with an error of this kind, with the kind's usual [`Retry`].
    Before(ErrorKind),
    /// The call is made and its response is lost: [`Retry::Unknown`].
    ResponseLost,
    /// The call is not made, but the caller cannot know that: [`Retry::Unknown`].
    RequestLost,
    /// The call yields to other futures this number of times, and is then made.
    Slow(u8),
}

/// A provider that wraps another one and fails by a script. Clones share the script.
#[derive(Debug, Clone)]
pub struct Faulty<P> {
    inner: P,
    script: Arc<Mutex<Script>>,
}

#[derive(Debug, Default)]
struct Script {
    next: VecDeque<Fault>,
    random: Option<Random>,
}

impl<P> Faulty<P> {
    /// Wraps a provider. Without a script, no call fails.
    #[must_use]
    pub fn new(inner: P) -> Self {
        Self { inner, script: Arc::default() }
    }

    /// Returns the wrapped provider.
    #[must_use]
    pub fn inner(&self) -> &P {
        &self.inner
    }

    /// Sets the faults of the next calls, in order. Later calls are made as usual.
    pub fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        self.lock().next.extend(faults);
    }

    /// From now on, `per_mille` of 1000 calls fail, in ways that are computed from `seed`. With
    /// `slow`, the other calls yield a number of times that is computed from the seed too, so that
    /// calls overtake each other.
    pub fn at_random(&self, seed: u64, per_mille: u64, slow: bool) {
        let mut script = self.lock();
        script.next.clear();
        script.random = Some(Random::new(seed, per_mille, slow));
    }

    /// From now on, no call fails.
    pub fn quiet(&self) {
        *self.lock() = Script::default();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Fault {
        let mut script = self.lock();
        match script.next.pop_front() {
            Some(fault) => fault,
            None => script.random.as_mut().map_or(Fault::None, draw),
        }
    }
}

/// Draws the next fault of `at_random`.
fn draw(random: &mut Random) -> Fault {
    if !random.fails() {
        return Fault::Slow(random.turns());
    }
    match random.number() % 9 {
        0 => Fault::Before(ErrorKind::Unavailable),
        1 => Fault::Before(ErrorKind::RateLimited),
        2 => Fault::Before(ErrorKind::Unauthenticated),
        3 => Fault::Before(ErrorKind::Refused),
        4 => Fault::Before(ErrorKind::Forbidden),
        5 | 6 => Fault::ResponseLost,
        _ => Fault::RequestLost,
    }
}

impl<P: CalendarProvider> Faulty<P> {
    /// Makes a call, or fails it, as the script says.
    async fn call<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let error = |kind| Error::new(kind, self.inner.kind(), operation);
        match self.next() {
            Fault::None => call.await,
            Fault::Before(kind) => Err(error(kind)),
            Fault::RequestLost => Err(error(ErrorKind::Unavailable).with_retry(Retry::Unknown)),
            Fault::ResponseLost => {
                call.await?;
                Err(error(ErrorKind::Unavailable).with_retry(Retry::Unknown))
            }
            Fault::Slow(turns) => {
                turns::pass(turns.into()).await;
                call.await
            }
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<P: CalendarProvider> CalendarProvider for Faulty<P> {
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
        self.call(Operation::Create, self.inner.create(place, draft, options)).await
    }

    async fn update(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        draft: &Draft,
        options: &UpdateOptions,
    ) -> Result<Written, Error> {
        self.call(Operation::Update, self.inner.update(place, remote_id, draft, options)).await
    }

    async fn delete(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        marker: &Marker,
        options: &DeleteOptions,
    ) -> Result<(), Error> {
        self.call(Operation::Delete, self.inner.delete(place, remote_id, marker, options)).await
    }

    async fn find(&self, place: &CalendarRef, query: &TargetQuery) -> Result<Vec<Found>, Error> {
        self.call(Operation::Find, self.inner.find(place, query)).await
    }

    async fn list_ours(
        &self,
        place: &CalendarRef,
        namespace: &str,
        page: Option<PageToken>,
    ) -> Result<OursPage, Error> {
        self.call(Operation::ListOurs, self.inner.list_ours(place, namespace, page)).await
    }

    async fn get(&self, place: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Found>, Error> {
        self.call(Operation::Get, self.inner.get(place, remote_id)).await
    }
}

#[async_trait]
impl<P: CalendarProvider + EventReader> EventReader for Faulty<P> {
    async fn read(&self, place: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Event>, Error> {
        self.inner.read(place, remote_id).await
    }
}
