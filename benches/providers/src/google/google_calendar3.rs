//! google-calendar3 with the token as it is, over its own client. Plain http, so that it too goes
//! without TLS.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use google_calendar3::CalendarHub;
use google_calendar3::api::{Event, EventDateTime, EventExtendedProperties, EventReminders};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::API;
use crate::booking::{Booking, CALENDAR, NAMESPACE, TOKEN, ZONE};
use crate::run::Failure;

/// The hub.
pub struct GoogleCalendar3(CalendarHub<HttpConnector>);

impl GoogleCalendar3 {
    pub fn new(base: &str) -> Self {
        let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        let mut hub = CalendarHub::new(client, TOKEN.to_owned());
        hub.base_url(format!("{base}{API}/"));
        Self(hub)
    }

    pub async fn insert(self: Arc<Self>, event: Event) -> Result<String, Failure> {
        let call = self.0.events().insert(event, CALENDAR).send_updates("none");
        let (_, written) = call.doit().await?;
        written.id.ok_or_else(|| "an event without an id".into())
    }
}

pub fn event(booking: &Booking) -> Event {
    let moment = |time: DateTime<Utc>| {
        Some(EventDateTime { date: None, date_time: Some(time), time_zone: Some(ZONE.to_owned()) })
    };
    Event {
        id: Some(booking.key.to_string()),
        status: Some("confirmed".to_owned()),
        summary: Some(booking.title.clone()),
        description: Some(booking.description.clone()),
        location: Some(booking.location.clone()),
        start: moment(booking.start),
        end: moment(booking.end),
        reminders: Some(EventReminders { use_default: Some(true), overrides: Some(Vec::new()) }),
        extended_properties: Some(EventExtendedProperties {
            private: Some(HashMap::from([
                ("calsyncTarget".to_owned(), booking.key.target().to_string()),
                ("calsyncKey".to_owned(), booking.key.to_string()),
                ("calsyncNamespace".to_owned(), NAMESPACE.to_owned()),
                ("calsyncRevision".to_owned(), "1".to_owned()),
            ])),
            shared: None,
        }),
        ..Event::default()
    }
}
