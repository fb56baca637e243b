//! Planning 1,000, 10,000 and 100,000 targets, against as many times `format!` of the same strings.

use calsync_benches::company::{Company, check, plain, plain_all};
use calsync_core::plan::Plan;
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

const TARGETS: [usize; 3] = [1_000, 10_000, 100_000];

/// The strings alone, looked up beforehand.
#[divan::bench(args = TARGETS)]
fn a_format(bencher: Bencher<'_, '_>, targets: usize) {
    let company = Company::with_targets(targets);
    check(&company);
    let targets = company.targets();
    bencher.counter(ItemsCount::new(targets.len())).bench_local(|| plain_all(&targets));
}

/// A first plan, audience included; every plan is dropped before the next.
#[divan::bench(args = TARGETS)]
fn b_first_plan(bencher: Bencher<'_, '_>, targets: usize) {
    let company = Company::with_targets(targets);
    let targets = company.plans().map(|plan| plan.steps.len()).sum::<usize>();
    bencher.counter(ItemsCount::new(targets)).bench_local(|| company.plan_all());
}

/// The plan when everything stands as it should.
#[divan::bench(args = TARGETS)]
fn c_no_change(bencher: Bencher<'_, '_>, targets: usize) {
    let company = Company::with_targets(targets).written();
    assert!(company.plans().all(|plan| plan.is_empty()));
    let targets = company.plans().map(|plan| plan.unchanged).sum::<usize>();
    bencher.counter(ItemsCount::new(targets)).bench_local(|| company.plan_all());
}

/// The strings alone, all of them kept.
#[divan::bench(args = TARGETS)]
fn d_format_kept(bencher: Bencher<'_, '_>, targets: usize) {
    let company = Company::with_targets(targets);
    let targets = company.targets();
    bencher
        .counter(ItemsCount::new(targets.len()))
        .bench_local(|| targets.iter().map(|(facts, role)| plain(facts, *role)).collect::<Vec<_>>());
}

/// A first plan of everything at once.
#[divan::bench(args = TARGETS)]
fn e_first_plan_kept(bencher: Bencher<'_, '_>, targets: usize) {
    let company = Company::with_targets(targets);
    let targets = company.plans().map(|plan| plan.steps.len()).sum::<usize>();
    bencher.counter(ItemsCount::new(targets)).bench_local(|| company.plans().collect::<Vec<Plan>>());
}
