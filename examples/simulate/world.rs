//! The world outside: two servers, a folder, a mailbox, and the people who use them with their own
//! hands.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use calsync_core::auth::{Account, TokenStore, Tokens};
use calsync_core::calendar::ConnectionKey;
use calsync_core::calendar::{CalendarRef, Person};
use calsync_core::clock::Clock;
use calsync_core::event::{Event as Content, When};
use calsync_core::health::MemoryAccountHealthStore;
use calsync_core::identity::{Generation, TargetKey};
use calsync_core::memory::MemoryCalendar;
use calsync_core::names::CalendarId;
use calsync_core::provider::{CalendarProvider, CreateOptions, Draft, Marker};
use calsync_core::sync::{RetryPolicy, SeededRandom, Syncer};
use calsync_core::testing::TestClock;
use calsync_core::time::Zone;
use calsync_core::{ProviderKind, Secret};
use calsync_google::fake::FakeGoogle;
use calsync_google::{GoogleCalendar, GoogleCalendarBuilder};
use calsync_ics::IcsFolder;
use calsync_outlook::fake::{AfterDeletion, ErrorFormat, FakeOutlook, Latency, LimitResponse};
use calsync_outlook::{OutlookCalendar, OutlookCalendarBuilder};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use serde_json::json;
use tempfile::TempDir;

use super::company::{Company, HOUSES};
use super::dice::Dice;
use super::faults::{Network, Shaky, Weather};
use super::lies::{Lie, Lies};
use super::store::{HostClock, TokenRows};
use super::truth::{Event, Spot};
use super::watch::{Watch, Watched};

/// The host's namespace.
pub const NAMESPACE: &str = "simulation";
/// When every story begins.
const BEGINNING: &str = "2026-11-22T10:00:00Z";
/// Longer than the slowest worker can take: a run waits two minutes a step, and nothing else passes
/// time while one is begun.
pub const SETTLE_AFTER: TimeDelta = TimeDelta::hours(8);

/// The world outside.
#[derive(Debug)]
pub struct World {
    /// The clock of everything but the host's processes.
    pub clock: TestClock,
    /// The clock of the host's processes.
    pub host_clock: HostClock,
    /// Whether every sync is a new process.
    pub is_cron: bool,
    /// What goes wrong.
    pub weather: Weather,
    /// Who is told to wait.
    pub watch: Watch,
    /// The host's tokens.
    pub store: TokenRows,
    /// The health of accounts, where the host's processes share it.
    health: Option<Arc<MemoryAccountHealthStore>>,
    google: FakeGoogle,
    outlook: FakeOutlook,
    root: TempDir,
    folder: Arc<Shaky<IcsFolder>>,
    mail: Arc<Shaky<MemoryCalendar>>,
    foreign: BTreeMap<String, String>,
    processes: usize,
}

/// An event that stands, whose hands can reach it.
#[derive(Debug, Clone)]
pub struct Reached {
    house: ProviderKind,
    account: String,
    calendar: String,
    pub id: String,
    /// The event.
    pub event: Event,
    raw: String,
}

impl Reached {
    fn key(&self) -> String {
        format!("{} {} {}", self.account, self.calendar, self.id)
    }
}

