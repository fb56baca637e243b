//! For tests, calsync's own and its users': a clock that stands still, faults, what tests begin with, and the suite every provider
//! has to pass; with the feature `http` also transports that follow a script, take notes or fail; with `tokens` also stories, in
//! which a whole company and its network go wrong.
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
pub use http::{FaultyTransport, HttpFault, Recorded, Recording, ScriptedTransport, answers};
