//! What keeps a row from being acted on, and when that ends.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::deadline::{self, LONGEST_HOLD};
use crate::error::{ErrorKind, Failure};
use crate::health::{BlockReason, next_probe};
use crate::identity::Fingerprint;

/// What keeps a row from being acted on.
///
/// Four holds have no end: what a person chose ([`RemovedByPerson`](BlockReason::RemovedByPerson),
/// [`Disconnected`](BlockReason::Disconnected)), a grant that the token endpoint refused twice
/// ([`Reconnect`](BlockReason::Reconnect)), and the brake ([`Hold::AwaitingHost`]). Every other
/// hold ends: after the nth failure in a row it lasts 5 minutes × 2^(n−1), at most 7 days. A
/// refusal that the provider calls final lasts until the content changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "hold", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Hold {
    /// Something outside calsync keeps the row: a person or the host has to act, or a time has to
    /// come.
    Blocked {
        /// Why.
        reason: BlockReason,
        /// When the first of the attempts that failed for this reason was made.
        since: DateTime<Utc>,
        /// When this hold was set.
        set_at: DateTime<Utc>,
        /// When the next plan tries again; `None` for the holds without an end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<DateTime<Utc>>,
    },
    /// The provider refused this content, or, if there is no fingerprint, the removal. Other
    /// content is tried at once.
    Rejected {
        /// The fingerprint of the refused content; `None` for a removal.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fingerprint: Option<Fingerprint>,
        /// When this hold was set.
        set_at: DateTime<Utc>,
        /// When the next plan tries the same content again; `None` if the provider called the
        /// refusal final.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<DateTime<Utc>>,
    },
    /// The brake holds the removal because there are too many at once. It continues when the host
    /// allows it.
    AwaitingHost {
        /// When the brake first held it.
        since: DateTime<Utc>,
    },
}

impl Hold {
    /// The hold of a row after its `failures`th attempt in a row has failed.
    #[cfg_attr(not(feature = "sync"), expect(dead_code, reason = "the syncer calls it"))]
    pub(crate) fn after(
        failure: &Failure,
        content: Option<Fingerprint>,
        failures: u32,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        if let Some(reason) = BlockReason::of(failure) {
            let retry_after = failure.retry_after().and_then(|wait| TimeDelta::from_std(wait).ok());
            let retry_after = retry_after.and_then(|wait| now.checked_add_signed(wait));
            let failures = if failure.confirmed { failures.max(2) } else { failures };
            let until = next_probe(reason, failures, retry_after, now);
            return Some(Self::Blocked { reason, since, set_at: now, until });
        }
        if failure.kind == ErrorKind::Superseded {
            return None;
        }
        let until = (!failure.is_final).then(|| deadline::backoff(failures, now));
        Some(Self::Rejected { fingerprint: content, set_at: now, until })
    }

    pub(crate) fn blocked(reason: BlockReason, at: DateTime<Utc>, until: Option<DateTime<Utc>>) -> Self {
        Self::Blocked { reason, since: at, set_at: at, until }
    }

    /// Why the row is blocked, if it is.
    #[must_use]
    pub fn reason(&self) -> Option<BlockReason> {
        match self {
            Self::Blocked { reason, .. } => Some(*reason),
            Self::Rejected { .. } | Self::AwaitingHost { .. } => None,
        }
    }

    /// When the next plan tries again, if that time is known and in the future; at most a week
    /// after the hold was set.
    #[must_use]
    pub fn held_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Blocked { set_at, until, .. } | Self::Rejected { set_at, until, .. } => {
                until.and_then(|until| deadline::left(until, *set_at, LONGEST_HOLD, now))
            }
            Self::AwaitingHost { .. } => None,
        }
    }

    /// Whether the hold has no end of its own.
    #[must_use]
    pub fn is_endless(&self) -> bool {
        match self {
            Self::Blocked { until, .. } | Self::Rejected { until, .. } => until.is_none(),
            Self::AwaitingHost { .. } => true,
        }
    }

    /// Whether the hold keeps a plan from writing `content` (`None`: from removing the event). A
    /// hold by the brake never does: the brake decides when the steps are begun.
    pub(crate) fn keeps_from(&self, content: Option<Fingerprint>, now: DateTime<Utc>) -> bool {
        let is_in_force = self.is_endless() || self.held_until(now).is_some();
        match self {
            Self::AwaitingHost { .. } => false,
            Self::Rejected { fingerprint, .. } => is_in_force && *fingerprint == content,
            // If an event is desired, the calendar is connected again.
            Self::Blocked { reason: BlockReason::Disconnected, .. } => content.is_none(),
            Self::Blocked { reason: BlockReason::RemovedByPerson, .. } => content.is_some(),
            Self::Blocked { .. } => is_in_force,
        }
    }

    /// Whether another attempt may end the hold: neither a person nor the host has to decide.
    pub(crate) fn ends_with_an_attempt(&self) -> bool {
        use BlockReason::{Disconnected, RemovedByPerson};
        match self {
            Self::Blocked { reason, .. } => ![Disconnected, RemovedByPerson].contains(reason),
            Self::Rejected { .. } => true,
            Self::AwaitingHost { .. } => false,
        }
    }

    /// Whether the brake holds the removal.
    pub(crate) fn is_awaiting_host(&self) -> bool {
        matches!(self, Self::AwaitingHost { .. })
    }

    /// Whether the event was kept in a calendar that was disconnected.
    pub(crate) fn is_disconnected(&self) -> bool {
        self.reason() == Some(BlockReason::Disconnected)
    }

    /// Whether a new connection ends the hold: the reason is the grant, or what the grant permits.
    pub(crate) fn is_about_the_connection(&self) -> bool {
        use BlockReason::{Disconnected, Forbidden, MissingScope, OtherAccount, Reconnect};
        self.reason().is_some_and(|reason| {
            [Reconnect, MissingScope, Forbidden, Disconnected, OtherAccount].contains(&reason)
        })
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = match self {
            Self::Blocked { reason, until, .. } => {
                write!(f, "{reason}")?;
                until
            }
            Self::Rejected { fingerprint, until, .. } => {
                f.write_str(match fingerprint {
                    Some(_) => "the provider refused this content",
                    None => "the provider refused to remove the event",
                })?;
                until
            }
            Self::AwaitingHost { .. } => {
                return f.write_str("too many removals at once; the host has to allow them");
            }
        };
        match until {
            Some(until) => write!(f, ", next attempt at {}", until.format("%F %T UTC")),
            None => Ok(()),
        }
    }
}
