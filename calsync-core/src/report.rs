//! What a run reports, outcome by outcome.

use std::collections::HashMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::calendar::{CalendarRef, Person, Role};
use crate::error::{ErrorKind, Failure};
use crate::id::AppointmentId;
use crate::ledger::{Delivery, Hold, Ledger, ParkReason, Presence, Unsure};

/// What became of one step. Says both what happened and what the ledger's row is to be; nobody has to work out the one from
/// the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The appointment.
    pub appointment: AppointmentId,
    /// Where.
    pub place: CalendarRef,
    /// The role.
    pub role: Role,
    /// The revision of the plan that was run.
    pub revision: u64,
    /// The time of change its events carry.
    pub at: DateTime<Utc>,
    /// What happened.
    pub verdict: Verdict,
    /// The row's generation from now on.
    pub generation: u32,
    /// What stands there now.
    pub presence: Presence,
    /// What keeps the row as it is from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// The failure, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// What happened at one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// The event was made.
    Created,
    /// The event was brought up to date.
    Updated,
    /// The event was removed, or was gone already.
    Removed,
    /// The person had deleted the event, and the host respects that.
    Respected,
    /// A removal waits for the person's new event, which could not be made yet.
    Postponed,
    /// Another worker was faster; its run will tell.
    Superseded,
    /// Nothing was done; [`Outcome::failure`] says why.
    Failed,
    /// It is not known whether anything was done; the next run looks first.
    Unknown,
}

/// The outcomes of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// In the order in which they came.
    pub outcomes: Vec<Outcome>,
}

/// A calendar connection that has to wait for something outside, as a host tells its person: once, however many events wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Notice {
    /// Where it was met first.
    pub place: CalendarRef,
    /// What must change.
    pub reason: ParkReason,
    /// The kind of failure.
    pub kind: ErrorKind,
    /// When it is worth trying again by itself; `None` until [`Ledger::revive`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// How many steps of the run wait for it.
    pub steps: usize,
}

impl Ledger {
    /// Takes one outcome in. Returns whether a row was changed.
    pub(crate) fn record(&mut self, outcome: &Outcome) -> bool {
        // A newer revision out there (a ledger restored from a backup): the next plan has to be above it.
        let newer = outcome.failure.as_ref().and_then(|failure| failure.newer_revision);
        self.revision = self.revision.max(outcome.revision).max(newer.unwrap_or_default());

        // The calendar may have been connected anew before or after that plan: the row is the one of the same event.
        let same_event = || {
            let key = outcome.presence.key()?;
            self.deliveries.iter().position(|row| row.presence.key() == Some(key))
        };
        let at = self.position(&outcome.place).or_else(same_event);
        let row = match at.and_then(|at| self.deliveries.get_mut(at)) {
            Some(row) => row,
            // The host did not save what was begun.
            None => self.add(Delivery::new(outcome.place.clone(), outcome.role, outcome.at)),
        };
        if row.revision > outcome.revision {
            return row.learn_late(outcome);
        }
        if row.revision == outcome.revision && row.knows_better(outcome) {
            return false;
        }
        if outcome.verdict.is_done() {
            row.open_since = None;
        }
        row.place = outcome.place.clone();
        row.role = outcome.role;
        row.revision = outcome.revision;
        row.changed_at = outcome.at;
        row.generation = outcome.generation;
        row.presence = outcome.presence.clone();
        row.hold = outcome.hold.clone();
        row.last_error = outcome.failure.clone();
        true
    }
}

impl Delivery {
    /// An older run tells, after a newer plan was begun, what it left behind. Only an event this row knows nothing of is news:
    /// where none is known, since the newer run looked before the older one wrote; or under a later key than the one that is,
    /// which the older run found gone.
    fn learn_late(&mut self, outcome: &Outcome) -> bool {
        let left_behind = match &outcome.presence {
            Presence::Absent => return false,
            Presence::Present(standing) => Unsure::new(standing.key, Some(standing.clone()), outcome.at),
            Presence::Unsure(unsure) => unsure.clone(),
        };
        match &mut self.presence {
            // Our own writes crossed; nobody deleted anything by hand.
            Presence::Absent => {
                self.generation = self.generation.max(outcome.generation);
                self.presence = Presence::Unsure(left_behind.with_removing(true));
            }
            Presence::Present(standing) if outcome.generation > self.generation => {
                let mut unsure = Unsure::new(standing.key, Some(standing.clone()), outcome.at);
                unsure.add_key(left_behind.key);
                self.presence = Presence::Unsure(unsure);
            }
            Presence::Unsure(unsure) => {
                if !unsure.add_key(left_behind.key) {
                    return false;
                }
            }
            Presence::Present(_) => return false,
        }
        self.open_since.get_or_insert(outcome.at);
        true
    }

