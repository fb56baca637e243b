//! Parsers of values (RFC 5545 section 3.3).

use calsync_core::time::{Zone, check};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

use crate::error::IcsProblem;

/// A DATE, or a DATE-TIME in UTC or with a zone.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Moment {
    Day(NaiveDate),
    Instant { at: DateTime<Utc>, zone: Option<Zone> },
}

/// Parses the value of DTSTART or DTEND.
pub(crate) fn moment(value: &str, tzid: Option<&str>) -> Result<Moment, IcsProblem> {
    let value = value.trim();
    if !value.contains('T') {
        return Ok(Moment::Day(date(value).ok_or(IcsProblem::Malformed)?));
    }
    if let Some(at) = utc(value) {
        check(at).map_err(|_| IcsProblem::Year)?;
        return Ok(Moment::Instant { at, zone: None });
    }
    let local = local(value).ok_or(IcsProblem::Malformed)?;
    let zone = zone(tzid.ok_or(IcsProblem::Floating)?).ok_or(IcsProblem::UnknownZone)?;
    let at = zone.instant(local).map_err(|_| IcsProblem::Year)?;
    Ok(Moment::Instant { at, zone: Some(zone) })
}

/// Finds a zone by its TZID: an IANA name, or an IANA name after a vendor's prefix
/// (`/example.org/Europe/London`).
fn zone(tzid: &str) -> Option<Zone> {
    let tzid = tzid.trim();
    if !tzid.starts_with('/') {
        return Zone::new(tzid).ok();
    }
    let mut tails = tzid.match_indices('/').filter_map(|(at, _)| tzid.get(at + 1..));
    tails.find_map(|tail| Zone::new(tail).ok())
}

/// Parses a DATE-TIME in UTC.
pub(crate) fn utc(value: &str) -> Option<DateTime<Utc>> {
    Some(local(value.strip_suffix(['Z', 'z'])?)?.and_utc())
}

fn local(value: &str) -> Option<NaiveDateTime> {
    let (day, time) = value.split_once('T')?;
    if time.len() != 6 {
        return None;
    }
    // Second 60 is a leap second, which time zone data does not contain.
    let second = digits(time, 4, 6)?.min(59);
    Some(date(day)?.and_time(NaiveTime::from_hms_opt(digits(time, 0, 2)?, digits(time, 2, 4)?, second)?))
}

fn date(value: &str) -> Option<NaiveDate> {
    if value.len() != 8 {
        return None;
    }
    NaiveDate::from_ymd_opt(digits(value, 0, 4)?.try_into().ok()?, digits(value, 4, 6)?, digits(value, 6, 8)?)
}

fn digits(text: &str, from: usize, to: usize) -> Option<u32> {
    let part = text.get(from..to)?;
    if part.bytes().all(|byte| byte.is_ascii_digit()) { part.parse().ok() } else { None }
}

/// A DURATION (section 3.3.6). Days and weeks are calendar days; hours, minutes and seconds are
/// exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    days: i64,
    seconds: i64,
}

impl Span {
    pub(crate) fn read(value: &str) -> Option<Self> {
        let value = value.trim();
        let (sign, value) = match value.strip_prefix('-') {
            Some(value) => (-1, value),
            None => (1, value.strip_prefix('+').unwrap_or(value)),
        };
        let (mut days, mut seconds) = (0_i64, 0_i64);
        let mut number = String::new();
        let mut any = false;
        for character in value.strip_prefix('P')?.chars() {
            let (sum, unit) = match character {
                'W' => (&mut days, 7),
                'D' => (&mut days, 1),
                'H' => (&mut seconds, 3_600),
                'M' => (&mut seconds, 60),
                'S' => (&mut seconds, 1),
                'T' if number.is_empty() => continue,
                digit if digit.is_ascii_digit() => {
                    number.push(digit);
                    continue;
                }
                _ => return None,
            };
            *sum = sum.checked_add(number.parse::<i64>().ok()?.checked_mul(unit)?)?;
            number.clear();
            any = true;
        }
        (any && number.is_empty()).then_some(Self { days: sign * days, seconds: sign * seconds })
    }

