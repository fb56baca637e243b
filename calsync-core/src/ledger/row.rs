//! One row of the ledger: what calsync knows about one target.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::calendar::{CalendarKey, CalendarRef, Role};
use crate::error::Failure;
use crate::identity::{EventKey, Fingerprint, Generation, TargetKey};
use crate::ledger::hold::Hold;
use crate::names::{AccountId, Etag, RemoteId};

/// One row: what calsync has done at one target, and what it waits for.
///
/// Only the ledger changes a row; see its [table of transitions](crate::ledger).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Delivery {
    pub(super) calendar: CalendarRef,
    pub(super) target: TargetKey,
    /// What the target's key was derived from, where that is not the row's own calendar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) home: Option<Box<Home>>,
    pub(super) role: Role,
    #[serde(default, skip_serializing_if = "Generation::is_first")]
    pub(super) generation: Generation,
    #[serde(flatten)]
    pub(super) state: DeliveryState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hold: Option<Box<Hold>>,
    /// The ledger's revision when a plan last began to change this row.
    pub(super) revision: u64,
    pub(super) changed_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pending_since: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unreported_since: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) look_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) verify_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) failures: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last_error: Option<Box<Failure>>,
}

/// What a target's key was derived from, where the row is reached through another connection today.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Home {
    /// That calendar.
    At(CalendarKey),
    /// A listing has found the event; the connection that it was written through is not known.
    Unknown,
}

impl Home {
    pub(super) fn is_at(&self, calendar: &CalendarRef) -> bool {
        matches!(self, Self::At(key) if *key == calendar.key())
    }
}

/// What the ledger believes of a target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum DeliveryState {
    /// Nothing of ours is there: never written, or withdrawn.
    Absent,
    /// The provider confirmed the event.
    Confirmed(RemoteEvent),
    /// A write is under way or its outcome is unknown: look before believing.
    Pending(PendingWrite),
}

/// An event as the provider confirmed it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RemoteEvent {
    /// The provider's id.
    pub remote_id: RemoteId,
    /// The provider's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<Etag>,
    /// The fingerprint of its content; `None` for an adopted event, whose content calsync never wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
}

/// A write that has not reported yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PendingWrite {
    /// What was confirmed before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<RemoteEvent>,
    /// It may have been our own doing that the event is not there: a removal was begun, or the ledger is in doubt. An event that
    /// is then missing counts as never made, not as deleted by the person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removing: bool,
    /// No event is desired: the last plan that was begun here removes it. Other than `removing` this
    /// ends when a plan writes again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdraws: bool,
    /// No write was begun: the ledger was restored or rebuilt, and has to look.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub doubted: bool,
    /// The account that it was meant for, where the row has learned none: the look for it goes there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
}

