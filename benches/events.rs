//! A role's event against `format!` of the same strings: a thousand of each.

use calsync_benches::company::{Company, check};
use calsync_benches::event::{events, formats, plans_of_one};
use calsync_core::calendar::Role;
use divan::Bencher;

fn main() {
    check(&Company::with_jobs(8));
    divan::main();
}

#[divan::bench(args = Role::ALL)]
fn a_format(bencher: Bencher<'_, '_>, role: Role) {
    bencher.bench_local(formats(&Company::with_jobs(8), role));
}

#[divan::bench(args = Role::ALL)]
fn b_event(bencher: Bencher<'_, '_>, role: Role) {
    bencher.bench_local(events(&Company::with_jobs(8), role));
}

#[divan::bench(args = Role::ALL)]
fn c_plan_of_one(bencher: Bencher<'_, '_>, role: Role) {
    bencher.bench_local(plans_of_one(&Company::with_jobs(8), role));
}
