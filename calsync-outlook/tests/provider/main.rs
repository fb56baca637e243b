//! What each call does at Graph: which requests go out, what stands there afterwards, and what becomes of what people did to our
//! events.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod bench;
mod calendars;
mod changes;
mod ids;
mod limits;
mod lost;
mod people;
mod refused;
mod spoilt;
mod times;
