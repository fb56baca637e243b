//! Time zone names of Windows, which Outlook uses, and of IANA, which calsync uses.
//!
//! [`zone_of`] reads the names in Graph's responses, [`windows_name`] does the reverse. The tables
//! come from Unicode CLDR (licence Unicode-3.0) and know every name a zone has had, such as
//! `Asia/Calcutta` and `Asia/Kolkata`, or `US/Eastern`.

mod iana;
mod renamed;
mod windows;

use calsync_core::time::Zone;

use iana::IANA;
use renamed::RENAMED;
use windows::WINDOWS;

/// A name for UTC that Exchange sometimes uses.
const EXCHANGE_UTC: &str = "tzone://Microsoft/Utc";

/// The name is neither a Windows nor an IANA name, such as `tzone://Microsoft/Custom`, which does
/// not tell its rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("neither Windows nor IANA calls a time zone `{name}`")]
#[non_exhaustive]
pub struct UnknownZone {
    /// The unknown name, without control characters, cut to 64 characters.
    pub name: String,
}

/// The zone of a name that Microsoft Graph uses: a Windows name, an IANA name, or Exchange's own
/// name for UTC.
///
/// Case does not matter. The returned zone has its current IANA name. A Windows zone can cover
/// several IANA zones; the result is the one that CLDR assigns for the whole world.
///
/// ```
/// use calsync_outlook::zones::zone_of;
/// assert_eq!(zone_of("GMT Standard Time")?.name(), "Europe/London");
/// assert_eq!(zone_of("India Standard Time")?.name(), "Asia/Kolkata");
/// assert_eq!(zone_of("Asia/Calcutta")?.name(), "Asia/Kolkata");
/// assert!(zone_of("Customized Time Zone").is_err());
/// # Ok::<(), calsync_outlook::zones::UnknownZone>(())
/// ```
///
/// # Errors
/// [`UnknownZone`] for any other name, including the empty one and retired Windows names. Nothing
/// is guessed.
pub fn zone_of(name: &str) -> Result<Zone, UnknownZone> {
    let known = find(WINDOWS, name).or_else(|| find(RENAMED, name));
    let iana = if name.eq_ignore_ascii_case(EXCHANGE_UTC) { "UTC" } else { known.unwrap_or(name) };
    let unknown = |_| UnknownZone { name: name.chars().filter(|c| !c.is_control()).take(64).collect() };
    Zone::new(iana).map_err(unknown)
}

/// The Windows zone that CLDR assigns to this zone. `None` for `Antarctica/Troll`, and for zones
/// newer than the tables.
///
/// Windows has fewer zones than IANA, and CLDR follows changes of law later, so the two clocks may
/// differ: Vancouver is in `Pacific Standard Time`, but keeps summer time from November 2026 on.
/// Write a time in UTC if it must be exact.
///
/// ```
/// use calsync_core::time::Zone;
/// use calsync_outlook::zones::windows_name;
/// assert_eq!(windows_name(&Zone::new("US/Eastern")?), Some("Eastern Standard Time"));
/// assert_eq!(windows_name(&Zone::new("Europe/Kyiv")?), Some("FLE Standard Time"));
/// # Ok::<(), calsync_core::time::TimeError>(())
/// ```
#[must_use]
pub fn windows_name(zone: &Zone) -> Option<&'static str> {
    let name = zone.name();
    find(IANA, find(RENAMED, name).unwrap_or(name))
}

