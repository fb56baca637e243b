//! The transitions: everything that changes a row.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::calendar::{CalendarRef, ConnectionKey, Person, Role};
use crate::health::BlockReason;
use crate::identity::{Generation, TargetKey};
use crate::ledger::hold::Hold;
use crate::ledger::outcome::{Outcome, Verdict};
use crate::ledger::row::{Delivery, DeliveryState, Home, PendingWrite};
use crate::ledger::{Ledger, MAX_NUMBER, Withdrawn};
use crate::names::{AccountId, ProviderKind};
use crate::provider::MAX_REVISION_LEAD;

/// What a plan is about to do at one target.
#[derive(Debug)]
pub(crate) struct BeginRow<'a> {
    /// The calendar it is reached through.
    pub(crate) calendar: &'a CalendarRef,
    /// The calendar that the row names so far, if it is another one.
    pub(crate) moves_from: Option<&'a CalendarRef>,
    pub(crate) target: TargetKey,
    pub(crate) role: Role,
    pub(crate) generation: Generation,
    pub(crate) pending: PendingWrite,
    /// The provider whose event of older code is taken over.
    pub(crate) adopts: Option<&'a ProviderKind>,
    /// When an earlier write was begun whose outcome was never recorded.
    pub(crate) unreported_since: Option<DateTime<Utc>>,
}

impl Ledger {
    pub(super) fn changed(&mut self) {
        self.version = self.version.saturating_add(1).min(MAX_NUMBER);
    }

