//! [`IcsFolder`]: a provider whose calendars are folders of .ics files.

use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use calsync_core::calendar::CalendarRef;
use calsync_core::error::{Error, ErrorKind, Operation, Retry};
use calsync_core::event::Event;
use calsync_core::names::{ProviderKind, RemoteId};
use calsync_core::provider::{
    CalendarIds, CalendarProvider, Capabilities, CreateOptions, DeleteOptions, Draft, EventReader,
    FOREIGN_EVENT, Found, Marker, OursPage, PageToken, TargetQuery, UpdateOptions, Written,
};

use crate::error::{IcsError, IcsProblem};
use crate::files::{Entry, Files, FilesError, MAX_EVENT_FILE, ics, name_in, read, remove};
use crate::keep::{extras, has_same_content};
use crate::reader::{only_lines, read_event};
use crate::scan::Parts;
use crate::search::{EventFile, FoundFile, SearchError, etag, find_events, list, read_named};
use crate::writer::{Extras, IcsWriter};

/// A provider whose calendars are folders of .ics files: `root/<person>/<calendar>/<key>.ics`, one
/// file for each event.
///
/// `<person>` is the profile's id, or `guest`. In the folder `guest`, `<calendar>` is the guest's
/// e-mail address. In all three names `[A-Za-z0-9._@-]` stay unchanged, except a dot at either end
/// and names with a meaning to the system or to calsync. Every other byte becomes `%` and two hex
/// digits; a name that is too long is cut and ends in a digest. Folders are created when they are
/// needed: a folder that does not exist is an empty calendar. An event's remote id is the decoded
/// name of its file without `.ics`.
///
/// # Guarantees
///
/// - A file is replaced atomically (temporary file, `fsync`, rename, `fsync` of the folder): a
///   reader, or a machine after a power cut, finds either the old event or the new one. Names of
///   temporary files start with a dot; those of a killed process are removed when the next process
///   first writes to the folder.
/// - Files and folders that are links are not followed; only the root itself may be a link. A
///   program that can replace folders while calsync runs can still redirect it: only the host may
///   have write access to the root.
/// - Two processes may write to one root at the same time. Each event is then one of the two
///   versions, complete. A revision written between another process's read and its rename is
///   overwritten unseen.
/// - An update keeps what a person or program added to a file: properties that calsync does not
///   write (colour, categories, guests, `X-` lines) and components (other alarms). It does not keep
///   recurrence, other times in a zone, and properties that belong to the old text or location
///   (`X-ALT-DESC`, `GEO`, `X-APPLE-STRUCTURED-LOCATION`).
/// - A removed event can be written again under the same key.
/// - An event is recognized by its UID and calsync's marker. It can be overwritten and removed even
///   if the rest of its file is invalid: a program may have saved it with times in an unknown zone,
///   or without an end.
/// - A file of calsync's that cannot be read at all (truncated, with text outside the calendar, in
///   mixed encodings) counts neither as foreign nor as missing: every call for it fails with the
///   code `unreadable_file` and may succeed later. The file is not changed.
/// - A person's copy of an event carries calsync's marker with another UID. `find` reports it, and
///   it is never changed.
/// - An update without an etag does not write a file whose content is already right; only the time
///   and the revision of the last write may differ.
/// - An operation that the host is not permitted to do (`permission_denied`, `read_only`) or that
///   the disk cannot do (`storage_full`) may succeed later.
///
/// The methods are short calls to the local file system. They block the thread and never await.
#[derive(Debug)]
pub struct IcsFolder {
    files: Files,
    kind: ProviderKind,
}

