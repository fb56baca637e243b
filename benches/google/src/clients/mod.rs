//! Three ways to insert. Each has its own shape of an event, made of a booking before the clock runs, and gives back the
//! id that the answer names.

pub mod bare;
pub mod calsync;
pub mod google_calendar3;

use std::error::Error;

/// What a client says when something went wrong: the bench ends with it.
pub type Failure = Box<dyn Error + Send + Sync>;
