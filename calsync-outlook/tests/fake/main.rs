//! The fake Outlook behaves as the real one is documented, or was seen, to behave.
#![cfg(test)]

mod access;
mod batch;
mod bodies;
mod calendars;
mod client;
mod delta;
mod events;
mod faults;
mod ids;
mod limits;
mod listing;
mod oauth;
mod properties;
mod subscriptions;
mod transactions;
mod users_log_snapshots;
