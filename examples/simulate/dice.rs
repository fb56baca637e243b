//! The one generator everything follows from.

use calsync_core::sync::{Random, SeededRandom};

/// Numbers that follow from a seed.
#[derive(Debug)]
pub struct Dice(SeededRandom);

impl Dice {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Self {
        Self(SeededRandom::new(seed))
    }

    /// The next number.
    pub fn number(&self) -> u64 {
        self.0.next()
    }

    /// A number below a limit, which is not nought.
    pub fn below(&self, limit: usize) -> usize {
        usize::try_from(self.number() % limit as u64).unwrap_or_default()
    }

    /// Whether something happens that happens so often in a thousand times.
    pub fn happens(&self, per_mille: u64) -> bool {
        self.number() % 1000 < per_mille
    }

    /// One of several.
    pub fn pick<'a, T>(&self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// One of several, each as often as it weighs.
    pub fn weighed<'a, T>(&self, from: &'a [(usize, T)]) -> &'a T {
        let mut left = self.below(from.iter().map(|(weight, _)| weight).sum());
        for (weight, one) in from {
            if left < *weight {
                return one;
            }
            left -= weight;
        }
        unreachable!("the weights add up")
    }
}
