//! Changing calendars: other accounts, disconnecting, moving, backfilling a new one, and too many
//! removals.
#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod accounts;
mod backfill;
mod brake;
mod disconnect;
mod fixture;
mod moving;