    /// Whether the same plan has been run before (by a queue that delivers twice) and came further.
    fn knows_better(&self, outcome: &Outcome) -> bool {
        let is_done = self.last_error.is_none() && !matches!(self.presence, Presence::Unsure(_));
        let did_nothing = matches!(outcome.verdict, Verdict::Failed | Verdict::Postponed);
        is_done && (did_nothing || outcome.generation < self.generation)
    }
}

impl Verdict {
    /// Whether the target is now as it should be.
    #[must_use]
    pub fn is_done(self) -> bool {
        matches!(self, Self::Created | Self::Updated | Self::Removed | Self::Respected)
    }
}

impl Outcome {
    /// When the next attempt is worth making, where the step has to wait for a certain time.
    #[must_use]
    pub fn next_attempt_at(&self) -> Option<DateTime<Utc>> {
        match &self.hold {
            Some(Hold::Parked { until, .. }) => *until,
            Some(Hold::Refused { .. }) => None,
            None => self.failure.as_ref().and_then(|failure| failure.next_attempt_at),
        }
    }

    /// What a person has to be told of it.
    fn notice(&self) -> Option<Notice> {
        let Some(Hold::Parked { reason, until }) = self.hold else { return None };
        let kind = self.failure.as_ref()?.kind;
        // The others are about one event.
        let is_about_the_calendar = matches!(
            reason,
            ParkReason::Reconnect
                | ParkReason::MissingScope
                | ParkReason::Forbidden
                | ParkReason::CalendarGone
                | ParkReason::Quota
        );
        is_about_the_calendar.then(|| Notice { place: self.place.clone(), reason, kind, until, steps: 1 })
    }
}

impl Notice {
    /// Whether both say the same to the same person about the same thing.
    fn is_told_with(&self, other: &Self) -> bool {
        let (a, b) = (&self.place, &other.place);
        let same = match self.reason {
            ParkReason::Quota => match (&a.account, &b.account) {
                (Some(a), Some(b)) => a == b,
                _ => a.connection == b.connection,
            },
            ParkReason::Reconnect | ParkReason::MissingScope => a.connection == b.connection,
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

    /// What people have to be told: each connection that has to wait for something outside, once.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        let mut notices: Vec<Notice> = Vec::new();
        let mut of_person: HashMap<&Person, Vec<usize>> = HashMap::new();
        for outcome in &self.outcomes {
            let Some(notice) = outcome.notice() else { continue };
            let theirs = of_person.entry(&outcome.place.person).or_default();
            let told =
                theirs.iter().copied().find(|at| notices.get(*at).is_some_and(|it| it.is_told_with(&notice)));
            match told.and_then(|at| notices.get_mut(at)) {
                Some(told) => {
                    told.steps += 1;
                    told.until = told.until.max(notice.until);
                }
                None => {
                    theirs.push(notices.len());
                    notices.push(notice);
                }
            }
        }
        notices
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

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Removed => "removed",
            Self::Respected => "left deleted",
            Self::Postponed => "postponed",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::Unknown => "outcome unknown",
        })
    }
}

/// `created: staff in google of profile 3 (connection default)`.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} in {}", self.verdict, self.role, self.place)?;
        match &self.failure {
            Some(failure) => write!(f, ": {failure}"),
            None => Ok(()),
        }
    }
}

/// `google of profile 3 (connection default): the person has to connect the calendar again; steps that wait: 12`.
impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hold = Hold::Parked { reason: self.reason, until: self.until };
        write!(f, "{}: {hold}; steps that wait: {}", self.place, self.steps)
    }
}
