//! What a backend has to do, and what it says it can do.

mod calendars;
mod capabilities;
mod draft;

use std::fmt::Debug;

use async_trait::async_trait;

pub use calendars::AccountCalendar;
pub use capabilities::{CalendarIds, Capabilities};
pub use draft::{CreateOptions, DeleteOptions, Draft, Found, Marker, UpdateOptions, Written};

use crate::calendar::CalendarRef;
use crate::error::Error;
use crate::identity::EventKey;
use crate::names::{ProviderKind, RemoteId};

/// A backend: writes, finds and removes events in one kind of calendar.
///
/// # The contract
///
/// - **One attempt.** A method makes one attempt and says how it ended; retrying is the syncer's business. (One
///   exception: an expired access token is refreshed once and the call repeated.)
/// - **Honest outcomes.** `Ok` means the provider confirmed it. An error whose
///   [`Retry`](crate::error::Retry) is `Never` or `Later` means *nothing was changed*; whoever cannot know that answers
///   `Unknown`, and the syncer looks before it writes again.
/// - **The marker.** Every event written carries the draft's [`Marker`], invisibly where the calendar allows it. An event
///   that carries somebody else's marker, or none and is not named by its remote id, is never changed or deleted:
///   [`NotOurs`](crate::error::ErrorKind::NotOurs).
/// - **Revisions.** A write or a removal that meets our marker with a *newer* revision changes nothing and answers
///   [`Superseded`](crate::error::ErrorKind::Superseded): another worker was faster.
/// - **Silence.** Nobody gets mail from a write, where the provider can be silent; no attendees are written.
/// - **Gone calendars** are [`CalendarNotFound`](crate::error::ErrorKind::CalendarNotFound), never an empty answer. A read
///   that fails is an error, never "nothing there".
/// - **Cancellation.** Dropping a future is like losing the answer: the call may have been made or not.
///
/// Events come in [fitted](crate::event::Event::fitted) to [`capabilities`](CalendarProvider::capabilities).
///
/// The [conformance suite](crate::testing) (feature `test-util`) tests these rules on any implementation.
///
/// New methods will have default bodies. `MockCalendarProvider` (feature `mock`) mocks those too, so a test that uses it
/// may have to expect a new one; it follows mockall's version and is outside the semver promise.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait CalendarProvider: Debug + Send + Sync + 'static {
    /// The kind of connection this provider serves.
    fn kind(&self) -> ProviderKind;

    /// What it can do, and how much of it. The same at every call.
    fn capabilities(&self) -> Capabilities;

    /// Writes an event that is not there yet, under the key in the draft's marker.
    ///
    /// Repeatable: where an event with this key and our namespace stands already, it is brought up to date and the answer
    /// is `Ok`, as if it had just been made. All or nothing.
    ///
    /// # Errors
    /// [`KeySpent`](crate::error::ErrorKind::KeySpent) when the key belongs to an event since deleted, or to a foreign one;
    /// [`Superseded`](crate::error::ErrorKind::Superseded); [`Refused`](crate::error::ErrorKind::Refused) when this content
    /// will never be taken; or as the contract says.
    async fn create(
        &self,
        place: &CalendarRef,
        draft: &Draft,
        options: &CreateOptions,
    ) -> Result<Written, Error>;

    /// Writes over the event that has this remote id: the content becomes the draft's, what is not ours in it (reminders the
    /// person set, colour, guests) stays. The marker is written even where there was none (an adopted event).
    ///
    /// An etag in the options that is out of date is no error: the event is read again, once, and what the draft says is
    /// put into what stands there now.
    ///
    /// # Errors
    /// [`NotFound`](crate::error::ErrorKind::NotFound) when it is gone (a tombstone counts as gone);
    /// [`Superseded`](crate::error::ErrorKind::Superseded); [`NotOurs`](crate::error::ErrorKind::NotOurs) when it carries
    /// another key or namespace; [`Refused`](crate::error::ErrorKind::Refused); or as the contract says.
    async fn update(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        draft: &Draft,
        options: &UpdateOptions,
    ) -> Result<Written, Error>;

    /// Removes the event that has this remote id. One that is not there (any more) is success.
    ///
    /// `marker` is what the event is known by and the revision of this removal.
    ///
    /// # Errors
    /// [`Superseded`](crate::error::ErrorKind::Superseded), [`NotOurs`](crate::error::ErrorKind::NotOurs), or as the contract
    /// says.
    async fn delete(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        marker: &Marker,
        options: &DeleteOptions,
    ) -> Result<(), Error>;

    /// Looks for the event with this key in our namespace. `None` when there is none that is alive.
    ///
    /// # Errors
    /// As the contract says.
    async fn find(
        &self,
        place: &CalendarRef,
        namespace: &str,
        key: &EventKey,
    ) -> Result<Option<Found>, Error>;

    /// Reads the event that has this remote id, whoever made it. `None` when there is none that is alive.
    ///
    /// # Errors
    /// As the contract says.
    async fn get(&self, place: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Found>, Error>;
}
