//! A folder of .ics files as a calendar.

use std::hash::Hasher;
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use calsync_core::calendar::CalendarRef;
use calsync_core::error::{Error, ErrorKind, Operation, Retry};
use calsync_core::identity::EventKey;
use calsync_core::names::{Etag, ProviderKind, RemoteId};
use calsync_core::provider::{
    CalendarIds, CalendarProvider, Capabilities, CreateOptions, DeleteOptions, Draft, Found, Marker,
    UpdateOptions, Written,
};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::encode::{file_name, name_of};
use crate::error::IcsError;
use crate::files::{Entry, Files, FilesError, MAX_EVENT_FILE, foreign_names, read, remove};
use crate::keep::extras;
use crate::lines::Lines;
use crate::reader::{identity_of, read_event};
use crate::scan::{Parts, parts};
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
///
/// The methods are short calls to the local file system and block the thread for their time; nothing is awaited.
#[derive(Debug)]
pub struct IcsFolder {
    files: Files,
    kind: ProviderKind,
}

/// What stands under the name of an event.
enum Standing {
    Missing,
    /// An event of ours, or one that its remote id names and that has no marker yet.
    Ours(Event),
    Foreign,
}

/// A file of an event.
struct Event {
    revision: u64,
    uid: String,
    parts: Parts,
    bytes: Vec<u8>,
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
        let (kind, retry) = match &error {
            FilesError::NotAFolder => (ErrorKind::Configuration, Retry::Never),
            FilesError::Unconfirmed(_) => (ErrorKind::Unavailable, Retry::Unknown),
            FilesError::Io(error) => match error.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    (ErrorKind::Forbidden, Retry::Never)
                }
                io::ErrorKind::NotADirectory
                | io::ErrorKind::IsADirectory
                | io::ErrorKind::AlreadyExists
                | io::ErrorKind::InvalidFilename
                | io::ErrorKind::InvalidInput
                | io::ErrorKind::Unsupported => (ErrorKind::Configuration, Retry::Never),
                // A full disk among them.
                _ => (ErrorKind::Unavailable, Retry::Later),
            },
        };
        self.plain(operation, kind).with_retry(retry).with_source(error)
    }

    fn plain(&self, operation: Operation, kind: ErrorKind) -> Error {
        Error::new(kind, self.kind.clone(), operation)
    }

    /// What stands at a path, as seen by whoever expects `marker` there; `named` where the ledger knows it by this name.
    fn standing(&self, path: &Path, marker: &Marker, named: bool) -> Result<Standing, FilesError> {
        let bytes = match read(path)? {
            Entry::Missing => return Ok(Standing::Missing),
            Entry::Other => return Ok(Standing::Foreign),
            Entry::File(bytes) => bytes,
        };
        let Ok(parts) = parts(&bytes) else { return Ok(Standing::Foreign) };
        let Ok((uid, found)) = identity_of(&parts) else { return Ok(Standing::Foreign) };
        let key = marker.key.to_string();
        let revision = match found {
            Some(found) if found.key == marker.key && same_text(&found.namespace, &marker.namespace) => {
                found.revision
            }
            Some(_) => return Ok(Standing::Foreign),
            // Nobody else could have made our key; some program removed the line with the namespace.
            None if uid == key => 0,
            // An event of old, which the ledger names by its own name.
            None if named && path.file_stem().is_none_or(|stem| stem != key.as_str()) => 0,
            None => return Ok(Standing::Foreign),
        };
        Ok(Standing::Ours(Event { revision, uid, parts, bytes }))
    }

    fn write(
        &self,
        operation: Operation,
        folder: &Path,
        remote_id: &str,
        draft: &Draft,
        standing: Option<Event>,
    ) -> Result<Written, Error> {
        let (before, extras) = match standing {
            None => (None, Extras::default()),
            Some(Event { revision, uid, parts, bytes }) => {
                // A person's program may have raised it further than we did; what changes must still rise.
                let changes = u64::from(revision < draft.marker.revision);
                let sequence = sequence_of(&parts).saturating_add(changes);
                let uid = (uid != draft.marker.key.to_string()).then_some(uid);
                (Some(bytes), Extras { uid, sequence, ..extras(&parts) })
            }
        };
        let mut writer = IcsWriter::new();
        let refused = |error: IcsError| self.plain(operation, ErrorKind::Refused).with_source(error);
        let file = writer.write_with(draft, &extras).map_err(refused)?;
        if file.len() as u64 > MAX_EVENT_FILE {
            return Err(self.plain(operation, ErrorKind::Refused).with_code("file_too_large"));
        }
        if before.as_deref() != Some(file.as_bytes()) {
            let written = self.files.write(folder, &ics(remote_id), file.as_bytes());
            written.map_err(|error| self.error(operation, error))?;
        }
        Ok(Written::new(RemoteId::new(remote_id)).with_etag(Some(etag(file.as_bytes()))))
    }

    fn found(&self, operation: Operation, remote_id: &str, bytes: &[u8]) -> Result<Found, Error> {
        let unreadable = |error: IcsError| {
            let plain = self.plain(operation, ErrorKind::Other).with_retry(Retry::Never);
            plain.with_code("unreadable_file").with_source(error)
        };
        let read = read_event(bytes).map_err(unreadable)?;
        Ok(Found::new(RemoteId::new(remote_id), read.event)
            .with_etag(Some(etag(bytes)))
            .with_marker(read.marker))
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
        let standing = match self.standing(&folder.join(ics(&key)), &draft.marker, false).map_err(failed)? {
            Standing::Missing => None,
            Standing::Foreign => return Err(self.plain(operation, ErrorKind::KeySpent)),
            Standing::Ours(event) if event.revision > draft.marker.revision => {
                return Err(Error::superseded(self.kind(), operation, event.revision));
            }
            Standing::Ours(event) => Some(event),
        };
        self.write(operation, &folder, &key, draft, standing)
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
        let standing = match self.standing(&path, &draft.marker, true).map_err(failed)? {
            Standing::Missing => return Err(self.plain(operation, ErrorKind::NotFound)),
            Standing::Foreign => return Err(self.plain(operation, ErrorKind::NotOurs)),
            Standing::Ours(event) if event.revision > draft.marker.revision => {
                return Err(Error::superseded(self.kind(), operation, event.revision));
            }
            Standing::Ours(event) => event,
        };
        self.write(operation, &folder, remote_id.as_str(), draft, Some(standing))
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
        match self.standing(&folder.join(&name), marker, true).map_err(failed)? {
            Standing::Missing => Ok(()),
            Standing::Foreign => Err(self.plain(operation, ErrorKind::NotOurs)),
            Standing::Ours(event) if event.revision > marker.revision => {
                Err(Error::superseded(self.kind(), operation, event.revision))
            }
            Standing::Ours(_) => remove(&folder, &name).map_err(failed),
        }
    }

    async fn find(
        &self,
        place: &CalendarRef,
        namespace: &str,
        key: &EventKey,
    ) -> Result<Option<Found>, Error> {
        let operation = Operation::Find;
        let failed = |error| self.error(operation, error);
        let Some(folder) = self.files.folder(place, false).map_err(failed)? else { return Ok(None) };
        let marker = Marker::new(namespace, *key, 0);
        let stem = key.to_string();
        if let Standing::Ours(event) =
            self.standing(&folder.join(ics(&stem)), &marker, false).map_err(failed)?
        {
            return self.found(operation, &stem, &event.bytes).map(Some);
        }
        // An adopted event kept the name it had.
        for path in foreign_names(&folder).map_err(failed)? {
            if let Standing::Ours(event) = self.standing(&path, &marker, false).map_err(failed)? {
                let stem = path.file_stem().and_then(|stem| stem.to_str()).and_then(name_of);
                if let Some(stem) = stem {
                    return self.found(operation, &stem, &event.bytes).map(Some);
                }
            }
        }
        Ok(None)
    }

    async fn get(&self, place: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Found>, Error> {
        let operation = Operation::Get;
        let failed = |error| self.error(operation, error);
        let Some(folder) = self.files.folder(place, false).map_err(failed)? else { return Ok(None) };
        match read(&folder.join(ics(remote_id.as_str()))).map_err(failed)? {
            Entry::Missing => Ok(None),
            Entry::Other => Err(self.plain(operation, ErrorKind::NotOurs)),
            Entry::File(bytes) => self.found(operation, remote_id.as_str(), &bytes).map(Some),
        }
    }
}

/// The name of an event's file.
fn ics(remote_id: &str) -> String {
    let mut name = file_name(remote_id);
    name.push_str(".ics");
    name
}

/// The version of a file: a digest of its bytes.
fn etag(bytes: &[u8]) -> Etag {
    let mut hasher = SipHasher13::new();
    hasher.write(bytes);
    Etag::new(format!("\"{:032x}\"", hasher.finish128().as_u128()))
}

/// Whether two texts are one after having been written and read.
fn same_text(a: &str, b: &str) -> bool {
    let stored = |text| {
        let mut lines = Lines::default();
        lines.text("", text);
        lines.into_string()
    };
    a == b || stored(a) == stored(b)
}

/// The SEQUENCE a person's program may have raised: ours must not fall below it.
fn sequence_of(parts: &Parts) -> u64 {
    let lines = crate::reader::only_lines(parts).unwrap_or_default();
    let line = lines.iter().find(|line| line.name() == "SEQUENCE");
    line.and_then(|line| line.rest().rsplit(':').next()?.trim().parse().ok()).unwrap_or(0)
}