impl World {
    /// A world by chance; and the ids of everybody's second calendars.
    pub async fn open(
        dice: &Dice,
        per_mille: u64,
        lies: &Lies,
    ) -> (Self, Vec<((usize, ProviderKind, usize), String)>) {
        let clock = TestClock::at(BEGINNING.parse().expect("an instant"));
        let google = FakeGoogle::new().with_clock(clock.clone()).with_sleep(clock.clone());
        let outlook = FakeOutlook::new().with_clock(clock.clone()).with_sleep(clock.clone());
        let weather = Weather::new(per_mille, lies);
        let host_clock = HostClock::new(&clock);
        let store = TokenRows::default();
        let root = room_for_files();
        let folder = IcsFolder::new(root.path());
        let mail = MemoryCalendar::new().with_kind(ProviderKind::INVITATION);
        let health = dice.happens(500).then(|| Arc::new(MemoryAccountHealthStore::new()));
        let mut world = Self {
            is_cron: lies.tell(Lie::Cron) && dice.happens(250),
            watch: Watch::new(&store, &host_clock, health.is_some()),
            health,
            folder: Arc::new(Shaky::new(folder, &weather)),
            mail: Arc::new(Shaky::new(mail, &weather)),
            clock,
            host_clock,
            weather,
            store,
            google,
            outlook,
            root,
            foreign: BTreeMap::new(),
            processes: 0,
        };
        let second = world.add_calendars();
        world.add_foreign_events(&second).await;
        world.set_moods(dice);
        (world, second)
    }

    fn add_calendars(&self) -> Vec<((usize, ProviderKind, usize), String)> {
        let mut second = Vec::new();
        for (person, house, account) in Company::places() {
            let name = Company::account(person, &house, account);
            let id = match house.as_str() {
                "google" => self.google.user(&name).adds_calendar("Second"),
                "outlook" => self.outlook.user(&name).adds_calendar("Second"),
                _ => continue,
            };
            second.push(((person, house, account), id));
        }
        second
    }

    /// Everybody has an event of their own in every calendar, and one that another program with
    /// calsync has made.
    async fn add_foreign_events(&mut self, second: &[((usize, ProviderKind, usize), String)]) {
        let store = TokenRows::default();
        let clock = HostClock::new(&self.clock);
        let google =
            google(&store, &clock, &self.clock).transport(self.google.clone()).build().expect("google");
        let outlook =
            outlook(&store, &clock, &self.clock).transport(self.outlook.clone()).build().expect("outlook");
        let folder = IcsFolder::new(self.root.path());
        for (person, house, account) in Company::places() {
            let name = Company::account(person, &house, account);
            let connection = i64::try_from(account).unwrap_or_default() + 1;
            let key = ConnectionKey::new(
                Person::Profile(Company::profile(person).into()),
                house.clone(),
                connection,
            );
            if house != ProviderKind::APPLE {
                store.remove(&key).await.expect("a store in memory");
                store.save(&key, &self.grants(&house, &name), None).await.expect("a store in memory");
            }
            let own_id = second.iter().find(|(known, _)| *known == (person, house.clone(), account));
            let own_id = own_id.map_or("second", |(_, id)| id.as_str());
            for calendar in ["primary", own_id] {
                match house.as_str() {
                    "google" => {
                        let event = json!({"start": {"date": "2026-12-24"}, "end": {"date": "2026-12-25"}, "summary": "Own"});
                        self.google.user(&name).adds_event(calendar, event).expect("a sound event");
                    }
                    "outlook" => {
                        let at = |time| json!({"dateTime": time, "timeZone": "Europe/Paris"});
                        let event = json!({"subject": "Own", "start": at("2026-12-24T12:00:00"), "end": at("2026-12-24T13:00:00")});
                        self.outlook.user(&name).adds_event(calendar, event).expect("a sound event");
                    }
                    _ => {}
                }
                let place = CalendarRef::new(
                    Person::Profile(Company::profile(person).into()),
                    house.clone(),
                    connection.into(),
                    CalendarId::new(calendar).expect("a calendar's id"),
                );
                let key = TargetKey::derive("other-shop", &1.into(), &place).event(Generation::FIRST);
                let start = "2027-03-02T09:00:00Z".parse().expect("an instant");
                let when = When::Timed { start, end: start + TimeDelta::hours(1), zone: Zone::UTC };
                let event = Arc::new(Content::new("Another shop's", when));
                let draft = Draft::new(Marker::new("other-shop", key, 1), event, self.clock.now());
                let provider: &dyn CalendarProvider = match house.as_str() {
                    "google" => &google,
                    "outlook" => &outlook,
                    _ => &folder,
                };
                provider.create(&place, &draft, &CreateOptions::new()).await.expect("a fake without faults");
            }
        }
        self.foreign = self.all().into_iter().map(|it| (it.key(), it.raw)).collect();
        self.google.clear_requests();
        self.outlook.clear_requests();
    }

