//! A column that is null or missing is not one that says no: the table of what stays and what is made, column by column.
#![cfg(test)]
#![cfg(feature = "sync")]

mod common;

use calsync_core::audience::{Audience, Reason};
use calsync_core::calendar::Role;
use calsync_core::event::When;
use calsync_core::memory::MemoryCalendar;
use calsync_core::model::{
    Appointment, Customer, Directory, Loaded, Order, Profile, Service, Staff, load_each,
};
use calsync_core::names::ProviderKind;
use calsync_core::plan::{Note, Plan};
use calsync_core::sync::Syncer;
use calsync_core::testing::TestClock;
use calsync_core::time::Zone;
use common::{ADMIN, CUSTOMER, MANAGER, NAMESPACE, STAFF, at};
use serde_json::{Value, json};

/// A company as its database has it, and one calendar a person.
#[derive(Clone)]
struct Rows {
    order: Value,
    appointment: Value,
    staff: Value,
    customers: Value,
    profiles: Value,
    admins: Option<Vec<i64>>,
}

impl Rows {
    fn new() -> Self {
        let profiles = [STAFF, MANAGER, ADMIN, CUSTOMER].map(|id| {
            json!({"id": id, "calendar_sync_enabled": true, "calendar_provider": "google",
                "calendar_calendar_id": "work", "calendar_account": format!("account-{id}")})
        });
        Self {
            order: json!({"id": 1, "order_number": "A-1001", "status": "confirmed", "customer_id": 7,
                "guest_email": "cara@example.org", "items": [{"id": 1, "service_id": 5, "staff_id": 3}]}),
            appointment: json!({"id": 10, "order_id": 1, "order_item_id": 1, "staff_id": 3, "service_id": 5,
                "status": "confirmed", "start_time": "2026-01-20T09:00:00Z", "end_time": "2026-01-20T10:30:00Z"}),
            staff: json!([{"id": 3, "name": "Ben", "profile_id": STAFF, "manager_id": 4},
                {"id": 4, "name": "Mia", "profile_id": MANAGER, "manager_id": null}]),
            customers: json!([{"id": 7, "name": "Cara", "profile_id": CUSTOMER}]),
            profiles: json!(profiles),
            admins: Some(vec![ADMIN]),
        }
    }

    /// Every row of a table with that column set, or without it where there is no value.
    fn set(&mut self, table: &str, column: &str, value: Option<&Value>) {
        let rows = match table {
            "order" => std::slice::from_mut(&mut self.order),
            "appointment" => std::slice::from_mut(&mut self.appointment),
            "staff" => self.staff.as_array_mut().unwrap(),
            "customer" => self.customers.as_array_mut().unwrap(),
            "profile" => self.profiles.as_array_mut().unwrap(),
            other => panic!("{other}"),
        };
        for row in rows.iter_mut().filter(|row| column != "manager_id" || row["id"] == 3) {
            match value {
                Some(value) => row[column] = value.clone(),
                None => drop(row.as_object_mut().unwrap().remove(column)),
            }
        }
    }

    fn directory(&self) -> Directory {
        let directory = Directory::new()
            .with_services([Service::new(5, "Deep clean", 90)])
            .with_staff(load::<Staff>(&self.staff))
            .with_customers(load::<Customer>(&self.customers))
            .with_profiles(load::<Profile>(&self.profiles));
        match &self.admins {
            Some(admins) => directory.with_admins(admins.iter().map(|id| (*id).into())),
            None => directory,
        }
    }
}

fn load<T: calsync_core::model::Record>(rows: &Value) -> Vec<T> {
    let Loaded { records, rejected, .. } = load_each(&rows.to_string()).unwrap();
    assert!(rejected.is_empty(), "{rejected:?}");
    records
}

/// A host with these rows, its ledger, and everybody's calendars.
struct Host {
    rows: Rows,
    ledger: Value,
    calendar: MemoryCalendar,
    syncer: Syncer,
}

impl Host {
    fn new(rows: Rows) -> Self {
        let calendar = MemoryCalendar::new().with_kind(ProviderKind::GOOGLE);
        let mail = MemoryCalendar::new().with_kind(ProviderKind::INVITATION);
        let syncer = Syncer::builder(NAMESPACE)
            .provider(calendar.clone())
            .provider(mail)
            .clock(TestClock::at(common::now()))
            .build();
        Self { rows, ledger: Value::Null, calendar, syncer }
    }

    /// Everybody has their event.
    async fn settled() -> Self {
        let mut host = Self::new(Rows::new());
        host.sync().await;
        assert_eq!(host.events(), 4);
        host
    }

