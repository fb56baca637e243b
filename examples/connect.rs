//! Connects a person's calendar: prints the page where they consent, receives them when they come
//! back, and stores their tokens, sealed, where `quickstart` finds them.

use std::fmt::Display;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use async_trait::async_trait;
use calsync_core::auth::{
    AuthError, Connect, ConnectError, Connected, Disconnected, PendingConnect, Revocation,
};
use calsync_core::calendar::ConnectionKey;
use calsync_core::calendar::Person;
use calsync_core::error::Error;
use calsync_core::provider::AccountCalendar;
use calsync_core::{ConnectionId, ProfileId, ProviderKind};
use clap::Args;

use crate::files::{self, BadInput, HostFiles, Lock, State, World, write_json};
use crate::redirect::{Host, Redirect};
use crate::remote::one_line;
use crate::tokens::TokenFile;

const WORLD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/world.json");
const OUT: &str = "out";

/// What every connect is told.
#[derive(Debug, Args)]
pub struct ConnectOptions {
    /// The profile in the world file; the first with such a connection unless given.
    #[arg(long)]
    profile: Option<String>,
    /// The profile's connection; `default` is the one in its flat columns.
    #[arg(long, default_value = "default")]
    connection: String,
    /// The port the person comes back to; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// How many seconds to wait for the person. The page is good for ten minutes.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    wait: u64,
    /// As quickstart's.
    #[arg(long, default_value = WORLD)]
    world: PathBuf,
    /// As quickstart's.
    #[arg(long, default_value = OUT)]
    out: PathBuf,
    /// As quickstart's.
    #[arg(long)]
    state: Option<PathBuf>,
}

/// What differs between the services.
pub struct About {
    pub kind: ProviderKind,
    /// What the service calls this machine, where people are sent back to.
    pub host: Host,
    /// Whether the connection opens the list of calendars.
    pub lists_calendars: bool,
    /// Why permissions can be missing.
    pub missing: &'static str,
    /// Where to look when the service does not take the client.
    pub client: &'static str,
    /// What became of a grant that was there, once its tokens are forgotten.
    pub disconnected: &'static str,
    /// The options that have quickstart use this server.
    pub quickstart: Vec<(&'static str, String)>,
}

/// A provider that people can be connected to.
#[async_trait]
pub trait Consent: Send + Sync {
    fn connect(&self, key: &ConnectionKey) -> Connect;

    async fn finish(
        &self,
        key: &ConnectionKey,
        pending: PendingConnect,
        query: &str,
    ) -> Result<Connected, ConnectError>;

    async fn disconnect(&self, key: &ConnectionKey) -> Result<Disconnected, AuthError>;

    async fn calendars(&self, key: &ConnectionKey) -> Result<Vec<AccountCalendar>, Error>;
}

/// Why there is no connection.
pub enum Failed {
    Input(BadInput),
    Connect(String),
}

impl From<BadInput> for Failed {
    fn from(bad: BadInput) -> Self {
        Self::Input(bad)
    }
}

/// 0 when that worked, 2 when the input cannot be used, 3 when there is no connection.
pub fn exit_code(result: Result<(), Failed>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed::Input(bad)) => {
            eprintln!("{bad}");
            ExitCode::from(2)
        }
        Err(Failed::Connect(line)) => {
            eprintln!("{line}");
            ExitCode::from(3)
        }
    }
}

/// Connects, or disconnects if `revoke` is set. `build` makes the provider that sends people back
/// to a URL and keeps their tokens.
pub async fn run<C: Consent>(
    about: &About,
    options: &ConnectOptions,
    revoke: bool,
    build: impl FnOnce(&str, TokenFile) -> Result<C, BadInput>,
) -> Result<(), Failed> {
    let files = HostFiles::new(&options.out, options.state.as_deref());
    files::check_distinct(&[&options.world, &files.state, &files.key])?;
    let world = World::load(&options.world)?;
    let key = grant(&about.kind, options, &world)?;
    // Held to the end: a run in between would write its own state over the tokens.
    let mut lock = Lock::of(&[files::folder_of(&files.state)])?;
    lock.complete(&[&files.state])?;
    let mut state = State::load(&files.state, &mut Vec::new())?;
    let (tokens, mut untried) = TokenFile::open(&world, &state, &files, std::slice::from_ref(&about.kind))?;
    tokens.begin(&state)?;

    let redirect = Redirect::listen(about.host, options.port).await;
    let redirect = redirect.map_err(|error| BadInput::of_option("--port", error))?;
    let service = build(redirect.url(), tokens.clone())?;
    if revoke {
        return disconnect(about, &service, &key).await;
    }

    // Nobody is asked for what could not be kept.
    tokens.make_key()?;
    connect(about, &service, &key, redirect, Duration::from_secs(options.wait)).await?;
    // What waited for the person may be tried again.
    untried.push(key.clone());
    state.revive(&untried);
    state.tokens = tokens.rows()?;
    write_json(&files.state, &state)?;
    say(format_args!("{key} is connected; the tokens are in {}, sealed", files.state.display()));
    if about.lists_calendars {
        list_calendars(&service, &key).await;
    }
    say(format_args!("Next:\n  {}", next_command(about, options)));
    Ok(())
}

