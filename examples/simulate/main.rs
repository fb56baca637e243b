//! A company under fire: orders, people and calendars change by chance, workers crash and race, and
//! every third request goes wrong; after every few hundred operations all is quiet, and exactly the
//! wanted events have to stand.
//!
//! ```text
//! cargo run --release --example simulate -- --seed 1 --operations 100000 --faults 0.3
//! ```
//!
//! One seed is one story, by a clock that nobody waits for. A company lives through some 250
//! operations (an operation is one thing that happens to the company, its people, their calendars
//! or its workers), then a new one begins. What ends badly is printed with the command that tells
//! just that company's story again.

#[path = "simulation.rs"]
mod simulation;

use std::process::ExitCode;

use clap::Parser;

use simulation::{EPOCH, Epoch, Figures, Lies};

#[derive(Debug, Parser)]
struct Arguments {
    /// Which story.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many operations there are, at least.
    #[arg(long, default_value_t = 100_000)]
    operations: u64,
    /// Which share of the requests goes wrong.
    #[arg(long, default_value_t = 0.3)]
    faults: f64,
    /// Only this company's story.
    #[arg(long)]
    epoch: Option<usize>,
    /// Prints what happens.
    #[arg(long)]
    trace: bool,
    /// Looks for the shortest story of that company that ends badly, and tells it.
    #[arg(long, requires = "epoch")]
    shrink: bool,
    /// Tells every lie, also those that calsync does not live through yet; or those of these names.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "all", value_name = "NAMES")]
    lies: Option<String>,
}

#[expect(clippy::disallowed_methods, reason = "how long it takes is a figure of the report")]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let begun = std::time::Instant::now();
    let lies = match arguments.lies.as_deref().map(Lies::named).transpose() {
        Ok(lies) => lies.unwrap_or_default(),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let per_mille = (arguments.faults.clamp(0.0, 1.0) * 1000.0).round() as u64;
    let mut all = Figures::default();
    let mut bad = 0;
    for (number, epoch) in Epoch::all(arguments.seed, EPOCH, lies).enumerate() {
        if arguments.epoch.is_some_and(|only| number > only) || all.operations >= arguments.operations {
            break;
        }
        if arguments.epoch.is_some_and(|only| number < only) {
            continue;
        }
        let epoch = if arguments.shrink { epoch.shrunk(per_mille) } else { epoch };
        let told = arguments.lies.as_ref().map(|names| format!(" --lies={names}")).unwrap_or_default();
        let replay = format!(
            "cargo run --release --example simulate -- --seed {} --faults {}{told} --epoch {number}",
            arguments.seed, arguments.faults
        );
        let replay = Replay(replay);
        let figures = epoch.tell(per_mille, arguments.trace || arguments.shrink);
        if !figures.are_good() {
            bad += 1;
            println!("company {number} ended badly, after {} operations:", epoch.count());
            figures.problems.iter().take(20).for_each(|problem| println!("    {problem}"));
            println!("    again: {}", replay.0);
        }
        all.add(figures);
    }
    println!("seed {}, {} of 1000 requests go wrong", arguments.seed, per_mille);
    println!("{all}\nwall time                     {:.1} s", begun.elapsed().as_secs_f64());
    if bad > 0 {
        println!("{bad} companies ended badly");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Says how to tell a story again that ended in a panic.
struct Replay(String);

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("again: {}", self.0);
        }
    }
}
