//! The syncer's pace and patience, in virtual time: against a server that counts, refuses and loses answers.
#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod fairness;
mod health;
mod lost_answers;
mod metrics;
mod pacing;
mod retries;
mod server;
mod waits;
