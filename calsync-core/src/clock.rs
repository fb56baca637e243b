//! The current time, and waiting. No other code of calsync uses the machine's clock or timer.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// Returns the current time. The host gives one to the syncer; tests use one that they set.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The current instant, in UTC.
    fn now(&self) -> DateTime<Utc>;
}

impl<T: Clock + ?Sized> Clock for Arc<T> {
    fn now(&self) -> DateTime<Utc> {
        (**self).now()
    }
}

/// The machine's clock, in UTC.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
    fn now(&self) -> DateTime<Utc> {
        DateTime::from(std::time::SystemTime::now())
    }
}

/// Waits. A host uses its runtime's timer; tests use one that does not really wait.
#[async_trait]
pub trait Sleep: Debug + Send + Sync + 'static {
    /// Returns after `duration` has passed.
    async fn sleep(&self, duration: Duration);
}

#[async_trait]
impl<T: Sleep + ?Sized> Sleep for Arc<T> {
    async fn sleep(&self, duration: Duration) {
        (**self).sleep(duration).await;
    }
}

/// Waits on tokio's timer. Works only within a tokio runtime with time enabled.
#[cfg(any(feature = "sync", feature = "tokens"))]
#[derive(Debug, Clone, Copy, Default)]
pub struct TokioSleep;

#[cfg(any(feature = "sync", feature = "tokens"))]
#[async_trait]
impl Sleep for TokioSleep {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that waits on the machine")]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
