//! Folders and files: links are not followed, and files are written atomically.

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

/// Largest file of one event, in bytes: 1 MiB.
pub(crate) const MAX_EVENT_FILE: u64 = 1 << 20;

const TEMPORARY: (&str, &str) = (".calsync-", ".tmp");

/// The folders of calendars below a root.
#[derive(Debug)]
pub(crate) struct Files {
    root: PathBuf,
    /// Hashes of the folders whose leftover temporary files were removed.
    swept: Mutex<HashSet<u64>>,
}

/// What exists under a name.
#[derive(Debug)]
pub(crate) enum Entry {
    Missing,
    /// Not a regular file: a link, a folder, a device.
    Other,
    /// A file larger than [`MAX_EVENT_FILE`].
    TooLarge,
    File(Vec<u8>),
}

/// A folder or file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilesError {
    #[error("the folder of a person or calendar is a link or a file")]
    NotAFolder,
    #[error("the file system reported an error")]
    Io(#[source] io::Error),
    /// The file was written, but may be lost after a power cut.
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

    /// Returns the folder of a calendar. Creates it if `make` is true; otherwise returns `None` if
    /// it does not exist.
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
                // Links are not followed: a link to a folder is not accepted either.
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

    /// Writes a file atomically: a reader sees either the old or the new content, complete.
    pub(crate) fn write(&self, folder: &Path, name: &str, bytes: &[u8]) -> Result<(), FilesError> {
        self.remove_leftovers(folder);
        let target = folder.join(name);
        let mut lost = 0;
        loop {
            let temporary = write_temporary(folder, name, bytes).map_err(FilesError::Io)?;
            match fs::rename(&temporary, &target) {
                Ok(()) => return sync_folder(folder).map_err(FilesError::Unconfirmed),
                // Another process removed our temporary file as a leftover. Each process does that
                // at most once for each folder.
                Err(error) if error.kind() == io::ErrorKind::NotFound && lost < 3 => lost += 1,
                Err(error) => {
                    // If this fails, a later process removes the temporary file.
                    let _ = fs::remove_file(&temporary);
                    return Err(FilesError::Io(error));
                }
            }
        }
    }

    /// Removes temporary files of killed processes. Only once for each folder, since it reads the
    /// whole folder.
    fn remove_leftovers(&self, folder: &Path) {
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

/// Reads the file under a name.
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

fn exists(path: &Path) -> Result<bool, FilesError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FilesError::Io(error)),
    }
}

/// Removes a file. Returns `false` if it does not exist.
pub(crate) fn remove(folder: &Path, name: &str) -> Result<bool, FilesError> {
    match fs::remove_file(folder.join(name)) {
        Ok(()) => sync_folder(folder).map(|()| true).map_err(FilesError::Unconfirmed),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FilesError::Io(error)),
    }
}

/// Returns the file name that calsync gives an event.
pub(crate) fn ics(remote_id: &str) -> String {
    let mut name = file_name(remote_id);
    name.push_str(".ics");
    name
}

/// Returns the name of an event's existing file: calsync's own name, or a name that another program
/// wrote without our encoding.
pub(crate) fn name_in(folder: &Path, remote_id: &str) -> Result<String, FilesError> {
    let name = ics(remote_id);
    if EventKey::parse(remote_id).is_some() || exists(&folder.join(&name))? {
        return Ok(name);
    }
    let theirs = named_files(folder)?.remove(remote_id);
    Ok(theirs.unwrap_or(name))
}

/// Returns the .ics files of a folder, by remote id. Files whose name contains only a digest are
/// left out.
pub(crate) fn named_files(folder: &Path) -> Result<BTreeMap<String, String>, FilesError> {
    let mut named = BTreeMap::new();
    for path in event_files(folder)? {
        let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        let remote_id = path.file_stem().and_then(|stem| stem.to_str()).and_then(name_of);
        let Some((remote_id, name)) = remote_id.zip(name) else { continue };
        // If two file names decode to the same remote id, calsync's own encoding wins.
        let is_ours = name == ics(&remote_id);
        if is_ours || !named.contains_key(&remote_id) {
            named.insert(remote_id, name);
        }
    }
    Ok(named)
}

/// Returns the .ics files of a folder, ordered by name.
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
        // Contains the event's name, so that two processes with the same process id cannot rename
        // each other's file.
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

/// Makes a change of file names durable.
fn sync_folder(folder: &Path) -> io::Result<()> {
    // Windows cannot open a folder as a file, and writes changes of names through.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
