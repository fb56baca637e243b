//! Tools for calsync's own tests and for tests of its users: a clock that is set by the test,
//! faults, fixtures, and the conformance suite for providers. With the feature `http` also
//! transports that follow a script, record requests or fail; with `tokens` also stories, which run
//! a whole company over a failing network.
//!
//! Behind the feature `test-util`, for dev-dependencies; outside the semver promise.

pub mod canaries;
mod clock;
pub mod conformance;
mod faults;
pub mod fixtures;
#[cfg(feature = "http")]
mod http;
mod random;
#[cfg(feature = "tokens")]
pub mod story;

pub use clock::TestClock;
pub use faults::{Fault, Faulty};
#[cfg(feature = "http")]
pub use http::{FaultyTransport, HttpFault, Recorded, Recording, ScriptedTransport, responses};
