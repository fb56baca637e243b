//! A cleaning company of any size, the same every time; and the plainest code that words its
//! events.

use std::hint::black_box;
use std::sync::Arc;

use calsync_core::audience::Audience;
use calsync_core::calendar::Role;
use calsync_core::event::TextLimits;
use calsync_core::model::{
    Appointment, Connection, Customer, Directory, ManagerRef, Order, OrderStatus, Profile, Service, Staff,
    Stated,
};
use calsync_core::names::{CalendarId, ProviderKind};
use calsync_core::plan::{Plan, Planner, Step};
use calsync_core::provider::Capabilities;
use calsync_core::report::{Outcome, Report};
use calsync_core::time::Zone;
use chrono::{DateTime, Duration, Utc};
use serde_json::json;

/// A company with so many orders that its appointments have a given number of targets.
#[derive(Debug)]
pub struct Company {
    /// Plans for it.
    pub planner: Planner,
    /// Services, customers, staff and profiles.
    pub directory: Directory,
    /// Every order with its appointment.
    pub jobs: Vec<Job>,
    /// When everything is planned.
    pub now: DateTime<Utc>,
}

/// An order and its appointment.
#[derive(Debug, Clone)]
pub struct Job {
    /// The order.
    pub order: Order,
    /// Its appointment.
    pub appointment: Appointment,
}

const SERVICES: [(&str, i64); 6] = [
    ("Deep clean", 180),
    ("End of tenancy clean", 300),
    ("Weekly clean", 120),
    ("Oven and fridge", 90),
    ("Carpets, two rooms", 150),
    ("Fenêtres et vitrines", 60),
];
const FIRST: [&str; 8] = ["Anna", "Zoë", "Mohammed", "Siobhán", "王小明", "Peter", "Ioana", "Chidi"];
const LAST: [&str; 8] =
    ["Bell", "Brontë", "O'Neill", "Kowalski", "Ng", "Featherstonehaugh", "Papadakis", "Okafor"];
const STREETS: [&str; 5] = ["High Street", "Mill Lane", "St. Peter's Road", "Kirkgate", "Allée des Tilleuls"];
const NOTES: [&str; 4] = [
    "Key is under the blue flowerpot, left of the door. Please mind the cat; she runs out.",
    "Ring twice.\nThe alarm is off between nine and five, code on request.\nParking behind the house.",
    "Bitte die Küche zuerst – we have guests at noon. Invoice to the office, \"attn. Mrs. Bell\".",
    "Bring the long ladder.",
];

/// Staff members, of whom the first four manage the others.
const STAFF: usize = 40;
const MANAGERS: usize = 4;
/// The ids of profiles: staff from 1, then the admin, then customers from here on.
const ADMIN: i64 = 900;
const CUSTOMERS: i64 = 1_000;

impl Company {
    /// A company whose appointments have about that many targets, and not fewer.
    pub fn with_targets(targets: usize) -> Self {
        let mut company = Self::with_jobs(targets / 4 + targets / 40 + 8);
        let mut planned = 0;
        let enough = company.jobs.iter().position(|job| {
            let done = planned >= targets;
            planned += company.plan(job).steps.len();
            done
        });
        company.jobs.truncate(enough.expect("enough jobs"));
        company
    }

