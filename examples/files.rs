//! Where this host keeps its rows: two JSON files. A real one has a database.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use calsync_core::calendar::{CalendarRef, ConnectionKey};
use calsync_core::ledger::Delivery;
use calsync_core::model::{Appointment, Customer, Directory, Loaded, Order, Profile, Service, Staff};
use calsync_core::time::Zone;
use calsync_core::{AppointmentId, OrderId, ProfileId, ProviderKind};
use serde::de::DeserializeOwned;
use serde::ser::SerializeSeq as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::tokens::TokenRow;

/// How the name of a file begins and ends that is still being written.
const TEMPORARY: (&str, &str) = (".quickstart-", ".tmp");

/// Input that cannot be used: the file, the place in it, and what is wrong.
#[derive(Debug)]
pub struct BadInput(String);

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadInput {}

impl BadInput {
    /// A problem with an option of the command line.
    pub fn of_option(option: &str, problem: impl fmt::Display) -> Self {
        FileName(option.into()).bad(problem)
    }
}

/// A file's name, for errors.
#[derive(Debug, Default)]
pub struct FileName(PathBuf);

impl FileName {
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// An error in this file.
    pub fn bad(&self, problem: impl fmt::Display) -> BadInput {
        BadInput(self.says(problem))
    }

    /// A line about this file.
    pub fn says(&self, problem: impl fmt::Display) -> String {
        let line = format!("{}: {problem}", self.0.display());
        line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

/// Where this host's files are.
pub struct HostFiles {
    pub state: PathBuf,
    /// The key that seals tokens, beside the state file.
    pub key: PathBuf,
    /// The folder of the calendars, and of what the fakes remember.
    pub out: PathBuf,
}

impl HostFiles {
    /// In that folder; the state file may be elsewhere.
    pub fn new(out: &Path, state: Option<&Path>) -> Self {
        let state = state.map_or_else(|| out.join("state.json"), Path::to_owned);
        Self { key: state.with_file_name("tokens.key"), state, out: out.to_owned() }
    }

    /// The file that the calendars of that kind's fake are kept in.
    pub fn fake(&self, kind: &ProviderKind) -> PathBuf {
        self.out.join(format!("fake-{kind}.json"))
    }
}

/// What the company has: people, services and orders.
#[derive(Debug, Deserialize)]
pub struct World {
    #[serde(skip)]
    pub file: FileName,
    pub namespace: String,
    pub time_zone: Zone,
    #[serde(default)]
    profiles: Loaded<Profile>,
    #[serde(default)]
    customers: Loaded<Customer>,
    #[serde(default)]
    services: Loaded<Service>,
    #[serde(default)]
    staff: Loaded<Staff>,
    #[serde(default, deserialize_with = "null_is_none")]
    admins: Vec<ProfileId>,
    #[serde(default)]
    orders: Loaded<Order>,
}

fn null_is_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ProfileId>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl World {
    pub fn load(path: &Path) -> Result<Self, BadInput> {
        let mut world: Self = read_json(path)?;
        world.file = FileName(path.to_owned());
        if world.namespace.trim().is_empty() {
            return Err(world.file.bad("namespace: is empty"));
        }
        Ok(world)
    }

    pub fn profiles(&self) -> &[Profile] {
        &self.profiles.records
    }

    /// The orders, each id once.
    pub fn take_orders(&mut self, problems: &mut Vec<String>) -> Vec<Order> {
        let mut seen = HashSet::new();
        let mut orders = std::mem::take(&mut self.orders.records);
        orders.retain(|order| {
            let is_new = seen.insert(order.id.clone());
            if !is_new {
                problems.push(self.file.says(format_args!("order {}: id: is used twice", order.id)));
            }
            is_new
        });
        orders
    }

    /// The people and services; and what is wrong with rows that cannot be used.
    pub fn directory(&self, problems: &mut Vec<String>) -> Directory {
        let directory = Directory::new()
            .with_services(self.services.records.clone())
            .with_customers(self.customers.records.clone())
            .with_staff(self.staff.records.clone())
            .with_profiles(self.profiles.records.clone())
            .with_admins(self.admins.clone());
        let rejected = [
            &self.services.rejected,
            &self.customers.rejected,
            &self.staff.rejected,
            &self.profiles.rejected,
            &self.orders.rejected,
        ];
        let rejected = rejected.into_iter().flatten().chain(directory.rejected());
        problems.extend(rejected.map(|error| self.file.says(error)));
        // calsync leaves such an admin out, and says so in every plan.
        let unknown = directory.admins().iter().filter(|id| directory.profile(id).is_none());
        problems.extend(unknown.map(|id| self.file.says(format_args!("admins: there is no profile {id}"))));
        directory
    }
}

/// The rows this host writes: its appointments with their ledgers, the profiles as last seen
/// (without tokens; the world file is where they are read from), and the tokens it got itself,
/// sealed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    #[serde(skip)]
    pub file: FileName,
    #[serde(default, rename = "appointments", skip_serializing_if = "Rows::are_unknown")]
    rows: Rows,
    #[serde(default)]
    pub profiles: Vec<Profile>,
    /// Calendars of which it is not known yet what of ours is in them: nothing is written there
    /// before they were listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to_list: Vec<CalendarRef>,
    /// Which Google its events stand at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    google: Option<At>,
    /// Which Outlook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outlook: Option<At>,
    /// The tokens of those who use real ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<TokenRow>,
    #[serde(skip)]
    by_id: HashMap<AppointmentId, usize>,
    #[serde(skip)]
    of_order: HashMap<OrderId, Vec<usize>>,
}

/// The rows of the appointments. However they are written, all are: a row that cannot be read goes
/// back as it was.
#[derive(Debug, Default)]
struct Rows {
    appointments: Vec<Appointment>,
    unreadable: Vec<Value>,
    /// Unset while no run has begun on this state: there was no file, or only tokens are in it.
    are_known: bool,
}

impl Rows {
    fn are_unknown(&self) -> bool {
        !self.are_known
    }
}

impl Serialize for Rows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.unreadable.len() + self.appointments.len()))?;
        for row in &self.unreadable {
            list.serialize_element(row)?;
        }
        for appointment in &self.appointments {
            list.serialize_element(appointment)?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for Rows {
    /// Every row, unread.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let unreadable = Vec::deserialize(deserializer)?;
        Ok(Self { appointments: Vec::new(), unreadable, are_known: true })
    }
}

