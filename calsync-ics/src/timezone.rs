//! `VTIMEZONE`: one fixed text for each zone, equal in every file, because servers keep the first
//! definition that they see of a name.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use calsync_core::time::{Onset, RuleKind, Zone};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc, Weekday};

use crate::lines::Lines;

/// The texts of a zone in files.
#[derive(Debug)]
pub(crate) struct ZoneText {
    /// The definition is correct for times from this instant on.
    pub(crate) since: DateTime<Utc>,
    /// From this instant on nearly all readers know the rules. Many readers ignore the definition
    /// and look up the name in their own data, which may be years old.
    pub(crate) known: DateTime<Utc>,
    /// The local times that occur twice a year: their month, and their length.
    pub(crate) doubled: Option<(u32, TimeDelta)>,
    /// Start of a `DTSTART` line in this zone, up to the colon.
    pub(crate) start: String,
    /// Start of a `DTEND` line in this zone, up to the colon.
    pub(crate) end: String,
    /// The `VTIMEZONE` component, line ends included.
    pub(crate) definition: String,
}

/// How long a new law takes to reach the time zone data of nearly every reader: five years.
const SPREAD: TimeDelta = TimeDelta::days(5 * 366);

/// Returns the texts of a zone. Returns `None` for UTC, and for zones whose rules cannot be written
/// as yearly rules.
///
/// The texts are built once for each zone and never freed; the number of zones bounds the memory.
pub(crate) fn text_of(zone: &Zone) -> Option<&'static ZoneText> {
    static TEXTS: RwLock<BTreeMap<Box<str>, Option<&'static ZoneText>>> = RwLock::new(BTreeMap::new());
    if zone.is_utc() {
        return None;
    }
    if let Some(known) = TEXTS.read().unwrap_or_else(PoisonError::into_inner).get(zone.name()) {
        return *known;
    }
    let made = make(zone);
    let mut texts = TEXTS.write().unwrap_or_else(PoisonError::into_inner);
    *texts.entry(zone.name().into()).or_insert_with(|| made.map(|text| &*Box::leak(Box::new(text))))
}

fn make(zone: &Zone) -> Option<ZoneText> {
    let rules = zone.rules()?;
    let doubled = match &rules.kind {
        RuleKind::Yearly { standard, .. } => {
            Some((standard.month, TimeDelta::seconds((standard.before - standard.after).into())))
        }
        _ => None,
    };
    Some(ZoneText {
        since: rules.since,
        known: rules.since + SPREAD,
        doubled,
        start: head("DTSTART", zone),
        end: head("DTEND", zone),
        definition: definition(zone.name(), &rules.kind)?,
    })
}

fn head(property: &str, zone: &Zone) -> String {
    let mut lines = Lines::default();
    lines.lines(property);
    lines.param("TZID", zone.name());
    lines.lines(":");
    lines.into_string()
}

/// Returns the definition of UTC, for a calendar without events: a calendar without any component
/// is not valid.
pub(crate) fn utc() -> Option<String> {
    definition("UTC", &Zone::UTC.rules()?.kind)
}

fn definition(name: &str, kind: &RuleKind) -> Option<String> {
    let mut lines = Lines::default();
    lines.plain("BEGIN:VTIMEZONE", "");
    lines.text("TZID:", name);
    match kind {
        RuleKind::Fixed { offset, abbreviation } => {
            let epoch = NaiveDate::from_ymd_opt(1970, 1, 1)?.and_time(NaiveTime::MIN);
            observance(&mut lines, "STANDARD", (*offset, *offset), abbreviation, epoch, None);
        }
        RuleKind::Yearly { standard, daylight } => {
            for (component, onset) in [("DAYLIGHT", daylight), ("STANDARD", standard)] {
                let offsets = (onset.before, onset.after);
                let first = onset.local(1970)?;
                observance(&mut lines, component, offsets, &onset.abbreviation, first, Some(onset));
            }
        }
        _ => return None,
    }
    lines.plain("END:VTIMEZONE", "");
    Some(lines.into_string())
}

fn observance(
    lines: &mut Lines,
    component: &str,
    offsets: (i32, i32),
    name: &str,
    first: NaiveDateTime,
    yearly: Option<&Onset>,
) {
    lines.plain("BEGIN:", component);
    lines.plain("TZOFFSETFROM:", &offset_text(offsets.0));
    lines.plain("TZOFFSETTO:", &offset_text(offsets.1));
    lines.text("TZNAME:", name);
    lines.time("DTSTART:", first, "");
    if let Some(onset) = yearly {
        let rule = format!("{};BYDAY={}{}", onset.month, onset.nth, two_letters(onset.weekday));
        lines.plain("RRULE:FREQ=YEARLY;BYMONTH=", &rule);
    }
    lines.plain("END:", component);
}

fn offset_text(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let (minutes, rest) = (seconds.unsigned_abs() / 60, seconds.unsigned_abs() % 60);
    let whole = format!("{sign}{:02}{:02}", minutes / 60, minutes % 60);
    if rest == 0 { whole } else { format!("{whole}{rest:02}") }
}

fn two_letters(weekday: Weekday) -> &'static str {
    match weekday {
        Weekday::Mon => "MO",
        Weekday::Tue => "TU",
        Weekday::Wed => "WE",
        Weekday::Thu => "TH",
        Weekday::Fri => "FR",
        Weekday::Sat => "SA",
        Weekday::Sun => "SU",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_have_yearly_rules_and_no_single_dates() {
        let london = text_of(&Zone::new("Europe/London").unwrap()).unwrap();
        assert_eq!(
            london.definition.replace("\r\n", "\n"),
            "BEGIN:VTIMEZONE\nTZID:Europe/London\n\
             BEGIN:DAYLIGHT\nTZOFFSETFROM:+0000\nTZOFFSETTO:+0100\nTZNAME:BST\nDTSTART:19700329T010000\n\
             RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\nEND:DAYLIGHT\n\
             BEGIN:STANDARD\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0000\nTZNAME:GMT\nDTSTART:19701025T020000\n\
             RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\nEND:STANDARD\nEND:VTIMEZONE\n"
        );
        let kathmandu = text_of(&Zone::new("Asia/Kathmandu").unwrap()).unwrap();
        assert_eq!(
            kathmandu.definition.replace("\r\n", "\n"),
            "BEGIN:VTIMEZONE\nTZID:Asia/Kathmandu\nBEGIN:STANDARD\nTZOFFSETFROM:+0545\nTZOFFSETTO:+0545\n\
             TZNAME:+0545\nDTSTART:19700101T000000\nEND:STANDARD\nEND:VTIMEZONE\n"
        );
    }

    #[test]
    fn utc_and_zones_without_yearly_rules_have_no_definition() {
        for name in ["UTC", "Asia/Jerusalem", "America/Santiago"] {
            assert!(text_of(&Zone::new(name).unwrap()).is_none(), "{name}");
        }
    }
}
