//! From a consent to a calendar's answer: the whole way of a token, against a scripted server.
#![cfg(test)]

mod api;
mod connect;
mod flight;
mod privacy;
mod refresh;
mod trouble;
mod world;
