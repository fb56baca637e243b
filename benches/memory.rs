//! What a plan of 100,000 targets weighs when all of it is held at once, and that it holds no text
//! twice; and what a feed needs, however long; and what a run of the syncer does, however many
//! plans are streamed into it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use calsync_benches::company::{Company, plain};
use calsync_benches::ics;
use calsync_benches::syncer::backlog::Backlog;
use calsync_benches::syncer::yes::Yes;
use calsync_benches::syncer::{NAMESPACE, run_all};
use calsync_core::ProviderKind;
use calsync_core::plan::Plan;
use calsync_core::provider::Capabilities;
use calsync_core::sync::Syncer;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

fn main() {
    let once = std::env::args().any(|arg| arg == "--test");
    for targets in if once { &[1_000][..] } else { &[1_000, 10_000, 100_000] } {
        measure(*targets);
    }
    // The first one makes the zone's definition, which stays.
    ics::stream(1);
    for events in if once { &[100][..] } else { &[1_000, 10_000, 100_000] } {
        let (_, peak, ()) = weigh(|| ics::stream(*events));
        println!("{events:>7} events in one feed: {peak} bytes at the peak");
    }
    for steps in if once { &[1_000, 10_000][..] } else { &[10_000, 100_000, 1_000_000] } {
        for accounts in [1, 1_000, *steps] {
            let (_, peak, ()) = weigh(|| stream(accounts, steps / accounts));
            println!("{steps:>7} steps of {accounts:>7} accounts in one run: {peak} bytes at the peak");
        }
    }
}

/// Runs a backlog of which nobody keeps anything: neither who gives the plans nor who takes them.
fn stream(accounts: usize, events: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let syncer = Syncer::builder(NAMESPACE).provider(Yes(Capabilities::new())).build();
    let made = runtime.block_on(run_all(&syncer, Backlog::new(ProviderKind::MEMORY, accounts, events)));
    assert_eq!(made, accounts * events);
}

fn measure(targets: usize) {
    let company = Company::with_targets(targets);
    let targets: usize = company.plans().map(|plan| plan.steps.len()).sum();
    let (held, peak, plans) = weigh(|| {
        let mut plans = Vec::with_capacity(company.jobs.len());
        plans.extend(company.plans());
        plans
    });
    let text: usize = plans.iter().map(text_of).sum();
    let named = company.targets();
    let (strings, _, _) = weigh(|| named.iter().map(|(facts, role)| plain(facts, *role)).collect::<Vec<_>>());
    let per = |bytes: usize| bytes / targets;
    println!(
        "{targets:>7} targets, {} plans: {} bytes a target held ({} of text, {} else), {} at the peak; \
         as plain strings {} bytes",
        plans.len(),
        per(held),
        per(text),
        per(held - text),
        per(peak),
        per(strings),
    );
}

/// How much more is held after the work, how much more was at its peak, and the work's result.
fn weigh<T>(work: impl FnOnce() -> T) -> (usize, usize, T) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let result = work();
    (MEMORY.current_usage() - before, MEMORY.peak_usage() - before, result)
}

/// The bytes of text in a plan. Panics when two texts of it say the same.
fn text_of(plan: &Plan) -> usize {
    let events = plan.steps.iter().filter_map(|step| step.content()).map(|content| &content.event);
    let texts = events.flat_map(|event| [&event.title, &event.description, &event.location]);
    let texts = texts.filter(|text| !text.is_empty());
    let by_place: BTreeMap<*const u8, &str> = texts.map(|text| (Arc::as_ptr(text).cast(), &**text)).collect();
    let by_content: BTreeSet<&str> = by_place.values().copied().collect();
    assert_eq!(by_place.len(), by_content.len(), "appointment {} holds a text twice", plan.appointment);
    by_content.iter().map(|text| text.len()).sum()
}
