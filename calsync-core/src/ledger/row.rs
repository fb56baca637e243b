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
    /// What the target's key was derived from. `None`: from the row's own calendar.
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

/// What a target's key was derived from, if the row is reached through another connection now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Home {
    /// This calendar.
    At(CalendarKey),
    /// A listing found the event; the connection through which it was written is not known.
    Unknown,
}

impl Home {
    pub(super) fn is_at(&self, calendar: &CalendarRef) -> bool {
        matches!(self, Self::At(key) if *key == calendar.key())
    }
}

/// What the ledger knows about the event of a target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum DeliveryState {
    /// No event of ours is there: never written, or withdrawn.
    Absent,
    /// The provider confirmed the event.
    Confirmed(RemoteEvent),
    /// A write is under way or its outcome is unknown: the next run looks into the calendar first.
    Pending(PendingWrite),
}

/// An event as the provider confirmed it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RemoteEvent {
    /// The provider's id of the event.
    pub remote_id: RemoteId,
    /// The provider's version of the event; `None` if the provider gave none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<Etag>,
    /// The fingerprint of its content; `None` for an adopted event, whose content calsync never
    /// wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
}

/// A write whose outcome is not recorded yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PendingWrite {
    /// The event that was confirmed before the write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<RemoteEvent>,
    /// calsync itself may have removed the event: a removal was begun, or the ledger is in doubt.
    /// If the event is then missing, it counts as never made, not as deleted by the person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removing: bool,
    /// No event is desired: the last plan that was begun here removes it. Other than `removing`
    /// this ends when a plan writes again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdraws: bool,
    /// No write was begun: the ledger was restored or rebuilt, and the next run looks into the
    /// calendar.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub doubted: bool,
    /// The account that the write was meant for. The next run looks there if the row has learned no
    /// account of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
}