/// Which of a provider's services events stand at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum At {
    /// The one in the program.
    Faked,
    /// One behind a URL.
    Server,
}

impl State {
    /// The rows of the last run; none before the first.
    pub fn load(path: &Path, problems: &mut Vec<String>) -> Result<Self, BadInput> {
        let mut state: Self = if path.exists() { read_json(path)? } else { Self::default() };
        state.file = FileName(path.to_owned());
        let mut rows = std::mem::take(&mut state.rows.unreadable);
        rows.retain(|row| {
            let list = Value::Array(vec![row.clone()]);
            let loaded = serde_json::from_value::<Loaded<Appointment>>(list).unwrap_or_default();
            problems.extend(loaded.rejected.iter().map(|error| state.file.says(error)));
            let mut records = loaded.records.into_iter();
            match records.next() {
                Some(appointment) => {
                    problems.extend(state.add([appointment]));
                    false
                }
                None => true,
            }
        });
        state.rows.unreadable = rows;
        Ok(state)
    }

    /// Adds rows, and says which could not be: its id is there already, since the order's item is
    /// not linked to it.
    pub fn add(&mut self, appointments: impl IntoIterator<Item = Appointment>) -> Vec<String> {
        let mut problems = Vec::new();
        for appointment in appointments {
            let id = &appointment.id;
            // That it cannot be read is said already.
            if self.is_unreadable(id) {
                continue;
            }
            if self.by_id.contains_key(id) {
                let problem = "is there twice, or has lost its order_item_id";
                problems.push(self.file.says(format_args!("appointment {id}: {problem}")));
                continue;
            }
            let at = self.rows.appointments.len();
            self.by_id.insert(id.clone(), at);
            if let Some(order) = &appointment.order_id {
                self.of_order.entry(order.clone()).or_default().push(at);
            }
            self.rows.appointments.push(appointment);
        }
        problems
    }

    /// Whether no run has begun on it yet: what is in the calendars is not known.
    pub fn is_new(&self) -> bool {
        self.rows.are_unknown()
    }

    /// A run begins: what is to be listed is noted.
    pub fn begin(&mut self, to_list: Vec<CalendarRef>) {
        (self.to_list, self.rows.are_known) = (to_list, true);
    }

