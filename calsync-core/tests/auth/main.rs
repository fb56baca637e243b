//! From a consent to a calendar's answer: the whole way of a token, against a scripted server.
#![cfg(test)]

mod api;
mod connect;
mod disconnect;
mod identity;
mod lease;
mod one_at_a_time;
mod privacy;
mod refresh;
mod trouble;
mod world;