    /// Begins a plan: its rows become pending at the next revision.
    pub(crate) fn begin<'a>(
        &mut self,
        namespace: &Arc<str>,
        at: DateTime<Utc>,
        rows: impl IntoIterator<Item = BeginRow<'a>>,
    ) {
        self.namespace = Some(namespace.clone());
        self.revision = self.revision.saturating_add(1).min(MAX_NUMBER);
        self.fold();
        for row in rows {
            self.begin_row(row, at);
        }
        self.changed();
    }

    fn begin_row(&mut self, begin: BeginRow<'_>, at: DateTime<Utc>) {
        let revision = self.revision;
        if let Some(kind) = begin.adopts {
            self.inherited.remove(kind);
        }
        if begin.moves_from.is_some() {
            // An absent row in that calendar is of another target: its generation is stored
            // separately.
            self.fold_at(begin.calendar);
        }
        let from = self.position(begin.target, begin.moves_from.unwrap_or(begin.calendar));
        let row = match from.and_then(|at| self.deliveries.get_mut(at)) {
            Some(row) => row,
            None => {
                self.withdrawn.retain(|withdrawn| withdrawn.target != begin.target);
                let mut calendar = begin.calendar.clone();
                // A row learns its account only from calls for its own event.
                calendar.account = None;
                self.add(Delivery::new(calendar, begin.target, begin.role, at))
            }
        };
        if let Some(from) = begin.moves_from {
            row.home.get_or_insert_with(|| Box::new(Home::At(from.key())));
            if row.home.as_deref().is_some_and(|home| home.is_at(begin.calendar)) {
                row.home = None;
            }
        }
        row.move_to(begin.calendar);
        if row.is_look_due(at) {
            // The plan looks. If its run is cut off, the row is pending, and the next run looks
            // anyway.
            row.look_at = None;
        }
        row.role = begin.role;
        row.generation = begin.generation;
        row.state = DeliveryState::Pending(begin.pending);
        row.hold = None;
        row.last_error = None;
        row.unreported_since = begin.unreported_since;
        row.pending_since.get_or_insert(at);
        row.revision = revision;
        row.changed_at = at;
    }

    /// Records one outcome. Returns whether the row was changed.
    pub(crate) fn record(&mut self, outcome: &Outcome) -> bool {
        // If this ledger was restored from a backup, the calendar has a newer revision: the next
        // plan has to be above it.
        let newer = outcome.failure.as_ref().and_then(|failure| failure.newer_revision);
        let newer = newer.filter(|newer| newer.saturating_sub(self.revision) <= MAX_REVISION_LEAD);
        let revision = self.revision.max(outcome.revision).max(newer.unwrap_or_default()).min(MAX_NUMBER);
        let is_above = revision != self.revision;
        self.revision = revision;

        // A newer plan may have moved the row to another connection, and that to another account.
        let is_moved = |row: &Delivery| {
            row.target == outcome.target
                && row.calendar.provider == outcome.calendar.provider
                && row.revision > outcome.revision
        };
        let at = self.position_of_target(outcome.target, &outcome.calendar);
        let at = at.or_else(|| self.deliveries.iter().position(is_moved));
        let row = match at.and_then(|at| self.deliveries.get_mut(at)) {
            Some(row) => row,
            // The host did not save what was begun, or the row was folded since.
            None => {
                let (calendar, at) = (outcome.calendar.clone(), outcome.at);
                self.withdrawn.retain(|withdrawn| withdrawn.target != outcome.target);
                self.add(Delivery::new(calendar, outcome.target, outcome.role, at))
            }
        };
        let is_changed = if row.revision > outcome.revision {
            row.record_late(outcome)
        } else if row.revision == outcome.revision && row.knows_better(outcome) {
            false
        } else {
            row.record(outcome);
            true
        };
        if is_changed || is_above {
            self.changed();
        }
        is_changed
    }

    /// Lifts those holds of a connection that another attempt may end, so that the next plan tries
    /// at once. Call it after the person has connected again, granted a permission or restored a
    /// calendar. Returns the number of holds lifted.
    ///
    /// Three holds stay: an event that the person removed
    /// ([`restore_removed`](Ledger::restore_removed) brings it back), an event kept on a
    /// disconnect, and a removal held by the brake, which the host
    /// [allows](crate::plan::Brake::allow_until).
    pub fn revive(&mut self, connection: &ConnectionKey) -> usize {
        self.lift(connection, Hold::ends_with_an_attempt)
    }

    /// Lets the next plan make events again that the person removed from a calendar of this
    /// connection. Call it when the person asks for them. Returns the number of holds lifted.
    pub fn restore_removed(&mut self, connection: &ConnectionKey) -> usize {
        self.lift(connection, |hold| hold.reason() == Some(BlockReason::RemovedByPerson))
    }

    fn lift(&mut self, connection: &ConnectionKey, is_lifted: impl Fn(&Hold) -> bool) -> usize {
        let mut lifted = 0;
        for row in &mut self.deliveries {
            if row.calendar.connection_key() == *connection && row.hold().is_some_and(&is_lifted) {
                (row.hold, row.failures) = (None, 0);
                lifted += 1;
            }
        }
        if lifted > 0 {
            self.changed();
        }
        lifted
    }

    /// Records the disconnect of a calendar. The rows of `kept` keep their events on purpose. The
    /// rows of `taken_over` go to another connection to the same calendar, without a request.
    /// `is_begun`: a plan with steps was begun with it, so the revision has risen already.
    pub(crate) fn disconnect<'a>(
        &mut self,
        kept: impl IntoIterator<Item = (TargetKey, &'a CalendarRef)>,
        taken_over: impl IntoIterator<Item = (TargetKey, &'a CalendarRef, &'a CalendarRef)>,
        at: DateTime<Utc>,
        is_begun: bool,
    ) {
        // The revision rises, so that a report of an older run that comes later counts as late.
        let next = self.revision.saturating_add(1).min(MAX_NUMBER);
        let revision = if is_begun { self.revision } else { next };
        let mut is_changed = false;
        for (target, calendar) in kept {
            let Some(row) = self.position(target, calendar).and_then(|at| self.deliveries.get_mut(at)) else {
                continue;
            };
            row.hold = Some(Box::new(Hold::blocked(BlockReason::Disconnected, at, None)));
            row.pending_since = None;
            (row.changed_at, row.revision) = (at, revision);
            is_changed = true;
        }
        for (target, from, to) in taken_over {
            self.fold_at(to);
            let Some(row) = self.position(target, from).and_then(|at| self.deliveries.get_mut(at)) else {
                continue;
            };
            row.home.get_or_insert_with(|| Box::new(Home::At(from.key())));
            row.move_to(to);
            (row.changed_at, row.revision) = (at, revision);
            is_changed = true;
        }
        if is_changed {
            self.revision = revision;
            self.changed();
        }
    }

    /// Marks the rows that the brake holds. Returns whether any of them was not held by it before.
    pub(crate) fn hold_for_host<'a>(
        &mut self,
        rows: impl IntoIterator<Item = (TargetKey, &'a CalendarRef)>,
        at: DateTime<Utc>,
    ) -> bool {
        let mut is_changed = false;
        for (target, calendar) in rows {
            let Some(row) = self.position(target, calendar).and_then(|at| self.deliveries.get_mut(at)) else {
                continue;
            };
            if !matches!(row.hold(), Some(Hold::AwaitingHost { .. })) {
                row.hold = Some(Box::new(Hold::AwaitingHost { since: at }));
                row.pending_since.get_or_insert(at);
                is_changed = true;
            }
        }
        if is_changed {
            self.changed();
        }
        is_changed
    }

    /// Makes every confirmed row pending, so that the next run looks into the calendars. Call it on
    /// a ledger that was restored from a backup. An event that is then missing counts as removed by
    /// calsync, not by the person, and is made again. Returns the number of rows made pending.
    pub fn doubt(&mut self) -> usize {
        let mut doubted = 0;
        for row in &mut self.deliveries {
            if let DeliveryState::Confirmed(event) = &row.state {
                row.state = DeliveryState::Pending(PendingWrite::doubt(event.clone()));
                doubted += 1;
            }
        }
        if doubted > 0 {
            self.changed();
        }
        doubted
    }

    /// Drops the rows of a calendar, such as a calendar left behind in another account, or one that
    /// the person has deleted. Their events are never touched again. Returns the number of rows
    /// dropped.
    ///
    /// `calendar` is a row's own ([`Delivery::calendar`]), or that of a
    /// [`LeftBehind`](Verdict::LeftBehind) outcome or note. If it names an account, rows of another
    /// account stay.
    pub fn abandon(&mut self, calendar: &CalendarRef) -> usize {
        let mut dropped = 0;
        let mut at = 0;
        while let Some(row) = self.deliveries.get(at) {
            if row.is_of(calendar) {
                let row = self.deliveries.remove(at);
                // The id of an event that may exist cannot be used again.
                let generation = if row.may_exist() { row.generation.next() } else { row.generation };
                self.withdrawn(row.target, generation);
                dropped += 1;
            } else {
                at += 1;
            }
        }
        if dropped > 0 {
            self.changed();
        }
        dropped
    }

    /// Drops every row of a provider kind. Call it when the kind names another service from now on,
    /// such as the real one after a trial with a fake. Returns the number of rows dropped.
    pub fn forget_provider(&mut self, kind: &ProviderKind) -> usize {
        let before = self.deliveries.len();
        self.deliveries.retain(|row| row.calendar.provider != *kind);
        let dropped = before - self.deliveries.len();
        if dropped > 0 {
            self.changed();
        }
        dropped
    }

    /// Drops every row of a person, after a finished disconnect: nothing of the person stays in the
    /// ledger. Returns the number of rows dropped. Returns `None` and changes nothing while an
    /// event may still be in one of the person's calendars; events kept on a disconnect do not
    /// count.
    pub fn forget(&mut self, person: &Person) -> Option<usize> {
        let may_exist = |row: &Delivery| {
            row.calendar.person == *person
                && row.may_exist()
                && !row.hold().is_some_and(Hold::is_disconnected)
        };
        if self.deliveries.iter().any(may_exist) {
            return None;
        }
        let before = self.deliveries.len();
        self.deliveries.retain(|row| row.calendar.person != *person);
        let dropped = before - self.deliveries.len();
        if dropped > 0 {
            self.changed();
        }
        Some(dropped)
    }

    /// Adds a row for an event that a listing found. The next run looks at it.
    pub(super) fn add_found(&mut self, row: Delivery) {
        self.withdrawn.retain(|withdrawn| withdrawn.target != row.target);
        self.deliveries.push(row);
        self.changed();
    }

    /// Folds rows that hold nothing but their generation: the row goes, the generation is kept.
    fn fold(&mut self) {
        if !self.deliveries.iter().any(Delivery::is_idle) {
            return;
        }
        let mut at = 0;
        while let Some(row) = self.deliveries.get(at) {
            if row.is_idle() {
                let row = self.deliveries.remove(at);
                self.withdrawn(row.target, row.generation);
            } else {
                at += 1;
            }
        }
    }

    /// Folds the absent row of a calendar that another row moves to, unless a write may still take
    /// effect there.
    fn fold_at(&mut self, calendar: &CalendarRef) {
        let is_it = |row: &Delivery| row.is_of(calendar) && !row.may_exist() && !row.is_to_be_looked_at();
        if let Some(at) = self.deliveries.iter().position(is_it) {
            let row = self.deliveries.remove(at);
            self.withdrawn(row.target, row.generation);
        }
    }

    /// Keeps the generation of a target whose row is dropped.
    fn withdrawn(&mut self, target: TargetKey, generation: Generation) {
        let generation = generation.max(self.generation_of(target));
        self.withdrawn.retain(|withdrawn| withdrawn.target != target);
        if generation != Generation::FIRST {
            self.withdrawn.push(Withdrawn { target, generation });
        }
    }

    fn add(&mut self, row: Delivery) -> &mut Delivery {
        let at = self.deliveries.len();
        self.deliveries.push(row);
        #[expect(clippy::indexing_slicing, reason = "just pushed")]
        &mut self.deliveries[at]
    }
}

