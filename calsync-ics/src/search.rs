//! Finds calsync's events in a folder, by their identity only. The rest of a file's content may be
//! invalid.

use std::hash::Hasher;
use std::path::Path;

use calsync_core::identity::{EventKey, TargetKey};
use calsync_core::names::{Etag, RemoteId};
use calsync_core::provider::{Marker, TargetQuery};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::error::{IcsError, IcsProblem};
use crate::files::{Entry, FilesError, ics, named_files, read};
use crate::identity::Identity;
use crate::scan::Parts;

/// What exists under a file name, for one of calsync's events.
pub(crate) enum FoundFile {
    Missing,
    /// The event: calsync may overwrite and remove it.
    Ours(Box<EventFile>),
    /// A person's copy of it, or another event. calsync does not change it.
    Foreign,
    /// By its name it is the event, but the file cannot be read. It counts neither as foreign nor
    /// as missing.
    Unreadable(IcsError),
}

/// A file with one event.
pub(crate) struct EventFile {
    pub(crate) identity: Identity,
    pub(crate) parts: Parts,
    pub(crate) bytes: Vec<u8>,
}

/// One of calsync's events, or a person's copy of one, with its remote id.
pub(crate) type Listed = (String, EventFile);

/// A file that cannot be read.
struct Unread {
    error: IcsError,
    bytes: Vec<u8>,
}

/// A search failed.
pub(crate) enum SearchError {
    Files(FilesError),
    /// A file that is, or may be, calsync's cannot be read.
    Unreadable(IcsError),
}

impl From<FilesError> for SearchError {
    fn from(error: FilesError) -> Self {
        Self::Files(error)
    }
}

impl EventFile {
    pub(crate) fn read(bytes: Vec<u8>) -> Result<Self, IcsError> {
        Self::try_read(bytes).map_err(|unread| unread.error)
    }

    fn try_read(bytes: Vec<u8>) -> Result<Self, Unread> {
        match Identity::of_file(&bytes) {
            Ok((identity, parts)) => Ok(Self { identity, parts, bytes }),
            Err(error) => Err(Unread { error, bytes }),
        }
    }

    /// The revision in the marker; 0 if another program removed the marker.
    pub(crate) fn revision(&self) -> u64 {
        self.identity.marker.as_ref().map_or(0, |marker| marker.revision)
    }

    pub(crate) fn etag(&self) -> Etag {
        etag(&self.bytes)
    }

    /// See [`Identity::with_original_namespace`].
    fn with_original_namespace(self, namespace: &str) -> Self {
        Self { identity: self.identity.with_original_namespace(namespace), ..self }
    }
}

/// Reads the file under which the ledger knows the event of `marker`.
pub(crate) fn read_named(path: &Path, marker: &Marker) -> Result<FoundFile, FilesError> {
    let file = match read(path)? {
        Entry::Missing => return Ok(FoundFile::Missing),
        Entry::Other => return Ok(FoundFile::Foreign),
        Entry::TooLarge => return Ok(FoundFile::Unreadable(IcsError::file(IcsProblem::TooLarge))),
        Entry::File(bytes) => match EventFile::read(bytes) {
            Ok(file) => file.with_original_namespace(&marker.namespace),
            Err(error) => return Ok(FoundFile::Unreadable(error)),
        },
    };
    let identity = &file.identity;
    let is_ours = match &identity.marker {
        Some(found) => found.is_same_target(marker) && !identity.is_copy,
        // The ledger may know an event by this name, and another program may have removed the
        // marker. But if the name is a key, an event with another UID is not ours.
        None => {
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            let is_keyed = stem.and_then(EventKey::parse).is_some();
            !is_keyed || identity.key.is_some_and(|key| key.target() == marker.key.target())
        }
    };
    Ok(if is_ours { FoundFile::Ours(Box::new(file)) } else { FoundFile::Foreign })
}

