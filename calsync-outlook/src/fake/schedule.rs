//! `getSchedule`: when people are busy.

use calsync_core::fake::Reply;
use chrono::TimeDelta;
use http::StatusCode;
use serde_json::{Value, json};

use super::api::{Permitted, ok};
use super::reply::Problem;
use super::schema;
use super::state::{Mailbox, State, StoredEvent};
use super::times::Moment;
use super::view;

/// The most schedules in one request.
const MAX_SCHEDULES: usize = 20;

impl State {
    pub(super) fn schedule(&mut self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        if self.mailbox(&call.mailbox)?.is_personal {
            let message = "REST API is not yet supported for this mailbox.";
            return Err(Problem::new(StatusCode::NOT_FOUND, "MailboxNotEnabledForRESTAPI", message));
        }
        let body = schema::checked("getSchedule", &call.received.object(&self.settings)?)?;
        let of =
            |name: &str| body.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let schedules = of("schedules").and_then(Value::as_array).cloned().unwrap_or_default();
        if schedules.is_empty() || schedules.len() > MAX_SCHEDULES {
            return Err(Problem::bad(
                "ErrorInvalidParameter",
                format!("There must be 1 to {MAX_SCHEDULES} schedules."),
            ));
        }
        let moment = |name: &str| {
            let value = of(name)
                .ok_or_else(|| Problem::bad("ErrorInvalidParameter", format!("'{name}' is missing.")))?;
            Moment::read(value, &self.settings)
        };
        let (start, end) = (moment("startTime")?.at, moment("endTime")?.at);
        let interval = of("availabilityViewInterval").map_or(Some(30), Value::as_i64);
        let interval = interval.filter(|minutes| (5..=1440).contains(minutes));
        let interval = interval.ok_or_else(|| {
            Problem::bad("ErrorInvalidParameter", "The interval must be 5 to 1440 minutes.")
        })?;
        let step = TimeDelta::minutes(interval);
        // The real service also refuses windows of more than 62 days.
        if start >= end || end - start > TimeDelta::days(62) || (end - start) < step {
            return Err(Problem::bad("ErrorInvalidParameter", "The time window is invalid."));
        }
        let one = |email: &str| match self.email_of(email).and_then(|email| self.mailboxes.get(email)) {
            None => json!({
                "scheduleId": email, "availabilityView": "",
                "error": {"message": "The mailbox could not be resolved.", "responseCode": "ErrorMailRecipientNotFound"},
                "scheduleItems": [],
            }),
            Some(mailbox) => {
                let busy: Vec<&StoredEvent> =
                    busy(mailbox).filter(|event| event.start.at < end && event.end.at > start).collect();
                let mut view = String::new();
                let mut from = start;
                while from < end {
                    let to = from + step;
                    let within = busy.iter().filter(|event| event.start.at < to && event.end.at > from);
                    view.push(within.map(|event| letter(event)).max().unwrap_or('0'));
                    from = to;
                }
                let items: Vec<Value> = busy
                    .iter()
                    .map(|event| {
                        json!({
                            "status": event.text_field("showAs"),
                            "isPrivate": event.text_field("sensitivity") == "private",
                            "subject": event.fields.get("subject"),
                            "start": event.start.write(&call.prefers.shown, false),
                            "end": event.end.write(&call.prefers.shown, false),
                        })
                    })
                    .collect();
                json!({
                    "scheduleId": email, "availabilityView": view, "scheduleItems": items,
                    "workingHours": view::working_hours(mailbox),
                })
            }
        };
        let rows: Vec<Value> = schedules.iter().filter_map(Value::as_str).map(one).collect();
        Ok(ok(&json!({"@odata.context": call.context(), "value": rows})))
    }
}

/// The events that count: all in the default calendar that are not shown as free.
fn busy(mailbox: &Mailbox) -> impl Iterator<Item = &StoredEvent> {
    let default = mailbox.default_calendar().unwrap_or_default();
    mailbox.events_in(default).filter(|event| event.text_field("showAs") != "free")
}

/// 0 free or working elsewhere, 1 tentative, 2 busy, 3 out of office.
fn letter(event: &StoredEvent) -> char {
    match event.text_field("showAs") {
        "tentative" => '1',
        "busy" => '2',
        "oof" => '3',
        _ => '0',
    }
}