    async fn sync(&mut self) -> Plan {
        let order: Order = serde_json::from_value(self.rows.order.clone()).unwrap();
        let mut row = self.rows.appointment.clone();
        row["calendar_ledger"] = self.ledger.clone();
        let mut appointment: Appointment = serde_json::from_value(row).unwrap();
        order.carry_items(&mut appointment);
        let directory = self.rows.directory();
        let audience = Audience::of(&order, &appointment, &directory).unwrap();
        let plan = self.syncer.plan(&order, &appointment, &audience).unwrap();
        let begun = plan.clone().begin(&mut appointment).unwrap();
        appointment.record(&self.syncer.run(begun).await);
        self.ledger = serde_json::to_value(&appointment.ledger).unwrap();
        plan
    }

    /// How many events are in calendars of people with an account.
    fn events(&self) -> usize {
        self.calendar.events().len()
    }

    async fn moves(&mut self) {
        self.rows.appointment["start_time"] = json!("2026-01-21T09:00:00Z");
        self.rows.appointment["end_time"] = json!("2026-01-21T10:30:00Z");
        self.sync().await;
        for event in self.calendar.events() {
            let When::Timed { start, .. } = event.event.when else { panic!("{event:?}") };
            assert_eq!(start, at("2026-01-21T09:00:00Z"), "{:?}", event.place);
        }
    }

    async fn cancels(&mut self) {
        self.rows.appointment["status"] = json!("cancelled");
        self.sync().await;
    }
}

/// The table: a table's column and its value (`None`: the column is missing); of four events how many are left; where there
/// are none, how many are made.
fn table() -> Vec<(&'static str, &'static str, Option<Value>, usize, usize)> {
    let mut table = Vec::new();
    let mut column = |of: &'static str, column: &'static str, values: &[(Option<Value>, usize, usize)]| {
        table.extend(values.iter().map(|(value, left, made)| (of, column, value.clone(), *left, *made)));
    };
    let null = || Some(Value::Null);
    column(
        "profile",
        "calendar_sync_enabled",
        &[(None, 4, 0), (null(), 4, 0), (Some(json!(false)), 0, 0), (Some(json!(true)), 4, 4)],
    );
    column(
        "profile",
        "calendar_provider",
        &[
            (None, 4, 0),
            (null(), 4, 0),
            (Some(json!("")), 4, 0),
            (Some(json!("none")), 0, 0),
            (Some(json!("google")), 4, 4),
        ],
    );
    column(
        "profile",
        "calendar_calendar_id",
        &[(None, 4, 4), (null(), 4, 4), (Some(json!("")), 4, 4), (Some(json!("work")), 4, 4)],
    );
    column("profile", "connections", &[(None, 4, 4), (null(), 4, 4), (Some(json!([])), 4, 4)]);
    // Without an account a customer is a guest, who is invited by mail: no event in these calendars.
    column("staff", "profile_id", &[(None, 4, 2), (null(), 4, 2)]);
    column("customer", "profile_id", &[(None, 4, 3), (null(), 4, 3), (Some(json!(CUSTOMER)), 4, 4)]);
    column("order", "customer_id", &[(None, 4, 3), (null(), 4, 3), (Some(json!(7)), 4, 4)]);
    column("staff", "manager_id", &[(None, 4, 3), (null(), 3, 3), (Some(json!(4)), 4, 4)]);
    column("appointment", "staff_id", &[(None, 4, 2), (null(), 2, 2), (Some(json!(3)), 4, 4)]);
    column("order", "items", &[(None, 4, 4), (null(), 4, 4), (Some(json!([])), 0, 0)]);
    table
}

#[tokio::test]
async fn what_is_not_said_withdraws_nothing_and_makes_nothing() {
    for (of, column, value, left, made) in table() {
        let case = format!("{of}.{column} {}", value.as_ref().map_or("missing".into(), Value::to_string));
        let mut host = Host::settled().await;
        host.rows.set(of, column, value.as_ref());
        let plan = host.sync().await;
        assert_eq!(host.events(), left, "{case}: of four events\n{plan}");
        let removed = plan.steps.iter().filter(|step| step.content().is_none()).count();
        assert_eq!(removed, 4 - left, "{case}\n{plan}");
        assert_eq!(plan.is_empty(), left == 4, "{case}: what stays is not written again\n{plan}");
        assert!(host.sync().await.is_empty(), "{case}: a second run is silent");
        host.moves().await;
        assert_eq!(host.events(), left, "{case}: a move reaches what stayed");
        host.cancels().await;
        assert_eq!(host.events(), 0, "{case}: a cancelled appointment is on no calendar");

        let mut host = Host::new(Rows::new());
        host.rows.set(of, column, value.as_ref());
        let plan = host.sync().await;
        assert_eq!(host.events(), made, "{case}: of none\n{plan}");
    }
}

