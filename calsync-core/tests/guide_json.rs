//! The rows of the guide's database load; wrong rows are errors that name the field.
#![cfg(test)]
#![cfg(feature = "sync")]

mod common;

use std::fmt::Debug;

use calsync_core::model::{
    Appointment, AppointmentStatus, Customer, Directory, ManagerRef, Order, OrderItem, OrderStatus, Profile,
    Service, Staff, Stated, SyncDirection,
};
use calsync_core::names::ProviderKind;
use calsync_core::time::Zone;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn load<T: DeserializeOwned>(row: Value) -> T {
    // Through text, as from a database or a file.
    serde_json::from_str(&row.to_string()).unwrap_or_else(|error| panic!("{error}: {row}"))
}

/// Returns the error of a wrong row.
fn load_error<T: DeserializeOwned + Debug>(row: &Value) -> String {
    serde_json::from_str::<T>(&row.to_string()).unwrap_err().to_string()
}

/// The guide's "Example Database State After Order Confirmation", column by column.
fn the_guides_orders() -> Value {
    json!({
        "id": 1, "order_number": "ORD-2026-001", "status": "confirmed",
        "scheduled_date": "2026-01-20", "scheduled_time": null, "customer_id": 8,
        "address_line1": "1 High St", "city": "Leeds", "postcode": "LS1 1AA", "notes": "",
        "guest_email": null, "guest_phone": "", "total_price": "129.00",
        "items": [
            {"id": 100, "order_id": 1, "service_id": 5, "staff_id": 3, "appointment_id": 10},
            {"id": 101, "order_id": 1, "service_id": 7, "staff_id": 4, "appointment_id": 11},
        ],
    })
}

fn the_guides_appointment(id: i64, staff: i64, service: i64, event: &str) -> Value {
    json!({
        "id": id, "staff_id": staff, "service_id": service, "order_id": 1,
        "start_time": "2026-01-20T09:00:00Z", "end_time": "2026-01-20T10:30:00Z",
        "status": "confirmed", "appointment_type": "order_item",
        "calendar_event_id": {"google": event}, "calendar_synced_to": ["google"],
    })
}

fn the_guides_profile() -> Value {
    json!({
        "id": 10, "user_id": 10, "calendar_sync_enabled": true, "calendar_provider": "google",
        "calendar_access_token": "...", "calendar_refresh_token": "...", "calendar_calendar_id": "primary",
        "calendar_sync_settings": {"auto_sync": true, "sync_direction": "outbound"},
    })
}