/// Finds every event that matches a query, people's copies included. It reads the files named by
/// the target's keys, the file known last, and files under other names, which adopted events have
/// and other programs may choose. It skips files named by another target's key: they belong to
/// other events.
pub(crate) fn find_events(folder: &Path, query: &TargetQuery) -> Result<Vec<Listed>, SearchError> {
    let mut found = Vec::new();
    let is_named = |remote_id: &str| {
        let key = EventKey::parse(remote_id);
        let is_known = query.known.as_ref().is_some_and(|known| known.as_str() == remote_id);
        match key {
            Some(key) if key.target() == query.target => Name::Ours,
            _ if is_known => Name::Ours,
            Some(_) => Name::Others,
            None => Name::Any,
        }
    };
    let mut files = named_files(folder)?;
    if let Some(known) = &query.known {
        files.entry(known.as_str().to_owned()).or_insert_with(|| ics(known.as_str()));
    }
    for (remote_id, file) in files {
        let name = is_named(&remote_id);
        if name == Name::Others {
            continue;
        }
        let may_be_ours = |unread: &Unread| name == Name::Ours || unread.names(query.target);
        let file = entry(&folder.join(file), name == Name::Ours, may_be_ours)?;
        let file = file.map(|file| file.with_original_namespace(&query.namespace));
        found.extend(
            file.filter(|file| file.matches(&RemoteId::new(remote_id.as_str()), query))
                .map(|file| (remote_id, file)),
        );
    }
    Ok(found)
}

/// Lists every event that carries the marker of a namespace.
pub(crate) fn list(folder: &Path, namespace: &str) -> Result<Vec<Listed>, SearchError> {
    let mut found = Vec::new();
    for (remote_id, file) in named_files(folder)? {
        let is_keyed = EventKey::parse(&remote_id).is_some();
        let may_be_ours = |unread: &Unread| is_keyed || unread.has_marker();
        let file = entry(&folder.join(file), is_keyed, may_be_ours)?
            .map(|file| file.with_original_namespace(namespace));
        let is_ours = |file: &EventFile| {
            file.identity.marker.as_ref().is_some_and(|marker| *marker.namespace == *namespace)
        };
        found.extend(file.filter(is_ours).map(|file| (remote_id, file)));
    }
    Ok(found)
}

/// What a file's name means for a target.
#[derive(Clone, Copy, PartialEq)]
enum Name {
    /// One of the target's keys, or the name known last.
    Ours,
    /// The key of another target.
    Others,
    /// Any other name.
    Any,
}

impl EventFile {
    fn matches(&self, id: &RemoteId, query: &TargetQuery) -> bool {
        query.matches(id, self.identity.marker.as_ref(), self.identity.key)
    }
}

/// Reads the event under a path. Returns `None` if there is no event, or a file that cannot be read
/// and is not calsync's.
fn entry(
    path: &Path,
    is_ours_by_name: bool,
    may_be_ours: impl FnOnce(&Unread) -> bool,
) -> Result<Option<EventFile>, SearchError> {
    let bytes = match read(path)? {
        Entry::File(bytes) => bytes,
        Entry::TooLarge if is_ours_by_name => {
            return Err(SearchError::Unreadable(IcsError::file(IcsProblem::TooLarge)));
        }
        Entry::Missing | Entry::Other | Entry::TooLarge => return Ok(None),
    };
    match EventFile::try_read(bytes) {
        Ok(file) => Ok(Some(file)),
        Err(unread) if may_be_ours(&unread) => Err(SearchError::Unreadable(unread.error)),
        Err(_) => Ok(None),
    }
}

impl Unread {
    /// Whether the file contains that target's key.
    fn names(&self, target: TargetKey) -> bool {
        self.contains(target.to_string().as_bytes())
    }

    /// Whether the file contains a marker.
    fn has_marker(&self) -> bool {
        self.contains(b"X-CALSYNC-NAMESPACE")
    }

    /// Whether the file contains `text`. A file with several events always belongs to a person,
    /// even if one of them is ours.
    fn contains(&self, text: &[u8]) -> bool {
        self.error.problem != IcsProblem::Repeated
            && self.bytes.windows(text.len()).any(|window| window == text)
    }
}

/// The etag of a file: a digest of its bytes.
pub(crate) fn etag(bytes: &[u8]) -> Etag {
    let mut hasher = SipHasher13::new();
    hasher.write(bytes);
    Etag::new(format!("\"{:032x}\"", hasher.finish128().as_u128()))
}
