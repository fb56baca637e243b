//! Where this host keeps tokens: sealed, in its state file.
//!
//! The world file holds the tokens as the guide has them, in the profiles' columns, and is never
//! written. What a refresh gives is sealed into the state file before anybody uses it, beside a
//! note of the column it came from: once the column holds another token the person has connected
//! anew, and the column's is the one to use.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use calsync_core::auth::{Purpose, Saved, StoreError, StoredTokens, TokenStore, TokenVersion, Tokens, Vault};
use calsync_core::calendar::ConnectionKey;
use calsync_core::calendar::Person;
use calsync_core::{ProviderKind, Secret};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::files::{BadInput, FileName, HostFiles, State, World, write_json};
use crate::key_file;

/// What the profile's column held, as it is sealed.
const COLUMN: Purpose = Purpose::from_static("column");

/// A grant's row in the state file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TokenRow {
    grant: ConnectionKey,
    version: u64,
    /// The token that the profile's column held when this was written, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    column: Option<String>,
    /// The tokens, sealed, once they are others than the column's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<String>,
}

/// The tokens of everybody whose calendar is at a server. Clones are handles to the same ones.
#[derive(Clone)]
pub struct TokenFile(Arc<Mutex<Kept>>);

struct Kept {
    namespace: String,
    key_file: PathBuf,
    vault: Option<Vault>,
    grants: BTreeMap<ConnectionKey, Grant>,
    state_file: PathBuf,
    /// What it holds, field by field, as it is written: there may be much of it, and a save for
    /// everybody.
    state: BTreeMap<String, Box<RawValue>>,
}

struct Grant {
    tokens: Tokens,
    /// What the profile's column holds.
    column: Option<Secret>,
    row: TokenRow,
    /// Whether the row is what it should be; else it is sealed when it is written next.
    is_sealed: bool,
}

impl TokenFile {
    /// The tokens of the state, and of the world's profiles for these kinds of backend, each
    /// grant's newest. Every sealed one is opened here: with one that does not open nothing is
    /// begun. Also gives the grants whose tokens nobody has tried yet.
    pub fn open(
        world: &World,
        state: &State,
        files: &HostFiles,
        kinds: &[ProviderKind],
    ) -> Result<(Self, Vec<ConnectionKey>), BadInput> {
        let HostFiles { state: state_file, key: key_file, .. } = files;
        let vault = key_file::read(key_file)?.map(|key| Vault::new(world.namespace.as_str(), key));
        if vault.is_none() && !state.tokens.is_empty() {
            let problem = format_args!(
                "is not there, and {} holds tokens sealed with it; put it back, or take `tokens` out of there",
                state_file.display()
            );
            return Err(FileName::new(key_file).bad(problem));
        }
        let mut kept = Kept {
            namespace: world.namespace.clone(),
            key_file: key_file.clone(),
            vault,
            grants: BTreeMap::new(),
            state_file: state_file.clone(),
            state: BTreeMap::new(),
        };
        for row in &state.tokens {
            let of_row =
                |problem: &dyn fmt::Display| state.file.bad(format_args!("tokens: {}: {problem}", row.grant));
            let grant = kept.unseal(row).map_err(|error| of_row(&error))?;
            if kept.grants.insert(row.grant.clone(), grant).is_some() {
                return Err(of_row(&"is there twice"));
            }
        }
        let mut untried = Vec::new();
        for profile in world.profiles() {
            for connection in profile.connections.iter().filter(|it| kinds.contains(&it.provider)) {
                let Some(tokens) = Tokens::of(&connection.credentials) else { continue };
                let person = Person::Profile(profile.id.clone());
                let key = ConnectionKey::new(person, connection.provider.clone(), connection.id.clone());
                if kept.take_column(&key, tokens) {
                    untried.push(key);
                }
            }
        }
        Ok((Self(Arc::new(Mutex::new(kept))), untried))
    }

    /// Sees to it that there is a key, so that what is saved later can be.
    pub fn make_key(&self) -> Result<(), BadInput> {
        self.kept().vault().map(drop)
    }

    /// The rows for the state file. Makes the key, where there is none and something is to be
    /// sealed.
    pub fn rows(&self) -> Result<Vec<TokenRow>, BadInput> {
        self.kept().rows()
    }

