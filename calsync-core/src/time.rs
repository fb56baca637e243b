//! Time zones, and the conversion of local times to instants. No other module converts them.
//!
//! The zone rules come from the IANA data that is bundled with the jiff crate. Neither that crate
//! nor its types are part of the public API.

mod rules;

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use rules::{Onset, RuleKind, ZoneRules};

/// The start of an appointment whose order has a date but no time: 09:00, as in the guide.
pub const DEFAULT_START: NaiveTime = match NaiveTime::from_hms_opt(9, 0, 0) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

/// The years that calsync accepts. A year outside is a typing error, and each provider rejects it
/// in a different way.
pub const YEARS: std::ops::RangeInclusive<i32> = 1900..=2999;

/// A time zone of the IANA database, such as `Europe/London`. The name is checked. Default: UTC.
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

/// The error for a time zone or a time that calsync does not accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// The IANA database has no time zone with this name.
    #[error("no time zone is called `{0}`")]
    UnknownZone(String),
    /// The year is outside [`YEARS`].
    #[error("the year {0} is outside 1900 to 2999")]
    Year(i32),
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// Returns the zone with this IANA name; case does not matter.
    ///
    /// # Errors
    /// [`TimeError::UnknownZone`] if the bundled IANA database has no such zone.
    pub fn new(name: &str) -> Result<Self, TimeError> {
        if name.eq_ignore_ascii_case("utc") {
            return Ok(Self::UTC);
        }
        let unknown = || TimeError::UnknownZone(name.chars().filter(|c| !c.is_control()).take(64).collect());
        let zone = TimeZoneDatabase::bundled().get(name).map_err(|_| unknown())?;
        // A zone without a name could not be serialised.
        if zone.iana_name().is_some() { Ok(Self(zone)) } else { Err(unknown()) }
    }

    /// Returns the IANA name, in the spelling of the database.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// Returns `true` for the zone `UTC` itself.
    #[must_use]
    pub fn is_utc(&self) -> bool {
        self.name() == "UTC"
    }

    /// Returns the instant at which clocks in this zone show `local`.
    ///
    /// RFC 5545 section 3.3.5: a time that is skipped in spring is read with the offset before the
    /// gap, so it moves forward by the gap; a time that occurs twice in autumn means the first one.
    ///
    /// # Errors
    /// [`TimeError::Year`] if the year is outside [`YEARS`].
    pub fn instant(&self, local: NaiveDateTime) -> Result<DateTime<Utc>, TimeError> {
        check_year(local.year())?;
        // jiff's default ("compatible") is the rule of RFC 5545. No conversion fails within YEARS.
        let of_range = |_| TimeError::Year(local.year());
        let wall = jiff::Timestamp::from_second(local.and_utc().timestamp()).map_err(of_range)?;
        let wall = TimeZone::UTC.to_datetime(wall);
        let instant = self.0.to_timestamp(wall).map_err(of_range)?;
        DateTime::from_timestamp(instant.as_second(), 0).ok_or(TimeError::Year(local.year()))
    }

    /// Returns the local time in this zone at `instant`.
    #[must_use]
    pub fn local(&self, instant: DateTime<Utc>) -> NaiveDateTime {
        instant.naive_utc() + chrono::Duration::seconds(i64::from(self.offset(instant)))
    }

    /// Returns the offset from UTC at `instant`, in seconds; positive east of Greenwich.
    #[must_use]
    pub fn offset(&self, instant: DateTime<Utc>) -> i32 {
        jiff::Timestamp::from_second(instant.timestamp()).map_or(0, |at| self.0.to_offset(at).seconds())
    }

    /// Returns the instant of a scheduled date and time of day. Default time: [`DEFAULT_START`].
    ///
    /// # Errors
    /// [`TimeError::Year`] if the year is outside [`YEARS`].
    pub fn scheduled(&self, date: NaiveDate, time: Option<NaiveTime>) -> Result<DateTime<Utc>, TimeError> {
        self.instant(date.and_time(time.unwrap_or(DEFAULT_START)))
    }
}

/// Checks that the year of an instant, in UTC, is one of [`YEARS`].
///
/// # Errors
/// [`TimeError::Year`] if it is not.
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
    fn a_skipped_time_moves_forward_and_a_doubled_time_is_the_first() {
        // London: 01:00 to 02:00 is skipped on 2026-03-29 and occurs twice on 2026-10-25.
        assert_eq!(instant("Europe/London", "2026-03-29T01:30:00"), "2026-03-29T01:30:00+00:00");
        assert_eq!(instant("Europe/London", "2026-10-25T01:30:00"), "2026-10-25T00:30:00+00:00");
        assert_eq!(instant("America/New_York", "2026-03-08T02:30:00"), "2026-03-08T07:30:00+00:00");
        assert_eq!(instant("America/New_York", "2026-11-01T01:30:00"), "2026-11-01T05:30:00+00:00");
        // A gap and a fold of half an hour, and a zone that skipped a whole day.
        assert_eq!(instant("Australia/Lord_Howe", "2026-10-04T02:15:00"), "2026-10-03T15:45:00+00:00");
        assert_eq!(instant("Pacific/Apia", "2011-12-30T09:00:00"), "2011-12-30T19:00:00+00:00");
    }

    #[test]
    fn the_zone_data_has_the_laws_of_2026() {
        // British Columbia keeps summer time from November 2026 on.
        assert_eq!(instant("America/Vancouver", "2026-12-01T09:00:00"), "2026-12-01T16:00:00+00:00");
    }

    #[test]
    fn an_unknown_zone_and_a_year_out_of_range_are_typed_errors() {
        for name in ["Europe/Londn", "", "GMT+25", "../etc/passwd", "Europe/London\n", "local"] {
            assert!(matches!(Zone::new(name), Err(TimeError::UnknownZone(_))), "{name:?}");
        }
        let far = "3000-01-01T00:00:00".parse().unwrap();
        assert_eq!(Zone::UTC.instant(far), Err(TimeError::Year(3000)));
        assert_eq!(Zone::UTC.instant("1899-12-31T23:59:59".parse().unwrap()), Err(TimeError::Year(1899)));
    }

    #[test]
    fn local_is_the_inverse_of_instant() {
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