#[test]
fn the_guides_database_state_loads_unchanged_and_can_be_planned() {
    let mut order: Order = load(the_guides_orders());
    let appointments = [
        load(the_guides_appointment(10, 3, 5, "abc123")),
        load::<Appointment>(the_guides_appointment(11, 4, 7, "def456")),
    ];
    let profile: Profile = load(the_guides_profile());
    let services = [(5, "Deep clean"), (7, "Windows")].map(|(id, name)| Service::new(id, name, 90));
    let staff: [Staff; 2] =
        [load(json!({"id": 3, "name": "Ben", "profile_id": 10})), load(json!({"id": 4, "name": "Ina"}))];
    let directory = Directory::new().with_services(services).with_staff(staff);
    let directory = directory.with_customers([load::<Customer>(json!({"id": 8, "name": "Cara"}))]);
    let directory = directory.with_profiles([profile]);

    assert_eq!(order.confirm(&directory, &Zone::UTC).made, [], "its items have their appointments");
    let plan = |appointment: &Appointment| {
        let audience = calsync_core::audience::Audience::of(&order, appointment, &directory).unwrap();
        common::planner().plan(&order, appointment, &audience, common::now()).unwrap().to_string()
    };
    insta::assert_snapshot!(appointments.each_ref().map(plan).join("\n"), @r"
    appointment 10: 1 to do
      update for staff in google of profile 10 (connection default), taken over from older code
      nothing for customer: no account and no e-mail address
    appointment 11: nothing to do
      nothing for customer: no account and no e-mail address
      an event of older code in google has no owner here; it stays as it is
    ");
}

#[test]
fn an_event_of_older_code_stays_while_calendar_sync_enabled_is_not_stated() {
    use calsync_core::audience::Audience;
    let mut company = common::Company::new();
    company.admins.clear();
    company.order.customer_id = None;
    company.staff.manager_id = Stated::Empty;
    let steps = |company: &common::Company| {
        let mut row = serde_json::to_value(&company.appointment).unwrap();
        row["calendar_event_id"] = json!({"google": "abc123"});
        row.as_object_mut().unwrap().remove("calendar_ledger");
        let appointment: Appointment = load(row);
        let directory = company.directory();
        let audience = Audience::of(&company.order, &appointment, &directory).unwrap();
        let plan = common::planner().plan(&company.order, &appointment, &audience, common::now()).unwrap();
        common::actions(&plan)
    };
    assert_eq!(steps(&company), ["update"]);
    company.profile(common::STAFF).calendar_sync_enabled = None;
    assert_eq!(steps(&company), Vec::<String>::new());
    company.profile(common::STAFF).calendar_sync_enabled = Some(false);
    assert_eq!(steps(&company), ["delete"]);
    company.profile(common::STAFF).calendar_sync_enabled = None;
    assert_eq!(steps(&common::cancelled(company)), ["delete"]);
}

#[test]
fn an_id_may_be_a_number_in_one_record_and_a_text_in_another() {
    let order: Order = load(json!({"id": "1", "status": "confirmed", "customer_id": "cus_8", "items": [
        {"id": 100, "service_id": "5", "staff_id": "3"}
    ]}));
    let directory = Directory::new().with_services([Service::new(5, "Deep clean", 90)]);
    let directory = directory.with_staff([load::<Staff>(json!({"id": 3, "name": "Ben"}))]);
    assert!(directory.service(&order.items()[0].service_id).is_some());
    assert!(directory.staff(order.items()[0].staff_id.as_ref().unwrap()).is_some());
    let text = serde_json::to_string(&order).unwrap();
    assert!(text.contains(r#""id":"1""#) && text.contains(r#""customer_id":"cus_8""#), "{text}");
}

#[test]
fn null_and_missing_mean_the_same_except_for_the_columns_where_null_is_stated() {
    let bare: Order = load(json!({"id": 1, "status": "pending"}));
    let nulls = json!({"id": 1, "status": "pending", "order_number": "", "customer_id": null, "guest_name": null,
        "guest_email": null, "guest_phone": null, "address_line1": null, "city": null, "postcode": null,
        "notes": null, "scheduled_date": null, "scheduled_time": null, "items": null});
    assert_eq!(load::<Order>(nulls.clone()), bare);
    let mut none_left = nulls;
    none_left["items"] = json!([]);
    assert_eq!(load::<Order>(none_left).items, Some(vec![]), "an empty list is stated");
    let item: OrderItem = load(json!({"id": 1, "service_id": 5, "staff_id": null, "appointment_id": null}));
    assert_eq!(item, OrderItem::new(1, 5));
    let times = json!({"id": 10, "service_id": 5, "status": "confirmed",
        "start_time": "2026-01-20T09:00:00Z", "end_time": "2026-01-20T10:30:00Z"});
    let bare: Appointment = load(times.clone());
    let mut nulls = times;
    for column in ["order_id", "order_item_id", "time_zone", "calendar_event_id", "calendar_ledger"] {
        nulls[column] = Value::Null;
    }
    nulls["calendar_synced_to"] = Value::Null;
    assert_eq!(load::<Appointment>(nulls.clone()), bare);
    assert_eq!(bare.staff_id, Stated::NotStated);
    nulls["staff_id"] = Value::Null;
    let unassigned: Appointment = load(nulls);
    assert_eq!(unassigned.staff_id, Stated::Empty);
    for appointment in [bare, unassigned] {
        let row = serde_json::to_value(&appointment).unwrap();
        assert_eq!(load::<Appointment>(row), appointment, "a missing column stays missing when it is stored");
    }
    let staff: Staff = load(json!({"id": 3, "phone": null, "profile_id": null, "manager_id": null}));
    assert_eq!(staff, Staff::new(3, ""));
    let customer: Customer = load(json!({"id": 8, "email": null, "phone": null, "profile_id": null}));
    assert_eq!(customer, Customer::new(8, ""));
}

#[test]
fn a_manager_is_a_staff_member_or_in_another_column_a_profile() {
    for (row, manager) in [
        (json!({"id": 3}), Stated::NotStated),
        (json!({"id": 3, "manager_id": null}), Stated::Empty),
        (json!({"id": 3, "manager_profile_id": null}), Stated::Empty),
        (json!({"id": 3, "manager_id": 4}), Stated::Is(ManagerRef::Staff(4.into()))),
        (
            json!({"id": 3, "manager_id": 4, "manager_profile_id": 31}),
            Stated::Is(ManagerRef::Staff(4.into())),
        ),
        (
            json!({"id": 3, "manager_id": null, "manager_profile_id": 31}),
            Stated::Is(ManagerRef::Profile(31.into())),
        ),
    ] {
        let staff: Staff = load(row.clone());
        assert_eq!(staff.manager_id, manager, "{row}");
        assert_eq!(load::<Staff>(serde_json::to_value(&staff).unwrap()), staff, "{row}");
    }
    // A missing staff record is an error; a profile with the same id is not used as the manager.
    let mut company = common::Company::new();
    company.staff.manager_id = Stated::Is(ManagerRef::Staff(common::CUSTOMER.into()));
    let directory = company.directory();
    let error = calsync_core::audience::Audience::of(&company.order, &company.appointment, &directory);
    assert_eq!(error.unwrap_err().to_string(), "staff 3: manager_id: there is no staff 33");
}

#[test]
fn times_load_with_any_offset_and_dates_as_the_guide_writes_them() {
    let row = json!({"id": 10, "service_id": 5, "status": "confirmed",
        "start_time": "2026-07-20T09:00:00+01:00", "end_time": "2026-07-20T09:30:00.250Z"});
    let appointment: Appointment = load(row);
    assert_eq!(appointment.start_time, common::at("2026-07-20T08:00:00Z"));
    let order: Order = load(
        json!({"id": 1, "status": "confirmed", "scheduled_date": "2026-01-20", "scheduled_time": "14:30:00"}),
    );
    assert_eq!(order.scheduled_time, chrono::NaiveTime::from_hms_opt(14, 30, 0));
}

#[test]
fn a_row_without_a_required_field_is_an_error_that_names_it() {
    for field in ["id", "status"] {
        let mut row = the_guides_orders();
        row.as_object_mut().unwrap().remove(field);
        assert!(load_error::<Order>(&row).contains(&format!("missing field `{field}`")));
    }
    for field in ["id", "service_id", "start_time", "end_time", "status"] {
        let mut row = the_guides_appointment(10, 3, 5, "abc123");
        row.as_object_mut().unwrap().remove(field);
        assert!(load_error::<Appointment>(&row).contains(&format!("missing field `{field}`")));
    }
    assert!(load_error::<Profile>(&json!({"calendar_sync_enabled": true})).contains("missing field `id`"));
    assert!(
        load_error::<Service>(&json!({"id": 5, "name": "Deep clean"})).contains("missing field `duration`")
    );
}

/// Returns the path of the wrong value, as `serde_path_to_error` reports it.
fn path_of<T: DeserializeOwned + Debug>(row: &Value) -> String {
    let text = row.to_string();
    let mut reader = serde_json::Deserializer::from_str(&text);
    serde_path_to_error::deserialize::<_, T>(&mut reader).unwrap_err().path().to_string()
}

#[test]
fn an_error_names_a_wrong_value_by_its_path() {
    for (path, bad) in [
        ("scheduled_date", json!("20.01.2026")),
        ("scheduled_date", json!("2026-02-30")),
        ("scheduled_time", json!("25:00")),
        ("customer_id", json!(1.5)),
        ("notes", json!(["a"])),
        ("status", json!(3)),
        ("items", json!({})),
    ] {
        let mut row = the_guides_orders();
        row[path] = bad;
        assert_eq!(path_of::<Order>(&row), path);
    }
    let mut row = the_guides_orders();
    row["items"][1]["service_id"] = json!("");
    assert_eq!(path_of::<Order>(&row), "items[1].service_id");

    for (path, bad) in [
        ("start_time", json!("2026-01-20 nine")),
        ("time_zone", json!("Europe/Londn")),
        ("calendar_event_id", json!(["abc"])),
        ("staff_id", json!({})),
    ] {
        let mut row = the_guides_appointment(10, 3, 5, "abc123");
        row[path] = bad;
        assert_eq!(path_of::<Appointment>(&row), path);
    }
    for (path, bad) in [
        ("calendar_sync_enabled", json!("yes")),
        ("calendar_calendar_id", json!("../../x")),
        ("calendar_sync_settings", json!({"auto_sync": "yes"})),
        ("connections[0].calendar_id", json!([{"id": 1, "provider": "google", "calendar_id": "a/../b"}])),
    ] {
        let mut row = the_guides_profile();
        row[path.split('[').next().unwrap()] = bad;
        let found = path_of::<Profile>(&row);
        assert!(found.starts_with(path.split('.').next().unwrap()), "{found} should be {path}");
    }
}

fn round_trip<T: Serialize + DeserializeOwned>(row: &T) -> Value {
    let once = serde_json::to_value(row).unwrap();
    let again: T = load(once.clone());
    assert_eq!(serde_json::to_value(&again).unwrap(), once);
    once
}

#[test]
fn values_that_calsync_does_not_know_survive_a_round_trip() {
    let mut row = the_guides_orders();
    row["status"] = json!("awaiting_parts");
    let order: Order = load(row);
    assert_eq!(order.status, OrderStatus::Other("awaiting_parts".into()));
    assert_eq!(round_trip(&order)["status"], "awaiting_parts");

    let mut row = the_guides_appointment(10, 3, 5, "abc123");
    (row["status"], row["appointment_type"]) = (json!("rescheduled"), json!("site_visit"));
    let appointment: Appointment = load(row);
    assert_eq!(appointment.status, AppointmentStatus::Other("rescheduled".into()));
    let row = round_trip(&appointment);
    assert_eq!((&row["status"], &row["appointment_type"]), (&json!("rescheduled"), &json!("site_visit")));
    assert_eq!(row["calendar_event_id"], json!({"google": "abc123"}));

    let mut row = the_guides_profile();
    row["calendar_provider"] = json!("fastmail");
    row["calendar_sync_settings"] =
        json!({"sync_direction": "sideways", "colour": {"id": 3}, "z": [1, null]});
    let profile: Profile = load(row);
    assert_eq!(profile.connections[0].provider, ProviderKind::new("fastmail"));
    assert_eq!(profile.calendar_sync_settings.direction(), SyncDirection::Other("sideways".into()));
    let row = round_trip(&profile);
    assert_eq!(row["calendar_provider"], "fastmail");
    assert_eq!(
        row["calendar_sync_settings"],
        json!({"sync_direction": "sideways", "colour": {"id": 3}, "z": [1, null]})
    );
}

#[test]
fn a_ledger_has_priority_over_the_guides_columns() {
    let company = common::settled();
    let mut row = serde_json::to_value(&company.appointment).unwrap();
    row["calendar_event_id"] = json!({"outlook": "written by other code"});
    let again: Appointment = load(row);
    assert_eq!(again, company.appointment);
}

#[test]
fn every_state_of_a_row_survives_being_stored() {
    use calsync_core::ledger::{BlockReason, DeliveryState, Hold, PendingWrite};
    let settled = common::settled();
    let event = settled.appointment.ledger.deliveries()[0].confirmed().unwrap().clone();
    let fingerprint = event.fingerprint;
    let removal = PendingWrite::new(Some(event.clone())).with_removing(true);
    let created = PendingWrite::new(None).with_account(Some("anna".into()));
    let failure = common::error(calsync_core::ErrorKind::Forbidden, calsync_core::error::Operation::Update);
    let failure = failure.with_status(403).into_failure();
    for state in [
        DeliveryState::Absent,
        DeliveryState::Confirmed(event),
        DeliveryState::Pending(removal),
        DeliveryState::Pending(created),
    ] {
        for hold in [
            None,
            Some(Hold::Rejected { fingerprint, set_at: common::now(), until: None }),
            Some(Hold::AwaitingHost { since: common::now() }),
            Some(common::blocked(BlockReason::Reconnect, None)),
            Some(common::blocked(BlockReason::Quota, Some(common::now()))),
        ] {
            let mut company = settled.clone();
            common::edit(&mut company, |rows| {
                common::set_state(&mut rows[0], &state);
                rows[0]["hold"] = serde_json::to_value(&hold).unwrap();
                rows[0]["generation"] = json!(3);
                rows[0]["last_error"] = serde_json::to_value(&failure).unwrap();
            });
            let row = &company.appointment.ledger.deliveries()[0];
            assert_eq!((row.state(), row.hold(), row.last_error()), (&state, hold.as_ref(), Some(&failure)));
            let stored = serde_json::to_value(&company.appointment).unwrap();
            assert_eq!(load::<Appointment>(stored), company.appointment);
        }
    }
}
