#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod builder;
mod client;
#[cfg(feature = "oauth")]
mod consent;
mod convert;
mod error;
#[cfg(feature = "fake")]
pub mod fake;
mod google;
mod marker;
mod moved;
mod provider;
mod request;
mod scope;
mod wire;
mod zones;

pub use builder::GoogleCalendarBuilder;
pub use calsync_core::rest::BuildError;
pub use google::GoogleCalendar;
pub use scope::Scope;
