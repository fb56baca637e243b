//! The syncer's table of README.md: its time by what limits and answers allow, its use of a
//! declared rate, its CPU by that of a bare request. Every piece of work takes its turn in every
//! round.

use std::hint::black_box;
use std::time::{Duration, Instant};

use calsync_benches::syncer::backlog::Backlog;
use calsync_benches::syncer::bare::Bare;
use calsync_benches::syncer::google::google;
use calsync_benches::syncer::quota::Rush;
use calsync_benches::syncer::wall::Run;
use calsync_benches::syncer::{NAMESPACE, run_all, server};
use calsync_core::ProviderKind;
use calsync_core::clock::SystemClock;
use calsync_core::http::ReqwestTransport;
use calsync_core::memory::MemoryCalendar;
use calsync_core::plan::Begun;
use calsync_core::sync::Syncer;
use cpu_time::ThreadTime;
use tokio::runtime::Runtime;

fn main() {
    let once = std::env::args().any(|arg| arg == "--test");
    quota_use(if once { 3 } else { 20 });
    cpu(if once { 1 } else { 15 }, if once { 200 } else { 2_000 });
    for latency in [0, 50].map(Duration::from_millis) {
        wall(latency, if once { 1 } else { 5 }, once);
    }
}

fn quota_use(minutes: usize) {
    println!("use of the declared rate over {minutes} minutes, after the first minute's worth");
    let rush = |accounts, per_account, per_application, latency| Rush {
        accounts,
        per_account,
        per_application,
        latency: Duration::from_millis(latency),
    };
    for rush in [
        rush(1, 600, 10_000, 50),
        rush(1, 600, 10_000, 500),
        rush(1, 600, 10_000, 2_000),
        rush(8, 600, 10_000, 200),
        rush(50, 600, 10_000, 200),
    ] {
        let used = rush.run(minutes);
        println!("{rush:?}: {:.3}, {} answers of 429", used.share, used.refused);
        assert_eq!(used.refused, 0);
    }
}

/// CPU of this thread, on which clients run; servers have their own.
fn cpu(rounds: usize, steps: usize) {
    let runtime = runtime();
    let bare = Bare::new(&server::start(Duration::ZERO));
    runtime.block_on(bare.insert_all(steps, 16));
    let mut took = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        for (took, accounts) in took.iter_mut().zip([200, 1]) {
            let plans: Vec<Begun> = Backlog::new(ProviderKind::MEMORY, accounts, steps / accounts).collect();
            let syncer = Syncer::builder(NAMESPACE).provider(MemoryCalendar::new()).build();
            let started = ThreadTime::now();
            black_box(runtime.block_on(run_all(&syncer, plans)));
            took.push(started.elapsed().as_secs_f64() * 1e6 / steps as f64);
        }
        let started = ThreadTime::now();
        runtime.block_on(bare.insert_all(steps, 16));
        took[2].push(started.elapsed().as_secs_f64() * 1e6 / steps as f64);
    }
    let [many, one, bare] = &took;
    println!("\nus of CPU: a bare request {:.1}", median(bare.clone()));
    for (what, own) in [("200 accounts", many), ("one account", one)] {
        let ratios = own.iter().zip(bare).map(|(own, bare)| own / bare).collect();
        println!("a step, {what}: {:.1}, by a bare request {}", median(own.clone()), spread(ratios));
    }
}

fn wall(latency: Duration, rounds: usize, tenth: bool) {
    let runtime = runtime();
    let url = server::start(latency);
    let bare = Bare::new(&url);
    let transport = ReqwestTransport::builder().without_tls().build().expect("a transport");
    let google = google(&url, transport, SystemClock);
    println!(
        "\nanswers after {latency:?}; bound = max(calls / min(concurrency, 4 accounts), events / 4) rounds of them"
    );
    for run in Run::ALL.map(|run| if tenth { run.tenth() } else { run }) {
        let (mut own, mut by_hand) = (Vec::new(), Vec::new());
        for round in 0..=rounds {
            let plans: Vec<Begun> = run.plans().collect();
            let syncer = Syncer::builder(NAMESPACE)
                .shared_provider(google.clone())
                .concurrency(run.concurrency)
                .build();
            let took = [
                clock(&runtime, async { assert_eq!(run_all(&syncer, plans).await, run.calls()) }),
                clock(&runtime, bare.insert_all(run.calls(), run.at_once())),
            ];
            // The first one opens the connections and gets everybody a token.
            if round > 0 {
                own.push(took[0].as_secs_f64());
                by_hand.push(took[1].as_secs_f64());
            }
        }
        let by_bare = spread(own.iter().zip(&by_hand).map(|(own, bare)| own / bare).collect());
        let bound = run.bound(latency).as_secs_f64();
        let by_bound = match bound {
            0.0 => String::new(),
            _ => {
                format!(", bound {bound:.2} s, by it {}", spread(own.iter().map(|own| own / bound).collect()))
            }
        };
        println!("{run:?}: {:.3} s, by a bare loop {by_bare}{by_bound}", median(own));
    }
}

#[expect(clippy::disallowed_methods, reason = "this is a stop-watch")]
fn clock(runtime: &Runtime, work: impl Future<Output = ()>) -> Duration {
    let started = Instant::now();
    runtime.block_on(work);
    started.elapsed()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// The median, and the least and the greatest.
fn spread(mut of: Vec<f64>) -> String {
    of.sort_by(f64::total_cmp);
    format!("{:.3} ({:.3}-{:.3})", of[of.len() / 2], of[0], of[of.len() - 1])
}