    /// What is not known of the real servers, one way or the other.
    fn set_moods(&self, dice: &Dice) {
        self.google.set(|settings| {
            settings.revive_forbidden = dice.happens(300);
            settings.bare_tombstones = dice.happens(300);
            settings.sparse_pages = dice.happens(500);
            settings.rotate_refresh_tokens = dice.happens(200);
            settings.limits.per_minute_per_user = dice.happens(300).then(|| 5 + dice.below(40));
            settings.limits.retry_after = dice.happens(700).then_some(20);
        });
        self.outlook.set(|settings| {
            settings.after_deletion = *dice.pick(&[
                AfterDeletion::DuplicateError,
                AfterDeletion::ReplaysDeadEvent,
                AfterDeletion::MakesAnother,
            ]);
            settings.duplicate_names_event = dice.happens(500);
            settings.duplicate_is_conflict = dice.happens(500);
            settings.sparse_pages = dice.happens(200);
            settings.change_keys_move = dice.happens(150).then_some(3);
            settings.ids_are_mailbox_wide = dice.happens(500);
            settings.latency = dice.happens(300).then_some(Latency::Turns(2));
            settings.limits.answer =
                *dice.pick(&[LimitResponse::TooManyRequests, LimitResponse::Unavailable]);
            settings.limits.retry_after = dice.happens(500).then_some(10);
            settings.errors = *dice.pick(&[ErrorFormat::Classic, ErrorFormat::LowerCase, ErrorFormat::Bare]);
            settings.batch_seed = dice.number();
        });
    }

    /// Nothing goes wrong from now on, and no server has too much to do.
    pub fn calms_down(&self) {
        self.weather.calms_down();
        self.google.set(|settings| settings.limits.per_minute_per_user = None);
    }

    /// A new process of the host's: it remembers nothing.
    pub fn process(&mut self, dice: &Dice) -> Syncer {
        self.process_of(NAMESPACE, dice)
    }

    /// A new process of a system that uses this namespace.
    pub fn process_of(&mut self, namespace: &str, dice: &Dice) -> Syncer {
        self.processes += 1;
        let (clock, store, process) = (&self.clock, &self.store, self.processes);
        let host_clock = &self.host_clock;
        let network = Network::new(self.google.clone(), ProviderKind::GOOGLE, &self.weather, clock);
        let mut google = google(store, host_clock, clock).transport(Watched {
            inner: network,
            watch: self.watch.clone(),
            process,
        });
        let network = Network::new(self.outlook.clone(), ProviderKind::OUTLOOK, &self.weather, clock);
        let mut outlook = outlook(store, host_clock, clock).transport(Watched {
            inner: network,
            watch: self.watch.clone(),
            process,
        });
        let health = self.health.clone().unwrap_or_else(|| Arc::new(MemoryAccountHealthStore::new()));
        (google, outlook) = (google.health_store(health.clone()), outlook.health_store(health.clone()));
        let retry = if dice.happens(700) { RetryPolicy::new() } else { RetryPolicy::none() };
        Syncer::builder(namespace)
            .provider(google.build().expect("google"))
            .provider(outlook.build().expect("outlook"))
            .shared_provider(self.folder.clone())
            .shared_provider(self.mail.clone())
            .clock(host_clock.clone())
            .sleep(clock.clone())
            .random(SeededRandom::new(dice.number()))
            .retry(retry)
            .settle_after(SETTLE_AFTER)
            .health_store(health)
            .build()
    }

