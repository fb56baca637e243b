//! Carrying plans out: the only asynchronous step, and the only one that touches the world.
//!
//! A [`Run`] keeps so many steps in view ([`SyncerBuilder::look_ahead`]). Each waits for its account: for room among the
//! calls under way, for its requests a minute, for the end of a pause. Only a call that is under way takes one of the run's
//! places ([`SyncerBuilder::concurrency`]), so whoever waits holds nobody up. What an account may do says its [`Quota`]; what
//! becomes of a call that failed says the [`RetryPolicy`].

mod attempt;
mod caller;
mod engine;
mod gate;
mod listing;
mod metrics;
mod quota;
mod random;
mod retry;
mod run;
mod runner;
mod service;
mod syncer;
mod window;

pub use metrics::{Measured, Measurement, Meter, Throttle};
pub use quota::{AccountKey, DeclaredQuotas, Quota, Quotas};
pub use random::{Random, SeededRandom};
pub use retry::RetryPolicy;
pub use run::Run;
pub use service::ServiceError;
pub use syncer::{Syncer, SyncerBuilder};
