//! A clock that only moves when told to, or when somebody sleeps by it, which takes no time.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};

use crate::clock::{Clock, Sleep};
use crate::turns;

/// A clock that only moves when told to, or when somebody sleeps by it. Clones show the same time.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<Mutex<DateTime<Utc>>>);

impl TestClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who sleeps lets the others go first, and then moves the clock on to the end of the sleep: nobody waits, and time passes.
/// Of two who sleep at once the one may find the clock past its time.
#[async_trait]
impl Sleep for TestClock {
    async fn sleep(&self, duration: std::time::Duration) {
        let end = Duration::from_std(duration).ok().and_then(|by| self.now().checked_add_signed(by));
        turns::pass(3).await;
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = end.map_or(*now, |end| end.max(*now));
    }
}
