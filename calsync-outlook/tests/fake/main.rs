//! The fake Outlook behaves as the real one is documented, or was seen, to behave.
#![cfg(test)]

mod client;
mod events;
