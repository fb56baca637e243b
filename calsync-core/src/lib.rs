#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod clock;
pub mod error;
pub mod event;
pub mod id;
pub mod identity;
pub mod ledger;
pub mod model;
pub mod names;
pub mod place;
pub mod provider;
pub mod secret;
pub mod time;

pub use error::{Error, ErrorKind, InputError, Retry};
pub use id::{AppointmentId, ConnectionId, CustomerId, OrderId, OrderItemId, ProfileId, ServiceId, StaffId};
pub use secret::Secret;
