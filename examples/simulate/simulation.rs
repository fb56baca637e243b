//! The simulation: companies that live under fire, one after the other.

mod company;
mod dice;
mod faults;
mod host;
mod lies;
mod operations;
mod recovering;
mod report;
mod store;
mod story;
mod truth;
mod watch;
mod world;

use dice::Dice;
pub use lies::Lies;
use operations::Operation;
pub use report::Figures;

/// How many operations a company lives through before it comes to rest.
pub const EPOCH: u64 = 250;

/// The story of one company.
#[derive(Debug, Clone)]
pub struct Epoch {
    seed: u64,
    operations: Vec<Operation>,
    lies: Lies,
}

impl Epoch {
    /// The stories of a seed, one after the other, of about so many operations each.
    pub fn all(seed: u64, operations: u64, lies: Lies) -> impl Iterator<Item = Self> {
        let dice = Dice::new(seed);
        std::iter::from_fn(move || Some(Self::new(dice.number(), operations, lies.clone())))
    }

    fn new(seed: u64, wanted: u64, lies: Lies) -> Self {
        let dice = Dice::new(!seed);
        let (mut operations, mut count) = (Vec::new(), 0);
        while count < wanted {
            let operation = Operation::any(&dice, &lies);
            count += operation.count();
            operations.push(operation);
        }
        Self { seed, operations, lies }
    }

    /// How many operations there are.
    pub fn count(&self) -> u64 {
        self.operations.iter().map(Operation::count).sum()
    }

    /// Lives through it, while so many requests in a thousand go wrong.
    pub fn tell(&self, per_mille: u64, trace: bool) -> Figures {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(story::tell(self.seed, &self.operations, &self.lies, per_mille, trace))
    }

    /// The same story with fewer operations, still ending as badly.
    pub fn shrunk(&self, per_mille: u64) -> Self {
        let worst = self.tell(per_mille, false).worst();
        let mut best = self.clone();
        let mut size = best.operations.len() / 2;
        while size > 0 {
            let (mut at, mut is_smaller) = (0, false);
            while at < best.operations.len() {
                let mut fewer = best.clone();
                let end = (at + size).min(fewer.operations.len());
                fewer.operations.drain(at..end);
                if worst.is_some() && fewer.tell(per_mille, false).worst() == worst {
                    (best, is_smaller) = (fewer, true);
                } else {
                    at += size;
                }
            }
            if !is_smaller || size > 1 {
                size /= 2;
            }
        }
        best
    }
}
