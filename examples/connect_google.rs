//! Connects a person's Google Calendar: prints the page where they consent, receives them when they come back, and stores their
//! tokens, sealed, where `quickstart` finds them.
//!
//! ```text
//! GOOGLE_CLIENT_SECRET=… cargo run --example connect_google -- --client ID.apps.googleusercontent.com --profile 3
//! ```
//!
//! The client is one of the type "Desktop app" from Google's console; calsync-google/README.md says how to get it. `--revoke` gives
//! the grant back. Ends with 0 when that worked, 2 when the input cannot be used, 3 when there is no connection.

#[allow(dead_code, reason = "quickstart uses the rest")]
mod files;
#[allow(dead_code, reason = "quickstart uses the rest")]
mod google;
mod key_file;
mod redirect;
mod tokens;

use std::fmt::Display;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use calsync_core::auth::{ConnectError, GrantKey, TokenStore as _};
use calsync_core::place::Person;
use calsync_core::{ConnectionId, ProfileId, ProviderKind};
use calsync_google::{GoogleCalendar, Scope};
use clap::Parser;

use files::{BadInput, State, World, write_json};
use google::{GoogleFiles, one_line};
use redirect::Redirect;
use tokens::TokenFile;

/// How long to wait for the person: as long as the connect is good for.
const PATIENCE: Duration = Duration::from_secs(600);

/// Connects a person's Google Calendar, for quickstart.
#[derive(Debug, Parser)]
struct Options {
    /// The id of your OAuth client; its secret is read from the environment: GOOGLE_CLIENT_SECRET.
    #[arg(long, value_name = "ID")]
    client: String,
    /// The profile in the world file.
    #[arg(long, default_value = "3")]
    profile: String,
    /// The profile's connection; `default` is the one in its flat columns.
    #[arg(long, default_value = "default")]
    connection: String,
    /// What to ask for.
    #[arg(long, value_delimiter = ',', value_parser = scope, default_value = "events.owned,calendarlist.readonly")]
    scopes: Vec<Scope>,
    /// The port the person comes back to; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Give the grant back instead.
    #[arg(long)]
    revoke: bool,
    /// As quickstart's.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/data/world.json"))]
    world: PathBuf,
    /// As quickstart's.
    #[arg(long, default_value = "out")]
    out: PathBuf,
    /// As quickstart's.
    #[arg(long)]
    state: Option<PathBuf>,
    /// As quickstart's.
    #[arg(long, value_name = "ROOT", default_value = google::REAL)]
    google_url: String,
    /// The consent page. Google's own, or ROOT/o/oauth2/v2/auth.
    #[arg(long, value_name = "URL")]
    authorize_url: Option<String>,
    /// Where tokens come from. Google's own, or ROOT/token.
    #[arg(long, value_name = "URL")]
    token_url: Option<String>,
    /// Where grants are given back. Google's own, or ROOT/revoke.
    #[arg(long, value_name = "URL")]
    revoke_url: Option<String>,
}

/// Why there is no connection.
enum Failed {
    Input(BadInput),
    Connect(String),
}

