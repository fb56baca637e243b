//! What fake servers are made of: requests taken apart, answers, bad luck by script, a log, and an OAuth server's memory.
//!
//! The fakes of calsync's providers, such as calsync-google's `FakeGoogle`, share it; what is particular to a service (its routes,
//! its error bodies, its records, the shapes of its tokens) they have themselves. No provider uses anything of it, so that a fake
//! can judge its provider.
//!
//! | what | for |
//! | --- | --- |
//! | [`Incoming`], [`Params`] | a request, taken apart |
//! | [`Reply`] | an answer |
//! | [`Fault`], [`FaultRule`], [`Faults`] | what goes wrong, and with which requests |
//! | [`Serial`] | numbers, times and texts that nobody has seen yet |
//! | [`Log`], [`SeenRequest`] | which requests came in |
//! | [`oauth`] | clients, consents, codes and tokens |
//!
//! One exchange, for a service of one method:
//!
//! ```
//! use calsync_core::fake::{Fault, Faults, Incoming, Occasion, Reply};
//! use calsync_core::http::TransportErrorKind;
//! use http::StatusCode;
//!
//! let mut faults = Faults::default();
//! faults.push(Fault::DropAfter);
//! let request = http::Request::get("http://localhost/hello").body(Default::default())?;
//! let incoming = Incoming::of(&request);
//! let occasion = Occasion { method: "hello", incoming: &incoming, calendar: None, user: None };
//!
//! let fault = faults.strike(&occasion);
//! let result = match fault.as_ref().and_then(Fault::before) {
//!     Some(instead) => instead,
//!     None => {
//!         let answer = Reply::empty(StatusCode::NO_CONTENT);
//!         fault.map_or(Ok(answer.clone()), |fault| fault.spoil(answer))
//!     }
//! };
//! assert_eq!(result.unwrap_err(), TransportErrorKind::Interrupted);
//! # Ok::<(), http::Error>(())
//! ```
//!
//! Behind the feature `fake`, for fakes; outside the semver promise.

mod faults;
mod incoming;
mod log;
pub mod oauth;
mod params;
mod reply;
mod rules;
mod serial;

pub use faults::{Fault, pause};
pub use incoming::Incoming;
pub use log::{Log, SeenRequest};
pub use params::Params;
pub use reply::Reply;
pub use rules::{FaultRule, Faults, Occasion};
pub use serial::Serial;