impl Delivery {
    /// The row is reached through `calendar` from now on. It keeps the account that it has learned,
    /// unless this connection leads to another account. A calendar with a globally unique id may be
    /// reached through several accounts.
    fn move_to(&mut self, calendar: &CalendarRef) {
        let is_same = |account: &AccountId| calendar.account.as_ref().is_none_or(|other| other == account);
        let account = self.calendar.account.take().filter(is_same);
        self.calendar = CalendarRef { account, ..calendar.clone() };
        if let DeliveryState::Pending(pending) = &mut self.state {
            pending.account = pending.account.take().filter(is_same);
        }
    }

    fn record(&mut self, outcome: &Outcome) {
        let is_success = outcome.failure.is_none();
        if outcome.verdict.is_done() {
            self.pending_since = None;
        } else {
            self.pending_since.get_or_insert(outcome.at);
        }
        let account = match (&outcome.calendar.account, is_success) {
            (Some(account), true) => Some(account.clone()),
            _ => self.calendar.account.clone(),
        };
        self.calendar = CalendarRef { account, ..outcome.calendar.clone() };
        self.role = outcome.role;
        self.revision = outcome.revision;
        self.changed_at = match outcome.state {
            // The write may still take effect for some time after the run has ended, and a long run
            // ends long after its plan was made.
            DeliveryState::Pending(_) => outcome.ended_at,
            DeliveryState::Absent | DeliveryState::Confirmed(_) => outcome.at,
        };
        self.generation = outcome.generation;
        self.state = outcome.state.clone();
        self.hold = outcome.hold.clone().map(Box::new);
        self.last_error = outcome.failure.clone().map(Box::new);
        self.failures = outcome.failures;
        // A look stays due if it was noted after this plan was begun, or waits for an older write.
        self.look_at = outcome.look_at.max(self.look_at);
        if outcome.verdict.is_done() {
            self.unreported_since = None;
        }
        self.verify_at = None;
        if self.confirmed().is_some() && outcome.verdict != Verdict::LeftBehind {
            self.verify_after(outcome.at);
        }
    }

    /// An older run reports after a newer plan was begun. One look finds what it left in the
    /// calendar.
    fn record_late(&mut self, outcome: &Outcome) -> bool {
        // A late removal may have removed the event that the newer plan wrote.
        let is_removed = outcome.state == DeliveryState::Absent;
        let changed_nothing = is_removed && (!outcome.verdict.is_done() || !self.may_exist());
        if changed_nothing || self.look_at.is_some_and(|at| at <= outcome.at) {
            return false;
        }
        self.look_at = self.look_at.max(Some(outcome.at));
        self.pending_since.get_or_insert(outcome.at);
        true
    }

    /// Whether an outcome of the same plan was recorded before that had come further than this one.
    fn knows_better(&self, outcome: &Outcome) -> bool {
        let is_done = self.last_error.is_none() && !matches!(self.state, DeliveryState::Pending(_));
        let did_nothing = matches!(outcome.verdict, Verdict::Failed | Verdict::Postponed);
        is_done && (did_nothing || outcome.generation < self.generation)
    }
}
