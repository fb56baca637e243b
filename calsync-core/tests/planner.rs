//! Planning: the steps for each desired event and state of its row.
#![cfg(test)]
#![cfg(feature = "sync")]

mod common;

use std::sync::Arc;

use calsync_core::audience::{Audience, Trigger};
use calsync_core::calendar::{Person, Role};
use calsync_core::ledger::{BlockReason, DeliveryState, Hold, PendingWrite, RemoteEvent};
use calsync_core::model::SyncSettings;
use calsync_core::names::{ProviderKind, RemoteId};
use calsync_core::plan::{BeginError, Note};
use common::{
    ADMIN, CUSTOMER, Company, MANAGER, STAFF, actions, as_wanted, at, blocked, cancelled, connection, google,
    key, now, planner, put, set, settled,
};
use insta::assert_snapshot;

/// One line for each step: the action and the generation, and whether the key is that generation's
/// own.
fn steps(company: &Company) -> Vec<String> {
    let plan = company.plan();
    let line = |(action, step): (String, &calsync_core::plan::Step)| {
        let own =
            if step.key() == key(company, CUSTOMER, step.generation.get()) { "" } else { " (another key)" };
        format!("{action} {}{own}", step.generation)
    };
    actions(&plan).into_iter().zip(&plan.steps).map(line).collect()
}

/// The state and generation of the row, and the steps if an event is desired and if none is.
type Line<'a> = (&'a str, Option<(DeliveryState, u32)>, &'a [&'a str], &'a [&'a str]);

#[test]
fn each_state_of_a_row_has_its_step_with_and_without_a_desired_event() {
    let company = Company::of_one();
    let same = as_wanted(&company, CUSTOMER);
    let mut other = same.clone();
    other.fingerprint = None;
    let creating = PendingWrite::new(None);
    let updating = PendingWrite::new(Some(same.clone()));
    let table: [Line<'_>; 8] = [
        ("no row", None, &["create 0"], &[]),
        ("never written", Some((DeliveryState::Absent, 0)), &["create 0"], &[]),
        ("withdrawn once", Some((DeliveryState::Absent, 1)), &["create 1"], &[]),
        ("present, same", Some((DeliveryState::Confirmed(same.clone()), 0)), &[], &["delete 0"]),
        ("present, other", Some((DeliveryState::Confirmed(other), 0)), &["update 0"], &["delete 0"]),
        (
            "create begun",
            Some((DeliveryState::Pending(creating), 0)),
            &["find and write 0"],
            &["find and delete 0"],
        ),
        (
            "update begun",
            Some((DeliveryState::Pending(updating.clone()), 0)),
            &["find and write 0"],
            &["find and delete 0"],
        ),
        (
            "removal begun",
            Some((DeliveryState::Pending(updating.with_removing(true)), 0)),
            &["find and write 0"],
            &["find and delete 0"],
        ),
    ];
    for (what, row, wanted, unwanted) in table {
        let mut company = company.clone();
        if let Some((state, generation)) = row {
            put(&mut company, CUSTOMER, Role::Customer, &state);
            set(&mut company, 0, "generation", generation);
        }
        assert_eq!(steps(&company), wanted, "{what}, wanted");
        assert_eq!(steps(&cancelled(company)), unwanted, "{what}, not wanted");
    }
}

#[test]
fn a_held_row_waits_until_its_time_or_until_it_is_revived() {
    let later = at("2026-01-10T13:00:00Z");
    for (reason, until) in [
        (BlockReason::Reconnect, None),
        (BlockReason::Reconnect, Some(later)),
        (BlockReason::MissingScope, Some(later)),
        (BlockReason::Forbidden, Some(later)),
        (BlockReason::CalendarNotFound, Some(later)),
        (BlockReason::Quota, Some(later)),
        (BlockReason::OtherAccount, Some(later)),
        (BlockReason::NotOurs, Some(later)),
        (BlockReason::Configuration, Some(later)),
        (BlockReason::Unavailable, Some(later)),
    ] {
        let mut company = settled();
        company.order.notes = Some("changed".into());
        set(&mut company, 0, "hold", blocked(reason, until));
        for company in [company.clone(), cancelled(company.clone())] {
            let plan = company.plan();
            assert!(plan.is_empty(), "{reason}: {plan}");
            assert!(matches!(&plan.notes[..], [Note::Held { .. }]), "{reason}: {plan}");
            assert_eq!(company.appointment.ledger.next_attempt_at(now()), until);
            let plan = company.plan_by(&planner(), Trigger::Automatic, later);
            assert_eq!(plan.is_empty(), until.is_none(), "{reason}: {plan}");
        }
        let place = company.place(CUSTOMER);
        let mut another = place.connection_key();
        another.connection = "another".try_into().unwrap();
        assert_eq!(company.appointment.ledger.revive(&another), 0);
        another = place.connection_key();
        another.provider = ProviderKind::OUTLOOK;
        assert_eq!(company.appointment.ledger.revive(&another), 0, "the same ids at another provider");
        assert_eq!(company.appointment.ledger.revive(&place.connection_key()), 1);
        assert_eq!(actions(&company.plan()), ["update"], "{reason}");
    }
}

