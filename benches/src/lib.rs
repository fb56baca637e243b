//! The work that is measured, and the plainest code that does as much.

pub mod company;
pub mod event;
pub mod ics;
pub mod syncer;
