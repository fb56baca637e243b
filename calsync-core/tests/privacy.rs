//! Which data each output may contain: every private field has a canary, and the tests search for
//! it.
#![cfg(test)]
#![cfg(feature = "sync")]

mod common;

use calsync_core::audience::{Audience, Trigger};
use calsync_core::calendar::Role;
use calsync_core::error::Operation;
use calsync_core::event::{Event, TitleStyle};
use calsync_core::model::{Connection, ManagerRef, Profile, Stated};
use calsync_core::names::CalendarId;
use calsync_core::plan::Plan;
use calsync_core::{Error, ErrorKind, Secret};
use common::{Company, Host, STAFF, at, error, now, planner};

/// The private value of every field. No value is part of another.
const CANARIES: [(&str, &str); 21] = [
    ("order.order_number", "NR-zq01"),
    ("order.notes", "notes-zq02"),
    ("order.address_line1", "street-zq03"),
    ("order.city", "town-zq04"),
    ("order.postcode", "code-zq05"),
    ("order.guest_name", "guest-zq06"),
    ("order.guest_email", "mail-zq07@example.org"),
    ("order.guest_phone", "tel-zq08"),
    ("customer.name", "customer-zq09"),
    ("customer.email", "mail-zq10@example.org"),
    ("customer.phone", "tel-zq11"),
    ("staff.name", "staff-zq12"),
    ("staff.phone", "tel-zq13"),
    ("manager.name", "manager-zq14"),
    ("manager.phone", "tel-zq15"),
    ("profile.name", "profile-zq16"),
    ("profile.email", "mail-zq17@example.org"),
    ("connection.calendar_id", "cal-zq18@example.org"),
    ("connection.account", "account-zq19"),
    ("connection.access_token", "access-zq20"),
    ("connection.refresh_token", "refresh-zq21"),
];

fn canary(field: &str) -> String {
    CANARIES.iter().find(|(name, _)| *name == field).unwrap().1.to_owned()
}

/// Returns the fields whose canaries are in a text.
fn fields_in(text: &str) -> Vec<&'static str> {
    CANARIES.iter().filter(|(_, canary)| text.contains(canary)).map(|(field, _)| *field).collect()
}

fn assert_no_canary(what: &str, text: &str) {
    assert_eq!(fields_in(text), Vec::<&str>::new(), "{what}: {text}");
}

fn company() -> Company {
    let mut company = Company::new();
    let order = &mut company.order;
    order.order_number = canary("order.order_number");
    order.notes = Some(canary("order.notes"));
    order.address_line1 = Some(canary("order.address_line1"));
    order.city = Some(canary("order.city"));
    order.postcode = Some(canary("order.postcode"));
    order.guest_name = Some(canary("order.guest_name"));
    order.guest_email = Some(canary("order.guest_email"));
    order.guest_phone = Some(canary("order.guest_phone"));
    company.customer.name = canary("customer.name");
    company.customer.email = Some(canary("customer.email"));
    company.customer.phone = Some(canary("customer.phone"));
    company.staff.name = canary("staff.name");
    company.staff.phone = Some(canary("staff.phone"));
    company.manager.name = canary("manager.name");
    company.manager.phone = Some(canary("manager.phone"));
    for profile in &mut company.profiles {
        profile.name = canary("profile.name");
        profile.email = Some(canary("profile.email"));
        for connection in &mut profile.connections {
            connection.calendar_id = CalendarId::new(&canary("connection.calendar_id")).ok();
            connection.account = Some(canary("connection.account").into());
            connection.credentials.access_token = Some(Secret::new(canary("connection.access_token")));
            connection.credentials.refresh_token = Some(Secret::new(canary("connection.refresh_token")));
        }
    }
    company
}

fn guests() -> Company {
    let mut company = company();
    company.order.customer_id = None;
    company
}

fn whole(event: &Event) -> String {
    serde_json::to_string(event).unwrap()
}

const FOR_ALL: [&str; 5] =
    ["order.order_number", "order.notes", "order.address_line1", "order.city", "order.postcode"];

/// Returns the fields that a role may read: [`FOR_ALL`] and those of the guide's event data.
fn may_read(role: Role, guest: bool) -> Vec<&'static str> {
    let customer = if guest {
        ["order.guest_name", "order.guest_email", "order.guest_phone"]
    } else {
        ["customer.name", "customer.email", "customer.phone"]
    };
    let mut fields = FOR_ALL.to_vec();
    if role != Role::Customer {
        fields.extend(customer);
    }
    if role != Role::Staff {
        fields.extend(["staff.name", "staff.phone"]);
    }
    fields
}

#[test]
fn each_role_gets_the_data_that_the_guide_shows_and_nothing_else() {
    use calsync_core::event::DefaultWording;
    for style in [TitleStyle::Short, TitleStyle::Descriptive] {
        let planner = planner().with_wording(std::sync::Arc::new(DefaultWording::new().with_titles(style)));
        for (company, guest) in [(company(), false), (guests(), true)] {
            for role in Role::ALL {
                let event = company.event_by(&planner, role);
                assert_eq!(fields_in(&whole(&event)), may_read(role, guest), "{role}, guest: {guest}");
            }
        }
    }
}

