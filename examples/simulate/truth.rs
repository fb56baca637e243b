//! What stands in the calendars, what should, and the difference.

use std::collections::BTreeMap;
use std::fmt;

use calsync_core::ProviderKind;
use chrono::{DateTime, Utc};

/// A calendar: the one of an account, a person's folder, or a guest's address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot(String);

/// An event, as its reader sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// Where.
    pub spot: Spot,
    /// When it begins.
    pub start: DateTime<Utc>,
    /// Its title.
    pub title: String,
}

/// What is wrong with the events that stand.
#[derive(Debug, Default)]
pub struct Difference {
    /// Those that stand once more than they should.
    pub duplicates: Vec<Event>,
    /// Those that should stand and do not.
    pub lost: Vec<Event>,
    /// Those that should not stand at all.
    pub stray: Vec<Event>,
}

impl Spot {
    /// A calendar of a person's account. A folder's calendars have no account.
    pub fn calendar(person: usize, house: &ProviderKind, account: usize, calendar: &str) -> Self {
        let account = if *house == ProviderKind::APPLE { 0 } else { account };
        Self::named(person, house, account, calendar)
    }

    /// A calendar as the host knows it: also a folder goes by the account that its connection
    /// names.
    pub fn named(person: usize, house: &ProviderKind, account: usize, calendar: &str) -> Self {
        Self(format!("person {person} {house} {account} {calendar}"))
    }

    /// A guest's mailbox.
    pub fn mail(address: String) -> Self {
        Self(address)
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.spot.0, self.start.format("%F %R"), self.title)
    }
}

/// Compares what stands with what should.
pub fn compare(standing: Vec<Event>, wanted: Vec<Event>) -> Difference {
    let mut counts: BTreeMap<Event, (usize, usize)> = BTreeMap::new();
    for event in standing {
        counts.entry(event).or_default().0 += 1;
    }
    for event in wanted {
        counts.entry(event).or_default().1 += 1;
    }
    let mut difference = Difference::default();
    for (event, (stand, should)) in counts {
        let (list, count) = match (stand, should) {
            (stand, 0) => (&mut difference.stray, stand),
            (stand, should) if stand > should => (&mut difference.duplicates, stand - should),
            (stand, should) => (&mut difference.lost, should - stand),
        };
        list.extend(std::iter::repeat_n(event, count));
    }
    difference
}