/// How long after its event was last seen a row is due for verification.
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

    /// The target. The row keeps it always, also when another connection takes the row over.
    #[must_use]
    pub fn target(&self) -> TargetKey {
        self.target
    }

    /// The role whose text the event last got.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The generation of the event that is there or being written; of an absent one, the generation
    /// the next event gets.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// The key of the event of that [generation](Self::generation).
    #[must_use]
    pub fn key(&self) -> EventKey {
        self.target.event(self.generation)
    }

    /// What the ledger knows about the event.
    #[must_use]
    pub fn state(&self) -> &DeliveryState {
        &self.state
    }

    /// What keeps the row from being acted on; `None` if the row is not held.
    #[must_use]
    pub fn hold(&self) -> Option<&Hold> {
        self.hold.as_deref()
    }

    /// The ledger's revision when a plan last began to change this row.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// When the row last began to change: the time of that plan, or the end of a run that left it
    /// pending.
    #[must_use]
    pub fn changed_at(&self) -> DateTime<Utc> {
        self.changed_at
    }

    /// Since when the target is not as it should be: when the first plan for it that is not carried
    /// out yet was begun. `None` if it is as it should be.
    #[must_use]
    pub fn pending_since(&self) -> Option<DateTime<Utc>> {
        self.pending_since
    }

    /// When an earlier write was begun whose outcome was never recorded. It may still take effect.
    #[must_use]
    pub fn unreported_since(&self) -> Option<DateTime<Utc>> {
        self.unreported_since
    }

    /// From when on a plan adds a look into the calendar, because a write that was given up may
    /// have taken effect since.
    #[must_use]
    pub fn look_at(&self) -> Option<DateTime<Utc>> {
        self.look_at
    }

    /// When a worker with idle time should check whether the event is still there: about 30 days
    /// after it was last seen. Planning does not use it.
    #[must_use]
    pub fn verify_at(&self) -> Option<DateTime<Utc>> {
        self.verify_at
    }

    /// How many attempts have failed in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The failure of the last attempt; `None` if it succeeded.
    #[must_use]
    pub fn last_error(&self) -> Option<&Failure> {
        self.last_error.as_deref()
    }

    /// The account that the event is in: learned from a successful call, otherwise the account that
    /// a write under way was meant for.
    #[must_use]
    pub fn account(&self) -> Option<&AccountId> {
        let meant = match &self.state {
            DeliveryState::Pending(pending) => pending.account.as_ref(),
            DeliveryState::Absent | DeliveryState::Confirmed(_) => None,
        };
        self.calendar.account.as_ref().or(meant)
    }

    /// Where to find the event: the calendar, with [`Self::account`] as its account.
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

    /// Whether this is the row of a calendar: the key is the same, and the account is not known to
    /// be another one.
    pub(crate) fn is_of(&self, calendar: &CalendarRef) -> bool {
        self.calendar.is_at(calendar) && !self.calendar.is_in_another_account(calendar)
    }

    /// Whether this is the row of a target, in the account of a calendar where both accounts are
    /// known.
    pub(crate) fn is_of_target(&self, target: TargetKey, calendar: &CalendarRef) -> bool {
        let is_another = match (&self.calendar.account, &calendar.account) {
            (Some(account), Some(other)) => account != other,
            _ => false,
        };
        // Two providers may give a connection and a calendar the same ids: the key does not name
        // the provider.
        self.target == target && self.calendar.provider == calendar.provider && !is_another
    }

    /// Whether an event of ours is there or may be there: every state but `Absent`.
    #[must_use]
    pub fn may_exist(&self) -> bool {
        self.state != DeliveryState::Absent
    }

    /// Whether a look is due. A look that was noted while the clock was ahead is due at once.
    pub(crate) fn is_look_due(&self, now: DateTime<Utc>) -> bool {
        self.look_at.is_some_and(|at| at <= now || self.changed_at > now)
    }

    /// When the next plan has something to do here that cannot be done now. `None` if the time is
    /// not known.
    #[must_use]
    pub fn next_attempt_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let hold = self.hold().and_then(|hold| hold.held_until(now));
        let look = self.look_at.filter(|_| self.hold.is_none());
        match (hold, look) {
            (Some(hold), Some(look)) => Some(hold.min(look)),
            (hold, look) => hold.or(look),
        }
    }

    /// Whether the row holds nothing but its generation.
    pub(super) fn is_idle(&self) -> bool {
        let waits = self.hold.is_some() || self.is_to_be_looked_at();
        !self.may_exist() && !waits && self.pending_since.is_none()
    }

    /// Whether a write of ours may still take effect.
    pub(super) fn is_to_be_looked_at(&self) -> bool {
        self.look_at.is_some() || self.unreported_since.is_some()
    }

    /// 30 days after `seen_at`, up to 3 days more or less by target, so that the rows of one day do
    /// not all come due together.
    pub(super) fn verify_after(&mut self, seen_at: DateTime<Utc>) {
        let spread = TimeDelta::minutes((self.target.as_uuid().as_u128() % 8640) as i64 - 4320);
        self.verify_at = seen_at.checked_add_signed(VERIFY_AFTER + spread);
    }

    /// Explains the row in one line: what is in the calendar, what the row waits for, and the last
    /// failure. Contains ids only, no personal data.
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

    /// Sets the provider's version. Default: none.
    #[must_use]
    pub fn with_etag(mut self, etag: Option<Etag>) -> Self {
        self.etag = etag;
        self
    }

    /// Sets the fingerprint of the content. Default: none.
    #[must_use]
    pub fn with_fingerprint(mut self, fingerprint: Option<Fingerprint>) -> Self {
        self.fingerprint = fingerprint;
        self
    }
}

impl PendingWrite {
    /// A write over the event that was confirmed before; over none for `None`.
    #[must_use]
    pub fn new(before: Option<RemoteEvent>) -> Self {
        Self { before, removing: false, withdraws: false, doubted: false, account: None }
    }

    /// Sets the account that the write is meant for. Default: none.
    #[must_use]
    pub fn with_account(mut self, account: Option<AccountId>) -> Self {
        self.account = account;
        self
    }

    /// Sets whether no event is desired. Default: `false`.
    #[must_use]
    pub fn with_withdraws(mut self, withdraws: bool) -> Self {
        self.withdraws = withdraws;
        self
    }

    /// Sets whether calsync itself may have removed the event. Default: `false`.
    #[must_use]
    pub fn with_removing(mut self, removing: bool) -> Self {
        self.removing = removing;
        self
    }
}

impl PendingWrite {
    /// No write: the ledger is not sure that this event is there.
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
