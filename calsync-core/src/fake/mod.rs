//! Building blocks of fake servers: requests, replies, scripted faults, a log, and the state of an
//! OAuth server.
//!
//! The fakes of calsync's providers, such as calsync-google's `FakeGoogle`, share this module. What
//! is specific to a service (its routes, its error bodies, its records, the format of its tokens)
//! is in each fake. No provider uses this module, so that a fake tests its provider independently.
//!
//! | what | for |
//! | --- | --- |
//! | [`Incoming`], [`Params`] | the parts of a request |
//! | [`Reply`] | a response |
//! | [`Fault`], [`FaultRule`], [`Faults`] | faults, and the requests they apply to |
//! | [`Serial`] | numbers, times and texts that are unique and repeatable |
//! | [`Log`], [`SeenRequest`] | the received requests |
//! | [`oauth`] | clients, consents, codes and tokens |
//!
//! One request and its response, for a service with one method:
//!
//! ```
//! use calsync_core::fake::{Fault, Faults, Incoming, RequestContext, Reply};
//! use calsync_core::http::TransportErrorKind;
//! use http::StatusCode;
//!
//! let mut faults = Faults::default();
//! faults.push(Fault::DropAfter);
//! let request = http::Request::get("http://localhost/hello").body(Default::default())?;
//! let incoming = Incoming::of(&request);
//! let occasion = RequestContext { method: "hello", incoming: &incoming, calendar: None, user: None };
//!
//! let fault = faults.strike(&occasion);
//! let result = match fault.as_ref().and_then(Fault::before) {
//!     Some(instead) => instead,
//!     None => {
//!         let reply = Reply::empty(StatusCode::NO_CONTENT);
//!         fault.map_or(Ok(reply.clone()), |fault| fault.spoil(reply))
//!     }
//! };
//! assert_eq!(result.unwrap_err(), TransportErrorKind::Interrupted);
//! # Ok::<(), http::Error>(())
//! ```
//!
//! Needs the feature `fake`. Only for fakes: this module may change in any release.

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
pub use rules::{FaultRule, Faults, RequestContext};
pub use serial::Serial;
