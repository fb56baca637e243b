//! What the ledger says when the world lies: stray statuses, wrong clocks, other accounts, lost and restored ledgers.
#![cfg(feature = "sync")]

mod accounts;
mod bad_ledgers;
mod deadlines;
mod holds;
mod looks;
mod recovery;
mod shop;
