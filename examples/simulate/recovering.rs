//! How the host rebuilds ledgers: it lists every calendar that is or was connected since the loss,
//! each once, over as many attempts as it takes.

use std::collections::{BTreeMap, BTreeSet};

use calsync_core::calendar::CalendarRef;
use calsync_core::plan::Recovery;
use calsync_core::provider::Found;

use super::company::Link;
use super::truth::Spot;

/// A calendar to list, and who has connected it.
#[derive(Debug, Clone)]
pub struct Place {
    /// As calsync is asked to list it.
    pub calendar: CalendarRef,
    /// The person and their connection; a guest has none.
    pub link: Option<(usize, Link)>,
}

/// A recovery under way.
#[derive(Debug)]
pub struct Recovering {
    to_list: BTreeMap<Spot, Place>,
    listed: BTreeSet<Spot>,
    /// What was found.
    pub recovery: Recovery,
}

impl Recovering {
    /// Nothing is listed yet.
    pub fn new(namespace: &str) -> Self {
        Self { to_list: BTreeMap::new(), listed: BTreeSet::new(), recovery: Recovery::new(namespace) }
    }

    /// These are to be listed too. A calendar that is reached through another connection now is
    /// listed through that one.
    pub fn also(&mut self, places: impl IntoIterator<Item = (Spot, Place)>) {
        self.to_list.extend(places);
    }

    /// What was not listed yet.
    pub fn left(&self) -> Vec<(Spot, Place)> {
        let left = self.to_list.iter().filter(|(spot, _)| !self.listed.contains(*spot));
        left.map(|(spot, place)| (spot.clone(), place.clone())).collect()
    }

    /// Everything there is to list.
    pub fn all(&self) -> Vec<(Spot, Place)> {
        self.to_list.iter().map(|(spot, place)| (spot.clone(), place.clone())).collect()
    }

    /// A calendar was listed completely.
    pub fn listed(&mut self, spot: &Spot, calendar: &CalendarRef, found: Vec<Found>) {
        self.listed.insert(spot.clone());
        self.recovery.add(calendar, found);
    }

    /// A calendar is no more.
    pub fn is_gone(&mut self, spot: &Spot) {
        self.to_list.remove(spot);
    }
}
