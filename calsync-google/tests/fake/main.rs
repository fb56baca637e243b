//! The fake Google behaves as the real one is documented, or was seen, to behave.
#![cfg(test)]

mod calendars;
mod client;
mod events;
mod faults;
mod listing;
mod more;
mod oauth;
