//! Which lies the companies live through. Faults and crashes are no lies: they are always there.

use std::collections::BTreeSet;

/// Something that a host, its store or a server gets wrong for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lie {
    /// Ledgers are lost, and rebuilt from the calendars.
    Lost,
    /// Ledgers are restored from an older backup.
    Backup,
    /// Ledgers are lost of customers without a profile too, who are invited by mail. It tells
    /// nothing itself.
    Guests,
    /// Ledgers with rows in folders are lost too: two connections may name a folder by two
    /// accounts. It tells nothing itself.
    Folders,
    /// The answer to a listing is an object without a list. It tells nothing itself.
    Listing,
    /// A test system plans with copied ledgers.
    Copied,
    /// The clock of the host's processes is ahead, by hours or by years.
    Clock,
    /// A process lives on after its clock was set back; without this it ends then. It tells nothing
    /// itself.
    Back,
    /// Columns are null or missing for a while.
    Null,
    /// While a column is null, no plan may make or remove an event because of that. It tells
    /// nothing itself.
    Kept,
    /// A row with tokens cannot be opened.
    Unreadable,
    /// A person connects the wrong account.
    Account,
    /// The token is refused in one part of a batch.
    Batch,
    /// Every sync of some companies is a new process.
    Cron,
}

/// Every lie, by the name that the command line knows it by.
const NAMES: [(&str, Lie); 14] = [
    ("lost", Lie::Lost),
    ("backup", Lie::Backup),
    ("guests", Lie::Guests),
    ("folders", Lie::Folders),
    ("listing", Lie::Listing),
    ("copied", Lie::Copied),
    ("clock", Lie::Clock),
    ("back", Lie::Back),
    ("null", Lie::Null),
    ("kept", Lie::Kept),
    ("unreadable", Lie::Unreadable),
    ("account", Lie::Account),
    ("batch", Lie::Batch),
    ("cron", Lie::Cron),
];

/// The lies that calsync does not live through yet.
const NOT_YET: [Lie; 2] = [Lie::Folders, Lie::Kept];

/// Some of the lies.
#[derive(Debug, Clone)]
pub struct Lies(BTreeSet<Lie>);

impl Lies {
    /// Every lie.
    #[must_use]
    pub fn all() -> Self {
        Self(NAMES.iter().map(|(_, lie)| *lie).collect())
    }

    /// The lies of a list of names with commas between them; `all` is every one.
    ///
    /// # Errors
    /// When a name is not known.
    pub fn named(names: &str) -> Result<Self, String> {
        if names == "all" {
            return Ok(Self::all());
        }
        let of = |name: &str| {
            let found = NAMES.iter().find(|(known, _)| *known == name);
            let known = || NAMES.map(|(known, _)| known).join(", ");
            found
                .map(|(_, lie)| *lie)
                .ok_or_else(|| format!("no lie is called {name}; there are {}", known()))
        };
        names.split(',').filter(|name| !name.is_empty()).map(of).collect::<Result<_, _>>().map(Self)
    }

    /// Whether that one is told.
    #[must_use]
    pub fn tell(&self, lie: Lie) -> bool {
        self.0.contains(&lie)
    }

    /// So often, if that one is told; else never.
    #[must_use]
    pub fn weigh(&self, lie: Lie, weight: usize) -> usize {
        if self.tell(lie) { weight } else { 0 }
    }
}

/// Those that calsync lives through.
impl Default for Lies {
    fn default() -> Self {
        Self(NAMES.iter().map(|(_, lie)| *lie).filter(|lie| !NOT_YET.contains(lie)).collect())
    }
}
