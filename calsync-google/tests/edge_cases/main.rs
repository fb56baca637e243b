//! Edge cases: responses of gateways, outdated listings, events that a person moved, two names of
//! one calendar, time zones that Google does not know.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod find;
mod gateways;
mod moved;
mod primary;
mod zones;
