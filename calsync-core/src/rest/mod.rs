//! Shared code of providers with a JSON API over HTTP: builds requests, sends them on behalf of a
//! person, classifies and reads the responses.
//!
//! A provider's crate contains its paths, its JSON, and the meaning of each of the server's error
//! codes.

mod client;
mod request;
mod response;
mod setup;

pub use client::{ErrorMapper, RestClient};
pub use request::{RequestError, request, with_if_match};
pub use response::{code_of, common_class, failure, valid_etag};
pub use setup::{BuildError, Setup, endpoint};
