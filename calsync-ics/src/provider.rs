//! A folder of .ics files as a calendar.

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
use crate::keep::{extras, says_the_same};
use crate::look::{EventFile, Look, LookError, etag, list, look_at, look_for};
use crate::reader::{only_lines, read_event};
use crate::scan::Parts;
use crate::writer::{Extras, IcsWriter};

/// A provider whose calendars are folders of .ics files: `root/<person>/<calendar>/<key>.ics`, one file an event.
///
/// The person is the profile's id, or `guest`, in whose folder a calendar is the e-mail address. In all three names
/// `[A-Za-z0-9._@-]` stand as they are (but for a dot at either end, and names that mean something to a system or to calsync)
/// and anything else as `%` and two digits; what is too long ends in a digest. Folders are made
/// as they are needed: a folder that is not there is an empty calendar. An event's remote id is its file's name before `.ics`,
/// not encoded.
///
/// # What holds
///
/// - A file is replaced whole (temporary file, `fsync`, rename, `fsync` of the folder): a reader, or a machine that lost its
///   power, finds the old event or the new one. Temporary files begin with a dot; those of a process that was killed are
///   removed at the next process's first write to the folder.
/// - Files and folders that are links are not followed. The root itself may be one. Whoever can exchange folders while
///   calsync runs can still lead it elsewhere: the root has to be the host's alone.
/// - Two processes may write to one root at a time. Each event is then one of the two whole; a revision that
///   arrives between another's look and its rename is not seen.
/// - An update keeps what a person or program added to a file: properties that calsync does not write (colour, categories,
///   guests, `X-` lines) and components (alarms of their own). It does not keep recurrence, other times in a zone, and what
///   belongs to the old text or place (`X-ALT-DESC`, `GEO`, `X-APPLE-STRUCTURED-LOCATION`).
/// - A removed event can be written again: no key is ever spent by removal.
/// - An event is known by its UID and our marker. What else its file says does not matter for writing it over or removing it:
///   a program may have saved it with times in no known zone, or without an end.
/// - A file of ours that cannot be read at all (cut off, with text around the calendar, in mixed encodings) is neither taken for
///   another's nor for gone: every call about it fails with the code `unreadable_file` and may succeed later. It is not touched.
/// - A person's copy of an event carries our marker under a UID of its own. It is theirs: a look tells of it, and it is not
///   touched.
/// - An update without an etag leaves a file as it is that says what it should: only when it was written, and in which revision,
///   may differ.
/// - What the host may not do (`permission_denied`, `read_only`) or the disk cannot (`storage_full`) may succeed later.
///
/// The methods are short calls to the local file system and block the thread for their time; nothing is awaited.
#[derive(Debug)]
pub struct IcsFolder {
    files: Files,
    kind: ProviderKind,
}