/// Looks a name up in a table that is sorted by lower-case name.
fn find(table: &'static [(&'static str, &'static str)], name: &str) -> Option<&'static str> {
    let at = table.binary_search_by(|(key, _)| lower(key).cmp(lower(name))).ok()?;
    table.get(at).map(|(_, value)| *value)
}

fn lower(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().map(|byte| byte.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::{DateTime, Utc};

    use super::*;

    /// Every zone name in the time zone data of calsync-core.
    fn core_names() -> Vec<String> {
        jiff::tz::TimeZoneDatabase::bundled().available().map(|name| name.to_string()).collect()
    }

    fn read(name: &str) -> String {
        zone_of(name).map_or_else(|e| e.to_string(), |zone| zone.name().to_owned())
    }

    fn windows(iana: &str) -> Option<&'static str> {
        windows_name(&Zone::new(iana).unwrap())
    }

    fn at(instant: &str) -> DateTime<Utc> {
        instant.parse().unwrap()
    }

    #[test]
    fn a_name_in_a_response_becomes_the_zone_with_its_current_name() {
        for (name, zone) in [
            ("GMT Standard Time", "Europe/London"),
            ("Greenwich Standard Time", "Atlantic/Reykjavik"),
            ("W. Europe Standard Time", "Europe/Berlin"),
            ("Eastern Standard Time", "America/New_York"),
            ("Central Standard Time (Mexico)", "America/Mexico_City"),
            ("India Standard Time", "Asia/Kolkata"),
            ("Nepal Standard Time", "Asia/Kathmandu"),
            ("Myanmar Standard Time", "Asia/Yangon"),
            ("SE Asia Standard Time", "Asia/Bangkok"),
            ("FLE Standard Time", "Europe/Kyiv"),
            ("Argentina Standard Time", "America/Argentina/Buenos_Aires"),
            ("Greenland Standard Time", "America/Nuuk"),
            ("US Eastern Standard Time", "America/Indiana/Indianapolis"),
            ("UTC", "UTC"),
            ("UTC-11", "Etc/GMT+11"),
            ("UTC+12", "Etc/GMT-12"),
            ("Europe/London", "Europe/London"),
            ("Europe/Amsterdam", "Europe/Amsterdam"),
            ("Africa/Accra", "Africa/Accra"),
            ("Asia/Calcutta", "Asia/Kolkata"),
            ("Asia/Saigon", "Asia/Ho_Chi_Minh"),
            ("US/Eastern", "America/New_York"),
            ("Antarctica/Troll", "Antarctica/Troll"),
            ("Etc/GMT", "Etc/GMT"),
            ("GMT", "Etc/GMT"),
            ("Etc/UTC", "UTC"),
            ("tzone://Microsoft/Utc", "UTC"),
        ] {
            for name in [name.to_owned(), name.to_lowercase(), name.to_uppercase()] {
                assert_eq!(read(&name), zone, "{name}");
            }
        }
        assert!(zone_of("Etc/UTC").unwrap().is_utc() && zone_of("TZONE://microsoft/utc").unwrap().is_utc());
    }

    #[test]
    fn any_name_of_a_zone_finds_its_windows_zone() {
        for (zone, name) in [
            ("Europe/London", "GMT Standard Time"),
            ("US/Eastern", "Eastern Standard Time"),
            ("Asia/Kolkata", "India Standard Time"),
            ("Asia/Calcutta", "India Standard Time"),
            ("Asia/Kathmandu", "Nepal Standard Time"),
            ("Asia/Yangon", "Myanmar Standard Time"),
            ("Asia/Ho_Chi_Minh", "SE Asia Standard Time"),
            ("Europe/Kyiv", "FLE Standard Time"),
            ("Europe/Kiev", "FLE Standard Time"),
            ("America/Argentina/Buenos_Aires", "Argentina Standard Time"),
            // The tz database links these to Brussels and Abidjan; in CLDR they are separate zones.
            ("Europe/Amsterdam", "W. Europe Standard Time"),
            ("Africa/Accra", "Greenwich Standard Time"),
            ("UTC", "UTC"),
            ("Etc/UTC", "UTC"),
            ("GMT", "UTC"),
        ] {
            assert_eq!(windows(zone), Some(name), "{zone}");
        }
    }

    #[test]
    fn nothing_is_guessed() {
        for name in [
            "",
            " ",
            "[]",
            "tzone://Microsoft/Custom",
            "Customized Time Zone",
            "Kamchatka Standard Time",
            "Mid-Atlantic Standard Time",
            "Greenwich Mean Time",
            "GMT Standard Time ",
            "GMT Daylight Time",
            "(UTC+00:00) Dublin, Edinburgh, Lisbon, London",
            "UTC+5",
            "UTC+01:00",
            "London",
            "Etc/Unknown",
        ] {
            assert_eq!(zone_of(name), Err(UnknownZone { name: name.to_owned() }));
        }
        let e = zone_of(&format!("Custom\r\n{}", "é".repeat(99))).unwrap_err();
        assert_eq!(
            e.to_string(),
            format!("neither Windows nor IANA calls a time zone `Custom{}`", "é".repeat(58))
        );
    }

    #[test]
    fn the_tables_are_sorted_and_complete() {
        assert_eq!((WINDOWS.len(), IANA.len(), RENAMED.len()), (139, 445, 151));
        for table in [WINDOWS, IANA, RENAMED] {
            assert!(table.is_sorted_by(|a, b| a.0.to_lowercase() < b.0.to_lowercase()));
        }
        for (name, zone) in WINDOWS {
            assert_eq!(zone_of(name).unwrap().name(), *zone, "{name}");
            assert_eq!(windows(zone), Some(*name), "{zone}");
        }
        let named: BTreeSet<_> = IANA.iter().map(|(_, name)| name).collect();
        assert!(named.into_iter().eq(WINDOWS.iter().map(|(name, _)| name).collect::<BTreeSet<_>>()));
    }

    #[test]
    fn every_iana_zone_but_two_has_a_windows_zone() {
        let without: Vec<_> = core_names().into_iter().filter(|name| windows(name).is_none()).collect();
        assert_eq!(without, ["Antarctica/Troll", "Factory"]);
    }

    #[test]
    fn a_windows_zone_has_the_offsets_of_its_iana_zones() {
        let clocks_differ = |instant: &str| {
            let instant = at(instant);
            let differs = |name: &String| {
                let zone = Zone::new(name).unwrap();
                let read = zone_of(name).map_or(0, |zone| zone.offset(instant));
                assert_eq!(read, zone.offset(instant), "{name} is read as a zone with another offset");
                windows_name(&zone).is_some_and(|name| zone_of(name).unwrap().offset(instant) != read)
            };
            core_names().into_iter().filter(differs).collect::<Vec<_>>()
        };
        // East Greenland and two Antarctic stations changed their clocks after CLDR assigned them.
        let moved = ["America/Scoresbysund", "Antarctica/Casey", "Antarctica/Vostok"];
        assert_eq!(clocks_differ("2026-01-15T12:00:00Z"), moved);
        assert_eq!(clocks_differ("2026-07-15T12:00:00Z"), moved);
        // Parts of Canada that stay on summer time from November 2026 on.
        let canada = [
            "America/Edmonton",
            "America/Inuvik",
            "America/Rainy_River",
            "America/Vancouver",
            "America/Winnipeg",
            "America/Yellowknife",
            "Canada/Central",
            "Canada/Mountain",
            "Canada/Pacific",
        ];
        let all: BTreeSet<_> = moved.into_iter().chain(canada).map(str::to_owned).collect();
        assert!(all.into_iter().eq(clocks_differ("2026-12-15T12:00:00Z")));
    }
}
