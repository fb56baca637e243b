//! One event for one reader.

use std::hint::black_box;
use std::sync::Arc;

use calsync_core::audience::Audience;
use calsync_core::calendar::Role;
use calsync_core::event::{
    AdminView, CustomerView, DefaultWording, Event, ManagerView, StaffView, Text, When, Wording,
};
use calsync_core::plan::Planner;
use calsync_core::time::Zone;

use crate::company::{Company, Job, plain};

/// How many are made at once.
pub const TIMES: usize = 1_000;

/// The strings of a role's event, a thousand times by `format!`.
pub fn formats(company: &Company, role: Role) -> impl Fn() {
    let facts = company.facts(job(company));
    move || {
        for _ in 0..TIMES {
            black_box(plain(black_box(&facts), role));
        }
    }
}

/// A role's event, a thousand times: from the view to the shared event. Only the planner makes
/// views, so the thousand are made inside of one plan, whose own time is a thousandth of it.
pub fn events(company: &Company, role: Role) -> impl Fn() {
    let planner = company.planner.clone().with_wording(Arc::new(Again::new(company)));
    plan_for(company, planner, role, 1)
}

/// A whole plan for one reader, a thousand times, the audience given: every record cleaned, one
/// event worded, fitted, fingerprinted and keyed.
pub fn plans_of_one(company: &Company, role: Role) -> impl Fn() {
    plan_for(company, company.planner.clone(), role, TIMES)
}

fn plan_for(company: &Company, planner: Planner, role: Role, times: usize) -> impl Fn() {
    let Job { order, appointment } = job(company);
    let audience = Audience::of(order, appointment, &company.directory).expect("complete");
    let reader = audience.members.iter().find(|member| member.role == role).expect("a member");
    let reader = reader.person.clone().expect("somebody");
    let audience = audience.only(reader);
    move || {
        for _ in 0..times {
            let plan = planner.plan(order, appointment, black_box(&audience), company.now).expect("a plan");
            assert_eq!(black_box(plan).steps.len(), 1);
        }
    }
}

/// An order with a customer, notes, and one calendar for everybody.
fn job(company: &Company) -> &Job {
    &company.jobs[5]
}

/// The guide's wording, a thousand times over, made into the event as the planner does it.
#[derive(Debug)]
struct Again {
    guide: DefaultWording,
    when: When,
    location: Arc<str>,
}

impl Again {
    fn new(company: &Company) -> Self {
        let Job { order, appointment } = job(company);
        let [_, _, location] = plain(&company.facts(job(company)), Role::Staff);
        assert!(order.customer_id.is_some());
        Self {
            guide: DefaultWording::new(),
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
