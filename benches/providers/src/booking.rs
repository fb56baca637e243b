//! What is put into the calendar, as a host has it, before any client's own shape of it.

use calsync_core::ProviderKind;
use calsync_core::identity::{EventKey, Generation, TargetKey};
use calsync_core::names::CalendarId;
use calsync_core::calendar::{Person, CalendarRef};
use chrono::{DateTime, TimeDelta, Utc};

/// The namespace in every event's marker.
pub const NAMESPACE: &str = "bench";
/// The zone of every event. In winter, so that a time with its own offset and one in UTC are the
/// same text.
pub const ZONE: &str = "Europe/London";
/// Everybody's calendar.
pub const CALENDAR: &str = "primary";
/// The access token. Nobody looks at it.
pub const TOKEN: &str = "ya29.a0AfB_byC-0123456789abcdefghijklmnopqrstuvwxyz-0123456789abcdefghijklmnopqrstuvwxyz-\
0123456789abcdefghijklmnopqrstuvwxyz-0123456789abcdefghijklmnopqrstuvwxyz-0123456789";

/// An event to insert.
#[derive(Debug, Clone)]
pub struct Booking {
    pub key: EventKey,
    pub title: String,
    pub description: String,
    pub location: String,
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
}

/// Where all of them go.
pub fn place(kind: ProviderKind) -> CalendarRef {
    CalendarRef::new(Person::Profile(7.into()), kind, 1.into(), CalendarId::primary())
}

/// So many different ones.
pub fn bookings(number: usize) -> Vec<Booking> {
    // Keys do not depend on the kind.
    let place = place(ProviderKind::GOOGLE);
    let first: DateTime<Utc> = "2026-11-30T09:00:00Z".parse().expect("a time");
    (0..number)
        .map(|n| {
            let start = first + TimeDelta::minutes(15 * (n % 4_000) as i64);
            Booking {
                key: TargetKey::derive(NAMESPACE, &(n as i64).into(), &place).event(Generation::FIRST),
                title: format!("🧹 Deep clean - Anna Kowalska #{n}"),
                description: format!(
                    "Order: ORD-{n:06}\nService: Deep clean\nCustomer: Anna Kowalska\nPhone: +44 7700 900{:03}\n\
                     Address: {} High Street, Leeds, LS1 1AA\nDuration: 90 minutes\nStatus: confirmed\n\
                     Special instructions: the key is with the neighbour at number {}",
                    n % 1_000,
                    n % 97 + 1,
                    n % 97 + 3,
                ),
                location: format!("{} High Street, Leeds, LS1 1AA", n % 97 + 1),
                start,
                end: start + TimeDelta::minutes(90),
            }
        })
        .collect()
}