    /// A person consents, and the host keeps the tokens. What was granted before dies where `anew`.
    pub async fn connects(
        &self,
        person: usize,
        house: &ProviderKind,
        account: usize,
        connection: i64,
        anew: bool,
    ) {
        if *house == ProviderKind::APPLE {
            return;
        }
        let name = Company::account(person, house, account);
        if anew {
            self.revokes(house, &name);
        }
        let key =
            ConnectionKey::new(Person::Profile(Company::profile(person).into()), house.clone(), connection);
        self.saves(&key, &self.grants(house, &name)).await;
        self.watch.connected(&key, &name);
    }

    /// A person consents, in the browser where they are logged in as somebody else, and the host
    /// does not look whose tokens it keeps.
    pub async fn connects_wrongly(
        &self,
        person: usize,
        house: &ProviderKind,
        account: usize,
        connection: i64,
    ) {
        let (name, other) =
            (Company::account(person, house, account), Company::account(person, house, 1 - account));
        let key =
            ConnectionKey::new(Person::Profile(Company::profile(person).into()), house.clone(), connection);
        self.watch.connected(&key, &name);
        self.saves(&key, &self.grants(house, &other)).await;
        self.watch.connected_wrongly(&key, &other);
    }

    /// Saves tokens in place of whatever is there; a row that cannot be opened is removed first.
    async fn saves(&self, key: &ConnectionKey, tokens: &Tokens) {
        if self.store.is_unreadable(key) {
            self.store.remove(key).await.expect("a store in memory");
        }
        let before =
            self.store.load(key).await.expect("a row that can be opened").map(|stored| stored.version);
        self.store.save(key, tokens, before).await.expect("a store in memory");
    }

    /// The row of a connection's tokens cannot be opened any more.
    pub fn spoils(&self, person: usize, house: &ProviderKind, connection: i64) {
        let owner = Person::Profile(Company::profile(person).into());
        self.store.spoil(ConnectionKey::new(owner, house.clone(), connection));
    }

    fn grants(&self, house: &ProviderKind, account: &str) -> Tokens {
        let tokens: Tokens = if *house == ProviderKind::GOOGLE {
            self.google.user(account).tokens(&["calendar.events.owned"]).into()
        } else {
            self.outlook.user(account).tokens(&["Calendars.ReadWrite"]).into()
        };
        // As a connect knows it: of two connections to one account each waits for what was asked of
        // the other.
        tokens.with_account(Some(Account::new(account)))
    }

    /// A person deletes a calendar of theirs with everything in it, and makes another. Returns its
    /// id.
    pub fn replaces_calendar(
        &mut self,
        person: usize,
        house: &ProviderKind,
        account: usize,
        id: &str,
    ) -> Option<String> {
        let name = Company::account(person, house, account);
        let (is_gone, new) = match house.as_str() {
            "google" => {
                let user = self.google.user(&name);
                (user.deletes_calendar(id), user.adds_calendar("Second"))
            }
            "outlook" => {
                let user = self.outlook.user(&name);
                (user.deletes_calendar(id), user.adds_calendar("Second"))
            }
            _ => return None,
        };
        assert!(is_gone, "a calendar of theirs");
        self.foreign.retain(|key, _| !key.starts_with(&format!("{name} {id} ")));
        Some(new)
    }

    /// The host forgets a grant.
    pub async fn forgets(&self, person: usize, house: &ProviderKind, connection: i64) {
        let key =
            ConnectionKey::new(Person::Profile(Company::profile(person).into()), house.clone(), connection);
        self.store.remove(&key).await.expect("a store in memory");
    }

    /// A person takes calsync's access back.
    pub fn revokes(&self, house: &ProviderKind, account: &str) {
        match house.as_str() {
            "google" => self.google.user(account).revokes_access(),
            "outlook" => self.outlook.user(account).revokes_access(),
            _ => {}
        }
    }

    /// Every access token runs out.
    pub fn tokens_run_out(&self) {
        self.google.expire_access_tokens();
        self.outlook.expire_access_tokens();
    }

    /// How many calls and requests there were.
    pub fn calls(&self) -> Calls {
        Calls { requests: self.watch.requests(), folder: self.folder.calls(), mail: self.mail.calls() }
    }

