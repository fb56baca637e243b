//! What a written definition of a zone (iCalendar's `VTIMEZONE`) needs: the rules that hold for good.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc, Weekday};

use super::Zone;

/// The rules of a zone from some instant on, for good.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ZoneRules {
    /// From when on they hold.
    pub since: DateTime<Utc>,
    /// The rules.
    pub kind: RuleKind,
}

/// How a zone's clocks behave, for good.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleKind {
    /// They never change.
    Fixed {
        /// Seconds east of Greenwich.
        offset: i32,
        /// The short name, such as `MST` or `+03`.
        abbreviation: Box<str>,
    },
    /// They change twice a year, on the same weekdays every year.
    Yearly {
        /// Back to the smaller offset.
        standard: Onset,
        /// On to the larger offset. By the offsets, not by what the law calls it: Ireland's law has its winter time as the
        /// exception, and readers of calendar files expect the larger offset here.
        daylight: Onset,
    },
}

/// One of the two changes of a year.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Onset {
    /// The month, from 1.
    pub month: u32,
    /// The day of the week.
    pub weekday: Weekday,
    /// Which of these weekdays in the month: 1 to 4, or -1 for the last.
    pub nth: i8,
    /// What clocks show just before the change.
    pub time: NaiveTime,
    /// Seconds east of Greenwich before the change.
    pub before: i32,
    /// Seconds east of Greenwich after the change.
    pub after: i32,
    /// The short name of the time that begins, such as `BST`.
    pub abbreviation: Box<str>,
}

impl Onset {
    /// What clocks show just before the change of that year.
    #[must_use]
    pub fn local(&self, year: i32) -> Option<NaiveDateTime> {
        let date = if let Ok(nth) = u8::try_from(self.nth) {
            NaiveDate::from_weekday_of_month_opt(year, self.month, self.weekday, nth)?
        } else {
            let (next_year, next_month) =
                if self.month == 12 { (year + 1, 1) } else { (year, self.month + 1) };
            let last = NaiveDate::from_ymd_opt(next_year, next_month, 1)?.pred_opt()?;
            last.checked_sub_days(Days::new(last.weekday().days_since(self.weekday).into()))?
        };
        Some(date.and_time(self.time))
    }

    /// The instant of the change of that year.
    #[must_use]
    pub fn instant(&self, year: i32) -> Option<DateTime<Utc>> {
        let local = self.local(year)?;
        Some(local.checked_sub_signed(TimeDelta::seconds(self.before.into()))?.and_utc())
    }
}

/// A change of a zone's offset.
struct Change {
    at: DateTime<Utc>,
    before: i32,
    after: i32,
    abbreviation: Box<str>,
}

impl Change {
    fn local(&self) -> NaiveDateTime {
        self.at.naive_utc() + TimeDelta::seconds(self.before.into())
    }
}

/// The bundled data spells single years out up to 2087 (Gaza, Casablanca); the years from here on follow rules alone.
const SETTLED: i32 = 2090;
/// Long enough for every weekday to fall on every date it can.
const HORIZON: i32 = 2125;