    pub fn appointments(&self) -> &[Appointment] {
        &self.rows.appointments
    }

    pub fn appointments_mut(&mut self) -> &mut [Appointment] {
        &mut self.rows.appointments
    }

    pub fn appointment_mut(&mut self, id: &AppointmentId) -> Option<&mut Appointment> {
        self.by_id.get(id).and_then(|at| self.rows.appointments.get_mut(*at))
    }

    /// Lifts every hold, so that the next plan tries again.
    pub fn retry(&mut self) {
        for appointment in self.appointments_mut() {
            let held = appointment.ledger.deliveries().iter().filter(|row| row.hold().is_some());
            let held: Vec<CalendarRef> = held.map(|row| row.calendar().clone()).collect();
            for calendar in held {
                appointment.ledger.revive(&calendar.connection_key());
            }
        }
    }

    fn is_unreadable(&self, id: &AppointmentId) -> bool {
        self.rows.unreadable.iter().any(|row| row.get("id").is_some_and(|other| is_id(other, id)))
    }

    pub fn of_order(&self, order: &OrderId) -> impl Iterator<Item = &Appointment> {
        self.of_order.get(order).into_iter().flatten().filter_map(|at| self.rows.appointments.get(*at))
    }

    /// The items whose appointment is not there.
    pub fn missing_appointments(&self, orders: &[Order], world: &World) -> Vec<String> {
        let items = orders.iter().flat_map(|order| order.items.iter().flatten());
        let missing = items.filter_map(|item| {
            let is_missing = |id: &&AppointmentId| !self.by_id.contains_key(id) && !self.is_unreadable(id);
            let id = item.appointment_id.as_ref().filter(is_missing)?;
            let problem = format!("there is no appointment {id} in {}", self.file.0.display());
            Some(world.file.says(format_args!("order item {}: appointment_id: {problem}", item.id)))
        });
        missing.collect()
    }

    /// Where that provider's events stand, where they are not files.
    pub fn stands_at(&mut self, kind: &ProviderKind) -> &mut Option<At> {
        if *kind == ProviderKind::OUTLOOK { &mut self.outlook } else { &mut self.google }
    }

    /// Every row of a ledger that is about that provider.
    pub fn rows_of(&self, kind: &ProviderKind) -> impl Iterator<Item = &Delivery> {
        let rows = self.appointments().iter().flat_map(|appointment| appointment.ledger.deliveries());
        rows.filter(move |row| row.calendar().provider == *kind)
    }

    /// Forgets what stands with that provider: it is another one that is used from now on.
    pub fn forget(&mut self, kind: &ProviderKind) {
        for appointment in self.appointments_mut() {
            appointment.ledger.forget_provider(kind);
        }
    }

    /// Lets everything that waits for new tokens of these grants be tried again.
    pub fn revive(&mut self, grants: &[ConnectionKey]) {
        for appointment in self.appointments_mut() {
            for grant in grants {
                appointment.ledger.revive(grant);
            }
        }
    }
}

/// Whether a value is that id, as a number or a text.
fn is_id(value: &Value, id: &AppointmentId) -> bool {
    let text = id.to_string();
    value.as_str() == Some(&text) || value.as_i64().is_some_and(|number| number.to_string() == text)
}

/// No file may be named twice: the second to be written would take the first one's place.
pub fn check_distinct(files: &[&Path]) -> Result<(), BadInput> {
    let real =
        |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or(path.to_owned());
    for (at, file) in files.iter().enumerate() {
        if files.iter().take(at).any(|other| real(other) == real(file)) {
            return Err(FileName(file.to_path_buf()).bad("is named for two things"));
        }
    }
    Ok(())
}

/// Keeps a second quickstart or connect from the files of this one: a lock on every folder that
/// they share, given back when dropped, and by the system when the process dies.
pub struct Lock {
    folders: Vec<PathBuf>,
    /// The folders that are locked, by their real paths.
    held: Vec<(PathBuf, fs::File)>,
}

impl Lock {
    /// Locks those of the folders that are there. It makes none, for a dry run writes nothing.
    pub fn of(folders: &[&Path]) -> Result<Self, BadInput> {
        let folders = folders.iter().map(|folder| folder.to_path_buf()).collect();
        let mut lock = Self { folders, held: Vec::new() };
        lock.take()?;
        Ok(lock)
    }

