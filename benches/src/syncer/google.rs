//! calsync-google with tokens that say whose they are.

use std::sync::Arc;

use async_trait::async_trait;
use calsync_core::Secret;
use calsync_core::auth::{AuthError, Grant, Tokens};
use calsync_core::calendar::ConnectionKey;
use calsync_core::clock::Clock;
use calsync_core::http::HttpTransport;
use calsync_core::provider::CalendarProvider;
use calsync_google::GoogleCalendar;

/// The path of the API.
pub const API: &str = "/calendar/v3";

/// The provider, over that transport.
pub fn google(base: &str, transport: impl HttpTransport, clock: impl Clock) -> Arc<dyn CalendarProvider> {
    let google = GoogleCalendar::builder()
        .api_url(format!("{base}{API}"))
        .transport(transport)
        .grant(OwnName)
        .clock(clock)
        .build();
    Arc::new(google.expect("a provider"))
}

/// Gives everybody a token that is their name.
#[derive(Debug)]
struct OwnName;

#[async_trait]
impl Grant for OwnName {
    async fn obtain(&self, key: &ConnectionKey, _: Option<&Tokens>) -> Result<Tokens, AuthError> {
        Ok(Tokens::new(Secret::new(format!("{}", key.person))))
    }
}
