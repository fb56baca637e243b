//! Time zones and the one place where a local time becomes an instant.
//!
//! Zone rules come from the IANA data bundled with the jiff crate; neither that crate nor its types show outside.

mod rules;

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use rules::{Onset, RuleKind, ZoneRules};

/// The time an appointment begins when its order names a date but no time (the guide's 09:00).
pub const DEFAULT_START: NaiveTime = match NaiveTime::from_hms_opt(9, 0, 0) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

/// The years calsync takes. Anything else is a slip of the pen, and providers refuse it in their own ways.
pub const YEARS: std::ops::RangeInclusive<i32> = 1900..=2999;

/// An IANA time zone by a name that exists, such as `Europe/London`.
///
/// ```
/// use calsync_core::time::Zone;
/// let london = Zone::new("Europe/London")?;
/// let nine: chrono::NaiveDateTime = "2026-07-01T09:00:00".parse().unwrap();
/// assert_eq!(london.instant(nine)?.to_rfc3339(), "2026-07-01T08:00:00+00:00");
/// # Ok::<(), calsync_core::time::TimeError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// Why a zone or a time was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// There is no zone of that name in the IANA database.
    #[error("no time zone is called `{0}`")]
    UnknownZone(String),
    /// The year lies outside [`YEARS`].
    #[error("the year {0} is outside 1900 to 2999")]
    Year(i32),
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// The zone of that IANA name; the case does not matter.
    ///
    /// # Errors
    /// [`TimeError::UnknownZone`].
    pub fn new(name: &str) -> Result<Self, TimeError> {
        if name.eq_ignore_ascii_case("utc") {
            return Ok(Self::UTC);
        }
        let unknown = || TimeError::UnknownZone(name.chars().filter(|c| !c.is_control()).take(64).collect());
        let zone = TimeZoneDatabase::bundled().get(name).map_err(|_| unknown())?;
        // A zone that does not know its name could not be written back.
        if zone.iana_name().is_some() { Ok(Self(zone)) } else { Err(unknown()) }
    }

    /// The IANA name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// Whether this is coordinated universal time itself.
    #[must_use]
    pub fn is_utc(&self) -> bool {
        self.name() == "UTC"
    }

    /// The instant at which clocks in this zone show `local`.
    ///
    /// RFC 5545 section 3.3.5: a time that the spring change skips is read with the offset before the gap (so it moves
    /// forward by the gap); of a time that comes twice in autumn the first is meant.
    ///
    /// # Errors
    /// [`TimeError::Year`].
    pub fn instant(&self, local: NaiveDateTime) -> Result<DateTime<Utc>, TimeError> {
        check_year(local.year())?;
        // jiff's default ("compatible") is the rule of RFC 5545. Within YEARS no conversion can fail.
        let of_range = |_| TimeError::Year(local.year());
        let wall = jiff::Timestamp::from_second(local.and_utc().timestamp()).map_err(of_range)?;
        let wall = TimeZone::UTC.to_datetime(wall);
        let instant = self.0.to_timestamp(wall).map_err(of_range)?;
        DateTime::from_timestamp(instant.as_second(), 0).ok_or(TimeError::Year(local.year()))
    }

    /// What clocks in this zone show at `instant`.
    #[must_use]
    pub fn local(&self, instant: DateTime<Utc>) -> NaiveDateTime {
        instant.naive_utc() + chrono::Duration::seconds(i64::from(self.offset(instant)))
    }

    /// Seconds east of Greenwich at `instant`.
    #[must_use]
    pub fn offset(&self, instant: DateTime<Utc>) -> i32 {
        jiff::Timestamp::from_second(instant.timestamp()).map_or(0, |at| self.0.to_offset(at).seconds())
    }

    /// The instant for a scheduled date and time of day; no time means [`DEFAULT_START`].
    ///
    /// # Errors
    /// [`TimeError::Year`].
    pub fn scheduled(&self, date: NaiveDate, time: Option<NaiveTime>) -> Result<DateTime<Utc>, TimeError> {
        self.instant(date.and_time(time.unwrap_or(DEFAULT_START)))
    }
}

/// Whether an instant lies in a year calsync takes.
///
/// # Errors
/// [`TimeError::Year`].
pub fn check(instant: DateTime<Utc>) -> Result<(), TimeError> {
    check_year(instant.year())
}

fn check_year(year: i32) -> Result<(), TimeError> {
    if YEARS.contains(&year) { Ok(()) } else { Err(TimeError::Year(year)) }
}

impl Default for Zone {
    fn default() -> Self {
        Self::UTC
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&Cow::<'de, str>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(zone: &str, local: &str) -> String {
        Zone::new(zone).unwrap().instant(local.parse().unwrap()).unwrap().to_rfc3339()
    }

    #[test]
    fn gaps_move_forward_and_doubled_hours_are_the_first() {
        // London: 01:00 to 02:00 is skipped on 2026-03-29 and comes twice on 2026-10-25.
        assert_eq!(instant("Europe/London", "2026-03-29T01:30:00"), "2026-03-29T01:30:00+00:00");
        assert_eq!(instant("Europe/London", "2026-10-25T01:30:00"), "2026-10-25T00:30:00+00:00");
        assert_eq!(instant("America/New_York", "2026-03-08T02:30:00"), "2026-03-08T07:30:00+00:00");
        assert_eq!(instant("America/New_York", "2026-11-01T01:30:00"), "2026-11-01T05:30:00+00:00");
        // A gap and a fold of half an hour, and a zone that skipped a whole day.
        assert_eq!(instant("Australia/Lord_Howe", "2026-10-04T02:15:00"), "2026-10-03T15:45:00+00:00");
        assert_eq!(instant("Pacific/Apia", "2011-12-30T09:00:00"), "2011-12-30T19:00:00+00:00");
    }

    #[test]
    fn the_zone_data_knows_this_years_laws() {
        // British Columbia stays on summer time from November 2026 on.
        assert_eq!(instant("America/Vancouver", "2026-12-01T09:00:00"), "2026-12-01T16:00:00+00:00");
    }

    #[test]
    fn what_no_calendar_takes_is_a_typed_error() {
        for name in ["Europe/Londn", "", "GMT+25", "../etc/passwd", "Europe/London\n", "local"] {
            assert!(matches!(Zone::new(name), Err(TimeError::UnknownZone(_))), "{name:?}");
        }
        let far = "3000-01-01T00:00:00".parse().unwrap();
        assert_eq!(Zone::UTC.instant(far), Err(TimeError::Year(3000)));
        assert_eq!(Zone::UTC.instant("1899-12-31T23:59:59".parse().unwrap()), Err(TimeError::Year(1899)));
    }

    #[test]
    fn local_and_instant_are_inverse() {
        let zone = Zone::new("Asia/Kathmandu").unwrap();
        let local: NaiveDateTime = "2026-05-05T12:34:56".parse().unwrap();
        assert_eq!(zone.local(zone.instant(local).unwrap()), local);
        assert_eq!(zone.offset(zone.instant(local).unwrap()), 20_700);
    }

    #[test]
    fn names_ignore_case_and_survive_serde() {
        let zone: Zone = serde_json::from_str("\"europe/london\"").unwrap();
        assert_eq!(serde_json::to_string(&zone).unwrap(), "\"Europe/London\"");
        assert_eq!(Zone::new("utc").unwrap(), Zone::UTC);
    }
}
