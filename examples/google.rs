//! Google Calendar, as this host uses it.

use std::error::Error;
use std::sync::Arc;

use calsync_core::auth::MemoryTokenStore;
use calsync_core::clock::Clock;
use calsync_core::fake::oauth::FakeTokens;
use calsync_core::provider::CalendarProvider;
use calsync_core::{ProviderKind, Secret};
use calsync_google::fake::FakeGoogle;
use calsync_google::{GoogleCalendar, GoogleCalendarBuilder};
use clap::Args;
use serde_json::Value;

use crate::files::BadInput;
use crate::remote::{Fake, Service, bad_url, secret, transport};
use crate::tokens::TokenFile;

/// The server of Google's own.
pub const REAL: &str = "https://www.googleapis.com";

/// Where Google answers, and who calls.
#[derive(Debug, Args)]
pub struct GoogleServer {
    /// Ask this server, such as https://www.googleapis.com; its API is at ROOT/calendar/v3. Without
    /// it Google is faked in this process.
    #[arg(long, value_name = "ROOT")]
    google_url: Option<String>,
    /// Where tokens are refreshed. Google's own for Google's own API, ROOT/token elsewhere.
    #[arg(long, value_name = "URL", requires = "google_url")]
    google_token_url: Option<String>,
    /// The id of your OAuth client; its secret, if it has one, is read from the environment:
    /// GOOGLE_CLIENT_SECRET.
    #[arg(long, value_name = "ID", requires = "google_url")]
    google_client: Option<String>,
}

impl Service for GoogleServer {
    fn kind(&self) -> ProviderKind {
        ProviderKind::GOOGLE
    }

    fn name(&self) -> &'static str {
        "Google"
    }

    fn root(&self) -> Option<&str> {
        self.google_url.as_deref()
    }

    fn at_server(&self, root: &str, tokens: TokenFile) -> Result<Arc<dyn CalendarProvider>, BadInput> {
        let root = root.trim_end_matches('/');
        let token_url = match &self.google_token_url {
            Some(url) => url.clone(),
            None if root == REAL => "https://oauth2.googleapis.com/token".to_owned(),
            None => format!("{root}/token"),
        };
        let transport = transport(&ProviderKind::GOOGLE, &[root, &token_url])?;
        // A server that wants to know the client says so when the first token has run out.
        let builder = GoogleCalendar::builder().api_url(format!("{root}/calendar/v3")).token_url(token_url);
        let builder = with_client(builder, self.google_client.as_deref().unwrap_or("quickstart"));
        Ok(Arc::new(build(builder.transport(transport).token_store(tokens))?))
    }

    fn fake(&self, clock: Arc<dyn Clock>) -> Box<dyn Fake> {
        Box::new(InProcess(FakeGoogle::new().with_clock(clock.clone()), clock))
    }
}

/// The fake, and the clock it runs by.
struct InProcess(FakeGoogle, Arc<dyn Clock>);

impl Fake for InProcess {
    fn provider(&self, tokens: MemoryTokenStore) -> Result<Arc<dyn CalendarProvider>, BadInput> {
        let builder = GoogleCalendar::builder()
            .client(FakeGoogle::CLIENT_ID, Secret::new(FakeGoogle::CLIENT_SECRET))
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
        self.0.tokens(account, &["calendar.events"])
    }
}

/// The host's OAuth client.
pub fn with_client(builder: GoogleCalendarBuilder, id: &str) -> GoogleCalendarBuilder {
    match secret("GOOGLE_CLIENT_SECRET") {
        Some(secret) => builder.client(id, secret),
        None => builder.public_client(id),
    }
}

pub fn build(builder: GoogleCalendarBuilder) -> Result<GoogleCalendar, BadInput> {
    builder.build().map_err(|error| bad_url(&ProviderKind::GOOGLE, &error))
}
