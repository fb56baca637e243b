//! The trait that a provider implements, its inputs and outputs, and its capabilities.

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

/// A provider: writes, finds and removes events in one kind of calendar.
///
/// # The contract
///
/// - **One attempt.** A method makes one attempt and reports its outcome. The syncer does the
///   retries. (One exception: if an access token is rejected, it is refreshed once and the call is
///   repeated.)
/// - **Certain outcomes.** `Ok` means that the provider confirmed the call. An error with
///   [`Retry`](crate::error::Retry) `Never` or `Later` means that *nothing was changed*. If that is
///   unknown, the error has `Unknown`, and the syncer looks the event up before it writes again. A
///   write whose response has another id than the requested one is `Unknown`.
/// - **The provider's own error codes.** A status 403, 404 or 410 counts only with the provider's
///   own machine-readable code in the body. A gateway's page, other JSON or an empty body is
///   [`Unavailable`](crate::error::ErrorKind::Unavailable): it says nothing about the event or the
///   calendar.
/// - **The marker.** Every written event carries the draft's [`Marker`], invisibly if the calendar
///   allows it. An event with the marker of another target or namespace is never changed or
///   deleted, nor is an event without a marker, unless the call names it by its remote id:
///   [`NotOurs`](crate::error::ErrorKind::NotOurs).
/// - **Revisions.** If the event has calsync's marker with a *newer* revision
///   ([`Marker::is_newer_than`]), a write or a delete changes nothing, because another worker was
///   faster: [`Superseded`](crate::error::ErrorKind::Superseded).
/// - **No mail.** A write sends no e-mail if the provider can avoid it; no attendees are written.
/// - **Calendars that cannot be reached** are
///   [`CalendarNotFound`](crate::error::ErrorKind::CalendarNotFound), never an empty result. A read
///   that fails is an error, never "no event".
/// - **Accounts.** If [`CalendarRef::account`] is set and the token is known to belong to another
///   account, nothing is sent: [`OtherAccount`](crate::error::ErrorKind::OtherAccount).
/// - **Cancellation.** If the future is dropped, the call may or may not have been made, as after a
///   lost response.
///
/// Events are already [fitted](crate::event::Event::fitted) to
/// [`capabilities`](CalendarProvider::capabilities).
///
/// The [conformance suite](crate::testing) (feature `test-util`) tests these rules on any
/// implementation.
///
/// New methods will have default bodies. `MockCalendarProvider` (feature `mock`) mocks those too,
/// so a test that uses it may have to expect a new method; it follows mockall's version and is
/// outside the semver promise.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait CalendarProvider: Debug + Send + Sync + 'static {
    /// Returns the kind of connection that this provider serves.
    fn kind(&self) -> ProviderKind;

    /// Returns what the provider can do, and its limits. The result is the same at every call.
    fn capabilities(&self) -> Capabilities;

    /// Creates an event, under the key in the draft's marker. The event is written completely or
    /// not at all.
    ///
    /// The call can be repeated: if an event with this key and the draft's namespace exists, it is
    /// updated to the draft, and the result is `Ok`, as after a create.
    ///
    /// # Errors
    /// [`KeyUsed`](crate::error::ErrorKind::KeyUsed) if the key was used by a deleted event or by
    /// an event that is not calsync's; [`Superseded`](crate::error::ErrorKind::Superseded) if the
    /// event has a newer revision; [`Refused`](crate::error::ErrorKind::Refused) if the provider
    /// rejects the content; other errors as in the contract.
    async fn create(
        &self,
        calendar: &CalendarRef,
        draft: &Draft,
        options: &CreateOptions,
    ) -> Result<Written, Error>;

    /// Updates the event with this remote id to the draft. What calsync does not write (reminders
    /// that the person set, the colour, guests) stays. The marker is written even if the event had
    /// none (an adopted event).
    ///
    /// An outdated etag in the options is not an error: the event is read once more, and the draft
    /// is written into its current version. Without an etag, the event is read first; if its
    /// content is already the draft's, nothing is written, unless [`UpdateOptions::rewrite`] is
    /// set.
    ///
    /// # Errors
    /// [`NotFound`](crate::error::ErrorKind::NotFound) if the event does not exist (a tombstone
    /// counts as not existing); [`Superseded`](crate::error::ErrorKind::Superseded) if it has a
    /// newer revision; [`NotOurs`](crate::error::ErrorKind::NotOurs) if it has the marker of
    /// another target or namespace; [`Refused`](crate::error::ErrorKind::Refused) if the provider
    /// rejects the content; other errors as in the contract.
    async fn update(
        &self,
        calendar: &CalendarRef,
        remote_id: &RemoteId,
        draft: &Draft,
        options: &UpdateOptions,
    ) -> Result<Written, Error>;

    /// Deletes the event with this remote id. `Ok` means that the provider confirmed the deletion.
    ///
    /// `marker` has the event's target and the revision of this deletion.
    ///
    /// # Errors
    /// [`NotFound`](crate::error::ErrorKind::NotFound) if the event does not exist; the syncer then
    /// looks the target up before it records that no event is left.
    /// [`Superseded`](crate::error::ErrorKind::Superseded) if the event has a newer revision;
    /// [`NotOurs`](crate::error::ErrorKind::NotOurs) if it has the marker of another target or
    /// namespace; other errors as in the contract.
    async fn delete(
        &self,
        calendar: &CalendarRef,
        remote_id: &RemoteId,
        marker: &Marker,
        options: &DeleteOptions,
    ) -> Result<(), Error>;

    /// Finds every existing event that [matches](TargetQuery::matches) the query, of any
    /// generation, and copies that people made. If possible, the provider also asks by id for the
    /// event that is known and for the last key that was written, because listings may lag.
    ///
    /// Reads only the identity of the events, so an event whose content cannot be read is found
    /// too.
    ///
    /// # Errors
    /// As in the contract. A calendar that cannot be reached is an error, never an empty list.
    async fn find(&self, calendar: &CalendarRef, query: &TargetQuery) -> Result<Vec<Found>, Error>;

    /// Lists the existing events of a calendar whose marker has this namespace, one page at a time.
    /// Used to rebuild a lost ledger.
    ///
    /// # Errors
    /// As in the contract.
    async fn list_ours(
        &self,
        calendar: &CalendarRef,
        namespace: &str,
        page: Option<PageToken>,
    ) -> Result<OursPage, Error>;

    /// Reads the identity of the event with this remote id, written by calsync or not. Returns
    /// `None` if the event does not exist or was deleted.
    ///
    /// # Errors
    /// As in the contract.
    async fn get(&self, calendar: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Found>, Error>;
}

/// Reads the content of events. Separate from [`CalendarProvider`], because writing, finding and
/// deleting need only the identity of an event.
#[async_trait]
pub trait EventReader: Debug + Send + Sync + 'static {
    /// Reads the content of the event with this remote id, as far as [`Event`] has fields for it.
    /// Returns
    /// `None` if the event does not exist or was deleted.
    ///
    /// # Errors
    /// As in the [contract](CalendarProvider), and if the content cannot be read.
    async fn read(&self, calendar: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Event>, Error>;
}

/// The code of a [`KeyUsed`](crate::error::ErrorKind::KeyUsed) error if an existing event that is
/// not calsync's has the id.
pub const FOREIGN_EVENT: &str = "foreign_event";
