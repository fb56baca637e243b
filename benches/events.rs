//! A role's event against `format!` of the same strings: a thousand of each.

use std::hint::black_box;
use std::sync::Arc;

use calsync_benches::{Company, Facts, Job, check, plain};
use calsync_core::audience::Audience;
use calsync_core::event::{
    AdminView, CustomerView, Event, GuideWording, ManagerView, StaffView, Text, When, Wording,
};
use calsync_core::place::Role;
use calsync_core::plan::Planner;
use calsync_core::time::Zone;
use divan::Bencher;

fn main() {
    divan::main();
}

const ROLES: [Role; 4] = Role::ALL;
const TIMES: usize = 1_000;

/// The strings alone.
#[divan::bench(args = ROLES)]
fn a_format(bencher: Bencher<'_, '_>, role: Role) {
    let company = Company::with_jobs(8);
    check(&company);
    let facts = company.facts(job(&company));
    bencher.bench_local(|| {
        for _ in 0..TIMES {
            let facts: &Facts<'_> = black_box(&facts);
            black_box(plain(facts, role));
        }
    });
}

/// From the role's view to the shared event. Only the planner makes views, so the thousand are made inside of one plan, whose
/// own time is a thousandth of it.
#[divan::bench(args = ROLES)]
fn b_event(bencher: Bencher<'_, '_>, role: Role) {
    let company = Company::with_jobs(8);
    let planner = company.planner.clone().with_wording(Arc::new(Again::new(&company)));
    plan_for(bencher, &company, &planner, role, 1);
}

/// A whole plan for that one reader, the audience given: every record cleaned, one event worded, fitted, fingerprinted, keyed.
#[divan::bench(args = ROLES)]
fn c_plan_of_one(bencher: Bencher<'_, '_>, role: Role) {
    let company = Company::with_jobs(8);
    plan_for(bencher, &company, &company.planner, role, TIMES);
}

fn plan_for(bencher: Bencher<'_, '_>, company: &Company, planner: &Planner, role: Role, times: usize) {
    let Job { order, appointment } = job(company);
    let audience = Audience::of(order, appointment, &company.directory).expect("complete");
    let reader = audience.members.iter().find(|member| member.role == role).expect("a member");
    let reader = reader.person.clone().expect("somebody");
    let audience = audience.only(reader);
    bencher.bench_local(|| {
        for _ in 0..times {
            let plan = planner.plan(order, appointment, black_box(&audience), company.now).expect("a plan");
            assert_eq!(black_box(plan).steps.len(), 1);
        }
    });
}

/// An order with a customer, notes, and one calendar for everybody.
fn job(company: &Company) -> &Job {
    &company.jobs[5]
}

/// The guide's wording, a thousand times over, made into the event as the planner does it.
#[derive(Debug)]
struct Again {
    guide: GuideWording,
    when: When,
    location: Arc<str>,
}

impl Again {
    fn new(company: &Company) -> Self {
        let Job { order, appointment } = job(company);
        let [_, _, location] = plain(&company.facts(job(company)), Role::Staff);
        assert!(order.customer_id.is_some());
        Self {
            guide: GuideWording::new(),
            when: When::Timed {
                start: appointment.start_time,
                end: appointment.end_time,
                zone: Zone::new("Europe/London").expect("a zone"),
            },
            location: location.into(),
        }
    }

    fn again(&self, role: Role, text: impl Fn() -> Text) -> Text {
        for _ in 0..TIMES {
            let Text { title, description } = text();
            let event = Event::new(title, self.when.clone())
                .with_description(description)
                .with_location(self.location.clone())
                .with_reminders(self.guide.reminders(role));
            black_box(Arc::new(event));
        }
        text()
    }
}

impl Wording for Again {
    fn customer(&self, view: &CustomerView<'_>) -> Text {
        self.again(Role::Customer, || self.guide.customer(black_box(view)))
    }

    fn staff(&self, view: &StaffView<'_>) -> Text {
        self.again(Role::Staff, || self.guide.staff(black_box(view)))
    }

    fn manager(&self, view: &ManagerView<'_>) -> Text {
        self.again(Role::Manager, || self.guide.manager(black_box(view)))
    }

    fn admin(&self, view: &AdminView<'_>) -> Text {
        self.again(Role::Admin, || self.guide.admin(black_box(view)))
    }
}
