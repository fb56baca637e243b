//! Calendars behind an API, as this host uses them: at a server, or at a fake in this process.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use calsync_core::auth::{MemoryTokenStore, TokenStore as _, Tokens};
use calsync_core::calendar::ConnectionKey;
use calsync_core::calendar::Person;
use calsync_core::clock::Clock;
use calsync_core::fake::oauth::FakeTokens;
use calsync_core::http::ReqwestTransport;
use calsync_core::model::Profile;
use calsync_core::provider::CalendarProvider;
use calsync_core::{ProviderKind, Secret};
use serde_json::Value;

use crate::files::{At, BadInput, FileName, HostFiles, State, World, read_json, write_json};
use crate::tokens::TokenFile;

/// A service with people's calendars, and how to get there.
pub trait Service {
    fn kind(&self) -> ProviderKind;

    fn name(&self) -> &'static str;

    /// The root of its server's URLs; without one it is faked.
    fn root(&self) -> Option<&str>;

    /// A provider that asks that server.
    fn at_server(&self, root: &str, tokens: TokenFile) -> Result<Arc<dyn CalendarProvider>, BadInput>;

    /// An empty fake, by that clock.
    fn fake(&self, clock: Arc<dyn Clock>) -> Box<dyn Fake>;
}

/// A service in this process, and its memory.
pub trait Fake {
    /// A provider that asks it.
    fn provider(&self, tokens: MemoryTokenStore) -> Result<Arc<dyn CalendarProvider>, BadInput>;

    fn restore(&self, snapshot: &Value) -> Result<(), Box<dyn Error>>;

    fn snapshot(&self) -> Value;

    /// How many requests came in.
    fn count_all(&self) -> usize;

    /// Sees to it that there is such an account with such a calendar.
    fn open_calendar(&self, account: &str, calendar: &str);

    /// Tokens that open an account's calendars.
    fn tokens(&self, account: &str) -> FakeTokens;
}

/// Every service, for a run, and the tokens of those who use servers.
pub struct Remotes {
    all: Vec<Remote>,
    tokens: Option<TokenFile>,
}

struct Remote {
    kind: ProviderKind,
    name: &'static str,
    reached: Reached,
}

enum Reached {
    /// Not at all: nobody uses it.
    Unused,
    /// In this process; its calendars are kept in a file.
    Faked(Arc<dyn CalendarProvider>, Box<dyn Fake>, PathBuf),
    /// Behind a URL.
    Server(Arc<dyn CalendarProvider>),
}

