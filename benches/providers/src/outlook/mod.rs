//! Outlook, which is Microsoft Graph. Three ways to insert: each has its own shape of an event,
//! made of a booking before the clock runs, and gives back the id that the answer names.

pub mod bare;
pub mod calsync;
pub mod graph_rs_sdk;
pub mod server;

use crate::booking::Booking;

/// The path of the API.
pub const API: &str = "/v1.0";
/// What every request prefers, as calsync does: ids that last, times in UTC, bodies as text.
pub const PREFER: &str = r#"IdType="ImmutableId", outlook.timezone="UTC", outlook.body-content-type="text""#;

/// The id that the answer to an insert names.
pub fn id(booking: &Booking) -> String {
    server::id(&booking.key.to_string())
}
