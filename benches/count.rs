//! Some work, some number of times, for an instruction counter: `count first-plan 10000`. See README.md.

use calsync_benches::company::{Company, plain_all};

fn main() {
    let mut args = std::env::args().skip(1);
    let (work, targets) = (args.next().unwrap_or_default(), args.next().and_then(|n| n.parse().ok()));
    let targets: usize = targets.unwrap_or(1_000);
    let company = Company::with_targets(targets);
    let company = if work == "no-change" { company.written() } else { company };
    let named = company.targets();
    match work.as_str() {
        "format" => counted(|| plain_all(&named)),
        "first-plan" | "no-change" => counted(|| company.plan_all()),
        _ => panic!("format, first-plan or no-change"),
    }
}

#[inline(never)]
fn counted(work: impl FnOnce()) {
    work();
}