    /// A company with that many orders. Three orders a customer; one in eight of the orders is a
    /// guest's.
    pub fn with_jobs(jobs: usize) -> Self {
        let customers = jobs / 3 + 1;
        let pick = |from: &[&str], by: usize| from[by % from.len()].to_owned();
        let name = |by: usize| format!("{} {}", pick(&FIRST, by), pick(&LAST, by / 3));
        let mut profiles = vec![profile(ADMIN, "office", 0)];
        let mut staff = Vec::new();
        for at in 0..STAFF {
            let id = at as i64 + 1;
            let mut member = Staff::new(id, name(at));
            member.phone = Some(format!("+44 7700 900{at:03}"));
            member.profile_id = Some(id.into());
            let manager = (at >= MANAGERS).then(|| calsync_core::StaffId::from((at % MANAGERS) as i64 + 1));
            member.manager_id = manager.map(ManagerRef::Staff).into();
            staff.push(member);
            profiles.push(profile(id, "staff", at));
        }
        let mut clients = Vec::new();
        for at in 0..customers {
            let id = CUSTOMERS + at as i64;
            let mut customer = Customer::new(id, name(at * 7));
            customer.email = Some(format!("customer{at}@example.org"));
            customer.phone = Some(format!("+44 20 7946 {:04}", at % 10_000));
            customer.profile_id = Some(id.into());
            clients.push(customer);
            profiles.push(profile(id, "customer", at));
        }
        let directory = Directory::new()
            .with_services(
                SERVICES
                    .iter()
                    .enumerate()
                    .map(|(at, (name, minutes))| Service::new(at as i64 + 1, *name, *minutes)),
            )
            .with_staff(staff)
            .with_customers(clients)
            .with_profiles(profiles)
            .with_admins([ADMIN.into()]);

        let first: DateTime<Utc> = "2026-03-02T08:00:00Z".parse().expect("a time");
        let jobs = (0..jobs).map(|at| {
            let id = at as i64 + 1;
            let mut order = Order::new(id, OrderStatus::Confirmed);
            order.order_number = format!("ORD-2026-{at:06}");
            if at % 8 == 7 {
                order.guest_name = Some(name(at * 5));
                order.guest_email = Some(format!("guest{at}@example.net"));
                order.guest_phone = Some(format!("+44 20 7946 {:04}", at % 10_000));
            } else {
                order.customer_id = Some((CUSTOMERS + (at * 31 % customers) as i64).into());
            }
            order.address_line1 = Some(format!("{} {}", at % 190 + 1, pick(&STREETS, at)));
            order.city = Some("Leeds".to_owned());
            order.postcode = Some(format!("LS{} {}AB", at % 28 + 1, at % 9 + 1));
            order.notes = (at % 5 != 4).then(|| pick(&NOTES, at));
            let (_, minutes) = SERVICES[at % SERVICES.len()];
            let start = first + Duration::hours((at / STAFF * 2) as i64);
            let service = (at % SERVICES.len()) as i64 + 1;
            let mut appointment = Appointment::new(id, service, start, start + Duration::minutes(minutes));
            appointment.order_id = Some(order.id.clone());
            appointment.staff_id = Stated::Is((at as i64 % STAFF as i64 + 1).into());
            Job { order, appointment }
        });
        let planner =
            [ProviderKind::GOOGLE, ProviderKind::OUTLOOK, ProviderKind::APPLE, ProviderKind::INVITATION]
                .into_iter()
                .fold(
                    Planner::new("leeds-cleaning")
                        .with_time_zone(Zone::new("Europe/London").expect("a zone")),
                    |planner, kind| {
                        let title = if kind == ProviderKind::GOOGLE { 1_024 } else { 255 };
                        let text = TextLimits::default().with_title(title);
                        planner.with_provider(kind, Capabilities::new().with_etags(true).with_text(text))
                    },
                );
        Self { planner, directory, jobs: jobs.collect(), now: first }
    }

    /// The plan for one job, audience included.
    pub fn plan(&self, job: &Job) -> Plan {
        let audience = Audience::of(&job.order, &job.appointment, &self.directory).expect("complete");
        self.planner.plan(&job.order, &job.appointment, &audience, self.now).expect("a plan")
    }

    /// Every plan, each dropped before the next.
    pub fn plan_all(&self) {
        for job in &self.jobs {
            black_box(self.plan(black_box(job)));
        }
    }

    /// Every plan.
    pub fn plans(&self) -> impl Iterator<Item = Plan> {
        self.jobs.iter().map(|job| self.plan(job))
    }

    /// The same company when all of that was written: every row holds its event.
    pub fn written(mut self) -> Self {
        let plans: Vec<Plan> = self.plans().collect();
        for (job, plan) in self.jobs.iter_mut().zip(plans) {
            let begun = plan.begin(&mut job.appointment).expect("planned from this one");
            let outcome = |step: &Step| {
                let mut outcome = serde_json::to_value(step).expect("a step");
                let content = step.content().expect("an event");
                outcome["appointment"] = json!(job.appointment.id);
                outcome["revision"] = json!(begun.plan().revision());
                (outcome["at"], outcome["ended_at"]) = (json!(self.now), json!(self.now));
                outcome["verdict"] = json!("created");
                outcome["state"] = json!({
                    "state": "confirmed",
                    "remote_id": step.key().to_string(),
                    "fingerprint": content.fingerprint,
                });
                serde_json::from_value::<Outcome>(outcome).expect("an outcome")
            };
            let report: Report = begun.plan().steps.iter().map(outcome).collect();
            job.appointment.record(&report);
        }
        self
    }

    /// For every target of a plan its job and role: what [`plain`] needs to make the same strings.
    pub fn targets(&self) -> Vec<(Facts<'_>, Role)> {
        let facts = |job| (job, self.facts(job));
        let jobs = self.jobs.iter().map(facts);
        jobs.flat_map(|(job, facts)| self.plan(job).steps.into_iter().map(move |step| (facts, step.role)))
            .collect()
    }

