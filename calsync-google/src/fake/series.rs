//! Occurrences of a series: the part of RFC 5545's recurrence rules that daily and weekly series
//! need.

use calsync_core::time::Zone;
use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, Utc};
use serde_json::{Map, Value, json};

use super::reply::Problem;
use super::state::{Calendar, State, StoredEvent};
use super::times::Moment;

/// Most occurrences of a series.
const MAX_OCCURRENCES: u64 = 2500;

/// The supported part of a recurrence rule. `days` is the interval in days; 0 if there is only one
/// occurrence.
struct Rule {
    days: u64,
    count: Option<u64>,
    until: Option<NaiveDateTime>,
}

/// Returns the occurrences of a series as single events, except those that were changed or deleted
/// one by one.
pub(super) fn occurrences(calendar: &Calendar, master: &StoredEvent) -> Vec<StoredEvent> {
    let mut found = Vec::new();
    let Some(start) = moment(master, "start") else { return found };
    let Some(end) = moment(master, "end") else { return found };
    let rule = rule(master);
    for number in 0..rule.count.unwrap_or(MAX_OCCURRENCES).min(MAX_OCCURRENCES) {
        let days = Days::new(number * rule.days);
        let Some((start, local)) = later(&start, days, &calendar.zone) else { break };
        let Some((end, _)) = later(&end, days, &calendar.zone) else { break };
        if rule.until.is_some_and(|until| local > until) {
            break;
        }
        let occurrence = occurrence(calendar, master, &start, &end);
        if !calendar.events.contains_key(occurrence.text("id")) {
            found.push(occurrence);
        }
        if rule.days == 0 {
            break;
        }
    }
    found
}

impl State {
    /// Returns the event with that id, or the occurrence of a series.
    pub(super) fn event_or_instance(&self, calendar_id: &str, id: &str) -> Result<StoredEvent, Problem> {
        let calendar = self.calendar(calendar_id)?;
        if let Some(event) = calendar.events.get(id) {
            return Ok(event.clone());
        }
        let (base, _) = id.rsplit_once('_').ok_or_else(Problem::not_found)?;
        let master = calendar.events.get(base).filter(|event| event.body.contains_key("recurrence"));
        let master = master.ok_or_else(Problem::not_found)?;
        let found = occurrences(calendar, master).into_iter().find(|event| event.text("id") == id);
        found.ok_or_else(Problem::not_found)
    }
}

fn rule(master: &StoredEvent) -> Rule {
    let lines = master.body.get("recurrence").and_then(Value::as_array).cloned().unwrap_or_default();
    let line = lines.iter().filter_map(Value::as_str).find_map(|line| line.strip_prefix("RRULE:"));
    let mut rule = Rule { days: 0, count: None, until: None };
    let mut interval = 1;
    for (name, value) in line.unwrap_or_default().split(';').filter_map(|part| part.split_once('=')) {
        match (name, value) {
            ("FREQ", "DAILY") => rule.days = 1,
            ("FREQ", "WEEKLY") => rule.days = 7,
            ("INTERVAL", value) => interval = value.parse().unwrap_or(1).min(1000),
            ("COUNT", value) => rule.count = value.parse().ok(),
            ("UNTIL", value) => rule.until = until(value),
            _ => {}
        }
    }
    rule.days *= interval;
    rule
}

fn until(text: &str) -> Option<NaiveDateTime> {
    let time = NaiveDateTime::parse_from_str(text.trim_end_matches('Z'), "%Y%m%dT%H%M%S");
    let day = NaiveDate::parse_from_str(text, "%Y%m%d");
    time.ok().or_else(|| day.ok()?.and_hms_opt(23, 59, 59))
}

fn moment(event: &StoredEvent, side: &str) -> Option<Moment> {
    Moment::read(event.body.get(side), side, false).ok()
}

/// Adds days in the event's own time zone. Returns the moment, and its time in UTC.
fn later(moment: &Moment, days: Days, calendar: &Zone) -> Option<(Moment, NaiveDateTime)> {
    match moment {
        Moment::Day(date) => {
            let date = date.checked_add_days(days)?;
            Some((Moment::Day(date), date.and_hms_opt(0, 0, 0)?))
        }
        Moment::At(instant, zone) => {
            let by = zone.as_ref().unwrap_or(calendar);
            let instant = by.instant(by.local(*instant).checked_add_days(days)?).ok()?;
            Some((Moment::At(instant, zone.clone()), instant.naive_utc()))
        }
    }
}

fn occurrence(calendar: &Calendar, master: &StoredEvent, start: &Moment, end: &Moment) -> StoredEvent {
    let mut occurrence = master.clone();
    let id = master.text("id").to_owned();
    let mark = match start {
        Moment::Day(date) => date.format("%Y%m%d").to_string(),
        Moment::At(instant, _) => instant.format("%Y%m%dT%H%M%SZ").to_string(),
    };
    let original = start.write(&calendar.zone, &calendar.zone);
    let body: &mut Map<String, Value> = &mut occurrence.body;
    body.remove("recurrence");
    body.insert("start".into(), original.clone());
    body.insert("end".into(), end.write(&calendar.zone, &calendar.zone));
    body.insert("originalStartTime".into(), original);
    body.insert("id".into(), json!(format!("{id}_{mark}")));
    body.insert("recurringEventId".into(), id.into());
    occurrence
}

/// Start and end of an event in UTC.
pub(super) fn span(calendar: &Calendar, event: &StoredEvent) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let of = |side| moment(event, side).map(|moment| moment.instant(&calendar.zone));
    Some((of("start")?, of("end")?))
}
