//! A sleep that ends at once and records its duration, a constant source of random numbers, and a
//! host that retries with them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use calsync_core::clock::Sleep;
use calsync_core::plan::RemovedByPerson;
use calsync_core::sync::{Random, RetryPolicy, Syncer};

use crate::common::{Company, Host, NAMESPACE, Reached, Watch};

/// Records every sleep, in order. Each sleep advances the clock.
#[derive(Debug, Clone)]
pub(crate) struct Naps {
    pub(crate) taken: Arc<Mutex<Vec<Duration>>>,
    watch: Watch,
}

impl Naps {
    pub(crate) fn take(&self) -> Vec<Duration> {
        std::mem::take(&mut self.taken.lock().unwrap())
    }
}

#[async_trait]
impl Sleep for Naps {
    async fn sleep(&self, duration: Duration) {
        self.taken.lock().unwrap().push(duration);
        *self.watch.0.lock().unwrap() += duration;
    }
}

/// A source of random numbers that always gives the same one.
#[derive(Debug)]
pub(crate) struct Always(pub(crate) u64);

impl Random for Always {
    fn next(&self) -> u64 {
        self.0
    }
}

/// A host as in the other tests, but with this retry policy.
pub(crate) fn host(company: Company, retry: RetryPolicy) -> (Host, Naps) {
    host_by(company, retry, Always(u64::MAX))
}

pub(crate) fn host_by(company: Company, retry: RetryPolicy, chance: Always) -> (Host, Naps) {
    let mut host = Host::with_policy(company, RemovedByPerson::Recreate);
    let naps = Naps { taken: Arc::default(), watch: host.watch.clone() };
    host.syncer = another(&host, &naps, retry, chance);
    (host, naps)
}

/// A syncer without any state, as in another process.
pub(crate) fn another(host: &Host, naps: &Naps, retry: RetryPolicy, chance: Always) -> Syncer {
    Syncer::builder(NAMESPACE)
        .provider(Reached::new(host.world.clone()))
        .clock(host.watch.clone())
        .sleep(naps.clone())
        .random(chance)
        .retry(retry)
        .build()
}
