//! Google Calendar, as this host uses it: a real one behind a URL, or calsync's fake in this process.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use calsync_core::auth::{GrantKey, MemoryTokenStore, TokenStore as _, Tokens};
use calsync_core::clock::Clock;
use calsync_core::http::ReqwestTransport;
use calsync_core::ledger::Presence;
use calsync_core::model::Profile;
use calsync_core::place::Person;
use calsync_core::{ProviderKind, Secret};
use calsync_google::fake::FakeGoogle;
use calsync_google::{GoogleCalendar, GoogleCalendarBuilder};
use clap::Args;
use serde_json::Value;

use crate::files::{BadInput, FileName, GoogleAt, State, World, read_json, write_json};
use crate::tokens::TokenFile;

/// The server of Google's own.
pub const REAL: &str = "https://www.googleapis.com";

/// Where Google answers, and who calls.
#[derive(Debug, Args)]
pub struct Server {
    /// Ask this server, such as https://www.googleapis.com; its API is at ROOT/calendar/v3. Without it Google is faked in this
    /// process.
    #[arg(long = "google-url", value_name = "ROOT")]
    root: Option<String>,
    /// Where tokens are refreshed. Google's own for Google's own API, ROOT/token elsewhere.
    #[arg(long = "google-token-url", value_name = "URL", requires = "root")]
    token_url: Option<String>,
    /// The id of your OAuth client; its secret, if it has one, is read from the environment: GOOGLE_CLIENT_SECRET.
    #[arg(long = "google-client", value_name = "ID", requires = "root")]
    client: Option<String>,
}

/// Google Calendar for a run.
pub enum Google {
    /// Nobody uses it.
    Unused,
    /// The fake, in this process, and the file its calendars are kept in.
    Faked(GoogleCalendar, FakeGoogle, PathBuf),
    /// One behind a URL, and the tokens of those who use it.
    Server(GoogleCalendar, TokenFile),
}

impl Google {
    /// The Google that is asked for. Nothing is sent or written yet, and no clock runs but the one given, which the fake's is.
    pub async fn open(
        server: &Server,
        files: &GoogleFiles,
        world: &World,
        state: &mut State,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BadInput> {
        if let Some(root) = &server.root {
            if state.google == Some(GoogleAt::Faked) {
                state.forget_faked_google();
            }
            let (tokens, untried) = TokenFile::open(world, state, &files.state, &files.key)?;
            state.revive(&untried);
            let provider = build(server.builder(root)?.token_store(tokens.clone()))?;
            return Ok(Self::Server(provider, tokens));
        }
        let rows = state.google_rows().filter(|row| row.presence != Presence::Absent).count();
        if rows > 0 && state.google == Some(GoogleAt::Server) {
            let problem =
                "its Google events stand at a server; name it with --google-url, or use another --out";
            return Err(state.file.bad(problem));
        }
        let uses_google = |profile: &Profile| {
            profile.connections.iter().any(|connection| connection.provider == ProviderKind::GOOGLE)
        };
        if rows == 0 && !world.profiles.iter().any(uses_google) {
            return Ok(Self::Unused);
        }
        let fake = FakeGoogle::new().with_clock(clock.clone());
        if files.fake.exists() {
            let snapshot: Value = read_json(&files.fake)?;
            fake.restore(&snapshot).map_err(|error| FileName::new(&files.fake).bad(one_line(&error)))?;
        }
        let provider = GoogleCalendar::builder()
            .client(FakeGoogle::CLIENT_ID, Secret::new(FakeGoogle::CLIENT_SECRET))
            .transport(fake.clone())
            .clock(clock)
            .token_store(open_accounts(&fake, world, state).await);
        Ok(Self::Faked(build(provider)?, fake, files.fake.clone()))
    }

    pub fn provider(&self) -> Option<GoogleCalendar> {
        match self {
            Self::Unused => None,
            Self::Faked(provider, ..) | Self::Server(provider, _) => Some(provider.clone()),
        }
    }

    /// What the reader of the summary has to know.
    pub fn remark(&self) -> Option<String> {
        let Self::Faked(_, _, file) = self else { return None };
        let file = file.display();
        Some(format!(
            "Google is faked in this process: its calendars are in {file} (--google-url asks a real one)"
        ))
    }

    /// Notes in the state what a run needs: whose events these will be, and the tokens, sealed.
    pub fn begin(&self, state: &mut State) -> Result<(), BadInput> {
        match self {
            Self::Unused => {}
            Self::Faked(..) => state.google = Some(GoogleAt::Faked),
            Self::Server(_, tokens) => {
                state.google = Some(GoogleAt::Server);
                state.tokens = tokens.rows()?;
            }
        }
        Ok(())
    }

    /// The state is saved as it is now: what is refreshed from now on goes in there.
    pub fn begun(&self, state: &State) -> Result<(), BadInput> {
        match self {
            Self::Server(_, tokens) => tokens.begin(state),
            Self::Unused | Self::Faked(..) => Ok(()),
        }
    }

    /// Keeps what the run has changed.
    pub fn end(&self, state: &mut State) -> Result<(), BadInput> {
        match self {
            Self::Unused => {}
            Self::Faked(_, fake, file) if fake.count_all() > 0 => write_json(file, &fake.snapshot())?,
            Self::Faked(..) => {}
            Self::Server(_, tokens) => state.tokens = tokens.rows()?,
        }
        Ok(())
    }
}

/// The files that belong to it.
pub struct GoogleFiles {
    pub state: PathBuf,
    /// Beside the state file.
    pub key: PathBuf,
    /// In the out folder.
    pub fake: PathBuf,
}

impl GoogleFiles {
    pub fn new(out: &Path, state: &Path) -> Self {
        Self {
            state: state.to_owned(),
            key: state.with_file_name("tokens.key"),
            fake: out.join("fake-google.json"),
        }
    }
}

impl Server {
    /// A provider that asks that server, without a token store yet.
    fn builder(&self, root: &str) -> Result<GoogleCalendarBuilder, BadInput> {
        let root = root.trim_end_matches('/');
        let token_url = match &self.token_url {
            Some(url) => url.clone(),
            None if root == REAL => "https://oauth2.googleapis.com/token".to_owned(),
            None => format!("{root}/token"),
        };
        let is_plain = [root, &token_url].iter().all(|url| url.starts_with("http://"));
        let builder = GoogleCalendar::builder()
            .api_url(format!("{root}/calendar/v3"))
            .token_url(token_url)
            .transport(transport(is_plain)?);
        // A server that wants to know the client says so when the first token has run out.
        Ok(with_client(builder, self.client.as_deref().unwrap_or("quickstart")))
    }
}

/// The host's OAuth client; its secret comes from the environment, where no list of processes shows it.
pub fn with_client(builder: GoogleCalendarBuilder, id: &str) -> GoogleCalendarBuilder {
    match std::env::var("GOOGLE_CLIENT_SECRET") {
        Ok(secret) if !secret.is_empty() => builder.client(id, Secret::new(secret)),
        _ => builder.public_client(id),
    }
}

/// The network. A server on this machine needs no certificates.
pub fn transport(is_plain: bool) -> Result<ReqwestTransport, BadInput> {
    let builder = ReqwestTransport::builder();
    let builder = if is_plain { builder.without_tls() } else { builder };
    builder.build().map_err(|error| BadInput::of_option("--google-url", one_line(&error)))
}

pub fn build(builder: GoogleCalendarBuilder) -> Result<GoogleCalendar, BadInput> {
    builder.build().map_err(|error| BadInput::of_option("--google-url", one_line(&error)))
}

/// An error and what is underneath.
pub fn one_line(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        line.push_str(": ");
        line.push_str(&source.to_string());
        next = source.source();
    }
    line
}

