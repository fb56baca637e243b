//! Times: start and end of an event, and time stamps.

use calsync_core::time::Zone;
use chrono::{DateTime, NaiveDateTime, NaiveTime, SecondsFormat, Timelike, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::reply::Problem;
use super::settings::Settings;
use super::zones;

/// A start or an end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Moment {
    /// The local time, as it was sent.
    pub(super) local: NaiveDateTime,
    /// The zone's name, as it was sent.
    pub(super) zone: String,
    /// The instant.
    pub(super) at: DateTime<Utc>,
}

/// The zone that times are shown in, with the name that the request used.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) name: String,
    pub(super) zone: Zone,
}

impl Default for Shown {
    fn default() -> Self {
        Self { name: "UTC".to_owned(), zone: Zone::UTC }
    }
}

impl Moment {
    /// Reads `{"dateTime", "timeZone"}`.
    pub(super) fn read(value: &Value, settings: &Settings) -> Result<Self, Problem> {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let local = text("dateTime").and_then(local_time).ok_or_else(Problem::validation)?;
        let name = text("timeZone").unwrap_or_default();
        let zone = zones::zone(name, settings)?;
        let at = zone.instant(local).map_err(|_| Problem::validation())?;
        Ok(Self { local, zone: name.to_owned(), at })
    }

    pub(super) fn is_midnight(&self) -> bool {
        self.local.time() == NaiveTime::MIN
    }

    /// The JSON of a response. An all-day event is midnight to midnight in any zone, as was seen
    /// (microsoft-graph-docs#1802).
    pub(super) fn write(&self, shown: &Shown, as_day: bool) -> Value {
        let local = if as_day { self.local } else { shown.zone.local(self.at) };
        json!({"dateTime": seven_digits(local), "timeZone": shown.name})
    }
}

/// `2026-12-03T16:00:00`, with up to seven decimals and no offset.
fn local_time(text: &str) -> Option<NaiveDateTime> {
    let bytes = text.as_bytes();
    let fraction = text.get(19..).unwrap_or_default();
    let is_whole = bytes.len() >= 19
        && bytes.get(10) == Some(&b'T')
        && (fraction.is_empty() || (fraction.starts_with('.') && (2..=8).contains(&fraction.len())));
    let local: NaiveDateTime = text.parse().ok().filter(|_| is_whole)?;
    // The fake keeps whole seconds.
    local.with_nanosecond(0)
}

fn seven_digits(local: NaiveDateTime) -> String {
    format!("{}.0000000", local.format("%Y-%m-%dT%H:%M:%S"))
}

/// An instant in the form of `createdDateTime`.
pub(super) fn stamp_text(instant: DateTime<Utc>) -> String {
    format!("{}0000Z", instant.format("%Y-%m-%dT%H:%M:%S%.3f"))
}

/// An instant in the form of error bodies and subscriptions.
pub(super) fn plain_text(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// An instant in the form of the `Date` header.
pub(super) fn http_date(instant: DateTime<Utc>) -> String {
    instant.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// An instant with an offset, or without one in UTC: a window's bound, a filter's literal.
pub(super) fn instant(text: &str) -> Option<DateTime<Utc>> {
    // A plus sign that was not encoded arrives as a space.
    let text = text.trim().replace(' ', "+");
    if let Ok(instant) = DateTime::parse_from_rfc3339(&text) {
        return Some(instant.with_timezone(&Utc));
    }
    let local = text.parse::<NaiveDateTime>().ok();
    let day = || text.parse::<chrono::NaiveDate>().ok()?.and_hms_opt(0, 0, 0);
    local.or_else(day).map(|local| local.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_time_has_seconds_and_no_offset() {
        for good in ["2026-03-01T10:00:00", "2026-03-01T10:00:00.0", "2026-03-01T10:00:00.0000000"] {
            assert!(local_time(good).is_some(), "{good}");
        }
        for bad in [
            "2026-03-01T10:00:00Z",
            "2026-03-01T10:00:00+01:00",
            "2026-03-01T10:00",
            "2026-03-01",
            "2026-03-01 10:00:00",
            "2026-03-01T10:00:00.",
            "2026-03-01T10:00:00.00000000",
            "2026-13-01T10:00:00",
            "soon",
        ] {
            assert!(local_time(bad).is_none(), "{bad}");
        }
    }
}
