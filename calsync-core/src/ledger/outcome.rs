//! What became of one step, as the run reports it and the ledger records it.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::calendar::{CalendarRef, Role};
use crate::error::Failure;
use crate::id::AppointmentId;
use crate::identity::{Generation, TargetKey};
use crate::ledger::hold::Hold;
use crate::ledger::row::DeliveryState;

/// What became of one step: what happened, and what the ledger's row is to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The appointment.
    pub appointment: AppointmentId,
    /// The calendar. After a success with the account that the call was answered for.
    pub calendar: CalendarRef,
    /// The target.
    pub target: TargetKey,
    /// The role.
    pub role: Role,
    /// The revision of the plan that was run.
    pub revision: u64,
    /// The time of change that its events carry: when the plan was made.
    pub at: DateTime<Utc>,
    /// When the step ended.
    pub ended_at: DateTime<Utc>,
    /// What happened.
    pub verdict: Verdict,
    /// The row's generation from now on.
    pub generation: Generation,
    /// What the row's state is from now on.
    pub state: DeliveryState,
    /// What keeps the row from being acted on from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// The failure, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// How many attempts have failed in a row, over all runs.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
    /// When the next plan adds a look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_at: Option<DateTime<Utc>>,
    /// Whether the hold is news: the first failure of its kind of this account or calendar.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_news: bool,
    /// Events that carry our marker and were not made by us: copies that a person made. They were not touched.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub copies: u32,
    /// Whether an event that is not ours holds our event id. It was not touched.
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
    /// The event was brought up to date, or was found as it should be.
    Updated,
    /// The event was removed, or a look has shown that none is there.
    Removed,
    /// The person had deleted the event, and the host respects that.
    Respected,
    /// A removal waits for the person's new event, which could not be made yet.
    Postponed,
    /// Another worker was faster; its run will tell.
    Superseded,
    /// The event is there and may not be removed: it is in another account, or carries another host's marker. The row stays
    /// until the host [abandons](crate::ledger::Ledger::abandon) it.
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
    /// When the next attempt is made by itself, where that is known.
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
            f.write_str("; an event that is not ours holds our event id")?;
        }
        match self.copies {
            0 => Ok(()),
            copies => write!(f, "; copies made by the person: {copies}"),
        }
    }
}
