//! What the syncer is measured with: a backlog of any size, a Google that says yes, and bare
//! requests to the same.

pub mod backlog;
pub mod bare;
pub mod google;
pub mod quota;
pub mod server;
pub mod wall;
pub mod yes;

use calsync_core::plan::Begun;
use calsync_core::report::Verdict;
use calsync_core::sync::Syncer;

/// The namespace of all events.
pub const NAMESPACE: &str = "leeds-cleaning";

/// Runs all of that, giving every outcome up as it comes. Panics unless every event is made; says
/// how many.
pub async fn run_all(syncer: &Syncer, plans: impl IntoIterator<Item = Begun>) -> usize {
    let mut run = syncer.run_all(plans);
    let mut made = 0;
    while let Some(outcome) = run.next().await {
        assert_eq!(outcome.verdict, Verdict::Created, "{:?}", outcome.failure);
        made += 1;
    }
    made
}
