//! What one would write by hand: reqwest, a struct to send, a struct to read.

use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{API, PREFER};
use crate::booking::{Booking, NAMESPACE, TOKEN, ZONE};
use crate::run::Failure;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    transaction_id: String,
    subject: String,
    body: Body,
    start: Moment,
    end: Moment,
    is_all_day: bool,
    location: Location,
    show_as: &'static str,
    is_reminder_on: bool,
    reminder_minutes_before_start: u32,
    single_value_extended_properties: [Property; 6],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    content_type: &'static str,
    content: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Moment {
    date_time: NaiveDateTime,
    time_zone: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    display_name: String,
}

#[derive(Debug, Serialize)]
struct Property {
    id: &'static str,
    value: String,
}

/// What calsync takes from the answer: the id, the version, and what it compares with what was
/// sent.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "they are read to have read them")]
pub struct Answer {
    pub id: String,
    #[serde(rename = "@odata.etag")]
    etag: Option<String>,
    transaction_id: Option<String>,
    subject: Option<String>,
    start: Option<AnsweredMoment>,
    end: Option<AnsweredMoment>,
    is_all_day: Option<bool>,
    location: Option<AnsweredLocation>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "they are read to have read them")]
struct AnsweredMoment {
    date_time: String,
    time_zone: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it is read to have read it")]
struct AnsweredLocation {
    display_name: String,
}

/// A client, and the URL it posts to: the one that calsync posts to.
#[derive(Debug)]
pub struct Bare {
    client: reqwest::Client,
    url: String,
}

impl Bare {
    pub fn new(base: &str) -> Result<Self, Failure> {
        let url = format!("{base}{API}/me/calendar/events");
        Ok(Self { client: reqwest::Client::builder().no_proxy().build()?, url })
    }

    pub async fn insert(self: Arc<Self>, event: Event) -> Result<String, Failure> {
        let request = self.client.post(&self.url).bearer_auth(TOKEN).header("prefer", PREFER).json(&event);
        let answer: Answer = request.send().await?.error_for_status()?.json().await?;
        Ok(answer.id)
    }
}

pub fn event(booking: &Booking) -> Event {
    let moment = |time: DateTime<Utc>| Moment { date_time: time.naive_utc(), time_zone: "UTC" };
    let property = |id, value: &str| Property { id, value: value.to_owned() };
    let (target, key) = (booking.key.target().to_string(), booking.key.to_string());
    Event {
        subject: booking.title.clone(),
        body: Body { content_type: "text", content: booking.description.clone() },
        start: moment(booking.start),
        end: moment(booking.end),
        is_all_day: false,
        location: Location { display_name: booking.location.clone() },
        show_as: "busy",
        is_reminder_on: true,
        reminder_minutes_before_start: 15,
        single_value_extended_properties: [
            property("String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncTarget", &target),
            property("String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncKey", &key),
            property("String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncNamespace", NAMESPACE),
            property("String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncRevision", "1"),
            property("String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncZone", ZONE),
            property("String {8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861} Name calsyncReminder", "default"),
        ],
        transaction_id: key,
    }
}
