//! Calendars come and go: other accounts, disconnecting, moving, filling a new one, and too many deletions.
#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod accounts;
mod backfill;
mod brake;
mod desk;
mod disconnect;
mod moving;
