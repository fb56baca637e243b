//! Connects a person's Google Calendar: prints the page where they consent, receives them when they
//! come back, and stores their tokens, sealed, where `quickstart` finds them.
//!
//! ```text
//! GOOGLE_CLIENT_SECRET=… cargo run --example connect_google -- --client ID.apps.googleusercontent.com --profile 3
//! ```
//!
//! The client is one of the type "Desktop app" from Google's console; calsync-google/README.md says
//! how to get it. `--revoke` gives the grant back. Ends with 0 when that worked, 2 when the input
//! cannot be used, 3 when there is no connection.

mod connect;
#[allow(dead_code, reason = "quickstart uses the rest")]
mod files;
#[allow(dead_code, reason = "quickstart uses the rest")]
mod google;
mod key_file;
mod redirect;
#[allow(dead_code, reason = "quickstart uses the rest")]
mod remote;
mod tokens;

use std::process::ExitCode;

use async_trait::async_trait;
use calsync_core::ProviderKind;
use calsync_core::auth::{AuthError, Connect, ConnectError, Connected, Disconnected, PendingConnect};
use calsync_core::calendar::ConnectionKey;
use calsync_core::error::Error;
use calsync_core::provider::AccountCalendar;
use calsync_google::{GoogleCalendar, Scope};
use clap::Parser;

use connect::{About, ConnectOptions, Consent};
use files::BadInput;
use redirect::Host;
use tokens::TokenFile;

/// Connects a person's Google Calendar, for quickstart.
#[derive(Debug, Parser)]
struct Options {
    /// The id of your OAuth client; its secret is read from the environment: GOOGLE_CLIENT_SECRET.
    #[arg(long, value_name = "ID")]
    client: String,
    #[command(flatten)]
    connect: ConnectOptions,
    /// What to ask for.
    #[arg(long, value_delimiter = ',', value_parser = scope, default_value = "events.owned,calendarlist.readonly")]
    scopes: Vec<Scope>,
    /// Give the grant back instead.
    #[arg(long)]
    revoke: bool,
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
    /// What an emulator calls itself in id tokens.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::parse();
    let mut quickstart =
        vec![("--google-url", options.google_url.clone()), ("--google-client", options.client.clone())];
    quickstart.extend(options.token_url.clone().map(|url| ("--google-token-url", url)));
    let about = About {
        kind: ProviderKind::GOOGLE,
        host: Host::Address,
        lists_calendars: options.scopes.contains(&Scope::CalendarListReadonly),
        missing: "a permission was unticked that is needed",
        client: "--client, GOOGLE_CLIENT_SECRET and the client's type in the console",
        disconnected: "the grant was given back, and its tokens are forgotten",
        quickstart,
    };
    let build = |redirect: &str, tokens| provider(&options, redirect, tokens);
    connect::exit_code(connect::run(&about, &options.connect, options.revoke, build).await)
}

fn provider(options: &Options, redirect: &str, tokens: TokenFile) -> Result<GoogleCalendar, BadInput> {
    let root = options.google_url.trim_end_matches('/');
    let mut builder = GoogleCalendar::builder()
        .api_url(format!("{root}/calendar/v3"))
        .redirect(redirect)
        .scopes(options.scopes.iter().copied())
        .token_store(tokens);
    if let Some(issuer) = &options.issuer {
        builder = builder.issuer(issuer);
    }
    let elsewhere = |given: &Option<String>, path: &str| {
        given.clone().or_else(|| (root != google::REAL).then(|| format!("{root}{path}")))
    };
    let authorize_url = elsewhere(&options.authorize_url, "/o/oauth2/v2/auth");
    let token_url = elsewhere(&options.token_url, "/token");
    let revoke_url = elsewhere(&options.revoke_url, "/revoke");
    let asked =
        [Some(root), token_url.as_deref(), revoke_url.as_deref()].map(|url| url.unwrap_or(google::REAL));
    let transport = remote::transport(&ProviderKind::GOOGLE, &asked)?;
    if let Some(url) = authorize_url {
        builder = builder.authorize_url(url);
    }
    if let Some(url) = token_url {
        builder = builder.token_url(url);
    }
    if let Some(url) = revoke_url {
        builder = builder.revoke_url(url);
    }
    google::build(google::with_client(builder, &options.client).transport(transport))
}

#[async_trait]
impl Consent for GoogleCalendar {
    fn connect(&self, key: &ConnectionKey) -> Connect {
        self.connect(key)
    }

    async fn finish(
        &self,
        key: &ConnectionKey,
        pending: PendingConnect,
        query: &str,
    ) -> Result<Connected, ConnectError> {
        self.finish(key, pending, query).await
    }

    async fn disconnect(&self, key: &ConnectionKey) -> Result<Disconnected, AuthError> {
        self.disconnect(key).await
    }

    async fn calendars(&self, key: &ConnectionKey) -> Result<Vec<AccountCalendar>, Error> {
        self.calendars(key).await
    }
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
