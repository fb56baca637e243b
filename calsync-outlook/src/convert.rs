//! Converts between calsync's events and Graph's. Pure functions: no I/O, no clock.

#[cfg(test)]
mod fixtures;
mod read;
mod write;

use calsync_core::identity::TargetKey;

pub(crate) use read::{created, event, found, is_made_under, key, marker, says, written};
pub(crate) use write::{Limits, to_create, to_update};

/// Our properties, one name each for good: a mailbox has room for so many names, and never forgets one
/// (<https://learn.microsoft.com/graph/api/resources/extended-properties-overview>).
///
/// The target is a property of its own, since a filter compares whole values: it finds every event of the target.
const TARGET: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncTarget";
const KEY: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncKey";
const NAMESPACE: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncNamespace";
const REVISION: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncRevision";
const APPOINTMENT: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncAppointment";
/// The person the event is for: `profile:` and the profile's id, or `guest`.
const PERSON: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncPerson";
/// The zone to show the event in, since times are written in UTC: Exchange knows fewer zones, by other names.
const ZONE: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncZone";
/// The reminder as calsync last set it; what the event has may since be the person's own.
const REMINDER: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncReminder";

/// How the id of a profile is told from `guest`.
const PROFILE: &str = "profile:";
const GUEST: &str = "guest";

/// The longest text of a property, in UTF-16 code units. Graph states no limit; this is the usual one of Exchange.
const LONGEST_PROPERTY: usize = 255;

/// The earliest reminder Outlook takes, in minutes before the start: eight weeks.
const EARLIEST_REMINDER: u32 = 80_640;

const UTC: &str = "UTC";

/// An expansion that shows our properties.
pub(crate) fn properties() -> String {
    expansion(&[TARGET, KEY, NAMESPACE, REVISION, APPOINTMENT, PERSON, ZONE, REMINDER])
}

/// An expansion that shows the marker.
pub(crate) fn marker_properties() -> String {
    expansion(&[KEY, NAMESPACE, REVISION, APPOINTMENT, PERSON])
}

fn expansion(ids: &[&str]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("id eq '{id}'")).collect();
    format!("singleValueExtendedProperties($filter={})", ids.join(" or "))
}

/// A filter for the events of this target, of any namespace.
pub(crate) fn of_target(target: &TargetKey) -> String {
    with_property(TARGET, &target.to_string())
}

/// A filter for the events of this namespace. Exchange does not mind the case of its letters.
pub(crate) fn of_namespace(namespace: &str) -> String {
    with_property(NAMESPACE, namespace)
}

fn with_property(id: &str, value: &str) -> String {
    // A quote in a text of OData is doubled.
    let value = value.replace('\'', "''");
    format!("singleValueExtendedProperties/any(ep:ep/id eq '{id}' and ep/value eq '{value}')")
}

/// Whether a property holds the whole text. A namespace that was cut would leave events that are not recognised again.
pub(crate) fn fits_property(text: &str) -> bool {
    text.len() <= LONGEST_PROPERTY || text.encode_utf16().count() <= LONGEST_PROPERTY
}
