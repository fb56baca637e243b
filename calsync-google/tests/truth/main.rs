//! What the provider says of the world is true: gateways that answer for Google, looks, events that a person moved, names of one
//! calendar, zones that Google does not know.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod gateways;
mod looks;
mod moved;
mod primary;
mod zones;
