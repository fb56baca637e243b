//! Google Calendar. Three ways to insert: each has its own shape of an event, made of a booking
//! before the clock runs, and gives back the id that the answer names.

pub mod bare;
pub mod calsync;
pub mod google_calendar3;
pub mod server;

use crate::booking::Booking;

/// The path of the API.
pub const API: &str = "/calendar/v3";

/// The id that the answer to an insert names.
pub fn id(booking: &Booking) -> String {
    booking.key.to_string()
}