#[tokio::test]
async fn what_is_kept_is_said_with_the_column() {
    for (of, column, notes) in [
        ("profile", "calendar_sync_enabled", 4),
        ("profile", "calendar_provider", 4),
        ("staff", "profile_id", 2),
        ("customer", "profile_id", 1),
        ("order", "customer_id", 1),
        ("staff", "manager_id", 1),
        ("appointment", "staff_id", 1),
    ] {
        let mut host = Host::settled().await;
        host.rows.set(of, column, None);
        let plan = host.sync().await;
        let is_said = |note: &&Note| matches!(note, Note::LeftOut { reason: Reason::NotStated(it), .. } if it.to_string() == column);
        assert_eq!(plan.notes.iter().filter(is_said).count(), notes, "{column}: {plan}");
    }
}

#[tokio::test]
async fn a_calendar_that_is_not_said_moves_no_event_and_a_new_one_goes_where_the_others_were() {
    let calendars = |host: &Host| -> Vec<String> {
        host.calendar.events().iter().map(|event| event.place.calendar.as_str().to_owned()).collect()
    };
    let mut host = Host::settled().await;
    host.rows.set("profile", "calendar_calendar_id", None);
    host.sync().await;
    assert_eq!(calendars(&host), ["work"; 4]);
    // Withdrawn and made again: where it was.
    host.rows.set("profile", "calendar_sync_enabled", Some(&json!(false)));
    host.sync().await;
    assert_eq!(host.events(), 0);
    host.rows.set("profile", "calendar_sync_enabled", Some(&json!(true)));
    host.sync().await;
    assert_eq!(calendars(&host), ["work"; 4]);
    // Said again: moved.
    host.rows.set("profile", "calendar_calendar_id", Some(&json!("home")));
    host.sync().await;
    assert_eq!(calendars(&host), ["home"; 4]);

    let mut host = Host::new(Rows::new());
    host.rows.set("profile", "calendar_calendar_id", None);
    host.sync().await;
    assert_eq!(calendars(&host), ["primary"; 4]);
}

#[tokio::test]
async fn the_list_of_connections_and_the_flat_columns_speak_each_for_their_own() {
    let second =
        json!([{"id": "second", "provider": "google", "calendar_id": "family", "account": "family"}]);
    // The two columns, and how many of each person's two events stay.
    for (provider, connections, left) in [
        (Some(json!("google")), Some(second.clone()), 8),
        (Some(json!("google")), None, 8),
        (Some(json!("google")), Some(Value::Null), 8),
        (Some(json!("google")), Some(json!([])), 4),
        (Some(json!("none")), Some(second.clone()), 4),
        (Some(json!("none")), None, 4),
        (Some(json!("none")), Some(json!([])), 0),
        (None, Some(second.clone()), 4),
        (None, Some(json!([])), 0),
        (None, None, 8),
        (Some(Value::Null), Some(Value::Null), 8),
    ] {
        let mut host = Host::new(Rows::new());
        host.rows.set("profile", "connections", Some(&second));
        host.sync().await;
        assert_eq!(host.events(), 8);
        host.rows.set("profile", "calendar_provider", provider.as_ref());
        host.rows.set("profile", "connections", connections.as_ref());
        let plan = host.sync().await;
        assert_eq!(host.events(), left, "{provider:?} {connections:?}\n{plan}");
        host.moves().await;
        assert_eq!(host.events(), left, "{provider:?} {connections:?}");
        for profile in load::<Profile>(&host.rows.profiles) {
            let row = serde_json::to_value(&profile).unwrap();
            let again: Profile = serde_json::from_value(row.clone()).unwrap();
            assert_eq!(serde_json::to_value(&again).unwrap(), row);
            assert_eq!(again.connections_stated, profile.connections_stated, "as much is said as before");
            assert_eq!(again.connections.len(), profile.connections.len());
        }
        host.cancels().await;
        assert_eq!(host.events(), 0);
    }
}