impl From<BadInput> for Failed {
    fn from(bad: BadInput) -> Self {
        Self::Input(bad)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Options::parse()).await {
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

async fn run(options: &Options) -> Result<(), Failed> {
    let state_file = options.state.clone().unwrap_or_else(|| options.out.join("state.json"));
    let files = GoogleFiles::new(&options.out, &state_file);
    files::check_distinct(&[&options.world, &state_file, &files.key])?;
    let world = World::load(&options.world)?;
    let key = grant(options, &world)?;
    // Held to the end: a run in between would write its own state over the tokens.
    let _lock = match files::lock(&state_file)? {
        Some(lock) => Some(lock),
        None => files::lock_new(&state_file)?,
    };
    let mut state = State::load(&state_file)?;
    let (tokens, mut untried) = TokenFile::open(&world, &state, &files.state, &files.key)?;
    tokens.begin(&state)?;

    let redirect = Redirect::listen(options.port).await;
    let redirect = redirect.map_err(|error| BadInput::of_option("--port", error))?;
    let google = provider(options, redirect.url(), tokens.clone())?;
    if options.revoke {
        return revoke(&google, &key, &tokens).await;
    }

    // Nobody is asked for what could not be kept.
    tokens.make_key()?;
    connect(&google, &key, redirect).await?;
    // What waited for the person may be tried again.
    untried.push(key.clone());
    state.revive(&untried);
    state.tokens = tokens.rows()?;
    write_json(&state_file, &state)?;
    say(format_args!("{key} is connected; the tokens are in {}, sealed", state_file.display()));
    if options.scopes.contains(&Scope::CalendarListReadonly) {
        list_calendars(&google, &key).await;
    }
    say(format_args!("Next:\n  {}", next_command(options)));
    Ok(())
}

/// The connection that is meant. It has to be there, or quickstart would have no use for it.
fn grant(options: &Options, world: &World) -> Result<GrantKey, BadInput> {
    let profile =
        ProfileId::text(&options.profile).map_err(|error| BadInput::of_option("--profile", error))?;
    let connection = ConnectionId::text(&options.connection)
        .map_err(|error| BadInput::of_option("--connection", error))?;
    let profile = world.profiles.iter().find(|it| it.id == profile);
    let profile =
        profile.ok_or_else(|| world.file.bad(format_args!("there is no profile {}", options.profile)))?;
    let connections = &mut profile.connections.iter();
    let connection = connections.find(|it| it.id == connection && it.provider == ProviderKind::GOOGLE);
    let problem = || format!("profile {} has no google connection called {}", profile.id, options.connection);
    let connection = connection.ok_or_else(|| world.file.bad(problem()))?;
    Ok(GrantKey::new(Person::Profile(profile.id.clone()), ProviderKind::GOOGLE, connection.id.clone()))
}

fn provider(options: &Options, redirect: &str, tokens: TokenFile) -> Result<GoogleCalendar, BadInput> {
    let root = options.google_url.trim_end_matches('/');
    let mut builder = GoogleCalendar::builder()
        .api_url(format!("{root}/calendar/v3"))
        .redirect(redirect)
        .scopes(options.scopes.iter().copied())
        .token_store(tokens);
    let elsewhere = |given: &Option<String>, path: &str| {
        given.clone().or_else(|| (root != google::REAL).then(|| format!("{root}{path}")))
    };
    let authorize_url = elsewhere(&options.authorize_url, "/o/oauth2/v2/auth");
    let token_url = elsewhere(&options.token_url, "/token");
    let revoke_url = elsewhere(&options.revoke_url, "/revoke");
    let asked = [Some(root), token_url.as_deref(), revoke_url.as_deref()];
    let is_plain = asked.iter().all(|url| url.is_some_and(|url| url.starts_with("http://")));
    if let Some(url) = authorize_url {
        builder = builder.authorize_url(url);
    }
    if let Some(url) = token_url {
        builder = builder.token_url(url);
    }
    if let Some(url) = revoke_url {
        builder = builder.revoke_url(url);
    }
    google::build(google::with_client(builder, &options.client).transport(google::transport(is_plain)?))
}

/// Sends the person to the consent page, and waits for them.
async fn connect(google: &GoogleCalendar, key: &GrantKey, redirect: Redirect) -> Result<(), Failed> {
    let connect = google.connect();
    say(format_args!("To connect {key}, open this page in a browser on this machine:\n"));
    say(format_args!("  {}\n", connect.url.expose()));
    let visitor = tokio::time::timeout(PATIENCE, redirect.receive()).await;
    let visitor = match visitor {
        Ok(Ok(visitor)) => visitor,
        Ok(Err(error)) => return Err(Failed::Connect(format!("not connected: {error}"))),
        Err(_) => return Err(Failed::Connect("not connected: nobody came back from the page".to_owned())),
    };
    match google.finish(key, connect.pending, visitor.query()).await {
        Ok(_) => {
            visitor.answer("Connected. You can close this page.").await;
            Ok(())
        }
        Err(error) => {
            let line = format!("not connected: {}", in_words(&error));
            visitor.answer(&format!("{line}. You can close this page.")).await;
            Err(Failed::Connect(line))
        }
    }
}

/// What to do about it, where the person at the terminal can do something.
fn in_words(error: &ConnectError) -> String {
    let line = one_line(error);
    match error {
        ConnectError::Denied => "consent was refused on the page".to_owned(),
        ConnectError::MissingScopes(scopes) => {
            format!(
                "a permission was unticked that is needed: {}; connect again and leave it ticked",
                scopes.join(", ")
            )
        }
        ConnectError::WrongState => {
            format!("{line}: it was a page of an earlier try; connect again and use the new page")
        }
        ConnectError::Configuration(_) => {
            format!("{line}; look at --client, GOOGLE_CLIENT_SECRET and the client's type in the console")
        }
        _ => line,
    }
}

async fn revoke(google: &GoogleCalendar, key: &GrantKey, tokens: &TokenFile) -> Result<(), Failed> {
    let failed =
        |error: &dyn std::error::Error| Failed::Connect(format!("not given back: {}", one_line(error)));
    let had_any = tokens.load(key).await.map_err(|error| failed(&error))?.is_some();
    google.disconnect(key).await.map_err(|error| failed(&error))?;
    match had_any {
        true => say(format_args!("{key}: the grant was given back, and its tokens are forgotten")),
        false => say(format_args!("{key}: there was nothing to give back")),
    }
    Ok(())
}

/// A convenience: that it fails takes nothing back.
async fn list_calendars(google: &GoogleCalendar, key: &GrantKey) {
    match google.calendars(key).await {
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
fn next_command(options: &Options) -> String {
    let mut command = String::from("cargo run --example quickstart --");
    let mut add = |name: &str, value: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@".contains(c);
        match value.chars().all(is_plain) {
            true => command.push_str(&format!(" {name} {value}")),
            false => command.push_str(&format!(" {name} '{}'", value.replace('\'', r"'\''"))),
        }
    };
    add("--google-url", &options.google_url);
    add("--google-client", &options.client);
    if let Some(url) = &options.token_url {
        add("--google-token-url", url);
    }
    let default = Options::parse_from(["connect_google", "--client", ""]);
    for (name, value, default) in
        [("--world", &options.world, &default.world), ("--out", &options.out, &default.out)]
    {
        if value != default {
            add(name, &value.to_string_lossy());
        }
    }
    if let Some(state) = &options.state {
        add("--state", &state.to_string_lossy());
    }
    command
}

fn scope(name: &str) -> Result<Scope, String> {
    let all =
        [Scope::AppCreated, Scope::EventsOwned, Scope::Events, Scope::CalendarListReadonly, Scope::Calendar];
    let is_it = |scope: &&Scope| {
        let long = scope.as_str().rsplit('/').next().unwrap_or_default();
        [scope.as_str(), long, long.trim_start_matches("calendar.")].contains(&name)
    };
    all.iter().find(is_it).copied().ok_or_else(|| {
        "is none of app.created, events.owned, events, calendarlist.readonly, calendar".to_owned()
    })
}

/// A line on the terminal, at once: a script may be waiting for it. A reader that has gone away has seen enough.
fn say(line: impl Display) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
