//! What each call does at Graph: which requests it sends, what it leaves there, and how it treats
//! the people's own changes.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod bad_responses;
mod calendars;
mod changes;
mod helpers;
mod ids;
mod limits;
mod refused;
mod times;
mod unknown_outcome;
mod user_changes;
