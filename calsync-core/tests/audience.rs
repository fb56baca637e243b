//! Which people get an event for an appointment, in which role; and why others do not.
#![cfg(test)]
#![cfg(feature = "sync")]

mod common;

use calsync_core::audience::{Audience, Reason, Trigger};
use calsync_core::calendar::{Person, Role};
use calsync_core::id::ProfileId;
use calsync_core::model::{ManagerRef, Profile, Stated, SyncDirection, SyncSettings};
use common::{ADMIN, CUSTOMER, Company, MANAGER, STAFF, google};

/// Changes a record.
type Spoil<T> = fn(&mut T);

/// Returns one line for each member: `staff profile 30: takes part`.
fn lines(company: &Company, trigger: Trigger) -> Vec<String> {
    let directory = company.directory();
    let audience = Audience::triggered(trigger, &company.order, &company.appointment, &directory).unwrap();
    let line = |member: &calsync_core::audience::Member<'_>| {
        let person = member.person.as_ref().map_or("unknown".to_owned(), Person::to_string);
        let why = member.left_out.as_ref().map_or("takes part".to_owned(), Reason::to_string);
        format!("{} {person}: {why}", member.role)
    };
    audience.members.iter().map(line).collect()
}

fn automatic(company: &Company) -> Vec<String> {
    lines(company, Trigger::Automatic)
}

fn error_of(company: &Company) -> String {
    let directory = company.directory();
    Audience::of(&company.order, &company.appointment, &directory).unwrap_err().to_string()
}

fn settings(json: &str) -> SyncSettings {
    serde_json::from_str(json).unwrap()
}

#[test]
fn each_of_the_four_roles_takes_part_once() {
    let all = [
        "staff profile 30: takes part",
        "manager profile 31: takes part",
        "admin profile 32: takes part",
        "customer profile 33: takes part",
    ];
    assert_eq!(automatic(&Company::new()), all);
}