    /// How much time has passed.
    pub fn passed(&self) -> TimeDelta {
        self.clock.now() - BEGINNING.parse::<DateTime<Utc>>().expect("an instant")
    }

    /// How many mails the servers sent, and how many guests they were given.
    pub fn mails(&self) -> usize {
        let google = self.google.mails().len() + self.google.invitations();
        google + self.outlook.mails().len() + self.outlook.invitations()
    }

    /// How many events of others are not what they were.
    pub fn foreign_changed(&self) -> usize {
        let now: BTreeMap<String, String> = self.all().into_iter().map(|it| (it.key(), it.raw)).collect();
        self.foreign.iter().filter(|(id, raw)| now.get(*id) != Some(raw)).count()
    }

    /// The events that are not the foreign ones.
    pub fn standing(&self) -> Vec<Reached> {
        self.all().into_iter().filter(|it| !self.foreign.contains_key(&it.key())).collect()
    }

    /// A person deletes an event by hand.
    pub fn deletes(&self, at: &Reached) {
        match at.house.as_str() {
            "google" => {
                self.google.user(&at.account).deletes_event(&at.calendar, &at.id);
            }
            "outlook" => {
                self.outlook.user(&at.account).deletes_event(&at.calendar, &at.id);
            }
            "apple" => {
                let _ = std::fs::remove_file(&at.id);
            }
            // Nobody deletes an invitation that was sent.
            _ => {}
        }
    }

    /// A person writes over an event by hand.
    pub fn edits(&self, at: &Reached) {
        match at.house.as_str() {
            "google" => {
                let edit = json!({"summary": "My own words", "colorId": "5"});
                self.google.user(&at.account).edits_event(&at.calendar, &at.id, edit);
            }
            "outlook" => {
                let edit =
                    json!({"subject": "My own words", "categories": ["Blue category"], "showAs": "oof"});
                self.outlook.user(&at.account).edits_event(&at.calendar, &at.id, edit);
            }
            "apple" => {
                let edited: String = at
                    .raw
                    .split_inclusive('\n')
                    .map(|line| if line.starts_with("SUMMARY") { "SUMMARY:My own words\r\n" } else { line })
                    .collect();
                let _ = std::fs::write(&at.id, edited);
            }
            _ => {}
        }
    }

    fn all(&self) -> Vec<Reached> {
        let mut all = Vec::new();
        let mut people: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for (person, house, account) in Company::places() {
            people.insert(Company::account(person, &house, account), (person, account));
        }
        for (house, [account, calendar, id], start, title, raw) in
            self.google_events().chain(self.outlook_events())
        {
            let (person, number) = people[&account];
            let spot = Spot::calendar(person, &house, number, &calendar);
            let event = Event { spot, start, title };
            all.push(Reached { house, account, calendar, id, event, raw });
        }
        all.extend(self.files());
        for stored in self.mail.inner().events() {
            let When::Timed { start, .. } = stored.event.when else { continue };
            let address = stored.place.calendar.as_str().to_owned();
            let event = Event { spot: Spot::mail(address), start, title: stored.event.title.to_string() };
            let (id, house) = (stored.remote_id.as_str().to_owned(), ProviderKind::INVITATION);
            all.push(Reached {
                house,
                account: String::new(),
                calendar: String::new(),
                id,
                event,
                raw: String::new(),
            });
        }
        all
    }

    fn google_events(&self) -> impl Iterator<Item = Seen> {
        let primary: Vec<_> =
            self.google.calendars().into_iter().map(|it| (it.id, it.owner, it.primary)).collect();
        self.google.events().into_iter().map(move |event| {
            let found = primary.iter().find(|(id, ..)| *id == event.calendar);
            let (id, owner, is_primary) = found.cloned().unwrap_or_default();
            let calendar = if is_primary { "primary".to_owned() } else { id };
            let start = event.json["start"]["dateTime"].as_str().and_then(|start| start.parse().ok());
            let title = event.text("summary").unwrap_or_default().to_owned();
            let raw = event.json.to_string();
            (ProviderKind::GOOGLE, [owner, calendar, event.id], start.unwrap_or_default(), title, raw)
        })
    }