#[tokio::test]
async fn who_the_admins_are_is_said_or_not() {
    for (admins, left, made) in [(None, 4, 3), (Some(vec![]), 3, 3), (Some(vec![ADMIN]), 4, 4)] {
        let mut host = Host::settled().await;
        host.rows.admins.clone_from(&admins);
        host.sync().await;
        assert_eq!(host.events(), left, "{admins:?}");
        let mut host = Host::new(Rows { admins, ..Rows::new() });
        host.sync().await;
        assert_eq!(host.events(), made);
    }
}

#[tokio::test]
async fn nobody_becomes_a_guest_while_a_profile_has_the_customers_event() {
    for (of, column) in [("customer", "profile_id"), ("order", "customer_id")] {
        let mut host = Host::settled().await;
        host.rows.set("profile", "calendar_sync_enabled", Some(&json!(false)));
        host.sync().await;
        assert_eq!(host.events(), 0);
        // Who wants no events is not sent mails instead, since a column is lost.
        host.rows.set(of, column, None);
        let plan = host.sync().await;
        assert!(plan.is_empty(), "{column}: {plan}");
    }
    // A customer who never had an account is invited.
    let mut host = Host::new(Rows::new());
    host.rows.set("customer", "profile_id", None);
    let plan = host.sync().await;
    assert!(plan.steps.iter().any(|step| step.role == Role::Customer), "{plan}");
    // And keeps the invitation when the address is lost.
    host.rows.set("order", "guest_email", None);
    let plan = host.sync().await;
    assert!(plan.steps.iter().all(|step| step.content().is_some()), "{plan}");
    assert!(host.sync().await.is_empty());
    host.rows.appointment["status"] = json!("cancelled");
    assert_eq!(host.sync().await.steps.len(), 4);
}

#[tokio::test]
async fn a_job_that_goes_to_somebody_without_an_account_leaves_the_calendar_of_who_had_it() {
    // Sue has no account, and is not expected to have one. Ben is known, and no longer does it.
    let mut host = Host::settled().await;
    host.rows.staff.as_array_mut().unwrap().push(json!({"id": 6, "name": "Sue", "manager_id": 4}));
    host.rows.appointment["staff_id"] = json!(6);
    host.sync().await;
    let rows: Appointment = serde_json::from_value({
        let mut row = host.rows.appointment.clone();
        row["calendar_ledger"] = host.ledger.clone();
        row
    })
    .unwrap();
    let is_of_staff = rows.ledger.deliveries().iter().any(|row| row.role() == Role::Staff && row.may_exist());
    assert_eq!((host.events(), is_of_staff), (3, false));

    // The same with a customer: the next one is invited, and the one before has no event any more.
    let mut host = Host::settled().await;
    host.rows
        .customers
        .as_array_mut()
        .unwrap()
        .push(json!({"id": 8, "name": "Dora", "email": "dora@example.org"}));
    host.rows.order["customer_id"] = json!(8);
    let plan = host.sync().await;
    assert_eq!((host.events(), plan.steps.len()), (3, 2 + 3), "{plan}");
    assert!(host.sync().await.is_empty());
}

#[tokio::test]
async fn a_cancelled_appointment_needs_no_record_to_be_removed() {
    let mut host = Host::settled().await;
    host.rows.staff = json!([]);
    host.rows.customers = json!([]);
    host.rows.profiles = json!([]);
    host.rows.appointment["service_id"] = json!(99);
    let order: Order = serde_json::from_value(host.rows.order.clone()).unwrap();
    let live: Appointment = serde_json::from_value(host.rows.appointment.clone()).unwrap();
    let directory = host.rows.directory();
    let error = Audience::of(&order, &live, &directory).unwrap_err();
    assert_eq!(
        error.to_string(),
        "appointment 10: service_id: there is no service 99",
        "alive, it is an error"
    );
    host.cancels().await;
    assert_eq!(host.events(), 0);

    // Cancelled by its order, all the same.
    let mut host = Host::settled().await;
    host.rows.staff = json!([]);
    host.rows.order["status"] = json!("cancelled");
    host.sync().await;
    assert_eq!(host.events(), 0);
}

#[tokio::test]
async fn an_item_that_leaves_its_order_takes_its_events_along_and_brings_them_back() {
    let mut host = Host::settled().await;
    let items = host.rows.order["items"].clone();
    host.rows.order["items"] = json!([{"id": 2, "service_id": 5, "staff_id": 3}]);
    host.sync().await;
    assert_eq!(host.events(), 0);
    host.rows.order["items"] = items;
    host.sync().await;
    assert_eq!(host.events(), 4);
}

