//! Where the time comes from, and how it is waited for. Nothing else in calsync asks the machine.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// Tells the time. The host gives one to the syncer; tests give one that stands still.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> DateTime<Utc>;
}

impl<T: Clock + ?Sized> Clock for Arc<T> {
    fn now(&self) -> DateTime<Utc> {
        (**self).now()
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
    fn now(&self) -> DateTime<Utc> {
        DateTime::from(std::time::SystemTime::now())
    }
}

/// Waits. The host's runtime does it; tests give one that does not.
#[async_trait]
pub trait Sleep: Debug + Send + Sync + 'static {
    /// Returns once that much time has passed.
    async fn sleep(&self, duration: Duration);
}

#[async_trait]
impl<T: Sleep + ?Sized> Sleep for Arc<T> {
    async fn sleep(&self, duration: Duration) {
        (**self).sleep(duration).await;
    }
}

/// Waits on tokio's timer, and so only within a tokio runtime that has one.
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
