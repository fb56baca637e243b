//! What can happen. One operation is one thing that happens to the company, its people, their
//! calendars or its workers; those that a slow worker sleeps through count for themselves.

use super::dice::Dice;
use super::lies::{Lie, Lies};

/// Something that happens, and the seed of everything that follows from it. Its numbers are taken
/// modulo what there is.
#[derive(Debug, Clone)]
pub struct Operation {
    /// What.
    pub what: What,
    /// The seed.
    pub seed: u64,
}

/// What happens.
#[derive(Debug, Clone)]
pub enum What {
    /// An order is confirmed, for the first time or again.
    Confirm(usize),
    /// An order is cancelled.
    CancelOrder(usize),
    /// A guest signs up.
    SignUp(usize),
    /// An appointment moves.
    Move(usize),
    /// An appointment gets somebody else, or nobody.
    Reassign(usize),
    /// An appointment is about another service.
    OtherService(usize),
    /// An appointment is cancelled.
    Cancel(usize),
    /// An appointment is on again.
    Restore(usize),
    /// Somebody connects a calendar.
    Connect(usize),
    /// Somebody disconnects a calendar.
    Disconnect(usize),
    /// Somebody's coming appointments are written for them alone, as after a connect.
    Backfill(usize, Crash),
    /// Somebody leaves a calendar, and what is ours goes first.
    Leave(usize, Crash),
    /// Somebody takes another calendar of the same account.
    Switch(usize),
    /// Somebody deletes a calendar they have connected, with everything in it.
    Vanish(usize),
    /// Somebody connects the same account anew, under the same connection or another.
    Reconnect(usize),
    /// Somebody wants no events, or wants them again.
    Toggle(usize),
    /// Somebody deletes an event of ours by hand.
    Delete(usize),
    /// Somebody writes over an event of ours.
    Edit(usize),
    /// Somebody takes calsync's access back.
    Revoke(usize),
    /// Every access token runs out.
    TokensRunOut,
    /// So many minutes pass.
    TimePasses(i64),
    /// The host's people look after what waits for them.
    LookAfter,
    /// The process ends, and another one begins.
    Restart,
    /// A worker brings an appointment up to date.
    Sync(usize, Crash),
    /// A worker brings all up to date at once.
    SyncAll(Crash),
    /// Two workers are at one appointment at once; something changes in between.
    Race(usize, Box<Operation>, Crash),
    /// A worker begins, and is so slow that all this happens before it runs.
    Straggle(usize, Vec<Operation>, Crash),
    /// One worker records its report twice.
    Twice(usize),
    /// The host loses the ledger of an appointment, or all it can find again.
    LoseLedgers(Option<usize>),
    /// The host makes a backup of its ledgers.
    BackUp,
    /// The host restores the ledger of an appointment from its backup, or all.
    RestoreBackup(Option<usize>),
    /// A test system with a copy of an appointment's ledger plans.
    Copy(usize),
    /// The clock of the host's processes is so many hours ahead; or right again, where it was
    /// ahead.
    ClockJumps(i64),
    /// A worker whose clock is ten years ahead brings an appointment up to date.
    TenYearsAhead(usize, Crash),
    /// A column is null or missing; or is stated again, where it was not.
    NullColumn(usize),
    /// A row with tokens cannot be opened any more.
    Unreadable(usize),
    /// Somebody connects another account than before.
    WrongAccount(usize),
}

/// Where a worker dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// It does not.
    Never,
    /// Before what was begun is saved.
    BeforeBeginIsSaved,
    /// Before the run.
    BeforeTheRun,
    /// After so many outcomes were saved; the others are cut off where they are.
    AfterOutcomes(usize),
    /// In the middle of a call: after its run was polled so many times.
    MidCall(u32),
    /// Before the report is saved.
    BeforeTheReportIsSaved,
}

impl What {
    /// Whether a worker does it.
    pub fn is_work(&self) -> bool {
        use What::{Backfill, Leave, Race, Straggle, Sync, SyncAll, TenYearsAhead, Twice};
        matches!(
            self,
            Backfill(..)
                | Leave(..)
                | Race(..)
                | Straggle(..)
                | Sync(..)
                | SyncAll(_)
                | TenYearsAhead(..)
                | Twice(_)
        )
    }
}

impl Operation {
    /// How many things happen in it.
    pub fn count(&self) -> u64 {
        1 + match &self.what {
            What::Race(_, between, _) => between.count(),
            What::Straggle(_, meanwhile, _) => meanwhile.iter().map(Self::count).sum(),
            _ => 0,
        }
    }

