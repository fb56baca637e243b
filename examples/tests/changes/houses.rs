//! The providers, each with what a test can see of it from the outside.

use std::sync::Arc;

use async_trait::async_trait;
use calsync_core::auth::{MemoryTokenStore, TokenStore as _, Tokens};
use calsync_core::calendar::ConnectionKey;
use calsync_core::calendar::Person;
use calsync_core::error::Operation;
use calsync_core::event::When;
use calsync_core::fake::oauth::FakeTokens;
use calsync_core::memory::MemoryCalendar;
use calsync_core::names::CalendarId;
use calsync_core::provider::CalendarProvider;
use calsync_core::time::Zone;
use calsync_core::{ProviderKind, Secret};
use calsync_google::GoogleCalendar;
use calsync_google::fake::FakeGoogle;
use calsync_ics::IcsFolder;
use calsync_outlook::OutlookCalendar;
use calsync_outlook::fake::FakeOutlook;
use chrono::{DateTime, NaiveDateTime, Utc};

/// A title, and when it begins.
pub type Seen = (String, DateTime<Utc>);

/// A provider, and what a test can see of it from the outside.
#[async_trait]
pub trait House: Sync {
    fn kind(&self) -> ProviderKind;

    /// The provider, with these profiles connected.
    async fn provider(&self, people: &[i64]) -> Arc<dyn CalendarProvider>;

    /// Another calendar of that profile's.
    fn second_calendar(&self, person: i64) -> CalendarId;

    /// What stands in a calendar.
    fn events(&self, person: i64, calendar: &CalendarId) -> Vec<Seen>;

    /// What one call asks the server for, where nobody else has touched the event.
    fn requests(&self, call: Operation) -> Vec<String>;

    /// What the server was asked for since this was last asked.
    fn take_requests(&self) -> Vec<String>;

    /// How many mails the server has sent.
    fn mails(&self) -> usize;
}

#[derive(Default)]
pub struct Memory(Arc<MemoryCalendar>);

#[async_trait]
impl House for Memory {
    fn kind(&self) -> ProviderKind {
        ProviderKind::MEMORY
    }

    async fn provider(&self, _: &[i64]) -> Arc<dyn CalendarProvider> {
        self.0.clone()
    }

    fn second_calendar(&self, _: i64) -> CalendarId {
        CalendarId::new("second").unwrap()
    }

    fn events(&self, person: i64, calendar: &CalendarId) -> Vec<Seen> {
        let here = self.0.events().into_iter().filter(|stored| {
            stored.place.person == Person::Profile(person.into()) && stored.place.calendar == *calendar
        });
        here.map(|stored| (stored.event.title.to_string(), start(&stored.event.when))).collect()
    }

    fn requests(&self, _: Operation) -> Vec<String> {
        Vec::new()
    }

    fn take_requests(&self) -> Vec<String> {
        Vec::new()
    }

    fn mails(&self) -> usize {
        0
    }
}

/// A folder of .ics files.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

#[async_trait]
impl House for Folder {
    fn kind(&self) -> ProviderKind {
        ProviderKind::APPLE
    }

    async fn provider(&self, _: &[i64]) -> Arc<dyn CalendarProvider> {
        Arc::new(IcsFolder::new(self.0.path()))
    }

    fn second_calendar(&self, _: i64) -> CalendarId {
        CalendarId::new("second").unwrap()
    }

    fn events(&self, person: i64, calendar: &CalendarId) -> Vec<Seen> {
        let folder = self.0.path().join(person.to_string()).join(calendar.as_str());
        let files = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
        let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "ics"));
        let read = files.map(|path| calsync_ics::read_event(&std::fs::read(path).unwrap()).unwrap());
        read.map(|read| (read.event.title.to_string(), start(&read.event.when))).collect()
    }

    fn requests(&self, _: Operation) -> Vec<String> {
        Vec::new()
    }

    fn take_requests(&self) -> Vec<String> {
        Vec::new()
    }

    fn mails(&self) -> usize {
        0
    }
}

/// Google Calendar, over its fake.
pub struct Google(FakeGoogle);

impl Google {
    pub fn new() -> Self {
        Self(FakeGoogle::new())
    }
}

#[async_trait]
impl House for Google {
    fn kind(&self) -> ProviderKind {
        ProviderKind::GOOGLE
    }