impl IcsFolder {
    /// Creates a provider for calendars below this folder, for connections of kind
    /// [`ProviderKind::APPLE`].
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { files: Files::new(root.into()), kind: ProviderKind::APPLE }
    }

    /// Serves connections of another kind. Two kinds need two roots: a connection that changes its
    /// kind would otherwise find its new event in the file of the old one.
    #[must_use]
    pub fn with_kind(mut self, kind: ProviderKind) -> Self {
        self.kind = kind;
        self
    }

    /// The root folder, as passed to [`new`](Self::new).
    #[must_use]
    pub fn root(&self) -> &Path {
        self.files.root()
    }

    /// Returns the path of an event's file, which need not exist. Returns `None` if the calendar's
    /// folder does not exist.
    ///
    /// # Errors
    /// [`Configuration`](ErrorKind::Configuration) if a folder is a link or a file, or
    /// [`Unavailable`](ErrorKind::Unavailable) if the file system fails.
    pub fn path(&self, calendar: &CalendarRef, remote_id: &RemoteId) -> Result<Option<PathBuf>, Error> {
        let folder = self.files.folder(calendar, false).map_err(|error| self.error(Operation::Get, error))?;
        let Some(folder) = folder else { return Ok(None) };
        let name = name_in(&folder, remote_id.as_str()).map_err(|error| self.error(Operation::Get, error))?;
        Ok(Some(folder.join(name)))
    }

    fn error(&self, operation: Operation, error: FilesError) -> Error {
        let (kind, retry, code) = match &error {
            FilesError::NotAFolder => (ErrorKind::Configuration, Retry::Never, None),
            FilesError::Unconfirmed(_) => (ErrorKind::Unavailable, Retry::Unknown, None),
            FilesError::Io(error) => match error.kind() {
                // The host has to fix permissions or disk space; the person's connection is not
                // affected.
                io::ErrorKind::PermissionDenied => {
                    (ErrorKind::Unavailable, Retry::Later, Some("permission_denied"))
                }
                io::ErrorKind::ReadOnlyFilesystem => {
                    (ErrorKind::Unavailable, Retry::Later, Some("read_only"))
                }
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    (ErrorKind::Unavailable, Retry::Later, Some("storage_full"))
                }
                io::ErrorKind::NotADirectory
                | io::ErrorKind::IsADirectory
                | io::ErrorKind::AlreadyExists
                | io::ErrorKind::InvalidFilename
                | io::ErrorKind::InvalidInput
                | io::ErrorKind::Unsupported => (ErrorKind::Configuration, Retry::Never, None),
                _ => (ErrorKind::Unavailable, Retry::Later, None),
            },
        };
        let error = self.plain(operation, kind).with_retry(retry).with_source(error);
        match code {
            Some(code) => error.with_code(code),
            None => error,
        }
    }

    /// The error for one of calsync's files that cannot be read: nothing was changed, and the host
    /// has to repair the file.
    fn unreadable(&self, operation: Operation, error: IcsError) -> Error {
        let plain = self.plain(operation, ErrorKind::Other).with_retry(Retry::Later);
        plain.with_code("unreadable_file").with_source(error)
    }

    fn plain(&self, operation: Operation, kind: ErrorKind) -> Error {
        Error::new(kind, self.kind.clone(), operation)
    }

    fn search_error(&self, operation: Operation, error: SearchError) -> Error {
        match error {
            SearchError::Files(error) => self.error(operation, error),
            SearchError::Unreadable(error) => self.unreadable(operation, error),
        }
    }

    /// Reads the file of the event of `marker` before a change. Returns `None` if there is no file.
    ///
    /// # Errors
    /// [`NotOurs`](ErrorKind::NotOurs), [`Superseded`](ErrorKind::Superseded), or if the file
    /// cannot be read.
    fn read_before_change(
        &self,
        operation: Operation,
        path: &Path,
        marker: &Marker,
    ) -> Result<Option<Box<EventFile>>, Error> {
        match read_named(path, marker).map_err(|error| self.error(operation, error))? {
            FoundFile::Missing => Ok(None),
            FoundFile::Ours(file) => {
                marker.check(file.identity.marker.as_ref(), self.kind.clone(), operation)?;
                Ok(Some(file))
            }
            FoundFile::Foreign => Err(self.plain(operation, ErrorKind::NotOurs)),
            FoundFile::Unreadable(error) => Err(self.unreadable(operation, error)),
        }
    }

    /// Writes an event over the file `before`. Writes nothing if the bytes are equal, or, unless
    /// `forced`, if the content is equal.
    fn write(
        &self,
        at: At<'_>,
        draft: &Draft,
        before: Option<&EventFile>,
        forced: bool,
    ) -> Result<Written, Error> {
        let extras = before.map_or_else(Extras::default, |file| {
            // A person's program may have raised SEQUENCE above ours; our change must still raise
            // it.
            let changes = u64::from(file.revision() != draft.marker.revision);
            let sequence = sequence_of(&file.parts).saturating_add(changes);
            let uid = Some(&file.identity.uid).filter(|uid| **uid != draft.marker.key.to_string());
            Extras { uid: uid.cloned(), sequence, ..extras(&file.parts) }
        });
        let mut writer = IcsWriter::new();
        let refused = |error: IcsError| self.plain(at.operation, ErrorKind::Refused).with_source(error);
        let file = writer.write_with(draft, &extras).map_err(refused)?;
        if file.len() as u64 > MAX_EVENT_FILE {
            return Err(self.plain(at.operation, ErrorKind::Refused).with_code("file_too_large"));
        }
        let is_up_to_date = |before: &&EventFile| {
            // A revision above ours was edited by a person; it is corrected.
            let is_ours = before.revision() <= draft.marker.revision;
            before.bytes == file.as_bytes() || (!forced && is_ours && has_same_content(&before.parts, file))
        };
        let etag = match before.filter(is_up_to_date) {
            Some(before) => before.etag(),
            None => {
                let written = self.files.write(at.folder, at.name, file.as_bytes());
                written.map_err(|error| self.error(at.operation, error))?;
                etag(file.as_bytes())
            }
        };
        let written = Written::new(RemoteId::new(at.remote_id)).with_etag(Some(etag));
        Ok(written.with_account(at.calendar.account.clone()))
    }

    /// Reads the file under a remote id, without parsing it. Returns `None` if there is none.
    fn bytes(&self, calendar: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Vec<u8>>, Error> {
        let operation = Operation::Get;
        let failed = |error| self.error(operation, error);
        let Some(folder) = self.files.folder(calendar, false).map_err(failed)? else { return Ok(None) };
        let name = name_in(&folder, remote_id.as_str()).map_err(failed)?;
        match read(&folder.join(name)).map_err(failed)? {
            Entry::Missing => Ok(None),
            Entry::Other => Err(self.plain(operation, ErrorKind::NotOurs)),
            Entry::TooLarge => Err(self.unreadable(operation, IcsError::file(IcsProblem::TooLarge))),
            Entry::File(bytes) => Ok(Some(bytes)),
        }
    }
}

