//! Transports for tests: one follows a script, one records requests, one fails.

pub mod answers;
mod faulty;
mod recording;
mod scripted;

pub use faulty::{FaultyTransport, HttpFault};
pub use recording::{Recorded, Recording};
pub use scripted::ScriptedTransport;
