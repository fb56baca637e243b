//! For tests, calsync's own and its users': a clock that stands still, faults, and the suite every provider has to pass.
//!
//! Behind the feature `test-util`, for dev-dependencies; outside the semver promise.

mod clock;
pub mod conformance;
mod faults;

pub use clock::TestClock;
pub use faults::{Fault, Faulty};
