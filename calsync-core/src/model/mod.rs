//! The host's records, with the guide's columns: plain data that serialises and deserialises.

mod appointment;
mod directory;
mod load;
mod order;
mod people;
mod profile;
mod stated;
mod status;

pub use appointment::Appointment;
pub use directory::Directory;
pub use load::{Loaded, Record, load_each};
pub use order::{Address, Order, OrderItem, Service};
pub use people::{Customer, ManagerRef, Staff};
pub use profile::{Connection, Credentials, Profile, StatedConnections, SyncDirection, SyncSettings};
pub use stated::{Column, Stated};
pub use status::{AppointmentStatus, AppointmentType, OrderStatus};

/// Reads a null column as the default, like a missing one.
fn null_is_default<'de, D: serde::Deserializer<'de>, T: serde::Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(<Option<T> as serde::Deserialize>::deserialize(deserializer)?.unwrap_or_default())
}
