//! What follows from a seed: which calls fail, and how long the others take.

/// Numbers that follow from a seed (xorshift64*: small, and the same everywhere).
#[derive(Debug)]
pub(super) struct Random {
    state: u64,
    per_mille: u64,
    slow: bool,
}

impl Random {
    /// So many calls in a thousand fail; with `slow`, the others take some turns.
    pub(super) fn new(seed: u64, per_mille: u64, slow: bool) -> Self {
        Self { state: seed | 1, per_mille, slow }
    }

    /// The next number.
    pub(super) fn number(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// Whether the next call fails.
    pub(super) fn fails(&mut self) -> bool {
        self.number() % 1000 < self.per_mille
    }

    /// How many turns a call that does not fail takes.
    pub(super) fn turns(&mut self) -> u8 {
        if self.slow { (self.number() % 4) as u8 } else { 0 }
    }
}
