#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod audience;
#[cfg(any(feature = "tokens", feature = "vault"))]
pub mod auth;
pub mod calendar;
pub mod clock;
pub mod confirm;
mod deadline;
pub mod error;
pub mod event;
#[cfg(feature = "fake")]
pub mod fake;
pub mod health;
#[cfg(feature = "http")]
pub mod http;
pub mod id;
pub mod identity;
pub mod ledger;
pub mod memory;
pub mod model;
pub mod names;
pub mod plan;
pub mod provider;
pub mod report;
#[cfg(feature = "tokens")]
pub mod rest;
pub mod secret;
#[cfg(feature = "sync")]
pub mod sync;
#[cfg(feature = "test-util")]
pub mod testing;
pub mod time;
#[cfg(any(feature = "fake", feature = "test-util"))]
mod turns;

pub use error::{Error, ErrorKind, InputError, Retry};
pub use id::{AppointmentId, ConnectionId, CustomerId, OrderId, OrderItemId, ProfileId, ServiceId, StaffId};
pub use names::ProviderKind;
pub use secret::Secret;
