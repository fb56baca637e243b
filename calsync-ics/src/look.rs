//! What a folder holds of one event, by identity alone. The rest of a file's content does not matter.

use std::hash::Hasher;
use std::path::Path;

use calsync_core::identity::EventKey;
use calsync_core::names::Etag;
use calsync_core::provider::Marker;
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::encode::name_of;
use crate::error::{IcsError, IcsProblem};
use crate::files::{Entry, FilesError, event_files, read};
use crate::identity::{Identity, event_key};
use crate::lines::Lines;
use crate::scan::Parts;

/// What is under a name, for one event of ours.
pub(crate) enum Look {
    Missing,
    /// That event: ours to write over and to remove.
    Ours(Box<EventFile>),
    /// A person's copy of it, under a UID of its own. Not ours to touch.
    Copy,
    /// Something else. Not ours to touch.
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

/// A file of a folder, by identity.
pub(crate) struct Listed {
    /// The event's remote id.
    pub(crate) remote_id: String,
    pub(crate) file: Result<EventFile, Unread>,
}

/// A file that cannot be read.
pub(crate) struct Unread {
    pub(crate) error: IcsError,
    pub(crate) bytes: Vec<u8>,
}

impl EventFile {
    pub(crate) fn read(bytes: Vec<u8>) -> Result<Self, Unread> {
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

    /// What it is to the event of that marker. `adopts` where the ledger knows the event by this file's own name: one of old
    /// that has no marker yet is then ours as well.
    fn looked_at(self, marker: &Marker, adopts: bool) -> Look {
        match &self.identity.marker {
            Some(found) if found.key != marker.key || !same_text(&found.namespace, &marker.namespace) => {
                Look::Foreign
            }
            Some(_) if self.identity.is_copy => Look::Copy,
            Some(_) => Look::Ours(Box::new(self)),
            // Only this namespace derives this key; some program removed the line with the namespace.
            None if adopts || self.identity.uid == marker.key.to_string() => Look::Ours(Box::new(self)),
            None => Look::Foreign,
        }
    }
}

/// Looks at the file that the ledger knows the event of `marker` by.
pub(crate) fn look_at(path: &Path, marker: &Marker) -> Result<Look, FilesError> {
    let is_keyed = path.file_stem().is_some_and(|stem| *stem == *marker.key.to_string());
    Ok(match read(path)? {
        Entry::Missing => Look::Missing,
        Entry::Other => Look::Foreign,
        Entry::TooLarge => Look::Unreadable(IcsError::file(IcsProblem::TooLarge)),
        Entry::File(bytes) => match EventFile::read(bytes) {
            Ok(file) => file.looked_at(marker, !is_keyed),
            Err(unread) => Look::Unreadable(unread.error),
        },
    })
}

/// Looks for the event of `marker` under every other name than its key: an adopted event kept the name it had, and a program
/// may have renamed the file. Gives its remote id along.
pub(crate) fn look_for(folder: &Path, marker: &Marker) -> Result<Option<(String, Look)>, FilesError> {
    // A file under another key is another event's.
    for listed in list(folder, |remote_id| event_key(remote_id).is_none())? {
        let Listed { remote_id, file } = listed?;
        let look = match file {
            Ok(file) => file.looked_at(marker, false),
            // It may be ours, and may be anybody's.
            Err(unread) if unread.may_be(&marker.key) => Look::Unreadable(unread.error),
            Err(_) => Look::Foreign,
        };
        if matches!(look, Look::Ours(_) | Look::Unreadable(_)) {
            return Ok(Some((remote_id, look)));
        }
    }
    Ok(None)
}

/// The files of a folder by identity, in the order of their names: those whose remote ids are wanted. One that is too large for
/// an event, or whose name is only a digest, is left out.
pub(crate) fn list(
    folder: &Path,
    wanted: impl Fn(&str) -> bool,
) -> Result<impl Iterator<Item = Result<Listed, FilesError>>, FilesError> {
    let mut named = Vec::new();
    for path in event_files(folder)? {
        let remote_id = path.file_stem().and_then(|stem| stem.to_str()).and_then(name_of);
        named.extend(remote_id.filter(|remote_id| wanted(remote_id)).map(|remote_id| (path, remote_id)));
    }
    Ok(named.into_iter().filter_map(|(path, remote_id)| match read(&path) {
        Ok(Entry::File(bytes)) => Some(Ok(Listed { remote_id, file: EventFile::read(bytes) })),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    }))
}

impl Unread {
    /// Whether it names that key. A file with several events is a person's, even where ours is among them.
    fn may_be(&self, key: &EventKey) -> bool {
        let key = key.to_string();
        self.error.problem != IcsProblem::Repeated
            && self.bytes.windows(key.len()).any(|window| window == key.as_bytes())
    }
}

/// The version of a file: a digest of its bytes.
pub(crate) fn etag(bytes: &[u8]) -> Etag {
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
