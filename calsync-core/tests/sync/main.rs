//! Pacing, retries and back-offs of the syncer, in virtual time, against a server that counts
//! calls, refuses them and loses responses.
#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod fairness;
mod health;
mod lost_responses;
mod metrics;
mod pacing;
mod retries;
mod server;
mod waits;
