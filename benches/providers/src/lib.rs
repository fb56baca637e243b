//! The same events, inserted by three clients of each provider into a server of another process.
//! See `benches/README.md`.

pub mod booking;
pub mod cpu;
pub mod given;
pub mod google;
pub mod outlook;
pub mod run;
pub mod server;