#[test]
fn a_persons_choice_survives_a_revive() {
    let mut company = settled();
    let connection = company.place(CUSTOMER).connection_key();
    for reason in [BlockReason::RemovedByPerson, BlockReason::Disconnected] {
        set(&mut company, 0, "hold", blocked(reason, None));
        let version = company.appointment.ledger.version();
        assert_eq!(company.appointment.ledger.revive(&connection), 0, "{reason}");
        assert_eq!(company.appointment.ledger.version(), version);
        let asked_back = usize::from(reason == BlockReason::RemovedByPerson);
        assert_eq!(company.appointment.ledger.restore_removed(&connection), asked_back, "{reason}");
    }
}

/// A hold that was set under a clock ten years ahead is void; a hold with an end too far away lasts
/// a week.
#[test]
fn a_hold_ends_even_if_the_clock_was_wrong_when_it_was_set() {
    let far = at("2036-01-10T12:00:00Z");
    let reason = BlockReason::Unavailable;
    for (set_at, ends_at) in [(far, now()), (now(), now() + chrono::Duration::days(7))] {
        let mut company = settled();
        company.order.notes = Some("changed".into());
        company.appointment.start_time += chrono::Duration::days(30);
        company.appointment.end_time += chrono::Duration::days(30);
        let until = Some(far + chrono::Duration::minutes(5));
        set(&mut company, 0, "hold", Hold::Blocked { reason, since: set_at, set_at, until });
        let is_held = |now| company.plan_by(&planner(), Trigger::Automatic, now).is_empty();
        assert!(!is_held(ends_at), "{set_at}");
        assert_eq!(is_held(ends_at - chrono::Duration::seconds(1)), set_at == now());
    }
}

#[test]
fn rejected_content_waits_as_long_as_it_is_desired() {
    let later = at("2026-01-10T13:00:00Z");
    let rejected = |fingerprint, until| Hold::Rejected { fingerprint, set_at: now(), until };
    let mut company = Company::of_one();
    let fingerprint = as_wanted(&company, CUSTOMER).fingerprint;
    put(&mut company, CUSTOMER, Role::Customer, &DeliveryState::Absent);
    set(&mut company, 0, "hold", rejected(fingerprint, Some(later)));
    assert!(company.plan().is_empty());
    assert_eq!(actions(&company.plan_by(&planner(), Trigger::Automatic, later)), ["create"]);
    let mut other = company.clone();
    other.order.notes = Some("something it takes".into());
    assert_eq!(actions(&other.plan()), ["create"]);
    // If the provider calls the refusal final, only other content ends the hold.
    set(&mut company, 0, "hold", rejected(fingerprint, None));
    assert!(company.plan_by(&planner(), Trigger::Automatic, later).is_empty());
    set(&mut other, 0, "hold", rejected(fingerprint, None));
    assert_eq!(actions(&other.plan()), ["create"]);
    // The event written before the rejection is removed when it is no longer desired.
    let event = as_wanted(&other, CUSTOMER);
    common::edit(&mut company, |rows| common::set_state(&mut rows[0], &DeliveryState::Confirmed(event)));
    assert_eq!(actions(&cancelled(company).plan()), ["delete"]);
}

#[test]
fn a_removal_that_was_rejected_waits_and_a_write_does_not() {
    let mut company = settled();
    set(&mut company, 0, "hold", Hold::Rejected { fingerprint: None, set_at: now(), until: None });
    assert!(cancelled(company.clone()).plan().is_empty());
    company.order.notes = Some("changed".into());
    assert_eq!(actions(&company.plan()), ["update"]);
}

