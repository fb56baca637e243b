//! Converts between calsync's events and Graph's. Pure functions: no I/O, no clock.

#[cfg(test)]
mod fixtures;
mod read;
mod write;

use calsync_core::identity::TargetKey;

pub(crate) use read::{created, event, found, is_as_sent, is_made_under, key, marker, written};
pub(crate) use write::{Limits, to_create, to_update};

/// Our extended properties. The names must not change: a mailbox can hold a limited number of names
/// and never forgets one
/// (<https://learn.microsoft.com/graph/api/resources/extended-properties-overview>).
///
/// The target has its own property, since a filter compares whole values: it finds every event of
/// the target.
const TARGET: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncTarget";
const KEY: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncKey";
const NAMESPACE: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncNamespace";
const REVISION: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncRevision";
const APPOINTMENT: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncAppointment";
/// The person the event is for: `profile:` and the profile's id, or `guest`.
const PERSON: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncPerson";
const ROLE: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncRole";
/// The zone to show the event in. Times are written in UTC, since Exchange knows fewer zones, under
/// other names.
const ZONE: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncZone";
/// The reminder that calsync last set. The event's own reminder may be the person's by now.
const REMINDER: &str = "String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncReminder";

/// Prefix of a profile's id, to tell it from `guest`.
const PROFILE: &str = "profile:";
const GUEST: &str = "guest";

/// The longest value of a property, in UTF-16 code units. Graph documents no limit; this is
/// Exchange's usual one.
const MAX_PROPERTY: usize = 255;

/// The earliest reminder Outlook accepts, in minutes before the start: eight weeks.
const EARLIEST_REMINDER: u32 = 80_640;

const UTC: &str = "UTC";

/// `$expand` for all our properties.
pub(crate) fn expand_properties() -> String {
    expansion(&[TARGET, KEY, NAMESPACE, REVISION, APPOINTMENT, PERSON, ROLE, ZONE, REMINDER])
}

/// `$expand` for the properties of the marker.
pub(crate) fn expand_marker() -> String {
    expansion(&[KEY, NAMESPACE, REVISION, APPOINTMENT, PERSON, ROLE])
}

fn expansion(ids: &[&str]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("id eq '{id}'")).collect();
    format!("singleValueExtendedProperties($filter={})", ids.join(" or "))
}

/// `$filter` for the events of this target, in any namespace.
pub(crate) fn target_filter(target: &TargetKey) -> String {
    property_filter(TARGET, &target.to_string())
}

/// `$filter` for the events of this namespace. Exchange ignores case.
pub(crate) fn namespace_filter(namespace: &str) -> String {
    property_filter(NAMESPACE, namespace)
}

fn property_filter(id: &str, value: &str) -> String {
    // OData escapes a quote by doubling it.
    let value = value.replace('\'', "''");
    format!("singleValueExtendedProperties/any(ep:ep/id eq '{id}' and ep/value eq '{value}')")
}

/// Whether the text fits into a property. Exchange would cut a longer namespace, and its events
/// would not be recognised again.
pub(crate) fn fits_property(text: &str) -> bool {
    text.len() <= MAX_PROPERTY || text.encode_utf16().count() <= MAX_PROPERTY
}