    /// Makes the folders that were not there, and locks them. The files given must not have come
    /// into them meanwhile: what another program wrote there was not read. Removes what killed
    /// programs left half written.
    pub fn complete(&mut self, unseen: &[&Path]) -> Result<(), BadInput> {
        for folder in &self.folders {
            make_folder(folder).map_err(|error| FileName::new(folder).bad(error))?;
        }
        let before = self.held.len();
        self.take()?;
        let new = self.held.get(before..).unwrap_or_default();
        for file in unseen.iter().filter(|file| file.exists()) {
            let is_new = |folder: PathBuf| new.iter().any(|(held, _)| *held == folder);
            if folder_of(file).canonicalize().is_ok_and(is_new) {
                return Err(FileName::new(file).bad("another quickstart was faster; run it again"));
            }
        }
        self.held.iter().for_each(|(folder, _)| sweep(folder));
        Ok(())
    }

    fn take(&mut self) -> Result<(), BadInput> {
        for folder in &self.folders {
            let name = FileName::new(folder);
            let real = match folder.canonicalize() {
                Ok(real) => real,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(name.bad(error)),
            };
            if !real.is_dir() {
                return Err(name.bad("is no folder"));
            }
            // One folder under two names is locked once: a second lock of ours would meet the
            // first.
            if self.held.iter().any(|(held, _)| *held == real) {
                continue;
            }
            let file = open_to_lock(&real).map_err(|error| name.bad(error))?;
            match file.try_lock() {
                Ok(()) => self.held.push((real, file)),
                Err(fs::TryLockError::WouldBlock) => {
                    return Err(name.bad("another quickstart or connect is at work"));
                }
                // A file system without locks would let two programs write over each other.
                Err(fs::TryLockError::Error(error)) => {
                    return Err(name.bad(format_args!("cannot be locked: {error}")));
                }
            }
        }
        Ok(())
    }
}

/// No other program writes to a locked folder, so every unfinished file in it is a leftover. One
/// that stays does no harm.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_str().unwrap_or_default();
        if name.starts_with(TEMPORARY.0) && name.ends_with(TEMPORARY.1) {
            let _removed = fs::remove_file(entry.path());
        }
    }
}

#[cfg(unix)]
fn open_to_lock(folder: &Path) -> io::Result<fs::File> {
    fs::File::open(folder)
}

/// Folders cannot be opened on Windows.
#[cfg(not(unix))]
fn open_to_lock(folder: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new().write(true).create(true).truncate(false).open(folder.join(".lock"))
}

/// The folder a file is in.
pub fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Reads a JSON file; an error says where in it.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, BadInput> {
    let file = FileName(path.to_owned());
    let text = fs::read_to_string(path).map_err(|error| file.bad(error))?;
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| file.bad(error))?;
    deserializer.end().map_err(|error| file.bad(error))?;
    Ok(value)
}

/// Writes a JSON file whole or not at all, for its owner's eyes only: it holds names, addresses and
/// sealed tokens.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), BadInput> {
    let write = || -> io::Result<()> {
        let temporary = write_temporary(path, |file| {
            serde_json::to_writer_pretty(&mut *file, value)?;
            file.write_all(b"\n")
        })?;
        temporary.persist(path)?;
        sync_folder(folder_of(path))
    };
    write().map_err(|error| FileName::new(path).bad(error))
}

/// A file beside that one, written and on the disk, to be renamed. Its name is random and it is
/// opened only where nothing has that name, so no link that somebody planted is followed. Its owner
/// alone can read it.
pub fn write_temporary(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&mut NamedTempFile>) -> io::Result<()>,
) -> io::Result<NamedTempFile> {
    let folder = folder_of(path);
    make_folder(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY.0).suffix(TEMPORARY.1);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600));
    let mut temporary = builder.tempfile_in(folder)?;
    let mut file = BufWriter::new(&mut temporary);
    write(&mut file)?;
    file.flush()?;
    drop(file);
    temporary.as_file().sync_all()?;
    Ok(temporary)
}

/// Makes a folder that only its owner can look into, and those above it. One that is there stays as
/// it is.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes a change of names last. Windows cannot open a folder, and writes its names through.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
}