#[test]
fn a_due_look_comes_first_in_every_state() {
    let due = at("2026-01-10T13:00:00Z");
    let event = as_wanted(&Company::of_one(), CUSTOMER);
    for (state, wanted, unwanted) in [
        (DeliveryState::Absent, "find and write", "find and delete"),
        (DeliveryState::Confirmed(event.clone()), "find and write", "find and delete"),
        (DeliveryState::Pending(PendingWrite::new(Some(event))), "find and write", "find and delete"),
    ] {
        let mut company = Company::of_one();
        put(&mut company, CUSTOMER, Role::Customer, &state);
        set(&mut company, 0, "look_at", due);
        let is_look = |company: &Company| company.plan().to_string().contains("find");
        let pending = matches!(state, DeliveryState::Pending(_));
        assert_eq!((is_look(&company), is_look(&cancelled(company.clone()))), (pending, pending));
        assert_eq!(company.appointment.ledger.next_attempt_at(now()), Some(due));
        let later = |company: &Company| actions(&company.plan_by(&planner(), Trigger::Automatic, due));
        assert_eq!(later(&company), [wanted]);
        assert_eq!(later(&cancelled(company)), [unwanted]);
    }
}

#[test]
fn thirty_days_after_its_end_an_appointment_is_closed() {
    let mut company = settled();
    company.order.notes = Some("changed".into());
    let of = |company: &Company, now| company.plan_by(&planner(), Trigger::Automatic, now);
    let end = company.appointment.end_time + chrono::Duration::days(30);
    let after = end + chrono::Duration::seconds(1);
    assert_eq!(actions(&of(&company, end)), ["update"]);
    assert!(of(&company, after).is_empty());
    assert_eq!(actions(&of(&cancelled(company.clone()), after)), ["delete"], "a host may still delete");
    // An event of unknown outcome is noted, and no longer looked for.
    common::edit(&mut company, |rows| {
        common::set_state(&mut rows[0], &DeliveryState::Pending(PendingWrite::new(None)));
    });
    let plan = of(&company, after);
    assert!(plan.is_empty() && matches!(&plan.notes[..], [Note::Closed { .. }]), "{plan}");
}

#[test]
fn events_of_people_who_sync_by_hand_are_left_as_they_are() {
    let mut company = settled();
    company.profile(CUSTOMER).calendar_sync_settings = SyncSettings::default().with_auto_sync(false);
    company.order.notes = Some("changed".into());
    for company in [company.clone(), cancelled(company.clone())] {
        let plan = company.plan();
        assert!(plan.is_empty() && matches!(&plan.notes[..], [Note::LeftOut { .. }]), "{plan}");
    }
    let by_hand = |company: &Company| actions(&company.plan_by(&planner(), Trigger::Manual, now()));
    assert_eq!(by_hand(&company), ["update"]);
    assert_eq!(by_hand(&cancelled(company)), ["delete"]);
}

#[test]
fn a_plan_narrowed_to_one_person_touches_no_other() {
    let mut company = Company::new();
    let event = as_wanted(&company, STAFF);
    put(&mut company, STAFF, Role::Staff, &DeliveryState::Confirmed(event));
    company.order.notes = Some("changed".into());
    let directory = company.directory();
    let of = |id: i64| {
        let audience = Audience::of(&company.order, &company.appointment, &directory).unwrap();
        let audience = audience.only(Person::Profile(id.into()));
        planner().plan(&company.order, &company.appointment, &audience, now()).unwrap()
    };
    for id in [STAFF, MANAGER, ADMIN, CUSTOMER] {
        let plan = of(id);
        assert_eq!(plan.steps.len(), 1);
        assert_eq!(plan.steps[0].calendar, company.place(id));
    }
}

#[test]
fn the_same_input_gives_the_same_plan() {
    let mut company = Company::new();
    let (present, begun) = (as_wanted(&company, STAFF), as_wanted(&company, MANAGER));
    put(&mut company, STAFF, Role::Staff, &DeliveryState::Confirmed(present));
    put(&mut company, MANAGER, Role::Manager, &DeliveryState::Pending(PendingWrite::new(Some(begun))));
    let plan = company.plan();
    assert_eq!(company.clone().plan(), plan);
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::to_string(&company.plan()).unwrap(), json);
}