#[test]
fn a_manager_who_does_the_work_gets_the_staff_members_view() {
    let mut company = company();
    company.staff.profile_id = company.manager.profile_id.clone();
    let event = company.event_by(&planner(), Role::Staff);
    assert_eq!(fields_in(&whole(&event)), may_read(Role::Staff, false));
    assert!(company.plan().steps.iter().all(|step| step.role != Role::Manager));
}

#[test]
fn a_step_contains_only_data_that_its_reader_may_read() {
    let plan = company().plan();
    assert_eq!(plan.steps.len(), 4);
    for step in &plan.steps {
        let mut allowed = may_read(step.role, false);
        // The calendar itself, to which the provider writes.
        allowed.extend(["connection.calendar_id", "connection.account"]);
        assert_eq!(fields_in(&serde_json::to_string(step).unwrap()), allowed, "{}", step.role);
    }
}

#[test]
fn a_printed_plan_and_its_calendars_contain_no_personal_data() {
    let mut left_out = guests();
    left_out.order.guest_email = Some(format!("<{}>", canary("order.guest_email")));
    left_out.profile(STAFF).calendar_sync_enabled = Some(false);
    for company in [company(), guests(), left_out] {
        let plan = company.plan();
        assert_no_canary("plan", &plan.to_string());
        for step in &plan.steps {
            assert_no_canary("step", &step.to_string());
            assert_no_canary("place", &format!("{} {:?}", step.calendar, step.calendar));
        }
        for note in &plan.notes {
            assert_no_canary("note", &format!("{note} {note:?}"));
        }
        let directory = company.directory();
        let audience = Audience::of(&company.order, &company.appointment, &directory).unwrap();
        assert_no_canary("members", &format!("{:?}", audience.members));
    }
}

#[tokio::test]
async fn the_report_of_a_run_contains_no_personal_data() {
    for kind in [ErrorKind::Refused, ErrorKind::Unauthenticated, ErrorKind::Other] {
        let mut host = Host::new(company());
        host.world.fail(Operation::Create, kind);
        let plan = host.begin();
        let mut run = host.syncer.run(plan);
        assert_no_canary("run", &format!("{run:?}"));
        while let Some(outcome) = run.next().await {
            assert_no_canary("outcome", &outcome.to_string());
            host.company.appointment.record(&outcome.clone().into());
        }
        for row in host.company.appointment.ledger.deliveries() {
            assert_no_canary("explanation", &row.explain().to_string());
        }
    }
}

#[test]
fn the_error_of_a_failed_call_contains_no_personal_data() {
    let failed: Error =
        error(ErrorKind::Forbidden, Operation::Update).with_status(403).with_code("insufficient");
    let text = format!("{failed} {failed:?}");
    assert!(text.contains("403") && text.contains("insufficient"), "{text}");
    assert_no_canary("error", &text);
}

#[test]
fn an_input_error_contains_only_record_ids_and_field_names() {
    let spoil: [fn(&mut Company); 6] = [
        |company| company.order.customer_id = Some(99.into()),
        |company| company.appointment.staff_id = Stated::Is(99.into()),
        |company| company.appointment.service_id = 99.into(),
        |company| company.staff.manager_id = Stated::Is(ManagerRef::Staff(99.into())),
        |company| company.customer.profile_id = Some(99.into()),
        |company| company.appointment.end_time = at("2026-01-20T08:00:00Z"),
    ];
    for spoil in spoil {
        let mut company = company();
        spoil(&mut company);
        let directory = company.directory();
        let (order, appointment) = (&company.order, &company.appointment);
        let error = Audience::triggered(Trigger::Manual, order, appointment, &directory)
            .and_then(|audience| planner().plan(order, appointment, &audience, now()))
            .unwrap_err();
        assert_no_canary("input error", &format!("{error} {error:?}"));
    }
}

#[tokio::test]
async fn no_serialised_or_printed_value_contains_a_token() {
    let mut host = Host::new(company());
    let mut texts = Vec::new();
    for profile in &host.company.profiles {
        texts.push(serde_json::to_string(profile).unwrap());
        texts.push(format!("{profile:?} {:?}", profile.connections[0].credentials));
        texts.push(serde_json::to_string(&profile.connections).unwrap());
    }
    texts.push(format!("{:?}", host.company.directory()));
    let begun = host.begin();
    let plan: &Plan = begun.plan();
    texts.push(serde_json::to_string(plan).unwrap());
    texts.push(format!("{plan:?} {begun:?}"));
    let report = host.syncer.run(begun).await;
    host.company.appointment.record(&report);
    texts.push(serde_json::to_string(&report).unwrap());
    texts.push(format!("{report:?} {:?}", host.syncer));
    texts.push(serde_json::to_string(&host.company.appointment).unwrap());
    for text in texts {
        let tokens = fields_in(&text).into_iter().filter(|field| field.ends_with("_token")).count();
        assert_eq!(tokens, 0, "{text}");
    }
}

#[test]
fn the_debug_output_of_a_profile_contains_no_personal_data() {
    let profile: Profile = company().profile(STAFF).clone();
    let connection: Connection = profile.connections[0].clone();
    assert_no_canary("profile", &format!("{profile:?}"));
    assert_no_canary("connection", &format!("{connection:?}"));
}