/// The connection that is meant. It has to be there, or quickstart would have no use for it.
fn grant(kind: &ProviderKind, options: &ConnectOptions, world: &World) -> Result<ConnectionKey, BadInput> {
    let connection = ConnectionId::text(&options.connection)
        .map_err(|error| BadInput::of_option("--connection", error))?;
    let named = options.profile.as_deref().map(ProfileId::text).transpose();
    let named = named.map_err(|error| BadInput::of_option("--profile", error))?;
    let mut profiles = world.profiles().iter().filter(|it| named.as_ref().is_none_or(|id| *id == it.id));
    if let Some(id) = &named
        && profiles.clone().next().is_none()
    {
        return Err(world.file.bad(format_args!("there is no profile {id}")));
    }
    let has_it = |it: &&calsync_core::model::Profile| {
        it.connections.iter().any(|it| it.id == connection && it.provider == *kind)
    };
    let Some(profile) = profiles.find(has_it) else {
        let whose = named.map_or("no profile has a".to_owned(), |id| format!("profile {id} has no"));
        return Err(world.file.bad(format_args!("{whose} {kind} connection called {connection}")));
    };
    Ok(ConnectionKey::new(Person::Profile(profile.id.clone()), kind.clone(), connection))
}

/// Sends the person to the consent page, and waits for them.
async fn connect(
    about: &About,
    service: &impl Consent,
    key: &ConnectionKey,
    redirect: Redirect,
    patience: Duration,
) -> Result<(), Failed> {
    let connect = service.connect(key);
    say(format_args!("To connect {key}, open this page in a browser on this machine:\n"));
    say(format_args!("  {}\n", connect.url.expose()));
    let is_ours = |query: &str| state_of(query).is_some_and(|state| connect.pending.is_of(state));
    let visitor = tokio::time::timeout(patience, redirect.receive(is_ours)).await;
    let visitor = match visitor {
        Ok(Ok(visitor)) => visitor,
        Ok(Err(error)) => return Err(Failed::Connect(format!("not connected: {error}"))),
        Err(_) => return Err(Failed::Connect("not connected: nobody came back from the page".to_owned())),
    };
    match service.finish(key, connect.pending, visitor.query()).await {
        Ok(connected) => {
            visitor.answer("Connected. You can close this page.").await;
            if let Some(address) = connected.account.and_then(|account| account.address) {
                say(format_args!("The account is {}", address.as_str()));
            }
            Ok(())
        }
        Err(error) => {
            let line = format!("not connected: {}", in_words(about, &error));
            visitor.answer(&format!("{line}. You can close this page.")).await;
            Err(Failed::Connect(line))
        }
    }
}

/// The state in a redirect's query; `None` where it has none or several. A state is of characters
/// that no server has to encode.
fn state_of(query: &str) -> Option<&str> {
    let query = query.trim_start_matches('?');
    let mut states = query.split('&').filter_map(|pair| pair.strip_prefix("state="));
    states.next().filter(|_| states.next().is_none())
}

/// What to do about it, where the person at the terminal can do something.
fn in_words(about: &About, error: &ConnectError) -> String {
    let line = one_line(error);
    match error {
        ConnectError::Denied => "consent was refused on the page".to_owned(),
        ConnectError::MissingScopes(scopes) => {
            format!("{}: {}; connect again and allow it", about.missing, scopes.join(", "))
        }
        ConnectError::OtherAccount => {
            format!("{line}; connect again as the same person, or give the grant back first with --revoke")
        }
        ConnectError::Configuration(_) => format!("{line}; look at {}", about.client),
        _ => line,
    }
}

async fn disconnect(about: &About, service: &impl Consent, key: &ConnectionKey) -> Result<(), Failed> {
    let disconnected = service.disconnect(key).await;
    let disconnected =
        disconnected.map_err(|error| Failed::Connect(format!("not disconnected: {}", one_line(&error))))?;
    match disconnected.revocation {
        Revocation::NothingToRevoke => say(format_args!("{key}: there was nothing to give back")),
        Revocation::Failed { error, .. } => {
            return Err(Failed::Connect(format!(
                "{key}: its tokens are forgotten; the grant may live on, since it could not be given back: {}; the person can take it \
                 away in the settings of their account",
                one_line(&error)
            )));
        }
        _ => say(format_args!("{key}: {}", about.disconnected)),
    }
    Ok(())
}

/// A convenience: that it fails takes nothing back.
async fn list_calendars(service: &impl Consent, key: &ConnectionKey) {
    match service.calendars(key).await {
        Ok(calendars) => {
            say("Calendars, by the id that calendar_calendar_id takes:");
            for calendar in calendars {
                let kind = match (calendar.is_primary, calendar.is_writable) {
                    (true, _) => "primary",
                    (false, true) => "writable",
                    (false, false) => "cannot be written to",
                };
                say(format_args!("  {}  {} ({kind})", calendar.id.as_str(), calendar.name));
            }
        }
        Err(error) => say(format_args!("The calendars could not be listed: {error}")),
    }
}

/// The run that will use these tokens.
fn next_command(about: &About, options: &ConnectOptions) -> String {
    let mut command = String::from("cargo run --example quickstart --");
    let mut add = |name: &str, value: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@".contains(c);
        match value.chars().all(is_plain) {
            true => command.push_str(&format!(" {name} {value}")),
            false => command.push_str(&format!(" {name} '{}'", value.replace('\'', r"'\''"))),
        }
    };
    for (name, value) in &about.quickstart {
        add(name, value);
    }
    for (name, value, default) in [("--world", &options.world, WORLD), ("--out", &options.out, OUT)] {
        if value.as_os_str() != default {
            add(name, &value.to_string_lossy());
        }
    }
    if let Some(state) = &options.state {
        add("--state", &state.to_string_lossy());
    }
    command
}

/// A line on the terminal, at once: a script may be waiting for it. A reader that has gone away has
/// seen enough.
fn say(line: impl Display) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