    /// Something that happens.
    pub fn any(dice: &Dice, lies: &Lies) -> Self {
        let (seed, number) = (dice.number(), dice.below(1_000_000));
        let what = match *dice.weighed(&[
            (40, "change"),
            (6, "hands"),
            (4, "tokens"),
            (5, "time"),
            (5, "look after"),
            (1, "restart"),
            (30, "sync"),
            (4, "sync all"),
            (6, "race"),
            (5, "straggle"),
            (3, "twice"),
            (lies.weigh(Lie::Lost, 3), "lost"),
            (lies.weigh(Lie::Backup, 4), "backup"),
            (lies.weigh(Lie::Copied, 1), "copied"),
            (lies.weigh(Lie::Clock, 3), "clock"),
        ]) {
            // While another worker is under way none of these happens: the host stops its workers
            // before it touches its ledgers, and whoever sleeps through a jump of the clock is
            // slower than `settle_after` allows.
            "lost" => What::LoseLedgers(dice.happens(700).then_some(number)),
            "backup" if dice.happens(600) => What::BackUp,
            "backup" => What::RestoreBackup(dice.happens(600).then_some(number)),
            "copied" => What::Copy(number),
            "clock" if dice.happens(600) => What::ClockJumps(*dice.pick(&[1, 3, 7, 20, 30])),
            "clock" => What::TenYearsAhead(number, crash(dice)),
            "change" => change(dice, number, lies),
            "hands" if dice.happens(600) => What::Delete(number),
            "hands" => What::Edit(number),
            "tokens" if dice.happens(700) => What::TokensRunOut,
            "tokens" => What::Revoke(number),
            "time" => What::TimePasses(*dice.pick(&[1, 5, 40, 90, 300, 600])),
            "look after" => What::LookAfter,
            "restart" => What::Restart,
            "sync all" => What::SyncAll(crash(dice)),
            "race" => {
                let between = Self { what: change(dice, dice.below(1_000_000), lies), seed: dice.number() };
                What::Race(number, Box::new(between), crash(dice))
            }
            "straggle" => {
                let meanwhile = (0..1 + dice.below(3)).map(|_| Self::change_or_sync(dice, lies)).collect();
                What::Straggle(number, meanwhile, crash(dice))
            }
            "twice" => What::Twice(number),
            _ => What::Sync(number, crash(dice)),
        };
        Self { what, seed }
    }

    fn change_or_sync(dice: &Dice, lies: &Lies) -> Self {
        let (seed, number) = (dice.number(), dice.below(1_000_000));
        let what =
            if dice.happens(500) { change(dice, number, lies) } else { What::Sync(number, crash(dice)) };
        Self { what, seed }
    }
}

fn change(dice: &Dice, number: usize, lies: &Lies) -> What {
    let make = *dice.weighed::<fn(usize, &Dice) -> What>(&[
        (7, |number, _| What::Confirm(number)),
        (2, |number, _| What::CancelOrder(number)),
        (1, |number, _| What::SignUp(number)),
        (6, |number, _| What::Move(number)),
        (4, |number, _| What::Reassign(number)),
        (1, |number, _| What::OtherService(number)),
        (3, |number, _| What::Cancel(number)),
        (3, |number, _| What::Restore(number)),
        (6, |number, _| What::Connect(number)),
        (3, |number, _| What::Disconnect(number)),
        (2, |number, dice| What::Backfill(number, crash(dice))),
        (2, |number, dice| What::Leave(number, crash(dice))),
        (3, |number, _| What::Switch(number)),
        (1, |number, _| What::Vanish(number)),
        (3, |number, _| What::Reconnect(number)),
        (2, |number, _| What::Toggle(number)),
        (lies.weigh(Lie::Null, 3), |number, _| What::NullColumn(number)),
        (lies.weigh(Lie::Unreadable, 1), |number, _| What::Unreadable(number)),
        (lies.weigh(Lie::Account, 2), |number, _| What::WrongAccount(number)),
    ]);
    make(number, dice)
}

fn crash(dice: &Dice) -> Crash {
    match dice.below(14) {
        0 => Crash::BeforeBeginIsSaved,
        1 => Crash::BeforeTheRun,
        2 | 3 => Crash::AfterOutcomes(dice.below(3)),
        4 | 5 => Crash::MidCall(1 + u32::try_from(dice.below(30)).unwrap_or_default()),
        6 => Crash::BeforeTheReportIsSaved,
        _ => Crash::Never,
    }
}