#[test]
fn a_plan_prints_what_it_will_do_and_what_not() {
    let mut company = Company::new();
    let staff = as_wanted(&company, STAFF);
    put(&mut company, STAFF, Role::Staff, &DeliveryState::Confirmed(staff));
    put(&mut company, MANAGER, Role::Manager, &DeliveryState::Pending(PendingWrite::new(None)));
    put(&mut company, ADMIN, Role::Admin, &DeliveryState::Absent);
    set(&mut company, 2, "hold", blocked(BlockReason::Quota, Some(at("2026-01-10T13:00:00Z"))));
    put(&mut company, CUSTOMER, Role::Customer, &DeliveryState::Absent);
    set(&mut company, 3, "generation", 2);
    company.profile(CUSTOMER).connections.push(connection("work", ProviderKind::new("Exchange"), ""));
    let mut former = company.place(STAFF);
    former.person = Person::Profile(34.into());
    let event = DeliveryState::Confirmed(RemoteEvent::new(RemoteId::new("former")));
    common::put_at(&mut company, &former, Role::Staff, &event);
    company.admins.push(STAFF);
    assert_snapshot!(company.plan(), @r"
    appointment 10: 3 to do, 1 as it should be
      find, then write for manager in google of profile 31 (connection default)
      create for customer in google of profile 33 (connection default), generation 2
      delete for staff in google of profile 34 (connection default)
      nothing for admin profile 30: already there as staff
      nothing for customer in exchange of profile 33 (connection work): no provider registered
      held for admin in google of profile 32 (connection default): a quota is used up, next attempt at 2026-01-10 13:00:00 UTC
    ");
}

#[test]
fn beginning_marks_the_rows_and_raises_the_revision() {
    let mut company = settled();
    company.order.notes = Some("changed".into());
    let fingerprint = as_wanted(&Company::of_one(), CUSTOMER).fingerprint;
    let hold = Hold::Rejected { fingerprint, set_at: now(), until: None };
    set(&mut company, 0, "hold", hold);
    let before = company.appointment.ledger.deliveries()[0].confirmed().cloned();
    let plan = company.plan();
    let account = plan.steps[0].calendar.account.clone();
    let revision = plan.revision();
    let begun = plan.begin(&mut company.appointment).unwrap();
    assert_eq!((begun.plan().steps.len(), begun.held().len()), (1, 0));
    let ledger = &company.appointment.ledger;
    assert_eq!((ledger.revision(), revision, ledger.version()), (1, 1, 1));
    let row = &ledger.deliveries()[0];
    assert_eq!(row.state(), &DeliveryState::Pending(PendingWrite::new(before).with_account(account)));
    assert_eq!((row.hold(), row.revision(), row.changed_at()), (None, 1, now()));
    assert!(ledger.event_ids().is_empty(), "a pending event does not count as synced");
}

#[test]
fn a_plan_that_cannot_be_begun_changes_nothing() {
    let company = Company::of_one();
    let plan = company.plan();
    let mut other = company.appointment.clone();
    other.id = 11.into();
    let mut moved_on = company.appointment.clone();
    let _ = plan.clone().begin(&mut moved_on).unwrap();
    for (mut appointment, error) in [
        (other, BeginError::OtherAppointment { planned: 10.into(), given: 11.into() }),
        (moved_on, BeginError::OutOfDate { planned: 0, ledger: 1 }),
    ] {
        let before = appointment.clone();
        assert_eq!(plan.clone().begin(&mut appointment).unwrap_err(), error);
        assert_eq!(appointment, before);
    }
}

#[test]
fn an_empty_plan_leaves_nothing_to_save() {
    let mut company = settled();
    let before = company.appointment.clone();
    let plan = company.plan();
    assert!(plan.is_empty());
    assert!(plan.begin(&mut company.appointment).unwrap().is_empty());
    assert_eq!(company.appointment, before);
}

#[test]
fn a_ledger_of_another_namespace_is_not_planned_from() {
    let company = settled();
    let other = calsync_core::plan::Planner::new("another-shop");
    let directory = company.directory();
    let audience = Audience::of(&company.order, &company.appointment, &directory).unwrap();
    let error = other.plan(&company.order, &company.appointment, &audience, now()).unwrap_err();
    assert_eq!((error.record.as_str(), &*error.field), ("appointment 10", "calendar_ledger"));
}

#[test]
fn a_text_is_in_memory_once_for_all_calendars_that_show_it() {
    let mut company = Company::new();
    company.profile(CUSTOMER).connections.push(google("second", "family", "account-33"));
    let plan = company.plan();
    let event = |role: Role, nth: usize| {
        let step = plan.steps.iter().filter(|step| step.role == role).nth(nth).unwrap();
        step.content().unwrap().event.clone()
    };
    assert!(Arc::ptr_eq(&event(Role::Customer, 0), &event(Role::Customer, 1)));
    assert!(Arc::ptr_eq(&event(Role::Manager, 0), &event(Role::Admin, 0)));
    assert!(Arc::ptr_eq(&event(Role::Staff, 0).location, &event(Role::Customer, 0).location));
}