#[test]
fn one_bad_row_of_six_is_named_and_the_other_five_are_confirmed() {
    let order = |id: i64, service: i64| {
        json!({"id": id, "status": "confirmed", "scheduled_date": "2026-01-20",
            "items": [{"id": id * 10, "service_id": service, "staff_id": 3}]})
    };
    type Spoil = fn(&mut Value);
    let cases: [(&str, Spoil); 8] = [
        ("order 3: scheduled_date: is missing", |orders| orders[2]["scheduled_date"] = Value::Null),
        ("order 3: scheduled_date: the year 9999 is outside 1900 to 2999", |orders| {
            orders[2]["scheduled_date"] = json!("9999-01-01");
        }),
        ("order item 30: staff_id: there is no staff 99", |orders| {
            orders[2]["items"][0]["staff_id"] = json!(99)
        }),
        ("service 6: duration: must be more than zero", |orders| {
            orders[2]["items"][0]["service_id"] = json!(6)
        }),
        ("order 3: status: cannot be read, expected a string", |orders| orders[2]["status"] = Value::Null),
        ("order 3: items[0].service_id: is missing", |orders| {
            orders[2]["items"][0].as_object_mut().unwrap().remove("service_id");
        }),
        ("order in row 3: id: is missing", |orders| drop(orders[2].as_object_mut().unwrap().remove("id"))),
        ("order in row 3: row: cannot be read, expected struct Order", |orders| orders[2] = Value::Null),
    ];
    let services = [Service::new(5, "Deep clean", 90), Service::new(6, "Nothing", 0)];
    let directory = Directory::new().with_services(services).with_staff([Staff::new(3, "Ben")]);
    for (complaint, spoil) in cases {
        let mut rows = json!((1..=6).map(|id| order(id, 5)).collect::<Vec<_>>());
        spoil(&mut rows);
        let Loaded { records, rejected, .. } = load_each::<Order>(&rows.to_string()).unwrap();
        let mut complaints: Vec<_> = rejected.iter().map(ToString::to_string).collect();
        let mut made = Vec::new();
        for mut order in records {
            let confirmed = order.confirm(&directory, &Zone::UTC);
            complaints.extend(confirmed.rejected.iter().map(|rejected| rejected.error.to_string()));
            made.extend(confirmed.made);
        }
        assert_eq!((complaints, made.len()), (vec![complaint.to_owned()], 5));
    }
}

#[tokio::test]
async fn a_staff_member_whose_record_is_gone_holds_up_the_own_appointment_alone() {
    let host = Host::settled().await;
    let order: Order = serde_json::from_value(host.rows.order.clone()).unwrap();
    let of_staff = |staff: i64| -> Appointment {
        let mut row = host.rows.appointment.clone();
        row["staff_id"] = json!(staff);
        serde_json::from_value(row).unwrap()
    };
    let directory = host.rows.directory();
    let error = Audience::of(&order, &of_staff(99), &directory).unwrap_err();
    assert_eq!(error.to_string(), "appointment 10: staff_id: there is no staff 99");
    assert!(Audience::of(&order, &of_staff(3), &directory).is_ok());
}

#[tokio::test]
async fn what_a_persons_own_profile_says_counts_though_their_role_is_not_said() {
    let profile_says = |host: &mut Host, id: i64, column: &str, value: Value| {
        let rows = host.rows.profiles.as_array_mut().unwrap();
        rows.iter_mut().find(|row| row["id"] == id).unwrap()[column] = value;
    };
    for (column, value, left) in [
        ("calendar_sync_enabled", json!(false), 3),
        ("calendar_provider", json!("none"), 3),
        ("calendar_sync_settings", json!({"sync_direction": "inbound"}), 3),
        ("calendar_sync_settings", json!({"auto_sync": false}), 4),
        ("calendar_sync_enabled", Value::Null, 4),
    ] {
        let mut host = Host::settled().await;
        host.rows.set("appointment", "staff_id", None);
        profile_says(&mut host, STAFF, column, value.clone());
        host.sync().await;
        assert_eq!(host.events(), left, "{column} {value}");
    }
}

#[tokio::test]
async fn a_guest_who_signs_up_keeps_the_invitation_until_the_new_profile_says_something() {
    let mut host = Host::new(Rows::new());
    host.rows.set("customer", "profile_id", None);
    host.sync().await;
    host.rows.set("customer", "profile_id", Some(&json!(CUSTOMER)));
    host.rows.set("profile", "calendar_sync_enabled", None);
    assert!(host.sync().await.is_empty());
    host.rows.set("profile", "calendar_sync_enabled", Some(&json!(true)));
    let plan = host.sync().await;
    assert_eq!((plan.steps.len(), host.events()), (2, 4), "{plan}");
}
