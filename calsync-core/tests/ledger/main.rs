//! The ledger under misleading conditions: stray failures, wrong clocks, other accounts, lost and
//! restored ledgers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![cfg(feature = "sync")]

mod accounts;
mod bad_ledgers;
mod costs;
mod deadlines;
mod holds;
mod looks;
mod recovery;
mod shop;
