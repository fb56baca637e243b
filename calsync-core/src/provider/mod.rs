//! What a backend has to do, and what it says it can do.

mod calendars;
mod capabilities;
mod draft;

use std::fmt::Debug;

use async_trait::async_trait;

pub use calendars::AccountCalendar;
pub use capabilities::{CalendarIds, Capabilities};
pub use draft::{
    CreateOptions, DeleteOptions, Draft, Found, MAX_REVISION_LEAD, Marker, OursPage, PageToken, TargetQuery,
    UpdateOptions, Written,
};

use crate::calendar::CalendarRef;
use crate::error::Error;
use crate::event::Event;
use crate::names::{ProviderKind, RemoteId};

/// A backend: writes, finds and removes events in one kind of calendar.
///
/// # The contract
///
/// - **One attempt.** A method makes one attempt and says how it ended. Retries are the syncer's job. (One exception: a refused
///   access token is refreshed once and the call repeated.)
/// - **Honest outcomes.** `Ok` means that the provider confirmed it. An error whose [`Retry`](crate::error::Retry) is `Never` or
///   `Later` means *nothing was changed*; where that is not known it is `Unknown`, and the syncer looks before it writes again.
///   A write that comes back under another id than the one asked for is `Unknown`.
/// - **The provider's own word.** 403, 404 and 410 mean what they say only with the provider's own machine code in the body. A
///   gateway's page, foreign JSON or an empty body is [`Unavailable`](crate::error::ErrorKind::Unavailable): it says nothing of
///   the event or the calendar.
/// - **The marker.** Every event written carries the draft's [`Marker`], invisibly where the calendar allows it. An event that
///   carries the marker of another target or namespace, or none and is not named by its remote id, is never changed or deleted:
///   [`NotOurs`](crate::error::ErrorKind::NotOurs).
/// - **Revisions.** A write or a removal that meets our marker with a *newer* revision ([`Marker::is_newer_than`]) changes
///   nothing: [`Superseded`](crate::error::ErrorKind::Superseded). Another worker was faster.
/// - **Silence.** A write mails no one, where the provider can be silent; no attendees are written.
/// - **Calendars that cannot be reached** are [`CalendarNotFound`](crate::error::ErrorKind::CalendarNotFound), never an empty
///   result. A read that fails is an error, never "nothing there".
/// - **Accounts.** Where [`CalendarRef::account`] names an account and the token is known to be of another one, nothing is sent:
///   [`OtherAccount`](crate::error::ErrorKind::OtherAccount).
/// - **Cancellation.** Dropping a future is like losing the response: the call may have been made or not.
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
    /// Repeatable: where an event of this key and our namespace exists, it is brought up to date and the result is `Ok`, as if
    /// it had just been made. All or nothing.
    ///
    /// # Errors
    /// [`KeySpent`](crate::error::ErrorKind::KeySpent) when the key belongs to an event since deleted, or to one that is not
    /// ours; [`Superseded`](crate::error::ErrorKind::Superseded); [`Refused`](crate::error::ErrorKind::Refused) when this content
    /// is not taken; or as the contract says.
    async fn create(
        &self,
        calendar: &CalendarRef,
        draft: &Draft,
        options: &CreateOptions,
    ) -> Result<Written, Error>;

    /// Writes over the event that has this remote id: the content becomes the draft's, what is not ours in it (reminders the
    /// person set, colour, guests) stays. The marker is written even where there was none (an adopted event).
    ///
    /// An etag in the options that is out of date is no error: the event is read again, once, and the draft is written into what
    /// is there now. Without an etag the event is read first; if it says what the draft says, nothing is written
    /// unless the options [say so](UpdateOptions::rewrite).
    ///
    /// # Errors
    /// [`NotFound`](crate::error::ErrorKind::NotFound) when it is gone (a tombstone counts as gone);
    /// [`Superseded`](crate::error::ErrorKind::Superseded); [`NotOurs`](crate::error::ErrorKind::NotOurs) when it carries
    /// another target or namespace; [`Refused`](crate::error::ErrorKind::Refused); or as the contract says.
    async fn update(
        &self,
        calendar: &CalendarRef,
        remote_id: &RemoteId,
        draft: &Draft,
        options: &UpdateOptions,
    ) -> Result<Written, Error>;

    /// Removes the event that has this remote id. `Ok` means that the provider confirmed a removal.
    ///
    /// `marker` names the event's target and the revision of this removal.
    ///
    /// # Errors
    /// [`NotFound`](crate::error::ErrorKind::NotFound) when it is not there: the syncer then looks by target before it believes
    /// that nothing is left. [`Superseded`](crate::error::ErrorKind::Superseded),
    /// [`NotOurs`](crate::error::ErrorKind::NotOurs), or as the contract says.
    async fn delete(
        &self,
        calendar: &CalendarRef,
        remote_id: &RemoteId,
        marker: &Marker,
        options: &DeleteOptions,
    ) -> Result<(), Error>;

    /// Finds every live event that [matches](TargetQuery::matches) the query, whatever its generation, copies that people made
    /// among them. The event known last and the key written last are asked for by id where the provider can, since listings may
    /// lag.
    ///
    /// Reads identity only: an event whose content cannot be read is found.
    ///
    /// # Errors
    /// As the contract says. A calendar that cannot be reached is an error, never an empty list.
    async fn find(&self, calendar: &CalendarRef, query: &TargetQuery) -> Result<Vec<Found>, Error>;

    /// Lists the live events of a calendar that carry a marker of this namespace, a page at a time: to rebuild a ledger that was
    /// lost.
    ///
    /// # Errors
    /// As the contract says.
    async fn list_ours(
        &self,
        calendar: &CalendarRef,
        namespace: &str,
        page: Option<PageToken>,
    ) -> Result<OursPage, Error>;

    /// Reads the identity of the event that has this remote id, of whatever origin. `None` when there is none that is alive.
    ///
    /// # Errors
    /// As the contract says.
    async fn get(&self, calendar: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Found>, Error>;
}

/// Reads what an event says. A narrow capability beside [`CalendarProvider`]: writing, finding and removing need identity only.
#[async_trait]
pub trait EventReader: Debug + Send + Sync + 'static {
    /// Reads the content of the event that has this remote id, as far as calsync has fields for it. `None` when there is none that
    /// is alive.
    ///
    /// # Errors
    /// As the [contract](CalendarProvider) says, and when the content cannot be read.
    async fn read(&self, calendar: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Event>, Error>;
}

/// The code of a [`KeySpent`](crate::error::ErrorKind::KeySpent) error where an event that is not ours holds the id.
pub const FOREIGN_EVENT: &str = "foreign_event";
