//! calsync: `GoogleCalendar` over `ReqwestTransport`.

use std::sync::Arc;

use calsync_core::ProviderKind;
use calsync_core::http::ReqwestTransport;
use calsync_core::calendar::CalendarRef;
use calsync_core::provider::{CalendarProvider, CreateOptions, Draft};
use calsync_google::GoogleCalendar;

use super::API;
use crate::booking::place;
use crate::given::token_store;
use crate::run::Failure;

/// The provider, and the one place there is.
#[derive(Debug)]
pub struct Calsync {
    google: GoogleCalendar,
    place: CalendarRef,
}

impl Calsync {
    pub async fn new(base: &str) -> Result<Self, Failure> {
        let place = place(ProviderKind::GOOGLE);
        let google = GoogleCalendar::builder()
            .public_client("bench")
            .api_url(format!("{base}{API}"))
            .transport(ReqwestTransport::builder().without_tls().build()?)
            .token_store(token_store(&place).await?)
            .build()?;
        Ok(Self { google, place })
    }

    pub async fn insert(self: Arc<Self>, draft: Draft) -> Result<String, Failure> {
        let written = self.google.create(&self.place, &draft, &CreateOptions::new()).await?;
        Ok(written.remote_id.to_string())
    }
}