    /// The records a job's events are worded from.
    pub fn facts<'a>(&'a self, job: &'a Job) -> Facts<'a> {
        let appointment = &job.appointment;
        let customer = job.order.customer_id.as_ref().and_then(|id| self.directory.customer(id));
        let staff = appointment.staff_id.value().and_then(|id| self.directory.staff(id)).expect("staff");
        let guest = |field: &'a Option<String>| field.as_deref().unwrap_or_default();
        Facts {
            order: &job.order,
            service: &self.directory.service(&appointment.service_id).expect("service").name,
            staff_name: &staff.name,
            staff_phone: guest(&staff.phone),
            customer_name: customer.map_or_else(|| guest(&job.order.guest_name), |customer| &customer.name),
            customer_email: guest(customer.map_or(&job.order.guest_email, |customer| &customer.email)),
            customer_phone: guest(customer.map_or(&job.order.guest_phone, |customer| &customer.phone)),
        }
    }
}

/// Somebody's profile: one calendar of the three kinds; one in eight has two, and one customer in
/// eight none.
fn profile(id: i64, who: &str, at: usize) -> Profile {
    let kinds = [ProviderKind::GOOGLE, ProviderKind::OUTLOOK, ProviderKind::APPLE];
    let connection = |number: i64| {
        let kind = kinds[(at + number as usize) % 3].clone();
        let calendar = match at % 3 {
            0 => CalendarId::primary(),
            _ => CalendarId::new(&format!("{who}{at}@calendars.example.org")).expect("a calendar's id"),
        };
        Connection::new(number, kind, calendar)
    };
    let mut profile = Profile::new(id);
    profile.name = format!("{who} {at}");
    profile.email = Some(format!("{who}{at}@example.org"));
    let calendars = match at % 8 {
        3 => 2,
        6 if who == "customer" => 0,
        _ => 1,
    };
    (0..calendars).fold(profile, |profile, number| profile.with_connection(connection(number)))
}

/// What an event's strings are made of, looked up beforehand.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "they say what they are")]
pub struct Facts<'a> {
    pub order: &'a Order,
    pub service: &'a str,
    pub staff_name: &'a str,
    pub staff_phone: &'a str,
    pub customer_name: &'a str,
    pub customer_email: &'a str,
    pub customer_phone: &'a str,
}

/// Title, description and location of a role's event by plain `format!`: the measure of all that is
/// timed here. It cleans nothing, looks nothing up, and shares nothing.
pub fn plain(facts: &Facts<'_>, role: Role) -> [String; 3] {
    let Facts { order, service, staff_name, staff_phone, customer_name, customer_email, customer_phone } =
        facts;
    let order_number = &order.order_number;
    let notes = order.notes.as_deref().unwrap_or("None");
    let line = order.address_line1.as_deref().unwrap_or_default();
    let city = order.city.as_deref().unwrap_or_default();
    let postcode = order.postcode.as_deref().unwrap_or_default();
    let location = format!("{line}, {city}, {postcode}");
    let (title, description) = match role {
        Role::Customer => (
            format!("Service: {service}"),
            format!("Order: {order_number}\nStaff: {staff_name}\nPhone: {staff_phone}\nNotes: {notes}"),
        ),
        Role::Staff => (
            format!("{service} at {customer_name}'s"),
            format!(
                "Customer: {customer_name}\nEmail: {customer_email}\nPhone: {customer_phone}\nOrder: {order_number}\n\
                 Special Instructions: {notes}\nAddress: {line}, {city}, {postcode}"
            ),
        ),
        _ => (
            format!("{staff_name} - {service}"),
            format!(
                "Staff: {staff_name} ({staff_phone})\nCustomer: {customer_name}\nEmail: {customer_email}\n\
                 Phone: {customer_phone}\nOrder: {order_number}\nService: {service}\n\
                 Address: {line}, {city}, {postcode}\nNotes: {notes}"
            ),
        ),
    };
    [title, description, location]
}

/// [`plain`] for every target, each dropped before the next.
pub fn plain_all(targets: &[(Facts<'_>, Role)]) {
    for (facts, role) in targets {
        black_box(plain(black_box(facts), *role));
    }
}

/// Panics unless [`plain`] makes the strings of every planned event.
pub fn check(company: &Company) {
    for job in &company.jobs {
        let facts = company.facts(job);
        for step in company.plan(job).steps {
            let event = &step.content().expect("an event").event;
            let planned: [&Arc<str>; 3] = [&event.title, &event.description, &event.location];
            // Calsync indents the further lines of a note; the measure does not.
            assert_eq!(planned.map(|text| text.replace("\n  ", "\n")), plain(&facts, step.role));
        }
    }
}