#[test]
fn each_member_without_an_event_has_a_reason() {
    let cases: [(&str, bool, Spoil<Profile>); 9] = [
        ("calendar sync is off", false, |profile| profile.calendar_sync_enabled = Some(false)),
        ("no calendar is connected", false, |profile| profile.connections.clear()),
        ("the calendar is only read", false, |profile| {
            profile.calendar_sync_settings = SyncSettings::default().with_direction(&SyncDirection::Inbound);
        }),
        ("the sync direction is unknown; events are not changed", true, |profile| {
            profile.calendar_sync_settings = settings(r#"{"sync_direction": "sideways"}"#);
        }),
        ("automatic sync is off; events are not changed", true, |profile| {
            profile.calendar_sync_settings = SyncSettings::default().with_auto_sync(false);
        }),
        ("takes part", false, |profile| {
            profile.calendar_sync_settings = settings(r#"{"sync_direction": "both", "colour": 3}"#);
        }),
        ("takes part", false, |profile| {
            profile.calendar_sync_settings = settings(r#"{"auto_sync": null, "sync_direction": null}"#);
        }),
        // If the sync is off, existing events are removed, whatever the other settings are.
        ("calendar sync is off", false, |profile| {
            profile.calendar_sync_enabled = Some(false);
            profile.calendar_sync_settings = SyncSettings::default().with_auto_sync(false);
        }),
        ("the calendar is only read", false, |profile| {
            profile.calendar_sync_settings = settings(r#"{"sync_direction": "inbound", "auto_sync": false}"#);
        }),
    ];
    for (why, stays, spoil) in cases {
        for id in [STAFF, MANAGER, ADMIN, CUSTOMER] {
            let mut company = Company::new();
            spoil(company.profile(id));
            let lines = automatic(&company);
            let of_id = lines.iter().find(|line| line.contains(&format!("profile {id}:"))).unwrap();
            assert!(of_id.ends_with(why), "{of_id} should end with {why}");
            assert_eq!(
                lines.iter().filter(|line| line.ends_with("takes part")).count(),
                3 + usize::from(why == "takes part")
            );
            let directory = company.directory();
            let audience = Audience::of(&company.order, &company.appointment, &directory).unwrap();
            let person = Some(Person::Profile(id.into()));
            let member = audience.members.iter().find(|member| member.person == person).unwrap();
            assert_eq!(member.left_out.as_ref().is_some_and(Reason::is_unchanged), stays, "{why}");
        }
    }
}

#[test]
fn a_manual_trigger_overrides_auto_sync_and_nothing_else() {
    let mut company = Company::new();
    company.profile(STAFF).calendar_sync_settings = SyncSettings::default().with_auto_sync(false);
    company.profile(MANAGER).calendar_sync_enabled = Some(false);
    company.profile(ADMIN).calendar_sync_settings = settings(r#"{"sync_direction": "inbound"}"#);
    company.profile(CUSTOMER).calendar_sync_settings = settings(r#"{"sync_direction": "sideways"}"#);
    assert_eq!(
        lines(&company, Trigger::Manual),
        [
            "staff profile 30: takes part",
            "manager profile 31: calendar sync is off",
            "admin profile 32: the calendar is only read",
            "customer profile 33: the sync direction is unknown; events are not changed",
        ]
    );
}

#[test]
fn one_person_in_several_roles_has_the_first_of_staff_manager_admin_customer() {
    // The roles of one person, and the role of their event.
    let cases: [(&[Role], Role); 7] = [
        (&[Role::Staff, Role::Manager], Role::Staff),
        (&[Role::Staff, Role::Admin], Role::Staff),
        (&[Role::Staff, Role::Customer], Role::Staff),
        (&[Role::Manager, Role::Admin], Role::Manager),
        (&[Role::Manager, Role::Customer], Role::Manager),
        (&[Role::Admin, Role::Customer], Role::Admin),
        (&[Role::Staff, Role::Manager, Role::Admin, Role::Customer], Role::Staff),
    ];
    for (roles, first) in cases {
        let mut company = Company::new();
        company.profiles.push(Profile::new(77).with_connection(google("default", "primary", "account-77")));
        for role in roles {
            let id: Option<ProfileId> = Some(77.into());
            match role {
                Role::Staff => company.staff.profile_id = id,
                Role::Manager => company.manager.profile_id = id,
                Role::Admin => company.admins = vec![77],
                _ => company.customer.profile_id = id,
            }
        }
        let plan = company.plan();
        let person = Person::Profile(77.into());
        let theirs: Vec<_> = plan.steps.iter().filter(|step| step.calendar.person == person).collect();
        assert_eq!(theirs.len(), 1, "{roles:?}: {plan}");
        assert_eq!(theirs[0].role, first, "{roles:?}");
        let already = automatic(&company)
            .iter()
            .filter(|line| line.contains(&format!("already there as {first}")))
            .count();
        assert_eq!(already, roles.len() - 1, "{roles:?}");
    }
}

#[test]
fn a_person_whose_first_role_gets_no_event_gets_none_through_another_role() {
    let mut company = Company::new();
    company.customer.profile_id = Some(STAFF.into());
    company.profile(STAFF).calendar_sync_enabled = Some(false);
    let lines = automatic(&company);
    assert_eq!(
        (&*lines[0], &*lines[3]),
        ("staff profile 30: calendar sync is off", "customer profile 30: already there as staff")
    );
}

#[test]
fn a_manager_who_does_the_work_is_staff() {
    let mut company = Company::new();
    company.appointment.staff_id = Stated::Is(4.into());
    company.manager.manager_id = Stated::Is(ManagerRef::Staff(4.into()));
    let lines = automatic(&company);
    assert_eq!(lines[..2], ["staff profile 31: takes part", "manager profile 31: already there as staff"]);
}

#[test]
fn a_manager_may_be_named_by_profile_or_have_no_account() {
    let mut company = Company::new();
    company.staff.manager_id = Stated::Is(ManagerRef::Profile(MANAGER.into()));
    assert_eq!(automatic(&company)[1], "manager profile 31: takes part");
    company.staff.manager_id = Stated::Is(ManagerRef::Staff(4.into()));
    company.manager.profile_id = None;
    assert_eq!(automatic(&company).len(), 3);
}

#[test]
fn an_admin_who_opts_out_is_left_out_but_may_be_the_customer() {
    let mut company = Company::new();
    let opted_out = SyncSettings::default().with_sync_all_appointments(false);
    company.profile(ADMIN).calendar_sync_settings = opted_out;
    assert_eq!(automatic(&company)[2], "admin profile 32: does not follow every appointment");
    company.customer.profile_id = Some(ADMIN.into());
    assert_eq!(
        automatic(&company)[2..],
        ["admin profile 32: does not follow every appointment", "customer profile 32: takes part",]
    );
    assert_eq!(company.plan().steps.iter().filter(|step| step.role == Role::Customer).count(), 1);
}

#[test]
fn an_admin_listed_twice_has_one_event() {
    let mut company = Company::new();
    company.admins = vec![ADMIN, ADMIN];
    assert_eq!(company.plan().steps.len(), 4);
}

#[test]
fn a_guest_is_invited_by_mail_if_the_address_is_valid() {
    for (address, line) in [
        (Some("gus@example.org"), "customer guest: takes part"),
        (Some("  gus@example.org "), "customer guest: takes part"),
        (Some("güs@münchen.example"), "customer guest: takes part"),
        (Some(""), "customer unknown: no account and no e-mail address"),
        (Some("  "), "customer unknown: no account and no e-mail address"),
        (None, "customer unknown: no account and no e-mail address"),
        (Some("gus"), "customer guest: the e-mail address is not valid; events are not changed"),
        (Some("gus@"), "customer guest: the e-mail address is not valid; events are not changed"),
        (Some("@example.org"), "customer guest: the e-mail address is not valid; events are not changed"),
        (
            Some("gus@example.org, eve@example.org"),
            "customer guest: the e-mail address is not valid; events are not changed",
        ),
        (
            Some("Gus <gus@example.org>"),
            "customer guest: the e-mail address is not valid; events are not changed",
        ),
        (
            Some("gus@example.org\r\nBcc: eve@example.org"),
            "customer guest: the e-mail address is not valid; events are not changed",
        ),
    ] {
        let mut company = Company::of_guest();
        company.order.guest_email = address.map(str::to_owned);
        assert_eq!(automatic(&company)[3], line, "{address:?}");
    }
}

#[test]
fn a_customer_without_an_account_is_invited_at_their_own_address_first() {
    let mut company = Company::new();
    company.customer.profile_id = None;
    company.order.guest_email = Some("other@example.org".into());
    let address_of = |company: &Company| {
        let plan = company.plan();
        let step = plan.steps.iter().find(|step| step.calendar.person == Person::Guest);
        step.map(|step| step.calendar.calendar.as_str().to_owned())
    };
    assert_eq!(address_of(&company).as_deref(), Some("cara@example.org"));
    company.customer.email = None;
    assert_eq!(address_of(&company).as_deref(), Some("other@example.org"));
}

#[test]
fn a_guest_with_the_address_of_somebody_who_takes_part_gets_no_second_event() {
    let mut company = Company::of_guest();
    company.profile(STAFF).email = Some(" GUS@example.org".into());
    assert_eq!(automatic(&company)[3], "customer guest: already there as staff");
    // If that person gets no event, the guest is invited.
    company.profile(STAFF).calendar_sync_enabled = Some(false);
    assert_eq!(automatic(&company)[3], "customer guest: takes part");
}

#[test]
fn a_reference_to_a_missing_record_is_an_error_that_names_it() {
    let cases: [(&str, Spoil<Company>); 8] = [
        ("appointment 10: service_id: there is no service 99", |company| {
            company.appointment.service_id = 99.into()
        }),
        ("appointment 10: staff_id: there is no staff 99", |company| {
            company.appointment.staff_id = Stated::Is(99.into());
        }),
        ("appointment 10: order_id: there is no appointment of order 1", |company| {
            company.appointment.order_id = Some(2.into());
        }),
        ("order 1: customer_id: there is no customer 99", |company| {
            company.order.customer_id = Some(99.into())
        }),
        ("staff 3: profile_id: there is no profile 99", |company| company.staff.profile_id = Some(99.into())),
        ("staff 3: manager_id: there is no staff 99", |company| {
            company.staff.manager_id = Stated::Is(ManagerRef::Staff(99.into()))
        }),
        ("staff 4: profile_id: there is no profile 99", |company| {
            company.manager.profile_id = Some(99.into())
        }),
        ("customer 7: profile_id: there is no profile 99", |company| {
            company.customer.profile_id = Some(99.into());
        }),
    ];
    for (message, spoil) in cases {
        let mut company = Company::new();
        spoil(&mut company);
        assert_eq!(error_of(&company), message);
    }
}

#[test]
fn records_with_the_same_id_are_left_out_and_only_references_to_them_fail() {
    let twice = [Profile::new(1), Profile::new(2), Profile::new(1), Profile::new(1)];
    let directory = calsync_core::model::Directory::new().with_profiles(twice);
    let rejected: Vec<_> = directory.rejected().iter().map(ToString::to_string).collect();
    assert_eq!(rejected, ["profile 1: id: is used twice"]);
    assert!(directory.profile(&1.into()).is_none() && directory.profile(&2.into()).is_some());

    let mut company = Company::new();
    company.profiles.push(Profile::new(CUSTOMER));
    assert_eq!(error_of(&company), "customer 7: profile_id: there is no profile 33");
    let mut company = Company::new();
    company.profiles.push(Profile::new(ADMIN));
    assert_eq!(
        automatic(&company)[2],
        "admin profile 32: the record is missing; existing events are kept",
        "a missing admin is not an error of the appointment"
    );
}