/// How long after a row was seen a worker with idle time looks at it again.
const VERIFY_AFTER: TimeDelta = TimeDelta::days(30);

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Delivery {
    pub(super) fn new(calendar: CalendarRef, target: TargetKey, role: Role, at: DateTime<Utc>) -> Self {
        Self {
            calendar,
            target,
            home: None,
            role,
            generation: Generation::FIRST,
            state: DeliveryState::Absent,
            hold: None,
            revision: 0,
            changed_at: at,
            pending_since: None,
            unreported_since: None,
            look_at: None,
            verify_at: None,
            failures: 0,
            last_error: None,
        }
    }

    /// The calendar, with the account learned from the last successful call.
    #[must_use]
    pub fn calendar(&self) -> &CalendarRef {
        &self.calendar
    }

    /// The target. The row keeps it for life, also when another connection takes it over.
    #[must_use]
    pub fn target(&self) -> TargetKey {
        self.target
    }

    /// The role the event was last worded for.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The generation of the event that is there or being written; of an absent one, the generation the next event gets.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// The key of that event.
    #[must_use]
    pub fn key(&self) -> EventKey {
        self.target.event(self.generation)
    }

    /// What the ledger believes.
    #[must_use]
    pub fn state(&self) -> &DeliveryState {
        &self.state
    }

    /// What keeps the row from being acted on.
    #[must_use]
    pub fn hold(&self) -> Option<&Hold> {
        self.hold.as_deref()
    }

    /// The ledger's revision when a plan last began to change this row.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// When that was.
    #[must_use]
    pub fn changed_at(&self) -> DateTime<Utc> {
        self.changed_at
    }

    /// Since when the target is not as it should be: the begin of the first plan for it that was not carried out.
    #[must_use]
    pub fn pending_since(&self) -> Option<DateTime<Utc>> {
        self.pending_since
    }

    /// When an earlier write was begun whose outcome was never recorded. It may still take effect.
    #[must_use]
    pub fn unreported_since(&self) -> Option<DateTime<Utc>> {
        self.unreported_since
    }

    /// When the next plan adds a look, because a write that was given up may have arrived since.
    #[must_use]
    pub fn look_at(&self) -> Option<DateTime<Utc>> {
        self.look_at
    }

    /// When a worker with idle time looks whether the event is still there. A plan alone never acts on it.
    #[must_use]
    pub fn verify_at(&self) -> Option<DateTime<Utc>> {
        self.verify_at
    }

    /// How many attempts have failed in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// What the last attempt met, if it failed.
    #[must_use]
    pub fn last_error(&self) -> Option<&Failure> {
        self.last_error.as_deref()
    }

    /// The account that the event is in: learned from a successful call, else the one that a write under way was meant for.
    #[must_use]
    pub fn account(&self) -> Option<&AccountId> {
        let meant = match &self.state {
            DeliveryState::Pending(pending) => pending.account.as_ref(),
            DeliveryState::Absent | DeliveryState::Confirmed(_) => None,
        };
        self.calendar.account.as_ref().or(meant)
    }

    /// The calendar, with the account that a write under way was meant for where none was learned: where to find the event.
    pub(crate) fn place(&self) -> CalendarRef {
        self.calendar.clone().with_account(self.account().cloned())
    }

    /// The event that the provider confirmed.
    #[must_use]
    pub fn confirmed(&self) -> Option<&RemoteEvent> {
        match &self.state {
            DeliveryState::Confirmed(event) => Some(event),
            DeliveryState::Absent | DeliveryState::Pending(_) => None,
        }
    }

    /// A row for an event that older code wrote, of unknown content.
    pub(crate) fn adopted(
        calendar: CalendarRef,
        target: TargetKey,
        role: Role,
        remote_id: RemoteId,
        at: DateTime<Utc>,
    ) -> Self {
        let state = DeliveryState::Confirmed(RemoteEvent::new(remote_id));
        Self { state, ..Self::new(calendar, target, role, at) }
    }

    /// Whether this is the row of a calendar: the key is the same, and the account is not known to be another one.
    pub(crate) fn is_of(&self, calendar: &CalendarRef) -> bool {
        self.calendar.is_at(calendar) && !self.calendar.is_in_another_account(calendar)
    }

    /// Whether this is the row of a target, in the account of a calendar where both accounts are known.
    pub(crate) fn is_of_target(&self, target: TargetKey, calendar: &CalendarRef) -> bool {
        let is_another = match (&self.calendar.account, &calendar.account) {
            (Some(account), Some(other)) => account != other,
            _ => false,
        };
        // Two providers may give a connection and a calendar the same ids: the key does not name the provider.
        self.target == target && self.calendar.provider == calendar.provider && !is_another
    }

    /// Whether an event of ours is there, or may be.
    #[must_use]
    pub fn may_exist(&self) -> bool {
        self.state != DeliveryState::Absent
    }

    /// Whether a look is due. One noted under a clock that was ahead is due at once.
    pub(crate) fn is_look_due(&self, now: DateTime<Utc>) -> bool {
        self.look_at.is_some_and(|at| at <= now || self.changed_at > now)
    }

    /// When the next plan has something to do here that is not to be done now, where that is known.
    #[must_use]
    pub fn next_attempt_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let hold = self.hold().and_then(|hold| hold.held_until(now));
        let look = self.look_at.filter(|_| self.hold.is_none());
        match (hold, look) {
            (Some(hold), Some(look)) => Some(hold.min(look)),
            (hold, look) => hold.or(look),
        }
    }

    /// Whether there is nothing in the row but its generation.
    pub(super) fn is_idle(&self) -> bool {
        let waits = self.hold.is_some() || self.is_to_be_looked_at();
        !self.may_exist() && !waits && self.pending_since.is_none()
    }

    /// Whether a write of ours may still arrive.
    pub(super) fn is_to_be_looked_at(&self) -> bool {
        self.look_at.is_some() || self.unreported_since.is_some()
    }

    /// 30 days after `seen_at`, up to 3 days more or less by target, so that the rows of one day do not all come due together.
    pub(super) fn verify_after(&mut self, seen_at: DateTime<Utc>) {
        let spread = TimeDelta::minutes((self.target.as_uuid().as_u128() % 8640) as i64 - 4320);
        self.verify_at = seen_at.checked_add_signed(VERIFY_AFTER + spread);
    }

    /// Says why this row is where it is: what is there, what it waits for, and the last failure. Ids only.
    #[must_use]
    pub fn explain(&self) -> impl fmt::Display + '_ {
        Explanation(self)
    }
}

