//! What came of it.

use std::collections::BTreeMap;
use std::fmt;

use chrono::TimeDelta;

/// What came of one story, or of many.
#[derive(Debug, Default)]
pub struct Figures {
    /// How many operations there were.
    pub operations: u64,
    /// How many stories.
    pub stories: u64,
    /// What went wrong on the way, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Requests to servers, those for tokens among them.
    pub requests: u64,
    /// Calls to the folder and to the mailer.
    pub calls: u64,
    /// How many events there should be at the end.
    pub wanted: u64,
    /// How many there are.
    pub standing: u64,
    /// Events that stand once more than they should.
    pub duplicates: u64,
    /// Events that should stand and do not.
    pub lost: u64,
    /// Events that should not stand.
    pub stray: u64,
    /// Requests to an account that had told the same process to wait, or any process where the
    /// host's processes share that.
    pub early: u64,
    /// Requests to an account that had told another process to wait, where nothing is shared
    /// between processes but the ledger. Not a failure.
    pub early_elsewhere: u64,
    /// Requests with a token that nobody gave.
    pub nobodys: u64,
    /// Events of others that are not what they were.
    pub foreign_changed: u64,
    /// Events made or removed because a column is null, requests that wrote to the wrong account,
    /// plans with a copied ledger.
    pub broken: u64,
    /// Mails the servers sent, and guests they were given.
    pub mails: u64,
    /// Secrets and people's data in logs.
    pub told: u64,
    /// Rows that are still unsure, and stories that did not come to rest.
    pub unsettled: u64,
    /// Rows that are held after the quiet rounds, though no verdict, person or brake holds them.
    pub waiting: u64,
    /// Stories in which a sync with nothing to do makes a call.
    pub loud: u64,
    /// How much time passed by the stories' own clock.
    pub virtual_time: TimeDelta,
    /// What is wrong, in words.
    pub problems: Vec<String>,
}

impl Figures {
    /// Everything that has to be nought.
    fn noughts(&self) -> [(&'static str, u64); 12] {
        [
            ("duplicates", self.duplicates),
            ("lost", self.lost),
            ("stray", self.stray),
            ("early requests", self.early),
            ("foreign changed", self.foreign_changed),
            ("mails", self.mails),
            ("told in logs", self.told),
            ("unsettled", self.unsettled),
            ("rows that wait for ever", self.waiting),
            ("calls with nothing to do", self.loud),
            ("requests with nobody's token", self.nobodys),
            ("lies believed", self.broken),
        ]
    }

    /// Whether all is as it should be.
    pub fn are_good(&self) -> bool {
        self.worst().is_none()
    }

    /// The worst that is wrong.
    pub fn worst(&self) -> Option<&'static str> {
        self.noughts().iter().find(|(_, count)| *count > 0).map(|(name, _)| *name)
    }

    /// Adds another story's.
    pub fn add(&mut self, other: Self) {
        self.stories += 1;
        self.operations += other.operations;
        for (name, count) in other.faults {
            *self.faults.entry(name).or_default() += count;
        }
        self.requests += other.requests;
        self.calls += other.calls;
        self.wanted += other.wanted;
        self.standing += other.standing;
        self.duplicates += other.duplicates;
        self.lost += other.lost;
        self.stray += other.stray;
        self.early += other.early;
        self.early_elsewhere += other.early_elsewhere;
        self.nobodys += other.nobodys;
        self.broken += other.broken;
        self.foreign_changed += other.foreign_changed;
        self.mails += other.mails;
        self.told += other.told;
        self.unsettled += other.unsettled;
        self.waiting += other.waiting;
        self.loud += other.loud;
        self.virtual_time += other.virtual_time;
        self.problems.extend(other.problems);
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "operations                    {}, in {} companies", self.operations, self.stories)?;
        writeln!(f, "requests to Google, Outlook   {}", self.requests)?;
        writeln!(f, "calls to folder and mailer    {}", self.calls)?;
        writeln!(f, "faults injected               {}", self.faults.values().sum::<u64>())?;
        for (name, count) in &self.faults {
            writeln!(f, "    {name:<31} {count}")?;
        }
        writeln!(f, "events at the end             {}, wanted {}", self.standing, self.wanted)?;
        for (name, count) in self.noughts() {
            writeln!(f, "{name:<29} {count}")?;
        }
        writeln!(f, "early, told another process   {}", self.early_elsewhere)?;
        write!(f, "virtual time                  {} days", self.virtual_time.num_days())
    }
}
