//! The table of README.md: every piece of work takes its turn in every round, so that whatever else
//! the machine does meets all of them alike; a ratio is taken within a round, and its median over
//! the rounds is what is printed.

use std::time::Instant;

use calsync_benches::company::{Company, check, plain_all};
use calsync_benches::event::{TIMES, events, formats, plans_of_one};
use calsync_benches::ics::{self, EVENTS, Prepared, Writer};
use calsync_core::calendar::Role;

fn main() {
    let once = std::env::args().any(|arg| arg == "--test");
    let rounds = if once { 1 } else { 21 };
    check(&Company::with_targets(1_000));
    ics::check();
    role_events(rounds);
    planning(rounds);
    writing(rounds);
}

/// Work on so many items, done so many times a round.
struct Work<'a> {
    name: String,
    items: usize,
    times: usize,
    run: Box<dyn Fn() + 'a>,
    /// Nanoseconds an item, by round.
    took: Vec<f64>,
}

impl<'a> Work<'a> {
    fn new(name: impl Into<String>, items: usize, times: usize, run: impl Fn() + 'a) -> Self {
        Self { name: name.into(), items, times, run: Box::new(run), took: Vec::new() }
    }

    #[expect(clippy::disallowed_methods, reason = "this is a stop-watch")]
    fn round(&mut self) {
        let started = Instant::now();
        for _ in 0..self.times {
            (self.run)();
        }
        let took = started.elapsed().as_nanos() as f64;
        self.took.push(took / (self.items * self.times) as f64);
    }

    /// The median over the rounds of this one's time by the other's.
    fn by(&self, other: &Self) -> f64 {
        median(self.took.iter().zip(&other.took).map(|(own, other)| own / other).collect())
    }
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

fn measure(title: &str, rounds: usize, works: &mut [Work<'_>], bases: &[usize]) {
    for _ in 0..rounds {
        for work in works.iter_mut() {
            work.round();
        }
    }
    println!("\n{title:<34} {:>9} {:>9}  ratio", "median ns", "least ns");
    for (work, base) in works.iter().zip(bases) {
        let least = work.took.iter().copied().fold(f64::INFINITY, f64::min);
        let ratio = work.by(&works[*base]);
        println!("{:<34} {:>9.0} {:>9.0} {:>6.2}", work.name, median(work.took.clone()), least, ratio);
    }
}

fn role_events(rounds: usize) {
    let company = Company::with_jobs(8);
    let (mut works, mut bases) = (Vec::new(), Vec::new());
    for role in Role::ALL {
        bases.extend([works.len(); 3]);
        works.push(Work::new(format!("{role}: format!"), TIMES, 10, formats(&company, role)));
        works.push(Work::new(format!("{role}: event"), TIMES, 10, events(&company, role)));
        works.push(Work::new(format!("{role}: whole plan"), TIMES, 3, plans_of_one(&company, role)));
    }
    measure("a role's event", rounds, &mut works, &bases);
}

fn planning(rounds: usize) {
    let companies = [1_000, 10_000, 100_000].map(Company::with_targets);
    let named = companies.each_ref().map(Company::targets);
    let written = [1_000, 10_000, 100_000].map(|targets| Company::with_targets(targets).written());
    let mut works = Vec::new();
    for ((company, named), written) in companies.iter().zip(&named).zip(&written) {
        let targets = named.len();
        let times = (100_000 / targets).max(1);
        works.push(Work::new(format!("{targets}: format!"), targets, times, || plain_all(named)));
        works.push(Work::new(format!("{targets}: first plan"), targets, times, || company.plan_all()));
        works.push(Work::new(format!("{targets}: no change"), targets, times, || written.plan_all()));
    }
    measure("a target, by format!", rounds, &mut works, &[0, 0, 0, 3, 3, 3, 6, 6, 6]);
    println!(
        "100,000 targets by 1,000: format! {:.2}, first plan {:.2}, no change {:.2}",
        works[6].by(&works[0]),
        works[7].by(&works[1]),
        works[8].by(&works[2])
    );
    println!(
        "no change by first plan: {:.2} at 1,000, {:.2} at 10,000, {:.2} at 100,000",
        works[2].by(&works[1]),
        works[5].by(&works[4]),
        works[8].by(&works[7])
    );
}

fn writing(rounds: usize) {
    let events = Prepared::new(EVENTS);
    let events = &events;
    for (title, feed) in [("an event as a file", false), ("an event in a feed", true)] {
        let write = |writer: Writer| {
            move || {
                if feed {
                    writer.feed(events)
                } else {
                    writer.files(events)
                };
            }
        };
        let mut works: Vec<Work<'_>> = Writer::ALL
            .iter()
            .map(|writer| Work::new(writer.to_string(), EVENTS, 1, write(*writer)))
            .collect();
        // Each against the bare one that writes as much.
        measure(title, rounds, &mut works, &[0, 1, 1, 0, 0, 1]);
    }
}