    /// Adds the duration to `at`. A day ends at the same local time in the zone: it has 23 or 25
    /// hours if the clocks change. Returns `None` on overflow.
    pub(crate) fn after(self, at: DateTime<Utc>, zone: &Zone) -> Option<DateTime<Utc>> {
        let day = match self.days {
            0 => at,
            days => {
                let local = zone.local(at).checked_add_signed(TimeDelta::try_days(days)?)?;
                zone.instant(local).ok()?
            }
        };
        day.checked_add_signed(TimeDelta::try_seconds(self.seconds)?)
    }

    /// The duration in whole days, rounded down; a day here has 24 hours.
    pub(crate) fn whole_days(self) -> Option<TimeDelta> {
        TimeDelta::try_days(self.days.checked_add(self.seconds.div_euclid(86_400))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_parsed_and_invalid_ones_refused() {
        let span = |text| Span::read(text).map(|span| (span.days, span.seconds));
        assert_eq!(span("-PT15M"), Some((0, -900)));
        assert_eq!(span("P1DT2H3M4S"), Some((1, 7_384)));
        assert_eq!(span("-P1DT1S"), Some((-1, -1)));
        assert_eq!(span("+P2W"), Some((14, 0)));
        for broken in
            ["", "P", "PT", "15M", "P1", "PT1.5S", "P-1D", "P99999999999999999999D", "P9223372036854775807W"]
        {
            assert_eq!(span(broken), None, "{broken}");
        }
    }

    #[test]
    fn days_are_calendar_days_and_hours_are_exact() {
        let berlin = Zone::new("Europe/Berlin").unwrap();
        // Noon of the day before summer time begins.
        let noon = berlin.instant("2026-03-28T12:00:00".parse().unwrap()).unwrap();
        let after =
            |text| Span::read(text).and_then(|span| span.after(noon, &berlin)).map(|at| at.to_string());
        assert_eq!(after("P1D").unwrap(), "2026-03-29 10:00:00 UTC");
        assert_eq!(after("PT24H").unwrap(), "2026-03-29 11:00:00 UTC");
        assert_eq!(after("P1DT1H").unwrap(), "2026-03-29 11:00:00 UTC");
        assert_eq!(after("-P1W").unwrap(), "2026-03-21 11:00:00 UTC");
        for far in ["P1000000W", "-P1000000W", "P9223372036854775807D", "PT9223372036854775807S"] {
            assert_eq!(after(far), None, "{far}");
        }
    }

    #[test]
    fn dates_and_times_are_parsed_and_invalid_ones_refused() {
        let instant = |value, tzid| match moment(value, tzid) {
            Ok(Moment::Instant { at, .. }) => at.to_string(),
            other => format!("{other:?}"),
        };
        assert_eq!(instant("20260701T090000", Some("Europe/London")), "2026-07-01 08:00:00 UTC");
        assert_eq!(
            instant("20260701T090000", Some("/citadel.org/20250101_1/Europe/London")),
            "2026-07-01 08:00:00 UTC"
        );
        assert_eq!(instant("20260701T090060Z", None), "2026-07-01 09:00:59 UTC");
        assert_eq!(instant("20260701T090000", None), "Err(Floating)");
        assert_eq!(instant("20260701T090000", Some("GMT Standard Time")), "Err(UnknownZone)");
        assert_eq!(instant("29990701T090000Z", None), "2999-07-01 09:00:00 UTC");
        assert_eq!(instant("30000701T090000Z", None), "Err(Year)");
        for broken in
            ["2026-07-01T09:00:00Z", "20261301T090000Z", "T", "20260701T", "é0260701T090000", "２０２６0701"]
        {
            assert_eq!(instant(broken, None), "Err(Malformed)", "{broken}");
        }
        assert_eq!(moment("20260701", None), Ok(Moment::Day(NaiveDate::from_ymd_opt(2026, 7, 1).unwrap())));
    }
}