impl Zone {
    /// The rules that hold for good, and from when on.
    ///
    /// `None` where they are of neither [kind](RuleKind): clocks that change on a day which no *n-th weekday of a month*
    /// names, such as `Asia/Jerusalem` (the Friday before the last Sunday) and `America/Santiago` (midnight after the first
    /// Saturday). Outlook takes no other rule in a `VTIMEZONE` (MS-OXCICAL 2.1.3.1.1.19.2.2).
    ///
    /// Worked out once a zone and kept.
    #[must_use]
    pub fn rules(&self) -> Option<&'static ZoneRules> {
        // Bounded: a name gets in only by way of a zone that exists.
        static RULES: RwLock<BTreeMap<Box<str>, Option<&'static ZoneRules>>> = RwLock::new(BTreeMap::new());
        if let Some(known) = RULES.read().unwrap_or_else(PoisonError::into_inner).get(self.name()) {
            return *known;
        }
        let found = self.work_out_rules();
        let mut rules = RULES.write().unwrap_or_else(PoisonError::into_inner);
        *rules.entry(self.name().into()).or_insert_with(|| found.map(|rules| &*Box::leak(Box::new(rules))))
    }

    fn work_out_rules(&self) -> Option<ZoneRules> {
        let from = NaiveDate::from_ymd_opt(1900, 1, 1)?.and_time(NaiveTime::MIN).and_utc();
        let to = NaiveDate::from_ymd_opt(HORIZON, 1, 1)?.and_time(NaiveTime::MIN).and_utc();
        let changes = self.changes(from, to)?;
        let settled: Vec<&Change> = changes.iter().filter(|change| change.at.year() >= SETTLED).collect();
        if settled.is_empty() {
            let at = jiff::Timestamp::from_second(to.timestamp()).ok()?;
            let abbreviation = self.0.to_offset_info(at).abbreviation().into();
            let since = changes.last().map_or(from, |change| change.at);
            return Some(ZoneRules {
                since,
                kind: RuleKind::Fixed { offset: self.offset(to), abbreviation },
            });
        }
        let (rising, falling): (Vec<_>, Vec<_>) =
            settled.iter().partition(|change| change.after > change.before);
        let (standard, daylight) = (onset(&falling)?, onset(&rising)?);
        let follows = |change: &Change| {
            let onset = if change.after > change.before { &daylight } else { &standard };
            (onset.before, onset.after) == (change.before, change.after)
                && onset.instant(change.local().year()) == Some(change.at)
        };
        let mut since = to;
        let mut later: [Option<i32>; 2] = [None, None];
        for change in changes.iter().rev() {
            let [next, after_next] = later;
            let year = change.local().year();
            // The change after the next one is of the same kind: a year without it would be a break in the rule.
            if !follows(change) || after_next.is_some_and(|next| next != year + 1) {
                break;
            }
            since = change.at;
            later = [Some(year), next];
        }
        (since.year() < SETTLED).then_some(ZoneRules { since, kind: RuleKind::Yearly { standard, daylight } })
    }

    /// Every change of the offset between two instants. A new name alone is none.
    fn changes(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<Vec<Change>> {
        let start = jiff::Timestamp::from_second(from.timestamp()).ok()?;
        let mut before = self.offset(from);
        let mut changes = Vec::new();
        for transition in self.0.following(start) {
            let at = DateTime::from_timestamp(transition.timestamp().as_second(), 0)?;
            if at >= to {
                break;
            }
            let after = transition.offset().seconds();
            if after != before {
                changes.push(Change { at, before, after, abbreviation: transition.abbreviation().into() });
            }
            before = after;
        }
        Some(changes)
    }
}

