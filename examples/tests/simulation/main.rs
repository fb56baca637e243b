//! The simulation, as short as a test may be: see `examples/simulate`.

#[path = "../../simulate/simulation.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod simulation;

use simulation::{EPOCH, Epoch, Lies};

/// Companies that live through all there is, at a rate of faults from none to half of the requests.
#[test]
fn every_company_ends_with_exactly_the_wanted_events() {
    for (seed, per_mille) in [(1, 0), (2, 100), (3, 300), (4, 300), (5, 500)] {
        for (number, epoch) in Epoch::all(seed, EPOCH, Lies::default()).take(2).enumerate() {
            let figures = epoch.tell(per_mille, false);
            assert!(
                figures.are_good(),
                "{:#?}\ncargo run --release --example simulate -- --seed {seed} --faults {} --epoch {number}",
                figures.problems,
                per_mille as f64 / 1000.0
            );
            assert!(figures.requests > 100, "something was asked for");
        }
    }
}