/// The file that an operation writes.
#[derive(Clone, Copy)]
struct At<'a> {
    operation: Operation,
    calendar: &'a CalendarRef,
    folder: &'a Path,
    remote_id: &'a str,
    /// Name of the file, with its extension.
    name: &'a str,
}

fn found(calendar: &CalendarRef, remote_id: impl Into<String>, file: EventFile) -> Found {
    Found::new(RemoteId::new(remote_id.into()))
        .with_etag(Some(file.etag()))
        .with_key(file.identity.key)
        .with_marker(file.identity.marker)
        .with_account(calendar.account.clone())
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl CalendarProvider for IcsFolder {
    fn kind(&self) -> ProviderKind {
        self.kind.clone()
    }

    fn capabilities(&self) -> Capabilities {
        // Two connections of one person with the same calendar id share one folder.
        Capabilities::new().with_client_ids(true).with_etags(true).with_calendar_ids(CalendarIds::Global)
    }

    async fn create(
        &self,
        calendar: &CalendarRef,
        draft: &Draft,
        _: &CreateOptions,
    ) -> Result<Written, Error> {
        let operation = Operation::Create;
        let failed = |error| self.error(operation, error);
        let Some(folder) = self.files.folder(calendar, true).map_err(failed)? else {
            return Err(self.plain(operation, ErrorKind::Unavailable));
        };
        let key = draft.marker.key.to_string();
        let before = match self.read_before_change(operation, &folder.join(ics(&key)), &draft.marker) {
            Err(error) if error.kind() == ErrorKind::NotOurs => {
                return Err(self.plain(operation, ErrorKind::KeyUsed).with_code(FOREIGN_EVENT));
            }
            before => before?,
        };
        let at = At { operation, calendar, folder: &folder, remote_id: &key, name: &ics(&key) };
        self.write(at, draft, before.as_deref(), true)
    }

    async fn update(
        &self,
        calendar: &CalendarRef,
        remote_id: &RemoteId,
        draft: &Draft,
        options: &UpdateOptions,
    ) -> Result<Written, Error> {
        let operation = Operation::Update;
        let failed = |error| self.error(operation, error);
        let gone = || self.plain(operation, ErrorKind::NotFound);
        let folder = self.files.folder(calendar, false).map_err(failed)?.ok_or_else(gone)?;
        let name = name_in(&folder, remote_id.as_str()).map_err(failed)?;
        let before =
            self.read_before_change(operation, &folder.join(&name), &draft.marker)?.ok_or_else(gone)?;
        let at = At { operation, calendar, folder: &folder, remote_id: remote_id.as_str(), name: &name };
        self.write(at, draft, Some(&before), options.etag.is_some() || options.rewrite)
    }

    async fn delete(
        &self,
        calendar: &CalendarRef,
        remote_id: &RemoteId,
        marker: &Marker,
        _: &DeleteOptions,
    ) -> Result<(), Error> {
        let operation = Operation::Delete;
        let failed = |error| self.error(operation, error);
        let gone = || self.plain(operation, ErrorKind::NotFound);
        let folder = self.files.folder(calendar, false).map_err(failed)?.ok_or_else(gone)?;
        let name = name_in(&folder, remote_id.as_str()).map_err(failed)?;
        self.read_before_change(operation, &folder.join(&name), marker)?.ok_or_else(gone)?;
        if remove(&folder, &name).map_err(failed)? { Ok(()) } else { Err(gone()) }
    }

    async fn find(&self, calendar: &CalendarRef, query: &TargetQuery) -> Result<Vec<Found>, Error> {
        let operation = Operation::Find;
        let folder = self.files.folder(calendar, false).map_err(|error| self.error(operation, error))?;
        // Folders are created when they are needed: one that does not exist is an empty calendar.
        let Some(folder) = folder else { return Ok(Vec::new()) };
        let files = find_events(&folder, query).map_err(|error| self.search_error(operation, error))?;
        Ok(files.into_iter().map(|(remote_id, file)| found(calendar, remote_id, file)).collect())
    }

    async fn list_ours(
        &self,
        calendar: &CalendarRef,
        namespace: &str,
        _: Option<PageToken>,
    ) -> Result<OursPage, Error> {
        let operation = Operation::ListOurs;
        let folder = self.files.folder(calendar, false).map_err(|error| self.error(operation, error))?;
        let Some(folder) = folder else { return Ok(OursPage::default()) };
        let files = list(&folder, namespace).map_err(|error| self.search_error(operation, error))?;
        let events = files.into_iter().map(|(remote_id, file)| found(calendar, remote_id, file));
        Ok(OursPage::new(events.collect(), None))
    }

    async fn get(&self, calendar: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Found>, Error> {
        let Some(bytes) = self.bytes(calendar, remote_id)? else { return Ok(None) };
        let file = EventFile::read(bytes).map_err(|error| self.unreadable(Operation::Get, error))?;
        Ok(Some(found(calendar, remote_id.as_str(), file)))
    }
}

#[async_trait]
impl EventReader for IcsFolder {
    async fn read(&self, calendar: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Event>, Error> {
        let Some(bytes) = self.bytes(calendar, remote_id)? else { return Ok(None) };
        let read = read_event(&bytes).map_err(|error| self.unreadable(Operation::Get, error))?;
        Ok(Some(read.event))
    }
}

/// Returns the file's SEQUENCE, which a person's program may have raised. calsync must not write a
/// lower one.
fn sequence_of(parts: &Parts) -> u64 {
    let event = only_lines(parts).ok();
    let line = event.and_then(|event| event.lines.iter().find(|line| line.name() == "SEQUENCE"));
    line.and_then(|line| line.value().trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_permissions_and_a_full_disk_are_retried_later() {
        let folder = IcsFolder::new("x");
        let reported = |kind: io::ErrorKind| {
            let error = folder.error(Operation::Update, FilesError::Io(kind.into()));
            (error.kind(), error.retry(), error.failure().code.clone())
        };
        for (kind, code) in [
            (io::ErrorKind::PermissionDenied, "permission_denied"),
            (io::ErrorKind::ReadOnlyFilesystem, "read_only"),
            (io::ErrorKind::StorageFull, "storage_full"),
            (io::ErrorKind::QuotaExceeded, "storage_full"),
        ] {
            assert_eq!(reported(kind), (ErrorKind::Unavailable, Retry::Later, Some(code.into())));
        }
        assert_eq!(reported(io::ErrorKind::TimedOut), (ErrorKind::Unavailable, Retry::Later, None));
        assert_eq!(reported(io::ErrorKind::NotADirectory).0, ErrorKind::Configuration);
    }
}
