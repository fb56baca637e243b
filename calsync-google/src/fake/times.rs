//! Start and end of an event.

use std::collections::BTreeSet;

use calsync_core::time::Zone;
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::reply::Problem;

/// Start or end of an event: a date, or an instant with an optional zone.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Moment {
    Day(NaiveDate),
    At(DateTime<Utc>, Option<Zone>),
}

impl Moment {
    /// Reads `{"date"}` or `{"dateTime", "timeZone"}`. `side` is `start` or `end`; `needs_zone` for
    /// a series.
    pub(super) fn read(value: Option<&Value>, side: &str, needs_zone: bool) -> Result<Self, Problem> {
        let missing = || Problem::required(format!("Missing {side} time."));
        let bad = || Problem::invalid(format!("Invalid {side} time."));
        let value = value.filter(|value| !value.is_null()).ok_or_else(missing)?;
        let object = value.as_object().ok_or_else(bad)?;
        let text = |name: &str| match object.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(bad()),
        };
        let zone = text("timeZone")?;
        match (text("date")?, text("dateTime")?) {
            (Some(_), Some(_)) => Err(bad()),
            (None, None) => Err(missing()),
            // A date has no time zone. Google's documentation does not forbid one; the fake is
            // stricter.
            (Some(_), None) if zone.is_some() => Err(bad()),
            (Some(date), None) => day(date).map(Self::Day).ok_or_else(bad),
            (None, Some(time)) => {
                let zone = zone.map(Zone::new).transpose().map_err(|_| bad_zone(side))?;
                if needs_zone && zone.is_none() {
                    return Err(no_zone(side));
                }
                if time.as_bytes().get(10) != Some(&b'T') {
                    return Err(bad());
                }
                if let Ok(instant) = DateTime::parse_from_rfc3339(time) {
                    return Ok(Self::At(instant.with_timezone(&Utc), zone));
                }
                let local: NaiveDateTime = time.parse().map_err(|_| bad())?;
                let zone = zone.ok_or_else(|| no_zone(side))?;
                let instant = zone.instant(local).map_err(|_| bad())?;
                Ok(Self::At(instant, Some(zone)))
            }
        }
    }

    /// Refuses a zone with one of these names.
    pub(super) fn check_zone(&self, side: &str, unknown: &BTreeSet<String>) -> Result<(), Problem> {
        match self {
            Self::At(_, Some(zone)) if unknown.contains(zone.name()) => Err(bad_zone(side)),
            _ => Ok(()),
        }
    }

    /// Formats the moment as JSON: the time in zone `shown_in`, and the name of the event's own
    /// zone, else of the calendar's.
    pub(super) fn write(&self, shown_in: &Zone, calendar: &Zone) -> Value {
        match self {
            Self::Day(date) => json!({"date": date.to_string()}),
            Self::At(instant, zone) => {
                let zone = zone.as_ref().unwrap_or(calendar);
                json!({"dateTime": shown(*instant, shown_in), "timeZone": zone.name()})
            }
        }
    }

    pub(super) fn is_day(&self) -> bool {
        matches!(self, Self::Day(_))
    }

    /// Returns the instant. A date starts at midnight in the calendar's zone.
    pub(super) fn instant(&self, calendar: &Zone) -> DateTime<Utc> {
        match self {
            Self::Day(date) => {
                let midnight = date.and_time(NaiveTime::MIN);
                calendar.instant(midnight).unwrap_or_else(|_| midnight.and_utc())
            }
            Self::At(instant, _) => *instant,
        }
    }
}

/// Formats an instant as RFC 3339, with the zone's offset at that time.
pub(super) fn shown(instant: DateTime<Utc>, zone: &Zone) -> String {
    let offset = FixedOffset::east_opt(zone.offset(instant));
    let local = offset.map(|offset| instant.with_timezone(&offset));
    local.map_or_else(
        || instant.to_rfc3339_opts(SecondsFormat::Secs, true),
        |local| local.to_rfc3339_opts(SecondsFormat::Secs, true),
    )
}

/// Formats an instant like `created` and `updated`: UTC with milliseconds.
pub(super) fn stamp_text(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Parses a date in the format `YYYY-MM-DD`, and no other.
fn day(text: &str) -> Option<NaiveDate> {
    let date = text.parse::<NaiveDate>().ok()?;
    (date.to_string() == text).then_some(date)
}

fn bad_zone(side: &str) -> Problem {
    Problem::invalid(format!("Invalid time zone definition for {side} time."))
}

fn no_zone(side: &str) -> Problem {
    Problem::required(format!("Missing time zone definition for {side} time."))
}
