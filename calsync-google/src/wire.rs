//! Google's JSON: the fields in use, and no others.
//!
//! Resources of the Calendar API v3 (<https://developers.google.com/workspace/calendar/api/v3/reference/events>).

use std::collections::BTreeMap;

use calsync_core::names::AccountId;
use serde::{Deserialize, Serialize, Serializer};

use crate::marker::Properties;

/// What is asked for of an event that is read or written over; the rest of it is not ours.
pub(crate) const EVENT_FIELDS: &str =
    "id,etag,status,summary,description,location,start,end,visibility,reminders,extendedProperties/private";

/// What is asked for of an event where only its identity matters.
pub(crate) const IDENTITY_FIELDS: &str = "id,etag,status,extendedProperties/private";

/// What is asked for of an event that was just made: what it says is known.
pub(crate) const INSERTED_FIELDS: &str = "id,etag";

/// An event that was just made.
#[derive(Debug, Deserialize)]
pub(crate) struct InsertedResource {
    #[serde(default)]
    pub(crate) id: Option<String>,
    #[serde(default)]
    pub(crate) etag: Option<String>,
}

/// An event as Google answers it. Anything may be missing.
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
    /// Whose token the response answers, where it is known; not part of the JSON.
    #[serde(skip)]
    pub(crate) account: Option<AccountId>,
}

/// A page of events.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventsPage {
    #[serde(default)]
    pub(crate) items: Vec<EventResource>,
    #[serde(default)]
    pub(crate) next_page_token: Option<String>,
}

/// When an event begins or ends: `date` or `dateTime`, never both.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct EventDateTime {
    pub(crate) date: Option<String>,
    pub(crate) date_time: Option<String>,
    pub(crate) time_zone: Option<String>,
}

/// The reminders of an event, as the signed-in person has them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RemindersResource {
    pub(crate) use_default: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) overrides: Option<Vec<ReminderOverride>>,
}

/// One reminder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ReminderOverride {
    pub(crate) method: String,
    pub(crate) minutes: u32,
}

/// Properties only we read.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct ExtendedProperties {
    pub(crate) private: BTreeMap<String, String>,
}

/// An event as it is written. A field that is left out stays as it is in a PATCH; `null` clears one.
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

/// A PATCH of the reminders alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RemindersBody<'a> {
    pub(crate) reminders: RemindersResource,
    pub(crate) extended_properties: PrivateProperties<'a>,
}

/// Our properties.
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

/// When an event begins or ends, as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moment<'a> {
    pub(crate) time: Time<'a>,
    /// Whether the other form is cleared: a PATCH from one to the other would leave both, which Google refuses.
    pub(crate) clears: bool,
}

/// A day or an instant.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Time<'a> {
    /// A day.
    Day(chrono::NaiveDate),
    /// An instant, as RFC 3339 with its offset, and the IANA zone to show it in; the calendar's own where there is none.
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

/// A page of the calendars an account sees.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CalendarListPage {
    #[serde(default)]
    pub(crate) items: Vec<CalendarListEntry>,
    #[serde(default)]
    pub(crate) next_page_token: Option<String>,
}

/// A calendar, as its account sees it.
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

/// A calendar to make.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CalendarBody<'a> {
    pub(crate) summary: &'a str,
    pub(crate) time_zone: &'a str,
}

/// A calendar that was made.
#[derive(Debug, Deserialize)]
pub(crate) struct CalendarResource {
    pub(crate) id: Option<String>,
}