impl RemoteEvent {
    /// An event of unknown version and content.
    #[must_use]
    pub fn new(remote_id: RemoteId) -> Self {
        Self { remote_id, etag: None, fingerprint: None }
    }

    /// With its version.
    #[must_use]
    pub fn with_etag(mut self, etag: Option<Etag>) -> Self {
        self.etag = etag;
        self
    }

    /// With the fingerprint of its content.
    #[must_use]
    pub fn with_fingerprint(mut self, fingerprint: Option<Fingerprint>) -> Self {
        self.fingerprint = fingerprint;
        self
    }
}

impl PendingWrite {
    /// A write over what was confirmed before.
    #[must_use]
    pub fn new(before: Option<RemoteEvent>) -> Self {
        Self { before, removing: false, withdraws: false, doubted: false, account: None }
    }

    /// With the account that it is meant for.
    #[must_use]
    pub fn with_account(mut self, account: Option<AccountId>) -> Self {
        self.account = account;
        self
    }

    /// Whether no event is desired.
    #[must_use]
    pub fn with_withdraws(mut self, withdraws: bool) -> Self {
        self.withdraws = withdraws;
        self
    }

    /// Whether it may be our own doing that the event is not there.
    #[must_use]
    pub fn with_removing(mut self, removing: bool) -> Self {
        self.removing = removing;
        self
    }
}

impl PendingWrite {
    /// No write, but a doubt whether this is what is there.
    pub(super) fn doubt(event: RemoteEvent) -> Self {
        Self { before: Some(event), removing: true, withdraws: false, doubted: true, account: None }
    }
}

struct Explanation<'a>(&'a Delivery);

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = self.0;
        write!(f, "{} in {}: ", row.role, row.calendar)?;
        match &row.state {
            DeliveryState::Absent if row.generation.is_first() => f.write_str("no event of ours is there")?,
            DeliveryState::Absent => f.write_str("our event was withdrawn")?,
            DeliveryState::Confirmed(_) => write!(f, "our event is there, revision {}", row.revision)?,
            DeliveryState::Pending(_) => {
                f.write_str("a write was begun and not confirmed; the next run looks first")?
            }
        }
        if let Some(hold) = row.hold() {
            write!(f, "; held: {hold}")?;
        }
        match row.last_error() {
            Some(error) => write!(f, "; last failure: {error}"),
            None => Ok(()),
        }
    }
}
