//! A provider around another, that fails as told.

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

/// How a call fails, or is slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It does not.
    None,
    /// It fails with this kind and its usual retry class, before anything was changed.
    Before(ErrorKind),
    /// It is made, and its answer is lost.
    AnswerLost,
    /// It is not made, and nobody can know that.
    RequestLost,
    /// It takes so many turns of the runtime before it is made.
    Slow(u8),
}

/// A provider around another, that fails as told. Clones share their script.
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
    /// A provider that does not fail yet.
    #[must_use]
    pub fn new(inner: P) -> Self {
        Self { inner, script: Arc::default() }
    }

    /// The provider inside.
    #[must_use]
    pub fn inner(&self) -> &P {
        &self.inner
    }

    /// The next calls end like this, one after the other; those after them as they would.
    pub fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        self.lock().next.extend(faults);
    }

    /// So many calls in a thousand fail from now on, in ways that follow from `seed`; with `slow`, the others take their
    /// turns in an order that follows from it too.
    pub fn at_random(&self, seed: u64, per_mille: u64, slow: bool) {
        let mut script = self.lock();
        script.next.clear();
        script.random = Some(Random::new(seed, per_mille, slow));
    }

    /// No call fails from now on.
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

/// What fails of `at_random`, and how.
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
        5 | 6 => Fault::AnswerLost,
        _ => Fault::RequestLost,
    }
}

impl<P: CalendarProvider> Faulty<P> {
    /// Makes a call, or does not, as the script has it.
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
            Fault::AnswerLost => {
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
