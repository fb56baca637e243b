//! Unique and repeatable numbers, times and texts.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

/// Generates numbers, times and texts that never repeat, and are the same in every run with the
/// same calls.
///
/// Put [`Serial::counters`] into a snapshot, so that nothing repeats after it is restored.
#[derive(Debug, Clone, Copy)]
pub struct Serial {
    number: u64,
    last: DateTime<Utc>,
}

impl Default for Serial {
    fn default() -> Self {
        Self { number: 0, last: DateTime::UNIX_EPOCH }
    }
}

impl Serial {
    /// Continues after these [`Serial::counters`].
    #[must_use]
    pub fn after(number: u64, last: DateTime<Utc>) -> Self {
        Self { number, last }
    }

    /// The latest number and the latest time, for a snapshot.
    #[must_use]
    pub fn counters(&self) -> (u64, DateTime<Utc>) {
        (self.number, self.last)
    }

    /// The latest number; 0 at first.
    #[must_use]
    pub fn latest(&self) -> u64 {
        self.number
    }

    /// The next number, beginning with 1.
    #[expect(clippy::should_implement_trait, reason = "the numbers do not end, so it is not an iterator")]
    pub fn next(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// The time of a change made now. Each is at least 1 ms later than the one before, also if the
    /// clock does not advance.
    pub fn time(&mut self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.last = now.max(self.last + TimeDelta::milliseconds(1));
        self.last
    }

    /// 32 bytes, from a hash of `what` and the next number.
    pub fn bytes(&mut self, what: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(what.as_bytes());
        hash.update(self.next().to_be_bytes());
        hash.finalize().into()
    }

    /// A text of 43 characters of base64url, from a hash of `what` and the next number.
    pub fn opaque(&mut self, what: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes(what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_repeats_after_a_snapshot_is_restored() {
        let mut before = Serial::default();
        let now = DateTime::UNIX_EPOCH;
        let seen = (before.next(), before.opaque("code"), before.time(now), before.time(now));
        assert!(seen.3 > seen.2 && seen.2 > now);
        let (number, last) = before.counters();
        let mut after = Serial::after(number, last);
        assert!(after.time(now) > seen.3);
        assert_eq!(after.latest(), 2);
        let text = after.opaque("code");
        assert_ne!(text, seen.1);
        assert_eq!((text.len(), text), (43, before.opaque("code")));
    }
}
