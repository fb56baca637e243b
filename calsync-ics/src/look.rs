//! What a folder holds of the events of ours, by identity alone. The rest of a file's content does not matter.

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

/// What is under a name, for one event of ours.
pub(crate) enum Look {
    Missing,
    /// That event: ours to write over and to remove.
    Ours(Box<EventFile>),
    /// A person's copy of it, or something else. Not ours to touch.
    Foreign,
    /// Ours by its name, and not to be read. It is neither taken for another's nor for gone.
    Unreadable(IcsError),
}

/// A file of an event.
pub(crate) struct EventFile {
    pub(crate) identity: Identity,
    pub(crate) parts: Parts,
    pub(crate) bytes: Vec<u8>,
}

/// An event of ours, or a person's copy of one, with its remote id.
pub(crate) type Listed = (String, EventFile);

/// A file that cannot be read.
struct Unread {
    error: IcsError,
    bytes: Vec<u8>,
}

/// What may be wrong with a look.
pub(crate) enum LookError {
    Files(FilesError),
    /// A file that is ours, or may be, cannot be read.
    Unreadable(IcsError),
}

impl From<FilesError> for LookError {
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

    /// The revision of ours that wrote it; 0 where some program removed the marker.
    pub(crate) fn revision(&self) -> u64 {
        self.identity.marker.as_ref().map_or(0, |marker| marker.revision)
    }

    pub(crate) fn etag(&self) -> Etag {
        etag(&self.bytes)
    }

    /// With the marker in the words of a host's namespace.
    fn spelled(self, namespace: &str) -> Self {
        Self { identity: self.identity.spelled(namespace), ..self }
    }
}

/// Looks at the file that the ledger knows the event of `marker` by.
pub(crate) fn look_at(path: &Path, marker: &Marker) -> Result<Look, FilesError> {
    let file = match read(path)? {
        Entry::Missing => return Ok(Look::Missing),
        Entry::Other => return Ok(Look::Foreign),
        Entry::TooLarge => return Ok(Look::Unreadable(IcsError::file(IcsProblem::TooLarge))),
        Entry::File(bytes) => match EventFile::read(bytes) {
            Ok(file) => file.spelled(&marker.namespace),
            Err(error) => return Ok(Look::Unreadable(error)),
        },
    };
    let identity = &file.identity;
    let is_ours = match &identity.marker {
        Some(found) => found.is_same_target(marker) && !identity.is_copy,
        // The ledger knows an event of old by this name, and some program may remove the marker. But a key's own name says
        // nothing of an event under another UID.
        None => {
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            let is_keyed = stem.and_then(EventKey::parse).is_some();
            !is_keyed || identity.key.is_some_and(|key| key.target() == marker.key.target())
        }
    };
    Ok(if is_ours { Look::Ours(Box::new(file)) } else { Look::Foreign })
}

/// Looks for every event that a query looks for, copies that people made among them: in the files of the target's keys, in the one
/// known last, and in those under other names, which an adopted event keeps and a program may give. A file under another target's
/// key is another event's.
pub(crate) fn look_for(folder: &Path, query: &TargetQuery) -> Result<Vec<Listed>, LookError> {
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
        let file = file.map(|file| file.spelled(&query.namespace));
        found.extend(
            file.filter(|file| file.is_looked_for(&RemoteId::new(remote_id.as_str()), query))
                .map(|file| (remote_id, file)),
        );
    }
    Ok(found)
}

/// Lists every event that carries the marker of a namespace.
pub(crate) fn list(folder: &Path, namespace: &str) -> Result<Vec<Listed>, LookError> {
    let mut found = Vec::new();
    for (remote_id, file) in named_files(folder)? {
        let is_keyed = EventKey::parse(&remote_id).is_some();
        let may_be_ours = |unread: &Unread| is_keyed || unread.has_marker();
        let file = entry(&folder.join(file), is_keyed, may_be_ours)?.map(|file| file.spelled(namespace));
        let is_ours = |file: &EventFile| {
            file.identity.marker.as_ref().is_some_and(|marker| *marker.namespace == *namespace)
        };
        found.extend(file.filter(is_ours).map(|file| (remote_id, file)));
    }
    Ok(found)
}

/// What the name of a file says for a target.
#[derive(Clone, Copy, PartialEq)]
enum Name {
    /// It is one of its keys, or the name it was known by last.
    Ours,
    /// It is the key of another target.
    Others,
    Any,
}

impl EventFile {
    fn is_looked_for(&self, id: &RemoteId, query: &TargetQuery) -> bool {
        query.matches(id, self.identity.marker.as_ref(), self.identity.key)
    }
}

/// The event under a name; `None` where there is none that can be read and none that may be ours.
fn entry(
    path: &Path,
    is_ours_by_name: bool,
    may_be_ours: impl FnOnce(&Unread) -> bool,
) -> Result<Option<EventFile>, LookError> {
    let bytes = match read(path)? {
        Entry::File(bytes) => bytes,
        Entry::TooLarge if is_ours_by_name => {
            return Err(LookError::Unreadable(IcsError::file(IcsProblem::TooLarge)));
        }
        Entry::Missing | Entry::Other | Entry::TooLarge => return Ok(None),
    };
    match EventFile::try_read(bytes) {
        Ok(file) => Ok(Some(file)),
        Err(unread) if may_be_ours(&unread) => Err(LookError::Unreadable(unread.error)),
        Err(_) => Ok(None),
    }
}

impl Unread {
    /// Whether it names that target.
    fn names(&self, target: TargetKey) -> bool {
        self.holds(target.to_string().as_bytes())
    }

    /// Whether some event of ours is in it.
    fn has_marker(&self) -> bool {
        self.holds(b"X-CALSYNC-NAMESPACE")
    }

    /// A file with several events is a person's, even where ours is among them.
    fn holds(&self, text: &[u8]) -> bool {
        self.error.problem != IcsProblem::Repeated
            && self.bytes.windows(text.len()).any(|window| window == text)
    }
}

/// The version of a file: a digest of its bytes.
pub(crate) fn etag(bytes: &[u8]) -> Etag {
    let mut hasher = SipHasher13::new();
    hasher.write(bytes);
    Etag::new(format!("\"{:032x}\"", hasher.finish128().as_u128()))
}
