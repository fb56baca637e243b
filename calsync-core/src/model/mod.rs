//! The host's records, as the guide has them: plain data, serde both ways.

mod appointment;
mod directory;
mod order;
mod people;
mod profile;
mod status;

pub use appointment::Appointment;
pub use directory::Directory;
pub use order::{Address, Order, OrderItem, Service};
pub use people::{Customer, Staff};
pub use profile::{Connection, Credentials, Profile, SyncDirection, SyncSettings};
pub use status::{AppointmentStatus, AppointmentType, OrderStatus};
