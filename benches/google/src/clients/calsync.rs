//! calsync: `GoogleCalendar` over `ReqwestTransport`.

use std::sync::Arc;

use calsync_core::Secret;
use calsync_core::auth::{GrantKey, MemoryTokenStore, TokenStore, Tokens};
use calsync_core::event::{Event, When};
use calsync_core::http::ReqwestTransport;
use calsync_core::place::Place;
use calsync_core::provider::{CalendarProvider, CreateOptions, Draft, Marker};
use calsync_core::time::Zone;
use calsync_google::GoogleCalendar;

use super::Failure;
use crate::booking::{Booking, NAMESPACE, TOKEN, ZONE, place};

/// The provider, and the one place there is.
#[derive(Debug)]
pub struct Calsync {
    google: GoogleCalendar,
    place: Place,
}

impl Calsync {
    pub async fn new(base: &str) -> Result<Self, Failure> {
        let (store, place) = (MemoryTokenStore::new(), place());
        store.save(&GrantKey::of(&place), &Tokens::new(Secret::new(TOKEN)), None).await?;
        let google = GoogleCalendar::builder()
            .public_client("bench")
            .api_url(format!("{base}/calendar/v3"))
            .token_url(format!("{base}/token"))
            .transport(ReqwestTransport::builder().without_tls().build()?)
            .token_store(store)
            .build()?;
        Ok(Self { google, place })
    }

    pub async fn insert(self: Arc<Self>, draft: Draft) -> Result<String, Failure> {
        let written = self.google.create(&self.place, &draft, &CreateOptions::new()).await?;
        Ok(written.remote_id.to_string())
    }
}

pub fn draft(booking: &Booking) -> Draft {
    let zone = Zone::new(ZONE).expect("a zone");
    let event =
        Event::new(booking.title.as_str(), When::Timed { start: booking.start, end: booking.end, zone })
            .with_description(booking.description.as_str())
            .with_location(booking.location.as_str());
    Draft::new(Marker::new(NAMESPACE, booking.key, 1), event, booking.start)
}