impl IcsFolder {
    /// Calendars below this folder, for connections of the kind [`ProviderKind::APPLE`].
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { files: Files::new(root.into()), kind: ProviderKind::APPLE }
    }

    /// For connections of another kind. Folders of two kinds need two roots: a connection that changes its kind would
    /// otherwise find its new event in the file of the old one.
    #[must_use]
    pub fn with_kind(mut self, kind: ProviderKind) -> Self {
        self.kind = kind;
        self
    }

    /// The folder below which the calendars are.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.files.root()
    }

    /// The file of an event, whether it is there or not. `None` while the calendar's folder is not there.
    ///
    /// # Errors
    /// As [`get`](CalendarProvider::get).
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
                // What the host may not do here, or the disk cannot, is the host's to mend, and says nothing about the person.
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

    /// A file of ours that cannot be read: nothing was changed, and somebody has to look at it.
    fn unreadable(&self, operation: Operation, error: IcsError) -> Error {
        let plain = self.plain(operation, ErrorKind::Other).with_retry(Retry::Later);
        plain.with_code("unreadable_file").with_source(error)
    }

    fn plain(&self, operation: Operation, kind: ErrorKind) -> Error {
        Error::new(kind, self.kind.clone(), operation)
    }

    fn look_error(&self, operation: Operation, error: LookError) -> Error {
        match error {
            LookError::Files(error) => self.error(operation, error),
            LookError::Unreadable(error) => self.unreadable(operation, error),
        }
    }

    /// The file of the event of `marker`, to be touched in its name; `None` where there is none.
    ///
    /// # Errors
    /// [`NotOurs`](ErrorKind::NotOurs), [`Superseded`](ErrorKind::Superseded), and where it cannot be read.
    fn touch(
        &self,
        operation: Operation,
        path: &Path,
        marker: &Marker,
    ) -> Result<Option<Box<EventFile>>, Error> {
        match look_at(path, marker).map_err(|error| self.error(operation, error))? {
            Look::Missing => Ok(None),
            Look::Ours(file) => {
                marker.check(file.identity.marker.as_ref(), self.kind.clone(), operation)?;
                Ok(Some(file))
            }
            Look::Foreign => Err(self.plain(operation, ErrorKind::NotOurs)),
            Look::Unreadable(error) => Err(self.unreadable(operation, error)),
        }
    }

    /// Writes an event over what was there before. Nothing is written where that is the same file, or, unless `forced`, where
    /// it says the same.
    fn write(
        &self,
        at: At<'_>,
        draft: &Draft,
        before: Option<&EventFile>,
        forced: bool,
    ) -> Result<Written, Error> {
        let extras = before.map_or_else(Extras::default, |file| {
            // A person's program may have raised it further than we did; what changes must still rise.
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
        let is_as_drafted = |before: &&EventFile| {
            // A revision beyond ours was edited by hand, and is put right.
            let is_ours = before.revision() <= draft.marker.revision;
            before.bytes == file.as_bytes() || (!forced && is_ours && says_the_same(&before.parts, file))
        };
        let etag = match before.filter(is_as_drafted) {
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

    /// The file under a remote id, whatever it holds; `None` where there is none.
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

/// Where a file is written, and for which call.
#[derive(Clone, Copy)]
struct At<'a> {
    operation: Operation,
    calendar: &'a CalendarRef,
    folder: &'a Path,
    remote_id: &'a str,
    /// The name of the file.
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
        // Two connections of a person to a calendar of one name share its folder.
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
        let before = match self.touch(operation, &folder.join(ics(&key)), &draft.marker) {
            Err(error) if error.kind() == ErrorKind::NotOurs => {
                return Err(self.plain(operation, ErrorKind::KeySpent).with_code(FOREIGN_EVENT));
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
        let before = self.touch(operation, &folder.join(&name), &draft.marker)?.ok_or_else(gone)?;
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
        self.touch(operation, &folder.join(&name), marker)?.ok_or_else(gone)?;
        if remove(&folder, &name).map_err(failed)? { Ok(()) } else { Err(gone()) }
    }

    async fn find(&self, calendar: &CalendarRef, query: &TargetQuery) -> Result<Vec<Found>, Error> {
        let operation = Operation::Find;
        let folder = self.files.folder(calendar, false).map_err(|error| self.error(operation, error))?;
        // Folders are made as they are needed: one that is not there holds nothing.
        let Some(folder) = folder else { return Ok(Vec::new()) };
        let files = look_for(&folder, query).map_err(|error| self.look_error(operation, error))?;
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
        let files = list(&folder, namespace).map_err(|error| self.look_error(operation, error))?;
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

/// The SEQUENCE a person's program may have raised: ours must not fall below it.
fn sequence_of(parts: &Parts) -> u64 {
    let event = only_lines(parts).ok();
    let line = event.and_then(|event| event.lines.iter().find(|line| line.name() == "SEQUENCE"));
    line.and_then(|line| line.value().trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_set_up_is_held_until_later() {
        let folder = IcsFolder::new("x");
        let told = |kind: io::ErrorKind| {
            let error = folder.error(Operation::Update, FilesError::Io(kind.into()));
            (error.kind(), error.retry(), error.failure().code.clone())
        };
        for (kind, code) in [
            (io::ErrorKind::PermissionDenied, "permission_denied"),
            (io::ErrorKind::ReadOnlyFilesystem, "read_only"),
            (io::ErrorKind::StorageFull, "storage_full"),
            (io::ErrorKind::QuotaExceeded, "storage_full"),
        ] {
            assert_eq!(told(kind), (ErrorKind::Unavailable, Retry::Later, Some(code.into())));
        }
        assert_eq!(told(io::ErrorKind::TimedOut), (ErrorKind::Unavailable, Retry::Later, None));
        assert_eq!(told(io::ErrorKind::NotADirectory).0, ErrorKind::Configuration);
    }
}
