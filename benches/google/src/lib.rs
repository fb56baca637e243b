//! The same events, inserted by three clients into a server of another process. See `benches/README.md`.

pub mod booking;
pub mod clients;
pub mod cpu;
pub mod run;
pub mod server;
