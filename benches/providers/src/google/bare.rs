//! What one would write by hand: reqwest, a struct to send, a struct to read.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::API;
use crate::booking::{Booking, CALENDAR, NAMESPACE, TOKEN, ZONE};
use crate::run::Failure;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    id: String,
    status: &'static str,
    summary: String,
    description: String,
    location: String,
    start: Moment,
    end: Moment,
    reminders: Reminders,
    extended_properties: ExtendedProperties,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Moment {
    date_time: DateTime<Utc>,
    time_zone: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Reminders {
    use_default: bool,
    overrides: [(); 0],
}

#[derive(Debug, Serialize)]
struct ExtendedProperties {
    private: BTreeMap<&'static str, String>,
}

/// The fields that calsync reads.
#[derive(Debug, Deserialize)]
struct Answer {
    id: String,
    #[expect(dead_code, reason = "it is read to have read it")]
    etag: Option<String>,
}

/// A client, and the URL it posts to: the one that calsync posts to.
#[derive(Debug)]
pub struct Bare {
    client: reqwest::Client,
    url: String,
}

impl Bare {
    pub fn new(base: &str) -> Result<Self, Failure> {
        let url = format!("{base}{API}/calendars/{CALENDAR}/events?sendUpdates=none&fields=id%2Cetag");
        Ok(Self { client: reqwest::Client::builder().no_proxy().build()?, url })
    }

    pub async fn insert(self: Arc<Self>, event: Event) -> Result<String, Failure> {
        let request = self.client.post(&self.url).bearer_auth(TOKEN).json(&event);
        let answer: Answer = request.send().await?.error_for_status()?.json().await?;
        Ok(answer.id)
    }
}

pub fn event(booking: &Booking) -> Event {
    let moment = |date_time| Moment { date_time, time_zone: ZONE };
    Event {
        id: booking.key.to_string(),
        status: "confirmed",
        summary: booking.title.clone(),
        description: booking.description.clone(),
        location: booking.location.clone(),
        start: moment(booking.start),
        end: moment(booking.end),
        reminders: Reminders { use_default: true, overrides: [] },
        extended_properties: ExtendedProperties {
            private: BTreeMap::from([
                ("calsyncTarget", booking.key.target().to_string()),
                ("calsyncKey", booking.key.to_string()),
                ("calsyncNamespace", NAMESPACE.to_owned()),
                ("calsyncRevision", "1".to_owned()),
            ]),
        },
    }
}
