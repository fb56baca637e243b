//! Carrying plans out: the only asynchronous step, and the only one that touches the world.

mod carry_out;
mod limits;
mod run;
mod service;
mod syncer;

pub use run::Run;
pub use service::ServiceError;
pub use syncer::{Syncer, SyncerBuilder};