    async fn provider(&self, people: &[i64]) -> Arc<dyn CalendarProvider> {
        let tokens = |person| self.0.user(&address(person)).tokens(&["calendar.events.owned"]);
        let store = store(ProviderKind::GOOGLE, people, tokens).await;
        let google = GoogleCalendar::builder()
            .client(FakeGoogle::CLIENT_ID, Secret::new(FakeGoogle::CLIENT_SECRET))
            .transport(self.0.clone())
            .token_store(store);
        Arc::new(google.build().unwrap())
    }

    fn second_calendar(&self, person: i64) -> CalendarId {
        CalendarId::new(&self.0.user(&address(person)).adds_calendar("Second")).unwrap()
    }

    fn events(&self, person: i64, calendar: &CalendarId) -> Vec<Seen> {
        let events = self.0.user(&address(person)).events(calendar.as_str()).into_iter();
        let start = |json: &serde_json::Value| json["start"]["dateTime"].as_str().unwrap().parse().unwrap();
        events.map(|event| (event.text("summary").unwrap().to_owned(), start(&event.json))).collect()
    }

    fn requests(&self, call: Operation) -> Vec<String> {
        let requests: &[&str] = match call {
            Operation::Create => &["EventsInsert"],
            Operation::Update => &["EventsPatch"],
            Operation::Delete => &["EventsDelete"],
            _ => &[],
        };
        requests.iter().map(|request| (*request).to_owned()).collect()
    }

    fn take_requests(&self) -> Vec<String> {
        let requests = self.0.requests().into_iter().map(|request| format!("{:?}", request.method)).collect();
        self.0.clear_requests();
        requests
    }

    fn mails(&self) -> usize {
        self.0.mails().len()
    }
}

/// Outlook, over its fake.
pub struct Outlook(FakeOutlook);

impl Outlook {
    pub fn new() -> Self {
        Self(FakeOutlook::new())
    }
}

#[async_trait]
impl House for Outlook {
    fn kind(&self) -> ProviderKind {
        ProviderKind::OUTLOOK
    }

    async fn provider(&self, people: &[i64]) -> Arc<dyn CalendarProvider> {
        let tokens = |person| self.0.user(&address(person)).tokens(&["Calendars.ReadWrite"]);
        let store = store(ProviderKind::OUTLOOK, people, tokens).await;
        let outlook = OutlookCalendar::builder()
            .client(FakeOutlook::CLIENT_ID, Secret::new(FakeOutlook::CLIENT_SECRET))
            .transport(self.0.clone())
            .token_store(store);
        Arc::new(outlook.build().unwrap())
    }

    fn second_calendar(&self, person: i64) -> CalendarId {
        CalendarId::new(&self.0.user(&address(person)).adds_calendar("Second")).unwrap()
    }

    fn events(&self, person: i64, calendar: &CalendarId) -> Vec<Seen> {
        let events = self.0.user(&address(person)).events(calendar.as_str()).into_iter();
        let start = |json: &serde_json::Value| {
            let local: NaiveDateTime = json["start"]["dateTime"].as_str().unwrap().parse().unwrap();
            Zone::new(json["start"]["timeZone"].as_str().unwrap()).unwrap().instant(local).unwrap()
        };
        events.map(|event| (event.text("subject").unwrap().to_owned(), start(&event.json))).collect()
    }

    fn requests(&self, call: Operation) -> Vec<String> {
        let requests: &[&str] = match call {
            Operation::Create => &["EventsCreate"],
            // Only what differs is written, so it is read first.
            Operation::Update => &["EventsGet", "EventsUpdate"],
            Operation::Delete => &["EventsDelete"],
            _ => &[],
        };
        requests.iter().map(|request| (*request).to_owned()).collect()
    }

    fn take_requests(&self) -> Vec<String> {
        let requests = self.0.requests().into_iter().map(|request| format!("{:?}", request.method)).collect();
        self.0.clear_requests();
        requests
    }

    fn mails(&self) -> usize {
        self.0.mails().len()
    }
}

fn start(when: &When) -> DateTime<Utc> {
    let When::Timed { start, .. } = when else { panic!("nothing here lasts all day") };
    *start
}

fn address(person: i64) -> String {
    format!("profile-{person}@example.org")
}

async fn store(kind: ProviderKind, people: &[i64], tokens: impl Fn(i64) -> FakeTokens) -> MemoryTokenStore {
    let store = MemoryTokenStore::new();
    for person in people {
        let key = ConnectionKey::new(Person::Profile((*person).into()), kind.clone(), 1);
        let given = tokens(*person);
        let tokens = Tokens::new(given.access_token).with_refresh_token(given.refresh_token);
        store.save(&key, &tokens, None).await.unwrap();
    }
    store
}
