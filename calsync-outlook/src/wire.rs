//! Graph's JSON, limited to the fields in use.
//!
//! The resources `event` and `calendar` of Microsoft Graph v1.0
//! (<https://learn.microsoft.com/graph/api/resources/event>).

use std::borrow::Cow;
use std::collections::BTreeMap;

use calsync_core::names::AccountId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `$select` for an event of which only the identity is needed.
pub(crate) const IDENTITY_FIELDS: &str = "id,transactionId";

/// `$select` for an event that is updated or read.
pub(crate) const EVENT_FIELDS: &str = "id,transactionId,subject,body,start,end,isAllDay,originalStartTimeZone,location,showAs,sensitivity,\
     isReminderOn,reminderMinutesBeforeStart,isOnlineMeeting";

/// An event's identity without its content, so that an event with unreadable content is still found
/// and deleted.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct IdentityResource {
    pub(crate) id: Option<String>,
    #[serde(rename = "@odata.etag")]
    pub(crate) etag: Option<String>,
    pub(crate) transaction_id: Option<String>,
    pub(crate) single_value_extended_properties: Option<Vec<ExtendedProperty<'static>>>,
    /// The account whose token the request carried, if known.
    #[serde(skip)]
    pub(crate) account: Option<AccountId>,
}

/// An event in a response of Graph. Any field may be missing or null. Content of an unexpected type
/// counts as missing, so that an update writes it anew.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct EventResource {
    #[serde(flatten)]
    pub(crate) identity: IdentityResource,
    #[serde(deserialize_with = "or_none")]
    pub(crate) subject: Option<String>,
    #[serde(deserialize_with = "or_none")]
    pub(crate) body: Option<ItemBody<'static>>,
    #[serde(deserialize_with = "or_none")]
    pub(crate) start: Option<DateTimeTimeZone<'static>>,
    #[serde(deserialize_with = "or_none")]
    pub(crate) end: Option<DateTimeTimeZone<'static>>,
    #[serde(deserialize_with = "or_none")]
    pub(crate) is_all_day: Option<bool>,
    #[serde(deserialize_with = "or_none")]
    pub(crate) original_start_time_zone: Option<String>,
    #[serde(deserialize_with = "or_none")]
    pub(crate) location: Option<Location<'static>>,
    #[serde(deserialize_with = "or_none")]
    pub(crate) show_as: Option<String>,
    #[serde(deserialize_with = "or_none")]
    pub(crate) sensitivity: Option<String>,
    #[serde(deserialize_with = "or_none")]
    pub(crate) is_reminder_on: Option<bool>,
    #[serde(deserialize_with = "or_none")]
    pub(crate) reminder_minutes_before_start: Option<i64>,
    #[serde(deserialize_with = "or_none")]
    pub(crate) is_online_meeting: Option<bool>,
}

/// The event in the response to a create: the fields that show which create it belongs to. Other
/// fields of the long response are not read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CreatedResource {
    pub(crate) id: Option<String>,
    #[serde(rename = "@odata.etag")]
    pub(crate) etag: Option<String>,
    pub(crate) transaction_id: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) start: Option<DateTimeTimeZone<'static>>,
    pub(crate) end: Option<DateTimeTimeZone<'static>>,
    pub(crate) is_all_day: Option<bool>,
    pub(crate) location: Option<Location<'static>>,
}

/// A page of a listing.
#[derive(Debug, Deserialize)]
pub(crate) struct Page<T> {
    pub(crate) value: Vec<T>,
    #[serde(default, rename = "@odata.nextLink")]
    pub(crate) next_link: Option<String>,
}

/// A body: plain text or HTML.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ItemBody<'a> {
    pub(crate) content_type: Cow<'a, str>,
    pub(crate) content: Cow<'a, str>,
}

/// A local time and its time zone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DateTimeTimeZone<'a> {
    pub(crate) date_time: Cow<'a, str>,
    pub(crate) time_zone: Cow<'a, str>,
}

/// A location by name. Writing it removes what Graph knew of the old one, such as coordinates.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Location<'a> {
    #[serde(deserialize_with = "or_empty")]
    pub(crate) display_name: Cow<'a, str>,
}

/// A property that only programs see (`singleValueLegacyExtendedProperty`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ExtendedProperty<'a> {
    pub(crate) id: Cow<'a, str>,
    #[serde(deserialize_with = "or_empty")]
    pub(crate) value: Cow<'a, str>,
}

/// An event to write. A field that is left out stays unchanged in a PATCH, and takes its default in
/// a POST.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) transaction_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<ItemBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start: Option<DateTimeTimeZone<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<DateTimeTimeZone<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) is_all_day: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) location: Option<Location<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) show_as: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sensitivity: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) is_reminder_on: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reminder_minutes_before_start: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) single_value_extended_properties: Vec<ExtendedProperty<'a>>,
}

/// A calendar in a response.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CalendarResource {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) can_edit: Option<bool>,
    pub(crate) is_default_calendar: Option<bool>,
    pub(crate) owner: Option<EmailAddress>,
}

/// The owner of a calendar.
#[derive(Debug, Deserialize)]
pub(crate) struct EmailAddress {
    pub(crate) address: Option<String>,
}

/// A calendar to create.
#[derive(Debug, Serialize)]
pub(crate) struct CalendarBody<'a> {
    pub(crate) name: &'a str,
}

/// Several requests in one.
#[derive(Debug, Serialize)]
pub(crate) struct Batch {
    pub(crate) requests: Vec<BatchPart>,
}

/// One request of a batch.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BatchPart {
    pub(crate) id: &'static str,
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) headers: BTreeMap<&'static str, &'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) depends_on: Option<[&'static str; 1]>,
}

/// The responses to a batch's parts, in any order.
#[derive(Debug, Deserialize)]
pub(crate) struct BatchResponse {
    pub(crate) responses: Vec<PartResponse>,
}

/// The response to one part.
#[derive(Debug, Deserialize)]
pub(crate) struct PartResponse {
    pub(crate) id: String,
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Value>,
    #[serde(default)]
    pub(crate) body: Value,
}

fn or_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Cow<'static, str>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.unwrap_or_default().into())
}

/// `None` for what is of another type, too.
fn or_none<'de, T: DeserializeOwned, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).unwrap_or_default())
}
