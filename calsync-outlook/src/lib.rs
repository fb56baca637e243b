#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod builder;
mod client;
mod cloud;
#[cfg(feature = "oauth")]
mod consent;
mod convert;
mod error;
#[cfg(feature = "fake")]
pub mod fake;
mod meeting;
mod moved;
mod outlook;
mod provider;
mod request;
mod scope;
mod wire;
pub mod zones;

pub use builder::OutlookCalendarBuilder;
pub use calsync_core::rest::BuildError;
pub use cloud::{Cloud, Tenant};
pub use outlook::OutlookCalendar;
pub use scope::Scope;
