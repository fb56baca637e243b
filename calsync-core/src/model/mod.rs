//! The host's records, as the guide has them: plain data, serde both ways.

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

/// A column that is null reads like one that is not there.
fn null_is_default<'de, D: serde::Deserializer<'de>, T: serde::Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(<Option<T> as serde::Deserialize>::deserialize(deserializer)?.unwrap_or_default())
}
