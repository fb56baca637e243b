//! Folders and files: found safely, written atomically.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use calsync_core::calendar::{CalendarRef, Person};
use calsync_core::identity::EventKey;

use crate::encode::{GUEST, file_name, name_of};

/// The largest file of one event; none that calsync writes comes near.
pub(crate) const MAX_EVENT_FILE: u64 = 1 << 20;

const TEMPORARY: (&str, &str) = (".calsync-", ".tmp");

/// The folders of calendars below a root.
#[derive(Debug)]
pub(crate) struct Files {
    root: PathBuf,
    /// Folders without leftovers of a process that was killed.
    swept: Mutex<HashSet<u64>>,
}

/// What stands under a name.
#[derive(Debug)]
pub(crate) enum Entry {
    Missing,
    /// Something else than a file: a link, a folder, a device.
    Other,
    /// A file larger than one of an event.
    TooLarge,
    File(Vec<u8>),
}

/// Why a folder or file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilesError {
    #[error("a link or a file stands where the folder of a person or calendar should be")]
    NotAFolder,
    #[error("the file system refused")]
    Io(#[source] io::Error),
    /// The new file stands there, and may be gone after a power cut.
    #[error("the file system did not confirm the write")]
    Unconfirmed(#[source] io::Error),
}

impl Files {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root, swept: Mutex::default() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of a calendar; made where it is wanted and not there.
    pub(crate) fn folder(&self, place: &CalendarRef, make: bool) -> Result<Option<PathBuf>, FilesError> {
        if make {
            fs::create_dir_all(&self.root).map_err(FilesError::Io)?;
        }
        let mut path = self.root.clone();
        let person = match &place.person {
            Person::Profile(id) => file_name(&id.to_string()),
            Person::Guest => GUEST.to_owned(),
        };
        for step in [person, file_name(place.calendar.as_str())] {
            let parent = path.clone();
            path.push(step);
            match fs::symlink_metadata(&path) {
                // A link is no folder here, wherever it leads.
                Ok(found) if found.is_dir() => {}
                Ok(_) => return Err(FilesError::NotAFolder),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    if !make {
                        return Ok(None);
                    }
                    match fs::create_dir(&path) {
                        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                            return Err(FilesError::Io(error));
                        }
                        _ => sync_folder(&parent).map_err(FilesError::Io)?,
                    }
                    if !fs::symlink_metadata(&path).map_err(FilesError::Io)?.is_dir() {
                        return Err(FilesError::NotAFolder);
                    }
                }
                Err(error) => return Err(FilesError::Io(error)),
            }
        }
        Ok(Some(path))
    }

    /// Writes a file so that readers see the old one or the new one, whole.
    pub(crate) fn write(&self, folder: &Path, name: &str, bytes: &[u8]) -> Result<(), FilesError> {
        self.sweep(folder);
        let target = folder.join(name);
        let mut lost = 0;
        loop {
            let temporary = write_temporary(folder, name, bytes).map_err(FilesError::Io)?;
            match fs::rename(&temporary, &target) {
                Ok(()) => return sync_folder(folder).map_err(FilesError::Unconfirmed),
                // Another process took ours for a leftover, which happens once a process and folder.
                Err(error) if error.kind() == io::ErrorKind::NotFound && lost < 3 => lost += 1,
                Err(error) => {
                    // What is left behind now is swept away later.
                    let _ = fs::remove_file(&temporary);
                    return Err(FilesError::Io(error));
                }
            }
        }
    }

    /// Removes what processes that were killed left behind; once a folder, since it reads the whole of it.
    fn sweep(&self, folder: &Path) {
        let mut hasher = DefaultHasher::new();
        folder.hash(&mut hasher);
        if !self.swept.lock().unwrap_or_else(PoisonError::into_inner).insert(hasher.finish()) {
            return;
        }
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let leftover = name
                .to_str()
                .is_some_and(|name| name.starts_with(TEMPORARY.0) && name.ends_with(TEMPORARY.1));
            if leftover {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Reads what stands under a name.
pub(crate) fn read(path: &Path) -> Result<Entry, FilesError> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => return Ok(Entry::Other),
        Ok(found) if found.len() > MAX_EVENT_FILE => return Ok(Entry::TooLarge),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Entry::Missing),
        Err(error) => return Err(FilesError::Io(error)),
    }
    match fs::read(path) {
        Ok(bytes) => Ok(Entry::File(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Entry::Missing),
        Err(error) => Err(FilesError::Io(error)),
    }
}

fn is_there(path: &Path) -> Result<bool, FilesError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FilesError::Io(error)),
    }
}

/// Removes a file. Returns whether it was there.
pub(crate) fn remove(folder: &Path, name: &str) -> Result<bool, FilesError> {
    match fs::remove_file(folder.join(name)) {
        Ok(()) => sync_folder(folder).map(|()| true).map_err(FilesError::Unconfirmed),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FilesError::Io(error)),
    }
}

/// The name that an event's file is given.
pub(crate) fn ics(remote_id: &str) -> String {
    let mut name = file_name(remote_id);
    name.push_str(".ics");
    name
}

/// The name that an event's file has: the one it was given, or one that a program gave it without our encoding.
pub(crate) fn name_in(folder: &Path, remote_id: &str) -> Result<String, FilesError> {
    let name = ics(remote_id);
    if EventKey::parse(remote_id).is_some() || is_there(&folder.join(&name))? {
        return Ok(name);
    }
    let theirs = named_files(folder)?.remove(remote_id);
    Ok(theirs.unwrap_or(name))
}

/// The .ics files of a folder, by remote id. One whose name is only a digest is left out.
pub(crate) fn named_files(folder: &Path) -> Result<BTreeMap<String, String>, FilesError> {
    let mut named = BTreeMap::new();
    for path in event_files(folder)? {
        let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        let remote_id = path.file_stem().and_then(|stem| stem.to_str()).and_then(name_of);
        let Some((remote_id, name)) = remote_id.zip(name) else { continue };
        // Of two spellings of one name ours is meant.
        let is_ours = name == ics(&remote_id);
        if is_ours || !named.contains_key(&remote_id) {
            named.insert(remote_id, name);
        }
    }
    Ok(named)
}

/// The .ics files of a folder, in the order of their names.
fn event_files(folder: &Path) -> Result<Vec<PathBuf>, FilesError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(FilesError::Io)? {
        let path = entry.map_err(FilesError::Io)?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if !stem.starts_with('.') && path.extension().is_some_and(|ending| ending == "ics") {
            found.push(path);
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn write_temporary(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let (start, end) = TEMPORARY;
        // The event's name is in it, so that two processes of one id cannot take another's for their own.
        let path = folder.join(format!("{start}{}-{number}-{name}{end}", std::process::id()));
        let mut file = match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        };
        if let Err(error) = file.write_all(bytes).and_then(|()| file.sync_all()) {
            drop(file);
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        return Ok(path);
    }
}

/// Makes a change of names last.
fn sync_folder(folder: &Path) -> io::Result<()> {
    // Windows cannot open a folder, and writes its names through.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
