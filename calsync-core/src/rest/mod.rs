//! What providers share whose calendar speaks JSON over HTTP: requests, sent in a person's name, and answers, judged and read.
//!
//! A provider's crate knows its paths, its JSON, and what each of the server's codes means; the rest is here.

mod answer;
mod client;
mod request;
mod setup;

pub use answer::{code_of, common_class, failure, sendable};
pub use client::{Judge, RestClient};
pub use request::{BadRequest, request, with_if_match};
pub use setup::{BuildError, Setup, endpoint};
