//! A clock that moves only if a test advances it or if code sleeps by it. A sleep takes no real
//! time.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};

use crate::clock::{Clock, Sleep};
use crate::turns;

/// A clock that moves only if a test advances it or if code sleeps by it. Clones show the same
/// time.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<Mutex<DateTime<Utc>>>);

impl TestClock {
    /// Creates a clock that shows `now`.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Advances the clock.
    pub fn advance(&self, by: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A sleep first yields to the other futures, and then advances the clock to the end of the sleep.
/// It takes no real time. If two futures sleep at once, the clock may be later than the end of the
/// shorter sleep when that one wakes.
#[async_trait]
impl Sleep for TestClock {
    async fn sleep(&self, duration: std::time::Duration) {
        let end = Duration::from_std(duration).ok().and_then(|by| self.now().checked_add_signed(by));
        turns::pass(3).await;
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = end.map_or(*now, |end| end.max(*now));
    }
}
