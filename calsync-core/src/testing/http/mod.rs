//! Transports for tests: one follows a script, one records requests, one fails.

mod faulty;
mod recording;
pub mod responses;
mod scripted;

pub use faulty::{FaultyTransport, HttpFault};
pub use recording::{Recorded, Recording};
pub use scripted::ScriptedTransport;