    /// From now on every save writes the state file anew, as it is now but for the tokens.
    pub fn begin(&self, state: &State) -> Result<(), BadInput> {
        let text = serde_json::to_string(state).map_err(|error| state.file.bad(error))?;
        self.kept().state = serde_json::from_str(&text).map_err(|error| state.file.bad(error))?;
        Ok(())
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// A row of the state file. Without tokens of its own it waits for the column's.
    fn unseal(&self, row: &TokenRow) -> Result<Grant, calsync_core::auth::VaultError> {
        let vault = self.vault.as_ref().ok_or(calsync_core::auth::VaultError::Key)?;
        let column =
            row.column.as_deref().map(|column| vault.open(column, &row.grant, COLUMN)).transpose()?;
        let sealed = row.sealed.as_deref().map(|sealed| vault.open_tokens(sealed, &row.grant)).transpose()?;
        Ok(Grant {
            tokens: sealed.map_or_else(|| Tokens::new(Secret::new("")), |opened| opened.secret),
            column: column.map(|opened| opened.secret),
            row: row.clone(),
            is_sealed: true,
        })
    }

    /// Takes a column's tokens where they are to be used. Returns whether they are others than last
    /// time.
    fn take_column(&mut self, key: &ConnectionKey, tokens: Tokens) -> bool {
        let column = tokens.refresh_token.as_ref().unwrap_or(&tokens.access_token).clone();
        let known = self.grants.get_mut(key);
        if let Some(known) = known
            && known.column.as_ref().is_some_and(|known| known.expose() == column.expose())
        {
            if known.row.sealed.is_none() {
                known.tokens = tokens;
            }
            return false;
        }
        let version = self.grants.get(key).map_or(0, |known| known.row.version).wrapping_add(1);
        let row = TokenRow { grant: key.clone(), version, column: None, sealed: None };
        let grant = Grant { tokens, column: Some(column), row, is_sealed: false };
        self.grants.insert(key.clone(), grant);
        true
    }

    /// The vault. Makes its key, where there is none.
    fn vault(&mut self) -> Result<Vault, BadInput> {
        if let Some(vault) = &self.vault {
            return Ok(vault.clone());
        }
        let vault = Vault::new(self.namespace.as_str(), key_file::create(&self.key_file)?);
        self.vault = Some(vault.clone());
        Ok(vault)
    }

    fn rows(&mut self) -> Result<Vec<TokenRow>, BadInput> {
        if self.grants.values().any(|grant| !grant.is_sealed) {
            let vault = self.vault()?;
            for (key, grant) in self.grants.iter_mut().filter(|(_, grant)| !grant.is_sealed) {
                let column = grant.column.as_ref().map(|column| vault.seal(column, key, COLUMN)).transpose();
                grant.row.column = column.map_err(|error| FileName::new(&self.key_file).bad(error))?;
                grant.is_sealed = true;
            }
        }
        Ok(self.grants.values().map(|grant| grant.row.clone()).collect())
    }

    /// Writes the state file with the tokens as they are. They are on the disk when it returns.
    fn write(&mut self) -> Result<(), BadInput> {
        let rows = to_raw_value(&self.rows()?);
        let rows = rows.map_err(|error| FileName::new(&self.state_file).bad(error))?;
        self.state.insert("tokens".to_owned(), rows);
        write_json(&self.state_file, &self.state)
    }

    fn save(
        &mut self,
        key: &ConnectionKey,
        tokens: &Tokens,
        replaces: Option<TokenVersion>,
    ) -> Result<Saved, StoreError> {
        if self.grants.get(key).map(|known| TokenVersion(known.row.version)) != replaces {
            return Ok(Saved::Conflict);
        }
        // So that the note of the column is there to be taken over.
        self.rows().map_err(StoreError::new)?;
        let vault = self.vault().map_err(StoreError::new)?;
        let sealed = vault.seal_tokens(tokens, key).map_err(StoreError::new)?;
        let known = self.grants.remove(key);
        let row = TokenRow {
            grant: key.clone(),
            version: replaces.map_or(0, |version| version.0).wrapping_add(1),
            column: known.as_ref().and_then(|known| known.row.column.clone()),
            sealed: Some(sealed),
        };
        let version = TokenVersion(row.version);
        let column = known.as_ref().and_then(|known| known.column.clone());
        self.grants.insert(key.clone(), Grant { tokens: tokens.clone(), column, row, is_sealed: true });
        if let Err(error) = self.write() {
            self.grants.remove(key);
            self.grants.extend(known.map(|known| (key.clone(), known)));
            return Err(StoreError::new(error));
        }
        Ok(Saved::As(version))
    }
}

/// Writes to the disk on the runtime's thread, which this host has to itself.
#[async_trait]
impl TokenStore for TokenFile {
    async fn load(&self, key: &ConnectionKey) -> Result<Option<StoredTokens>, StoreError> {
        let kept = self.kept();
        let grant = kept.grants.get(key);
        Ok(grant.map(|grant| StoredTokens::new(grant.tokens.clone(), TokenVersion(grant.row.version))))
    }

    async fn save(
        &self,
        key: &ConnectionKey,
        tokens: &Tokens,
        replaces: Option<TokenVersion>,
    ) -> Result<Saved, StoreError> {
        self.kept().save(key, tokens, replaces)
    }

    async fn remove(&self, key: &ConnectionKey) -> Result<(), StoreError> {
        let mut kept = self.kept();
        match kept.grants.remove(key) {
            Some(_) => kept.write().map_err(StoreError::new),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for TokenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenFile").field("grants", &self.kept().grants.len()).finish_non_exhaustive()
    }
}
