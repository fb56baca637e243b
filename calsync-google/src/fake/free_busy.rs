//! `freebusy.query`.

use calsync_core::time::Zone;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::access::Caller;
use super::reply::{Problem, Reply, resource};
use super::request::Incoming;
use super::series::{occurrences, span};
use super::state::{Calendar, State, StoredEvent};
use super::times::shown;

impl State {
    pub(super) fn free_busy(&self, caller: &Caller, incoming: &Incoming) -> Result<Reply, Problem> {
        let body = incoming.object()?;
        let instant = |name: &str| {
            let text = body.get(name).and_then(Value::as_str);
            let text = text.ok_or_else(|| Problem::required(format!("Missing {name}.")))?;
            let instant = DateTime::parse_from_rfc3339(text).map_err(|_| Problem::invalid_parameter(name))?;
            Ok::<_, Problem>(instant.with_timezone(&Utc))
        };
        let (from, to) = (instant("timeMin")?, instant("timeMax")?);
        if from >= to {
            let message = "The specified time range is empty.";
            return Err(
                Problem::new(http::StatusCode::BAD_REQUEST, "timeRangeEmpty", message).in_domain("calendar")
            );
        }
        let zone = match body.get("timeZone").and_then(Value::as_str) {
            None => Zone::UTC,
            Some(name) => Zone::new(name).map_err(|_| Problem::invalid_parameter("timeZone"))?,
        };
        let items = body.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
        let most = body.get("calendarExpansionMax").map_or(Some(50), Value::as_u64);
        let most = most
            .filter(|most| *most <= 50)
            .ok_or_else(|| Problem::invalid_parameter("calendarExpansionMax"))?;
        let mut calendars = Map::new();
        for (number, id) in items.iter().filter_map(|item| item.get("id")?.as_str()).enumerate() {
            // An error of one calendar is part of the 200 response, beside the other calendars.
            let entry = if number as u64 >= most {
                error("tooManyCalendarsRequested")
            } else {
                let calendar = self.calendars.get(self.calendar_id(&caller.user, id));
                match calendar.filter(|calendar| calendar.access.contains_key(&caller.user)) {
                    None => error("notFound"),
                    Some(calendar) => {
                        let spans = busy(calendar, from, to).into_iter();
                        let spans = spans.map(
                            |(start, end)| json!({"start": shown(start, &zone), "end": shown(end, &zone)}),
                        );
                        json!({"busy": spans.collect::<Value>()})
                    }
                }
            };
            calendars.insert(id.to_owned(), entry);
        }
        Ok(resource(&json!({
            "kind": "calendar#freeBusy",
            "timeMin": shown(from, &Zone::UTC),
            "timeMax": shown(to, &Zone::UTC),
            "calendars": calendars,
        })))
    }
}

fn error(reason: &str) -> Value {
    json!({"errors": [{"domain": "global", "reason": reason}], "busy": []})
}

/// The busy times between `from` and `to`; times that touch are joined.
fn busy(calendar: &Calendar, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let is_busy = |event: &&StoredEvent| !event.is_cancelled() && event.text("transparency") != "transparent";
    let each = calendar.events.values().filter(is_busy).flat_map(|event| {
        if event.body.contains_key("recurrence") { occurrences(calendar, event) } else { vec![event.clone()] }
    });
    let spans = each.filter_map(|event| span(calendar, &event));
    let within = spans.filter(|(start, end)| *start < to && *end > from);
    let mut spans: Vec<_> = within.map(|(start, end)| (start.max(from), end.min(to))).collect();
    spans.sort();
    let mut joined: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
    for (start, end) in spans {
        match joined.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    joined
}
