//! Outlook, as this host uses it.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use calsync_core::auth::MemoryTokenStore;
use calsync_core::clock::Clock;
use calsync_core::fake::oauth::FakeTokens;
use calsync_core::provider::CalendarProvider;
use calsync_core::{ProviderKind, Secret};
use calsync_outlook::fake::FakeOutlook;
use calsync_outlook::{Cloud, OutlookCalendar, OutlookCalendarBuilder, Tenant};
use clap::Args;
use serde_json::Value;

use crate::files::BadInput;
use crate::remote::{Fake, Service, bad_url, secret, transport};
use crate::tokens::TokenFile;

/// The server of Microsoft's own.
pub const REAL: &str = "https://graph.microsoft.com";

/// Where Outlook answers, and who calls.
#[derive(Debug, Args)]
pub struct OutlookServer {
    /// Ask this server, such as https://graph.microsoft.com; its API is at ROOT/v1.0. Without it
    /// Outlook is faked in this process.
    #[arg(long, value_name = "ROOT")]
    outlook_url: Option<String>,
    /// Where tokens are refreshed, at URL/TENANT/oauth2/v2.0/token. Microsoft's own for Microsoft's
    /// own API, ROOT elsewhere.
    #[arg(long, value_name = "URL", requires = "outlook_url")]
    outlook_login_url: Option<String>,
    /// The id of your app; its secret, if it has one, is read from the environment:
    /// OUTLOOK_CLIENT_SECRET.
    #[arg(long, value_name = "ID", requires = "outlook_url")]
    outlook_client: Option<String>,
    /// Whose accounts the app serves: common, organizations, consumers, or one organization's id or
    /// domain.
    #[arg(long, default_value = "common", value_parser = tenant, requires = "outlook_url")]
    outlook_tenant: Tenant,
}

impl Service for OutlookServer {
    fn kind(&self) -> ProviderKind {
        ProviderKind::OUTLOOK
    }

    fn name(&self) -> &'static str {
        "Outlook"
    }

    fn root(&self) -> Option<&str> {
        self.outlook_url.as_deref()
    }

    fn at_server(&self, root: &str, tokens: TokenFile) -> Result<Arc<dyn CalendarProvider>, BadInput> {
        // A server that wants to know the client says so when the first token has run out.
        let builder = builder(root, self.outlook_login_url.as_deref())?.tenant(self.outlook_tenant.clone());
        let builder = with_client(builder, self.outlook_client.as_deref().unwrap_or("quickstart"));
        Ok(Arc::new(build(builder.token_store(tokens))?))
    }

    fn fake(&self, clock: Arc<dyn Clock>) -> Box<dyn Fake> {
        Box::new(InProcess(FakeOutlook::new().with_clock(clock.clone()), clock))
    }
}

/// The fake, and the clock it runs by.
struct InProcess(FakeOutlook, Arc<dyn Clock>);

impl Fake for InProcess {
    fn provider(&self, tokens: MemoryTokenStore) -> Result<Arc<dyn CalendarProvider>, BadInput> {
        let builder = OutlookCalendar::builder()
            .client(FakeOutlook::CLIENT_ID, Secret::new(FakeOutlook::CLIENT_SECRET))
            .transport(self.0.clone())
            .clock(self.1.clone())
            .token_store(tokens);
        Ok(Arc::new(build(builder)?))
    }

    fn restore(&self, snapshot: &Value) -> Result<(), Box<dyn Error>> {
        Ok(self.0.restore(snapshot)?)
    }

    fn snapshot(&self) -> Value {
        self.0.snapshot()
    }

    fn count_all(&self) -> usize {
        self.0.count_all()
    }

    fn open_calendar(&self, account: &str, calendar: &str) {
        self.0.user(account).has_calendar(calendar);
    }

    fn tokens(&self, account: &str) -> FakeTokens {
        self.0.tokens(account, &["Calendars.ReadWrite"])
    }
}

/// A provider that asks that server, without a client or a token store yet. Microsoft's own know
/// where people sign in.
pub fn builder(root: &str, login_url: Option<&str>) -> Result<OutlookCalendarBuilder, BadInput> {
    let root = root.trim_end_matches('/');
    let clouds = [Cloud::Global, Cloud::UsGovernment, Cloud::UsDefense, Cloud::China];
    let cloud = clouds.into_iter().find(|cloud| cloud.graph_url() == root);
    let login_url = login_url.unwrap_or_else(|| cloud.map_or(root, |cloud| cloud.login_url()));
    let builder = OutlookCalendar::builder()
        .cloud(cloud.unwrap_or_default())
        .api_url(format!("{root}/v1.0"))
        .login_url(login_url)
        .transport(transport(&ProviderKind::OUTLOOK, &[root, login_url])?);
    Ok(builder)
}

/// The host's app.
pub fn with_client(builder: OutlookCalendarBuilder, id: &str) -> OutlookCalendarBuilder {
    match secret("OUTLOOK_CLIENT_SECRET") {
        Some(secret) => builder.client(id, secret),
        None => builder.public_client(id),
    }
}

pub fn build(builder: OutlookCalendarBuilder) -> Result<OutlookCalendar, BadInput> {
    builder.build().map_err(|error| bad_url(&ProviderKind::OUTLOOK, &error))
}

/// For the command line.
pub fn tenant(name: &str) -> Result<Tenant, Infallible> {
    let named = [Tenant::Common, Tenant::Organizations, Tenant::Consumers];
    let named = named.into_iter().find(|tenant| tenant.as_str() == name);
    Ok(named.unwrap_or_else(|| Tenant::Id(name.to_owned())))
}
