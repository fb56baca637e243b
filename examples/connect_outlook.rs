//! Connects a person's Outlook calendar: prints the page where they consent, receives them when
//! they come back, and stores their tokens, sealed, where `quickstart` finds them.
//!
//! ```text
//! OUTLOOK_CLIENT_SECRET=… cargo run --example connect_outlook -- --client 00000000-0000-0000-0000-000000000000
//! ```
//!
//! The client is an app registered with Microsoft Entra whose redirect URI is `http://localhost`:
//! one of the platform "Web" has a secret, one of "Mobile and desktop applications" has none;
//! calsync-outlook/README.md says how to get it. `--revoke` forgets the tokens. Ends with 0 when
//! that worked, 2 when the input cannot be used, 3 when there is no connection.

mod connect;
#[allow(dead_code, reason = "quickstart uses the rest")]
mod files;
mod key_file;
#[allow(dead_code, reason = "quickstart uses the rest")]
mod outlook;
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
use calsync_outlook::{OutlookCalendar, Scope, Tenant};
use clap::Parser;

use connect::{About, ConnectOptions, Consent};
use files::BadInput;
use redirect::Host;
use tokens::TokenFile;

/// Connects a person's Outlook calendar, for quickstart.
#[derive(Debug, Parser)]
struct Options {
    /// The id of your app; its secret, if it has one, is read from the environment:
    /// OUTLOOK_CLIENT_SECRET.
    #[arg(long, value_name = "ID")]
    client: String,
    /// Whose accounts the app serves: common, organizations, consumers, or one organization's id or
    /// domain.
    #[arg(long, default_value = "common", value_parser = outlook::tenant)]
    tenant: Tenant,
    #[command(flatten)]
    connect: ConnectOptions,
    /// What to ask for.
    #[arg(long, value_delimiter = ',', value_parser = scope, default_value = "Calendars.ReadWrite")]
    scopes: Vec<Scope>,
    /// Forget the person's tokens instead. Only they can take the grant away.
    #[arg(long)]
    revoke: bool,
    /// As quickstart's.
    #[arg(long, value_name = "ROOT", default_value = outlook::REAL)]
    outlook_url: String,
    /// Where the person signs in and tokens come from, at URL/TENANT/oauth2/v2.0. Microsoft's own,
    /// or ROOT.
    #[arg(long, value_name = "URL")]
    login_url: Option<String>,
    /// What an emulator calls itself in id tokens; `{tenantid}` is the account's tenant.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::parse();
    let mut quickstart =
        vec![("--outlook-url", options.outlook_url.clone()), ("--outlook-client", options.client.clone())];
    quickstart.extend(options.login_url.clone().map(|url| ("--outlook-login-url", url)));
    if options.tenant != Tenant::default() {
        quickstart.push(("--outlook-tenant", options.tenant.as_str().to_owned()));
    }
    let about = About {
        kind: ProviderKind::OUTLOOK,
        host: Host::Name,
        lists_calendars: true,
        missing: "a permission was not granted that is needed",
        client: "--client, --tenant, OUTLOOK_CLIENT_SECRET and the app's platform and account types in Microsoft Entra",
        disconnected: "its tokens are forgotten. The grant is the person's to take away: at https://myapps.microsoft.com, or for a \
                       personal account at https://account.live.com/consent/Manage",
        quickstart,
    };
    let build = |redirect: &str, tokens| provider(&options, redirect, tokens);
    connect::exit_code(connect::run(&about, &options.connect, options.revoke, build).await)
}

fn provider(options: &Options, redirect: &str, tokens: TokenFile) -> Result<OutlookCalendar, BadInput> {
    let builder = outlook::builder(&options.outlook_url, options.login_url.as_deref())?
        .tenant(options.tenant.clone())
        .redirect(redirect)
        .scopes(options.scopes.iter().copied())
        .token_store(tokens);
    let builder = match &options.issuer {
        Some(issuer) => builder.issuer(issuer),
        None => builder,
    };
    outlook::build(outlook::with_client(builder, &options.client))
}

#[async_trait]
impl Consent for OutlookCalendar {
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
    let all = [Scope::CalendarsReadWrite, Scope::CalendarsReadWriteShared];
    let found = all.into_iter().find(|scope| scope.as_str().eq_ignore_ascii_case(name));
    found.ok_or_else(|| "is none of Calendars.ReadWrite, Calendars.ReadWrite.Shared".to_owned())
}
