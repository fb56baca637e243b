//! A folder of .ics files as a calendar.

use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use calsync_core::calendar::CalendarRef;
use calsync_core::error::{Error, ErrorKind, Operation, Retry};
use calsync_core::identity::EventKey;
use calsync_core::names::{ProviderKind, RemoteId};
use calsync_core::provider::{
    CalendarIds, CalendarProvider, Capabilities, CreateOptions, DeleteOptions, Draft, Found, Marker,
    UpdateOptions, Written,
};

use crate::encode::file_name;
use crate::error::{IcsError, IcsProblem};
use crate::files::{Entry, Files, FilesError, MAX_EVENT_FILE, read, remove};
use crate::keep::extras;
use crate::look::{EventFile, Look, etag, look_at, look_for};
use crate::reader::{only_lines, read_event};
use crate::scan::Parts;
use crate::writer::{Extras, IcsWriter};

/// A provider whose calendars are folders of .ics files: `root/<person>/<calendar>/<key>.ics`, one file an event.
///
/// The person is the profile's id, or `guest`, in whose folder a calendar is the e-mail address. In all three names
/// `[A-Za-z0-9._@-]` stand as they are (but for a dot at either end, and names that mean something to a system or to calsync)
/// and anything else as `%` and two digits; what is too long ends in a digest. Folders are made
/// as they are needed. An event's remote id is its file's name before `.ics`, not encoded.
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
/// - A person's copy of an event carries our marker under a UID of its own. It is theirs.
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
    pub fn path(&self, place: &CalendarRef, remote_id: &RemoteId) -> Result<Option<PathBuf>, Error> {
        let folder = self.files.folder(place, false).map_err(|error| self.error(Operation::Get, error))?;
        Ok(folder.map(|folder| folder.join(ics(remote_id.as_str()))))
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
            Look::Ours(file) if file.revision() > marker.revision => {
                Err(Error::superseded(self.kind.clone(), operation, file.revision()))
            }
            Look::Ours(file) => Ok(Some(file)),
            Look::Copy | Look::Foreign => Err(self.plain(operation, ErrorKind::NotOurs)),
            Look::Unreadable(error) => Err(self.unreadable(operation, error)),
        }
    }

    fn write(
        &self,
        operation: Operation,
        folder: &Path,
        remote_id: &str,
        draft: &Draft,
        before: Option<Box<EventFile>>,
    ) -> Result<Written, Error> {
        let extras = before.as_ref().map_or_else(Extras::default, |file| {
            // A person's program may have raised it further than we did; what changes must still rise.
            let changes = u64::from(file.revision() < draft.marker.revision);
            let sequence = sequence_of(&file.parts).saturating_add(changes);
            let uid = Some(&file.identity.uid).filter(|uid| **uid != draft.marker.key.to_string());
            Extras { uid: uid.cloned(), sequence, ..extras(&file.parts) }
        });
        let mut writer = IcsWriter::new();
        let refused = |error: IcsError| self.plain(operation, ErrorKind::Refused).with_source(error);
        let file = writer.write_with(draft, &extras).map_err(refused)?;
        if file.len() as u64 > MAX_EVENT_FILE {
            return Err(self.plain(operation, ErrorKind::Refused).with_code("file_too_large"));
        }
        if before.is_none_or(|before| before.bytes != file.as_bytes()) {
            let written = self.files.write(folder, &ics(remote_id), file.as_bytes());
            written.map_err(|error| self.error(operation, error))?;
        }
        Ok(Written::new(RemoteId::new(remote_id)).with_etag(Some(etag(file.as_bytes()))))
    }

    /// The event of a marker, by identity: its remote id and its file. `None` where there is none that is ours.
    fn look(
        &self,
        operation: Operation,
        place: &CalendarRef,
        marker: &Marker,
    ) -> Result<Option<(RemoteId, Box<EventFile>)>, Error> {
        let failed = |error| self.error(operation, error);
        let Some(folder) = self.files.folder(place, false).map_err(failed)? else { return Ok(None) };
        let key = marker.key.to_string();
        let keyed = look_at(&folder.join(ics(&key)), marker).map_err(failed)?;
        let found = match keyed {
            Look::Ours(_) | Look::Unreadable(_) => Some((key, keyed)),
            _ => look_for(&folder, marker).map_err(failed)?,
        };
        match found {
            Some((remote_id, Look::Ours(file))) => Ok(Some((RemoteId::new(remote_id), file))),
            Some((_, Look::Unreadable(error))) => Err(self.unreadable(operation, error)),
            _ => Ok(None),
        }
    }

    /// Reads the content besides, which a look needs no more once [`Found`] is identity alone.
    fn found(&self, operation: Operation, remote_id: RemoteId, file: &EventFile) -> Result<Found, Error> {
        let read = read_event(&file.bytes).map_err(|error| self.unreadable(operation, error))?;
        Ok(Found::new(remote_id, read.event)
            .with_etag(Some(file.etag()))
            .with_marker(file.identity.marker.clone()))
    }
}

#[async_trait]
impl CalendarProvider for IcsFolder {
    fn kind(&self) -> ProviderKind {
        self.kind.clone()
    }