/// The one rule that all these changes follow.
fn onset(changes: &[&Change]) -> Option<Onset> {
    let first = changes.first()?;
    let local = first.local();
    let mut onset = Onset {
        month: local.month(),
        weekday: local.weekday(),
        nth: 0,
        time: local.time(),
        before: first.before,
        after: first.after,
        abbreviation: first.abbreviation.clone(),
    };
    for nth in [1, 2, 3, 4, -1] {
        onset.nth = nth;
        if changes.iter().all(|change| {
            (change.before, change.after) == (onset.before, onset.after)
                && onset.instant(change.local().year()) == Some(change.at)
        }) {
            return Some(onset);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(name: &str) -> Option<&'static ZoneRules> {
        Zone::new(name).unwrap().rules()
    }

    fn yearly(name: &str) -> String {
        match rules(name).map(|rules| &rules.kind) {
            Some(RuleKind::Yearly { standard, daylight }) => [daylight, standard]
                .map(|o| {
                    format!(
                        "{}/{}{} {} {}→{} {}",
                        o.month, o.nth, o.weekday, o.time, o.before, o.after, o.abbreviation
                    )
                })
                .join(", "),
            Some(RuleKind::Fixed { offset, abbreviation }) => format!("{offset} {abbreviation}"),
            None => "none".into(),
        }
    }

    /// What the rules say, worked out without the zone's own data.
    fn offset_by_rules(rules: &ZoneRules, at: DateTime<Utc>) -> i32 {
        let (standard, daylight) = match &rules.kind {
            RuleKind::Fixed { offset, .. } => return *offset,
            RuleKind::Yearly { standard, daylight } => (standard, daylight),
        };
        let onsets = (at.year() - 1..=at.year() + 1)
            .flat_map(|year| [standard, daylight].map(|o| (o.instant(year).unwrap(), o)));
        onsets.filter(|(instant, _)| *instant <= at).max_by_key(|(instant, _)| *instant).unwrap().1.after
    }

    #[test]
    fn every_zone_of_the_database_keeps_its_rules() {
        let (mut with_rules, mut without) = (0, Vec::new());
        for name in jiff::tz::TimeZoneDatabase::bundled().available() {
            let Ok(zone) = Zone::new(name.as_str()) else { continue };
            let Some(rules) = zone.rules() else {
                without.push(zone.name().to_owned());
                continue;
            };
            with_rules += 1;
            for (year, month) in (2026..=2060).flat_map(|year| (1..=12).map(move |month| (year, month))) {
                let at = NaiveDate::from_ymd_opt(year, month, 15).unwrap().and_time(NaiveTime::MIN).and_utc();
                assert!(at < rules.since || offset_by_rules(rules, at) == zone.offset(at), "{zone} at {at}");
            }
            // To the second, around the changes themselves.
            if let RuleKind::Yearly { standard, daylight } = &rules.kind {
                for instant in
                    (2026..=2060).flat_map(|year| [standard.instant(year), daylight.instant(year)]).flatten()
                {
                    for at in [instant, instant - TimeDelta::seconds(1)] {
                        assert!(
                            at < rules.since || offset_by_rules(rules, at) == zone.offset(at),
                            "{zone} at {at}"
                        );
                    }
                }
            }
        }
        assert!(with_rules > 550, "{with_rules} zones have rules, these not: {without:?}");
        let moving = "Africa/Cairo America/Godthab America/Nuuk America/Santiago America/Scoresbysund Asia/Gaza Asia/Hebron \
                      Asia/Jerusalem Asia/Tel_Aviv Chile/Continental Egypt Israel";
        assert_eq!(without.join(" "), moving);
    }

    #[test]
    fn rules_are_those_of_the_law() {
        assert_eq!(yearly("Europe/London"), "3/-1Sun 01:00:00 0→3600 BST, 10/-1Sun 02:00:00 3600→0 GMT");
        // Ireland's winter time is the exception by law, and standard time to readers.
        assert_eq!(yearly("Europe/Dublin"), "3/-1Sun 01:00:00 0→3600 IST, 10/-1Sun 02:00:00 3600→0 GMT");
        assert_eq!(
            yearly("America/New_York"),
            "3/2Sun 02:00:00 -18000→-14400 EDT, 11/1Sun 02:00:00 -14400→-18000 EST"
        );
        assert_eq!(
            yearly("Australia/Lord_Howe"),
            "10/1Sun 02:00:00 37800→39600 +11, 4/1Sun 02:00:00 39600→37800 +1030"
        );
        assert_eq!(yearly("Asia/Kolkata"), "19800 IST");
        assert_eq!(yearly("UTC"), "0 UTC");
        for moving in ["Asia/Jerusalem", "Africa/Cairo", "America/Nuuk", "America/Santiago"] {
            assert_eq!(yearly(moving), "none", "{moving}");
        }
    }

    #[test]
    fn rules_hold_only_from_when_they_settle() {
        let since = |name: &str| rules(name).unwrap().since.to_string();
        assert_eq!(since("Europe/London"), "1996-03-31 01:00:00 UTC");
        assert_eq!(since("America/New_York"), "2007-03-11 07:00:00 UTC");
        // British Columbia stays on summer time from March 2026 on; Morocco gave up its summer time that September.
        assert_eq!(since("America/Vancouver"), "2026-03-08 10:00:00 UTC");
        assert_eq!(since("Africa/Casablanca"), "2026-09-20 01:00:00 UTC");
    }
}
