//! Tokens, from the consent to a calendar's response, against a scripted server.
#![cfg(test)]

mod api;
mod connect;
mod disconnect;
mod failures;
mod fixture;
mod identity;
mod lease;
mod privacy;
mod refresh;
mod single_refresh;