    fn outlook_events(&self) -> impl Iterator<Item = Seen> {
        let primary: Vec<_> = self.outlook.calendars().into_iter().map(|it| (it.id, it.primary)).collect();
        self.outlook.events().into_iter().map(move |event| {
            let is_primary = primary.iter().any(|(id, is_primary)| *id == event.calendar && *is_primary);
            let calendar = if is_primary { "primary".to_owned() } else { event.calendar.clone() };
            let local = event.json["start"]["dateTime"].as_str().and_then(|start| start.parse().ok());
            let start = local.map(|local: NaiveDateTime| local.and_utc()).unwrap_or_default();
            let title = event.text("subject").unwrap_or_default().to_owned();
            // Its version may move by itself.
            let mut json = event.json.clone();
            if let Some(json) = json.as_object_mut() {
                json.retain(|name, _| {
                    !matches!(name.as_str(), "@odata.etag" | "changeKey" | "lastModifiedDateTime")
                });
            }
            (ProviderKind::OUTLOOK, [event.mailbox, calendar, event.id], start, title, json.to_string())
        })
    }

    fn files(&self) -> Vec<Reached> {
        let mut all = Vec::new();
        let house = ProviderKind::APPLE;
        for person in 0..super::company::PEOPLE {
            for calendar in ["primary", "second"] {
                let folder = self.root.path().join(Company::profile(person).to_string()).join(calendar);
                for path in in_folder(folder) {
                    let Ok(bytes) = std::fs::read(&path) else { continue };
                    let read = calsync_ics::read_event(&bytes).expect("a file that can be read");
                    let When::Timed { start, .. } = read.event.when else { continue };
                    let spot = Spot::calendar(person, &house, 0, calendar);
                    let event = Event { spot, start, title: read.event.title.to_string() };
                    let raw = String::from_utf8_lossy(&bytes).into_owned();
                    let id = path.to_string_lossy().into_owned();
                    let (account, calendar) = (String::new(), calendar.to_owned());
                    all.push(Reached { house: house.clone(), account, calendar, id, event, raw });
                }
            }
        }
        all
    }
}

/// A house, account, calendar and id, and what stands there.
type Seen = (ProviderKind, [String; 3], DateTime<Utc>, String, String);

/// How many calls there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calls {
    /// Requests to the servers.
    pub requests: u64,
    /// Calls to the folder.
    pub folder: u64,
    /// Calls to the mailer.
    pub mail: u64,
}

fn in_folder(folder: PathBuf) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "ics")).collect();
    files.sort_unstable();
    files
}

/// In memory, where the system has such a place: calsync waits until a disk has every file.
fn room_for_files() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("room for files")
}

fn google(store: &TokenRows, clock: &HostClock, sleep: &TestClock) -> GoogleCalendarBuilder {
    GoogleCalendar::builder()
        .client(FakeGoogle::CLIENT_ID, Secret::new(FakeGoogle::CLIENT_SECRET))
        .redirect("http://127.0.0.1")
        .token_store(store.clone())
        .clock(clock.clone())
        .sleep(sleep.clone())
}

fn outlook(store: &TokenRows, clock: &HostClock, sleep: &TestClock) -> OutlookCalendarBuilder {
    OutlookCalendar::builder()
        .client(FakeOutlook::CLIENT_ID, Secret::new(FakeOutlook::CLIENT_SECRET))
        .redirect("http://127.0.0.1")
        .token_store(store.clone())
        .clock(clock.clone())
        .sleep(sleep.clone())
}

/// A house by number.
pub fn house(number: usize) -> ProviderKind {
    HOUSES[number % HOUSES.len()].clone()
}
