//! Sends everything, so many at a time.

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::cpu;

/// What a client says when something went wrong: the bench ends with it.
pub type Failure = Box<dyn Error + Send + Sync>;

/// What it took.
#[derive(Debug, Clone, Copy)]
pub struct Took {
    pub cpu: Duration,
    pub wall: Duration,
}

/// Drives a runtime until that is done. A function of its own, so that a profiler can tell what is
/// measured.
#[inline(never)]
pub fn counted<T>(runtime: &Runtime, future: impl Future<Output = T>) -> T {
    runtime.block_on(future)
}

/// Inserts every event, `at_once` at a time: so many tasks, each of which takes the next event when
/// it is done with its last. `expected` are the ids that the answers must name.
pub async fn run<T, F>(
    events: Vec<T>,
    expected: Arc<Vec<String>>,
    at_once: usize,
    insert: impl Fn(T) -> F + Clone + Send + 'static,
) -> Result<Took, Failure>
where
    T: Send + 'static,
    F: Future<Output = Result<String, Failure>> + Send,
{
    let left = Arc::new(Mutex::new(events.into_iter().enumerate()));
    #[expect(clippy::disallowed_methods, reason = "this is a stop-watch")]
    let (cpu, started) = (cpu::spent(), Instant::now());
    let worker = || {
        let (left, expected, insert) = (left.clone(), expected.clone(), insert.clone());
        async move {
            loop {
                let next = left.lock().expect("no task panics with it").next();
                let Some((n, event)) = next else { return Ok(()) };
                if insert(event).await? != expected[n] {
                    return Err(Failure::from("an answer named another event"));
                }
            }
        }
    };
    let workers: Vec<_> = (0..at_once).map(|_| tokio::spawn(worker())).collect();
    for worker in workers {
        worker.await??;
    }
    Ok(Took { cpu: cpu::spent() - cpu, wall: started.elapsed() })
}
