//! How long a run takes, and how long it would at the least.

use std::time::Duration;

use calsync_core::ProviderKind;

use super::backlog::Backlog;

/// How many calls Google declares that one account may have under way.
pub const IN_FLIGHT: usize = 4;

/// A run: so many events in each of so many accounts, so many calls at once in all.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// The accounts.
    pub accounts: usize,
    /// Each one's events.
    pub events: usize,
    /// The syncer's `concurrency`.
    pub concurrency: usize,
    /// One account's events follow one another in the plans; otherwise the accounts take turns.
    pub by_account: bool,
}

impl Run {
    /// The four that are measured.
    pub const ALL: [Self; 4] = [
        Self { accounts: 200, events: 10, concurrency: 16, by_account: false },
        Self { accounts: 200, events: 10, concurrency: 16, by_account: true },
        Self { accounts: 1, events: 500, concurrency: 16, by_account: false },
        Self { accounts: 5_000, events: 1, concurrency: 64, by_account: false },
    ];

    /// The plans.
    pub fn plans(&self) -> Backlog {
        let backlog = Backlog::new(ProviderKind::GOOGLE, self.accounts, self.events);
        if self.by_account { backlog.by_account() } else { backlog }
    }

    /// A tenth of it.
    pub fn tenth(self) -> Self {
        let tenth = |number: usize| if number > 10 { number / 10 } else { number };
        Self { accounts: tenth(self.accounts), events: tenth(self.events), ..self }
    }

    /// How many calls it makes: one an event.
    pub fn calls(&self) -> usize {
        self.accounts * self.events
    }

    /// How many can be under way at once.
    pub fn at_once(&self) -> usize {
        self.concurrency.min(self.accounts * IN_FLIGHT)
    }

    /// The least time that answers after that long, and the limits on calls at once, allow: as many
    /// rounds as the run needs, or as the account with the most calls does, whichever are more. All
    /// stays within the first minute's quota.
    pub fn bound(&self, latency: Duration) -> Duration {
        let rounds = self.calls().div_ceil(self.at_once()).max(self.events.div_ceil(IN_FLIGHT));
        latency * rounds as u32
    }
}