/// Gives everybody who uses Google an account at the fake, with the calendars of their connections, and tokens for it.
async fn open_accounts(fake: &FakeGoogle, world: &World, state: &State) -> MemoryTokenStore {
    let store = MemoryTokenStore::new();
    let mut grants = BTreeSet::new();
    for profile in &world.profiles {
        let person = Person::Profile(profile.id.clone());
        for connection in profile.connections.iter().filter(|it| it.provider == ProviderKind::GOOGLE) {
            let key = GrantKey::new(person.clone(), ProviderKind::GOOGLE, connection.id.clone());
            let account = account(&key, connection.account.as_deref(), world);
            fake.user(&account).has_calendar(connection.calendar_id.as_str());
            grants.insert((key, account));
        }
    }
    // What stands where somebody no longer has a connection has to be removed all the same.
    for row in state.google_rows() {
        let key = GrantKey::of(&row.place);
        let account = account(&key, row.place.account.as_deref(), world);
        grants.insert((key, account));
    }
    for (key, account) in grants {
        let tokens = fake.tokens(&account, &["calendar.events"]);
        let tokens = Tokens::new(tokens.access_token).with_refresh_token(tokens.refresh_token);
        // In memory, and nobody else is there: this neither fails nor conflicts.
        let _saved = store.save(&key, &tokens, None).await;
    }
    store
}

/// The account behind a connection: the one it names, else the person's address; further connections lead to further accounts.
fn account(key: &GrantKey, named: Option<&str>, world: &World) -> String {
    if let Some(account) = named {
        return account.to_owned();
    }
    let profile = world.profiles.iter().find(|profile| Person::Profile(profile.id.clone()) == key.person);
    let email = profile.and_then(|profile| profile.email.clone()).filter(|email| email.contains('@'));
    let email = email.unwrap_or_else(|| format!("{}@example.org", key.person.to_string().replace(' ', "-")));
    match key.connection.to_string() {
        flat if flat == Profile::FLAT_CONNECTION => email,
        other => format!("{other}+{email}"),
    }
}