impl Remotes {
    /// The services that are asked for. Nothing is sent or written yet, and no clock runs but the
    /// one given, which the fakes' is.
    pub async fn open(
        services: &[&dyn Service],
        files: &HostFiles,
        world: &World,
        state: &mut State,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, BadInput> {
        let at_servers = services.iter().filter(|service| service.root().is_some());
        let at_servers: Vec<ProviderKind> = at_servers.map(|service| service.kind()).collect();
        for kind in &at_servers {
            if *state.stands_at(kind) == Some(At::Faked) {
                state.forget(kind);
            }
        }
        let mut tokens = None;
        if !at_servers.is_empty() {
            let (file, untried) = TokenFile::open(world, state, files, &at_servers)?;
            state.revive(&untried);
            tokens = Some(file);
        }
        let mut all = Vec::new();
        for service in services {
            let reached = match (service.root(), &tokens) {
                (Some(root), Some(tokens)) => Reached::Server(service.at_server(root, tokens.clone())?),
                _ => Reached::in_process(*service, files, world, state, clock.clone()).await?,
            };
            all.push(Remote { kind: service.kind(), name: service.name(), reached });
        }
        Ok(Self { all, tokens })
    }

    /// Those that somebody uses.
    pub fn providers(&self) -> impl Iterator<Item = Arc<dyn CalendarProvider>> {
        self.all.iter().filter_map(|remote| match &remote.reached {
            Reached::Unused => None,
            Reached::Faked(provider, ..) | Reached::Server(provider) => Some(provider.clone()),
        })
    }

    /// What the reader of the summary has to know.
    pub fn remarks(&self) -> Vec<String> {
        let remarks = self.all.iter().filter_map(|Remote { kind, name, reached }| {
            let Reached::Faked(_, _, file) = reached else { return None };
            let file = file.display();
            Some(format!(
                "{name} is faked in this process: its calendars are in {file} (--{kind}-url asks a real one)"
            ))
        });
        remarks.collect()
    }

    /// Notes in the state what a run needs: whose events these will be, and the tokens, sealed.
    pub fn begin(&self, state: &mut State) -> Result<(), BadInput> {
        for remote in &self.all {
            match remote.reached {
                Reached::Unused => {}
                Reached::Faked(..) => *state.stands_at(&remote.kind) = Some(At::Faked),
                Reached::Server(_) => *state.stands_at(&remote.kind) = Some(At::Server),
            }
        }
        self.keep_tokens(state)
    }

    /// The state is saved as it is now: what is refreshed from now on goes in there.
    pub fn begun(&self, state: &State) -> Result<(), BadInput> {
        self.tokens.as_ref().map_or(Ok(()), |tokens| tokens.begin(state))
    }

    /// Keeps what the run has changed.
    pub fn end(&self, state: &mut State) -> Result<(), BadInput> {
        for remote in &self.all {
            if let Reached::Faked(_, fake, file) = &remote.reached
                && fake.count_all() > 0
            {
                write_json(file, &fake.snapshot())?;
            }
        }
        self.keep_tokens(state)
    }

    fn keep_tokens(&self, state: &mut State) -> Result<(), BadInput> {
        if let Some(tokens) = &self.tokens {
            state.tokens = tokens.rows()?;
        }
        Ok(())
    }
}

impl Reached {
    /// The fake, as the last run left it, with an account for everybody; unless nobody needs it.
    async fn in_process(
        service: &dyn Service,
        files: &HostFiles,
        world: &World,
        state: &mut State,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BadInput> {
        let (kind, name) = (service.kind(), service.name());
        let has_rows = state.rows_of(&kind).any(|row| row.may_exist());
        if has_rows && *state.stands_at(&kind) == Some(At::Server) {
            let problem = format_args!(
                "its {name} events stand at a server; name it with --{kind}-url, or use another --out"
            );
            return Err(state.file.bad(problem));
        }
        let uses_it =
            |profile: &Profile| profile.connections.iter().any(|connection| connection.provider == kind);
        if !has_rows && !world.profiles().iter().any(uses_it) {
            return Ok(Self::Unused);
        }
        let (fake, file) = (service.fake(clock), files.fake(&kind));
        if file.exists() {
            let snapshot: Value = read_json(&file)?;
            fake.restore(&snapshot).map_err(|error| FileName::new(&file).bad(one_line(&*error)))?;
        }
        let provider = fake.provider(open_accounts(&*fake, &kind, world, state).await)?;
        Ok(Self::Faked(provider, fake, file))
    }
}

/// Gives everybody who uses the service an account at its fake, with the calendars of their
/// connections, and tokens for it.
async fn open_accounts(
    fake: &dyn Fake,
    kind: &ProviderKind,
    world: &World,
    state: &State,
) -> MemoryTokenStore {
    let store = MemoryTokenStore::new();
    let mut grants = BTreeSet::new();
    for profile in world.profiles() {
        let person = Person::Profile(profile.id.clone());
        for connection in profile.connections.iter().filter(|it| it.provider == *kind) {
            let key = ConnectionKey::new(person.clone(), kind.clone(), connection.id.clone());
            let account = account(&key, connection.account.as_ref().map(|account| account.as_str()), world);
            let calendar = connection.calendar_id.as_ref().map_or("primary", |calendar| calendar.as_str());
            fake.open_calendar(&account, calendar);
            grants.insert((key, account));
        }
    }
    // What stands where somebody no longer has a connection has to be removed all the same.
    for row in state.rows_of(kind) {
        let key = row.calendar().connection_key();
        let account = account(&key, row.calendar().account.as_ref().map(|account| account.as_str()), world);
        grants.insert((key, account));
    }
    for (key, account) in grants {
        let tokens = fake.tokens(&account);
        let tokens = Tokens::new(tokens.access_token).with_refresh_token(tokens.refresh_token);
        // In memory, and nobody else is there: this neither fails nor conflicts.
        let _saved = store.save(&key, &tokens, None).await;
    }
    store
}

/// The account behind a connection: the one it names, else the person's address; further
/// connections lead to further accounts.
fn account(key: &ConnectionKey, named: Option<&str>, world: &World) -> String {
    if let Some(account) = named {
        return account.to_owned();
    }
    let profile = world.profiles().iter().find(|profile| Person::Profile(profile.id.clone()) == key.person);
    let email = profile.and_then(|profile| profile.email.clone()).filter(|email| email.contains('@'));
    let email = email.unwrap_or_else(|| format!("{}@example.org", key.person.to_string().replace(' ', "-")));
    match key.connection.to_string() {
        flat if flat == Profile::FLAT_CONNECTION => email,
        other => format!("{other}+{email}"),
    }
}

/// The secret of the host's OAuth client, if it has one. It comes from the environment, where no
/// list of processes shows it.
pub fn secret(variable: &str) -> Option<Secret> {
    std::env::var(variable).ok().filter(|secret| !secret.is_empty()).map(Secret::new)
}

/// The network, to these servers. Those on this machine need no certificates.
pub fn transport(kind: &ProviderKind, urls: &[&str]) -> Result<ReqwestTransport, BadInput> {
    let builder = ReqwestTransport::builder();
    let is_plain = urls.iter().all(|url| url.starts_with("http://"));
    let builder = if is_plain { builder.without_tls() } else { builder };
    builder.build().map_err(|error| bad_url(kind, &error))
}

/// What is wrong with how the server was named.
pub fn bad_url(kind: &ProviderKind, error: &dyn Error) -> BadInput {
    BadInput::of_option(&format!("--{kind}-url"), one_line(error))
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
