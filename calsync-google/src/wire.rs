//! Google's JSON: only the fields that calsync uses.
//!
//! Resources of the Calendar API v3
//! (<https://developers.google.com/workspace/calendar/api/v3/reference/events>).

use std::collections::BTreeMap;

use calsync_core::names::AccountId;
use serde::{Deserialize, Serialize, Serializer};

use crate::marker::Properties;

/// `fields` of requests that read or update an event's content. calsync does not use other fields.
pub(crate) const EVENT_FIELDS: &str =
    "id,etag,status,summary,description,location,start,end,visibility,reminders,extendedProperties/private";

/// `fields` of requests that need only an event's identity.
pub(crate) const IDENTITY_FIELDS: &str = "id,etag,status,extendedProperties/private";

/// `fields` of an insert: the content is known already.
pub(crate) const INSERTED_FIELDS: &str = "id,etag";

/// Response to `events.insert`.
#[derive(Debug, Deserialize)]
pub(crate) struct InsertedResource {
    #[serde(default)]
    pub(crate) id: Option<String>,
    #[serde(default)]
    pub(crate) etag: Option<String>,
}

/// An event in Google's responses. Any field may be missing.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct EventResource {
    pub(crate) id: Option<String>,
    pub(crate) etag: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) start: Option<EventDateTime>,
    pub(crate) end: Option<EventDateTime>,
    pub(crate) visibility: Option<String>,
    pub(crate) reminders: Option<RemindersResource>,
    pub(crate) extended_properties: Option<ExtendedProperties>,
    /// Account of the token in the request, if known. Not part of the JSON.
    #[serde(skip)]
    pub(crate) account: Option<AccountId>,
}

/// The `kind` of a page of `events.list`.
#[derive(Debug, Deserialize)]
enum EventsKind {
    #[serde(rename = "calendar#events")]
    Events,
}

/// The `kind` of a page of `calendarList.list`.
#[derive(Debug, Deserialize)]
enum CalendarListKind {
    #[serde(rename = "calendar#calendarList")]
    CalendarList,
}

/// A page of `events.list`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventsPage {
    #[expect(dead_code, reason = "another JSON object must not pass for an empty page")]
    kind: EventsKind,
    #[serde(default)]
    pub(crate) items: Vec<EventResource>,
    #[serde(default)]
    pub(crate) next_page_token: Option<String>,
}

/// Start or end of an event in a response: `date` or `dateTime`, never both.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct EventDateTime {
    pub(crate) date: Option<String>,
    pub(crate) date_time: Option<String>,
    pub(crate) time_zone: Option<String>,
}

/// The reminders of an event for the account of the token.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RemindersResource {
    pub(crate) use_default: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) overrides: Option<Vec<ReminderOverride>>,
}

/// One reminder: its method (`popup` or `email`), and minutes before the start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ReminderOverride {
    pub(crate) method: String,
    pub(crate) minutes: u32,
}

/// An event's extended properties; only the private ones.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct ExtendedProperties {
    pub(crate) private: BTreeMap<String, String>,
}

/// Body of an insert or a patch. In a PATCH a missing field stays unchanged, and `null` clears a
/// field.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    pub(crate) status: &'static str,
    pub(crate) summary: &'a str,
    pub(crate) description: std::borrow::Cow<'a, str>,
    pub(crate) location: &'a str,
    pub(crate) start: Moment<'a>,
    pub(crate) end: Moment<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) visibility: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reminders: Option<RemindersResource>,
    pub(crate) extended_properties: PrivateProperties<'a>,
}

/// Body of a PATCH of the reminders only.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RemindersBody<'a> {
    pub(crate) reminders: RemindersResource,
    pub(crate) extended_properties: PrivateProperties<'a>,
}

/// The private extended properties in a request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct PrivateProperties<'a> {
    #[serde(serialize_with = "as_object")]
    pub(crate) private: Properties<'a>,
}

fn as_object<S: Serializer, V: Serialize>(
    entries: &[(&'static str, V)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(entries.iter().map(|(name, value)| (name, value)))
}

/// Start or end of an event in a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moment<'a> {
    pub(crate) time: Time<'a>,
    /// Whether the other form (`date` or `dateTime`) is cleared. Without it a PATCH from one form
    /// to the other leaves both, which Google refuses.
    pub(crate) clears: bool,
}

/// A date or an instant.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Time<'a> {
    /// A date, for all-day events.
    Day(chrono::NaiveDate),
    /// An instant as RFC 3339 with its offset, and the IANA zone that Google shows it in. `None`:
    /// the calendar's zone.
    At(String, Option<&'a str>),
}

impl Serialize for Moment<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        let unused: &[&str] = match &self.time {
            Time::Day(date) => {
                map.serialize_entry("date", date)?;
                &["dateTime", "timeZone"]
            }
            Time::At(time, zone) => {
                map.serialize_entry("dateTime", time)?;
                match zone {
                    Some(zone) => {
                        map.serialize_entry("timeZone", zone)?;
                        &["date"]
                    }
                    None => &["date", "timeZone"],
                }
            }
        };
        for name in unused.iter().filter(|_| self.clears) {
            map.serialize_entry(name, &())?;
        }
        map.end()
    }
}

/// A page of `calendarList.list`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CalendarListPage {
    #[expect(dead_code, reason = "another JSON object must not pass for an empty page")]
    kind: CalendarListKind,
    #[serde(default)]
    pub(crate) items: Vec<CalendarListEntry>,
    #[serde(default)]
    pub(crate) next_page_token: Option<String>,
}

/// A calendar in an account's calendar list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CalendarListEntry {
    pub(crate) id: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) summary_override: Option<String>,
    pub(crate) time_zone: Option<String>,
    pub(crate) access_role: Option<String>,
    #[serde(default)]
    pub(crate) primary: bool,
    #[serde(default)]
    pub(crate) deleted: bool,
}

/// Body of `calendars.insert`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CalendarBody<'a> {
    pub(crate) summary: &'a str,
    pub(crate) time_zone: &'a str,
}

/// Response to `calendars.insert`.
#[derive(Debug, Deserialize)]
pub(crate) struct CalendarResource {
    pub(crate) id: Option<String>,
}
