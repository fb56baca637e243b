//! Decides from a seed which calls fail, and how often the others yield.

/// A pseudo-random generator (xorshift64*), with the same numbers for a seed on every machine.
#[derive(Debug)]
pub(super) struct Random {
    state: u64,
    per_mille: u64,
    slow: bool,
}

impl Random {
    /// Creates a generator. `per_mille` of 1000 calls fail; with `slow`, the others yield up to 3
    /// times.
    pub(super) fn new(seed: u64, per_mille: u64, slow: bool) -> Self {
        Self { state: seed | 1, per_mille, slow }
    }

    /// Returns the next number.
    pub(super) fn number(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// Draws whether the next call fails.
    pub(super) fn fails(&mut self) -> bool {
        self.number() % 1000 < self.per_mille
    }

    /// Draws how many times a call that does not fail yields, 0 to 3.
    pub(super) fn turns(&mut self) -> u8 {
        if self.slow { (self.number() % 4) as u8 } else { 0 }
    }
}
