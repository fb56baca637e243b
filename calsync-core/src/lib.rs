#![doc = include_str!("../README.md")]
//!
//! # Guide
//!
//! The [guide] has a chapter for each task of a host:
//!
//! - to begin: [the words](guide::concepts), [the first event](guide::first_event);
//! - to build: [storing](guide::storing), [connecting](guide::connecting),
//!   [workers](guide::workers), [notices](guide::notices), [errors](guide::errors),
//!   [testing](guide::testing), [zones](guide::zones), [tenants](guide::tenants),
//!   [providers](guide::providers);
//! - to decide and to go live: [security](guide::security), [going live](guide::going_live),
//!   [costs](guide::costs), [comparison](guide::comparison).
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
// Documentation only. Its snippets use every feature that a host uses, so its tests need those
// features.
#[cfg(all(
    doc,
    any(
        not(doctest),
        all(feature = "mock", feature = "oauth", feature = "sync", feature = "test-util", feature = "vault")
    )
))]
pub mod guide;
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
