//! For tests, calsync's own and its users': a clock that stands still, faults, and the suite every provider has to pass;
//! with the feature `http` also transports that follow a script, take notes or fail.
//!
//! Behind the feature `test-util`, for dev-dependencies; outside the semver promise.

mod clock;
pub mod conformance;
mod faults;
#[cfg(feature = "http")]
mod http;
mod random;

pub use clock::TestClock;
pub use faults::{Fault, Faulty};
#[cfg(feature = "http")]
pub use http::{FaultyTransport, HttpFault, Recorded, Recording, ScriptedTransport, answers};
