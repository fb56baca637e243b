//! What a run reports, outcome by outcome, and what people have to be told of it.

use std::collections::HashMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::calendar::{CalendarRef, Person};
use crate::error::ErrorKind;
use crate::ledger::{BlockReason, Hold};

pub use crate::ledger::{Outcome, Verdict};

/// The outcomes of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// In the order in which they came.
    pub outcomes: Vec<Outcome>,
}

/// A connection that waits for something outside, as a host tells its person: once, when it begins, however many events wait. An
/// outcome whose hold is not news makes no notice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Notice {
    /// The calendar where it was met first.
    pub calendar: CalendarRef,
    /// What must change.
    pub reason: BlockReason,
    /// The kind of failure.
    pub kind: ErrorKind,
    /// Since when, over all runs.
    pub since: DateTime<Utc>,
    /// When the next attempt is made by itself; `None` if only a new connection can help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// How many steps of the run wait for it.
    pub steps: usize,
}

/// What a person has to be told about an outcome, if anything.
fn notice(outcome: &Outcome) -> Option<Notice> {
    let Some(Hold::Blocked { reason, since, until, .. }) = outcome.hold else { return None };
    let failure = outcome.failure.as_ref()?;
    let calendar = outcome.calendar.clone();
    let kind = failure.kind;
    reason.is_told_to_people().then_some(Notice { calendar, reason, kind, since, until, steps: 1 })
}

impl Notice {
    /// Whether both say the same to the same person about the same thing.
    fn is_told_with(&self, other: &Self) -> bool {
        let (a, b) = (&self.calendar, &other.calendar);
        let same = match self.reason {
            BlockReason::Quota => match (&a.account, &b.account) {
                (Some(a), Some(b)) => a == b,
                _ => a.connection == b.connection,
            },
            BlockReason::Reconnect | BlockReason::MissingScope | BlockReason::OtherAccount => {
                a.connection == b.connection
            }
            _ => a.connection == b.connection && a.calendar == b.calendar,
        };
        self.reason == other.reason && a.person == b.person && a.provider == b.provider && same
    }
}

impl Report {
    /// A report of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many steps ended so.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.verdict == verdict).count()
    }

    /// Whether every target is now as it should be.
    #[must_use]
    pub fn is_all_done(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.verdict.is_done())
    }

    /// What people have to be told: each connection that has begun to wait for something outside, once.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        let mut notices: Vec<(Notice, bool)> = Vec::new();
        let mut of_person: HashMap<&Person, Vec<usize>> = HashMap::new();
        for outcome in &self.outcomes {
            let Some(notice) = notice(outcome) else { continue };
            let theirs = of_person.entry(&outcome.calendar.person).or_default();
            let is_told = |at: &usize| notices.get(*at).is_some_and(|(other, _)| other.is_told_with(&notice));
            let told = theirs.iter().copied().find(is_told);
            match told.and_then(|at| notices.get_mut(at)) {
                Some((told, is_news)) => {
                    told.steps += 1;
                    told.until = told.until.max(notice.until);
                    *is_news |= outcome.is_news;
                }
                None => {
                    theirs.push(notices.len());
                    notices.push((notice, outcome.is_news));
                }
            }
        }
        notices.into_iter().filter(|(_, is_news)| *is_news).map(|(notice, _)| notice).collect()
    }

    /// When the first of the steps that have to wait for a certain time is worth another attempt.
    #[must_use]
    pub fn next_attempt_at(&self) -> Option<DateTime<Utc>> {
        self.outcomes.iter().filter_map(Outcome::next_attempt_at).min()
    }
}

impl From<Outcome> for Report {
    fn from(outcome: Outcome) -> Self {
        Self { outcomes: vec![outcome] }
    }
}

impl FromIterator<Outcome> for Report {
    fn from_iter<I: IntoIterator<Item = Outcome>>(outcomes: I) -> Self {
        Self { outcomes: outcomes.into_iter().collect() }
    }
}

/// `google of profile 3 (connection default): the person has to connect the calendar again; steps that wait: 12`.
impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}, since {}", self.calendar, self.reason, self.since.format("%F %T UTC"))?;
        if let Some(until) = self.until {
            write!(f, ", next attempt at {}", until.format("%F %T UTC"))?;
        }
        write!(f, "; steps that wait: {}", self.steps)
    }
}
