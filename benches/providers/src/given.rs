//! What calsync's providers are given, whichever it is.

use calsync_core::Secret;
use calsync_core::auth::{MemoryTokenStore, TokenStore, Tokens};
use calsync_core::event::{Event, When};
use calsync_core::calendar::CalendarRef;
use calsync_core::provider::{Draft, Marker};
use calsync_core::time::Zone;

use crate::booking::{Booking, NAMESPACE, TOKEN, ZONE};
use crate::run::Failure;

/// A store that holds the token of the one who owns the place.
pub async fn token_store(place: &CalendarRef) -> Result<MemoryTokenStore, Failure> {
    let store = MemoryTokenStore::new();
    store.save(&place.connection_key(), &Tokens::new(Secret::new(TOKEN)), None).await?;
    Ok(store)
}

pub fn draft(booking: &Booking) -> Draft {
    let zone = Zone::new(ZONE).expect("a zone");
    let event =
        Event::new(booking.title.as_str(), When::Timed { start: booking.start, end: booking.end, zone })
            .with_description(booking.description.as_str())
            .with_location(booking.location.as_str());
    Draft::new(Marker::new(NAMESPACE, booking.key, 1), event, booking.start)
}
