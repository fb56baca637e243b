//! Transports for tests: one that follows a script, one that takes notes, one that fails.

pub mod answers;
mod faulty;
mod recording;
mod scripted;

pub use faulty::{FaultyTransport, HttpFault};
pub use recording::{Recorded, Recording};
pub use scripted::ScriptedTransport;
