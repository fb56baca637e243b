//! The fake behaves as Google's documentation says, or as Google was observed to behave.
#![cfg(test)]

mod batch_push_limits;
mod calendars;
mod client;
mod events;
mod faults;
mod listing;
mod oauth;
