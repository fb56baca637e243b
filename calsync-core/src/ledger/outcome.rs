//! The outcome of one step, as the run reports it and the ledger records it.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::calendar::{CalendarRef, Role};
use crate::error::Failure;
use crate::id::AppointmentId;
use crate::identity::{Generation, TargetKey};
use crate::ledger::hold::Hold;
use crate::ledger::row::DeliveryState;

/// The outcome of one step: what happened, and the new content of the ledger's row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The appointment whose ledger records this outcome.
    pub appointment: AppointmentId,
    /// The calendar. After a success it names the account that the response was for.
    pub calendar: CalendarRef,
    /// The target of the step.
    pub target: TargetKey,
    /// The role whose text the event has.
    pub role: Role,
    /// The revision of the plan that was run.
    pub revision: u64,
    /// When the plan was made; the events carry it as their time of change.
    pub at: DateTime<Utc>,
    /// When the step ended.
    pub ended_at: DateTime<Utc>,
    /// What happened.
    pub verdict: Verdict,
    /// The row's new generation.
    pub generation: Generation,
    /// The row's new state.
    pub state: DeliveryState,
    /// The row's new hold; `None` if the row is not held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// The failure, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// How many attempts have failed in a row, over all runs.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
    /// From when on a plan adds a look into the calendar; `None` if no look is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_at: Option<DateTime<Utc>>,
    /// Whether the hold is new: the first failure for this reason of this account or calendar.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_news: bool,
    /// How many copies of our event a person has made: they carry our marker, but calsync did not
    /// make them. They were not touched.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub copies: u32,
    /// Whether an event that is not ours has our event id. It was not touched.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub foreign: bool,
}

/// What happened at one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// The event was made.
    Created,
    /// The event was updated, or was found as it should be.
    Updated,
    /// The event was removed, or a look showed that no event is there.
    Removed,
    /// The person had deleted the event, and by the host's policy it stays deleted
    /// ([`RemovedByPerson::Respect`](crate::plan::RemovedByPerson::Respect)).
    Respected,
    /// A removal waits for the person's new event, which could not be made yet.
    Postponed,
    /// Another worker was faster: the event has a newer revision. The next run looks first.
    Superseded,
    /// The event is there, but must not be removed: it is in another account, or carries another
    /// host's marker. The row stays until the host [abandons](crate::ledger::Ledger::abandon) it.
    LeftBehind,
    /// Nothing was done; [`Outcome::failure`] says why.
    Failed,
    /// It is not known whether anything was done; the next run looks first.
    Unknown,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Verdict {
    /// Whether the target is now as it should be.
    #[must_use]
    pub fn is_done(self) -> bool {
        matches!(self, Self::Created | Self::Updated | Self::Removed | Self::Respected)
    }
}

impl Outcome {
    /// When the next plan tries again; `None` if the time is not known.
    #[must_use]
    pub fn next_attempt_at(&self) -> Option<DateTime<Utc>> {
        let until = match &self.hold {
            Some(Hold::Blocked { until, .. } | Hold::Rejected { until, .. }) => *until,
            _ => None,
        };
        match (until, self.look_at.filter(|_| self.hold.is_none())) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Removed => "removed",
            Self::Respected => "left deleted",
            Self::Postponed => "postponed",
            Self::Superseded => "superseded",
            Self::LeftBehind => "left behind",
            Self::Failed => "failed",
            Self::Unknown => "outcome unknown",
        })
    }
}

/// `created: staff in google of profile 3 (connection default)`.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} in {}", self.verdict, self.role, self.calendar)?;
        if let Some(failure) = &self.failure {
            write!(f, ": {failure}")?;
        }
        if self.foreign {
            f.write_str("; an event that is not ours has our event id")?;
        }
        match self.copies {
            0 => Ok(()),
            copies => write!(f, "; copies made by the person: {copies}"),
        }
    }
}
