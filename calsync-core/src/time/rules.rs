//! The rules that a zone follows permanently, as an iCalendar `VTIMEZONE` needs them.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc, Weekday};

use super::Zone;

/// The rules that a zone follows permanently from an instant on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ZoneRules {
    /// The instant from which the rules apply.
    pub since: DateTime<Utc>,
    /// Whether the offset is fixed or changes twice a year.
    pub kind: RuleKind,
}

/// How the offset of a zone behaves permanently.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleKind {
    /// The offset never changes.
    Fixed {
        /// The offset from UTC in seconds; positive east of Greenwich.
        offset: i32,
        /// The short name, such as `MST` or `+03`.
        abbreviation: Box<str>,
    },
    /// The offset changes twice a year, on the same weekdays in every year.
    Yearly {
        /// The change to the smaller offset.
        standard: Onset,
        /// The change to the larger offset. The names follow the offsets, not the law: in Ireland's
        /// law winter time is the exception, but readers of calendar files expect the larger offset
        /// here.
        daylight: Onset,
    },
}

/// One of the two yearly changes of the offset.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Onset {
    /// The month, 1 to 12.
    pub month: u32,
    /// The day of the week.
    pub weekday: Weekday,
    /// Which of these weekdays in the month: 1 to 4, or -1 for the last.
    pub nth: i8,
    /// The local time of the change, in the offset before it.
    pub time: NaiveTime,
    /// The offset from UTC before the change, in seconds; positive east of Greenwich.
    pub before: i32,
    /// The offset from UTC after the change, in seconds; positive east of Greenwich.
    pub after: i32,
    /// The short name of the time after the change, such as `BST`.
    pub abbreviation: Box<str>,
}

impl Onset {
    /// Returns the local time of the change in a year, in the offset before it. `None` if the year
    /// has no such date.
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

    /// Returns the instant of the change in a year. `None` if the year has no such date.
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

/// The bundled data lists single years up to 2087 (Gaza, Casablanca). From this year on, all zones
/// follow rules alone.
const SETTLED: i32 = 2090;
/// The years before this one are examined: enough for each weekday to fall on each possible date.
const HORIZON: i32 = 2125;

impl Zone {
    /// Returns the rules that the zone follows permanently, and the instant from which they apply.
    ///
    /// Returns `None` if they are of neither [kind](RuleKind), because the clocks change on a day
    /// that is not the *n-th weekday of a month*: for example `Asia/Jerusalem` (the Friday before
    /// the last Sunday) and `America/Santiago` (midnight after the first Saturday). Outlook accepts
    /// no other rule in a `VTIMEZONE` (MS-OXCICAL 2.1.3.1.1.19.2.2).
    ///
    /// The result is computed once for each zone and cached for the life of the process.
    #[must_use]
    pub fn rules(&self) -> Option<&'static ZoneRules> {
        // The cache is bounded: it has only names of zones that exist.
        static RULES: RwLock<BTreeMap<Box<str>, Option<&'static ZoneRules>>> = RwLock::new(BTreeMap::new());
        if let Some(known) = RULES.read().unwrap_or_else(PoisonError::into_inner).get(self.name()) {
            return *known;
        }
        let found = self.compute_rules();
        let mut rules = RULES.write().unwrap_or_else(PoisonError::into_inner);
        *rules.entry(self.name().into()).or_insert_with(|| found.map(|rules| &*Box::leak(Box::new(rules))))
    }

    fn compute_rules(&self) -> Option<ZoneRules> {
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
            // Changes alternate, so the change after the next one is of the same kind. If it is not
            // in the next year, the rule was interrupted.
            if !follows(change) || after_next.is_some_and(|next| next != year + 1) {
                break;
            }
            since = change.at;
            later = [Some(year), next];
        }
        (since.year() < SETTLED).then_some(ZoneRules { since, kind: RuleKind::Yearly { standard, daylight } })
    }

    /// Returns every change of the offset between two instants. A transition that changes only the
    /// name is not included.
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

/// Returns the one rule that all these changes follow, or `None` if there is no such rule.
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

    /// Computes the offset from the rules, without the zone's own data.
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
    fn the_rules_agree_with_the_data_of_every_zone() {
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
            // Exact to the second around each change.
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
    fn rules_agree_with_the_laws_of_known_zones() {
        assert_eq!(yearly("Europe/London"), "3/-1Sun 01:00:00 0→3600 BST, 10/-1Sun 02:00:00 3600→0 GMT");
        // In Ireland's law winter time is the exception; for readers of calendar files it is
        // standard time.
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
    fn rules_apply_from_the_last_irregular_change_on() {
        let since = |name: &str| rules(name).unwrap().since.to_string();
        assert_eq!(since("Europe/London"), "1996-03-31 01:00:00 UTC");
        assert_eq!(since("America/New_York"), "2007-03-11 07:00:00 UTC");
        // British Columbia keeps summer time from March 2026 on; Morocco ended summer time in
        // September 2026.
        assert_eq!(since("America/Vancouver"), "2026-03-08 10:00:00 UTC");
        assert_eq!(since("Africa/Casablanca"), "2026-09-20 01:00:00 UTC");
    }
}