    fn capabilities(&self) -> Capabilities {
        // Two connections of a person to a calendar of one name share its folder.
        Capabilities::new()
            .with_silent(true)
            .with_client_ids(true)
            .with_etags(true)
            .with_calendar_ids(CalendarIds::Global)
    }

    async fn create(&self, place: &CalendarRef, draft: &Draft, _: &CreateOptions) -> Result<Written, Error> {
        let operation = Operation::Create;
        let failed = |error| self.error(operation, error);
        let Some(folder) = self.files.folder(place, true).map_err(failed)? else {
            return Err(self.plain(operation, ErrorKind::Unavailable));
        };
        let key = draft.marker.key.to_string();
        let before = match self.touch(operation, &folder.join(ics(&key)), &draft.marker) {
            Err(error) if error.kind() == ErrorKind::NotOurs => {
                return Err(self.plain(operation, ErrorKind::KeySpent));
            }
            before => before?,
        };
        self.write(operation, &folder, &key, draft, before)
    }

    async fn update(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        draft: &Draft,
        _: &UpdateOptions,
    ) -> Result<Written, Error> {
        let operation = Operation::Update;
        let failed = |error| self.error(operation, error);
        let Some(folder) = self.files.folder(place, false).map_err(failed)? else {
            return Err(self.plain(operation, ErrorKind::NotFound));
        };
        let path = folder.join(ics(remote_id.as_str()));
        let before = self.touch(operation, &path, &draft.marker)?;
        let before = before.ok_or_else(|| self.plain(operation, ErrorKind::NotFound))?;
        self.write(operation, &folder, remote_id.as_str(), draft, Some(before))
    }

    async fn delete(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        marker: &Marker,
        _: &DeleteOptions,
    ) -> Result<(), Error> {
        let operation = Operation::Delete;
        let failed = |error| self.error(operation, error);
        let Some(folder) = self.files.folder(place, false).map_err(failed)? else { return Ok(()) };
        let name = ics(remote_id.as_str());
        match self.touch(operation, &folder.join(&name), marker)? {
            None => Ok(()),
            Some(_) => remove(&folder, &name).map_err(failed),
        }
    }

    async fn find(
        &self,
        place: &CalendarRef,
        namespace: &str,
        key: &EventKey,
    ) -> Result<Option<Found>, Error> {
        let operation = Operation::Find;
        let found = self.look(operation, place, &Marker::new(namespace, *key, 0))?;
        found.map(|(remote_id, file)| self.found(operation, remote_id, &file)).transpose()
    }

    async fn get(&self, place: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Found>, Error> {
        let operation = Operation::Get;
        let failed = |error| self.error(operation, error);
        let Some(folder) = self.files.folder(place, false).map_err(failed)? else { return Ok(None) };
        match read(&folder.join(ics(remote_id.as_str()))).map_err(failed)? {
            Entry::Missing => Ok(None),
            Entry::Other => Err(self.plain(operation, ErrorKind::NotOurs)),
            Entry::TooLarge => Err(self.unreadable(operation, IcsError::file(IcsProblem::TooLarge))),
            Entry::File(bytes) => match EventFile::read(bytes) {
                Ok(file) => self.found(operation, remote_id.clone(), &file).map(Some),
                Err(unread) => Err(self.unreadable(operation, unread.error)),
            },
        }
    }
}

/// The name of an event's file.
fn ics(remote_id: &str) -> String {
    let mut name = file_name(remote_id);
    name.push_str(".ics");
    name
}

/// The SEQUENCE a person's program may have raised: ours must not fall below it.
fn sequence_of(parts: &Parts) -> u64 {
    let event = only_lines(parts).ok();
    let line = event.and_then(|event| event.lines.iter().find(|line| line.name() == "SEQUENCE"));
    line.and_then(|line| line.value().trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use calsync_core::calendar::Person;
    use calsync_core::names::CalendarId;
    use uuid::Uuid;

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

    /// A look needs identity alone: a person's program may have saved times in no zone that anybody knows.
    #[test]
    fn a_look_finds_what_cannot_be_read() {
        let root = tempfile::tempdir().unwrap();
        let folder = IcsFolder::new(root.path());
        let (person, calendar) = (Person::Profile("7".parse().unwrap()), CalendarId::primary());
        let place = CalendarRef::new(person, ProviderKind::APPLE, 1.into(), calendar);
        let marker = Marker::new("my-shop", EventKey::from_uuid(Uuid::from_u128(7)), 3);
        let path = folder.files.folder(&place, true).unwrap().unwrap().join(ics(&marker.key.to_string()));
        let times = [
            "DTSTART;TZID=GMT Standard Time:20260701T090000",
            "DTSTART:20260701T090000",
            "DTSTART:?",
            "X-A:1",
        ];
        for times in times {
            let file = format!(
                "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:{}\r\n{times}\r\nX-CALSYNC-NAMESPACE:my-shop\r\nX-CALSYNC-REVISION:3\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
                marker.key
            );
            std::fs::write(&path, &file).unwrap();
            let (remote_id, found) = folder.look(Operation::Find, &place, &marker).unwrap().unwrap();
            assert_eq!(
                (remote_id.as_str(), &found.identity.marker),
                (&*marker.key.to_string(), &Some(marker.clone()))
            );
            assert_eq!(found.etag(), etag(file.as_bytes()));
            assert!(read_event(file.as_bytes()).is_err());
        }
    }
}
