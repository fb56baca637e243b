//! The key that seals this host's tokens: a file of its own, for its owner's eyes only.
//!
//! A real host has a secret manager, and keeps the key away from what it seals.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use calsync_core::Secret;
use calsync_core::auth::VaultKey;

use crate::files::{BadInput, FileName, folder_of, sync_folder, write_temporary};

/// The key's id, which stands in every text it sealed.
const ID: &str = "k1";

/// The key; `None` where there is no such file. One that others can read is refused.
pub fn read(path: &Path) -> Result<Option<VaultKey>, BadInput> {
    let name = FileName::new(path);
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(name.bad(error)),
    };
    let metadata = file.metadata().map_err(|error| name.bad(error))?;
    if is_open_to_others(&metadata) {
        return Err(name.bad("others can read the key; make it yours alone (chmod 600)"));
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|error| name.bad(error))?;
    VaultKey::from_text(ID, &Secret::new(text)).map(Some).map_err(|error| name.bad(error))
}

/// Makes a key and its file, which must not be there yet. It is there whole or not at all.
pub fn create(path: &Path) -> Result<VaultKey, BadInput> {
    let name = FileName::new(path);
    let key = VaultKey::generate(ID).map_err(|error| name.bad(error))?;
    let write = || -> io::Result<()> {
        let temporary = write_temporary(path, |file| writeln!(file, "{}", key.to_text().expose()))?;
        temporary.persist_noclobber(path)?;
        sync_folder(folder_of(path))
    };
    write().map_err(|error| name.bad(error))?;
    Ok(key)
}

#[cfg(unix)]
fn is_open_to_others(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o077 != 0
}

/// Elsewhere who can read a file is the folder's business.
#[cfg(not(unix))]
fn is_open_to_others(_: &fs::Metadata) -> bool {
    false
}
