//! The report of a run: one outcome for each step, and the notices that a host shows to people.

use std::collections::HashMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::calendar::{CalendarRef, Person};
use crate::error::ErrorKind;
use crate::ledger::{BlockReason, Hold};

pub use crate::ledger::{Outcome, Verdict};

/// The outcomes of a run, one for each step that ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// The outcomes, in the order in which the steps ended.
    pub outcomes: Vec<Outcome>,
}

/// A problem of a connection that calsync cannot solve alone, for the host to show to the person.
/// There is one notice for each new problem, however many events wait for it. An outcome whose hold
/// was already reported makes no notice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Notice {
    /// The calendar of the first outcome with this problem.
    pub calendar: CalendarRef,
    /// The problem.
    pub reason: BlockReason,
    /// The kind of failure.
    pub kind: ErrorKind,
    /// When the problem began, over all runs.
    pub since: DateTime<Utc>,
    /// When the next automatic attempt is made; `None` if the person must connect the calendar
    /// again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// The number of steps of the run that wait because of the problem.
    pub steps: usize,
}

/// Returns the notice for an outcome, or `None` if the outcome needs no action by a person.
fn notice(outcome: &Outcome) -> Option<Notice> {
    let Some(Hold::Blocked { reason, since, until, .. }) = outcome.hold else { return None };
    let failure = outcome.failure.as_ref()?;
    let calendar = outcome.calendar.clone();
    let kind = failure.kind;
    reason.needs_person().then_some(Notice { calendar, reason, kind, since, until, steps: 1 })
}

impl Notice {
    /// Returns `true` if both notices are about the same problem of the same person.
    fn is_same_problem(&self, other: &Self) -> bool {
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
    /// Creates a report without outcomes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the number of steps with this verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.verdict == verdict).count()
    }

    /// Returns `true` if every step was done, so that every target of the run is in its desired
    /// state.
    #[must_use]
    pub fn is_all_done(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.verdict.is_done())
    }

    /// Returns the notices for people: one for each new problem that calsync cannot solve alone.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        let mut notices: Vec<(Notice, bool)> = Vec::new();
        let mut of_person: HashMap<&Person, Vec<usize>> = HashMap::new();
        for outcome in &self.outcomes {
            let Some(notice) = notice(outcome) else { continue };
            let theirs = of_person.entry(&outcome.calendar.person).or_default();
            let is_same =
                |at: &usize| notices.get(*at).is_some_and(|(other, _)| other.is_same_problem(&notice));
            let same = theirs.iter().copied().find(is_same);
            match same.and_then(|at| notices.get_mut(at)) {
                Some((same, is_news)) => {
                    same.steps += 1;
                    same.until = same.until.max(notice.until);
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

    /// Returns the earliest time at which a step of the report can be attempted again. `None` if no
    /// step waits for a certain time.
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

/// Example: `google of profile 3 (connection default): the person has to connect the calendar
/// again, since 2026-01-10 12:00:00 UTC; steps that wait: 12`.
impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}, since {}", self.calendar, self.reason, self.since.format("%F %T UTC"))?;
        if let Some(until) = self.until {
            write!(f, ", next attempt at {}", until.format("%F %T UTC"))?;
        }
        write!(f, "; steps that wait: {}", self.steps)
    }
}
