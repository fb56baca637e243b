//! Running plans: the only part that makes calls, and the only asynchronous one.
//!
//! A [`Run`] works on a limited number of steps at a time ([`SyncerBuilder::look_ahead`]). Each
//! step waits for its account: for room among the calls under way, for the requests of the minute,
//! for the end of a pause. Only a call under way counts against the run's limit
//! ([`SyncerBuilder::concurrency`]), so a waiting step does not block others. The [`Quota`] sets
//! the limits of an account; the [`RetryPolicy`] decides what happens after a failed call.

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
